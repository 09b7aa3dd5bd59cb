# %% [markdown]
# # Lesson 00: Numbers and gradients
#
# | | |
# |---|---|
# | **You will be able to** | say how exact a float is, differentiate a program numerically with the best step, and build a checker that tells a right backward pass from a wrong one |
# | **You need** | derivatives, Taylor's formula, matrices, Python with NumPy |
# | **Minutes** | 90 |
# | **Code** | [`tinydldl/gradcheck.py`](../tinydldl/gradcheck.py), [`tinydldl/layers/`](../tinydldl/layers/base.py) |
#
# A network learns by following gradients. In these lessons you write every gradient by hand, and slips are easy to make: the network often still trains, only worse, and nobody can say why. So before the first layer we build the tool that finds the slip. It takes two things: knowing how exact a computer's numbers are, and what a derivative is.

# %%
from fractions import Fraction

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import norm

import tinydldl.gradcheck as gradcheck
from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.layers import BatchNorm2d, Linear, ReLU, Softmax, Tanh
from tinydldl.losses import kl_from_logits
from tinydldl.notebook import figures, slider, use_style

use_style()
plot = figures("00")

# %% [markdown]
# ## 1. What a float is
#
# A float is a number in binary scientific notation. A `float32` has 32 bits: one for the sign $s$, 8 for the exponent $e$, and 23 for the digits $m$ after the point:
#
# $$ (-1)^s \cdot \left(1 + \frac{m}{2^{23}}\right) \cdot 2^{\,e - 127}, \qquad m = 0, \dots, 2^{23} - 1. $$
#
# This holds for $e = 1, \dots, 254$; the exponents 0 and 255 are kept for zero, for numbers even closer to it, for infinity, and for "not a number". A `float64` has 11 bits for the exponent and 52 for the digits. Let us take some float32 numbers apart and put them back together.

# %%
numbers = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
bits = numbers.view(np.uint32).astype(np.int64)
s, e, m = bits >> 31, (bits >> 23) & 255, bits & (2**23 - 1)
rebuilt = (-1.0) ** s * (1 + m / 2**23) * 2.0 ** (e - 127)
assert np.array_equal(rebuilt, numbers)

# %% [markdown]
# So floats lie on the number line like the marks on a slide rule. For the smallest step up, add 1 to $m$: the number grows by $2^{-23} \cdot 2^{e-127}$. Between 1 and 2, where $e = 127$, the **gap** between neighbors is $2^{-23}$; between 2 and 4 it is twice that, and so on. The gap after 1 has a name, the **machine epsilon**:
#
# $$ \text{eps} = 2^{-23} \approx 1.2 \cdot 10^{-7} \quad\text{(float32)}, \qquad \text{eps} = 2^{-52} \approx 2.2 \cdot 10^{-16} \quad\text{(float64)}. $$
#
# ### Exercise 1
# Find eps without looking at any bits: halve a number for as long as 1 plus half of it is still more than 1.


# %% exercise="epsilon"
def epsilon(dtype):
    """The gap between 1 and the next larger number of `dtype`, by halving.

    Hint: keep everything in the type: `one, gap = dtype(1), dtype(1)`, and halve with `gap / dtype(2)`.
    """
    ### BEGIN SOLUTION
    one, gap = dtype(1), dtype(1)
    while one + gap / dtype(2) > one:
        gap = gap / dtype(2)
    return gap
    ### END SOLUTION


# %% test="epsilon" points=1
# Expect no error at all: both are powers of two.
for dtype, digits in [(np.float32, 23), (np.float64, 52)]:
    found = epsilon(dtype)
    print(f"{dtype.__name__}: {found:.3e}")
    assert found == 2.0**-digits, f"{dtype.__name__}: found {found}, expected 2^-{digits}"
    assert type(found) is dtype, f"{dtype.__name__}: the arithmetic left the type"
looked_up = {"finfo", "spacing", "nextafter"} & set(epsilon.__code__.co_names)
assert not looked_up, f"find it by halving, without {looked_up}"
### BEGIN HIDDEN TESTS
found = epsilon(np.float16)
assert found == 2.0**-10, f"float16: found {found}, expected 2^-10"
assert type(found) is np.float16, "float16: the arithmetic left the type"
### END HIDDEN TESTS

# %% alt="Two rising staircases on logarithmic axes: the gap to the next float doubles at every power of two, from about 1e-10 to 1e-4 for float32 and nine orders of magnitude lower for float64; a dot at x = 1 marks eps."
assert [np.finfo(dtype).eps for dtype in (np.float32, np.float64)] == [2.0**-23, 2.0**-52]
x = np.logspace(-3, 3, 2000)
plot.gaps_between_floats(x)

# %% [markdown]
# Think of ages. At 100 years the next float32 is $7.6 \cdot 10^{-6}$ years away, four minutes. Nobody's age is known to within four minutes, so for *training* float32 is plenty, and it takes half the memory. We will see that for *checking* it is not enough.

# %%
gap = np.spacing(np.float32(100))
minutes = gap * 365.25 * 24 * 60
print(f"{gap:.2e} years = {minutes:.2f} minutes")
assert abs(gap - 7.6e-6) < 5e-8 and abs(minutes - 4) < 0.1
assert np.dtype(np.float32).itemsize * 2 == np.dtype(np.float64).itemsize

# %% [markdown]
# ### Rounding
# A number between two floats is rounded to the nearer one. It moves by half a gap at most. The gap is at most eps times the number, so we get, for any $x$ that is neither too large nor too small for the type,
#
# $$ \text{fl}(x) = x\,(1 + \delta), \qquad |\delta| \le \tfrac12\,\text{eps}. $$
#
# The same holds for the result of one $+$, $-$, $\times$ or $/$: the computer gives the exact result, rounded once. Python's `Fraction` knows the exact result, so we can look.

# %%
rng = np.random.default_rng(1)
worst = 0
for a, b in rng.standard_normal((2000, 2)).tolist():
    for computed, exact in [
        (a + b, Fraction(a) + Fraction(b)),
        (a * b, Fraction(a) * Fraction(b)),
        (a / b, Fraction(a) / Fraction(b)),
    ]:
        worst = max(worst, abs(Fraction(computed) / exact - 1))
print(f"largest |delta|: {float(worst):.3e}, half of eps: {2.0**-53:.3e}")
assert worst <= Fraction(1, 2**53)
x = rng.standard_normal(10_000)
assert np.abs(x.astype(np.float32) / x - 1).max() <= 2.0**-24
assert 0.1 + 0.2 != 0.3, "three numbers and a sum, each rounded in its own way"

# %% [markdown]
# ### Cancellation
# One rounding is harmless. The damage is done by a subtraction of two numbers that are nearly equal. Let $a$ and $b$ carry errors of up to $\tfrac12\text{eps}\,|a|$ and $\tfrac12\text{eps}\,|b|$ from earlier roundings. Their difference carries both, and it is small, so *relative* to it they are large:
#
# $$ \frac{|\text{error of } a - b|}{|a - b|} \le \frac{\text{eps}}{2} \cdot \frac{|a| + |b|}{|a - b|}. $$
#
# With $a = 100.2001$ and $b = 100.2$ in float32 the right side is 0.12, instead of $6 \cdot 10^{-8}$. The leading digits cancel, and the error remains.

# %%
a, b = 100.2001, 100.2
difference = float(np.float32(a) - np.float32(b))
relative = abs(difference / (a - b) - 1)
bound = np.finfo(np.float32).eps / 2 * (a + b) / (a - b)
print(f"a - b = 0.0001, computed {difference:.8f}: off by {relative:.3f}, bound {bound:.3f}")
assert 0.01 < relative <= bound and abs(bound - 0.12) < 0.005

# %% [markdown]
# Remember this quotient. A numerical derivative is just such a subtraction.
#
# ## 2. The derivative, numerically
#
# The derivative is the limit of the slope of a secant. The first idea is to take a small step $h$ and skip the limit; the second is to step to *both* sides:
#
# $$ \text{forward: } \frac{f(x + h) - f(x)}{h}, \qquad \text{central: } \frac{f(x + h) - f(x - h)}{2h}. $$


# %% alt="The curve exp(x) with three straight lines through 0.5: the central difference, of slope 1.83, is nearly parallel to the tangent, of slope 1.65; the forward difference, of slope 2.53, is far too steep."
def secants(h=0.8):
    """Draw the tangent of exp at 0.5, and both secants."""
    f, x = np.exp, 0.5
    lines = {  # slope, and how far above f(x)
        "tangent": (f(x), 0),
        "forward": ((f(x + h) - f(x)) / h, 0),
        "central": ((f(x + h) - f(x - h)) / (2 * h), (f(x + h) + f(x - h)) / 2 - f(x)),
    }
    plot.secants(f, lines, x, h)


secants()
slider(secants, h=(0.1, 1.4, 0.1))

# %%
f, x, h = np.exp, 0.5, 0.8
forward, central = (f(x + h) - f(x)) / h, (f(x + h) - f(x - h)) / (2 * h)
assert forward - f(x) > 4 * (central - f(x)) > 0

# %% [markdown]
# The central secant (blue) is nearly parallel to the tangent (green); the forward one is far too steep. Taylor's formula says why. Write it for both sides:
#
# $$ f(x + h) = f + h f' + \tfrac{h^2}{2} f'' + \tfrac{h^3}{6} f''' + O(h^4), $$
# $$ f(x - h) = f - h f' + \tfrac{h^2}{2} f'' - \tfrac{h^3}{6} f''' + O(h^4), $$
#
# where $f, f', \dots$ are all taken at $x$. The first line gives the forward quotient: subtract $f$, divide by $h$. For the central one subtract the second line from the first: $f$ and $f''$ drop out, since they have the same sign in both; $f'$ and $f'''$ double. Divide by $2h$:
#
# $$ \frac{f(x + h) - f(x)}{h} = f' + \frac{h}{2} f'' + O(h^2), \qquad \frac{f(x + h) - f(x - h)}{2h} = f' + \frac{h^2}{6} f''' + O(h^4). $$
#
# (The even derivatives cancel, all of them, so the next term of the central formula has $h^4$.) So a step ten times smaller makes the forward error ten times smaller, and the central error a hundred times smaller.
#
# ### Exercise 2
# Write the central difference.


# %% exercise="central"
def central_difference(f, x, h):
    """The derivative of f at x by a central difference with step h.

    Hint: one line.
    """
    ### BEGIN SOLUTION
    return (f(x + h) - f(x - h)) / (2 * h)
    ### END SOLUTION


# %% test="central" points=1
# Expect an error of h^2 / 6 times the third derivative, to within 1 percent: about 1e-5 here.
for f, slope, third in [(np.exp, np.exp(0.7), np.exp(0.7)), (np.sin, np.cos(0.7), -np.cos(0.7))]:
    h = 0.01
    error = central_difference(f, 0.7, h) - slope
    print(f"{f.__name__}: error {error:.3e}, expected {h**2 / 6 * third:.3e}")
    assert abs(error / (h**2 / 6 * third) - 1) < 0.01, (
        f"{f.__name__}: not the error of this formula"
    )
assert central_difference(lambda x: 3 * x - 1, 2.0, 0.5) == 3, "a line has no error"
cubic = central_difference(lambda x: x**3, 1.0, 0.5)
assert cubic == 3.25, f"x^3 at 1 with h = 0.5: {cubic}, expected (1.5^3 - 0.5^3) / 1 = 3.25"
### BEGIN HIDDEN TESTS
falling = central_difference(lambda x: 7 - x**2, np.array([-3.0, 0.0, 4.0]), 0.25)
assert np.array_equal(falling, [6, 0, -8]), f"7 - x^2 at -3, 0 and 4: {falling}, expected 6, 0, -8"
far = central_difference(lambda x: x**2, 1e6, 1.0)
assert far == 2e6, f"x^2 at a million with h = 1: {far}, expected two millions"
### END HIDDEN TESTS

# %% [markdown]
# The forward formula, checked in the same way, and the two orders side by side:

# %%
for h in (0.01, 0.001):
    forward_error = (np.exp(0.7 + h) - np.exp(0.7)) / h - np.exp(0.7)
    central_error = central_difference(np.exp, 0.7, h) - np.exp(0.7)
    print(f"h = {h}: forward {forward_error:.2e}, central {central_error:.2e}")
    assert abs(forward_error / (h / 2 * np.exp(0.7)) - 1) < 0.01
    assert abs(central_error / (h**2 / 6 * np.exp(0.7)) - 1) < 0.01

# %% [markdown]
# ### The best step
# So why not take $h = 10^{-15}$? Try it:

# %%
tiny = central_difference(np.exp, 1.0, 1e-15)
print(f"h = 1e-15: {tiny:.4f}, true derivative {np.e:.4f}")
assert abs(tiny - np.e) > 0.05

# %% [markdown]
# This is the cancellation of section 1. The computer does not know $f(x \pm h)$, only a rounded value. The error of each value is about $\text{eps}\,|f|$: half of that from rounding the result, and about as much again because $x \pm h$ was rounded and the library's function is not perfect either. In the worst case the two errors add up to $2\,\text{eps}\,|f|$, and we divide them by $2h$. So there are two errors, one that shrinks with $h$ and one that grows:
#
# $$ E(h) = \underbrace{\frac{h^2}{6} |f'''|}_{\text{Taylor}} + \underbrace{\frac{\text{eps}\,|f|}{h}}_{\text{rounding}}. $$
#
# The best step makes the derivative of $E$ zero:
#
# $$ E'(h) = \frac{h}{3} |f'''| - \frac{\text{eps}\,|f|}{h^2} = 0 \quad\Longrightarrow\quad h^* = \left(\frac{3\,\text{eps}\,|f|}{|f'''|}\right)^{1/3}. $$
#
# There the rounding part is $\text{eps}|f|/h^* = (h^*)^2 |f'''|/3$, which is twice the Taylor part, and $E(h^*) = (h^*)^2 |f'''| / 2$. Unless $f$ is strange, $|f|$ and $|f'''|$ are of the same size, so $h^*$ is near $\text{eps}^{1/3}$, and the best error is near $\text{eps}^{2/3}$: **a third of the digits is always lost.**

# %%
best = {}
for dtype in (np.float32, np.float64):
    eps = float(np.finfo(dtype).eps)

    def model(log_h, eps=eps):  # with |f| = |f'''| = 1
        return np.exp(2 * log_h) / 6 + eps / np.exp(log_h)

    found = minimize_scalar(model, bounds=(-25, 0), method="bounded", options={"xatol": 1e-9})
    best[dtype] = (3 * eps) ** (1 / 3)
    print(
        f"{dtype.__name__}: h* {best[dtype]:.2e}, eps^(1/3) {eps ** (1 / 3):.2e}, E {found.fun:.1e}"
    )
    assert abs(np.exp(found.x) / best[dtype] - 1) < 1e-3
    assert abs(found.fun / (best[dtype] ** 2 / 2) - 1) < 1e-6
    assert abs(best[dtype] / eps ** (1 / 3) - 3 ** (1 / 3)) < 1e-9


# %% [markdown]
# Now measure it. We take $f = \exp$ at $x = 1$, where $f = f' = f''' = e$, and 25 steps in each power of ten. All of the arithmetic is done in one type.


# %% alt="The error of a derivative against the step, a V for each kind of float: rounding errors fall to the left of the best step, the error of the formula rises to its right; float64 gets down to 1e-10 near a step of 1e-5, float32 only to 1e-4 near 1e-2."
def measured(dtype):
    """Steps h, and the error of the central difference of exp at 1 for each, all in `dtype`."""
    decades = 13 if dtype == np.float64 else 7
    h = np.logspace(-decades, 0, 25 * decades + 1).astype(dtype)
    derivative = central_difference(np.exp, dtype(1), h)
    assert derivative.dtype == dtype
    return h.astype(float), np.abs(derivative.astype(float) - np.e)


errors = {}
for dtype in (np.float32, np.float64):
    h, error = measured(dtype)
    assert ((h > 2e-3) & (h < 2e-2)).sum() == 25, "steps in one power of ten"
    model = h**2 / 6 * np.e + np.finfo(dtype).eps * np.e / h
    assert (error < 1.5 * model).all(), "the model is an upper bound, or nearly"
    errors[dtype] = h, error, model
plot.derivative_errors(errors, best)

# %% [markdown]
# A V on logarithmic axes. On its right arm, with slope 2, the dots follow the line: the Taylor error is the same each time. On the left arm, with slope $-1$, they scatter below the line: rounding is a lottery, and the line is its worst case. In float64 the best error is about $10^{-10}$; in float32 it is about $10^{-4}$, and the step has to be a thousand times larger.


# %%
def typical(dtype, factor):
    """The median error for steps within a factor 3 of `factor` times the best step."""
    h, error = measured(dtype)
    return np.median(error[np.abs(np.log(h / (factor * best[dtype]))) < np.log(3)])


for dtype in (np.float32, np.float64):
    at_best = typical(dtype, 1)
    print(f"{dtype.__name__}: typical error at the best step {at_best:.1e}")
    assert at_best < best[dtype] ** 2 / 2 * np.e
    assert typical(dtype, 100) > 1000 * at_best, "too large a step"
    assert typical(dtype, 1e-3) > 100 * at_best, "too small a step"
assert 3e-5 < best[np.float32] ** 2 / 2 * np.e < 3e-4
assert 3e-11 < best[np.float64] ** 2 / 2 * np.e < 3e-10
assert 500 < best[np.float32] / best[np.float64] < 1500

# %% [markdown]
# ### Why losses are checked in float64
# The package takes $h = 10^{-5} \max(1, |x|)$ in float64. Here is what the same step would do in float32. The loss is the KL divergence of lesson 03, for one image and 101 labels; its value is about 3, so in float32 it can only move in jumps of $2.4 \cdot 10^{-7}$. Divided by $2h$ that is a derivative known to 0.012 at best. The entries of the true gradient are mostly smaller than that.

# %%
grid = label_grid(0, 100)
p = gaussian_label_distribution([30.3], [2.0], grid)
logits = np.random.default_rng(2).standard_normal((1, 101))
gradients = {}
for dtype in (np.float32, np.float64):
    x, target, h = logits.astype(dtype), p.astype(dtype), dtype(1e-5)
    ups = [kl_from_logits(x + h * row, target)[0] for row in np.eye(101, dtype=dtype)]
    downs = [kl_from_logits(x - h * row, target)[0] for row in np.eye(101, dtype=dtype)]
    gradients[dtype] = (np.array(ups) - np.array(downs)) / (2 * h)
loss, exact = kl_from_logits(logits, p)
jump = np.spacing(np.float32(loss))
print(f"loss {loss:.2f}, jump {jump:.1e}, over 2h: {jump / 2e-5:.3f}")
print(f"entries below 0.012: {(np.abs(exact) < 0.012).mean():.0%}")
assert 2 < loss < 4 and abs(jump - 2.4e-7) < 1e-8 and abs(jump / 2e-5 - 0.012) < 1e-3
assert (np.abs(exact) < 0.012).mean() > 0.5

# %% alt="A gradient of 101 entries with a deep valley at the true age: in float32 many dots of the numerical gradient lie beside the line, in float64 all lie on it."
errors = {
    dtype: np.abs(gradients[dtype] - exact[0]).max() / np.abs(exact).max()
    for dtype in (np.float32, np.float64)
}
assert errors[np.float32] > 0.02 and errors[np.float64] < 1e-8
plot.gradients(errors, grid, gradients, exact)

# %% [markdown]
# **We train in float32 and check in float64.** A wrong derivative shows in float64. Whether a formula that is right also survives the rounding of float32 is another question: lesson 03 has one that does not.
#
# Why the factor $\max(1, |x|)$ in the step? Because rounding grows with the numbers. Take $f(x) = x^2$ at a million: its value is $10^{12}$, and the gap there is $10^{-4}$. There is no Taylor error at all ($f''' = 0$), so we see rounding alone, and the larger step is better:

# %%
for h in (1e-5, 1e-5 * 1e6):
    error = abs(central_difference(np.square, 1e6 + 0.1, h) / (2e6 + 0.2) - 1)
    print(f"x = 1e6, h = {h:g}: relative error {error:.1e}")
    assert error > 1e-9 if h < 1 else error < 1e-10
assert 1e-4 < np.spacing(1e12) < 2e-4

# %% [markdown]
# ## 3. Functions of many variables
#
# A loss depends on thousands of numbers. Its **gradient** is the array of its partial derivatives: to get $\partial f / \partial x_i$, let only $x_i$ move. As an example take $f(x) = x^\top A x = \sum_{i,j} x_i A_{ij} x_j$ with any square matrix $A$. The variable $x_k$ occurs as the left factor (when $i = k$) and as the right factor (when $j = k$). The product rule gives one sum for each:
#
# $$ \frac{\partial f}{\partial x_k} = \sum_j A_{kj} x_j + \sum_i x_i A_{ik}, \qquad\text{so}\qquad \nabla f = A x + A^\top x = (A + A^\top)\, x. $$
#
# If $x$ moves along a direction $v$, all partial derivatives contribute in proportion: $\frac{d}{dt} f(x + t v)\big|_{t=0} = \sum_i \frac{\partial f}{\partial x_i} v_i$.

# %%
rng = np.random.default_rng(3)
A, x, v = rng.standard_normal((6, 6)), rng.standard_normal(6), rng.standard_normal(6)


def f(x):
    return x @ A @ x


gradient = (A + A.T) @ x
one_by_one = [central_difference(lambda t, e=e: f(x + t * e), 0.0, 1e-5) for e in np.eye(6)]
along_v = central_difference(lambda t: f(x + t * v), 0.0, 1e-5)
assert np.abs(one_by_one - gradient).max() < 1e-8
assert abs(along_v - gradient @ v) < 1e-8

# %% [markdown]
# ### Exercise 3
# Turn this into a function. The array may have any shape, and `f` takes no argument: it reads the very array `x` that you change (so it can be a layer's weight). Restore every entry.


# %% exercise="gradient" stands_for="gradcheck.numerical_gradient"
def numerical_gradient(f, x):
    """The gradient of the number `f()` in the float64 array x that f reads.

    Central differences with step 1e-5 max(1, |x_i|).
    Hint: `for index in np.ndindex(x.shape)` goes through all entries.
    """
    ### BEGIN SOLUTION
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        h = 1e-5 * max(1, abs(value))
        x[index] = value + h
        above = f()
        x[index] = value - h
        below = f()
        x[index] = value
        gradient[index] = (above - below) / (2 * h)
    return gradient
    ### END SOLUTION


# %% test="gradient" points=2
# Expect a largest difference of about 1e-10 from the formula, and 0 from the package's function.
rng = np.random.default_rng(4)
x = rng.standard_normal((3, 4))
before = x.copy()
numeric = numerical_gradient(lambda: (np.sin(x) * x).sum(), x)
assert np.array_equal(x, before), "x must come back unchanged"
assert numeric.shape == (3, 4), f"the gradient has shape {numeric.shape}, x has (3, 4)"
difference = np.abs(numeric - (np.cos(x) * x + np.sin(x))).max()
of_package = gradcheck.numerical_gradient(lambda: (np.sin(x) * x).sum(), x)
print(f"largest difference: {difference:.1e}; {np.abs(numeric - of_package).max():.1e}")
assert difference < 1e-8, f"off by {difference:.1e} from the derivative of x sin x"
assert np.abs(numeric - of_package).max() < 1e-9, "another step than the package's?"
apart = np.array([1e6 + 0.1, 0.5])
slope = numerical_gradient(lambda: apart[0] ** 2, apart)[0]
assert abs(slope / (2 * apart[0]) - 1) < 1e-10, "the step must grow with a large |x|"
slope = numerical_gradient(lambda: np.exp(apart[1]), apart)[1]
assert abs(slope / np.exp(0.5) - 1) < 1e-8, "each entry has a step of its own"
### BEGIN HIDDEN TESTS
cube, weights = np.random.default_rng(17).standard_normal((2, 2, 4, 3))
turned = cube.T  # its entries do not lie one behind the other
numeric = numerical_gradient(lambda: (weights.T * turned**2).sum(), turned)
assert numeric.shape == (3, 4, 2), f"the gradient has shape {numeric.shape}, x has (3, 4, 2)"
off = np.abs(numeric - 2 * weights.T * turned).max()
assert off < 1e-8, f"off by {off:.1e} for an array that is a transposed view"
deep = np.array([-1e6 - 0.1, -0.5])
slope = numerical_gradient(lambda: deep[0] ** 2, deep)[0]
assert abs(slope / (2 * deep[0]) - 1) < 1e-10, "the step must grow with |x|, not with x"
### END HIDDEN TESTS

# %% [markdown]
# It calls $f$ twice for each entry. For a network with a million weights that is two million forward passes for one step: this is a way to check gradients, not to train.
#
# ## 4. The chain rule with an upstream gradient
#
# A layer turns an array $x$ into an array $y$. Later layers turn $y$ into the loss $L$, one number. Suppose that we are given the **upstream gradient** $dy$, whose entries are $dy_k = \partial L / \partial y_k$. (In these lessons a $d$ before a name means the gradient of the loss with respect to it.) What is $dx$? Every $x_j$ acts on the loss through all the $y_k$, and the chain rule sums over these paths:
#
# $$ dx_j = \frac{\partial L}{\partial x_j} = \sum_k \frac{\partial L}{\partial y_k} \frac{\partial y_k}{\partial x_j} = \sum_k dy_k\, J_{kj}, \qquad\text{so}\qquad dx = J^\top dy, $$
#
# where $J$ is the **Jacobian** of the layer, $J_{kj} = \partial y_k / \partial x_j$. This is a vector-Jacobian product. We never build $J$: for a feature map of $64 \times 64 \times 16$ values in and out it would have 4.3 billion entries, 17 gigabytes in float32. The art of a backward pass is to get $J^\top dy$ without $J$.

# %%
entries = (64 * 64 * 16) ** 2
print(f"{entries / 1e9:.2f} billion entries, {4 * entries / 1e9:.1f} gigabytes")
assert abs(entries / 1e9 - 4.3) < 0.05 and abs(4 * entries / 1e9 - 17) < 0.5

# %% [markdown]
# Two examples. **Tanh** works on each value alone, $y_k = \tanh x_k$. With $\tanh' = 1 - \tanh^2$ the Jacobian is diagonal, $J_{kk} = 1 - y_k^2$, and
#
# $$ dx_k = dy_k\,(1 - y_k^2). $$
#
# **Linear** maps $x$ (N, in) to $y_{no} = \sum_i x_{ni} W_{io} + b_o$. Here $x_{ni}$ occurs in $y_{no}$ for every $o$, with the factor $W_{io}$. And $W_{io}$ occurs in $y_{no}$ for every image $n$, with the factor $x_{ni}$; and $b_o$ with the factor 1. Sum over the paths:
#
# $$ dx_{ni} = \sum_o dy_{no} W_{io}, \qquad dW_{io} = \sum_n x_{ni}\, dy_{no}, \qquad db_o = \sum_n dy_{no}. $$
#
# As matrices: $dx = dy\,W^\top$ and $dW = x^\top dy$. In the package a layer has `forward(x)`, which keeps what it will need, and `backward(dy)`, which returns $dx$ and leaves the others in `layer.grads`. First we compare with the chain rule by brute force: the full $J$ of tanh, column by column.

# %%
rng = np.random.default_rng(5)
x, dy = rng.standard_normal(6), rng.standard_normal(6)
columns = [central_difference(lambda t, e=e: np.tanh(x + t * e), 0.0, 1e-5) for e in np.eye(6)]
J = np.stack(columns, axis=1)  # row k, column j: y_k by x_j
tanh = Tanh()
y = tanh.forward(x)
assert np.abs(J - np.diag(1 - y**2)).max() < 1e-9
assert np.abs(tanh.backward(dy) - J.T @ dy).max() < 1e-9
assert np.array_equal(tanh.backward(dy), dy * (1 - y * y))

linear = Linear(3, 4, std=1, rng=rng).to(dtype=float)
x, dy = rng.standard_normal((5, 3)), rng.standard_normal((5, 4))
linear.forward(x)
assert np.allclose(linear.backward(dy), dy @ linear.params["W"].T, atol=1e-14)
assert np.allclose(linear.grads["W"], x.T @ dy, atol=1e-14)
assert np.allclose(linear.grads["b"], dy.sum(axis=0), atol=1e-14)

# %% [markdown]
# ### A number from an array
# Our numerical gradient wants a number, but a layer gives an array. The trick: choose *any* array $dy$, keep it fixed, and pretend that the loss is
#
# $$ L(x) = \sum_k dy_k\, y_k(x). $$
#
# This loss has $\partial L / \partial y_k = dy_k$, so its upstream gradient is the very $dy$ we chose. Now $\partial L/\partial x$ by central differences must equal `layer.backward(dy)`. For the linear layer:


# %%
def upstream_product():
    return (linear.forward(x) * dy).sum()


linear.forward(x)
dx = linear.backward(dy)
assert np.abs(numerical_gradient(upstream_product, x) - dx).max() < 1e-8
for name, value in linear.params.items():
    assert np.abs(numerical_gradient(upstream_product, value) - linear.grads[name]).max() < 1e-8

# %% [markdown]
# ## 5. How close is close enough?
#
# Let $a$ be the analytic gradient, from the backward pass, and $n$ the numerical one. "Smaller than $10^{-8}$" means little if the gradient itself is $10^{-9}$. So we divide by the largest entry of the array:
#
# $$ \text{error} = \frac{\max_i |a_i - n_i|}{\max\left(\max_i |a_i|,\; \max_i |n_i|,\; 10^{-8}\right)}. $$
#
# * Why not divide entry by entry? The rounding part of the error, $\text{eps}|f|/h$, is the same for all entries, since they share $f$. A truly tiny entry drowns in it, and its own relative error says nothing.
# * Why the $10^{-8}$? Only to avoid 0 / 0. Where the whole gradient is 0, $n$ is rounding, about $10^{-11}$, and the error comes out near $10^{-3}$ although all is well: then compare with 0 itself.
#
# Here is a gradient with entries of very different sizes:


# %%
def relative_error(a, n):
    """The largest difference over the largest entry."""
    return np.abs(a - n).max() / max(np.abs(a).max(), np.abs(n).max(), 1e-8)


x = np.array([1.0, -3.0, -30.0])
a, n = np.exp(x), numerical_gradient(lambda: np.exp(x).sum(), x)
by_entry = np.abs(a - n) / np.abs(a)
print(
    f"gradient {a}\nerror of each entry {by_entry}\nerror of the array {relative_error(a, n):.1e}"
)
assert by_entry[2] > 0.1 and relative_error(a, n) < 1e-9
assert relative_error(a, n) == gradcheck.compare("exp", a, n)
assert relative_error(np.zeros(3), np.zeros(3)) == 0

# %% [markdown]
# The gradient is right. The numerical value of its last entry is nothing but rounding, and the error of the array says, rightly, that all is well.
#
# ### Exercise 4
# You have all the parts of a gradient checker. Put them together. Draw $dy$ at random; section 6 says why.


# %% exercise="checker" stands_for="gradcheck.check_layer"
def check(layer, x, rng):
    """The relative error of `layer.backward` at x, in float64, for a random upstream gradient.

    Hint: four lines. forward(x) gives the shape of dy, which `rng.standard_normal(shape)` draws;
    a function without arguments returns the sum of forward(x) times dy. `layer.forward` must have
    been called with x before `layer.backward(dy)`.
    """
    ### BEGIN SOLUTION
    dy = rng.standard_normal(layer.forward(x).shape)
    dx = layer.backward(dy)
    numeric = numerical_gradient(lambda: (layer.forward(x) * dy).sum(), x)
    return relative_error(dx, numeric)
    ### END SOLUTION


# %% test="checker" points=3
# Expect about 1e-10 for the right layers, and 1e-3 or more for the wrong ones.
class Spoiled(Softmax):
    def backward(self, dy):
        return (dy - dy.mean(axis=-1, keepdims=True)) * self.saved[0]


class Scaled(Tanh):
    def backward(self, dy):
        return 1.001 * super().backward(dy)


class Turned(Tanh):
    """The right numbers in the wrong rows."""

    def backward(self, dy):
        return super().backward(dy)[::-1]


class Negated(Tanh):
    def backward(self, dy):
        return -super().backward(dy)


class Faint(Tanh):
    """A thousandth of tanh, with a gradient that is 1% too large."""

    def forward(self, x, save=None):
        return super().forward(x, save) / 1000

    def backward(self, dy):
        return 1.01 * super().backward(dy) / 1000


rng = np.random.default_rng(6)
x = rng.standard_normal((4, 5))
for layer in (Tanh(), Softmax(), Spoiled(), Scaled(), Turned(), Negated(), Faint()):
    error, name = check(layer, x, rng), type(layer).__name__
    print(f"{name:8} {error:.1e}")
    if type(layer) in (Tanh, Softmax):
        assert error < 1e-7, f"{name} is right, and your check says {error:.1e}"
    else:
        assert error > 5e-4, f"{name} has a wrong backward pass, and your check says {error:.1e}"


### BEGIN HIDDEN TESTS
class RowSum(Tanh):
    """Another shape out than in."""

    def forward(self, x, save=None):
        return x.sum(axis=1, keepdims=True)

    def backward(self, dy):
        return np.repeat(dy[:, :1], 5, axis=1)


class OneEntry(Tanh):
    """Wrong in one entry of twenty."""

    def backward(self, dy):
        dx = super().backward(dy)
        dx[3, 4] += 1e-3 * np.abs(dx).max()
        return dx


error = check(RowSum(), x, rng)
assert error < 1e-7, f"a layer with another shape out than in is right, and your check says {error}"
for seed in range(5):
    error = check(OneEntry(), x, np.random.default_rng(seed))
    assert error > 5e-4, f"one entry of dx is wrong, and your check says {error:.1e}"
### END HIDDEN TESTS

# %% [markdown]
# The package's `check_layer` does the same for the input *and* every parameter, and raises an error that names the worst entry. How well are right and wrong separated? We take three correct layers and spoil their $dx$ in four ways.


# %%
def errors(make, x):
    """The relative error of a layer's dx, as it is and spoiled in four ways, over ten draws of dy."""
    spoil = {
        "as it is": lambda dx: dx,
        "0.1% too large": lambda dx: 1.001 * dx,
        "one entry 1% off": lambda dx: dx * (1 + 0.01 * (np.abs(dx) == np.abs(dx).max())),
        "transposed": lambda dx: dx.T,
        "zero": np.zeros_like,
    }
    found = {name: [] for name in spoil}
    for seed in range(10):
        layer = make()
        dy = np.random.default_rng(seed).standard_normal(layer.forward(x).shape)
        dx = layer.backward(dy)
        numeric = numerical_gradient(lambda layer=layer, dy=dy: (layer.forward(x) * dy).sum(), x)
        for name, change in spoil.items():
            found[name].append(relative_error(change(dx), numeric))
    return found


x = np.random.default_rng(7).standard_normal((4, 4))
fresh = np.random.default_rng(8)
makers = [Tanh, Softmax, lambda: Linear(4, 4, std=1, rng=fresh).to(dtype=float)]
results = [errors(make, x) for make in makers]

# %% alt="A row of dots for each of five backward passes: the right one has relative errors of 1e-11 to 1e-10, far left of the limit 1e-7; the four planted errors lie between 1e-3 and 1, far right of it."
plot.planted_bugs(results)
for result in results:
    assert max(result.pop("as it is")) < 1e-9
    assert min(min(values) for values in result.values()) > 5e-4

# %% [markdown]
# Right backward passes are below $10^{-9}$, these wrong ones above $5 \cdot 10^{-4}$, and nothing lies in between. So the limit of $10^{-7}$ is not critical. A mistake in an entry that is small beside the largest gives less, in proportion: if you ever measure $10^{-5}$, look for that, or for a small term that is missing, or for something in float32.
#
# ## 6. Why the upstream gradient must be random
#
# It is tempting to take $dy = (1, \dots, 1)$: then $L$ is just the sum of the outputs. Softmax shows why not. It turns $x$ into positive numbers $\hat p_k = e^{x_k} / \sum_j e^{x_j}$ (lesson 03), and these sum to one, *whatever* $x$ *is*:
#
# $$ L(x) = \sum_k 1 \cdot \hat p_k(x) = \frac{\sum_k e^{x_k}}{\sum_j e^{x_j}} = 1 \quad\Longrightarrow\quad \frac{\partial L}{\partial x_j} = 0 \text{ for all } j. $$
#
# The numerical gradient is zero. The right backward pass, $dx_k = \hat p_k (dy_k - \sum_j dy_j \hat p_j)$, gives $\hat p_k (1 - 1) = 0$. But so does a backward pass that always returns zero, or the spoiled one of Exercise 4, or one that is a hundred times too large. All agree, and the check has seen nothing. Nor does the relative error help: it divides rounding by $10^{-8}$, and its result is the same for right and wrong (the limit rejects both).

# %%
x = np.random.default_rng(9).standard_normal((4, 5))
ones = np.ones((4, 5))
right, wrong = Softmax(), Spoiled()
numeric = numerical_gradient(lambda: right.forward(x).sum(), x)
wrong.forward(x), right.forward(x)
print(
    f"numeric {np.abs(numeric).max():.0e}, right {np.abs(right.backward(ones)).max():.0e}, "
    f"wrong {np.abs(wrong.backward(ones)).max():.0e}"
)
for gradient in (numeric, right.backward(ones), wrong.backward(ones), 100 * right.backward(ones)):
    assert np.abs(gradient).max() < 1e-9, "all are zero, up to rounding"
same = [relative_error(layer.backward(ones), numeric) for layer in (right, wrong)]
print(f"relative errors {same[0]:.3e} and {same[1]:.3e}")
assert abs(same[0] - same[1]) < 1e-6

# %% [markdown]
# Now a random $dy$, each entry from a standard normal distribution. The right backward pass gives $J^\top dy$. A wrong one gives $B^\top dy$ with some other matrix $B$. Their difference is $D\,dy$ with $D = (B - J)^\top$, and the check sees the bug unless $D\,dy = 0$. Since $B \ne J$, the matrix $D$ has a nonzero row. Call it $d$. Then $d \cdot dy$ is one entry of the difference. It is a sum of independent normal numbers, so it is normal itself, with mean 0 and variance
#
# $$ \text{Var}(d \cdot dy) = \sum_k d_k^2\, \text{Var}(dy_k) = |d|^2 > 0. $$
#
# Such a number is exactly 0 with probability 0. How likely is it to be *small*? Divide it by $|d|$: now it is standard normal, with density $1/\sqrt{2\pi}$ at 0. It lies between $-\varepsilon$ and $\varepsilon$ with a probability of about $2\varepsilon / \sqrt{2\pi} \approx 0.8\,\varepsilon$. Our limit is $10^{-7}$. So a bug as large as the gradient itself stays hidden in less than one draw in ten million. (With ones, $d \cdot dy$ is the sum of the row, and here that is 0 for every row.)

# %%
logits = x[:1]
p_hat = Softmax().forward(logits)[0]
J = np.diag(p_hat) - np.outer(p_hat, p_hat)  # softmax's Jacobian: lesson 03
B = np.diag(p_hat) - np.outer(np.full(5, 1 / 5), p_hat)  # the spoiled one's
D = (B - J).T
assert np.abs(B.T @ logits[0] - wrong.backward(np.tile(logits, (4, 1)))[0]).max() < 1e-15
assert np.abs(D).max() > 0.01 and np.abs(D @ np.ones(5)).max() < 1e-15
draws = np.random.default_rng(10).standard_normal((100_000, 5)) @ D[0]
size = np.sqrt((D[0] ** 2).sum())
small = (np.abs(draws) < 0.1 * size).mean()
print(f"spread of d.dy {draws.std():.4f}, |d| {size:.4f}; below 0.1 |d|: {small:.4f}")
assert abs(draws.std() / size - 1) < 0.02 and (draws != 0).all()
assert abs(small - 0.8 * 0.1) < 0.005 and abs(2 * norm.pdf(0) - 0.8) < 0.01

# %% [markdown]
# Batch normalization (lesson 06) has the same blind spot: the sum of its outputs does not depend on its input either.

# %%
for seed in range(3):
    images = np.random.default_rng(seed).standard_normal((2, 4, 4, 3))
    assert abs(BatchNorm2d(3).to(dtype=float).forward(images).sum()) < 1e-12

# %% [markdown]
# ## 7. Kinks
#
# ReLU, $\max(x, 0)$, has no derivative at 0: the slope is 0 on the left and 1 on the right. The package takes 0 there; that is a choice. If $|x| < h$, the two points lie on different sides of the kink, and
#
# $$ \frac{\max(x + h, 0) - \max(x - h, 0)}{2h} = \frac{x + h - 0}{2h} = \frac12 + \frac{x}{2h}, $$
#
# which is neither 0 nor 1.

# %% alt="The derivative of ReLU near its kink: the backward pass jumps from 0 to 1, the central difference rises along a straight line from one step before the kink to one step after it."
h = 1e-5
x = np.linspace(-3 * h, 3 * h, 601)
numeric = central_difference(lambda x: np.maximum(x, 0), x, h)
inside = np.abs(x) < h
relu = ReLU()
relu.forward(np.zeros(1))
assert relu.backward(np.ones(1)) == 0
assert np.abs(numeric[inside] - (0.5 + x[inside] / (2 * h))).max() < 1e-9
assert np.abs(numeric - (x > 0))[np.abs(x) > 1.01 * h].max() < 1e-9

plot.kink(x, h, numeric)

# %% [markdown]
# A right backward pass then looks wrong. Here is the package's message, which says where:

# %%
x = np.random.default_rng(11).standard_normal((4, 5))
x[2, 3] = 3e-6
try:
    gradcheck.check_layer(ReLU(), x, np.random.default_rng(12))
    caught = ""
except gradcheck.GradientError as error:
    caught = str(error)
print(caught)
assert "worst at (2, 3)" in caught

# %% [markdown]
# How often does this happen by chance? A standard normal number lies within $h$ of 0 with a probability of about $2h/\sqrt{2\pi} = 8 \cdot 10^{-6}$. For twenty numbers, never mind. A feature map of $64 \times 64 \times 16$ holds 0.52 such numbers on average. Some maps hold two or more, so fewer than 52% hold any at all: with $n$ numbers, each with probability $q$, a share $1 - (1 - q)^n$ does, here 41%. So there are two rules:
#
# * *A layer with kinks*: choose the input so that no value is near one. (For max pooling the kink is where two values in one window are equal.)
# * *A whole network*: replace ReLU by tanh and max pooling by average pooling for the check. The other layers cannot tell the difference.

# %%
per_value = norm.cdf(h) - norm.cdf(-h)
numbers = 64 * 64 * 16
in_a_map = 1 - (1 - per_value) ** numbers
print(
    f"{per_value:.2e} for each value; {per_value * numbers:.2f} in a map; in {in_a_map:.0%} of maps"
)
assert abs(per_value - 2 * h / np.sqrt(2 * np.pi)) < 1e-14
assert abs(per_value - 8e-6) < 1e-7 and abs(per_value * numbers - 0.52) < 0.005
near = np.random.default_rng(15).binomial(numbers, per_value, 20_000)  # in each of 20,000 maps
assert abs(near.mean() - 0.52) < 0.02 and abs((near > 0).mean() - 0.41) < 0.015
assert abs(in_a_map - (near > 0).mean()) < 0.015

# %% [markdown]
# ### Exercise 5
# Draw an input for ReLU that keeps away from 0 and is still random, with both signs.


# %% exercise="away"
def away_from_zero(rng, shape, margin=0.1):
    """Random numbers of both signs, none of them within `margin` of 0.

    Hint: draw standard normal numbers, and move each away from 0 by the margin.
    """
    ### BEGIN SOLUTION
    x = rng.standard_normal(shape)
    return x + margin * np.where(x < 0, -1, 1)
    ### END SOLUTION


# %% test="away" points=1
# Expect an error of about 1e-11: within its pieces ReLU is a line, and has no Taylor error.
x = away_from_zero(np.random.default_rng(13), (100, 20))
assert x.shape == (100, 20), f"shape {x.shape}, expected (100, 20)"
assert np.abs(x).min() >= 0.1, "a number lies within the margin"
assert 0.4 < (x > 0).mean() < 0.6, "both signs, about as often"
assert len(np.unique(x)) == 2000, "some numbers are equal: random ones are not"
again = away_from_zero(np.random.default_rng(14), (100, 20))
assert not np.array_equal(x, again), "another generator must draw other numbers"
wide = away_from_zero(np.random.default_rng(14), (500,), margin=2.0)
assert np.abs(wide).min() >= 2, f"the margin is 2, and a number is at {np.abs(wide).min():.2f}"
error = gradcheck.check_layer(ReLU(), x[:5].copy(), np.random.default_rng(14))["x"]
print(f"error {error:.1e}")
assert error < 1e-9, f"ReLU's gradient check says {error:.1e} on these numbers"
### BEGIN HIDDEN TESTS
for margin in (0.0, 0.5, 2.0, 3.0):
    x = away_from_zero(np.random.default_rng(21), (4, 5, 100), margin)
    assert x.shape == (4, 5, 100), f"shape {x.shape}, expected (4, 5, 100)"
    assert np.abs(x).min() >= margin, f"margin {margin}: a number is at {np.abs(x).min():.2f}"
    assert 0.45 < (x > 0).mean() < 0.55, f"margin {margin}: {(x > 0).mean():.0%} are positive"
    assert len(np.unique(x)) == x.size, f"margin {margin}: some numbers are equal"
### END HIDDEN TESTS

# %% [markdown] question="limits" points=3
# ### Question
# Your layer passes the check with an error of $10^{-10}$. Name three ways it can still be wrong.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* The check says that `backward` is the derivative of `forward`, at this input. So (1) `forward` itself may compute something other than what you meant: a sum where a mean was intended, with its own correct derivative. (2) Other inputs may take another path: a stride, an odd size, a batch of one, training against inference mode, values large enough to overflow. (3) It ran in float64: in float32 the same formula may overflow or cancel (lesson 03 has one that does). Also good: the gradient of a parameter that was not checked; a backward pass that changes `dy` or adds to old gradients, seen only when it is called twice. Only a second implementation helps against (1): SciPy, or plain loops.
# <!-- ### END SOLUTION -->

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. Central differences lose digits where they subtract. Many NumPy functions also take complex numbers. Show that $f'(x) \approx \operatorname{Im} f(x + ih) / h$, with $i^2 = -1$, and say how its error depends on $h$, which $h$ you choose in float64, and how many digits you get. Which functions of this course does it differentiate wrongly, without an error?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* By Taylor, f(x + ih) = f + ih f' - h² f''/2 - i h³ f'''/6 + ..., and for a function that is real on real numbers the imaginary part over h is f' - h² f'''/6. The error is h², as for central differences, but nothing is subtracted, so no digit is lost and h may be as small as one likes. With h = 1e-20 and f = exp at 0.5 the relative error is below **4.4e-16**, two units in the last digit. It needs a function that is a power series near x. The absolute value is not: NumPy's abs of a complex number is real, so its derivative comes out as 0, silently, and with it that of the loss L1; a conjugate turns the sign. Maxima and ReLU come out right, away from ties and kinks, since NumPy compares real parts first. One point for the series, one for h and the digits, one for what goes wrong.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * A float is exact to a relative error of eps/2; subtracting nearly equal numbers blows this up.
# * Central differences have an error of $h^2 f'''/6 + \text{eps}|f|/h$. The best step is near $\text{eps}^{1/3}$, and it gives about ten digits in float64 but only four in float32. So we check in float64.
# * A backward pass computes $dx = J^\top dy$ without building $J$. To check it, pretend that the loss is $\sum_k dy_k y_k$.
# * Right gives a relative error below $10^{-9}$, wrong usually above $10^{-4}$: the limit is $10^{-7}$.
# * The upstream gradient must be random. With ones, softmax's outputs sum to 1 and its gradient is 0, right or wrong.
# * Keep the input away from kinks.
#
# ## Further reading
# * D. Goldberg, *What Every Computer Scientist Should Know About Floating-Point Arithmetic*, ACM Computing Surveys, 1991.
# * N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, SIAM, second edition 2002: the model fl(x) = x (1 + δ), and what follows.
# * A. Griewank, A. Walther, *Evaluating Derivatives*, SIAM, second edition 2008: gradients of programs.
# * Stanford CS231n, *Neural Networks Part 3*, section "Gradient Checks": practical advice, with the errors to expect.
# * Next: [lesson 01](01_an_age_is_a_distribution.ipynb) turns an age into a distribution.
