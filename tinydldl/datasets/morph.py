"""MORPH Album 2: police photos of adults, several for most people (Ricanek, Tesafaye, FG 2006).

The labels are true ages without a sigma. A file name tells the person and the age: 009055_1M54.JPG
is photo 1 of subject 009055, male, aged 54.
"""

import re

import numpy as np

from tinydldl.datasets.base import (
    DataError,
    find,
    find_folder,
    need_image_files,
    photos_sorted,
    random_split,
    read_table,
)


def load(options):
    """{"train", "test"}: 80 : 20 at random, of photos or (`options.split`) of subjects.

    At random most people of the test part have been seen in training, at other ages: the error is
    smaller than with disjoint subjects. The paper, like most, splits at random.
    """
    root = options.data_dir / "morph"
    album = find_folder(root / "Album2", "the photos")
    table = find(root / "MORPH_2008_nonCommercial.csv")
    if table is None:
        photos = photos_sorted((p, age_of(p), options.sigma) for p in need_image_files(album))
    else:
        photos = _read_photos(album, table, options.sigma)
    split = subject_split if options.split == "subject" else random_split
    train, test = split(photos, 0.8, options.seed)
    return {"train": train, "test": test}


def _read_photos(album, table, sigma):
    """The photos in the table's columns `photo` (Album2/009055_1M54.JPG) and `age`."""
    table = read_table(table)
    return table.photos(
        lambda name: album / name.replace("\\", "/").rpartition("/")[2],
        name=table.need_column("photo", "photo"),
        age=table.need_column("age", "age"),
        default_sigma=sigma,
    )


def age_of(path):
    """The age (years): the two digits after M or F at the end of the file name, or DataError."""
    match = re.search(r"[MF](\d\d)$", path.stem, re.IGNORECASE)
    if match is None:
        raise DataError(f"{path}: expected a name such as 009055_1M54.JPG")
    return float(match[1])


def subject_of(path):
    """The number of the person: what stands before the underscore of the file name."""
    return path.name.partition("_")[0]


def subject_split(photos, fraction, seed):
    """Split `photos` so that no person is in both parts.

    The subjects are shuffled; the first part takes as many as bring its number of photos nearest
    to `fraction` of all.
    """
    subjects, index = np.unique([subject_of(p) for p in photos.paths], return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(subjects))
    photos_so_far = np.cumsum(np.bincount(index)[order])
    cut = np.argmin(np.abs(photos_so_far - fraction * len(photos))) + 1
    in_first = np.isin(index, order[:cut])
    return photos.take(np.flatnonzero(in_first)), photos.take(np.flatnonzero(~in_first))
