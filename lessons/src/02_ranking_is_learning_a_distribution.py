# %% [markdown]
# # Lesson 02: Ranking is learning a label distribution
#
# | | |
# |---|---|
# | **You will be able to** | write an age as yes-or-no questions, say exactly how their answers relate to a label distribution, where "about equal" fails and by how much, and turn either into the other |
# | **You need** | lesson 01; integration by substitution; matrix products |
# | **Minutes** | 125 |
# | **Code** | [`tinydldl/labels.py`](../tinydldl/labels.py) |

# %%
import numpy as np
from scipy.integrate import quad
from scipy.special import erf
from scipy.stats import norm

from tinydldl.gradcheck import compare, numerical_gradient
from tinydldl.labels import (
    cumulative_matrix,
    gaussian_cdf,
    gaussian_label_distribution,
    label_grid,
    ranking_code,
)
from tinydldl.notebook import figures, slider, use_style

use_style()
plot = figures("02")
grid = label_grid(0, 100, 1)
K = len(grid)

# %% [markdown]
# ## 1. Twenty questions
#
# There are two ways to guess an age. You can say a number. Or you can answer questions: *older than 10? Yes. Older than 20? Yes. Older than 30? No.* The second way is called **ranking**. Each question alone is easy, and the order of ages is built in: whoever is older than 20 is also older than 10.
#
# On a label grid $l_0 < l_1 < \dots < l_{K-1}$ with step $\Delta l$ there are $K - 1$ questions, one for each border between two neighbors. The border between $l_k$ and $l_{k+1}$ lies halfway, at $l_k + \Delta l/2$. The answers of a person of age $y$ are the **ranking code**:
#
# $$ p^\text{rank}_k = \begin{cases} 1 & \text{if } y \ge l_k + \Delta l / 2 \\ 0 & \text{if not} \end{cases} \qquad k = 0, \dots, K - 2. $$
#
# Here it is on a small grid, $0, 1, \dots, 5$. Each row is an age, each column a question.

# %% alt="A table of five ages against five questions, is the person at least 0.5, 1.5, up to 4.5 years old: each row is yes up to the age and no after it, so the yeses form a staircase."
small = label_grid(0, 5, 1)
ages = np.array([0.0, 1.0, 2.4, 2.6, 5.0])
code = ranking_code(ages, small)

plot.table_of_codes(code, small, ages)

# %% [markdown]
# All the yeses come first. So the code holds just one whole number, its count of yeses, and that count is the index of the nearest label:
#
# $$ \sum_{k=0}^{K-2} p^\text{rank}_k = \operatorname*{arg\,min}_j |y - l_j|. $$
#
# (Halfway between two labels, the code takes the upper one.)

# %%
assert (np.diff(code, axis=1) <= 0).all(), "no yes after a no"
ages = np.random.default_rng(0).uniform(0, 100, 1000)
nearest = np.abs(ages[:, None] - grid).argmin(axis=1)
assert (ranking_code(ages, grid).sum(axis=1) == nearest).all()
assert ranking_code([2.5], grid).sum() == 3

# %% [markdown]
# A ranking network has $K - 1$ outputs, each a yes-or-no question of its own. Two well-known methods do this, OR-CNN and Ranking-CNN. A network for label distributions has $K$ outputs that sum to 1. They look like different trades. The DLDL-v2 paper claims that they are one and the same. This lesson takes the claim apart, exactly.
#
# ### Exercise 1
# Write the code and its decoding. Do not use `ranking_code`.


# %% exercise="code" stands_for="labels.ranking_code labels.nearest methods.Ranking"
def code_of(y, grid):
    """The ranking code (N, K-1) of ages y (N,): 1.0 where y is at or above the border.

    Hint: compare y[:, None] with the K-1 borders, the means of neighboring labels.
    """
    ### BEGIN SOLUTION
    borders = (grid[:-1] + grid[1:]) / 2
    return (y[:, None] >= borders).astype(float)
    ### END SOLUTION


def decode(code, grid):
    """The label (N,) that each code stands for. Hint: count, then index."""
    ### BEGIN SOLUTION
    return grid[code.sum(axis=1).astype(int)]
    ### END SOLUTION


# %% test="code" points=2
# Expect no error at all in the code, and at most half a step between an age and its label.
for step in (0.5, 1.0, 4.0):
    labels = label_grid(0, 100, step)
    mine = code_of(ages, labels)
    assert mine.shape == (1000, len(labels) - 1), f"step {step}: the code has shape {mine.shape}"
    assert (mine == ranking_code(ages, labels)).all(), f"step {step}: some answers are wrong"
    error = np.abs(decode(mine, labels) - ages).max()
    print(f"step {step}: largest error {error:.3f} years")
    assert error <= step / 2, f"step {step}: a label is {error:.2f} years from its age"
    assert error > 0.4 * step, f"step {step}: only {error:.2f} years off: is it still a label?"
half = code_of(np.array([12.5]), grid)
assert half.sum() == 13, f"age 12.5 is at the border, so 13 yeses, not {half.sum():g}"
from_ten = decode(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]), np.array([10.0, 12.0, 16.0, 17.0]))
assert list(from_ten) == [16, 10], f"two yeses, no yes, on the grid 10, 12, 16, 17: {from_ten}"
assert "ranking_code" not in code_of.__code__.co_names, "write it, do not call `ranking_code`"
### BEGIN HIDDEN TESTS
uneven = np.array([10.0, 12.0, 16.0, 17.0])
few = np.array([-5.0, 10.9, 11.0, 13.9, 14.0, 16.4, 16.5, 200.0])
counts = code_of(few, uneven).sum(axis=1)
assert list(counts) == [0, 0, 1, 1, 2, 2, 3, 3], f"borders at 11, 14 and 16.5, ages {few}: {counts}"
labels = decode(code_of(few, uneven), uneven)
assert list(labels) == [10, 10, 12, 12, 16, 16, 17, 17], f"ages {few} became the labels {labels}"
### END HIDDEN TESTS

# %% [markdown]
# ## 2. The distribution that says "at most"
#
# Put the question to a Gaussian. A person looks $y$ years old, give or take $\sigma$. What is the probability that a vote is **at most** $t$? It is the area under the density to the left of $t$, the **cumulative distribution function** (CDF):
#
# $$ c(t) = \int_{-\infty}^{t} \frac{1}{\sigma\sqrt{2\pi}} \exp\left(-\frac{(a - y)^2}{2\sigma^2}\right) da. $$
#
# This integral has no closed form in elementary functions. But one function, the error function, solves all of them at once:
#
# $$ \operatorname{erf}(z) = \frac{2}{\sqrt\pi} \int_0^z e^{-u^2} du. $$
#
# To get there, choose $u$ so that the exponent becomes $-u^2$:
#
# $$ u = \frac{a - y}{\sigma\sqrt2}, \qquad da = \sigma\sqrt2 \, du, \qquad \frac{1}{\sigma\sqrt{2\pi}} \cdot \sigma\sqrt2 = \frac{1}{\sqrt\pi}. $$
#
# The upper limit $a = t$ becomes $z = (t - y) / (\sigma\sqrt2)$; the lower one stays $-\infty$. Then split the integral at 0:
#
# $$ c(t) = \frac{1}{\sqrt\pi} \int_{-\infty}^{z} e^{-u^2} du = \frac{1}{\sqrt\pi} \left( \int_{-\infty}^{0} e^{-u^2} du + \int_0^z e^{-u^2} du \right). $$
#
# The first part is half of the Gaussian integral, $\sqrt\pi / 2$. The second is $\tfrac{\sqrt\pi}{2} \operatorname{erf}(z)$ by definition (also for $z < 0$: then both are negative). The roots cancel:
#
# $$ c(t) = \frac12 \left( 1 + \operatorname{erf} \frac{t - y}{\sigma\sqrt2} \right). $$
#
# The next cell checks every step with a numerical integral.

# %%
y, sigma, t = 30.0, 2.0, 31.5
z = (t - y) / (sigma * np.sqrt(2))
by_area = quad(lambda a: norm.pdf(a, y, sigma), y - 40, t)[0]
left = quad(lambda u: np.exp(-(u**2)), -30, 0)[0]
right = quad(lambda u: np.exp(-(u**2)), 0, z)[0]
print(f"area {by_area:.12f}, after substitution {(left + right) / np.sqrt(np.pi):.12f}")
assert abs(left - np.sqrt(np.pi) / 2) < 1e-12
assert abs(right - np.sqrt(np.pi) / 2 * erf(z)) < 1e-12
assert abs((left + right) / np.sqrt(np.pi) - by_area) < 1e-10

# %% [markdown]
# ### Exercise 2
# Write $c$ with `scipy.special.erf`. If it is the area to the left, its slope must be the density. The test checks that, too.


# %% exercise="cdf" stands_for="labels.gaussian_cdf"
def cdf(t, y, sigma):
    """c(t): the probability that a vote is at most t. t may be an array.

    Hint: one line.
    """
    ### BEGIN SOLUTION
    return (1 + erf((t - y) / (sigma * np.sqrt(2)))) / 2
    ### END SOLUTION


# %% test="cdf" points=1
# Expect about 1e-16 against SciPy's normal CDF, and 1e-10 for the slope (central differences).
points = np.linspace(20, 40, 41)
for age, spread in ((30.0, 2.0), (33.3, 0.7)):
    difference = np.abs(cdf(points, age, spread) - norm.cdf(points, age, spread)).max()
    assert difference < 1e-14, f"age {age}, sigma {spread}: off by {difference:.1e}"
    of_package = gaussian_cdf([age], [spread], points)[0]
    assert np.abs(cdf(points, age, spread) - of_package).max() < 1e-14, "not the package's numbers"
    slope = numerical_gradient(lambda a=age, s=spread: cdf(points, a, s).sum(), points)
    error = compare("slope of the CDF", norm.pdf(points, age, spread), slope)
    print(f"difference {difference:.1e}, slope: relative error {error:.1e}")
### BEGIN HIDDEN TESTS
table = np.array([[-5.0, 3.0, 41.0], [40.5, 44.0, 130.0]])
found = cdf(table, 41.0, 6.0)
assert np.shape(found) == (2, 3), f"t of shape (2, 3), and c(t) of shape {np.shape(found)}"
assert np.abs(found - norm.cdf(table, 41.0, 6.0)).max() < 1e-14, "wrong for t from -5 to 130"
assert abs(cdf(41.0, 41.0, 6.0) - 0.5) < 1e-15, "half of the votes are at most y"
### END HIDDEN TESTS

# %% alt="Left, a Gaussian density around 30 with the area below 31.5 shaded, 0.773; right, the cumulative distribution, whose height at 31.5 is that number."
x = np.linspace(22, 38, 400)
density, below = norm.pdf(x, y, sigma), cdf(x, y, sigma)
plot.area_and_height(x, density, t, by_area, below)
assert abs(by_area - 0.773) < 5e-4

# %% [markdown]
# ## 3. Adding up with a matrix
#
# On the grid, "at most $l_k$" is a sum: $p_0 + p_1 + \dots + p_k$. All $K$ sums at once are a matrix times $p$. The matrix $T$ has a 1 in row $k$ and column $j$ if $j \le k$: ones on and below the diagonal. For $K = 4$:
#
# $$ T p = \begin{pmatrix} 1 & 0 & 0 & 0 \\ 1 & 1 & 0 & 0 \\ 1 & 1 & 1 & 0 \\ 1 & 1 & 1 & 1 \end{pmatrix} \begin{pmatrix} p_0 \\ p_1 \\ p_2 \\ p_3 \end{pmatrix} = \begin{pmatrix} p_0 \\ p_0 + p_1 \\ p_0 + p_1 + p_2 \\ 1 \end{pmatrix}, \qquad (Tp)_k = \sum_{j \le k} p_j. $$

# %%
T = cumulative_matrix(K)
p = gaussian_label_distribution([30.0], [2.0], grid)[0]
assert (cumulative_matrix(4) == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]).all()
assert np.abs(T @ p - np.cumsum(p)).max() < 1e-15
assert abs((T @ p)[-1] - 1) < 1e-15, "the last sum is all of the mass"

# %% [markdown]
# `T` is there to think with. In a program `np.cumsum` does the same with $K$ additions instead of $K^2$ products.
#
# ## 4. Where is the edge of a bin?
#
# Now "at most" means two things: the area $c$ and the sum $Tp$. Are they the same? It depends on where you look, and it is easy to look in the wrong place.
#
# A label stands for everything around it. The bar of label $l_j$ has height $f(l_j)$ and width $\Delta l$; it covers the **bin** from $l_j - \Delta l/2$ to $l_j + \Delta l/2$. So the sum of the bars up to and including $l_k$ is the area up to the **upper edge** of the last bin:
#
# $$ (Tp)_k \approx c\left(l_k + \tfrac{\Delta l}{2}\right). $$
#
# If we stop at $l_k$ itself, the right half of the last bar is missing, about half of its mass:
#
# $$ (Tp)_k - c(l_k) \approx \frac{p_k}{2}. $$

# %% alt="Bars of a label distribution under its density: hatched up to the right edge of the bar at 31, the area is that of the blue bars; hatched only up to 31 itself, half a bar is missing."
plot.edges(grid, p, y, sigma)

# %% [markdown]
# Let us measure both gaps. We take all whole ages from 10 to 90, away from the ends of the grid, and the largest gap over ages and labels.
#
# ### Exercise 3
# Write the measurement.


# %% exercise="edge"
def cdf_gap(ages, sigma, grid, shift):
    """The largest |(T p)_k - c(l_k + shift)| over ages (N,) and labels k.

    Hint: `gaussian_label_distribution` and `gaussian_cdf` both give (N, K), for one sigma or for
    one per age; cumsum along axis 1.
    """
    ### BEGIN SOLUTION
    Tp = np.cumsum(gaussian_label_distribution(ages, sigma, grid), axis=1)
    return np.abs(Tp - gaussian_cdf(ages, sigma, grid + shift)).max()
    ### END SOLUTION


# %% test="edge" points=2
# Expect 0.0024 at the edge and 0.10 at the label for sigma 2; 0.0082 (edge) for sigma 1.
whole = np.arange(10.0, 91.0)
for sigma in (1.0, 2.0):
    at_edge, at_label = cdf_gap(whole, sigma, grid, 0.5), cdf_gap(whole, sigma, grid, 0.0)
    print(f"sigma {sigma}: at the edge {at_edge:.4f}, at the label {at_label:.4f}")
assert abs(at_edge - 0.0024) < 5e-5, f"sigma 2, at the edge: {at_edge:.4f}, expected 0.0024"
assert abs(at_label - 0.0997) < 5e-5, f"sigma 2, at the label: {at_label:.4f}, expected 0.0997"
at_edge = cdf_gap(whole, 1.0, grid, 0.5)
assert abs(at_edge - 0.0082) < 6e-5, f"sigma 1, at the edge: {at_edge:.4f}, expected 0.0082"
beyond = cdf_gap(whole, 2.0, grid, 1.0)
assert abs(beyond - at_label) < 1e-9, (
    "half a bin beyond the edge is as wrong as half a bin before it, with the other sign"
)
labels = label_grid(10, 60, 0.5)
density = norm.pdf(labels, 31.2, 3.0)
loop = max(
    abs(density[: k + 1].sum() / density.sum() - norm.cdf(label + 0.2, 31.2, 3.0))
    for k, label in enumerate(labels)
)
gap = cdf_gap(np.array([31.2]), 3.0, labels, 0.2)
assert abs(gap - loop) < 1e-12, f"on the grid 10, 10.5, ..., 60: {gap:.6f}, expected {loop:.6f}"
### BEGIN HIDDEN TESTS
ends, spreads, loops = np.array([60.2, 3.0, 99.0]), np.array([4.0, 2.0, 6.0]), []
for age, spread in zip(ends, spreads, strict=True):
    density = norm.pdf(grid, age, spread)
    found = np.cumsum(density) / density.sum() - norm.cdf(grid - 0.3, age, spread)
    loops.append(np.abs(found).max())
gap = cdf_gap(ends, spreads, grid, -0.3)
assert abs(gap - max(loops)) < 1e-12, (
    f"near the ends, a sigma each: {gap:.6f}, not {max(loops):.6f}"
)
### END HIDDEN TESTS

# %% [markdown]
# The edge is 40 times better. Why is it not perfect? A bar is not the area under the curve over its bin: the curve bends. Expand $f$ around $l_j$ and integrate over the bin. The odd term cancels by symmetry, and the first error term is the quadratic one:
#
# $$ \int_{-\Delta l/2}^{\Delta l/2} f(l_j + u) \, du = f(l_j) \, \Delta l + \frac{f''(l_j)}{2} \int_{-\Delta l/2}^{\Delta l/2} u^2 du + \dots = f(l_j) \, \Delta l + \frac{\Delta l^3}{24} f''(l_j) + \dots $$
#
# On the left is the area of one bin. On the right are its bar, $f(l_j)\,\Delta l \approx p_j$, and what the bar misses. Add up all bins to $k$. The areas sum to $c$ at the upper edge, the bars to $(Tp)_k$:
#
# $$ c\left(l_k + \tfrac{\Delta l}{2}\right) \approx (Tp)_k + \frac{\Delta l^2}{24} \sum_{j \le k} f''(l_j) \, \Delta l. $$
#
# The last sum is again a sum of bars, under the curve $f''$ this time. So it is nearly the integral of $f''$ from the far left, where $f' = 0$, up to the edge. And that integral is $f'$ at the edge:
#
# $$ (Tp)_k - c\left(l_k + \tfrac{\Delta l}{2}\right) \approx -\frac{\Delta l^2}{24} \, f'\left(l_k + \tfrac{\Delta l}{2}\right). $$
#
# The slope $f'(a) = -\frac{a - y}{\sigma^2} f(a)$ is steepest at $a = y \pm \sigma$, where $f'' = 0$. There it is $1 / (\sigma^2 \sqrt{2 \pi e})$. So the gap is at most about
#
# $$ \frac{\Delta l^2}{24 \, \sigma^2 \sqrt{2\pi e}} \approx \frac{0.0101 \, \Delta l^2}{\sigma^2}, $$
#
# and halving the step makes it four times smaller.

# %%
edges = grid + 0.5
f_slope = -(edges - 30) / 2.0**2 * norm.pdf(edges, 30, 2)
residual = np.cumsum(p) - cdf(edges, 30.0, 2.0)
print(f"gap {np.abs(residual).max():.6f}, what is left {np.abs(residual + f_slope / 24).max():.6f}")
assert np.abs(residual + f_slope / 24).max() < 0.05 * np.abs(residual).max()

factor = 1 / (24 * np.sqrt(2 * np.pi * np.e))
anywhere = np.linspace(10, 90, 1601)
for sigma, step in [(1.0, 1.0), (2.0, 1.0), (2.0, 0.5)]:
    gap = cdf_gap(anywhere, sigma, label_grid(0, 100, step), step / 2)
    print(f"sigma {sigma}, step {step}: {gap:.6f}, formula {factor * step**2 / sigma**2:.6f}")
    assert abs(gap / (factor * step**2 / sigma**2) - 1) < 0.07
assert abs(factor - 0.0101) < 5e-5
ratio = cdf_gap(whole, 2.0, grid, 0.0) / cdf_gap(whole, 2.0, grid, 0.5)
assert 38 < ratio < 43, "the edge is 40 times better"
half_bar = np.cumsum(p) - cdf(grid, 30.0, 2.0) - p / 2
assert np.abs(half_bar).max() < 0.006, "at the label the gap is half a bar, 0.10 at its largest"

# %% [markdown]
# (On whole ages the gap is a little smaller than this, 0.0024 instead of 0.0025, because no edge falls exactly on $y \pm \sigma$.)
#
# At the ends of the grid all this breaks down. For $y = 0$ half of the Gaussian has fallen off; what is left was scaled up to sum to 1, and the CDF knows nothing about that:

# %%
at_zero = cdf_gap(np.array([0.0]), 2.0, grid, 0.5)
print(f"age 0, sigma 2: largest gap {at_zero:.2f}")
assert abs(at_zero - 0.27) < 0.005
assert cdf_gap(np.array([10.0]), 2.0, grid, 0.5) < 0.0025, "at 10 years nothing is felt of it"

# %% [markdown]
# ## 5. The soft answer
#
# $(Tp)_k$ is the probability of "at most $l_k$". So $1 - (Tp)_k$ is the probability of "above $l_k$", and that is question $k$ of the ranking, answered by someone who is not sure:
#
# $$ (1 - Tp)_k = \sum_{j > k} p_j. $$
#
# Of the $K$ entries we use the first $K - 1$: the last is always 0, as nobody is above the last label. The paper's claim is now one line:
#
# $$ p^\text{rank} \approx 1 - Tp \qquad \text{(first } K - 1 \text{ entries)}. $$

# %%
soft = 1 - (T @ p)[:-1]
assert all(abs(soft[k] - p[k + 1 :].sum()) < 1e-15 for k in range(K - 1))


def both_codes(y, sigma):
    """The soft answers and the ranking code of an age, and the largest gap between them."""
    soft = 1 - np.cumsum(gaussian_label_distribution([y], [sigma], grid)[0])[:-1]
    hard = ranking_code([y], grid)[0]
    return soft, hard, np.abs(soft - hard).max()


# %% alt="Three panels compare the ranking code, a jump from 1 to 0, with soft answers, a smooth descent: the largest gap is 0.40 on a label, 0.50 half way between two, and 0.11 where sigma is only 0.5."
codes = {case: both_codes(*case) for case in ((30, 2), (30.5, 2), (30, 0.5))}
plot.codes(codes, grid)
gaps = [gap for _, _, gap in codes.values()]
assert np.allclose(gaps, [0.40, 0.50, 0.11], atol=0.005)


def show(y=30.0, sigma=2.0):
    """The same figure for any age and sigma."""
    plot.codes({(y, sigma): both_codes(y, sigma)}, grid)


slider(show, y=(28.0, 32.0, 0.1), sigma=(0.1, 6.0, 0.1))

# %% [markdown]
# The orange lines are the error of "$\approx$". Far from $y$ there is none: both are certain. Near $y$ it is large. How large? By section 4 the soft answer at the border $b_k = l_k + \Delta l / 2$ is nearly $1 - c(b_k)$. Write $\Phi$ for the CDF of the Gaussian with mean 0 and standard deviation 1. Since the Gaussian is symmetric,
#
# $$ 1 - c(b_k) = 1 - \Phi\left(\frac{b_k - y}{\sigma}\right) = \Phi\left(\frac{y - b_k}{\sigma}\right). $$
#
# If $y \ge b_k$, the hard answer is 1, and the gap is $1 - \Phi((y - b_k)/\sigma) = \Phi(-(y - b_k)/\sigma)$. If $y < b_k$, the hard answer is 0, and the gap is $\Phi(-(b_k - y)/\sigma)$. In both cases
#
# $$ \text{gap}_k \approx \Phi\left(-\frac{|y - b_k|}{\sigma}\right), $$
#
# which is largest at the border nearest to $y$. Call the distance to it $d$. It runs from $\Delta l / 2$ (when $y$ is a label) down to 0 (when $y$ is halfway between two labels):
#
# $$ \text{largest gap} \approx \Phi\left(-\frac{d}{\sigma}\right), \qquad \Phi\left(-\frac{\Delta l}{2 \sigma}\right) \le \Phi\left(-\frac{d}{\sigma}\right) \le \frac12. $$


# %% alt="The largest gap between ranking code and soft answers for ages from 50 to 51: every curve peaks at 0.5 half way, and the smaller sigma is, the lower it falls toward both labels."
def soft_answers(ages, sigma, grid):
    """1 - T p, the first K-1 entries: (N, K-1)."""
    p = gaussian_label_distribution(ages, sigma, grid)
    return 1 - np.cumsum(p, axis=1)[:, :-1]


between = 50 + np.linspace(0, 0.999, 200)
d = np.abs(between - 50.5)
gaps = {}
for sigma in (0.25, 0.5, 1.0, 2.0, 4.0):
    gap = np.abs(soft_answers(between, sigma, grid) - ranking_code(between, grid)).max(axis=1)
    gaps[sigma] = gap
    if sigma >= 1:
        assert np.abs(gap - norm.cdf(-d / sigma)).max() < 0.011
plot.gaps(gaps, between)

# %%
both = np.array([50.0, 50.5])
on_label, half_way = np.abs(soft_answers(both, 2.0, grid) - ranking_code(both, grid)).max(axis=1)
print(f"sigma 2: on a label {on_label:.4f}, half-way {half_way:.4f}")
assert abs(on_label - norm.cdf(-0.25)) < 2e-3 and abs(on_label - 0.40) < 5e-3
assert abs(half_way - 0.5) < 1e-6

# %% [markdown]
# Read the figure slowly: it says three things.
#
# * **On a label** the gap goes to 0 as $\sigma \to 0$. At $\sigma = 2$ it is 0.40.
# * **Halfway** the gap is 0.50 at every $\sigma$. The hard code must choose, the soft one need not.
# * **It does not vanish at a fixed** $\sigma$. A finer grid does not help; it makes things worse: $\Delta l / 2\sigma$ shrinks, and the gap climbs to 0.50 everywhere.

# %%
on_labels = [
    np.abs(soft_answers(np.array([48.0]), 2.0, g) - ranking_code([48.0], g)).max()
    for g in (label_grid(0, 100, step) for step in (4, 2, 1, 0.5, 0.25))
]
print("sigma 2, steps 4, 2, 1, 0.5, 0.25:", np.round(on_labels, 3))
assert (np.diff(on_labels) > 0).all() and 0.47 < on_labels[-1] < 0.5
tiny = np.abs(soft_answers(both, 0.1, grid) - ranking_code(both, grid)).max(axis=1)
assert tiny[0] < 1e-4 and abs(tiny[1] - 0.5) < 1e-9

# %% [markdown]
# ## 6. The gap in years
#
# One more view, and an exact one. Let $j$ be the index of the nearest label, so the hard code is 1 for $k < j$ and 0 from $k = j$ on. Draw a vote from $p$. What is the gap at border $k$?
#
# * Left of $l_j$ ($k < j$) it is $1 - (1 - Tp)_k = (Tp)_k$: the probability that the vote lies *below* this border.
# * Right of it ($k \ge j$) it is $(1 - Tp)_k$: the probability that the vote lies *above* this border.
#
# In both cases it is the probability that the border lies *between the vote and* $l_j$. So the sum of all gaps is the mean number of borders between them. A vote of $l_{j+3}$, for example, has three. Borders are $\Delta l$ apart, so that number times $\Delta l$ is the distance from the vote to $l_j$:
#
# $$ \Delta l \sum_{k=0}^{K-2} \left| p^\text{rank}_k - (1 - Tp)_k \right| = \sum_k p_k |l_k - l_j|. $$
#
# The area between the two codes is the **mean distance of a vote from the nearest label**. For a Gaussian around a label it is about $\sigma\sqrt{2/\pi} \approx 0.80 \, \sigma$ (integrate $|a - y| f(a)$: the antiderivative of $u e^{-u^2/2}$ is $-e^{-u^2/2}$, so it is $2\sigma/\sqrt{2\pi}$). At $\sigma = 2$, 1.6 years. "About equal" is a generous phrase.

# %%
rng = np.random.default_rng(2)
for step in (0.5, 1.0, 2.0):
    labels = label_grid(0, 100, step)
    for y, sigma in [(50.0, 2.0), (23.7, 5.0), (1.2, 3.0)]:
        p = gaussian_label_distribution([y], [sigma], labels)[0]
        area = step * np.abs(ranking_code([y], labels)[0] - (1 - np.cumsum(p)[:-1])).sum()
        distance = p @ np.abs(labels - labels[np.abs(labels - y).argmin()])
        assert abs(area - distance) < 1e-12, "also at the ends, also off the labels"
area = np.abs(ranking_code([50.0], grid) - soft_answers(np.array([50.0]), 2.0, grid)).sum()
print(f"sigma 2: area {area:.3f} years, formula {2 * np.sqrt(2 / np.pi):.3f}")
assert abs(area - 1.6) < 0.05 and abs(area / (2 * np.sqrt(2 / np.pi)) - 1) < 0.03
assert abs(np.sqrt(2 / np.pi) - 0.80) < 0.003

# %% [markdown]
# ## 7. Three codes that look alike
#
# "Older than $l_k$?" has been written in three ways. For whole ages they are the same. ChaLearn's labels are mean votes, such as 30.7, and there they differ:
#
# | code | $p^\text{rank}_k = 1$ if | count of ones on the grid 0, 1, ..., 100 |
# |---|---|---|
# | nearest label | $y \ge l_k + \Delta l / 2$ | $y$ rounded |
# | floor | $\lfloor y \rfloor > l_k$ | $\lfloor y \rfloor$ |
# | published reference code | $y > l_k$ | $\lceil y \rceil$ |

# %%
codes = {
    "nearest label": lambda y: ranking_code(y, grid),
    "floor": lambda y: (np.floor(y)[:, None] > grid[:-1]).astype(float),
    "y > $l_k$": lambda y: (y[:, None] > grid[:-1]).astype(float),
}
whole, ages = np.arange(0.0, 101.0), rng.uniform(10, 90, 20000)
nearest, floor, above = (code(whole) for code in codes.values())
assert (nearest == floor).all() and (nearest == above).all(), "whole ages: the same"
nearest, floor, above = (code(ages).sum(axis=1) for code in codes.values())
assert (nearest == np.floor(ages + 0.5)).all()
assert (floor == np.floor(ages)).all() and (above == np.ceil(ages)).all()
shifts = [(count - ages).mean() for count in (nearest, floor, above)]
print("mean shift in years:", np.round(shifts, 2))
assert np.allclose(shifts, [0, -0.5, 0.5], atol=0.01)
one_by_one = codes["floor"](np.array([30.0, 30.9])).sum(axis=1) - [30.0, 30.9]
assert np.allclose(one_by_one, [0, -0.9])

# %% [markdown]
# So with fractional ages, floor makes people half a year younger on average, and $y > l_k$ half a year older. No single person need move by exactly that: with floor, somebody aged 30.9 loses nearly a year, and somebody aged 30.0 nothing. Next to the soft code it shows:

# %% alt="Left, three hard codes of the age 30.9 beside the soft answers: the floor says no one question earlier than the others. Right, their largest gap against the fraction of a year: the nearest label stays between 0.4 and 0.5, floor and strict comparison reach 0.6."
y = np.array([30.9])
soft, hard = soft_answers(y, 2.0, grid)[0], {name: code(y)[0] for name, code in codes.items()}
all_soft = soft_answers(between, 2.0, grid)
gaps = {name: np.abs(all_soft - code(between)).max(axis=1) for name, code in codes.items()}
plot.three_codes(grid, soft, hard, between, gaps)

# %%
below, over = np.array([50.9999]), np.array([50.0001])
worst_floor = np.abs(soft_answers(below, 2.0, grid) - codes["floor"](below)).max()
worst_above = np.abs(soft_answers(over, 2.0, grid) - codes["y > $l_k$"](over)).max()
print(f"floor: up to {worst_floor:.4f}; y > l_k: up to {worst_above:.4f}")
assert abs(worst_floor - 0.60) < 2e-3 and abs(worst_above - 0.60) < 2e-3
assert abs(worst_floor - norm.cdf(0.25)) < 2e-3, "Phi(+dl / 2 sigma): on the wrong side of 1/2"

inner = np.linspace(15, 85, 7001)
away = np.abs(soft_answers(inner, 2.0, grid) - codes["nearest label"](inner)).max()
assert away < 0.5 + 1e-9, "away from the ends: never on the wrong side of 1/2"
newborn = soft_answers(np.array([0.0]), 2.0, grid)[0, 0]
bars = np.exp(-(np.arange(101.0) ** 2) / 8)  # the hill of a newborn, before it is scaled
print(f"newborn, older than 0.5? The soft answer is {newborn:.3f}")
assert abs(newborn - (1 - 1 / bars.sum())) < 1e-12 and abs(newborn - 0.667) < 5e-4
assert ranking_code([0.0], grid)[0, 0] == 0, "the less likely answer"

# %% [markdown]
# (In the left panel the three sets of markers are moved apart a little, so that you can see all of them.) At $y = 30.9$ floor answers "no" to *are you over 30.5?* and $y > l_k$ is right; at $y = 30.1$ it is the other way around. Their largest gap is $\Phi(+\Delta l/2\sigma) = 0.60$: they can give the answer that the distribution considers *less* likely. Away from the ends of the grid the nearest-label code never does. At the ends it can, like any code of one number: for a newborn, half of the hill has fallen off the grid, what is left was scaled up, and $p$ says "older than 0.5" with a probability of 0.67, while the nearest label says no. tinydldl uses the nearest label.
#
# ## 8. On average the claim is exact
#
# One photo has one hard code, and we saw how far it is from $1 - Tp$. But a data set has many photos of people who look alike, and their labels differ. Let a vote be label $l_j$ with probability $p_j$, and answer the questions for each vote. The mean answer is
#
# $$ \sum_j p_j \, 1[l_j > l_k] = \sum_{j > k} p_j = (1 - Tp)_k. $$
#
# There is no "$\approx$" left, and no Gaussian was needed. And the mean answer is what a network learns. For a question that gets a "yes" with probability $q$, the expected cross entropy of the prediction $s$ is $-q \ln s - (1 - q) \ln(1 - s)$. Its derivative is zero where
#
# $$ -\frac{q}{s} + \frac{1 - q}{1 - s} = 0 \iff q (1 - s) = (1 - q) s \iff s = q. $$
#
# **A ranking network that has seen enough hard codes outputs the soft ones.** This is the sense in which ranking *is* learning a label distribution. (The codes are those of single votes. Where a photo is coded by the mean of its votes, as usual, the same argument gives the distribution of the labels of faces that look alike: it is narrower than $p$, see [lesson 01](01_an_age_is_a_distribution.ipynb).)

# %%
p = gaussian_label_distribution([30.3], [2.0], grid)[0]
all_codes = ranking_code(grid, grid)  # a row for each label
assert np.abs(p @ all_codes - (1 - T @ p)[:-1]).max() < 1e-15, "exact"

q, s = 0.3, np.linspace(0.001, 0.999, 999)
loss = -q * np.log(s) - (1 - q) * np.log(1 - s)
assert abs(s[loss.argmin()] - q) < 1e-9

# %% alt="Mean answers of 1, 10 and 1000 hard codes of votes: one is a single step, ten a coarse staircase, and a thousand follow the dashed curve of soft answers."
soft, mean_codes = (1 - T @ p)[:-1], {}
for count in (1, 10, 1000):
    mean_codes[count] = ranking_code(rng.choice(grid, count, p=p), grid).mean(axis=0)
    gap = np.abs(mean_codes[count] - soft).max()
    print(f"{count:5} votes: largest gap {gap:.3f}")
plot.mean_codes(mean_codes, grid, soft)
assert gap < 0.05, "a thousand votes: the standard error of an answer is at most 0.5/sqrt(1000)"

# %% [markdown]
# ## 9. From answers to an age, exactly
#
# The expectation of a label distribution is $\sum_k p_k l_k$. It can be read off the soft answers without going back to $p$. Call the answers $r_k = (1 - Tp)_k = \sum_{j>k} p_j$ and add two that everyone knows: $r_{-1} = 1$ (everyone is above nothing) and $r_{K-1} = 0$ (nobody is above the last label). Then
#
# $$ p_k = r_{k-1} - r_k, \qquad k = 0, \dots, K - 1. $$
#
# Put this into the expectation, split the sum in two, and rename $k - 1$ to $k$ in the first. This is **summation by parts**, the sum's version of integration by parts:
#
# $$ \sum_{k=0}^{K-1} l_k p_k = \sum_{k=0}^{K-1} l_k r_{k-1} - \sum_{k=0}^{K-1} l_k r_k = \sum_{k=-1}^{K-2} l_{k+1} r_k - \sum_{k=0}^{K-1} l_k r_k. $$
#
# Take $k = -1$ out of the first sum: it is $l_0 r_{-1} = l_0$. Take $k = K - 1$ out of the second: it is $l_{K-1} r_{K-1} = 0$. What is left runs over the same $k$:
#
# $$ \sum_k p_k l_k = l_0 + \sum_{k=0}^{K-2} (l_{k+1} - l_k) \, r_k = l_0 + \Delta l \sum_{k=0}^{K-2} (1 - Tp)_k. $$
#
# The first form holds for any grid, even an uneven one; the second for a step $\Delta l$. No approximation, no Gaussian, any $p$: start at the first label and, for each question, climb one step as far as its answer says yes.

# %%
for _ in range(20):
    uneven = np.sort(rng.uniform(0, 100, 30))
    p = rng.dirichlet(np.ones(30))
    r = 1 - (cumulative_matrix(30) @ p)[:-1]
    before = np.concatenate([[1], r])
    after = np.concatenate([r, [0]])
    assert np.abs(p - (before - after)).max() < 1e-14
    assert abs(p @ uneven - (uneven[0] + np.diff(uneven) @ r)) < 1e-12
    for step in (0.25, 1.0, 4.0):
        even = 7 + step * np.arange(30)
        assert abs(p @ even - (even[0] + step * r.sum())) < 1e-12

# %% [markdown]
# Put the *hard* code into the same formula and you get $l_0 + \Delta l \cdot (\text{count of ones})$, the nearest label. So one formula decodes both.
#
# It also explains why the crude "$\approx$" does so little harm to the estimated age. The gaps on the two sides of $y$ have opposite signs: the soft answers are below the hard ones on the left and above them on the right. In the sum they cancel, although their sizes add up to 1.6 years.

# %%
gaps = soft_answers(np.array([50.0]), 2.0, grid)[0] - ranking_code([50.0], grid)[0]
print(f"sizes of the gaps: {np.abs(gaps).sum():.2f} years; with signs: {gaps.sum():.1e}")
assert abs(np.abs(gaps).sum() - 1.6) < 0.05 and abs(gaps.sum()) < 1e-9
assert grid[0] + ranking_code([50.2], grid).sum() == 50

# %% [markdown]
# Ranking papers decode differently: they **count the answers over 1/2**. What is that in terms of $p$? $r_k > 1/2$ says that more than half of the mass lies above $l_k$. The label with the index of that count is the first one with half of the mass at or below it: the **median** of $p$. For a symmetric hill the two agree to within half a step. For a lopsided one they do not.
#
# ### Exercise 4
# Decode answers both ways.


# %% exercise="decode" stands_for="methods.Ranking"
def mean_and_median(r, grid):
    """(the expectation, the label at the count of answers over 1/2) of answers r (K-1,).

    Hint: one line each. The grid may be uneven.
    """
    ### BEGIN SOLUTION
    return grid[0] + np.diff(grid) @ r, grid[(r > 0.5).sum()]
    ### END SOLUTION


# %% test="decode" points=2
# Expect the expectation to 1e-12; mean and median within half a year for one hill, 7 years apart here.
p = gaussian_label_distribution([30.3], [2.0], grid)[0]
mean, median = mean_and_median(1 - np.cumsum(p)[:-1], grid)
assert abs(mean - p @ grid) < 1e-12, f"one hill: mean {mean}, expected {p @ grid}"
assert median == 30, f"one hill: median {median}, expected the label 30"
assert abs(mean - median) < 0.5, "one hill: mean and median must be within half a year"
two = 0.7 * p + 0.3 * gaussian_label_distribution([55.0], [3.0], grid)[0]
mean, median = mean_and_median(1 - np.cumsum(two)[:-1], grid)
print(f"two bumps: mean {mean:.2f}, median {median:g}")
assert abs(mean - two @ grid) < 1e-12, f"two bumps: mean {mean}, expected {two @ grid}"
assert two[grid < median].sum() < 0.5, f"two bumps: half of the mass is below {median} already"
assert two[grid <= median].sum() >= 0.5, f"two bumps: less than half is at or below {median}"
assert 6 < mean - median < 8, f"two bumps: {mean - median:.1f} years apart, expected about 7"
uneven = np.array([5.0, 6.0, 15.0])
found = mean_and_median(np.array([0.8, 0.6]), uneven)
assert np.allclose(found, [11.2, 15.0]), f"grid 5, 6, 15, answers 0.8, 0.6: {found}"
found = mean_and_median(np.array([0.5, 0.25]), uneven)
assert np.allclose(found, [7.75, 5.0]), f"an answer of just 1/2 is not over 1/2: {found}"
### BEGIN HIDDEN TESTS
found = mean_and_median(np.array([0.9, 0.4, 0.7]), np.array([0.0, 1.0, 4.0, 8.0]))
assert np.allclose(found, [4.9, 4.0]), f"answers that rise, two of them over 1/2: {found}"
found = mean_and_median(np.array([0.2]), np.array([30.0, 40.0]))
assert np.allclose(found, [32, 30]), f"one question, on the grid 30, 40: {found}"
### END HIDDEN TESTS

# %% [markdown]
# ## 10. From ranks back to a distribution
#
# $T$ adds up; its inverse takes differences. Row $k$ of $T p$ minus row $k - 1$ is $p_k$, so
#
# $$ T^{-1} = \begin{pmatrix} 1 & & & \\ -1 & 1 & & \\ & -1 & 1 & \\ & & -1 & 1 \end{pmatrix}, \qquad (T^{-1} s)_k = s_k - s_{k-1}, \quad s_{-1} = 0. $$
#
# It has only two diagonals. Multiply: row $k$ of $T^{-1} T$ is row $k$ of $T$ (ones up to column $k$) minus row $k - 1$ of $T$ (ones up to column $k - 1$), and a single 1 in column $k$ is left. That is the identity.

# %%
T_inverse = np.eye(K) - np.eye(K, k=-1)
assert (T_inverse @ T == np.eye(K)).all() and (T @ T_inverse == np.eye(K)).all()
assert np.abs(T_inverse - np.linalg.inv(T)).max() < 1e-12
s = rng.normal(size=K)
assert np.abs(T_inverse @ s - np.diff(s, prepend=0)).max() < 1e-15

# %% [markdown]
# From answers $r$ to a distribution: $1 - r$ is $Tp$ without its last entry, which is 1. Append it and take differences: $p = T^{-1} (1 - r, \; 1)$.
#
# ### Exercise 5
# Write it.


# %% exercise="back" stands_for="methods.Ranking"
def distribution_of(r):
    """The p (K,) whose soft answers are r (K-1,): T inverse of (1 - r, 1).

    Hint: `np.append`, then `np.diff` with `prepend=0`.
    """
    ### BEGIN SOLUTION
    return np.diff(np.append(1 - r, 1.0), prepend=0)
    ### END SOLUTION


# %% test="back" points=2
# Expect about 1e-16 there and back; a hard code must become a one-hot distribution.
for _ in range(20):
    p = rng.dirichlet(np.ones(K))
    r = 1 - (T @ p)[:-1]
    before = r.copy()
    found = distribution_of(r)
    assert np.array_equal(r, before), "r belongs to the caller: do not change it"
    assert found.shape == p.shape, (
        f"{len(r)} answers make {len(p)} probabilities, not {found.shape}"
    )
    assert np.abs(found - p).max() < 1e-14, "not the p that the answers came from"
one_hot = distribution_of(ranking_code([30.2], grid)[0])
assert one_hot[30] == 1, f"the hard code of 30.2: p_30 is {one_hot[30]}"
assert one_hot.sum() == 1 and np.abs(one_hot).sum() == 1, "the hard code of 30.2: all else is 0"
rising = distribution_of(np.array([0.9, 0.5, 0.6]))
assert np.allclose(rising, [0.1, 0.4, -0.1, 0.6]), f"answers 0.9, 0.5, 0.6 rise once: {rising}"
### BEGIN HIDDEN TESTS
rising = distribution_of(np.array([0.4, 0.7, 0.2, 0.3]))
assert np.allclose(rising, [0.6, -0.3, 0.5, -0.1, 0.3]), f"answers 0.4, 0.7, 0.2, 0.3: {rising}"
single = distribution_of(np.array([0.25]))
assert np.allclose(single, [0.75, 0.25]), f"one answer, 0.25: {single}"
### END HIDDEN TESTS

# %% [markdown]
# So a hard code is a label distribution, too: that of a vote with $\sigma = 0$. But there is a catch: nothing in a ranking network makes its answers fall from question to question. Each output stands alone. The network may say *over 40? 50 percent. Over 41? 60 percent*, which no distribution says. Taking differences then gives
#
# $$ p_k = r_{k-1} - r_k < 0 \quad \text{wherever} \quad r_k > r_{k-1}. $$
#
# **A negative probability.** The sum is still 1, and the formula of section 9 still gives the same number as $\sum_k p_k l_k$, because neither needs $p_k \ge 0$. But it is no longer a distribution.

# %%
r = np.array([0.9, 0.5, 0.6, 0.2])
p = distribution_of(r)
print(p)
assert np.allclose(p, [0.1, 0.4, -0.1, 0.4, 0.2]) and p[2] < 0
assert abs(p.sum() - 1) < 1e-15
assert abs(p @ small[:5] - (small[0] + r.sum())) < 1e-14

# %% [markdown]
# How bad can it be? Imagine a good ranking network: its answers are right except for a little noise, standard deviation 0.03. Taking differences makes the noise $\sqrt2$ times larger, while the entries of $p$ are small, 0.2 at most for $\sigma = 2$.

# %% alt="Noisy soft answers on the left give a distribution with negative bars in the middle panel; after sorting, on the right, no bar is negative and the hill is near the true one."
y, sigma = 40.0, 2.0
truth = gaussian_label_distribution([y], [sigma], grid)[0]
noisy = np.clip((1 - T @ truth)[:-1] + rng.normal(0, 0.03, K - 1), 0, 1)
sorted_answers = np.sort(noisy)[::-1]

found = {"their p: negative in places": distribution_of(noisy)}
found["after sorting"] = distribution_of(sorted_answers)
plot.noisy_answers(grid, noisy, found, truth)
negative = (distribution_of(noisy) < 0).sum()
print(f"{negative} of {K} probabilities are negative")
assert negative > 20
noise = rng.normal(0, 0.03, (1000, K - 1))
assert abs(np.diff(noise, axis=1).std() / (0.03 * np.sqrt(2)) - 1) < 0.01
assert abs(truth.max() - 0.2) < 0.001

# %% [markdown]
# The right panel shows a simple repair: **sort the answers** from large to small. Then no difference is below 0. And since sorting does not change the sum, the expectation does not move at all (on a grid with equal steps).

# %%
repaired = distribution_of(sorted_answers)
assert repaired.min() >= 0 and abs(repaired.sum() - 1) < 1e-14
assert abs(repaired @ grid - distribution_of(noisy) @ grid) < 1e-9, "the same expectation"

# %% [markdown] question="why" points=3
# ### Question
# DLDL-v2 predicts $\hat p$ with a softmax, not the $K - 1$ answers with one sigmoid each, although section 8 says that both learn the same thing. Give two reasons for this that follow from this lesson. Then give one for the other side.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* For the softmax: (1) $\hat p_k > 0$ and $\sum_k \hat p_k = 1$ by construction, so its answers $1 - T\hat p$ always fall; the ranking network's may rise, and then no distribution fits them. (2) The target of a single photo is already the soft code: its $\sigma$ tells how unsure the annotators were, and the network need not infer it from the hard codes of many similar faces. (3) Also good: the target keeps fractional ages exactly (the expectation of the target is $y$), where the hard code rounds them to a label. For ranking: each question can be weighted on its own (OR-CNN does so), no Gaussian has to be assumed, and the mean hard code is the right distribution whatever its shape.
# <!-- ### END SOLUTION -->

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. A network gives the hard ranking code, but each of its $K - 1$ answers is wrong with probability $e$, independently of the others. The age is estimated by counting. What are the mean and the standard deviation of the estimate for a person of $y$ years? For which age is there no bias? And if the estimate were the label of the first "no" instead, from where would the errors come?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* Of the y answers that should be yes, y (1 - e) are, and of the others (K - 1 - y) e: the mean is y + e (K - 1 - 2y). With 101 labels, e = 0.01 and y = 20 that is **20.6** years; there is no bias at 50, and every other estimate is pulled toward the middle. Each answer has the variance e (1 - e), so the standard deviation is sqrt((K - 1) e (1 - e)), here **0.995** years, at any age. The first "no" is decided by the first error among the y answers below: with y = 20 some is wrong with probability 1 - 0.99^20 = 0.18, and then the estimate lies anywhere between 0 and 19. (If all 20 are right and the next is a wrong yes, with probability 0.82 · 0.01, it is too high.) It errs more rarely and much farther, and worse the older the person is. One point for the mean with its age without bias, one for the deviation, one for the first "no".
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * The ranking code answers $K - 1$ questions, one for each border between labels. Its count of ones is the nearest label. Floor and $y > l_k$ shift fractional ages by half a year.
# * $Tp$ is the CDF at the **upper edge** of the bin, to within about $0.0101 \, \Delta l^2 / \sigma^2$, away from the ends and for $\sigma \ge \Delta l$. At the label itself half a bar is missing.
# * For one photo "$p^\text{rank} \approx 1 - Tp$" is rough: off by up to 0.40 on a label and 0.50 halfway at $\sigma = 2$, and by $0.80 \, \sigma$ years in all. Averaged over votes it is exact, and a network learns the average.
# * Always exact: $\sum_k p_k l_k = l_0 + \Delta l \sum_{k<K-1} (1 - Tp)_k$.
# * $T^{-1}$ takes differences. Answers that are not monotone give negative probabilities.
#
# ## Further reading
# * E. Frank, M. Hall, *A Simple Approach to Ordinal Classification*, ECML 2001: yes-or-no questions for ordered classes.
# * Z. Niu, M. Zhou, L. Wang, X. Gao, G. Hua, *Ordinal Regression with Multiple Output CNN for Age Estimation*, CVPR 2016: OR-CNN.
# * S. Chen, C. Zhang, M. Dong, J. Le, M. Rao, *Using Ranking-CNN for Age Estimation*, CVPR 2017.
# * W. Cao, V. Mirjalili, S. Raschka, *Rank consistent ordinal regression for neural networks with application to age estimation*, Pattern Recognition Letters, 2020: answers that cannot rise.
# * B.-B. Gao, H.-Y. Zhou, J. Wu, X. Geng, *Age Estimation Using Expectation of Label Distribution Learning*, IJCAI 2018: the claim.
# * Next: [lesson 03](03_softmax_and_kl.ipynb) makes a network's outputs a distribution, and measures how far it is from the target.
