"""Dropout: its mask, what it does to expectation and variance, and PyTorch with the same mask."""

import numpy as np
import pytest
from gradient_cases import SameDraws, normal

from tinydldl.gradcheck import GradientError, check_layer
from tinydldl.layers import Dropout

COUNT = 1_000_000
RATES = [0.0, 0.2, 0.5, 0.9]


@pytest.mark.parametrize("rate", RATES)
def test_expectation_and_variance(rate, rng):
    """Of ones: `m / (1 - rate)` has mean 1 and variance rate / (1 - rate); within 5 deviations."""
    y = Dropout(rate, rng=rng).forward(np.ones(COUNT))
    variance = rate / (1 - rate)
    assert abs(y.mean() - 1) <= 5 * np.sqrt(variance / COUNT)
    kept = 1 - rate
    # the variance of y^2, for a y that is 1 / kept with probability kept, else 0
    spread = np.sqrt((kept - kept**2) / kept**4)
    assert abs((y**2).mean() - (1 + variance)) <= 5 * spread / np.sqrt(COUNT)


def test_values_are_dropped_or_scaled_and_the_gradient_likewise(rng):
    layer = Dropout(0.25, rng=rng)
    x, dy = 1 + rng.uniform(size=(2, 1000))
    y, dx = layer.forward(x), layer.backward(dy)
    dropped = y == 0
    assert 150 < dropped.sum() < 350
    np.testing.assert_array_equal(dx == 0, dropped)
    np.testing.assert_allclose(y[~dropped], x[~dropped] / 0.75, rtol=1e-14)
    np.testing.assert_allclose(dx[~dropped], dy[~dropped] / 0.75, rtol=1e-14)


def test_each_value_has_a_mask_of_its_own_each_time(rng):
    layer = Dropout(0.5, rng=rng)
    first, second = (layer.forward(np.ones((64, 64))) > 0 for _ in range(2))
    # 4096 independent pairs agree in half of the cases, with a deviation of 32
    for a, b in [(first, second), (first[1:], first[:-1]), (first[:, 1:], first[:, :-1])]:
        assert abs((a == b).mean() - 0.5) < 0.05


def test_the_generator_decides():
    masks = [Dropout(0.5, rng=np.random.default_rng(s)).forward(np.ones(99)) for s in (1, 1, 2)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()


@pytest.mark.parametrize("rate", RATES)
def test_inference_is_the_identity_and_draws_nothing(rate, rng):
    layer = Dropout(rate, rng=None).eval()
    x, dy = normal(rng, (2, 4, 5))
    np.testing.assert_array_equal(layer.forward(x, save=True), x)
    np.testing.assert_array_equal(layer.backward(dy), dy)


class GivenDraws:
    """A generator that draws what makes dropout keep the values where `kept` is true."""

    def __init__(self, kept):
        self.kept = kept

    def random(self, shape, dtype):
        assert shape == self.kept.shape
        return self.kept.astype(dtype)


@pytest.mark.parametrize("shape", [(40, 30), (3, 4, 5, 6)])
@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_agrees_with_pytorch_given_its_mask(rate, shape, rng, torch):
    x, dy = normal(rng, shape), normal(rng, shape)
    torch.manual_seed(0)
    their_x = torch.tensor(x).requires_grad_()
    their_y = torch.nn.Dropout(rate)(their_x)
    their_y.backward(torch.tensor(dy))
    kept = their_y.detach().numpy() != 0
    assert 0 < kept.sum() < kept.size
    layer = Dropout(rate, rng=GivenDraws(kept))
    np.testing.assert_allclose(layer.forward(x), their_y.detach().numpy(), rtol=1e-14)
    np.testing.assert_allclose(layer.backward(dy), their_x.grad.numpy(), rtol=1e-14)


class NewMask(Dropout):
    """Draws another mask on the way back."""

    def backward(self, dy):
        m = np.random.default_rng(1).random(dy.shape) >= self.rate
        return dy * m / (1 - self.rate)


class Unscaled(Dropout):
    """Forgets 1 / (1 - rate) on the way back."""

    def backward(self, dy):
        (m,) = self.saved
        return dy * m


class Undropped(Dropout):
    """Forgets the mask on the way back."""

    def backward(self, dy):
        return dy


@pytest.mark.parametrize("planted", [NewMask, Unscaled, Undropped])
def test_planted_bugs_are_caught(planted, rng):
    with pytest.raises(GradientError, match=f"{planted.__name__} dx: relative error"):
        check_layer(planted(0.4, rng=SameDraws()), normal(rng, (4, 5)), rng)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_other_rates_are_refused(rate, rng):
    with pytest.raises(ValueError, match=f"rate {rate}: expected a number from 0 up, and below 1"):
        Dropout(rate, rng=rng)
