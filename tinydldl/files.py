"""How files are written: whole or not at all, and by one process per folder at a time."""

import csv
import errno
import io
import json
import os
import platform
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from io import BufferedReader
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from tinydldl.errors import UserError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

PATIENCE = 3.0  # seconds, while another program holds a file
PARTIAL = ".*.partial"  # left by a killed process


@contextmanager
def open_file(path: str | Path) -> Iterator[BufferedReader]:
    """A file, open for reading. Raises OSError, also for a pipe or device, which may block."""
    waitless = getattr(os, "O_NONBLOCK", 0)
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | waitless)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "a pipe or a device, expected a file", str(path))
        yield file


@contextmanager
def replacing(path: str | Path, durable: bool = True) -> Iterator[IO[bytes]]:
    """A binary file to write, which replaces `path` once it is complete.

    Until then it has a name of its own beside `path`, so that several may write one path at once.
    `durable`: it survives a power failure; this takes long, and thousands of files that can be made
    again do not need it. Raises UserError if it cannot be written, as on a full disk.
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


def _replace(temporary: Path, path: Path) -> None:
    """Rename; on Windows once no other program, such as a spreadsheet, holds `path`."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return os.replace(temporary, path)
        except PermissionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _sync(folder: Path) -> None:
    """Make changed names in a folder durable; Windows cannot."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def check_folder(folder: Path, photos: Iterable = (), instead: str = "give another --out") -> None:
    """Raise UserError if no file can be written into a folder, which need not exist yet.

    Also if one of `photos`, the paths of a data set, is in it: the set might not load again.
    `instead`: what to do about it. The test is a file without a name, not the folder's rights.
    """
    try:
        there = next((p for p in (folder, *folder.parents) if p.exists()), Path(folder.anchor))
        if not there.is_dir():
            what = "is a file, expected a folder" if there.exists() else "is not there"
            raise UserError(f"{there}: {what}; {instead}")
        TemporaryFile(dir=there).close()
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); {instead}") from None
    if folder.resolve() in {path.resolve() for path in {photo.parent for photo in photos}}:
        raise UserError(f"{folder}: holds photos of the data set; {instead}")


@contextmanager
def new_path(folder: Path, name: str) -> Iterator[Path]:
    """The path of a new file in a folder, made if need be: `name`, or name-2, name-3, ... if taken.

    The name is reserved at once, so that nothing is overwritten, whoever else writes there, and
    freed if this block fails. Raises UserError if the folder cannot be written.
    """
    stem, ending = os.path.splitext(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = folder / (f"{stem}-{number}{ending}" if number > 1 else name)
            with suppress(FileExistsError):
                path.touch(exist_ok=False)
                break
    except OSError as error:
        raise UserError(f"{folder}: nothing can be written there ({error.strerror})") from None
    try:
        yield path
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def check_room(folder: Path, size: float, what: str) -> None:
    """Raise UserError if `size` bytes are more than is free on the disk of `folder`."""
    there = next((p for p in (folder, *folder.absolute().parents) if p.is_dir()), None)
    if there and size > (free := shutil.disk_usage(there).free):
        takes = f"{what} take about {size / 1e6:,.1f} MB"
        raise UserError(f"{folder}: {takes}, and {free / 1e6:,.1f} MB are free")


@contextmanager
def held(folder: str | Path, wait: bool = False) -> Iterator[None]:
    """Within this block `folder`, made if need be, belongs to this process alone.

    The system releases the lock when the process ends, however it ends, so none is ever left over;
    a file system without locks locks nothing. Raises UserError, which names the process that has
    the folder (unless it is to `wait`), or says why nothing can be written there.
    """
    path = Path(folder, ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except OSError as error:
        raise UserError(f"{folder}: nothing can be written there ({error.strerror})") from None
    with open(descriptor, "r+b", buffering=0) as file:
        for tries in count():
            if _locked(file):
                break
            holder = path.read_text("utf-8", "replace") or "another process"
            if not wait:
                raise UserError(f"{folder}: in use by {holder}; wait for its end, or end it")
            if tries == 10:
                print(f"waiting for {holder}, who has {folder}", file=sys.stderr, flush=True)
            time.sleep(0.1)
        now = datetime.now().astimezone().isoformat(" ", "seconds")
        with suppress(OSError):  # a full disk
            file.truncate(0)
            file.seek(0)
            file.write(f"process {os.getpid()} on {platform.node()} since {now}".encode())
        yield


def _locked(file: IO[bytes]) -> bool:
    """Lock an open file for this process; False if another process has it."""
    try:
        if sys.platform == "win32":
            file.seek(2**30)  # a locked byte cannot be read: take one far behind the text
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        pass
    return True


def clear(folder: str | Path) -> None:
    """Remove half-written files of killed processes from a folder that this process holds."""
    for left in Path(folder).glob(PARTIAL):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def as_json(value: Any) -> bytes:
    """A value as JSON, in which a path is a text. Raises TypeError for other objects."""
    return json.dumps(value, indent=2, default=os.fspath).encode()


def write_json(path: str | Path, value: Any) -> None:
    with replacing(path) as file:
        file.write(as_json(value))


def read_json(path: str | Path) -> Any:
    """The value in a JSON file. Raises OSError, and ValueError for anything but JSON."""
    try:
        with open_file(path) as file:
            return json.loads(file.read(2**24))  # ours have kilobytes
    except RecursionError:
        raise ValueError("too many brackets in each other") from None


def write_table(path: str | Path, columns: Iterable[str], rows: Iterable[Mapping]) -> None:
    """Write dicts as a CSV file; a missing value is an empty cell."""
    text = "".join(csv_line(columns, row) for row in [{name: name for name in columns}, *rows])
    with replacing(path) as file:
        file.write(text.encode(errors="surrogateescape"))


def csv_line(columns: Iterable[str], row: Mapping) -> str:
    """A dict as a line of a CSV file."""
    # before Python 3.13 a cell with a carriage return is quoted only if lines end with one
    text = io.StringIO()
    csv.DictWriter(text, list(columns), lineterminator="\r\n").writerow(row)
    return text.getvalue().removesuffix("\r\n") + "\n"


def write_reasons(folder: Path, name: str, photos: Iterable[tuple[Path, str]]) -> Path:
    """Write a new table of photos and reasons, `[(path, why)]`; returns its path."""
    with new_path(folder, name) as table:
        write_table(table, ("photo", "why"), [{"photo": p, "why": why} for p, why in photos])
    return table


def read_table(path: str | Path, errors: str = "strict") -> list[dict[str, str]]:
    """The rows of a CSV file of `write_table`, as dicts of texts without empty cells.

    `errors` as for `open`: the names of files in it need not be UTF-8. Raises UserError.
    """
    try:
        with open_file(path) as file:
            rows = csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", errors, ""))
            return [{k: v for k, v in row.items() if v} for row in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
