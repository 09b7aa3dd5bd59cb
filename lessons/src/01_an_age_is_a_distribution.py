# %% [markdown]
# # Lesson 01: An age is a distribution
#
# | | |
# |---|---|
# | **You will be able to** | turn an age and its uncertainty into a label distribution, say what sigma and the grid step do to it, and measure where it is biased |
# | **You need** | the exponential function, mean and variance; lesson 00 for float32 and float64 |
# | **Minutes** | 60 |
# | **Code** | [`tinydldl/labels.py`](../tinydldl/labels.py), [`tinydldl/datasets/synthetic/`](../tinydldl/datasets/synthetic/__init__.py) |

# %%
import numpy as np
from scipy.special import gamma
from scipy.stats import norm

from tinydldl.datasets.synthetic import annotate, draw_face
from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.notebook import figures, slider, use_style

use_style()
plot = figures("01")

# %% [markdown]
# ## 1. Nobody sees an age
#
# Here are three faces. A program drew them, so we know their true ages. Ten imaginary annotators have looked at each one and written down a whole number.

# %% alt="The same drawn person at 6, 31 and 72 years, each above a histogram of ten votes on the age; the votes of the child lie within three years, those of the old man are spread over twelve."
true_ages = [6.0, 31.0, 72.0]
faces = [draw_face(age, np.random.default_rng(4), 160) for age in true_ages]
votes = [annotate(age, np.random.default_rng(9)) for age in true_ages]

plot.voters(faces, votes, true_ages)

# %% [markdown]
# The annotators disagree, and they disagree more about the old than about the young. If we kept only the mean vote, we would throw that away. So the label of a photo has two numbers: $y$, the mean of the votes, and $\sigma$, their standard deviation. Both are in years.
#
# This $\sigma$ is that of ten votes, not of everyone who might have looked. It divides by 10, so its square is on average $\frac{9}{10}$ of the true variance (lesson 06 derives the factor), and $\sigma$ itself is about 0.92 of the true spread. And ten votes give it only roughly: it varies by 22% from one set of ten to the next.
#
# The idea of label distribution learning: **do not teach the network the number $y$, but the whole hill of votes**.

# %%
spreads = [vote.std() for vote in votes]
assert spreads == sorted(spreads), "the older the face, the wider the votes"

tens = np.random.default_rng(2).standard_normal((100_000, 10))  # spread 1
of_ten = tens.std(axis=1)
print(f"sigma of ten votes: {of_ten.mean():.3f} of the true one, give or take {of_ten.std():.3f}")
assert abs((of_ten**2).mean() - 9 / 10) < 0.01
# The mean of a chi variable with 9 degrees of freedom, over sqrt(10); its variance is the rest.
mean = np.sqrt(2 / 10) * gamma(5) / gamma(9 / 2)
assert abs(of_ten.mean() - mean) < 0.003 and abs(mean - 0.92) < 0.005
assert abs(of_ten.std() - np.sqrt(9 / 10 - mean**2)) < 0.003 and abs(of_ten.std() - 0.22) < 0.005

# %% [markdown]
# ## 2. From a density to a label distribution
#
# The hill we use is the Gaussian density with mean $y$ and standard deviation $\sigma$:
#
# $$ f(a) = \frac{1}{\sigma\sqrt{2\pi}} \exp\left(-\frac{(a - y)^2}{2\sigma^2}\right). $$
#
# A network has finitely many outputs, so we look at the density only on a **label grid** $l = (l_0, \dots, l_{K-1})$ with step $\Delta l$. Ages use $0, 1, \dots, 100$: the step is 1 year and $K = 101$.

# %%
grid = label_grid(0, 100, 1)
K = len(grid)
assert K == 101

y, sigma = 30.0, 2.0
density = norm.pdf(grid, y, sigma)
print(f"sum of the density on the grid: {density.sum():.15f}")
assert abs(density.sum() - 1) < 1e-15
for s in (0.4, 0.5, 0.7):
    off = [norm.pdf(grid, age, s).sum() - 1 for age in np.linspace(30, 31, 101)]
    formula = 2 * np.exp(-2 * np.pi**2 * s**2)
    print(f"sigma {s}: the sum is off by up to {np.abs(off).max():.2e}, formula {formula:.2e}")
    assert abs(np.abs(off).max() / formula - 1) < 0.01

# %% [markdown]
# The sum times $\Delta l = 1$ approximates the integral, which is 1. For this $\sigma$ it does so to the last digit that the computer has. An infinite sum of equally spaced values of a Gaussian is known exactly (Poisson's summation formula): it is off by at most
#
# $$ \left| \Delta l \sum_k f(l_k) - 1 \right| \approx 2 \exp\left(-\frac{2 \pi^2 \sigma^2}{\Delta l^2}\right), $$
#
# which is $10^{-34}$ for $\sigma = 2$, 1.4% for $\sigma = 0.5$, and 8.5% for $\sigma = 0.4$. Near the end of the grid something else happens: part of the hill falls off. And a narrow hill can hide between two labels:

# %%
at_the_end = norm.pdf(grid, 0.0, 2.0).sum()
too_narrow = norm.pdf(grid, 30.5, 0.2).sum()
print(f"age 0, sigma 2: {at_the_end:.3f}     age 30.5, sigma 0.2: {too_narrow:.3f}")
assert 0.59 < at_the_end < 0.61
assert too_narrow < 0.2

# %% [markdown]
# A distribution must sum to 1, so we divide by the sum. The factor $1/(\sigma\sqrt{2\pi})$ cancels:
#
# $$ \boxed{p_k = \frac{\exp\left(-(l_k - y)^2 / 2\sigma^2\right)}{\sum_j \exp\left(-(l_j - y)^2 / 2\sigma^2\right)}} $$
#
# This is the **label distribution**. Exponentials over their sum: this form is called a softmax, here of the numbers $-(l_k - y)^2 / 2\sigma^2$. Lesson 00 had a glimpse of it, and lesson 03 is about it.
#
# ### Exercise 1
# Write it. Watch out for very small $\sigma$: if every exponent is hugely negative, every exponential is 0, and 0/0 is not a number. Adding the same constant to all exponents changes nothing, so make the largest exponent 0 first.


# %% exercise="distribution" stands_for="labels.gaussian_label_distribution"
def label_distribution(y, sigma, grid):
    """The label distribution p (K,) of one age y with spread sigma, in years.

    Hint: three lines. The exponents; subtract their maximum; exponentials over their sum.
    """
    ### BEGIN SOLUTION
    exponents = -((grid - y) ** 2) / (2 * sigma**2)
    p = np.exp(exponents - exponents.max())
    return p / p.sum()
    ### END SOLUTION


# %% test="distribution" points=2
# Expect a largest difference of about 1e-16.
for y, sigma in [(30.0, 2.0), (0.0, 2.0), (30.5, 0.2), (99.9, 6.0)]:
    p = label_distribution(y, sigma, grid)
    density = norm.pdf(grid, y, sigma)
    assert abs(p.sum() - 1) < 1e-12, f"y = {y}, sigma = {sigma}: the sum is {p.sum():.3f}, not 1"
    difference = np.abs(p - density / density.sum()).max()
    print(f"y = {y:5}, sigma = {sigma}: largest difference {difference:.1e}")
    assert difference < 1e-14, f"y = {y}, sigma = {sigma}: off by {difference:.1e}"
labels = label_grid(10, 60, 0.5)
p = label_distribution(31.2, 3.0, labels)
assert p.shape == labels.shape, f"shape {p.shape} for a grid of {labels.shape}"
density = norm.pdf(labels, 31.2, 3.0)
assert np.abs(p - density / density.sum()).max() < 1e-14, "wrong on the grid 10, 10.5, ..., 60"
p = label_distribution(30.2, 1e-3, grid)
assert p[30] == 1 and p.sum() == 1, "a tiny sigma must not give 0/0"
### BEGIN HIDDEN TESTS
for y, sigma in [(-3.7, 2.0), (104.0, 3.0), (30.49, 0.03), (0.2, 12.0)]:
    logs = norm.logpdf(grid, y, sigma)
    logs -= np.logaddexp.reduce(logs)
    held = logs > -690  # smaller numbers than that become 0
    with np.errstate(divide="ignore"):
        off = np.abs(np.log(label_distribution(y, sigma, grid)[held]) - logs[held]).max()
    assert off < 1e-9, f"y = {y}, sigma = {sigma}: a probability is off by a factor of e^{off:.2g}"
### END HIDDEN TESTS

# %% [markdown]
# The package has the same function for many photos at once. It also takes $\sigma = 0$: then all annotators agree, and the mass sits on the nearest label.

# %%
p = gaussian_label_distribution([30.0, 30.2, 30.5], [2.0, 0.0, 0.0], grid)
assert np.abs(p[0] - label_distribution(30.0, 2.0, grid)).max() < 1e-15
assert p[1, 30] == 1
assert p[2, 30] == p[2, 31] == 0.5, "half-way between two labels, both get half"

# %% [markdown]
# ## 3. What sigma and the step do


# %% alt="Label distributions around 32 years: on the left hills for sigma 1, 2 and 5, the higher the narrower; on the right the same hill on grids of step 1, 2 and 4, whose entries double with the step."
def show(sigma=2.0, step=1.0, y=32.0):
    """Draw the label distribution as bars, one for each label."""
    labels = label_grid(0, 100, step)
    p = gaussian_label_distribution([y], [sigma], labels)[0]
    plot.bars(labels, p, step, y, sigma)


by_sigma = {sigma: gaussian_label_distribution([32.0], [sigma], grid)[0] for sigma in (1, 2, 5)}
by_step = {}
for step in (1, 2, 4):
    labels = label_grid(0, 100, step)
    by_step[step] = labels, gaussian_label_distribution([32.0], [2.0], labels)[0]
plot.hills(by_sigma, grid, by_step)

slider(show, sigma=(0.0, 8.0, 0.5), step=[0.5, 1.0, 2.0, 4.0], y=(20.0, 50.0, 0.5))

# %% [markdown]
# A larger $\sigma$ makes **the hill low and wide**. A larger step puts **more mass on each label**, since fewer labels share it: at step 2 the highest bar is twice as high as at step 1. The mean stays where it was. Away from the ends of the grid it is the age, however coarse the grid, as long as $\sigma$ is not small compared with the step:

# %%
highest = [gaussian_label_distribution([32.0], [2.0], label_grid(0, 100, s)).max() for s in (1, 2)]
assert abs(highest[1] / highest[0] - 2) < 1e-2
for step in (0.5, 1, 2, 4):
    labels = label_grid(0, 100, step)
    p = gaussian_label_distribution([30.7], [4.0], labels)[0]
    print(f"step {step:3}: mean {p @ labels:.8f}")
    assert abs(p @ labels - 30.7) < 1e-3
narrow = gaussian_label_distribution([30.7], [0.3], grid)[0]
print(f"sigma 0.3, step 1: mean {narrow @ grid:.4f}")
assert abs(narrow @ grid - 30.7) > 0.1, (
    "a hill narrower than the step is pulled to the nearest label"
)

# %% [markdown]
# ## 4. The bias at the ends
#
# A baby of age 0 cannot be guessed as $-2$. The left half of its hill falls off the grid, and what is left has a mean above 0. This is a property of the target itself: **a network that learned it perfectly would still say that newborns are older than they are**.
#
# ### Exercise 2
# The **bias** at age $y$ is $\sum_k p_k l_k - y$. Compute it for a whole array of ages, with one $\sigma$ for all or one for each.


# %% exercise="bias"
def bias(ages, sigma, grid):
    """The bias (N,) of the label distributions of `ages` (N,), in years.

    `sigma`, years: one number, or (N,). Hint: `gaussian_label_distribution` takes both, and gives
    p (N, K); a matrix times the grid gives all means.
    """
    ### BEGIN SOLUTION
    return gaussian_label_distribution(ages, sigma, grid) @ grid - ages
    ### END SOLUTION


# %% test="bias" points=1
# Expect 1.302 years at age 0, the opposite at age 100, and less than 1e-9 in the middle; and for
# other spreads and grids the mean of the density on the grid, less the age.
ends = bias(np.array([0.0, 50.0, 100.0]), 2.0, grid)
print(ends)
assert ends.shape == (3,), f"three ages, and an array of shape {ends.shape}"
assert abs(ends[0] - 1.302) < 5e-4, f"age 0: {ends[0]:.3f}, expected 1.302"
assert abs(ends[0] + ends[2]) < 1e-9, "age 100 must mirror age 0"
assert abs(ends[1]) < 1e-9, f"age 50 is far from both ends, and has a bias of {ends[1]:.3f}"
for sigma, labels in ((0.7, grid), (5.0, grid), (3.0, label_grid(10, 60, 0.5))):
    ages = np.array([12.0, 30.3, 58.5])
    means = [np.average(labels, weights=norm.pdf(labels, age, sigma)) for age in ages]
    off = np.abs(bias(ages, sigma, labels) - (means - ages)).max()
    assert off < 1e-9, f"sigma {sigma}, {len(labels)} labels: off by {off:.2g} years"
### BEGIN HIDDEN TESTS
ages, sigmas = np.array([0.0, 0.0, 99.0, 12.2]), np.array([1.0, 4.0, 2.0, 6.0])
means = [np.average(grid, weights=norm.pdf(grid, *pair)) for pair in zip(ages, sigmas, strict=True)]
found = bias(ages, sigmas, grid)
assert found.shape == (4,), f"four ages, and an array of shape {found.shape}"
off = np.abs(found - (means - ages)).max()
assert off < 1e-9, f"with a sigma of its own for each age: off by {off:.2g} years"
### END HIDDEN TESTS

# %% alt="The mean of the target minus the age, against the age: zero in the middle, but up to 3 years too old at age 0 and as much too young at age 100, the more the larger sigma is."
ages = np.linspace(0, 100, 401)
biases = {sigma: bias(ages, sigma, grid) for sigma in (1.0, 2.0, 4.0)}
plot.biases(biases, ages)

# %% [markdown]
# With $\sigma = 2$ the bias is 1.30 years at age 0, and below a hundredth of a year from age 6 on. In any data set this affects few photos, but it is good to know.

# %%
from_six = np.abs(bias(np.linspace(6, 94, 353), 2.0, grid))
assert from_six.max() < 0.01

# %% [markdown]
# ## 5. Are votes Gaussian?
#
# We *chose* the Gaussian. Real votes are whole numbers, and there are only about ten per photo. Let us see how the hill compares with the votes of many annotators, and how far off ten annotators can be.

# %% alt="A histogram of 20,000 votes on a face of 40 years, and the label distribution as a line: the two agree."
rng = np.random.default_rng(1)
many = np.concatenate([annotate(40.0, rng) for _ in range(2000)])
p = gaussian_label_distribution([many.mean()], [many.std()], grid)[0]
share = np.bincount(many.astype(int), minlength=K) / len(many)

plot.votes_and_target(grid, share, many, p)

largest_gap = np.abs(share - p).max()
print(f"largest gap between votes and label distribution: {largest_gap:.4f}")
assert largest_gap < 0.01

# %% [markdown]
# These annotators are simulated with Gaussian noise, so the match is no surprise; for real ones it is an assumption. What ten votes can tell is limited in any case: about $\sigma$, as section 1 said, and about $y$. The mean of $n$ independent votes has standard deviation $\sigma / \sqrt{n}$. With $n = 10$ votes **the label itself is off by about a third of $\sigma$**, and no network can be evaluated more exactly than its labels.

# %%
means = np.array([annotate(40.0, rng).mean() for _ in range(4000)])
expected = many.std() / np.sqrt(10)
print(f"spread of the mean of ten votes: {means.std():.3f} years, expected {expected:.3f}")
assert abs(means.std() / expected - 1) < 0.05
assert abs(1 / np.sqrt(10) - 1 / 3) < 0.02

# %% [markdown] question="assumption" points=2
# ### Question
# Name a kind of photo for which a Gaussian is a poor model of the votes, and say what the hill would look like instead.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* A photo that can be read two ways, such as a smooth face under gray hair: some annotators go by the skin and say 30, others by the hair and say 55. The votes have two bumps, with few votes at their mean. (Lesson 04 returns to two bumps.) Also good: a baby, whose votes cannot go below 0 and lean to one side.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 6. How much does a label leave open?
#
# The **entropy** $H(p) = -\sum_k p_k \ln p_k$ measures, in nats, how much a distribution leaves open: 0 if one label has all the mass, $\ln K$ if all are equally likely. For a Gaussian density it is $\tfrac12 \ln(2\pi e \sigma^2)$; on a grid of step $\Delta l$ we subtract $\ln \Delta l$, since a finer grid has more labels to choose from.
#
# ### Exercise 3
# Write the entropy. Most entries of a label distribution are so small that they are 0 in the computer, and $0 \ln 0$ is 0 as a limit, but `nan` in NumPy.


# %% exercise="entropy"
def entropy(p):
    """The entropy of a distribution p (K,), in nats, with 0 ln 0 = 0.

    Hint: sum over the positive entries only.
    """
    ### BEGIN SOLUTION
    positive = p[p > 0]
    return -(positive * np.log(positive)).sum()
    ### END SOLUTION


# %% test="entropy" points=2
# Expect the formula to hold to about 1e-7 for sigma 2.
sure = gaussian_label_distribution([30.0], [0.0], grid)[0]
before = sure.copy()
assert entropy(sure) == 0, f"one label has all the mass: {entropy(sure)}, expected 0"
assert np.array_equal(sure, before), "p belongs to the caller: do not change it"
off = entropy(np.full(K, 1 / K)) - np.log(K)
assert abs(off) < 1e-12, f"all labels equally likely: off by {off:.2g} nats from ln K"
for sigma, step in [(2.0, 1.0), (5.0, 1.0), (5.0, 0.5)]:
    p = gaussian_label_distribution([50.0], [sigma], label_grid(0, 100, step))[0]
    formula = 0.5 * np.log(2 * np.pi * np.e * sigma**2) - np.log(step)
    print(f"sigma {sigma}, step {step}: {entropy(p):.7f} nats, formula {formula:.7f}")
    assert abs(entropy(p) - formula) < 1e-5, f"sigma {sigma}, step {step}: not the formula"
### BEGIN HIDDEN TESTS
for rare in (1e-3, 1e-8, 1e-14):
    p = np.array([0.0, rare, 1 - rare, 0.0])
    expected = -rare * np.log(rare) - (1 - rare) * np.log1p(-rare)
    off = entropy(p) / expected - 1
    assert abs(off) < 0.1, f"a label of probability {rare}: off by a factor of {1 + off:.3g}"
p = np.array([0.5, 0.125, 0.25, 0.125])
assert abs(entropy(p) - 1.75 * np.log(2)) < 1e-12, f"1/2, 1/8, 1/4, 1/8: {entropy(p)}"
### END HIDDEN TESTS

# %% [markdown]
# Entropy returns in lesson 03: it is the part of the cross entropy that no network can remove by learning.

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. At the ends of the grid the mean of the target is not the age. Among all distributions on the grid whose mean *is* $y$, find the one that is nearest to the Gaussian target $g$, in the sense that $\sum_k p_k \ln (p_k / g_k)$ is least. What family does it belong to? What does it look like for $y = 1$, $\sigma = 2$, and what happens for $y = 0$?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* With a multiplier for the sum and one, t, for the mean, the derivative in p_k gives ln(p_k / g_k) + 1 = a + t l_k, so p_k is g_k times e^(t l_k), normalized. A Gaussian times an exponential is a Gaussian of the same sigma around y + t sigma²: the nearest target is another label distribution, moved outward so far that what is left on the grid has the mean y. For y = 1 and sigma = 2 it is the one around **-0.84** years. For y = 0 only all mass on 0 has that mean: the center goes to minus infinity. One point for the multipliers, one for the family, one for the two cases.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * A label is two numbers, $y$ and $\sigma$; the label distribution is the Gaussian density on the grid, divided by its sum.
# * $\sigma$ sets the width of the hill; the step of the grid sets how many labels share the mass.
# * At the ends of the grid the target is biased, by 1.30 years at age 0 for $\sigma = 2$.
# * Ten votes give a mean that is itself uncertain by about $\sigma/3$.
#
# ## Further reading
# * X. Geng, *Label Distribution Learning*, IEEE Transactions on Knowledge and Data Engineering, 2016: where the idea comes from.
# * B.-B. Gao, C. Xing, C.-W. Xie, J. Wu, X. Geng, *Deep Label Distribution Learning with Label Ambiguity*, IEEE Transactions on Image Processing, 2017: DLDL.
# * B.-B. Gao, H.-Y. Zhou, J. Wu, X. Geng, *Age Estimation Using Expectation of Label Distribution Learning*, IJCAI 2018: DLDL-v2, which these lessons build.
# * Next: [lesson 02](02_ranking_is_learning_a_distribution.ipynb) shows that ranking hides the same hill.
