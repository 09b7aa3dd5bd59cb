"""The expectation layer: from a distribution over labels to one number (lesson 04)."""

import numpy as np

from tinydldl.arrays import Ages, Distributions, Grid, Shape
from tinydldl.layers.base import Layer


class Expectation(Layer):
    """`y_hat = sum_k p_hat_k l_k` and `dp_hat_k = dy_hat l_k`.

    p_hat (N, K), y_hat (N,) in the unit of the label grid `l` (K,), for ages years. Through softmax
    it gives d y_hat / d x_k = p_hat_k (l_k - y_hat).
    """

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.buffers["grid"] = np.asarray(grid)

    def forward(self, p_hat: Distributions, save: bool | None = None) -> Ages:
        grid = self.buffers["grid"].astype(p_hat.dtype, copy=False)
        self.save_for_backward(save, grid)
        return p_hat @ grid

    def backward(self, dy_hat: Ages) -> Distributions:
        (grid,) = self.saved
        return dy_hat[:, None] * grid

    def output_shape(self, shape: Shape) -> Shape:
        return ()
