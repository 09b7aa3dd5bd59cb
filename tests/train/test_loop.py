"""The training loop on eight faces: it learns them, and says so when numbers go wrong."""

import copy
import time
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.commands import NO_BAR
from helpers.photos import put_photos
from helpers.trainings import training

from tinydldl.datasets.base import Photos
from tinydldl.datasets.loader import PhotoStore, eval_batches, normalize, train_batches
from tinydldl.fast import FastNet
from tinydldl.finite import NonFiniteError, first_non_finite
from tinydldl.gradcheck import compare, numerical_gradient
from tinydldl.labels import label_grid
from tinydldl.methods import METHODS, DLDLv2, make_method
from tinydldl.metrics import epsilon_error, mae
from tinydldl.models import AgeNet
from tinydldl.optim import Adam, Averaged
from tinydldl.train import loop
from tinydldl.train.loop import evaluate, train
from tinydldl.trained import Trained

INDICES = np.array([6, 0, 3])  # the photos of a batch


@pytest.fixture
def run(tmp_path, rng):
    """A training on eight photos of 37 x 37 random pixels, evaluated on the same ones."""
    photos = Photos(put_photos(tmp_path, 8, rng, 37), np.linspace(5, 75, 8), np.full(8, 2.0))
    about = {"epochs": 60, "batch": 8, "val_every": 25, "transforms": []}
    about["schedule"] = lambda epoch: 1e-3 if epoch < 50 else 1e-4
    return training(PhotoStore(photos, 32, 10**9, 2), DLDLv2(label_grid()), rng, **about)


def after_each_step(optimizer, do):
    """Have something done after each step of an optimizer."""
    step = optimizer.step
    optimizer.step = lambda: (step(), do())


def test_learns_eight_faces_by_heart(run):
    records = {}
    train(run, lambda epoch, record, speed: records.update({epoch: record}), NO_BAR)
    assert list(records) == list(range(1, 61))
    chance = np.abs(run.train_store.photos.ages - 40).mean()
    assert records[1]["train_mae"] > 0.8 * chance
    assert records[60]["train_mae"] < 0.1 * chance
    last = records[60]
    assert last["train_loss"] == pytest.approx(last["train_kl"] + last["train_mae"], rel=1e-6)
    assert (records[49]["lr"], records[50]["lr"]) == (1e-3, 1e-4)
    validated = [epoch for epoch, record in records.items() if "valid_mae" in record]
    assert validated == [25, 50, 60]


def test_validation_is_that_of_the_mean_of_photo_and_mirror(run):
    run.epochs = 2
    records = []
    train(run, lambda epoch, record, seconds: records.append(record), NO_BAR)
    run.model.eval()
    ((images, _),) = eval_batches(run.valid_store, batch=8)
    p_hats = [
        run.method.predict(run.model.forward(normalize(view, *run.channels)))
        for view in (images, images[:, :, ::-1])
    ]
    p_hat, y_hat = evaluate(run)
    np.testing.assert_allclose(p_hat, (p_hats[0] + p_hats[1]) / 2, atol=1e-6)
    np.testing.assert_allclose(y_hat, p_hat @ run.method.grid, rtol=1e-5)
    ages, sigmas = run.valid_store.photos.ages, run.valid_store.photos.sigmas
    assert records[-1]["valid_mae"] == mae(y_hat, ages)
    assert records[-1]["valid_epsilon_error"] == epsilon_error(y_hat, ages, sigmas)


def test_trains_in_training_mode_and_predicts_in_inference_mode(run):
    norm, modes = run.model.layers["bn1_1"], []
    forward = norm.forward

    def spy(x, keep=None):
        modes.append(norm.training)
        return forward(x, keep)

    norm.forward, run.epochs, run.batch, run.val_every = spy, 2, 4, 1
    train(run, lambda *_: None, NO_BAR)
    one_epoch = [True] * 2 + [False] * 4  # two batches, then each with its mirror image
    assert modes == 2 * one_epoch


@pytest.mark.parametrize("slow", ["photos", "network"])
def test_speed_and_who_waits_for_whom(slow, run, monkeypatch):
    def batches(*_, **__):
        for part in np.split(np.arange(8), 2):
            time.sleep(0.2 * (slow == "photos"))
            yield None, part

    def step(*_):
        time.sleep(0.2 * (slow == "network"))
        return np.zeros(3), 0.0

    monkeypatch.setattr(loop, "train_batches", batches)
    monkeypatch.setattr(loop, "training_step", step)
    _, speed = loop.train_epoch(run, 1, NO_BAR)
    assert speed["seconds"] > 0.4
    assert speed["images_per_second"] == pytest.approx(8 / speed["seconds"])
    assert (speed["waiting"] > 0.5) == (slow == "photos")


def test_photos_are_normalized_by_the_channels_of_the_training(run):
    """They are those of the weights that it began with, which need not be those of its photos."""
    run.channels = [0.5] * 3, [0.25, 0.2, 0.3]
    images = np.stack([run.train_store[i][:32, :32] for i in INDICES])
    x, *_ = loop.prepare(run, images, INDICES)
    np.testing.assert_array_equal(x, normalize(images, *run.channels))


def test_the_learning_rate_of_a_step_is_that_of_its_middle(run):
    run.epochs, run.batch, run.schedule = 2, 3, lambda epoch: epoch / 1e5  # batches of 3, 3, 2
    rates, records = [], []
    after_each_step(run.optimizer, lambda: rates.append(run.optimizer.lr * 1e5))
    train(run, lambda epoch, record, speed: records.append(record), NO_BAR)
    middles = [1.5 / 8, 4.5 / 8, 7 / 8]
    assert [rate for rate in rates if rate] == pytest.approx(
        [epoch + middle for epoch in (1, 2) for middle in middles]
    )
    assert [record["lr"] * 1e5 for record in records] == pytest.approx([1 + 7 / 8, 2 + 7 / 8])


@pytest.mark.parametrize("workers", [0, 2])
def test_the_average_is_evaluated_and_the_raw_weights_are_trained(run, workers):
    """The average of what the steps left, computed beside it; `workers`: of the fast engine."""
    run.epochs, run.batch = 2, 4
    first = {name: array.copy() for name, array in run.model.params.items()}
    alone, _ = weights_after_training(run, first, workers, decay=None)
    raw, evaluated = weights_after_training(run, first, workers, decay=0.5)
    for name, array in raw[-1].items():
        np.testing.assert_array_equal(array, alone[-1][name], err_msg=name)

    weights = np.array([1, 2, 4, 8]) / 15
    net = AgeNet("tiny", run.method.outputs, 32, rng=np.random.default_rng(0))
    for name, array in (net.params | net.buffers).items():
        array[...] = sum(w * step[name] for w, step in zip(weights, raw, strict=True))
    network = Trained(net, run.method, run.channels)
    expected, _ = network.predict(run.valid_store, run.batch)
    np.testing.assert_allclose(evaluated, expected, rtol=1e-4)
    for name, array in (net.params | net.buffers).items():
        array[...] = raw[-1][name]
    with_raw, _ = network.predict(run.valid_store, run.batch)
    assert np.abs(evaluated / with_raw - 1).max() > 1e-2


def weights_after_training(run, first, workers, decay):
    """The params and buffers after each step, and what is predicted at the end."""
    model = AgeNet("tiny", run.method.outputs, 32, rng=np.random.default_rng(0))
    for name, array in model.params.items():
        array[...] = first[name]
    run.model = FastNet(model, workers) if workers else model
    run.optimizer = Adam(run.model.params, run.model.grads)
    steps = []
    run.average = Averaged(run.model.params | run.model.buffers, decay) if decay else None
    now = run.model.params | run.model.buffers
    after_each_step(run.optimizer, lambda: steps.append(copy.deepcopy(now)))
    train(run, lambda *_: None, NO_BAR)
    prediction, _ = evaluate(run)
    for name, array in (run.model.params | run.model.buffers).items():
        np.testing.assert_array_equal(array, steps[-1][name], err_msg=name)
    if workers:
        run.model.close()
    return steps, prediction


def test_a_step_compares_each_photo_with_its_own_distribution(run, monkeypatch):
    photos = Photos(run.train_store.photos.paths, np.linspace(5, 75, 8), np.linspace(1, 8, 8))
    run.train_store.photos, seen = photos, []
    loss = run.method.loss
    monkeypatch.setattr(run.method, "loss", lambda *args: seen.append(args[1:]) or loss(*args))
    loop.training_step(run, np.zeros((3, 32, 32, 3), np.uint8), INDICES, "here")
    ((target, y),) = seen
    for row, i in zip(target, INDICES, strict=True):
        p = np.exp(-((run.method.grid - photos.ages[i]) ** 2) / (2 * photos.sigmas[i] ** 2))
        np.testing.assert_allclose(row, p / p.sum(), rtol=1e-5, atol=1e-12)
    assert y.tolist() == [65, 5, 35]


def method_and_outputs(name, run, rng):
    """A method on 26 labels, and what a network may say of three photos."""
    ages = {"ages": run.train_store.photos.ages} if name == "or-cnn" else {}
    method = make_method(name, label_grid(step=4), **ages)
    return method, rng.standard_normal((3, method.outputs))


def losses_and_rows(run, method, x):
    """The losses of the photos INDICES, and the gradient in the outputs x, as a step has them."""
    seen = []
    run.method, run.optimizer = method, SimpleNamespace(step=lambda: None)
    run.model = SimpleNamespace(forward=lambda _: x, backward=seen.append, grads={"x": x})
    black = np.zeros((3, 32, 32, 3), np.uint8)
    return loop.training_step(run, black, INDICES, "here")[0], seen[0]


def of_single_photos(run, method, x, weights):
    """The gradient in x of `1/N sum_n w_n L_n`, by central differences; L_n is a batch of one."""
    photos = run.train_store.photos
    y, sigma = photos.ages[INDICES], photos.sigmas[INDICES]
    target = method.target(y, sigma).astype(np.float32)

    def total():
        each = [method.loss(x[n : n + 1], target[n : n + 1], y[n : n + 1])[0][0] for n in range(3)]
        return float(sum(w * L for w, L in zip(weights[INDICES], each, strict=True)) / 3)

    return numerical_gradient(total, x)


@pytest.mark.parametrize("name", METHODS)
def test_a_weight_multiplies_the_loss_of_its_photo(name, run, rng):
    """Also or-cnn, whose questions have weights beside; wrong photos or factors are seen."""
    method, x = method_and_outputs(name, run, rng)
    w = run.weights = rng.uniform(0.2, 3, 8).astype(np.float32).astype(float)
    _, rows = losses_and_rows(run, method, x)
    compare(name, rows, of_single_photos(run, method, x, w))
    for wrong in (np.ones(8), w / w.sum(), w / w[INDICES].mean(), w[::-1], w**2):
        numeric = of_single_photos(run, method, x, wrong)
        assert np.abs(rows - numeric).max() > 0.05 * np.abs(rows).max()


def test_the_weighted_loss_agrees_with_pytorch(run, rng, torch):
    run.weights, method = rng.uniform(0.2, 3, 8), DLDLv2(label_grid())
    x, photos = rng.standard_normal((3, 101)), run.train_store.photos
    theirs, y = torch.tensor(x, requires_grad=True), torch.tensor(photos.ages[INDICES])
    p = torch.tensor(method.target(photos.ages[INDICES], photos.sigmas[INDICES]))
    kl = torch.nn.functional.kl_div(theirs.log_softmax(1), p, reduction="none").sum(1)
    L = kl + (theirs.softmax(1) @ torch.tensor(method.grid) - y).abs()
    (torch.tensor(run.weights[INDICES]) * L).mean().backward()
    _, rows = losses_and_rows(run, method, x)
    np.testing.assert_allclose(rows, theirs.grad.numpy(), rtol=1e-5, atol=1e-8)  # float32 targets


def test_weights_of_1_change_no_digit(run):
    run.epochs, run.batch = 2, 3
    first = {name: array.copy() for name, array in run.model.params.items()}
    without, _ = weights_after_training(run, first, workers=0, decay=None)
    run.weights = np.ones(8)
    ones, _ = weights_after_training(run, first, workers=0, decay=None)
    run.weights = np.linspace(0.9, 1.1, 8)
    others, _ = weights_after_training(run, first, workers=0, decay=None)
    for name, array in without[-1].items():
        np.testing.assert_array_equal(ones[-1][name], array, err_msg=name)
    assert (others[-1]["fc.W"] != without[-1]["fc.W"]).any()


def test_an_epoch_sees_the_photos_in_its_own_order_and_augmented(run, monkeypatch):
    run.epochs, run.batch, run.transforms, run.seed, seen = 2, 3, ["mirror", "color"], 5, []

    def watched(run, images, indices, where):
        seen.append((images, indices))
        return np.ones(3), 1.0

    monkeypatch.setattr(loop, "training_step", watched)
    train(run, lambda *_: None, NO_BAR)
    about = {"batch": 3, "transforms": ["mirror", "color"], "seed": 5}
    expected = [b for epoch in (1, 2) for b in train_batches(run.train_store, epoch, **about)]
    for (images, indices), (their_images, their_indices) in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(indices, their_indices)
        np.testing.assert_array_equal(images, their_images)


def test_the_figures_of_an_epoch_by_hand(run, monkeypatch):
    """Three batches, of 3, 3 and 2 photos: means over the photos, mean and deviation over steps."""
    losses = np.array([[6, 4, 2], [2, 1, 1], [1, 0, 1.0]])
    steps = zip(losses, [1, 2, 6], strict=True)  # each with the norm of its gradient
    monkeypatch.setattr(loop, "training_step", lambda *_: next(steps))
    run.batch = 3
    figures, _ = loop.train_epoch(run, 1, NO_BAR)
    assert figures.pop("lr") == 1e-3
    assert figures == pytest.approx(
        {
            "train_loss": (18 + 6 + 2) / 8,
            "train_kl": (12 + 3 + 0) / 8,
            "train_mae": (6 + 3 + 2) / 8,
            "grad_norm": 3.0,
            "grad_norm_std": (14 / 3) ** 0.5,  # of 1, 2, 6: ((-2)^2 + (-1)^2 + 3^2) / 3
        }
    )


def test_a_loss_that_is_not_finite_names_epoch_step_and_layer(run):
    run.model.params["conv2_1.W"][0, 0, 0, 0] = np.nan
    expected = r"loss nan in epoch 1, step 1: first non-finite value in the parameter conv2_1\.W"
    with pytest.raises(NonFiniteError, match=expected):
        train(run, lambda *_: None, NO_BAR)


def test_a_parameter_that_the_last_step_breaks_ends_the_epoch(run):
    """Before anything is saved, and not in the next epoch."""
    run.epochs, run.val_every, kept = 3, 3, []
    after_each_step(run.optimizer, lambda: run.model.params["fc.b"].__setitem__(2, np.inf))
    with pytest.raises(NonFiniteError, match=r"non-finite fc\.b after epoch 1; try a smal"):
        train(run, lambda epoch, *_: kept.append(epoch), NO_BAR)
    assert kept == []


def test_first_non_finite(run):
    x = np.zeros((2, 32, 32, 3), dtype=np.float32)
    run.model.eval()
    assert "every layer is finite" in first_non_finite(run.model, x)
    run.model.layers["bn3_1"].buffers["running_var"][3] = -1
    with np.errstate(invalid="ignore"):
        assert "in the output of bn3_1" in first_non_finite(run.model, x)
    x[0, 0, 0, 0] = np.inf
    assert first_non_finite(run.model, x) == "the images are not finite"


def test_training_is_float32_throughout(run):
    """One stray float64 would double the time of all that follows it."""
    run.weights = np.linspace(0.5, 1.5, 8)
    dtypes = set()

    def watch(function):
        def call(x, *rest):
            result = function(x, *rest)
            dtypes.update((x.dtype, result.dtype))
            return result

        return call

    for layer in run.model.layers.values():
        layer.forward, layer.backward = watch(layer.forward), watch(layer.backward)
    run.epochs = 1
    train(run, lambda *_: None, NO_BAR)
    arrays = [*run.model.params.values(), *run.model.grads.values(), *run.model.buffers.values()]
    dtypes.update(array.dtype for array in arrays)
    dtypes.update(array.dtype for name, array in run.optimizer.state.items() if name != "t")
    assert dtypes == {np.dtype(np.float32)}
