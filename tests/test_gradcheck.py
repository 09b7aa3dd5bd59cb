"""The checker finds what is wrong, and every layer and loss passes it."""

import numpy as np
import pytest
from gradient_cases import layer_cases, loss_cases, normal

from tinydldl import layers
from tinydldl.gradcheck import GradientError, check_layer, check_loss, compare, numerical_gradient
from tinydldl.losses import l2

LAYERS = layer_cases(np.random.default_rng(2018))
LOSSES = loss_cases(np.random.default_rng(2018))


@pytest.mark.parametrize("name", LAYERS)
def test_layer_gradients(name, rng):
    layer, x = LAYERS[name]
    errors = check_layer(layer, x, rng, tolerance=1e-7)
    assert errors.keys() == {"x", *layer.params}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_gradients(name):
    loss, x, *targets = LOSSES[name]
    check_loss(loss, x, *targets, tolerance=1e-7)


def test_numerical_gradient_of_a_known_function_restores_x():
    x = np.array([[1.0, -2.0], [3.0, 0.0]])
    before = x.copy()
    gradient = numerical_gradient(lambda: float((x**3).sum()), x)
    np.testing.assert_allclose(gradient, 3 * before**2, rtol=1e-9, atol=1e-9)  # error h^2
    np.testing.assert_array_equal(x, before)


class ScaledLinear(layers.Linear):
    def backward(self, dy):
        return 1.001 * super().backward(dy)


class TransposedLinear(layers.Linear):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["W"][...] = self.grads["W"].T.copy()
        return dx


class ZeroLinear(layers.Linear):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["b"][...] = 0
        return dx


@pytest.mark.parametrize(
    ("planted", "where"), [(ScaledLinear, "dx"), (TransposedLinear, "dW"), (ZeroLinear, "db")]
)
def test_planted_bugs_are_caught(planted, where, rng):
    layer = planted(4, 4, std=1, rng=rng).to(dtype=np.float64)
    with pytest.raises(GradientError, match=f"{planted.__name__} {where}: relative error .* worst"):
        check_layer(layer, normal(rng, (3, 4)), rng)


class HalfSoftmax(layers.Softmax):
    """Forgets that every input moves every output: invisible to an upstream gradient of ones."""

    def backward(self, dy):
        (y,) = self.saved
        return dy * y * (1 - y)


class BatchNormWithoutMean(layers.BatchNorm2d):
    """Takes the batch statistics for constants."""

    def backward(self, dy):
        x_hat, inv_std, _ = self.saved
        self.save_for_backward(True, x_hat, inv_std, False)
        return super().backward(dy)


@pytest.mark.parametrize("planted", [HalfSoftmax(), BatchNormWithoutMean(3)])
def test_planted_bugs_that_only_a_random_upstream_gradient_shows(planted, rng):
    x = normal(rng, (2, 3, 4, 3))
    with pytest.raises(GradientError, match="dx: relative error"):
        check_layer(planted.to(dtype=np.float64), x, rng)


def test_a_wrong_loss_gradient_is_caught(rng):
    def without_factor_two(y_hat, y):
        value, dy_hat = l2(y_hat, y)
        return value, dy_hat / 2

    with pytest.raises(GradientError, match=r"without_factor_two: relative error 5\.0e-01"):
        check_loss(without_factor_two, normal(rng, 3), np.zeros(3))


def test_nan_and_wrong_shapes_are_caught():
    with pytest.raises(GradientError, match="relative error nan"):
        compare("dx", np.array([np.nan]), np.array([1.0]))
    with pytest.raises(GradientError, match=r"shape \(2,\), expected \(3,\)"):
        compare("dx", np.zeros(2), np.zeros(3))
