"""Check a data set on disk: `python -m tinydldl.datasets utkface --data-dir data`.

Print what each part holds, read every photo as training does (its aligned crop where there is one),
look for exact duplicates and draw the ages. With `--align` write aligned crops of the faces beside
the photos instead, with `--pack` the pixels of all photos into one file. The exit code is 1 if a
photo cannot be read, and 2 if the set cannot be loaded.
"""

import sys
from argparse import Namespace
from pathlib import Path

from tinydldl import cli, files, plots, processes
from tinydldl.arrays import Ages
from tinydldl.datasets import DATASETS, DataError, Options, Parts, add_arguments, load
from tinydldl.datasets.base import join, same_bytes
from tinydldl.datasets.crops import FOLDER, RAW, align_photos, crop_of, prefer
from tinydldl.datasets.loader import PhotoStore
from tinydldl.datasets.packed import pack
from tinydldl.datasets.selection import SIDE as SIZE
from tinydldl.faces import SHAPES
from tinydldl.machine import available_cores
from tinydldl.predict import inputs

SIDE = 32  # pixels that the photos are made: they are only looked at
ALIGNED_HERE = (*RAW, "csv")
SHOWN = 5  # how many of a long list are printed


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    if arguments.align and arguments.name not in ALIGNED_HERE:
        names = ", ".join(ALIGNED_HERE)
        raise DataError(f"{arguments.name}: its faces are aligned already; --align is for {names}")
    options = cli.gather(Options, arguments)
    files.check_folder(arguments.out)
    parts = load(arguments.name, options, aligned=False)
    files.check_folder(arguments.out, [path for photos in parts.values() for path in photos.paths])
    total = sum(len(photos) for photos in parts.values())
    print(f"{arguments.name}: {total} photos (years: min / mean / max)")
    cli.results["photos"] = {part: len(photos) for part, photos in parts.items()}
    for part, p in parts.items():
        print(f"{part:>7} {len(p):7}   age {summary(p.ages)}   sigma {summary(p.sigmas)}")
    if arguments.align:
        return align(arguments, parts, options)
    parts = {part: prefer(photos, options) for part, photos in parts.items()}
    if arguments.pack:
        return pack_all(join(*parts.values()).paths, arguments, options)
    return check(arguments.name, parts, arguments.out)


def align(arguments: Namespace, parts: Parts, options: Options) -> int:
    """Make the aligned crops, and list the photos without one; returns the exit code."""
    crops = {path: crop_of(path, options) for photos in parts.values() for path in photos.paths}
    loaders = processes.bounded(arguments.loaders, len(crops))
    before, made, failed = align_photos(crops, arguments.crop, arguments.score, loaders)
    table = files.write_reasons(arguments.out, f"{arguments.name}-not-aligned.csv", failed)
    where = options.aligned or f"{FOLDER}/"
    print(f"aligned: {before + made} of {len(crops)} photos, {made} of them now, in {where}")
    print(f"not aligned: {len(failed)}, used as they are: {table}")
    cli.results.update(aligned=before + made, not_aligned=failed)
    return 0


def pack_all(paths: list[Path], arguments: Namespace, options: Options) -> int:
    """Pack all photos for a network; returns the exit code, 1 if one cannot be read."""
    path = options.data_dir / f"{arguments.name}-{arguments.pack}.npy"
    bad = pack(paths, path, arguments.pack, processes.bounded(arguments.loaders, len(paths)))
    print(f"packed: {len(paths) - len(bad)} photos, {path.stat().st_size / 1e6:,.1f} MB, in {path}")
    print_some(f"unreadable: {len(bad)}", [f"{photo}: {why}" for photo, why in bad])
    cli.results.update(packed=path, unreadable=bad)
    return 1 if bad else 0


def check(name: str, parts: Parts, folder: Path) -> int:
    """Check all photos and ages; returns the exit code, 1 if a photo cannot be read."""
    outside = sum(int(((p.ages < 0) | (p.ages > 100)).sum()) for p in parts.values())
    print(f"ages outside 0..100: {outside}")  # not on the label grid; training leaves them out
    where = [(part, path) for part, photos in parts.items() for path in photos.paths]
    copies = same_bytes([path for _, path in where])
    pairs = [(where[first], where[other]) for first, *others in copies for other in others]
    across = sum(first_part != part for (first_part, _), (part, _) in pairs)
    lines = [f"{one} {a} = {other} {b}" for (one, a), (other, b) in pairs]
    print_some(f"exact duplicates: {len(pairs)} pairs, {across} across two parts", lines)
    unreadable = PhotoStore(join(*parts.values()), SIDE, 0, available_cores(), "checking").bad
    print_some(f"unreadable: {len(unreadable)}", [f"{path}: {why}" for path, why in unreadable])
    if unreadable:
        print(f"all of them: {files.write_reasons(folder, f'{name}-unreadable.csv', unreadable)}")
    cli.results.update(outside=outside, duplicates=pairs, unreadable=unreadable)
    ages = {part: photos.ages for part, photos in parts.items()}
    figure = plots.age_histograms({name: ages})
    print(f"age histogram: {plots.save_new(figure, folder, f'{name}-ages')}")
    return 1 if unreadable else 0


def build_parser() -> cli.Parser:
    about = "Check a data set: counts, ages, duplicates and photos that cannot be read."
    parser = cli.Parser("datasets", about, "How to get each set: data/README.md")
    parser.add_argument("name", choices=[*DATASETS], help="which data set")
    data = parser.add_argument_group("data")
    add_arguments(data)
    add = data.add_argument
    add("--count", type=cli.whole(1), default=Options.count, help="synthetic: how many faces")
    add("--side", type=cli.whole(1), default=Options.side, help="synthetic: pixels per side")
    faces = parser.add_argument_group("aligned crops", "Made once; a stopped run can be resumed.")
    add = faces.add_argument
    add("--align", action="store_true", help=f"write crops of the faces to {FOLDER}/, or --aligned")
    add("--crop", choices=SHAPES, default="utkface", help="how the face lies in the crop")
    inputs.add_score_argument(faces)
    add("--loaders", type=cli.whole(1), default=2, help="threads that read photos, or find faces")
    about = "decode all photos, once, for trainings with this --size; a stopped run can be resumed"
    data.add_argument("--pack", type=SIZE, metavar="SIDE", help=about)
    parser.add_out("folder for the results", Path("runs/datasets"))
    return parser


def summary(years: Ages) -> str:
    """Smallest, mean and largest value, as text."""
    return f"{years.min():.1f} / {years.mean():.2f} / {years.max():.1f}" if len(years) else "-"


def print_some(headline: str, lines: list[str]) -> None:
    """Print a headline, the first few lines, and how many more there are."""
    print(headline, *(f"  {line}" for line in lines[:SHOWN]), sep="\n")
    if len(lines) > SHOWN:
        print(f"  and {len(lines) - SHOWN} more")


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
