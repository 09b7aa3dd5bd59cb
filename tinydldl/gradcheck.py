"""Check a backward pass against central differences (lesson 00).

    df/dx_i ~ (f(x + h e_i) - f(x - h e_i)) / (2 h),    h = 1e-5 max(1, |x_i|),    in float64

The upstream gradient is random: ones cannot tell a wrong softmax (whose outputs always sum to 1) or
a wrong BatchNorm from a right one. For smooth layers expect errors of about 1e-9, and 1e-7 at most.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinydldl.arrays import Array, Rng
from tinydldl.layers import Layer

STEP = 1e-5


class GradientError(AssertionError):
    """A gradient is wrong; the message names the worst entry and both of its values."""


def numerical_gradient(f: Callable[[], float], x: Array) -> Array:
    """The gradient of the number `f()` with respect to x, a float64 array that f reads.

    By central differences: x is changed entry by entry, and restored.
    """
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        h = STEP * max(1.0, abs(float(value)))
        x[index] = value + h
        above = f()
        x[index] = value - h
        below = f()
        x[index] = value
        gradient[index] = (above - below) / (2 * h)
    return gradient


def compare(name: str, analytic: Array, numeric: Array, tolerance: float = 1e-7) -> float:
    """The relative error `max|a - n| / max(max|a|, max|n|, 1e-8)`.

    Raises GradientError if the shapes differ or the error is not under `tolerance`.
    """
    if analytic.shape != numeric.shape:
        raise GradientError(f"{name}: shape {analytic.shape}, expected {numeric.shape}")
    difference = np.abs(analytic - numeric)
    error = difference.max() / max(np.abs(analytic).max(), np.abs(numeric).max(), 1e-8)
    if not error < tolerance:  # also for NaN
        worst = tuple(map(int, np.unravel_index(np.argmax(difference), difference.shape)))
        found = f"relative error {error:.1e}, expected under {tolerance:.0e}"
        both = f"{analytic[worst]:.10g} by backward, {numeric[worst]:.10g} by central differences"
        raise GradientError(f"{name}: {found}; worst at {worst}: {both}")
    return float(error)


def check_layer(layer: Layer, x: Array, rng: Rng, tolerance: float = 1e-7) -> dict[str, float]:
    """Check the gradients of a layer for its input and every parameter: `{name: error}`.

    x: a float64 input away from kinks and ties. The layer's arrays must be float64, too
    (`layer.to(dtype=float)`). Raises GradientError for the first gradient that is wrong.
    """
    dy = rng.standard_normal(layer.forward(x, save=True).shape)

    def upstream_product() -> float:
        return float((layer.forward(x, save=False) * dy).sum())

    analytic = {"x": layer.backward(dy.copy())} | {n: g.copy() for n, g in layer.grads.items()}
    errors = {}
    for name, variable in ({"x": x} | layer.params).items():
        numeric, place = numerical_gradient(upstream_product, variable), type(layer).__name__
        errors[name] = compare(f"{place} d{name}", analytic[name], numeric, tolerance)
    return errors


def check_loss(loss: Callable[..., Any], x: Array, *targets: Any, tolerance: float = 1e-7) -> float:
    """Check the gradient dx of `loss(x, *targets) -> value, dx`, float64; returns its error."""
    analytic = loss(x, *targets)[1]
    numeric = numerical_gradient(lambda: float(loss(x, *targets)[0]), x)
    return compare(getattr(loss, "__name__", "loss"), analytic, numeric, tolerance)
