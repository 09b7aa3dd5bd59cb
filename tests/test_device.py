"""The same numbers on a device as on the host, and no array that strays between the two.

Without a GPU the device is `strict_device`, which has NumPy underneath, so the numbers must be
equal to the last bit if both sides convolve by im2col; that these are the shifted products' numbers
is tested in layers/test_im2col.py. With TINYDLDL_TEST_DEVICE=cuda in the environment the device is
a GPU, and both sides convolve as they do outside the tests.
"""

import inspect
import os
from types import SimpleNamespace

import numpy as np
import pytest
from gradient_cases import layer_cases, loss_cases
from helpers import strict_device
from helpers.commands import NO_BAR
from helpers.photos import put_photos
from helpers.trainings import training

from tinydldl import backend, checkpoint, layers, losses, optim
from tinydldl.backend import to_device, to_host
from tinydldl.datasets.base import Photos
from tinydldl.datasets.loader import PhotoStore, normalize, train_batches
from tinydldl.datasets.transforms import TRANSFORMS
from tinydldl.finite import NonFiniteError
from tinydldl.labels import label_grid
from tinydldl.layers import im2col
from tinydldl.methods import METHODS, DLDLv2, make_method
from tinydldl.optim import Averaged
from tinydldl.train.loop import evaluate, train

SEED = 2018
GRID = label_grid(0, 100, 10)
AGES = np.array([3.0, 20.5, 47.0, 88.0])
SIGMAS = np.array([1.0, 2.5, 4.0, 0.0])
# Of the largest value of an array, where a GPU rounds in another order.
ONE_FUNCTION = 1e-4
WHOLE_NETWORK = 1e-2  # a rounding error may turn a ReLU off, or move a maximum to its neighbor


@pytest.fixture(scope="module")
def device():
    """The module of device arrays: the stand-in, or CuPy if the environment asks for a GPU."""
    wanted = os.environ.get("TINYDLDL_TEST_DEVICE", "stand-in")
    if wanted.startswith("cuda"):
        yield backend.choose_device(wanted)[0]  # without a GPU an error: nothing is skipped
    elif wanted == "stand-in":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backend, "cupy", strict_device)
            patch.setattr(im2col, "pays", lambda x, learns: True)
            yield strict_device
    else:
        pytest.fail(f"TINYDLDL_TEST_DEVICE={wanted}: expected cuda, cuda:N or stand-in")


def agree(compute, device, tolerance=ONE_FUNCTION):
    """Check that `compute(xp)`, a dict of arrays, gives the same on the device and with NumPy."""
    expected, got = compute(np), compute(device)
    assert got.keys() == expected.keys()
    for name, array in got.items():
        check(array, expected[name], device, tolerance, name)


def check(got, expected, device, tolerance=ONE_FUNCTION, name=""):
    """Check that `got` is on the device, and of the type and value of `expected`, on the host."""
    assert isinstance(got, device.ndarray), f"{name} is not on the device"
    assert got.dtype == expected.dtype, name
    assert_close(to_host(got), expected, device, tolerance, name)


def assert_close(got, expected, device, tolerance, name=""):
    """Check numbers on the host: equal if the stand-in computed them, else within `tolerance`."""
    scale = 0 if device is strict_device else tolerance
    atol = scale * np.abs(expected).max()
    np.testing.assert_allclose(got, expected, rtol=scale, atol=atol, err_msg=name)


def float32(value, xp):
    """An array as the trainer would hand it over: on the device, float32 unless it is of integers.

    Anything that is no array stays what it is.
    """
    if not isinstance(value, np.ndarray):
        return value
    return to_device(value.astype(np.float32) if value.dtype.kind == "f" else value, xp)


def prefixed(prefix, arrays):
    """The dict with `prefix` before each name."""
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def numbered(values):
    """The arrays in nested tuples, as a dict from their place to the array."""
    flat = {}
    for i, value in enumerate(values):
        nested = isinstance(value, tuple)
        flat |= prefixed(i, numbered(value)) if nested else {str(i): value}
    return flat


def test_the_comparison_sees_wrong_place_type_and_value(monkeypatch):
    monkeypatch.setattr(backend, "cupy", strict_device)
    x = strict_device.asarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    check(x, x.get(), strict_device)
    wrong = [x.get(), x.astype(np.float64), x + np.float32(1e-6)]
    for got in wrong:
        with pytest.raises(AssertionError):
            check(got, x.get(), strict_device)


# --- Layers, losses, optimizers, methods ----------------------------------------------------------


def test_every_layer_and_loss_has_a_case(rng):
    # Layer itself computes nothing
    public_layers = {name for name in vars(layers) if name[0].isupper()} - {"Layer", "Layers"}
    public_losses = {
        name
        for name, value in vars(losses).items()
        if inspect.isfunction(value)
        and value.__module__ == losses.__name__
        and not name.startswith("_")
    }
    assert public_layers <= {name.partition(",")[0] for name in layer_cases(rng)}
    tested_below = {"joint"}
    assert public_losses <= {name.partition(",")[0] for name in loss_cases(rng)} | tested_below


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", layer_cases(np.random.default_rng(SEED)))
def test_layer(name, training, device):
    def compute(xp):
        rng = np.random.default_rng(SEED)
        layer, x = layer_cases(rng)[name]
        layer.to(xp, np.float32).train(training)
        y = layer.forward(float32(x, xp), save=True)
        dx = layer.backward(float32(rng.standard_normal(y.shape), xp))
        state = prefixed("grad", layer.grads) | prefixed("buffer", layer.buffers)
        return {"y": y, "dx": dx} | state

    agree(compute, device)


def test_convolution_image_by_image(device, monkeypatch):
    monkeypatch.setattr(im2col, "BLOCK_BYTES", 1)

    def compute(xp):
        rng = np.random.default_rng(SEED)
        layer = layers.Conv2d(3, 5, padding=1, rng=rng).to(xp)
        y = layer.forward(float32(rng.standard_normal((3, 6, 7, 3)), xp))
        dx = layer.backward(float32(rng.standard_normal(y.shape), xp))
        return {"y": y, "dx": dx} | layer.grads

    agree(compute, device)


@pytest.mark.parametrize("name", loss_cases(np.random.default_rng(SEED)))
def test_loss(name, device):
    def compute(xp):
        loss, *arguments = loss_cases(np.random.default_rng(SEED))[name]
        return numbered(loss(*(float32(value, xp) for value in arguments)))

    agree(compute, device)


@pytest.mark.parametrize("reduction", ["batch", "elements"])
def test_joint_loss(reduction, device):
    def compute(xp):
        rng = np.random.default_rng(SEED)
        logits, p = rng.standard_normal((4, 11)), rng.dirichlet(np.ones(11), 4)
        arrays = [float32(a, xp) for a in (logits, AGES + 0.5, p, AGES)]
        return numbered(losses.joint(*arrays, lam=0.5, kl_reduction=reduction))

    agree(compute, device)


def classes_of(module, base=object):
    """The classes that a module defines, below `base`."""
    found = [value for value in vars(module).values() if isinstance(value, type)]
    own = [cls for cls in found if cls.__module__ == module.__name__]
    return [cls for cls in own if issubclass(cls, base) and cls is not base]


@pytest.mark.parametrize("optimizer", classes_of(optim, optim.Optimizer))
def test_optimizer(optimizer, device):
    def compute(xp):
        rng = np.random.default_rng(SEED)
        params, grads = (
            {name: float32(rng.standard_normal(shape), xp) for name, shape in shapes.items()}
            for shapes in [{"W": (5, 3), "b": (3,)}] * 2
        )
        moving = optimizer(params, grads, lr=0.1)
        for _ in range(3):
            moving.step()
        return prefixed("param", params) | prefixed("state", device_state(moving))

    agree(compute, device)


def test_average(device):
    def compute(xp):
        rng = np.random.default_rng(SEED)
        arrays = {"W": float32(rng.standard_normal((5, 3)), xp)}
        averaged = Averaged(arrays, decay=0.9)
        for _ in range(3):
            arrays["W"] += float32(rng.standard_normal((5, 3)), xp)
            averaged.update()
        with averaged.applied():
            within = arrays["W"].copy()
        return {"within": within, "after": arrays["W"]} | averaged.average

    agree(compute, device)


def device_state(optimizer):
    """What an optimizer keeps on the device: not the number of steps."""
    return {name: array for name, array in optimizer.state.items() if name != "t"}


@pytest.mark.parametrize("name", METHODS)
def test_method(name, device):
    settings = {"ages": AGES} if name == "or-cnn" else {}

    def compute(xp):
        method = make_method(name, GRID, **settings).to(xp)
        rng = np.random.default_rng(SEED)
        x = float32(rng.standard_normal((4, method.outputs)), xp)
        target, y = (float32(value, xp) for value in (method.target(AGES, SIGMAS), AGES))
        prediction = method.predict(x)
        losses_and_gradient = numbered(method.loss(x, target, y))
        return {"prediction": prediction, "y_hat": method.age(prediction)} | losses_and_gradient

    agree(compute, device)


# --- A network in training ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Eight photos of colored noise, somewhat larger than the network's input."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(SEED)
    paths = put_photos(folder, 8, rng, 44, 40)
    photos = Photos(paths, np.concatenate([AGES, AGES + 5]), np.full(8, 2.0))
    return PhotoStore(photos, 32, cache_bytes=10**6, loaders=1)


def make_training(store, xp, seed=SEED):
    """One epoch of two steps on the device of `xp`; `seed` draws the initial weights.

    With eps near 0 a step is lr in size whatever the gradient's, so where a gradient is rounding
    noise, GPU and CPU would step in random directions.
    """
    about = {"epochs": 1, "batch": 4, "transforms": list(TRANSFORMS), "seed": SEED, "eps": 1.0}
    about |= {"schedule": lambda epoch: 1e-2, "weights": np.linspace(0.5, 1.5, len(store))}
    return training(store, DLDLv2(GRID), np.random.default_rng(seed), xp, **about)


def arrays_of(run):
    """Everything that a checkpoint of a training holds, but for the number of steps."""
    model = prefixed("model", run.model.params | run.model.buffers)
    return model | prefixed("optimizer", device_state(run.optimizer))


def first_batch(store):
    """Augmented photos as the loader gives them, uint8 on the host, and their indices."""
    return next(train_batches(store, 1, batch=4, transforms=list(TRANSFORMS), seed=SEED))


def test_normalized_batch(store, device):
    images, _ = first_batch(store)
    assert images.dtype == np.uint8

    def compute(xp):
        return {"x": normalize(to_device(images, xp), *store.channel_statistics())}

    agree(compute, device)


def test_training_step(store, device):
    images, indices = first_batch(store)
    ages, sigmas = store.photos.ages[indices], store.photos.sigmas[indices]

    def compute(xp):
        run = make_training(store, xp)
        logits = run.model.forward(normalize(to_device(images, xp), *run.channels))
        p = float32(run.method.target(ages, sigmas), xp)
        values, dlogits = run.method.loss(logits, p, float32(ages, xp))
        dx = run.model.backward(dlogits)
        run.optimizer.step()
        passes = {"logits": logits, "dx": dx} | prefixed("loss", numbered(values))
        return passes | prefixed("grad", run.model.grads) | arrays_of(run)

    agree(compute, device, WHOLE_NETWORK)


def trained(store, xp):
    """A training after its epoch, and the record of the epoch."""
    run, records = make_training(store, xp), []
    train(run, lambda epoch, record, seconds: records.append(record), NO_BAR)
    return SimpleNamespace(run=run, record=records[0])


def test_training_and_prediction(store, device):
    on_host, on_device = trained(store, np), trained(store, device)
    assert on_device.record.keys() == on_host.record.keys()
    for name, value in on_host.record.items():
        assert_close(on_device.record[name], value, device, WHOLE_NETWORK, name)
    for got, expected in zip(evaluate(on_device.run), evaluate(on_host.run), strict=True):
        assert isinstance(got, np.ndarray)
        assert_close(got, expected, device, WHOLE_NETWORK)


def test_checkpoint_of_a_training_on_the_device(store, device, tmp_path):
    run = trained(store, device).run
    saved = arrays_of(run)
    checkpoint.save(tmp_path / "run", saved, meta={})
    fresh = make_training(store, device, seed=SEED + 1)
    checkpoint.load(tmp_path / "run", arrays_of(fresh))
    for name, array in arrays_of(fresh).items():
        assert isinstance(array, device.ndarray), name
        np.testing.assert_array_equal(to_host(array), to_host(saved[name]), err_msg=name)


def test_a_model_comes_back_to_the_host(store, device):
    run = make_training(store, device)
    run.model.to(np)
    assert all(type(array) is np.ndarray for array in run.model.params.values())


def test_non_finite_weights_are_found_on_the_device(store, device):
    run = make_training(store, device)
    run.model.params["conv2_1.W"][...] = np.nan
    with pytest.raises(NonFiniteError, match=r"step 1: .* in the parameter conv2_1\.W"):
        train(run, lambda *_: None, NO_BAR)
