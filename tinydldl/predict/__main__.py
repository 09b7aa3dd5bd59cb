"""A photo in, an age distribution out: `python -m tinydldl.predict PHOTO...`.

Print a line per face, and draw a picture per photo, of its faces and their distributions.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from PIL import Image

from tinydldl import cli, plots
from tinydldl.arrays import Grid
from tinydldl.errors import UserError
from tinydldl.faces import Face
from tinydldl.fast import FastNet
from tinydldl.files import check_folder, csv_line
from tinydldl.images import PhotoError
from tinydldl.predict import inputs, pictures, portraits
from tinydldl.progress import Progress
from tinydldl.trained import Trained

FOLDER = Path("runs/predictions")
COLUMNS = ("photo", "face", "age", "spread", "left", "top", "right", "bottom", "score")

Found = tuple[str, Image.Image, list[portraits.Portrait]]  # a photo, its image, its faces
Results = Iterable[Found]


def main(argv: list[str] | None = None) -> int:
    """Estimate the ages in photos; returns the exit code, 2 if one of them could not be used."""
    arguments = build_parser().parse_intermixed_args(argv)
    photos = [photo for given in arguments.photos for photo in inputs.expand(given)]
    if len(photos) > 1 and (arguments.box or arguments.landmarks):
        raise UserError(f"--box and --landmarks are for one photo, and there are {len(photos)}")
    show = print_json if arguments.json else print_csv if arguments.csv else print_lines
    folder = arguments.out or (FOLDER if show is print_lines else None)
    if folder:
        check_folder(folder)
    failed: list[str] = []
    network = portraits.open_network(arguments.net, arguments.checkpoint)
    network.model = FastNet(network.model)
    say = print if show is print_lines else warn
    found = results(photos, network, cli.gather(inputs.Search, arguments), arguments.crop, failed)
    show(drawn(found, folder, say), network.method.grid)
    return cli.DATA_ERROR if failed else 0


def results(
    photos: Sequence[str], network: Trained, search: inputs.Search, shape: str, failed: list[str]
) -> Iterator[Found]:
    """Yield `photo, image, people` for each photo; add those that cannot be used to `failed`."""
    bar = len(photos) > 1 and not sys.stdout.isatty()  # else the results are the progress
    for photo in Progress(photos, total=len(photos), unit="photos") if bar else photos:
        try:
            image, faces = inputs.look(photo, search)
        except PhotoError as error:
            warn(cli.error_line(error))
            failed.append(photo)
            continue
        people = portraits.portraits(network, image, faces, shape)
        if not people:
            warn(f"{photo}: {inputs.NO_FACE}")
        yield photo, image, people


def drawn(results: Results, folder: Path | None, say: Callable[[str], None]) -> Iterator[Found]:
    """Yield the same; draw each once it is printed, and `say` where the picture is."""
    for photo, image, people in results:
        yield photo, image, people
        sys.stdout.flush()
        if people and folder:
            name = inputs.stem(photo)
            figure = pictures.people(image, people, name)
            say(f"picture   {plots.save_new(figure, folder, f'{name}-ages')}")


def warn(line: str) -> None:
    """Print a line on standard error, above the progress bar if there is one."""
    Progress.write(line, file=sys.stderr)


# Results are printed one by one: this takes no memory, and loses nothing on Ctrl-C.


def print_lines(results: Results, grid: Grid) -> None:
    """Print a line per face."""
    spread = None
    for photo, _, people in results:
        for number, person in enumerate(people, start=1):
            spread = "" if person.spread is None else f" ± {person.spread:.1f}"
            where = face_text(person.face) if person.face else "the whole photo"
            print(f"{photo}, face {number}: {person.y_hat:.1f}{spread} years ({where})")
    if spread:
        print("±         the standard deviation of a distribution: how unsure the network is")


def face_text(face: Face) -> str:
    left, top, right, bottom = face.box
    box = f"{right - left:.0f} x {bottom - top:.0f} pixels at {left:.0f}, {top:.0f}"
    return f"{box}; score {face.score:.2f}"


def print_json(results: Results, grid: Grid) -> None:
    """Print everything as one document; `distribution` is over `labels`."""
    print(f'{{"labels": {json.dumps(grid.tolist())}, "photos": [', end="")
    comma = ""
    try:
        for photo, image, people in results:
            faces = [person.record() for person in people]
            size = {"width": image.width, "height": image.height}
            record = {"photo": photo} | size | {"faces": faces}
            print(comma, json.dumps(record, indent=2), sep="\n", end="")
            comma = ","
    finally:  # a stopped document stays valid
        print("\n]}")


def print_csv(results: Results, grid: Grid) -> None:
    """Print a row per face; a photo without faces has one that is empty but for its name."""
    print(",".join(COLUMNS))
    for photo, _, people in results:
        if not people:
            print(csv_line(COLUMNS, {"photo": photo}), end="")
        for number, person in enumerate(people, start=1):
            row = {"photo": photo, "face": number, "age": person.y_hat, "spread": person.spread}
            if person.face is not None:
                sides = dict(zip(COLUMNS[4:8], person.face.box, strict=True))
                row |= sides | {"score": person.face.score}
            print(csv_line(COLUMNS, row), end="")


def build_parser() -> cli.Parser:
    about = "Estimate the ages of the faces in photos, each as a distribution: its expectation is "
    about += "the estimate, its standard deviation (±) says how unsure the network is."
    exits = "The exit code is 2 if a photo cannot be used; a photo without a face is not an error."
    parser = cli.Parser("predict", about, f"{portraits.CAUTION} {exits}")
    about = "a file, a folder, a pattern such as 'party/**/*.jpg', or - for standard input"
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help=about)
    portraits.add_network_arguments(parser.add_argument_group("network"))
    inputs.add_face_arguments(parser)
    output = parser.add_out(f"for the pictures (default: {FOLDER}, with --json or --csv none)")
    add = output.add_mutually_exclusive_group().add_argument
    add("--json", action="store_true", help="print JSON, with the distributions")
    add("--csv", action="store_true", help="print a table, a row per face")
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
