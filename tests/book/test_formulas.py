"""Every row of the formula sheet: the formula as it stands there, and what the code computes."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import erf, expit
from scipy.stats import multivariate_normal, norm, vonmises

from tinydldl import labels, ldl, losses, metrics
from tinydldl.explain.saliency import Maps
from tinydldl.faces.align import similarity
from tinydldl.faces.boxes import intersection_over_union
from tinydldl.fast import winograd
from tinydldl.gradcheck import check_layer, check_loss, compare, numerical_gradient
from tinydldl.layers import (
    BatchNorm2d,
    Conv2d,
    Expectation,
    GlobalAvgPool,
    HybridPool,
    MaxPool2d,
    Softmax,
)
from tinydldl.methods import DLDLv2, Ranking, Regression
from tinydldl.notebook import rescue
from tinydldl.optim import Adam, step_schedule

SHEET = Path(__file__).parents[2] / "docs" / "book" / "formulas.md"
GRID = labels.label_grid(0, 100, 2)
K, STEP = len(GRID), 2.0
Y, SIGMA = np.array([20.3, 47.0, 71.9]), np.array([3.0, 5.0, 4.0])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def p():
    """Targets (3, K), by the formula."""
    density = np.exp(-((GRID - Y[:, None]) ** 2) / (2 * SIGMA[:, None] ** 2))
    return density / density.sum(axis=1, keepdims=True)


@pytest.fixture
def x(rng):
    """Logits (3, K)."""
    return rng.normal(size=(3, K))


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_every_row_has_a_test():
    rows = re.findall(r"^\| ([^|$]+) \| .*\{at\}", SHEET.read_text("utf-8"), re.MULTILINE)
    tests = {"test_" + re.sub(r"\W", "_", row) for row in rows}
    assert len(tests) == len(rows) > 40
    here = {name for name in globals() if name.startswith("test_")} - {"test_every_row_has_a_test"}
    assert here == tests


def test_label_grid():
    close(labels.label_grid(10, 20, 2.5), [10 + k * 2.5 for k in range(int((20 - 10) / 2.5 + 1))])


def test_label_distribution(p):
    close(labels.gaussian_label_distribution(Y, SIGMA, GRID), p)


def test_distribution_function():
    t = np.linspace(0, 100, 7)
    z = (t - Y[:, None]) / (SIGMA[:, None] * np.sqrt(2))
    close(labels.gaussian_cdf(Y, SIGMA, t), (1 + erf(z)) / 2)


def test_cumulative_sum(p):
    sums = p @ labels.cumulative_matrix(K).T
    close(sums[:, 9], p[:, :10].sum(axis=1))
    upper = labels.gaussian_cdf(Y, SIGMA, GRID + STEP / 2)
    at_label = labels.gaussian_cdf(Y, SIGMA, GRID)
    assert np.abs(sums - upper).max() < 0.006 < np.abs(sums - at_label).max()


def test_ranking_code(p):
    code = labels.ranking_code(Y, GRID)
    close(code, Y[:, None] >= GRID[:-1] + STEP / 2)
    soft = 1 - p @ labels.cumulative_matrix(K).T[:, :-1]
    far = np.abs(GRID[:-1] + STEP / 2 - Y[:, None]) > 4 * SIGMA[:, None]
    assert np.abs(code - soft)[far].max() < 1e-3
    assert np.abs(code - soft).max() < 0.5 + 1e-12  # a half, where an age lies on a border


def test_age_from_ranks(x):
    p = softmax(x)
    ranks = 1 - p @ labels.cumulative_matrix(K).T[:, :-1]
    close(GRID[0] + STEP * ranks.sum(axis=1), p @ GRID)


def test_distribution_from_ranks(x):
    p = softmax(x)
    ranks = 1 - np.cumsum(p, axis=1)[:, :-1]
    close(Ranking(GRID).distribution(ranks), p)


def test_softmax(x, rng):
    layer, dp_hat = Softmax(), rng.normal(size=x.shape)
    p_hat = layer.forward(x, save=True)
    close(p_hat, softmax(x))
    expected = p_hat * (dp_hat - (dp_hat * p_hat).sum(axis=1, keepdims=True))
    close(layer.backward(dp_hat), expected)


def test_kl_divergence(x, p):
    loss, dx = losses.kl_from_logits(x, p)
    close(loss, (p * np.log(np.maximum(p, 1e-300) / softmax(x))).sum() / 3)
    close(dx, (softmax(x) - p) / 3)


def test_kl_of_two_gaussians():
    fine = labels.label_grid(0, 100, 0.05)
    p, p_hat = (
        labels.gaussian_label_distribution([y], [s], fine) for y, s in ((48, 3), (52.0, 5.0))
    )
    expected = np.log(5 / 3) - 1 / 2 + (3**2 + (48 - 52) ** 2) / (2 * 5**2)
    assert metrics.kl(p_hat, p) == pytest.approx(expected, abs=1e-9)


def test_cross_entropy(x, p):
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum() / 3
    kl, _ = losses.kl_from_logits(x, p)
    loss, _ = losses.soft_cross_entropy(x, p)
    close(loss, -(p * np.log(softmax(x))).sum() / 3)
    close(loss, entropy + kl)


def test_expectation(x):
    head, layer = Softmax(), Expectation(GRID)
    p_hat = head.forward(x, save=True)
    y_hat = layer.forward(p_hat, save=True)
    close(y_hat, [sum(row[k] * GRID[k] for k in range(K)) for row in softmax(x)])
    close(head.backward(layer.backward(np.ones(3))), p_hat * (GRID - y_hat[:, None]))


def test_tilt(x):
    h = 1e-5
    above, below = (softmax(x + t * GRID) @ GRID for t in (h, -h))
    variance = labels.standard_deviation(softmax(x), GRID) ** 2
    np.testing.assert_allclose((above - below) / (2 * h), variance, rtol=1e-6)


def test_l1_loss():
    y_hat = np.array([22.0, 40.0, 75.0])
    loss, dy_hat = losses.l1(y_hat, Y)
    close(loss, sum(abs(y_hat - Y)) / 3)
    close(dy_hat, np.array([1, -1, 1]) / 3)


def test_joint_loss(x, p):
    lam, p_hat = 0.7, softmax(x)
    y_hat = p_hat @ GRID
    (L, L_ld, L_er), dx = DLDLv2(GRID, lam).loss(x, p, Y)
    close(L, L_ld + lam * L_er)
    side = np.sign(y_hat - Y)[:, None]
    close(dx, (p_hat - p + lam * side * p_hat * (GRID - y_hat[:, None])) / 3)


def test_weight_of_the_losses(x, p):
    (L, *_), dx = DLDLv2(GRID, 0.5, "elements").loss(x, p, Y)
    (scaled, *_), dx_scaled = DLDLv2(GRID, 0.5 * K).loss(x, p, Y)
    close(scaled, K * L)
    close(dx_scaled, K * dx)


def test_regression(rng):
    method, x = Regression(GRID), rng.normal(size=(3, 1))
    z, z_hat = (Y[:, None] - 50) / 50, np.tanh(x)
    _, dx = method.loss(x, method.target(Y, SIGMA), Y)
    close(dx, np.sign(z_hat - z) * (1 - z_hat**2) / 3)
    close(method.age(z), Y)


def test_ranking_loss(rng):
    x, c = rng.normal(size=(3, K - 1)), labels.ranking_code(Y, GRID)
    c_hat = expit(x)
    loss, dx = losses.binary_cross_entropy(x, c)
    close(loss, -(c * np.log(c_hat) + (1 - c) * np.log(1 - c_hat)).sum() / 3)
    close(dx, (c_hat - c) / 3)


def test_ensemble(rng):
    members = rng.normal(40, 5, size=7)
    mean, y = members.mean(), 37.0
    close((mean - y) ** 2, ((members - y) ** 2).mean() - ((members - mean) ** 2).mean())
    p_hat = softmax(rng.normal(size=(7, K)))  # the age of the mean distribution is the mean age
    close(p_hat.mean(axis=0) @ GRID, (p_hat @ GRID).mean())


@pytest.fixture
def examples(rng):
    """Features (40, 2), and their distributions (40, 3)."""
    features = rng.normal(size=(40, 2))
    return features, softmax(features @ rng.normal(size=(2, 3)) + rng.normal(size=(40, 3)))


def test_maximum_entropy_model(examples, rng):
    (x, p), theta = examples, rng.normal(size=(2, 3))
    close(ldl.maximum_entropy(theta, x), softmax(x @ theta))
    _, dtheta = ldl.maximum_entropy_loss(theta, x, p)
    close(dtheta, x.T @ (softmax(x @ theta) - p) / 40)


def test_iterative_scaling(examples):
    x, p = examples
    p_hat, s = np.full((40, 3), 1 / 3), np.abs(x).sum(axis=1)
    d = ldl.iis_update(x, p, p_hat)
    for f in range(2):
        for k in range(3):
            scaled = p_hat[:, k] * np.exp(np.sign(x[:, f]) * s * d[f, k])
            assert (x[:, f] * (p[:, k] - scaled)).sum() == pytest.approx(0, abs=1e-9)


def test_neighbors(examples):
    x, p = examples
    near = np.argsort(((x - [0.1, 0.2]) ** 2).sum(axis=1))[:5]
    close(ldl.aa_knn(x, p, np.array([[0.1, 0.2]]), 5), [p[near].mean(axis=0)])


def test_bayes(examples):
    x, p = examples
    new, joint = np.array([[0.3, -0.5]]), []
    for weight in (p / p.sum(axis=0)).T:
        mean = weight @ x
        covariance = (weight[:, None] * (x - mean)).T @ (x - mean)
        joint.append(multivariate_normal(mean, covariance).pdf(new[0]))
    joint *= p.sum(axis=0) / p.sum()
    close(ldl.pt_bayes(x, p, new), [joint / joint.sum()])


@pytest.fixture
def lesson():
    """The answers of lesson 15 to its exercises, by name."""
    names = {"np": np, "softmax": lambda x, axis: softmax(x)}
    for exercise in ("votes", "von-mises", "direction", "plane", "propagate"):
        rescue("15", exercise, names)
    return SimpleNamespace(**names)


def test_votes(lesson):
    found = lesson.share_of_votes(np.array([[1, 3, 3, 3]]), np.arange(1, 4), 0.5)
    close(found, [[(n + 0.5) / (4 + 3 * 0.5) for n in (1, 0, 3)]])


def test_von_mises(lesson):
    circle, y, kappa = np.radians([0, 120, 240]), np.array([1.0, 6.0]), np.array([2.0, 0.3])
    found = lesson.von_mises(y, kappa, circle)
    density = [vonmises(k, loc=a).pdf(circle) for k, a in zip(kappa, y, strict=True)]
    close(found, density / np.sum(density, axis=1, keepdims=True))


def test_mean_direction(lesson, x):
    circle = np.linspace(0, 2 * np.pi, K, endpoint=False)
    y_hat, dx = lesson.mean_direction(x, circle)
    mean = softmax(x) @ np.exp(1j * circle)
    close(np.exp(1j * y_hat), mean / abs(mean))
    close(dx, softmax(x) * np.sin(circle - y_hat[:, None]) / abs(mean)[:, None])
    numeric = numerical_gradient(lambda: lesson.mean_direction(x, circle)[0].sum(), x)
    assert compare("mean direction", dx, numeric) < 1e-7


def test_expected_point(lesson, x, rng):
    points, v = rng.normal(size=(K, 2)), rng.normal(size=(3, 2))
    length, dx = lesson.plane_loss(x, v, points)
    v_hat = softmax(x) @ points
    distance = np.hypot(*(v_hat - v).T)
    close(length, distance.mean())
    slope = softmax(x)[:, :, None] * (points - v_hat[:, None])
    close(dx, (slope * ((v_hat - v) / distance[:, None])[:, None]).sum(axis=2) / 3)


def test_propagation(lesson, rng):
    x, labels, alpha, w = rng.normal(size=(6, 2)), rng.integers(0, 3, 6), 0.7, 0.8
    A = np.exp(-((x[:, None] - x) ** 2).sum(axis=2) / (2 * w**2)) * (1 - np.eye(6))
    P = A / A.sum(axis=1, keepdims=True)
    d = np.linalg.inv(np.eye(6) - alpha * P) @ np.eye(3)[labels] * (1 - alpha)
    close(lesson.propagate(x, labels, 3, w, alpha), d)


@pytest.mark.parametrize("case", [(7, 3, 1, 0), (8, 3, 2, 1), (11, 5, 3, 2)])
def test_output_size(case, rng):
    H, KH, s, P = case
    conv = Conv2d(1, 1, KH, s, P, rng=rng)
    assert conv.forward(rng.normal(size=(1, H, H, 1))).shape[1] == (H + 2 * P - KH) // s + 1


def test_convolution(rng):
    conv, x = Conv2d(2, 3, 3, 2, rng=rng), rng.normal(size=(1, 7, 7, 2))
    conv.params["b"][:] = [1, 2, 3]
    y, W = conv.forward(x), conv.params["W"]
    terms = [
        x[0, 2 * 1 + i, 2 * 2 + j, c] * W[i, j, c, 1]
        for i in range(3)
        for j in range(3)
        for c in range(2)
    ]
    np.testing.assert_allclose(y[0, 1, 2, 1], sum(terms) + 2, rtol=1e-6)


def test_convolution_backward(rng):
    conv, x, dy = (
        Conv2d(2, 3, rng=rng),
        rng.normal(size=(2, 5, 5, 2)),
        rng.normal(size=(2, 3, 3, 3)),
    )
    conv.to(np, np.float64)
    conv.forward(x, save=True)
    dx, W = np.zeros_like(x), conv.params["W"]
    for i in range(3):
        for j in range(3):
            dx[:, i : i + 3, j : j + 3] += dy @ W[i, j].T
    close(conv.backward(dy), dx)
    x_01 = x[:, 0:3, 1:4].reshape(-1, 2)
    close(conv.grads["W"][0, 1], x_01.T @ dy.reshape(-1, 3))
    close(conv.grads["b"], dy.sum(axis=(0, 1, 2)))


def test_multiply_adds(rng):
    conv = Conv2d(5, 7, 3, 2, 1, rng=rng)
    assert conv.multiply_adds((9, 9, 5)) == 5 * 5 * 3 * 3 * 5 * 7


def test_field_of_view(rng):
    layers, r, j = [(3, 1), (3, 1), (2, 2), (3, 1), (2, 2)], 1, 1
    nets = [Conv2d(1, 1, kernel, stride, rng=rng) for kernel, stride in layers]
    x = np.ones((1, 16, 16, 1))
    for net, (kernel, stride) in zip(nets, layers, strict=True):
        net.params["W"][:] = 1
        x = net.forward(x, save=True)
        r, j = r + (kernel - 1) * j, j * stride
    dx = np.zeros_like(x)
    dx[0, 1, 1] = 1
    for net in reversed(nets):
        dx = net.backward(dx)
    assert (dx[0, :, :, 0] > 0).any(axis=0).sum() == r == 12  # 3, 5, 6, 10, 12


def test_max_pooling(rng):
    pool, x = MaxPool2d(2), np.array([3.0, 7, 7, 1]).reshape(1, 2, 2, 1)
    assert pool.forward(x, save=True) == 7
    assert pool.backward(np.full((1, 1, 1, 1), 5.0)).ravel().tolist() == [0, 5, 0, 0]


def test_hybrid_pooling(rng):
    x = np.maximum(rng.normal(size=(20, 8, 8, 3)), 0)
    gap, hp = GlobalAvgPool().forward(x), HybridPool().forward(x)
    close(hp, x.reshape(20, 4, 2, 4, 2, 3).max(axis=(2, 4)).mean(axis=(1, 2)))
    assert (gap <= hp).all()
    assert (hp <= 4 * gap).all()


@pytest.fixture
def norm_layer(rng):
    """A layer in float64 with odd parameters, its input, and that input normalized."""
    layer, x = BatchNorm2d(2).to(np, np.float64), rng.normal(5, 3, size=(4, 3, 3, 2))
    layer.params["gamma"][:], layer.params["beta"][:] = [2, -1], [0.5, 3]
    mean, var = x.mean(axis=(0, 1, 2)), ((x - x.mean(axis=(0, 1, 2))) ** 2).mean(axis=(0, 1, 2))
    return layer, x, mean, var


def test_batch_normalization(norm_layer):
    layer, x, mean, var = norm_layer
    close(layer.forward(x), [2, -1] * (x - mean) / np.sqrt(var + 1e-5) + [0.5, 3])


def test_its_backward_pass(norm_layer, rng):
    layer, x, mean, var = norm_layer
    dy, x_hat = rng.normal(size=x.shape), (x - mean) / np.sqrt(var + 1e-5)
    layer.forward(x, save=True)
    means = [values.mean(axis=(0, 1, 2)) for values in (dy, dy * x_hat)]
    expected = [2, -1] / np.sqrt(var + 1e-5) * (dy - means[0] - x_hat * means[1])
    close(layer.backward(dy), expected)


def test_running_average(norm_layer):
    layer, x, mean, var = norm_layer
    layer.forward(x)
    close(layer.buffers["running_mean"], 0.9 * 0 + 0.1 * mean)
    close(layer.buffers["running_var"], 0.9 * 1 + 0.1 * var * 36 / 35)


def test_folding(norm_layer, rng):
    layer, *_ = norm_layer
    layer.buffers["running_mean"][:], layer.buffers["running_var"][:] = [1, 2], [3, 0.5]
    conv = Conv2d(3, 2, rng=rng).to(np, np.float64)
    conv.params["b"][:] = [0.1, 0.2]
    x = rng.normal(size=(1, 5, 5, 3))
    expected = layer.eval().forward(conv.forward(x))
    alpha = layer.params["gamma"] / np.sqrt(layer.buffers["running_var"] + 1e-5)
    b = alpha * (conv.params["b"] - layer.buffers["running_mean"]) + layer.params["beta"]
    conv.params["W"] *= alpha
    conv.params["b"][:] = b
    close(conv.forward(x), expected)


def test_initial_weights(rng):
    W = Conv2d(64, 50, rng=rng).params["W"]
    assert W.var() == pytest.approx(2 / (3 * 3 * 50), rel=0.03)  # of 28,800: 1 % is usual


def test_loss_at_chance(p):
    (_, L_ld, L_er), _ = DLDLv2(GRID).loss(np.zeros((3, K)), p, Y)
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum() / 3
    close(L_ld, np.log(K) - entropy)
    close(L_er, np.abs(50 - Y).mean())


def test_adam(rng):
    W, g, lr, eps = rng.normal(size=5), np.zeros(5), 0.1, 1e-8
    params, m, v, expected = {"W": W}, 0, 0, W.copy()
    adam = Adam(params, {"W": g}, lr=lr, eps=eps)
    for t in range(1, 4):
        g[:] = rng.normal(size=5)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        expected -= lr * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + eps)
        adam.step()
    np.testing.assert_allclose(W, expected, rtol=1e-9)


@pytest.mark.parametrize("epoch", [1, 30, 31, 60, 61])
def test_schedule(epoch):
    expected = 1e-3 * 10.0 ** -np.floor((epoch - 1) / 30)
    assert step_schedule(1e-3, epoch, every=30) == pytest.approx(expected)


def test_winograd(rng):
    d, g = rng.normal(size=(6, 6)), rng.normal(size=(3, 3))
    A, B, G = winograd.A, winograd.B, winograd.G
    Y = A.T @ ((G @ g @ G.T) * (B.T @ d @ B)) @ A
    close(Y, [[(d[i : i + 3, j : j + 3] * g).sum() for j in range(4)] for i in range(4)])


def test_central_difference():
    h, a = 1e-2, np.array([0.7])
    quotient = (np.sin(a + h) - np.sin(a - h)) / (2 * h)
    assert quotient == pytest.approx(np.cos(a) - h**2 / 6 * np.cos(a), abs=h**4)
    assert numerical_gradient(lambda: float(np.sin(a[0])), a) == pytest.approx(np.cos(a), abs=1e-9)
    assert check_layer(Softmax(), np.array([[0.3, -1.0]]), np.random.default_rng(0))["x"] < 1e-7
    assert check_loss(losses.l2, np.array([1.0, 2.0]), np.array([0.0, 3.5])) < 1e-7


def test_best_step():
    f, third, eps = np.sin(1), np.cos(1), np.finfo(float).eps
    steps = np.logspace(-9, -1, 4001)
    error = steps**2 / 6 * third + eps * f / steps  # Taylor's remainder, and rounding
    best = (3 * eps * f / third) ** (1 / 3)
    assert steps[error.argmin()] == pytest.approx(best, rel=2e-3)
    a = np.array([1.0])
    assert numerical_gradient(lambda: float(np.sin(a[0])), a) == pytest.approx(third, abs=1e-10)


def test_relative_error():
    a, n = np.array([1.0, -4.0]), np.array([1.0, -4.0 - 2e-8])
    assert compare("a", a, n) == pytest.approx(2e-8 / (4 + 2e-8), rel=1e-6)
    assert compare("tiny", a * 0, a * 0 + 1e-16) == pytest.approx(1e-16 / 1e-8)


def test_mean_absolute_error():
    assert metrics.mae(np.array([22.0, 40.0, 75.0]), Y) == pytest.approx((1.7 + 7 + 3.1) / 3)


def test_epsilon_error():
    y_hat = np.array([22.0, 40.0, 75.0])
    terms = [np.exp(-((a - b) ** 2) / (2 * s**2)) for a, b, s in zip(y_hat, Y, SIGMA, strict=True)]
    assert metrics.epsilon_error(y_hat, Y, SIGMA) == pytest.approx(1 - sum(terms) / 3)


def test_typical_annotator():
    d = np.linspace(-12, 12, 4001)
    mean = np.trapezoid(norm.pdf(d) * np.exp(-(d**2) / 2), d)
    assert metrics.typical_annotator_error() == pytest.approx(1 - mean)
    assert 1 - mean == pytest.approx(1 - 1 / np.sqrt(2))


def test_cumulative_score():
    y_hat, n = np.array([22.0, 40.0, 75.0]), np.linspace(0, 10, 100_001)
    score = metrics.cumulative_score(y_hat, Y, n)
    assert score[[30_000, 50_000]].tolist() == [1 / 3, 2 / 3]
    assert np.trapezoid(1 - score, n) == pytest.approx(metrics.mae(y_hat, Y), abs=1e-3)


def test_likelihood(p):
    nearest = [10, 24, 36]  # the labels 20, 48 (47 lies between two: the upper one) and 72
    expected = -np.mean([np.log(p[n, k] / STEP) for n, k in enumerate(nearest)])
    assert metrics.negative_log_likelihood(p, Y, GRID) == pytest.approx(expected)


def test_crps(x):
    p_hat, a = softmax(x), np.linspace(0, 100, 200_001)
    F = np.cumsum(p_hat, axis=1)[:, np.minimum(a // STEP, K - 1).astype(int)]
    squares = np.trapezoid((F - (a >= Y[:, None])) ** 2, a, axis=1)
    own = (p_hat * np.abs(GRID - Y[:, None])).sum(axis=1)
    pairs = np.einsum("nj,nk,jk->n", p_hat, p_hat, np.abs(GRID[:, None] - GRID))
    assert metrics.crps(p_hat, Y, GRID) == pytest.approx(squares.mean(), abs=1e-2)
    assert metrics.crps(p_hat, Y, GRID) == pytest.approx((own - pairs / 2).mean())


def test_coverage():
    uniform, y = np.full((3, 5), 0.2), np.array([0.0, 1.25, 4.0])  # bins from -0.5 to 4.5
    u = (y + 0.5) / 5
    for q in (0.2, 0.5, 0.9):
        inside = (np.abs(u - 0.5) <= q / 2).mean()
        assert metrics.coverage(uniform, y, np.arange(5.0), q) == inside


def test_map_in_years(x, rng):
    maps = object.__new__(Maps)  # its arithmetic alone: a map for each logit, and their weights
    M = rng.normal(size=(K, 3, 4, 4))
    maps.grid, maps.p_hat = GRID, softmax(x)
    maps.y_hat = maps.p_hat @ GRID
    maps.of_logits = lambda dlogits: np.einsum("nk,knhw->nhw", dlogits, M)
    weights = maps.p_hat * (GRID - maps.y_hat[:, None])
    close(maps.of_expectation()[1], sum(weights[1, k] * M[k, 1] for k in range(K)))


def test_intersection_over_union():
    found = intersection_over_union(np.array([0.0, 0, 4, 4]), np.array([[2.0, 1, 6, 4]]))
    close(found, 2 * 3 / (16 + 12 - 6))


def test_similarity(rng):
    points, targets = rng.normal(size=(2, 5, 2))
    p, t = (q[:, 0] + 1j * q[:, 1] - (q[:, 0] + 1j * q[:, 1]).mean() for q in (points, targets))
    z = (p.conj() * t).sum() / (abs(p) ** 2).sum()
    close(similarity(points, targets)[:, :2], [[z.real, -z.imag], [z.imag, z.real]])
