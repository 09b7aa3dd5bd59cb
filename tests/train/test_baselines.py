"""The linear baseline against its closed form."""

import numpy as np
from PIL import Image

from tinydldl.train.baselines import PENALTIES, fit, mean_age, ridge, thumbnails


def test_fit_solves_the_penalized_problem(rng):
    x, y, x_new = rng.standard_normal((20, 3)), rng.standard_normal(20), rng.standard_normal((4, 3))
    # the same problem as ordinary least squares with the penalty as further rows
    centered = x - x.mean(axis=0)
    rows = np.vstack([centered, np.sqrt(5.0) * np.eye(3)])
    w = np.linalg.lstsq(rows, np.append(y - y.mean(), np.zeros(3)), rcond=None)[0]
    expected = (x_new - x.mean(axis=0)) @ w + y.mean()
    np.testing.assert_allclose(fit(x, y, 5.0)(x_new), expected, rtol=1e-10)


def test_ridge_takes_the_penalty_that_predicts_best(rng):
    """With more numbers than rows and mostly noise, a strong penalty; without noise, a weak one."""
    w = rng.standard_normal(8)
    x = rng.standard_normal((100, 8))
    clean = x @ w + 30
    np.testing.assert_allclose(ridge(x, clean, x[:5]), clean[:5], atol=0.2)
    noisy = 30 + rng.standard_normal(100)
    weak = fit(x, noisy, PENALTIES[0])(x)
    assert ridge(x, noisy, x).std() < weak.std()


def test_ridge_with_few_rows(rng):
    x, y = rng.standard_normal((3, 4)), np.array([10.0, 20.0, 30.0])
    np.testing.assert_allclose(ridge(x, y, x), 20, atol=1e-3)


def test_mean_age():
    assert mean_age(np.array([10.0, 20.0]), 3).tolist() == [15, 15, 15]


def test_thumbnails():
    photo = np.zeros((64, 64, 3), dtype=np.uint8)
    photo[:, :32] = 255
    rows = thumbnails([photo, np.asarray(Image.fromarray(photo).rotate(180))])
    assert rows.shape == (2, 16 * 16 * 3)
    assert rows[0].reshape(16, 16, 3)[5, :, 0].tolist() == [1] * 8 + [0] * 8
    assert rows[1].reshape(16, 16, 3)[5, :, 0].tolist() == [0] * 8 + [1] * 8
