"""Sets whose file names say the age, the true one; their labels have no sigma.

UTKFace: aligned and cropped faces from the web, aged 0 to 116 (Zhang, Song, Qi, CVPR 2017). A name
is `[age]_[gender]_[race]_[date].jpg.chip.jpg`; three public names lack a field, one lacks a dot.

Several photos of most people: MORPH Album 2, police photos of adults (Ricanek, Tesafaye, FG 2006);
FG-NET, from family albums, 0 to 69 (Lanitis, Taylor, Cootes, TPAMI 2002); AgeDB, labeled by hand
(Moschoglou et al., CVPRW 2017); CACD, celebrities (Chen, Chen, Hsu, ECCV 2014).

AFAD: members of a social network, the age is the name of a folder (Niu et al., CVPR 2016).
"""

import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple

from tinydldl.datasets import base
from tinydldl.datasets.base import DataError, Options, Parts, Photos, find, find_folder
from tinydldl.datasets.table import Table, by_part


class Layout(NamedTuple):
    """Where photos are: `folder` in `data_dir`, and those that match `inner` in it, if any.

    `pattern`: of a path, with the groups `age` and, if it says who is on the photo, `subject`.
    `table`: a file beside `folder` whose columns `photo` and `age` count more than names.
    """

    folder: str
    pattern: str
    example: str
    inner: str = ""
    table: str = ""


UTKFACE = Layout("UTKFace", r"/(?P<age>\d+)_[^/]*$", "25_0_1_20170116220224657.jpg.chip.jpg")
LAYOUTS = {
    "morph": Layout(
        "morph/Album2",
        r"/(?P<subject>[^_/]+)_[^/]*[MF](?P<age>\d\d)\.\w+$",
        "009055_1M54.JPG",
        table="MORPH_2008_nonCommercial.csv",  # its photos are named Album2/009055_1M54.JPG
    ),
    "fg-net": Layout("fg-net/images", r"/(?P<subject>\d+)A(?P<age>\d+)[a-z]?\.\w+$", "001A02.JPG"),
    "agedb": Layout(
        "agedb/AgeDB", r"/\d+_(?P<subject>[^/]+)_(?P<age>\d+)_[mf]\.\w+$", "0_MariaCallas_35_f.jpg"
    ),
    "cacd": Layout(
        "cacd/CACD2000", r"/(?P<age>\d+)_(?P<subject>[^/]+)_\d+\.\w+$", "14_Dev_Patel_0001.jpg"
    ),
    "afad": Layout(
        "afad/AFAD-Full", r"/(?P<age>\d+)/11[12]/[^/]*$", "15/111/638660-1.jpg", inner="*/11[12]"
    ),
}


def utkface(options: Options) -> Parts:
    """{"train", "valid", "test"} by `part_of`: `utkface/UTKFace`, or `UTKFace`, in `data_dir`."""
    places = options.data_dir / "utkface" / "UTKFace", options.data_dir / "UTKFace"
    place = next((place for place in places if find(place)), places[0])
    folder = find_folder(place, "the aligned and cropped photos")
    photos = photos_in(folder, UTKFACE, options.sigma)
    return by_part(photos, [part_of(path.name) for path in photos.paths])


def part_of(name: str) -> str:
    """The part of a photo, from its file name alone: 8 : 1 : 1 on average.

    b = int(sha256(name), 16) mod 10; b = 0 is test, b = 1 is valid, the rest is train. This needs
    no list of files, and a photo stays in its part whatever else is in the folder.

    >>> part_of("1_0_0_20161219140623097.jpg.chip.jpg")
    'train'
    """
    b = int(hashlib.sha256(os.fsencode(name)).hexdigest(), 16) % 10
    return {0: "test", 1: "valid"}.get(b, "train")


def load(name: str, options: Options) -> Parts:
    """{"train", "test"} of a set in LAYOUTS: 80 : 20 at random, by photo or by subject.

    By photo, most people in the test part were seen in training, at other ages, and the error is
    smaller than with disjoint subjects. The paper, like most, splits by photo.
    """
    layout, groups = LAYOUTS[name], None
    folder = find_folder(options.data_dir / layout.folder, "the photos")
    if layout.table and (table := find(folder.parent / layout.table)):
        columns = {"photo": "photo", "age": "age", "default_sigma": options.sigma}
        photos = Table.read(table).photos(lambda n: folder / n.rpartition("/")[2], **columns)
    else:
        photos = photos_in(folder, layout, options.sigma)
    if options.split == "subject":
        if "(?P<subject>" not in layout.pattern:
            raise DataError("no name says who is on a photo; take --split random")
        groups = [match(path, layout)["subject"] for path in photos.paths]
    train, test = base.random_split(photos, 0.8, options.seed, groups)
    return {"train": train, "test": test}


def photos_in(folder: Path, layout: Layout, sigma: float) -> Photos:
    """The photos in a folder, with the ages that their paths say. Raises DataError."""
    folders = sorted(folder.glob(layout.inner)) if layout.inner else [folder]
    if not folders:
        raise DataError(f"{folder}: no folder {layout.inner}, expected {layout.example}")
    labels = []
    for inner in folders:
        if not (paths := base.image_files(inner)):
            raise DataError(f"no photo in {inner}, expected .jpg or .png files ({base.GUIDE})")
        labels += [(path, float(match(path, layout)["age"]), sigma) for path in paths]
    return Photos.of(labels)


def match(path: Path, layout: Layout) -> re.Match[str]:
    """What the path of a photo says. Raises DataError."""
    if found := re.search(layout.pattern, path.as_posix(), re.IGNORECASE):
        return found
    raise DataError(f"{path}: expected a name such as {layout.example}")
