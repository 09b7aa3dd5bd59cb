# %% [markdown]
# # Lesson 04: The expectation layer and the joint loss
#
# | | |
# |---|---|
# | **You will be able to** | derive the whole backward pass of DLDL-v2's head on paper, say what each of its two losses can and cannot teach, and choose the weight between them knowingly |
# | **You need** | lesson 01; lesson 03 for the softmax Jacobian and the gradient of KL |
# | **Minutes** | 110 |
# | **Code** | [`tinydldl/methods.py`](../tinydldl/methods.py), [`tinydldl/losses.py`](../tinydldl/losses.py), [`tinydldl/layers/expectation.py`](../tinydldl/layers/expectation.py) |

# %%
import numpy as np

from tinydldl.gradcheck import check_loss, compare, numerical_gradient
from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.layers import Expectation, Softmax
from tinydldl.losses import kl_from_logits, l1
from tinydldl.methods import DLDLv2
from tinydldl.metrics import mae
from tinydldl.notebook import FAST, figures, slider, use_style
from tinydldl.optim import Adam

use_style()
plot = figures("04")
grid = label_grid(0, 100, 1)
K = len(grid)

# %% [markdown]
# ## 1. From a distribution to an age
#
# The network of lesson 03 ends in a predicted distribution $\hat p$ over the labels. People want one number. DLDL-v2 takes the **expectation**, the mean of all labels, each weighted by its probability:
#
# $$ \hat y = \sum_{k=0}^{K-1} \hat p_k \, l_k. $$
#
# It is a layer without parameters: for $N$ images, one matrix times the grid. The result does not have to be a label. There is room between 30 and 31.

# %%
rng = np.random.default_rng(0)
p_hat = rng.dirichlet(np.ones(K), size=5)
layer = Expectation(grid)
y_hat = layer.forward(p_hat, save=True)
by_hand = [sum(p_hat[n, k] * grid[k] for k in range(K)) for n in range(5)]
assert y_hat.shape == (5,) and np.abs(y_hat - by_hand).max() < 1e-12

thirty_and_a_third = np.zeros(K)
thirty_and_a_third[[30, 31]] = 2 / 3, 1 / 3
assert abs(thirty_and_a_third @ grid - (30 + 1 / 3)) < 1e-12

# %% [markdown]
# ## 2. Its gradient in the logits
#
# How does $\hat y$ change if we raise one logit $x_k$? Two steps. The first is easy, since $\hat y$ is linear in $\hat p$:
#
# $$ \frac{\partial \hat y}{\partial \hat p_j} = l_j. $$
#
# The second is the Jacobian of softmax from lesson 03, with $\delta_{jk} = 1$ if $j = k$ and 0 otherwise:
#
# $$ \frac{\partial \hat p_j}{\partial x_k} = \hat p_j (\delta_{jk} - \hat p_k). $$
#
# The chain rule sums over all paths from $x_k$ to $\hat y$, one through each $\hat p_j$:
#
# $$ \frac{\partial \hat y}{\partial x_k} = \sum_j l_j \, \hat p_j (\delta_{jk} - \hat p_k) = \sum_j l_j \hat p_j \delta_{jk} - \hat p_k \sum_j l_j \hat p_j. $$
#
# In the first sum only $j = k$ remains. The second sum is $\hat y$:
#
# $$ \frac{\partial \hat y}{\partial x_k} = \hat p_k \, (l_k - \hat y). $$
#
# Read it aloud: *a logit pulls the estimate toward its own label, in proportion to the distance between them, and only as far as the label is believed in.*
#
# ### Exercise 1
# Write it for a whole batch.


# %% exercise="expectation" stands_for="layers.Softmax layers.Expectation methods.DLDLv2"
def expectation_gradient(x, grid):
    """d y_hat_n / d x_nk for logits x (N, K): an array (N, K), in years.

    Hint: the softmax with the row maximum subtracted; y_hat; one product with broadcasting.
    """
    ### BEGIN SOLUTION
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    return p_hat * (grid - y_hat[:, None])
    ### END SOLUTION


# %% test="expectation" points=2
# Expect about 1e-9 (central differences), and about 1e-14 for the Jacobian and the layers.
x = rng.normal(size=(3, K))
before, softmax, expectation = x.copy(), Softmax(), Expectation(grid)
by_formula = expectation_gradient(x, grid)
assert np.array_equal(x, before), "x belongs to the caller: do not change it"
assert by_formula.shape == x.shape, f"shape {by_formula.shape}, expected that of x, {x.shape}"
numeric = numerical_gradient(lambda: expectation.forward(softmax.forward(x)).sum(), x)
print(f"central differences: {compare('expectation', by_formula, numeric):.1e}")

p_hat = softmax.forward(x, save=True)
expectation.forward(p_hat, save=True)
by_layers = softmax.backward(expectation.backward(np.ones(3)))
by_jacobian = [(np.diag(p) - np.outer(p, p)) @ grid for p in p_hat]
assert np.abs(by_formula - by_layers).max() < 1e-13, "not the numbers of the package's layers"
assert np.abs(by_formula - by_jacobian).max() < 1e-13, "not the Jacobian times the labels"
with np.errstate(all="ignore"):
    large = expectation_gradient(np.array([[900.0, 900.0], [0.0, -900.0]]), np.array([20.0, 40.0]))
assert np.array_equal(large, [[-5, 5], [0, 0]]), f"logits of 900, labels 20 and 40:\n{large}"
called = {"Softmax", "Expectation"} & set(expectation_gradient.__code__.co_names)
assert not called, f"write it, do not call {called}"
### BEGIN HIDDEN TESTS
uneven, steep = np.array([-3.0, 10.0, 10.5, 90.0]), np.array([[900.0, 897.0, 899.0, 880.0]])
steep = np.concatenate([steep, -steep, [[0.0, 0.0, 0.0, 0.0]]])
with np.errstate(all="ignore"):
    found = expectation_gradient(steep, uneven)
for row, gradient in zip(steep, found, strict=True):
    believed = np.exp(row - np.logaddexp.reduce(row))
    expected = believed * (uneven - believed @ uneven)
    off = np.abs(gradient - expected).max()
    assert off < 1e-9, f"logits {row}, labels {uneven}: off by {off:.2g} years"
### END HIDDEN TESTS

# %% [markdown]
# Two consequences. First, the $K$ derivatives sum to zero, since $\sum_k \hat p_k l_k = \hat y = \hat y \sum_k \hat p_k$. That must be so: adding one constant to all logits changes nothing.
#
# $$ \sum_k \hat p_k (l_k - \hat y) = 0. $$
#
# Second, change all logits at once, by $t \, l_k$: a straight slope over the ages. Such a change is called a **tilt**. The chain rule gives
#
# $$ \frac{d \hat y}{d t} = \sum_k \frac{\partial \hat y}{\partial x_k} l_k = \sum_k \hat p_k (l_k - \hat y) \, l_k = \sum_k \hat p_k (l_k - \hat y)^2 = \operatorname{Var}(\hat p). $$
#
# (The third step subtracts $\hat y$ times the zero sum above.) **The estimate moves easily if the distribution is wide, and hardly at all if it is narrow.** Here are three distributions with the same expectation, and their derivatives.

# %% alt="Left, predictions around 40 with sigma 1, 2 and 5; right, what each logit does to the expectation: those of older ages raise it, those of younger ages lower it, strongest one sigma away, and a curve reaches farther the wider its prediction."
assert np.abs(by_formula.sum(axis=1)).max() < 1e-12
variance = (p_hat * (grid - (p_hat @ grid)[:, None]) ** 2).sum(axis=1)
h = 1e-5
above, below = (softmax.forward(x + t * grid, save=False) @ grid for t in (h, -h))
assert np.abs(by_formula @ grid / variance - 1).max() < 1e-12
assert np.abs((above - below) / (2 * h) / variance - 1).max() < 1e-7

by_sigma = {}
for sigma in (1.0, 2.0, 5.0):
    p = gaussian_label_distribution([40.0], [sigma], grid)
    by_sigma[sigma] = p[0], expectation_gradient(np.log(p + 1e-300), grid)[0]
plot.expectation_gradients(by_sigma, grid)

# %% [markdown]
# Logits above the estimate push it up, logits below push it down. Labels without probability do nothing: far away all three curves are flat.
#
# ### Exercise 2
# A tilted distribution is $\hat p_k(t) \propto \hat p_k e^{t l_k}$: the softmax of $\ln \hat p_k + t \, l_k$. Find the tilt that brings the expectation to a given age. You know the slope, so use Newton's method: $t \leftarrow t - (\hat y(t) - y) / \operatorname{Var}(\hat p(t))$.


# %% exercise="tilt"
def tilt_to(p_hat, y, grid, steps=30):
    """The tilt of p_hat (K,) whose expectation is y. Returns the tilted distribution (K,).

    Hint: start at t = 0. In each step form the tilted distribution, as a softmax with its maximum
    subtracted; then its expectation, its variance, and the next t. A label with p_hat = 0 has the
    logarithm -inf, and exp(-inf) = 0 is right.
    """
    ### BEGIN SOLUTION
    with np.errstate(divide="ignore"):
        logits = np.log(p_hat)
    t = 0.0
    for _ in range(steps):
        x = logits + t * grid
        tilted = np.exp(x - x.max())
        tilted /= tilted.sum()
        y_hat = tilted @ grid
        t -= (y_hat - y) / (tilted @ (grid - y_hat) ** 2)
    return tilted
    ### END SOLUTION


# %% test="tilt" points=2
# Expect 1e-10 years. A tilted Gaussian is a Gaussian of the same sigma, moved: about 1e-12.
p = gaussian_label_distribution([40.0], [4.0], grid)[0]
before = p.copy()
tilted = tilt_to(p, 43.0, grid)
print(f"expectation {tilted @ grid:.12f}")
assert np.array_equal(p, before), "p_hat belongs to the caller: do not change it"
assert abs(tilted.sum() - 1) < 1e-12, f"the sum is {tilted.sum()}: normalize"
assert abs(tilted @ grid - 43) < 1e-10, f"the expectation is {tilted @ grid}, expected 43"
moved = gaussian_label_distribution([43.0], [4.0], grid)[0]
assert np.abs(tilted - moved).max() < 1e-9, "a tilted Gaussian is a Gaussian of the same sigma"
two = 0.6 * p + 0.4 * gaussian_label_distribution([60.0], [4.0], grid)[0]
for age in (45.0, 70.0):
    tilted = tilt_to(two, age, grid)
    assert abs(tilted @ grid - age) < 1e-10, f"two hills: {tilted @ grid}, expected {age}"
    slopes = np.diff(np.log(tilted / two))
    assert np.ptp(slopes) < 1e-9, "ln of (after / before) must be a straight line over the labels"
with np.errstate(all="ignore"):
    narrow = tilt_to(gaussian_label_distribution([40.0], [0.5], grid)[0], 43.0, grid)
assert abs(narrow @ grid - 43) < 1e-10, (
    f"sigma 0.5, from 40 to 43: the expectation is {narrow @ grid}"
)
### BEGIN HIDDEN TESTS
halves, bumps = label_grid(10, 60, 0.5), np.zeros(101)
bumps[[0, 41, 42, 100]] = 0.1, 0.2, 0.3, 0.4
with np.errstate(all="ignore"):
    for age in (12.0, 30.25, 58.0):
        tilted = tilt_to(bumps, age, halves)
        assert abs(tilted @ halves - age) < 1e-9, f"four labels, to {age}: {tilted @ halves}"
        assert (tilted[bumps == 0] == 0).all(), "a label without mass has none after a tilt"
    far = tilt_to(gaussian_label_distribution([40.0], [0.4], grid)[0], 44.0, grid)
assert abs(far @ grid - 44) < 1e-9, f"sigma 0.4, from 40 to 44: the expectation is {far @ grid}"
### END HIDDEN TESTS

# %% [markdown]
# Newton's step is long where the variance is small, and there it can fail. A hill of $\sigma = 0.3$ around the label 40 has hardly any mass on other labels: the variance is 0.01 where the continuous Gaussian has 0.09. The first step, three years over that variance, goes too far, to 51, where one label has all but $10^{-119}$ of the mass. The next, 8 years back over a variance of next to nothing, ends at 29. There the variance is 0 in the computer, so the third is 14 years over 0, infinite, and from then on all is nan. (Halving the step until it brings the expectation closer would fix this.)

# %%
needle = gaussian_label_distribution([40.0], [0.3], grid)[0]
spread = needle @ (grid - 40) ** 2
with np.errstate(all="ignore"):
    lost = tilt_to(needle, 43.0, grid)
print(f"variance {spread:.4f} at first; expectation in the end {lost @ grid}")
assert abs(spread - 0.01) < 3e-3 and np.isnan(lost @ grid)

# %% [markdown]
# ## 3. The second loss
#
# What we want is a small mean absolute error (MAE). So that is the loss, over $N$ images, in years:
#
# $$ L_{er} = \frac1N \sum_n |\hat y_n - y_n|, \qquad \frac{\partial L_{er}}{\partial \hat y_n} = \frac1N \operatorname{sign}(\hat y_n - y_n). $$
#
# For a positive error the absolute value is the error itself, with slope $+1$; for a negative one it is minus the error, with slope $-1$. **The gradient does not know how large the error is**, only its side. At exactly 0 there is a kink: the slope jumps from $-1$ to $+1$, and no derivative exists. We choose 0, as `np.sign` does: an estimate that is right is left alone. (Any number from $-1$ to $1$ would be a *subgradient*. Central differences at the kink see the mean of both sides and also give 0.)

# %%
y = np.array([30.0, 30.0, 30.0, 30.0])
y_hat = np.array([27.0, 29.5, 30.5, 36.0])
loss, dy_hat = l1(y_hat, y)
print(f"loss {loss}, gradient {dy_hat}")
assert loss == (3 + 0.5 + 0.5 + 6) / 4
assert (dy_hat == np.array([-1, -1, 1, 1]) / 4).all()
check_loss(l1, y_hat, y)
at_the_kink = np.array([30.0])
assert l1(at_the_kink, y[:1])[1] == 0
assert numerical_gradient(lambda: l1(at_the_kink, y[:1])[0], at_the_kink) == 0

# %% [markdown]
# ## 4. The joint loss, line by line
#
# DLDL-v2 trains both: the distribution by its KL divergence, the age by its absolute error, with a weight $\lambda$ between them:
#
# $$ L = L_{ld} + \lambda L_{er}, \qquad L_{ld} = \frac1N \sum_n \sum_k p_{nk} \ln \frac{p_{nk}}{\hat p_{nk}}. $$
#
# The logits reach the loss on two paths:
#
# ```
# x --softmax--> p_hat ------------------> L_ld --+
#                  |                              +--> L
#                  +--expectation--> y_hat --> L_er --+  times lambda
# ```
#
# Where paths meet, gradients add. Line by line:
#
# 1. Along the first path (lesson 03): $\displaystyle \frac{\partial L_{ld}}{\partial x_{nk}} = \frac{1}{N} (\hat p_{nk} - p_{nk})$.
# 2. Into the second path: $\displaystyle \frac{\partial (\lambda L_{er})}{\partial \hat y_n} = \frac{\lambda}{N} \operatorname{sign}(\hat y_n - y_n)$.
# 3. Through expectation and softmax (section 2): times $\hat p_{nk} (l_k - \hat y_n)$.
# 4. The sum:
#
# $$ \frac{\partial L}{\partial x_{nk}} = \frac1N \Big[ (\hat p_{nk} - p_{nk}) + \lambda \operatorname{sign}(\hat y_n - y_n) \; \hat p_{nk} (l_k - \hat y_n) \Big]. $$
#
# This line is the whole of DLDL-v2. The rest of the network is the same as for any other method.
#
# ### Exercise 3
# Write it.


# %% exercise="joint" stands_for="losses.joint methods.DLDLv2"
def joint_loss(x, p, y, grid, lam):
    """(L, dx) for logits x (N, K), targets p (N, K) and ages y (N,).

    Hint: p_hat, y_hat, `kl_from_logits(x, p)` for L_ld and its gradient, then lines 2 to 4.
    """
    ### BEGIN SOLUTION
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    L_ld, dx = kl_from_logits(x, p)
    L_er = np.abs(y_hat - y).mean()
    dy_hat = lam * np.sign(y_hat - y) / len(y)
    return L_ld + lam * L_er, dx + dy_hat[:, None] * p_hat * (grid - y_hat[:, None])
    ### END SOLUTION


# %% test="joint" points=3
# Expect about 1e-9 from central differences, and about 1e-16 against `DLDLv2.loss`.
x = 2 * rng.normal(size=(4, K))
y, sigma = np.array([5.0, 30.0, 61.5, 90.0]), np.array([1.0, 2.0, 3.0, 6.0])
p = gaussian_label_distribution(y, sigma, grid)
for lam in (0.0, 0.1, 1.0, 10.0):
    before = x.copy(), p.copy()
    own, dx = joint_loss(x, p, y, grid, lam)
    assert np.array_equal((x, p), before), "x and p belong to the caller: do not change them"
    error = check_loss(joint_loss, x, p, y, grid, lam)
    print(f"lambda {lam:4}: central differences {error:.1e}")
    method = DLDLv2(grid, lam)
    (L, L_ld, L_er), dlogits = method.loss(x, method.target(y, sigma), y)
    assert abs(own - L) < 1e-12, f"lambda {lam}: the loss is {own}, the package's {L}"
    assert np.abs(dx - dlogits).max() < 1e-13, f"lambda {lam}: not the package's gradient"
    assert abs(L - (L_ld + lam * L_er)) < 1e-12, "the package's loss is the sum"
two_labels, middle = np.array([20.0, 40.0]), np.array([[0.5, 0.5]])
loss, dx = joint_loss(np.zeros((1, 2)), middle, np.array([30.0]), two_labels, 1.0)
assert loss == 0, f"prediction and age are exact, and the loss is {loss}"
assert (dx == 0).all(), f"at the kink the slope is 0, so nothing is pushed: {dx}"
with np.errstate(all="ignore"):
    loss, dx = joint_loss(np.array([[900.0, 0.0]]), middle, np.array([30.0]), two_labels, 1.0)
assert abs(loss - (10 + 450 - np.log(2))) < 1e-9, f"logits of 900 and 0: the loss is {loss}"
assert np.abs(dx - [0.5, -0.5]).max() < 1e-12, f"logits of 900 and 0: the gradient is {dx}"
assert "DLDLv2" not in joint_loss.__code__.co_names, "write it, do not call `DLDLv2`"
### BEGIN HIDDEN TESTS
for count, labels in ((3, label_grid(10, 60, 0.5)), (7, np.array([0.0, 1.0, 50.0]))):
    few = np.random.default_rng(count)
    logits, truth = few.normal(size=(count, len(labels))), few.uniform(12, 48, count)
    targets = few.dirichlet(np.ones(len(labels)), count)
    (expected, *_), exact = DLDLv2(labels, 2.5).loss(logits, targets, truth)
    loss, gradient = joint_loss(logits, targets, truth, labels, 2.5)
    assert abs(loss - expected) < 1e-12, f"{count} photos, {len(labels)} labels: {loss}, {expected}"
    off = np.abs(gradient - exact).max()
    assert off < 1e-13, f"{count} photos, {len(labels)} labels: the gradient is off by {off:.1e}"
### END HIDDEN TESTS

# %% [markdown]
# In the package the same happens in `DLDLv2.loss`: `losses.joint` does lines 1 and 2, and the backward passes of the two layers do line 3. The next cell takes it apart and puts it back together.

# %%
method = DLDLv2(grid, lam=1.0)
dlogits = method.loss(x, p, y)[1]
p_hat = method.predict(x)
y_hat = method.age(p_hat)
line_1 = (p_hat - p) / len(y)
line_2 = 1.0 * np.sign(y_hat - y) / len(y)
line_3 = line_2[:, None] * p_hat * (grid - y_hat[:, None])
assert np.abs(line_1 - kl_from_logits(x, p)[1]).max() < 1e-15
assert np.abs(line_2 - l1(y_hat, y)[1]).max() == 0
assert np.abs(line_1 + line_3 - dlogits).max() < 1e-14

# %% [markdown]
# ## 5. Both gradients in one picture
#
# One photo, $N = 1$. The true age is 32, the prediction is too old and too wide. Gradient descent moves the logits *against* the gradient, so we plot the negative gradient: up means "this logit is raised".


# %%
def forces(lam, y_pred, sigma_pred=6.0, y=32.0):
    """The target, a prediction, and what the two losses do to its logits."""
    p = gaussian_label_distribution([y], [2.0], grid)[0]
    p_hat = gaussian_label_distribution([y_pred], [sigma_pred], grid)[0]
    y_hat = p_hat @ grid
    kl = p - p_hat
    er = -lam * np.sign(y_hat - y) * p_hat * (grid - y_hat)
    return p, p_hat, kl, er


# %% alt="Left, a narrow target at 32 and a wide prediction at 36; right, how each loss pushes the logits: KL up under the target only, L1 up at all ages below the expectation and down at all above."
def show(lam=1.0, y_pred=36.0, sigma_pred=6.0):
    """The same figure for any weight and prediction."""
    plot.forces(grid, lam, *forces(lam, y_pred, sigma_pred))


p, p_hat, kl, er = forces(1.0, 36.0)
plot.forces(grid, 1.0, p, p_hat, kl, er)
slider(show, lam=(0.0, 3.0, 0.1), y_pred=(28.0, 36.0, 0.25), sigma_pred=(1.0, 8.0, 0.25))

# %%
x_one, y_one = np.log(p_hat)[None], np.array([32.0])
assert np.abs(DLDLv2(grid).loss(x_one, p[None], y_one)[1][0] + kl + er).max() < 1e-12
assert (er[:36] >= 0).all() and (er[37:] <= 0).all(), "L1: down above y_hat, up below"
assert kl[32] > 0 and kl[24] < 0 and kl[40] < 0, "KL: up where p is missing, down on both flanks"
assert kl[26] < 0 < er[26], "at 26 they disagree"

# %% [markdown]
# Look at the two curves.
#
# * **KL pulls toward the shape.** It raises the labels around 32, where $\hat p$ is too small, and lowers *both* flanks, at 24 as well as at 40. When shape and place are right it is zero.
# * **L1 tilts the whole distribution.** It lowers all labels above $\hat y$ and raises all below it, whether the target has mass there or not. Here it raises age 26, which KL lowers. It changes the place and does not care about the shape.
#
# ### How strong are they?
# The KL gradient of one photo cannot be large: the absolute values of its entries sum to at most $\sum_k (\hat p_k + p_k) = 2$. For L1 the sum is the mean absolute deviation of $\hat p$, in years:
#
# $$ \sum_k |\hat p_k - p_k| \le 2, \qquad \sum_k |\hat p_k (l_k - \hat y)| = \sum_k \hat p_k |l_k - \hat y|. $$
#
# At the start of training $\hat p$ is nearly uniform over 101 years, and that is 25 years. So at $\lambda = 1$ L1 is at first more than ten times stronger than KL. Once $\hat p$ is as narrow as the target ($\sigma = 2$), it is 1.6.
#
# As vectors, the two differ by a factor of eight. With $\hat p_k = 1/K$ and $\hat y = 50$ the entries for L1 are $\pm (l_k - 50) / K$, the largest being $50/101$. The squares of the whole numbers from $-m$ to $m$ sum to $K (K^2 - 1) / 12$, with $K = 2m + 1$. For KL the entries are $1/K - p_k$, and $\sum_k p_k = 1$, so the cross terms of the squares sum to $-2/K$:
#
# $$ \lVert \text{L1} \rVert = \frac1K \sqrt{\frac{K (K^2 - 1)}{12}} = \sqrt{\frac{K^2 - 1}{12 K}} = 2.9, \qquad \lVert \text{KL} \rVert = \sqrt{\sum_k p_k^2 - \frac1K} \approx \sqrt{\frac{1}{2 \sigma \sqrt \pi} - \frac1K} = 0.36 . $$
#
# (The square of a Gaussian density is a narrower Gaussian, with integral $1 / (2 \sigma \sqrt \pi)$. At $\sigma = 1.6$ it is 0.41.) So at $\lambda = 1$ the first steps from random weights are those of expectation regression: they tilt, that is, they move mass toward age 0 for everybody under 50, and toward 100 for everybody else. [Lesson 09](09_seven_methods.ipynb) shows what becomes of a network that learns to see under this pull, and why one whose initial weights already know faces does not mind it. The published code trains KL alone first.

# %%
uniform = np.full(K, 1 / K)
start_kl, start_l1 = uniform - p, uniform * (grid - 50)
for name, size in (("sum", lambda dx: np.abs(dx).sum()), ("norm", np.linalg.norm)):
    print(f"start, {name}: KL {size(start_kl):.2f}, L1 {size(start_l1):.2f}")
late_l1 = p @ np.abs(grid - 32)
print(f"late, sum: L1 {late_l1:.2f}")
assert np.abs(start_kl).sum() <= 2 and abs(np.abs(start_l1).sum() - 25) < 0.3
assert np.abs(start_l1).max() == 50 / K and abs(late_l1 - 1.6) < 0.05
assert abs(np.linalg.norm(start_l1) - np.sqrt((K**2 - 1) / (12 * K))) < 1e-12
assert abs(np.linalg.norm(start_l1) - 2.90) < 0.005
assert abs(np.linalg.norm(start_kl) - np.sqrt(1 / (2 * 2 * np.sqrt(np.pi)) - 1 / K)) < 1e-6
assert abs(np.linalg.norm(start_kl) - 0.36) < 0.005
assert np.abs(kl).sum() <= 2

# %% [markdown]
# ## 6. The inconsistency
#
# DLDL, the first version of the method, trained KL alone and was measured by MAE. **What is trained is not what is measured.** Does that matter? If KL reaches exactly 0, no: then $\hat p = p$ and the age is right. A real network never gets there, and among imperfect predictions the two disagree. We can see exactly how.
#
# **A shift.** Let $\hat p$ be the target moved by $\Delta$ years, same $\sigma$. The normalizations cancel (away from the ends), and
#
# $$ \ln \frac{p_k}{\hat p_k} = \frac{(l_k - y - \Delta)^2 - (l_k - y)^2}{2 \sigma^2} = \frac{\Delta^2 - 2 \Delta (l_k - y)}{2 \sigma^2}. $$
#
# The mean under $p$ of $l_k - y$ is 0. So
#
# $$ L_{ld} = \frac{\Delta^2}{2 \sigma^2}, \qquad L_{er} = |\Delta|. $$
#
# **A second bump.** Let $\hat p = (1 - w) \, p + w \, q$ with a little mass $w$ in a bump $q$ far away, with mean $m$. Where $p$ has its mass, $q$ has none, so there $p_k / \hat p_k = 1 / (1 - w)$:
#
# $$ L_{ld} = -\ln(1 - w) \approx w, \qquad L_{er} = |(1 - w) y + w m - y| = w \, |m - y|. $$
#
# KL asks *how much* mass is wrong, not *how far away* it is. MAE cares about exactly that.


# %%
def kl_divergence(p, p_hat):
    """sum p ln(p / p_hat), with 0 ln 0 = 0."""
    at = p > 0
    return (p[at] * np.log(p[at] / p_hat[at])).sum()


y, sigma = 30.0, 2.0
p = gaussian_label_distribution([y], [sigma], grid)[0]
bump = {
    m: gaussian_label_distribution([m], [sigma], grid)[0] for m in (20.0, 31.0, 40.0, 60.0, 80.0)
}
for delta in (0.5, 1.0, 3.0):
    moved = gaussian_label_distribution([y + delta], [sigma], grid)[0]
    assert abs(kl_divergence(p, moved) - delta**2 / (2 * sigma**2)) < 1e-9
    assert abs(moved @ grid - y - delta) < 1e-9
for w in (0.01, 0.05, 0.4):
    two = (1 - w) * p + w * bump[80.0]
    assert abs(kl_divergence(p, two) + np.log(1 - w)) < 1e-9
    assert abs(two @ grid - y - w * 50) < 1e-9

# %% [markdown]
# Now four predictions for a photo of age 30, $\sigma = 2$.

# %% alt="Four predictions for the same target at 30: A moved by a year, B with a small bump at 80, C with a second hill at 60, D two hills at 20 and 40; A and B are good by KL, D has the right expectation but no mass at 30."
predictions = {
    "A: moved by 1 year": bump[31.0],
    "B: 5% of the mass at 80": 0.95 * p + 0.05 * bump[80.0],
    "C: right mode, wrong mean": 0.6 * p + 0.4 * bump[60.0],
    "D: wrong mode, right mean": 0.502 * bump[20.0] + 0.498 * bump[40.0],
}
measured = {}
for name, p_hat in predictions.items():
    y_hat, mode = p_hat @ grid, grid[p_hat.argmax()]
    measured[name[0]] = kl_divergence(p, p_hat), abs(y_hat - y), abs(mode - y)
plot.four_predictions(predictions, measured, grid, p)

# %%
A, B, C, D = measured.values()
assert B[0] < A[0] and B[1] > 2 * A[1], "B is better by KL and worse by MAE"
assert abs(A[0] - 0.125) < 1e-6 and abs(B[0] - 0.051) < 5e-4 and abs(B[1] - 2.5) < 1e-6
assert C[2] == 0 and abs(C[1] - 12) < 1e-6, "right mode, wrong mean"
assert D[2] == 10 and D[1] < 0.05 and D[0] > 5, "wrong mode, right mean"

# %% [markdown]
# * **A against B** is the inconsistency in its pure form. KL prefers B (0.051 to 0.125), MAE prefers A (1.0 to 2.5 years). A network that trades A for B gets better at what it is trained for and worse at what it is measured by.
# * **C** has the right mode and a mean that is 12 years off. Such a photo is easy to imagine: a smooth face under gray hair.
# * **D** has the right mean, and hardly any mass there. L1 alone is happy with it. KL is not.
#
# So neither loss is enough: KL lets B pass, L1 lets D pass. Their sum punishes all four.

# %%
joint = {name: kl + error for name, (kl, error, _) in measured.items()}
print({name: round(float(value), 2) for name, value in joint.items()})
assert joint["A"] < joint["B"], "with lambda = 1 the order is that of MAE"
assert min(joint.values()) > 1

# %% [markdown]
# ## 7. Mode or expectation?
#
# One could keep KL alone and read the age off the **mode**, the label with the largest probability; B and C above would be right to the year. There are two objections.
#
# **The mode is a label.** A perfect prediction of a person aged 30.4 has its mode at 30. If the fractional part of the age is uniform, the error from rounding alone averages a quarter of the step: it is uniform between 0 and $\Delta l / 2$.
#
# $$ E\,|\text{mode} - y| = \frac{\Delta l}{4}, \qquad E\,|\hat y - y| \approx 0 \quad \text{for } \hat p = p. $$
#
# **The mode has no gradient.** Move the logits a little and the largest stays the largest: the derivative is 0, except where it jumps. Nothing can be trained through it. The expectation is smooth; its derivative is section 2. So we can train exactly the number we report. That is the paper's step from DLDL to DLDL-v2.

# %%
ages = rng.uniform(10, 90, 20000)
for step in (1.0, 4.0):
    labels = label_grid(0, 100, step)
    perfect = gaussian_label_distribution(ages, np.full(len(ages), 3.0), labels)
    by_mode = mae(labels[perfect.argmax(axis=1)], ages)
    by_mean = mae(perfect @ labels, ages)
    print(f"step {step}: mode {by_mode:.4f} years, expectation {by_mean:.5f}")
    assert abs(by_mode / (step / 4) - 1) < 0.02 and by_mean < 0.01 * by_mode

x_one = np.log(p + 1e-12)[None]
mode_slope = numerical_gradient(lambda: float(grid[x_one[0].argmax()]), x_one)
assert (mode_slope == 0).all(), "nothing to descend along"

# %% [markdown] question="decoding" points=2
# ### Question
# A classmate says: "The mode is not fooled by the far bump in B and C. The expectation is. So the mode is the better decoding." When is the classmate right, and why does DLDL-v2 not have to worry as much?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* For a network trained with KL alone whose mistakes are small bumps far away, the mode (or the median, which for B is 30 as well) can have the smaller error, if the main bump is the right one; if it is not, the mode is off by the whole distance between the bumps, the expectation by only part of it. DLDL-v2 trains the expectation itself: a bump of mass w at distance d costs it lambda w d years, a price that grows with the distance, so far bumps are the first to be removed.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 8. One photo, three losses
#
# Let us watch. We take prediction C, two bumps, and run gradient descent on its logits: with KL alone, L1 alone, and both.


# %%
def gradient(x, p, y, kl, lam):
    """The gradient of kl * L_ld + lam * L_er in the logits x (N, K), from section 4."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    er = np.sign(y_hat - y)[:, None] * p_hat * (grid - y_hat[:, None])
    return (kl * (p_hat - p) + lam * er) / len(y)


x = rng.normal(size=(4, K))
four, zeros = np.tile(p, (4, 1)), np.zeros(4)
assert np.abs(gradient(x, four, zeros, 1, 2) - joint_loss(x, four, zeros, grid, 2)[1]).max() < 1e-13


# %%
def descend(start, kl, lam, steps=4000, lr=0.02):
    """Gradient descent on the logits of one photo: p_hat after each step, (steps + 1, K)."""
    x = np.log(start + 1e-6)[None]
    path = [Softmax().forward(x, save=False)[0]]
    for _ in range(steps):
        x -= lr * gradient(x, p[None], np.array([y]), kl, lam)
        path.append(Softmax().forward(x, save=False)[0])
    return np.array(path)


start = predictions["C: right mode, wrong mean"]
weights = {"KL alone": (1, 0), "L1 alone": (0, 1), "KL + L1": (1, 1)}
paths = {name: descend(start, *pair) for name, pair in weights.items()}

# %% alt="Six panels of a prediction that begins with hills at 30 and 60: KL alone is slow to empty the second hill, L1 alone empties it at once and leaves a spike beside the target, both together end on the target."
plot.two_hills(paths, grid, p, start)

# %% alt="Left, the error of the age: with L1 it is 0 within 200 steps, with KL alone still 2 years after 4000. Right, the KL divergence: with L1 alone it stays at 0.7, in the other two it falls to below 0.1."
curves, after = {}, {}
for name, path in paths.items():
    kl = np.array([kl_divergence(p, p_hat) for p_hat in path])
    error = np.abs(path @ grid - y)
    curves[name], after[name] = (error, kl), (kl[[400, -1]], error[[400, -1]])
plot.age_and_shape(curves)

# %%
for name, (kl, error) in after.items():
    print(f"{name}: KL {kl[0]:.2f}, then {kl[1]:.3f}; error {error[0]:.3f}, then {error[1]:.3f}")
(kl_only, kl_error), (l1_kl, l1_error), (joint_kl, joint_error) = after.values()
assert kl_error[0] > 7 and kl_error[1] > 0.5, "KL alone: years off, long after the mode is right"
assert l1_error.max() < 0.02 and l1_kl[1] > 0.6, "L1 alone: the age is right, the shape is not"
assert joint_error.max() < 0.02 and joint_kl[1] < 0.08, "both: both"

# %% [markdown]
# * **KL alone** drains the far bump slowly: its gradient there is $\hat p_k$, so the less is left, the slower it goes. After 400 steps the estimate is still more than 7 years off.
# * **L1 alone** drains it at once, because a bump that is far away has a large $l_k - \hat y$. Then it stops, except for some jitter around the kink: the age is right, and the odd spike stays forever. Infinitely many distributions have the expectation 30. L1 takes the first it meets.
# * **Both** get the age right as fast as L1, with the same spike at first (400 steps), and then repair the shape (4000 steps).
#
# ## 9. Many photos
#
# One photo can be learned by heart. Now a small model that has to generalize. Instead of photos we use numbers: a person of age $y$ *looks* $y$ plus a little noise, and the model sees one feature of this look, which flattens toward both ends. From it (and a constant) it computes $K$ logits with a matrix $W$: a network of one linear layer.


# %%
def people(count, rng):
    """Features (N, 2), ages (N,), and label distributions (N, K) of `count` imaginary people."""
    y = rng.uniform(5, 95, count)
    look = y + rng.normal(0, 1, count)
    features = np.stack([np.ones(count), np.tanh((look - 50) / 30)], axis=1)
    return features, y, gaussian_label_distribution(y, np.full(count, 2.0), grid)


# %%
def train(gradient, steps=250 if FAST else 400, seed=0):
    """Train W (2, K) on 200 people with Adam; the measures on 2000 others."""
    rng = np.random.default_rng(seed)
    (features, y, p), (test_features, test_y, test_p) = people(200, rng), people(2000, rng)
    W, dW = np.zeros((2, K)), np.zeros((2, K))
    adam = Adam({"W": W}, {"W": dW}, lr=0.3)
    for _ in range(steps):
        dW[...] = features.T @ gradient(features @ W, p, y)
        adam.step()
    x = test_features @ W
    p_hat = Softmax().forward(x, save=False)
    return {
        "KL (nats)": float(kl_from_logits(x, test_p)[0]),
        "MAE of the expectation (years)": mae(p_hat @ grid, test_y),
        "MAE of the mode (years)": mae(grid[p_hat.argmax(axis=1)], test_y),
    }


# %%
def of_loss(kl, lam):
    """The gradient function that `train` wants, for these two weights."""
    return lambda x, p, y: gradient(x, p, y, kl, lam)


lams = [0.01, 0.1, 1.0, 10.0, 100.0]
results = {"KL alone": train(of_loss(1, 0))}
results |= {f"{lam:g}": train(of_loss(1, lam)) for lam in lams}
results["L1 alone"] = train(of_loss(0, 1))

# %% alt="Three panels against the weight of L1: KL grows with it, the error of the expectation falls until the weight is 1 and hardly changes from there, and that of the mode jumps from 3 years at weight 0.1 to 15 at weight 10."
plot.weights_of_l1(results)
for name, result in results.items():
    print(f"{name:9}", {measure: round(value, 2) for measure, value in result.items()})

# %%
kl, joint, er = (list(results[name].values()) for name in ("KL alone", "1", "L1 alone"))
assert joint[1] < 0.85 * kl[1], "the joint loss estimates better than KL alone"
assert joint[1] < 1.1 * er[1], "and about as well as L1 alone"
assert joint[0] < 0.6 * er[0] and joint[2] < 0.7 * er[2], "with a far better distribution"
best = min(list(result.values())[1] for result in results.values())
assert joint[1] - best < 0.1 and kl[1] - joint[1] > 0.75 * (kl[1] - best) and er[2] > 10
assert kl[0] < joint[0], "KL is best at what it was trained for"

# %% [markdown]
# Read from left to right. **More weight on L1 buys a better estimate at the price of a worse distribution**, up to about $\lambda = 1$; from there on the estimate hardly changes (with another seed it may lose a little), and the distribution falls apart: with L1 alone its mode is off by more than ten years. $\lambda = 1$ gets more than three quarters of the gain for part of the price. The paper sets $\lambda = 1$ as well.
#
# Now an honest look at when this holds. One feature is not enough to shape all these hills well, so KL cannot be small, and the two losses must compromise. Give the model twelve features, soft bumps along the look, and it comes much closer to the best KL that the noise of the looks allows. Then the inconsistency is gone, and so is the gain:


# %%
def rich_people(count, rng):
    """As `people`, with twelve features: bumps of width 9 years along the look."""
    _, y, p = people(count, rng)
    look = y + rng.normal(0, 1, count)
    return np.exp(-((look[:, None] - np.linspace(0, 100, 12)) ** 2) / (2 * 9**2)), y, p


def train_rich(gradient, steps=250 if FAST else 400):
    """As `train`: the MAE of the expectation on 2000 new people."""
    rng = np.random.default_rng(0)
    (features, y, p), (test_features, test_y, _) = rich_people(200, rng), rich_people(2000, rng)
    W, dW = np.zeros((12, K)), np.zeros((12, K))
    adam = Adam({"W": W}, {"W": dW}, lr=0.05)
    for _ in range(steps):
        dW[...] = features.T @ gradient(features @ W, p, y)
        adam.step()
    return mae(Softmax().forward(test_features @ W, save=False) @ grid, test_y)


rich_kl, rich_joint = train_rich(of_loss(1, 0)), train_rich(of_loss(1, 1))
noise = np.sqrt(2 / np.pi)  # the noise itself: the mean of |N(0, 1)|
print(f"KL alone {rich_kl:.3f}, joint {rich_joint:.3f}; the noise alone {noise:.3f} years")
assert abs(rich_joint - rich_kl) < 0.06 and max(rich_kl, rich_joint) < 1.1 * noise

# %% [markdown]
# Both are close to what the noise in the looks allows, 0.80 years. Real photos are harder than either toy. The paper's ablation (ThinAgeNet, ChaLearn 2015, MAE in years) finds that both losses together beat either one alone:

# %%
published = {"ER (L1 alone)": 3.287, "DLDL (KL alone)": 3.228, "DLDL-v2 (both)": 3.135}
assert abs(noise - 0.80) < 0.003
assert min(published, key=published.get) == "DLDL-v2 (both)"
print(published)

# %% [markdown]
# Take none of this as the last word on $\lambda$. The toys do not have to learn to see: their features are given. And the paper's networks had already learned from millions of faces. In our own runs from random weights, on drawn faces and on photos, **$\lambda = 1$ from the first step gave a worse estimate than KL alone**, and smaller weights did better than 1 ([the tables](../lessons/results.md)). Section 5 says why. [Lesson 08](08_training_dldl_v2.ipynb) trains both ways, with L1 from the start and after KL, and [lesson 09](09_seven_methods.ipynb) compares.

# %% [markdown]
# ## 10. How large is lambda, really?
#
# A weight means nothing without the scale of what it weighs. Our $L_{ld}$ is a **sum** over the $K$ labels and a mean over the $N$ images. The code published with the paper takes the mean over both: it divides by $N K$. Then
#
# $$ L' = \frac{1}{K} L_{ld} + \lambda L_{er} = \frac{1}{K} \left( L_{ld} + K \lambda \, L_{er} \right). $$
#
# The factor in front scales the whole gradient: plain gradient descent would need a learning rate $K$ times as large, and Adam, which divides by the size of the gradient, hardly notices it (only through rounding and its small eps). What remains is a different weight. **With division by $N K$, $\lambda = 1$ is what the formula calls $\lambda = K = 101$:**
#
# $$ \lambda_\text{formula} = K \, \lambda_\text{code}. $$
#
# tinydldl follows the formula; `kl_reduction="elements"` gives the other one.
#
# ### Exercise 4
# Given a weight for the published code, build the tinydldl method that follows the formula and is the same up to a constant factor.


# %% exercise="reduction"
def same_method(lam_code, grid):
    """(method, factor): a DLDLv2 with KL/N, whose loss is `factor` times that with KL/(N K).

    Hint: DLDLv2(grid, lam=...); factor from the equation above.
    """
    ### BEGIN SOLUTION
    return DLDLv2(grid, lam=lam_code * len(grid)), len(grid)
    ### END SOLUTION


# %% test="reduction" points=2
# Expect 1e-12 relative error in the loss and in every gradient, for any grid.
for step, lam_code in ((0.5, 1.0), (1.0, 1.0), (4.0, 1.0), (1.0, 0.03), (2.0, 10.0)):
    labels = label_grid(0, 100, step)
    x, ages = rng.normal(size=(3, len(labels))), np.array([20.0, 40.0, 60.5])
    p = gaussian_label_distribution(ages, np.full(3, 2.0), labels)
    code = DLDLv2(labels, lam=lam_code, kl_reduction="elements")
    (L_code, *_), dx_code = code.loss(x, p, ages)
    method, factor = same_method(lam_code, labels)
    where = f"step {step}, weight {lam_code} in the code"
    assert len(method.grid) == len(labels), f"{where}: a method for {len(method.grid)} labels"
    assert method.kl_reduction == "batch", f"{where}: the method must follow the formula"
    (L, *_), dx = method.loss(x, p, ages)
    print(f"{where}: effective lambda {method.lam:g}")
    assert abs(L / (factor * L_code) - 1) < 1e-12, (
        f"{where}: the loss is not {factor} times the code's"
    )
    largest = np.abs(dx).max()
    assert np.abs(dx - factor * dx_code).max() < 1e-12 * largest, f"{where}: the gradient is not"
### BEGIN HIDDEN TESTS
for labels in (label_grid(10, 60, 0.5), label_grid(18, 30, 3)):
    same, times = same_method(0.7, labels)
    assert times == len(labels), f"labels {labels[0]} to {labels[-1]}: {times}, not {len(labels)}"
    effective = 0.7 * len(labels)
    assert abs(same.lam - effective) < 1e-9, f"an effective lambda of {same.lam}, not {effective}"
### END HIDDEN TESTS

# %% [markdown]
# Does it matter? In our small experiment, yes: dividing by $N K$ moves us from $\lambda = 1$ to the far right of the figure.

# %%
as_code = train(lambda x, p, y: DLDLv2(grid, 1.0, "elements").loss(x, p, y)[1])
as_formula = train(lambda x, p, y: DLDLv2(grid, 101.0).loss(x, p, y)[1])
for name, result in [("KL/(NK), 1", as_code), ("KL/N, 101", as_formula), ("KL/N, 1", results["1"])]:
    print(f"{name:11}", {measure: round(value, 2) for measure, value in result.items()})
for measure, value in as_code.items():
    assert abs(value / as_formula[measure] - 1) < 0.1, "Adam hardly sees the factor K"
assert as_code["KL (nats)"] > 1.3 * results["1"]["KL (nats)"], "but the weight it does see"

# %% [markdown] question="step" points=3
# ### Question
# You divide the KL by $N K$, keep $\lambda = 1$, and compare label grids with steps of 4, 2, 1, 0.5 and 0.25 years, to find the best step. What is wrong with this experiment, and how would you repair it?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* The step changes K (26, 51, 101, 201, 401), and with it the effective weight K lambda of L1 against KL. Two things change at once, so a difference in MAE cannot be attributed to the step. Repair: divide by N, so that lambda keeps its meaning; or keep K lambda constant. (With SGD the learning rate must be scaled by K as well.)
# <!-- ### END SOLUTION -->

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. DLDL-v2 trains the first moment of $\hat p$. A colleague wants the second, too: the variance $V = \sum_k \hat p_k (l_k - \hat y)^2$ should be $\sigma^2$, with the loss $|V - \sigma^2|$. Derive $\partial V / \partial x_k$, and say which labels it raises when $V$ is too small. What does this loss teach that KL does not, and where may it do harm?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* V = E[l²] - y_hat², so dV/dx_k = p_hat_k (l_k² - E[l²]) - 2 y_hat p_hat_k (l_k - y_hat), and that is p_hat_k ((l_k - y_hat)² - V). For p_hat = (0.2, 0.5, 0.3) on 20, 30 and 40 the first is 0.2 (121 - 49) = **14.4**. Too small a V raises all labels that are farther than sqrt(V) from the estimate, on both sides, and lowers the others. Like L1 it sees far away labels that KL hardly sees, in proportion to the square of their distance; but two hills with the right mean and variance satisfy it as well as one, its gradients are hundreds of times those of KL at a uniform p_hat, and thousands of times where all that is left is a small hill far away, and at V = sigma² it jumps. One point for the derivative, one for what it raises, one for use and harm.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * $\hat y = \sum_k \hat p_k l_k$, and $\partial \hat y / \partial x_k = \hat p_k (l_k - \hat y)$. Along a tilt of the logits the estimate moves with the variance of $\hat p$.
# * The gradient of the joint loss is $\frac1N [ (\hat p - p) + \lambda \operatorname{sign}(\hat y - y) \, \hat p \, (l - \hat y) ]$.
# * KL asks how much mass is wrong; L1 asks how far away it is. KL alone lets small bumps pass that cost years; L1 alone lets any shape pass that has the right mean.
# * Trained together, they give the estimate of L1 and much of the shape of KL. Where KL alone comes as close to the targets as the photos allow, there is nothing to gain.
# * Whether KL is divided by $N$ or by $N K$ changes the meaning of $\lambda$ by a factor of $K = 101$.
#
# ## Further reading
# * B.-B. Gao, H.-Y. Zhou, J. Wu, X. Geng, *Age Estimation Using Expectation of Label Distribution Learning*, IJCAI 2018: sections on the expectation module and joint learning.
# * R. Rothe, R. Timofte, L. Van Gool, *Deep Expectation of Real and Apparent Age from a Single Image Without Facial Landmarks*, International Journal of Computer Vision, 2018: DEX, expectation at test time only.
# * D. P. Kingma, J. Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015: why a constant factor in the loss does not matter (lesson 07 derives it).
# * Next: [lesson 05](05_convolution.ipynb) begins the network that turns a photo into logits.
