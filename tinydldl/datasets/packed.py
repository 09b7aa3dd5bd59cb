"""Photos decoded once, for a data set that is larger than memory.

    python -m tinydldl.datasets NAME --pack SIDE

writes two files into the data folder, and trainings with `--size SIDE` read them in place of the
photos, as far as the system has no memory for them; all processes of a machine share that.

    NAME-SIDE.npy    the pixels of all photos, one photo after the other, uint8 (bytes,)
    NAME-SIDE.csv    a line for each photo: where its pixels are, and what tells that they are right
"""

import csv
import io
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from tinydldl import cli, files
from tinydldl.arrays import Pixels
from tinydldl.datasets.base import DataError
from tinydldl.datasets.loader import in_order, read_photo
from tinydldl.images import PhotoError, held_side
from tinydldl.progress import Progress

FACTS = ("file_bytes", "modified", "crc32")  # by which a photo and its pixels are known again
COLUMNS = ("photo", *FACTS, "begin", "height", "width")
HEADER = 128  # bytes, in which NumPy leaves room for a length that grows


class Packed:
    """The pixels (h, w, 3), uint8, of packed photos. Raises DataError for what is damaged."""

    def __init__(self, data_dir: Path, dataset: str, side: int) -> None:
        self.dataset, self.side = dataset, side
        self.path, self.photos = data_dir / f"{dataset}-{side}.npy", {}
        if not self.path.exists():
            return
        again = f"{cli.called('datasets')} {dataset} --pack {side}"
        self.again = f"pack again, with the same --data-dir and --table: {again}"
        try:
            self.photos = {row["photo"]: row for row in lines_of(self.path.with_suffix(".csv"))}
            self.pixels = np.asarray(np.load(self.path, mmap_mode="r"))
        except (ValueError, EOFError, OSError):
            raise DataError(f"{self.path}: it or its table is damaged; {self.again}") from None
        if len(self.pixels) != end_of(list(self.photos.values())):
            raise DataError(f"{self.path}: not complete; {self.again}")

    def get(self, photo: Path) -> Pixels | None:
        """The pixels of a photo, None if it is not packed. Raises DataError if it has changed."""
        if (row := self.photos.get(name_of(photo, self.path.parent))) is None:
            return None
        begin, height, width = (int(row[name]) for name in COLUMNS[4:])
        pixels = self.pixels[begin : begin + 3 * height * width]
        if row | facts(photo, pixels.data) != row:
            raise DataError(f"{photo}: changed since {self.path} was made; {self.again}")
        return pixels.reshape(height, width, 3)


def pack(photos: Sequence[Path], path: Path, side: int, loaders: int) -> list[tuple[Path, str]]:
    """Write `path` and its table from where they end or err; returns what is no photo, and why."""
    bad, table = [], path.with_suffix(".csv")
    with files.held(path.parent):
        path.touch()
        rows = list(intact(lines_of(table), path)) if table.exists() else []
        done = {row["photo"] for row in rows}
        names = {name_of(photo, path.parent): photo for photo in photos}
        missing = {name: photo for name, photo in names.items() if name not in done}
        files.check_room(path.parent, 3 * held_side(side) ** 2 * len(missing), "packed photos")
        files.write_table(table, COLUMNS, rows)  # without a line that was cut off
        with open(path, "r+b") as file, open(table, "ab") as lines:
            write_header(file, 0)
            begin = end_of(rows)
            file.truncate(HEADER + begin)
            file.seek(HEADER + begin)
            every = in_order(lambda photo: read_photo(photo, side), missing.values(), loaders)
            progress = Progress(every, "packing", len(missing), unit="photos")
            for (name, photo), pixels in zip(missing.items(), progress, strict=True):
                if isinstance(pixels, PhotoError):
                    bad.append((photo, pixels.reason))
                    continue
                file.write(pixels.data)
                file.flush()  # before its line
                height, width, _ = pixels.shape
                row = {"photo": name, "begin": begin, "height": height, "width": width}
                line = files.csv_line(COLUMNS, row | facts(photo, pixels.data))
                lines.write(line.encode(errors="surrogateescape"))
                lines.flush()
                begin += pixels.nbytes
            os.fsync(file.fileno())
            write_header(file, begin)
    return bad


def intact(rows: Sequence[dict[str, str]], path: Path) -> Iterator[dict[str, str]]:
    """The rows of a table up to one whose pixels are damaged, or whose photo has changed."""
    with open(path, "rb") as file:
        file.seek(HEADER)
        for row in rows:
            photo = path.parent / row["photo"]
            if not photo.exists() or row | facts(photo, file.read(end_of([row]))) != row:
                return
            yield row


def name_of(photo: Path, folder: Path) -> str:
    """The path of a photo from a folder; all of it if it is on another drive, on Windows."""
    try:
        return os.path.relpath(photo, folder)
    except ValueError:
        return str(photo.absolute())


def facts(photo: Path, pixels: Any) -> dict[str, str]:
    """FACTS of a photo and its pixels: size and time (ns) of its file, and their checksum."""
    about = photo.stat()
    values = about.st_size, about.st_mtime_ns, zlib.crc32(pixels)
    return dict(zip(FACTS, map(str, values), strict=True))


def write_header(file: IO[bytes], length: int) -> None:
    """Write that of an array of bytes, at the beginning of its file."""
    file.seek(0)
    about = {"descr": "|u1", "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, about)


def lines_of(table: Path) -> list[dict[str, str]]:
    """The lines of a table up to one that is damaged: who was killed may have left half of one."""
    text, rows, end = table.read_bytes().decode(errors="surrogateescape"), [], 0
    with suppress(csv.Error, KeyError, TypeError, ValueError):
        for row in csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1], newline="")):
            if not row["photo"] or int(row["begin"]) != end:
                break
            end += end_of([row])
            rows.append(row)
    return rows


def end_of(rows: Sequence[dict[str, str]]) -> int:
    """How many bytes the photos of a table have."""
    return sum(3 * int(row["height"]) * int(row["width"]) for row in rows)
