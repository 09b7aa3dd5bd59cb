"""Losses against closed formulas, and numbers worked out by hand."""

import numpy as np
import pytest
import scipy.special
from helpers import strict_device

from tinydldl import backend, losses
from tinydldl.labels import gaussian_label_distribution, label_grid

CLOSE = {"rtol": 1e-12, "atol": 1e-14}
GRID = label_grid(0, 100)
Y, SIGMA = np.array([3.0, 41.7, 99.0, 60.0]), np.array([2.0, 3.3, 1.0, 0.0])


@pytest.fixture
def batch(rng):
    """Logits (4, 101), the label distributions of four ages, and the ages."""
    return 2 * rng.standard_normal((4, 101)), gaussian_label_distribution(Y, SIGMA, GRID), Y


def test_kl_agrees_with_scipy(batch):
    logits, p, _ = batch
    expected = scipy.special.rel_entr(p, scipy.special.softmax(logits, axis=1)).sum() / 4
    assert losses.kl_from_logits(logits, p)[0] == pytest.approx(expected, rel=1e-12)


def test_kl_in_float32_with_zeros_in_the_target():
    p = gaussian_label_distribution([50.0], [2.0], GRID).astype(np.float32)
    assert (p == 0).sum() == 44
    logits = np.linspace(-200, 200, 101, dtype=np.float32)[None]
    for value, gradient in (
        losses.kl_from_logits(logits, p),
        losses.kl_from_probabilities(np.full((1, 101), 1 / 101, dtype=np.float32), p),
    ):
        assert value.dtype == gradient.dtype == np.float32
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


def test_kl_by_hand():
    p = np.array([[0.5, 0.5, 0.0]])
    logits = np.log([[0.25, 0.25, 0.5]])
    value, dlogits = losses.kl_from_logits(logits, p)
    assert value == pytest.approx(np.log(2))
    np.testing.assert_allclose(dlogits, [[-0.25, -0.25, 0.5]])
    value, dp_hat = losses.kl_from_probabilities(np.array([[0.25, 0.25, 0.5]]), p)
    assert value == pytest.approx(np.log(2))
    np.testing.assert_allclose(dp_hat, [[-2.0, -2.0, 0.0]])


def test_a_reduction_divides_by_the_photos_or_by_all_elements():
    """Two photos of three labels, each with a divergence of ln 2."""
    p, logits = np.array([[0.5, 0.5, 0.0]] * 2), np.log([[0.25, 0.25, 0.5]] * 2)
    for reduction, divisor in (("batch", 2), ("elements", 2 * 3)):
        value, dlogits = losses.kl_from_logits(logits, p, reduction)
        assert value == pytest.approx(2 * np.log(2) / divisor)
        np.testing.assert_allclose(dlogits, np.array([[-0.25, -0.25, 0.5]] * 2) / divisor)


def test_float32_stays_float32():
    """A loss that makes float64 of it doubles the time of the whole backward pass."""
    x, p = np.ones((2, 3), np.float32), np.full((2, 3), 1 / 3, np.float32)
    y, labels = np.array([1, 3], np.float32), np.array([0, 2])
    for loss, *arguments in (
        (losses.kl_from_logits, x, p),
        (losses.kl_from_logits, x, p, "elements"),
        (losses.kl_from_probabilities, p, p),
        (losses.l1, y, y + 1),
        (losses.l2, y, y + 1),
        (losses.cross_entropy, x, labels),
        (losses.soft_cross_entropy, x, p),
        (losses.binary_cross_entropy, x, p, np.ones(3, np.float32)),
    ):
        value, gradient = loss(*arguments)
        assert value.dtype == gradient.dtype == np.float32, loss.__name__


def test_kl_from_probabilities_is_infinite_for_what_was_held_impossible():
    p = np.array([[0.5, 0.5]])
    with np.errstate(divide="ignore"):
        assert losses.kl_from_probabilities(np.array([[1.0, 0.0]]), p)[0] == np.inf


def test_an_unknown_reduction_is_an_error(batch):
    with pytest.raises(ValueError, match="reduction 'labels': expected batch or elements"):
        losses.kl_from_logits(*batch[:2], "labels")


def test_a_target_of_another_shape_is_refused():
    x = np.zeros(4)
    for loss in (losses.l1, losses.l2):
        with pytest.raises(ValueError, match=r"one shape, got \(4,\) and \(4, 1\)"):
            loss(x, x[:, None])
    logits = np.zeros((4, 3))
    for loss in (
        losses.kl_from_logits,
        losses.kl_from_probabilities,
        losses.soft_cross_entropy,
        losses.binary_cross_entropy,
    ):
        with pytest.raises(ValueError, match="one shape"):
            loss(logits, logits[:1])


def test_l1_has_no_gradient_at_zero_error():
    value, dy_hat = losses.l1(np.array([3.0, 5.0]), np.array([3.0, 4.0]))
    assert value == 0.5
    assert dy_hat.tolist() == [0.0, 0.5]


def test_binary_cross_entropy_does_not_overflow():
    value, dlogits = losses.binary_cross_entropy(np.array([[1000.0, -1000.0]]), np.array([[1, 0]]))
    assert value == 0
    assert dlogits.tolist() == [[0, 0]]


@pytest.mark.parametrize("label", [3, -1, 0.5, np.nan, 1e300])
def test_a_label_that_there_is_none_of_is_refused(label):
    logits = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"^label \S+: expected a whole number from 0 to 2$"):
        losses.cross_entropy(logits, np.array([2.0, label]))


def test_on_a_device_a_label_that_there_is_none_of_makes_the_loss_nan(monkeypatch):
    monkeypatch.setattr(backend, "cupy", strict_device)
    logits = strict_device.asarray(np.zeros((2, 3), dtype=np.float32))
    with np.errstate(invalid="ignore"):
        loss, dlogits = losses.cross_entropy(logits, strict_device.asarray(np.array([2, 3])))
    assert np.isnan(float(loss))
    assert np.isfinite(dlogits.get()).all(axis=1).tolist() == [True, False]
