"""The fused functions are one kernel each: on the stand-in, and, if CuPy is there, as CUDA.

CuPy traces a function and NVRTC compiles what comes out, for an H100, also where there is no GPU.
There anything else that would run on one fails, so that a view is known to be no more than that.
"""

import numpy as np
import pytest
from helpers import strict_device
from helpers.fused import (
    NOWHERE,
    compiled,
    compute,
    fused_cases,
    fused_in_package,
    hollow,
    source,
    trace,
)

from tinydldl import backend
from tinydldl.backend import fused, get_array_module
from tinydldl.layers.base import Windows

FLOAT64 = "< double >"  # the type that an operation computes in; constants are written in it
CASES = fused_cases(np.random.default_rng(2018))


@pytest.fixture
def nvrtc():
    """NVRTC as CuPy finds it. Skips the test where CuPy is not installed."""
    pytest.importorskip("cupy", reason="CuPy is not installed")
    from cupy.cuda import nvrtc

    return nvrtc


def test_every_fused_function_has_a_case():
    assert fused_in_package() == CASES.keys()


@pytest.mark.parametrize("name", CASES)
def test_on_the_stand_in_it_computes_what_numpy_does(name, monkeypatch):
    monkeypatch.setattr(backend, "cupy", strict_device)
    expected, got = (compute(*CASES[name], xp) for xp in (np, strict_device))
    for array, numbers in zip(got, expected, strict=True):
        np.testing.assert_array_equal(array.get(), numbers)


@pytest.mark.parametrize("name", CASES)
def test_cupy_traces_it_and_nvrtc_compiles_it(name, nvrtc):
    code = source(trace(*CASES[name]))
    assert FLOAT64 not in code
    assert compiled(code).startswith(b"\x7fELF")


@pytest.mark.parametrize("geometry", [(3, 1), (2, 2), ((2, 3), (3, 1))])
def test_the_windows_of_a_convolution_are_a_view(geometry, nvrtc):
    x, windows = np.zeros((4, 9, 8, 5), dtype=np.float32), Windows(*geometry)
    got, expected = windows.all(hollow(x)[1:3]), windows.all(x[1:3])
    assert (got.shape, got.strides) == (expected.shape, expected.strides)
    assert got.data.ptr == NOWHERE + x[0].nbytes


# --- Planted bugs ---------------------------------------------------------------------------------

NOT_ONE_KERNEL = {
    "a sum over an axis": lambda x: x - get_array_module(x).sum(x, axis=0),
    "a sum": lambda x: x.sum(),
    "a product": lambda x: x @ x,
    "a question": lambda x: x if x > 0 else -x,
    "NumPy's function of a number": lambda x: x * np.ones(5, dtype=np.float32),
}


def traced(function):
    """The kernel that CuPy makes of a function without a name, of one array."""
    function.__name__ = "planted"  # CuPy takes no `<lambda>`
    return trace(fused(function), [np.ones((5, 5), dtype=np.float32)])


@pytest.mark.parametrize("function", NOT_ONE_KERNEL.values(), ids=NOT_ONE_KERNEL)
def test_what_is_not_elementwise_is_no_kernel(function, nvrtc):
    with pytest.raises(AssertionError, match="planted: CuPy made"):
        traced(function)


def test_float64_within_float32_is_seen(nvrtc):
    half = np.float64(0.5)
    assert FLOAT64 not in source(traced(lambda x: x * 0.5))
    assert FLOAT64 in source(traced(lambda x: x * half))


def test_wrong_cuda_is_refused(nvrtc):
    with pytest.raises(nvrtc.NVRTCError):
        compiled(source(trace(*CASES["normalize"])).replace("cupy_add(", "cupy_sum(", 1))
