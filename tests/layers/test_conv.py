"""Convolution against plain loops."""

import numpy as np
import pytest
from helpers.comparison import convolution

from tinydldl import naive
from tinydldl.layers import Conv2d

GEOMETRIES = [  # kernel, stride, padding
    (3, 1, 1),
    (1, 1, 0),
    (5, 2, 2),
    ((2, 3), (3, 1), (0, 2)),
    (4, 3, 1),
]


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_agrees_with_plain_loops(geometry, rng):
    layer, x, dy = convolution(geometry, rng)
    (PH, PW), stride = layer.padding, layer.windows.stride
    x_pad = np.pad(x, ((0, 0), (PH, PH), (PW, PW), (0, 0)))
    y = naive.conv2d(x_pad, layer.params["W"], stride) + layer.params["b"]
    dx_pad, dW = naive.conv2d_backward(x_pad, layer.params["W"], stride, dy)
    np.testing.assert_allclose(layer.forward(x), y, rtol=1e-12, atol=1e-12)
    dx = dx_pad[:, PH : PH + 7, PW : PW + 6]
    np.testing.assert_allclose(layer.backward(dy), dx, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(layer.grads["W"], dW, rtol=1e-12, atol=1e-12)


def test_initial_weights(rng):
    layer = Conv2d(64, 128, 3, rng=rng)
    assert layer.params["W"].std() == pytest.approx(np.sqrt(2 / (9 * 128)), rel=0.01)
    assert abs(layer.params["W"].mean()) < 0.001
    assert not layer.params["b"].any()
    assert "b" not in Conv2d(3, 4, bias=False, rng=rng).params


def test_shape_and_cost(rng):
    layer = Conv2d(3, 4, 3, stride=2, padding=1, rng=rng)
    assert layer.output_shape((9, 8, 3)) == (5, 4, 4)
    assert layer.multiply_adds((9, 8, 3)) == 5 * 4 * 3 * 3 * 3 * 4


def test_an_image_smaller_than_the_kernel_is_refused(rng):
    with pytest.raises(ValueError, match="2x9 is smaller than the kernel 3x3"):
        Conv2d(1, 1, 3, rng=rng).forward(np.zeros((1, 2, 9, 1)))
