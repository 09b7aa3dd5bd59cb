"""Blocks and bands cover everything once; borders are zero, whatever the memory held before."""

import numpy as np
import pytest
from helpers.comparison import BadScratch

from tinydldl.fast import layout
from tinydldl.fast.layout import HUGE_PAGE, Scratch, bands, blocks, rows, whole

SIZES = [(1, 1), (3, 5), (4, 4), (5, 4), (6, 13), (16, 16), (17, 9)]


def test_whole():
    assert [whole(length) for length in (1, 3, 4, 5, 8, 9)] == [4, 4, 4, 8, 8, 12]


@pytest.mark.parametrize(("H", "W"), SIZES)
def test_padded_is_zero_all_around(H, W):
    buffer, inside = BadScratch().padded("x", (H, W, 2, 3), np.float64)
    assert buffer.shape == (whole(H) + 2, whole(W) + 2, 6)
    assert inside.shape == (H, W, 6)
    assert np.shares_memory(inside, buffer)
    inside[...] = 1
    expected = np.zeros(buffer.shape)
    expected[1 : H + 1, 1 : W + 1] = 1
    np.testing.assert_array_equal(buffer, expected)


def test_padded_is_zero_again_after_a_larger_map():
    scratch = Scratch()
    scratch.padded("x", (8, 9, 2, 3), np.float32)[0][...] = np.nan
    buffer, inside = scratch.padded("x", (5, 6, 2, 2), np.float32)
    inside[...] = 0
    np.testing.assert_array_equal(buffer, np.zeros(buffer.shape))


@pytest.mark.parametrize(("H", "W"), SIZES)
def test_tiles_are_whole(H, W):
    assert Scratch().tiles("z", (H, W, 2, 3), np.float32).shape == (whole(H), whole(W), 6)


def test_scratch_lends_the_same_memory_again():
    scratch = Scratch()
    first = scratch.take("a", (4, 6), np.float32)
    assert np.shares_memory(scratch.take("a", (3, 2), np.float32), first)
    assert not np.shares_memory(scratch.take("b", (4, 6), np.float32), first)
    larger = scratch.take("a", (5, 6), np.float32)
    assert not np.shares_memory(larger, first)
    assert larger.shape == (5, 6)
    assert scratch.take("a", (2,), np.float64).dtype == np.float64
    assert larger.flags.c_contiguous


@pytest.mark.parametrize("limit", [1, 36 * 6 * 3, 36 * 6 * 20, 2**30])
@pytest.mark.parametrize(("H", "W"), SIZES)
def test_blocks_cover_each_tile_once(H, W, limit, monkeypatch):
    monkeypatch.setattr(layout, "BLOCK", limit)
    count, found = np.zeros((whole(H), whole(W)), int), list(blocks(H, W, 2, 3))
    assert len(found) == 1 or count.size // 16 * 36 * 6 > limit  # as few as can be
    for h0, h1, w0, w1 in found:
        assert h0 % 4 == h1 % 4 == w0 % 4 == w1 % 4 == 0
        count[h0:h1, w0:w1] += 1
        numbers = 36 * 6 * (h1 - h0) // 4 * (w1 - w0) // 4
        assert numbers <= max(limit, 36 * 6 * 2)  # 2 tiles of 2 images: more rows than 3 channels
    assert (count == 1).all()


@pytest.mark.parametrize("limit", [1, 20, 65, 2**30])
@pytest.mark.parametrize("H", [1, 2, 5, 8, 13])
def test_bands_cover_each_row_once(H, limit, monkeypatch):
    monkeypatch.setattr(layout, "BAND", limit)
    x = np.zeros((H, 5, 2))
    cut = bands(x)
    assert [row for band in cut for row in range(H)[band]] == list(range(H))
    heights = [band.stop - band.start for band in cut]
    assert all(height % 2 == 0 for height in heights[:-1])
    assert max(heights) <= max(2, limit // 10)


def test_rows_is_a_view_of_a_padded_map():
    """What is written to the rows arrives in the map."""
    _, inside = Scratch().padded("x", (6, 7, 2, 3), np.float64)
    view = rows(inside[2:4])
    assert view.shape == (2, 7 * 6)
    assert np.shares_memory(view, inside)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, bool])
def test_a_large_buffer_begins_with_a_huge_page(dtype):
    """Others would take as much memory as a page; it has all of its numbers, and is taken again."""
    scratch, size = Scratch(), 600_000
    buffer = scratch.take("V", (size,), dtype)
    assert buffer.ctypes.data % HUGE_PAGE == 0
    buffer[...] = 1
    assert buffer.dtype == dtype
    assert buffer.sum() == size
    assert scratch.take("V", (20, 30_000), dtype).ctypes.data == buffer.ctypes.data
    small = Scratch().take("V", (1000,), dtype)
    assert small.base.nbytes == small.nbytes
