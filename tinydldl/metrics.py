"""How far estimates are from the truth. Arrays (N,) on the host; ages in years."""

import numpy as np


def mae(y_hat, y):
    """Mean absolute error, years: `mean |y_hat - y|`. Smaller is better.

    >>> mae(np.array([20.0, 33.0]), np.array([21.0, 30.0]))
    2.0
    """
    return float(np.abs(y_hat - y).mean())


def epsilon_error(y_hat, y, sigma):
    """`1 - mean exp(-(y_hat - y)^2 / (2 sigma^2))`, between 0 and 1. Smaller is better.

    An error counts less where the annotators themselves disagree. A photo with sigma = 0 counts 0
    if the estimate is exact, else 1. Source: ChaLearn LAP 2015.

    >>> y_hat, y, sigma = np.array([[20.0, 22.0, 5.0], [20.0, 20.0, 5.0], [1.0, 2.0, 0.0]])
    >>> round(epsilon_error(y_hat, y, sigma), 4)  # (1 - exp(-1/2)) / 3
    0.1312
    """
    error = np.abs(y_hat - y)
    with np.errstate(over="ignore"):  # exp(-inf) is 0, as it should be
        z = np.divide(error, sigma, out=np.where(error == 0, 0.0, np.inf), where=sigma > 0)
        return float(1 - np.exp(-(z**2) / 2).mean())
