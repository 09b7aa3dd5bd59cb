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
"""

from pathlib import Path

import numpy as np

LINES = Path(__file__).with_name("cupy_names.txt").read_text().splitlines()[1:]
# The parameters of everything that CuPy has, by name; None where they are not known.
NAMES = {
    name: rest.removesuffix(")").split(", ") if rest else None
    for name, _, rest in (line.partition("(") for line in LINES)
}
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


def __getattr__(name):
    keywords = look_up(name)
    value = getattr(np, name)
    if isinstance(value, type) or not callable(value):
        return value  # float32, newaxis, pi
    return on_device(value, keywords)


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
