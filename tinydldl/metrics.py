"""How far estimates are from the truth, on the host.

First the age: estimates y_hat and true ages y (N,), in years. Then the whole distribution:
predicted p_hat and true p (N, K) on the label grid (K,). All are means over the photos. Lesson 10.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import hyp1f1, poch

from tinydldl.arrays import Ages, Array, Distributions, Grid
from tinydldl.labels import nearest

# Of float32; a softmax holds a little less than this with ever fewer digits, and then 0. Clipped
# to it, the nearly impossible costs 87 nats, not infinity: KL and NLL are lower bounds below it.
SMALLEST = float(np.finfo(np.float32).smallest_normal)
FEWEST = 10  # photos of a decade in `balanced_mae`


# --- The age --------------------------------------------------------------------------------------


def error_of(y_hat: Ages | float, y: Ages) -> Array:
    """`y_hat - y`, years; one estimate for all photos may be a number.

    Raises ValueError for a column beside a row, which would become a matrix of all differences.
    """
    error = np.subtract(y_hat, y)
    if error.size > max(np.size(y_hat), np.size(y)):
        shapes = f"y_hat {np.shape(y_hat)} and y {np.shape(y)}"
        raise ValueError(f"{shapes}: expected the same shape, an estimate for each age")
    return error


def mae(y_hat: Ages | float, y: Ages) -> float:
    """Mean absolute error, years: `mean |y_hat - y|`. Smaller is better.

    >>> mae(np.array([20.0, 33.0]), np.array([21.0, 30.0]))
    2.0
    """
    return float(np.abs(error_of(y_hat, y)).mean())


def epsilon_error(y_hat: Ages | float, y: Ages, sigma: Ages) -> float:
    """`1 - mean exp(-(y_hat - y)^2 / (2 sigma^2))`, between 0 and 1. Smaller is better.

    An error counts less where the annotators themselves disagree. A photo with sigma = 0 counts 0
    if the estimate is exact, else 1. Source: ChaLearn LAP 2015.

    >>> y_hat, y, sigma = np.array([[20.0, 22.0, 5.0], [20.0, 20.0, 5.0], [1.0, 2.0, 0.0]])
    >>> round(epsilon_error(y_hat, y, sigma), 4)  # (1 - exp(-1/2)) / 3
    0.1312
    """
    error = np.abs(error_of(y_hat, y))
    with np.errstate(over="ignore"):  # exp(-inf) is 0, as it should be
        z = np.divide(error, sigma, out=np.where(error == 0, 0.0, np.inf), where=sigma > 0)
        return float(-np.expm1(-(z**2) / 2).mean())


def typical_annotator_error(votes: int | None = None, fresh: bool = False) -> float:
    """The epsilon-error to expect of one annotator, whose guesses are Gaussian like the others'.

    A photo's y and sigma are the mean and standard deviation (divisor n) of its n `votes`. The
    annotator's guess is one of them or, if `fresh`, a new one; with `votes=None` there are so many
    that it does not matter. Raises ValueError for fewer than two votes. Lesson 10.

    >>> [round(typical_annotator_error(*case), 3) for case in ((), (10,), (10, True))]
    [0.293, 0.308, 0.353]
    """
    if votes is None:
        return 1 - 0.5**0.5
    if votes < 2:
        raise ValueError(f"votes {votes}: expected two or more, since one has no spread")
    freedom = votes - 1
    if not fresh:
        # The deviations from the mean are a vector of length sigma sqrt(n) with a random direction
        # in n - 1 dimensions. Its squared cosine with any fixed direction is Beta(1/2, (n - 2)/2),
        # and (guess - y)^2 / sigma^2 is n - 1 times that. hyp1f1 is the mean of exp(a Beta).
        return float(1 - hyp1f1(0.5, freedom / 2, -freedom / 2))
    # guess - y has variance (n + 1)/n, and (guess - y) / sigma is sqrt((n + 1)/(n - 1)) times
    # Student's t. The trapezoidal rule is exact to the last digits for so smooth a hump.
    t, step = np.linspace(-9, 9, 1801, retstep=True)
    scale = poch(freedom / 2, 0.5) / np.sqrt(np.pi * freedom)
    density = scale * (1 + t**2 / freedom) ** (-votes / 2)
    return float(1 - step * (density * np.exp(-(votes + 1) / freedom * t**2 / 2)).sum())


def cumulative_score(y_hat: Ages | float, y: Ages, n: ArrayLike) -> Array:
    """CS(n), the share (0..1) of photos with `|y_hat - y| <= n` years. Larger is better.

    n is a number or an array, and so is the result. Source: Geng, Zhou and Smith-Miles, TPAMI 2007.

    >>> y_hat, y = np.array([[20.0, 33.0, 41.0], [21.0, 30.0, 50.0]])
    >>> cumulative_score(y_hat, y, np.array([0, 1, 5])).round(3).tolist()
    [0.0, 0.333, 0.667]
    """
    return (np.abs(error_of(y_hat, y)) <= np.asarray(n)[..., None]).mean(axis=-1)


def by_decade(y_hat: Ages, y: Ages) -> list[dict[str, Any]]:
    """MAE and bias of each decade of true age that occurs: a list of dicts, the youngest first.

    `decade` is its first year, `count` the number of photos, `bias = mean (y_hat - y)`, in years:
    positive if the estimates are too old. Nearer to 0 is better.

    >>> by_decade(np.array([12.0, 30.0]), np.array([19.0, 38.0]))[1]
    {'decade': 30, 'count': 1, 'mae': 8.0, 'bias': -8.0}
    """
    decades = (10 * np.floor(y / 10)).astype(int)
    rows = []
    for decade in np.unique(decades):
        chosen = decades == decade
        error = y_hat[chosen] - y[chosen]
        measures = {"mae": float(np.abs(error).mean()), "bias": float(error.mean())}
        rows.append({"decade": int(decade), "count": len(error)} | measures)
    return rows


def balanced_mae(decades: list[dict[str, Any]]) -> float | None:
    """The mean of the MAE of decades, as of `by_decade`, years. Smaller is better.

    Each counts alike, but for those of fewer than ten photos, mostly luck. None if none is left.
    """
    errors = [row["mae"] for row in decades if row["count"] >= FEWEST]
    return float(np.mean(errors)) if errors else None


# --- Label distributions, compared with the true ones ---------------------------------------------
# The six measures of Geng, "Label Distribution Learning", IEEE TKDE 2016, computed in float64.
# Four are distances (0 for p_hat = p, smaller is better) and two are similarities (1 for
# p_hat = p, larger is better). Clark and Canberra weigh every label alike, also those where both
# numbers are next to nothing, so on 101 labels they mostly compare tails.


def chebyshev(p_hat: Distributions, p: Distributions) -> float:
    """Chebyshev distance, 0..1: `mean_n max_k |p_k - p_hat_k|`. Smaller is better.

    >>> chebyshev(np.array([[0.25, 0.25, 0.5]]), np.array([[0.5, 0.5, 0.0]]))
    0.5
    """
    p_hat, p = _float64(p_hat, p)
    return float(np.abs(p - p_hat).max(axis=1).mean())


def clark(p_hat: Distributions, p: Distributions) -> float:
    """Clark distance, 0..sqrt(K): `mean_n sqrt(sum_k (p_k - p_hat_k)^2 / (p_k + p_hat_k)^2)`.

    Smaller is better. 0/0 counts 0.
    """
    return float(np.sqrt((_relative_difference(p_hat, p) ** 2).sum(axis=1)).mean())


def canberra(p_hat: Distributions, p: Distributions) -> float:
    """Canberra distance, 0..K: `mean_n sum_k |p_k - p_hat_k| / (p_k + p_hat_k)`, 0/0 is 0."""
    return float(_relative_difference(p_hat, p).sum(axis=1).mean())


def kl(p_hat: Distributions, p: Distributions) -> float:
    """Kullback-Leibler divergence, nats: `mean_n sum_k p_k ln(p_k / p_hat_k)`. Smaller is better.

    0 ln 0 counts 0, and a p_hat below SMALLEST, 1.2e-38, counts as that.

    >>> round(kl(np.array([[0.25, 0.25, 0.5]]), np.array([[0.5, 0.5, 0.0]])), 4)  # ln 2
    0.6931
    """
    p_hat, p = _float64(p_hat, p)
    ratio = np.where(p > 0, p, 1) / np.where(p > 0, np.maximum(p_hat, SMALLEST), 1)
    return float((p * np.log(ratio)).sum(axis=1).mean())


def cosine(p_hat: Distributions, p: Distributions) -> float:
    """Cosine similarity, 0..1: `mean_n sum_k p_k p_hat_k / (|p| |p_hat|)`. Larger is better."""
    p_hat, p = _float64(p_hat, p)
    lengths = np.linalg.norm(p, axis=1) * np.linalg.norm(p_hat, axis=1)
    return float(((p * p_hat).sum(axis=1) / lengths).mean())


def intersection(p_hat: Distributions, p: Distributions) -> float:
    """Intersection similarity, 0..1: `mean_n sum_k min(p_k, p_hat_k)`. Larger is better.

    It is 1 minus half the sum of `|p_k - p_hat_k|`: the mass that both share.
    """
    p_hat, p = _float64(p_hat, p)
    return float(np.minimum(p, p_hat).sum(axis=1).mean())


# --- Predicted distributions, compared with the true age ------------------------------------------
# Here p_hat_k is that of the bin of width dl (the grid's step) around label k, of constant density.


def negative_log_likelihood(p_hat: Distributions, y: Ages, grid: Grid) -> float:
    """`-mean ln(p_hat_k / dl)`, k the label nearest to y. Smaller is better.

    In nats; p_hat_k / dl is a density per year, so that grids of different steps compare. It can
    be negative. A p_hat below 1.2e-38 counts as that: see SMALLEST.

    >>> p_hat, y, grid = np.array([[0.5, 0.5]]), np.array([1.0]), np.array([0.0, 4.0])
    >>> round(negative_log_likelihood(p_hat, y, grid), 4)  # ln 8
    2.0794
    """
    p = p_hat[np.arange(len(y)), nearest(y, grid)].astype(float)
    return float(-np.log(np.maximum(p, SMALLEST) / (grid[1] - grid[0])).mean())


def crps(p_hat: Distributions, y: Ages, grid: Grid) -> float:
    """Continuous ranked probability score, years: the mean of `integral (F(a) - 1[a >= y])^2 da`.

    F is the distribution function of masses p_hat at the labels. Then the score is exactly
    `E|X - y| - E|X - X'| / 2`, X and X' drawn from p_hat: how far off, less half of what it admits
    to be uncertain. The absolute error, if the mass is on one label. Smaller is better. Source:
    Gneiting and Raftery, JASA 2007, equation 21.

    >>> crps(np.array([[0.5, 0.5]]), np.array([1.0]), np.array([0.0, 4.0]))  # 2 - 2 / 2
    1.0
    """
    F = np.cumsum(p_hat, axis=1, dtype=float)[:, :-1]
    distance = (p_hat * np.abs(grid - y[:, None])).sum(axis=1)
    half_spread = (F * (1 - F)) @ np.diff(grid)  # E|X - X'| is twice the integral of F (1 - F)
    return float((distance - half_spread).mean())


def probability_integral_transform(p_hat: Distributions, y: Ages, grid: Grid) -> Array:
    """`u = F(y)` (N,), in 0..1: where in its predicted distribution each true age fell.

    F is linear within the bins. If the ages are drawn from p_hat, then u is uniform. Source:
    Dawid, Journal of the Royal Statistical Society A, 1984.
    """
    k, rows = nearest(y, grid), np.arange(len(y))
    above = 0.5 - (y - grid[k]) / (grid[1] - grid[0])  # share of the bin that lies above y
    F = np.cumsum(p_hat, axis=1, dtype=float)[rows, k]
    return np.clip(F - p_hat[rows, k] * above, 0, 1)  # ages off the grid, sums near 1


def coverage(p_hat: Distributions, y: Ages, grid: Grid, q: ArrayLike) -> Array:
    """Share of true ages in the central q of their predicted distribution, for each of q.

        mean 1[|u - 1/2| <= q / 2],    u = F(y)

    q in 0..1 is a number or an array; the result has its shape. Perfect calibration: coverage = q;
    less is overconfident, more is underconfident. Whole ages are in the middle of a bin of step 1,
    so distributions that are no wider than a bin seem underconfident. Source: Gneiting,
    Balabdaoui and Raftery, Journal of the Royal Statistical Society B, 2007.
    """
    u = probability_integral_transform(p_hat, y, grid)
    return (np.abs(u - 0.5) <= np.asarray(q)[..., None] / 2).mean(axis=-1)


def vote_coverage(p_hat: Distributions, p: Distributions, q: ArrayLike) -> Array:
    """Share of single votes, which p describes, in the central q of p_hat, for each of q.

        1/N sum_nk p_k 1[|u_k - 1/2| <= q / 2],    u_k = F(l_k)

    As `coverage`, whose age is the mean of the votes and scatters less: what is calibrated here
    seems underconfident there. Lesson 10.

    >>> float(vote_coverage(np.full((1, 4), 0.25), np.array([[0.1, 0.2, 0.3, 0.4]]), 0.5))
    0.5
    """
    p_hat, p = _float64(p_hat, p)
    u = np.cumsum(p_hat, axis=1) - p_hat / 2  # in the middle of each bin
    inside = np.abs(u - 0.5) <= np.asarray(q)[..., None, None] / 2
    return (inside * p).sum(axis=-1).mean(axis=-1)


def _float64(p_hat: Distributions, p: Distributions) -> tuple[Distributions, Distributions]:
    """Both in float64. Raises ValueError for different shapes: they would be broadcast silently."""
    if np.shape(p) != np.shape(p_hat):
        raise ValueError(f"expected one shape, got {np.shape(p_hat)} and {np.shape(p)}")
    return np.asarray(p_hat, dtype=float), np.asarray(p, dtype=float)


def _relative_difference(p_hat: Distributions, p: Distributions) -> Array:
    """`|p - p_hat| / (p + p_hat)` (N, K), 0 where both are 0."""
    p_hat, p = _float64(p_hat, p)
    return np.abs(p - p_hat) / np.where(p + p_hat > 0, p + p_hat, 1)
