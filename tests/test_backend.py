"""Device choice without a GPU. Copies and modules are tested on the stand-in in test_device.py."""

import types

import numpy as np
import pytest

from tinydldl import backend
from tinydldl.backend import DeviceError, choose_device, get_array_module, to_device, to_host


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
