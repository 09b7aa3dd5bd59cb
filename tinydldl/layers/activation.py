"""Activations. All but softmax work on each value alone; all but PReLU save only their output."""

import numpy as np

from tinydldl.arrays import Array, Outputs
from tinydldl.backend import fused, get_array_module
from tinydldl.layers.base import Layer, check_channels, rows


class ReLU(Layer):
    """`y = max(x, 0)`, `dx = dy [x > 0]`. Any shape."""

    def forward(self, x: Array, save: bool | None = None) -> Array:
        y = get_array_module(x).maximum(x, 0)
        self.save_for_backward(save, y)
        return y

    def backward(self, dy: Array) -> Array:
        (y,) = self.saved
        return where_positive(dy, y)


@fused
def where_positive(dy: Array, y: Array) -> Array:
    """`dy` where y > 0, else 0."""
    return dy * (y > 0)


class PReLU(Layer):
    """`y = max(x, 0) + a min(x, 0)`: a ReLU that learns how much to let through below 0.

        dx = dy where x > 0, else a dy        da = sum of dy min(x, 0) over images and positions

    x, y (N, H, W, C) or (N, C); the slopes a (C,), float32, 0.25 at first. Raises ValueError for x
    of another shape. Source: He et al., ICCV 2015.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.add_param("a", np.full(channels, 0.25, dtype=np.float32))

    def forward(self, x: Array, save: bool | None = None) -> Array:
        check_channels(self, x, len(self.params["a"]), ndim=2 if x.ndim == 2 else 4)
        self.save_for_backward(save, x)
        xp = get_array_module(x)
        y = xp.minimum(x, 0)
        y *= self.params["a"]
        y += xp.maximum(x, 0)
        return y

    def backward(self, dy: Array) -> Array:
        (x,) = self.saved
        below_zero = get_array_module(x).minimum(x, 0)
        self.grads["a"][...] = rows(dy * below_zero).sum(axis=0)
        positive = x > 0
        return dy * (positive + self.params["a"] * ~positive)


class Sigmoid(Layer):
    """`y = 1 / (1 + exp(-x))`, `dx = dy y (1 - y)`. Any shape."""

    def forward(self, x: Array, save: bool | None = None) -> Array:
        # (1 + tanh(x / 2)) / 2 has no digits where y is small
        with np.errstate(over="ignore"):  # 1 / inf is 0, as it should be
            y = 1 / (1 + get_array_module(x).exp(-x))
        self.save_for_backward(save, y)
        return y

    def backward(self, dy: Array) -> Array:
        (y,) = self.saved
        return dy * y * (1 - y)


class Tanh(Layer):
    """`y = tanh(x)`, `dx = dy (1 - y^2)`. Any shape."""

    def forward(self, x: Array, save: bool | None = None) -> Array:
        y = get_array_module(x).tanh(x)
        self.save_for_backward(save, y)
        return y

    def backward(self, dy: Array) -> Array:
        (y,) = self.saved
        return dy * (1 - y * y)


class Softmax(Layer):
    """`y_k = exp(x_k) / sum_j exp(x_j)` over the last axis, with the row maximum subtracted first.

    `dx = y (dy - sum_k dy_k y_k)`. x, y (N, K). Lesson 03.
    """

    def forward(self, x: Outputs, save: bool | None = None) -> Outputs:
        e = get_array_module(x).exp(x - x.max(axis=-1, keepdims=True))
        y = e / e.sum(axis=-1, keepdims=True)
        self.save_for_backward(save, y)
        return y

    def backward(self, dy: Outputs) -> Outputs:
        (y,) = self.saved
        return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


class LogSoftmax(Layer):
    """`y_k = x_k - log sum_j exp(x_j)` over the last axis: the logarithm of softmax.

    `dx = dy - softmax(x) sum_k dy_k`. x, y (N, K). Lesson 03.
    """

    def forward(self, x: Outputs, save: bool | None = None) -> Outputs:
        xp = get_array_module(x)
        shifted = x - x.max(axis=-1, keepdims=True)
        y = shifted - xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))
        self.save_for_backward(save, y)
        return y

    def backward(self, dy: Outputs) -> Outputs:
        (y,) = self.saved
        return dy - get_array_module(y).exp(y) * dy.sum(axis=-1, keepdims=True)


class LogSigmoid(Layer):
    """`y = ln(1 / (1 + exp(-x))) = -ln(1 + exp(-x))`, `dx = dy (1 - exp(y))`. Any shape.

    Softmax of it is sigmoid over sum: with y = ln s, `exp(y_k) / sum_j exp(y_j) = s_k / sum_j s_j`.
    """

    def forward(self, x: Array, save: bool | None = None) -> Array:
        y = -get_array_module(x).logaddexp(-x, 0)  # ln(1 + exp(-x)) would overflow
        self.save_for_backward(save, y)
        return y

    def backward(self, dy: Array) -> Array:
        (y,) = self.saved
        return -dy * get_array_module(y).expm1(y)
