"""Small trainings: as a user runs them, and what they leave behind."""

import csv
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
from helpers.commands import exit_code

from tinydldl.models import AgeNet
from tinydldl.optim import Adam
from tinydldl.train.__main__ import main
from tinydldl.train.loop import Training
from tinydldl.train.settings import build_parser, settings_of

SMALL = shlex.split("--limit 40 --size 32 --batch 8 --loaders 1 --cache-mb 100 --workers 1")


def settings(**changes):
    """The settings of a small training, with changes."""
    return replace(settings_of(build_parser().parse_args(SMALL)), **changes)


def run(*arguments):
    """The exit code of the command."""
    return exit_code(main, *arguments)


def training(store, method, rng, xp=np, eps=1e-8, **settings):
    """TinyAgeNet of 32 px, to be trained with Adam, and evaluated, on the photos of a store."""
    model = AgeNet("tiny", method.outputs, 32, rng=rng).to(xp)
    optimizer = Adam(model.params, model.grads, eps=eps)
    settings |= {"train_store": store, "valid_store": store, "xp": xp}
    settings["channels"] = store.channel_statistics()
    return Training(model=model, method=method.to(xp), optimizer=optimizer, **settings)


def rows(path):
    """The rows of a CSV file, as dicts of texts."""
    return list(csv.DictReader(Path(path).read_text().splitlines()))


def metrics(name):
    return Path("runs", name, "metrics.csv").read_bytes()


def forget_the_epochs(name):
    """Leave of a run what is there before its first checkpoint."""
    for path in Path("runs", name).glob("*"):
        if path.name != "config.json":
            path.unlink()
