# %% [markdown]
# # Lesson 03: Softmax and KL
#
# | | |
# |---|---|
# | **You will be able to** | derive and program softmax, the KL divergence and the gradient $\hat p - p$, say why they are computed from logits, and what the loss can and cannot reach |
# | **You need** | lesson 00 (upstream gradients, the checker), lesson 01 (label distributions, entropy) |
# | **Minutes** | 90 |
# | **Code** | [`tinydldl/losses.py`](../tinydldl/losses.py), [`tinydldl/layers/activation.py`](../tinydldl/layers/activation.py) |
#
# The last layer of the network gives $K = 101$ numbers for each face, one for each age. They can be anything. Our target, the label distribution $p$ of lesson 01, is positive and sums to one. This lesson turns the one into the other, measures how far prediction and target are apart, and derives what the network should do about it. The answer will be short: prediction minus target.

# %%
import numpy as np
import scipy.special
import scipy.stats

from tinydldl.gradcheck import GradientError, check_layer, check_loss, numerical_gradient
from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.layers import LogSoftmax, Softmax
from tinydldl.losses import cross_entropy, kl_from_logits, kl_from_probabilities
from tinydldl.notebook import figures, slider, use_style

use_style()
plot = figures("03")
grid = label_grid(0, 100)
K = len(grid)

# %% [markdown]
# ## 1. Softmax
#
# The outputs of the network are called **logits**, $x = (x_0, \dots, x_{K-1})$. To make them positive, take exponentials. To make them sum to one, divide by the sum:
#
# $$ \hat p_k = \frac{e^{x_k}}{\sum_j e^{x_j}}. $$
#
# This is **softmax**. The hat means "predicted". Two properties follow at once. Ratios of probabilities are differences of logits, since the denominator cancels: $\hat p_k / \hat p_j = e^{x_k - x_j}$. And adding the same number $c$ to all logits changes nothing:
#
# $$ \frac{e^{x_k + c}}{\sum_j e^{x_j + c}} = \frac{e^c\, e^{x_k}}{e^c \sum_j e^{x_j}} = \hat p_k. $$

# %%
x = np.random.default_rng(0).standard_normal(K)
p_hat = np.exp(x) / np.exp(x).sum()
assert (p_hat > 0).all() and abs(p_hat.sum() - 1) < 1e-14
assert abs(p_hat[3] / p_hat[7] - np.exp(x[3] - x[7])) < 1e-12
shifted = np.exp(x + 5) / np.exp(x + 5).sum()
assert np.abs(shifted - p_hat).max() < 1e-15

# %% [markdown]
# The second property saves us from the computer's limits. The largest float32 is $3.4 \cdot 10^{38}$, and $e^{89}$ is larger. One logit of 89 gives $\infty/\infty$, which is not a number. So we choose $c = -\max_k x_k$. Then the largest exponent is 0, nothing overflows, and the sum is at least 1.

# %%
with np.errstate(over="ignore", invalid="ignore"):
    e = np.exp(np.array([89.0, 0.0], dtype=np.float32))
    print(e, e / e.sum())
    assert np.isinf(e[0]) and np.isnan((e / e.sum())[0])
assert np.isfinite(np.exp(np.float32(88)))

# %% [markdown]
# ### Exercise 1
# Write softmax for a batch: `x` has one row per image, $N$ in all.


# %% exercise="softmax" stands_for="layers.Softmax layers.LogSoftmax"
def softmax(x):
    """Softmax of each row of the logits x (N, K).

    Hint: three lines. Subtract the row maximum (keepdims=True); exponentials; over their sum.
    """
    ### BEGIN SOLUTION
    shifted = x - x.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    return e / e.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% test="softmax" points=1
# Expect a largest difference of about 1e-17, and no overflow.
x = np.random.default_rng(1).standard_normal((4, K))
before = x.copy()
p_hat = softmax(x)
assert np.array_equal(x, before), "x belongs to the caller: do not change it"
assert p_hat.shape == x.shape, f"shape {p_hat.shape}, expected {x.shape}"
difference = np.abs(p_hat - scipy.special.softmax(x, axis=1)).max()
print(f"largest difference {difference:.0e}")
assert difference < 1e-15, f"off by {difference:.1e}: does each row have a sum of its own?"
assert np.abs(p_hat - Softmax().forward(x)).max() < 1e-15, "not the package's numbers"
with np.errstate(all="ignore"):
    extreme = softmax(np.array([[1000.0, 1000.0], [0.0, -1000.0]]))
assert np.array_equal(extreme, [[0.5, 0.5], [1, 0]]), f"logits of 1000 and -1000:\n{extreme}"
### BEGIN HIDDEN TESTS
logits = np.array([[1000.0, 990.0, 1001.0], [-1003.0, -1001.0, -1000.0]])
with np.errstate(all="ignore"):
    far = softmax(logits)
assert np.abs(far - scipy.special.softmax(logits, axis=1)).max() < 1e-15, f"{logits} became\n{far}"
single = softmax(np.array([[3.0]]))
assert np.array_equal(single, [[1]]), f"one image, one label: {single}, expected 1"
### END HIDDEN TESTS

# %% [markdown]
# You may have met a softmax with a **temperature**, $e^{x_k / \tau}$: a small $\tau$ makes the hill narrow, a large one makes it wide. We do not need it. The logits come from a linear layer, $x = \text{features} \cdot W + b$, and dividing them by $\tau$ is the same as dividing $W$ and $b$ by $\tau$. The network learns that by itself. Here is what the scale does to the logits $-(l_k - 30)^2 / 8$, whose softmax is the label distribution of $y = 30$, $\sigma = 2$: with $\tau$ it becomes that of $\sigma\sqrt{\tau}$.

# %% alt="The softmax of the same logits divided by 0.25, 1 and 4: three hills around 30, high and narrow, medium, low and wide."
rng = np.random.default_rng(2)
features, W, b = rng.standard_normal((4, 8)), rng.standard_normal((8, K)), rng.standard_normal(K)
tau = 3.0
divided = softmax(features @ (W / tau) + b / tau)
assert np.abs(softmax((features @ W + b) / tau) - divided).max() < 1e-15

by_tau = {tau: softmax(-((grid[None] - 30) ** 2) / 8 / tau) for tau in (0.25, 1.0, 4.0)}
for tau, p_hat in by_tau.items():
    expected = gaussian_label_distribution([30.0], [2 * np.sqrt(tau)], grid)
    assert np.abs(p_hat - expected).max() < 1e-15
plot.temperatures(by_tau, grid)

# %% [markdown]
# ## 2. The Jacobian of softmax
#
# How does $\hat p_k$ change with $x_j$? Write $S = \sum_i e^{x_i}$, so that $\hat p_k = e^{x_k} / S$ and $\partial S / \partial x_j = e^{x_j}$. The numerator depends on $x_j$ only if $k = j$; its derivative is $\delta_{kj}\, e^{x_k}$, where $\delta_{kj}$ is 1 for $k = j$ and 0 otherwise. The quotient rule:
#
# $$ \frac{\partial \hat p_k}{\partial x_j} = \frac{\delta_{kj}\, e^{x_k}\, S - e^{x_k}\, e^{x_j}}{S^2} = \frac{e^{x_k}}{S} \left( \delta_{kj} - \frac{e^{x_j}}{S} \right) = \hat p_k\, (\delta_{kj} - \hat p_j). $$
#
# On the diagonal that is $\hat p_k (1 - \hat p_k) > 0$: raise a logit and its own probability rises. Everywhere else it is $-\hat p_k \hat p_j < 0$: all others pay for it. They pay exactly, since each column sums to zero, as it must if the sum of the probabilities is to stay one:
#
# $$ \sum_k \hat p_k (\delta_{kj} - \hat p_j) = \hat p_j - \hat p_j \sum_k \hat p_k = 0. $$
#
# We check it by brute force, entry by entry, and by central differences, column by column.

# %%
x = np.random.default_rng(3).standard_normal((1, 6))
p_hat = softmax(x)[0]
J = np.zeros((6, 6))
for k, j in np.ndindex(6, 6):
    J[k, j] = p_hat[k] * ((k == j) - p_hat[j])
h = 1e-5
columns = [(softmax(x + h * row) - softmax(x - h * row))[0] / (2 * h) for row in np.eye(6)]
error = np.abs(J - np.stack(columns, axis=1)).max()
print(f"largest difference from central differences: {error:.0e}")
assert error < 1e-10
assert np.abs(J.sum(axis=0)).max() < 1e-15 and np.array_equal(J, J.T)

# %% alt="Left, the Jacobian of softmax as a map, a red diagonal in a faint blue square; right, its column for the logit of 30, one high bar up at 30 and small bars down on both sides."
p_hat = gaussian_label_distribution([30.0], [2.0], grid)[0]
J = np.diag(p_hat) - np.outer(p_hat, p_hat)
plot.jacobian(J, grid)
assert J[30, 30] > 0 and (np.delete(J[:, 30], 30) <= 0).all()

# %% [markdown]
# ### The backward pass
# From lesson 00: for an upstream gradient $d\hat p$ the gradient in $x$ is $dx = J^\top d\hat p$. Insert the Jacobian:
#
# $$ dx_j = \sum_k d\hat p_k\, \hat p_k\, (\delta_{kj} - \hat p_j) = d\hat p_j\, \hat p_j - \hat p_j \sum_k d\hat p_k\, \hat p_k = \hat p_j \left( d\hat p_j - \sum_k d\hat p_k\, \hat p_k \right). $$
#
# The sum is the mean of $d\hat p$ under $\hat p$. So each logit gets its own upstream gradient minus the average one, weighted by its probability. The Jacobian with its $K^2$ entries is gone: $K$ products and a sum are enough.
#
# ### Exercise 2
# Write it for a batch.


# %% exercise="softmax-backward" stands_for="layers.Softmax layers.LogSoftmax"
def softmax_backward(p_hat, dp_hat):
    """The gradient dx (N, K) in the logits, from p_hat = softmax(x) and the upstream dp_hat.

    Hint: one line; the sum is over the labels, with keepdims=True.
    """
    ### BEGIN SOLUTION
    return p_hat * (dp_hat - (dp_hat * p_hat).sum(axis=1, keepdims=True))
    ### END SOLUTION


# %% test="softmax-backward" points=2
# Expect about 1e-17 against the full Jacobian, and about 1e-10 against central differences.
rng = np.random.default_rng(4)
x, dp_hat = rng.standard_normal((3, 6)), rng.standard_normal((3, 6))
p_hat = Softmax().forward(x)
before = p_hat.copy(), dp_hat.copy()
dx = softmax_backward(p_hat, dp_hat)
assert np.array_equal(p_hat, before[0]), "p_hat belongs to the layer: do not change it"
assert np.array_equal(dp_hat, before[1]), "dp_hat belongs to the layer above: do not change it"
assert dx.shape == (3, 6), f"dx has shape {dx.shape}, x has (3, 6)"
for n, (row, upstream, result) in enumerate(zip(p_hat, dp_hat, dx, strict=True)):
    J = np.diag(row) - np.outer(row, row)
    assert np.abs(J.T @ upstream - result).max() < 1e-15, f"image {n}: not J^T times dp_hat"
numeric = numerical_gradient(lambda: (Softmax().forward(x) * dp_hat).sum(), x)
difference = np.abs(dx - numeric).max()
print(f"largest difference from central differences: {difference:.0e}")
assert difference < 1e-9, f"off by {difference:.1e} from central differences"
print(check_layer(Softmax(), x, rng))
### BEGIN HIDDEN TESTS
for images, labels in ((7, 3), (1, 9), (5, 5)):
    wide = np.random.default_rng(images).standard_normal((images, labels))
    sure, upstream = Softmax().forward(20 * wide), 1e3 * wide[::-1]
    found = softmax_backward(sure, upstream)
    expected = [(np.diag(q) - np.outer(q, q)) @ up for q, up in zip(sure, upstream, strict=True)]
    off = np.abs(found - expected).max()
    assert off < 1e-11, f"{images} images, {labels} labels, steep logits: off by {off:.1e}"
### END HIDDEN TESTS

# %% [markdown]
# ## 3. The Kullback-Leibler divergence
#
# How far is the prediction $\hat p$ from the target $p$? Information theory's answer is the **KL divergence**,
#
# $$ \text{KL}(p, \hat p) = \sum_k p_k \ln \frac{p_k}{\hat p_k}. $$
#
# It is the mean, over labels drawn from $p$, of how much more probable $p$ makes them than $\hat p$ does, on a logarithmic scale. Some terms are negative, where $\hat p_k > p_k$. The sum never is. The proof needs one inequality:
#
# $$ \ln t \le t - 1 \quad\text{for all } t > 0, \text{ with equality only at } t = 1. $$
#
# *Proof.* Let $g(t) = t - 1 - \ln t$. Its derivative $1 - 1/t$ is negative for $t < 1$ and positive for $t > 1$, so $g$ has its only minimum at $t = 1$, and $g(1) = 0$. In a picture: the logarithm lies below its tangent at 1.

# %% alt="Left, ln t lies below the line t - 1 and touches it at 1; right, t ln t starts at 0, falls to its lowest point near 0.37 and returns to 0 at 1."
t = np.linspace(0.01, 4, 400)
assert (np.log(t) <= t - 1).all() and np.log(1) == 1 - 1
assert (np.log(t) < t - 1)[np.abs(t - 1) > 1e-6].all()
plot.logarithms(t)

# %% [markdown]
# Now use it with $t = \hat p_k / p_k$, over the labels with $p_k > 0$, which are all that matter:
#
# $$ -\text{KL}(p, \hat p) = \sum_{p_k > 0} p_k \ln \frac{\hat p_k}{p_k} \le \sum_{p_k > 0} p_k \left( \frac{\hat p_k}{p_k} - 1 \right) = \sum_{p_k > 0} \hat p_k - 1 \le 0. $$
#
# Equality needs $\hat p_k = p_k$ for all $k$. So **the KL divergence is zero if the prediction is exactly the target, and positive otherwise.**
#
# We try it on a thousand pairs of random distributions.

# %%
rng = np.random.default_rng(5)
divergences = []
for _ in range(1000):
    p, p_hat = rng.dirichlet(np.ones(8), 2)
    divergences.append((p * np.log(p / p_hat)).sum())
    assert abs(divergences[-1] - scipy.special.rel_entr(p, p_hat).sum()) < 1e-13
    assert (p * np.log(p / p_hat)).min() < 0, "some terms are negative"
    assert abs((p * np.log(p / p)).sum()) < 1e-15
print(f"smallest of 1000: {min(divergences):.4f}")
assert min(divergences) > 0

# %% [markdown]
# What about labels with $p_k = 0$? We need $0 \ln 0$. With $t = e^{-s}$ we have $t \ln t = -s\, e^{-s}$, and this tends to 0 as $s \to \infty$. So $0 \ln 0 = 0$, as a limit. NumPy says `nan`, so we have to handle it ourselves. It is not a rare case. Take $y = 50$, $\sigma = 2$ and cast the target to float32, as for training:

# %%
s = np.array([10.0, 100.0, 700.0])
print("t ln t for t near 0:", np.exp(-s) * np.log(np.exp(-s)))
assert (np.abs(np.exp(-s) * np.log(np.exp(-s)) + s * np.exp(-s)) < 1e-15).all()
assert np.exp(-700) * 700 < 1e-300

p = gaussian_label_distribution([50.0], [2.0], grid)
zeros = (p.astype(np.float32) == 0).sum()
print(f"{zeros} of {K} entries of the target are exactly 0 in float32, {(p == 0).sum()} in float64")
assert zeros == 44 and K == 101 and (p == 0).sum() == 0
with np.errstate(all="ignore"):
    assert np.isnan(np.float32(0) * np.log(np.float32(0)))

# %% [markdown]
# Why 44? The smallest positive float32 is $2^{-149}$; below half of that, numbers become 0. The entry $d$ years from 50 is $e^{-d^2/8}$ over the sum 5.01. It is lost if $d^2 > 8\,(150 \ln 2 - \ln 5.01)$, which is $d > 28.6$. From 22 to 78 there are 57 labels; the other 44 are gone.

# %%
total = np.exp(-((grid - 50) ** 2) / 8).sum()
reach = np.sqrt(8 * (150 * np.log(2) - np.log(total)))
print(f"sum {total:.3f}, reach {reach:.2f} years")
assert abs(total - 5.01) < 5e-3 and abs(reach - 28.6) < 0.05
assert np.array_equal(np.flatnonzero(p.astype(np.float32)), np.arange(22, 79))
assert 79 - 22 == 57 == K - 44

# %% [markdown]
# ### Exercise 3
# Write the divergence of one image.


# %% exercise="kl" stands_for="losses.kl_from_probabilities losses.kl_from_logits metrics.kl"
def kl(p, p_hat):
    """KL(p, p_hat) of two distributions (K,), in nats, with 0 ln 0 = 0.

    Hint: keep only the labels with p > 0.
    """
    ### BEGIN SOLUTION
    positive = p > 0
    return (p[positive] * np.log(p[positive] / p_hat[positive])).sum()
    ### END SOLUTION


# %% test="kl" points=2
# Expect a difference of about 1e-16 from SciPy, and no nan.
rng = np.random.default_rng(11)
for _ in range(1000):
    p, p_hat = rng.dirichlet(np.ones(8), 2)
    p[rng.integers(8)] = 0
    p /= p.sum()
    before = p.copy(), p_hat.copy()
    with np.errstate(all="ignore"):
        value, nothing = kl(p, p_hat), kl(p, p)
    assert np.array_equal((p, p_hat), before), (
        "p and p_hat belong to the caller: do not change them"
    )
    assert np.isfinite(value), "a label with p = 0 gives nan or infinity: its term is 0"
    off = value - scipy.special.rel_entr(p, p_hat).sum()
    assert abs(off) < 1e-14, f"off by {off:.1e} nats from SciPy"
    assert value > 0, f"a divergence of {value} is not positive"
    assert abs(nothing) < 1e-15, f"KL(p, p) is {nothing}, expected 0"
print(f"the last of 1000: {value:.4f}")
### BEGIN HIDDEN TESTS
for believed in (1e-20, 1e-300):
    two, doubt = np.array([0.5, 0.5]), np.array([1.0, believed])
    value = kl(two, doubt)
    expected = -np.log(2) - np.log(believed) / 2
    assert abs(value - expected) < 1e-9, f"p_hat is {believed} where p is 1/2: {value:.3f} nats"
value = kl(np.array([1 - 1e-9, 1e-9]), np.array([1 - 1e-9, 1e-200]))
assert 4.3e-7 < value < 4.5e-7, f"p is 1e-9 where p_hat is 1e-200: {value:.3g} nats"
### END HIDDEN TESTS

# %% [markdown]
# How large is a divergence? For two Gaussian hills with means $y_1, y_2$ and spreads $\sigma_1, \sigma_2$, the sum is close to the integral over the densities. Write the logarithm of the quotient of the densities and take its mean under the first, where $(a - y_1)^2$ has mean $\sigma_1^2$, and $(a - y_2)^2$ has mean $\sigma_1^2 + (y_1 - y_2)^2$:
#
# $$ \text{KL} = \ln\frac{\sigma_2}{\sigma_1} - \frac12 + \frac{\sigma_1^2 + (y_1 - y_2)^2}{2\sigma_2^2}. $$
#
# With the same $\sigma$ in both, all that is left is $(y_1 - y_2)^2 / 2\sigma^2$: being off by one $\sigma$ costs half a nat. With the same mean but $\sigma_1 \ne \sigma_2$ the formula is **not symmetric**: saying 4 where 2 is right costs 0.32, saying 2 where 4 is right costs 0.81.


# %%
def hill(y, sigma):
    """The label distribution of one age."""
    return gaussian_label_distribution([y], [sigma], grid)[0]


def gaussian_kl(y1, sigma1, y2, sigma2):
    """The formula above."""
    return np.log(sigma2 / sigma1) - 0.5 + (sigma1**2 + (y1 - y2) ** 2) / (2 * sigma2**2)


for first, second in [
    ((40, 2), (42, 2)),
    ((40, 2), (40, 4)),
    ((40, 4), (40, 2)),
    ((40, 3), (46, 2)),
]:
    value = kl(hill(*first), hill(*second))
    print(f"{first} to {second}: {value:.6f}, formula {gaussian_kl(*first, *second):.6f}")
    assert abs(value - gaussian_kl(*first, *second)) < 1e-6
assert (
    abs(gaussian_kl(40, 2, 42, 2) - 0.5) < 1e-12 and abs(gaussian_kl(40, 5, 41, 5) - 0.02) < 1e-12
)
assert abs(gaussian_kl(40, 2, 40, 4) - 0.32) < 5e-3 and abs(gaussian_kl(40, 4, 40, 2) - 0.81) < 5e-3


# %% alt="Left, a narrow hill at 40 and a wider one at 43; the other panels show the terms of both divergences between them, each with positive and negative bars, which sum to 0.63 one way and 1.34 the other."
def terms(y_hat=43.0, sigma_hat=3.0):
    """The target (y = 40, sigma = 2), a prediction, and the terms of both divergences."""
    p, p_hat = hill(40, 2), hill(y_hat, sigma_hat)
    found = {
        r"KL($p$, $\hat p$)": (p * np.log(p / p_hat), kl(p, p_hat)),
        r"KL($\hat p$, $p$)": (p_hat * np.log(p_hat / p), kl(p_hat, p)),
    }
    plot.terms(grid, p, p_hat, found)


terms()
slider(terms, y_hat=(34.0, 46.0, 0.5), sigma_hat=(1.0, 6.0, 0.5))

# %% [markdown]
# Negative terms on one side, larger positive ones on the other, and the two directions differ. We train with the target first, $\text{KL}(p, \hat p)$: the mean is then over the *target's* labels, and a prediction that leaves no room where the annotators voted is punished hard.

# %%
p, p_hat = hill(40, 2), hill(43, 3)
assert (p * np.log(p / p_hat)).min() < 0 and kl(p, p_hat) > 0
print(f"{kl(p, p_hat):.2f} and {kl(p_hat, p):.2f}")
assert abs(kl(p, p_hat) - kl(p_hat, p)) > 0.5

# %% [markdown]
# ## 4. The gradient: $\hat p - p$
#
# Now the heart of the matter. Let $\hat p = \text{softmax}(x)$ and $L = \text{KL}(p, \hat p)$. Which way should each logit go? Take it line by line. First, split the logarithm:
#
# $$ L = \sum_k p_k \ln p_k - \sum_k p_k \ln \hat p_k. $$
#
# The first sum does not depend on $x$. In the second, the logarithm of softmax is simple, since the logarithm undoes the exponential:
#
# $$ \ln \hat p_k = x_k - \ln \sum_i e^{x_i}. $$
#
# Its derivative in $x_j$: the first term gives $\delta_{kj}$; the second gives $e^{x_j} / \sum_i e^{x_i}$, which is $\hat p_j$:
#
# $$ \frac{\partial \ln \hat p_k}{\partial x_j} = \delta_{kj} - \hat p_j. $$
#
# This is the Jacobian of the layer `LogSoftmax`, whose backward pass is therefore $dx_j = \sum_k dy_k (\delta_{kj} - \hat p_j) = dy_j - \hat p_j \sum_k dy_k$. The loss sends it the upstream gradient $dy_k = -p_k$. Insert this and sum over $k$. The $\delta$ picks out one term, and $\hat p_j$ does not depend on $k$:
#
# $$ \frac{\partial L}{\partial x_j} = -\sum_k p_k\, (\delta_{kj} - \hat p_j) = -p_j + \hat p_j \sum_k p_k. $$
#
# The target is a distribution, $\sum_k p_k = 1$, so
#
# $$ \boxed{\; dx = \hat p - p. \;} $$
#
# Prediction minus target. The loss over $N$ images is the mean of their losses, so in a batch every row is divided by $N$: $dx = (\hat p - p)/N$.

# %%
rng = np.random.default_rng(6)
x = rng.standard_normal((1, K))
p, p_hat = hill(30.3, 2.0), softmax(x)[0]


def loss():
    return kl(p, softmax(x)[0])


log_form = (p * np.log(p)).sum() - (p * (x[0] - np.log(np.exp(x).sum()))).sum()
assert abs(loss() - log_form) < 1e-12
error = np.abs(numerical_gradient(loss, x)[0] - (p_hat - p)).max()
print(f"largest difference from central differences: {error:.0e}")
assert error < 1e-9

J_log = np.eye(K) - p_hat  # J_log[k, j] = delta_kj - p_hat_j
h = 1e-5
log_softmax = LogSoftmax().forward
columns = [(log_softmax(x + h * row) - log_softmax(x - h * row))[0] / (2 * h) for row in np.eye(K)]
assert np.abs(J_log - np.stack(columns, axis=1)).max() < 1e-9
assert np.abs(-p @ J_log - (p_hat - p)).max() < 1e-14
layer = LogSoftmax()
layer.forward(x)
assert np.abs(layer.backward(-p[None]) - (p_hat - p)).max() < 1e-14
print(check_layer(LogSoftmax(), x, rng))

# %% [markdown]
# The same result another way, as the layers would do it. First the gradient in the probabilities: $\partial L / \partial \hat p_k = -p_k / \hat p_k$. This is the upstream gradient of softmax. Then its backward pass of section 2:
#
# $$ dx_j = \hat p_j \left( -\frac{p_j}{\hat p_j} + \sum_k \frac{p_k}{\hat p_k}\, \hat p_k \right) = -p_j + \hat p_j \sum_k p_k = \hat p_j - p_j. $$
#
# The division and the multiplication by $\hat p_j$ cancel. On paper.

# %%
x = rng.standard_normal((4, K))
p = gaussian_label_distribution([3.0, 30.3, 50.0, 99.0], [1.5, 2.0, 3.0, 6.0], grid)
p_hat = softmax(x)
value, dp_hat = kl_from_probabilities(p_hat, p)
assert np.abs(dp_hat + p / p_hat / 4).max() < 1e-12
assert np.abs(softmax_backward(p_hat, dp_hat) - (p_hat - p) / 4).max() < 1e-14

# %% alt="Above, the target at 30 and a wider prediction at 34; below, what a step does to each logit: up where the target is higher, down where the prediction is."
p, p_hat = hill(30.0, 2.0), hill(34.0, 3.0)
plot.step_of_logits(grid, p, p_hat)
assert abs((p_hat - p).sum()) < 1e-14
assert np.abs(softmax(1000 * x) - hill(30.0, 0.0)).max() <= 1, "also for a hopeless prediction"

# %% [markdown]
# Where the target is higher (blue), the logit is raised; where the prediction is higher (orange), it is lowered. The changes sum to zero, and no entry is ever larger than 1: this loss cannot send a huge gradient into the network, however wrong the prediction.
#
# ### Exercise 4
# Write the loss and its gradient for a batch, from the logits: $\ln \hat p$ comes from $x_k - \ln \sum_j e^{x_j}$, with the maximum subtracted first. Section 5 shows what happens otherwise.


# %% exercise="kl-logits" stands_for="losses.kl_from_logits losses.kl_from_probabilities losses.soft_cross_entropy layers.Softmax layers.LogSoftmax"
def kl_logits(x, p):
    """The mean over N images of KL(p, softmax(x)), and its gradient dx (N, K). x, p (N, K).

    Hint: shifted = x minus the row maximum; log_p_hat = shifted - log(sum(exp(shifted))).
    For 0 ln 0, take the logarithm of `np.where(p > 0, p, 1)`.
    """
    ### BEGIN SOLUTION
    shifted = x - x.max(axis=1, keepdims=True)
    log_p_hat = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = (p * (np.log(np.where(p > 0, p, 1)) - log_p_hat)).sum() / len(x)
    return loss, (np.exp(log_p_hat) - p) / len(x)
    ### END SOLUTION


# %% test="kl-logits" points=3
# Expect a relative error of about 1e-9 from the checker.
rng = np.random.default_rng(7)
x = rng.standard_normal((4, K))
p = gaussian_label_distribution([3.0, 30.3, 50.0, 99.0], [1.5, 2.0, 0.0, 6.0], grid)
before = x.copy(), p.copy()
loss, dx = kl_logits(x, p)
assert np.array_equal(x, before[0]), "x belongs to the network: do not change it"
assert np.array_equal(p, before[1]), "p belongs to the data: do not change it"
off = loss - scipy.special.rel_entr(p, scipy.special.softmax(x, axis=1)).sum() / 4
assert abs(off) < 1e-12, f"the loss {loss} is off by {off:.1e} from SciPy: the mean over 4 images?"
assert abs(loss - kl_from_logits(x, p)[0]) < 1e-12, "the loss is not the package's"
print(f"loss {loss:.6f}, relative error {check_loss(kl_logits, x, p):.0e}")
assert np.abs(dx - kl_from_logits(x, p)[1]).max() < 1e-15, "dx is not the package's"
with np.errstate(all="ignore"):
    loss, dx = kl_logits(1000 * x, p)
assert np.isfinite(loss), "large logits: the loss overflows, or takes the logarithm of 0"
assert np.isfinite(dx).all(), "large logits: the gradient overflows"
assert np.abs(dx - kl_from_logits(1000 * x, p)[1]).max() < 1e-12, "large logits: dx is wrong"
### BEGIN HIDDEN TESTS
for scale, count in ((1000, 4), (300, 1)):
    steep, targets = scale * x[:count, ::-1], p[:count]
    with np.errstate(all="ignore"):
        loss, dx = kl_logits(steep, targets)
    log_p_hat = scipy.special.log_softmax(steep, axis=1)
    exact = (scipy.special.xlogy(targets, targets) - targets * log_p_hat).sum() / count
    assert abs(loss / exact - 1) < 1e-12, (
        f"logits times {scale}: the loss is {loss:.1f}, not {exact:.1f}"
    )
    off = np.abs(dx - (np.exp(log_p_hat) - targets) / count).max()
    assert off < 1e-12, f"logits times {scale}, {count} images: the gradient is off by {off:.1e}"
### END HIDDEN TESTS

# %% [markdown]
# The simplest thing to do with a gradient is to walk downhill: $x \leftarrow x - lr\, dx$, again and again. The factor $lr$ is called the **learning rate**; here it is 5. We start with all logits 0, where every age is equally likely.


# %% alt="A prediction becomes the target: flat at first, after 10 steps most of the hill, after 100 and 1000 steps not to be told from it, while KL falls from 2.5 to 0.003."
def descend(gradient, steps, x=None, lr=5.0):
    """The logits after some steps down the gradient, from zero."""
    x = np.zeros((1, K)) if x is None else x
    for _ in range(steps):
        x = x - lr * gradient(x)
    return x


p = hill(30.0, 2.0)[None]
after = {}
for steps in (0, 10, 100, 1000):
    x = descend(lambda x: softmax(x) - p, steps)
    after[steps] = softmax(x)[0], kl_logits(x, p)[0]
plot.descent(grid, p, after)
values = [kl for _, kl in after.values()]
assert values == sorted(values, reverse=True) and values[-1] < 0.01
assert abs(values[0] - (np.log(K) + (p * np.log(p)).sum())) < 1e-12

# %% [markdown]
# At the start every $\ln \hat p_k$ is $-\ln K$, so the divergence is $\ln K - H(p)$, where $H(p) = -\sum_k p_k \ln p_k$ is the entropy of lesson 01. An untrained network starts near this value (lesson 07 uses it as a test).
#
# ## 5. Why from logits
#
# The formulas of section 4 cancel on paper: $\hat p_j$ times $1/\hat p_j$. In the computer they cancel only if both exist. A logit 89 below the largest gives $\hat p_j \approx e^{-89}$, and $1 / \hat p_j \approx e^{89}$ is too large for float32, so it is $\infty$; from 104 on, $\hat p_j$ itself is 0. Then the backward pass subtracts $\infty$ from $\infty$, or multiplies it by 0, which is not a number (`nan`). One such photo, and every weight in the network is `nan` after the next step.
#
# Take two labels, $p = (1, 0)$, and logits $(-g, 0)$: wrong by a gap of $g$. The loss is
#
# $$ L = -\ln \hat p_0 = -\ln \frac{e^{-g}}{e^{-g} + 1} = g + \ln(1 + e^{-g}), $$
#
# for large $g$ just $g$. We compute it in float32 both ways.

# %%
assert np.exp(np.float32(-104)) == 0
gaps = np.arange(60, 130, 1.0)
exact = gaps + np.log1p(np.exp(-gaps))
p = np.array([[1.0, 0.0]], dtype=np.float32)
through_p_hat, through_logits, dx = [], [], []
with np.errstate(all="ignore"):
    for gap in gaps:
        x = np.array([[-gap, 0.0]], dtype=np.float32)
        loss, dp_hat = kl_from_probabilities(softmax(x), p)
        through_p_hat.append(loss)
        dx.append(softmax_backward(softmax(x), dp_hat)[0, 0])
        through_logits.append(kl_from_logits(x, p)[0])
        assert np.array_equal(kl_from_logits(x, p)[1], [[-1, 1]])
through_p_hat, through_logits, dx = map(np.array, (through_p_hat, through_logits, dx))
assert np.abs(through_logits - exact).max() < 1e-5
assert np.isinf(through_p_hat[gaps >= 89]).all() and np.isfinite(through_p_hat[gaps < 89]).all()

# %% alt="Loss and gradient in float32 against the gap between two logits: computed from logits both stay right, computed from probabilities both end at a gap of 88, with infinity and nan."
usable = gaps < 89
assert np.array_equal(usable, np.isfinite(through_p_hat)) and np.array_equal(
    usable, np.isfinite(dx)
)
plot.overflow(gaps, through_logits, usable, through_p_hat, dx)
assert np.isnan(dx[gaps >= 89]).all() and np.abs(dx[gaps < 87] + 1).max() < 1e-5

# %% [markdown]
# The way through the logits never leaves the logarithm: $\ln \hat p_0 = x_0 - \max - \ln(\dots)$ is just $-g$, and the gradient $\hat p - p = (-1, 1)$ is exact. **So the loss takes logits, not probabilities.** It is the same formula, in an order that the computer can bear.
#
# ## 6. KL and cross entropy
#
# Many programs minimize the **cross entropy** instead. It is the second half of the split in section 4:
#
# $$ \text{CE}(p, \hat p) = -\sum_k p_k \ln \hat p_k = H(p) + \text{KL}(p, \hat p). $$
#
# The entropy $H(p)$ does not depend on the network. So the two have *the same gradient*, and training with one is training with the other. Only the value differs: KL can fall to 0, but cross entropy never falls below its **floor** $H(p)$. For $\sigma = 2$ the floor is $\tfrac12 \ln(2\pi e \sigma^2) = 2.11$ nats.


# %%
def soft_cross_entropy(x, p):
    """The mean over N images of -sum_k p_k ln p_hat_k."""
    return -(p * LogSoftmax().forward(x)).sum() / len(x)


p = hill(30.0, 2.0)[None]
floor = scipy.stats.entropy(p[0])
print(f"floor {floor:.4f}, formula {0.5 * np.log(2 * np.pi * np.e * 4):.4f}")
assert abs(floor - 0.5 * np.log(2 * np.pi * np.e * 4)) < 1e-6 and abs(floor - 2.11) < 5e-3
x = np.random.default_rng(8).standard_normal((1, K))
assert abs(soft_cross_entropy(x, p) - floor - kl_logits(x, p)[0]) < 1e-12
numeric = numerical_gradient(lambda: soft_cross_entropy(x, p), x)
assert np.abs(numeric - kl_logits(x, p)[1]).max() < 1e-9

# %% alt="Cross entropy and KL during training for sigma 0.5, 2 and 5: each cross entropy comes to rest on its own dotted floor, all three dashed KL curves fall to 0."
counts = np.unique(np.logspace(0, 3.3, 40).astype(int))
found = {}
for sigma in (0.5, 2.0, 5.0):
    p, x, done, divergences = hill(30.0, sigma)[None], np.zeros((1, K)), 0, []
    for steps in counts:
        x, done = descend(lambda x, p=p: softmax(x) - p, steps - done, x), steps
        divergences.append(kl_logits(x, p)[0])
    found[sigma] = divergences, scipy.stats.entropy(p[0])
    assert 0 < divergences[-1] < 0.02
plot.cross_entropies(found, counts)

# %% [markdown]
# The floor grows with $\ln\sigma$: it is 1.42 for $\sigma = 1$ and 3.03 for $\sigma = 5$. So a cross entropy of 3 alone does not say whether a network is good. A KL of 0.02 does: there is next to nothing left to learn. That is why we train with KL and report it.

# %%
floors = [scipy.stats.entropy(hill(50.0, sigma)) for sigma in (1.0, 5.0)]
print(f"floors {floors[0]:.2f} and {floors[1]:.2f}")
assert np.abs(np.array(floors) - [1.42, 3.03]).max() < 5e-3
assert abs(floors[1] - floors[0] - np.log(5)) < 1e-3

# %% [markdown]
#
# If the target is **one-hot**, with all mass on one label, its entropy is 0 and the two are the same: $-\ln \hat p_{\text{label}}$. This is the loss of ordinary classification; the package computes it as a KL.

# %%
x = np.random.default_rng(9).standard_normal((3, K))
labels = np.array([4, 30, 100])
loss, dx = cross_entropy(x, labels)
assert abs(loss + np.log(softmax(x)[np.arange(3), labels]).mean()) < 1e-12
assert scipy.stats.entropy(np.eye(K)[4]) == 0
assert np.abs(dx - (softmax(x) - np.eye(K)[labels]) / 3).max() < 1e-15

# %% [markdown] question="floor" points=2
# ### Question
# Two data sets: in A the annotators mostly agree ($\sigma$ near 1), in B they do not ($\sigma$ near 5). A colleague trains on each and reports cross entropies of 1.9 on A and 3.1 on B. "Faces in B are harder to learn." Is she right?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* The numbers do not say so. The floors are $\tfrac12\ln(2\pi e) = 1.42$ for $\sigma = 1$ and $1.42 + \ln 5 = 3.03$ for $\sigma = 5$. What is left above the floor is the KL: about 0.48 on A, but only 0.07 on B. Measured by what can be learned, the network does *better* on B. (And since one year off costs $1/2\sigma^2$, half a nat on A but 0.02 on B, even equal KL would not mean equal errors in years.)
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 7. If the target is not normalized
#
# Where did we use $\sum_k p_k = 1$? Twice: to show that the divergence is not negative, and in the last line of the gradient. Suppose that somebody forgets to divide by the sum, and uses the density itself. For a newborn, $y = 0$ and $\sigma = 2$, half of the hill is missing: the sum is 0.60 (lesson 01).
#
# Let $s = \sum_k p_k$, and let $q = p / s$ be the target as it should have been. Then
#
# $$ L = \sum_k p_k \ln\frac{p_k}{\hat p_k} = \sum_k s\, q_k \left( \ln s + \ln \frac{q_k}{\hat p_k} \right) = s \ln s + s\, \text{KL}(q, \hat p), $$
#
# $$ dx = s\, \hat p - p = s\,(\hat p - q), $$
#
# the gradient from the line just before the box. So the loss has its minimum at the right place, $\hat p = q$, but its value there is $s \ln s$. For $s < 1$ this is **negative**; the lowest possible is $-1/e$, at $s = 1/e$ (where the derivative $\ln s + 1$ is 0). If you ever see a negative KL, look for a target that does not sum to one.

# %%
p = scipy.stats.norm.pdf(grid, 0.0, 2.0)[None]
s, q = p.sum(), p / p.sum()
x = np.random.default_rng(10).standard_normal((1, K))
assert abs(kl_logits(x, p)[0] - (s * np.log(s) + s * kl_logits(x, q)[0])) < 1e-12
numeric = numerical_gradient(lambda: kl_logits(x, p)[0], x)
assert np.abs(numeric - (s * softmax(x) - p)).max() < 1e-9
at_minimum = kl_logits(-(grid[None] ** 2) / 8, p)[0]  # logits whose softmax is q
print(f"s = {s:.3f}; loss at its minimum: {at_minimum:.3f} nats")
assert abs(s - 0.60) < 5e-3 and abs(at_minimum - s * np.log(s)) < 1e-12 and at_minimum < -0.3
t = np.linspace(0.001, 1, 10_000)
assert abs((t * np.log(t)).min() + 1 / np.e) < 1e-6
assert abs(t[(t * np.log(t)).argmin()] - 1 / np.e) < 1e-3

# %% [markdown]
# Now the worse half. The package returns $\hat p - p$, as everyone does, and for such a target this is *not* the gradient of the loss. The checker sees it:

# %%
try:
    check_loss(kl_from_logits, x, p)
    caught = ""
except GradientError as error:
    caught = str(error)
print(caught)
assert "relative error" in caught

# %% [markdown]
# And what does training do with it? It stops when $\hat p - p$ has the same value $c$ for all labels: adding the same number to all logits changes nothing. Sum over the labels: $1 - s = K c$. So it ends at
#
# $$ \hat p_k = p_k + \frac{1 - s}{K}. $$
#
# **The missing mass is spread evenly over all ages.** Each label gets only 0.004 of it, hardly visible in a plot. But there are a hundred of them, with a mean age of 50: they add $0.4 \cdot 50 = 20$ years to the expectation. The newborn becomes 20.8 years old, instead of 1.3.

# %% alt="Bars after training on a density at age 0 that was not normalized: they are too low near 0, a thin layer covers all other ages, and the expectation is 20.8 years."
wrong = softmax(descend(lambda x: softmax(x) - p, 8000))[0]
right = softmax(descend(lambda x: s * softmax(x) - p, 8000))[0]
predicted = p[0] + (1 - s) / K
print(
    f"expectation: {wrong @ grid:.2f} years, by the formula {predicted @ grid:.2f}; right {q[0] @ grid:.2f}"
)
assert np.abs(wrong - predicted).max() < 1e-4
assert abs((1 - s) / K - 0.004) < 5e-5 and abs((1 - s) * grid.mean() - 20) < 0.1
assert abs(predicted @ grid - 20.8) < 0.05 and abs(wrong @ grid - 20.8) < 0.1
assert abs(right @ grid - 1.3) < 0.05 and abs(q[0] @ grid - 1.302) < 5e-4

plot.not_normalized(grid, wrong, p, q)

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. After training, somebody divides all logits by one number $\tau$ and looks for the best: that is called temperature scaling. Derive $dL / d\tau$ of the KL divergence and say in one sentence, about means of logits, when $\tau = 1$ is best already. Does the expectation stay where it was? Does the mode?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* The logits are x / tau. The gradient in them is p_hat - p, and each changes by -x_k / tau² with tau: dL/dtau = sum_k (p_k - p_hat_k) x_k / tau², averaged over photos. For x = (0, 1, 2), p = (0, 0, 1) and tau = 1 it is 2 - 1.575 = **0.425**: this one photo wants a smaller tau. It vanishes where the mean logit is the same under the targets and under the predictions: then tau = 1 is best, since L is convex in 1/tau. The mode stays, because division keeps the order; the expectation moves, unless the hill is symmetric. One point for the derivative, one for the condition, one for mode and expectation.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * Softmax turns logits into a distribution. It does not notice a constant, so we subtract the maximum.
# * Its Jacobian is $\hat p_k (\delta_{kj} - \hat p_j)$; its backward pass is $dx = \hat p\,(d\hat p - \sum_k d\hat p_k \hat p_k)$.
# * KL is never negative, 0 only if prediction and target agree, and not symmetric.
# * Through softmax its gradient is $(\hat p - p)/N$. It is computed from logits, since $\hat p$ underflows and $\ln \hat p$ does not.
# * Cross entropy has the same gradient and the floor $H(p)$.
# * A target that does not sum to one gives negative values, and with $\hat p - p$ a wrong prediction: the missing mass is spread over all ages.
#
# ## Further reading
# * S. Kullback, R. A. Leibler, *On Information and Sufficiency*, Annals of Mathematical Statistics, 1951: where the divergence comes from.
# * T. M. Cover, J. A. Thomas, *Elements of Information Theory*, Wiley, second edition 2006, chapter 2: entropy, divergence, and their inequalities.
# * I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press, 2016, section 4.1: overflow, underflow and softmax.
# * P. Blanchard, D. J. Higham, N. J. Higham, *Accurately computing the log-sum-exp and softmax functions*, IMA Journal of Numerical Analysis, 2021.
# * Next: [lesson 04](04_expectation_and_joint_loss.ipynb) turns the distribution into one number, and trains both.
