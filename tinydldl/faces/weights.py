"""The trained weights of MTCNN from the PyPI package `mtcnn`, without running any of its code.

Its three files are known, byte by byte: pickles in lz4 frames, written by joblib, each a list of
float32 arrays. It describes an array, and the numbers follow, in the middle of the pickle:

    ... state of a NumpyArrayWrapper, n (one byte), n bytes of padding, the numbers, ...

Source: `joblib/numpy_pickle.py`; `unpickle` says what a pickle may ask for.
"""

import io
from hashlib import sha256
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
SHA256 = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}


class WeightsError(UserError):
    """The weights of the detector are missing, or are not those that are known here."""


def read(name: str) -> list[Array]:
    """The arrays of pnet, rnet or onet, in the package's layout. Raises WeightsError, one line."""
    path = locate(f"mtcnn/assets/weights/{name}.lz4")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None
    if sha256(data).hexdigest() != SHA256[name]:
        raise WeightsError(f"{path}: not the file of {PACKAGE} {VERSION}; install it again")
    return read_arrays(lz4.frame.decompress(data))


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
    """The list of float32 arrays in bytes that joblib wrote. Raises UserError."""
    file = io.BytesIO(data)
    allowed: Allowed = {
        ("joblib.numpy_pickle", "NumpyArrayWrapper"): lambda: ArrayWrapper(file),
        ("numpy", "ndarray"): None,  # named as the class of an array, never called
        ("numpy", "dtype"): Float32,
    }
    return load(file, allowed)


class ArrayWrapper:
    """Our stand-in for joblib's NumpyArrayWrapper: given its state, it reads the array."""

    def __init__(self, file: io.BytesIO) -> None:
        self.file = file

    def build(self, state: dict[str, Any]) -> Array:
        """The array that `state` describes, from the bytes that follow."""
        (padding,) = self.file.read(1)
        self.file.seek(padding, io.SEEK_CUR)
        numbers = np.frombuffer(self.file.read(4 * prod(state["shape"])), dtype="<f4")
        return numbers.reshape(state["shape"])


class Float32:
    """Our stand-in for NumPy's dtype, here always float32."""

    def __init__(self, *_: Any) -> None:
        pass

    def build(self, _: Any) -> Self:
        return self
