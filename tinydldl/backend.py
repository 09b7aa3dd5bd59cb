"""Which library an array belongs to, which device a run takes, and copies between the two.

The module follows the data, `xp = get_array_module(x)` and then `xp.exp(x)`; no flag decides.
"""

import functools
import platform
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from tinydldl.arrays import Array, DType, Module
from tinydldl.errors import UserError

no_cupy: ImportError | None = None  # why it cannot be imported
try:
    import cupy
except ImportError as error:  # the optional extra: pip install "tinydldl[gpu]"
    cupy, no_cupy = None, error


def get_array_module(x: Any) -> Any:
    """`cupy` for a CuPy array, else `numpy`."""
    return np if cupy is None else cupy.get_array_module(x)  # also inside a fused function


def to_host(x: Any) -> Array:
    """A NumPy array with the values of `x`: the one way back from the device."""
    return x if get_array_module(x) is np else x.get()


def to_device(x: Array, xp: Module) -> Array:
    """`x` as an array of the module `xp`; no copy if it is one already."""
    return to_host(x) if xp is np else xp.asarray(x)


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: an elementwise function that is one kernel on CuPy arrays, and itself with NumPy.

    CuPy launches a kernel per operation, and each reads and writes whole arrays; `cupy.fuse` makes
    one of a chain of them, compiled at its first call. The first argument is an array, the others
    are arrays or numbers, by position. The function may use operators, also in place, and
    elementwise functions of `get_array_module`. A number that changes from call to call must be an
    argument, since constants are compiled in. It takes the dtype of the first array: before version
    14 CuPy computes whatever meets a Python number in float64.
    """
    kernel = functools.cache(lambda xp: xp.fuse(function))

    @functools.wraps(function)
    def call(x: Array, *others: Any) -> Any:
        xp = get_array_module(x)
        if xp is np:
            return function(x, *others)
        typed = (x.dtype.type(y) if isinstance(y, int | float) else y for y in others)
        return kernel(xp)(x, *typed)

    return call


def smallest(dtype: DType) -> float:
    """State that lasts holds nothing nearer to zero than this, except zero: 9.9e-32 in float32.

    Products of smaller and common numbers are subnormal, and take a CPU many times as long.
    """
    info = np.finfo(dtype)
    return float(info.tiny / info.eps)


def flush(x: Array) -> Array:
    """Set to zero, in place, what of `x` is nearer to zero than `smallest`; returns `x`."""
    if x.dtype.kind == "f":
        x[get_array_module(x).abs(x) < smallest(x.dtype)] = 0
    return x


@fused
def average_step(average: Array, array: Array, rate: float, least: float) -> None:
    """Move `average` in place toward `array`; what ends below `least` becomes zero."""
    average += rate * (array - average)
    average *= get_array_module(average).abs(average) >= least


def choose_device(name: str = "auto", local: int = 0) -> tuple[Module, str]:
    """The array module for `--device`, and a description of it: `(xp, description)`.

    `name` is `auto`, `cpu`, `cuda` or `cuda:N`. Without N the GPU is the first one, or that of the
    rank of number `local` on this machine. `auto` takes it, or the CPU if it cannot be used; the
    description says why if CuPy is installed. Raises `UserError` for any other name, and for a GPU
    that was asked for and cannot be used.
    """
    if (match := re.fullmatch(r"auto|cpu|cuda(?::(\d{1,9}))?", name)) is None:
        raise UserError(f"device {name!r}: expected auto, cpu, cuda or cuda:N")
    on_cpu = f"cpu (NumPy {np.__version__})"
    if name == "cpu":
        return np, on_cpu
    index = int(match[1] or 0)
    if local and match[1] is None:
        with suppress(Exception):  # then it is said below why
            index = local % cupy.cuda.runtime.getDeviceCount()
    if (why := why_not_gpu(index)) is None:
        return cupy, f"cuda:{index} (CuPy {cupy.__version__})"
    if name == "auto":
        is_there = cupy or not isinstance(no_cupy, ModuleNotFoundError)
        return np, f"{on_cpu}; the GPU cannot be used: {why}" if is_there else on_cpu
    raise UserError(
        f"device {name!r}: {why}; use --device cpu, or install CuPy with "
        'pip install "tinydldl[gpu]" (CUDA 12) or "tinydldl[gpu13]" (CUDA 13)'
    )


def why_not_gpu(index: int) -> str | None:
    """Why GPU `index` cannot be used, in CuPy's words; None if a product was computed on it."""
    try:
        if cupy is None and no_cupy:
            raise no_cupy
        count = cupy.cuda.runtime.getDeviceCount()
        if index >= count:
            return f"CuPy sees {count} GPUs"
        cupy.cuda.Device(index).use()
        x = cupy.ones((2, 2), dtype=np.float32)
        float((x @ x).sum())  # CuPy notices late what is missing: cuBLAS here, NVRTC for the sum
    except Exception as error:  # a driver, a library, memory: each has a type of its own
        return " ".join(str(error).split()) or type(error).__name__
    return None


def nccl_gpu(xp: Module) -> tuple[str, str] | None:
    """Machine and bus of the GPU in use, if NCCL is there to exchange its arrays with others'."""
    if xp is np:
        return None
    from cupy.cuda import nccl  # which warns, and says what to install, where it is not

    if not nccl.available:
        return None
    return platform.node(), cupy.cuda.runtime.deviceGetPCIBusId(cupy.cuda.Device().id)


def synchronize() -> None:
    """Wait for all that was asked of the GPU."""
    cupy.cuda.get_current_stream().synchronize()
