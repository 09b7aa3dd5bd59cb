"""Which photos of a data set a command uses: within the label grid, at most so many, readable."""

import argparse

import numpy as np

from tinydldl import cli, datasets
from tinydldl.datasets import DataError
from tinydldl.datasets.base import join
from tinydldl.datasets.loader import PhotoStore
from tinydldl.datasets.transforms import CHOICES
from tinydldl.images import held_side
from tinydldl.processes import MOST

FEWEST = 2  # photos in a part
MAY_FAIL = 3, 0.01  # photos of a part, or this share of them: that many may be unreadable
JUDGED = {"train": "training", "valid": "validation", "test": "test"}  # in words
TRAINED_ON = "train"  # the part that a network has seen, unless its run says another
ALL = "all"  # for --part: all parts together


def add_arguments(parser):
    """Give an argparse parser, or a group of one, what says how photos are read."""
    add = parser.add_argument
    add("--loaders", type=cli.whole(1, MOST), default=2, help="processes that prepare photos")
    add("--cache-mb", type=cli.whole(0), default=2048, help="MB of decoded photos held in memory")


def add_limit_arguments(parser, few):
    """Give it what says how many photos are used; `few`: `--limit` in words."""
    parser.add_argument("--limit", type=cli.whole(10), help=f"use {few}")
    parser.add_argument(
        "--train-limit",
        type=cli.whole(FEWEST),
        help="of the photos to train on, use only this many, and judge on all as before",
    )


def add_part_arguments(parser, what):
    """Give it all that `open_part` uses: which photos a network looks at, and `what` for."""
    datasets.add_dataset_arguments(parser, what)
    parser.add_argument(
        "--part",
        choices=["train", "valid", "test", ALL],
        help=f"which part of it, or {ALL} (default: valid, else test, if not trained on it)",
    )
    parser.set_defaults(trained_on=TRAINED_ON)  # what the run of a network may say better
    parser.add_argument(
        "--limit",
        type=cli.whole(FEWEST),
        help="use this many photos at most; synthetic draws this many",
    )
    parser.add_argument("--batch", type=cli.whole(1), default=64, help="photos at a time, at most")
    add_arguments(parser)


def add_augment_arguments(parser, default):
    """Give it what says how training photos are changed; `default`: in words."""
    parser.add_argument(
        "--augment",
        nargs="+",
        choices=CHOICES,
        metavar="TRANSFORM",
        help=f"random changes to training photos, of {', '.join(CHOICES)} ({default})",
    )
    parser.add_argument(
        "--no-augment",
        dest="augment",
        action="store_const",
        const=[],
        default=argparse.SUPPRESS,
        help="train on the photos as they are",
    )


def choose(parts, wanted, dataset):
    """The first of the `wanted` names that `parts` has. Raises DataError if it has none of them."""
    there = [name for name in wanted if name in parts]
    if not there:
        raise DataError(f"{dataset}: no part {' or '.join(wanted)}, only {', '.join(parts)}")
    return there[0]


def load(arguments):
    """Every part of the data set; of synthetic faces only as many as `--limit` says."""
    extra = {"side": held_side(arguments.size)}
    if arguments.limit and arguments.dataset == "synthetic":
        extra["count"] = arguments.limit
    return datasets.load(arguments.dataset, datasets.options_from(arguments, **extra))


def within(parts, grid, dataset):
    """Of each part the photos whose age the grid holds. Raises DataError if they are too few."""
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
            raise DataError(
                f"{dataset}: {len(photos)} photos in {part} with an age in {span}, "
                f"expected {FEWEST} or more"
            )
    return kept


def sample(photos, count, seed):
    """At random `count` of the photos, but not fewer than `FEWEST`, in their order.

    With one seed a smaller sample is a part of every larger one.
    """
    order = np.random.default_rng(seed).permutation(len(photos))
    return photos.take(np.sort(order[: max(FEWEST, round(count))]))


def open_part(arguments, side, grid, cache_bytes):
    """The part of a data set that `add_part_arguments` asks for, for networks of `side`.

    Returns its name and its photos: `part, store`. Raises DataError if the set has no such part.
    """
    own = argparse.Namespace(**(vars(arguments) | {"size": side}))
    parts = load(own)
    parts[ALL] = join(*parts.values())
    unseen = [name for name in ("valid", "test", "train") if name != arguments.trained_on]
    part = choose(parts, [arguments.part] if arguments.part else unseen, arguments.dataset)
    photos = within({part: parts[part]}, grid, arguments.dataset)[part]
    if arguments.limit:
        photos = sample(photos, arguments.limit, arguments.seed)
    return part, open_store(photos, part, own, cache_bytes)


def open_store(photos, part, arguments, cache_bytes):
    """Read the photos of a part, without those that cannot be read: their number is said.

    Raises DataError if too many of them cannot, or too few are left.
    """
    store = PhotoStore(photos, arguments.size, cache_bytes, arguments.loaders, f"reading {part}")
    if store.loaders < arguments.loaders:
        asked = f"more of {arguments.loaders} would have no work"
        print(f"loaders   {store.loaders} for {part}: {asked}")
    if store.bad:
        path, reason = store.bad[0]
        text = (
            f"{len(store.bad)} of {len(photos)} photos of {part} cannot be read; python -m "
            f"tinydldl.datasets {arguments.dataset} lists them, the first is {path}: {reason}"
        )
        few, share = MAY_FAIL
        if len(store.bad) > max(few, share * len(photos)) or len(store) < FEWEST:
            raise DataError(text)
        print(f"warning: left out, {text}")
    return store
