"""Winograd's transforms against plain correlation, and each against its definition."""

import numpy as np
import pytest
from scipy.signal import correlate

from tinydldl.fast import winograd
from tinydldl.fast.layout import Scratch
from tinydldl.fast.winograd import GG, POINTS, TILE, A, B, G

CLOSE = {"rtol": 1e-12, "atol": 1e-12}


@pytest.mark.parametrize("draw", range(5))
def test_one_row_is_a_correlation(draw):
    rng = np.random.default_rng(draw)
    d, g = rng.standard_normal(POINTS), rng.standard_normal(3)
    y = A.T @ ((G @ g) * (B.T @ d))
    np.testing.assert_allclose(y, correlate(d, g, "valid"), **CLOSE)


@pytest.mark.parametrize("draw", range(5))
def test_one_tile_is_a_correlation(draw):
    rng = np.random.default_rng(draw)
    d, g = rng.standard_normal((POINTS, POINTS)), rng.standard_normal((3, 3))
    y = A.T @ ((G @ g @ G.T) * (B.T @ d @ B)) @ A
    np.testing.assert_allclose(y, correlate(d, g, "valid"), **CLOSE)


def test_filters_to_points_is_its_formula(rng):
    W = rng.standard_normal((3, 3, 2, 5))
    U = winograd.filters_to_points(W, Scratch())
    assert U.shape == (36, 2, 5)
    for c, o in np.ndindex(2, 5):
        np.testing.assert_allclose(U[:, c, o].reshape(6, 6), G @ W[:, :, c, o] @ G.T, **CLOSE)


def test_points_to_filters_is_the_adjoint(rng):
    """<dU, U(W)> = <W(dU), W> for all W and dU, which is what a gradient is."""
    W, dU = rng.standard_normal((3, 3, 4, 5)), rng.standard_normal((36, 4, 5))
    dW = winograd.points_to_filters(dU, Scratch())
    assert dW.shape == W.shape
    there, back = (dU * winograd.filters_to_points(W, Scratch())).sum(), (dW * W).sum()
    np.testing.assert_allclose(there, back, **CLOSE)
    assert GG.shape == (36, 9)


@pytest.mark.parametrize(("T", "size"), [(B.T, POINTS), (A, TILE)])
@pytest.mark.parametrize("tiles", [(1, 1), (2, 3), (3, 1)])
def test_image_to_points_is_its_formula(T, size, tiles, rng):
    (TH, TW), NC = tiles, 3
    x = rng.standard_normal((TILE * (TH - 1) + size, TILE * (TW - 1) + size, NC))
    V = winograd.image_to_points(T, x, Scratch(), "V")
    assert V.shape == (6, 6, TH, TW, NC)
    for h, w, n in np.ndindex(TH, TW, NC):
        d = x[TILE * h : TILE * h + size, TILE * w : TILE * w + size, n]
        np.testing.assert_allclose(V[:, :, h, w, n], T @ d @ T.T, **CLOSE)


def test_points_to_image_writes_the_tiles_and_nothing_else(rng):
    M = rng.standard_normal((6, 6, 2, 3, 4))
    whole = np.full((16, 20, 4), np.nan)
    winograd.points_to_image(M, whole[4:12, 8:20], Scratch())
    for h, w, n in np.ndindex(2, 3, 4):
        tile = whole[4 + 4 * h : 8 + 4 * h, 8 + 4 * w : 12 + 4 * w, n]
        np.testing.assert_allclose(tile, A.T @ M[:, :, h, w, n] @ A, **CLOSE)
    whole[4:12, 8:20] = np.nan
    assert np.isnan(whole).all()


def test_transforms_of_a_part_of_a_larger_image(rng):
    """A block of an image is a view with gaps between its rows."""
    image = rng.standard_normal((14, 22, 3))
    part = image[4:14, 8:22]
    V = winograd.image_to_points(B.T, part, Scratch(), "V")
    expected = winograd.image_to_points(B.T, part.copy(), Scratch(), "V")
    np.testing.assert_array_equal(V, expected)


@pytest.mark.parametrize(("axis", "size"), [(0, 4), (0, 6), (2, 6)])
def test_windows_are_views_four_apart(axis, size, rng):
    x = rng.standard_normal((size + 4, 2, size + 8, 3))
    view = winograd.windows(x, axis, size)
    assert np.shares_memory(view, x)
    count = (x.shape[axis] - size) // 4 + 1
    moved = np.moveaxis(view, (axis, axis + 1), (0, 1))
    assert moved.shape[:2] == (count, size)
    for i in range(count):
        expected = np.moveaxis(x, axis, 0)[4 * i : 4 * i + size]
        np.testing.assert_array_equal(moved[i], expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_transforms_keep_the_dtype(dtype, rng):
    scratch = Scratch()
    x, W = rng.standard_normal((6, 6, 2)).astype(dtype), np.ones((3, 3, 1, 2), dtype)
    V = winograd.image_to_points(B.T, x, scratch, "V")
    U = winograd.filters_to_points(W, scratch)
    arrays = [V, U, winograd.points_to_filters(U, scratch), *scratch.buffers.values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}
