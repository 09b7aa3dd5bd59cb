"""The same numbers on a device as on the host, and no array that strays between the two.

Without a GPU the device is `strict_device`, which has NumPy underneath, so the numbers must be
equal to the last bit. With TINYDLDL_TEST_DEVICE=cuda in the environment it is a GPU.
"""

import inspect
import os
from types import SimpleNamespace

import numpy as np
import pytest
import strict_device
from gradient_cases import layer_cases, loss_cases
from PIL import Image

from tinydldl import backend, checkpoint, layers, losses, methods, optim
from tinydldl.backend import get_array_module, to_device, to_host
from tinydldl.datasets.base import Photos
from tinydldl.datasets.loader import PhotoStore, normalize, train_batches
from tinydldl.datasets.transforms import TRANSFORMS
from tinydldl.labels import label_grid
from tinydldl.methods import DLDLv2
from tinydldl.models import AgeNet
from tinydldl.optim import Adam
from tinydldl.trainer import NonFiniteError, Training, predict, train

SEED = 2018
GRID = label_grid(0, 100, 10)
SIDE = 32
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


# --- The stand-in: what it allows -----------------------------------------------------------------


@pytest.fixture
def x(monkeypatch):
    """Six numbers on the stand-in, (2, 3) float32, which `backend` takes for CuPy's."""
    monkeypatch.setattr(backend, "cupy", strict_device)
    return strict_device.asarray(np.arange(6, dtype=np.float32).reshape(2, 3))


@pytest.fixture
def host():
    """As many on the host."""
    return np.ones((2, 3), dtype=np.float32)


def test_asarray_and_get_are_copies(host):
    x = strict_device.asarray(host)
    host[0, 0] = 7
    out = x.get()
    out[0, 1] = 8
    np.testing.assert_array_equal(x.get(), np.ones((2, 3)))


def test_asarray_leaves_a_device_array_where_it_is(x):
    strict_device.asarray(x)[0, 0] = 9
    assert float(x[0, 0]) == 9
    assert strict_device.asarray(x, dtype=np.int64).dtype == np.int64


def test_operators_and_functions_stay_on_the_device(x):
    xp = strict_device
    results = [
        x + x, 1 - x, np.float32(2) * x, x @ x.T, x.sum(), x.T, x[0], x[0, 0], x > 2, -x, abs(x),
        xp.exp(x), xp.maximum(x, 0), xp.where(x > 2, x, 0), xp.stack([x, x]), xp.zeros((2, 3)),
        xp.pad(x, ((1, 1), (0, 0))), *x, *divmod(x, 2), x.astype(np.int64), x[x > 2],
    ]  # fmt: skip
    assert all(type(result) is xp.ndarray for result in results)


def test_a_single_number_is_an_array_and_can_be_read(x):
    total = x.sum()
    assert (total.shape, float(total), int(total), bool(total)) == ((), 15.0, 15, True)


def test_dtypes_follow_numpy_2(x):
    kinds = [(2.0 * x).dtype, (np.float64(2) * x).dtype, (x > 2).dtype, (x.sum() + 1.0).dtype]
    assert kinds == [np.float32, np.float64, np.bool_, np.float32]


def test_writing_into_a_view_changes_the_base(x):
    for view in (x[:, 1:], x[0], x[1, 0], x.T, x.reshape(-1)):
        view += 1
    x[...] = x * 2
    x[0, 0] = 0
    np.testing.assert_array_equal(x.get(), [[0, 10, 12], [12, 14, 16]])


def test_in_place_operators_keep_the_array(x):
    before = x
    x += 1
    x *= x
    assert x is before
    np.testing.assert_array_equal(before.get(), [[1, 4, 9], [16, 25, 36]])


def test_constants_and_types_are_numpys():
    assert strict_device.float32 is np.float32
    assert strict_device.newaxis is None


# --- The stand-in: what it refuses ----------------------------------------------------------------

REFUSED = {
    # A device array would become a NumPy array.
    "np.asarray(x)": lambda x, host: np.asarray(x),
    "np.array([x])": lambda x, host: np.array([x]),
    "np.float32(x)": lambda x, host: np.float32(x[0, 0]),
    "np.exp(x)": lambda x, host: np.exp(x),
    "np.maximum(x, 0)": lambda x, host: np.maximum(x, 0),
    "np.sum(x)": lambda x, host: np.sum(x),
    "np.stack([x, x])": lambda x, host: np.stack([x, x]),
    "host[...] = x": lambda x, host: host.__setitem__(..., x),
    "host[x]": lambda x, host: host[x.astype(int)],
    "range(x)": lambda x, host: range(x[0, 0].astype(int)),
    # Host and device meet.
    "x + host": lambda x, host: x + host,
    "host + x": lambda x, host: host + x,
    "host @ x": lambda x, host: host @ x.T,
    "x == host": lambda x, host: x == host,
    "x + 0-d host": lambda x, host: x + np.array(1.0),
    "x - list": lambda x, host: x - [1, 2, 3],
    "x += host": lambda x, host: x.__iadd__(host),
    "x[...] = host": lambda x, host: x.__setitem__(..., host),
    "x[host]": lambda x, host: x[np.array([0, 1])],
    "x[list]": lambda x, host: x[:, [0, 1]],
    "xp.maximum(x, host)": lambda x, host: strict_device.maximum(x, host),
    "xp.exp(host)": lambda x, host: strict_device.exp(host),
    "xp.exp(list)": lambda x, host: strict_device.exp([1.0]),
    "xp.stack([x, host])": lambda x, host: strict_device.stack([x, host]),
    "xp.exp(x, out=host)": lambda x, host: strict_device.exp(x, out=host),
    "x.dot(host)": lambda x, host: x.dot(host.T),
    "xp.array(host)": lambda x, host: strict_device.array(host),
    # CuPy has no such keyword.
    "xp.exp(where=)": lambda x, host: strict_device.exp(x, where=x > 2),
    "xp.mean(where=)": lambda x, host: strict_device.mean(x, where=x > 2),
    "x.sum(initial=)": lambda x, host: x.sum(initial=1),
}
MISSING = {
    "xp.spacing": lambda x: strict_device.spacing,
    "xp.insert": lambda x: strict_device.insert,
    "xp.random": lambda x: strict_device.random,
    "x.data": lambda x: x.data,
    "x.flat": lambda x: x.flat,
    "x.to_device": lambda x: x.to_device,
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name, x, host):
    with pytest.raises(TypeError):
        REFUSED[name](x, host)


def test_refuses_to_add_to_a_host_array_in_place(x, host):
    with pytest.raises(TypeError):
        host += x


@pytest.mark.parametrize("name", MISSING)
def test_lacks_what_cupy_lacks(name, x):
    with pytest.raises(AttributeError, match="CuPy"):
        MISSING[name](x)


# --- Planted bugs ---------------------------------------------------------------------------------


class CallsNumPy(layers.Layer):
    """A layer with a bug: the function is NumPy's, whatever the array."""

    def forward(self, x, keep=None):
        return np.maximum(x, 0)


class KeepsAnArrayBack(layers.Layer):
    """A layer with a bug: `to` does not find an array that is no parameter and no buffer."""

    def __init__(self):
        super().__init__()
        self.offset = np.ones(3, dtype=np.float32)

    def forward(self, x, keep=None):
        return x + self.offset


class PicksByHostIndices(layers.Layer):
    """A layer with a bug: it copies indices to the device in each forward pass."""

    def forward(self, x, keep=None):
        return x[:, np.arange(2)]


class CallsWhatCuPyLacks(layers.Layer):
    """A layer with a bug: CuPy has no `spacing`."""

    def forward(self, x, keep=None):
        return get_array_module(x).spacing(x)


@pytest.mark.parametrize(
    "bug", [CallsNumPy, KeepsAnArrayBack, PicksByHostIndices, CallsWhatCuPyLacks]
)
def test_a_planted_bug_is_caught(bug, x):
    assert bug().forward(np.ones((2, 3), dtype=np.float32)) is not None  # NumPy does not see it
    with pytest.raises((TypeError, AttributeError)):
        bug().to(strict_device).forward(x)


def test_a_head_left_on_the_host_is_caught(x):
    method = DLDLv2(label_grid(0, 100, 50))
    with pytest.raises(TypeError):
        method.age(method.distribution(x))


def test_the_comparison_sees_wrong_place_type_and_value(x):
    check(x, x.get(), strict_device)
    wrong = [x.get(), x.astype(np.float64), x + np.float32(1e-6)]
    for got in wrong:
        with pytest.raises(AssertionError):
            check(got, x.get(), strict_device)


# --- Layers, losses, optimizers, methods ----------------------------------------------------------


def test_every_layer_and_loss_has_a_case(rng):
    public_layers = set(layers.__all__) - {"Layer"}  # Layer itself computes nothing
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
        y = layer.forward(float32(x, xp), keep=True)
        dx = layer.backward(float32(rng.standard_normal(y.shape), xp))
        state = prefixed("grad", layer.grads) | prefixed("buffer", layer.buffers)
        return {"y": y, "dx": dx} | state

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


def device_state(optimizer):
    """What an optimizer keeps on the device: not the number of steps."""
    return {name: array for name, array in optimizer.state.items() if name != "t"}


@pytest.mark.parametrize("method", classes_of(methods))
def test_method(method, device):
    def compute(xp):
        chosen = method(GRID).to(xp)
        rng = np.random.default_rng(SEED)
        logits = float32(rng.standard_normal((4, chosen.outputs)), xp)
        target, y = (float32(value, xp) for value in (chosen.target(AGES, SIGMAS), AGES))
        p_hat = chosen.distribution(logits)
        losses_and_gradient = numbered(chosen.loss(logits, target, y))
        return {"p_hat": p_hat, "y_hat": chosen.age(p_hat)} | losses_and_gradient

    agree(compute, device)


# --- A network in training ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Eight photos of colored noise, somewhat larger than the network's input."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(SEED)
    paths = [folder / f"{index}.png" for index in range(8)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (40, 44, 3), dtype=np.uint8)).save(path)
    photos = Photos(paths, np.concatenate([AGES, AGES + 5]), np.full(8, 2.0))
    return PhotoStore(photos, SIDE, cache_bytes=10**6, loaders=1)


def make_training(store, xp, seed=SEED):
    """One epoch of two steps on the device of `xp`; `seed` draws the first weights."""
    method = DLDLv2(GRID).to(xp)
    rng = np.random.default_rng(seed)
    model = AgeNet("tiny", method.outputs, SIDE, rng=rng).to(xp)
    return Training(
        model=model,
        method=method,
        # With eps near 0 a step is lr in size whatever the gradient's, so where a gradient is
        # rounding noise, GPU and CPU would step in random directions.
        optimizer=Adam(model.params, model.grads, eps=1.0),
        schedule=lambda epoch: 1e-2,
        train_store=store,
        valid_store=store,
        judged="valid",
        channels=store.channel_statistics(),
        epochs=1,
        batch=4,
        val_every=1,
        transforms=list(TRANSFORMS),
        seed=SEED,
        xp=xp,
    )


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
    train(run, lambda epoch, record, seconds: records.append(record))
    return SimpleNamespace(run=run, record=records[0])


def test_training_and_prediction(store, device):
    on_host, on_device = trained(store, np), trained(store, device)
    assert on_device.record.keys() == on_host.record.keys()
    for name, value in on_host.record.items():
        assert_close(on_device.record[name], value, device, WHOLE_NETWORK, name)
    for got, expected in zip(predict(on_device.run), predict(on_host.run), strict=True):
        assert isinstance(got, np.ndarray)
        assert_close(got, expected, device, WHOLE_NETWORK)


def test_checkpoint_of_a_training_on_the_device(store, device, tmp_path):
    run = trained(store, device).run
    saved = arrays_of(run)
    checkpoint.save(tmp_path / "run", saved, meta={})
    loaded, _ = checkpoint.load(tmp_path / "run")
    fresh = make_training(store, device, seed=SEED + 1)
    checkpoint.copy_into(fresh.model.params | fresh.model.buffers, loaded, "model.")
    checkpoint.copy_into(device_state(fresh.optimizer), loaded, "optimizer.")
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
        train(run, lambda *_: None)
