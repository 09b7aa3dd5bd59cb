"""Every method's head: gradient checks, losses against formulas, decoding by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special

from tinydldl.gradcheck import check_loss
from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.methods import METHODS, ORCNN, DLDLv2, Ranking, Regression, make_method
from tinydldl.metrics import negative_log_likelihood
from tinydldl.trained import Trained

GRID = label_grid()
Y, SIGMA = np.array([12.0, 33.4, 80.1]), np.array([1.0, 2.5, 6.0])
AGES = np.array([10.0, 10.5, 30.0, 47.0])  # trained on
SETTINGS = {"or-cnn": {"ages": AGES}}


def all_methods(grid):
    return {name: make_method(name, grid, **SETTINGS.get(name, {})) for name in METHODS}


@pytest.mark.parametrize("step", [1, 4])
@pytest.mark.parametrize("name", METHODS)
def test_gradient_through_the_whole_head(name, step, rng):
    method = all_methods(label_grid(step=step))[name]
    x = rng.standard_normal((3, method.outputs))

    def total(x, target, y):
        (L, *_), dx = method.loss(x, target, y)
        return L, dx

    check_loss(total, x, method.target(Y, SIGMA), Y, tolerance=1e-7)


def test_gradient_of_another_lambda_and_reduction(rng):
    method = DLDLv2(label_grid(step=4), 0.3, "elements")
    p = method.target(Y, SIGMA)

    def total(logits, p, y):
        (L, _, _), dlogits = method.loss(logits, p, y)
        return L, dlogits

    check_loss(total, rng.standard_normal(p.shape), p, Y, tolerance=1e-7)


def by_formula(name, x, y, sigma, l):
    """`(L, dL/dx, y_hat)` of one photo, as the papers write it. x (outputs,), l: the labels."""
    if name.startswith("mr-"):
        middle, half, z_hat = (l[0] + l[-1]) / 2, (l[-1] - l[0]) / 2, np.tanh(x[0])
        d = z_hat - (y - middle) / half
        L, slope = {"mr-l1": (abs(d), np.sign(d)), "mr-l2": (d**2, 2 * d)}[name]
        return L, [slope * (1 - z_hat**2)], middle + half * z_hat
    if name in ("ranking", "or-cnn"):
        borders = (l[:-1] + l[1:]) / 2
        root = np.sqrt([max(1, sum(age >= border for age in AGES)) for border in borders])
        w = root / root.mean() if name == "or-cnn" else 1
        s, older = 1 / (1 + np.exp(-x)), y >= borders
        return -(w * np.log(np.where(older, s, 1 - s))).sum(), w * (s - older), l[(s > 0.5).sum()]
    p, q = np.exp(-((l - y) ** 2) / (2 * sigma**2)), np.exp(x)
    p, q = p / p.sum(), q / q.sum()
    nearest, y_hat = np.eye(len(l))[np.abs(l - y).argmin()], q @ l
    kl = sum(a * np.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)
    er, slope = abs(y_hat - y), np.sign(y_hat - y) * q * (l - y_hat)
    L, dx = {
        "dldl": (kl, q - p),
        "dldl-v2": (kl + er, q - p + slope),
        "ldae": (-p @ np.log(q), q - p),
        "er-l1": (er, slope),
        "dex": (-nearest @ np.log(q), q - nearest),
    }[name]
    return L, dx, y_hat


@pytest.mark.parametrize("name", METHODS)
def test_loss_gradient_and_age_are_the_formulas(name, rng):
    """On a grid that does not begin at 0; they are means over the photos, of sums over labels."""
    grid = label_grid(10, 90, 5)
    method = all_methods(grid)[name]
    x = rng.standard_normal((3, method.outputs))
    (L, *_, L_er), dx = method.loss(x, method.target(Y, SIGMA), Y)
    photos = (by_formula(name, *photo, grid) for photo in zip(x, Y, SIGMA, strict=True))
    each, gradients, y_hat = (np.array(values) for values in zip(*photos, strict=True))
    assert pytest.approx(each.mean(), rel=1e-12) == L
    np.testing.assert_allclose(dx, gradients / 3, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(method.age(method.predict(x)), y_hat, rtol=1e-12)
    assert L_er == pytest.approx(np.abs(y_hat - Y).mean(), rel=1e-12)


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


@pytest.mark.parametrize("name", ["dldl-v2", "dldl", "ldae", "er-l1", "dex"])
def test_a_distribution_is_decoded_by_its_expectation(name, rng):
    method = make_method(name, label_grid(step=2))
    assert method.outputs == 51
    x = rng.standard_normal((3, 51))
    p_hat = method.predict(x)
    np.testing.assert_allclose(p_hat, scipy.special.softmax(x, axis=1), rtol=1e-13)
    assert method.distribution(p_hat) is p_hat
    np.testing.assert_allclose(method.age(p_hat), p_hat @ method.grid)


def test_regression_maps_the_grid_to_minus_one_and_one():
    method = Regression(label_grid(10, 70))
    assert method.target([10, 40, 70, 55], None).tolist() == [[-1], [0], [1], [0.5]]
    np.testing.assert_allclose(method.age(method.predict(np.array([[0.0], [50.0]]))), [40, 70])
    assert method.distribution(np.zeros((2, 1))) is None


def test_ranking_counts_the_answers_above_one_half():
    method = Ranking(label_grid(0, 8, 2))
    code = np.array([[0.9, 0.8, 0.5, 0.1], [0.2, 0.7, 0.1, 0.6]])
    assert method.age(code).tolist() == [4, 4]


def test_the_distribution_of_a_code_is_its_differences_once_sorted(rng):
    method = Ranking(label_grid(0, 3))
    p = method.distribution(np.array([[0.9, 0.5, 0.2], [0.5, 0.2, 0.9]]))
    np.testing.assert_allclose(p, [[0.1, 0.4, 0.3, 0.2]] * 2, rtol=1e-14)
    code = rng.uniform(size=(5, 100))
    p = Ranking(GRID).distribution(code)
    assert p.min() >= 0
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(p @ GRID, code.sum(axis=1))  # E[l] = l_0 + dl sum_k c_k


def test_the_code_of_a_label_distribution_gives_it_back():
    p = gaussian_label_distribution(Y, SIGMA, GRID)
    code = 1 - p.cumsum(axis=1)[:, :-1]
    np.testing.assert_allclose(Ranking(GRID).distribution(code), p, atol=1e-15)


@pytest.mark.parametrize(("center", "y"), [(40, 60), (60, 40), (40, 20), (60, 80)])
def test_the_tails_of_a_code_keep_their_likelihood(center, y):
    """-ln(c_{k-1} - c_k), c = sigmoid(1.5 (center - border)), in float32 as a network gives it."""
    method, borders = Ranking(GRID), GRID[:-1] + 0.5
    p_hat = method.distribution(method.predict(np.float32([1.5 * (center - borders)])))
    distance = abs(y - center)  # the code of one side is 1 minus that of the other
    near, far = scipy.special.expit([1.5 * (0.5 - distance), 1.5 * (-0.5 - distance)])
    nll = negative_log_likelihood(p_hat, np.array([float(y)]), GRID)
    assert nll == pytest.approx(-np.log(near - far), rel=1e-4)
    assert nll == pytest.approx(29.50, abs=0.005)


def test_answers_to_photo_and_mirror_image_are_averaged_before_they_are_counted():
    borders = GRID[:-1] + 0.5
    photo = np.where(borders < 50, 0.9, 0.1)
    mirrored = np.where(borders < 40, 0.9, np.where(borders < 50, 0.4, 0.1))
    images = np.zeros((1, 2, 2, 3), dtype=np.uint8)
    images[:, :, 0] = 255

    def forward(x):
        return scipy.special.logit([photo if x[0, 0, 0, 0] > 0 else mirrored])

    method, network = Ranking(GRID), SimpleNamespace(forward=forward)
    prediction = Trained(network, method, ([0.5] * 3, [0.5] * 3)).predict_images(images)
    np.testing.assert_allclose(prediction, [(photo + mirrored) / 2], rtol=1e-12)
    assert method.age(prediction) == [50]
    assert [method.age(code[None]) for code in (photo, mirrored)] == [50, 40]  # their mean is 45
    median = np.searchsorted(method.distribution(prediction)[0].cumsum(), 0.5)
    assert GRID[median] == 50


def test_the_weights_of_orcnn_by_hand():
    # borders 2, 6, 10: three, two and no photo of these ages are older; the last counts as one
    method = ORCNN(label_grid(0, 12, 4), np.array([1.0, 3.0, 6.0, 7.0]))
    roots = np.array([3**0.5, 2**0.5, 1])
    np.testing.assert_allclose(method.weights, roots / roots.mean())


def test_the_first_epochs_may_have_kl_alone(rng):
    method, alone = DLDLv2(GRID, lam=0.7, kl_epochs=2), make_method("dldl", GRID)
    x, p = rng.standard_normal((3, 101)), method.target(Y, SIGMA)
    for epoch, lam in ((1, 0), (2, 0), (3, 0.7), (1, 0)):
        method.begin(epoch)
        (L, L_ld, L_er), dx = method.loss(x, p, Y)
        assert pytest.approx(L_ld + lam * L_er) == L
        assert np.allclose(dx, alone.loss(x, p, Y)[1]) == (lam == 0)


@pytest.mark.parametrize(("name", "setting"), [("dldl", "lam"), ("dldl-v2", "ages"), ("dex", "x")])
def test_a_setting_of_another_method_is_named(name, setting):
    with pytest.raises(TypeError, match=f"'{setting}'"):
        make_method(name, GRID, **{setting: 1.0})
