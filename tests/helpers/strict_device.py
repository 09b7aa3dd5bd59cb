"""A stand-in for the module `cupy` where there is no GPU: NumPy underneath, CuPy's rules on top.

    xp = strict_device
    x = xp.asarray(host)        # the one way in
    host = x.get()              # the one way out

Code for both devices breaks in three ways, none of which NumPy alone can show. The stand-in raises
for each of them:

* a device array becomes a NumPy array unasked: `np.exp(x)`, `np.asarray(x)`, `host[...] = x`;
* host and device meet in one expression: `x + host`, `xp.maximum(x, host)`, `x[host] = 0`;
* CuPy lacks the function, the method, or the keyword. `cupy_names.txt` says what it has.

Where CuPy lets one through, the stand-in is stricter: CuPy would run `np.exp(x)` on the device, and
copy `host` for `x[host]` and `x[...] = host` behind the reader's back.

`fuse` runs its function on what CuPy traces it with: variables that know operators and elementwise
functions, and have no shape, no methods, no truth value.
"""

import sys
from numbers import Number
from operator import attrgetter
from pathlib import Path

import numpy as np

LINES = Path(__file__).with_name("cupy_names.txt").read_text().splitlines()[1:]
# The parameters of everything that CuPy has, by name; None where they are not known.
NAMES = {
    name: rest.removesuffix(")").split(", ") if rest else None
    for name, _, rest in (line.partition("(") for line in LINES)
}
SUBMODULES = {"lib", "lib.stride_tricks"}
# Ways around `asarray` and `get`, which give host memory here and something else in CuPy.
LEAKS = {"ndarray.data", "ndarray.flat"}


class ndarray:
    """An array on the device that is none: it wraps a NumPy array and guards it."""

    __slots__ = ("_host",)
    __array_ufunc__ = None  # NumPy's functions refuse it; `np.float32(2) * x` comes to __rmul__
    __hash__ = None

    def __init__(self, host):
        self._host = host

    def get(self):
        """A copy on the host."""
        return self._host.copy(order="C")

    def __array__(self, *args, **kwargs):
        raise TypeError("a device array where NumPy expects one on the host; use .get()")

    def __array_function__(self, function, *args):
        raise TypeError(f"np.{function.__name__} on a device array; use get_array_module(x)")

    def __getitem__(self, index):
        return wrap(self._host[indices(index)])

    def __setitem__(self, index, value):
        self._host[indices(index)] = operand(value)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getattr__(self, name):
        keywords = look_up(f"ndarray.{name}")
        value = getattr(self._host, name)
        return on_device(value, keywords) if callable(value) else wrap(value)


def operator(name):
    """The special method `name`, for operands on the device and scalars."""
    compute = getattr(np.ndarray, name)

    def method(self, *operands):
        result = compute(self._host, *map(operand, operands))
        return self if result is self._host else wrap(result)  # x += y gives x

    return method


# Operators, comparisons, float(x), len(x): those of CuPy's arrays.
for _name in [name.removeprefix("ndarray.") for name in NAMES if name.startswith("ndarray.__")]:
    if _name not in vars(ndarray):
        setattr(ndarray, _name, operator(_name))


def asarray(a, dtype=None):
    """`a` on the device: always a copy of what is on the host, never of what is there already."""
    if isinstance(a, ndarray):
        return a.astype(dtype or a.dtype, copy=False)
    return ndarray(np.array(a, dtype=dtype))


def get_array_module(*args):
    """This module if one of `args` is an array on the device or stands for one, else NumPy."""
    on_device = any(isinstance(arg, ndarray | FusedArray) for arg in args)
    return sys.modules[__name__] if on_device else np


def __getattr__(name):
    return member(name)


def member(path):
    """What CuPy has at `path`, such as `exp` or `lib.stride_tricks.sliding_window_view`."""
    if path in SUBMODULES:
        return Submodule(path)
    keywords = look_up(path)
    value = attrgetter(path)(np)
    if isinstance(value, type) or not callable(value):
        return value  # float32, newaxis, pi
    return on_device(value, keywords)


class Submodule:
    """A module inside of this one."""

    def __init__(self, path):
        self._path = path

    def __getattr__(self, name):
        return member(f"{self._path}.{name}")


def look_up(name):
    """The parameters of `name` in CuPy. Raises AttributeError if CuPy has no such name."""
    if name not in NAMES or name in LEAKS:
        raise AttributeError(f"{name}: CuPy has nothing of that name that works as NumPy's does")
    return NAMES[name]


def on_device(function, keywords):
    """NumPy's `function`, for arguments on the device, with the `keywords` that CuPy knows."""
    convert = operand if isinstance(function, np.ufunc) else argument
    any_keyword = keywords is None or any(name.startswith("**") for name in keywords)

    def call(*args, **kwargs):
        if any(isinstance(arg, FusedArray | FusedNumber) for arg in args):
            return on_variables(function, *args, **kwargs)
        unknown = [] if any_keyword else sorted(kwargs.keys() - set(keywords))
        if unknown:
            raise TypeError(f"{function.__name__}: CuPy has no parameter {unknown[0]}")
        kwargs = {name: argument(value) for name, value in kwargs.items()}
        return wrap(function(*map(convert, args), **kwargs))

    return call


def operand(value):
    """A device array or a scalar, for NumPy. Raises TypeError for anything else with values."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, np.ndarray | list | tuple):
        raise TypeError(f"{type(value).__name__} on the host; CuPy expects a device array")
    return value


def argument(value):
    """An operand, or a list or tuple of such: a shape, axes, arrays to stack."""
    is_list = isinstance(value, list | tuple)
    return type(value)(map(argument, value)) if is_list else operand(value)


def indices(index):
    """What stands in brackets. CuPy would copy a list or an array on the host to the device."""
    parts = index if isinstance(index, tuple) else (index,)
    ellipsis = () if any(part is ... for part in parts) else (...,)  # keeps x[0] a view
    return (*map(operand, parts), *ellipsis)


def wrap(result):
    """NumPy's result as CuPy gives it: an array for every number, also for a single one."""
    if isinstance(result, list | tuple):
        return type(result)(map(wrap, result))
    return ndarray(np.asarray(result)) if isinstance(result, np.ndarray | np.generic) else result


# --- Fused functions ------------------------------------------------------------------------------


class FusedArray:
    """What a fused function gets in place of an array: operators, and no more."""

    __slots__ = ("_host",)
    __array_ufunc__ = None
    __hash__ = None

    def __init__(self, host):
        self._host = host

    def __bool__(self):
        raise TypeError("a fused function cannot ask for the value of an array")


class FusedNumber:
    """What a fused function gets in place of a number: it may meet arrays, and nothing else.

    CuPy also takes two numbers, but as float64, and the array that they meet next becomes float64.
    """

    __slots__ = ("_value",)
    __array_ufunc__ = None
    __hash__ = None

    def __init__(self, value):
        self._value = value

    def __bool__(self):
        raise TypeError("a fused function cannot ask for the value of a number")


def array_operator(name):
    """The special method `name` of an array inside a fused function."""
    compute = getattr(np.ndarray, name)

    def method(self, *others):
        result = compute(self._host, *map(variable_operand, others))
        return self if result is self._host else FusedArray(result)

    return method


def number_operator(name):
    """The special method `name` of a number inside a fused function: the array's takes over."""

    def method(self, *others):
        if not any(isinstance(other, FusedArray) for other in others):
            raise TypeError(f"{name} of numbers in a fused function; work it out before the call")
        return NotImplemented

    return method


# Those of CuPy's variables: no abs(x), x @ y, x[i], len(x), float(x).
for _name in ["add", "sub", "mul", "truediv", "floordiv", "mod", "and", "or", "xor"]:
    for _method in (f"__{_name}__", f"__r{_name}__"):
        setattr(FusedArray, _method, array_operator(_method))
        setattr(FusedNumber, _method, number_operator(_method))
    setattr(FusedArray, f"__i{_name}__", array_operator(f"__i{_name}__"))
for _name in ["neg", "invert", "pow", "lt", "le", "eq", "ne", "ge", "gt"]:
    setattr(FusedArray, f"__{_name}__", array_operator(f"__{_name}__"))
    setattr(FusedNumber, f"__{_name}__", number_operator(f"__{_name}__"))


def variable_operand(value):
    """A variable or a constant, for NumPy. Raises TypeError for an array from outside."""
    if isinstance(value, FusedArray):
        return value._host
    if isinstance(value, FusedNumber):
        return value._value
    if isinstance(value, Number):
        return value
    raise TypeError(f"{type(value).__name__} in a fused function; arrays must be its arguments")


def on_variables(function, *args):
    """NumPy's `function` inside a fused function. Raises TypeError unless it is elementwise."""
    if not isinstance(function, np.ufunc) or function.signature:
        raise TypeError(f"{function.__name__} in a fused function: it is not elementwise")
    if not any(isinstance(arg, FusedArray) for arg in args):
        raise TypeError(f"{function.__name__} of numbers in a fused function")
    return FusedArray(function(*map(variable_operand, args)))


def fuse(function):
    """`function`, elementwise, of arrays on the device and NumPy's numbers, by position.

    Raises TypeError for arguments on the host, for numbers of Python's, which CuPy made float64 and
    all that they met before version 14, and for results that CuPy would get wrong: it gives all of
    them the common shape of the arguments, and writes into a smaller argument many times.
    """

    def call(*args):
        arrays = [arg for arg in args if isinstance(arg, ndarray)]
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        smaller = [(array, array.get()) for array in arrays if array.shape != shape]
        results = function(*map(variable, args))
        if not all(np.array_equal(array.get(), old, equal_nan=True) for array, old in smaller):
            raise TypeError("a fused function writes into an argument that is broadcast")
        if isinstance(results, tuple):
            return tuple(fused_result(result, shape) for result in results)
        return None if results is None else fused_result(results, shape)

    return call


def variable(arg):
    """What stands for an argument inside a fused function."""
    if isinstance(arg, ndarray):
        return FusedArray(arg._host)
    if isinstance(arg, np.generic):
        return FusedNumber(arg)
    raise TypeError(f"{type(arg).__name__} as argument of a fused function")


def fused_result(result, shape):
    """What a fused function returns for a variable."""
    if not isinstance(result, FusedArray) or result._host.shape != shape:
        raise TypeError(f"a fused function returns arrays of the common shape {shape}, or nothing")
    return ndarray(result._host.copy())
