"""Activations. All but softmax work on each value alone; all keep only their output."""

from tinydldl.backend import fused, get_array_module
from tinydldl.layers.base import Layer


class ReLU(Layer):
    """`y = max(x, 0)`, `dx = dy [x > 0]`. Any shape."""

    def forward(self, x, keep=None):
        y = get_array_module(x).maximum(x, 0)
        self.keep(keep, y)
        return y

    def backward(self, dy):
        (y,) = self.kept
        return where_positive(dy, y)


@fused
def where_positive(dy, y):
    """`dy` where y > 0, else 0."""
    return dy * (y > 0)


class Sigmoid(Layer):
    """`y = 1 / (1 + exp(-x))`, `dx = dy y (1 - y)`. Any shape."""

    def forward(self, x, keep=None):
        # tanh does not overflow, exp does
        y = (1 + get_array_module(x).tanh(x / 2)) / 2
        self.keep(keep, y)
        return y

    def backward(self, dy):
        (y,) = self.kept
        return dy * y * (1 - y)


class Tanh(Layer):
    """`y = tanh(x)`, `dx = dy (1 - y^2)`. Any shape."""

    def forward(self, x, keep=None):
        y = get_array_module(x).tanh(x)
        self.keep(keep, y)
        return y

    def backward(self, dy):
        (y,) = self.kept
        return dy * (1 - y * y)


class Softmax(Layer):
    """`y_k = exp(x_k) / sum_j exp(x_j)` over the last axis, with the row maximum subtracted first.

    `dx = y (dy - sum_k dy_k y_k)`. x, y (N, K). Lesson 03.
    """

    def forward(self, x, keep=None):
        e = get_array_module(x).exp(x - x.max(axis=-1, keepdims=True))
        y = e / e.sum(axis=-1, keepdims=True)
        self.keep(keep, y)
        return y

    def backward(self, dy):
        (y,) = self.kept
        return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


class LogSoftmax(Layer):
    """`y_k = x_k - log sum_j exp(x_j)` over the last axis: the logarithm of softmax.

    `dx = dy - softmax(x) sum_k dy_k`. x, y (N, K). Lesson 03.
    """

    def forward(self, x, keep=None):
        xp = get_array_module(x)
        shifted = x - x.max(axis=-1, keepdims=True)
        y = shifted - xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))
        self.keep(keep, y)
        return y

    def backward(self, dy):
        (y,) = self.kept
        return dy - get_array_module(y).exp(y) * dy.sum(axis=-1, keepdims=True)
