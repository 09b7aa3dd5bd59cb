"""The command, as a user runs it: small runs, what they leave, and ways to get it wrong."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.networks import contents
from helpers.photos import put_table
from helpers.trainings import SMALL, main, metrics, rows, run
from matplotlib.figure import Figure
from PIL import Image

from tinydldl import trained
from tinydldl.labels import balancing_weights
from tinydldl.layers import GlobalAvgPool, HybridPool
from tinydldl.methods import METHODS, ORCNN
from tinydldl.optim import SGD, Adam
from tinydldl.processes import Processes
from tinydldl.train.settings import build_parser, settings_of

pytestmark = pytest.mark.usefixtures("elsewhere", "undrawn")


SAVEFIG = Figure.savefig


def test_a_run_leaves_everything_that_it_promises(monkeypatch, capsys):
    """Also what the other tests save themselves: it draws its faces and its pictures."""
    shutil.rmtree("data")
    monkeypatch.setattr(Figure, "savefig", SAVEFIG)
    assert run(*SMALL, "--epochs", 2, "--name", "mine", "--seed", 3) == 0
    out, folder = capsys.readouterr().out, Path("runs/mine")
    lines = out.splitlines()
    assert lines[0].startswith("tinydldl.train on cpu (NumPy")
    assert "32 photos (train) to train on, 8 (valid) to evaluate on" in out
    assert "934,869 parameters" in out
    for name in ("validation MAE", "epsilon-error", "mean age, MAE", "ridge regression on pixels"):
        assert any(line.startswith(name) for line in lines), name
    for name in ("curves.png", "predictions.png"):
        assert str(folder / name) in out
        with Image.open(folder / name) as picture:
            assert picture.width > 600

    config = json.loads((folder / "config.json").read_text())
    assert config["arguments"]["seed"] == 3
    assert config["photos"] == [32, 8]
    assert {"versions", "commit", "engine", "processes", "device"} <= config.keys()

    metrics = rows(folder / "metrics.csv")
    assert [row["epoch"] for row in metrics] == ["1", "2"]
    assert not any("second" in column for column in metrics[0])
    timing = rows(folder / "timing.csv")
    assert float(timing[1]["images_per_second"]) > 0

    predictions = rows(folder / "predictions.csv")
    assert len(predictions) == 8
    errors = [abs(float(row["estimate"]) - float(row["age"])) for row in predictions]
    assert np.mean(errors) == pytest.approx(float(metrics[1]["valid_mae"]), rel=1e-5)

    arrays, meta = contents(folder / "checkpoint")
    assert arrays["epoch"] == 2
    assert meta["network"] == {"name": "tiny", "side": 32, "pool": "hp"}
    assert meta["grid"] == {"first": 0, "last": 100, "labels": 101}
    assert all(0 < value < 1 for values in meta["channels"].values() for value in values)


def test_photos_of_one_plain_color_and_some_that_cannot_be_read(capsys):
    put_table("table.csv", range(20))
    for i in range(20):
        Image.new("RGB", (40 + i, 40), (78, 0, 255)).save(f"{i}.png")
    for i in (3, 7):
        Path(f"{i}.png").write_text(f"broken {i}")
    words = ["--dataset", "csv", "--table", "table.csv", "--epochs", 1, "--name", "mine"]
    assert run(*SMALL, *words) == 0
    assert " cannot be read; python -m tinydldl.datasets csv lists them" in capsys.readouterr().out
    left_out = rows(Path("runs/mine/unreadable.csv"))
    assert {Path(row["photo"]).name for row in left_out} == {"3.png", "7.png"}
    assert all(row["why"].startswith("not a photo that can be read") for row in left_out)
    assert np.isfinite(float(rows(Path("runs/mine/metrics.csv"))[0]["train_loss"]))


def test_the_seed_fixes_the_digits_and_loaders_do_not_matter():
    for name, extra in (("a", []), ("b", ["--loaders", 3]), ("c", ["--seed", 1])):
        assert run(*SMALL, "--epochs", 1, "--name", name, *extra) == 0
    assert metrics("a") == metrics("b") != metrics("c")


def test_balance_weighs_the_photos_by_their_age(said):
    assert "\nweights " not in said(run(*SMALL, "--epochs", 1, "--name", "plain"))
    assert "\nweights   0." in said(run(*SMALL, "--epochs", 1, "--name", "balanced", "--balance"))
    assert metrics("plain") != metrics("balanced")
    assert json.loads(Path("runs/balanced/config.json").read_text())["arguments"]["balance"] is True


def test_no_more_processes_than_have_work(monkeypatch, said):
    """Of 20 faces 16 are trained on, four at a time."""
    started = []

    class Counted(Processes):
        def __init__(self, count, *arguments):
            started.append(count)
            super().__init__(count, *arguments)

    monkeypatch.setattr("tinydldl.processes.Processes", Counted)
    monkeypatch.setattr("tinydldl.fast.engine.Processes", Counted)
    monkeypatch.setattr("tinydldl.processes.available_cores", lambda: 1)
    arguments = ["--limit", 20, "--batch", 2, "--epochs", 1, "--workers", 200, "--loaders", 200]
    out = said(run(*SMALL, *arguments))
    assert sorted(started) == [1, 4]  # beside this process, which works too; and the loaders
    assert "engine    fast, 2 processes: more of 200 would have no work\n" in out
    assert "loaders   4 for train: more of 200 would have no work\n" in out


@pytest.fixture
def errors(monkeypatch):
    """The validation MAE of each epoch, as a list that a test fills."""
    errors = []
    monkeypatch.setattr(
        "tinydldl.train.loop.validate", lambda training: {"valid_mae": errors.pop(0)}
    )
    return errors


CONSTANT = (*SMALL, "--lr", 1e-3, "--schedule", "constant", "--kl-epochs", 0)


def test_the_best_network_stays_and_patience_ends(errors, capsys):
    errors += [9.0, 7.0, 8.0, 7.0, 7.5, 1.0]  # the first of two that are as good is the best
    assert run(*CONSTANT, "--epochs", 9, "--patience", 3, "--name", "long") == 0
    out = capsys.readouterr().out
    assert "trained   5 epochs in " in out
    assert "stopped   3 epochs after the best one" in out
    assert f"best      epoch 2: {Path('runs/long/best.npz')}; below is the last" in out
    errors[:] = [9.0, 7.0]
    assert run(*CONSTANT, "--epochs", 2, "--name", "short") == 0
    assert "best  " not in capsys.readouterr().out
    (best, about), (last, same) = contents("runs/long/best"), contents("runs/short/checkpoint")
    assert about == same
    assert best.keys() == {name for name in last if name.startswith("model.")}
    for name, array in best.items():
        np.testing.assert_array_equal(array, last[name], err_msg=name)
    errors[:] = []
    assert run("--resume", "runs/long") == 0, "it is over, so nothing is validated"
    assert "trained   0 epochs in " in capsys.readouterr().out


def test_patience_waits_for_a_validation(errors, capsys):
    errors += [9.0, 9.0, 1.0]  # of epochs 3, 6 and, if there is one, 9
    arguments = ["--epochs", 9, "--patience", 2, "--val-every", 3, "--name", "mine"]
    assert run(*CONSTANT, *arguments) == 0
    out = capsys.readouterr().out
    assert "trained   6 epochs in " in out
    assert "stopped   3 epochs after the best one" in out
    assert f"best      epoch 3: {Path('runs/mine/best.npz')}; below is the last" in out


def test_patience_counts_what_was_before_a_stop(errors, monkeypatch, capsys):
    errors += [5.0, 6.0]
    with pytest.raises(IndexError):
        main([*map(str, CONSTANT), "--epochs", "9", "--patience", "3", "--name", "mine"])
    errors += [6.0, 4.9, 6.0, 6.0, 6.0]
    assert run("--resume", "runs/mine") == 0
    found = [float(row["valid_mae"]) for row in rows("runs/mine/metrics.csv")]
    assert found == [5.0, 6.0, 6.0, 4.9, 6.0, 6.0, 6.0]


def test_pictures_and_tables_that_are_open_elsewhere_do_not_end_a_training(monkeypatch, capsys):
    monkeypatch.setattr("tinydldl.files.PATIENCE", 0)
    replace = os.replace

    def denied(source, target):
        if target.suffix in (".csv", ".png") and "runs" in target.parts:
            raise PermissionError(13, "The file is used by another process")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", denied)
        assert run(*SMALL, "--epochs", 2, "--name", "mine") == 0
    warnings = [w for w in capsys.readouterr().out.splitlines() if w.startswith("warning: ")]
    assert len(warnings) == 5  # metrics, timing, curves, predictions and their picture, once each
    assert run("--resume", "runs/mine") == run(*SMALL, "--epochs", 2, "--name", "whole") == 0
    assert metrics("mine") == metrics("whole")


def test_a_learning_rate_that_explodes_ends_with_a_clear_line(capsys):
    with np.errstate(all="ignore"):
        assert run(*SMALL, "--epochs", 3, "--lr", "1e30", "--name", "mine") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: loss ")
    assert "epoch 1, step 2: first non-finite value in " in error


def test_own_photos_with_other_options(own_photos, said):
    options = ["--dataset", "csv", "--table", own_photos, "--size", 40, "--epochs", 2, "--batch", 5]
    options += ["--no-augment", "--label-step", 2, "--kl-reduction", "elements", "--lam", 0.5]
    options += ["--pool", "gap", "--schedule", "step:1", "--val-every", 2, "--name", "own"]
    out = said(run(*options))
    assert "warning: 2 photos left out, ages not in 0..100" in out
    assert "photos with sigma 0" in out
    assert "51 labels 2 years apart" in out
    first, second = rows(Path("runs/own/metrics.csv"))
    assert (first["lr"], second["lr"]) == ("0.001", "0.0001")
    assert first["valid_mae"] == ""
    assert second["valid_mae"] != ""
    loss, kl, error = (float(second[f"train_{name}"]) for name in ("loss", "kl", "mae"))
    assert loss == pytest.approx(kl + 0.5 * error, rel=1e-5)
    assert trained.load("runs/own").meta["method"] == {"name": "dldl-v2", "lam": 0.5}


def test_every_argument_reaches_the_training(own_photos, begun):
    def training(*options):
        assert run("--dataset", "csv", "--table", own_photos, "--size", 40, *options) == 0
        return begun[-1]

    one = training("--pool", "gap", "--augment", "gray", "crop", "--batch", 7, "--seed", 4)
    assert isinstance(one.model.layers["pool5"], GlobalAvgPool)
    assert one.transforms == ["gray", "crop"]
    assert (one.batch, one.seed, one.epochs) == (7, 4, 60)
    assert [one.schedule(epoch) for epoch in (30, 31)] == pytest.approx([1e-3, 1e-4])
    one = training("--no-augment", "--net", "thin", "--lr", 0.5, "--schedule", "constant")
    assert one.transforms == []
    assert isinstance(one.model.layers["pool5"], HybridPool)
    assert one.model.params["conv1_1.W"].shape[3] == 32
    assert one.schedule(60) == 0.5
    assert type(one.optimizer) is Adam
    ten = ["--epochs", 10, "--lr", 0.5]
    one = training(*ten, "--schedule", "cosine:2", "--optimizer", "sgd")
    assert type(one.optimizer) is SGD
    assert [one.schedule(e) for e in (1.5, 3, 7, 11)] == pytest.approx([0.125, 0.5, 0.25, 0])
    one = training(*ten, "--schedule", "cosine")
    assert [one.schedule(epoch) for epoch in (1, 6)] == pytest.approx([0.5, 0.25])
    method = training("--kl-reduction", "elements", "--lam", 0.5, "--kl-epochs", 2).method
    assert (method.kl_reduction, method.lam, method.kl_epochs) == ("elements", 0.5, 2)


def test_defaults_follow_from_other_arguments():
    def settings(*words):
        return settings_of(build_parser().parse_args(words))

    assert [settings("--epochs", str(n)).kl_epochs for n in (1, 3, 9)] == [0, 2, 6]
    assert settings("--epochs", "9", "--init", "tiny").kl_epochs == 0
    assert (settings("--dataset", "csv").batch, settings("--dataset", "csv").epochs) == (128, 60)


def test_the_cache_is_shared_by_both_parts(own_photos, begun):
    base = ["--dataset", "csv", "--table", own_photos, "--size", 224]
    assert run(*base, "--cache-mb", 3) == 0  # fifteen photos of 256 x 256 x 3 bytes fit
    stores = begun[0].train_store, begun[0].valid_store
    assert sum(store.cached_bytes for store in stores) <= 3e6
    assert [len(store.cache) for store in stores] == [15, 0]


@pytest.mark.parametrize("rate", ["1e15", "1e38", "1e300"])
def test_a_network_that_breaks_in_the_last_step_is_no_result(rate, capsys):
    with np.errstate(all="ignore"):
        assert run(*SMALL, "--epochs", 1, "--batch", 40, "--lr", rate, "--name", "mine") == 1
    assert "try a smaller --lr" in capsys.readouterr().err
    assert not Path("runs/mine/checkpoint.npz").exists()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_and_reports_what_it_can(method, said):
    out = said(run(*SMALL, "--limit", 20, "--epochs", 1, "--method", method))
    name = "synthetic-tiny-1" if method == "dldl-v2" else f"synthetic-tiny-{method}-1"
    folder = Path("runs", name)
    assert ("CRPS" in out) == (not method.startswith("mr-"))
    first, *_ = rows(folder / "predictions.csv")
    assert bool(first["spread"]) == (not method.startswith("mr-"))
    inner = folder / "member-1" if method == "ldae" else folder
    (epoch,) = rows(inner / "metrics.csv")
    assert float(epoch["grad_norm"]) > 0
    assert bool(epoch["train_kl"]) == (method == "dldl-v2")


def test_networks_of_an_ensemble_see_the_photos_in_another_order(begun):
    assert run(*SMALL, "--method", "ldae", "--members", 2, "--seed", 3) == 0
    assert [one.seed for one in begun] == [3, 4]


def test_what_a_training_takes_from_its_photos_is_of_those_that_it_trains_on(begun):
    for extra in ([], ["--method", "or-cnn"], ["--balance"]):
        assert run(*SMALL, *extra) == 0
    plain, or_cnn, balanced = begun
    ages, grid = plain.train_store.photos.ages, plain.method.grid
    assert plain.channels == plain.train_store.channel_statistics()
    np.testing.assert_array_equal(or_cnn.method.weights, ORCNN(grid, ages).weights)
    np.testing.assert_array_equal(balanced.weights, balancing_weights(ages, grid))


def test_epochs_of_kl_alone_come_first(capsys):
    assert run(*SMALL, "--epochs", 2, "--kl-epochs", 1, "--name", "first") == 0
    assert "lambda 1 after 1 epochs of KL alone" in capsys.readouterr().out
    names = ("train_loss", "train_kl", "train_mae")
    for lam, row in zip((0, 1), rows("runs/first/metrics.csv"), strict=True):
        loss, kl, error = (float(row[name]) for name in names)
        assert loss == pytest.approx(kl + lam * error)


def test_on_other_parts(capsys, said):
    """Trained on the eight for validation, evaluated on the others; and so when resumed."""
    assert run(*SMALL, "--epochs", "1", "--parts", "valid", "train", "--name", "a") == 0
    expected = "synthetic: 8 photos (valid) to train on, 32 (train) to evaluate on"
    assert expected in capsys.readouterr().out
    assert len(rows(Path("runs/a/predictions.csv"))) == 32
    assert expected in said(run("--resume", "runs/a"))


def test_fewer_photos_to_train_on_are_evaluated_on_as_many(capsys):
    assert run(*SMALL, "--epochs", 1, "--train-limit", 12) == 0
    assert "12 photos (train) to train on, 8 (valid) to evaluate on" in capsys.readouterr().out
