"""Layers on vectors: Linear, Flatten, which makes vectors of images, and Dropout."""

from math import prod

import numpy as np

from tinydldl.arrays import Array, Rng, Shape, Vectors
from tinydldl.backend import get_array_module, to_device
from tinydldl.layers.base import Layer, check_channels


class Linear(Layer):
    """`y = x W + b`: x (N, in), W (in, out), b (out,), y (N, out).

    Initial W: normal, of standard deviation `std`, float32; b: 0. Raises ValueError for another x.
    """

    def __init__(self, features: int, out_features: int, std: float = 0.01, *, rng: Rng) -> None:
        super().__init__()
        shape = (features, out_features)
        self.add_param("W", np.float32(std) * rng.standard_normal(shape, dtype=np.float32))
        self.add_param("b", np.zeros(out_features, dtype=np.float32))

    def forward(self, x: Vectors, save: bool | None = None) -> Vectors:
        check_channels(self, x, len(self.params["W"]), ndim=2)
        self.save_for_backward(save, x)
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dy: Vectors) -> Vectors:
        (x,) = self.saved
        self.grads["W"][...] = x.T @ dy
        self.grads["b"][...] = dy.sum(axis=0)
        return dy @ self.params["W"].T

    def output_shape(self, shape: Shape) -> Shape:
        return self.params["b"].shape

    def multiply_adds(self, shape: Shape) -> int:
        return self.params["W"].size


class Flatten(Layer):
    """Each image as one vector: x (N, ...), y (N, D)."""

    def forward(self, x: Array, save: bool | None = None) -> Vectors:
        self.save_for_backward(save, x.shape)
        return x.reshape(len(x), -1)

    def backward(self, dy: Vectors) -> Array:
        (shape,) = self.saved
        return dy.reshape(shape)

    def output_shape(self, shape: Shape) -> Shape:
        return (prod(shape),)


class Dropout(Layer):
    """In training, set values to 0 with probability `rate`; the others grow to make up for it.

        y = x m / (1 - rate)        dx = dy m / (1 - rate)

    m, the mask, is 0 or 1, and `rng` draws it anew in each forward pass: the expectation of y is x.
    In inference y = x. Any shape. Raises ValueError unless 0 <= rate < 1.
    Source: Srivastava et al., JMLR 2014.
    """

    def __init__(self, rate: float, *, rng: Rng) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"rate {rate}: expected a number from 0 up, and below 1")
        self.rate, self.rng = rate, rng

    def forward(self, x: Array, save: bool | None = None) -> Array:
        m = None
        if self.training:
            drawn = self.rng.random(x.shape, dtype=np.float32) >= self.rate
            m = to_device(drawn, get_array_module(x))
        self.save_for_backward(save, m)
        return x if m is None else x * m / (1 - self.rate)

    def backward(self, dy: Array) -> Array:
        (m,) = self.saved
        return dy if m is None else dy * m / (1 - self.rate)
