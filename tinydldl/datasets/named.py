"""Sets whose file names say the age, the true one; their labels have no sigma.

UTKFace: aligned and cropped faces from the web, aged 0 to 116 (Zhang, Song, Qi, CVPR 2017). A name
is `[age]_[gender]_[race]_[date].jpg.chip.jpg`; three public names lack a field, one lacks a dot.

MORPH Album 2: police photos of adults, several for most people (Ricanek, Tesafaye, FG 2006). Photo
1 of subject 009055, male, aged 54, is 009055_1M54.JPG.
"""

import hashlib
import os
import re
from pathlib import Path

from tinydldl.datasets import base
from tinydldl.datasets.base import DataError, Options, Parts, Photos, find, find_folder
from tinydldl.datasets.table import Table


def utkface(options: Options) -> Parts:
    """{"train", "valid", "test"} by `part_of`: `utkface/UTKFace`, or `UTKFace`, in `data_dir`."""
    places = options.data_dir / "utkface" / "UTKFace", options.data_dir / "UTKFace"
    place = next((place for place in places if find(place)), places[0])
    folder = find_folder(place, "the aligned and cropped photos")
    photos = photos_in(folder, r"^(\d+)_", "25_0_1_20170116220224657.jpg.chip.jpg", options.sigma)
    held: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for index, path in enumerate(photos.paths):
        held[part_of(path.name)].append(index)
    return {part: photos.take(indices) for part, indices in held.items()}


def part_of(name: str) -> str:
    """The part of a photo, from its file name alone: 8 : 1 : 1 on average.

    b = int(sha256(name), 16) mod 10; b = 0 is test, b = 1 is valid, the rest is train. This needs
    no list of files, and a photo stays in its part whatever else is in the folder.

    >>> part_of("1_0_0_20161219140623097.jpg.chip.jpg")
    'train'
    """
    b = int(hashlib.sha256(os.fsencode(name)).hexdigest(), 16) % 10
    return {0: "test", 1: "valid"}.get(b, "train")


def morph(options: Options) -> Parts:
    """{"train", "test"}: 80 : 20 at random, by photo or (`options.split`) by subject.

    By photo, most people in the test part were seen in training, at other ages, and the error is
    smaller than with disjoint subjects. The paper, like most, splits by photo.
    """
    root = options.data_dir / "morph"
    album = find_folder(root / "Album2", "the photos")
    if table := find(root / "MORPH_2008_nonCommercial.csv"):
        columns = {"photo": "photo", "age": "age", "default_sigma": options.sigma}
        # its photos are named Album2/009055_1M54.JPG
        photos = Table.read(table).photos(lambda n: album / n.rpartition("/")[2], **columns)
    else:
        photos = photos_in(album, r"[MF](\d\d)\.\w+$", "009055_1M54.JPG", options.sigma)
    subjects = [path.name.partition("_")[0] for path in photos.paths]
    groups = subjects if options.split == "subject" else None
    train, test = base.random_split(photos, 0.8, options.seed, groups)
    return {"train": train, "test": test}


def photos_in(folder: Path, pattern: str, example: str, sigma: float) -> Photos:
    """The photos in a folder, whose age is the group in a pattern of names. Raises DataError."""
    labels = []
    for path in base.need_images(folder):
        if (match := re.search(pattern, path.name, re.IGNORECASE)) is None:
            raise DataError(f"{path}: expected a name such as {example}")
        labels.append((path, float(match[1]), sigma))
    return Photos.of(labels)
