"""A photo in, an age distribution out: `python -m tinydldl.predict PHOTO...`.

Print a line per face, and draw a picture per photo, of its faces and their distributions.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tinydldl import cli, files, progress, weights
from tinydldl.arrays import Grid
from tinydldl.errors import UserError
from tinydldl.predict import inputs, many, portraits
from tinydldl.predict.many import Found

FOLDER = Path("runs/predictions")
AS_TABLES: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
COLUMNS = ("photo", "face", "age", "spread", "left", "top", "right", "bottom", "score", "turned")

Results = Iterator[Found]


def main(argv: list[str] | None = None) -> int:
    """Estimate the ages in photos; returns the exit code, 2 if one of them could not be used."""
    arguments = build_parser().parse_intermixed_args(argv)
    photos = [photo for given in arguments.photos for photo in inputs.expand(given)]
    if len(photos) > 1 and (arguments.box or arguments.landmarks):
        raise UserError(f"--box and --landmarks are for one photo, and there are {len(photos)}")
    lines = not (arguments.json or arguments.csv or arguments.resume)
    if folder := arguments.out or (FOLDER if lines else None):
        files.check_folder(folder)
    path, table = weights.find(arguments.weights), arguments.resume
    network = many.open_network(path)
    asked = cli.gather(many.Asked, arguments, network=path, folder=folder)
    if table:
        photos = to_do(photos, table)
    failed: list[str] = []
    results = usable(
        many.found(network, asked, photos), len(photos), failed, print if lines else warn
    )
    if arguments.json:
        print_json(results, network.method.grid)
    elif lines:
        print_lines(results)
    else:
        print_csv(results, table)
    return cli.DATA_ERROR if failed else 0


def usable(results: Results, total: int, failed: list[str], say: Callable[[str], None]) -> Results:
    """Yield the photos that could be used, add the others to `failed`; `say` where pictures are."""
    bar = total > 1 and not sys.stdout.isatty()  # else the results are the progress
    for result in progress.Progress(results, total=total, unit="photos") if bar else results:
        if result.error:
            warn(cli.error_line(result.error))
            failed.append(result.photo)
            continue
        if not result.people:
            warn(f"{result.photo}: {inputs.NO_FACE}")
        yield result
        sys.stdout.flush()
        if result.picture:
            say(f"picture   {result.picture}")


def to_do(photos: Sequence[str], table: Path) -> list[str]:
    """The photos that a table of `print_csv` lacks, once each; it is begun if it is not there.

    The last photo in it is done again: the table may have been left in the middle of its faces. If
    it is not asked for, its rows stay, unless the table was left in the middle of a row.
    """
    rows = files.read_table(table, AS_TABLES["errors"]) if table.exists() else []
    text = table.read_bytes() if table.exists() else b""
    header = ",".join(COLUMNS).encode()
    begun = text.startswith(header) or header.startswith(text)
    if not begun or not all({"photo"} <= row.keys() <= {*COLUMNS} for row in rows):
        raise UserError(f"{table}: not a table of predict; give another --resume")
    done = dict.fromkeys(row["photo"] for row in rows)
    cut = text.count(b'"') % 2 or not text.endswith(b"\n")
    if rows and (cut or rows[-1]["photo"] in photos):
        del done[rows[-1]["photo"]]
    files.write_table(table, COLUMNS, [row for row in rows if row["photo"] in done])
    return [photo for photo in dict.fromkeys(photos) if photo not in done]


def warn(line: str) -> None:
    """Print a line on standard error, above the progress bar if there is one."""
    progress.Progress.write(line, file=sys.stderr)


def print_lines(results: Results) -> None:
    """Print results one by one, as all do: this takes no memory, and loses nothing on Ctrl-C."""
    spread = None
    for result in results:
        for number, person in enumerate(result.people, start=1):
            spread = "" if person.spread is None else f" ± {person.spread:.1f}"
            where = "the whole photo"
            if face := person.face:
                left, top, right, bottom = face.box
                size = f"{right - left:.0f} x {bottom - top:.0f} pixels"
                where = f"{size} at {left:.0f}, {top:.0f}; score {face.score:.2f}"
            where += inputs.turned_text(result.turned)
            print(f"{result.photo}, face {number}: {person.y_hat:.1f}{spread} years ({where})")
    if spread:
        print("±         the standard deviation of a distribution: how unsure the network is")


def print_json(results: Results, grid: Grid) -> None:
    """Print everything as one document; `distribution` is over `labels`."""
    print(f'{{"labels": {json.dumps(grid.tolist())}, "photos": [', end="")
    comma = ""
    try:
        for result in results:
            size = dict(zip(("width", "height"), result.size, strict=True))
            faces = [person.record() for person in result.people]
            record = {"photo": result.photo} | size | {"turned": result.turned, "faces": faces}
            print(comma, json.dumps(record, indent=2), sep="\n", end="")
            comma = ","
    finally:  # a stopped document stays valid
        print("\n]}")


def print_csv(results: Results, table: Path | None) -> None:
    """Print a row per face, or add it to a table; of a photo without faces there is one, empty."""
    with open(table, "a", **AS_TABLES) if table else nullcontext(sys.stdout) as file:
        if not table:
            print(",".join(COLUMNS))
        for result in results:
            rows = list(face_rows(result)) or [{"photo": result.photo}]
            lines = "".join(files.csv_line(COLUMNS, row) for row in rows)
            print(lines, end="", file=file, flush=True)


def face_rows(result: Found) -> Iterator[dict[str, Any]]:
    """A row of COLUMNS for each face."""
    for number, person in enumerate(result.people, start=1):
        row = {"photo": result.photo, "face": number, "age": person.y_hat, "spread": person.spread}
        if person.face is not None:
            row |= dict(zip(COLUMNS[4:8], person.face.box, strict=True))
            row |= {"score": person.face.score, "turned": result.turned}
        yield row


def build_parser() -> cli.Parser:
    about = "Estimate the ages of the faces in photos, each as a distribution: its expectation is "
    about += "the estimate, its standard deviation (±) says how unsure the network is."
    exits = "The exit code is 2 if a photo cannot be used; a photo without a face is not an error."
    parser = cli.Parser("predict", about, f"{portraits.CAUTION} {exits}")
    parser.conflict_handler = "resolve"  # it has a --json of its own, which prints as it goes
    about = "a file, a folder, a pattern such as 'party/**/*.jpg', or - for standard input"
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help=about)
    portraits.add_network_arguments(parser.add_argument_group("network"))
    inputs.add_face_arguments(parser)
    output = parser.add_out(f"for the pictures (default: {FOLDER}; with a table or JSON none)")
    add = output.add_mutually_exclusive_group().add_argument
    add("--json", action="store_true", help="print JSON, with the distributions")
    add("--csv", action="store_true", help="print a table, a row per face")
    about = "write this table to a file, and if it is there, go on with it: for many photos"
    add("--resume", type=cli.path, metavar="CSV", help=about)
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
