"""UTKFace: aligned and cropped faces from the web, aged 0 to 116 (Zhang, Song, Qi, CVPR 2017).

The age is in the file name: `[age]_[gender]_[race]_[date].jpg.chip.jpg`; three public names lack a
field, one lacks a dot. The labels have no sigma.
"""

import hashlib
import os

from tinydldl.datasets.base import Options, Parts, Photos, age_in, find, find_folder, need_images


def load(options: Options) -> Parts:
    """{"train", "valid", "test"} by `part_of`: `utkface/UTKFace`, or `UTKFace`, in `data_dir`."""
    labels: dict[str, list[tuple]] = {"train": [], "valid": [], "test": []}
    places = options.data_dir / "utkface" / "UTKFace", options.data_dir / "UTKFace"
    place = next((place for place in places if find(place)), places[0])
    for path in need_images(find_folder(place, "the aligned and cropped photos")):
        age = age_in(path, r"^(\d+)_", "25_0_1_20170116220224657.jpg.chip.jpg")
        labels[part_of(path.name)].append((path, age, options.sigma))
    return {part: Photos.of(rows) for part, rows in labels.items()}


def part_of(name: str) -> str:
    """The part of a photo, from its file name alone: 8 : 1 : 1 on average.

    b = int(sha256(name), 16) mod 10; b = 0 is test, b = 1 is valid, the rest is train. This needs
    no list of files, and a photo stays in its part whatever else is in the folder.

    >>> part_of("1_0_0_20161219140623097.jpg.chip.jpg")
    'train'
    """
    b = int(hashlib.sha256(os.fsencode(name)).hexdigest(), 16) % 10
    return {0: "test", 1: "valid"}.get(b, "train")
