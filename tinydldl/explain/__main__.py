"""What does a network look at? `python -m tinydldl.explain PHOTO` shows it on a face.

With `--dataset NAME` it shows mean faces and mean maps instead, one per decade of age.
"""

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tinydldl import cli, files, labels, plots, trained, weights
from tinydldl.arrays import Grid, Map
from tinydldl.datasets import selection
from tinydldl.errors import UserError
from tinydldl.explain import pictures, saliency
from tinydldl.faces import Face
from tinydldl.predict import inputs, portraits
from tinydldl.progress import Progress

FOLDER = Path("runs/explanations")
AROUND = (-20, 0, 20)  # years, from the estimate to the ages whose maps are drawn
FEWEST = 10  # photos per decade: a mean of fewer could identify a person
AGREE, PARTLY = 0.6, 0.3  # from these correlations on
# Arguments of one mode only.
OF_PHOTO = ["face", "box", "landmarks", "no_detect", "smallest", "score", "crop"]
OF_DATASET = ["data_dir", "table", "aligned", "split", "seed", "sigma", "part", "limit"]
OF_DATASET += ["batch", "loaders", "cache_mb"]


def main(argv: list[str] | None = None) -> int:
    """Show what a network looks at; returns the exit code."""
    arguments = parse(argv)
    files.check_folder(arguments.out)
    network = trained.load(weights.find(arguments.weights))
    explain = explain_photo if arguments.photo else explain_dataset
    figure, stem = explain(arguments, network)
    cli.results["picture"] = plots.save_new(figure, arguments.out, stem)
    print(f"picture   {cli.results['picture']}")
    return 0


def explain_photo(arguments: Namespace, network: trained.Trained) -> tuple[Figure, str]:
    """The figure of a face in a photo, and a name for it; prints its numbers."""
    photo, *others = inputs.expand(arguments.photo)
    if others:
        raise UserError(f"{arguments.photo}: {1 + len(others)} photos, expected one")
    image, faces, turned = inputs.look(photo, cli.gather(inputs.Search, arguments))
    face, which = choose_face(faces, photo, arguments.face)
    (portrait,) = portraits.portraits(network, image, [face], arguments.crop)
    pixels, side = np.asarray(portrait.view), network.side
    one = saliency.Maps(network, pixels[None])
    y_hat = float(one.y_hat[0])
    ages = ages_around(y_hat, one.grid)
    estimate = saliency.under_squares(one.of_expectation()[0], side)
    occluded = saliency.occlusion(network, pixels)
    agreement = agreement_text(r := saliency.agreement(estimate, occluded))
    cli.results.update(portrait.record(), photo=photo, of_this_view=y_hat, agreement=r)
    of_ages = {age: saliency.under_squares(one.of_log_probability(age)[0], side) for age in ages}
    print(f"face      {which}{inputs.turned_text(turned)}")
    print(f"estimate  {y_hat:.1f} years, of this view (predict: {portrait.y_hat:.1f}, the mean of")
    print("          this view and its mirror image)")
    print(f"map       {range_text(estimate)} years under a square")
    print(f"occlusion {range_text(occluded)} years; {agreement}")
    for age, one_map in of_ages.items():
        print(f"age {age:<5g} {range_text(one_map)} nats under a square")
    name = inputs.stem(photo)
    title = f"{name}: {y_hat:.1f} years; {agreement}"
    maps = estimate, occluded, of_ages
    return pictures.explanation(portrait.view, maps, one.p_hat[0], one.grid, title), f"{name}-maps"


def choose_face(faces: inputs.Faces, photo: str, asked: int | None) -> tuple[Face | None, str]:
    """Face number `asked`, or the most probable, and which one it is. Raises UserError."""
    if not faces:
        raise UserError(f"{photo}: {inputs.NO_FACE}")
    if (asked or 1) > len(faces):
        raise UserError(f"--face {asked}: expected 1 to {len(faces)}, the faces in the photo")
    if faces[0] is None:
        return None, "the whole photo"
    number = asked or 1 + int(np.argmax([face.score for face in faces if face]))
    which = f"{number} of {len(faces)}"
    if len(faces) > 1:
        which += ", from left to right"
        which += "" if asked else "; the detector is surest of it (--face for another)"
    return faces[number - 1], which


def ages_around(y_hat: float, grid: Grid) -> list[float]:
    """The labels nearest to the estimate and to ages `AROUND` it, within the grid."""
    ages = np.clip(np.add(y_hat, AROUND), grid[0], grid[-1])
    return list(dict.fromkeys(grid[labels.nearest(ages, grid)].tolist()))


def agreement_text(r: float | None) -> str:
    """A description of how far map and occlusion agree, whose correlation is r."""
    if r is None:
        return "map and occlusion cannot be compared, since one is the same everywhere"
    words = "agree" if r >= AGREE else "agree in part" if r >= PARTLY else "do not agree"
    return f"map and occlusion {words} (correlation {r:.2f})"


def range_text(one_map: Map) -> str:
    """The smallest and largest value, as text."""
    return f"from {one_map.min():+.2f} to {one_map.max():+.2f}"


def explain_dataset(arguments: Namespace, network: trained.Trained) -> tuple[Figure, str]:
    """The figure of the decades of a data set, and a name for it; prints their numbers."""
    grid, room = network.method.grid, arguments.cache_mb * 10**6
    request = cli.gather(selection.Request, arguments)
    part, store = selection.open_part(request, network.side, grid, room)
    files.check_folder(arguments.out, store.photos.paths)
    print(f"data      {arguments.dataset}: {len(store)} photos ({part})")
    with Progress(None, "looking", len(store), unit="photos") as progress:
        rows = saliency.by_decade(network, store, arguments.batch, progress.update)
    if not (shown := [row for row in rows if row["count"] >= FEWEST]):
        why = "for a mean that shows nobody; try a larger --limit, or another --part"
        raise UserError(f"{arguments.dataset}: expected {FEWEST} photos or more of a decade, {why}")
    if few := [f"{row['decade']}-{row['decade'] + 9}" for row in rows if row["count"] < FEWEST]:
        print(f"left out  {', '.join(few)}: fewer than {FEWEST} photos")
    cli.results["decades"] = [{n: row[n] for n in ("decade", "count", "y_hat")} for row in shown]
    for row in shown:
        row["map"] = saliency.under_squares(row["map"], network.side)
        ages = f"{row['decade']}-{row['decade'] + 9}"
        numbers = f"{row['count']:6} photos, estimate {row['y_hat']:5.1f}, map"
        print(f"{ages:9} {numbers} {range_text(row['map'])} years under a square")
    title = f"What the network looks at, by decade of true age\n{arguments.dataset} ({part})"
    return pictures.decades(shown, title), f"{arguments.dataset}-{part}-maps"


def parse(argv: list[str] | None) -> Namespace:
    """The arguments, with either a photo or a data set."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if bool(arguments.photo) == bool(arguments.dataset):
        parser.error("expected either PHOTO or --dataset")
    idle, wanted = (OF_DATASET, "--dataset") if arguments.photo else (OF_PHOTO, "PHOTO")
    for name in idle:
        if getattr(arguments, name) != parser.get_default(name):
            parser.error(f"--{name.replace('_', '-')} is for {wanted}")
    return arguments


def build_parser() -> cli.Parser:
    about = "Show what a network looks at: in one face, or on average in a data set."
    caution = "A map describes a network, not a person: it shows what moves the estimate, right or "
    caution += "wrong. Lesson 11 says what it can and cannot show."
    parser = cli.Parser("explain", about, caution)
    parser.add_argument("photo", nargs="?", metavar="PHOTO", help="a photo; - for standard input")
    faces = inputs.add_face_arguments(parser)
    about = "which of several faces, from left to right as in predict (default: the most probable)"
    faces.add_argument("--face", type=cli.whole(1), metavar="NUMBER", help=about)
    portraits.add_network_arguments(parser.add_argument_group("network"))
    data = parser.add_argument_group("data", "Instead of a photo: the means over a data set.")
    selection.add_part_arguments(data, "which one")
    parser.add_out("for the picture", FOLDER)
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
