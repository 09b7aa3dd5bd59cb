"""How the engine holds images: pixels outside, images and channels inside.

    the layers     (N, H, W, C)      the engine     (H, W, N C)

              pixel (h, 0)              pixel (h, 1)              pixel (h, 2)
    row h   | image 0  | image 1  ... | image 0  | image 1  ... | image 0  | image 1  ... | ...
            | C values | C values ... | C values | C values ... | C values | C values ... |

A row of all images is one vector, and the pixel to the right is N C numbers further on. So a short
matrix times long rows does for all images and channels at once what a tile needs, however small the
images are; and as a matrix of (pixels, images) by channels the same memory is ready for a product
with weights.

A 3x3 convolution computes tiles of 4x4 pixels. Its input lies in a buffer that has one pixel of
zeros all around, and more on the right and below where 4 does not divide the size:

    0 0 0 0 0 0 0 0 0 0           H = W = 6: two tiles by two, 10 by 10 pixels
    0 x x x x x x 0 0 0
    0 x x x x x x 0 0 0           its output lies in a buffer of whole tiles, 8 by 8;
    ...                           what is computed beyond (H, W) is never looked at
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tinydldl.arrays import Array, Arrays, DType, Shape

TILE = 4  # outputs of a tile, along each axis
POINTS = 6  # inputs of a tile, and as many points
BAND = 2**16  # numbers of a band of rows: with its results it fits in a core's own cache
BLOCK = 2**18  # numbers of a block of transformed tiles, and as many of products: two megabytes
HUGE_PAGE = 2**21  # bytes


class Scratch:
    """Buffers that are allocated once and reused by name, whatever the shape."""

    def __init__(self) -> None:
        self.buffers: Arrays = {}

    def take(self, name: str, shape: Shape, dtype: DType) -> Array:
        """An array of `shape`, not initialized; it reuses the memory of the last of that name."""
        size = prod(shape)
        buffer = self.buffers.get(name)
        if buffer is None or buffer.size < size or buffer.dtype != dtype:
            buffer = self.buffers[name] = in_huge_pages(size, np.dtype(dtype))
        return buffer[:size].reshape(shape)

    def padded(self, name: str, shape: Shape, dtype: DType) -> tuple[Array, Array]:
        """A buffer for the input of a convolution, and the part of it for (H, W, N, C) values.

        The part is a view (H, W, N C); all around there are zeros.
        """
        H, W, N, C = shape
        buffer = self.take(name, (whole(H) + 2, whole(W) + 2, N * C), dtype)
        for border in (buffer[0], buffer[H + 1 :], buffer[:, 0], buffer[:, W + 1 :]):
            border[...] = 0
        return buffer, buffer[1 : H + 1, 1 : W + 1]

    def tiles(self, name: str, shape: Shape, dtype: DType) -> Array:
        """A buffer of whole tiles, for a convolution to write (H, W, N, C) values to."""
        H, W, N, C = shape
        return self.take(name, (whole(H), whole(W), N * C), dtype)


def in_huge_pages(size: int, dtype: np.dtype) -> Array:
    """Memory for `size` numbers, not initialized, that begins where a huge page does.

    A block of tiles is 36 planes, and a transform walks along all of them. In pages of 4 kB that
    is more places than a core knows the addresses of. NumPy asks Linux for huge pages where an
    array has 4 MB; what is beyond `size` is never touched, and takes no memory.
    """
    length = size * dtype.itemsize
    if length < HUGE_PAGE // 8:
        return np.empty(size, dtype)
    memory = np.empty(length + 2 * HUGE_PAGE, np.uint8)
    start = -memory.ctypes.data % HUGE_PAGE
    return memory[start : start + length].view(dtype)


@dataclass
class FeatureMap:
    """Images or activations of `shape` (H, W, N, C), whose last step may be pending.

    Activations are max(scale values + shift, 0), with scale and shift (C,), scale not negative; or
    the values themselves, where scale is None. `values` may be larger than H by W.
    """

    values: Array
    shape: Shape
    scale: Any = None
    shift: Any = None

    @property
    def dtype(self) -> DType:
        return self.values.dtype


def whole(length: int) -> int:
    """`length`, rounded up to whole tiles."""
    return -(-length // TILE) * TILE


def bands(x: Array) -> list[slice]:
    """Slices that cut x (H, W, NC) into bands of rows; all but the last have an even height."""
    H, row = len(x), x[0].size
    height = max(2, BAND // row // 2 * 2)
    return [slice(h, min(h + height, H)) for h in range(0, H, height)]


def rows(x: Array) -> Array:
    """x (h, W, NC) as a view (h, W NC)."""
    return x.reshape(len(x), -1)


def blocks(H: int, W: int, N: int, channels: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut whole tiles into blocks that stay in the cache when transformed: yields pixel ranges.

    `(h0, h1, w0, w1)`; channels: the larger number of those before and after the convolution. A
    block has at least as many rows (tiles times images) as channels; with fewer, rereading the
    filters, which are channels by channels, would take all the time.
    """
    tiles = max(BLOCK // (POINTS**2 * N * channels), -(-channels // N))
    TW = whole(W) // TILE
    wide = min(TW, tiles)
    high = max(1, tiles // TW)
    for h in range(0, whole(H), TILE * high):
        for w in range(0, whole(W), TILE * wide):
            yield h, min(whole(H), h + TILE * high), w, min(whole(W), w + TILE * wide)
