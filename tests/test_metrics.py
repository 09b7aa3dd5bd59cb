"""Metrics by hand, and the typical annotator's epsilon-error by simulation."""

import numpy as np
import pytest

from tinydldl.metrics import epsilon_error, mae


def test_mae_by_hand():
    assert mae(np.array([1.0, 5.0, 9.0]), np.array([2.0, 5.0, 7.0])) == 1.0


def test_epsilon_error_by_hand():
    y_hat, y, sigma = np.array([[30.0, 31.0, 26.0], [30.0, 30.0, 30.0], [5.0, 1.0, 2.0]])
    expected = 1 - (1 + np.exp(-0.5) + np.exp(-2)) / 3
    assert epsilon_error(y_hat, y, sigma) == pytest.approx(expected, rel=1e-12)


def test_epsilon_error_without_spread_counts_only_the_exact():
    y_hat, y, sigma = np.array([[30.0, 30.0, 31.0], [30.0, 30.0, 30.0], [0.0, 0.0, 0.0]])
    assert epsilon_error(y_hat, y, sigma) == pytest.approx(1 / 3)


def test_epsilon_error_with_tiny_and_huge_sigma():
    y_hat, y, sigma = np.array([[30.0, 30.0, 31.0], [30.0, 31.0, 30.0], [1e-200, 1e-200, 1e200]])
    assert epsilon_error(y_hat, y, sigma) == pytest.approx(1 / 3)


def test_epsilon_error_of_a_typical_annotator(rng):
    sigma = rng.uniform(1, 5, 200_000)
    guess = 40 + sigma * rng.standard_normal(len(sigma))
    limit = 1 - 1 / np.sqrt(2)
    assert epsilon_error(guess, np.full(len(sigma), 40.0), sigma) == pytest.approx(limit, abs=0.002)
