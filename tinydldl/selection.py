"""Which photos of a data set a command uses: within the label grid, at most so many, readable."""

import argparse
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tinydldl import baselines, cli, datasets
from tinydldl.datasets import DataError, crops
from tinydldl.datasets.loader import PhotoStore
from tinydldl.datasets.transforms import TRANSFORMS, held_side
from tinydldl.metrics import mae

FEWEST = 2  # photos in a part
JUDGED = {"valid": "validation", "test": "test"}  # in words


def add_arguments(parser):
    """Give an argparse parser, or a group of one, what says how photos are read."""
    parser.add_argument(
        "--loaders", type=cli.whole(1), default=2, help="processes that prepare photos"
    )
    parser.add_argument(
        "--cache-mb", type=cli.whole(0), default=2048, help="MB of decoded photos held in memory"
    )


def add_limit_arguments(parser, few):
    """Give it what says how many photos are used; `few`: `--limit` in words."""
    parser.add_argument("--limit", type=cli.whole(10), help=f"use {few}")
    parser.add_argument(
        "--train-limit",
        type=cli.whole(FEWEST),
        help="of the photos to train on, use only this many, and judge on all as before",
    )


def add_augment_arguments(parser, default):
    """Give it what says how training photos are changed; `default`: in words."""
    parser.add_argument(
        "--augment",
        nargs="+",
        choices=TRANSFORMS,
        metavar="TRANSFORM",
        help=f"random changes to training photos, of {', '.join(TRANSFORMS)} ({default})",
    )
    parser.add_argument(
        "--no-augment",
        dest="augment",
        action="store_const",
        const=[],
        default=argparse.SUPPRESS,
        help="train on the photos as they are",
    )


@dataclass
class Selection:
    """The photos to train on and those to judge on; `judged` names the latter, valid or test."""

    train: PhotoStore
    valid: PhotoStore
    judged: str

    @cached_property
    def baselines(self):
        """The MAE (years) of what a network must beat, by name."""
        y_train, y = self.train.photos.ages, self.valid.photos.ages
        pixels, new_pixels = (baselines.thumbnails(store) for store in (self.train, self.valid))
        return {
            "mean age": mae(baselines.mean_age(y_train, len(y)), y),
            "ridge regression on pixels": mae(baselines.ridge(pixels, y_train, new_pixels), y),
        }


def open_selection(arguments, grid):
    """Read the photos that `arguments` ask for, and say how many they are: a `Selection`."""
    (_, train_photos), (judged, judged_photos) = load_parts(arguments, grid).items()
    cache = arguments.cache_mb * 10**6
    train = open_store(train_photos, "train", arguments, cache)
    valid = open_store(judged_photos, judged, arguments, cache - train.cached_bytes)
    cached = (train.cached_bytes + valid.cached_bytes) / 1e6
    print(
        f"data      {arguments.dataset}: {len(train)} photos to train on, {len(valid)} "
        f"({judged}) to judge on; {cached:.0f} of at most {arguments.cache_mb} MB in memory"
    )
    return Selection(train, valid, judged)


def load_parts(arguments, grid):
    """`{"train": Photos, judged: Photos}` within grid and limits; judged: valid, else test."""
    everything = load(arguments)
    if warning := crops.warning(arguments.dataset, everything):
        print(f"warning: {warning}")
    judged = "valid" if "valid" in everything else "test"
    parts = {part: everything[part] for part in ("train", judged)}
    parts = within(parts, grid, arguments.dataset)
    share = min(1, (arguments.limit or np.inf) / sum(map(len, parts.values())))
    parts = {part: sample(p, share * len(p), arguments.seed) for part, p in parts.items()}
    if arguments.train_limit:
        parts["train"] = sample(parts["train"], arguments.train_limit, arguments.seed)
    return parts


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


def open_store(photos, part, arguments, cache_bytes):
    """Read the photos of a part; names those that cannot be read."""
    store = PhotoStore(photos, arguments.size, cache_bytes, arguments.loaders, f"reading {part}")
    if store.bad:
        path, reason = store.bad[0]
        print(f"warning: {len(store.bad)} photos of {part} left out, unreadable: {path} ({reason})")
    return store
