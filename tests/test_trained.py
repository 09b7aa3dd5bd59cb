"""A network comes back from its checkpoint as it was, and what does not fit is one line."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.networks import CHANNELS, contents, save_network

from tinydldl import checkpoint, trained, weights
from tinydldl.checkpoint import CheckpointError
from tinydldl.labels import label_grid
from tinydldl.layers import GlobalAvgPool, HybridPool
from tinydldl.methods import METHODS
from tinydldl.trained import checked


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


def without(*names):
    """A change that takes a value out of the JSON."""

    def change(meta):
        *sections, last = names
        for section in sections:
            meta = meta[section]
        del meta[last]

    return change


def changed(section, **values):
    return lambda meta: meta[section].update(values)


NOT = "not the checkpoint of a network "
TORN = [  # changes to the JSON of a checkpoint, and what is said of them
    (without("network"), NOT + "(KeyError('network'))"),
    (without("grid"), NOT + "(KeyError('grid'))"),
    (without("channels"), NOT + "(KeyError('channels'))"),
    (without("method"), NOT + "(KeyError('method'))"),
    (without("method", "name"), NOT + "(KeyError('name'))"),
    (without("network", "side"), NOT + "(KeyError('side'))"),
    (without("grid", "last"), NOT + "(KeyError('last'))"),
    (changed("network", layers=12), "unexpected keyword argument 'layers'"),
    (lambda meta: meta.update(grid=[0, 100, 101]), "grid: expected an object, found [0, 100"),
    (lambda meta: meta.update(network=None), "network: expected an object, found None"),
    (lambda meta: meta.update(method="dldl-v2"), "method: expected an object, found 'dldl-v2'"),
    (changed("method", name="dldl-v3"), "method 'dldl-v3': expected one of dldl-v2, "),
    (changed("method", name=["dldl-v2"]), NOT),
    (changed("method", lam=-1), "lam: expected null or a number from 0 up, found -1"),
    (changed("method", lam="1"), "lam: expected null or a number from 0 up, found '1'"),
    (changed("network", name="huge"), "network 'huge': expected one of tiny, thin"),
    (changed("network", pool="max"), "pool 'max': expected one of hp, gap"),
    (changed("network", pool={}), "pool: expected the name of a pooling, found {}"),
    (changed("network", side=31), "side 31: the network needs at least 32 pixels"),
    (changed("network", side=10**400), "side: expected 1 to 4096 pixels, found 100"),
    (changed("network", side=64.5), "side: expected 1 to 4096 pixels, found 64.5"),
    (changed("network", side=64.0), "side: expected 1 to 4096 pixels, found 64.0"),
    (changed("network", side=True), "side: expected 1 to 4096 pixels, found True"),
    (changed("network", side="big"), "side: expected 1 to 4096 pixels, found 'big'"),
    (changed("network", log_sigmoid="yes"), "log_sigmoid: expected true or false, found 'yes'"),
    (changed("network", log_sigmoid=1), "log_sigmoid: expected true or false, found 1"),
    (lambda meta: meta["grid"].update(side=meta["network"].pop("side")), "KeyError('side')"),
    (changed("grid", first=120), "last: expected 0 <= first < last <= 1000 years, with first 120"),
    (changed("grid", first=None), "last: expected 0 <= first < last <= 1000 years, with first Non"),
    (changed("grid", first=False), "last: expected 0 <= first < last"),
    (changed("grid", last=10**400), "last: expected 0 <= first < last <= 1000 years"),
    (changed("grid", last="100"), "last: expected 0 <= first < last"),
    (changed("grid", labels=1), "labels: expected a whole number from 2 to 10001, found 1"),
    (changed("grid", labels=10**10), "labels: expected a whole number from 2 to 10001, found 1000"),
    (changed("grid", labels=101.0), "labels: expected a whole number from 2 to 10001, found 101.0"),
    (changed("grid", labels=[]), "labels: expected a whole number from 2 to 10001, found []"),
    (changed("grid", labels=51), "model.fc.W: expected shape (128, 51), found shape (128, 101)"),
    (changed("channels", std=[1e-300] * 3), "std: expected three numbers from 1e-6 to 1"),
    (changed("channels", std=[0.2, 0.2, -0.2]), "std: expected three numbers from 1e-6 to 1"),
    (changed("channels", std=[0.2, 0.2, 10**400]), "std: expected three numbers from 1e-6 to 1"),
    (changed("channels", mean=[0.5, 0.5]), "mean: expected three numbers from 0 to 1, found [0.5"),
    (changed("channels", mean=[0.5, 0.5, "0.5"]), "mean: expected three numbers from 0 to 1"),
    (changed("channels", mean=[0.5, 0.5, True]), "mean: expected three numbers from 0 to 1"),
    (changed("channels", mean=0.5), "mean: expected three numbers from 0 to 1, found 0.5"),
    (changed("channels", mean=[[0.5], 0.5, 0.5]), "mean: expected three numbers from 0 to 1"),
    (changed("channels", mean=[0.5] * 1000), "mean: expected three numbers from 0 to 1"),
    (lambda meta: meta.update(average="yes"), "average: expected null or 0 to 1, found 'yes'"),
    (lambda meta: meta.update(average=2), "average: expected null or 0 to 1, found 2"),
    (changed("network", name="thin"), "model.conv1_1.W: expected shape (3, 3, 3, 32), found shape"),
    (changed("network", name="tiny12"), "'model.bn3_3.beta': an array that the network does not"),
    (changed("method", name="ranking"), "model.fc.W: expected shape (128, 100), found shape (128,"),
]


@pytest.mark.parametrize(("change", "message"), TORN, ids=range(len(TORN)))
def test_a_description_of_no_network_is_one_line_that_names_the_file(change, message, tmp_path):
    save_network(tmp_path / "c")
    meta = json.loads((tmp_path / "c.json").read_text())
    change(meta)
    (tmp_path / "c.json").write_text(json.dumps(meta))
    refuses(tmp_path / "c", message)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
@pytest.mark.parametrize("name", ["first", "last", "labels"])
def test_numbers_that_are_none(name, value, tmp_path):
    save_network(tmp_path / "c")
    path = tmp_path / "c.json"
    path.write_text(re.sub(f'"{name}": [0-9.]+', f'"{name}": {value}', path.read_text()))
    refuses(tmp_path / "c", "c: not ")


def refuses(path, message):
    """Assert that loading raises one line that names the file."""
    with pytest.raises(CheckpointError, match=re.escape(message)) as error:
        trained.load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert str(error.value).isprintable()


def test_what_describes_a_network_describes_it_after_a_round_trip():
    meta = json.loads((weights.find("tiny").with_suffix(".json")).read_text())
    about = SimpleNamespace(**checked(meta))
    assert (about.name, about.side, about.labels, about.log_sigmoid) == ("tiny", 128, 101, False)
    assert (about.lam, about.average) == (1.0, 0.999)


def put(name, value):
    """A change that puts `value` into an array, or makes it an array of another kind."""

    def change(arrays):
        if isinstance(value, float):
            arrays[name].flat[0] = value
        else:
            arrays[name] = value(arrays[name])

    return change


# Changes to the arrays of a checkpoint, and what is said of them; more kinds: test_checkpoint.py.
BROKEN = [
    (lambda arrays: arrays.pop("model.bn2_1.running_var"), "model.bn2_1.running_var: expected sha"),
    (lambda arrays: arrays.update({"model.fc.c": np.ones(1)}), "'model.fc.c': an array that the"),
    (put("model.fc.W", float("nan")), "model.fc.W: holds numbers that are not finite in float32"),
    (put("model.fc.W", float("-inf")), "model.fc.W: holds numbers that are not finite in float32"),
    (put("model.bn1_1.running_var", -1.0), "model.bn1_1.running_var: holds a negative number"),
    (put("model.fc.b", lambda a: a.astype("f8") + 1e300), "model.fc.b: holds numbers that are not"),
    (put("model.fc.b", lambda a: a[:-1]), "model.fc.b: expected shape (101,), found shape (100,)"),
    (put("model.fc.W", lambda a: a.T), "model.fc.W: expected shape (128, 101), found shape (101, "),
    (put("model.fc.b", lambda a: a.astype(str)), "model.fc.b: expected real numbers, found str"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN, ids=range(len(BROKEN)))
def test_arrays_of_no_network_are_one_line_that_names_the_file(change, message, tmp_path):
    save_network(tmp_path / "c")
    arrays, meta = contents(tmp_path / "c")
    change(arrays)
    checkpoint.save(tmp_path / "c", arrays, meta)
    refuses(tmp_path / "c", message)


def test_of_a_training_only_the_network_is_unpacked(tmp_path):
    """Whatever else is in the file: it is what `--resume` reads."""
    save_network(tmp_path / "c")
    arrays, meta = contents(tmp_path / "c")
    more = {"optimizer.m.fc.W": np.array(["text"]), "raw.fc.W": np.zeros(3), "epoch": np.array(1)}
    checkpoint.save(tmp_path / "c", arrays | more, meta)
    fc = trained.load(tmp_path / "c").model.params["fc.W"]
    np.testing.assert_array_equal(fc, arrays["model.fc.W"])
