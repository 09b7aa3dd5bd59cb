"""Tables of photos: CSV files with a path and an age per row."""

import csv
import functools
import io
import math
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from tinydldl.datasets.base import GUIDE, DataError, Parts, Photos, find, is_image

MOST_BYTES = 100 * 2**20  # of a table: about a million photos
PARTS = ("train", "valid", "test")
SPELLINGS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
SPELLINGS |= dict.fromkeys(("valid", "val", "validation", "dev"), "valid")


class Label(NamedTuple):
    """A row: age and sigma in years; part and subject, None without such a column."""

    path: Path
    age: float
    sigma: float
    part: str | None = None
    subject: str | None = None


def by_part(photos: Photos, parts: Sequence[str | None]) -> Parts:
    """The photos of each part that has some; `parts` (N,): the part of each."""
    held = {name: [i for i, part in enumerate(parts) if part == name] for name in PARTS}
    return {name: photos.take(indices) for name, indices in held.items() if indices}


Row = tuple[int, list[str]]  # line number, cells
Locate = Callable[[str], Path]  # from a name in a table to a path


@dataclass(frozen=True)
class Table:
    """A CSV file: `header` in lower case, [] without one, and `rows`."""

    path: Path
    header: list[str]
    rows: list[Row]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table with commas, semicolons or tabs between its cells, with or without a header.

        The first row is the header unless one of its cells is the name of an image. Quotes, blank
        lines, a byte order mark and either kind of line end are fine. Raises DataError if the file
        is missing, is not such a text, is larger than `MOST_BYTES`, or has no row.
        """
        if (file := find(path)) is None:
            raise DataError(f"no table {path} ({GUIDE})")
        try:
            rows = _read_rows(file)
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{file} is not a table of text in UTF-8 ({error})") from error
        header = []
        if rows and not any(is_image(cell) for cell in rows[0][1]):
            header = [cell.lower() for cell in rows.pop(0)[1]]
        if not rows:
            raise DataError(f"{file} has no row, expected one for each photo ({GUIDE})")
        return cls(file, header, rows)

    def column(self, *names: str, needed: str = "") -> int | None:
        """The index of the column with one of `names`, or None; `needed`: what for.

        Raises DataError for several, and without one if it is needed.
        """
        found = [i for i, name in enumerate(self.header) if name in names]
        if len(found) > 1:
            both = " and ".join(f"{i + 1} ({self.header[i]})" for i in found[:2])
            raise DataError(f"{self.path}: columns {both} say the same; keep one ({GUIDE})")
        if needed and not found:
            expected = f"no column for the {needed}, expected {' or '.join(names)}"
            raise DataError(f"{self.path}: {expected} ({GUIDE})")
        return found[0] if found else None

    def photos(self, locate: Locate, **columns: Any) -> Photos:
        return Photos.of(label[:3] for label in self.labels(locate, **columns))

    def labels(self, locate: Locate, default_sigma: float = 0.0, **given: Any) -> list[Label]:
        """The `Label` of each photo, sorted by path; equal rows count once.

        `given`: the columns, numbers or names, of `photo`, `age` and, if there are any (else None),
        of `sigma`, `part` and `subject`; without sigmas every photo has `default_sigma`.

        Raises DataError for a row with a missing cell or a wrong number or part, for two labels of
        one file under whatever paths, and for photos that are missing: the first, and their number.
        """
        columns: dict[str, Any] = {
            what: self.column(column, needed=what) if isinstance(column, str) else column
            for what, column in given.items()
            if column is not None
        }
        first: dict[str, tuple[int, Label]] = {}
        missing = []
        real_folder = functools.cache(os.path.realpath)  # slow, and one for many photos
        for line, cells in self.rows:
            label = self._label((line, cells), locate, default_sigma, columns)
            path = label.path
            if not os.path.isfile(path):  # also if the name is too long
                missing.append((line, path))
                continue
            file = os.path.join(real_folder(path.parent), path.name)
            if path.is_symlink():
                file = os.path.realpath(path)
            before, other = first.setdefault(file, (line, label))
            if other[1:] != label[1:]:
                raise self._error(f"lines {before} and {line}", f"two labels for {path}")
        if missing:
            line, path = missing[0]
            count = f"{len(missing)} of {len(self.rows)} are missing"
            raise self._error(f"line {line}", f"no photo {path}; {count} ({GUIDE})")
        if repeats := len(self.rows) - len(first):
            print(f"warning: {self.path}: {repeats} rows repeat another; each photo is used once")
        return sorted(label for _, label in first.values())

    def _label(self, row: Row, locate: Locate, sigma: float, columns: dict[str, int]) -> Label:
        """The `Label` in a row. A backslash, as on Windows, counts as a slash where that helps."""
        line, cells = f"line {row[0]}", row[1]
        for column in columns.values():
            if column >= len(cells) or not cells[column]:
                raise self._error(line, f"column {column + 1} is empty in {','.join(cells)!r}")
        said = {what: cells[column] for what, column in columns.items()}
        path = locate(said["photo"])
        if "\\" in said["photo"] and not os.path.isfile(path):
            path = locate(said["photo"].replace("\\", "/"))
        age = self._years(line, "the age", said["age"])
        sigma = self._years(line, "sigma", said["sigma"]) if "sigma" in said else sigma
        if not 0 <= sigma <= 100:
            raise self._error(line, f"sigma is {sigma}, expected 0 to 100")
        part = SPELLINGS.get(said.get("part", "").lower())
        if "part" in said and part is None:
            raise self._error(line, f"the part is {said['part']!r}, expected {' or '.join(PARTS)}")
        return Label(path, age, sigma, part, said.get("subject"))

    def _years(self, line: str, what: str, text: str) -> float:
        """`text` as a finite number; a decimal comma counts as a point. Raises DataError."""
        with suppress(ValueError):
            years = float(text.replace(",", ".").replace("_", "?"))  # Python takes 1_0 for 10
            if math.isfinite(years):
                return years
        raise self._error(line, f"{what} is {text!r}, expected a number")

    def _error(self, where: str, message: str) -> DataError:
        return DataError(f"{self.path}, {where}: {message}")


def _read_rows(file: Path) -> list[Row]:
    """The rows of `file` that are not blank, as (line number, stripped cells)."""
    if not file.is_file():
        raise DataError(f"{file} is no file, expected a table")
    if file.stat().st_size > MOST_BYTES:
        raise DataError(f"{file} is larger than a table may be, {MOST_BYTES >> 20} MB")
    text = file.read_bytes().decode("utf-8-sig")
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = next((mark for mark in ";\t" if mark in first), ",")
    # newline="": csv splits the lines, and not at all the line ends of Unicode
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    return [(line, cells) for line, cells in rows if any(cells)]
