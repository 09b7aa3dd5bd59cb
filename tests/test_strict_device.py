"""The stand-in for CuPy: what it allows, what it refuses, and that it catches planted bugs."""

import math

import numpy as np
import pytest
from helpers import strict_device

from tinydldl import backend, layers
from tinydldl.backend import fused, get_array_module
from tinydldl.labels import label_grid
from tinydldl.methods import DLDLv2


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


# --- Fused functions ------------------------------------------------------------------------------


def test_a_fused_function_computes_what_numpy_does(x, host):
    def function(x, y, factor):
        y += factor * x
        y /= 2
        root = get_array_module(x).sqrt(-x + 5)
        return root, (x > 2) * (3 - y)

    half = np.float32(0.5)
    results = strict_device.fuse(function)(x, y := strict_device.asarray(host), half)
    for got, expected in zip((*results, y), (*function(x.get(), host, half), host), strict=True):
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got.get(), expected)


def test_a_fused_function_broadcasts_and_may_return_nothing(x):
    def accumulate(total, row):
        total += row

    assert strict_device.fuse(accumulate)(x, x[1] + 1) is None
    np.testing.assert_array_equal(x.get(), [[4, 6, 8], [7, 9, 11]])


def test_a_fused_function_returns_new_arrays(x):
    y = strict_device.fuse(lambda x: x)(x)
    y += 1
    assert float(x[0, 0]) == 0


CONSTANT = strict_device.asarray(np.ones(3, dtype=np.float32))
REFUSED_IN_FUSED = {
    # It is not elementwise, or CuPy's variables do not have it.
    "sum": lambda x, n: get_array_module(x).sum(x),
    "x.sum": lambda x, n: x.sum(),
    "x @ y": lambda x, n: x @ x,
    "matmul": lambda x, n: get_array_module(x).matmul(x, x),
    "where": lambda x, n: get_array_module(x).where(x > 0, x, x),
    "x[0]": lambda x, n: x[0],
    "x.T": lambda x, n: x.T,
    "x.shape": lambda x, n: x.shape,
    "abs": lambda x, n: abs(x),
    "len": lambda x, n: x * len(x),
    # What it computes on must be arguments, on the device.
    "np.sqrt": lambda x, n: np.sqrt(x),
    "device array": lambda x, n: x + CONSTANT,
    "device array first": lambda x, n: CONSTANT + x,
    "host array": lambda x, n: x + np.ones(3, dtype=np.float32),
    "list": lambda x, n: x * [1, 2, 3],
    # It is traced once, without values.
    "if x": lambda x, n: x if x else -x,
    "if n": lambda x, n: x if n else -x,
    "n == 2": lambda x, n: x if n == 2 else -x,
    "float(x)": lambda x, n: x * float(x),
    "float(n)": lambda x, n: x * float(n),
    "math.sqrt(n)": lambda x, n: x * math.sqrt(n),
    # CuPy makes float64 of numbers that meet numbers.
    "n * 2": lambda x, n: x * (n * 2),
    "1 - n": lambda x, n: x * (1 - n),
    "n**2": lambda x, n: x * n**2,
    "-n": lambda x, n: x * -n,
    "sqrt(n)": lambda x, n: x * get_array_module(x).sqrt(n),
    # It returns arrays of the common shape.
    "returns a number": lambda x, n: 1,
    "returns n": lambda x, n: n,
    "returns a list": lambda x, n: [x],
}


@pytest.mark.parametrize("name", REFUSED_IN_FUSED)
def test_a_fused_function_is_refused(name, x):
    with pytest.raises((TypeError, AttributeError)):
        strict_device.fuse(REFUSED_IN_FUSED[name])(x, np.float32(2))


def test_a_fused_function_refuses_arguments_on_the_host(x, host):
    add = strict_device.fuse(lambda x, y: x + y)
    for y in (host, [1, 2, 3], "1", 1.0, 1):
        with pytest.raises(TypeError):
            add(x, y)


def test_a_fused_function_neither_returns_nor_changes_what_is_broadcast(x):
    def grow(x, row):
        row += 1

    for function in (grow, lambda x, row: row * 2, lambda x, row: (x + row, row * 2)):
        with pytest.raises(TypeError):
            strict_device.fuse(function)(x, x[0] + 1)


# --- Planted bugs ---------------------------------------------------------------------------------


@fused
def less_mean(x):
    return x - x.mean(axis=0)


BUGS = {  # of forward passes
    "NumPy's function, whatever the array": lambda layer, x: np.maximum(x, 0),
    "an array that `to` does not find": lambda layer, x: x + layer.kept_back,
    "indices from the host in each pass": lambda layer, x: x[:, np.arange(2)],
    "a function that CuPy lacks": lambda layer, x: get_array_module(x).spacing(x),
    "a fused function that is not elementwise": lambda layer, x: less_mean(x),
}


class WithABug(layers.Layer):
    """A layer with a bug, and an array that is no parameter and no buffer."""

    def __init__(self, bug):
        super().__init__()
        self.bug, self.kept_back = bug, np.ones(3, dtype=np.float32)

    def forward(self, x, save=None):
        return self.bug(self, x)


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_planted_bug_is_caught(bug, x, host):
    assert WithABug(bug).forward(host) is not None  # NumPy does not see it
    with pytest.raises((TypeError, AttributeError)):
        WithABug(bug).to(strict_device).forward(x)


def test_a_head_left_on_the_host_is_caught(x):
    method = DLDLv2(label_grid(0, 100, 50))
    with pytest.raises(TypeError):
        method.age(method.predict(x))
