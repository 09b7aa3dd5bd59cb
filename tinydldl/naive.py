"""Convolution, pooling and batch normalization as plain loops, straight from the formulas.

The lessons show these, and the tests compare the layers with them: slow, and hard to get wrong.
Images are (N, H, W, C), kernels (KH, KW, C, OC), as everywhere; strides are pairs.
"""

import itertools
from collections.abc import Iterator

import numpy as np

Array = np.ndarray
Pair = tuple[int, int]  # vertical, horizontal


def conv2d(x_pad: Array, W: Array, stride: Pair) -> Array:
    """`y[n, h, w, o] = sum_ijc x_pad[n, h s + i, w s + j, c] W[i, j, c, o]`."""
    (KH, KW, C, OC), (SH, SW) = W.shape, stride
    y = np.zeros((len(x_pad), *output_size(x_pad, (KH, KW), stride), OC), dtype=x_pad.dtype)
    for n, h, w, o in np.ndindex(y.shape):
        for i, j, c in np.ndindex(KH, KW, C):
            y[n, h, w, o] += x_pad[n, h * SH + i, w * SW + j, c] * W[i, j, c, o]
    return y


def conv2d_backward(x_pad: Array, W: Array, stride: Pair, dy: Array) -> tuple[Array, Array]:
    """`(dx_pad, dW)`: each product of the forward pass, x times W, sends dy to both factors."""
    (KH, KW, C, _), (SH, SW) = W.shape, stride
    dx_pad, dW = np.zeros_like(x_pad), np.zeros_like(W)
    for n, h, w, o in np.ndindex(dy.shape):
        for i, j, c in np.ndindex(KH, KW, C):
            dx_pad[n, h * SH + i, w * SW + j, c] += dy[n, h, w, o] * W[i, j, c, o]
            dW[i, j, c, o] += dy[n, h, w, o] * x_pad[n, h * SH + i, w * SW + j, c]
    return dx_pad, dW


def max_pool(x: Array, kernel: Pair, stride: Pair) -> Array:
    """The largest value in each window."""
    y = np.zeros((len(x), *output_size(x, kernel, stride), x.shape[3]), dtype=x.dtype)
    for n, h, w, c in np.ndindex(y.shape):
        y[n, h, w, c] = max(x[n, i, j, c] for i, j in window(h, w, kernel, stride))
    return y


def max_pool_backward(x: Array, kernel: Pair, stride: Pair, dy: Array) -> Array:
    """dx: all of dy goes to the largest value of the window, the first one in a tie."""
    dx = np.zeros_like(x)
    for n, h, w, c in np.ndindex(dy.shape):
        i, j = max(window(h, w, kernel, stride), key=lambda at: x[n, *at, c])
        dx[n, i, j, c] += dy[n, h, w, c]
    return dx


def avg_pool(x: Array, kernel: Pair, stride: Pair) -> Array:
    """The mean of each window."""
    KH, KW = kernel
    y = np.zeros((len(x), *output_size(x, kernel, stride), x.shape[3]), dtype=x.dtype)
    for n, h, w, c in np.ndindex(y.shape):
        y[n, h, w, c] = sum(x[n, i, j, c] for i, j in window(h, w, kernel, stride)) / (KH * KW)
    return y


def avg_pool_backward(x: Array, kernel: Pair, stride: Pair, dy: Array) -> Array:
    """dx: every value of the window gets an equal share of dy."""
    (KH, KW), dx = kernel, np.zeros_like(x)
    for n, h, w, c in np.ndindex(dy.shape):
        for i, j in window(h, w, kernel, stride):
            dx[n, i, j, c] += dy[n, h, w, c] / (KH * KW)
    return dx


def batch_norm(x: Array, gamma: Array, beta: Array, eps: float) -> tuple[Array, Array, Array]:
    """`y = gamma (x - mean) / sqrt(var + eps) + beta`, channel by channel; also mean and var."""
    y = np.zeros_like(x)
    mean, var = np.zeros_like(gamma), np.zeros_like(gamma)
    for c in range(x.shape[3]):
        values = x[..., c].ravel().tolist()
        mean[c] = sum(values) / len(values)
        var[c] = sum((value - mean[c]) ** 2 for value in values) / len(values)
        y[..., c] = gamma[c] * (x[..., c] - mean[c]) / np.sqrt(var[c] + eps) + beta[c]
    return y, mean, var


def batch_norm_backward(x: Array, gamma: Array, eps: float, dy: Array) -> tuple[Array, ...]:
    """`(dx, dgamma, dbeta)` by the chain rule, one step after the other (lesson 06)."""
    dx, dgamma, dbeta = np.zeros_like(x), np.zeros_like(gamma), np.zeros_like(gamma)
    M = x.size // x.shape[3]
    for c in range(x.shape[3]):
        centered = x[..., c] - x[..., c].mean()
        var = (centered**2).mean()
        inv_std = 1 / np.sqrt(var + eps)
        dgamma[c] = (dy[..., c] * centered * inv_std).sum()
        dbeta[c] = dy[..., c].sum()
        dx_hat = dy[..., c] * gamma[c]
        dvar = (dx_hat * centered).sum() * -0.5 * inv_std**3
        dcentered = dx_hat * inv_std + dvar * 2 * centered / M
        dx[..., c] = dcentered - dcentered.mean()  # the mean depends on every x, too
    return dx, dgamma, dbeta


def output_size(x: Array, kernel: Pair, stride: Pair) -> Pair:
    """How often the kernel fits: (vertically, horizontally)."""
    return tuple((x.shape[a + 1] - kernel[a]) // stride[a] + 1 for a in (0, 1))


def window(h: int, w: int, kernel: Pair, stride: Pair) -> Iterator[Pair]:
    """The input positions (i, j) under output position (h, w), row by row."""
    (SH, SW), (KH, KW) = stride, kernel
    return itertools.product(range(h * SH, h * SH + KH), range(w * SW, w * SW + KW))
