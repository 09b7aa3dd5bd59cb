"""Write `cupy_names.txt`: what `cupy` and `cupy.ndarray` offer, with the names of the parameters.

    python tests/helpers/make_cupy_names.py

It needs CuPy installed, but no GPU. A line is `name` or `name(parameter, parameter)`; members of
arrays are `ndarray.name`, operators like `ndarray.__add__` among them. Of CuPy's submodules only
`lib.stride_tricks` is asked.
"""

import __future__

import inspect
import re
from pathlib import Path
from types import ModuleType
from types import WrapperDescriptorType as WrapperType

import numpy as np

OTHERS = (ModuleType, __future__._Feature)
OUTPUT = Path(__file__).with_name("cupy_names.txt")


def main():
    """Ask the CuPy that is installed, and write the file."""
    import cupy

    owners = {"": cupy, "ndarray.": cupy.ndarray, "lib.stride_tricks.": cupy.lib.stride_tricks}
    lines = {
        f"{place}{name}{parameters(value)}"
        for place, owner in owners.items()
        for name, value in public_members(owner)
    }
    lines |= {f"ndarray.{name}" for name in operators(cupy.ndarray)}
    header = f"# CuPy {cupy.__version__}, written by {Path(__file__).name}"
    OUTPUT.write_text("\n".join([header, *sorted(lines), ""]))


def public_members(owner):
    """The `(name, value)` of what users may use, without submodules and `from __future__`."""
    members = [(name, getattr(owner, name)) for name in dir(owner) if not name.startswith("_")]
    return [(name, value) for name, value in members if not isinstance(value, OTHERS)]


def operators(array_type):
    """Operators, comparisons and conversions, those that NumPy's arrays have as well."""
    ours = [name for name, value in vars(np.ndarray).items() if isinstance(value, WrapperType)]
    return [name for name in ours if hasattr(array_type, name)]


def parameters(value):
    """`(name, name)` for a function that says what it takes, else nothing."""
    if isinstance(value, type) or not callable(value):
        return ""
    names = documented(value) or inspected(value)
    return "" if names is None else f"({', '.join(name for name in names if name != 'self')})"


def documented(function):
    r"""The parameters in the first line of a docstring, where compiled functions put them.

    >>> class divmod:
    ...     "divmod(x1, x2[, out1], / [, out=None], \\*, dtype=None, \\*\\*kwargs) -> ndarray"
    >>> documented(divmod)
    ['x1', 'x2', 'dtype', '**kwargs']
    """
    first_line = (function.__doc__ or "").partition("\n")[0]
    match = re.fullmatch(r"[\w.]+\((.*)\)( -> .*)?", re.sub(r"\[.*?\]|\\", "", first_line))
    if not match:
        return None
    parts = [part.partition("=")[0].split() for part in match[1].split(", ") if part]
    return [words[-1] for words in parts if words[-1] not in ("*", "/")]  # the last: after a type


def inspected(function):
    """The parameters of a function written in Python; None if it cannot be asked."""
    try:
        signature = inspect.signature(function)
    except ValueError:
        return None
    return [re.split("[:=]", str(p))[0] for p in signature.parameters.values()]


if __name__ == "__main__":
    main()
