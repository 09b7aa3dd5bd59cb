"""Layers on vectors against PyTorch, SciPy, and numbers worked out by hand."""

import numpy as np
import pytest
import scipy.special

from tinydldl import layers

CLOSE = {"rtol": 1e-13, "atol": 1e-13}
ACTIVATIONS = {
    "ReLU": (layers.ReLU, lambda nn: nn.ReLU()),
    "Sigmoid": (layers.Sigmoid, lambda nn: nn.Sigmoid()),
    "Tanh": (layers.Tanh, lambda nn: nn.Tanh()),
    "Softmax": (layers.Softmax, lambda nn: nn.Softmax(dim=1)),
    "LogSoftmax": (layers.LogSoftmax, lambda nn: nn.LogSoftmax(dim=1)),
    "Flatten": (layers.Flatten, lambda nn: nn.Flatten()),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_agrees_with_pytorch(name, rng, torch):
    ours, theirs = ACTIVATIONS[name]
    x = 3 * rng.standard_normal((4, 5) if name != "Flatten" else (2, 3, 4, 5))
    layer = ours()
    y = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    their_x = torch.tensor(x, requires_grad=True)
    their_y = theirs(torch.nn)(their_x)
    their_y.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, their_y.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(layer.backward(dy), their_x.grad.numpy(), **CLOSE)


def test_linear_agrees_with_pytorch(rng, torch):
    layer = layers.Linear(5, 3, std=1, rng=rng).to(dtype=np.float64)
    layer.params["b"][...] = rng.standard_normal(3)
    x, dy = rng.standard_normal((4, 5)), rng.standard_normal((4, 3))
    W, b = (torch.tensor(layer.params[name], requires_grad=True) for name in ("W", "b"))
    their_x = torch.tensor(x, requires_grad=True)
    their_y = their_x @ W + b
    their_y.backward(torch.tensor(dy))
    np.testing.assert_allclose(layer.forward(x), their_y.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(layer.backward(dy), their_x.grad.numpy(), **CLOSE)
    np.testing.assert_allclose(layer.grads["W"], W.grad.numpy(), **CLOSE)
    np.testing.assert_allclose(layer.grads["b"], b.grad.numpy(), **CLOSE)


def test_softmax_agrees_with_scipy_and_does_not_overflow(rng):
    x = 300 * rng.standard_normal((4, 5))
    np.testing.assert_allclose(layers.Softmax().forward(x), scipy.special.softmax(x, 1), **CLOSE)
    expected = scipy.special.log_softmax(x, axis=1)
    np.testing.assert_allclose(layers.LogSoftmax().forward(x), expected, **CLOSE)
    np.testing.assert_allclose(layers.Sigmoid().forward(x), scipy.special.expit(x), atol=1e-15)


def test_expectation_by_hand():
    layer = layers.Expectation([0.0, 10.0, 20.0])
    p_hat = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(layer.forward(p_hat), [13.0, 0.0])
    np.testing.assert_allclose(layer.backward(np.array([2.0, -1])), [[0, 20, 40], [0, -10, -20]])


def test_expectation_through_softmax_is_the_formula(rng):
    grid = np.arange(0.0, 50, 10)
    softmax, expectation = layers.Softmax(), layers.Expectation(grid)
    p_hat = softmax.forward(rng.standard_normal((3, 5)))
    y_hat = expectation.forward(p_hat)
    dy_hat = rng.standard_normal(3)
    dx = softmax.backward(expectation.backward(dy_hat))
    formula = dy_hat[:, None] * p_hat * (grid - y_hat[:, None])
    np.testing.assert_allclose(dx, formula, **CLOSE)


def test_linear_initial_weights_and_cost(rng):
    layer = layers.Linear(100, 200, rng=rng)
    assert layer.params["W"].std() == pytest.approx(0.01, rel=0.02)
    assert not layer.params["b"].any()
    assert layer.multiply_adds((100,)) == 100 * 200
