"""The data sets: one name each, a module for each kind of label, one way to load them.

`load("utkface", Options(data_dir=Path("data")))` gives `{"train": Photos, "valid": Photos, ...}`.
How to get each set, and what its folder looks like, is in `data/README.md`.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tinydldl import cli
from tinydldl.datasets import apparent, csv_table, imdb_wiki, named, synthetic
from tinydldl.datasets.base import DataError, Options, Parts, Photos
from tinydldl.datasets.crops import prefer

DATASETS: dict[str, Callable[[Options], Parts]] = {
    "synthetic": synthetic.load,
    "chalearn15": apparent.chalearn15,
    "chalearn16": apparent.chalearn16,
    "appa-real": apparent.appa_real,
    "utkface": named.utkface,
    **{name: partial(named.load, name) for name in named.LAYOUTS},
    "imdb-wiki": imdb_wiki.load,
    "csv": csv_table.load,
}


def load(name: str, options: Options, aligned: bool = True) -> Parts:
    """The parts of a set, {"train": Photos, ...}; `aligned`: as crops, if any. Raises DataError."""
    if name not in DATASETS:
        raise DataError(f"no data set {name!r}, expected one of {', '.join(DATASETS)}")
    if options.table and name != "csv":
        raise DataError(f"{name}: --table is for --dataset csv alone")
    try:
        parts = DATASETS[name](options)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    except OSError as error:
        raise DataError(f"{name}: cannot read {error.filename} ({error.strerror})") from error
    return {part: prefer(p, options) for part, p in parts.items()} if aligned else parts


def default_data_dir() -> Path:
    """The folder that holds the data sets: $TINYDLDL_DATA, else `data`."""
    return Path(os.environ.get("TINYDLDL_DATA") or "data")


def add_arguments(parser: cli.Group, what: str | None = None, default: str | None = None) -> None:
    """Add the arguments that make an `Options`, and with `what`, its help, --dataset."""
    add = parser.add_argument
    if what:
        add("--dataset", choices=DATASETS, default=default, help=what)
    add("--data-dir", type=cli.path, default=default_data_dir(), help="holds a folder per set")
    add("--table", type=cli.path, help="csv: table of paths, ages and more, see data/README.md")
    add("--aligned", type=cli.path, metavar="FOLDER", help="of the crops (default: beside photos)")
    about = "of a set without parts: at random, or by subject, with nobody in both (if it says who)"
    add("--split", choices=["random", "subject"], default=Options.split, help=about)
    add("--seed", type=cli.whole(0), default=Options.seed, help="seed of everything random")
    add("--sigma", type=cli.not_negative, default=Options.sigma, help="years, where there is none")
