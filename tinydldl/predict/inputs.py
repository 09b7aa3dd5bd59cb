"""The photos that a user names, and the faces in them."""

import os
import sys
from argparse import _ArgumentGroup
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from tinydldl import cli
from tinydldl.arrays import Array
from tinydldl.datasets.base import image_files
from tinydldl.faces import Face, detect, face_in, likeness
from tinydldl.faces.detector import CELL, SCORE, inside
from tinydldl.images import PhotoError, full_size, open_photo

STANDARD_INPUT = "-"
MOST_BYTES = 2**30  # of standard input, which need not end; no photo has more
# None of 298 faces of UTKFace, some of them turned away, is below 0.91; landmarks with both eyes
# swapped, or all in one line, come to 0.25 and 0.54.
LEAST_LIKENESS = 0.8
FARTHEST = 1.5  # from the middle of the photo to a landmark, in its sides: a face may be cut off
NO_FACE = (
    "no face found; say where it is with --box or --landmarks, try a smaller --smallest or a lower "
    "--score, or --no-detect if the photo is a face that is cut out already"
)


@dataclass(frozen=True)
class Search:
    """How to find faces: as `detect` does, or the photo is one, or one is in a box or at points."""

    smallest: int = 40
    score: float = SCORE
    no_detect: bool = False
    box: list[float] | None = None  # x, y, width, height
    landmarks: list[float] | None = None  # x, y, x, y, ...: ten numbers


Faces = Sequence[Face | None]  # None is the whole photo
Seen = tuple[Image.Image, Faces, int]  # a photo, its faces, and by how many degrees it was turned
TURNS = 90, 180, 270  # degrees clockwise
# Of 167 faces of UTKFace 13 are below. Turned, 6 to 11 of them still look like an upright face to
# the detector, one or two with more than this; each upright face had more than when it was turned.
SURE = 0.98


def turned_text(degrees: int) -> str:
    """How a photo was turned, for the end of a line."""
    return f", in the photo turned by {degrees} degrees clockwise" if degrees else ""


def expand(given: str) -> list[str]:
    """The photos in a file, a folder or a pattern, with `**` for any folders. Raises PhotoError."""
    if not given:
        raise PhotoError("expected a photo, got an empty name")
    if os.path.exists(given) or not has_magic(given):
        if not (photos := photos_at(given)):
            raise PhotoError("no photo in this folder; expected .jpg or .png, say", given)
        return photos  # a missing file raises when it is opened
    matches = sorted(glob(given, recursive=True))
    photos = list(dict.fromkeys(photo for match in matches for photo in photos_at(match)))
    if not photos:
        raise PhotoError("no photo is there, and none matches this as a pattern", given)
    return photos


def photos_at(path: str) -> list[str]:
    """A file, or the photos in a folder."""
    return [str(photo) for photo in image_files(Path(path))] if os.path.isdir(path) else [path]


def stem(photo: str) -> str:
    """A name for files about a photo, short enough for any file system."""
    name = "photo" if photo == STANDARD_INPUT else Path(photo).stem
    return name.encode(errors="replace")[:100].decode(errors="ignore")


def look(photo: str, search: Search) -> Seen:
    """What `find_faces` sees in a photo. Raises PhotoError, which names it."""
    name = "standard input" if photo == STANDARD_INPUT else photo
    source = BytesIO(sys.stdin.buffer.read(MOST_BYTES)) if photo == STANDARD_INPUT else photo
    image = open_photo(source, name)
    try:
        return find_faces(image, search)
    except PhotoError as error:
        raise PhotoError(error.reason, name) from None


def find_faces(image: Image.Image, search: Search) -> Seen:
    """`image, faces, turned`: the faces from left to right; None is the whole photo.

    If it is not sure that somebody is upright, the photo may lie on its side or upside down: it is
    turned to where a face is surest, by `turned` degrees clockwise, and the faces are those of
    `image`, so turned. Raises PhotoError.
    """
    if search.no_detect or search.landmarks is not None or search.box is not None:
        return image, given_face(image, search), 0
    seen = image, detect(image, search.smallest, search.score), 0
    for degrees in TURNS if scores(seen[1]) < [SURE] else ():
        turned = image.rotate(-degrees, expand=True)
        faces = detect(turned, search.smallest, search.score)
        if scores(faces) > scores(seen[1]):
            seen = turned, faces, degrees
    image, faces, degrees = seen
    return image, sorted(faces, key=lambda face: face.box[0]), degrees


def scores(faces: Sequence[Face]) -> list[float]:
    """Those of faces as from `detect`, the best first."""
    return [face.score for face in faces]


def given_face(image: Image.Image, search: Search) -> Faces:
    """The face that is the photo, or that is where the user says. Raises PhotoError."""
    if search.landmarks is not None:
        points = np.reshape(search.landmarks, (5, 2))
        if np.abs(points / full_size(image) - 0.5).max() > FARTHEST:
            size = "{} x {} pixels".format(*full_size(image))
            raise PhotoError(f"--landmarks: far outside the photo, which has {size}")
        box = within(image, [*points.min(axis=0), *points.max(axis=0)], "--landmarks")
        if likeness(points) < LEAST_LIKENESS:
            raise PhotoError(f"--landmarks: these do not lie as in a face; expected {LANDMARKS}")
        return [Face(box, 1.0, points)]
    if search.box is not None:
        left, top, width, height = search.box
        return [face_in(image, within(image, [left, top, left + width, top + height], "--box"))]
    return whole_photo(image)


def whole_photo(image: Image.Image) -> Faces:
    """`[None]`, for a photo that is a face. Raises PhotoError if it is too small."""
    if min(image.size) < CELL:
        found = "{} x {} pixels, expected {} or more a side for a face"
        raise PhotoError(found.format(*image.size, CELL))
    return [None]


def within(image: Image.Image, box: Sequence[float], option: str) -> Array:
    """The part (4,) of a box that is in the photo. Raises PhotoError if it is too small."""
    left, top, right, bottom = part = inside(image, box)
    if min(right - left, bottom - top) < CELL:
        there = f"{right - left:g} x {bottom - top:g} pixels of the photo"
        whole = "the photo has {} x {}".format(*full_size(image))
        raise PhotoError(f"{option}: {there}, expected {CELL} or more a side; {whole}")
    return part


BOX = "x,y,width,height"
LANDMARKS = "x,y of the eyes, the nose and the corners of the mouth, left before right as one sees"


def add_face_arguments(parser: cli.Parser) -> _ArgumentGroup:
    """Add the arguments that make a `Search`; returns their group."""
    where = parser.add_argument_group("where the faces are", "By default they are looked for.")
    about = "pixels per side of the smallest faces to look for"
    where.add_argument("--smallest", type=cli.whole(CELL), default=Search.smallest, help=about)
    add_score_argument(where)
    add = where.add_mutually_exclusive_group().add_argument
    add("--no-detect", action="store_true", help="the photo is a face that is cut out already")
    add("--box", type=numbers(BOX), metavar="X,Y,W,H", help="where a face is: a box, in pixels")
    ten = numbers(",".join("xy" * 5))
    add("--landmarks", type=ten, metavar="X,Y,...", help=f"{LANDMARKS}: ten numbers")
    return where


def add_score_argument(group: cli.Group) -> None:
    """Add --score."""
    about = "how probable a face must be, between 0 and 1: less finds more, and false ones"
    group.add_argument("--score", type=cli.fraction, default=SCORE, help=about)


def numbers(expected: str) -> Callable[[str], list[float]]:
    """The type of an argument: as many numbers as `expected`, such as x,y, has names."""
    count = len(expected.split(","))

    def split(text: str) -> list[float]:
        return [float(value) for value in text.split(",")]

    return cli.kind(split, expected, lambda v: len(v) == count and np.isfinite(v).all())
