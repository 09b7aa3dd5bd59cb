"""Figures by hand and by SciPy, the lines that print them, the photos that the pictures show."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.special
import scipy.stats

from tinydldl import plots, report
from tinydldl.datasets import Photos
from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.methods import DLDLv2, Ranking, Regression
from tinydldl.report import Estimates

GRID = label_grid(0, 40, 10)
PHOTOS = Photos(
    [Path(f"folder/{name}.png") for name in "abcd"],
    ages=np.array([4.0, 12.0, 20.0, 38.0]),
    sigmas=np.array([2.0, 4.0, 0.0, 3.0]),
)
P_HAT = np.array(
    [
        [0.7, 0.3, 0.0, 0.0, 0.0],
        [0.1, 0.6, 0.3, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.5, 0.1, 0.4],
    ]
)
Y_HAT = np.array([3.0, 12.0, 20.0, 29.0])  # their expectations: 1, 0, 0 and 9 years off


@pytest.fixture
def estimates():
    return Estimates(PHOTOS, GRID, Y_HAT, P_HAT)


@pytest.fixture
def ages_alone():
    """The same from a method without a distribution."""
    return Estimates(PHOTOS, GRID, Y_HAT, None)


def test_estimates_of_each_kind_of_prediction():
    of_distribution = Estimates.of(DLDLv2(GRID), P_HAT, PHOTOS)
    np.testing.assert_allclose(of_distribution.y_hat, Y_HAT)
    assert of_distribution.p_hat is P_HAT
    code = np.array([[0.9, 0.6, 0.4, 0.1]] * 4)
    of_code = Estimates.of(Ranking(GRID), code, PHOTOS)
    assert of_code.y_hat.tolist() == [20] * 4  # two answers above 1/2
    np.testing.assert_allclose(of_code.p_hat, [[0.1, 0.3, 0.2, 0.3, 0.1]] * 4)
    of_number = Estimates.of(Regression(GRID), np.full((4, 1), 0.5), PHOTOS)
    assert of_number.y_hat.tolist() == [30] * 4
    assert of_number.p_hat is None


def test_mode_and_spread(estimates):
    assert estimates.mode.tolist() == [0, 10, 20, 20]
    variances = [21, 36, 0, 89]  # E[l^2] - E[l]^2: 30 - 9, 180 - 144, 0, 930 - 841
    np.testing.assert_allclose(estimates.spread, np.sqrt(variances), atol=1e-12)


def test_the_spread_is_around_the_mean_also_where_the_estimate_is_another():
    code = np.array([[0.9, 0.9, 0.4, 0.4]])
    estimates = Estimates.of(Ranking(GRID), code, PHOTOS.take([0]))
    labels = scipy.stats.rv_discrete(values=(np.arange(5), estimates.p_hat[0]))
    assert estimates.y_hat[0] == 20
    assert labels.mean() != pytest.approx(2)
    assert estimates.spread[0] == pytest.approx(10 * labels.std())


def test_figures_of_the_age_by_hand(ages_alone):
    figures = report.figures(ages_alone)
    assert figures["photos"] == 4
    assert figures["photos_with_sigma_0"] == 1
    assert figures["mae"] == 2.5
    exact = 1 - (np.exp(-1 / 8) + 1 + 1 + np.exp(-81 / 18)) / 4
    assert figures["epsilon_error"] == pytest.approx(exact)
    shares = figures["cumulative_score"]
    assert list(shares) == [str(n) for n in range(11)]
    assert [shares[n] for n in ("0", "1", "8", "9")] == [0.5, 0.75, 0.75, 1]
    assert figures["decades"] == [
        {"decade": 0, "count": 1, "mae": 1, "bias": -1},
        {"decade": 10, "count": 1, "mae": 0, "bias": 0},
        {"decade": 20, "count": 1, "mae": 0, "bias": 0},
        {"decade": 30, "count": 1, "mae": 9, "bias": -9},
    ]
    assert figures["balanced_mae"] is None  # no decade has ten photos
    assert not {"mode_mae", "kl", "crps", "coverage"} & figures.keys()


def test_figures_of_the_distribution(estimates):
    figures = report.figures(estimates)
    assert figures["mode_mae"] == (4 + 2 + 0 + 18) / 4
    p = gaussian_label_distribution(PHOTOS.ages, PHOTOS.sigmas, GRID)
    assert figures["chebyshev"] == pytest.approx(np.abs(p - P_HAT).max(axis=1).mean())
    assert figures["intersection"] == pytest.approx(np.minimum(p, P_HAT).sum() / 4)
    nearest = np.array([0.7, 0.6, 1.0, 0.4])  # p_hat of the bins 10 years wide with the true ages
    assert figures["negative_log_likelihood"] == pytest.approx(-np.log(nearest / 10).mean())
    energy = [
        scipy.stats.energy_distance(GRID, [y], p_hat) ** 2 / 2
        for y, p_hat in zip(PHOTOS.ages, P_HAT, strict=True)
    ]
    assert figures["crps"] == pytest.approx(np.mean(energy))
    # u = F(y): 0.7 * 0.9, 0.1 + 0.6 * 0.7, 0.5, 0.6 + 0.4 * 0.3; |u - 1/2|: 0.13 0.02 0 0.22
    assert figures["coverage"] == pytest.approx(
        {"0.1": 0.5, "0.2": 0.5, "0.3": 0.75, "0.4": 0.75, "0.5": 1}
        | {f"0.{q}": 1 for q in range(6, 10)}
    )
    off = np.abs(P_HAT.cumsum(axis=1) - P_HAT / 2 - 0.5)  # of each label, the middle of its bin
    votes = {f"{q:g}": (p * (off <= q / 2)).sum() / 4 for q in report.LEVELS}
    assert figures["vote_coverage"] == pytest.approx(votes)


def test_the_kl_divergence_is_of_the_target_from_the_prediction(rng):
    """Which of the two comes first matters, unlike for the other measures."""
    p_hat = rng.dirichlet(np.ones(5), 4)
    p = gaussian_label_distribution(PHOTOS.ages, PHOTOS.sigmas, GRID)
    expected = scipy.special.rel_entr(p, p_hat).sum() / 4
    figures = report.figures(Estimates(PHOTOS, GRID, p_hat @ GRID, p_hat))
    assert figures["kl"] == pytest.approx(expected)
    assert scipy.special.rel_entr(p_hat, p).sum() / 4 > 2 * expected


def test_figures_are_json_and_come_back(estimates):
    figures = report.figures(estimates)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def measures_in(lines):
    """{words: direction} of the lines that print one measure."""
    pattern = r"  (\S.*?)  +-?[\d.]+( nats| years)? +(smaller|larger) is better"
    matches = (re.fullmatch(pattern, line) for line in lines)
    return {match[1]: f"{match[3]} is better" for match in matches if match}


def test_lines_say_for_each_measure_which_direction_is_better(rng):
    """Estimates that come nearer to the truth move each measure in the direction that it says."""
    grid = label_grid()
    photos = Photos([Path()] * 50, rng.uniform(20, 60, 50), rng.uniform(2, 5, 50))
    p = gaussian_label_distribution(photos.ages, photos.sigmas, grid)
    far = gaussian_label_distribution(photos.ages + rng.choice([-9, 9], 50), np.full(50, 8.0), grid)
    poor, good = (
        report.figures(Estimates(photos, grid, p_hat @ grid, p_hat))
        for p_hat in (far, (far + 9 * p) / 10)
    )
    directions = measures_in(report.lines(good))
    assert len(directions) == 12
    for measures in (report.AGE, report.LABEL_DISTRIBUTION, report.TRUE_AGE):
        for name, (words, _, direction) in measures.items():
            assert directions[words] == direction
            gain = good[name] - poor[name]
            assert gain < 0 if direction == report.SMALLER else gain > 0, name


def test_lines_show_the_figures(estimates):
    figures = report.figures(estimates)
    lines = report.lines(figures)
    text = "\n".join(lines)
    assert lines[0] == "4 photos, 1 of them with sigma 0"
    assert "  MAE                        2.500 years    smaller is better" in lines
    assert "  MAE of the mode of p_hat   6.000 years    smaller is better" in lines
    assert f"KL divergence              {figures['kl']:.3f} nats " in text
    assert "    n          0     1     2     3     4     5     6     7     8     9    10" in lines
    assert "    share    50%   75%   75%   75%   75%   75%   75%   75%   75%  100%  100%" in lines
    assert "     30-39       1    9.00   -9.00" in lines
    assert "    q        0.1   0.2   0.3   0.4   0.5   0.6   0.7   0.8   0.9" in lines
    assert max(map(len, lines)) <= 100


def test_lines_of_a_method_without_a_distribution(ages_alone):
    lines = report.lines(report.figures(ages_alone))
    assert list(measures_in(lines)) == ["MAE", "epsilon-error"]
    assert "p_hat" not in "\n".join(lines)


def test_short_lines(estimates, ages_alone):
    figures = report.figures(estimates)
    lines = report.short_lines(figures, "validation")
    assert lines["validation MAE"] == "2.500 years"
    assert lines["MAE of the mode of p_hat"] == "6.000 years"
    assert lines["epsilon-error"] == f"{figures['epsilon_error']:.3f}, 1 photos with sigma 0"
    assert lines["CRPS"] == f"{figures['crps']:.3f} years"
    alone = report.short_lines(report.figures(ages_alone) | {"photos_with_sigma_0": 0}, "test")
    assert alone == {"test MAE": "2.500 years", "epsilon-error": f"{figures['epsilon_error']:.3f}"}


def test_prediction_rows(estimates, ages_alone):
    rows = report.prediction_rows(estimates)
    assert tuple(rows[0]) == report.PREDICTIONS
    assert list(rows[3].values())[:5] == ["d.png", 38, 3, 29, 20]
    assert rows[3]["spread"] == pytest.approx(89**0.5)
    alone = report.prediction_rows(ages_alone)
    assert alone[0] == {"photo": "a.png", "age": 4, "sigma": 2, "estimate": 3}


def faces(count):
    """Images of one color each, which tells them apart: photo i has the value i."""
    return [np.full((5, 5, 3), i, dtype=np.uint8) for i in range(count)]


def shown_in(axes):
    """The numbers of the photos that some axes show."""
    return [int(image.get_array()[0, 0, 0]) for each in axes for image in each.images]


def many(rng, count, p_hat=True):
    """Estimates for `count` photos of shuffled ages, photo i with an error of i years or -i."""
    ages = rng.permutation(np.linspace(25, 75, count))
    photos = Photos([Path()] * count, ages, np.full(count, 2.0))
    y_hat = ages + np.arange(count) * rng.choice([-1, 1], count)
    grid = label_grid()
    return Estimates(photos, grid, y_hat, rng.dirichlet(np.ones(101), count) if p_hat else None)


def test_the_curves_are_those_of_the_estimates(estimates, monkeypatch):
    """Errors of 1, 0, 0 and 9 years; and as `test_figures_of_the_distribution` counts coverage."""
    drawn = {}

    def spy(name, draw):
        return lambda *curve: drawn.update({name: curve}) or draw(*curve)

    for name in ("cumulative_score", "reliability"):
        monkeypatch.setattr(plots, name, spy(name, getattr(plots, name)))
    report.pictures(estimates, faces(4), "a title")
    years, shares, mae = drawn["cumulative_score"]
    assert shares.tolist() == [0.5 + 0.25 * (n >= 1) + 0.25 * (n >= 9) for n in years]
    assert mae == 2.5
    q, coverage = drawn["reliability"]
    halves = [0.13, 0.02, 0, 0.22]  # |u - 1/2|; a true age lies in the central q from 2 of it on
    expected = [np.mean([2 * half <= level for half in halves]) for level in q]
    off = np.flatnonzero(coverage != expected)
    assert all(np.abs(q[i] - 2 * np.array(halves)).min() < 1e-9 for i in off)  # rounding alone


@pytest.mark.parametrize("p_hat", [True, False])
def test_picture_goes_from_the_youngest_to_the_oldest(p_hat, rng):
    estimates = many(rng, 23, p_hat)
    figure = report.picture(estimates, faces(23), "a title")
    shown = shown_in(figure.axes)
    assert len(shown) == 12
    ages = estimates.photos.ages[shown]
    assert ages.tolist() == sorted(ages)
    assert (ages[0], ages[-1]) == (25, 75)
    assert figure.axes[0].get_title() == f"estimate {estimates.y_hat[shown[0]]:.1f}"
    assert figure.axes[6].get_xlabel() == "true 25.0 ± 2.0 years"
    outline = figure.axes[6].patches[0].get_xy()
    assert outline[outline[:, 1].argmax(), 0] == 25  # the peak of p
    assert len(figure.axes[6].lines) == 1 + p_hat


def test_picture_of_two_photos(rng):
    assert len(shown_in(report.picture(many(rng, 2), faces(2), "a title").axes)) == 2


def test_pictures_of_both_kinds_of_method(rng):
    with_p_hat = report.pictures(many(rng, 20), faces(20), "a title")
    assert sorted(with_p_hat) == sorted(report.PICTURES)
    without = report.pictures(many(rng, 20, p_hat=False), faces(20), "a title")
    assert with_p_hat.keys() - without.keys() == {"reliability.png"}
    for figure in (*with_p_hat.values(), *without.values()):
        assert figure.get_suptitle() == "a title"
        figure.draw_without_rendering()


def test_examples_are_the_smallest_and_the_largest_errors(rng):
    estimates = many(rng, 20)
    figure = report.pictures(estimates, faces(20), "a title")["examples.png"]
    good, poor = figure.subfigs
    assert good.get_suptitle() == "Good: the 4 smallest errors"
    assert poor.get_suptitle() == "Poor: the 4 largest errors"
    assert shown_in(good.axes) == [0, 1, 2, 3]
    assert shown_in(poor.axes) == [19, 18, 17, 16]
    assert poor.axes[4].get_xlabel() == f"true {estimates.photos.ages[19]:.1f} ± 2.0 years"
    assert poor.axes[0].get_title() == f"estimate {estimates.y_hat[19]:.1f}"


def test_no_photo_is_an_example_of_both(rng):
    good, poor = report.pictures(many(rng, 3), faces(3), "a title")["examples.png"].subfigs
    assert (shown_in(good.axes), shown_in(poor.axes)) == ([0], [2])


def test_photos_that_got_the_very_same_answer_are_counted():
    same = np.array([[0.5, 0.5], [0.25, 0.75], [0.5, 0.5], [0.5, 0.5]])
    photos = Photos([Path(f"{i}.png") for i in range(4)], np.zeros(4), np.ones(4))
    estimates = Estimates(photos, np.array([0.0, 1.0]), same @ [0.0, 1.0], same)
    assert report.figures(estimates)["same_answer"] == 0.75
    regression = Estimates(photos, estimates.grid, np.array([1.0, 2.0, 3.0, 3.0]), None)
    assert report.figures(regression)["same_answer"] == 0.5
    text = report.lines(report.figures(estimates))
    assert "  75.0% of the photos got one and the same answer" in text
