"""Small trainings: as a user runs them, and what they leave behind."""

import csv
from dataclasses import replace
from pathlib import Path

from helpers.commands import exit_code

from tinydldl.train import command
from tinydldl.train.__main__ import main

SMALL = [
    "--limit",
    "40",
    "--size",
    "32",
    "--batch",
    "8",
    "--loaders",
    "1",
    "--cache-mb",
    "100",
    "--workers",
    "1",
]


def settings(**changes):
    """The settings of a small training, with changes."""
    return replace(command.settings_of(command.build_parser().parse_args(SMALL)), **changes)


def run(*arguments):
    """The exit code of the command."""
    return exit_code(main, *arguments)


def rows(path):
    """The rows of a CSV file, as dicts of texts."""
    return list(csv.DictReader(path.read_text().splitlines()))


def metrics(name):
    return Path("runs", name, "metrics.csv").read_bytes()


def forget_the_epochs(name):
    """Leave of a run what is there before its first checkpoint."""
    for path in Path("runs", name).glob("*"):
        if path.name != "config.json":
            path.unlink()
