"""Inference: normalization goes into the filters, and all else is done a block at a time.

    y = scale (x conv W - mean) + beta = x conv (scale W) + shift        a = max(max-pool y, 0)

with scale = gamma / sqrt(running_var + eps) and shift = beta - scale running_mean. A block of y is
pooled and rectified while it is in the cache, on its way to where the next convolution reads it.

There are two ways to convolve. `Tiles` is that of training, with a quarter of the products; but a
transform costs the same for each channel, whether 16 or 128 channels are then multiplied. `Rows`
has half of the products, and a third of the transforms: it is faster where channels are few.
"""

from collections.abc import Iterator

import numpy as np

from tinydldl.arrays import Array, DType, Images, Kernels, PerChannel, Shape
from tinydldl.backend import flush
from tinydldl.fast import convolution, layout, winograd
from tinydldl.fast.layout import POINTS, TILE, Scratch, whole
from tinydldl.fast.winograd import A, B, G
from tinydldl.layers import BatchNorm2d, Conv2d

Block = tuple[tuple[slice, slice], Images]  # rows and columns, and (h, w, N, C) values for them
FEW = 2**11  # products of a pixel and a tap, C OC, up to which `Rows` is faster


class Tiles:
    """F(4x4, 3x3), in the layout of training: see `convolution`."""

    def __init__(self, W: Kernels, shift: PerChannel) -> None:
        self.U, self.shift = winograd.filters_to_points(W, Scratch()), shift

    def padded(self, scratch: Scratch, name: str, shape: Shape) -> tuple[Array, Images]:
        """A buffer for the input, with zeros all around, and a view (H, W, N, C) of its inside."""
        x_pad, inside = scratch.padded(name, shape, self.U.dtype)
        return x_pad, inside.reshape(shape)

    def blocks(self, x_pad: Array, shape: Shape, scratch: Scratch) -> Iterator[Block]:
        """Yield the blocks of y for an input of `shape` (H, W, N, C); they may reach beyond it."""
        N, OC = shape[2], len(self.shift)
        shift = np.tile(self.shift, N)
        for block, M in convolution.at_points(x_pad, self.U, scratch):
            M[1, 1] += shift  # what is added at the point (1, 1) is added to every output of a tile
            height, width = TILE * M.shape[2], TILE * M.shape[3]
            y = scratch.take("y", (height, width, N * OC), M.dtype)
            winograd.points_to_image(M, y, scratch)
            yield block, y.reshape(height, width, N, OC)


class Rows:
    """F(4, 3) along the height; along the width, three taps in one product.

    The images lie side by side, (H, N, W + 1, C), a column of zeros behind each. So a pixel and its
    two neighbors are 3 C numbers in a row, and those of every third pixel, from each of the first
    three on, make up a matrix: nothing is copied.
    """

    def __init__(self, W: Kernels, shift: PerChannel) -> None:
        self.U = np.tensordot(G.astype(W.dtype), W, axes=1).reshape(POINTS, -1, W.shape[3])
        self.shift = shift

    def padded(self, scratch: Scratch, name: str, shape: Shape) -> tuple[Array, Images]:
        """As of `Tiles`; a row of the buffer has a whole number of three pixels."""
        H, W, N, C = shape
        pixels = N * (W + 1)
        x_pad = scratch.take(name, (whole(H) + 2, -(-pixels // 3) * 3, C), self.U.dtype)
        images = x_pad[:, :pixels].reshape(-1, N, W + 1, C)
        for border in (x_pad[0], x_pad[H + 1 :], x_pad[:, pixels:], images[:, :, W]):
            border[...] = 0
        return x_pad, images[1 : H + 1, :, :W].transpose(0, 2, 1, 3)

    def blocks(self, x_pad: Array, shape: Shape, scratch: Scratch) -> Iterator[Block]:
        """As of `Tiles`."""
        (_, W, N, C), OC, pixels, dtype = shape, len(self.shift), x_pad.shape[1], self.U.dtype
        down, shift = winograd.windows(x_pad, 0, POINTS), np.tile(self.shift, (pixels, 1))
        size = max(1, layout.BLOCK // (2 * POINTS * pixels * max(C, OC)))
        for first in range(0, len(down), size):
            x = down[first : first + size].reshape(-1, POINTS, pixels * C)
            TH = len(x)
            V = scratch.take("V", (TH, POINTS, (pixels + 2) * C), dtype)
            V[..., :C] = V[..., -C:] = 0
            np.matmul(B.T.astype(dtype), x, out=V[..., C:-C])
            M = scratch.take("M", (TH, POINTS, pixels, OC), dtype)
            for tap in range(3):
                neighbors = V[..., tap * C : (tap + pixels) * C].reshape(TH, POINTS, -1, 3 * C)
                np.matmul(neighbors, self.U, out=M[:, :, tap::3])
            M[:, 1] += shift
            y = scratch.take("y", (TH, TILE, pixels * OC), dtype)
            np.matmul(A.T.astype(dtype), M.reshape(TH, POINTS, -1), out=y)
            images = y.reshape(TH * TILE, -1, OC)[:, : N * (W + 1)].reshape(-1, N, W + 1, OC)
            rows = slice(TILE * first, TILE * (first + TH))
            yield (rows, slice(0, W)), images.transpose(0, 2, 1, 3)


class Folded:
    """A convolution and its normalization as one; made anew where an array has changed."""

    def __init__(self, conv: Conv2d, norm: BatchNorm2d) -> None:
        self.parts, self.made_of = (conv, norm), list[Array]()

    def __call__(self) -> Tiles | Rows:
        conv, norm = self.parts
        W, now = conv.params["W"], [conv.params["W"], *norm.params.values(), *norm.buffers.values()]
        if not (self.made_of and all(map(np.array_equal, self.made_of, now))):
            self.made_of = [array.copy() for array in now]
            scale = norm.params["gamma"] * (norm.buffers["running_var"] + norm.eps) ** -0.5
            shift = norm.params["beta"] - scale * norm.buffers["running_mean"]
            way = Rows if W[0, 0].size <= FEW else Tiles
            self.way = way(W * scale, flush(shift))
            flush(self.way.U)
        return self.way


class LazyMap:
    """Activations of `shape` (H, W, N, C) that are computed on their way to the next stage.

    `blocks`: those of y, from the buffer called `source`; `pool`: whether it is max-pooled. They
    read `source` while they are written: once, into another buffer, before `source` is used again.
    """

    scale = None  # no step is pending

    def __init__(
        self, blocks: Iterator[Block], shape: Shape, dtype: DType, source: str, pool: bool
    ) -> None:
        self.blocks, self.shape, self.dtype = blocks, shape, dtype
        self.source, self.pool = source, pool

    def write(self, out: Images) -> None:
        """Compute them, and write them to out (H, W, N, C)."""
        for (rows, columns), y in self.blocks:
            if self.pool:
                rows, columns = (slice(part.start // 2, part.stop // 2) for part in (rows, columns))
                y = np.maximum(y[0:-1:2], y[1::2])
                y = np.maximum(y[:, 0:-1:2], y[:, 1::2])
            inside = out[rows, columns]
            np.maximum(y[: inside.shape[0], : inside.shape[1]], 0, out=inside)
