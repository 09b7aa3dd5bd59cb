"""Losses: each returns its value and its gradient, `loss, dx = f(x, target)`.

All are averaged over the N images of a batch, and summed over the K values per image. The value is
a 0-d array on the device of the input. A target whose shape is not that of the input raises
ValueError: it would be broadcast silently. Lessons 03 and 04.
"""

import numpy as np

from tinydldl.arrays import Ages, Array, Distributions, Outputs, Scalar
from tinydldl.backend import get_array_module
from tinydldl.layers import LogSoftmax

Loss = tuple[Scalar, Array]  # the value, and the gradient in the first argument


def kl_from_logits(logits: Outputs, p: Distributions, reduction: str = "batch") -> Loss:
    """Kullback-Leibler divergence from the target p to softmax(logits).

        L_ld = 1/N sum_n sum_k p_k ln(p_k / p_hat_k)        dlogits = (p_hat - p) / N

    with 0 ln 0 = 0. logits, p (N, K), each row of p sums to 1. `reduction="elements"` divides by
    N K instead of N, as the paper's published code does.
    """
    _check_shapes(logits, p)
    xp = get_array_module(logits)
    log_p_hat = LogSoftmax().forward(logits, save=False)
    if reduction not in ("batch", "elements"):
        raise ValueError(f"reduction {reduction!r}: expected batch or elements")
    divisor = len(p) if reduction == "batch" else p.size
    loss = (p * (xp.log(xp.where(p > 0, p, 1)) - log_p_hat)).sum() / divisor
    return loss, (xp.exp(log_p_hat) - p) / divisor


def kl_from_probabilities(p_hat: Distributions, p: Distributions) -> Loss:
    """The same divergence from probabilities p_hat (N, K): `dp_hat = -p / p_hat / N`.

    It is infinite where p_hat is 0 and p is not; this is why training goes through the logits.
    """
    _check_shapes(p_hat, p)
    xp = get_array_module(p_hat)
    ratio = p / xp.where(p > 0, p_hat, 1)
    loss = (p * xp.log(xp.where(p > 0, ratio, 1))).sum() / len(p)
    return loss, -ratio / len(p)


def l1(y_hat: Ages, y: Ages) -> Loss:
    """`L_er = 1/N sum |y_hat - y|`, `dy_hat = sign(y_hat - y) / N`. y_hat, y (N,)."""
    _check_shapes(y_hat, y)
    xp = get_array_module(y_hat)
    return xp.abs(y_hat - y).mean(), xp.sign(y_hat - y) / len(y)


def l2(y_hat: Ages, y: Ages) -> Loss:
    """`1/N sum (y_hat - y)^2`, `dy_hat = 2 (y_hat - y) / N`. y_hat, y (N,)."""
    _check_shapes(y_hat, y)
    return ((y_hat - y) ** 2).mean(), 2 * (y_hat - y) / len(y)


def cross_entropy(logits: Outputs, labels: Array) -> Loss:
    """`-1/N sum_n ln p_hat[n, label_n]`, `dlogits = (p_hat - onehot) / N`.

    logits (N, K), labels (N,) whole numbers in 0..K-1. Raises ValueError for any other label; on a
    GPU, where a check would wait for the device, the loss is NaN instead.
    """
    xp, K = get_array_module(logits), logits.shape[1]
    onehot = (labels[:, None] == xp.arange(K)).astype(logits.dtype)
    ones = onehot.sum(axis=1, keepdims=True)
    if xp is np and not ones.all():
        wrong = labels[ones[:, 0] == 0][0]
        raise ValueError(f"label {wrong}: expected a whole number from 0 to {K - 1}")
    return soft_cross_entropy(logits, onehot / ones)


def soft_cross_entropy(logits: Outputs, p: Distributions) -> Loss:
    """`-1/N sum_nk p_k ln p_hat_k`, `dlogits = (p_hat - p) / N`.

    logits, p (N, K), each row of p sums to 1. It exceeds the KL divergence by the entropy of p.
    """
    _check_shapes(logits, p)
    log_p_hat = LogSoftmax().forward(logits, save=False)
    dlogits = (get_array_module(logits).exp(log_p_hat) - p) / len(p)
    return -(p * log_p_hat).sum() / len(p), dlogits


def binary_cross_entropy(logits: Outputs, targets: Outputs, weights: Array | int = 1) -> Loss:
    """K yes-or-no questions per image: sigmoid and cross entropy, summed over K.

        1/N sum_nk w_k (softplus(x) - t x),    softplus(x) = ln(1 + e^x)
        dlogits = w_k (sigmoid(x) - t) / N

    logits x, targets t in [0, 1], (N, K); weights w (K,), or 1 for all.
    """
    _check_shapes(logits, targets)
    xp = get_array_module(logits)
    softplus = xp.logaddexp(logits, 0)
    loss = (weights * (softplus - targets * logits)).sum() / len(logits)
    return loss, weights * (xp.exp(logits - softplus) - targets) / len(logits)


def joint(
    logits: Outputs, y_hat: Ages, p: Distributions, y: Ages, lam: float, kl_reduction: str = "batch"
) -> tuple[tuple[Scalar, ...], Outputs, Ages]:
    """The loss of DLDL-v2 on its two outputs: `L = L_ld + lam L_er`.

    logits, p (N, K); y_hat, y (N,) in years. Returns `(L, L_ld, L_er), dlogits, dy_hat`. y_hat is
    itself computed from the logits; the gradient along that path is the caller's to add.
    """
    L_ld, dlogits = kl_from_logits(logits, p, kl_reduction)
    L_er, dy_hat = l1(y_hat, y)
    return (L_ld + lam * L_er, L_ld, L_er), dlogits, lam * dy_hat


def _check_shapes(x: Array, target: Array) -> None:
    if x.shape != target.shape:
        raise ValueError(f"expected two arrays of one shape, got {x.shape} and {target.shape}")
