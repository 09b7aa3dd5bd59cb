"""Batch normalization (lesson 06)."""

from typing import Any

import numpy as np

from tinydldl.arrays import Images, PerChannel
from tinydldl.backend import average_step, fused, get_array_module, smallest
from tinydldl.layers.base import Layer, check_channels


class BatchNorm2d(Layer):
    """Batch normalization of each channel over images and positions.

        x_hat = (x - mean) / sqrt(var + eps)        y = gamma x_hat + beta

    In training mean and (biased) var are those of the batch, and the running averages move by
    `momentum` toward mean and the unbiased var; in inference the running averages take their place.

    `total(M, *sums)` adds them up over the processes that share a batch, here over one.

    x, y (N, H, W, C); gamma, beta, running_mean, running_var (C,), float32 at first. Raises
    ValueError for x of another shape, and in training for a single value per channel.
    Source: Ioffe and Szegedy, ICML 2015.

    >>> x = np.random.default_rng(0).normal(5, 3, size=(4, 8, 8, 2))
    >>> y = BatchNorm2d(2).forward(x)
    >>> print(f"mean {x.mean():.1f} -> {y.mean():z.1f}, std {x.std():.1f} -> {y.std():.1f}")
    mean 4.9 -> 0.0, std 3.0 -> 1.0
    """

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps, self.total = momentum, eps, one_process
        self.add_param("gamma", np.ones(channels, dtype=np.float32))
        self.add_param("beta", np.zeros(channels, dtype=np.float32))
        self.buffers["running_mean"] = np.zeros(channels, dtype=np.float32)
        self.buffers["running_var"] = np.ones(channels, dtype=np.float32)

    def forward(self, x: Images, save: bool | None = None) -> Images:
        check_channels(self, x, len(self.params["gamma"]))
        running = self.buffers["running_mean"], self.buffers["running_var"]
        mean, var = self._batch_statistics(x) if self.training else running
        inv_std = 1 / get_array_module(x).sqrt(var + self.eps)
        x_hat, y = normalize(x, mean, inv_std, self.params["gamma"], self.params["beta"])
        self.save_for_backward(save, x_hat, inv_std, self.training)
        return y

    def backward(self, dy: Images) -> Images:
        x_hat, inv_std, training = self.saved
        dgamma, dbeta = self.grads["gamma"], self.grads["beta"]
        dgamma[...] = channel_sum(dy * x_hat)
        dbeta[...] = channel_sum(dy)
        scale = self.params["gamma"] * inv_std
        if not training:
            return scale * dy
        M, sum_dy, sum_dy_x_hat = self.total(dy.size // dy.shape[-1], dbeta, dgamma)
        # mean and var depend on x, too
        return scaled_residual(dy, x_hat, sum_dy, sum_dy_x_hat, scale, M)

    def _batch_statistics(self, x: Images) -> tuple[PerChannel, PerChannel]:
        M, sum_x = self.total(x.size // x.shape[-1], channel_sum(x))
        if M < 2:
            raise ValueError("BatchNorm2d: training needs more than one value per channel")
        mean = sum_x / M
        _, squares = self.total(0, channel_sum(squared_distance(x, mean)))
        var = squares / M
        for name, value in (("running_mean", mean), ("running_var", var * (M / (M - 1)))):
            average = self.buffers[name]
            average_step(average, value, self.momentum, smallest(average.dtype))
        return mean, var


@fused
def normalize(
    x: Images, mean: PerChannel, inv_std: PerChannel, gamma: PerChannel, beta: PerChannel
) -> tuple[Images, Images]:
    """`x_hat` and `y`."""
    x_hat = (x - mean) * inv_std
    return x_hat, gamma * x_hat + beta


@fused
def scaled_residual(
    dy: Images, x_hat: Images, dbeta: PerChannel, dgamma: PerChannel, scale: PerChannel, M: int
) -> Images:
    """dx: dy without its mean and its component along x_hat, times `scale`."""
    return scale * (dy - dbeta / M - x_hat * (dgamma / M))


@fused
def squared_distance(x: Images, mean: PerChannel) -> Images:
    """`(x - mean)^2`."""
    distance = x - mean
    return distance * distance


def one_process(count: int, *sums: PerChannel) -> Any:
    """The count and the sums themselves."""
    return count, *sums


def channel_sum(x: Images) -> PerChannel:
    """The sum of each channel over images and positions: x (N, H, W, C) to (C,).

    One axis after the other is faster than all at once, and rounds less: each sum is a short one.
    """
    return x.sum(axis=0).sum(axis=0).sum(axis=0)
