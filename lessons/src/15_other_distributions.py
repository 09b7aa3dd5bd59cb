# %% [markdown]
# # Lesson 15: Other distributions
#
# | | |
# |---|---|
# | **You will be able to** | carry DLDL-v2 over to labels that are not ages: votes on a scale, angles on a circle, names without an order; derive the expectation and its gradient for each; and turn single labels into distributions |
# | **You need** | lesson 01 (label distributions), lesson 04 (the expectation and its gradient) |
# | **Minutes** | 100 |
# | **Code** | [`tinydldl/labels.py`](../tinydldl/labels.py), [`tinydldl/losses.py`](../tinydldl/losses.py), [`tinydldl/layers/expectation.py`](../tinydldl/layers/expectation.py) |
#
# What does the method know about ages? Look back: the softmax does not know what its labels mean, and the KL divergence treats them as names. Ages come in at two places only: where a target is *made*, and where the *expectation* turns a distribution into a number. Change these two, and you have a method for something else. In this lesson we do that three times, and then ask where distributions come from if nobody hands you any.
#
# | labels | target | second output |
# |---|---|---|
# | ages, 0 to 100 | a Gaussian on the grid | the expectation |
# | ratings, 1 to 5 | the votes themselves | the expectation |
# | angles of a head, 0 to 355 degrees | a hill on a circle | the mean direction |
# | six emotions | the votes themselves | a point in a plane, or nothing |

# %%
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # small products: a second thread would only wait

from itertools import pairwise

import numpy as np
from scipy.special import i0e, i1e, softmax
from scipy.stats import norm, vonmises

from tinydldl.gradcheck import check_loss, compare, numerical_gradient
from tinydldl.labels import gaussian_label_distribution
from tinydldl.losses import kl_from_logits, l1
from tinydldl.metrics import kl, mae
from tinydldl.notebook import FAST, figures, use_style
from tinydldl.optim import Adam

use_style()
plot = figures("15")
rng = np.random.default_rng(15)


def train(features, loss, W, steps=150 if FAST else 400, lr=0.05):
    """W (F, K), trained further with Adam on loss(x) = (value, dx) of the logits x = features W."""
    W, dW = W.copy(), np.zeros_like(W)
    adam = Adam({"W": W}, {"W": dW}, lr=lr)
    for _ in range(steps):
        dW[...] = features.T @ loss(features @ W)[1]
        adam.step()
    return W


# %% [markdown]
# The network is always the same here: given features, and one linear layer (lesson 14). What it learns from is what we change.
#
# ## 1. Ratings: let the votes be the target
#
# How attractive is a face, from 1 to 5? There is no truth, there are only votes, say ten per face. For ages we kept two numbers of the votes, mean and $\sigma$, and drew a Gaussian. With 101 labels and ten votes there was no other way. With five labels there is: *count*. The share of votes for each label is a distribution, without any assumption about its shape.
#
# One weakness remains. A label that got none of ten votes is not impossible. The usual repair adds a **pseudo-count** $a$ to each label:
#
# $$ p_k = \frac{n_k + a}{n + K a} . $$
#
# With $a = 0$ it is the plain share. With $a > 0$ it is what you should believe if, before the first vote, all distributions were equally likely ($a = 1$, Laplace), or if you thought them rather uneven ($a = \frac12$).
#
# ### Exercise 1
# Write it.


# %% exercise="votes"
def share_of_votes(votes, labels, a=0.0):
    """The distribution p (N, K) of votes (N, V) over labels (K,), with pseudo-count a for each label.

    Every vote is one of the labels. Hint: compare votes[:, :, None] with the labels, and sum.
    """
    ### BEGIN SOLUTION
    n = (votes[:, :, None] == labels).sum(axis=1)
    return (n + a) / (votes.shape[1] + len(labels) * a)
    ### END SOLUTION


# %% test="votes" points=1
# Expect exact shares, and rows that sum to 1.
scale = np.arange(1.0, 6.0)
votes = np.array([[1, 2, 2, 5], [3, 3, 3, 3]])
p = share_of_votes(votes, scale)
assert p.shape == (2, 5), f"shape {p.shape}, expected (2, 5)"
assert np.array_equal(p[0], [0.25, 0.5, 0, 0, 0.25]), f"votes 1, 2, 2, 5: {p[0]}"
assert np.array_equal(p[1], [0, 0, 1, 0, 0]), f"four votes for 3: {p[1]}"
smooth = share_of_votes(votes, scale, 1.0)
assert np.abs(smooth.sum(axis=1) - 1).max() < 1e-15, f"sums {smooth.sum(axis=1)}"
assert np.abs(smooth[1] - np.array([1, 1, 5, 1, 1]) / 9).max() < 1e-15, f"a = 1: {smooth[1]}"
assert np.abs(p @ scale - votes.mean(axis=1)).max() < 1e-15, "its expectation is the mean vote"
### BEGIN HIDDEN TESTS
found = share_of_votes(np.array([[10.0, 30.0]]), np.array([10.0, 20.0, 30.0]), 0.5)
assert np.abs(found - [[3 / 7, 1 / 7, 3 / 7]]).max() < 1e-15, f"labels 10, 20 and 30: {found}"
found = share_of_votes(np.array([[0.0, 0.5, 0.5]]), np.array([0.0, 0.5, 1.0]))
assert np.abs(found - [[1 / 3, 2 / 3, 0]]).max() < 1e-15, f"half labels: {found}"
### END HIDDEN TESTS

# %% [markdown]
# The last line of the test deserves a thought. For votes the expectation of the target *is* the mean vote, exactly. So the two losses of DLDL-v2, KL and the error of the expectation, want the same. For ages they do not quite: a Gaussian that is cut off at 0 has another mean (1.30 years for $y = 0$, $\sigma = 2$; lesson 01).
#
# Now two kinds of target on made-up faces. One hidden number says how much a face is liked, another how much people disagree: some faces are loved by half and disliked by the other half. The features are products of powers of the two, squeezed to $(-1, 1)$, and four numbers that mean nothing.


# %%
def faces_to_rate(count, rng):
    """Features (N, 17), true distributions (N, 5), and ten votes (N, 10) of made-up faces."""
    z = rng.standard_normal((count, 6))
    liked, split = 3 + 0.9 * np.tanh(z[:, :1]), 1.6 / (1 + np.exp(-3 * z[:, 1:2]))
    hills = [np.exp(-((scale - liked - way * split) ** 2) / (2 * 0.6**2)) for way in (-1, 1)]
    q = sum(hill / hill.sum(axis=1, keepdims=True) for hill in hills) / 2
    votes = scale[(rng.random((count, 10, 1)) > q.cumsum(axis=1)[:, None, :]).sum(axis=2)]
    a, b = np.tanh(z[:, 0] / 2), np.tanh(z[:, 1])
    powers = [a**i * b**j for i in range(4) for j in range(4) if i + j < 5]
    return np.column_stack([*powers, z[:, 2:]]), q, votes


features, q, votes = faces_to_rate(400, rng)
new_features, new_q, _ = faces_to_rate(2000, rng)
y, spread = votes.mean(axis=1), votes.std(axis=1)
targets = {
    "Gaussian": gaussian_label_distribution(y, spread, scale),
    "votes": share_of_votes(votes, scale),
    "votes, a = 1/2": share_of_votes(votes, scale, 0.5),
}


def joint(x, p, y, lam=1.0):
    """The loss of DLDL-v2 for labels `scale`, and its gradient (lesson 04)."""
    p_hat = softmax(x, axis=1)
    y_hat = p_hat @ scale
    L_ld, dx = kl_from_logits(x, p)
    L_er, dy_hat = l1(y_hat, y)
    return L_ld + lam * L_er, dx + lam * dy_hat[:, None] * p_hat * (scale - y_hat[:, None])


check_loss(joint, rng.standard_normal((3, 5)), targets["votes"][:3], y[:3] + 0.01)
zeros = np.zeros((features.shape[1], 5))
answers = {
    name: softmax(new_features @ train(features, lambda x, p=p: joint(x, p, y), zeros), axis=1)
    for name, p in targets.items()
}
print(f"{'target':16}{'KL to its face':>16}{'MAE of the mean':>18}")
found = {}
for name, p_hat in answers.items():
    found[name] = kl(p_hat, new_q), mae(p_hat @ scale, new_q @ scale)
    print(f"{name:16}{found[name][0]:16.4f}{found[name][1]:18.4f}")
assert found["votes"][0] < 0.25 * found["Gaussian"][0]
assert abs(found["votes"][1] - found["Gaussian"][1]) < 0.03
assert found["votes"][0] < found["votes, a = 1/2"][0] < found["Gaussian"][0]

# %% alt="Two bar charts of a face that divides people, with many ratings at both ends and hardly any 3: what is learned from Gaussians is highest at 3, what is learned from votes has the gap."
split_most = int(np.argmax((new_q * (scale - 3) ** 2).sum(axis=1) - 10 * np.abs(new_q @ scale - 3)))
plot.ratings(scale, new_q, split_most, answers)
shape = {name: answers[name][split_most] for name in answers}
assert new_q[split_most][2] < new_q[split_most][[1, 3]].min(), "the truth has two peaks"
print(
    {name: values.round(2).tolist() for name, values in shape.items()}, new_q[split_most].round(2)
)
assert shape["votes"][2] < shape["votes"][[1, 3]].min() and shape["Gaussian"].argmax() == 2

# %% [markdown]
# Both find the mean about equally well. But the Gaussian was *told* that opinions have one peak, however wide, and passes it on. **A target says what its maker assumed.** Where labels are few, assume nothing. Even the pseudo-count is too much here, and that may surprise: for *one* face with ten votes it is wise. But the network sees 400 faces. It averages over those that look alike, so it does not need a guess about each; and 400 small guesses in the same direction are a bias.
#
# ## 2. A circle
#
# A head turns: 0 degrees is to the camera, 90 to its left, and at 360 it is back. Cut the circle into $K = 72$ labels $l_k = 0, 5, \dots, 355$ degrees. Now 355 and 0 are neighbors, and two of our formulas are wrong.
#
# **The target.** A Gaussian around 2 degrees is cut off at 0; its left half is missing, though 355 is just as near. On the circle we need a hill that goes around. The **von Mises** distribution takes the cosine of the difference for what $-(l - y)^2$ was on the line:
#
# $$ p_k = \frac{e^{\kappa \cos(l_k - y)}}{\sum_j e^{\kappa \cos(l_j - y)}} . $$
#
# Near $y$ the cosine is $1 - \frac12 (l - y)^2$, so it is nearly a Gaussian with $\sigma = 1/\sqrt\kappa$, in radians. With $\kappa = 0$ it is flat. It is another softmax, of $\kappa \cos(l_k - y)$, so large $\kappa$ needs the old trick.
#
# ### Exercise 2
# Write it.


# %% exercise="von-mises"
def von_mises(y, kappa, grid):
    """The distributions p (N, K) of angles y (N,) with concentrations kappa (N,) >= 0, on grid (K,).

    All angles in radians. Hint: subtract the row maximum of the exponents.
    """
    ### BEGIN SOLUTION
    exponents = kappa[:, None] * np.cos(grid - y[:, None])
    e = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% test="von-mises" points=2
# Expect the density of SciPy, normalized, to 1e-13, and a circle without a seam.
circle = np.radians(np.arange(0, 360, 5))
angles, kappas = np.radians([2.0, 90.0, 200.0, 359.0]), np.array([0.0, 1.0, 10.0, 60.0])
p = von_mises(angles, kappas, circle)
assert p.shape == (4, 72), f"shape {p.shape}, expected (4, 72)"
assert np.abs(p.sum(axis=1) - 1).max() < 1e-12, f"sums {p.sum(axis=1)}"
assert np.abs(p[0] - 1 / 72).max() < 1e-15, "kappa 0: every direction is equally likely"
for row, angle, kappa in zip(p[1:], angles[1:], kappas[1:], strict=True):
    density = vonmises(kappa, loc=angle).pdf(circle)
    off = np.abs(row - density / density.sum()).max()
    assert off < 1e-12, f"kappa {kappa:g}: off by {off:.1e} from SciPy"
turned = von_mises(angles + np.radians(35), kappas, circle)
assert np.abs(turned - np.roll(p, 7, axis=1)).max() < 1e-12, "turned by 35 degrees: another shape"
print(f"359 degrees: p at 355, 0 and 5 is {p[3, [71, 0, 1]].round(3)}")
### BEGIN HIDDEN TESTS
with np.errstate(all="ignore"):
    sharp = von_mises(np.radians([90.0]), np.array([5000.0]), circle)
assert np.isfinite(sharp).all(), "kappa 5000: the exponential overflows"
assert sharp[0, 18] > 0.99, f"kappa 5000 at 90 degrees: {sharp[0, 18]:.3f} on its label"
around = von_mises(np.radians([-1.0]), np.array([10.0]), circle)
same = von_mises(np.radians([359.0]), np.array([10.0]), circle)
assert np.abs(around - same).max() < 1e-12, "-1 and 359 degrees are the same direction"
### END HIDDEN TESTS

# %% [markdown]
# **The expectation.** Half of the mass at 350 degrees, half at 10: everybody sees a head that looks at the camera, and $\sum_k \hat p_k l_k = 180$, the back of the head. On a circle one cannot take the mean of numbers. Take the mean of *points*: each direction is a point on the circle of radius 1, and their mean
#
# $$ C = \sum_k \hat p_k \cos l_k, \qquad S = \sum_k \hat p_k \sin l_k $$
#
# is a point inside. Its direction is the **mean direction** $\hat y = \operatorname{atan2}(S, C)$. Its distance from the center, $R = \sqrt{C^2 + S^2}$, says how much the distribution agrees with itself: 1 for a single direction, 0 for all directions alike (then there is no mean direction).
#
# Its gradient: the softmax Jacobian gives, as for every expectation (lesson 04),
#
# $$ \frac{\partial S}{\partial x_k} = \hat p_k (\sin l_k - S), \qquad \frac{\partial C}{\partial x_k} = \hat p_k (\cos l_k - C), $$
#
# and the angle of a point changes by $d\hat y = (C\, dS - S\, dC) / R^2$. Put together, the products $CS$ cancel:
#
# $$ \frac{\partial \hat y}{\partial x_k} = \frac{\hat p_k}{R^2} \big( C \sin l_k - S \cos l_k \big) . $$
#
# Finally $C = R \cos \hat y$ and $S = R \sin \hat y$, and $\cos \hat y \sin l_k - \sin \hat y \cos l_k$ is the sine of a difference:
#
# $$ \boxed{\; \frac{\partial \hat y}{\partial x_k} = \frac{\hat p_k \sin(l_k - \hat y)}{R} \;} \qquad \text{where ages have} \qquad \frac{\partial \hat y}{\partial x_k} = \hat p_k (l_k - \hat y) . $$
#
# The same sentence in another geometry: a logit pulls the estimate toward its own label. But the pull is strongest a quarter turn away; the opposite direction does not pull at all, since it does not know which way around. And the less the distribution agrees with itself, the easier the estimate turns.
#
# ### Exercise 3
# Write both.


# %% exercise="direction"
def mean_direction(x, grid):
    """(y_hat, dy_hat): the mean direction (N,) in 0..2 pi for logits x (N, K) on grid (K,) in radians,
    and its derivatives (N, K) in the logits.

    Hint: softmax, C, S, np.arctan2(S, C) modulo 2 pi, R, and the boxed formula.
    """
    ### BEGIN SOLUTION
    p_hat = softmax(x, axis=1)
    C, S = p_hat @ np.cos(grid), p_hat @ np.sin(grid)
    y_hat = np.arctan2(S, C) % (2 * np.pi)
    R = np.hypot(C, S)
    return y_hat, p_hat * np.sin(grid - y_hat[:, None]) / R[:, None]
    ### END SOLUTION


# %% test="direction" points=3
# Expect about 1e-10 from central differences, and 0 degrees for 350 and 10.
two = np.full((1, 72), -800.0)
two[0, [2, 70]] = 0.0  # 10 and 350 degrees
y_hat, _ = mean_direction(two, circle)
degrees = np.degrees(y_hat[0])
assert min(degrees, 360 - degrees) < 1e-9, f"half at 350 and half at 10: {degrees:.1f} degrees"
x = np.random.default_rng(1).standard_normal((3, 72))
x += 3 * np.cos(circle - np.radians([[100.0], [200.0], [300.0]]))
before = x.copy()
y_hat, dy_hat = mean_direction(x, circle)
assert np.array_equal(x, before), "x belongs to the caller: do not change it"
assert y_hat.shape == (3,) and dy_hat.shape == (3, 72), f"shapes {y_hat.shape} and {dy_hat.shape}"
assert (y_hat >= 0).all() and (y_hat < 2 * np.pi).all(), f"directions in 0..2 pi: {y_hat}"
expected = [np.angle(row @ np.exp(1j * circle)) % (2 * np.pi) for row in softmax(x, axis=1)]
off = np.abs(y_hat - expected).max()
assert off < 1e-12, f"the direction of the mean of complex numbers is another, by {off:.2g}"
numeric = numerical_gradient(lambda: mean_direction(x, circle)[0].sum(), x)
print(f"central differences: {compare('mean direction', dy_hat, numeric):.0e}")
### BEGIN HIDDEN TESTS
uneven = np.radians([0.0, 10.0, 180.0, 350.0])
logits = np.array([[0.0, 1.0, -1.0, 2.0], [900.0, 901.0, 899.0, 900.5]])
y_hat, dy_hat = mean_direction(logits, uneven)
points = softmax(logits, axis=1) @ np.exp(1j * uneven)
assert np.abs(y_hat - np.angle(points) % (2 * np.pi)).max() < 1e-12, "uneven labels, large logits"
for n, k in np.ndindex(2, 4):
    ways = [logits + h * (np.arange(4) == k) for h in (1e-6, -1e-6)]
    ends = [np.angle((softmax(way, axis=1) @ np.exp(1j * uneven))[n]) for way in ways]
    slope = (ends[0] - ends[1]) / 2e-6
    assert abs(dy_hat[n, k] - slope) < 1e-7, (
        f"uneven labels: row {n}, label {k}: {dy_hat[n, k]:.4f}"
    )
### END HIDDEN TESTS

# %% alt="Two panels of a hill at 2 degrees, on the left on a line, where it is cut at 0, and on a circle, where it continues at 355; on the right the pull of each logit: a straight line for ages, a sine for directions."
degrees = np.degrees(circle)
cut = gaussian_label_distribution([2.0], [12.0], degrees)[0]
around = von_mises(np.radians([2.0]), np.array([1 / np.radians(12) ** 2]), circle)[0]
plot.line_and_circle(degrees, cut, around)
print(f"expectation on the line {cut @ degrees:.1f}, mean direction of the circle ", end="")
print(f"{np.degrees(np.angle(around @ np.exp(1j * circle))):.2f} degrees")
assert cut @ degrees > 8 and abs(np.degrees(np.angle(around @ np.exp(1j * circle))) - 2) < 1e-9
kappa = 20.0
hill = von_mises(np.zeros(1), np.array([kappa]), circle)[0]
assert abs(abs(hill @ np.exp(1j * circle)) - i1e(kappa) / i0e(kappa)) < 1e-12, (
    "R, by Bessel functions"
)
near = norm(0, 1 / np.sqrt(kappa)).pdf(circle[:5])
assert np.abs(hill[:5] / hill[0] / (near / near[0]) - 1).max() < 0.02, "near its top a Gaussian"

# %% [markdown]
# **The error.** An estimate of 359 degrees for a head at 1 degree is off by 2, not by 358. The shortest way from $y$ to $\hat y$ is $\Delta = (\hat y - y + \pi) \bmod 2\pi - \pi$, between $-\pi$ and $\pi$; the loss is $\frac1N \sum_n |\Delta_n|$.
#
# ### Exercise 4
# Write the loss and its gradient in $\hat y$.


# %% exercise="circular-l1"
def circular_l1(y_hat, y):
    """(L, dy_hat): the mean length of the shortest way between angles y_hat and y (N,), radians.

    Hint: adding a whole turn to an angle changes nothing, so the derivative is still a sign.
    """
    ### BEGIN SOLUTION
    way = (y_hat - y + np.pi) % (2 * np.pi) - np.pi
    return np.abs(way).mean(), np.sign(way) / len(y)
    ### END SOLUTION


# %% test="circular-l1" points=1
# Expect 2 degrees between 359 and 1, in either direction.
loss, dy_hat = circular_l1(np.radians([359.0, 1.0]), np.radians([1.0, 359.0]))
assert abs(np.degrees(loss) - 2) < 1e-9, (
    f"359 and 1 are {np.degrees(loss):.1f} degrees apart, not 2"
)
assert np.abs(dy_hat - [-0.5, 0.5]).max() < 1e-12, f"which way is longer? {dy_hat}"
loss, _ = circular_l1(np.radians([10.0, 200.0, 100.0]), np.radians([30.0, 30.0, 90.0]))
assert abs(np.degrees(loss) - (20 + 170 + 10) / 3) < 1e-9, f"20, 170 and 10: {np.degrees(loss):.1f}"
a, b = np.random.default_rng(2).uniform(0, 2 * np.pi, (2, 9))
print(f"central differences: {check_loss(circular_l1, a, b):.0e}")
### BEGIN HIDDEN TESTS
loss, dy_hat = circular_l1(np.radians([-350.0, 725.0]), np.radians([3.0, 3.0]))
assert abs(np.degrees(loss) - 4.5) < 1e-9, (
    f"angles of another turn: {np.degrees(loss):.1f}, not 4.5"
)
assert np.abs(dy_hat - 0.5).max() < 1e-12, f"angles of another turn: {dy_hat}"
loss, dy_hat = circular_l1(np.ones(2), np.ones(2))
assert loss < 1e-12 and (np.abs(dy_hat) < 1e-12).all(), f"an exact estimate: {loss}, {dy_hat}"
### END HIDDEN TESTS

# %% [markdown]
# Put together, it is DLDL-v2 on a circle. Against it, DLDL-v2 that takes the angle for a number. Made-up heads: the features are cosine and sine of the angle and of its double, with noise.


# %%
def heads(count, rng):
    """Features (N, 5) and angles (N,), radians."""
    y = rng.uniform(0, 2 * np.pi, count)
    waves = np.stack([np.cos(y), np.sin(y), np.cos(2 * y), np.sin(2 * y)], axis=1)
    return np.column_stack([np.ones(count), waves + 0.2 * rng.standard_normal((count, 4))]), y


def on_circle(x, p, y, lam):
    """DLDL-v2's loss on a circle, and its gradient."""
    L_ld, dx = kl_from_logits(x, p)
    y_hat, jacobian = mean_direction(x, circle)
    L_er, dy_hat = circular_l1(y_hat, y)
    return L_ld + lam * L_er, dx + (lam * dy_hat[:, None] * jacobian if lam else 0)


def on_line(x, p, y, lam):
    """The same, as if an angle were a number."""
    p_hat = softmax(x, axis=1)
    L_ld, dx = kl_from_logits(x, p)
    L_er, dy_hat = l1(p_hat @ circle, y)
    away = circle - (p_hat @ circle)[:, None]
    return L_ld + lam * L_er, dx + lam * dy_hat[:, None] * p_hat * away


(features, y), (new_features, new_y) = heads(600, rng), heads(4000, rng)
width = np.radians(12)
p_circle = von_mises(y, np.full(len(y), 1 / width**2), circle)
p_line = gaussian_label_distribution(y, np.full(len(y), width), circle)
check_loss(on_circle, rng.standard_normal((3, 72)), p_circle[:3], y[:3], 0.7)
zeros = np.zeros((features.shape[1], 72))
with np.errstate(all="ignore"):
    _, dx = on_circle(features @ zeros, p_circle, y, 1.0)
print(f"largest gradient with all logits 0: {np.abs(dx).max():.0e}")
assert not np.abs(dx).max() < 1e9, "R is 0, up to rounding"

# %% [markdown]
# Look at this number before you go on. At the start all logits are 0, all directions are equally likely, $R$ is 0, and the formula divides by it. The mean direction of "anywhere" does not exist, and one step along such a gradient ruins the weights (and Adam's memory of squared gradients, for a thousand steps). For ages the expectation of "anywhere" is 50, wrong but harmless. So on a circle the second loss must wait until the first has given it something to turn: first KL alone, then both.

# %%
estimates = {}
for name, loss, p in (("on the circle", on_circle, p_circle), ("on the line", on_line, p_line)):
    W = train(features, lambda x, loss=loss, p=p: loss(x, p, y, 0.0), zeros)
    W = train(features, lambda x, loss=loss, p=p: loss(x, p, y, 1.0), W)
    x = new_features @ W
    estimates[name] = softmax(x, axis=1) @ circle
    if loss is on_circle:
        estimates[name] = mean_direction(x, circle)[0]

# %% alt="The error against the true angle: on the circle about 4 degrees everywhere, on the line as good in the middle and many times worse at both ends, near 0 and 360."
edges = np.radians(np.arange(0, 361, 20))
by_angle, off = {}, {}
for name, y_hat in estimates.items():
    error = np.degrees(np.abs((y_hat - new_y + np.pi) % (2 * np.pi) - np.pi))
    means = [error[(new_y >= a) & (new_y < b)].mean() for a, b in pairwise(edges)]
    by_angle[name], off[name] = means, (error.mean(), means[0], means[9])
plot.errors_by_angle(by_angle)
for name, (mean, at_seam, at_back) in off.items():
    print(f"{name}: {mean:.1f} degrees; from 0 to 20 {at_seam:.1f}, from 180 to 200 {at_back:.1f}")
assert off["on the line"][1] > 3 * off["on the circle"][1]
assert off["on the line"][2] < 1.5 * off["on the circle"][2]

# %% [markdown]
# Far from the seam they are equal. Near it, the line has to say "0 or 360, I cannot tell" and answers with something in between: the back of the head.
#
# ## 3. Names without an order
#
# Anger, disgust, fear, happiness, sadness, surprise. A face may show two at once, and ten people will vote for both. The target is the share of votes again, and KL does not change. But the expectation of "fear" and "sadness" is nothing. What is the second output?
#
# Ask what the estimate is *for*. If one name is wanted, it is the label with the largest probability. That is no smooth function, so there is no loss to train on it, and DLDL-v2 becomes DLDL: KL alone. If something can be *computed* from a name, then its expectation can be trained. Psychologists place emotions in a plane: how pleasant (valence), and how excited (arousal). Give label $k$ a point $v_k$. The expectation is a point, too,
#
# $$ \hat v = \sum_k \hat p_k v_k, \qquad \frac{\partial \hat v_d}{\partial x_k} = \hat p_k (v_{kd} - \hat v_d) , $$
#
# by the very derivation of lesson 04, once for each coordinate. A grid of ages is a line with $K$ points on it; here the points lie in a plane. Nothing else changes.
#
# ### Exercise 5
# The loss of the second output is the mean distance (Euclidean) between $\hat v$ and the wanted point $v$. Write it, with its gradient in the logits. At distance 0 the gradient is 0.


# %% exercise="plane"
def plane_loss(x, v, points):
    """(L, dx): the mean distance between expected points and v (N, 2), for logits x (N, K), points (K, 2).

    Hint: the gradient of a distance |d| in d is d / |d|. Then the formula above, summed over both
    coordinates, for each image and label.
    """
    ### BEGIN SOLUTION
    p_hat = softmax(x, axis=1)
    v_hat = p_hat @ points
    d = v_hat - v
    length = np.linalg.norm(d, axis=1, keepdims=True)
    toward = np.divide(d, length, out=np.zeros_like(d), where=length > 0) / len(x)
    dx = p_hat * (toward @ points.T - (toward * v_hat).sum(axis=1, keepdims=True))
    return length.mean(), dx
    ### END SOLUTION


# %% test="plane" points=2
# Expect about 1e-10 from central differences.
EMOTIONS = ["anger", "disgust", "fear", "happiness", "sadness", "surprise"]
PLACES = np.array([[-0.6, 0.7], [-0.7, 0.3], [-0.6, 0.6], [0.8, 0.4], [-0.7, -0.5], [0.2, 0.8]])
x, v = np.random.default_rng(3).standard_normal((4, 6)), np.random.default_rng(4).random((4, 2))
before = x.copy()
loss, dx = plane_loss(x, v, PLACES)
assert np.array_equal(x, before), "x belongs to the caller: do not change it"
expected = np.mean(
    [np.hypot(*(row @ PLACES - w)) for row, w in zip(softmax(x, axis=1), v, strict=True)]
)
assert abs(loss - expected) < 1e-12, f"the loss is {loss:.6f}, the mean distance {expected:.6f}"
assert np.shape(dx) == x.shape, f"the gradient has shape {np.shape(dx)}, expected {x.shape}"
print(f"central differences: {check_loss(plane_loss, x, v, PLACES):.0e}")
### BEGIN HIDDEN TESTS
with np.errstate(all="ignore"):
    loss, dx = plane_loss(
        np.zeros((2, 2)), np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 0], [-1, 0]])
    )
assert np.isfinite(dx).all(), "an exact estimate: distance 0, and 0/0 in its gradient"
assert np.array_equal(dx[0], [0, 0]), f"an exact estimate is left alone: {dx[0]}"
assert np.abs(dx[1] - [-0.25, 0.25]).max() < 1e-12, f"one image of two: {dx[1]}"
### END HIDDEN TESTS

# %% [markdown]
# (The places are our own, roughly after Russell's circle of affect; take them as an example, not as psychology.)

# %% [markdown] question="numbers" points=2
# ### Question
# A colleague numbers the emotions from 1 to 6, in alphabetical order, and trains DLDL-v2 with the expectation as for ages. "KL is symmetric in the labels anyway, and L1 will help as it did there." What does the second loss do here? Would another order of the names give another network? And is there a method of lesson 09 for which the same objection holds?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* It forces the mean number to be right, so it trades names off against each other by their places in the alphabet: half anger and half surprise (1 and 6) costs nothing where fear and happiness (3 and 4) are meant, although no face looks alike. It adds errors, not information. Another order gives another loss, hence another network, which alone shows that it is meaningless: nothing may depend on how labels are numbered if they have no order. The same holds for ranking (and OR-CNN, and regression): the question "is it beyond label k?" has no meaning. Classification and KL alone remain. One point for what L1 does, one for the dependence on the order or the other method.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 4. Where do distributions come from? Label enhancement
#
# Ten votes per face are a luxury. Most data have *one* label per example. Yet distributions are hidden in them: if a hundred faces look nearly alike, and seventy are labeled "fear" and thirty "surprise", then each of them is 70 % fear. **Label enhancement** recovers distributions from single labels and from who resembles whom.
#
# One method is **propagation** on a graph. Let $A_{ij} = e^{-|x_i - x_j|^2 / (2 w^2)}$ say how alike $i$ and $j$ are, with $A_{ii} = 0$, and $a_i = \sum_j A_{ij}$. We look for distributions $d_i$ that do not change much between neighbors, and do not leave their own label $e_i$ (one-hot) too far:
#
# $$ E = \frac12 \sum_{ij} A_{ij}\, |d_i - d_j|^2 + \mu \sum_i a_i\, |d_i - e_i|^2 . $$
#
# The derivative in $d_i$ ($d_i$ occurs twice in the first sum) is
#
# $$ \frac{\partial E}{\partial d_i} = 2 \sum_j A_{ij} (d_i - d_j) + 2 \mu\, a_i (d_i - e_i) = 0 . $$
#
# Divide by $2 a_i$, and write $P_{ij} = A_{ij} / a_i$, whose rows sum to 1, and $\alpha = 1 / (1 + \mu)$:
#
# $$ d_i = \alpha \sum_j P_{ij}\, d_j + (1 - \alpha)\, e_i . $$
#
# Read it as a rule: *a share $\alpha$ of your opinion is what your neighbors think, the rest is your own label.* Start with $d = e$ and apply it again and again. A mean of distributions is a distribution, so every $d_i$ stays one. And each round brings $d$ closer to the solution by a factor $\alpha < 1$, since the rows of $P$ are means. (Or solve the linear equations at once: $d = (1 - \alpha) (I - \alpha P)^{-1} e$.)
#
# ### Exercise 6
# Write it.


# %% exercise="propagate"
def propagate(x, labels, K, width, alpha):
    """The distributions d (N, K) of examples x (N, F) with one label each (N,), 0..K-1, 0 <= alpha < 1.

    Somebody who resembles nobody at all (a_i = 0) keeps its label.

    Hint: all squared distances (N, N), A with a zero diagonal, P. Then np.linalg.solve.
    """
    ### BEGIN SOLUTION
    squared = ((x[:, None, :] - x) ** 2).sum(axis=2)
    A = np.exp(-squared / (2 * width**2))
    np.fill_diagonal(A, 0)
    a = A.sum(axis=1, keepdims=True)
    P = np.divide(A, a, out=np.eye(len(x)), where=a > 0)
    return np.linalg.solve(np.eye(len(x)) - alpha * P, (1 - alpha) * np.eye(K)[labels])
    ### END SOLUTION


# %% test="propagate" points=3
# Expect the rule to hold for every example, to about 1e-15.
few, few_labels = (
    np.random.default_rng(5).random((30, 2)),
    np.random.default_rng(6).integers(0, 3, 30),
)
d = propagate(few, few_labels, 3, 0.3, 0.7)
assert d.shape == (30, 3), f"shape {d.shape}, expected (30, 3)"
assert np.abs(d.sum(axis=1) - 1).max() < 1e-12, f"sums from {d.sum(axis=1).min():.3f}"
assert d.min() >= 0, "a distribution has no negative entries"
alike = np.array([[np.exp(-((a - b) @ (a - b)) / (2 * 0.3**2)) for b in few] for a in few])
worst = 0.0
for i in range(30):
    others = np.arange(30) != i
    opinion = alike[i, others] @ d[others] / alike[i, others].sum()
    worst = max(worst, np.abs(d[i] - 0.7 * opinion - 0.3 * np.eye(3)[few_labels[i]]).max())
print(f"the rule is off by {worst:.0e}")
assert worst < 1e-10, f"the rule is off by {worst:.1e}: its neighbors do not include oneself"
own = propagate(few, few_labels, 3, 0.3, 0.0)
assert np.abs(own - np.eye(3)[few_labels]).max() < 1e-12, "alpha 0: everybody keeps the label"
### BEGIN HIDDEN TESTS
apart = np.array([[0.0], [0.1], [500.0], [500.1], [9999.0]])
with np.errstate(all="ignore"):
    d = propagate(apart, np.array([0, 1, 2, 2, 0]), 3, 0.5, 0.9)
assert np.isfinite(d).all(), "an example that resembles nobody: 0/0"
assert np.abs(d[4] - [1, 0, 0]).max() < 1e-9, f"who resembles nobody keeps the label: {d[4]}"
assert np.abs(d[2:4] - [0, 0, 1]).max() < 1e-9, f"two far groups: opinions crossed over: {d[2]}"
### END HIDDEN TESTS

# %% [markdown]
# Does it find what is hidden? We make up faces in a plane, each with a true distribution over the six emotions, and show the method one label per face, drawn from it.

# %% alt="Left, points in a plane, each in the color of its one label, in a wild mixture. Middle, the same points after propagation, with soft transitions. Right, the divergence from the truth against alpha, falling to a minimum near 0.7 and rising after it."
count = 250 if FAST else 500
places = rng.normal(0, 0.8, (count, 2))
truth = softmax(-((places[:, None, :] - 1.3 * PLACES) ** 2).sum(axis=2) * 2.5, axis=1)
labels = (rng.random((count, 1)) > truth.cumsum(axis=1)).sum(axis=1)
alphas = np.array([0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999])
divergence = [
    kl(propagate(places, labels, 6, 0.25, alpha) * 0.999 + 0.001 / 6, truth) for alpha in alphas
]
recovered = propagate(places, labels, 6, 0.25, alphas[int(np.argmin(divergence))])
plot.propagation(labels, recovered, places, alphas, divergence)
print({float(alpha): round(value, 3) for alpha, value in zip(alphas, divergence, strict=True)})
best = int(np.argmin(divergence))
assert 0.5 <= alphas[best] <= 0.9 and divergence[best] < 0.1 * divergence[0]
assert divergence[-1] > divergence[best]

# %% [markdown]
# From single labels to distributions that are close to the truth, though no example ever showed one. The price is an assumption, again: that what looks alike is felt alike, at the distance $w$. With $\alpha$ too near 1 everybody thinks what all think. (We chose $\alpha$ by the truth, which nobody has; to choose it honestly, hold some votes back.) (One entry of KL needs care: a label that propagation holds impossible costs infinitely much, so we mixed in a thousandth of everything.)

# %% [markdown] question="which" points=3
# ### Question
# Choose labels, target and second output for each, in a sentence or two. (a) The time of day at which a photo was taken, seen by its light. (b) How many people are in a picture, from 0 to about 2000, as estimated by five annotators. (c) Which of 30 breeds a dog is; many are mixed, and each photo has one label.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* (a) A circle: 24 hours, labels such as every 15 minutes, von Mises targets whose width grows where light hardly changes; the mean direction. Noon and midnight are opposite, 23:45 and 0:00 neighbors. (Morning and evening look alike, so predictions will have two hills; then R is small, and the mean direction useless: the mode is better.) (b) A line, but a person more or less counts less among 1000 than among 3: labels in logarithmic steps (or a width that is proportional to the count), a Gaussian on them; the expectation over the labels, in counts, and perhaps a relative error. (c) Names without an order: distributions by label enhancement, as nobody voted; no expectation, KL alone, or some property that is a number for each breed. One point each: geometry of the labels with its reason, and a second output that fits it (or none).
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 5. What changes, what stays
#
# | | ages, ratings | circle | names |
# |---|---|---|---|
# | softmax, KL, $\hat p - p$ | the same | the same | the same |
# | target | Gaussian, or votes | von Mises, or votes | votes, or propagated labels |
# | estimate | $\sum \hat p_k l_k$ | $\operatorname{atan2}(S, C)$ | a point $\sum \hat p_k v_k$, or none |
# | its gradient | $\hat p_k (l_k - \hat y)$ | $\hat p_k \sin(l_k - \hat y) / R$ | $\hat p_k (v_k - \hat v)$ |
# | spread | $\sigma$ | $R$ | distance, entropy |
#
# ### Exercise 7
# A harder one, without hints. The length $R$ of the mean direction is a differentiable number, too: how sure a prediction is. Derive its gradient in the logits, simplify it as far as the gradient of $\hat y$ was, and write it.


# %% exercise="resultant"
def resultant(x, grid):
    """(R, dR): the lengths (N,) for logits x (N, K) on a circle grid (K,), and derivatives (N, K)."""
    ### BEGIN SOLUTION
    p_hat = softmax(x, axis=1)
    C, S = p_hat @ np.cos(grid), p_hat @ np.sin(grid)
    R, y_hat = np.hypot(C, S), np.arctan2(S, C)
    return R, p_hat * (np.cos(grid - y_hat[:, None]) - R[:, None])
    ### END SOLUTION


# %% test="resultant" points=3
# Expect about 1e-10 from central differences.
x = np.random.default_rng(7).standard_normal((3, 72))
x += 2 * np.cos(circle - np.radians([[10.0], [200.0], [300.0]]))
before = x.copy()
R, dR = resultant(x, circle)
assert np.array_equal(x, before), "x belongs to the caller: do not change it"
assert np.shape(R) == (3,) and np.shape(dR) == (3, 72), f"shapes {np.shape(R)}, {np.shape(dR)}"
expected = np.abs(softmax(x, axis=1) @ np.exp(1j * circle))
assert np.abs(R - expected).max() < 1e-12, (
    f"R is {R}, the mean complex number has length {expected}"
)
numeric = numerical_gradient(lambda: resultant(x, circle)[0].sum(), x)
print(f"central differences: {compare('R', dR, numeric):.0e}")
### BEGIN HIDDEN TESTS
one = np.full((1, 72), -800.0)
one[0, 5] = 0.0
R, dR = resultant(one, circle)
assert abs(R[0] - 1) < 1e-12 and np.abs(dR).max() < 1e-12, f"one direction: R {R[0]}, surely 1"
half = np.radians([0.0, 90.0])
R, dR = resultant(np.array([[900.0, 900.0]]), half)
assert abs(R[0] - 0.5**0.5) < 1e-12, f"two directions at a right angle, large logits: R {R[0]}"
assert np.abs(dR).max() < 1e-12, f"two equal directions: more of either does not change R: {dR}"
### END HIDDEN TESTS

# %% [markdown]
# ## Summary
# * DLDL-v2 knows what its labels are at two places: the target, and the expectation.
# * Where votes are many and labels few, the votes are the target. A Gaussian tells the network that opinions have one peak.
# * On a circle, the target is von Mises and the estimate the mean direction, whose gradient is $\hat p_k \sin(l_k - \hat y) / R$. Taking angles for numbers fails at the seam.
# * Names have no expectation. A property of names has one, with the same gradient as ages.
# * Propagation makes distributions of single labels, under the assumption that neighbors agree.
#
# ## Further reading
# * B.-B. Gao, C. Xing, C.-W. Xie, J. Wu, X. Geng, *Deep Label Distribution Learning with Label Ambiguity*, IEEE Transactions on Image Processing 26(6), 2017: DLDL for ages, head pose and more.
# * X. Geng, Y. Xia, *Head Pose Estimation Based on Multivariate Label Distribution*, CVPR 2014.
# * K. V. Mardia, P. E. Jupp, *Directional Statistics*, Wiley, 2000: von Mises, mean direction, and everything else on circles.
# * N. Xu, Y.-P. Liu, X. Geng, *Label Enhancement for Label Distribution Learning*, IEEE Transactions on Knowledge and Data Engineering, 2019: propagation and other ways.
# * D. Zhou, O. Bousquet, T. N. Lal, J. Weston, B. Schölkopf, *Learning with Local and Global Consistency*, NIPS 2003: the graph.
# * J. A. Russell, *A Circumplex Model of Affect*, Journal of Personality and Social Psychology 39(6), 1980.
# * Back to [lesson 04](04_expectation_and_joint_loss.ipynb) for the expectation; next: [lesson 16](16_in_pytorch.ipynb) does all of it in PyTorch.
