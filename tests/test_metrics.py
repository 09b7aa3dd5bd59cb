"""Metrics by hand, against SciPy and python-ldl, by brute force, and on draws from p_hat itself."""

from functools import partial

import numpy as np
import pytest
from scipy.spatial import distance
from scipy.special import rel_entr
from scipy.stats import beta, energy_distance, norm, t

from tinydldl import metrics
from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.metrics import cumulative_score, epsilon_error, mae, typical_annotator_error

GRID = label_grid(0, 100)
P, P_HAT = np.array([[0.5, 0.5, 0.0, 0.0]]), np.array([[0.25, 0.25, 0.5, 0.0]])


@pytest.fixture
def pair(rng):
    """Two label distributions of each of seven photos, all entries positive: p, p_hat (7, 101)."""
    return rng.dirichlet(np.ones(101), (2, 7))


# --- The age --------------------------------------------------------------------------------------


def test_mae_by_hand():
    assert mae(np.array([1.0, 5.0, 9.0]), np.array([2.0, 5.0, 7.0])) == 1.0


def test_a_column_of_estimates_beside_a_row_of_ages_is_refused():
    y = np.array([30.0, 40.0, 50.0])
    for measure in (mae, partial(epsilon_error, sigma=y), partial(cumulative_score, n=5)):
        with pytest.raises(ValueError, match=r"y_hat \(3, 1\) and y \(3,\): expected the same"):
            measure(y[:, None], y)
    assert mae(40.0, y) == pytest.approx(20 / 3), "one estimate for all is none of these"


@pytest.mark.parametrize(
    ("y_hat", "y", "sigma", "expected"),
    [
        ([30, 31, 26], [30, 30, 30], [5, 1, 2], 1 - (1 + np.exp(-0.5) + np.exp(-2)) / 3),
        ([30 + 2**-30], [30], [2], 2.0**-63),  # 1 - exp(-z^2 / 2) is z^2 / 2 there
        ([30, 30, 31], [30, 30, 30], [0, 0, 0], 1 / 3),  # without spread only the exact count
        ([30, 30, 31], [30, 31, 30], [1e-200, 1e-200, 1e200], 1 / 3),
    ],
)
def test_epsilon_error_by_hand(y_hat, y, sigma, expected):
    y_hat, y, sigma = (np.array(values, dtype=float) for values in (y_hat, y, sigma))
    assert epsilon_error(y_hat, y, sigma) == pytest.approx(expected, rel=1e-12, abs=0)


def within_noise(scores, expected):
    """The mean of independent scores is within four standard errors of what is expected."""
    return abs(scores.mean() - expected) < 4 * scores.std() / np.sqrt(len(scores))


def annotator_scores(votes, guess):
    """`1 - exp(-d^2 / 2)` of each guess (N,), evaluated by votes (N, n): their mean is epsilon."""
    d = (guess - votes.mean(axis=1)) / votes.std(axis=1)
    scores = 1 - np.exp(-(d**2) / 2)
    epsilon = epsilon_error(guess, votes.mean(axis=1), votes.std(axis=1))
    assert epsilon == pytest.approx(scores.mean(), rel=1e-12)
    return scores


@pytest.mark.parametrize("n", [3, 10, 38])
def test_a_typical_annotator_is_as_far_off_as_simulated_ones(n, rng):
    sigma = rng.uniform(1, 5, (40_000, 1))
    votes = 40 + sigma * rng.standard_normal((40_000, n))
    fresh = 40 + sigma[:, 0] * rng.standard_normal(40_000)
    one, another = annotator_scores(votes, votes[:, 0]), annotator_scores(votes, fresh)
    assert within_noise(one, typical_annotator_error(n))
    assert within_noise(another, typical_annotator_error(n, fresh=True))
    assert not within_noise(one, typical_annotator_error(n, fresh=True))
    assert not within_noise(another, typical_annotator_error(n))


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
def test_a_typical_annotator_by_quadrature(n):
    fresh = t(n - 1).expect(lambda x: np.exp(-(n + 1) / (n - 1) * x**2 / 2))
    assert typical_annotator_error(n, fresh=True) == pytest.approx(1 - fresh, abs=1e-7)
    if n > 2:  # with two votes, both are at a distance of exactly sigma
        one = beta(0.5, (n - 2) / 2).expect(lambda x: np.exp(-(n - 1) * x / 2))
        assert typical_annotator_error(n) == pytest.approx(1 - one, abs=1e-7)


def test_a_typical_annotator_at_both_ends():
    assert typical_annotator_error(2) == pytest.approx(1 - np.exp(-0.5), rel=1e-14)
    limit = norm.expect(lambda x: 1 - np.exp(-(x**2) / 2))
    assert typical_annotator_error() == pytest.approx(limit, abs=1e-9)
    for fresh in (False, True):
        assert typical_annotator_error(10**6, fresh) == pytest.approx(limit, abs=1e-5)
    with pytest.raises(ValueError, match="votes 1: expected two or more"):
        typical_annotator_error(1)


def test_cumulative_score_by_hand():
    y_hat, y = np.array([[30.0, 35.0, 20.0, 61.0], [30.0, 30.0, 23.0, 50.0]])
    assert metrics.cumulative_score(y_hat, y, 4) == 0.5
    scores = metrics.cumulative_score(y_hat, y, np.array([[0, 3], [5, 11]]))
    assert scores.tolist() == [[0.25, 0.5], [0.75, 1.0]]


def test_decades_by_hand():
    y_hat, y = np.array([[12.0, 9.0, 50.0, 61.5, 70.0], [10.0, 9.9, 55.0, 60.0, 69.9]])
    rows = metrics.by_decade(y_hat, y)
    assert [row["decade"] for row in rows] == [0, 10, 50, 60]
    assert [row["count"] for row in rows] == [1, 1, 1, 2]
    assert [row["mae"] for row in rows] == pytest.approx([0.9, 2, 5, 0.8])
    assert [row["bias"] for row in rows] == pytest.approx([-0.9, 2, -5, 0.8])


def test_decades_add_up_to_the_whole(rng):
    y = rng.uniform(0, 100, 500)
    y_hat = y + rng.standard_normal(500)
    rows = metrics.by_decade(y_hat, y)
    assert sum(row["count"] for row in rows) == 500
    for name, whole in (("mae", mae(y_hat, y)), ("bias", (y_hat - y).mean())):
        assert sum(row["count"] * row[name] for row in rows) / 500 == pytest.approx(whole)


def test_the_balanced_mae_is_the_mean_of_decades_with_ten_photos_or_more():
    y = np.repeat([25.0, 75.0, 85.0, 95.0], [40, 10, 9, 2])
    y_hat = y + np.repeat([1.0, -8.0, 30.0, 2.0], [40, 10, 9, 2])
    assert metrics.balanced_mae(metrics.by_decade(y_hat, y)) == 4.5
    assert metrics.balanced_mae(metrics.by_decade(y_hat[:9], y[:9])) is None


# --- Label distributions --------------------------------------------------------------------------


def test_the_six_by_hand():
    assert metrics.chebyshev(P_HAT, P) == 0.5
    assert metrics.clark(P_HAT, P) == pytest.approx(np.sqrt(1 / 9 + 1 / 9 + 1))
    assert metrics.canberra(P_HAT, P) == pytest.approx(1 / 3 + 1 / 3 + 1)
    assert metrics.kl(P_HAT, P) == pytest.approx(np.log(2))
    assert metrics.cosine(P_HAT, P) == pytest.approx(0.25 / np.sqrt(0.5 * 0.375))
    assert metrics.intersection(P_HAT, P) == 0.5


def test_the_six_against_scipy(pair):
    p, p_hat = pair
    ratio = np.abs(p - p_hat) / (p + p_hat)
    expected = {
        "chebyshev": [distance.chebyshev(*row) for row in zip(p, p_hat, strict=True)],
        "clark": np.linalg.norm(ratio, axis=1),
        "canberra": [distance.canberra(*row) for row in zip(p, p_hat, strict=True)],
        "kl": rel_entr(p, p_hat).sum(axis=1),
        "cosine": [1 - distance.cosine(*row) for row in zip(p, p_hat, strict=True)],
        "intersection": [1 - distance.cityblock(*row) / 2 for row in zip(p, p_hat, strict=True)],
    }
    for name, values in expected.items():
        assert getattr(metrics, name)(p_hat, p) == pytest.approx(np.mean(values), rel=1e-12)


def test_the_six_against_python_ldl(pair):
    p, p_hat = pair
    pyldl = pytest.importorskip("pyldl.metrics", reason="python-ldl is not installed")
    names = {name: name for name in ("chebyshev", "clark", "canberra", "cosine", "intersection")}
    for ours, theirs in (names | {"kl": "kl_divergence"}).items():
        expected = getattr(pyldl, theirs)(p, p_hat)
        assert getattr(metrics, ours)(p_hat, p) == pytest.approx(expected, rel=1e-12)


def test_the_six_of_a_perfect_prediction():
    p = gaussian_label_distribution([0.0, 40.3], [2.0, 5.0], GRID).astype(np.float32)
    assert (p == 0).any()
    for distance_from in (metrics.chebyshev, metrics.clark, metrics.canberra, metrics.kl):
        assert distance_from(p, p) == pytest.approx(0, abs=1e-30)
    for similarity in (metrics.cosine, metrics.intersection):
        assert similarity(p, p) == pytest.approx(1, abs=1e-6)


def test_kl_of_what_was_held_impossible_is_large_and_finite():
    p, p_hat = np.array([[0.5, 0.5, 0.0]]), np.array([[0.0, 0.5, 0.5]], dtype=np.float32)
    expected = 0.5 * np.log(0.5) + 0.5 * 126 * np.log(2)  # the smallest normal float32 is 2^-126
    assert metrics.kl(p_hat, p) == pytest.approx(expected, rel=1e-12)


def test_clark_and_canberra_see_tails_that_the_others_do_not():
    p = gaussian_label_distribution([50.0], [2.0], GRID)
    p_hat = np.maximum(p, 1e-12)
    assert metrics.kl(p_hat, p) == pytest.approx(0, abs=1e-10)
    assert metrics.intersection(p_hat, p) == pytest.approx(1, abs=1e-9)
    assert metrics.canberra(p_hat, p) > 60


def test_two_shapes_are_refused():
    for name in ("chebyshev", "clark", "canberra", "kl", "cosine", "intersection"):
        with pytest.raises(ValueError, match=r"one shape, got \(4,\) and \(1, 4\)"):
            getattr(metrics, name)(P_HAT[0], P)


# --- Predicted distributions and the true age -----------------------------------------------------


def test_negative_log_likelihood_by_hand():
    grid, y = np.array([0.0, 4.0, 8.0]), np.array([1.9, 2.0, 9.0])
    p_hat = np.array([[0.5, 0.25, 0.25]] * 3)
    expected = (np.log(8) + np.log(16) + np.log(16)) / 3
    assert metrics.negative_log_likelihood(p_hat, y, grid) == pytest.approx(expected)
    certain = np.array([[0.0, 1.0]], dtype=np.float32)
    sure = metrics.negative_log_likelihood(certain, np.array([0.0]), np.array([0.0, 0.5]))
    assert sure == pytest.approx(126 * np.log(2) + np.log(0.5), rel=1e-12)


def test_negative_log_likelihood_is_that_of_the_density_at_every_step():
    y, center, sigma = np.array([20.0, 33.0, 61.0]), np.array([22.0, 33.0, 58.0]), np.full(3, 4.0)
    expected = -norm.logpdf(y, center, sigma).mean()
    for step in (0.25, 0.5, 1.0):
        grid = label_grid(step=step)
        p_hat = gaussian_label_distribution(center, sigma, grid)
        value = metrics.negative_log_likelihood(p_hat, y, grid)
        assert value == pytest.approx(expected, abs=1e-4)


def test_crps_by_hand():
    grid, y = np.array([0.0, 4.0]), np.array([1.0])
    for p_hat, expected in (([0.5, 0.5], 1 / 4 + 3 / 4), ([0.75, 0.25], 9 / 16 + 3 / 16)):
        assert metrics.crps(np.array([p_hat]), y, grid) == pytest.approx(expected)


def test_crps_is_the_integral(rng):
    p_hat, y = rng.dirichlet(np.ones(11), 4), np.array([-1.0, 0.0, 4.3, 10.5])
    grid = label_grid(0, 10)
    a = (np.arange(-2000, 12_000) + 0.5) / 1000  # the middle of each slice of a thousandth
    for p, age in zip(p_hat, y, strict=True):
        F = np.append(0, np.cumsum(p))[np.searchsorted(grid, a)]
        integral = ((F - (a >= age)) ** 2).sum() / 1000
        assert metrics.crps(p[None], np.array([age]), grid) == pytest.approx(integral, rel=1e-9)


def test_crps_against_scipy(pair):
    p_hat, y = pair[0], np.array([3.0, 20.5, 31.0, 44.4, 60.0, 90.1, 100.0])
    energy = [energy_distance(GRID, [age], p) ** 2 / 2 for p, age in zip(p_hat, y, strict=True)]
    assert metrics.crps(p_hat, y, GRID) == pytest.approx(np.mean(energy), rel=1e-9)


def test_crps_of_a_point_mass_is_the_absolute_error():
    y_hat, y = np.array([30, 41, 77]), np.array([33.5, 41.0, 70.25])
    assert metrics.crps(np.eye(101)[y_hat], y, GRID) == mae(y_hat, y)


def test_probability_integral_transform_by_hand():
    grid, p_hat = np.array([0.0, 2.0, 4.0]), np.array([[0.5, 0.25, 0.25]])
    u = {-3.0: 0, -1.0: 0, 0.0: 0.25, 1.0: 0.5, 1.5: 0.5625, 4.0: 0.875, 5.0: 1, 7.0: 1}
    eight = np.repeat(p_hat, 8, axis=0)
    found = metrics.probability_integral_transform(eight, np.array([*u]), grid)
    np.testing.assert_allclose(found, [*u.values()], atol=1e-15)


def test_coverage_by_hand():
    grid, p_hat = np.array([0.0, 2.0, 4.0]), np.array([[0.5, 0.25, 0.25]] * 4)
    y = np.array([0.0, 1.0, 1.5, 4.0])  # u = 1/4, 1/2, 9/16, 7/8
    assert metrics.coverage(p_hat, y, grid, 0.5) == 0.75
    assert metrics.coverage(p_hat, y, grid, np.array([0, 0.1, 0.125, 0.75, 1])).tolist() == [
        *(0.25, 0.25, 0.5, 1.0, 1.0)
    ]


def test_draws_from_the_predicted_distributions_are_calibrated(rng):
    N, step, q = 20_000, 2.0, np.array([0.1, 0.5, 0.8, 0.95])
    grid = label_grid(step=step)
    center, sigma = rng.uniform(0, 100, N), rng.uniform(2, 9, N)
    p_hat = gaussian_label_distribution(center, sigma, grid)
    k = (np.cumsum(p_hat, axis=1) < rng.uniform(size=(N, 1))).sum(axis=1)
    y = grid[k] + step * rng.uniform(-0.5, 0.5, N)
    noise = 4 * np.sqrt(q * (1 - q) / N)
    assert (np.abs(metrics.coverage(p_hat, y, grid, q) - q) < noise).all()
    for factor, sign in ((0.5, -1), (2, 1)):  # too narrow: overconfident; too wide: underconfident
        wrong = gaussian_label_distribution(center, factor * sigma, grid)
        assert (sign * (metrics.coverage(wrong, y, grid, q) - q) > noise).all()


def test_the_coverage_of_votes_is_that_of_votes_drawn_one_by_one(rng):
    """Those of p, in a p_hat that is right, too narrow, too wide, or elsewhere."""
    q, N = np.array([0.2, 0.5, 0.8, 0.9]), 20_000
    p = gaussian_label_distribution([40.3], [5.0], GRID)
    votes = rng.choice(GRID, N, p=p[0])
    for center, sigma in ((40.3, 5.0), (40.3, 2.5), (40.3, 9.0), (44.0, 5.0)):
        p_hat = gaussian_label_distribution([center], [sigma], GRID)
        drawn = metrics.coverage(np.repeat(p_hat, N, axis=0), votes, GRID, q)
        found = metrics.vote_coverage(p_hat, p, q)
        assert (np.abs(found - drawn) < 4 * np.sqrt(drawn * (1 - drawn) / N)).all()
        off = (found - q)[1:]  # labels are too coarse for 0.2
        if (center, sigma) != (40.3, 5.0):
            assert (off > 0.04).all() if sigma > 5 else (off < -0.04).all()
    assert metrics.vote_coverage(p, p, 1) == pytest.approx(1)


def test_distributions_of_float32_are_covered_in_full(rng):
    p_hat = rng.dirichlet(np.ones(101), 2000).astype(np.float32)
    assert (np.cumsum(p_hat, axis=1, dtype=float)[:, -1] > 1).any()
    assert metrics.coverage(p_hat, np.full(2000, 100.5), GRID, 1) == 1
