"""A network comes back from its checkpoint as it was, and what does not fit is one line."""

import json

import numpy as np
import pytest
from saved_networks import CHANNELS, save_network

from tinydldl import checkpoint, trained
from tinydldl.checkpoint import CheckpointError
from tinydldl.labels import label_grid
from tinydldl.layers import GlobalAvgPool, HybridPool
from tinydldl.methods import METHODS


@pytest.mark.parametrize("name", METHODS)
def test_predicts_what_it_predicted_before(name, tmp_path, rng):
    model, method = save_network(tmp_path / "c", name, label_grid(10, 70, 2))
    network = trained.load(tmp_path / "c")
    x = rng.standard_normal((2, 32, 32, 3), dtype=np.float32)
    prediction = network.method.predict(network.model.forward(x))
    np.testing.assert_array_equal(prediction, method.predict(model.forward(x)))
    assert np.abs(prediction[0] - prediction[1]).max() > 1e-3  # it does look at the photos
    np.testing.assert_array_equal(network.method.age(prediction), method.age(prediction))
    np.testing.assert_array_equal(network.method.grid, label_grid(10, 70, 2))
    assert type(network.method) is METHODS[name]


def test_knows_what_photos_it_wants(tmp_path):
    save_network(tmp_path / "c", side=40)
    network = trained.load(tmp_path / "c")
    assert network.side == 40
    assert list(network.channels) == CHANNELS
    assert network.meta["method"]["name"] == "dldl-v2"


@pytest.mark.parametrize(("pool", "layer"), [("hp", HybridPool), ("gap", GlobalAvgPool)])
def test_is_the_network_that_it_was(pool, layer, tmp_path):
    save_network(tmp_path / "c", net="thin", pool=pool)
    model = trained.load(tmp_path / "c").model
    assert isinstance(model.layers["pool5"], layer)
    assert model.params["conv1_1.W"].shape == (3, 3, 3, 32)
    assert not model.training
    assert not any(layer.training for layer in model.layers.values())


def test_a_path_is_a_file_or_the_folder_of_a_run(tmp_path):
    save_network(tmp_path / "checkpoint")
    wanted = trained.load(tmp_path / "checkpoint").model.params["fc.W"]
    for path in (
        tmp_path,
        str(tmp_path),
        tmp_path / "checkpoint.npz",
        tmp_path / "checkpoint.json",
    ):
        np.testing.assert_array_equal(trained.load(path).model.params["fc.W"], wanted)


def test_nothing_there(tmp_path):
    with pytest.raises(CheckpointError, match=r"\d: no checkpoint, checkpoint\.json is"):
        trained.load(tmp_path)
    with pytest.raises(CheckpointError, match=r"none\.npz: no checkpoint, none\.json is missing"):
        trained.load(tmp_path / "none.npz")


def without(name):
    return lambda meta: meta.pop(name)


def changed(section, **values):
    return lambda meta: meta[section].update(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("network"), r"not the checkpoint of a network \(KeyError\('network'\)\)"),
        (without("grid"), r"not the checkpoint of a network \(KeyError\('grid'\)\)"),
        (without("channels"), r"not the checkpoint of a network \(KeyError\('channels'\)\)"),
        (changed("method", name="dldl-v3"), "method 'dldl-v3': expected one of dldl-v2, "),
        (changed("network", name="huge"), "network 'huge': expected one of tiny, thin"),
        (changed("network", side=16), "side 16: the network needs at least 32 pixels"),
        (changed("network", side="big"), "not the checkpoint of a network"),
        (changed("network", name="thin"), r"model\.conv1_1\.W: expected shape \(3, 3, 3, 32\)"),
        (changed("grid", labels=51), r"model\.fc\.W: expected shape \(128, 51\), found shape"),
        (changed("method", name="ranking"), r"model\.fc\.W: expected shape \(128, 100\)"),
        (lambda meta: meta.update(grid=[0, 100, 101]), "not the checkpoint of a network"),
        (lambda meta: meta.update(network=None), "not the checkpoint of a network"),
    ],
)
def test_what_does_not_fit_is_one_line_that_names_the_file(change, message, tmp_path):
    save_network(tmp_path / "c")
    meta = json.loads((tmp_path / "c.json").read_text())
    change(meta)
    (tmp_path / "c.json").write_text(json.dumps(meta))
    with pytest.raises(CheckpointError, match=message) as error:
        trained.load(tmp_path / "c")
    assert str(error.value).startswith(f"{tmp_path / 'c'}: ")
    assert "\n" not in str(error.value)


def test_missing_arrays_are_named(tmp_path):
    save_network(tmp_path / "c")
    arrays, meta = checkpoint.load(tmp_path / "c")
    del arrays["model.bn2_1.running_var"]
    checkpoint.save(tmp_path / "c", arrays, meta)
    with pytest.raises(CheckpointError, match=r"model\.bn2_1\.running_var: .*, found nothing"):
        trained.load(tmp_path / "c")
