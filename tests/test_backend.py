"""Device choice without a GPU, and fused functions. Copies are tested in test_device.py."""

import types

import numpy as np
import pytest
import strict_device

from tinydldl import backend
from tinydldl.backend import (
    DeviceError,
    choose_device,
    fused,
    get_array_module,
    to_device,
    to_host,
)


def fake_cupy(count):
    """A cupy with `count` GPUs that records which one is used."""
    used = []
    fake = types.SimpleNamespace(
        __version__="0", used=used, ndarray=type("ndarray", (), {}), cuda=types.SimpleNamespace()
    )
    fake.cuda.runtime = types.SimpleNamespace(
        getDeviceCount=lambda: count, CUDARuntimeError=RuntimeError
    )
    fake.cuda.Device = lambda i: types.SimpleNamespace(use=lambda: used.append(i))
    return fake


def test_auto_and_cpu_without_a_gpu(monkeypatch):
    for cupy in (None, fake_cupy(0)):
        monkeypatch.setattr(backend, "cupy", cupy)
        for name in ("auto", "cpu"):
            xp, description = choose_device(name)
            assert xp is np
            assert description.startswith("cpu (NumPy")


def test_gpus_are_chosen_by_number(monkeypatch):
    cupy = fake_cupy(2)
    monkeypatch.setattr(backend, "cupy", cupy)
    for name in ("auto", "cuda", "cuda:1"):
        assert choose_device(name)[0] is cupy
    assert cupy.used == [0, 0, 1]
    assert choose_device("cuda:1")[1].startswith("cuda:1 (CuPy")
    assert choose_device("cpu")[0] is np


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(backend, "cupy", None)
    with pytest.raises(
        DeviceError, match=r"'cuda': CuPy sees 0 GPUs; use --device cpu, or install"
    ):
        choose_device("cuda")
    monkeypatch.setattr(backend, "cupy", fake_cupy(2))
    with pytest.raises(DeviceError, match="'cuda:2': CuPy sees 2 GPUs"):
        choose_device("cuda:2")


def test_a_driver_that_fails_counts_as_no_gpu(monkeypatch):
    cupy = fake_cupy(1)

    def fail():
        raise RuntimeError

    cupy.cuda.runtime.getDeviceCount = fail
    monkeypatch.setattr(backend, "cupy", cupy)
    assert choose_device("auto")[0] is np


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cpu:1", ""])
def test_other_names_are_refused(name):
    with pytest.raises(DeviceError, match="expected auto, cpu, cuda or cuda:N"):
        choose_device(name)


def test_host_arrays_are_not_copied():
    x = np.zeros(3)
    assert get_array_module(x) is np
    assert to_host(x) is x
    assert to_device(x, np) is x


# --- Fused functions ------------------------------------------------------------------------------


def make_fused():
    """A fused function, new in each test: what CuPy compiled is kept with the function."""

    @fused
    def move(x, y, factor):
        """x += factor y, and the old x"""
        old = x + 0
        x += factor * y
        return old

    return move


@pytest.fixture
def fusing(monkeypatch):
    """The names of the functions that the stand-in for CuPy fused, in turn."""
    names, fuse = [], strict_device.fuse

    def spy(function):
        names.append(function.__name__)
        return fuse(function)

    monkeypatch.setattr(strict_device, "fuse", spy)
    monkeypatch.setattr(backend, "cupy", strict_device)
    return names


def test_a_fused_function_keeps_name_and_docstring():
    function = make_fused()
    assert (function.__name__, function.__doc__) == ("move", "x += factor y, and the old x")


@pytest.mark.parametrize("cupy", [None, strict_device])
def test_with_numpy_a_fused_function_is_itself(cupy, fusing, monkeypatch):
    monkeypatch.setattr(backend, "cupy", cupy)
    x = np.arange(3.0)
    np.testing.assert_array_equal(make_fused()(x, x + 1, 2.0), [0, 1, 2])
    np.testing.assert_array_equal(x, [2, 5, 8])
    assert fusing == []


def test_cupy_fuses_a_function_once_and_not_before_it_is_called(fusing):
    function, x = make_fused(), strict_device.asarray(np.arange(3.0))
    y = x + 1
    assert fusing == []
    for factor, old, new in [(2.0, [0, 1, 2], [2, 5, 8]), (-1.0, [2, 5, 8], [1, 3, 5])]:
        np.testing.assert_array_equal(function(x, y, factor).get(), old)
        np.testing.assert_array_equal(x.get(), new)
    assert fusing == ["move"]


def test_a_fused_function_asks_for_the_module_of_its_variables(fusing):
    root = fused(lambda x: get_array_module(x).sqrt(x))
    np.testing.assert_array_equal(root(strict_device.asarray(np.array([4.0, 9.0]))).get(), [2, 3])


def test_a_fused_function_refuses_an_array_on_the_host(fusing):
    function, x = make_fused(), np.arange(3.0)
    for arguments in [(strict_device.asarray(x), x, 2.0), (x, strict_device.asarray(x), 2.0)]:
        with pytest.raises(TypeError):
            function(*arguments)
