"""Device choice without a GPU, and fused functions. Copies are tested in test_device.py."""

import types

import numpy as np
import pytest
from helpers import strict_device

from tinydldl import backend
from tinydldl.backend import choose_device, fused, get_array_module, to_device, to_host
from tinydldl.errors import UserError


def fail(message="", kind=RuntimeError):
    """A function that raises; CuPy's errors have many lines."""

    def raising(*_, **__):
        raise kind(message)

    return raising


def fake_cupy(count):
    """A cupy with `count` GPUs that records which one is used, and what is computed."""
    used = []
    fake = types.SimpleNamespace(__version__="0", used=used, cuda=types.SimpleNamespace())

    def ones(shape, dtype):
        used.append("ones")
        return np.ones(shape, dtype)

    fake.ones = ones
    fake.cuda.runtime = types.SimpleNamespace(getDeviceCount=lambda: count)
    fake.cuda.Device = lambda i: types.SimpleNamespace(use=lambda: used.append(i))
    return fake


CPU = f"cpu (NumPy {np.__version__})"


def test_auto_and_cpu_without_cupy(monkeypatch):
    monkeypatch.setattr(backend, "cupy", None)
    monkeypatch.setattr(backend, "no_cupy", ModuleNotFoundError("No module named 'cupy'"))
    for name in ("auto", "cpu"):
        assert choose_device(name) == (np, CPU)


def test_gpus_are_chosen_by_number_and_tried(monkeypatch):
    cupy = fake_cupy(2)
    monkeypatch.setattr(backend, "cupy", cupy)
    for name in ("auto", "cuda", "cuda:1"):
        assert choose_device(name)[0] is cupy
    assert cupy.used == [0, "ones", 0, "ones", 1, "ones"]
    assert choose_device("cuda:1")[1].startswith("cuda:1 (CuPy")
    assert choose_device("cpu") == (np, CPU)


class Product:
    """A matrix whose product, or the sum of it, cannot be had."""

    __matmul__ = fail("CUBLAS_STATUS_NOT_INITIALIZED")


class Sum:
    def __matmul__(self, other):
        return self

    sum = fail("CuPy failed to load libnvrtc.so.12: OSError: libnvrtc.so.12: cannot open\n  it")


def broken(where, what):
    """A cupy with one GPU that fails at one place."""
    cupy = fake_cupy(1)
    if where == "ones":
        cupy.ones = what
    elif where == "Device":
        cupy.cuda.Device = what
    else:
        cupy.cuda.runtime.getDeviceCount = what
    return cupy


DRIVER = "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
BROKEN = {
    "driver": (broken("count", fail(DRIVER)), DRIVER),
    "no GPU": (fake_cupy(0), "CuPy sees 0 GPUs"),
    "used up": (broken("Device", fail("cudaErrorDevicesUna")), "cudaErrorDevicesUna"),
    "full": (broken("ones", fail("Out of memory", MemoryError)), "Out of memory"),
    "no cuBLAS": (broken("ones", lambda *_, **__: Product()), "CUBLAS_STATUS_NOT_INITIALIZED"),
    "no NVRTC": (
        broken("ones", lambda *_, **__: Sum()),
        "CuPy failed to load libnvrtc.so.12: OSError: libnvrtc.so.12: cannot open it",
    ),
    "says nothing": (broken("count", fail()), "RuntimeError"),
}


@pytest.mark.parametrize(("cupy", "why"), BROKEN.values(), ids=BROKEN)
def test_a_gpu_that_cannot_be_used(cupy, why, monkeypatch):
    monkeypatch.setattr(backend, "cupy", cupy)
    xp, description = choose_device("auto")
    assert xp is np
    assert description.startswith(f"{CPU}; the GPU cannot be used: {why}")
    with pytest.raises(UserError) as caught:
        choose_device("cuda")
    assert str(caught.value).startswith(f"device 'cuda': {why}")
    assert "use --device cpu, or install CuPy with pip install" in str(caught.value)
    assert "\n" not in description + str(caught.value)


def test_each_rank_takes_a_gpu_of_its_own(monkeypatch):
    """Of two GPUs the first two ranks of a machine; a third shares the first."""
    monkeypatch.setattr(backend, "cupy", fake_cupy(2))
    chosen = [backend.choose_device("auto", local)[1].split()[0] for local in range(3)]
    assert chosen == ["cuda:0", "cuda:1", "cuda:0"]
    assert backend.choose_device("cuda:0", 1)[1].startswith("cuda:0 ")


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(backend, "cupy", fake_cupy(2))
    with pytest.raises(UserError, match="'cuda:2': CuPy sees 2 GPUs; use"):
        choose_device("cuda:2")


def test_a_cupy_that_cannot_be_imported(monkeypatch):
    monkeypatch.setattr(backend, "cupy", None)
    for error, told in (
        (ModuleNotFoundError("No module named 'cupy'"), False),
        (ImportError("x\ny"), True),
    ):
        monkeypatch.setattr(backend, "no_cupy", error)
        assert choose_device("auto")[1].endswith("cannot be used: x y") is told
        with pytest.raises(UserError, match=r"^device 'cuda': (No module|x y)"):
            choose_device("cuda")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cpu:1", ""])
def test_other_names_are_refused(name):
    with pytest.raises(UserError, match="expected auto, cpu, cuda or cuda:N"):
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


def test_numbers_in_a_fused_function_have_the_type_of_the_array(monkeypatch):
    """A Python number makes CuPy 13 compute in float64."""
    seen = []

    def fuse(function):
        def call(*arguments):
            seen.extend(map(type, arguments[3:]))
            return strict_device_fuse(function)(*arguments)

        return call

    strict_device_fuse = strict_device.fuse
    monkeypatch.setattr(strict_device, "fuse", fuse)
    monkeypatch.setattr(backend, "cupy", strict_device)
    for dtype in (np.float32, np.float64):
        x, y = (strict_device.asarray(np.ones(3, dtype=dtype)) for _ in range(2))

        @fused
        def move(x, y, z, a, b):
            x += a * y - b * z

        move(x, y, y, 0.1, 2)
        assert seen == [dtype, dtype]
        np.testing.assert_array_equal(x.get(), 1 + (dtype(0.1) - dtype(2)))
        seen.clear()
