"""A photo in, an age distribution out: `python -m tinydldl.predict PHOTO...`.

A line for each face, and for each photo a picture of its faces and their distributions.
"""

import csv
import json
import sys
from pathlib import Path

from tqdm import tqdm

from tinydldl import cli, plots, portrait_plots, portraits, sources
from tinydldl.backend import UserError
from tinydldl.images import PhotoError
from tinydldl.sources import SourceError

FOLDER = Path("runs/predictions")
COLUMNS = ("photo", "face", "age", "spread", "left", "top", "right", "bottom", "score")


class PredictError(UserError):
    """What was asked for cannot be predicted."""


def main(argv=None):
    """Estimate the ages in photos; returns the exit code, 2 if one of them could not be used."""
    arguments = build_parser().parse_intermixed_args(argv)
    photos = [photo for given in arguments.photos for photo in sources.expand(given)]
    if len(photos) > 1 and (arguments.box or arguments.landmarks):
        raise PredictError(f"--box and --landmarks are for one photo, and there are {len(photos)}")
    table = arguments.json or arguments.csv
    folder = arguments.out or (None if table else FOLDER)
    if folder:
        plots.check_folder(folder)
    network = portraits.open_network(arguments)
    results, failed = [], False
    bar = table and len(photos) > 1  # else a line for each face shows how it goes
    for photo in tqdm(photos, unit=" photos", leave=False, disable=None if bar else True):
        try:
            image, faces = sources.look(photo, arguments)
        except (PhotoError, SourceError) as error:
            warn(f"error: {error}")
            failed = True
            continue
        people = portraits.portraits(network, image, faces, arguments.crop)
        results.append((photo, image.size, people))
        if not people:
            warn(f"{photo}: {sources.NO_FACE}")
        elif not table:
            print(*lines(photo, people), sep="\n")
        if people and folder:
            path = draw(photo, image, people, folder)
            (warn if table else print)(f"picture   {path}")
    if arguments.json:
        print(json.dumps(document(results, network.method.grid), indent=2))
    elif arguments.csv:
        print_csv(results)
    elif any(person.p_hat is not None for *_, people in results for person in people):
        print("±         the standard deviation of a distribution: how unsure the network is")
    return cli.DATA_ERROR if failed else 0


def warn(line):
    """A line on standard error, above a progress bar if there is one."""
    tqdm.write(line, file=sys.stderr)


# --------------------------------------------------------------------------------------- results


def lines(photo, people):
    """A line for each face, for the screen."""
    for number, person in enumerate(people, start=1):
        spread = "" if person.spread is None else f" ± {person.spread:.1f}"
        where = "the whole photo" if person.face is None else box_text(person.face.box)
        yield f"{photo}, face {number}: {person.y_hat:.1f}{spread} years ({where})"


def box_text(box):
    left, top, right, bottom = box
    return f"{right - left:.0f} x {bottom - top:.0f} pixels at {left:.0f}, {top:.0f}"


def document(results, grid):
    """All that is known, as JSON values; `distribution` is over `labels`."""
    photos = []
    for photo, (width, height), people in results:
        faces = [face_record(person) for person in people]
        photos.append({"photo": photo, "width": width, "height": height, "faces": faces})
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
    for photo, _, people in results:
        for number, person in enumerate(people, start=1):
            row = {"photo": photo, "face": number, "age": person.y_hat, "spread": person.spread}
            if person.face is not None:
                sides = dict(zip(COLUMNS[4:8], person.face.box, strict=True))
                row |= sides | {"score": person.face.score}
            table.writerow(row)


def draw(photo, image, people, folder):
    """Write the picture of a photo; returns its path."""
    name = sources.stem(photo)
    figure = portrait_plots.people(image, people, name)
    return plots.save_new(figure, folder, f"{name}-ages")


# ------------------------------------------------------------------------------------- arguments


def build_parser():
    parser = cli.Parser(
        prog="python -m tinydldl.predict",
        description="Estimate the ages of the faces in photos, each as a distribution: its "
        "expectation is the estimate, its standard deviation (±) says how unsure the network is.",
        epilog=f"{portraits.CAUTION} The exit code is 2 if a photo cannot be used; that no face is "
        "found in one is an answer, and no error.",
    )
    parser.add_argument(
        "photos",
        nargs="+",
        metavar="PHOTO",
        help="a file, a folder of photos, a pattern such as 'party/*.jpg', or - for standard input",
    )

    network = parser.add_argument_group("network")
    portraits.add_network_arguments(network)

    sources.add_face_arguments(parser)

    output = parser.add_argument_group("output")
    output.add_argument(
        "--out",
        type=cli.path,
        metavar="FOLDER",
        help=f"for the pictures (default: {FOLDER}, with --json or --csv none)",
    )
    form = output.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, with the distributions")
    form.add_argument("--csv", action="store_true", help="print a table, a row a face")
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
