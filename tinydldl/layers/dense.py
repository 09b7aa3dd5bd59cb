"""Layers on vectors: Linear, and Flatten, which makes vectors of images."""

from math import prod

import numpy as np

from tinydldl.arrays import Array, Rng, Shape, Vectors
from tinydldl.layers.base import Layer, check_channels


class Linear(Layer):
    """`y = x W + b`: x (N, in), W (in, out), b (out,), y (N, out).

    Raises ValueError for x of another shape. Initial W: normal with standard deviation `std`,
    float32; b: 0.
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
