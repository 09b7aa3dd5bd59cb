"""Dropout."""

import numpy as np

from tinydldl.arrays import Array, Rng
from tinydldl.backend import get_array_module, to_device
from tinydldl.layers.base import Layer


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
        m = self._draw(x) if self.training else None
        self.save_for_backward(save, m)
        return self._drop(x, m)

    def backward(self, dy: Array) -> Array:
        (m,) = self.saved
        return self._drop(dy, m)

    def _draw(self, x: Array) -> Array:
        m = self.rng.random(x.shape, dtype=np.float32) >= self.rate
        return to_device(m, get_array_module(x))

    def _drop(self, x: Array, m: Array | None) -> Array:
        return x if m is None else x * m / (1 - self.rate)
