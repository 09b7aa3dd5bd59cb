"""The command: tables on disk and on the screen, and ways to get it wrong."""

from pathlib import Path

import pytest
from helpers.commands import exit_code, raising, refused
from PIL import Image

from tinydldl.files import held
from tinydldl.reproduce import TABLES, trainings
from tinydldl.reproduce.__main__ import main

SMALL = ["--limit", 20, "--epochs", 3, "--workers", 1, "--loaders", 1, "--out", "out"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TINYDLDL_DATA", raising=False)


@pytest.fixture
def replace(monkeypatch):
    """`replace(table, make)`: what a table is made by."""
    return lambda table, make: monkeypatch.setattr(
        f"tinydldl.reproduce.{table.replace('-', '_')}.make", make
    )


def test_a_table_is_printed_and_written(said):
    out = said(exit_code(main, "insufficient-data", *SMALL))
    assert out.startswith("tinydldl.reproduce insufficient-data on cpu")
    text = Path("out/insufficient-data.md").read_text()
    assert text in out
    assert text.splitlines()[2] == "| method | 16 photos |"
    assert Path("out/insufficient-data.csv").read_text().startswith("method,16 photos\ndldl-v2,")
    with Image.open("out/insufficient-data.png") as picture:
        assert picture.width > 600


def test_the_figures_show_faces_only_beside_the_network(capsys):
    assert exit_code(main, "figures", *SMALL) == 0
    assert {path.name for path in Path("out").glob("*.png")} == {"ages.png", "ranking.png"}
    assert Path("runs/out/dldl-v2_seed-0/examples.png").exists()
    assert "data sets that are not in data: afad, agedb, appa-real" in capsys.readouterr().out


def test_all_is_every_table_of_the_paper(replace):
    called = []
    for name in TABLES:
        replace(name, lambda _, seeds, name=name: called.append((name, seeds)))
    assert exit_code(main, "all", *SMALL, "--seed", 4, "--seeds", 2) == 0
    assert called == [(name, range(4, 6)) for name in TABLES]


def test_the_default_folder_says_what_was_trained(replace):
    replace("table3", lambda trainings, seeds: trainings.path("table3"))
    assert exit_code(main, "table3", "--net", "thin", "--size", 48) == 0
    assert exit_code(main, "table3", "--start", "trained") == 0
    folders = {path.name for path in Path("results").iterdir()}
    assert folders == {"synthetic-thin-48", "synthetic-tiny-32-trained"}


def test_two_at_once_in_one_folder(capsys):
    with held("runs/out"):
        error = refused(capsys, main, "insufficient-data", *SMALL)
    assert error.startswith("runs/out: in use by process")


def test_an_interruption_says_how_to_go_on(monkeypatch, capsys):
    monkeypatch.setattr(trainings, "train", raising(KeyboardInterrupt))
    assert exit_code(main, "table4", *SMALL) == 130
    assert "stopped; the same command goes on from there" in capsys.readouterr().out


def test_settings_follow_from_the_set_and_what_is_given_counts_more(replace):
    bases = []
    replace("table3", lambda trainings, seeds: bases.append(trainings.base))
    assert exit_code(main, "table3") == 0
    assert exit_code(main, "table3", "--dataset", "csv", "--out", "photos") == 0
    assert exit_code(main, "table3", "--epochs", 3, "--size", 48, "--out", "other") == 0
    names = ("dataset", "size", "epochs", "batch", "limit", "lr", "schedule")
    assert [[getattr(base, name) for name in names] for base in bases] == [
        ["synthetic", 32, 24, 32, 3000, 2e-3, "cosine:1"],
        ["csv", 64, 12, 32, None, 2e-3, "cosine:1"],
        ["synthetic", 48, 3, 32, 3000, 2e-3, "cosine:1"],
    ]
