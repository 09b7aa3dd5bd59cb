"""Layers on vectors against SciPy, and numbers worked out by hand."""

import numpy as np
import pytest
import scipy.special

from tinydldl import layers

CLOSE = {"rtol": 1e-13, "atol": 1e-13}


def test_prelu_by_hand():
    layer = layers.PReLU(2).to(dtype=np.float64)
    assert layer.params["a"].tolist() == [0.25, 0.25]
    layer.params["a"][...] = [0.1, 2]
    x = np.array([[-10.0, -1], [3, 4], [-20, 5]])
    assert layer.forward(x).tolist() == [[-1, -2], [3, 4], [-2, 5]]
    assert layer.backward(np.ones((3, 2))).tolist() == [[0.1, 2], [1, 1], [0.1, 1]]
    assert layer.grads["a"].tolist() == [-30, -1]


def test_softmax_agrees_with_scipy_and_does_not_overflow(rng):
    x = 300 * rng.standard_normal((4, 5))
    np.testing.assert_allclose(layers.Softmax().forward(x), scipy.special.softmax(x, 1), **CLOSE)
    expected = scipy.special.log_softmax(x, axis=1)
    np.testing.assert_allclose(layers.LogSoftmax().forward(x), expected, **CLOSE)
    np.testing.assert_allclose(layers.Sigmoid().forward(x), scipy.special.expit(x), atol=1e-15)


def test_softmax_of_photos_that_differ_by_a_thousand():
    """Each row has a maximum of its own: less that of the batch, the first would be 0 / 0."""
    x, p = np.array([[0.0, 1.0], [1000.0, 1001.0]]), [[0.2689414213699951, 0.7310585786300049]] * 2
    np.testing.assert_allclose(layers.Softmax().forward(x), p, **CLOSE)
    np.testing.assert_allclose(np.exp(layers.LogSoftmax().forward(x)), p, **CLOSE)


def test_softmax_of_log_sigmoid_is_sigmoid_over_sum(rng):
    """Also where each sigmoid is 0 in float64, so that dividing by their sum would be 0 / 0."""
    x = 3 * rng.standard_normal((4, 5))
    s = scipy.special.expit(x)
    head = layers.Sequential({"log": layers.LogSigmoid(), "softmax": layers.Softmax()})
    np.testing.assert_allclose(head.forward(x), s / s.sum(axis=1, keepdims=True), **CLOSE)
    expected = scipy.special.log_expit(300 * x)
    np.testing.assert_allclose(layers.LogSigmoid().forward(300 * x), expected, **CLOSE)
    low = np.array([[-800.0, -800 + np.log(3)]])
    np.testing.assert_allclose(head.forward(low), [[0.25, 0.75]])
    dx = head.backward(np.array([[0.0, 1.0]]))
    np.testing.assert_allclose(dx, [[-3 / 16, 3 / 16]])


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


@pytest.mark.parametrize(("dtype", "first"), [(np.float32, -87), (np.float64, -700)])
def test_sigmoid_keeps_its_lower_tail(dtype, first):
    x = np.linspace(first, 40, 2001, dtype=dtype)
    y = layers.Sigmoid().forward(x)
    assert y.dtype == dtype
    expected = scipy.special.expit(x.astype(float))
    np.testing.assert_allclose(y, expected, rtol=8 * np.finfo(dtype).eps)
    far = layers.Sigmoid().forward(np.float32([-20]))[0]
    assert far == pytest.approx(2.0611536e-9, rel=1e-6, abs=0)


@pytest.mark.filterwarnings("error")
def test_sigmoid_does_not_overflow():
    for dtype in (np.float32, np.float64):
        y = layers.Sigmoid().forward(np.array([-np.inf, -1e4, 1e4, np.inf], dtype=dtype))
        assert y.tolist() == [0, 0, 1, 1]
