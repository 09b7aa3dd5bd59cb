"""The blocked convolution against the layer, against plain loops, and its rounding in float32."""

import numpy as np
import pytest
from helpers.comparison import BadScratch, close

from tinydldl import naive
from tinydldl.fast import convolution, layout
from tinydldl.fast.layout import Scratch
from tinydldl.layers import Conv2d

SHAPES = [  # N, H, W, C, OC
    (1, 1, 1, 1, 1),
    (2, 4, 4, 3, 2),
    (1, 5, 7, 2, 3),
    (3, 6, 13, 1, 5),
    (2, 17, 9, 3, 4),
]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@pytest.fixture(params=[1, 36 * 12 * 3, None], ids=["a tile", "some tiles", "one block"])
def block(request, monkeypatch):
    """How much is transformed at a time."""
    if request.param:
        monkeypatch.setattr(layout, "BLOCK", request.param)


def to_engine(scratch, name, x):
    """x (N, H, W, C) as a padded map (., ., N C)."""
    N, H, W, C = x.shape
    x_pad, inside = scratch.padded(name, (H, W, N, C), x.dtype)
    inside[...] = x.transpose(1, 2, 0, 3).reshape(H, W, N * C)
    return x_pad


def to_layers(y, N, H, W):
    """A map of whole tiles (., ., N C) as (N, H, W, C)."""
    return y[:H, :W].reshape(H, W, N, -1).transpose(2, 0, 1, 3)


def forward(x, W, scratch):
    """The engine's convolution in the layers' layout."""
    N, height, width, _ = x.shape
    y = scratch.tiles("y", (height, width, N, W.shape[3]), x.dtype)
    convolution.forward(to_engine(scratch, "x", x), W, y, scratch)
    return to_layers(y, N, height, width)


def backward(dy, x, W, scratch):
    """The engine's `(dx, dW)` in the layers' layout."""
    N, height, width, C = x.shape
    dx = scratch.tiles("dx", (height, width, N, C), x.dtype)
    dy_pad, x_pad = to_engine(scratch, "dy", dy), to_engine(scratch, "x", x)
    dW = convolution.backward(dy_pad, x_pad, W, dx, scratch)
    return to_layers(dx, N, height, width), dW


def draw(shape, rng, dtype=np.float64):
    """Random x, W and dy."""
    N, height, width, C, OC = shape
    sizes = (N, height, width, C), (3, 3, C, OC), (N, height, width, OC)
    return [rng.standard_normal(size).astype(dtype) for size in sizes]


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("scratch", [Scratch, BadScratch])
@every_shape
def test_agrees_with_the_layer(shape, scratch, rng):
    """Also where every buffer holds NaN before: nothing reads what nobody wrote."""
    x, W, dy = draw(shape, rng)
    conv = Conv2d(*shape[3:], padding=1, bias=False, rng=rng).to(dtype=np.float64)
    conv.params["W"][...] = W
    close(forward(x, W, scratch()), conv.forward(x), 1e-12, "y")
    dx, dW = backward(dy, x, W, scratch())
    close(dx, conv.backward(dy), 1e-12, "dx")
    close(dW, conv.grads["W"], 1e-12, "dW")


def test_agrees_with_plain_loops(rng):
    x, W, dy = draw((2, 5, 6, 2, 3), rng)
    x_pad = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    close(forward(x, W, Scratch()), naive.conv2d(x_pad, W, (1, 1)), 1e-12)
    dx, dW = backward(dy, x, W, Scratch())
    dx_pad, expected = naive.conv2d_backward(x_pad, W, (1, 1), dy)
    close(dx, dx_pad[:, 1:-1, 1:-1], 1e-12)
    close(dW, expected, 1e-12)


@every_shape
def test_without_dx_the_gradient_in_the_filters_is_the_same(shape, rng):
    x, W, dy = draw(shape, rng)
    scratch = Scratch()
    dy_pad, x_pad = to_engine(scratch, "dy", dy), to_engine(scratch, "x", x)
    dW = convolution.backward(dy_pad, x_pad, W, None, scratch)
    np.testing.assert_array_equal(dW, backward(dy, x, W, Scratch())[1])


@pytest.mark.usefixtures("block")
def test_changes_nothing_that_it_is_given(rng):
    x, W, dy = draw((2, 6, 7, 3, 4), rng)
    scratch = Scratch()
    given = [W, to_engine(scratch, "x", x), to_engine(scratch, "dy", dy)]
    before = [array.copy() for array in given]
    W, x_pad, dy_pad = given
    convolution.forward(x_pad, W, scratch.tiles("y", (6, 7, 2, 4), x.dtype), scratch)
    dx = scratch.tiles("dx", (6, 7, 2, 3), x.dtype)
    convolution.backward(dy_pad, x_pad, W, dx, scratch)
    for array, expected in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_one_scratch_for_maps_of_any_size(rng):
    """Larger, smaller and larger again: what the last one left is in nobody's way."""
    scratch = Scratch()
    for shape in (SHAPES[1], SHAPES[4], SHAPES[0], SHAPES[3], SHAPES[4]):
        x, W, dy = draw(shape, rng)
        np.testing.assert_array_equal(forward(x, W, scratch), forward(x, W, Scratch()))
        dx, dW = backward(dy, x, W, scratch)
        expected_dx, expected_dW = backward(dy, x, W, Scratch())
        np.testing.assert_array_equal(dx, expected_dx)
        np.testing.assert_array_equal(dW, expected_dW)


@pytest.mark.parametrize("channels", [(1, 8), (8, 1)])
def test_a_block_stays_in_the_cache(channels, rng, monkeypatch):
    """What is transformed at a time has at most BLOCK numbers, before and after the products."""
    monkeypatch.setattr(layout, "BLOCK", 36 * 16 * 4)  # 4 tiles of 2 images: as rows, 8 channels
    x, W, dy = draw((2, 22, 17, *channels), rng)
    scratch = Scratch()
    forward(x, W, scratch), backward(dy, x, W, scratch)
    sizes = [b.size for name, b in scratch.buffers.items() if name not in ("x", "y", "dx", "dy")]
    assert sizes
    assert max(sizes) <= layout.BLOCK


def test_rounding_in_float32(rng):
    """In units of the output's standard deviation, against direct convolution in float64."""
    shape = (4, 28, 28, 64, 64)
    x, W, dy = draw(shape, rng, np.float32)
    conv = Conv2d(64, 64, padding=1, bias=False, rng=rng).to(dtype=np.float64)
    conv.params["W"][...] = W
    exact = {"y": conv.forward(x.astype(np.float64)), "dx": conv.backward(dy.astype(np.float64))}
    exact["dW"] = conv.grads["W"]
    dx, dW = backward(dy, x, W, Scratch())
    found = {"y": forward(x, W, Scratch()), "dx": dx, "dW": dW}
    for name, array in found.items():
        assert array.dtype == np.float32
        error = (array - exact[name]) / exact[name].std()
        assert np.sqrt((error**2).mean()) < 1e-5, name
        assert np.abs(error).max() < 1e-3, name


def test_a_border_that_is_not_zero_is_found(rng):
    """The row below an image of five rows is the halo of the last one."""
    x, W, _ = draw((1, 5, 5, 1, 1), rng)
    scratch = Scratch()
    x_pad, y = to_engine(scratch, "x", x), scratch.tiles("y", (5, 5, 1, 1), x.dtype)
    x_pad[6] = 1
    convolution.forward(x_pad, W, y, scratch)
    with pytest.raises(AssertionError, match="off by"):
        close(to_layers(y, 1, 5, 5), forward(x, W, Scratch()))
