# %% [markdown]
# # Lesson 10: Measuring
#
# | | |
# |---|---|
# | **You will be able to** | say what each measure of an age estimator rewards and what it cannot see, derive what a human scores, judge a whole predicted distribution, and find out for whom an estimator is bad |
# | **You need** | lesson 01 (label distributions), lesson 04 (the expectation), lesson 08 (a trained network); normal and chi-squared distribution |
# | **Minutes** | 100 |
# | **Code** | [`tinydldl/metrics.py`](../tinydldl/metrics.py) |

# %%
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # small products: a second thread would only wait

from functools import partial

import numpy as np
from scipy.optimize import brentq
from scipy.spatial import distance
from scipy.special import rel_entr
from scipy.stats import beta, chi2, norm

from tinydldl import metrics
from tinydldl.datasets.synthetic import annotate, draw_face, sample_age
from tinydldl.fast import FastNet
from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.methods import DLDLv2
from tinydldl.metrics import by_decade, coverage, cumulative_score, mae, typical_annotator_error
from tinydldl.models import AgeNet
from tinydldl.notebook import FAST, figures, slider, use_style
from tinydldl.optim import Adam

use_style()
plot = figures("10")
rng = np.random.default_rng(10)
grid = label_grid(0, 100, 1)
K = len(grid)

# %% [markdown]
# ## 1. Two rulers for one age
#
# An estimator says $\hat y_n$, the label says $y_n$. The **mean absolute error** is in years and needs no explanation:
#
# $$ \text{MAE} = \frac1N \sum_n |\hat y_n - y_n| . $$
#
# But is one year off the same everywhere? Ten people who look at an infant agree to within a year or two. Ten people who look at a man of eighty do not. The **epsilon-error** of the ChaLearn challenges measures an error against the spread $\sigma_n$ of the annotators of that photo:
#
# $$ \epsilon = 1 - \frac1N \sum_n \exp\left( -\frac{(\hat y_n - y_n)^2}{2 \sigma_n^2} \right) . $$
#
# It is 0 for a perfect estimate and approaches 1 for a hopeless one. A photo can never cost more than 1, so beyond about three $\sigma$ it no longer matters *how* far off you are.
#
# ### Exercise 1
# Write it. Some photos have $\sigma = 0$, since all annotators agreed. Then only the exact age is right: it costs 0, anything else 1 (the limit of the formula for $\sigma \to 0$).


# %% exercise="epsilon" stands_for="metrics.epsilon_error"
def epsilon_error(y_hat, y, sigma):
    """The epsilon-error of estimates y_hat (N,) for ages y (N,) with spreads sigma (N,).

    Hint: where sigma is 0, the term is 1 if y_hat equals y and 0 if not. `np.where` computes both
    sides, so give the other side a sigma that does not divide by 0.
    """
    ### BEGIN SOLUTION
    agreed = sigma == 0
    term = np.exp(-((y_hat - y) ** 2) / (2 * np.where(agreed, 1, sigma) ** 2))
    return 1 - np.where(agreed, y_hat == y, term).mean()
    ### END SOLUTION


# %% test="epsilon" points=1
# Expect the package's number to about 1e-16, and no warning of a division by zero.
y_hat, y = np.array([30.0, 33.0, 60.0, 5.0, 6.0]), np.array([30.0, 30.0, 70.0, 5.0, 5.0])
sigma = np.array([3.0, 3.0, 5.0, 0.0, 0.0])
before = sigma.copy()
try:
    with np.errstate(divide="raise", invalid="raise"):
        found = epsilon_error(y_hat, y, sigma)
except FloatingPointError as error:
    raise AssertionError(f"a photo with sigma 0: {error}") from error
assert np.array_equal(sigma, before), "sigma belongs to the data: do not change it"
print(f"MAE {mae(y_hat, y):.2f} years, epsilon-error {found:.4f}")
by_hand = 1 - (1 + np.exp(-0.5) + np.exp(-2) + 1 + 0) / 5
assert abs(found - by_hand) < 1e-14, f"found {found}, by hand {by_hand}"
assert abs(found - metrics.epsilon_error(y_hat, y, sigma)) < 1e-14, "not the package's number"
one = epsilon_error(np.array([32.0]), np.array([30.0]), np.array([1.0]))
assert abs(one - (1 - np.exp(-2))) < 1e-14, f"one photo, two sigma off: {one}"
### BEGIN HIDDEN TESTS
exact, near = np.array([4.0, 4.0, 50.0, 50.0]), np.array([4.25, 4.0, 50.0, 49.999])
found = epsilon_error(near, exact, np.zeros(4))
assert found == 0.5, f"all agreed, two of four estimates exact, two nearly: {found}, expected 0.5"
found = epsilon_error(np.array([30.0, 31.0]), np.array([30.0, 30.0]), np.array([1e-3, 1e3]))
assert abs(found - (1 - np.exp(-5e-7)) / 2) < 1e-9, f"sigmas of 0.001 and 1000 years: {found}"
### END HIDDEN TESTS

# %% [markdown]
# What one photo costs, by the two rulers. An error of five years costs the same MAE everywhere. In the epsilon-error it costs nearly the full 1 if the annotators agree to within two years, and less than half of that if they differ by five.

# %% alt="What an error costs: in the MAE a V without an end; in the epsilon-error a valley that levels off at 1, the sooner the smaller sigma is."
error = np.linspace(-20, 20, 401)
cost = {s: 1 - np.exp(-(error**2) / (2 * s**2)) for s in (2.0, 3.5, 5.0)}
plot.costs(error, cost)

at_five = {s: float(np.interp(5, error, values)) for s, values in cost.items()}
print({s: round(value, 2) for s, value in at_five.items()})
assert at_five[2.0] > 0.95 and at_five[5.0] < 0.5
assert 1 - np.exp(-(3**2) / 2) > 0.98, "three sigma: nearly the whole cost of 1"

# %% [markdown]
# ## 2. What does a human score?
#
# A number such as $\epsilon = 0.3$ means nothing without something to compare it with. So: what does one of the annotators score? Let the guesses for a photo be normal, with mean $\mu$ and standard deviation $\sigma$. If there are very many, then $y = \mu$ and the label's $\sigma$ is the true one. A typical annotator guesses from the same distribution, so $d = (\text{guess} - y) / \sigma$ is standard normal, and
#
# $$ E \, e^{-d^2/2} = \int \frac{1}{\sqrt{2\pi}} e^{-d^2/2} \, e^{-d^2/2} \, dd = \frac{1}{\sqrt{2\pi}} \int e^{-d^2} \, dd = \frac{\sqrt{\pi}}{\sqrt{2\pi}} = \frac{1}{\sqrt 2} . $$
#
# **A typical annotator scores $1 - 1/\sqrt2 = 0.293$,** whatever $\sigma$ is: hard photos and easy ones, experts and laymen. In the same way, if $d$ is normal with mean 0 and variance $v$,
#
# $$ E \, e^{-d^2/2} = \int \frac{1}{\sqrt{2\pi v}} \exp\left(-\frac{d^2}{2} \cdot \frac{1 + v}{v}\right) dd = \frac{1}{\sqrt{1 + v}} . $$

# %%
for v in (1.0, 0.1, 4.0):
    value = norm(0, np.sqrt(v)).expect(lambda d: np.exp(-(d**2) / 2))
    print(f"variance {v:3}: integral {value:.9f}, formula {1 / np.sqrt(1 + v):.9f}")
    assert abs(value - 1 / np.sqrt(1 + v)) < 1e-9
assert round(1 - 1 / np.sqrt(2), 3) == 0.293
assert typical_annotator_error() == 1 - 0.5**0.5

# %% [markdown]
# ### Ten votes: one of the ten
#
# Real labels come from a few votes, say $n = 10$. Then $\bar y$ and the $\hat\sigma$ computed from them (divisor $n$) are themselves uncertain. First let the annotator be one of the ten. Put the deviations $e_i = \text{vote}_i - \bar y$ into a vector $e$. Two facts:
#
# * Its length is $\hat\sigma \sqrt n$, by the definition of $\hat\sigma$.
# * It lies in the space of vectors that sum to 0, which has $n - 1$ dimensions. There its direction is uniform, since a normal vector of independent entries has no preferred direction.
#
# The first entry $e_1$ is the product of $e$ with the first unit vector. Only the part of that vector within the space counts, $u = (1 - \frac1n, -\frac1n, \dots, -\frac1n)$, whose squared length is $\frac{n-1}{n}$. With the angle $\theta$ between $e$ and $u$:
#
# $$ e_1 = \hat\sigma \sqrt n \cdot \sqrt{\tfrac{n-1}{n}} \cdot \cos\theta \qquad\Longrightarrow\qquad d^2 = \frac{e_1^2}{\hat\sigma^2} = (n - 1) \cos^2\theta . $$
#
# So $\sigma$ drops out, and $d$ never exceeds $\sqrt{n-1}$: *no vote of ten can be more than three $\hat\sigma$ from their mean.* The squared cosine between a random and a fixed direction in $n - 1$ dimensions has the distribution $\text{Beta}(\frac12, \frac{n-2}{2})$. What is left is one integral.

# %%
n = 10
votes = rng.standard_normal((200_000, n))
d = (votes[:, 0] - votes.mean(axis=1)) / votes.std(axis=1)
cosine_squared = beta(1 / 2, (n - 2) / 2)
one_of_ten = 1 - cosine_squared.expect(lambda b: np.exp(-(n - 1) * b / 2))
print(f"largest |d| of 200,000: {np.abs(d).max():.4f}")
print(f"simulated {1 - np.exp(-(d**2) / 2).mean():.4f}, integral {one_of_ten:.4f}")
assert np.abs(d).max() <= 3
assert np.abs(np.mean(d**2 / (n - 1) < 0.1) - cosine_squared.cdf(0.1)) < 0.005
assert abs(1 - np.exp(-(d**2) / 2).mean() - one_of_ten) < 0.003
assert abs(one_of_ten - typical_annotator_error(n)) < 1e-7
assert round(one_of_ten, 3) == 0.308

# %% [markdown]
# ### Ten votes: somebody new
#
# Now the ten votes are given, and an eleventh person guesses. Call this guess **fresh**. It is independent of the ten. Its distance from their mean has two sources, the person's own spread and that of the mean:
#
# $$ \operatorname{Var}(\text{guess} - \bar y) = \sigma^2 \left(1 + \tfrac1n\right) = c \, \sigma^2, \qquad c = 1 + \tfrac1n . $$
#
# It is divided by $\hat\sigma$, and $C = n \hat\sigma^2 / \sigma^2$ has a chi-squared distribution with $n - 1$ degrees of freedom, independent of $\bar y$ and of the guess. Given $C$, the ratio $d$ is normal with variance $v = c \, \sigma^2 / \hat\sigma^2 = c \, n / C$, and the formula from above applies:
#
# $$ \epsilon = 1 - E \frac{1}{\sqrt{1 + c \, n / C}} = 1 - E \sqrt{\frac{C}{C + c \, n}} , \qquad C \sim \chi^2_{n-1} . $$
#
# Only $c$ depends on who guesses. That makes the formula useful beyond one annotator:
#
# | who guesses | c |
# |---|---|
# | a fresh annotator | $1 + 1/n$ |
# | the mean of $m$ fresh annotators | $1/m + 1/n$ |
# | somebody who knows the crowd's $\mu$ | $1/n$ |
#
# ### Exercise 2
# Compute this expectation.


# %% exercise="fresh" stands_for="metrics.typical_annotator_error"
def expected_epsilon(c, n):
    """The expected epsilon-error of a guess whose distance from the mean of n votes has variance
    c sigma^2, and which is independent of those votes.

    Hint: `chi2(n - 1).expect(function)` is the mean of function(C).
    """
    ### BEGIN SOLUTION
    return 1 - chi2(n - 1).expect(lambda C: np.sqrt(C / (C + c * n)))
    ### END SOLUTION


# %% test="fresh" points=2
# Expect 0.353 for ten votes, about 1e-8 from the package's; and 0.293 for a million.
fresh = expected_epsilon(1 + 1 / n, n)
d = (rng.standard_normal(200_000) - votes.mean(axis=1)) / votes.std(axis=1)
simulated = 1 - np.exp(-(d**2) / 2).mean()
print(f"simulated {simulated:.4f}, formula {fresh:.4f}")
assert abs(simulated - fresh) < 0.004, f"a fresh annotator: {fresh:.4f}, simulated {simulated:.4f}"
for k in (3, 10, 38):
    off = expected_epsilon(1 + 1 / k, k) - typical_annotator_error(k, fresh=True)
    assert abs(off) < 1e-6, f"{k} votes: off by {off:.2g} from the package"
assert round(fresh, 3) == 0.353, f"ten votes: {fresh:.4f}, expected 0.353"
million = expected_epsilon(1, 10**6)
assert abs(million - (1 - 1 / np.sqrt(2))) < 1e-5, f"a million votes: {million:.4f}, not 0.293"
few = np.random.default_rng(12).standard_normal((200_000, 5 + 3))
d = (few[:, 5:].mean(axis=1) - few[:, :5].mean(axis=1)) / few[:, :5].std(axis=1)
simulated, found = 1 - np.exp(-(d**2) / 2).mean(), expected_epsilon(1 / 3 + 1 / 5, 5)
assert abs(simulated - found) < 0.004, (
    f"the mean of 3 people, a label of 5 votes: {found:.4f}, simulated {simulated:.4f}"
)
### BEGIN HIDDEN TESTS
for c in (0.05, 3.0):
    found, limit = expected_epsilon(c, 10**6), 1 - 1 / np.sqrt(1 + c)
    assert abs(found - limit) < 1e-5, f"a million votes, c = {c}: {found:.5f}, expected {limit:.5f}"
    z = (np.arange(100_000) + 0.5) / 10_000  # two votes: C is the square of a normal number
    expected = 1 - (z / np.sqrt(z**2 + 2 * c) * 2 * norm.pdf(z)).sum() / 10_000
    found = expected_epsilon(c, 2)
    assert abs(found - expected) < 1e-5, f"two votes, c = {c}: {found:.5f}, expected {expected:.5f}"
### END HIDDEN TESTS

# %% [markdown]
# So with ten votes the *same* annotators score 0.308 or 0.353, depending only on whether their own vote is counted. Do the annotators of our drawn people behave like that? They round to whole years, which the formula does not know about.

# %%
ages = rng.uniform(20, 70, 4000 if FAST else 20_000)
ten = np.array([annotate(age, rng) for age in ages])
eleventh = np.array([annotate(age, rng)[0] for age in ages])
label, spread = ten.mean(axis=1), ten.std(axis=1)
within = metrics.epsilon_error(ten[:, 0], label, spread)
outside = metrics.epsilon_error(eleventh, label, spread)
print(f"one of the ten {within:.3f} (formula 0.308), a fresh one {outside:.3f} (formula 0.353)")
assert abs(within - one_of_ten) < 0.015 and abs(outside - fresh) < 0.015

# %% [markdown]
# ### The published human
#
# The paper's table for ChaLearn 2015 has a row "Human", with $\epsilon = 0.34$. TinyAgeNet stands at 0.301 and ThinAgeNet at 0.272. We were not there when humans were measured. But 0.34 lies between the two numbers that we derived, close to that of a fresh annotator: *anybody* as good, and as bad, as the crowd that made the labels would get that. The formula turns each number into a count of people: the mean of how many fresh annotators would score the same? ($m$ may lie between whole numbers, and we assume that the photos had ten votes.)

# %%
people = {m: expected_epsilon(1 / m + 1 / n, n) for m in (1, 2, 3, 5, 10)}
print("mean of m fresh annotators:", {m: round(float(value), 3) for m, value in people.items()})
knows_mu = expected_epsilon(1 / n, n)
print(f"knows the crowd's mean exactly: {knows_mu:.3f}")

published = {"Human": 0.34, "TinyAgeNet": 0.301, "ThinAgeNet": 0.272}
worth = {
    name: brentq(lambda m, e=e: expected_epsilon(1 / m + 1 / n, n) - e, 0.5, 10)
    for name, e in published.items()
}
print("equivalent number of annotators:", {name: round(m, 1) for name, m in worth.items()})
assert one_of_ten < 0.34 < fresh and fresh - one_of_ten > 0.301 - 0.272
assert round(worth["Human"], 1) == 1.1
assert round(worth["TinyAgeNet"], 1) == 1.4 and round(worth["ThinAgeNet"], 1) == 1.7
assert round(people[2], 2) == 0.25 < published["ThinAgeNet"]
assert round(knows_mu, 2) == 0.06

# %% [markdown]
# ThinAgeNet is worth 1.7 annotators: more than one, less than two, whose mean would score 0.25. And there is a floor. Even somebody who knows the crowd's mean exactly scores 0.06, since ten votes do not give that mean exactly. **Below the floor there is only luck, or a leak of labels.**

# %% [markdown] question="human" points=3
# ### Question
# A newspaper writes: "Computer sees ages better than humans, 0.272 against 0.34". What is right about it, and what is wrong? Name two things that are wrong.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* Right: its estimates are nearer to the mean vote than those of a single typical annotator. Wrong: (a) two annotators together are better already; the label itself is the mean of humans, who are the measure here, not the competitors. (b) The human number says nothing about how well humans see: a typical annotator scores about the same for any sigma, so a crowd that guesses blindly around the same mean gets the same 0.3. (c) It is about apparent age, what others would say, not the real age. (d) An annotator's score depends on whether the annotator's own vote is among those that make the label (0.308 or 0.353), a difference larger than that between the two networks. One point for what is right, one each for two that are wrong.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 3. The whole curve of errors: cumulative score
#
# A mean hides how the errors are spread. The **cumulative score** shows it: the share of photos that are off by at most $n$ years,
#
# $$ \text{CS}(n) = \frac1N \sum_i 1[\,|\hat y_i - y_i| \le n\,] . $$
#
# The MAE is in the same picture. An absolute error $a$ is the length of $[0, a]$, so $a = \int_0^\infty 1[n < a] \, dn$. Average over the photos:
#
# $$ \text{MAE} = \int_0^\infty \big(1 - \text{CS}(n)\big) \, dn , $$
#
# **the area above the curve.** Two estimators with the same MAE can therefore differ only if their curves cross. Here are two: one is always a little off, the other mostly exact and sometimes absurd.

# %% alt="Cumulative scores of two estimators with the same MAE, 4.05 years: the one that is mostly exact rises faster, is crossed at 8 years and reaches 1 late; the area above the steady one is shaded."
count = 5000
steady = 5.0 * rng.standard_normal(count)
absurd = np.where(rng.random(count) < 0.85, 1.5, 19.0) * rng.standard_normal(count)
absurd *= np.abs(steady).mean() / np.abs(absurd).mean()  # the same MAE
years = np.arange(0, 100, 0.01)
curves = {"steady": steady, "mostly exact": absurd}
scores = {name: cumulative_score(e, np.zeros(count), years) for name, e in curves.items()}

plot.cumulative_scores(scores, years, curves)

for name, score in scores.items():
    at = {
        k: round(float(cumulative_score(curves[name], np.zeros(count), k)), 2) for k in (1, 5, 15)
    }
    print(f"{name:12} area {((1 - score) * 0.01).sum():.2f}, CS at 1, 5 and 15 years: {at}")
    assert abs(((1 - score) * 0.01).sum() - np.abs(curves[name]).mean()) < 0.01
assert scores["mostly exact"][500] > scores["steady"][500] + 0.05
assert scores["mostly exact"][1500] < scores["steady"][1500] - 0.02

# %% [markdown]
# Which of the two is better? That is not for mathematics to say. It depends on what an error of twenty years costs you.
#
# ## 4. Six ways to compare two distributions
#
# DLDL predicts a distribution, so we can compare $\hat p$ with $p$ itself. Geng's paper on label distribution learning uses six measures, and papers have repeated them ever since:
#
# | measure | formula for one photo | best | punishes |
# |---|---|---|---|
# | Chebyshev | $\max_k \lvert p_k - \hat p_k \rvert$ | 0 | the single worst label |
# | Clark | $\sqrt{\sum_k (p_k - \hat p_k)^2 / (p_k + \hat p_k)^2}$ | 0 | wrong *ratios*, for every label alike |
# | Canberra | $\sum_k \lvert p_k - \hat p_k \rvert / (p_k + \hat p_k)$ | 0 | the same, without the square |
# | KL | $\sum_k p_k \ln (p_k / \hat p_k)$ | 0 | calling impossible what happens |
# | cosine | $\sum_k p_k \hat p_k / (\lVert p \rVert \lVert \hat p \rVert)$ | 1 | wrong shape where the mass is |
# | intersection | $\sum_k \min(p_k, \hat p_k)$ | 1 | mass in the wrong place |
#
# The first four are distances, smaller is better; the last two are similarities. Each is a line of code.

# %%
p, p_hat = rng.dirichlet(np.ones(K), (2, 3))
ratio = np.abs(p - p_hat) / (p + p_hat)
norms = partial(np.linalg.norm, axis=1)
six = {
    "chebyshev": np.abs(p - p_hat).max(axis=1).mean(),
    "clark": np.sqrt((ratio**2).sum(axis=1)).mean(),
    "canberra": ratio.sum(axis=1).mean(),
    "kl": (p * np.log(p / p_hat)).sum(axis=1).mean(),
    "cosine": ((p * p_hat).sum(axis=1) / (norms(p) * norms(p_hat))).mean(),
    "intersection": np.minimum(p, p_hat).sum(axis=1).mean(),
}
for name, value in six.items():
    assert abs(value / getattr(metrics, name)(p_hat, p) - 1) < 1e-12
rows = list(zip(p, p_hat, strict=True))
assert abs(six["canberra"] - np.mean([distance.canberra(*row) for row in rows])) < 1e-12
assert abs(six["cosine"] - np.mean([1 - distance.cosine(*row) for row in rows])) < 1e-12
assert abs(six["kl"] - rel_entr(p, p_hat).sum(axis=1).mean()) < 1e-12
assert abs(six["intersection"] - (1 - np.abs(p - p_hat).sum(axis=1).mean() / 2)) < 1e-12

# %% [markdown]
# The last line is worth a look: the intersection is one minus half the $L_1$ distance, since what is missing in one place is too much in another.
#
# Now let them disagree. The target is a hill at 50 with $\sigma = 3$. Five predictions, each wrong in its own way. Before you run the cell: which is the worst?


# %% alt="Five predictions over the same target: moved by 4 years, too wide, too narrow, with 15 percent at 75, and with one percent spread out, which cannot be seen."
def hill(y, sigma):
    """The label distribution (K,) of one age."""
    return gaussian_label_distribution([y], [sigma], grid)[0]


target = hill(50, 3)
wrong = {
    "moved by 4": hill(54, 3),
    "too wide": hill(50, 6),
    "too narrow": hill(50, 1.5),
    "15% at 75": 0.85 * target + 0.15 * hill(75, 3),
    "1% spread out": 0.99 * target + 0.01 / K,
}
plot.wrong_predictions(wrong, grid, target)

table = {
    name: [getattr(metrics, measure)(prediction[None], target[None]) for measure in six]
    for name, prediction in wrong.items()
}
print(f"{'':14}" + "".join(f"{measure:>13}" for measure in six) + f"{'y_hat':>8}")
for name, values in table.items():
    print(f"{name:14}" + "".join(f"{v:13.3f}" for v in values) + f"{wrong[name] @ grid:8.2f}")

# %%
distances = dict(zip(six, np.array(list(table.values())).T, strict=True))
distances |= {name: 1 - distances[name] for name in ("cosine", "intersection")}
names = list(wrong)
worst = {measure: names[np.argmax(values)] for measure, values in distances.items()}
best = {measure: names[np.argmin(values)] for measure, values in distances.items()}
print("worst:", worst)
print("best: ", best)
assert worst["chebyshev"] == worst["canberra"] == "too narrow"
assert worst["kl"] == worst["cosine"] == worst["intersection"] == "moved by 4"
assert best["clark"] == best["canberra"] == "15% at 75"
assert all(best[m] == "1% spread out" for m in ("chebyshev", "kl", "cosine", "intersection"))

# %% [markdown]
# Clark and Canberra rank *best* the prediction that is nearly four years off, and dislike the one that is right except for one percent. Why? Both divide by $p_k + \hat p_k$, so each label counts up to 1, even where both numbers are next to nothing. Count how much of the Canberra distance comes from labels where $p$ and $\hat p$ are both below a thousandth:

# %%
tail = (target < 1e-3) & (wrong["too wide"] < 1e-3)
parts = np.abs(target - wrong["too wide"]) / (target + wrong["too wide"])
share = parts[tail].sum() / parts.sum()
print(f"'too wide': {tail.sum()} of {K} labels make {share:.0%} of the distance")
assert 0.7 < share < 0.8
assert target[tail].sum() + wrong["too wide"][tail].sum() < 0.01

# %% [markdown]
# Three quarters of the distance, from labels that hold less than one percent of the mass. **On 101 labels, Clark and Canberra mostly compare tails.** They were used on data sets with a handful of labels, where every label matters.
#
# And there is something that none of the six sees: how far apart the labels are. Move the wrong 15% from 75 to 90, and for four of them nothing happens at all. They treat the labels as names, not as numbers. (Clark and Canberra find the far one *better*: its tail overlaps less with that of the hill.) The expectation knows.

# %%
near, far = (0.85 * target + 0.15 * hill(place, 3) for place in (75, 90))
for measure in ("chebyshev", "kl", "cosine", "intersection"):
    a, b = (getattr(metrics, measure)(q[None], target[None]) for q in (near, far))
    print(f"{measure:12} bump at 75: {a:.4f}, at 90: {b:.4f}")
    assert abs(a - b) < 1e-3
for measure in ("clark", "canberra"):
    a, b = (getattr(metrics, measure)(q[None], target[None]) for q in (near, far))
    assert b < a
print(f"expectation: {near @ grid:.2f} and {far @ grid:.2f} years")
assert far @ grid > near @ grid + 2

# %% [markdown]
# ## 5. Judging a distribution by one age
#
# Often there is no true distribution, only the true age $y$. Two scores still judge all of $\hat p$.
#
# **Negative log-likelihood:** how probable did you call what happened? With the label $k$ nearest to $y$, and divided by the step of the grid so that it is a density per year,
#
# $$ \text{NLL} = -\frac1N \sum_n \ln \frac{\hat p_{nk}}{\Delta l} . $$
#
# It looks at one label only, and it is merciless: $\hat p_k = 0$ is infinitely costly. (The package counts anything below the smallest normal float32, $1.2 \cdot 10^{-38}$, as that number: 87 nats. A softmax in float32 cannot tell it from 0.)
#
# **Continuous ranked probability score:** with $F$, the distribution function of $\hat p$, and the step that jumps from 0 to 1 at $y$,
#
# $$ \text{CRPS} = \int \big( F(a) - 1[a \ge y] \big)^2 \, da . $$
#
# It is in years and knows distances. To see what it does, write $H = 1[a \ge y]$; since $H^2 = H$,
#
# $$ (F - H)^2 = F^2 - 2 F H + H = \underbrace{F (1 - H) + (1 - F) H}_{\text{mass on the wrong side of } a} - F (1 - F) . $$
#
# Draw $X$ and $X'$ from $\hat p$. The point $a$ lies between $X$ and $y$ with probability $F (1 - H) + (1 - F) H$, so the integral of the first part is $E|X - y|$. It lies between $X$ and $X'$ with probability $2 F (1 - F)$, so the integral of the second is $\frac12 E|X - X'|$:
#
# $$ \text{CRPS} = E |X - y| - \tfrac12 E |X - X'| . $$
#
# *How far off you were, less half of the doubt that you admitted.* If all the mass is on one label, it is the absolute error.
#
# ### Exercise 3
# Write the CRPS. $F$ is a staircase that is constant between labels, so $\int F (1 - F) \, da$ is a sum of rectangles. No $K \times K$ array is needed.


# %% exercise="crps" stands_for="metrics.crps"
def crps(p_hat, y, grid):
    """The mean CRPS, in years, of predictions p_hat (N, K) for ages y (N,).

    Hint: E|X - y| is a sum over labels. `np.cumsum(p_hat, axis=1)` is F at each label and up to the
    next one; `np.diff(grid)` has the K - 1 widths.
    """
    ### BEGIN SOLUTION
    F = np.cumsum(p_hat, axis=1)[:, :-1]
    off = (p_hat * np.abs(grid - y[:, None])).sum(axis=1)
    unsure = (F * (1 - F) * np.diff(grid)).sum(axis=1)
    return (off - unsure).mean()
    ### END SOLUTION


# %% test="crps" points=2
# Expect the double sum to 1e-13, the integral in slices of a hundredth of a year, and the MAE.
p_hat, y = rng.dirichlet(np.ones(K), 4), np.array([3.25, 20.5, 61.75, 100.0])
before = p_hat.copy()
pairs = np.abs(grid[:, None] - grid)
double = [q @ np.abs(grid - a) - q @ pairs @ q / 2 for q, a in zip(p_hat, y, strict=True)]
middles = np.arange(0.005, 100, 0.01)
F = np.cumsum(p_hat, axis=1)[:, middles.astype(int)]
integral = ((F - (middles >= y[:, None])) ** 2).sum(axis=1) * 0.01
found = crps(p_hat, y, grid)
assert np.array_equal(p_hat, before), "p_hat belongs to the caller: do not change it"
print(f"CRPS {found:.6f}, double sum {np.mean(double):.6f}, {integral.mean():.6f}")
assert abs(found - np.mean(double)) < 1e-12, f"{found}, and the double sum is {np.mean(double)}"
assert abs(found - integral.mean()) < 1e-9, f"{found}, and the integral is {integral.mean()}"
sure = crps(np.eye(K)[[30, 40]], np.array([33.0, 39.5]), grid)
assert abs(sure - 1.75) < 1e-12, f"all mass on one label: {sure}, expected the MAE, 1.75"
assert abs(found - metrics.crps(p_hat, y, grid)) < 1e-12, "not the package's number"
# By hand: 0.5*4 + 0.25*3 + 0.25*6 = 4.25, less 0.5*0.5*1 + 0.75*0.25*9 = 1.9375.
uneven = crps(np.array([[0.5, 0.25, 0.25]]), np.array([4.0]), np.array([0.0, 1.0, 10.0]))
assert abs(uneven - 2.3125) < 1e-12, f"labels 0, 1 and 10: {uneven}, expected 2.3125"
### BEGIN HIDDEN TESTS
labels_of_ten = np.array([10.0, 10.5, 13.0, 20.0])
some_p = np.random.default_rng(14).dirichlet(np.ones(4), 6)
at_age = np.array([10.0, 10.25, 19.5, 20.0, 4.0, 31.5])  # the last two lie outside the labels
apart = np.abs(labels_of_ten[:, None] - labels_of_ten)
for q, age in zip(some_p, at_age, strict=True):
    expected = q @ np.abs(labels_of_ten - age) - q @ apart @ q / 2
    found = crps(q[None], np.array([age]), labels_of_ten)
    assert abs(found - expected) < 1e-12, (
        f"labels {labels_of_ten}, age {age}: {found:.4f}, expected {expected:.4f}"
    )
### END HIDDEN TESTS

# %% [markdown]
# What is a good score for? Both are **proper**: if $y$ is drawn from $p$, then on average nobody scores better than a forecaster who says $\hat p = p$. For the NLL we know this from lesson 03: the expected difference from the truth is the KL divergence, which is never negative. For the CRPS, take the mean of $(F - H)^2$ over $y$: with the true $G = E H$ it is $(F - G)^2 + G (1 - G)$, smallest at $F = G$. So honesty pays. See for yourself: the true spread is 4 years, and forecasters state a $\sigma$ from 1 to 10.

# %% alt="Three scores against the stated sigma, with the true one, 4, dotted: NLL and CRPS are lowest there, the MAE does not change."
y = rng.uniform(25, 75, 1000 if FAST else 4000)
y_hat = y + 4 * rng.standard_normal(len(y))
says = np.arange(1.0, 10.5, 0.5)
forecasts = {s: gaussian_label_distribution(y_hat, np.full(len(y), s), grid) for s in says}
score = {
    "NLL (nats)": [metrics.negative_log_likelihood(q, y, grid) for q in forecasts.values()],
    "CRPS (years)": [metrics.crps(q, y, grid) for q in forecasts.values()],
    "MAE (years)": [mae(q @ grid, y) for q in forecasts.values()],
}
plot.scores(score, says)

for name in ("NLL (nats)", "CRPS (years)"):
    assert abs(says[np.argmin(score[name])] - 4) <= 0.5
assert max(score["MAE (years)"]) - min(score["MAE (years)"]) < 0.05
at = dict(zip(says, zip(*score.values(), strict=True), strict=True))
for s in (1, 4, 10):
    print(f"says {s:2}: NLL {at[s][0]:5.2f}, CRPS {at[s][1]:.2f}, MAE {at[s][2]:.2f}")
best_nll, best_crps = 0.5 * np.log(2 * np.pi * np.e * 16), 4 / np.sqrt(np.pi)
print(f"by formula, for a Gaussian that is right: {best_nll:.2f} and {best_crps:.2f}")
assert abs(at[4][0] - best_nll) < 0.1 and abs(at[4][1] - best_crps) < 0.15
assert 5 < at[1][0] - at[4][0] < 7 and 1.15 < at[1][1] / at[4][1] < 1.25

# %% [markdown]
# The dotted line is the truth, and both scores have their minimum there. The MAE cannot tell any of them apart. Look at the left ends: saying 1 when it is 4 costs 6 nats more for each face (it held the truth to be about 400 times less likely), and makes the CRPS a fifth larger. The NLL hates surprises; the CRPS treats them as an error of so many years.
#
# ## 6. Calibration
#
# A forecaster says "between 28 and 36, with probability 80 percent". Is that so? Take all such statements and count: if the age is inside in 80 percent of the cases, the forecaster is **calibrated**. To check every $q$ at once, ask: where in its own predicted distribution did each age fall?
#
# $$ u_n = F_n(y_n) , \qquad \text{inside the central } q \text{ if } |u_n - \tfrac12| \le \tfrac q2 . $$
#
# If $y_n$ is really drawn from $F_n$, then $u_n$ is uniform on $[0, 1]$: $P(u \le t) = P(y \le F^{-1}(t)) = t$. So the **coverage**, the share of ages inside, is exactly $q$. For a histogram, $F$ grows evenly within the bin of each label, which reaches half a step to either side.
#
# ### Exercise 4
# Write $u$ and the coverage.


# %% exercise="coverage" stands_for="metrics.coverage metrics.probability_integral_transform"
def transform(p_hat, y, grid):
    """u = F(y) (N,), for p_hat (N, K) and ages y (N,) within the bins.

    Hint: with the step dl, the bin of label k begins at grid[k] - dl/2. F there is the sum of the
    masses before k; then it grows by p_hat_k over dl. Note: `np.cumsum` includes label k itself.
    """
    ### BEGIN SOLUTION
    step = grid[1] - grid[0]
    k = np.floor((y - grid[0]) / step + 0.5).astype(int)
    mass = p_hat[np.arange(len(y)), k]
    before = np.cumsum(p_hat, axis=1)[np.arange(len(y)), k] - mass
    return before + mass * (y - (grid[k] - step / 2)) / step
    ### END SOLUTION


def covered(p_hat, y, grid, q):
    """The share of ages in the central q (one number) of their predicted distribution."""
    ### BEGIN SOLUTION
    return np.mean(np.abs(transform(p_hat, y, grid) - 0.5) <= q / 2)
    ### END SOLUTION


# %% test="coverage" points=2
# Expect hand-computed values, the package's to 1e-12, and q itself for draws from p_hat.
labels, q = label_grid(10, 14, 2), np.array([[0.5, 0.25, 0.25]])
by_hand = {10.0: 0.25, 11.5: 0.5625, 12.0: 0.625, 14.0: 0.875}
for age, u in by_hand.items():
    found = transform(q, np.array([age]), labels)[0]
    assert abs(found - u) < 1e-12, f"age {age}: u is {found}, expected {u}"
drawn_k = (np.cumsum(forecasts[6], axis=1) < rng.random((len(y), 1))).sum(axis=1)
drawn = grid[drawn_k] + rng.uniform(-0.5, 0.5, len(y))
for level in (0.5, 0.8, 0.95):
    share = covered(forecasts[6], drawn, grid, level)
    print(f"central {level:.0%}: covered {share:.1%}")
    assert abs(share - level) < 0.05, f"central {level:.0%}: {share:.1%} are inside"
    off = share - coverage(forecasts[6], drawn, grid, level)
    assert abs(off) < 1e-12, f"central {level:.0%}: off by {off:.2g} from the package"
# By hand: u = 0.25, 0.625 and 0.875, of which the middle half, 0.25 to 0.75, holds two.
middle = covered(np.repeat(q, 3, axis=0), np.array([10.0, 12.0, 14.0]), labels, 0.5)
assert abs(middle - 2 / 3) < 1e-12, f"ages 10, 12, 14: {middle:.3f} in the central half, not 2/3"
### BEGIN HIDDEN TESTS
quarters = np.array([0.5, 0.25, 0.0, 0.25])
for start, step in ((20.0, 0.5), (7.25, 3.0)):
    fine = label_grid(start, start + 3 * step, step)
    places = np.array([-0.5, -0.25, 0.5, 1.25, 2.0, 2.9])  # in steps from the first label
    expected = np.array([0.0, 0.125, 0.5, 0.6875, 0.75, 0.85])
    masses = np.tile(quarters, (6, 1))
    found = transform(masses, start + step * places, fine)
    assert np.abs(found - expected).max() < 1e-9, (
        f"labels from {start} in steps of {step}: u is {found}, expected {expected}"
    )
    for level, inside in ((0.4, 2), (0.72, 4), (1.0, 6)):
        share = covered(masses, start + step * places, fine, level)
        assert abs(share - inside / 6) < 1e-9, f"central {level:.0%}: {share:.3f}, not {inside}/6"
### END HIDDEN TESTS

# %% [markdown]
# Now three forecasters with the same estimates, hence the same MAE. One says $\sigma = 2$, one 4, one 8; the truth is 4. A **reliability plot** shows coverage against $q$. Below the diagonal, fewer ages are inside than promised: **overconfident**. Above it, more are: **underconfident**. The histograms of $u$ show the same: the overconfident one is often surprised, at both ends; the underconfident one is never surprised.

# %% alt="Left, coverage curves: calibrated on the diagonal, overconfident below it, underconfident above. Right, histograms of where the truth falls: high at both ends for sigma 2, flat for 4, a hill in the middle for 8."
levels = np.linspace(0, 1, 51)
three = {"says 2: overconfident": 2, "says 4: calibrated": 4, "says 8: underconfident": 8}


covered = {name: coverage(forecasts[s], y, grid, levels) for name, s in three.items()}
u = {name: transform(forecasts[s], y, grid) for name, s in three.items()}
plot.calibration(levels, covered, u)

at_80 = {s: float(coverage(forecasts[s], y, grid, 0.8)) for s in three.values()}
print("of the central 80% they cover", {s: f"{share:.0%}" for s, share in at_80.items()})
assert at_80[2] < 0.6 and abs(at_80[4] - 0.8) < 0.04 and at_80[8] > 0.95


def show(s=4.0):
    """The reliability plot of a forecaster that says s."""
    q = gaussian_label_distribution(y_hat, np.full(len(y), s), grid)
    plot.reliability(levels, {f"says {s:g}": coverage(q, y, grid, levels)}, (6, 3))


slider(show, s=(1.0, 10.0, 0.5))

# %% [markdown]
# ## 7. All of it, on a network
#
# Enough of made-up forecasters. We draw faces, ten annotators label each, and a small network learns them as in lesson 08 (on the engine of lesson 12, with mirroring). It learns from the KL divergence alone, $\lambda = 0$: that is a proper score, so we may hope for calibration. L1 on the expectation is not; it leaves the shape of $\hat p$ open (lesson 04). The network is evaluated on faces that it has not seen. This takes a while.

# %% alt="A histogram of the ages of the faces: most are between 20 and 40, hardly any over 80."
train_count, test_count, EPOCHS, BATCH = (48, 96, 2, 16) if FAST else (800, 600, 14, 32)
rngs = [np.random.default_rng([10, i]) for i in range(train_count + test_count)]
true_ages = np.array([sample_age(r) for r in rngs])
all_votes = np.array([annotate(age, r) for age, r in zip(true_ages, rngs, strict=True)])
faces = np.stack([draw_face(age, r, 32) for age, r in zip(true_ages, rngs, strict=True)])
x = ((faces / 255 - 0.5) / 0.25).astype(np.float32)
ages, sigmas = all_votes.mean(axis=1), all_votes.std(axis=1)
train, test = np.arange(train_count), np.arange(train_count, train_count + test_count)

plot.ages(ages)
print(f"70 or older: {np.mean(ages >= 70):.0%}")

# %%
method = DLDLv2(grid, lam=0.0)
p_all = method.target(ages, sigmas).astype(np.float32)
net = FastNet(AgeNet("tiny", method.outputs, side=32, rng=np.random.default_rng(0)))
optimizer = Adam(net.params, net.grads)
for epoch in range(EPOCHS):
    optimizer.lr = 2e-3 if epoch < 0.7 * EPOCHS else 2e-4
    for batch in np.array_split(rng.permutation(train), max(1, train_count // BATCH)):
        mirror = rng.random(len(batch)) < 0.5
        photos = np.where(mirror[:, None, None, None], x[batch, :, ::-1], x[batch])
        logits = net.forward(photos)
        (L, *_), dlogits = method.loss(logits, p_all[batch], ages[batch].astype(np.float32))
        net.backward(dlogits)
        optimizer.step()
net.eval()
p_hat = sum(method.predict(net.forward(view)) for view in (x[test], x[test, :, ::-1])) / 2
y, p, sigma = ages[test], p_all[test], sigmas[test]

# %% [markdown]
# Two rivals. The first has looked at no face: it always gives the same distribution, the mean of all training targets. (Weather forecasters call this the climate.) The second knows the drawn person's true age and adds a typical annotator's noise: a fresh human.

# %%
climate = np.tile(p_all[train].mean(axis=0), (test_count, 1))
human = np.array([annotate(age, rng)[0] for age in true_ages[test]])

sheet = {}
for name, q in {"network": p_hat, "climate": climate}.items():
    sheet[name] = {
        "MAE": mae(q @ grid, y),
        "epsilon": metrics.epsilon_error(q @ grid, y, sigma),
        "CS(5)": float(cumulative_score(q @ grid, y, 5)),
        "NLL": metrics.negative_log_likelihood(q, y, grid),
        "CRPS": metrics.crps(q, y, grid),
        "in 80%": float(coverage(q, y, grid, 0.8)),
    }
sheet["human"] = {
    "MAE": mae(human, y),
    "epsilon": metrics.epsilon_error(human, y, sigma),
    "CS(5)": float(cumulative_score(human, y, 5)),
}
for name, values in sheet.items():
    print(f"{name:8}", "  ".join(f"{measure} {value:6.3f}" for measure, value in values.items()))
print({name: round(getattr(metrics, name)(p_hat, p), 3) for name in six})
uncertain = np.abs(p_hat @ grid - y).std() / np.sqrt(test_count)
print(f"the network's MAE is uncertain by {uncertain:.2f} years, from the choice of faces")
for name in ("network", "climate"):
    assert sheet[name]["CRPS"] < sheet[name]["MAE"], "these two doubt, and it pays"
if not FAST:
    assert sheet["human"]["MAE"] < sheet["network"]["MAE"] < 0.6 * sheet["climate"]["MAE"]
    for measure in ("epsilon", "NLL", "CRPS"):
        assert sheet["network"][measure] < 0.9 * sheet["climate"][measure]
    assert abs(sheet["human"]["epsilon"] - fresh) < 0.05

# %% [markdown]
# By every score the network is better than the climate, and worse than a human: it is a small network that has seen few faces. Now their calibration. And a subtle point: calibrated *for what*? The network learned the hill of all votes, so its $\hat p$ is a statement about what **one** annotator says. The label $y$ is the **mean** of ten, which scatters less. So if $\hat p$ is right about a single vote, it must be underconfident about the mean vote.

# %% alt="Coverage of three predictions, all close to the diagonal: the network for single votes, the network for mean votes, and the climate."
first_vote = all_votes[test, 0]
lines = {
    "network, a single vote": coverage(p_hat, first_vote, grid, levels),
    "network, the mean vote": coverage(p_hat, y, grid, levels),
    "climate, the mean vote": coverage(climate, y, grid, levels),
}
plot.reliability(levels, lines)
off = {name: float(np.abs(values - levels).mean()) for name, values in lines.items()}
print("mean distance from the diagonal:", {name: round(value, 3) for name, value in off.items()})
if not FAST:
    assert off["climate, the mean vote"] < 0.05
    assert off["network, a single vote"] < 0.06
    single, mean = (lines[f"network, {whose} vote"].mean() for whose in ("a single", "the mean"))
    assert single < mean, "it admits more doubt than the mean vote would need"

# %% [markdown] question="calibrated" points=2
# ### Question
# The network is calibrated for what it was taught, a single vote. But the climate, too, is calibrated, and for the mean vote even better than the network. Would you use it? Say what calibration does not measure, and name a score that would have told you.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* No: it says the same for every face. Calibration asks whether stated intervals are right on average over all photos, not whether they are narrow (sharp) or differ from photo to photo. NLL or CRPS reward both at once, calibration and sharpness, and the network is far ahead in them; the MAE shows it, too. One point for sharpness (or: it knows nothing about the face), one for the score.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 8. For whom is it bad?
#
# One number for all photos is a mean over the photos that happen to be there. Most of ours are young adults. Split the error by the decade of the true age: how many photos, the MAE (the black lines are its standard error, from the choice of faces), and the **bias**, the mean of $\hat y - y$.

# %% alt="Three bar charts by decade: most faces are in their twenties and thirties; the error is 4 to 7 years up to 70 and then grows to 27; the bias is upward for the young and down to -27 for the oldest."
y_hat = p_hat @ grid
rows = by_decade(y_hat, y)
for row in rows:
    line = f"{row['decade']:3}s {row['count']:4} faces, MAE {row['mae']:5.1f}"
    print(f"{line}, bias {row['bias']:+6.1f} years")
first_years = np.array([row["decade"] for row in rows])
counts = np.array([row["count"] for row in rows])
spreads = np.array([np.abs(y_hat - y)[y // 10 == d // 10].std() for d in first_years])
noise = np.where(counts > 1, spreads / np.sqrt(counts), np.nan)  # the standard error of the MAE

overall = mae(y_hat, y)
plot.decades(first_years, counts, rows, noise, overall)

old = y >= 70
print(f"{old.mean():.0%} of the faces are 70 or older, their MAE is {mae(y_hat[old], y[old]):.1f}")
print(f"all: {mae(y_hat, y):.1f}; all but the old: {mae(y_hat[~old], y[~old]):.1f}")
assert abs((counts * [row["mae"] for row in rows]).sum() / counts.sum() - mae(y_hat, y)) < 1e-9
if not FAST:
    assert mae(y_hat[old], y[old]) > 1.5 * mae(y_hat, y)
    assert mae(y_hat, y) - mae(y_hat[~old], y[~old]) < 1

# %% [markdown]
# The overall MAE is a mean of the decades' errors, weighted by how many photos each has. Where the old are few, little of their error is left in it: leave them out altogether, and the MAE is not even a year smaller.
#
# And the distributions for the old: are they as wrong as the number? Look before you judge: how wide is $\hat p$, how many are in the central 80%, and on which side of the median of $\hat p$ are they?

# %%
width = np.sqrt((p_hat * (grid - y_hat[:, None]) ** 2).sum(axis=1))
u = transform(p_hat, y, grid)
for name, group in {"under 30": y < 30, "30 to 69": (y >= 30) & ~old, "70 or older": old}.items():
    inside = coverage(p_hat[group], y[group], grid, 0.8)
    line = f"{name:11}: spread of p_hat {width[group].mean():4.1f} years, in 80% {inside:4.0%}"
    print(f"{line}, above the median {np.mean(u[group] > 0.5):4.0%}")
if not FAST:
    assert width[old].mean() > 1.5 * width[y < 30].mean()
    assert np.mean(u[old] > 0.5) > 0.9
    assert coverage(p_hat[old], y[old], grid, 0.8) > 0.5

# %% [markdown]
# The network knows that it does not know: for the old it predicts a much wider hill, and most of them are somewhere inside it. The single number $\hat y$ had thrown that away. But the coverage hardly raises an alarm where it should: it asks whether $u$ is near the middle, not on which side. The old are nearly all in the *upper half* of what was predicted for them. Look at $u$ itself, and by group.
#
# ### Exercise 5
# Give every decade the same weight. A decade with two or three photos would bring in mostly noise, so leave out those with few.


# %% exercise="balanced" stands_for="metrics.balanced_mae"
def balanced_mae(y_hat, y, fewest=10):
    """The mean of the decades' MAE, in years, over decades with at least `fewest` photos.

    Hint: `by_decade` gives a list of dicts with `count` and `mae`.
    """
    ### BEGIN SOLUTION
    return np.mean([row["mae"] for row in by_decade(y_hat, y) if row["count"] >= fewest])
    ### END SOLUTION


# %% test="balanced" points=1
# Expect 4.5 for the made-up photos, whose MAE is 2.4; and a larger number for the network.
made_up = np.repeat([25.0, 75.0, 95.0], [40, 10, 2])
said = made_up + np.repeat([1.0, -8.0, 2.0], [40, 10, 2])
found = balanced_mae(said, made_up)
print(f"made up: MAE {mae(said, made_up):.1f}, balanced {found}")
assert round(mae(said, made_up), 1) == 2.4, "the photos themselves"
assert found == 4.5, f"decades of 40 and 10 photos, off by 1 and 8 years: {found}, expected 4.5"
every = balanced_mae(said, made_up, fewest=1)
assert abs(every - 11 / 3) < 1e-12, f"with the decade of two photos: {every}, expected 11/3"
print(f"network: MAE {mae(y_hat, y):.1f}, balanced {balanced_mae(y_hat, y):.1f}")
if not FAST:
    assert balanced_mae(y_hat, y) > 1.1 * mae(y_hat, y), "few photos are old, and those are worse"
### BEGIN HIDDEN TESTS
both_ways = np.repeat([5.0, 44.0, 67.0, 101.0], [12, 30, 11, 9])
told = both_ways + np.tile([6.0, -2.0], 31)
found = balanced_mae(told, both_ways)
expected = (4 + 4 + (6 * 6 + 5 * 2) / 11) / 3  # nine photos of 101 years are too few
assert abs(found - expected) < 1e-12, (
    f"three decades with estimates too old and too young: {found:.3f}, expected {expected:.3f}"
)
### END HIDDEN TESTS

# %% [markdown]
# ## 9. Why the young look older and the old younger
#
# The bias has a pattern: positive for the young, negative for the old. The estimates **shrink** toward the mean. Is the network broken? Take the simplest world. Ages are normal with mean $m$ and variance $\tau^2$. A face shows $x = y + \text{noise}$, with variance $s^2$. Both densities are Gaussian, so their product is Gaussian in $y$. Complete the square in
#
# $$ -\frac{(y - m)^2}{2 \tau^2} - \frac{(x - y)^2}{2 s^2} $$
#
# to find its center:
#
# $$ E[y \mid x] = m + w \, (x - m) , \qquad w = \frac{\tau^2}{\tau^2 + s^2} . $$
#
# No estimator has a smaller squared error, and, since the density of $y$ given $x$ is symmetric, none has a smaller absolute error. Yet for people of true age $y$, whose $x$ is $y$ on average, its bias is
#
# $$ E[\hat y \mid y] - y = m + w (y - m) - y = -(1 - w) (y - m) . $$
#
# **The best estimator is biased in every decade but the middle one.** The less a face shows (large $s$), the more it shrinks. The other way around there is no bias: of all people whom it takes for 70, the mean age is 70, $E[y \mid \hat y] = \hat y$. If you split the photos by $\hat y$ instead of $y$, the pattern is gone.

# %%
m, tau, s = 40.0, 14.0, 10.0
toy_y = m + tau * rng.standard_normal(200_000)
seen = toy_y + s * rng.standard_normal(200_000)
w = tau**2 / (tau**2 + s**2)
best = m + w * (seen - m)
for measure, power in (("MAE", 1), ("mean squared error", 2)):
    ours, unbiased = (np.mean(np.abs(e - toy_y) ** power) for e in (best, seen))
    print(f"{measure}: best {ours:.2f}; x itself, which is unbiased, {unbiased:.2f}")
    assert ours < unbiased

by_truth, by_estimate = np.polyfit(toy_y, best, 1)[0], np.polyfit(best, toy_y, 1)[0]
print(f"w = {w:.3f}; slope of the estimate over the age {by_truth:.3f}")
print(f"slope of the age over the estimate {by_estimate:.3f}")
assert abs(by_truth - w) < 0.01 and abs(by_estimate - 1) < 0.01
for row in by_decade(best, toy_y):
    chosen = (toy_y >= row["decade"]) & (toy_y < row["decade"] + 10)
    if row["count"] > 1000:
        assert abs(row["bias"] + (1 - w) * (toy_y[chosen].mean() - m)) < 0.5

# %% alt="Estimates against true ages: split by the true age the means of decades leave the diagonal above 60, where estimates stop at 67; split by the estimate they stay on it."
slopes = {"over the age": np.polyfit(y, y_hat, 1)[0], "the age over it": np.polyfit(y_hat, y, 1)[0]}
plot.two_splits(y, y_hat)
print("slopes, the estimate", {name: round(float(slope), 2) for name, slope in slopes.items()})
assert 0 < slopes["over the age"] < 1 or FAST
print(f"highest age {y.max():.1f}, highest estimate {y_hat.max():.1f}")
if not FAST:
    assert y_hat.max() < y.max() - 10 and y_hat[old].std() < 0.9 * y[old].std()
    bias = {row["decade"]: row["bias"] for row in rows if row["count"] >= 10}
    assert bias[min(bias)] > 0 > bias[max(bias)], "the youngest too old, the oldest too young"
    gaps = {name: abs(slope - 1) for name, slope in slopes.items()}
    assert gaps["the age over it"] < gaps["over the age"]

# %% [markdown]
# In our toy world the right panel would lie on the diagonal. The network's nearly does: for the most part its bias by decade is that of the best estimator for somebody who sees as little. But look at the upper end. There is a wall: however old the face, no estimate is beyond a certain age. There were too few such faces to learn how they differ, so nearly all of them get the same answer. That is not unavoidable shrinkage but something to repair, and no mean over all photos would have shown it. More old faces in training, or a larger weight for them, may help the old and cost the young something. Which you want is a decision. Print the table by decade, so that somebody can make it.
#
# The weight is `python -m tinydldl.train --balance`: it minimizes $\frac1N \sum_n w_n L_n$, where $L_n$ is the loss of a photo and
#
# $$ w_n \propto \frac{1}{s(y_n)} , \qquad s_k = \sum_{|l_j - l_k| \le 2} e^{-(l_j - l_k)^2 / (2 \cdot 2^2)} \, n_j , $$
#
# with mean 1. $n_j$ is the number of training photos whose age is nearest to $l_j$. This histogram is smoothed because a face of 71 teaches something about 70, too (Yang et al., 2021). And since one photo in a batch must not drown out all the others, no weight is above ten times the median. Does it help? With one seed, by
#
#     python -m tinydldl.train --method dldl --size 32 --limit 3000 --batch 32 --epochs 8 --lr 0.002 --schedule cosine:1 --seed 100 --workers 1
#
# with `--balance` and without it, and `python -m tinydldl.evaluate`: people in their eighties were 9.0 years off instead of 16.4, and the balanced MAE fell from 5.4 to 5.1 years; people in their twenties got worse, 3.5 instead of 2.6, so the MAE rose from 3.9 to 4.4.

# %% [markdown] question="which" points=3
# ### Question
# Three customers. (a) A shop wants to let in adults only. (b) A museum wants to know how many visitors are over 65, from many photos. (c) A hospital wants an age with an honest "plus or minus". For each: which measure of this lesson would you show them, and why is the MAE not enough?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* (a) What matters is on which side of 18 the estimate falls, for faces near 18: the bias and errors of the decade 10 to 20 (or the probability of y >= 18 in p_hat, and its calibration there). An MAE over all ages is dominated by adults of 30, who are no problem. (b) Whether single errors cancel depends on their bias: shrinkage makes the old look younger, so the count over 65 is too small however small the MAE; look at the bias of the old decades, or add up the calibrated probabilities p_hat(y > 65). (c) Calibration (coverage), together with CRPS or NLL so that it is sharp as well, and by decade, since it may be calibrated on average but not for the old. The MAE does not look at the spread at all. One point for each customer, with the reason.
# <!-- ### END SOLUTION -->

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. An estimator is honest: each true age is drawn from the $\hat p$ that it stated. Show that its CRPS is on average half the mean distance of two draws from $\hat p$, and compute it for normal $\hat p$ with $\sigma = 4$. So which two different things does CRPS reward, and how would you separate them on real data?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* CRPS = E|X - y| - E|X - X'| / 2, and if y is drawn like X, the first term is on average E|X - X'|: one half of it is left. The difference of two normal numbers has the deviation sigma sqrt(2), and the mean of its absolute value is 2 sigma / sqrt(pi), so CRPS is sigma / sqrt(pi) = **2.257** years. It rewards honesty (what lies above this number) and sharpness (how small the number is). On data: compute E|X - X'| / 2 of each prediction, which needs no truth; its mean is the CRPS that the estimator claims, and the measured CRPS less that is the price of dishonesty (which may be negative: underconfident). One point for the identity, one for the number, one for the separation.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * MAE is in years; the epsilon-error is in units of the annotators' own spread. A typical annotator scores $1 - 1/\sqrt2 = 0.293$; with ten votes 0.308 as one of the ten, 0.353 as a fresh one. The published human, 0.34, is about what a crowd scores against itself.
# * The area above the cumulative score is the MAE.
# * The six measures of label distribution learning disagree. Clark and Canberra mostly compare tails, and none of the six knows how far apart two labels are.
# * NLL and CRPS judge a distribution by one age, and reward honesty. CRPS $= E|X - y| - \frac12 E|X - X'|$, in years.
# * Calibration: coverage of the central $q$ should be $q$. It is worth nothing without sharpness, and it does not show on which side of the middle a whole group is.
# * The best estimator shrinks to the mean. Always look at the table by decade.
#
# ## Further reading
# * X. Geng, *Label Distribution Learning*, IEEE Transactions on Knowledge and Data Engineering, 2016: the six measures.
# * S. Escalera et al., *ChaLearn Looking at People 2015: Apparent Age and Cultural Event Recognition Datasets and Results*, ICCV Workshops 2015: the epsilon-error.
# * T. Gneiting, A. E. Raftery, *Strictly Proper Scoring Rules, Prediction, and Estimation*, Journal of the American Statistical Association, 2007: NLL, CRPS, and why honesty pays.
# * T. Gneiting, F. Balabdaoui, A. E. Raftery, *Probabilistic Forecasts, Calibration and Sharpness*, Journal of the Royal Statistical Society B, 2007.
# * Y. Yang, K. Zha, Y. Chen, H. Wang, D. Katabi, *Delving into Deep Imbalanced Regression*, ICML 2021: weights by a smoothed histogram.
# * W. R. Thompson, *On a Criterion for the Rejection of Observations*, Annals of Mathematical Statistics, 1935: the distribution of one vote's distance from the mean of its own group.
# * Back to [lesson 04](04_expectation_and_joint_loss.ipynb) for what the two losses teach, or to [lesson 08](08_training_dldl_v2.ipynb) to train a better network; next: [lesson 11](11_what_does_it_look_at.ipynb) asks what it looks at.
