"""What all data sets have in common: photos on disk, each with an age and a sigma.

A data set is a function, `utkface(options) -> {"train": Photos, ...}`. The keys are those of
`"train"`, `"valid"` and `"test"` that the set has. The sets share the helpers below: splitting, and
finding files on disk; tables are read in `table`.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinydldl.errors import UserError
from tinydldl.files import open_file

GUIDE = "see data/README.md"
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".ppm"}
IMAGE_SUFFIXES |= {".heic", ".heif"}  # with the extra


class DataError(UserError):
    """A data set that cannot be used."""


@dataclass(frozen=True)
class Options:
    """What a user may choose about a data set; each set reads the fields that it needs.

    `data_dir` holds one folder per set. `sigma` (years) is for sets whose labels have no sigma.
    `seed` draws synthetic faces and random splits. Raises DataError for one below 0, or infinite.
    """

    data_dir: Path
    seed: int = 0
    sigma: float = 2.0
    split: str = "random"  # of a set without parts: by photo, or by person: "subject"
    table: Path | None = None  # csv: the table of paths, ages and sigmas
    aligned: Path | None = None  # holds the aligned crops; None: each is beside its photo
    count: int = 3000  # synthetic: how many faces
    side: int = 55  # synthetic: pixels per side

    def __post_init__(self) -> None:
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

    @classmethod
    def of(cls, labels: Iterable[tuple[Path, float, float]]) -> "Photos":
        """The photos of `labels`, tuples (path, age, sigma), in the order of their paths."""
        labels = sorted(labels)
        ages = np.array([age for _, age, _ in labels], dtype=np.float64)
        sigmas = np.array([sigma for _, _, sigma in labels], dtype=np.float64)
        return cls([path for path, _, _ in labels], ages, sigmas)

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, indices: Any) -> "Photos":
        """The photos at `indices`, in that order."""
        indices = np.asarray(indices, dtype=int)
        return Photos([self.paths[i] for i in indices], self.ages[indices], self.sigmas[indices])


Parts = dict[str, Photos]  # by name: "train", "valid", "test"


def join(*parts: Photos) -> Photos:
    """Several parts as one, one after the other."""
    paths = [path for photos in parts for path in photos.paths]
    ages = np.concatenate([photos.ages for photos in parts])
    sigmas = np.concatenate([photos.sigmas for photos in parts])
    return Photos(paths, ages, sigmas)


def random_split(
    photos: Photos, fraction: float, seed: int, groups: Any | None = None
) -> tuple[Photos, Photos]:
    """Split `photos` in two at random, so that no group is in both parts.

    `groups` (N,): photos with the same value, such as a person, stay together; by default each
    photo is a group. The groups are shuffled; the first part takes as many as bring it nearest to
    `fraction` of all photos, and leaves one if there are several.
    """
    names, index = np.unique(range(len(photos)) if groups is None else groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    photos_so_far = np.cumsum(np.bincount(index)[order])[: max(1, len(names) - 1)]
    cut = np.argmin(np.abs(photos_so_far - fraction * len(photos))) + 1
    in_first = np.isin(index, order[:cut])
    return photos.take(np.flatnonzero(in_first)), photos.take(np.flatnonzero(~in_first))


def same_bytes(paths: Sequence[Path]) -> list[list[int]]:
    """Lists of indices of files with the same bytes; what cannot be read is in none of them."""
    by_size, by_digest = defaultdict(list), defaultdict(list)
    for index, path in enumerate(paths):
        with suppress(OSError):
            by_size[path.stat().st_size].append(index)
    for index in sorted(i for indices in by_size.values() if len(indices) > 1 for i in indices):
        with suppress(OSError), open_file(paths[index]) as file:
            by_digest[hashlib.file_digest(file, "sha256").digest()].append(index)
    return [indices for indices in by_digest.values() if len(indices) > 1]


def find(path: Path) -> Path | None:
    """`path` if it exists, else a neighbor that differs in case, as archives do, else None."""
    if path.exists():
        return path
    if not path.parent.is_dir():
        return None
    alike = (p for p in path.parent.iterdir() if p.name.lower() == path.name.lower())
    return min(alike, default=None)


def find_folder(path: Path, what: str) -> Path:
    """The folder at `path`, as `find` does. Raises DataError, which says `what` belongs there."""
    folder = find(path)
    if folder is None or not folder.is_dir():
        raise DataError(f"no folder {path}; put {what} there ({GUIDE})")
    return folder


def is_image(name: str) -> bool:
    """Whether a file is an image, by the suffix of its name in any case."""
    return Path(name).suffix.lower() in IMAGE_SUFFIXES


def image_files(folder: Path) -> list[Path]:
    """The images in `folder`, by name, but for macOS's shadows of them, which begin with a dot."""
    return sorted(p for p in folder.iterdir() if is_image(p.name) and not p.name.startswith("."))
