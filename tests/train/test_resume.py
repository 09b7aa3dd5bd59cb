"""A training that was stopped goes on to the same digits, and on the same photos alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import raising, refused, wait_until
from helpers.networks import contents, save_network
from helpers.trainings import SMALL, forget_the_epochs, main, metrics, rows, run

from tinydldl.files import held
from tinydldl.optim import OPTIMIZERS
from tinydldl.train.experiment import Experiment

pytestmark = pytest.mark.usefixtures("elsewhere", "undrawn")


GOOD = ["--init", "first.npz", "--schedule", "cosine:1", "--average", 0.9, "--balance"]


def start(*arguments):
    """The command in a process of its own."""
    command = [sys.executable, "-m", "tinydldl.train", *SMALL, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def begin_own(table):
    """A run of one epoch on the photos of a table."""
    options = ["--dataset", "csv", "--table", table, "--size", 32, "--epochs", 1, *SMALL[2:]]
    assert run(*options, "--name", "own") == 0


@pytest.mark.parametrize("extra", [[], GOOD], ids=["plain", "init, cosine, average, balance"])
def test_resume_after_a_kill_gives_the_same_metrics(extra, capsys, said):
    save_network(Path("first"))
    assert run(*SMALL, *extra, "--epochs", 4, "--name", "whole") == 0
    process = start(*extra, "--epochs", 4, "--name", "killed")
    try:
        wait_until(Path("runs/killed/checkpoint.npz").exists)
    finally:
        process.kill()
        process.communicate()
    with np.load("runs/killed/checkpoint.npz") as arrays:
        assert 1 <= arrays["epoch"] < 4
    Path("first.npz").unlink()  # a run that has a checkpoint does not begin again
    capsys.readouterr()
    assert "resumed after epoch" in said(run("--resume", "runs/killed"))
    assert metrics("killed") == metrics("whole")
    whole, killed = (contents(f"runs/{name}/checkpoint") for name in ("whole", "killed"))
    assert whole[0].keys() == killed[0].keys()
    for name, array in whole[0].items():
        np.testing.assert_array_equal(array, killed[0][name])
    assert whole[1] == killed[1]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_interrupted_run_goes_on_with_the_state_of_its_optimizer(optimizer, monkeypatch):
    def stop(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    save, about = Experiment.save, [*SMALL, "--epochs", 2, "--optimizer", optimizer]
    assert run(*about, "--name", "whole") == 0
    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "save", stop)
        assert run(*about, "--name", "stopped") == 130
    assert run("--resume", "runs/stopped") == 0
    assert metrics("stopped") == metrics("whole")


@pytest.mark.parametrize("lose", [lambda name: None, forget_the_epochs], ids=["none", "all"])
def test_a_finished_run_resumes_to_the_same_digits_whatever_epochs_it_lost(lose):
    assert run(*SMALL, "--epochs", 1, "--name", "done") == 0
    before = metrics("done")
    lose("done")
    assert run("--resume", "runs/done") == 0
    assert metrics("done") == before


def test_a_run_that_is_in_use_is_not_resumed(capsys):
    """Two in one folder would mix their epochs; the second is told who has it."""
    assert run(*SMALL, "--epochs", 1, "--name", "mine") == 0
    with held("runs/mine"):
        before = [path.read_bytes() for path in sorted(Path("runs/mine").iterdir())]
        error = refused(capsys, main, "--resume", "runs/mine")
        assert [path.read_bytes() for path in sorted(Path("runs/mine").iterdir())] == before
    assert error.startswith(f"runs/mine: in use by process {os.getpid()} on ")


def test_ctrl_c_says_how_to_go_on(monkeypatch, capsys):
    monkeypatch.setattr("tinydldl.train.experiment.train", raising(KeyboardInterrupt))
    assert run(*SMALL, "--name", "mine") == 130
    assert f"tinydldl.train --resume {Path('runs/mine')}" in capsys.readouterr().out


def test_photos_may_lie_elsewhere_when_a_run_goes_on(own_photos, capsys, monkeypatch):
    begin_own(own_photos)
    before = metrics("own")
    forget_the_epochs("own")
    Path("moved").mkdir()
    for path in own_photos.parent.glob("*.*"):
        path.rename(Path("moved") / path.name)
    assert refused(capsys, main, "--resume", "runs/own").startswith("csv: no table ")
    assert run("--resume", "runs/own", "--table", "moved/table.csv") == 0
    assert metrics("own") == before
    monkeypatch.setattr("tinydldl.train.experiment.train", raising(KeyboardInterrupt))
    assert run("--resume", "runs/own", "--table", "moved/table.csv") == 130
    assert capsys.readouterr().out.endswith("train --resume runs/own --table=moved/table.csv\n")


@pytest.mark.parametrize("new", ["0.png,1,0", "0.png,0,1", "new.png,0,0"])
def test_other_photos_are_not_those_of_the_run(new, own_photos, capsys):
    begin_own(own_photos)
    Path("0.png").rename("new.png") if new.startswith("new") else None
    Path("other.csv").write_text(own_photos.read_text().replace("0.png,0,0", new, 1))
    before = metrics("own")
    error = refused(capsys, main, "--resume", "runs/own", "--table", "other.csv")
    assert error.startswith("runs/own: begun on photos of other names, ages")
    assert metrics("own") == before


def test_nor_are_others_that_it_is_evaluated_on(own_photos, capsys):
    begin_own(own_photos)
    first, *_ = rows("runs/own/predictions.csv")
    text = own_photos.read_text()
    line = f"{first['photo']},{float(first['age']):g},"
    assert text.count(line) == 1
    Path("other.csv").write_text(text.replace(line, f"{first['photo']},50.5,"))
    error = refused(capsys, main, "--resume", "runs/own", "--table", "other.csv")
    assert error.startswith("runs/own: begun on photos of other names, ages")


def test_a_run_of_an_older_version_knows_only_how_many_photos_there_were(own_photos):
    begin_own(own_photos)
    path = Path("runs/own/config.json")
    config = json.loads(path.read_text())
    assert len(config.pop("names_and_labels")) == 64
    path.write_text(json.dumps(config))
    own_photos.write_text(own_photos.read_text().replace("0.png,0,0", "0.png,1,0", 1))
    assert run("--resume", "runs/own") == 0


def test_the_data_folder_may_lie_elsewhere(monkeypatch, capsys):
    assert run(*SMALL, "--epochs", 1, "--name", "mine") == 0
    before = metrics("mine")
    Path("data").rename("a")
    assert run("--resume", "runs/mine", "--data-dir", "a") == 0
    monkeypatch.setenv("TINYDLDL_DATA", "a")
    assert run("--resume", "runs/mine") == 0
    assert metrics("mine") == before
    assert not Path("data").exists()  # the faces are there, so none is drawn
    error = refused(capsys, main, "--resume", "runs/mine", "--data-dir", "a", "--workers", "1")
    assert error.startswith("--resume goes alone, or with --data-dir")


def test_resumes_from_another_folder_and_says_if_threads_differ(tmp_path, monkeypatch, said):
    assert run(*SMALL, "--epochs", 1, "--name", "mine", "--no-augment") == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    assert "warning: begun with blas_threads " in said(run("--resume", tmp_path / "runs/mine"))
    assert not list(Path().iterdir())


def test_an_ensemble_resumes_with_the_network_that_was_being_trained(capsys, said):
    ensemble = [*SMALL, "--limit", 20, "--epochs", 1, "--method", "ldae", "--members", 2]
    out = said(run(*ensemble, "--name", "all"))
    assert "network 2 of 2" in out
    assert "all 2 networks together" in out
    whole = Path("runs/all/predictions.csv").read_bytes()
    shutil.rmtree("runs/all/member-2")
    assert run("--resume", "runs/all") == 0
    assert Path("runs/all/predictions.csv").read_bytes() == whole
    assert "resumed after epoch 1" in capsys.readouterr().out
    one, two, both = (
        np.array([float(row["estimate"]) for row in rows(Path("runs/all", place))])
        for place in ("member-1/predictions.csv", "member-2/predictions.csv", "predictions.csv")
    )
    assert np.abs(one - two).max() > 1e-3
    np.testing.assert_allclose(both, (one + two) / 2, rtol=1e-5)
