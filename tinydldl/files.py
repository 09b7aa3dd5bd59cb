"""How files are written: all of one or nothing, whatever happens meanwhile."""

import os
import secrets
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from tinydldl.backend import UserError

PATIENCE = 3.0  # seconds, for a file that another program holds for a moment
PARTIAL = ".*.partial"  # what a killed process may leave


@contextmanager
def replacing(path, durable=True):
    """A binary file to write that takes the place of `path` only when it is complete.

    Until then it has a name of its own beside `path`, so that several may write one path at once.
    `durable`: it outlives a power failure; that takes long, and thousands of files that can be made
    again need it not.
    Raises UserError if it cannot be written: a full disk, a folder that must not be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with open(temporary, "xb") as file:  # "x": never through a symbolic link
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        _replace(temporary, path)
        if durable:
            _sync(path.parent)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _replace(temporary, path):
    """Rename; on Windows only once nobody, such as a spreadsheet or virus scanner, holds `path`."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return os.replace(temporary, path)
        except PermissionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _sync(folder):
    """Make a change of names in a folder last; Windows cannot."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
