"""DLDL-v2's head: its loss and gradient as one formula, checked as a whole."""

import numpy as np
import pytest
import scipy.special

from tinydldl.gradcheck import check_loss
from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.methods import DLDLv2

Y, SIGMA = np.array([12.0, 33.4, 80.1]), np.array([1.0, 2.5, 6.0])


@pytest.mark.parametrize(("lam", "reduction", "step"), [(1, "batch", 1), (0.3, "elements", 4)])
def test_gradient_through_the_whole_head(lam, reduction, step, rng):
    method = DLDLv2(label_grid(step=step), lam, reduction)
    p = method.target(Y, SIGMA)

    def total(logits, p, y):
        (L, _, _), dlogits = method.loss(logits, p, y)
        return L, dlogits

    check_loss(total, rng.standard_normal(p.shape), p, Y, tolerance=1e-7)


def test_the_gradient_is_the_formula_of_the_paper(rng):
    method = DLDLv2(label_grid(), lam=0.7)
    logits, p = rng.standard_normal((3, 101)), method.target(Y, SIGMA)
    p_hat = scipy.special.softmax(logits, axis=1)
    y_hat = p_hat @ method.grid
    (L, L_ld, L_er), dlogits = method.loss(logits, p, Y)
    assert L_ld == pytest.approx(scipy.special.rel_entr(p, p_hat).sum() / 3)
    assert L_er == pytest.approx(np.abs(y_hat - Y).mean())
    assert pytest.approx(L_ld + 0.7 * L_er) == L
    sign = np.sign(y_hat - Y)[:, None]
    expected = (p_hat - p) / 3 + 0.7 * sign * p_hat * (method.grid - y_hat[:, None]) / 3
    np.testing.assert_allclose(dlogits, expected, rtol=1e-11, atol=1e-15)


def test_target_and_decoding(rng):
    method = DLDLv2(label_grid(step=2))
    assert method.outputs == 51
    expected = gaussian_label_distribution(Y, SIGMA, method.grid)
    np.testing.assert_array_equal(method.target(Y, SIGMA), expected)
    logits = rng.standard_normal((3, 51))
    p_hat = method.distribution(logits)
    np.testing.assert_allclose(p_hat, scipy.special.softmax(logits, axis=1), rtol=1e-13)
    np.testing.assert_allclose(method.age(p_hat), p_hat @ method.grid)
