"""The command: weights to start from, and the average of the weights."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import exit_code, refused
from helpers.networks import CHANNELS, contents, save_network
from helpers.trainings import SMALL, forget_the_epochs, main, metrics, rows, run

from tinydldl import checkpoint, trained, weights
from tinydldl.evaluate.__main__ import main as evaluate
from tinydldl.labels import label_grid
from tinydldl.models import AgeNet

pytestmark = pytest.mark.usefixtures("elsewhere", "undrawn")


def test_starts_as_the_network_that_it_starts_from(begun, rng, capsys):
    source, _ = save_network(Path("first"), side=40, pool="gap")
    assert run(*SMALL, "--init", "first.npz", "--pool", "gap", "--name", "mine") == 0
    assert "\ninit      first.npz, all layers\n" in capsys.readouterr().out
    (training,) = begun
    x = rng.standard_normal((2, 32, 32, 3), dtype=np.float32)
    logits = training.model.eval().forward(x)
    np.testing.assert_allclose(logits, source.forward(x), atol=1e-4)
    assert list(training.channels) == CHANNELS
    arguments = json.loads(Path("runs/mine/config.json").read_text())["arguments"]
    assert arguments["init"] == str(Path("first.npz").resolve())


def test_photos_stay_normalized_as_they_were_for_the_weights():
    Path("first").mkdir()
    save_network(Path("first/checkpoint"))
    assert run(*SMALL, "--epochs", 1, "--init", "first", "--name", "mine") == 0
    assert list(trained.load("runs/mine").channels) == CHANNELS


@pytest.mark.parametrize(
    ("step", "arguments", "outputs", "reason"),
    [
        (1, ["--label-step", 4], 26, "whose shape is (101,) there and (26,) here"),
        (1, ["--method", "mr-l1"], 1, "whose shape is (101,) there and (1,) here"),
        # five labels there, five questions here
        (25, ["--method", "ranking", "--label-step", 20], 5, "whose outputs mean something else"),
    ],
)
def test_a_last_layer_for_something_else_stays_new(step, arguments, outputs, reason, begun, capsys):
    source, _ = save_network(Path("first"), grid=label_grid(step=step))
    assert run(*SMALL, "--init", "first", *arguments, "--seed", 3) == 0
    assert f"\ninit      first, without fc, {reason}" in capsys.readouterr().out
    new = AgeNet("tiny", outputs, 32, rng=np.random.default_rng(3))
    weights = begun[0].model.params | begun[0].model.buffers
    expected = source.params | source.buffers
    expected |= {name: new.params[name] for name in ("fc.W", "fc.b")}
    assert weights.keys() == expected.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


def test_another_method_with_the_same_outputs_keeps_the_last_layer(begun, said):
    source, _ = save_network(Path("first"), method="dldl")
    assert "init      first, all layers" in said(run(*SMALL, "--init", "first"))
    np.testing.assert_array_equal(begun[0].model.params["fc.W"], source.params["fc.W"])


def test_the_logits_of_a_sigmoid_head_are_others(begun, capsys):
    save_network(Path("first"))
    meta = json.loads(Path("first.json").read_text())
    meta["network"]["log_sigmoid"] = True
    Path("first.json").write_text(json.dumps(meta))
    assert run(*SMALL, "--init", "first") == 0
    assert "first, without fc, whose outputs mean something else" in capsys.readouterr().out


def test_every_network_of_an_ensemble_starts_from_the_weights(begun):
    source, _ = save_network(Path("first"), grid=label_grid(step=2))
    assert run(*SMALL, "--method", "ldae", "--members", 2, "--init", "first") == 0
    one, two = (training.model.params for training in begun)
    for params in (one, two):
        np.testing.assert_array_equal(params["conv5_3.W"], source.params["conv5_3.W"])
    assert not np.array_equal(one["fc.W"], two["fc.W"])  # new, so each has its own


def test_weights_that_ship_are_half_as_large(begun, monkeypatch, capsys):
    monkeypatch.setattr(weights, "FOLDER", Path("shipped").resolve())
    Path("shipped").mkdir()
    source, _ = save_network(Path("shipped/tiny"))
    arrays, meta = contents("shipped/tiny")
    halves = {name: array.astype(np.float16) for name, array in arrays.items()}
    checkpoint.save("shipped/tiny", halves, meta)
    assert run(*SMALL, "--init", "tiny") == 0
    assert f"init      {weights.FOLDER / 'tiny.npz'}, all layers" in capsys.readouterr().out
    W = begun[0].model.params["conv5_3.W"]
    assert W.dtype == np.float32
    np.testing.assert_array_equal(W, halves["model.conv5_3.W"])
    np.testing.assert_allclose(W, source.params["conv5_3.W"], rtol=1e-3, atol=1e-7)


def test_without_a_finished_epoch_a_resumed_run_starts_from_the_weights_again(capsys):
    save_network(Path("first"))
    assert run(*SMALL, "--epochs", 1, "--init", "first.npz", "--name", "done") == 0
    before = metrics("done")
    forget_the_epochs("done")
    assert run("--resume", "runs/done") == 0
    assert metrics("done") == before
    Path("runs/done/checkpoint.npz").unlink()
    Path("first.npz").unlink()
    assert "first.npz: no checkpoint, f" in refused(capsys, main, "--resume", "runs/done")


# --- The average of the weights -------------------------------------------------------------------


def test_the_average_is_what_the_checkpoint_is_evaluated_by():
    assert run(*SMALL, "--epochs", 3, "--average", 0.8, "--name", "mine") == 0
    folder = Path("runs/mine")
    arrays, meta = contents(folder / "checkpoint")
    assert meta["average"] == 0.8
    assert arrays["average.t"] == 12
    raw, model = ({k for k in arrays if k.startswith(prefix)} for prefix in ("raw.", "model."))
    assert {k.removeprefix("raw.") for k in raw} == {k.removeprefix("model.") for k in model}
    assert np.abs(arrays["raw.bn5_3.running_var"] - arrays["model.bn5_3.running_var"]).max() > 1e-3

    assert exit_code(evaluate, "--weights", folder, "--workers", 1) == 0
    evaluated = rows(folder / "evaluation/synthetic-valid/predictions.csv")
    ours = rows(folder / "predictions.csv")
    for name in ("estimate", "age"):
        values = [[float(row[name]) for row in part] for part in (evaluated, ours)]
        assert values[0] == pytest.approx(values[1], rel=1e-4)
    errors = [abs(float(row["estimate"]) - float(row["age"])) for row in evaluated]
    last = rows(folder / "metrics.csv")[-1]
    assert np.mean(errors) == pytest.approx(float(last["valid_mae"]), rel=1e-4)


def test_averaging_changes_what_is_evaluated_and_not_what_is_trained():
    for name, extra in (("plain", []), ("averaged", ["--average", 0.8])):
        assert run(*SMALL, "--epochs", 2, "--name", name, *extra) == 0
    plain, averaged = (rows(Path("runs", name, "metrics.csv")) for name in ("plain", "averaged"))
    for one, other in zip(plain, averaged, strict=True):
        different = {name for name in one if one[name] != other[name]}
        assert different == {"valid_mae", "valid_epsilon_error"}
