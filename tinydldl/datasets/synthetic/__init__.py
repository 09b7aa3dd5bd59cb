"""Faces drawn by the package itself: a data set that needs no download and no permission.

Face i of a set comes from `SeedSequence([seed, i])` alone, so a set of 100 is the beginning of a
set of 3,000. The faces are in an ordinary folder, such as `<data_dir>/synthetic/v1-seed0-side55/`,
beside their table `labels.csv`; only missing ones are drawn.

This file makes the labels and fills the folder; the drawing begins in `face.py`.
"""

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tinydldl.arrays import Array, Rng
from tinydldl.datasets.base import DataError, Options, Parts, Photos
from tinydldl.datasets.loader import in_order
from tinydldl.datasets.synthetic.face import draw_face
from tinydldl.files import check_room, clear, held, replacing
from tinydldl.machine import available_cores
from tinydldl.processes import Helpers
from tinydldl.progress import Progress

# Raise this whenever the drawing or the labels change: old faces lie in a folder of another name.
VERSION = 1

AGE_MIN, AGE_MAX = 1.0, 95.0  # years, of the people who are drawn
VOTE_MIN, VOTE_MAX = 0.0, 100.0  # years, what an annotator may answer
ANNOTATORS = 10
VALID_EVERY = 5  # the last of every five faces is for validation
SIDE_MIN, SIDE_MAX = 32, 256  # pixels
BLOCK, PIXEL = 4096, 1.4  # bytes of the smallest file, and of a pixel of a face, about
FEW = 64  # fewer missing faces are drawn in this process: starting others would take longer


def sample_age(rng: Rng) -> float:
    """A true age, years: one in seven is a child, adults peak near 25, and few are over 80."""
    if rng.random() < 1 / 7:
        return rng.uniform(AGE_MIN, 18)
    age = 18 + rng.gamma(1.6, 14)
    return age if age <= AGE_MAX else sample_age(rng)


def annotate(age: float, rng: Rng) -> Array:
    """The guesses of ten annotators for a person of `age`: votes (10,) in whole years.

    Their standard deviation grows with age, from 1.5 years for an infant to 5 at age 90. The label
    of a photo is the mean of its votes, its sigma their standard deviation.
    """
    deviation = 1.5 + 3.5 * age / 90
    return np.rint(age + deviation * rng.standard_normal(ANNOTATORS)).clip(VOTE_MIN, VOTE_MAX)


def _begin_face(seed: int, index: int) -> tuple[float, Array, Rng]:
    """Face `index` of the set `seed`: true age, votes (10,), and the generator that draws it."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, index]))
    age = sample_age(rng)
    return age, annotate(age, rng), rng


def _label(seed: int, names: Sequence[str]) -> tuple[Array, bytes]:
    """Ages, sigmas and true ages of the first faces, (count, 3), in years, and their `labels.csv`.

    Sigma is the standard deviation of these ten votes (ddof = 0), not an estimate for all people.
    """
    faces = Progress(range(len(names)), "labeling synthetic faces", len(names), unit="faces")
    begun = (_begin_face(seed, index)[:2] for index in faces)
    labels = np.array([(votes.mean(), votes.std(), age) for age, votes in begun])
    rows = zip(names, labels.tolist(), strict=True)
    lines = (f"{name},{age!r},{sigma!r},{true_age!r}\n" for name, (age, sigma, true_age) in rows)
    return labels, ("path,age,sigma,true_age\n" + "".join(lines)).encode()


def _is_whole(folder: Path, names: Sequence[str], table: bytes) -> bool:
    """Whether `folder` holds the faces and their table, or a longer one that begins with it."""
    there = set(os.listdir(folder))
    labelled = "labels.csv" in there and (folder / "labels.csv").read_bytes().startswith(table)
    return labelled and there.issuperset(names)


def _draw(folder: Path, seed: int, side: int, name: str) -> None:
    """Draw a face into `folder`, whose name is its number."""
    age, _, rng = _begin_face(seed, int(name.removesuffix(".png")))
    with replacing(folder / name, durable=False) as file:
        draw_face(age, rng, side).save(file, format="PNG")


def _draw_missing(folder: Path, seed: int, side: int, names: Sequence[str]) -> None:
    """Draw those of the faces that are missing in `folder`."""
    there = set(os.listdir(folder))
    missing = [name for name in names if name not in there]
    draw = partial(_draw, folder, seed, side)
    few, cores = len(missing) < FEW, available_cores()
    drawn = map(draw, missing) if few else in_order(Helpers(cores, draw), missing, cores)
    for _ in Progress(drawn, "drawing synthetic faces", len(missing), unit="faces"):
        pass


def load(options: Options) -> Parts:
    """{"train", "valid"}: four of five faces, and each fifth; missing ones are drawn."""
    count, side = options.count, options.side
    if count < VALID_EVERY:
        raise DataError(f"needs at least {VALID_EVERY} faces to have both parts, not {count}")
    if not SIDE_MIN <= side <= SIDE_MAX:
        raise DataError(f"draws faces of {SIDE_MIN} to {SIDE_MAX} pixels per side, not {side}")
    folder = options.data_dir / "synthetic" / f"v{VERSION}-seed{options.seed}-side{side}"
    there = len(os.listdir(folder)) if folder.is_dir() else 0
    check_room(folder, (count - there) * max(BLOCK, PIXEL * side**2), f"{count} faces")
    names = [f"{index:05d}.png" for index in range(count)]
    labels, table = _label(options.seed, names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _is_whole(folder, names, table):
            with held(folder, wait=True):
                clear(folder)
                _draw_missing(folder, options.seed, side, names)
                if not _is_whole(folder, names, table):
                    with replacing(folder / "labels.csv") as file:
                        file.write(table)
    except OSError as error:
        raise DataError(f"cannot write faces into {folder} ({error.strerror})") from error
    photos = Photos([folder / name for name in names], labels[:, 0].copy(), labels[:, 1].copy())
    is_valid = np.arange(count) % VALID_EVERY == VALID_EVERY - 1
    parts = {"train": ~is_valid, "valid": is_valid}
    return {name: photos.take(np.flatnonzero(chosen)) for name, chosen in parts.items()}
