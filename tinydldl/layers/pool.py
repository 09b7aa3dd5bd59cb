"""Pooling: maximum, also in ceil mode, average, global, hybrid (lesson 06)."""

import math
from functools import reduce

from tinydldl.arrays import Array, Images, Pair, Shape, Vectors
from tinydldl.backend import fused, get_array_module
from tinydldl.layers.base import Layer, Sequential, Windows


class Pool2d(Layer):
    """One number per window and channel: x (N, H, W, C), y (N, OH, OW, C).

    Rows and columns that fill no window are dropped. `stride`: by default the kernel.
    """

    def __init__(self, kernel: int | Pair = 2, stride: int | Pair | None = None) -> None:
        super().__init__()
        self.windows = Windows(kernel, kernel if stride is None else stride)

    def output_shape(self, shape: Shape) -> Shape:
        return (*self.windows.size(*shape[:2]), shape[2])


class MaxPool2d(Pool2d):
    """The largest value in each window: `y[n, h, w] = max_ij x[n, h * stride + i, w * stride + j]`.

    Among equal values the first in the window gets the gradient.
    """

    def forward(self, x: Images, save: bool | None = None) -> Images:
        views = (self.windows.view(x, tap) for tap in self.windows.taps())
        y = reduce(get_array_module(x).maximum, views)
        self.save_for_backward(save, x, y)
        return y

    def backward(self, dy: Images) -> Images:
        x, y = self.saved
        dx = get_array_module(x).zeros_like(x)
        free = y == y  # windows whose maximum is still to be found (and without NaN)
        for tap in self.windows.taps():
            add_where_maximal(self.windows.view(dx, tap), dy, self.windows.view(x, tap), y, free)
        return dx


@fused
def add_where_maximal(dx: Images, dy: Images, x: Images, y: Images, free: Array) -> None:
    """Add `dy` to `dx` in place where x is the maximum y and `free`, which it then no longer is."""
    is_max = (x == y) & free
    dx += dy * is_max
    free ^= is_max


class CeilMaxPool2d(Sequential):
    """`MaxPool2d` in ceil mode: where rows or columns are left over, a last, partial window.

    x (N, H, W, C), y (N, OH, OW, C) with OH = ceil((H - KH) / SH) + 1, unless the last window would
    start outside the image: that one is left out, as in PyTorch. `stride`: by default the kernel.
    """

    def __init__(self, kernel: int | Pair = 2, stride: int | Pair | None = None) -> None:
        pool = MaxPool2d(kernel, stride)
        super().__init__({"pad": PadEnd(pool.windows), "max": pool})


class PadEnd(Layer):
    """Pad with -inf below the image and on its right, to complete the last of `windows`."""

    def __init__(self, windows: Windows) -> None:
        super().__init__()
        self.windows = windows

    def forward(self, x: Images, save: bool | None = None) -> Images:
        bottom, right = self._missing(*x.shape[1:3])
        self.save_for_backward(save, x.shape)
        if not (bottom or right):
            return x
        padding = ((0, 0), (0, bottom), (0, right), (0, 0))
        return get_array_module(x).pad(x, padding, constant_values=-math.inf)

    def backward(self, dy: Images) -> Images:
        ((_, H, W, _),) = self.saved
        return dy[:, :H, :W]

    def output_shape(self, shape: Shape) -> Shape:
        (H, W, C), (bottom, right) = shape, self._missing(*shape[:2])
        return (H + bottom, W + right, C)

    def _missing(self, *lengths: int) -> list[int]:
        """Padding that completes the last window of each axis; 0 where it would be all padding."""
        sizes = zip(lengths, self.windows.kernel, self.windows.stride, strict=True)
        missing = [((kernel - length) % stride, kernel) for length, kernel, stride in sizes]
        return [count if count < kernel else 0 for count, kernel in missing]


class AvgPool2d(Pool2d):
    """The mean of each window: `y[n, h, w] = mean_ij x[n, h * stride + i, w * stride + j]`."""

    def forward(self, x: Images, save: bool | None = None) -> Images:
        KH, KW = self.windows.kernel
        self.save_for_backward(save, x.shape)
        views = (self.windows.view(x, tap) for tap in self.windows.taps())
        return reduce(get_array_module(x).add, views) / (KH * KW)

    def backward(self, dy: Images) -> Images:
        (shape,), (KH, KW) = self.saved, self.windows.kernel
        dx = get_array_module(dy).zeros(shape, dtype=dy.dtype)
        for tap in self.windows.taps():
            dx_view = self.windows.view(dx, tap)
            dx_view += dy / (KH * KW)
        return dx


class GlobalAvgPool(Layer):
    """The mean of each channel over all positions: x (N, H, W, C), y (N, C)."""

    def forward(self, x: Images, save: bool | None = None) -> Vectors:
        self.save_for_backward(save, x.shape)
        return x.mean(axis=(1, 2))

    def backward(self, dy: Vectors) -> Images:
        (shape,) = self.saved
        _, H, W, _ = shape
        return get_array_module(dy).broadcast_to(dy[:, None, None, :] / (H * W), shape)

    def output_shape(self, shape: Shape) -> Shape:
        return shape[2:]


class HybridPool(Sequential):
    """2x2 max-pooling, then the global average: x (N, H, W, C), y (N, C)."""

    def __init__(self) -> None:
        super().__init__({"max": MaxPool2d(2), "avg": GlobalAvgPool()})
