"""Convolution (lesson 05)."""

import numpy as np

from tinydldl.arrays import Images, Pair, Rng, Shape
from tinydldl.backend import get_array_module
from tinydldl.layers import im2col, taps
from tinydldl.layers.base import Layer, Windows, check_channels, pair, rows


class Conv2d(Layer):
    """2-D convolution (a cross-correlation, as everywhere in deep learning), channels last.

        y[n, h, w] = b + sum_ij x_pad[n, h * stride + i, w * stride + j] @ W[i, j]

    `taps` computes this sum as it stands, one product per tap (i, j) of the kernel; on a
    GPU and in inference `im2col`, which makes one large product of it, is faster.

    x (N, H, W, C), W (KH, KW, C, OC), b (OC,), y (N, OH, OW, OC). `kernel`, `stride` and `padding`
    are ints or pairs. Initial W: normal with std sqrt(2 / (KH KW OC)), float32; b: 0. Raises
    ValueError for x of another shape.

    >>> conv = Conv2d(3, 16, padding=1, rng=np.random.default_rng(0))
    >>> y = conv.forward(np.ones((2, 8, 8, 3), dtype=np.float32))
    >>> y.shape, conv.backward(y).shape, conv.grads["W"].shape
    ((2, 8, 8, 16), (2, 8, 8, 3), (3, 3, 3, 16))
    """

    def __init__(
        self,
        channels: int,
        out_channels: int,
        kernel: int | Pair = 3,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        bias: bool = True,
        *,
        rng: Rng,
    ) -> None:
        super().__init__()
        self.windows = Windows(kernel, stride)
        self.padding = pair(padding)
        KH, KW = self.windows.kernel
        std = np.float32(np.sqrt(2 / (KH * KW * out_channels)))
        shape = (KH, KW, channels, out_channels)
        self.add_param("W", std * rng.standard_normal(shape, dtype=np.float32))
        if bias:
            self.add_param("b", np.zeros(out_channels, dtype=np.float32))

    def forward(self, x: Images, save: bool | None = None) -> Images:
        check_channels(self, x, self.params["W"].shape[2])
        W, (PH, PW) = self.params["W"], self.padding
        x_pad = x
        if PH or PW:
            x_pad = get_array_module(x).pad(x, ((0, 0), (PH, PH), (PW, PW), (0, 0)))
        way = im2col if im2col.pays(x, self.saves(save)) else taps
        y = way.forward(self.windows, x_pad, W)
        if "b" in self.params:
            y += self.params["b"]
        self.save_for_backward(save, x_pad)
        return y

    def backward(self, dy: Images) -> Images:
        (x_pad,) = self.saved
        W, dW = self.params["W"], self.grads["W"]
        way = im2col if im2col.pays(dy, True) else taps
        dx_pad = way.backward(self.windows, x_pad, W, dy, dW)
        if "b" in self.params:
            self.grads["b"][...] = rows(dy).sum(axis=0)
        (PH, PW), (_, H_pad, W_pad, _) = self.padding, dx_pad.shape
        return dx_pad[:, PH : H_pad - PH, PW : W_pad - PW]

    def output_shape(self, shape: Shape) -> Shape:
        (H, W, _), (PH, PW) = shape, self.padding
        return (*self.windows.size(H + 2 * PH, W + 2 * PW), self.params["W"].shape[3])

    def multiply_adds(self, shape: Shape) -> int:
        OH, OW, _ = self.output_shape(shape)
        return OH * OW * self.params["W"].size
