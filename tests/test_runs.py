"""A run's folder: never overwritten, and restored to its last checkpoint."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from tinydldl.runs import RunError, RunFolder, commit, provenance, read_table


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def save(folder, epoch):
    record = {"lr": 0.1, "train_loss": 1 / 3 + epoch, "train_kl": 0.5, "train_mae": 2.0}
    if epoch % 2 == 0:
        record |= {"valid_mae": 2 / 3, "valid_epsilon_error": 0.25}
    folder.save(epoch, record, 1.234, 99.87, {"model.W": np.full(3, epoch)}, {"network": "tiny"})


def test_default_names_are_numbered():
    assert str(RunFolder.create(None, "synthetic-tiny").path) == str(Path("runs/synthetic-tiny-1"))
    Path("runs/synthetic-tiny-9").mkdir()
    Path("runs/synthetic-tiny-x").mkdir()
    assert RunFolder.create(None, "synthetic-tiny").path.name == "synthetic-tiny-10"


def test_nothing_is_overwritten():
    RunFolder.create("mine", "")
    with pytest.raises(
        RunError, match=r"mine exists; give another --name, or continue .* --resume"
    ):
        RunFolder.create("mine", "")


def test_a_folder_that_cannot_be_made():
    Path("runs").write_text("a file")
    with pytest.raises(RunError, match="cannot make this folder"):
        RunFolder.create("mine", "")


def test_config_comes_back():
    arguments = argparse.Namespace(lr=0.1, data_dir=Path("data"), table=None)
    folder = RunFolder.create("mine", "")
    folder.write_config(arguments, {"photos": [8, 2]})
    _, config = RunFolder.open("runs/mine")
    assert config["arguments"] == {"lr": 0.1, "data_dir": "data", "table": None}
    assert config["photos"] == [8, 2]
    assert config["versions"]["numpy"] == np.__version__
    assert provenance().keys() <= config.keys()


def test_a_folder_without_a_run():
    with pytest.raises(RunError, match=r"none: no run to resume"):
        RunFolder.open("none")


def test_restores_the_last_epoch_that_has_a_checkpoint():
    folder = RunFolder.create("mine", "")
    assert folder.restore() == ({}, 0)
    for epoch in (1, 2, 3):
        save(folder, epoch)
    table = (folder / "metrics.csv").read_text()
    # as after a kill between the table and the checkpoint of epoch 4
    (folder / "metrics.csv").write_text(table + "4,0.1,9,9,9,,\n")
    resumed = RunFolder(folder.path)
    arrays, epoch = resumed.restore()
    assert epoch == 3
    assert arrays["model.W"].tolist() == [3, 3, 3]
    save(resumed, 4)
    save(folder, 4)
    uninterrupted = (folder / "metrics.csv").read_text()
    save(RunFolder(folder.path), 1)
    assert uninterrupted.splitlines()[:4] == table.splitlines()
    assert "4.333333333333333" in uninterrupted


def test_tables():
    folder = RunFolder.create("mine", "")
    save(folder, 1)
    save(folder, 2)
    first, second = read_table(folder / "metrics.csv")
    assert first == {
        "epoch": "1",
        "lr": "0.1",
        "train_loss": "1.3333333333333333",
        "train_kl": "0.5",
        "train_mae": "2.0",
    }
    assert float(second["valid_mae"]) == 2 / 3
    assert read_table(folder / "timing.csv")[0] == {
        "epoch": "1",
        "seconds": "1.23",
        "images_per_second": "99.9",
    }
    assert json.loads((folder / "checkpoint.json").read_text()) == {"network": "tiny"}


def test_commit_is_a_hash_or_none():
    assert commit() is None or len(commit()) == 40
