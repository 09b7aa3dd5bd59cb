"""Convolution as one large matrix product per block of images (lesson 05).

    cols[(n, h, w), (i, j, c)] = x_pad[n, h * stride + i, w * stride + j, c]        y = cols W

A row of `cols` is a window. Together they hold each value of x up to KH KW times, so only the
windows of one block of images are laid out at a time. CuPy keeps their memory for the next layer.

x_pad (N, H, W, C), the padded images; W, dW (KH, KW, C, OC); y, dy (N, OH, OW, OC).
"""

import math
from collections.abc import Iterator

import numpy as np

from tinydldl.arrays import Array, Images, Kernels
from tinydldl.backend import get_array_module
from tinydldl.layers.base import Windows, rows

BLOCK_BYTES = 64 * 2**20  # the most memory for windows, unless those of one image are more


def pays(x: Array, learns: bool) -> bool:
    """Whether `x` is convolved faster here than by `taps`: on a GPU, and where nothing `learns`.

    `taps` makes KH KW products and as many sums, and each product is a batch of one for each row of
    an image. CuPy launches a kernel per operation, and with few rows in each they take longer than
    one large product. On a CPU that gains a third in inference; backward, which would have to lay
    the windows out again and put the sums back into place, takes back what forward gains.
    """
    return get_array_module(x) is not np or not learns


def forward(windows: Windows, x_pad: Images, W: Kernels) -> Images:
    """The convolution y of x_pad and W."""
    xp, OC = get_array_module(x_pad), W.shape[-1]
    shape = (len(x_pad), *windows.size(*x_pad.shape[1:3]), OC)
    y = xp.empty(shape, dtype=np.result_type(x_pad.dtype, W.dtype))
    for images, cols in blocks(windows, x_pad):
        xp.matmul(as_matrix(cols), W.reshape(-1, OC), out=rows(y[images]))
    return y


def backward(windows: Windows, x_pad: Images, W: Kernels, dy: Images, dW: Kernels) -> Images:
    """Write dW; returns dx_pad."""
    xp, OC = get_array_module(x_pad), W.shape[-1]
    dx_pad = xp.zeros_like(x_pad)
    dW[...] = 0
    for images, cols in blocks(windows, x_pad):
        dy_rows = rows(dy[images])
        dW += (as_matrix(cols).T @ dy_rows).reshape(dW.shape)
        xp.matmul(dy_rows, W.reshape(-1, OC).T, out=as_matrix(cols))  # from here on they are dcols
        for tap in windows.taps():
            dx_view = windows.view(dx_pad[images], tap)
            dx_view += cols[:, :, :, *tap]
    return dx_pad


def blocks(windows: Windows, x_pad: Images) -> Iterator[tuple[slice, Array]]:
    """Yield per block of images its slice of N, and cols (n, OH, OW, KH, KW, C).

    All blocks share the same memory: the next one overwrites it.
    """
    N, H, W, C = x_pad.shape
    shape = (*windows.size(H, W), *windows.kernel, C)
    block = max(1, BLOCK_BYTES // (math.prod(shape) * x_pad.dtype.itemsize))
    memory = get_array_module(x_pad).empty((min(block, N), *shape), dtype=x_pad.dtype)
    for first in range(0, N, block):
        images = slice(first, min(first + block, N))
        cols = memory[: images.stop - first]
        cols[...] = windows.all(x_pad[images])
        yield images, cols


def as_matrix(cols: Array) -> Array:
    """The windows as rows, (n OH OW, KH KW C)."""
    return cols.reshape(-1, math.prod(cols.shape[3:]))
