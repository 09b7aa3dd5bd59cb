"""The weights that ship: read once, refused in one line, and the numbers of the package `mtcnn`."""

import importlib.util
import io
import os
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import refused
from helpers.photos import PORTRAIT

from tinydldl.checkpoint import CheckpointError
from tinydldl.faces import networks
from tinydldl.faces.networks import PLANS, WEIGHTS
from tinydldl.predict import __main__ as predict

TOOLS = Path(__file__).parents[2] / "tools"
SIDE = 3  # of the feature map that R-Net and O-Net flatten


@pytest.mark.parametrize("name", PLANS)
def test_a_network_is_read_once(name):
    net = networks.load(name)
    assert net is networks.load(name)
    assert all(param.dtype == np.float32 for param in net.params.values())


# -------------------------------------------------------------------------------------- other files


@pytest.fixture
def replaced(tmp_path, monkeypatch):
    """replaced(data): the file of weights has these bytes, and no network is read yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(networks, "WEIGHTS", tmp_path / "mtcnn.npz")
    networks.load.cache_clear()
    yield networks.WEIGHTS.write_bytes
    networks.load.cache_clear()


def test_a_damaged_file_is_one_line(replaced, capsys):
    good = WEIGHTS.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 200] ^= 1  # in an array of P-Net
    for data in (b"", b"nothing like it", good[: len(good) // 2], flipped):
        replaced(data)
        line = refused(capsys, predict.main, PORTRAIT)
        assert "mtcnn.npz: not a checkpoint that can be read" in line


@pytest.mark.parametrize("name", ["rnet.fc.W", "rnet.fc.V"])
def test_other_arrays_are_refused(name, replaced):
    with np.load(WEIGHTS) as file:
        arrays = dict(file) | {name: np.ones((575, 128), np.float32)}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    replaced(buffer.getvalue())
    with pytest.raises(CheckpointError, match=rf"mtcnn\.npz: .*{name}"):
        networks.load("rnet")


# ----------------------------------------------------------------------------- where they come from


@pytest.fixture
def tool(monkeypatch):
    """The module that made the file, where the package that it reads is installed."""
    missing = importlib.util.find_spec("mtcnn") is None
    if missing and not os.environ.get("TINYDLDL_REQUIRE_TORCH"):
        pytest.skip("mtcnn is not installed: pip install mtcnn==1.0.0")
    monkeypatch.syspath_prepend(TOOLS)
    return importlib.import_module("ship_detector")


@pytest.mark.oracle
@pytest.mark.parametrize("name", PLANS)
def test_the_numbers_are_those_of_the_package(name, tool):
    """Row (i, j, channel) of the first Linear layer is (j, i, channel) there."""
    params, theirs = networks.load(name).params, tool.package_arrays(name)
    for (key, param), array in zip(params.items(), theirs, strict=True):
        if key == "fc.W":
            _, outputs = param.shape
            shape = SIDE, SIDE, -1, outputs
            param, array = param.reshape(shape), array.reshape(shape).transpose(1, 0, 2, 3)
        np.testing.assert_array_equal(param.squeeze(), array.squeeze())


@pytest.mark.oracle
@pytest.mark.skipif(sys.platform == "win32", reason="an archive says on which system it was made")
def test_the_tool_makes_the_same_file(tool):
    """In all that it holds; what `zipfile` adds differs between versions of Python."""
    buffer = io.BytesIO()
    tool.write(buffer)
    ours, shipped = zipfile.ZipFile(buffer), zipfile.ZipFile(WEIGHTS)
    assert ours.namelist() == shipped.namelist()
    assert [ours.read(name) for name in ours.namelist()] == [
        shipped.read(name) for name in shipped.namelist()
    ]


@pytest.mark.oracle
def test_the_tool_reads_no_other_file(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool.joblib, "load", lambda file: pytest.fail("was read"))
    monkeypatch.setitem(tool.SHA256, "pnet", 64 * "0")
    with pytest.raises(SystemExit, match=r"pnet\.lz4: not the file of mtcnn 1\.0\.0; install"):
        tool.package_arrays("pnet")
    shutil.copy(WEIGHTS, tmp_path / "mtcnn.npz")
    monkeypatch.setattr(tool, "WEIGHTS", tmp_path / "mtcnn.npz")
    with pytest.raises(SystemExit):
        tool.main()
    assert (tmp_path / "mtcnn.npz").read_bytes() == WEIGHTS.read_bytes()
