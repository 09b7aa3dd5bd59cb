"""A photo in, an age distribution out: `python -m tinydldl.predict PHOTO...`.

A line for each face, and for each photo a picture of its faces and their distributions.
"""

import csv
import json
import sys
from argparse import ArgumentTypeError
from glob import glob
from pathlib import Path

import numpy as np

from tinydldl import cli, plots, portrait_plots, portraits
from tinydldl.backend import UserError
from tinydldl.datasets.base import image_files
from tinydldl.faces import Face, PhotoError, detect, face_in, open_photo

STANDARD_INPUT = "-"
FOLDER = Path("runs/predictions")
COLUMNS = ("photo", "face", "age", "spread", "left", "top", "right", "bottom", "score")
NO_FACE = (
    "no face found; say where it is with --box or --landmarks, try a smaller --smallest, or "
    "--no-detect if the photo is a face that is cut out already"
)


class PredictError(UserError):
    """What was asked for cannot be predicted, or its results cannot be kept."""


def main(argv=None):
    """Estimate the ages in photos; returns the exit code, 2 if one of them could not be used."""
    arguments = build_parser().parse_args(argv)
    sources = [source for given in arguments.photos for source in expand(given)]
    if len(sources) > 1 and (arguments.box or arguments.landmarks):
        raise PredictError(f"--box and --landmarks are for one photo, and there are {len(sources)}")
    network = portraits.open_network(arguments)
    table = arguments.json or arguments.csv
    folder = arguments.out or (None if table else FOLDER)
    results, failed = [], False
    for source in sources:
        try:
            image = open_photo(sys.stdin.buffer if source == STANDARD_INPUT else source)
        except PhotoError as error:
            print(f"error: {error}", file=sys.stderr)
            failed = True
            continue
        faces = find(image, arguments)
        people = portraits.portraits(network, image, faces, arguments.crop)
        results.append((source, image.size, people))
        if not people:
            print(f"{source}: {NO_FACE}", file=sys.stderr)
        elif not table:
            print(*lines(source, people), sep="\n")
        if people and folder:
            path = draw(source, image, people, folder)
            print(f"picture   {path}", file=sys.stderr if table else sys.stdout)
    if arguments.json:
        print(json.dumps(document(results, network.method.grid), indent=2))
    if arguments.csv:
        print_csv(results)
    return cli.DATA_ERROR if failed else 0


# ------------------------------------------------------------------------------ photos and faces


def expand(given):
    """The photos that one argument stands for: a file, those in a folder, or a pattern's."""
    if given == STANDARD_INPUT or Path(given).is_file():
        return [given]
    if Path(given).is_dir():
        return [str(path) for path in image_files(Path(given))]
    return sorted(glob(given)) or [given]  # what is not there is an error of its own, later


def find(image, arguments):
    """The faces in a photo from left to right; None stands for the whole photo."""
    if arguments.no_detect:
        return [None]
    if arguments.landmarks:
        points = np.reshape(arguments.landmarks, (5, 2))
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        return [Face(check(box, image, "--landmarks"), 1.0, points)]
    if arguments.box:
        left, top, width, height = arguments.box
        box = np.array([left, top, left + width, top + height])
        return [face_in(image, check(box, image, "--box"))]
    return sorted(detect(image, arguments.smallest), key=lambda face: face.box[0])


def check(box, image, option):
    """A box (4,) that has an area and lies within the photo. Raises PredictError for another."""
    (left, top, right, bottom), (width, height) = box, image.size
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise PredictError(
            f"{option}: from {left:g}, {top:g} to {right:g}, {bottom:g}, expected an area within "
            f"the photo of {width} x {height} pixels"
        )
    return box


# --------------------------------------------------------------------------------------- results


def lines(source, people):
    """A line for each face, for the screen."""
    for number, person in enumerate(people, start=1):
        spread = "" if person.spread is None else f" ± {person.spread:.1f}"
        where = "the whole photo" if person.face is None else box_text(person.face.box)
        yield f"{source}, face {number}: {person.y_hat:.1f}{spread} years ({where})"


def box_text(box):
    left, top, right, bottom = box
    return f"{right - left:.0f} x {bottom - top:.0f} pixels at {left:.0f}, {top:.0f}"


def document(results, grid):
    """All that is known, as JSON values; `distribution` is over `labels`."""
    photos = []
    for source, (width, height), people in results:
        faces = [face_record(person) for person in people]
        photos.append({"photo": source, "width": width, "height": height, "faces": faces})
    return {"labels": grid.tolist(), "photos": photos}


def face_record(person):
    record = {"age": person.y_hat, "spread": person.spread}
    if person.face is not None:
        record |= {
            "box": person.face.box.tolist(),
            "score": person.face.score,
            "landmarks": person.face.landmarks.tolist(),
        }
    return record | {
        "distribution": None if person.p_hat is None else person.p_hat.astype(float).tolist()
    }


def print_csv(results):
    """A row for each face."""
    table = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    table.writeheader()
    for source, _, people in results:
        for number, person in enumerate(people, start=1):
            row = {"photo": source, "face": number, "age": person.y_hat, "spread": person.spread}
            if person.face is not None:
                sides = dict(zip(COLUMNS[4:8], person.face.box, strict=True))
                row |= sides | {"score": person.face.score}
            table.writerow(row)


def draw(source, image, people, folder):
    """Write the picture of a photo; returns its path."""
    name = "photo" if source == STANDARD_INPUT else Path(source).stem
    figure = portrait_plots.people(image, people, name)
    return plots.save_new(figure, folder, f"{name}-ages")


# ------------------------------------------------------------------------------------- arguments


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


def build_parser():
    parser = cli.Parser(
        prog="python -m tinydldl.predict",
        description="Estimate the ages of the faces in photos, each as a distribution.",
        epilog=portraits.CAUTION,
    )
    parser.add_argument(
        "photos",
        nargs="+",
        metavar="PHOTO",
        help="a file, a folder of photos, a pattern such as 'party/*.jpg', or - for standard input",
    )

    network = parser.add_argument_group("network")
    portraits.add_network_arguments(network)

    where = parser.add_argument_group("where the faces are", "By default they are looked for.")
    where.add_argument(
        "--smallest", type=cli.whole(12), default=40, help="pixels of the smallest faces looked for"
    )
    instead = where.add_mutually_exclusive_group()
    instead.add_argument(
        "--no-detect", action="store_true", help="each photo is a face that is cut out already"
    )
    box, point = "x,y,width,height", "x,y of both eyes, the nose and both corners of the mouth"
    instead.add_argument(
        "--box", type=numbers(box), metavar="X,Y,W,H", help="there is a face in this box, in pixels"
    )
    instead.add_argument(
        "--landmarks",
        type=numbers(",".join("xy" * 5)),
        metavar="X,Y,...",
        help=f"{point}, left before right as one sees them: ten numbers",
    )

    output = parser.add_argument_group("output")
    output.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help=f"for the pictures (default: {FOLDER}, with --json or --csv none)",
    )
    form = output.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, with the distributions")
    form.add_argument("--csv", action="store_true", help="print a table, a row a face")
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
