"""The command: tables on disk and on the screen, and ways to get it wrong."""

from pathlib import Path

import pytest
from helpers.commands import exit_code
from PIL import Image

from tinydldl.files import held
from tinydldl.reproduce import trainings, write
from tinydldl.reproduce.__main__ import main

SMALL = ["--limit", 20, "--epochs", 3, "--workers", 1, "--loaders", 1, "--out", "out"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TINYDLDL_DATA", raising=False)


def test_a_table_is_printed_and_written(capsys):
    assert exit_code(main, "insufficiency", *SMALL) == 0
    out = capsys.readouterr().out
    assert out.startswith("tinydldl.reproduce insufficiency on cpu")
    text = Path("out/insufficiency.md").read_text()
    assert text in out
    assert text.splitlines()[2] == "| method | 16 photos |"
    assert Path("out/insufficiency.csv").read_text().startswith("method,16 photos\ndldl-v2,")
    with Image.open("out/insufficiency.png") as picture:
        assert picture.width > 600


def test_the_figures_show_faces_only_beside_the_network(capsys):
    assert exit_code(main, "figures", *SMALL) == 0
    assert {path.name for path in Path("out").glob("*.png")} == {"ages.png", "ranking.png"}
    assert Path("runs/out/dldl-v2_seed-0/examples.png").exists()
    assert "data sets that are not in data: appa-real, chalearn15" in capsys.readouterr().out


def test_all_is_every_table(monkeypatch):
    called = []
    for name in write.TABLES:
        monkeypatch.setitem(
            write.TABLES, name, lambda grid, seeds, name=name: called.append((name, list(seeds)))
        )
    assert exit_code(main, "all", *SMALL, "--seed", 4, "--seeds", 2) == 0
    assert called == [(name, [4, 5]) for name in write.TABLES]


def test_the_default_folder_says_what_was_trained(monkeypatch):
    monkeypatch.setitem(write.TABLES, "table3", lambda grid, seeds: None)
    assert exit_code(main, "table3", "--net", "thin", "--size", 48) == 0
    assert Path("results/synthetic-thin-48/settings.json").exists()


def test_two_at_once_in_one_folder(capsys):
    with held("runs/out"):
        assert exit_code(main, "insufficiency", *SMALL) == 2
    assert "runs/out: in use by process" in capsys.readouterr().err


def test_an_interruption_says_how_to_go_on(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(trainings, "train", interrupted)
    assert exit_code(main, "table4", *SMALL) == 130
    assert "stopped; the same command goes on from there" in capsys.readouterr().out


def test_another_setting_needs_another_folder(capsys):
    Path("out").mkdir()
    Path("out/settings.json").write_text('{"size": 32, "epochs": 9}')
    assert exit_code(main, "table3", *SMALL) == 2
    assert "give another --out" in capsys.readouterr().err
