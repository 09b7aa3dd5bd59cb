"""Which library an array belongs to, which device a run takes, and copies between the two.

The module follows the data, `xp = get_array_module(x)` and then `xp.exp(x)`; no flag decides.
"""

import functools
import re

import numpy as np

try:
    import cupy
except ImportError:  # the optional extra: pip install "tinydldl[gpu]"
    cupy = None


class UserError(Exception):
    """Something that a user can mend. Commands print the message, one line, and exit with 2."""


class DeviceError(UserError):
    """A device was asked for that is not there."""


def get_array_module(x):
    """`cupy` for a CuPy array, else `numpy`."""
    return np if cupy is None else cupy.get_array_module(x)  # it knows those in `fused`, too


def to_host(x):
    """A NumPy array with the values of `x`: the one way back from the device."""
    return x if get_array_module(x) is np else x.get()


def to_device(x, xp):
    """`x` as an array of the module `xp`; no copy if it is one already."""
    return to_host(x) if xp is np else xp.asarray(x)


def fused(function):
    """Decorator: an elementwise function that is one kernel on CuPy arrays, and itself with NumPy.

    CuPy starts a kernel for each operation, and each reads and writes whole arrays; `cupy.fuse`
    makes a chain of them one, compiled at its first call. The first argument is an array, the
    others are arrays or numbers, by position. The function may use operators, also in place, and
    elementwise functions of `get_array_module`. A number that changes from call to call must be an
    argument, since constants are compiled in, and the type of what is returned must not depend on
    one: before version 14 a number makes float64 of a float32 array.
    """
    kernel = functools.cache(lambda xp: xp.fuse(function))

    @functools.wraps(function)
    def call(x, *others):
        xp = get_array_module(x)
        return (function if xp is np else kernel(xp))(x, *others)

    return call


def choose_device(name="auto"):
    """The array module for `--device`, and a sentence about it: `(xp, description)`.

    `name` is `auto`, `cpu`, `cuda` or `cuda:N`. `auto` takes the first GPU if CuPy sees one. Raises
    `DeviceError` for any other name, and for a GPU that is not there.
    """
    match = re.fullmatch(r"auto|cpu|cuda(?::(\d+))?", name)
    if match is None:
        raise DeviceError(f"device {name!r}: expected auto, cpu, cuda or cuda:N")
    count = 0 if name == "cpu" else _gpu_count()
    if name == "cpu" or (name == "auto" and not count):
        return np, f"cpu (NumPy {np.__version__})"
    index = int(match[1] or 0)
    if index >= count:
        raise DeviceError(
            f"device {name!r}: CuPy sees {count} GPUs; use --device cpu, or install CuPy with "
            'pip install "tinydldl[gpu]" (CUDA 12) or "tinydldl[gpu13]" (CUDA 13)'
        )
    cupy.cuda.Device(index).use()
    return cupy, f"cuda:{index} (CuPy {cupy.__version__})"


def _gpu_count():
    if cupy is None:
        return 0
    try:
        return cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:  # CuPy is installed, but no driver or no GPU
        return 0
