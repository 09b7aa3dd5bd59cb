"""Convolution by im2col against the shifted products, in float64, whatever the blocks."""

import numpy as np
import pytest
from helpers import strict_device
from helpers.comparison import convolution

from tinydldl import backend
from tinydldl.layers import Conv2d, im2col
from tinydldl.layers.base import Windows

GEOMETRIES = [  # kernel, stride, padding
    (3, 1, 1),
    (1, 1, 0),
    (3, 2, 1),
    ((2, 3), (3, 1), (0, 2)),
]
SHAPE = (5, 7, 6, 3)
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def both_passes(layer, x, dy):
    """y, dx and the gradients, by name."""
    for grad in layer.grads.values():
        grad[...] = np.nan  # none must be left from before
    y = layer.forward(x)
    return {"y": y, "dx": layer.backward(dy), **{k: g.copy() for k, g in layer.grads.items()}}


def check_paths(layer, x, dy, monkeypatch, close=CLOSE):
    """Check that im2col computes what the shifted products do, in the same type."""
    expected = both_passes(layer, x, dy)
    monkeypatch.setattr(im2col, "pays", lambda x, learns: True)
    for name, array in both_passes(layer, x, dy).items():
        assert array.dtype == expected[name].dtype, name
        np.testing.assert_allclose(array, expected[name], err_msg=name, **close)


def set_block(images, geometry, monkeypatch):
    """Let a block have the windows of so many images in float64."""
    layer = Conv2d(3, 4, *geometry, rng=np.random.default_rng(0))
    OH, OW, _ = layer.output_shape(SHAPE[1:])
    numbers = OH * OW * layer.params["W"].size // 4
    monkeypatch.setattr(im2col, "BLOCK_BYTES", images * numbers * 8)


@pytest.mark.parametrize("images", [0, 1, 2, 5, 9])  # 0: not even one fits; 2: the last block is 1
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_agrees_with_shifted_products(geometry, images, rng, monkeypatch):
    set_block(images, geometry, monkeypatch)
    check_paths(*convolution(geometry, rng, bias=images != 5), monkeypatch)


def test_computes_in_float32(rng, monkeypatch):
    layer, x, dy = convolution((3, 1, 1), rng)
    x, dy = x.astype(np.float32), dy.astype(np.float32)
    check_paths(layer.to(dtype=np.float32), x, dy, monkeypatch, {"rtol": 1e-5, "atol": 1e-5})


def test_an_empty_batch_and_another_order_in_memory(rng, monkeypatch):
    layer, x, dy = convolution((3, 1, 1), rng)
    for arrays in (layer.params, layer.grads):
        arrays["W"] = np.asfortranarray(arrays["W"])
    check_paths(layer, x, dy, monkeypatch)
    monkeypatch.undo()
    check_paths(layer, x[:0], dy[:0], monkeypatch)


@pytest.mark.parametrize(
    ("images", "expected"),
    [(0, [1, 1, 1, 1, 1]), (1, [1, 1, 1, 1, 1]), (2, [2, 2, 1]), (4, [4, 1]), (9, [5])],
)
def test_blocks_share_the_memory_of_the_largest(images, expected, rng, monkeypatch):
    geometry = GEOMETRIES[1]
    set_block(images, geometry, monkeypatch)
    layer, x, _ = convolution(geometry, rng)
    blocks = [cols for _, cols in im2col.blocks(layer.windows, x)]
    assert [len(cols) for cols in blocks] == expected
    (memory,) = {id(cols.base): cols.base for cols in blocks}.values()
    assert memory.nbytes == max(expected) * x[0].nbytes


def test_layers_do_not_disturb_each_other(rng, monkeypatch):
    cases = [convolution(geometry, rng) for geometry in GEOMETRIES]
    expected = [both_passes(*case) for case in cases]
    monkeypatch.setattr(im2col, "pays", lambda x, learns: True)
    ys = [layer.forward(x) for layer, x, _ in cases]
    dxs = [layer.backward(dy) for layer, _, dy in cases]
    for (layer, *_), y, dx, arrays in zip(cases, ys, dxs, expected, strict=True):
        for name, array in {"y": y, "dx": dx, **layer.grads}.items():
            np.testing.assert_allclose(array, arrays[name], err_msg=name, **CLOSE)


# --- Which way ------------------------------------------------------------------------------------


def test_device_arrays_take_it_and_inference(rng, monkeypatch):
    monkeypatch.setattr(backend, "cupy", strict_device)
    taken = []

    def spy(compute):
        return lambda *args: (taken.append(compute.__name__), compute(*args))[1]

    for name in ("forward", "backward"):
        monkeypatch.setattr(im2col, name, spy(getattr(im2col, name)))
    layer, x, dy = convolution((3, 1, 1), rng)
    both_passes(layer, x, dy)
    assert taken == []
    layer.forward(x, save=False)
    layer.eval().forward(x)
    assert taken == ["forward", "forward"]
    taken.clear()
    layer.train()
    both_passes(layer.to(strict_device), strict_device.asarray(x), strict_device.asarray(dy))
    assert taken == ["forward", "backward"]


# --- Planted bugs ---------------------------------------------------------------------------------


def transposed_windows(windows, x):
    """A bug: i and j are exchanged."""
    return right_windows(windows, x).swapaxes(3, 4)


def last_block_missing(windows, x_pad):
    """A bug: the images that do not fill a block are forgotten."""
    yield from list_of_blocks(windows, x_pad)[:-1]


def first_block_twice(windows, x_pad):
    """A bug: y is right, but the gradients count some images twice."""
    blocks = list_of_blocks(windows, x_pad)
    yield from [*blocks, blocks[0]]


def memory_not_refilled(windows, x_pad):
    """A bug: all blocks are laid out before the first is used, so each sees the last one's."""
    yield from list(right_blocks(windows, x_pad))


right_windows, right_blocks = Windows.all, im2col.blocks


def list_of_blocks(windows, x_pad):
    """All blocks, each with memory of its own."""
    return [(images, cols.copy()) for images, cols in right_blocks(windows, x_pad)]


@pytest.mark.parametrize(
    ("owner", "name", "bug"),
    [
        (Windows, "all", transposed_windows),
        (im2col, "blocks", last_block_missing),
        (im2col, "blocks", first_block_twice),
        (im2col, "blocks", memory_not_refilled),
    ],
)
def test_a_planted_bug_is_caught(owner, name, bug, rng, monkeypatch):
    set_block(2, (3, 1, 1), monkeypatch)
    monkeypatch.setattr(owner, name, bug)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_paths(*convolution((3, 1, 1), rng), monkeypatch)
