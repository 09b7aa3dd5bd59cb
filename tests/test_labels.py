"""Label distributions, CDF, T and ranking code against SciPy, hand numbers, and identities."""

from math import erfc

import numpy as np
import pytest
from scipy.ndimage import convolve1d
from scipy.special import log_ndtr
from scipy.stats import norm

from tinydldl.labels import (
    balancing_weights,
    cumulative_matrix,
    gaussian_cdf,
    gaussian_label_distribution,
    label_grid,
    ranking_code,
)

AGES = label_grid()


def test_grid():
    assert AGES.tolist() == list(range(101))
    assert label_grid(step=0.25)[[0, 1, -1]].tolist() == [0, 0.25, 100]
    assert len(label_grid(step=0.25)) == 401


@pytest.mark.parametrize("step", [0, -1, 3, 200, 1e-5, 1e-320, float("nan")])
def test_a_step_that_does_not_divide_the_range_is_refused(step):
    with pytest.raises(ValueError, match="expected a number that divides 100"):
        label_grid(step=step)


def test_distribution_is_the_normalized_density():
    y, sigma = np.array([0.0, 33.3, 50.0, 100.0]), np.array([2.0, 1.0, 4.5, 0.3])
    density = norm.pdf(AGES, y[:, None], sigma[:, None])
    expected = density / density.sum(axis=1, keepdims=True)
    p = gaussian_label_distribution(y, sigma, AGES)
    np.testing.assert_allclose(p, expected, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-15)


def test_bias_at_the_ends():
    p = gaussian_label_distribution([0.0, 50.0], [2.0, 2.0], AGES)
    assert p[0] @ AGES == pytest.approx(1.302, abs=5e-4)
    assert p[1] @ AGES == pytest.approx(50, abs=1e-12)


def test_small_and_zero_sigma():
    y = [20.0, 20.3, 20.5, 20.3]
    p = gaussian_label_distribution(y, [0.0, 0.0, 0.0, 1e-200], AGES)
    assert p[0, 20] == p[1, 20] == p[3, 20] == 1
    assert p[2, 20:22].tolist() == [0.5, 0.5]
    np.testing.assert_array_equal(p.sum(axis=1), 1)
    far = gaussian_label_distribution([150.0], [0.01], AGES)
    assert far[0, 100] == 1


def test_one_sigma_for_all():
    y = [3.0, 70.5]
    for function in (gaussian_label_distribution, gaussian_cdf):
        np.testing.assert_array_equal(function(y, 2.0, AGES), function(y, [2.0, 2.0], AGES))


def test_negative_sigma_is_refused():
    with pytest.raises(ValueError, match="sigma: expected zero or more"):
        gaussian_label_distribution([20.0], [-1.0], AGES)
    with pytest.raises(ValueError, match="sigma: expected more than zero"):
        gaussian_cdf([20.0], [0.0], AGES)


def test_cdf_agrees_with_scipy():
    y, sigma = np.array([3.0, 70.5]), np.array([2.0, 0.7])
    expected = norm.cdf(AGES, y[:, None], sigma[:, None])
    np.testing.assert_allclose(gaussian_cdf(y, sigma, AGES), expected, atol=1e-15)


def test_cdf_keeps_both_tails():
    y, sigma = np.array([60.0]), np.array([2.0])
    far = gaussian_cdf(y, sigma, [42.0])[0, 0]
    assert far == pytest.approx(1.1285884059538e-19, rel=1e-12, abs=0)
    points = np.linspace(-10, 100, 1001)
    z = (points - 60) / 2
    c = gaussian_cdf(y, sigma, points)[0]
    np.testing.assert_allclose(c, np.exp(log_ndtr(z)), rtol=1e-12)
    np.testing.assert_allclose(c, [erfc(-x / 2**0.5) / 2 for x in z], rtol=1e-12)
    np.testing.assert_allclose(c, 1 - gaussian_cdf(y, sigma, 120 - points)[0], atol=1e-15)


def test_cumulative_matrix():
    assert cumulative_matrix(3).tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    p = np.array([0.2, 0.3, 0.5])
    np.testing.assert_allclose(cumulative_matrix(3) @ p, np.cumsum(p))


def test_cumulative_sum_matches_the_cdf_at_the_upper_edges_of_the_bins():
    y = np.arange(20.0, 81)
    for sigma, gap in ((2.0, 0.0024), (1.0, 0.0083)):
        sigmas = np.full(len(y), sigma)
        Tp = gaussian_label_distribution(y, sigmas, AGES) @ cumulative_matrix(101).T
        largest = np.abs(Tp - gaussian_cdf(y, sigmas, AGES + 0.5)).max()
        assert largest == pytest.approx(gap, abs=1e-4)


def test_ranking_code_at_a_border_is_that_of_the_label_above():
    assert ranking_code([0.5, 0.4999], np.arange(3.0)).tolist() == [[1, 0], [0, 0]]


def test_soft_and_hard_ranking_code_differ_by_at_most_a_half():
    y, sigma = np.arange(10.0, 90), np.full(80, 2.0)
    soft = 1 - (gaussian_label_distribution(y, sigma, AGES) @ cumulative_matrix(101).T)[:, :-1]
    assert np.abs(ranking_code(y, AGES) - soft).max() == pytest.approx(0.40, abs=5e-3)
    soft = 1 - (gaussian_label_distribution(y + 0.5, sigma, AGES) @ cumulative_matrix(101).T)
    assert np.abs(ranking_code(y + 0.5, AGES) - soft[:, :-1]).max() == pytest.approx(0.5, abs=1e-7)


def test_balancing_weights_by_hand():
    """13 is two years from 11 and three from 10; 40.4 counts at 40, where nobody is near."""
    a, b = np.exp(-1 / 8), np.exp(-4 / 8)  # the kernel one and two years away
    smoothed = np.array([2 + a, 2 + a, 1 + 2 * a + b, 1 + b, 1, 1])
    expected = 1 / smoothed
    w = balancing_weights([10, 10, 11, 13, 40.4, 100], AGES)
    np.testing.assert_allclose(w, expected / expected.mean(), rtol=1e-14)


@pytest.mark.parametrize(
    ("step", "near"),  # the kernel at 1.5 years, at 2 (11.5 is nearest to 12), and in one bin
    [(0.5, np.exp(-(1.5**2) / 8)), (2, np.exp(-(2**2) / 8)), (5, 1)],
)
def test_the_histogram_is_smoothed_over_years_not_labels(step, near):
    inverse = 1 / np.array([2 + near, 2 + near, 1 + 2 * near])
    w = balancing_weights([10, 10, 11.5], label_grid(step=step))
    np.testing.assert_allclose(w, inverse / inverse.mean(), rtol=1e-14)


def test_balancing_weights_agree_with_scipy(rng):
    ages = np.concatenate([rng.uniform(0, 100, 500), [0, 1, 99, 100]])
    counts = np.histogram(ages, np.arange(-0.5, 101))[0].astype(float)
    smoothed = convolve1d(counts, norm.pdf(np.arange(-2, 3), scale=2), mode="constant")
    expected = 1 / smoothed[(ages + 0.5).astype(int)]
    w = balancing_weights(ages, AGES)
    assert expected.max() < 10 * np.median(expected)
    np.testing.assert_allclose(w, expected / expected.mean(), rtol=1e-12)


def test_no_weight_is_above_ten_times_the_median_and_their_mean_is_1():
    ages = np.repeat([50.0, 70.0, 90.0], [1000, 150, 1])
    common, fewer, one = balancing_weights(ages, AGES)[[0, 1000, 1150]]
    assert fewer / common == pytest.approx(1000 / 150)
    assert one / common == pytest.approx(10)
    assert (1000 * common + 150 * fewer + one) / 1151 == pytest.approx(1)
