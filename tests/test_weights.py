"""Weights that ship: found by the name of their network, and a line that says which there are."""

import pytest
from helpers.networks import save_network

from tinydldl import trained, weights
from tinydldl.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of weights in the place of the package's."""
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    return tmp_path


def test_finds_the_weights_of_a_network(folder):
    for net in ("tiny", "thin"):
        save_network(folder / net, net=net)
    for net in ("tiny", "thin"):
        assert trained.load(weights.find(net)).meta["network"]["name"] == net


def test_says_which_there_are(folder):
    expected = r"no weights of thin ship with tinydldl \(there are: {}\); give the run"
    with pytest.raises(UserError, match=expected.format("none")):
        weights.find("thin")
    for net in ("tiny12", "tiny"):
        save_network(folder / net, net=net)
    with pytest.raises(UserError, match=expected.format("tiny, tiny12")):
        weights.find("thin")


def test_what_ships_is_what_its_name_says():
    for path in weights.FOLDER.glob("*.npz"):
        assert trained.load(path).meta["network"]["name"] == path.stem
