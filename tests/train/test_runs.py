"""A run's folder: never overwritten, and restored to its last checkpoint."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import raising

from tinydldl import checkpoint, files
from tinydldl.errors import UserError
from tinydldl.files import PARTIAL, read_table
from tinydldl.train.runs import RunFolder, commit, provenance


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def save(folder, epoch):
    record = {"lr": 0.1, "train_loss": 1 / 3 + epoch, "train_kl": 0.5, "train_mae": 2.0}
    record |= {"grad_norm": 0.25, "grad_norm_std": 0.125}
    if epoch % 2 == 0:
        record |= {"valid_mae": 2 / 3, "valid_epsilon_error": 0.25}
    speed = {"seconds": 1.2345, "images_per_second": 99.87, "waiting": 0.0}
    folder.save(epoch, record, speed, {"model.W": np.full(3, epoch)}, {"network": "tiny"})


def saved(*epochs, name="mine"):
    """The folder of a run after these epochs."""
    folder = RunFolder.create(name, "", {})
    for epoch in epochs:
        save(folder, epoch)
    return folder


def test_default_names_are_numbered():
    assert RunFolder.create(None, "synthetic-tiny", {}).path == Path("runs/synthetic-tiny-1")
    for name in ("synthetic-tiny-9", "synthetic-tiny-x", "2024", "my-synthetic-tiny-30"):
        Path("runs", name).mkdir()
    assert RunFolder.create(None, "synthetic-tiny", {}).path.name == "synthetic-tiny-10"


def test_runs_started_together_get_a_folder_each():
    """Each with its own configuration, whatever the others do at the same moment."""
    start = threading.Barrier(8)

    def create(seed):
        start.wait()
        return [RunFolder.create(None, "tiny", CONFIG | {"seed": seed}).path for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        folders = dict(enumerate(pool.map(create, range(8))))
    assert len({path for paths in folders.values() for path in paths}) == 40
    for seed, paths in folders.items():
        assert [RunFolder.open(path)[1]["seed"] for path in paths] == [seed] * 5
    assert {path.name for path in Path("runs").glob("[!.]*")} == {f"tiny-{i}" for i in range(1, 41)}


def test_a_name_goes_to_one_of_those_who_want_it():
    start = threading.Barrier(8)

    def create(seed):
        start.wait()
        try:
            return RunFolder.create("mine", "", {"seed": seed}) and seed
        except UserError as error:
            return str(error).partition(",")[0]

    with ThreadPoolExecutor(8) as pool:
        results = {*pool.map(create, range(8))}
    (winner,) = results - {f"{Path('runs/mine')} exists; give another --name"}
    assert json.loads(Path("runs/mine/config.json").read_text()) == {"seed": winner}
    assert {path.name for path in Path("runs").iterdir()} == {".lock", "mine"}


def test_what_is_left_of_a_run_that_was_killed_before_it_had_a_name():
    """Nothing is in the way of the next one."""
    code = (
        "import os, pathlib; from tinydldl.train.runs import RunFolder\n"
        "pathlib.Path.rename = lambda *_: os._exit(9)\n"
        "RunFolder.create('mine', '', {})"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert {path.name for path in Path("runs").iterdir()} == {".lock", ".mine.partial"}
    RunFolder.create("other", "", {})
    assert {path.name for path in Path("runs").iterdir()} == {".lock", "other"}
    RunFolder.create("mine", "", {})


def test_a_folder_that_cannot_be_made():
    Path("runs").write_text("a file")
    with pytest.raises(UserError, match="runs: nothing can be written there"):
        RunFolder.create("mine", "", {})


CONFIG = {"arguments": {"lr": 0.1}, "photos": [8, 2], "engine": "fast", "processes": 2}
CONFIG |= {"blas_threads": "1"}


def test_config_comes_back_and_nothing_else_is_left():
    RunFolder.create("mine", "", CONFIG)
    assert RunFolder.open("runs/mine")[1] == CONFIG
    assert {path.name for path in Path("runs").iterdir()} == {".lock", "mine"}


def test_provenance():
    facts = provenance()
    assert facts["versions"]["numpy"] == np.__version__
    assert facts["blas_threads"] == os.environ["OPENBLAS_NUM_THREADS"]


def restored(path="runs/mine"):
    """What a run of four epochs is put to: its folder, its array and its epoch."""
    folder, W = RunFolder(path), np.zeros(3, int)
    return folder, W, folder.restore({"model.W": W}, 4)


def test_restores_the_last_epoch_that_has_a_checkpoint():
    """As if the tables of epoch 4 were written, and its checkpoint was not."""
    assert restored(RunFolder.create("other", "", {}).path)[2] == 0
    folder = saved(1, 2, 3, 4)
    uninterrupted = (folder / "metrics.csv").read_text()
    assert "4.333333333333333" in uninterrupted
    three = folder.path / "checkpoint"
    with np.load(f"{three}.npz") as arrays:
        metrics = arrays["metrics"][:3]
    checkpoint.save(three, {"epoch": 3, "model.W": np.full(3, 3), "metrics": metrics}, {})

    resumed, W, epoch = restored()
    assert epoch == len(resumed.metrics) == len(resumed.timing) == 3
    assert W.tolist() == [3, 3, 3]
    (folder / "metrics.csv").unlink()
    save(resumed, 4)
    assert (folder / "metrics.csv").read_text() == uninterrupted


@pytest.mark.parametrize("damage", [None, b"", b"epoch\n1\n", b"\xff\x00\x01"])
def test_a_table_of_metrics_that_was_damaged_is_whole_again(damage):
    """As by a spreadsheet: what an epoch gave is in the checkpoint, too, digit for digit."""
    path = saved(1, 2, 3) / "metrics.csv"
    before = path.read_bytes()
    path.unlink() if damage is None else path.write_bytes(damage)
    assert restored()[2] == 3
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        b"epoch\n1\n2\n3\n",
        b"\xff\x00\x01",
        (b"\n2,", b"\n2,x"),  # no numbers
        (b"\n2,", b"\n2,nan,"),
        (b"\n2,", b"\n2,1e999"),
        (b"\n2,", b"\n2,,"),  # one column further
        (b"\n3,", b"\n\n3,,,,,,,,,,,,,"),  # too many
        (b"epoch,", b"time,epoch,"),  # odd columns
        (b"epoch,", b"EPOCH,"),
        (b",seconds", b""),
    ],
)
def test_a_table_of_times_that_is_none_is_left_alone(damage):
    path = saved(1, 2, 3) / "timing.csv"
    text = path.read_bytes().replace(*damage) if isinstance(damage, tuple) else damage
    assert text != path.read_bytes()
    path.write_bytes(text)
    with pytest.raises(UserError, match=r"timing\.csv") as error:
        restored()
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400
    assert path.read_bytes() == text


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        (np.zeros((1, 2)), r"metrics: expected shape \(1, 8\), found shape \(1, 2\)"),
        (np.full((1, 8), -1.0), "lacks metrics of an epoch"),
    ],
)
def test_a_checkpoint_without_metrics(metrics, words):
    arrays = {"epoch": 1, "model.W": np.zeros(3, int), "metrics": metrics}
    checkpoint.save(saved(1) / "checkpoint", arrays, {})
    with pytest.raises(UserError, match=words):
        restored()


def hold(names, monkeypatch):
    """As if another program had these files open, on Windows."""
    replace = os.replace

    def denied(source, target):
        if Path(target).name in names:
            raise PermissionError(13, "The file is used by another process")
        replace(source, target)

    monkeypatch.setattr("os.replace", denied)
    monkeypatch.setattr(files, "PATIENCE", 0)


def test_a_table_that_is_open_elsewhere_costs_nothing(monkeypatch, capsys):
    """Not the training, and not the rows of meanwhile, even if the run is killed before it ends."""
    folder, whole = saved(1), saved(1, 2, 3, name="whole")
    with monkeypatch.context() as patch:
        hold(["metrics.csv", "timing.csv"], patch)
        save(folder, 2)
        save(folder, 3)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2  # said once
    for line, name in zip(lines, ("metrics.csv", "timing.csv"), strict=True):
        assert line.startswith(f"warning: {folder / name}: cannot be written (The file is used by")
    assert len(read_table(folder / "metrics.csv")) == 1
    resumed, _, epoch = restored()
    assert epoch == 3
    assert (folder / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
    save(resumed, 4)
    assert [row["epoch"] for row in read_table(folder / "timing.csv")] == ["1", "4"]


def test_a_checkpoint_that_cannot_be_written_ends_the_training(monkeypatch):
    folder = RunFolder.create("mine", "", {})
    hold(["checkpoint.npz"], monkeypatch)
    with pytest.raises(UserError, match=r"checkpoint\.npz: cannot be written"):
        save(folder, 1)


def test_a_full_disk_is_one_line(monkeypatch):
    folder = saved(1)
    before = (folder / "metrics.csv").read_text()
    monkeypatch.setattr("os.fsync", raising(OSError(28, "No space left on device")))
    with pytest.raises(UserError, match=r"best\.json: cannot be written \(No space left"):
        save(folder, 2)
    assert (folder / "metrics.csv").read_text() == before
    assert not list(folder.path.glob(PARTIAL))


def test_tables():
    folder = saved(1, 2)
    first, second = read_table(folder / "metrics.csv")
    assert ",".join(first) == "epoch,lr,train_loss,train_kl,train_mae,grad_norm,grad_norm_std"
    assert ",".join(first.values()) == "1,0.1,1.3333333333333333,0.5,2.0,0.25,0.125"
    assert float(second["valid_mae"]) == 2 / 3
    times = read_table(folder / "timing.csv")[0]
    assert ",".join(times) == "epoch,seconds,images_per_second,waiting"
    assert ",".join(times.values()) == "1,1.234,99.87,0.0"
    assert json.loads((folder / "checkpoint.json").read_text()) == {"network": "tiny"}


def test_commit_is_that_of_the_checkout_or_none():
    git = ["git", "rev-parse", "HEAD"]
    head = subprocess.run(git, cwd=Path(__file__).parent, capture_output=True, text=True)
    assert commit() == (None if head.returncode else head.stdout.strip())
