"""Label distribution learning without a network: features x (N, F) to distributions (N, K).

On the host, in float64. A constant term is a column of ones in x. The names are those of Geng,
"Label Distribution Learning", IEEE TKDE 28(7), 2016: specialized algorithms (sa), an adapted one
(aa), a transformed problem (pt). `metrics` has the six measures. Lesson 14.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal

from tinydldl.arrays import Array, Distributions, Rng, Vectors
from tinydldl.layers import Softmax
from tinydldl.losses import Loss, kl_from_logits

NEWTON_STEPS = 20  # of `iis_update`: four are enough for most equations


def maximum_entropy(theta: Array, x: Vectors) -> Distributions:
    """The model of `sa_bfgs` and `sa_iis`, softmax(x theta): (N, K) for theta (F, K)."""
    return Softmax().forward(x @ theta, save=False)


def maximum_entropy_loss(theta: Array, x: Vectors, p: Distributions) -> Loss:
    """The KL divergence from p (N, K) to softmax(x theta), and its gradient in theta (F, K).

    dtheta = x^T (p_hat - p) / N
    """
    loss, dlogits = kl_from_logits(x @ theta, p)
    return loss, x.T @ dlogits


def sa_bfgs(x: Vectors, p: Distributions, steps: int = 1000) -> Array:
    """theta (F, K) of the least `maximum_entropy_loss`, by SciPy's L-BFGS from zero.

    The limited-memory form, since 128 features and 101 labels would need an inverse Hessian of
    1.3 GB. At most `steps` steps: fewer are a guard against overfitting.
    """

    def objective(theta: Array) -> tuple[float, Array]:
        loss, dtheta = maximum_entropy_loss(theta.reshape(x.shape[1], -1), x, p)
        return float(loss), dtheta.ravel()

    options = {"maxiter": steps, "maxfun": 10 * steps, "ftol": 1e-15, "gtol": 1e-8}
    start = np.zeros(x.shape[1] * p.shape[1])
    theta = minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
    return theta.reshape(x.shape[1], -1)


def sa_iis(x: Vectors, p: Distributions, steps: int = 100) -> Array:
    """The same theta (F, K) by improved iterative scaling from zero; no step makes it worse.

    Source: Della Pietra, Della Pietra and Lafferty, IEEE TPAMI 19(4), 1997.
    """
    theta = np.zeros((x.shape[1], p.shape[1]))
    for _ in range(steps):
        theta += iis_update(x, p, maximum_entropy(theta, x))
    return theta


def iis_update(x: Vectors, p: Distributions, p_hat: Distributions) -> Array:
    """The step d (F, K) of `sa_iis`: the maximum of a lower bound of how much the loss falls.

        sum_n x_nf (p_nk - p_hat_nk exp(d_fk sgn(x_nf) s_n)) = 0,    s_n = sum_f |x_nf|

    Each equation has one unknown, and its left side falls with it. Newton's method, in which no
    exponent changes by more than 1 in a step. Where no d is enough (a label that never occurs, and
    features of one sign), d is where the steps end.
    """
    d = np.zeros((x.shape[1], p.shape[1]))
    size = np.abs(x).sum(axis=1)
    longest = 1 / max(size.max(), np.finfo(float).tiny)
    for f, column in enumerate(x.T):
        reach, mass = np.sign(column) * size, column[:, None] * p_hat
        for _ in range(NEWTON_STEPS):
            scaled = mass * np.exp(reach[:, None] * d[f])
            left, slope = column @ p - scaled.sum(axis=0), reach @ scaled
            step = np.divide(left, slope, out=np.zeros_like(left), where=slope > 0)
            d[f] += np.clip(step, -longest, longest)
    return d


def aa_knn(x: Vectors, p: Distributions, new: Vectors, k: int) -> Distributions:
    """For each of the `new` features (M, F) the mean of the p of its k nearest of x: (M, K).

    Nearest by Euclidean distance. Raises ValueError unless 1 <= k <= N.

    >>> x, p = np.array([[0.0], [1.0], [5.0]]), np.eye(3)
    >>> aa_knn(x, p, np.array([[0.4]]), 2).tolist()
    [[0.5, 0.5, 0.0]]
    """
    if not 1 <= k <= len(x):
        raise ValueError(f"k {k}: expected 1 to {len(x)}, the number of examples")
    return p[np.argpartition(cdist(new, x), k - 1, axis=1)[:, :k]].mean(axis=1)


def resampled(p: Distributions, rng: Rng) -> Array:
    """How often (N, K) each example is drawn with each label, in N K draws, of weights p.

    The transformed problem: an example with K labels becomes K examples with one label each.
    """
    return rng.multinomial(p.size, p.ravel() / p.sum()).reshape(p.shape)


def pt_bayes(
    x: Vectors, weights: Array, new: Vectors, *, one_covariance: bool = False
) -> Distributions:
    """Bayes' rule with a Gaussian for each label: the posterior (M, K) of `new` features (M, F).

    weights (N, K): those of `resampled`, or p itself, which is what its means tend to. Each
    Gaussian has the mean and covariance of x under its column, each label the prior of its sum; a
    label without weight gets 0. `one_covariance`: all Gaussians share the mean of theirs. Raises
    LinAlgError for a covariance without an inverse, as from too few examples.
    """
    prior = weights.sum(axis=0) / weights.sum()
    present = np.flatnonzero(prior)
    shares = weights[:, present] / weights[:, present].sum(axis=0)
    means = shares.T @ x
    covariances = np.array([np.cov(x.T, aweights=w, ddof=0) for w in shares.T])
    covariances = covariances.reshape(len(present), x.shape[1], -1)
    if one_covariance:
        covariances[:] = np.tensordot(prior[present], covariances, 1)
    logits = np.full((len(new), len(prior)), -np.inf)
    for k, mean, covariance in zip(present, means, covariances, strict=True):
        logits[:, k] = np.log(prior[k]) + multivariate_normal.logpdf(new, mean, covariance)
    return Softmax().forward(logits, save=False)
