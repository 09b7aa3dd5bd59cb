"""Label distribution learning without a network: SciPy's solvers, loops, and formulas by hand."""

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.special import rel_entr, softmax
from scipy.stats import multivariate_normal

from tinydldl import ldl
from tinydldl.gradcheck import GradientError, check_loss


def draw(rng, signs, N=40, F=3, K=4):
    """Features of one sign or both, a column of ones among them, and distributions."""
    x = rng.standard_normal((N, F))
    x = np.column_stack([np.ones(N), np.abs(x) if signs == "positive" else x])
    return x, rng.dirichlet(np.ones(K), N)


@pytest.fixture(params=["both", "positive"])
def problem(request, rng):
    return draw(rng, request.param)


def kl(theta, x, p):
    return rel_entr(p, softmax(x @ theta, axis=1)).sum(axis=1).mean()


# --- The maximum entropy model --------------------------------------------------------------------


def test_the_loss_is_the_divergence_and_its_gradient_is_right(problem, rng):
    x, p = problem
    theta = rng.standard_normal((x.shape[1], p.shape[1]))
    assert ldl.maximum_entropy_loss(theta, x, p)[0] == pytest.approx(kl(theta, x, p), rel=1e-12)
    check_loss(ldl.maximum_entropy_loss, theta, x, p)

    def summed(theta, x, p):  # a planted bug: the gradient of the sum over examples
        loss, dtheta = ldl.maximum_entropy_loss(theta, x, p)
        return loss, len(x) * dtheta

    with pytest.raises(GradientError):
        check_loss(summed, theta, x, p)


def test_bfgs_finds_what_a_minimizer_without_gradients_finds(problem):
    x, p = problem
    theta = ldl.sa_bfgs(x, p)
    shape = theta.shape
    other = minimize(lambda t: kl(t.reshape(shape), x, p), np.zeros(theta.size), tol=1e-9)
    assert kl(theta, x, p) == pytest.approx(other.fun, rel=1e-9)
    assert ldl.maximum_entropy(theta, x) == pytest.approx(
        softmax(x @ other.x.reshape(shape), axis=1), abs=1e-4
    )


def test_bfgs_recovers_the_theta_that_made_the_distributions(rng):
    x, _ = draw(rng, "both")
    theta = rng.standard_normal((4, 5))
    found = ldl.sa_bfgs(x, softmax(x @ theta, axis=1))
    centered = theta - theta.mean(axis=1, keepdims=True)  # a constant per feature is free
    assert found - found.mean(axis=1, keepdims=True) == pytest.approx(centered, abs=1e-5)


def test_fewer_steps_of_bfgs_stop_earlier(rng):
    x, p = draw(rng, "both")
    losses = [kl(ldl.sa_bfgs(x, p, steps), x, p) for steps in (1, 3, 1000)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > losses[1] > losses[2]


# --- Improved iterative scaling -------------------------------------------------------------------


def left_side(d, column, p, p_hat, size):
    return (column * (p - p_hat * np.exp(d * np.sign(column) * size))).sum()


def test_each_equation_of_a_step_is_solved(problem, rng):
    x, p = problem
    p_hat = rng.dirichlet(np.ones(4), len(x))
    d, size = ldl.iis_update(x, p, p_hat), np.abs(x).sum(axis=1)
    for f, k in np.ndindex(d.shape):
        root = brentq(left_side, -5, 5, (x[:, f], p[:, k], p_hat[:, k], size), xtol=1e-13)
        assert d[f, k] == pytest.approx(root, abs=1e-9)


def test_features_of_a_constant_sum_have_the_closed_form_of_generalized_iterative_scaling(rng):
    x, (p, p_hat) = rng.dirichlet(np.ones(3), 30), rng.dirichlet(np.ones(4), (2, 30))
    assert ldl.iis_update(x, p, p_hat) == pytest.approx(np.log(x.T @ p / (x.T @ p_hat)), abs=1e-9)


def descent(update, x, p, steps=60):
    """The loss after each step, from zero."""
    theta, losses = np.zeros((x.shape[1], p.shape[1])), []
    for _ in range(steps):
        losses.append(kl(theta, x, p))
        theta += update(x, p, softmax(x @ theta, axis=1))
    return np.array(losses)


def test_no_step_makes_it_worse(problem):
    x, p = problem
    assert (np.diff(descent(ldl.iis_update, x, p)) <= 1e-15).all()


def test_a_bound_with_a_shorter_reach_does_make_it_worse():
    """A planted bug: the largest feature where the sum of all belongs."""

    def too_far(x, p, p_hat):
        return np.log(x.T @ p / (x.T @ p_hat)) / np.abs(x).max()

    x, p = np.ones((1, 4)), np.array([[0.98, 0.01, 0.01]])
    assert (np.diff(descent(ldl.iis_update, x, p)) <= 1e-15).all()
    assert (np.diff(descent(too_far, x, p, 3)) > 1e-3).any()


def test_iis_ends_where_bfgs_ends(rng):
    x, p = draw(rng, "both", N=10, F=1, K=3)
    assert kl(ldl.sa_iis(x, p, 300), x, p) == pytest.approx(kl(ldl.sa_bfgs(x, p), x, p), rel=1e-6)


def test_a_label_that_never_occurs_and_features_that_are_zero(rng):
    x, p = draw(rng, "positive")
    x[:, 2], p[:, 1] = 0, 0
    p /= p.sum(axis=1, keepdims=True)
    x[0] = 0
    losses = descent(ldl.iis_update, x, p, 100)
    assert (np.diff(losses) <= 1e-15).all()
    theta = ldl.sa_iis(x, p, 100)
    assert (theta[2] == 0).all()
    assert (ldl.maximum_entropy(theta, x)[1:, 1] < 1e-3).all()
    assert (ldl.iis_update(0 * x, p, p) == 0).all()


# --- Neighbors and Bayes --------------------------------------------------------------------------


def test_neighbors_by_loops(rng):
    x, new, p = rng.standard_normal((30, 3)), rng.standard_normal((7, 3)), rng.random((30, 4))
    for k in (1, 4, 30):
        found = ldl.aa_knn(x, p, new, k)
        for row, q in zip(new, found, strict=True):
            order = sorted(range(30), key=lambda n, row=row: ((x[n] - row) ** 2).sum())
            assert q == pytest.approx(sum(p[n] for n in order[:k]) / k)
    assert ldl.aa_knn(x, p, x, 1) == pytest.approx(p), "each is its own neighbor"


@pytest.mark.parametrize("k", [0, -1, 31])
def test_as_many_neighbors_as_there_are(k, rng):
    with pytest.raises(ValueError, match=f"k {k}: expected 1 to 30"):
        ldl.aa_knn(rng.random((30, 3)), rng.random((30, 4)), rng.random((2, 3)), k)


def test_the_transformed_problem_has_the_weights_of_p(rng):
    p = rng.dirichlet(np.ones(3), 5)
    draws = np.array([ldl.resampled(p, rng) for _ in range(4000)])
    assert (draws.sum(axis=(1, 2)) == 15).all()
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - 3 * p) < 4.5 * error).all()


def by_bayes_rule(x, labels, new, K):
    """The posterior from examples with one label each, class by class."""
    density = np.zeros((len(new), K))
    for k in np.unique(labels):
        mine = x[labels == k]
        normal = multivariate_normal(mine.mean(axis=0), np.cov(mine.T, ddof=0))
        density[:, k] = len(mine) / len(x) * normal.pdf(new)
    return density / density.sum(axis=1, keepdims=True)


def test_counts_are_examples_that_are_repeated(rng):
    x, new = rng.standard_normal((30, 2)), rng.standard_normal((6, 2))
    counts = ldl.resampled(rng.dirichlet(np.ones(4), 30), rng)
    counts[:, 2] = 0  # a label that was not drawn
    rows, labels = np.nonzero(counts)
    times = counts[rows, labels]
    expected = by_bayes_rule(np.repeat(x[rows], times, axis=0), np.repeat(labels, times), new, 4)
    found = ldl.pt_bayes(x, counts, new)
    assert found == pytest.approx(expected, abs=1e-12)
    assert (found[:, 2] == 0).all()
    assert ldl.pt_bayes(x, 7.5 * counts, new) == pytest.approx(found, abs=1e-12)


def test_many_draws_tend_to_the_weights_themselves(rng):
    x, new, p = rng.random((30, 2)), rng.random((6, 2)), rng.dirichlet(np.ones(3), 30)
    exact = ldl.pt_bayes(x, p, new)
    few = np.abs(ldl.pt_bayes(x, ldl.resampled(p, rng), new) - exact).max()
    many = sum(ldl.resampled(p, rng) for _ in range(10_000))
    assert np.abs(ldl.pt_bayes(x, many, new) - exact).max() < few / 10


def test_with_one_covariance_it_is_a_maximum_entropy_model(rng):
    """ln (p_j / p_k) is linear in x; with a covariance for each label it is not."""
    x, p = rng.standard_normal((50, 2)), rng.dirichlet(np.ones(3), 50)
    line = np.linspace(-2, 2, 9)[:, None] * [1.0, -0.5]
    bends = []
    for one_covariance in (True, False):
        q = np.log(ldl.pt_bayes(x, p, line, one_covariance=one_covariance))
        bends.append(np.abs(np.diff(q[:, 1:] - q[:, :1], 2, axis=0)).max())
    assert bends[0] < 1e-12
    assert bends[1] > 1e-3


def test_one_feature_is_a_row_of_variances(rng):
    x, p = rng.standard_normal((20, 1)), rng.dirichlet(np.ones(2), 20)
    q = ldl.pt_bayes(x, p, x)
    assert q.shape == (20, 2)
    assert q.sum(axis=1) == pytest.approx(np.ones(20))


def test_too_few_examples_for_a_covariance(rng):
    x = rng.standard_normal((3, 5))
    with pytest.raises(np.linalg.LinAlgError):
        ldl.pt_bayes(x, np.ones((3, 2)), x)


def test_against_python_ldl(rng):
    """Its `PT_Bayes` keeps covariances away from 0, and resamples; the others are the same."""
    theirs = pytest.importorskip("pyldl.algorithms", reason="python-ldl is not installed")
    (x, p), new = draw(rng, "both"), rng.standard_normal((7, 4))
    neighbors = theirs.AA_KNN(k=5).fit(x, p).predict(new)
    assert ldl.aa_knn(x, p, new, 5) == pytest.approx(neighbors, abs=1e-12)
    for name in ("SA_BFGS", "SA_IIS"):
        p_hat = getattr(theirs, name)().fit(x, p).predict(x)
        assert rel_entr(p, p_hat).sum(axis=1).mean() == pytest.approx(
            kl(ldl.sa_bfgs(x, p), x, p), rel=1e-3
        )
