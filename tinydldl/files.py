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
def replacing(path):
    """A binary file to write that takes the place of `path` only when it is complete.

    Until then it has a name of its own beside `path`, so that several may write one path at once.
    Raises UserError if it cannot be written: a full disk, a folder that must not be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with open(temporary, "xb") as file:  # "x": never through a symbolic link
            yield file
            file.flush()
            os.fsync(file.fileno())
        _replace(temporary, path)
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
            os.replace(temporary, path)
            break
        except PermissionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    with suppress(OSError):  # Windows cannot sync a folder
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
