"""`FastNet` against the layers: whole networks, on one process and on several."""

import os
import subprocess
import sys

import numpy as np
import pytest
from helpers import comparison
from helpers.comparison import check, close, norms, pair, passes, photos, randomize, small_net

from tinydldl import checkpoint, layers
from tinydldl.fast import FastNet, convolution, covers, layout, pointwise, stages
from tinydldl.fast.engine import divide, why_not_parallel
from tinydldl.labels import label_grid
from tinydldl.layers import BatchNorm2d, Linear, Sequential
from tinydldl.methods import DLDLv2
from tinydldl.models import AgeNet
from tinydldl.optim import Adam

MOST = (7, 23, 30, 3)  # the largest batch, so that processes are started once
every_count = pytest.mark.parametrize("workers", [1, 2, 3])


@pytest.fixture(scope="module")
def divided():
    """`divided(workers)`: a net and its reference, in training mode, which all tests share."""
    made, rng = {}, np.random.default_rng(1)

    def get(workers):
        if workers not in made:
            made[workers] = pair(randomize(comparison.mixed_net(rng), rng), workers)
            for net in made[workers]:
                net.forward(np.zeros(MOST))  # of both, since it moves the averages
        net, reference = made[workers]
        return net.train(), start_from(net, reference.train())  # whatever was tested before

    yield get
    for net, _ in made.values():
        net.close()


def test_backward_sees_the_photos_of_its_forward_pass(rng):
    """The caller may have put the next ones in their place meanwhile, as a buffer is used again."""
    net, reference = pair(randomize(small_net(rng), rng))
    x, dy = photos(rng, 2, 9, 8, 3), rng.standard_normal((2, 3))
    expected = passes(reference, x.copy(), dy)
    net.forward(x)
    x[...] = rng.standard_normal(x.shape)
    net.backward(dy)
    for name, gradient in net.grads.items():
        close(gradient, expected[f"grads {name}"], name=name)


@pytest.mark.parametrize(
    ("name", "pool", "shape"),
    [
        ("tiny", "hp", (2, 32, 32, 3)),
        ("tiny", "hp", (1, 37, 50, 3)),
        ("tiny", "gap", (3, 45, 33, 3)),
        ("thin", "hp", (2, 32, 32, 3)),
    ],
)
def test_age_nets(name, pool, shape, rng):
    net, reference = pair(randomize(AgeNet(name, 5, 32, pool, rng=rng), rng))
    check(net, reference, photos(rng, *shape), rng)
    net.eval(), reference.eval()
    x = photos(rng, *shape)
    close(net.forward(x), reference.forward(x))


def test_an_age_net_on_three_processes(rng):
    net, reference = pair(randomize(AgeNet("tiny", 5, 32, rng=rng), rng), workers=3)
    check(net, reference, photos(rng, 7, 32, 32, 3), rng)
    net.close()


@every_count
@pytest.mark.parametrize("images", [7, 2, 1])
def test_a_batch_that_cannot_be_divided_evenly(workers, images, divided, rng):
    """Seven images for two or three, two for three, and one, which leaves the others waiting."""
    net, reference = divided(workers)
    assert net.workers == workers
    assert net.why == ""
    check(net, reference, photos(rng, images, 23, 30, 3), rng)
    check(net, reference, photos(rng, images, 17, 16, 3), rng)


@every_count
def test_inference_after_training_and_training_after_inference(workers, divided, rng):
    net, reference = divided(workers)
    x = photos(rng, 5, 20, 21, 3)
    for _ in range(2):
        check(net, reference, x, rng)
        net.eval(), reference.eval()
        close(net.forward(x), reference.forward(x))
        check(net, reference, x, rng, save=True)
        net.train(), reference.train()


@every_count
def test_frozen_normalization(workers, divided, rng):
    net, reference = divided(workers)
    for model in (net, reference):
        norms(model)[1].eval()
    check(net, reference, photos(rng, 5, 20, 21, 3), rng, save=True)


@every_count
def test_memory_of_any_order(workers, divided, rng):
    """Photos and gradients that are views with their rows turned round."""
    net, reference = divided(workers)
    x, dy = photos(rng, 5, 20, 21, 3)[::-1, :, ::-1], rng.standard_normal((3, 5)).T
    assert not x.flags.c_contiguous
    comparison.all_close(passes(net, x, dy), passes(reference, x, dy))


@every_count
def test_parameters_that_change_in_place_change_everywhere(workers, divided, rng):
    net, reference = divided(workers)
    for name, param in net.params.items():
        param += 0.3 * rng.standard_normal(param.shape)
        reference.params[name][...] = param
    check(net, reference, photos(rng, 5, 20, 21, 3), rng)


def test_twenty_steps_on_one_two_and_three_processes(divided, rng):
    """In float64 the losses are the layers' to 1e-7; that needs each parameter everywhere."""
    start, batch = randomize(comparison.mixed_net(rng), rng), training_batch(rng)
    expected = losses(start_from(start, divided(1)[1]), *batch, steps=20)
    assert expected[-1] < expected[0]
    for workers in (1, 2, 3):
        found = losses(start_from(start, divided(workers)[0]), *batch, steps=20)
        np.testing.assert_allclose(found, expected, rtol=1e-7)


def training_batch(rng):
    """Photos, ages and their standard deviations."""
    return photos(rng, 7, 23, 30, 3), rng.uniform(0, 2, 7), rng.uniform(0.3, 1, 7)


def losses(net, x, y, sigma, steps):
    """The loss before each step of Adam."""
    method, optimizer, found = DLDLv2(label_grid(0, 2)), Adam(net.params, net.grads), []
    p = method.target(y, sigma).astype(x.dtype)
    for _ in range(steps):
        (loss, *_), dlogits = method.loss(net.forward(x), p, y.astype(x.dtype))
        net.backward(dlogits.astype(x.dtype))
        optimizer.step()
        found.append(loss)
    return found


def start_from(model, net):
    """`net` with the arrays of `model`."""
    for kind in ("params", "buffers"):
        for name, array in getattr(model, kind).items():
            getattr(net, kind)[name][...] = array
    return net


def test_in_float32(rng):
    """The loss is that of the layers in float64 to 1e-5, on one process and on two."""
    model, (x, y, sigma) = randomize(comparison.mixed_net(rng), rng), training_batch(rng)
    net, reference = pair(model, workers=2)
    net.to(dtype=np.float32)
    alone = start_from(reference, FastNet(comparison.mixed_net(rng)))
    expected = losses(reference, x, y, sigma, steps=1)
    for fast in (net, alone):
        found = losses(fast, x.astype(np.float32), y, sigma, steps=1)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        arrays = [*fast.params.values(), *fast.grads.values(), *fast.buffers.values()]
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    net.close()


def test_in_float32_nothing_large_is_computed_in_float64(rng, monkeypatch):
    """Maps, buffers, products; vectors of a row, 20 pixels of 2 images with 6 values, may be."""
    size = 20 * 2 * 6 + 1
    for name in ("matmul", "multiply", "add", "subtract", "maximum", "copyto"):
        monkeypatch.setattr(np, name, Watched(getattr(np, name), size))
    net = FastNet(small_net(rng))
    x = photos(rng, 2, 24, 20, 3).astype(np.float32)
    y = net.forward(x)
    net.backward(y)
    assert y.dtype == np.float32
    assert net.eval().forward(x).dtype == np.float32
    watched = [np.matmul, np.multiply, np.add, np.maximum]
    assert all(function.calls for function in watched)
    scratch = next(stage.scratch for stage in net.own.stages if hasattr(stage, "scratch"))
    assert {b.dtype for b in scratch.buffers.values()} == {np.dtype(np.float32), np.dtype(bool)}


class Watched:
    """A NumPy function that raises for an array in float64 of `size` numbers or more."""

    def __init__(self, function, size):
        self.function, self.size, self.calls = function, size, 0

    def __call__(self, *arrays, **options):
        result = self.function(*arrays, **options)
        self.calls += 1
        for array in (*arrays, *options.values(), result):
            large = isinstance(array, np.ndarray) and array.size >= self.size
            assert not (large and array.dtype == np.float64), f"{self.function.__name__} in float64"
        return result

    def __getattr__(self, name):
        return getattr(self.function, name)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_arrays_stay_the_model_s(workers, rng):
    """By the same names, and still the same ones after a pass: an optimizer holds them."""
    model = small_net(rng)
    net = FastNet(model, workers)
    arrays = {kind: getattr(net, kind) for kind in ("params", "grads", "buffers")}
    net.backward(net.forward(photos(rng, 2, 9, 9, 3).astype(np.float32)))
    net.close()
    for kind, before in arrays.items():
        assert list(before) == list(getattr(small_net(rng), kind))
        for after in (getattr(net, kind), getattr(model, kind)):
            assert list(after) == list(before)
            assert all(after[name] is array for name, array in before.items())


def test_shared_memory_holds_what_the_arrays_held(rng):
    model = randomize(small_net(rng), rng)
    for grad in model.grads.values():
        grad[...] = rng.standard_normal(grad.shape)
    net, reference = pair(model, workers=2)
    for kind in ("params", "grads", "buffers"):
        comparison.all_close(getattr(net, kind), getattr(reference, kind), tolerance=0)


@pytest.mark.parametrize("training", [True, False])
def test_takes_over_the_mode_of_the_model(training, rng):
    net = FastNet(small_net(rng).train(training))
    assert net.training == training
    assert all(norm.training != training for norm in norms(net.train(not training)))


def test_a_checkpoint_of_the_engine_is_one_of_the_layers(rng, tmp_path):
    net, _ = pair(randomize(comparison.mixed_net(rng), rng), workers=2)
    x = photos(rng, 4, 20, 21, 3)
    net.backward(net.forward(x))
    Adam(net.params, net.grads).step()
    arrays = {f"model.{name}": array for name, array in (net.params | net.buffers).items()}
    checkpoint.save(tmp_path / "checkpoint", arrays, {})
    model = comparison.mixed_net(rng).to(dtype=np.float64).eval()
    own = model.params | model.buffers
    checkpoint.load(tmp_path / "checkpoint", {f"model.{name}": own[name] for name in own})
    close(model.forward(x), net.eval().forward(x))
    net.close()


def test_divide():
    assert divide(7, 3) == [slice(0, 2), slice(2, 4), slice(4, 7)]
    for count in range(1, 12):
        for workers in range(1, 6):
            shares = divide(count, workers)
            assert len(shares) == min(count, workers)
            sizes = [len(range(count)[share]) for share in shares]
            assert min(sizes) >= 1
            assert max(sizes) - min(sizes) <= 1
            assert [i for share in shares for i in range(count)[share]] == list(range(count))


class OfTheScript(layers.Tanh):
    """Of a class that only the script which is run knows."""


OfTheScript.__module__ = "__main__"


def stay_alone(rng):
    """`{reason: model}` for networks that cannot be divided."""
    mixed, fc = small_net(rng), Linear(3, 2, rng=rng)
    mixed.layers["fc"].to(dtype=np.float64)
    nested = {"a": Sequential({"bn": BatchNorm2d(3)}), "b": small_net(rng)}
    return {
        "a.bn needs the whole batch": Sequential(nested),
        "drop draws at random": Sequential({"drop": layers.Dropout(0.5, rng=rng), "fc": fc}),
        "script is of a class that other": Sequential({"script": OfTheScript(), "fc": fc}),
        "it has no arrays, or not all of one dtype": mixed,
    }


@pytest.mark.parametrize("reason", stay_alone(np.random.default_rng(0)))
def test_networks_that_cannot_be_divided(reason, rng):
    model = stay_alone(rng)[reason]
    assert reason in why_not_parallel(model.layers)
    net = FastNet(model, workers=2)
    assert net.workers == 1
    assert reason in net.why
    assert "\n" not in net.why
    assert FastNet(model).why == ""


def test_a_normalization_that_stays_alone_is_right(rng):
    parts = {"bn": BatchNorm2d(3)} | small_net(rng).layers
    net, reference = pair(randomize(Sequential(parts), rng), workers=3)
    check(net, reference, photos(rng, 4, 9, 10, 3), rng)


def test_a_network_without_arrays_stays_alone(rng):
    net = FastNet(Sequential({"tanh": layers.Tanh()}), workers=2)
    x = rng.standard_normal((3, 4))
    np.testing.assert_array_equal(net.forward(x), np.tanh(x))
    assert net.workers == 1
    assert net.why


def test_a_network_of_vectors_is_divided(rng):
    """Nothing in it is covered, yet each process does its share."""
    parts = {"a": Linear(5, 4, rng=rng), "tanh": layers.Tanh(), "b": Linear(4, 3, rng=rng)}
    net, reference = pair(randomize(Sequential(parts), rng), workers=2)
    assert net.workers == 2
    assert not covers(net)
    check(net, reference, rng.standard_normal((5, 5)), rng)
    net.close()


def without_halo(self, name, shape, dtype):
    """`Scratch.padded`, but for the pixels above and to the left of the image."""
    H, W, N, C = shape
    buffer = self.take(name, (layout.whole(H) + 2, layout.whole(W) + 2, N * C), dtype)
    buffer[...] = 0
    return buffer, buffer[:H, :W]


FLIPPED, DOUBLED = convolution.B.copy(), convolution.A.copy()
FLIPPED[2, 1] *= -1
DOUBLED[4, 2] *= 2
relu_backward, merge_moments = pointwise.relu_backward, pointwise.merge_moments
PLANTED = {
    "a sign of B": (convolution, "B", FLIPPED),
    "an entry of A": (convolution, "A", DOUBLED),
    "filters that are not turned": (convolution, "turned", lambda W: W),
    "no halo": (layout.Scratch, "padded", without_halo),
    "a product that nobody computes": (convolution, "multiply_transposed", lambda X, Y, out: None),
    "statistics of the first image": (
        pointwise, "merge_moments", lambda *each: merge_moments(*(array[:1] for array in each))
    ),
    "means that are not weighted": (
        pointwise, "merge_moments", lambda n, m, s: (n.sum(), m.mean(axis=0), s.sum(axis=0))
    ),
    "no mask": (
        pointwise, "relu_backward", lambda da, x, mean, scratch: relu_backward(
            da, layout.FeatureMap(x.values, x.shape, x.scale, x.shift + 99), mean, scratch)
    ),
    "statistics as constants": (
        stages.ConvStage, "_correction", lambda self, sums, *rest: np.zeros(sums.shape)
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug, rng, monkeypatch):
    monkeypatch.setattr(*PLANTED[bug])
    net, reference = pair(randomize(small_net(rng), rng))
    with pytest.raises(AssertionError, match="off by"):
        check(net, reference, photos(rng, 3, 9, 10, 3), rng)


@pytest.mark.parametrize(
    ("imports", "threads", "warnings"),
    [("numpy, tinydldl", None, 1), ("numpy, tinydldl", "1", 0), ("tinydldl, numpy", None, 0)],
)
def test_blas_threads_that_would_be_in_the_way_are_told(imports, threads, warnings):
    """NumPy reads the number of its threads when it is imported; then it is too late to change."""
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    environment |= {"OPENBLAS_NUM_THREADS": threads} if threads else {}
    code = f"import {imports}; from tinydldl.fast import FastNet; from tinydldl.layers import *\n"
    code += "net = Sequential({'fc': Linear(2, 3, rng=numpy.random.default_rng(0))})\n"
    code += "FastNet(net, workers=1); FastNet(net, workers=2)"
    command, pipes = [sys.executable, "-c", code], {"capture_output": True, "text": True}
    done = subprocess.run(command, env=environment, check=True, **pipes)
    assert done.stderr.count("import tinydldl first") == warnings
