"""Batch normalization against plain loops."""

import numpy as np
import pytest

from tinydldl import naive
from tinydldl.fast import FastNet
from tinydldl.layers import BatchNorm2d, Conv2d, ReLU, Sequential

CLOSE = {"rtol": 1e-11, "atol": 1e-11}


def make(rng):
    """BatchNorm in float64 with gamma of both signs, and its input and upstream gradient."""
    layer = BatchNorm2d(3).to(dtype=np.float64)
    layer.params["gamma"][...] = [1.5, -0.5, 0.0]
    layer.params["beta"][...] = [0.1, 0.2, -3.0]
    x = 5 + 2 * rng.standard_normal((4, 3, 5, 3))
    return layer, x, rng.standard_normal(x.shape)


def test_agrees_with_plain_loops(rng):
    layer, x, dy = make(rng)
    gamma, beta = layer.params["gamma"], layer.params["beta"]
    y, mean, var = naive.batch_norm(x, gamma, beta, layer.eps)
    dx, dgamma, dbeta = naive.batch_norm_backward(x, gamma, layer.eps, dy)
    np.testing.assert_allclose(layer.forward(x), y, **CLOSE)
    np.testing.assert_allclose(layer.backward(dy), dx, **CLOSE)
    np.testing.assert_allclose(layer.grads["gamma"], dgamma, **CLOSE)
    np.testing.assert_allclose(layer.grads["beta"], dbeta, **CLOSE)
    np.testing.assert_allclose(layer.buffers["running_mean"], 0.1 * mean, **CLOSE)
    np.testing.assert_allclose(layer.buffers["running_var"], 0.9 + 0.1 * var * 60 / 59, **CLOSE)


def test_normalizes_far_from_zero_in_float32(rng):
    x = (1e3 + rng.standard_normal((8, 16, 16, 2))).astype(np.float32)
    y = BatchNorm2d(2).forward(x)
    assert np.abs(y.mean(axis=(0, 1, 2))).max() < 1e-2
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), 1, rtol=1e-2)


def test_float32_sums_over_large_images_are_exact_enough(rng):
    x = 3 + rng.standard_normal((8, 224, 224, 2))
    dy = rng.standard_normal(x.shape) + 0.1
    exact, single = BatchNorm2d(2).to(dtype=np.float64), BatchNorm2d(2)
    y, y_single = exact.forward(x), single.forward(x.astype(np.float32))
    dx, dx_single = exact.backward(dy), single.backward(dy.astype(np.float32))
    for got, expected in ((y_single, y), (dx_single, dx)):
        assert np.abs(got - expected).max() < 1e-5 * np.abs(expected).max()
    for name, grad in exact.grads.items():
        np.testing.assert_allclose(single.grads[name], grad, rtol=1e-4)


def test_one_value_a_channel_is_refused():
    with pytest.raises(ValueError, match="more than one value"):
        BatchNorm2d(3).forward(np.zeros((1, 1, 1, 3)))


def test_inference_leaves_the_running_statistics(rng):
    layer, x, _ = make(rng)
    before = {name: buffer.copy() for name, buffer in layer.buffers.items()}
    layer.eval().forward(x)
    for name, buffer in layer.buffers.items():
        np.testing.assert_array_equal(buffer, before[name])


@pytest.mark.parametrize("engine", [lambda net: net, FastNet], ids=["layers", "fast"])
def test_running_averages_of_a_channel_that_is_zero_end_as_zero(engine, rng):
    """Not as subnormal numbers, which 0.9^t is from t = 829 on."""
    conv = Conv2d(3, 2, 3, padding=1, bias=False, rng=rng)
    net = Sequential({"conv": conv, "bn": BatchNorm2d(2), "relu": ReLU()})
    net = engine(net.to(dtype=np.float32).train())
    x = rng.standard_normal((1, 4, 4, 3)).astype(np.float32)
    net.forward(x)
    conv.params["W"][..., 1] = 0
    for _ in range(900):
        net.forward(x)
    for name in ("running_mean", "running_var"):
        alive, dead = net.buffers[f"bn.{name}"]
        assert dead == 0
        assert alive != 0
