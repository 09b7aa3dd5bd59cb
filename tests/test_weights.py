"""Weights that ship: found by the name of their network, where no path has that name."""

from pathlib import Path

import pytest
from helpers.networks import save_network

from tinydldl import trained, weights


def test_finds_the_weights_of_a_network(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    for net in ("tiny", "thin"):
        save_network(tmp_path / net, net=net)
    assert weights.names() == ["thin", "tiny"]
    for net in ("tiny", "thin"):
        assert trained.load(weights.find(net)).meta["network"]["name"] == net


@pytest.mark.parametrize("path", ["runs/tiny", "tiny12", "./tiny", Path("tiny.npz")])
def test_anything_else_is_a_path(path):
    assert weights.find(path) == Path(path)


def test_what_ships_is_what_its_name_says():
    assert "tiny" in weights.names()  # the default
    for path in weights.FOLDER.glob("*.npz"):
        assert trained.load(path).meta["network"]["name"] == path.stem
