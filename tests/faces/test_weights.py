"""The weights are those that joblib reads; any other file is refused."""

import io
import os
import pickle
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import numpy as np
import pytest

from tinydldl.errors import UserError
from tinydldl.faces import WeightsError, weights
from tinydldl.faces.networks import PLANS


@pytest.fixture
def joblib():
    """Comes with the package `mtcnn`. Here it is the oracle; we never load weights with it."""
    return pytest.importorskip("joblib")


def dumped(joblib, value):
    """What joblib makes of a value, without its lz4 frame."""
    file = io.BytesIO()
    joblib.dump(value, file)
    return file.getvalue()


@pytest.mark.usefixtures("mtcnn")
@pytest.mark.parametrize("name", PLANS)
def test_the_same_arrays_as_joblib_reads(name, joblib):
    arrays = weights.read(name)
    with open(weights.locate(f"mtcnn/assets/weights/{name}.lz4"), "rb") as file:
        expected = joblib.load(file)
    assert len(arrays) == len(expected) > 10
    for array, other in zip(arrays, expected, strict=True):
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, other)


def test_reads_what_joblib_wrote(joblib, rng):
    arrays = [rng.standard_normal(shape).astype("f4") for shape in [(3, 2, 5), (7,), (1, 1)]]
    for array, read in zip(arrays, weights.read_arrays(dumped(joblib, arrays)), strict=True):
        np.testing.assert_array_equal(array, read)


class Call:
    """A pickle of this is a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function", [os.system, eval, np.ndarray, np.frombuffer, Call])
def test_a_file_that_asks_for_a_call_is_refused(function):
    called = pickle.dumps([Call(function, "1")], protocol=4)
    with pytest.raises(UserError, match="is refused"):
        weights.read_arrays(called)


def test_half_a_file_is_refused(joblib):
    data = dumped(joblib, [np.ones(100, "f4"), np.ones(100, "f4")])
    for length in (0, 20, 150, len(data) // 2, len(data) - 1):
        with pytest.raises(UserError):
            weights.read_arrays(data[:length])


@pytest.mark.usefixtures("mtcnn")
def test_other_files_are_not_even_unpacked(tmp_path, monkeypatch):
    """Damaged, crafted, or of another version: where a single bit differs, that is said."""
    good = weights.locate("mtcnn/assets/weights/pnet.lz4").read_bytes()
    path = tmp_path / "pnet.lz4"
    monkeypatch.setattr(weights, "locate", lambda _: path)
    monkeypatch.setattr(weights, "read_arrays", lambda _: pytest.fail("was read"))
    flipped = [good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :] for i in (0, 99, len(good) - 1)]
    for data in (good[: len(good) // 2], b"", b"nothing like it", *flipped, good + b"\0"):
        path.write_bytes(data)
        with pytest.raises(WeightsError, match=r"pnet\.lz4: not the file of mtcnn 1\.0\.0; inst"):
            weights.read("pnet")
    path.unlink()
    with pytest.raises(WeightsError, match="No such file"):
        weights.read("pnet")


def test_without_the_package_or_with_another_version(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(weights, "lz4", object())
    for found in (missing, lambda _: SimpleNamespace(version="0.1.1")):
        monkeypatch.setattr(weights, "distribution", found)
        with pytest.raises(WeightsError, match=r"pip install mtcnn==1\.0\.0 lz4$"):
            weights.read("pnet")


def test_without_lz4(monkeypatch):
    monkeypatch.setattr(weights, "lz4", None)
    monkeypatch.setattr(weights, "distribution", lambda _: SimpleNamespace(version="1.0.0"))
    with pytest.raises(WeightsError, match="lz4"):
        weights.read("pnet")
