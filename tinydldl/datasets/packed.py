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
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from tinydldl import files
from tinydldl.arrays import Pixels
from tinydldl.datasets.base import DataError
from tinydldl.datasets.loader import in_order, read_photo
from tinydldl.images import PhotoError, held_side
from tinydldl.progress import Progress

COLUMNS = ("photo", "file_bytes", "begin", "height", "width", "crc32")
HEADER = 128  # bytes, in which NumPy leaves room for a length that grows


class Packed:
    """The pixels (h, w, 3), uint8, of the photos of a set, if that is packed for a network's side.

    Raises DataError for files that are damaged, or not complete.
    """

    def __init__(self, data_dir: Path, dataset: str, side: int) -> None:
        self.dataset, self.side = dataset, side
        self.path, self.photos = data_dir / f"{dataset}-{side}.npy", {}
        if not self.path.exists():
            return
        self.how = f"python -m tinydldl.datasets {dataset} --pack {side}"
        try:
            self.photos = {row["photo"]: row for row in lines_of(self.path.with_suffix(".csv"))}
            self.pixels = np.asarray(np.load(self.path, mmap_mode="r"))
        except (ValueError, KeyError, OSError) as error:
            raise DataError(f"{self.path}: cannot be read ({error}); delete it") from None
        if len(self.pixels) != end_of(list(self.photos.values())):
            raise DataError(f"{self.path}: not complete; go on with: {self.how}")

    def get(self, photo: Path) -> Pixels | None:
        """The pixels of a photo, None if it is not packed. Raises DataError if it has changed."""
        if (row := self.photos.get(os.path.relpath(photo, self.path.parent))) is None:
            return None
        file_bytes, begin, height, width, crc32 = (int(row[name]) for name in COLUMNS[1:])
        pixels = self.pixels[begin : begin + 3 * height * width]
        if photo.stat().st_size != file_bytes or zlib.crc32(pixels.data) != crc32:
            raise DataError(f"{photo}: not what is packed; delete {self.path}, then {self.how}")
        return pixels.reshape(height, width, 3)


def pack(photos: Sequence[Path], path: Path, side: int, loaders: int) -> list[tuple[Path, str]]:
    """Write what is missing of `path` and its table; returns what cannot be read, and why."""
    bad, table = [], path.with_suffix(".csv")
    with files.held(path.parent):
        rows = lines_of(table) if path.exists() and table.exists() else []
        done = {row["photo"] for row in rows}
        names = {os.path.relpath(photo, path.parent): photo for photo in photos}
        missing = {name: photo for name, photo in names.items() if name not in done}
        files.check_room(path.parent, 3 * held_side(side) ** 2 * len(missing), "packed photos")
        files.write_table(table, COLUMNS, rows)  # without a line that was cut off
        path.touch()
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
                values = photo.stat().st_size, begin, *pixels.shape[:2], zlib.crc32(pixels.data)
                line = files.csv_line(COLUMNS, dict(zip(COLUMNS, (name, *values), strict=True)))
                lines.write(line.encode(errors="surrogateescape"))
                lines.flush()
                begin += pixels.nbytes
            os.fsync(file.fileno())
            write_header(file, begin)
    return bad


def write_header(file: IO[bytes], length: int) -> None:
    """Write that of an array of bytes, at the beginning of its file."""
    file.seek(0)
    about = {"descr": "|u1", "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, about)


def lines_of(table: Path) -> list[dict[str, str]]:
    """The lines of a table that are whole: who was killed may have left half of one."""
    text = table.read_bytes().decode(errors="surrogateescape")
    return list(csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1], newline="")))


def end_of(rows: Sequence[dict[str, str]]) -> int:
    """How many bytes the photos of a table have."""
    return sum(3 * int(row["height"]) * int(row["width"]) for row in rows)
