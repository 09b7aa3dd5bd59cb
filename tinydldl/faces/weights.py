"""The trained weights of MTCNN, out of the PyPI package `mtcnn`, without running any of its code.

Its three files are pickles in lz4 frames, written by joblib: a list of arrays, where the pickle
only describes an array, and its numbers stand in the middle of the file, behind the description:

    ... state of a NumpyArrayWrapper, n (one byte), n bytes that align, the numbers, ...

Source: `joblib/numpy_pickle.py`; what a pickle may ask for is in `unpickle`.
"""

import io
from importlib.metadata import PackageNotFoundError, distribution
from math import prod

import numpy as np

from tinydldl.errors import UserError
from tinydldl.unpickle import load

try:
    import lz4.frame
except ImportError:  # the optional extra `faces`
    lz4 = None

PACKAGE, VERSION = "mtcnn", "1.0.0"


class WeightsError(UserError):
    """The weights of the detector are missing, or not those that are known here."""


def read(name):
    """The arrays of the network `name` (`pnet`, `rnet` or `onet`), as the package lays them out.

    Raises WeightsError, one line, if the package is not there, is another version, or is damaged.
    """
    path = locate(f"mtcnn/assets/weights/{name}.lz4")
    try:
        return read_arrays(lz4.frame.decompress(path.read_bytes()))
    except (OSError, RuntimeError, UserError) as error:  # lz4 raises RuntimeError
        raise WeightsError(f"{path}: not weights that can be read ({error})") from None


def locate(file):
    """The path of a file of the package."""
    try:
        found = distribution(PACKAGE)
    except PackageNotFoundError:
        found = None
    if lz4 is None or found is None or found.version != VERSION:
        raise WeightsError(
            f"to find faces, {PACKAGE} {VERSION} and lz4 are needed for the weights: "
            f"pip install {PACKAGE}=={VERSION} lz4"
        )
    return found.locate_file(file)


def read_arrays(data):
    """The list of arrays that joblib wrote, from its bytes. Raises UserError."""
    file = io.BytesIO(data)
    arrays = load(
        file,
        {
            ("joblib.numpy_pickle", "NumpyArrayWrapper"): lambda: ArrayWrapper(file),
            ("numpy", "ndarray"): None,  # named as the class of an array, never called
            ("numpy", "dtype"): Float32,
        },
    )
    if not isinstance(arrays, list) or not all(isinstance(x, np.ndarray) for x in arrays):
        raise UserError("expected a list of arrays")
    return arrays


class ArrayWrapper:
    """Stands for joblib's NumpyArrayWrapper: once its state is known, it reads the array."""

    def __init__(self, file):
        self.file = file

    def build(self, state):
        """The array that `state` describes, from the bytes behind it."""
        shape = state["shape"]
        if not isinstance(state["dtype"], Float32) or state["order"] != "C":
            raise UserError("an array is not of float32 in C order")
        if not all(type(length) is int and length >= 0 for length in shape):
            raise UserError("an array has an odd shape")
        (alignment,) = self.file.read(1)
        self.file.seek(alignment, io.SEEK_CUR)
        values = np.frombuffer(self.file.read(4 * prod(shape)), dtype="<f4")
        return values.reshape(shape)


class Float32:
    """Stands for NumPy's dtype of float32, the only one here."""

    def __init__(self, code, *_):
        if code != "f4":
            raise UserError("an array is not of float32")

    def build(self, state):
        """`state` says the order of bytes."""
        if state[1] != "<":
            raise UserError("an array is not little-endian")
        return self
