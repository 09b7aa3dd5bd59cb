"""ONNX files, run by ONNX Runtime, against the networks that they were made of."""

import importlib.util
import os

import numpy as np
import pytest
from helpers.commands import exit_code

from tinydldl import weights
from tinydldl.convert import __main__ as convert
from tinydldl.convert import onnx_graph
from tinydldl.errors import UserError
from tinydldl.labels import label_grid
from tinydldl.layers import Conv2d, Sequential, Tanh
from tinydldl.methods import make_method
from tinydldl.models import AgeNet
from tinydldl.trained import Trained, load, meta_of

pytestmark = pytest.mark.oracle
CHANNELS = [0.5, 0.4, 0.3], [0.2, 0.3, 0.25]


@pytest.fixture
def runtime():
    """What runs a file: `runtime(file, x)`, a list of outputs; skips without the packages."""
    there = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))
    if not there and not os.environ.get("TINYDLDL_REQUIRE_TORCH"):
        pytest.skip("onnx and onnxruntime are not installed")
    import onnxruntime

    def run(file, **inputs):
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        return session.run(None, inputs)

    return run


def network(name, rng, **options):
    """A network whose arrays are all random, as if trained."""
    method = make_method(name, label_grid(10, 60))
    model = AgeNet("tiny", method.outputs, 32, rng=rng, **options)
    for key, array in (model.params | model.buffers).items():
        if not key.endswith(".W"):
            array[...] = rng.uniform(0.5, 1.5, array.shape)
    meta = meta_of({"name": "tiny", "side": 32, **options}, method, {"name": name}, CHANNELS)
    return Trained(model.eval(), method, CHANNELS, meta)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("dldl-v2", {"pool": "hp"}),
        ("dldl", {"pool": "gap"}),
        ("dldl-v2", {"pool": "hp", "log_sigmoid": True}),
    ],
    ids=str,
)
def test_photos_become_distributions_and_ages(method, options, runtime, rng):
    trained = network(method, rng, **options)
    trained.model.params["fc.W"] *= 100
    photos = rng.integers(0, 256, (3, 4, 4, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    expected = trained.predict_images(photos)
    assert np.ptp(expected, axis=0).max() > 1e-3  # the photos differ
    for count in (3, 1):
        distribution, age = runtime(onnx_graph.of(trained), photos=photos[:count])
        np.testing.assert_allclose(distribution, expected[:count], atol=1e-5)
        np.testing.assert_allclose(age, trained.method.age(expected[:count]), atol=1e-3)


def test_the_command_writes_one(runtime, tmp_path, monkeypatch, said, rng):
    """The weights that ship, as a file that any program runs."""
    monkeypatch.chdir(tmp_path)
    assert "written   out.onnx\n" in said(exit_code(convert.main, "tiny", "out.onnx"))
    shipped = load(weights.find("tiny"))
    photos = rng.integers(0, 256, (2, shipped.side, shipped.side, 3), dtype=np.uint8)
    distribution, _ = runtime("out.onnx", photos=photos)
    np.testing.assert_allclose(distribution, shipped.predict_images(photos), atol=1e-5)


def test_methods_without_a_softmax_are_refused(rng):
    with pytest.raises(UserError, match="ranking: ONNX is for methods with a softmax"):
        onnx_graph.of(network("ranking", rng))


def test_a_convolution_of_any_form(runtime, rng):
    conv = Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 2), rng=rng)
    conv.params["b"][...] = rng.standard_normal(4)
    x = rng.standard_normal((2, 7, 8, 3), dtype=np.float32)
    graph = onnx_graph.Graph()
    out = graph.layers(Sequential({"conv": conv}), "x")
    shape = [2, 4, *conv.output_shape((7, 8, 3))[:2]]
    file = graph.bytes([("x", np.float32, [2, 3, 7, 8])], [(out, np.float32, shape)])
    (y,) = runtime(file, x=x.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(y.transpose(0, 2, 3, 1), conv.forward(x), atol=1e-5)


def test_a_layer_that_is_not_known_is_named(runtime):
    with pytest.raises(UserError, match="Tanh: a layer that is not written to ONNX"):
        onnx_graph.Graph().layer(Tanh(), "x")
