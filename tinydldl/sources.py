"""What a command looks at: photos as its user names them, and the faces in them."""

import sys
from argparse import ArgumentTypeError
from glob import glob
from io import BytesIO
from pathlib import Path

import numpy as np

from tinydldl import cli
from tinydldl.backend import UserError
from tinydldl.datasets.base import image_files
from tinydldl.faces import Face, detect, face_in, likeness, open_photo

STANDARD_INPUT = "-"
FEWEST = 12  # pixels a side of a face: what the first network of the detector sees
# Of 298 faces of UTKFace, some of them turned away, none is below 0.91; with both eyes exchanged,
# or in one line, landmarks come to 0.25 and 0.54.
LEAST_LIKENESS = 0.8
NO_FACE = (
    "no face found; say where it is with --box or --landmarks, try a smaller --smallest, or "
    "--no-detect if the photo is a face that is cut out already"
)


class SourceError(UserError):
    """What a user named holds no photo, or no face can be where the user says."""


def expand(given):
    """The photos that one argument stands for: a file, those in a folder, or a pattern's.

    Raises SourceError for an empty name, and for a folder without photos.
    """
    if not given:
        raise SourceError("expected a photo, got an empty name")
    if given == STANDARD_INPUT or Path(given).is_file():
        return [given]
    if Path(given).is_dir():
        if not (photos := image_files(Path(given))):
            raise SourceError(f"{given}: no photo in this folder; expected .jpg or .png, say")
        return [str(path) for path in photos]
    return sorted(glob(given)) or [given]  # what is not there is an error of its own, later


def open_source(source):
    """The photo that `expand` names. Raises PhotoError."""
    if source == STANDARD_INPUT:
        return open_photo(BytesIO(sys.stdin.buffer.read()), "standard input")
    return open_photo(source)


def stem(source):
    """A name for the files that are made of a photo."""
    return "photo" if source == STANDARD_INPUT else Path(source).stem


def find(image, arguments):
    """The faces in a photo from left to right; None stands for the whole photo.

    Raises SourceError for what is too small for a face or outside of the photo, and for landmarks
    that are no face's.
    """
    if arguments.no_detect:
        check((0, 0, *image.size), image, "--no-detect")
        return [None]
    if arguments.landmarks:
        points = np.reshape(arguments.landmarks, (5, 2))
        box = check(np.concatenate([points.min(axis=0), points.max(axis=0)]), image, "--landmarks")
        if likeness(points) < LEAST_LIKENESS:
            raise SourceError(
                f"--landmarks: these do not lie as in a face; expected {LANDMARKS}, in this order"
            )
        return [Face(box, 1.0, points)]
    if arguments.box:
        left, top, width, height = arguments.box
        box = np.array([left, top, left + width, top + height])
        return [face_in(image, check(box, image, "--box"))]
    return sorted(detect(image, arguments.smallest), key=lambda face: face.box[0])


def check(box, image, option):
    """A box (4,) within the photo in which there is room for a face. Raises SourceError."""
    (left, top, right, bottom), (width, height) = box, image.size
    within = left >= 0 and top >= 0 and right <= width and bottom <= height
    if not (within and min(right - left, bottom - top) >= FEWEST):
        raise SourceError(
            f"{option}: from {left:g}, {top:g} to {right:g}, {bottom:g}, expected {FEWEST} or more "
            f"pixels a side, within the photo of {width} x {height} pixels"
        )
    return box


# ------------------------------------------------------------------------------------- arguments

BOX = "x,y,width,height"
LANDMARKS = (
    "x,y of both eyes, the nose and both corners of the mouth, left before right as one sees them"
)


def add_face_arguments(parser):
    """Give an argparse parser what says where the faces are."""
    where = parser.add_argument_group("where the faces are", "By default they are looked for.")
    where.add_argument(
        "--smallest",
        type=cli.whole(FEWEST),
        default=40,
        help="pixels of the smallest faces looked for",
    )
    instead = where.add_mutually_exclusive_group()
    instead.add_argument(
        "--no-detect", action="store_true", help="the photo is a face that is cut out already"
    )
    instead.add_argument(
        "--box", type=numbers(BOX), metavar="X,Y,W,H", help="there is a face in this box, in pixels"
    )
    instead.add_argument(
        "--landmarks",
        type=numbers(",".join("xy" * 5)),
        metavar="X,Y,...",
        help=f"{LANDMARKS}: ten numbers",
    )
    return where


def numbers(expected):
    """The type of an argument with as many numbers as `expected`, x,y for example, has names."""
    names = expected.split(",")

    def parse(text):
        try:
            values = [float(value) for value in text.split(",")]
        except ValueError:
            values = []
        if len(values) != len(names) or not np.isfinite(values).all():
            raise ArgumentTypeError(f"expected {expected}, got {text!r}")
        return values

    return parse
