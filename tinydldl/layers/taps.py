"""Convolution as a sum of shifted matrix products, one per tap of the kernel (lesson 05).

    y = sum_ij x_ij W[i, j]        dW[i, j] = x_ij^T dy        dx_ij += dy W[i, j]^T

with x_ij, dx_ij the slices that tap (i, j) sees, as matrices of positions by channels.

x_pad (N, H, W, C), the padded images; W, dW (KH, KW, C, OC); y, dy (N, OH, OW, OC).
"""

from tinydldl.arrays import Images, Kernels
from tinydldl.backend import get_array_module
from tinydldl.layers.base import Windows, rows


def forward(windows: Windows, x_pad: Images, W: Kernels) -> Images:
    """The convolution y of x_pad and W."""
    return sum(windows.view(x_pad, tap) @ W[tap] for tap in windows.taps())


def backward(windows: Windows, x_pad: Images, W: Kernels, dy: Images, dW: Kernels) -> Images:
    """Write dW; returns dx_pad."""
    dx_pad = get_array_module(x_pad).zeros_like(x_pad)
    for tap in windows.taps():
        dW[tap] = rows(windows.view(x_pad, tap)).T @ rows(dy)
        dx_view = windows.view(dx_pad, tap)
        dx_view += (rows(dy) @ W[tap].T).reshape(dx_view.shape)
    return dx_pad
