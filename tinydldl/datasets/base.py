"""What every data set is made of: photos on disk, each with an age and a sigma.

A data set is one module with one function, `load(options) -> {"train": Photos, ...}`. The keys
are `"train"`, `"valid"` and `"test"`, as far as the set has these parts. The helpers below are
shared by the sets: finding what should be on disk, reading a table, splitting.
"""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinydldl.backend import UserError

GUIDE = "see data/README.md"
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".ppm"}


class DataError(UserError):
    """Something is wrong with a data set."""


@dataclass(frozen=True)
class Options:
    """What a user may choose of a data set; each set reads the fields that it needs.

    `data_dir` is the folder that holds one folder for each set. `sigma` (years) is used by the sets
    whose labels come without one. `seed` draws the synthetic faces and every random split.

    Raises DataError for a negative seed and for a sigma that is negative or not finite.
    """

    data_dir: Path
    seed: int = 0
    sigma: float = 2.0
    split: str = "random"  # morph: "random" photos or disjoint "subject"s
    table: Path | None = None  # csv: the table of paths, ages and sigmas
    count: int = 3000  # synthetic: how many faces
    side: int = 73  # synthetic: pixels a side

    def __post_init__(self):
        if not 0 <= self.sigma < math.inf:
            raise DataError(f"sigma must be 0 years or more, got {self.sigma}")
        if self.seed < 0:
            raise DataError(f"the seed must not be negative, got {self.seed}")


@dataclass(frozen=True)
class Photos:
    """One part of a data set: `paths` (N), `ages` and `sigmas` (N,) in years, float64."""

    paths: list[Path]
    ages: np.ndarray
    sigmas: np.ndarray

    def __len__(self):
        return len(self.paths)

    def take(self, indices):
        """The photos at `indices`, in that order."""
        indices = np.asarray(indices, dtype=int)
        paths = [self.paths[i] for i in indices]
        return Photos(paths, self.ages[indices], self.sigmas[indices])


def photos_sorted(labels):
    """The `Photos` of `labels`, tuples (path, age, sigma), in the order of their paths."""
    labels = sorted(labels)
    ages = np.array([age for _, age, _ in labels], dtype=np.float64)
    sigmas = np.array([sigma for _, _, sigma in labels], dtype=np.float64)
    return Photos([path for path, _, _ in labels], ages, sigmas)


def join(first, second):
    """The photos of two parts as one part, `first` before `second`."""
    ages = np.concatenate([first.ages, second.ages])
    sigmas = np.concatenate([first.sigmas, second.sigmas])
    return Photos(first.paths + second.paths, ages, sigmas)


def random_split(photos, fraction, seed):
    """Split `photos` at random: the first part holds `fraction` of them, the second the rest."""
    order = np.random.default_rng(seed).permutation(len(photos))
    cut = round(fraction * len(photos))
    return photos.take(np.sort(order[:cut])), photos.take(np.sort(order[cut:]))


# ----------------------------------------------------------------------------- files and folders


def find(path):
    """`path` if it exists, else its neighbor whose name differs in upper and lower case alone.

    The public archives do not agree with each other: `train15_gt.csv` is `Train15_gt.csv` in some.
    Returns None if there is neither.
    """
    if path.exists():
        return path
    if not path.parent.is_dir():
        return None
    alike = (p for p in path.parent.iterdir() if p.name.lower() == path.name.lower())
    return min(alike, default=None)


def find_folder(path, what):
    """The folder at `path` as `find` sees it. Raises DataError that says `what` belongs there."""
    folder = find(path)
    if folder is None or not folder.is_dir():
        raise DataError(f"no folder {path}; put {what} there ({GUIDE})")
    return folder


def is_image(name):
    """Whether a file of this name is an image, by what it ends with, in any case."""
    return Path(name).suffix.lower() in IMAGE_SUFFIXES


def image_files(folder):
    """The image files in `folder` by name.

    Files that begin with a dot are left out: macOS leaves such shadows of photos in its archives.
    """
    return sorted(p for p in folder.iterdir() if is_image(p.name) and not p.name.startswith("."))


def need_image_files(folder):
    """The same, or DataError: there is none."""
    files = image_files(folder)
    if not files:
        raise DataError(f"no photo in {folder}, expected .jpg or .png files ({GUIDE})")
    return files


# ----------------------------------------------------------------------------------------- tables


@dataclass(frozen=True)
class Table:
    """A CSV file: `header` in lower case, [] if it has none, and `rows` of (line number, cells)."""

    path: Path
    header: list[str]
    rows: list[tuple[int, list[str]]]

    def column(self, *names):
        """Index of the first of `names` that the header has, None if it has none of them."""
        return next((self.header.index(name) for name in names if name in self.header), None)

    def need_column(self, what, *names):
        """The same, or DataError: there is no column for `what`."""
        column = self.column(*names)
        if column is None:
            expected = " or ".join(names)
            raise DataError(f"{self.path}: no column for the {what}, expected {expected} ({GUIDE})")
        return column

    def photos(self, locate, name, age, sigma=None, default_sigma=None):
        """The photos of the rows, sorted by path.

        `locate` makes a path of the cell in column `name`. `age` and `sigma` (years) are columns
        too; without a sigma column every photo has `default_sigma`.

        Raises DataError for a row with a cell too few or a number that cannot be right, and if
        photos are missing on disk: one line that names the first and counts them all.
        """
        labels, missing = [], []
        for line, cells in self.rows:
            path = locate(self._cell(line, cells, name))
            if not path.is_file():
                missing.append((line, path))
            spread = default_sigma if sigma is None else self._years(line, cells, sigma, "sigma")
            if spread < 0:
                raise DataError(f"{self.path}, line {line}: sigma is {spread}, expected 0 or more")
            labels.append((path, self._years(line, cells, age, "the age"), spread))
        if missing:
            line, path = missing[0]
            raise DataError(
                f"{self.path}, line {line}: no photo {path}; "
                f"{len(missing)} of {len(labels)} are missing ({GUIDE})"
            )
        return photos_sorted(labels)

    def _cell(self, line, cells, column):
        """The text in `column`, or DataError."""
        if column >= len(cells) or not cells[column]:
            raise DataError(
                f"{self.path}, line {line}: column {column + 1} is empty in {','.join(cells)!r}"
            )
        return cells[column]

    def _years(self, line, cells, column, what):
        """The number in `column`, or DataError."""
        text = self._cell(line, cells, column)
        years = as_number(text)
        if years is None:
            raise DataError(f"{self.path}, line {line}: {what} is {text!r}, expected a number")
        return years


def read_table(path):
    """Read a table separated by commas, semicolons or tabs, with a header or without.

    The first row is the header unless one of its cells is the name of an image. Quotes, blank
    lines, a byte order mark and either kind of line end are fine. Raises DataError if the file is
    missing, is not such a text, or has no row.
    """
    file = find(path)
    if file is None:
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
    return Table(file, header, rows)


def _read_rows(file):
    """The rows of `file` that are not blank, as (line number, cells without outer spaces)."""
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    first = next((line for line in lines if line.strip()), "")
    reader = csv.reader(
        lines, delimiter=next((mark for mark in ";\t" if mark in first), ","), skipinitialspace=True
    )
    rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    return [(line, cells) for line, cells in rows if any(cells)]


def as_number(text):
    """`text` as a finite float, None if it is not one. A decimal comma counts as a point.

    >>> as_number("23.5"), as_number("23,5"), as_number("nan"), as_number("age")
    (23.5, 23.5, None, None)
    """
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
