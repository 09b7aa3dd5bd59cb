# %% [markdown]
# # Lesson 12: Making it fast
#
# | | |
# |---|---|
# | **You will be able to** | say whether a piece of code waits for memory or for arithmetic, derive a convolution with fewer products by hand and build a layer from it, and say what processes that share a batch must tell each other, and when more machines no longer pay |
# | **You need** | lesson 05 (convolution and its cost), lesson 06 (batch normalization), lesson 07 (a network); polynomials |
# | **Minutes** | 125 |
# | **Code** | [`tinydldl/fast/`](../tinydldl/fast/__init__.py): [`layout.py`](../tinydldl/fast/layout.py), [`winograd.py`](../tinydldl/fast/winograd.py), [`convolution.py`](../tinydldl/fast/convolution.py), [`inference.py`](../tinydldl/fast/inference.py), [`pointwise.py`](../tinydldl/fast/pointwise.py), [`workers.py`](../tinydldl/fast/workers.py), [`engine.py`](../tinydldl/fast/engine.py); [`ranks.py`](../tinydldl/ranks.py) |

# %%
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # one core, until section 7; NumPy reads it when it starts

import subprocess
import sys
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter

import numpy as np

from tinydldl.backend import choose_device, get_array_module, to_device, to_host
from tinydldl.datasets.synthetic import annotate, draw_face, sample_age
from tinydldl.fast import FastNet, available_cores, winograd
from tinydldl.fast.inference import LazyMap, Rows, Tiles
from tinydldl.fast.layout import FeatureMap, Scratch
from tinydldl.fast.stages import flatten
from tinydldl.labels import label_grid
from tinydldl.layers import BatchNorm2d, Conv2d, HybridPool, MaxPool2d, ReLU, Softmax
from tinydldl.methods import DLDLv2
from tinydldl.metrics import mae
from tinydldl.models import AgeNet
from tinydldl.notebook import FAST, figures, use_style
from tinydldl.optim import Adam, step_schedule
from tinydldl.train import baselines

use_style()
plot = figures("12")
rng = np.random.default_rng(12)

# %% [markdown]
# ## 1. Where does the time go?
#
# Our layers are right, and you can read them. Are they fast? Do not guess. Take a clock.
#
# A training step goes forward and back through a row of layers, so we can time each layer on its own. A clock is noisy, but whatever disturbs it (other programs, cold memory) only adds time. So we measure several times and take the shortest. **All times in this lesson are those of the machine that ran it.** They are printed, never checked. What is checked is arithmetic.


# %%
def clock(function, repeats=5):
    """Seconds that one call of `function` takes: the shortest of some calls."""
    seconds = []
    for _ in range(repeats):
        begun = perf_counter()
        function()
        seconds.append(perf_counter() - begun)
    return min(seconds)


def clock_layers(net, x, dy):
    """{name of the layer: seconds, forward and backward}, one step."""
    seconds = {}
    for name, layer in net.layers.items():
        begun = perf_counter()
        x = layer.forward(x)
        seconds[name] = perf_counter() - begun
    for name, layer in reversed(net.layers.items()):
        begun = perf_counter()
        dy = layer.backward(dy)
        seconds[name] += perf_counter() - begun
    return seconds


SIDE, N = (32, 8) if FAST else (64, 32)
net = AgeNet("tiny", 101, side=SIDE, rng=np.random.default_rng(0))
photos = rng.standard_normal((N, SIDE, SIDE, 3), dtype=np.float32)
dlogits = rng.standard_normal((N, 101), dtype=np.float32) / N
steps = [clock_layers(net, photos, dlogits) for _ in range(2 if FAST else 6)]
seconds = {name: min(step[name] for step in steps) for name in net.layers}

# %% [markdown]
# How fast *could* the machine be? The best case is a product of two big matrices, for which the library under NumPy (BLAS) has been tuned for decades. With $n$ by $n$ numbers each, it takes $2n^3$ floating-point operations, FLOPs. A convolution takes two for each multiply-add, and a step takes three times as many as its forward pass (lesson 05).

# %% alt="Left, milliseconds by group of layers: the first group takes the longest, and most of each bar is convolution. Right, how fast the convolutions compute: slowest in the first group, and in the last three about half as fast as a big matrix product."
n = 512 if FAST else 1024
square = rng.standard_normal((n, n), dtype=np.float32)
peak = 2 * n**3 / clock(lambda: square @ square, 20)

KINDS = {Conv2d: "convolution", BatchNorm2d: "batch norm", ReLU: "ReLU"}
KINDS |= dict.fromkeys((MaxPool2d, HybridPool), "pooling")
kinds = list(dict.fromkeys(KINDS.values()))
by_group = np.zeros((len(kinds), 5))  # seconds of each kind of layer in each group
flops = np.zeros(5)  # of the convolutions
for name, layer, shape, _ in net.trace(net.input_shape):
    if type(layer) in KINDS:
        group = int(name.split("_")[0][-1]) - 1
        by_group[kinds.index(KINDS[type(layer)]), group] += seconds[name]
        flops[group] += 2 * 3 * N * layer.multiply_adds(shape)

plot.profile(kinds, by_group, flops, peak)

share = by_group.sum(axis=1) / by_group.sum()
print(f"one step: {1e3 * by_group.sum():.0f} ms; peak: {peak / 1e9:.0f} GFLOP/s")
for kind, part in zip(kinds, share, strict=True):
    print(f"{kind:12} {part:4.0%} of the time")
conv_macs = sum(layer.multiply_adds(s) for _, layer, s, _ in net.trace(net.input_shape))
assert (flops / (6 * N)).sum() == conv_macs - net.layers["fc"].multiply_adds((128,))

# %% [markdown]
# Two surprises. First, batch normalization, ReLU and pooling do a handful of operations for each number, while a convolution does $18\,C$. Yet those three take a good part of the time. Second, the same code runs at very different speeds: group 1, with the most pixels, is far from the dashed line. So FLOPs alone do not explain the time. What does?
#
# ## 2. Two limits: the roofline
#
# A core can do only so many FLOPs per second: its **peak**. And memory can deliver only so many bytes per second: its **bandwidth**. Even if both work at the same time, code takes at least as long as the slower of the two:
#
# $$ \text{time} \;\ge\; \max\left( \frac{\text{FLOPs}}{\text{peak}},\; \frac{\text{bytes}}{\text{bandwidth}} \right). $$
#
# Divide the FLOPs by this. With the arithmetic intensity $I = \text{FLOPs} / \text{bytes}$ of lesson 05,
#
# $$ \text{speed} = \frac{\text{FLOPs}}{\text{time}} \;\le\; \min(\text{peak},\; I \cdot \text{bandwidth}). $$
#
# On logarithmic axes this is a roof: a slope, then a flat part. The two meet at the **ridge**, $I = \text{peak} / \text{bandwidth}$. To the left of it, code waits for memory; to the right, for arithmetic.
#
# We have the peak. For the bandwidth we let an array much larger than the caches go through the core and back: each number is read and written, 8 bytes. One trap: a *copy* to another array looks slower. Many processors read a piece of the target before they overwrite it, so 12 bytes move where the program asks for 8. Changing an array in place hides nothing.

# %%
big = np.ones(2**22 if FAST else 2**25, dtype=np.float32)
other = np.zeros_like(big)
bandwidth = 2 * big.nbytes / clock(lambda: np.negative(big, out=big), 10)
copied = 2 * big.nbytes / clock(lambda: np.copyto(other, big))
print(f"in place {bandwidth / 1e9:.0f} GB/s; a copy {copied / 1e9:.0f} GB/s, if counted as 8 bytes")
print(f"ridge: {peak / bandwidth:.1f} FLOPs for each byte")

# %% [markdown]
# Now the bytes of our convolution, nine shifted products (lesson 05):
#
#     for each tap (i, j):  y += x_pad[:, i : i + H, j : j + W] @ W[i, j]
#
# Suppose that the arrays are too large for the caches (the weights are not). Then for each tap the slice is read, a product is written, and for the sum the product and $y$ are read and $y$ is written.
#
# ### Exercise 1
# Count, for $P$ output positions (all images together), $C$ channels in and $OC$ out, float32.


# %% exercise="cost"
def shifted_cost(P, C, OC):
    """(FLOPs, bytes) of a 3x3 convolution as nine shifted products; only products are counted.

    Hint: an array with a number for each position and channel has 4 P C or 4 P OC bytes.
    """
    ### BEGIN SOLUTION
    flops = 2 * 9 * P * C * OC
    nbytes = 9 * 4 * P * (C + 4 * OC)
    return flops, nbytes
    ### END SOLUTION


# %% test="cost" points=2
# Expect no difference at all: we run the nine products and add up what they touch.
for C, OC in [(3, 16), (8, 8)]:
    x_pad = np.ones((2, 7, 6, C), dtype=np.float32)
    y = np.zeros((2, 5, 4, OC), dtype=np.float32)
    products = moved = 0
    for i, j in np.ndindex(3, 3):
        seen, weights = x_pad[:, i : i + 5, j : j + 4], np.ones((C, OC), dtype=np.float32)
        product = seen @ weights
        y += product
        products += product.size * C
        moved += seen.nbytes + product.nbytes  # the product
        moved += product.nbytes + y.nbytes + y.nbytes  # the sum
    flops, nbytes = shifted_cost(2 * 5 * 4, C, OC)
    case = f"{C} to {OC} channels"
    assert flops == 2 * products, f"{case}: {flops} FLOPs, counted {2 * products}"
    assert nbytes == moved, f"{case}: {nbytes} bytes, counted {moved}"
### BEGIN HIDDEN TESTS
for P, C, OC in ((1, 1, 1), (49, 5, 2), (10**6, 64, 128)):
    found = shifted_cost(P, C, OC)
    touched = 9 * (P * C + P * OC + 3 * P * OC)  # read x, write the product; read two, write y
    assert tuple(found) == (18 * P * C * OC, 4 * touched), (
        f"{P} positions, {C} to {OC} channels: {found}, expected {(18 * P * C * OC, 4 * touched)}"
    )
### END HIDDEN TESTS

# %% [markdown]
# For $OC = C$ the intensity is $18\,PC^2 / (180\,PC) = C/10$. With a perfect cache, which reads $x$ once and writes $y$ once, it would be $18\,PC^2 / (8\,PC) = \tfrac94 C$: 22.5 times as much. That is the price of nine passes.
#
# Here are points to put under the roof: an addition of two arrays (12 bytes for one FLOP), our convolution with 16 and with 128 channels, and the big product, which has $2n^3$ FLOPs for three matrices, so at best $I = n/6$. The convolution writes into arrays that already exist. For 16 channels we also do what the layers do, and let NumPy make a new array for each product.


# %% alt="The roofline, a rising line that turns flat: addition lies at the foot of it, convolutions with 16 channels left of the bend, those with 128 channels and the big product under the flat part."
def nine_products(C, side, count, reuse=True):
    """A function that convolves `count` random images; with `reuse` it makes no new arrays."""
    x_pad = rng.standard_normal((count, side + 2, side + 2, C), dtype=np.float32)
    W = rng.standard_normal((3, 3, C, C), dtype=np.float32)
    product, y = np.zeros((2, count, side, side, C), dtype=np.float32)

    def run():
        for i, j in np.ndindex(3, 3):
            out = product if reuse else None  # None: a new array
            part = np.matmul(x_pad[:, i : i + side, j : j + side], W[i, j], out=out)
            np.add(y, part, out=y)

    return run


count = 2 if FAST else 32
cost_16, cost_128 = shifted_cost(count * 128**2, 16, 16), shifted_cost(count * 32**2, 128, 128)
points = {
    "addition": (1, 12, clock(lambda: np.add(big, other, out=other)) / big.size),
    "16 channels": (*cost_16, clock(nine_products(16, 128, count))),
    "16 channels, new arrays": (*cost_16, clock(nine_products(16, 128, count, reuse=False))),
    "128 channels": (*cost_128, clock(nine_products(128, 32, count))),
    "big product": (2 * n**3, 12 * n**2, 2 * n**3 / peak),
}
for name, (work, moved, time) in points.items():
    print(f"{name:24} {work / moved:8.3f} FLOPs a byte, {work / time / 1e9:7.2f} GFLOP/s")
plot.roofline(peak, bandwidth, points)

assert np.isclose(points["16 channels"][0] / points["16 channels"][1], 1.6)
assert np.isclose(points["128 channels"][0] / points["128 channels"][1], 12.8)
assert np.isclose((18 * 16**2 / (8 * 16)) / 1.6, 22.5) and np.isclose(18 * 16 / 8, 9 / 4 * 16)

# %% [markdown]
# The addition sits near the slope: its time is that of its bytes. With 128 channels there is enough work for each byte; with 16, at $I = 1.6$, memory is the tighter limit, or nearly. (A point may lie above the slope if some of its bytes come from a cache.) The hollow point shows a cost that neither limit includes: the operating system clears new memory, page by page, before our numbers arrive. So the engine reuses its arrays.
#
# The roof shows the ways out. **Move fewer bytes:** work on pieces that stay in the cache, reuse arrays, and do several things in one pass (sections 3 and 6). **Do fewer FLOPs** (sections 4 and 5). **Take a second core**, with a roof of its own (section 7).
#
# ## 3. Layout: what lies beside what
#
# Soon we shall cut images into small tiles and multiply the four pixels of a tile by a small matrix $T$, for every channel of every image. Matrix products like long rows. In the layout of the layers a row has C numbers, then comes the next pixel of the same image. The engine puts **pixels outside, images and channels inside**:
#
#     layers  (N, H, W, C)     image 0: pixel 0, pixel 1, ...     image 1: pixel 0, pixel 1, ...
#     engine  (H, W, N C)      pixel 0: image 0, image 1, ...     pixel 1: image 0, image 1, ...

# %% alt="Memory as a row of 18 boxes, twice: in the layers all pixels of one image lie together; in the engine the same pixel of the three images lies together."
plot.two_orders()

# %% [markdown]
# In the lower strip the pixels 0 to 3 of a tile, for all images at once, are one matrix with 4 rows of $N C$ numbers, in one piece. One product of $T$ with it serves the whole batch. In the upper strip each image has a small matrix of its own, with rows of C numbers only. Both hold the same numbers, and the results are the same. (We take small maps, which stay in the cache.)

# %%
images, side, C = 32, 16, 16
of_layers = rng.standard_normal((images, side, side, C), dtype=np.float32)
# A copy, in the new order:
of_engine = of_layers.transpose(1, 2, 0, 3).reshape(side, side, images * C)
assert (of_engine[5, 7].reshape(images, C) == of_layers[:, 5, 7]).all(), "a pixel of all images"

T = rng.standard_normal((4, 4), dtype=np.float32)
small = of_layers.reshape(images, side, side // 4, 4, C)
long = of_engine.reshape(side, side // 4, 4, images * C)
back = np.matmul(T, long).reshape(side, side, images, C).transpose(2, 0, 1, 3)
difference = np.abs(np.matmul(T, small).reshape(of_layers.shape) - back).max()
assert difference < 1e-5

for name, x in (("layers", small), ("engine", long)):
    time = clock(lambda x=x: np.matmul(T, x), 50)
    shape = f"{x[..., 0, 0].size} products (4, 4) x {x.shape[-2:]}"
    print(f"{name}: {shape:32} {1e3 * time:6.2f} ms")

# %% [markdown]
# And the same memory, read as rows of C numbers, is a matrix of (pixels, images) by channels: ready for a product with weights, as before.
#
# ## 4. Fewer products
#
# Take one row of pixels, one channel. A filter of three taps $g$ makes two outputs from four inputs $d$:
#
# $$ y_0 = d_0 g_0 + d_1 g_1 + d_2 g_2, \qquad y_1 = d_1 g_0 + d_2 g_1 + d_3 g_2. $$
#
# Six products. Four are enough! School algebra shows how.
#
# **Step 1: values instead of coefficients.** Multiply two polynomials,
#
# $$ (g_0 + g_1 t + g_2 t^2)\,(e_0 + e_1 t) = s_0 + s_1 t + s_2 t^2 + s_3 t^3. $$
#
# Multiplied out, that is six products, too: $s_0 = g_0 e_0$, $s_1 = g_1 e_0 + g_0 e_1$, $s_2 = g_2 e_0 + g_1 e_1$, $s_3 = g_2 e_1$. But a polynomial of degree 3 is known as soon as four of its values are known. And the value of a product is the product of the values, $s(t) = g(t)\,e(t)$: **one product for each point.** We choose points that cost next to nothing, 0, 1 and -1, and "infinity", which means the coefficient of the highest power (divide $s(t)$ by $t^3$ and let $t$ grow):
#
# $$ \begin{aligned} s(0) &= g_0 \cdot e_0, & s(1) &= (g_0 + g_1 + g_2)\,(e_0 + e_1), \\ s(\infty) &= g_2 \cdot e_1, & s(-1) &= (g_0 - g_1 + g_2)\,(e_0 - e_1). \end{aligned} $$
#
# Taking values means multiplying a matrix by the coefficients. Each row of that matrix holds the powers of one point.


# %%
def values_at(points, size):
    """The matrix from `size` coefficients to the values at `points`, then at infinity."""
    infinity = np.eye(size)[-1:]
    return np.vstack([np.vander(points, size, increasing=True), infinity])


print(values_at([0, 1, -1], 3))
g, e = rng.standard_normal(3), rng.standard_normal(2)
s = np.convolve(g, e)  # the coefficients of the product, the long way
values = (values_at([0, 1, -1], 3) @ g) * (values_at([0, 1, -1], 2) @ e)  # four products
assert np.allclose(values_at([0, 1, -1], 4) @ s, values)

# %% [markdown]
# **Step 2: back to the coefficients.** $s_0 = s(0)$ and $s_3 = s(\infty)$. The other two follow from $s(1) = s_0 + s_1 + s_2 + s_3$ and $s(-1) = s_0 - s_1 + s_2 - s_3$. Half the sum of the two is $s_0 + s_2$, half the difference is $s_1 + s_3$:
#
# $$ s_2 = \tfrac12\,[s(1) + s(-1)] - s(0), \qquad s_1 = \tfrac12\,[s(1) - s(-1)] - s(\infty). $$

# %%
at_0, at_1, at_minus_1, at_infinity = values
by_hand = [
    at_0,
    (at_1 - at_minus_1) / 2 - at_infinity,
    (at_1 + at_minus_1) / 2 - at_0,
    at_infinity,
]
print(f"largest difference: {np.abs(by_hand - s).max():.1e}")
assert np.abs(by_hand - s).max() < 1e-14

# %% [markdown]
# All three parts are matrices. Call them $G$ (4, 3) for the values of $g$, $A$ (4, 2) for those of $e$, and $B$ (4, 4) for the way back: $s = B\,[(G g) * (A e)]$, where $*$ multiplies entry by entry.
#
# **Step 3: turn it around.** We wanted to filter, not to multiply polynomials. Keep $g$ fixed. Then $s$ is a matrix $M$ times $e$. Write it down, and beside it its transpose times $d$:
#
# $$ M = \begin{pmatrix} g_0 & 0 \\ g_1 & g_0 \\ g_2 & g_1 \\ 0 & g_2 \end{pmatrix}, \qquad M^\top d = \begin{pmatrix} g_0 d_0 + g_1 d_1 + g_2 d_2 \\ g_0 d_1 + g_1 d_2 + g_2 d_3 \end{pmatrix} = y. $$
#
# **Filtering is multiplication of polynomials, transposed.** Multiplying entry by entry with $Gg$ is a product with a diagonal matrix, so $M = B\,\mathrm{diag}(Gg)\,A$. The transpose of a product is the product of the transposes in reverse order:
#
# $$ y = M^\top d = A^\top \mathrm{diag}(Gg)\, B^\top d = A^\top \left[ (G g) * (B^\top d) \right]. $$
#
# Four products. This is Winograd's minimal filtering, $F(2, 3)$: two outputs, three taps.

# %%
M = np.array([[g[0], 0], [g[1], g[0]], [g[2], g[1]], [0, g[2]]])
d = rng.standard_normal(4)
assert np.allclose(M @ e, s) and np.allclose(M.T @ d, np.correlate(d, g, "valid"))
G, A, V = (values_at([0, 1, -1], size) for size in (3, 2, 4))
B = np.linalg.inv(V)  # the way back, left to the computer
assert np.allclose(M, B @ np.diag(G @ g) @ A)
assert np.allclose(M.T @ d, A.T @ ((G @ g) * (B.T @ d)))

# %% [markdown]
# One last touch. $B$ has halves in it, from step 2. The products do not care which factor they come from. So take them out of the columns of $B$ that belong to the points 1 and -1, and put them into the matching rows of $G$: $g$ is transformed once for a whole image, $d$ at every tile.
#
# ### Exercise 2
# Write down the three matrices, with the points in the order $0, 1, -1, \infty$.


# %% exercise="f23"
def f23():
    """A (4, 2), B (4, 4) and G (4, 3) of F(2, 3). A and B hold only 0, 1 and -1, the halves are in G.

    Hint: A and G are the values in step 1; a row of B is one of the four formulas in step 2.
    """
    ### BEGIN SOLUTION
    A = np.array([[1, 0], [1, 1], [1, -1], [0, 1]])
    B = np.array([[1, 0, 0, 0], [0, 1, -1, -1], [-1, 1, 1, 0], [0, 0, 0, 1]])
    G = np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]])
    return A, B, G
    ### END SOLUTION


# %% test="f23" points=3
# Expect no difference at all: fractions are exact. Both sides are linear in d and linear in g, so
# if they agree for all 4 x 3 pairs of unit vectors, they agree for all d and g.
A, B, G = f23()
shapes = A.shape, B.shape, G.shape
assert shapes == ((4, 2), (4, 4), (4, 3)), f"shapes {shapes}, expected (4, 2), (4, 4), (4, 3)"
assert set(np.unique(B)) == {-1, 0, 1}, "only additions and subtractions at every tile"
assert [*A[:3, 1], abs(A[3, 1])] == [0, 1, -1, 1], "the points in the order 0, 1, -1, infinity"
exact = np.vectorize(Fraction, otypes=[object])
for d, g in ((d, g) for d in np.eye(4, dtype=int) for g in np.eye(3, dtype=int)):
    y = list(exact(A).T @ ((exact(G) @ exact(g)) * (exact(B).T @ exact(d))))
    case = f"d = {d}, g = {g}"
    assert y == [d[0:3] @ g, d[1:4] @ g], f"{case}: {y}, expected {[d[0:3] @ g, d[1:4] @ g]}"
d, g = rng.standard_normal(4), rng.standard_normal(3)
difference = np.abs(A.T @ ((G @ g) * (B.T @ d)) - np.correlate(d, g, "valid")).max()
print(f"random numbers: largest difference {difference:.1e}")
assert difference < 1e-14, f"random numbers: off by {difference:.1e}"
### BEGIN HIDDEN TESTS
own_A, own_B, own_G = f23()
assert set(np.unique(own_A)) == {-1, 0, 1}, f"only additions and subtractions in A, too:\n{own_A}"
assert set(np.abs(own_G).ravel()) == {0, 0.5, 1}, f"G holds 0, halves and ones:\n{own_G}"
image, kernel = 1e6 * np.random.default_rng(16).normal(size=(2, 4, 4))
kernel = kernel[:3, :3]
tile = own_A.T @ ((own_G @ kernel @ own_G.T) * (own_B.T @ image @ own_B)) @ own_A
direct = [[(image[i : i + 3, j : j + 3] * kernel).sum() for j in range(2)] for i in range(2)]
off = np.abs(tile - direct).max() / np.abs(direct).max()
assert off < 1e-12, f"in two dimensions: off by {off:.1e} of the largest"
### END HIDDEN TESTS

# %% [markdown]
# ### Two dimensions, and larger tiles
#
# A 3x3 filter on a tile of 4x4 pixels: do it along the columns, then along the rows. Each matrix acts on one axis, so
#
# $$ Y = A^\top \left[ (G\, g\, G^\top) * (B^\top d\, B) \right] A, $$
#
# with 16 products for four outputs, where the formula has 36. And nothing in the derivation depends on the number 2. For $m$ outputs take $n = m + 2$ points; $B$ is the inverse of the matrix that takes values of $n$ coefficients. The engine computes $F(4, 3)$, with the points $0, \pm 1, \pm 2, \infty$: 6 products instead of 12 in a row, 36 instead of 144 in a tile.


# %%
def recipe(m, points):
    """A (n, m), B (n, n), G (n, 3) of F(m, 3): values at n = m + 2 points, the last is infinity."""
    return values_at(points, m), np.linalg.inv(values_at(points, m + 2)), values_at(points, 3)


SETS = {
    2: recipe(2, [0, 1, -1]),
    4: (winograd.A, winograd.B, winograd.G),
    6: recipe(6, [0, 1, -1, 2, -2, 1 / 2, -1 / 2]),
}
for m, (A, B, G) in SETS.items():
    d, g = rng.standard_normal((m + 2, m + 2)), rng.standard_normal((3, 3))
    Y = A.T @ ((G @ g @ G.T) * (B.T @ d @ B)) @ A
    formula = [[(d[i : i + 3, j : j + 3] * g).sum() for j in range(m)] for i in range(m)]
    assert np.abs(Y - formula).max() < 1e-12
    print(f"F({m}x{m}, 3x3): {(m + 2) ** 2:2} products, the formula has {9 * m * m}")
assert [((m + 2) ** 2, 9 * m * m) for m in (2, 4)] == [(16, 36), (36, 144)]


def one_tensor(A, B, G):
    """What a point does to (y, d, g), whichever of the three brings a factor."""
    return np.einsum("pm,dp,pg->pmdg", A, B, G)


ours = recipe(4, [0, 1, -1, 2, -2])
assert np.allclose(one_tensor(*ours), one_tensor(*SETS[4])), "the engine's matrices, derived"

# %% [markdown]
# ### What the transforms cost
#
# They are not free. Count multiplications as matrix products make them, zeros and ones included. For one tile, with $n = m + 2$:
# * the products at the points, for all pairs of channels: $n^2\, C\, OC$;
# * $B^\top d\, B$ for each channel in: two products of $n$ by $n$ matrices, $2 n^3 C$;
# * $A^\top M A$ for each channel out: $(m, n)$ times $(n, n)$, then times $(n, m)$: $(m n^2 + m^2 n)\, OC$.
#
# The filters are transformed once for all tiles, so they do not count. The formula itself needs $9\, m^2\, C\, OC$.
#
# ### Exercise 3
# Write the ratio. Where it is below 1, the detour pays off.


# %% exercise="ratio"
def ratio(m, C, OC):
    """Multiplications of F(m x m, 3x3) for a tile, over those of the formula.

    Hint: add up the three counts above, and divide.
    """
    ### BEGIN SOLUTION
    n = m + 2
    transforms = 2 * n**3 * C + (m * n**2 + m**2 * n) * OC
    return (n**2 * C * OC + transforms) / (9 * m**2 * C * OC)
    ### END SOLUTION


# %% test="ratio" points=2
# Expect no difference: the numbers of a tile count how often they are multiplied. And with very many
# channels the formula needs 36/16 and 144/36 times as many multiplications.
class Counted(float):
    """A number that counts its products, and those of the numbers that come from it."""

    products = 0

    def __add__(self, other):
        return Counted(float(self) + float(other))

    def __mul__(self, other):
        Counted.products += 1
        return Counted(float(self) * float(other))

    __radd__, __rmul__ = __add__, __mul__


for m, C, OC in [(2, 3, 1), (4, 2, 3)]:
    A, B, _ = SETS[m]
    U = rng.standard_normal((C, OC, m + 2, m + 2))  # filters, transformed beforehand
    d = np.vectorize(Counted, otypes=[object])(rng.standard_normal((C, m + 2, m + 2)))
    Counted.products = 0
    V = [B.T @ d[c] @ B for c in range(C)]
    Y = [A.T @ sum(U[c, o] * V[c] for c in range(C)) @ A for o in range(OC)]
    print(f"F({m}x{m}), {C} to {OC} channels: {Counted.products} products for a tile")
    found, counted = ratio(m, C, OC), Counted.products / (9 * m * m * C * OC)
    assert np.isclose(found, counted, rtol=1e-12), f"{m}, {C}, {OC}: {found}, counted {counted}"
for m, limit in ((2, 36 / 16), (4, 144 / 36)):
    found = 1 / ratio(m, 1e9, 1e9)
    assert np.isclose(found, limit), f"F({m}x{m}), many channels: {found} times fewer, not {limit}"
### BEGIN HIDDEN TESTS
for m, C, OC in ((1, 1, 1), (3, 2, 5), (6, 16, 4)):
    n = m + 2
    inputs = C * (n * n * n + n * n * n)  # B.T times a tile, then times B
    outputs = OC * (m * n * n + m * n * m)  # A.T times the sums, then times A
    expected = (n * n * C * OC + inputs + outputs) / (m * m * 9 * C * OC)
    found = ratio(m, C, OC)
    assert np.isclose(found, expected, rtol=1e-12), (
        f"F({m}x{m}), {C} to {OC} channels: {found:.4f}, expected {expected:.4f}"
    )
### END HIDDEN TESTS

# %% alt="Multiplications compared with the formula against the number of channels, for tiles of 2, 4 and 6: all curves fall, cross 1 between 6 and 9 channels, and end below a half."
channels = np.geomspace(1, 512, 100)
ratios = {m: ratio(m, channels, channels) for m in SETS}
plot.multiplications(ratios, channels)

even = {m: next(C for C in range(1, 99) if ratio(m, C, C) < 1) for m in SETS}
print("pays from this many channels on:", even)
print(f"F(4x4): {ratio(4, 16, 16):.2f} with 16 channels, {ratio(4, 128, 128):.2f} with 128,")
print(f"        {ratio(4, 3, 16):.3f} in the first convolution, from 3 channels to 16")
assert even == {2: 9, 4: 7, 6: 7}
assert (round(ratio(4, 16, 16), 2), round(ratio(4, 128, 128), 2)) == (0.54, 0.29)
assert 0.99 < ratio(4, 3, 16) < 1

# %% [markdown]
# $F(2 \times 2)$ pays off from nine channels on, $F(4 \times 4)$ from seven: with 16 channels it takes 54% of the multiplications, with 128 channels 29%. Only the first convolution, with three channels in, is a draw.
#
# ## 5. A layer built on it
#
# Let a layer have many channels. Output channel $o$ is a sum over input channels, $Y_o = \sum_c A^\top [\,U_{co} * V_c\,] A$, with $U_{co} = G\, g_{co}\, G^\top$ and $V_c = B^\top d_c\, B$. The way back is linear, so it can wait until after the sum:
#
# $$ Y_o = A^\top \left[ \sum_c U_{co} * V_c \right] A. $$
#
# Look at one of the $n^2$ points, for all tiles at once. There the sum over $c$ is a matrix product, (tiles, C) times (C, OC). **So a convolution becomes $n^2$ matrix products**, between two cheap transforms.
#
# ### Exercise 4
# Put it together. The tiles are cut for you. Transform them, transform the filters, multiply, transform back. For the products the points come first, so that `@` sees a stack of $n^2$ matrices.


# %% exercise="layer" stands_for="layers.Conv2d layers.taps.forward layers.im2col.forward"
def winograd_conv2d(x_pad, W, A, B, G):
    """y (N, H, W, OC) of x_pad (N, H + 2, W + 2, C) and W (3, 3, C, OC); m divides H and W.

    Hint: in `tiles` (N, TH, TW, C, n, n) the last two axes are a tile, and `B.T @ tiles @ B`
    transforms them all. Move the points to the front with `.transpose`, then
    `.reshape(n * n, -1, C)`. At the end (N, TH, TW, OC, m, m) must become (N, TH m, TW m, OC).
    """
    (n, m), (C, OC) = A.shape, W.shape[2:]
    A, B, G = (X.astype(x_pad.dtype) for X in (A, B, G))
    tiles = np.lib.stride_tricks.sliding_window_view(x_pad, (n, n), axis=(1, 2))[:, ::m, ::m]
    N, TH, TW = tiles.shape[:3]
    ### BEGIN SOLUTION
    V = B.T @ tiles @ B  # (N, TH, TW, C, n, n)
    U = G @ W.transpose(2, 3, 0, 1) @ G.T  # (C, OC, n, n)
    V, U = V.transpose(4, 5, 0, 1, 2, 3), U.transpose(2, 3, 0, 1)
    M = V.reshape(n * n, -1, C) @ U.reshape(n * n, C, OC)  # (n n, N TH TW, OC)
    M = M.reshape(n, n, N, TH, TW, OC).transpose(2, 3, 4, 5, 0, 1)
    Y = A.T @ M @ A  # (N, TH, TW, OC, m, m)
    return Y.transpose(0, 1, 4, 2, 5, 3).reshape(N, TH * m, TW * m, OC)
    ### END SOLUTION


# %% test="layer" points=3
# Expect differences of about 1e-14 from the package's layer, in float64.
conv = Conv2d(3, 5, 3, padding=1, bias=False, rng=rng).to(dtype=float)
x = rng.standard_normal((2, 12, 24, 3))
x_pad, y = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), conv.forward(x)
before = x_pad.copy()
for m, matrices in SETS.items():
    found, case = winograd_conv2d(x_pad, conv.params["W"], *matrices), f"F({m}x{m}, 3x3)"
    assert found.shape == y.shape, f"{case}: shape {found.shape}, expected {y.shape}"
    difference = np.abs(found - y).max()
    print(f"{case}: largest difference {difference:.1e}")
    assert difference < 1e-12, f"{case}: off by {difference:.1e} from the layer"
assert np.array_equal(x_pad, before), "x_pad belongs to the layer below: do not change it"
single = winograd_conv2d(np.float32(x_pad), np.float32(conv.params["W"]), *SETS[2])
assert single.dtype == np.float32, "float32 must not fall into float64"
### BEGIN HIDDEN TESTS
for points, size in ((2, (1, 4, 2, 1, 1)), (4, (3, 8, 12, 4, 7)), (6, (1, 6, 6, 2, 1))):
    few, (count, high, wide, *both) = np.random.default_rng(points), size
    padded, filters = (
        few.normal(size=(count, high + 2, wide + 2, both[0])),
        few.normal(size=(3, 3, *both)),
    )
    direct = sum(padded[:, i : i + high, j : j + wide] @ filters[i, j] for i, j in np.ndindex(3, 3))
    for scale in (1, 3):  # three times A is nine times y
        A_scaled, *rest = SETS[points]
        found, case = (
            winograd_conv2d(padded, 1e3 * filters, scale * A_scaled, *rest),
            f"{scale} A, x_pad {padded.shape}, W {filters.shape}",
        )
        assert found.shape == direct.shape, f"{case}: shape {found.shape}, not {direct.shape}"
        off = np.abs(found / 1e3 / scale**2 - direct).max() / np.abs(direct).max()
        assert off < 1e-11, f"{case}: off by {off:.1e}"
### END HIDDEN TESTS

# %% [markdown]
# The backward pass needs nothing new. Lesson 05 showed that $dx$ is a convolution of $dy$, with the kernel rotated by half a turn and C and OC swapped:

# %%
dy = rng.standard_normal(y.shape)
dx = conv.backward(dy)
turned = conv.params["W"][::-1, ::-1].transpose(0, 1, 3, 2)
dy_pad = np.pad(dy, ((0, 0), (1, 1), (1, 1), (0, 0)))
difference = np.abs(winograd_conv2d(dy_pad, turned, *SETS[4]) - dx).max()
print(f"dx: largest difference {difference:.1e}")
assert difference < 1e-12

# %% [markdown]
# Your function transforms all tiles at once, so `V` is large: for $F(4 \times 4)$ it has $6^2 / 4^2 = 2.25$ numbers for each pixel. The engine takes **a block of tiles at a time**, few enough that their transforms stay in the core's own cache, and works in the layout of section 3, with its long rows. It is the same arithmetic:

# %%
A, B, G = SETS[4]
assert (4 + 2) ** 2 / 4**2 == 2.25
inside_out = x_pad.transpose(1, 2, 0, 3).reshape(14, 26, -1)  # (H + 2, W + 2, N C)
V = winograd.image_to_points(B.T, inside_out, Scratch(), "V")
tiles = np.lib.stride_tricks.sliding_window_view(x_pad, (6, 6), axis=(1, 2))[:, ::4, ::4]
expected = (B.T @ tiles @ B).transpose(4, 5, 1, 2, 0, 3)
assert V.shape == (6, 6, 3, 6, 2 * 3)
assert np.abs(V.reshape(expected.shape) - expected).max() < 1e-12

# %% [markdown]
# ### The price: rounding
#
# The transforms add and subtract numbers that are larger than the result, and what cancels leaves its rounding error behind (lesson 00). More points need larger numbers: the largest in $A$ is 1 for two outputs, 8 for four and 32 for six. Measure it with your layer in float32, against the plain convolution in float64, with the standard deviation of the output as the unit.

# %% alt="Errors in float32: direct and with tiles of 2 about 1e-6 at the largest, with tiles of 4 and 6 about fifty times that."
C, count = (64, 1) if FAST else (64, 4)
x = rng.standard_normal((count, 24, 24, C))
conv = Conv2d(C, C, 3, padding=1, bias=False, rng=rng)
x32, W32 = x.astype(np.float32), conv.params["W"]
x32_pad = np.pad(x32, ((0, 0), (1, 1), (1, 1), (0, 0)))
results = {"direct": conv.forward(x32)}
results |= {f"F({m}x{m})": winograd_conv2d(x32_pad, W32, *SETS[m]) for m in SETS}
exact_y = conv.to(dtype=float).forward(x32.astype(float))
errors = {name: np.abs(y - exact_y) / exact_y.std() for name, y in results.items()}
typical = {name: np.sqrt((error**2).mean()) for name, error in errors.items()}
largest = {name: error.max() for name, error in errors.items()}
plot.rounding(largest, typical)
for name in errors:
    print(f"{name:8} typical (root mean square) {typical[name]:.1e}, largest {largest[name]:.1e}")
assert [SETS[m][0].max() for m in SETS] == [1, 8, 32]
assert results["F(4x4)"].dtype == np.float32
assert typical["direct"] < typical["F(4x4)"] < typical["F(6x6)"]
assert 3 < typical["F(4x4)"] / typical["direct"] < 30, "one decimal digit, about"

# %% [markdown]
# $F(4 \times 4)$ loses about one decimal digit of the seven, $F(6 \times 6)$ more, and by the count above it would save little beyond $F(4 \times 4)$. So the engine stops at 4. Is a digit a problem? Section 8 will ask a training run.
#
# ## 6. One pass instead of many
#
# After a convolution comes $z$, then batch normalization and ReLU. The layers make a new array for each step. But once mean and variance of the batch are known, batch normalization is only a scale and a shift for each channel:
#
# $$ a = \max\left(\gamma\, \frac{z - \text{mean}}{\sqrt{\text{var} + \varepsilon}} + \beta,\; 0\right) = \max(\text{scale} \cdot z + \text{shift},\; 0), \qquad \text{scale} = \frac{\gamma}{\sqrt{\text{var} + \varepsilon}}, \quad \text{shift} = \beta - \text{scale} \cdot \text{mean}. $$

# %%
z = 3 + 2 * rng.standard_normal((N, SIDE, SIDE, 16))
norm, relu = BatchNorm2d(16).to(dtype=float), ReLU()
norm.params["gamma"][...] = rng.uniform(0.5, 2, 16)
norm.params["beta"][...] = rng.standard_normal(16)
scale = norm.params["gamma"] / np.sqrt(z.var(axis=(0, 1, 2)) + norm.eps)
shift = norm.params["beta"] - scale * z.mean(axis=(0, 1, 2))
difference = np.abs(np.maximum(scale * z + shift, 0) - relu.forward(norm.forward(z))).max()
print(f"largest difference: {difference:.1e}")
assert difference < 1e-12

# %% [markdown]
# Two things follow. **Time:** scale, shift and maximum can be applied when the next convolution reads its input. **Memory:** for the backward pass the layers keep the padded input of each convolution, the normalized values of each batch normalization, and the output of each ReLU: three arrays of 4 bytes per number. The engine keeps $z$, the padded input of each convolution, and the maxima where there is pooling. What lies between is computed from $z$ again when it is needed. Count what they hold after a forward pass:


# %%
def bytes_of(arrays):
    """Bytes of arrays; one that several layers keep counts once."""
    return sum({array.__array_interface__["data"][0]: array.nbytes for array in arrays}.values())


model = AgeNet("tiny", 101, side=64, rng=np.random.default_rng(0))
x = rng.standard_normal((4, 64, 64, 3), dtype=np.float32)
model.forward(x)
layers = [layer for _, layer in flatten(model.layers)]
kept = bytes_of(a for layer in layers for a in layer.saved if isinstance(a, np.ndarray))

fast = FastNet(model)
fast.forward(x)
found = [a for stage in fast.own.stages for a in getattr(stage, "saved", None) or ()]
maps = [a.values for a in found if isinstance(a, FeatureMap)]
inputs = [a for a in found if isinstance(a, np.ndarray) and a.ndim == 3]
kept_fast = bytes_of(maps + inputs)

shapes = [(x, z) for name, _, x, z in model.trace((64, 64, 3)) if name.startswith("conv")]
numbers = 4 * sum(int(np.prod(z)) for _, z in shapes)
print(f"layers {kept / numbers:.2f} bytes, engine {kept_fast / numbers:.2f}, for each number of z")
assert len(shapes) == 13 and 11 < kept / numbers < 13
pooled = [np.prod(out) for name, layer, _, out in model.trace((64, 64, 3)) if name[:4] == "pool"]
pooled[-1] = 2 * 2 * 128  # the maxima inside of hybrid pooling
padded = [(H + 2) * (W + 2) * C for (H, W, C), _ in shapes]
assert kept_fast == 4 * (numbers + 4 * sum(pooled) + 4 * sum(padded))
assert round(kept_fast / numbers, 2) == 7.86 and round(4 * 4 * sum(padded) / numbers, 1) == 3.4

# %% [markdown]
# The engine keeps 7.86 bytes for each number: 4 for $z$, 3.4 for the inputs, the rest for the maxima. (Buffers for transformed tiles come on top, but all layers share them.) It could do without the inputs, and compute them from $z$ a second time in the backward pass. That is memory for time, a trade that every engine makes somewhere.
#
# One more shortcut: the engine takes the maxima of $z$, *before* batch normalization and ReLU. Then three out of four numbers never have to be normalized at all.

# %%
pool = MaxPool2d(2)
after = pool.forward(np.maximum(scale * z + shift, 0))
before = np.maximum(scale * pool.forward(z) + shift, 0)
assert (scale > 0).all() and np.abs(after - before).max() < 1e-12
wrong = np.maximum(-scale * pool.forward(z) + shift, 0)
assert np.abs(wrong - pool.forward(np.maximum(-scale * z + shift, 0))).max() > 1

# %% [markdown] question="order" points=2
# ### Question
# Why may max-pooling trade places with scale, shift and ReLU? The last line of the cell shows that for a negative scale it may not, and a network can learn a negative $\gamma$. What could the engine do in that case to still pool first?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* For a scale of at least 0, $z \mapsto \max(\text{scale} \cdot z + \text{shift}, 0)$ never decreases, so the largest $z$ of a window gives the largest activation: maximum first or last, the result is the same. With a negative scale the order is reversed, and the largest activation belongs to the smallest $z$. Repairs: take the minimum in those channels; or, as the engine does, flip the sign of the filters of such a channel, so that $-z$ is computed, and use $|\gamma|$. One point for "the function does not decrease, so it keeps the order", one for a repair that works.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ### Where memory lies
#
# Time can go without a single operation, on addresses alone. A program's addresses are not those of the memory: the processor translates them, page by page, and remembers its last translations, though not many. A page usually has 4 kB, a thousand numbers. But a block of transformed tiles is 36 planes, one for each point, and the transform goes through all of them for every row of tiles, so the translations run out. Linux has pages of 2 MB as well. NumPy asks for them, but only for an array of 4 MB or more. So the engine takes 4 MB more than a buffer needs, begins where a page begins, and leaves the rest alone: what is never touched takes no memory. The same transform in both:

# %%
block = np.random.default_rng(6).standard_normal((14, 66, 256), dtype=np.float32)
small, huge = Scratch(), Scratch()
small.buffers = {name: np.empty(2**19, np.float32) for name in ("half", "V")}  # 2 MB each
points = []
for name, scratch in (("pages of 4 kB", small), ("huge pages", huge)):

    def transform(scratch=scratch):
        return winograd.image_to_points(winograd.B.T, block, scratch, "V")

    points.append(transform())
    print(f"{name:13} {1e3 * clock(transform):.3f} ms")
assert np.array_equal(*points)

# %% [markdown]
# Where the system has no such pages, or no more of them, both lines say the same. On an Intel Xeon a whole training step at 64 pixels, on two processes, takes 0.88 of the time with them (both versions in turn, the median of twelve rounds).
#
# ### Without a way back: inference
#
# A network that only answers keeps nothing for a backward pass, and its batch normalization uses the running mean and variance, which stand still. So the scale can be multiplied into the filters, once and for all, and normalization costs no time at all:
#
# $$ \text{scale}\,(x * W) + \text{shift} = x * (\text{scale}\; W) + \text{shift}. $$
#
# Even the shift is nearly free. The point 1 of section 4 has the powers $1, 1, 1, 1$, so what is added there, once, arrives at all four outputs, and in two dimensions at all sixteen.

# %%
conv, norm = (
    layer.to(dtype=float) for layer in (Conv2d(8, 16, bias=False, rng=rng), BatchNorm2d(16))
)
norm.buffers["running_mean"][...] = rng.standard_normal(16)
norm.buffers["running_var"][...] = rng.uniform(0.5, 2, 16)
x = rng.standard_normal((2, 12, 12, 8))
expected = norm.eval().forward(conv.forward(x))
scale = norm.params["gamma"] / np.sqrt(norm.buffers["running_var"] + norm.eps)
shift = norm.params["beta"] - scale * norm.buffers["running_mean"]
conv.params["W"] *= scale
assert np.abs(conv.forward(x) + shift - expected).max() < 1e-12

M = np.zeros((6, 6))
M[1, 1] = 0.7
assert (winograd.A.T @ M @ winograd.A == 0.7).all()

# %% [markdown]
# The engine then has a choice. $F(4 \times 4)$ has the fewest products, but its transforms cost the same for each channel, whether 16 filters wait for the result or 128. With $F(4, 3)$ along the height alone, and the three taps of the width in one product, there are twice the products and a third of the transforms. Which is faster, for how many channels? [`inference.py`](../tinydldl/fast/inference.py) has both, `Tiles` and `Rows`; take the clock:

# %%
print("channels    Tiles     Rows   (ms, 4 images of 32 x 32)")
for channels in (8, 16, 32, 64, 128):
    kernels = rng.standard_normal((3, 3, channels, channels), dtype=np.float32)
    shape, times, results = (32, 32, 4, channels), [], []
    inside = rng.standard_normal(shape, dtype=np.float32)
    for way in (Tiles(kernels, np.ones(channels)), Rows(kernels, np.ones(channels))):
        scratch, out = Scratch(), np.empty(shape, np.float32)
        padded, view = way.padded(scratch, "x", shape)
        view[...] = inside

        def infer(way=way, padded=padded, scratch=scratch, shape=shape, out=out):
            LazyMap(way.blocks(padded, shape, scratch), shape, out.dtype, "x", False).write(out)

        times.append(clock(infer))
        results.append(out)
    print(f"{channels:8} {1e3 * times[0]:8.2f} {1e3 * times[1]:8.2f}")
    assert np.abs(results[0] - results[1]).max() < 1e-4 * np.abs(results[0]).max()

# %% [markdown]
# Where the two cross depends on the machine, and so does the best size of a block. Programs such as FFTW and cuDNN therefore measure: they time the candidates on your machine, and keep a **plan**. Ours does not, and that is a decision. Another plan adds up in another order, rounds otherwise, and after some hundred steps a training ends with other digits. With one plan for all, a seed gives the same digits today and tomorrow, and on all machines for which BLAS chooses the same kernel. What does that cost? `python tools/plan.py tiny-64-16 tiny-112-16 thin-224-8` times the candidates of every convolution. On one core of an AMD EPYC (Zen 3) the convolutions of a plan made of the fastest would be 1.03 to 1.07 times as fast forward, 1.03 to 1.04 backward, and 1.04 to 1.10 in inference, and some of that is luck: of several equal candidates, one is always fastest by chance. (With two photos of 32 pixels, where each convolution takes microseconds, most of it is.) Here the price is worth paying. Ask again for your own machine.

# %% [markdown]
# ## 7. Two processes
#
# Your machine has more than one core. Give half of the images of a batch to another process. (Why not to a second *thread*? NumPy releases Python's interpreter lock while it works on an array, so two threads can multiply at the same time. But every line of Python between two operations needs the lock. Two processes have a lock each.) Both see the memory with the parameters. What must they tell each other?
#
# * Convolution, ReLU and pooling look at one image at a time: nothing.
# * **Gradients of parameters** are sums over images, so each process computes its part, and the parts are added.
# * **Batch normalization** looks at all images. Its mean and variance must be those of the whole batch, or the two would train a different network.
#
# Let group $p$ have $n_p$ numbers with the mean $m_p$ and the sum of squared distances $S_p = \sum (z - m_p)^2$. The mean of all $n = \sum_p n_p$ numbers is $m = \tfrac1n \sum_p n_p m_p$. For the distances write $z - m = (z - m_p) + (m_p - m)$ and square:
#
# $$ \sum (z - m)^2 = S_p + 2\,(m_p - m) \underbrace{\sum (z - m_p)}_{=\,0} + n_p\,(m_p - m)^2, \qquad S = \sum_p S_p + \sum_p n_p\,(m_p - m)^2. $$
#
# First the lock. While one thread is in an operation, how far does another one count? During a matrix product, and during an elementwise power, it goes on counting. During `sum`, a loop of Python's own, it hardly gets a turn.


# %%
def counted_during(operation):
    """How far this thread counts while another one runs `operation`."""
    thread, count = Thread(target=operation), 0
    thread.start()
    while thread.is_alive():
        count += 1
    return count


huge = rng.standard_normal((2048, 2048), dtype=np.float32)
wide = rng.uniform(1, 2, 10_000_000)
operations = {
    "a matrix product": lambda: huge @ huge,
    "a power of each number": lambda: np.power(wide, 1.7),
    "Python's sum": lambda: sum(range(20_000_000)),
}
during = {name: counted_during(operation) for name, operation in operations.items()}
for name, count in during.items():
    print(f"during {name:22} counts to {count:,}")
assert during["a matrix product"] > 2 * during["Python's sum"]
assert during["a power of each number"] > 2 * during["Python's sum"]

# %% [markdown]
# ### Exercise 5
# Write it, for groups of any size and all channels at once.


# %% exercise="merge" stands_for="fast.pointwise.merge_moments"
def merge_moments(counts, means, squares):
    """(n, m, S) of all numbers, from counts (P,), means (P, C) and squares (P, C) of P groups.

    A group may be empty: then all of its numbers are 0.

    Hint: `counts @ means` is a sum over groups, for each channel.
    """
    ### BEGIN SOLUTION
    n = counts.sum()
    m = counts @ means / n
    S = squares.sum(axis=0) + counts @ (means - m) ** 2
    return n, m, S
    ### END SOLUTION


# %% test="merge" points=2
# Expect relative differences of about 1e-12: the mean is a million times the standard deviation.
z = 1e6 + rng.standard_normal((206, 3))
parts = np.split(z, [1, 6])  # 1, 5 and 200 numbers a channel
counts = np.array([len(part) for part in parts])
means = np.array([part.mean(axis=0) for part in parts])
squares = np.array([((part - part.mean(axis=0)) ** 2).sum(axis=0) for part in parts])
before = counts.copy(), means.copy(), squares.copy()
total, mean, S = merge_moments(counts, means, squares)
for name, a, b in zip(
    ("counts", "means", "squares"), (counts, means, squares), before, strict=True
):
    assert np.array_equal(a, b), f"{name} belong to the processes: do not change them"
assert total == 206, f"1, 5 and 200 numbers: n is {total}, expected 206"
off = np.abs(mean / z.mean(axis=0) - 1).max()
assert off < 1e-14, f"the mean is off by {off:.1e} of itself: groups of other sizes count otherwise"
error = np.abs(S / total / z.var(axis=0) - 1).max()
print(f"variance: relative error {error:.1e}")
assert error < 1e-8, f"the variance is off by {error:.1e} of itself"
# By hand: 1, 3 (mean 2, S 2) and 8 (S 0) have the mean 4 and S = 9 + 1 + 16.
n_all, m_all, S_all = merge_moments(
    np.array([2, 1]), np.array([[2.0], [8]]), np.array([[2.0], [0]])
)
assert (n_all, m_all.item(), S_all.item()) == (3, 4, 26), f"1, 3 and 8: {n_all}, {m_all}, {S_all}"
### BEGIN HIDDEN TESTS
for sizes in ((9,), (0, 0, 4, 3), (1000, 1)):
    numbers = np.random.default_rng(sum(sizes)).normal(-5, 1e-3, (sum(sizes), 2))
    groups = np.split(numbers, np.cumsum(sizes)[:-1])
    middles = np.array([g.mean(axis=0) if len(g) else np.zeros(2) for g in groups])
    about = [((g - middle) ** 2).sum(axis=0) for g, middle in zip(groups, middles, strict=True)]
    with np.errstate(all="ignore"):
        total, mean, S = merge_moments(np.array(sizes), middles, np.array(about))
    assert total == sum(sizes), f"groups of {sizes} numbers: n is {total}"
    assert np.allclose(mean, numbers.mean(axis=0), rtol=1e-12), f"groups of {sizes}: mean {mean}"
    expected = numbers.var(axis=0) * len(numbers)
    assert np.allclose(S, expected, rtol=1e-6), f"groups of {sizes}: S {S}, expected {expected}"
### END HIDDEN TESTS

# %% [markdown]
# Why not simply add up $\sum z$ and $\sum z^2$, and use $\mathrm{var} = E[z^2] - E[z]^2$? On paper it is the same. But two huge numbers are subtracted, and the small difference that we want drowns in their rounding:

# %%
shortcut = (z**2).mean(axis=0) - z.mean(axis=0) ** 2
print("the shortcut says", np.round(shortcut, 4), " the variance is", np.round(z.var(axis=0), 4))
assert np.abs(shortcut / z.var(axis=0) - 1).max() > 1e-6 > 100 * error

# %% [markdown]
# The way back is simpler. Lesson 06 ended with $dx = \frac{\gamma}{\sqrt{\text{var} + \varepsilon}} \left(dy - \text{mean}(dy) - \hat x\, \text{mean}(dy\, \hat x)\right)$. The two means are sums over all images: again each process computes its part, and the parts are added. So there is one exchange of a few numbers per channel for each batch normalization, forward and backward. That is all.
#
# `FastNet(model, workers=2)` does it. In float64 we can see that it is the same network: layers, engine, and engine with two processes. (Five images, so that the halves are not equal.)

# %%
method = DLDLv2(label_grid(0, 100))
ages = np.array([3.0, 20.0, 41.0, 60.0, 88.0])
p = method.target(ages, np.full(5, 2.0))
x = np.random.default_rng(2).standard_normal((5, 32, 32, 3))


def one_pass(make):
    """Loss and gradients of one batch, by the network that `make` makes of TinyAgeNet."""
    net = make(AgeNet("tiny", 101, side=32, rng=np.random.default_rng(0)).to(dtype=float))
    (loss, _, _), upstream = method.loss(net.forward(x), p, ages)
    net.backward(upstream)
    grads = {name: grad.copy() for name, grad in net.grads.items()}
    if isinstance(net, FastNet):
        assert not net.why, net.why
        net.close()  # the other process ends; nothing is left running
    return loss, grads


def apart(one, other):
    """(difference of the losses, largest difference of gradients over each array's maximum)."""
    grads = (np.abs(other[1][k] - g).max() / np.abs(g).max() for k, g in one[1].items())
    return abs(one[0] - other[0]), max(grads)


by_layers = one_pass(lambda model: model)
by_engine = one_pass(FastNet)
by_two = one_pass(lambda model: FastNet(model, workers=2))
for name, one, other in [
    ("layers and engine", by_layers, by_engine),
    ("one process and two", by_engine, by_two),
]:
    print(f"{name:20} loss {apart(one, other)[0]:.0e}, gradients {apart(one, other)[1]:.0e}")
assert max(apart(by_layers, by_engine)) < 1e-9
assert max(apart(by_engine, by_two)) < 1e-12

# %% [markdown]
# And now the reward. The same step as in section 1, in images a second:

# %% alt="Bars of images a second in training: the engine, with one process or two, trains about twice as many as the layers, or more; two processes are only faster where nothing else runs."
speeds = {"layers": N / clock(lambda: (net.forward(photos), net.backward(dlogits)), 3)}
REPEATS = 4 if FAST else 10
for workers in (1, 2):
    fast = FastNet(AgeNet("tiny", 101, side=SIDE, rng=np.random.default_rng(0)), workers)
    time = clock(lambda fast=fast: (fast.forward(photos), fast.backward(dlogits)), REPEATS)
    speeds[f"engine, {workers} process{'es' if workers > 1 else ''}"] = N / time
    fast.close()

plot.speeds(speeds)
print(f"{N} photos of {SIDE} pixels; this process may use {available_cores()} cores")

# %% [markdown] question="twice" points=3
# ### Question
# Two processes have twice the cores, but the last bar is not twice as long as the one above. Give three reasons. (If your machine was busy, the bar may even be shorter. That may be one of the reasons.)
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* Any three of: the processes wait for each other at every batch normalization, and the slower one sets the pace (other programs, unequal shares); sending through a pipe takes time, however few the numbers, and weighs more the smaller the batch; what is not divided is done by one process alone (the loss, adding up the gradients, the optimizer); each transforms all filters, however few its images; both share the memory bandwidth and the last cache, so code on the slope of the roof gains little; a core may clock lower when its neighbor works. One point each; "overhead" without saying of what gets none.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ### From two cores to many machines
#
# Nothing of this asks that the two share a memory. Let the photos of a batch be divided among $R$ **ranks**: processes, on one machine or on many. Rank $r$ has the $n_r$ photos of $B_r$. The loss is a mean over all $N$ of them, and a mean of shares is a mean if each share counts as much as it holds:
#
# $$ L = \frac1N \sum_{n=1}^N L_n = \sum_r \frac{n_r}{N}\, \bar L_r, \quad \bar L_r = \frac{1}{n_r} \sum_{n \in B_r} L_n, \qquad \text{so} \qquad \nabla L = \sum_r \frac{n_r}{N}\, \nabla \bar L_r . $$
#
# Each rank weights its gradient with $n_r / N$, and then they add up. That is all of **data parallelism**, as long as the losses of two photos do not meet. In batch normalization they do. With moments of its own each rank would normalize its photos otherwise, and the sum would be the gradient of another loss. So it takes the exchange of moments from above, which then is called *synchronized* batch normalization.


# %%
def gradients(photos, weight=1.0, training=False):
    """Loss and gradients of some of the five photos, all times `weight`."""
    net = AgeNet("tiny", 101, side=32, rng=np.random.default_rng(0)).to(dtype=float)
    if not training:
        net.eval()  # with running statistics no photo looks at another
    logits = net.forward(x[photos], save=True)
    (loss, _, _), upstream = method.loss(logits, p[photos], ages[photos])
    net.backward(weight * upstream)
    return weight * loss, net.grads


def added_up(ranks):
    """The sums over ranks of what `gradients` returns."""
    losses, grads = zip(*ranks, strict=True)
    return sum(losses), {name: sum(grad[name] for grad in grads) for name in grads[0]}


everyone, shares = np.arange(5), np.split(np.arange(5), [3])  # three photos, and two
weighted = added_up([gradients(share, len(share) / 5) for share in shares])
plain = added_up([gradients(share, 1 / 2) for share in shares])
alone = added_up([gradients(share, len(share) / 5, training=True) for share in shares])
off = {
    "weighted with n/N": apart(gradients(everyone), weighted)[1],
    "a plain mean of the two": apart(gradients(everyone), plain)[1],
    "moments of its own": apart(gradients(everyone, training=True), alone)[1],
}
for name, difference in off.items():
    print(f"{name:24} gradients off by {difference:.0e} of the largest")
assert off["weighted with n/N"] < 1e-12
assert min(off["a plain mean of the two"], off["moments of its own"]) > 1e-3

# %% [markdown]
# How do $R$ machines add up $S$ bytes? If all send theirs to one, which sends the sum back, its line carries $(R - 1)\, S$ bytes each way. Better: cut the array into $R$ pieces. Rank $r$ gets the $r$-th piece of everyone, adds up, and sends the sum to everyone. Then each line carries $2 \frac{R-1}{R} S$ bytes each way, and no method needs less. (A ring of neighbors needs as much, in $2(R-1)$ messages one after the other.)
#
# The order matters, too. Sums of float32 depend on it, so we add in the order of ranks, not in that in which the pieces arrive.


# %%
def reduce_in_pieces(arrays):
    """The sum of the ranks' arrays as every rank gets it, and the bytes that each one sends."""
    ranks, size = len(arrays), arrays[0].size
    padded = [np.pad(array, (0, -size % ranks)).reshape(ranks, -1) for array in arrays]
    sums = [sum(array[piece] for array in padded) for piece in range(ranks)]  # in order
    sent = 2 * (ranks - 1) * padded[0][0].nbytes  # a piece to each of the others, and a sum
    return np.concatenate(sums)[:size], sent


own = [rng.standard_normal(934_869, dtype=np.float32) for _ in range(8)]  # as TinyAgeNet has
total, sent = reduce_in_pieces(own)
assert np.array_equal(total, sum(own))  # the same bits
S = own[0].nbytes
print(f"each of 8 ranks sends {sent / 1e6:.2f} MB; one that collects all: {7 * S / 1e6:.1f} MB")
assert abs(sent / (2 * 7 / 8 * S) - 1) < 1e-5
other = np.mean(sum(own[::-1]) != total)
print(f"added up in reverse, {other:.0%} of the sums have another last digit")
assert other > 0.1

# %% [markdown]
# What does it gain? Let a photo take $c$ seconds on one machine, a message $\ell$ seconds, and a line $\beta$ bytes a second. There are $M$ normalizations, with up to 3 kB of moments each, forward and back:
#
# $$ T(R) = \frac{c N}{R} + 2 M \left(\ell \log_2 R + (R - 1) \frac{3\,\text{kB}}{\beta}\right) + 2 (R - 1)\, \ell + 2\, \frac{R - 1}{R}\, \frac{S}{\beta} . $$
#
# The first term falls with $R$, the others grow. So it stops paying, the sooner the smaller the batch and the slower the network. The figure takes $c$ from the clock above, and latency and bandwidth from data sheets. It is computed, not measured, and assumes that nothing overlaps and nobody waits. [`tools/scaling.py`](../tools/scaling.py) measures the real thing, where you have one.

# %%
NETWORKS = {"1 Gbit/s": (50e-6, 117e6), "100 Gbit/s": (3e-6, 11e9)}  # seconds, bytes a second
c = 1 / max(speeds.values())
M = sum(isinstance(layer, BatchNorm2d) for layer in net.layers.values())


def step_seconds(R, batch, latency, bandwidth):
    """T(R): how long R machines take for a step on `batch` photos."""
    if R == 1:
        return c * batch
    moments = np.log2(R) * latency + (R - 1) * 3e3 / bandwidth
    gradient = 2 * (R - 1) * latency + 2 * (R - 1) / R * S / bandwidth
    return c * batch / R + 2 * M * moments + gradient


# %% alt="Images a second against the number of machines, 1 to 64, on two logarithmic axes, computed for two networks: with 1024 photos on 100 Gbit/s the curve follows the line of perfect gain; with 32 photos on 1 Gbit/s it is flat or falls."
nodes = [1, 2, 4, 8, 16, 32, 64]
curves = {
    (name, batch): [batch / step_seconds(R, batch, *about) for R in nodes if batch >= R]
    for name, about in NETWORKS.items()
    for batch in (1024, 32)
}
plot.many_machines(nodes, curves)
for (name, batch), rates in curves.items():
    R = nodes[len(rates) - 1]
    print(f"{name:10}, batches of {batch:4}: {rates[-1] / rates[0]:5.1f} times as fast on {R}")

# %% [markdown]
# In the package all of this is [`ranks.py`](../tinydldl/ranks.py), and MPI carries the messages: `mpiexec -n 8 python -m tinydldl.train` is one training. Does it compute our gradients? The cell below starts two ranks, if `mpi4py` is here (`pip install "tinydldl[mpi]"`), and compares with the single process.

# %%
SCRIPT = """
import sys
import numpy as np
from tinydldl import ranks
from tinydldl.fast.choice import choose_engine
from tinydldl.labels import label_grid
from tinydldl.methods import DLDLv2
from tinydldl.models import AgeNet

everyone, about = ranks.form_team(), np.load(sys.argv[1])
x, p, ages = (everyone.share(about[name]) for name in ("x", "p", "ages"))
model = AgeNet("tiny", 101, side=32, rng=np.random.default_rng(0)).to(dtype=float)
net, _ = choose_engine(model, np, len(about["ages"]), "fast", 1)
(loss, _, _), upstream = DLDLv2(label_grid()).loss(net.forward(x), p, ages)
part = len(ages) / len(about["ages"])
net.backward(part * upstream)
total = np.array([part * loss])
everyone.all_reduce([*net.grads.values(), total])
if everyone.rank == 0:
    np.savez(sys.argv[2], loss=total, **net.grads)
ranks.leave(0)
"""
mpiexec = Path(sys.executable).with_name("mpiexec")
if find_spec("mpi4py") and mpiexec.exists():
    with TemporaryDirectory() as folder:
        here, there = Path(folder, "photos.npz"), Path(folder, "found.npz")
        np.savez(here, x=x, p=p, ages=ages)
        command = [mpiexec, "-n", "2", sys.executable, "-c", SCRIPT, here, there]
        subprocess.run(command, check=True)
        found = dict(np.load(there))
    by_ranks, how = (float(found.pop("loss")[0]), found), "two ranks of MPI"
else:
    by_ranks, how = by_two, "two processes, since mpi4py is not here"
print(
    f"{how}: loss {apart(by_engine, by_ranks)[0]:.0e}, gradients {apart(by_engine, by_ranks)[1]:.0e}"
)
assert max(apart(by_engine, by_ranks)) < 1e-12

# %% [markdown]
# ## 8. Does it still learn the same?
#
# In float64 layers and engine agree. Training runs in float32, where $F(4 \times 4)$ rounds differently. Does it matter? Train TinyAgeNet with both, from the same weights, on the same batches.
#
# We need something to compare with. So each engine trains twice, the second time with the images of each batch in reverse order. The loss is a mean over images, so on paper this **twin** changes nothing at all. Only sums are added up in another order, and rounded differently.

# %%
count, judged, STEPS, BATCH = (24, 8, 4, 8) if FAST else (320, 160, 200, 16)
rngs = [np.random.default_rng([12, i]) for i in range(count + judged)]
true_ages = [sample_age(r) for r in rngs]
votes = np.array([annotate(a, r) for a, r in zip(true_ages, rngs, strict=True)])
faces = np.stack([draw_face(a, r, 32) for a, r in zip(true_ages, rngs, strict=True)])
x = ((faces / 255 - 0.5) / 0.25).astype(np.float32)
y, sigma = votes.mean(axis=1).astype(np.float32), votes.std(axis=1)
p = method.target(y, sigma).astype(np.float32)
order = np.concatenate([np.random.default_rng(i).permutation(count) for i in range(10)])
batches = order[: STEPS * BATCH].reshape(STEPS, BATCH)


def train(fast, twin):
    """The loss at every step, and the estimates for the faces that were not trained on."""
    net = AgeNet("tiny", 101, side=32, rng=np.random.default_rng(0))
    net = FastNet(net) if fast else net
    optimizer, losses = Adam(net.params, net.grads), []
    for step, batch in enumerate(batches[:, ::-1] if twin else batches, start=1):
        optimizer.lr = step_schedule(1e-3, step, every=150)
        (loss, _, _), upstream = method.loss(net.forward(x[batch]), p[batch], y[batch])
        net.backward(upstream)
        optimizer.step()
        losses.append(float(loss))
    net.eval()
    return np.array(losses), method.age(method.predict(net.forward(x[count:])))


runs = {
    "layers": train(fast=False, twin=False),
    "layers, twin": train(fast=False, twin=True),
    "engine": train(fast=True, twin=False),
    "engine, twin": train(fast=True, twin=True),
}

# %% alt="Left, the loss of four runs, layers and engine and a twin of each: all follow the same falling curve. Right, their distance from the first run grows from 1e-7 to about 1 within some 25 steps, for the twin of the layers as for the engine."
plot.two_engines(runs)

truth = y[count:]
guess = mae(baselines.mean_age(y[:count], judged), truth)
errors = {name: np.abs(y_hat - truth) for name, (_, y_hat) in runs.items()}
luck = (errors["engine"] - errors["layers"]).std() / np.sqrt(judged)
for name, error in errors.items():
    print(f"{name:13} validation MAE {error.mean():5.2f} years")
print(
    f"(the mean age: {guess:.2f}; a difference is uncertain by {luck:.2f} by the choice of faces)"
)
first = [losses[0] for losses, _ in runs.values()]
assert max(first) - min(first) < 1e-3, "the first step differs by rounding only"
if not FAST:
    found = [error.mean() for error in errors.values()]
    assert max(found) - min(found) < 1.5 and max(found) < 0.8 * guess
    assert all(losses[-20:].mean() < 0.7 * losses[:20].mean() for losses, _ in runs.values())

# %% [markdown]
# Left, four curves in two colors, and you cannot tell the engines apart. Right, look closely: in the first step the losses differ in the last digits only. Then the distance grows by powers of ten, and within a few dozen steps it is no longer small compared with the loss. Each step works on the weights that the last one left, a ReLU that is on in one run is off in the other, and Adam's first steps have the length of the learning rate even where a gradient is nearly 0 and rounding decides its sign (lesson 07).
#
# **A float32 training run cannot be repeated to the last digit by other arithmetic, and nobody should promise it.** But see the dashed blue line: the layers drift away from *themselves* in the same way. The engine begins with more rounding (section 5), so it gets there a few steps sooner, but no further. It adds nothing that was not there before. The four networks are four draws from the same noise. What we care about is the error on new faces, and it differs between the engines about as it does between twins.
#
# ## 9. The same code on a GPU
#
# A GPU has another roof: both its peak and its bandwidth are many times those of a core. CuPy brings NumPy's functions to it. So **our layers ask an array which module it belongs to**, and call that one:
#
#     xp = get_array_module(x)        # numpy, or cupy for an array on the GPU
#     y = xp.maximum(x, 0)            # the same line for both

# %%
xp, device = choose_device("auto")
print("device:", device)


def softmax(x):
    """Softmax of each row, for NumPy and CuPy arrays."""
    xp = get_array_module(x)
    e = xp.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


logits = to_device(dlogits, xp)
assert get_array_module(logits) is xp
assert np.abs(to_host(softmax(logits)) - Softmax().forward(dlogits)).max() < 1e-6
if xp is np:
    print("No GPU here. With one, `to_device` would copy the array to it, `softmax` would run")
    print("there, and `to_host` would bring the result back to be compared.")

# %% [markdown]
# A whole network moves with `net.to(xp)`: parameters, gradients and running statistics. The engine of this lesson is made for the caches of a CPU; on the GPU the layers run. There, starting an operation costs microseconds, and each one reads and writes whole arrays. So chains of small operations are fused into one: the idea of section 6 again (see [`backend.py`](../tinydldl/backend.py)).

# %%
on_cpu, on_device = (AgeNet("tiny", 101, side=SIDE, rng=np.random.default_rng(0)) for _ in range(2))
on_device.to(xp)
if xp is np:
    print(f"No GPU here. With one, this cell would run a step on {N} photos there, by the same")
    print("layers, compare all gradients with those of the CPU, and print images a second.")
else:
    x, dy = to_device(photos, xp), to_device(dlogits, xp)
    on_cpu.forward(photos)
    on_cpu.backward(dlogits)

    def step():
        """One forward and one backward pass; to fetch a result is to wait until it is there."""
        on_device.forward(x)
        on_device.backward(dy)
        return to_host(on_device.grads["conv1_1.W"])

    speeds[device] = N / clock(step)
    for name, grad in on_cpu.grads.items():
        gap = np.abs(to_host(on_device.grads[name]) - grad).max() / np.abs(grad).max()
        assert gap < 0.1, f"{name}: {gap}"  # float32 and ReLU: see section 8
for name, speed in speeds.items():
    print(f"{name:20} {speed:8.0f} images a second")

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. A training step takes $T = 100$ ms, of which one fifth is done by one process alone. The rest is divided among $P$ processes, and each further one costs 5 ms a step for messages: $t(P) = 20 + 80 / P + 5 (P - 1)$. Which $P$ is best, how much faster is it, and what is the largest gain if messages cost nothing? Now let the batch grow with $P$, so that each process keeps its 80 ms: why do papers prefer to report that, and what is not faster then?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* t' = -80 / P² + 5 = 0 at P = sqrt(80 / 5) = **4**: 20 + 20 + 15 = 55 ms, a gain of **1.82**. Without messages the limit is 100 / 20 = 5 (Amdahl's law). If the batch grows with P, a step takes 20 + 80 + 5 (P - 1) ms (the serial part grows, too, if it is loss or loading) and handles P times the photos: photos a second are 100 P / (95 + 5 P) times as many, 3.5 times with P = 4 and never more than 20; without the messages they would grow in proportion, however large the serial part (Gustafson). But a step is not faster, there are fewer steps in an epoch, and the same accuracy may take as many steps as before: time to a given error is what counts. One point for the best P with its gain, one for the limit, one for the larger batch.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * Measure first. A step's time is not proportional to its FLOPs.
# * Speed is at most $\min(\text{peak},\, I \cdot \text{bandwidth})$. Nine shifted products have $I = C/10$: with few channels they wait for memory.
# * Put together in memory what is used together: pixels outside, images and channels inside.
# * Filtering is multiplication of polynomials, transposed. Values at $m + 2$ points make $F(m, 3)$: 4 products instead of 6, 16 instead of 36, 36 instead of 144. The price is about one decimal digit.
# * Keep $z$ and compute the rest again: 7.86 bytes per number instead of 11.87. Keep nothing in inference, and put the normalization into the filters.
# * Two processes exchange moments (Chan's formula), sums, and gradients. In float64 that is exact to the last digits; in float32 any two ways of computing drift apart, and learn equally well.
# * Machines exchange the same. Each weights its gradient with its share of the batch, sums are added in one order, and small batches on slow networks gain nothing.
#
# ## Further reading
# * S. Williams, A. Waterman, D. Patterson, *Roofline: An Insightful Visual Performance Model for Multicore Architectures*, Communications of the ACM 2009.
# * S. Winograd, *Arithmetic Complexity of Computations*, SIAM 1980: why $m + 2$ products are the fewest.
# * A. Lavin, S. Gray, *Fast Algorithms for Convolutional Neural Networks*, CVPR 2016: where we got it from.
# * B. Barabasz, A. Anderson, K. M. Soodhalter, D. Gregg, *Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks*, ACM Transactions on Mathematical Software 2020.
# * T. F. Chan, G. H. Golub, R. J. LeVeque, *Algorithms for Computing the Sample Variance*, The American Statistician 1983.
# * Back to [lesson 05](05_convolution.ipynb), where the nine products come from, and [lesson 06](06_pooling_and_batch_normalization.ipynb), where the means come from.
