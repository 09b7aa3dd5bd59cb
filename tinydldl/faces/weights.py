"""The trained weights of MTCNN from the PyPI package `mtcnn`, without running any of its code.

Its three files are pickles in lz4 frames, written by joblib: a list of arrays. The pickle describes
an array, and its numbers follow the description, in the middle of the pickle:

    ... state of a NumpyArrayWrapper, n (one byte), n bytes of padding, the numbers, ...

Source: `joblib/numpy_pickle.py`; `unpickle` says what a pickle may ask for.
"""

import io
from importlib.metadata import PackageNotFoundError, distribution
from math import prod
from pathlib import Path
from typing import Any, Self

import numpy as np

from tinydldl.arrays import Array
from tinydldl.errors import UserError
from tinydldl.unpickle import Allowed, load

try:
    import lz4.frame
except ImportError:  # the optional extra `faces`
    lz4 = None

PACKAGE, VERSION = "mtcnn", "1.0.0"


class WeightsError(UserError):
    """The weights of the detector are missing, or are not those that are known here."""


def read(name: str) -> list[Array]:
    """The arrays of pnet, rnet or onet, in the package's layout. Raises WeightsError, one line."""
    path = locate(f"mtcnn/assets/weights/{name}.lz4")
    try:
        return read_arrays(lz4.frame.decompress(path.read_bytes()))
    except (OSError, RuntimeError, UserError) as error:  # lz4 raises RuntimeError
        raise WeightsError(f"{path}: not weights that can be read ({error})") from None


def locate(file: str) -> Path:
    """The path of a file of the package."""
    try:
        found = distribution(PACKAGE)
    except PackageNotFoundError:
        found = None
    if lz4 is None or found is None or found.version != VERSION:
        needed = f"{PACKAGE} {VERSION} and lz4 are needed for the weights"
        raise WeightsError(f"to find faces, {needed}: pip install {PACKAGE}=={VERSION} lz4")
    return Path(str(found.locate_file(file)))


def read_arrays(data: bytes) -> list[Array]:
    """The list of arrays in the bytes that joblib wrote. Raises UserError."""
    file = io.BytesIO(data)
    allowed: Allowed = {
        ("joblib.numpy_pickle", "NumpyArrayWrapper"): lambda: ArrayWrapper(file),
        ("numpy", "ndarray"): None,  # named as the class of an array, never called
        ("numpy", "dtype"): Float32,
    }
    arrays = load(file, allowed)
    if not isinstance(arrays, list) or not all(isinstance(x, np.ndarray) for x in arrays):
        raise UserError("expected a list of arrays")
    return arrays


class ArrayWrapper:
    """Our stand-in for joblib's NumpyArrayWrapper: given its state, it reads the array."""

    def __init__(self, file: io.BytesIO) -> None:
        self.file = file

    def build(self, state: dict[str, Any]) -> Array:
        """The array that `state` describes, from the bytes that follow."""
        shape = state["shape"]
        if not isinstance(state["dtype"], Float32) or state["order"] != "C":
            raise UserError("an array is not of float32 in C order")
        if not all(type(length) is int and length >= 0 for length in shape):
            raise UserError("an array has an odd shape")
        (alignment,) = self.file.read(1)
        self.file.seek(alignment, io.SEEK_CUR)
        return np.frombuffer(self.file.read(4 * prod(shape)), dtype="<f4").reshape(shape)


class Float32:
    """Our stand-in for NumPy's dtype, here always float32."""

    def __init__(self, code: str, *_: Any) -> None:
        if code != "f4":
            raise UserError("an array is not of float32")

    def build(self, state: tuple[Any, ...]) -> Self:
        """Check the byte order in `state`."""
        if state[1] != "<":
            raise UserError("an array is not little-endian")
        return self
