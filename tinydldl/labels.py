"""Ages as labels: the grid, the Gaussian label distribution, its CDF, and the ranking code.

On the host, in float64, in years: the grid `l` (K,), true ages `y` and `sigma` (N,). Lessons 01-02.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from tinydldl.arrays import Ages, Array, Distributions, Grid

MOST_INTERVALS = 10_000
SMOOTHED = 2.0  # years
HEAVIEST = 10  # times the median: one photo shall not drown the others of its batch


def label_grid(first: float = 0.0, last: float = 100.0, step: float = 1.0) -> Grid:
    """The labels `first, first + step, ..., last`: `l` (K,), years.

    Raises ValueError unless `step` is positive and divides the range into 10,000 parts at most.

    >>> len(label_grid()), label_grid(0, 100, 4)[:3].tolist()
    (101, [0.0, 4.0, 8.0])
    """
    intervals = (last - first) / step if step > 0 else 0
    if not 1 <= intervals <= MOST_INTERVALS or abs(intervals - round(intervals)) > 1e-9:
        parts = f"{last - first} into 1 to {MOST_INTERVALS} parts"
        raise ValueError(f"label step {step}: expected a number that divides {parts}")
    return first + step * np.arange(round(intervals) + 1, dtype=float)


def gaussian_label_distribution(y: ArrayLike, sigma: ArrayLike, grid: Grid) -> Distributions:
    """The target `p` (N, K): a Gaussian density on the grid, normalized to sum 1.

        p_k = exp(-(l_k - y)^2 / (2 sigma^2)) / sum_j exp(-(l_j - y)^2 / (2 sigma^2))

    Computed as a softmax with the largest exponent subtracted, so a small sigma gives no 0/0;
    sigma = 0 puts the mass on the nearest label, or on both of them. One number as sigma is that of
    all. Raises ValueError for a negative sigma. Lesson 01.

    >>> gaussian_label_distribution([1.0], [0.5], np.arange(3.0)).round(3).tolist()
    [[0.107, 0.787, 0.107]]
    """
    y, sigma = (np.asarray(value, dtype=float).reshape(-1, 1) for value in (y, sigma))
    squared = (grid - y) ** 2
    squared -= squared.min(axis=1, keepdims=True)
    if (sigma < 0).any():
        raise ValueError("sigma: expected zero or more years")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        exponent = np.where(squared == 0, 0.0, -squared / (2 * sigma**2))
    p = np.exp(exponent)
    return p / p.sum(axis=1, keepdims=True)


def gaussian_cdf(y: ArrayLike, sigma: ArrayLike, points: Array) -> Array:
    """`c(l) = (1 + erf((l - y) / (sigma sqrt 2))) / 2` at each of `points` (K,): (N, K).

    Computed so that no digits are lost far below y, where 1 + erf is 0. One number as sigma is that
    of all. Raises ValueError unless every sigma is positive. Lesson 02.
    """
    y, sigma = (np.asarray(value, dtype=float).reshape(-1, 1) for value in (y, sigma))
    if not (sigma > 0).all():
        raise ValueError("sigma: expected more than zero years")
    return ndtr((points - y) / sigma)


def cumulative_matrix(K: int) -> Array:
    """`T` (K, K): ones on and below the diagonal, so that `T p` is the cumulative sum of p.

    It ties ranking to label distributions: `p_rank ~ 1 - T p` (first K-1 entries), and exactly
    `E[l] = l_0 + dl sum_k (1 - T p)_k`. Lesson 02.
    """
    return np.tri(K)


def ranking_code(y: ArrayLike, grid: Grid) -> Array:
    """`p_rank_k = 1[y >= l_k + dl/2]`: the ranking code of the nearest label, (N, K-1).

    Each entry answers "is this person older than the border between labels k and k + 1?".

    >>> ranking_code([1.6], np.arange(4.0)).tolist()
    [[1.0, 1.0, 0.0]]
    """
    return (np.asarray(y, dtype=float)[:, None] >= borders(grid)).astype(float)


def borders(grid: Grid) -> Array:
    """The midpoints between neighboring labels: (K-1,), years."""
    return (grid[:-1] + grid[1:]) / 2


def nearest(y: ArrayLike, grid: Grid) -> Array:
    """The index (N,) of the label nearest to each age; at a border, of the upper one."""
    return np.searchsorted(borders(grid), y, side="right")


def balancing_weights(ages: ArrayLike, grid: Grid) -> Array:
    """The weight w (N,) of each photo with which every age counts about alike; their mean is 1.

        w_n ~ 1 / s(y_n),     s_k = sum_j exp(-(l_j - l_k)^2 / (2 * 2^2)) n_j,     |l_j - l_k| <= 2

    n_j of the N photos have l_j as their nearest label; s is that histogram, smoothed over two
    years, since neighboring ages look alike. Weights are cut off at ten times their median.
    Source: Yang, Zha, Chen, Wang and Katabi, ICML 2021: label distribution smoothing; width and
    sigma are those of its published code, the cut is ours.

    >>> balancing_weights([30, 30, 30, 60], label_grid()).round(4)  # 1/3, 1/3, 1/3 and 1
    array([0.6667, 0.6667, 0.6667, 2.    ])
    """
    step, k = grid[1] - grid[0], nearest(ages, grid)
    reach = int(SMOOTHED / step + 1e-9)
    kernel = np.exp(-((step * np.arange(-reach, reach + 1)) ** 2) / (2 * SMOOTHED**2))
    n = np.bincount(k, minlength=len(grid))
    w = 1 / np.convolve(n, kernel)[reach : reach + len(grid)][k]
    w = np.minimum(w, HEAVIEST * np.median(w))
    return w / w.mean()


def standard_deviation(p: Distributions, grid: Grid) -> Ages:
    """The width (N,) of each distribution p (N, K) on the grid, years.

        sqrt(sum_k p_k (l_k - m)^2),     m = sum_k p_k l_k

    >>> standard_deviation(np.array([[0.5, 0.5]]), np.array([20.0, 30.0]))
    array([5.])
    """
    mean = p @ grid
    return np.sqrt((p * (grid - mean[:, None]) ** 2).sum(axis=1))
