"""Pooling against plain loops; ties; odd sides."""

import numpy as np
import pytest

from tinydldl import naive
from tinydldl.layers import AvgPool2d, CeilMaxPool2d, HybridPool, MaxPool2d

GEOMETRIES = [(2, 2), (3, 1), ((2, 3), (1, 2)), (3, 3)]  # kernel, stride
CLOSE = {"rtol": 1e-13, "atol": 1e-13}


@pytest.mark.parametrize(("kernel", "stride"), GEOMETRIES)
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_agrees_with_plain_loops(kind, kernel, stride, rng):
    layer = {"max": MaxPool2d, "avg": AvgPool2d}[kind](kernel, stride)
    x = rng.integers(0, 4, (2, 5, 7, 3)).astype(float)  # full of ties
    y = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    forward, backward = getattr(naive, f"{kind}_pool"), getattr(naive, f"{kind}_pool_backward")
    sizes = layer.windows.kernel, layer.windows.stride
    np.testing.assert_allclose(y, forward(x, *sizes), **CLOSE)
    np.testing.assert_allclose(layer.backward(dy), backward(x, *sizes, dy), **CLOSE)


def test_max_pool_by_hand():
    x = np.array([[1.0, 5, 2, 0, 9], [5, 3, 0, 2, 9], [9, 9, 9, 9, 9]]).reshape(1, 3, 5, 1)
    layer = MaxPool2d(2)
    assert layer.forward(x).ravel().tolist() == [5, 2]  # the odd row and column are dropped
    dx = layer.backward(np.array([10.0, 20]).reshape(1, 1, 2, 1))
    # the first 5 and the first 2 get the gradient, not those that equal them
    assert dx[0, :, :, 0].tolist() == [[0, 10, 20, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]


def test_ceil_mode_by_hand():
    """3x3 windows, 2 apart: the windows at the end hold two rows, or two columns."""
    x = np.arange(24.0).reshape(1, 4, 6, 1)
    layer = CeilMaxPool2d(3, stride=2)
    assert layer.forward(-x)[0, :, :, 0].tolist() == [[0, -2, -4], [-12, -14, -16]]
    assert layer.forward(x)[0, :, :, 0].tolist() == [[14, 16, 17], [20, 22, 23]]
    dx = layer.backward(np.arange(1.0, 7).reshape(1, 2, 3, 1))
    assert not dx[0, :2].any()
    assert dx[0, 2:, :, 0].tolist() == [[0, 0, 1, 0, 2, 3], [0, 0, 4, 0, 5, 6]]


def test_a_last_window_that_would_start_outside_is_left_out():
    x = np.arange(6.0).reshape(1, 1, 6, 1)
    assert CeilMaxPool2d((1, 2), (1, 3)).forward(x).ravel().tolist() == [1, 4]  # not at 6 and 7
    assert CeilMaxPool2d((1, 2), (1, 5)).forward(x).ravel().tolist() == [1, 5]  # 5 and outside


def test_shapes():
    assert MaxPool2d(2).output_shape((5, 4, 3)) == (2, 2, 3)
    assert AvgPool2d(3, 1).output_shape((5, 4, 3)) == (3, 2, 3)
    assert HybridPool().output_shape((7, 7, 3)) == (3,)


def test_an_image_smaller_than_the_window_is_refused():
    with pytest.raises(ValueError, match="1x4 is smaller than the kernel 2x2"):
        MaxPool2d(2).forward(np.zeros((1, 1, 4, 1)))
    assert CeilMaxPool2d(2).forward(np.zeros((1, 1, 4, 1))).shape == (1, 1, 2, 1)
    with pytest.raises(ValueError, match="1x4 is smaller than the kernel 3x3"):
        CeilMaxPool2d(3, 1).forward(np.zeros((1, 1, 4, 1)))
