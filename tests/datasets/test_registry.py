"""The names of the sets, where they are looked for, and the arguments that choose among them."""

import argparse
from pathlib import Path

import pytest

from tinydldl import cli
from tinydldl.datasets import DATASETS, DataError, Options, add_arguments, default_data_dir, load


def test_names():
    by_name = "morph fg-net agedb cacd afad"
    expected = f"synthetic chalearn15 chalearn16 appa-real utkface {by_name} imdb-wiki csv"
    assert " ".join(DATASETS) == expected


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(DataError, match=r"^no data set 'lap', expected one of .*csv$"):
        load("lap", Options(Path("data")))


def test_data_dir_from_the_environment_or_by_default(monkeypatch):
    monkeypatch.setenv("TINYDLDL_DATA", "elsewhere")
    assert default_data_dir() == Path("elsewhere")
    monkeypatch.delenv("TINYDLDL_DATA")
    assert default_data_dir() == Path("data")


def test_arguments_make_options(monkeypatch):
    monkeypatch.delenv("TINYDLDL_DATA", raising=False)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert cli.gather(Options, parser.parse_args([])) == Options(Path("data"))
    parser.add_argument("--count", type=int)
    given = "--data-dir d --table t.csv --split subject --seed 3 --sigma 1.5 --count 9"
    assert cli.gather(Options, parser.parse_args(given.split())) == Options(
        Path("d"), seed=3, sigma=1.5, split="subject", table=Path("t.csv"), count=9
    )
