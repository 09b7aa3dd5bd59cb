"""The photos of a data set that a command uses: ages on the label grid, no more than a limit."""

from argparse import SUPPRESS
from dataclasses import dataclass, replace

import numpy as np

from tinydldl import cli, datasets, images, models
from tinydldl.arrays import Grid
from tinydldl.datasets import DataError, Options, Parts, Photos
from tinydldl.datasets.base import join
from tinydldl.datasets.loader import PhotoStore
from tinydldl.datasets.packed import Packed
from tinydldl.datasets.transforms import CHOICES
from tinydldl.processes import MOST

FEWEST = 2  # photos in a part
MAY_FAIL = 3, 0.01  # photos of a part, or this share of them, that may be unreadable
PART_NAMES = {"train": "training", "valid": "validation", "test": "test"}  # in texts
TRAINED_ON = "train"  # the part that a network has seen, unless its run names another
ALL = "all"  # for --part: all parts together
SIDE = cli.whole(models.SMALLEST_SIDE, models.LARGEST_SIDE)  # the type of --size


@dataclass(frozen=True, kw_only=True)
class Request(Options):
    """The photos that a network is asked about: what `add_part_arguments` lets a user choose."""

    dataset: str
    part: str | None = None  # None: the first of valid, test and train that is not `trained_on`
    trained_on: str = TRAINED_ON
    limit: int | None = None  # the most photos, None for all
    loaders: int = 2  # see `PhotoStore`


def add_arguments(parser: cli.Group) -> None:
    """Add --loaders and --cache-mb to a parser or group."""
    add = parser.add_argument
    add("--loaders", type=cli.whole(1, MOST), default=2, help="how many prepare photos")
    add("--cache-mb", type=cli.whole(0), default=2048, help="MB of decoded photos held in memory")


def add_training_arguments(parser: cli.Group, few: str, augment: str) -> None:
    """Add --limit to --cache-mb; `few`, `augment`: what --limit uses, what --augment has."""
    add = parser.add_argument
    add("--limit", type=cli.whole(10), help=f"use {few}")
    add("--train-limit", type=cli.whole(FEWEST), help="train on only so many, evaluate on all")
    about = f"random changes to training photos, of {', '.join(CHOICES)} ({augment})"
    add("--augment", nargs="+", choices=CHOICES, metavar="TRANSFORM", help=about)
    text = "train on the photos as they are"
    add("--no-augment", action="store_const", dest="augment", const=[], default=SUPPRESS, help=text)
    add_arguments(parser)


def add_part_arguments(parser: cli.Group, what: str) -> None:
    """Add the arguments that make a `Request`, and --batch; `what`: the help of --dataset."""
    datasets.add_arguments(parser, what)
    about = f"which part of it, or {ALL} (default: valid, else test, if not trained on it)"
    parser.add_argument("--part", choices=["train", "valid", "test", ALL], help=about)
    parser.set_defaults(trained_on=TRAINED_ON)  # the run of a network may know better
    parser.add_argument("--limit", type=cli.whole(FEWEST), help="at most so many photos, or faces")
    parser.add_argument("--batch", type=cli.whole(1), default=64, help="photos at a time, at most")
    add_arguments(parser)


def choose(parts: Parts, wanted: list[str], dataset: str) -> str:
    """The first of the `wanted` names that `parts` has. Raises DataError if it has none of them."""
    if not (there := [name for name in wanted if name in parts]):
        raise DataError(f"{dataset}: no part {' or '.join(wanted)}, only {', '.join(parts)}")
    return there[0]


def load(dataset: str, options: Options, side: int, limit: int | None = None) -> Parts:
    """Every part, {part: Photos}; synthetic faces are `limit`, for `side`. Raises DataError."""
    count = limit if limit and dataset == "synthetic" else options.count
    return datasets.load(dataset, replace(options, side=images.held_side(side), count=count))


def within(parts: Parts, grid: Grid, dataset: str) -> Parts:
    """The photos of each part whose age is on the grid. Raises DataError if they are too few."""
    kept = {
        part: photos.take(np.flatnonzero((photos.ages >= grid[0]) & (photos.ages <= grid[-1])))
        for part, photos in parts.items()
    }
    left_out = sum(len(parts[part]) - len(photos) for part, photos in kept.items())
    span = f"{grid[0]:g}..{grid[-1]:g}"
    if left_out:
        print(f"warning: {left_out} photos left out, ages not in {span}")
    for part, photos in kept.items():
        if len(photos) < FEWEST:
            found = f"{len(photos)} photos in {part} with an age in {span}"
            raise DataError(f"{dataset}: {found}, expected {FEWEST} or more")
    return kept


def sample(photos: Photos, count: float, seed: int) -> Photos:
    """A random sample of `count` photos (at least `FEWEST`), in order; part of every larger one."""
    order = np.random.default_rng(seed).permutation(len(photos))
    return photos.take(np.sort(order[: max(FEWEST, round(count))]))


def open_part(request: Request, side: int, grid: Grid, room: float) -> tuple[str, PhotoStore]:
    """The part asked for, `name, photos`, which hold at most `room` bytes. Raises DataError."""
    name = request.dataset
    parts = load(name, request, side, request.limit)
    parts[ALL] = join(*parts.values())
    unseen = [part for part in ("valid", "test", "train") if part != request.trained_on]
    part = choose(parts, [request.part] if request.part else unseen, name)
    photos = within({part: parts[part]}, grid, name)[part]
    if request.limit:
        photos = sample(photos, request.limit, request.seed)
    packed = Packed(request.data_dir, name, side)
    return part, open_store(photos, part, packed, room, request.loaders)


def open_store(photos: Photos, part: str, packed: Packed, room: float, loaders: int) -> PhotoStore:
    """The `PhotoStore` of a part, without unreadable photos; prints how many. Raises DataError."""
    store = PhotoStore(photos, packed.side, room, loaders, f"reading {part}", packed.get)
    if store.loaders < loaders:
        print(f"loaders   {store.loaders} for {part}: more of {loaders} would have no work")
    if store.bad:
        path, reason = store.bad[0]
        failed = f"{len(store.bad)} of {len(photos)} photos of {part} cannot be read"
        lists = f"{cli.called('datasets')} {packed.dataset} lists them"
        text = f"{failed}; {lists}, the first is {path}: {reason}"
        few, share = MAY_FAIL
        if len(store.bad) > max(few, share * len(photos)) or len(store) < FEWEST:
            raise DataError(text)
        print(f"warning: left out, {text}")
    return store
