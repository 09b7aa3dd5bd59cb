# %% [markdown]
# # Lesson 05: Convolution
#
# | | |
# |---|---|
# | **You will be able to** | compute a convolution in three ways that give the same numbers, derive its backward pass from a single sum, and say what a layer costs in multiply-adds and in bytes |
# | **You need** | matrix products; the chain rule; lesson 00 for gradient checks |
# | **Minutes** | 100 |
# | **Code** | [`tinydldl/layers/conv.py`](../tinydldl/layers/conv.py), `Windows` in [`tinydldl/layers/base.py`](../tinydldl/layers/base.py), [`tinydldl/naive.py`](../tinydldl/naive.py) |

# %%
import inspect
from timeit import timeit

import numpy as np
from scipy.signal import convolve, correlate

from tinydldl import naive
from tinydldl.datasets.synthetic import draw_face
from tinydldl.gradcheck import GradientError, check_layer, compare, numerical_gradient
from tinydldl.layers import AvgPool2d, Conv2d, Sequential, taps
from tinydldl.models import AgeNet
from tinydldl.notebook import figures, slider, use_style

use_style()
plot = figures("05")
rng = np.random.default_rng(5)

# %% [markdown]
# ## 1. Slide a small grid of numbers over a picture
#
# Take a gray picture $x$ (H, W) and a small grid of weights, the **kernel** $W$ (KH, KW). (The letter $W$ has two jobs in these lessons, as in most books: alone in a shape it is the width of a picture; with indices it is a weight.) Lay the kernel on the picture, multiply each weight by the pixel under it, add up the products, and write down the sum. Move the kernel by one pixel, and repeat:
#
# $$ y_{hw} = \sum_{i=0}^{KH-1} \sum_{j=0}^{KW-1} x_{h+i,\,w+j}\, W_{ij}. $$
#
# Every output looks at a small window of the picture, and all windows share the same weights. That is the whole idea. A wrinkle is a wrinkle wherever it is, and needs to be learned only once.


# %%
def slide(x, W):
    """The sum above, for one gray picture: y (H - KH + 1, W - KW + 1)."""
    KH, KW = W.shape
    y = np.zeros((x.shape[0] - KH + 1, x.shape[1] - KW + 1))
    for h, w in np.ndindex(y.shape):
        y[h, w] = (x[h : h + KH, w : w + KW] * W).sum()
    return y


face = np.asarray(draw_face(70.0, np.random.default_rng(4), 96)) / 255
gray = face.mean(axis=2)
down = np.array([[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]])  # brighter below than above?

difference = np.abs(slide(gray, down) - correlate(gray, down, mode="valid")).max()
print(f"loops against SciPy: largest difference {difference:.1e}")
assert difference < 1e-13

# %% alt="A face in gray, and two maps of differences: one shows lips, brows and chin as red and blue lines where brightness changes downward, the other the sides of head and neck where it changes to the right."
found = {"brighter below": slide(gray, down), "brighter right": slide(gray, down.T)}
plot.differences(gray, found)

# %% [markdown]
# A kernel is a question that is asked everywhere. We wrote these two by hand; a network learns its own.
#
# A word on the name. Mathematicians call the sum above a **cross-correlation**. Their *convolution* has $x_{h-i,\,w-j}$ in it: it first flips the kernel upside down and left to right. For learned weights the only difference is how they are stored, so everyone in deep learning says convolution, and so do we. But remember the flip. It comes back in section 6.

# %%
flipped = convolve(gray, down[::-1, ::-1], mode="valid")
assert np.abs(slide(gray, down) - flipped).max() < 1e-13
assert np.abs(slide(gray, down) - convolve(gray, down, mode="valid")).max() > 1, "not the same"

# %% [markdown]
# ## 2. Many pictures, many channels
#
# A photo has three channels. Inside a network there are 16 or 128: each is the answer to a different question. So the input is `x` (N, H, W, C), with the channels last, and each of the OC output channels has weights for each input channel: `W` (KH, KW, C, OC). We sum over the input channels, too:
#
# $$ y_{nhwo} = \sum_{i} \sum_{j} \sum_{c} x_{n,\,h+i,\,w+j,\,c}\; W_{ijco}. $$
#
# [`naive.conv2d`](../tinydldl/naive.py) is this formula, word for word:

# %%
print(inspect.getsource(naive.conv2d))

# %% [markdown]
# SciPy can check it: for one photo and one output channel the triple sum is a correlation in three dimensions, in which the kernel cannot move along the channels.

# %%
x = rng.standard_normal((2, 7, 6, 3))
W = rng.standard_normal((3, 3, 3, 4))
y = naive.conv2d(x, W, stride=(1, 1))
for n in range(2):
    for o in range(4):
        expected = correlate(x[n], W[..., o], mode="valid")[..., 0]
        assert np.abs(y[n, ..., o] - expected).max() < 1e-13
print("x", x.shape, " W", W.shape, " y", y.shape)
assert y.shape == (2, 5, 4, 4)

# %% [markdown]
# Look at the sum over $c$ alone. For fixed $i$ and $j$ it is a row vector of C numbers, the channels of one pixel, times the matrix `W[i, j]` (C, OC):
#
# $$ y_{nhw} = \sum_{i} \sum_{j} x_{n,\,h+i,\,w+j} \, W_{ij}, \qquad x_{n,\,h+i,\,w+j} \in \mathbb{R}^{1 \times C}, \quad W_{ij} \in \mathbb{R}^{C \times OC}. $$
#
# This is why the channels come last: a pixel's vector is contiguous in memory. One pair $(i, j)$ is called a **tap** of the kernel. A 3×3 kernel has nine taps, so it is nine matrices.

# %%
one_pixel = sum(x[1, 2 + i, 3 + j] @ W[i, j] for i in range(3) for j in range(3))
assert np.abs(one_pixel - y[1, 2, 3]).max() < 1e-13
assert W.shape[0] * W.shape[1] == 9

# %% [markdown]
# ## 3. Padding, stride, and the size of the output
#
# Two options change where the kernel is placed.
# * **Padding** $P$: put $P$ rows and columns of zeros around the picture first. We call the result `x_pad`.
# * **Stride** $s$: move the kernel by $s$ pixels instead of one, so that output $h$ looks at the rows starting at $hs$.
#
# How many outputs are there? The padded picture has the rows $0, \dots, H + 2P - 1$. Output $h$ needs the rows $hs, \dots, hs + KH - 1$. The last of them must exist: $hs + KH - 1 \le H + 2P - 1$, that is $h \le (H + 2P - KH)/s$. The largest integer $h$ is that, rounded down. And $h$ starts at 0, so the count is one more:
#
# $$ OH = \left\lfloor \frac{H + 2P - KH}{s} \right\rfloor + 1. $$
#
# ### Exercise 1
# Write it. It is one line that you will use for years.


# %% exercise="size" stands_for="layers.base.Windows naive.output_size"
def output_size(H, KH, stride=1, padding=0):
    """How many positions a kernel of KH rows has on H rows, an int.

    Hint: `//` rounds down.
    """
    ### BEGIN SOLUTION
    return (H + 2 * padding - KH) // stride + 1
    ### END SOLUTION


# %% test="size" points=1
# Expect no difference at all, for 486 cases: we place the kernel and count.
cases = 0
for H, KH, stride, padding in np.ndindex(9, 6, 3, 3):
    H, KH, stride = H + 6, KH + 1, stride + 1
    starts = [top for top in range(0, 99, stride) if top + KH <= H + 2 * padding]
    found, case = output_size(H, KH, stride, padding), f"{H=}, {KH=}, {stride=}, {padding=}"
    assert found == len(starts), f"{case}: {found} positions, counted {len(starts)}"
    assert isinstance(found, int | np.integer), f"{case}: {found} is no whole number"
    cases += 1
assert cases == 486, "all cases"
assert output_size(64, 3, 1, 1) == 64, "a 3x3 kernel with padding 1 keeps the size"
assert output_size(9, 4) == 6, "stride 1 and padding 0 if nothing is said"
### BEGIN HIDDEN TESTS
for H, KH, stride, padding, positions in (
    (227, 11, 4, 0, 55),
    (224, 7, 2, 3, 112),
    (1, 1, 9, 0, 1),
):
    found = output_size(H, KH, stride, padding)
    assert found == positions, f"{H=}, {KH=}, {stride=}, {padding=}: {found}, expected {positions}"
assert output_size(1000, 1, 7, 5) == 145, "1,010 rows in steps of 7: the first, and 144 more"
### END HIDDEN TESTS


# %% alt="Where windows of 3 rows lie over 6 rows: four without padding, six with one row of zeros at both ends, three with stride 2."
def show_windows(H=7, KH=3, stride=2, padding=1):
    """The rows of a picture, and the window of each output."""
    plot.windows({(H, KH, stride, padding): output_size(H, KH, stride, padding)})


cases = {(6, 3, *case): output_size(6, 3, *case) for case in ((1, 0), (1, 1), (2, 1))}
plot.windows(cases)
slider(show_windows, H=(5, 12), KH=(1, 5), stride=(1, 3), padding=(0, 2))

# %% [markdown]
# Left: without padding a 3-row kernel loses two rows. Middle: padding 1 keeps all six. All convolutions in TinyAgeNet are of this kind. Right: with stride 2 the kernel would step outside at $h = 3$; the bottom row of zeros is never seen, which is the rounding down.

# %%
assert [output_size(6, 3, s, p) for s, p in [(1, 0), (1, 1), (2, 1)]] == [4, 6, 3]
assert 2 * 2 + 3 - 1 == 6 + 2 * 1 - 2, "stride 2: the last window ends one row before the end"
net = AgeNet("tiny", outputs=101, side=64, rng=np.random.default_rng(0))
convs = [layer for layer in net.layers.values() if isinstance(layer, Conv2d)]
for conv in convs:
    options = conv.windows.kernel, conv.windows.stride, conv.padding
    assert options == ((3, 3), (1, 1), (1, 1))
assert (convs[0].params["W"].shape[3], convs[-1].params["W"].shape[3]) == (16, 128)

# %% [markdown]
# ## 4. How far does an output see?
#
# One 3×3 convolution sees 3 pixels across. A second one on top sees 3 *outputs* of the first. These are neighbors, so together they see 5 pixels. In general, let $r$ be the number of pixels across that one value depends on, its **receptive field**, and let $j$, the **jump**, be the distance in pixels between neighboring values (the product of all strides so far). A layer with a kernel of $KH$ rows adds $KH - 1$ neighbors, each $j$ pixels farther away:
#
# $$ r \leftarrow r + (KH - 1)\, j, \qquad j \leftarrow j\, s. $$
#
# A backward pass can measure it: put a gradient of 1 on one output, and see which pixels receive any. (All weights are positive, so that nothing cancels. Average pooling, the topic of lesson 06, stands in for max-pooling, which would send the gradient to only one pixel.)


# %%
def receptive_field(layers):
    """Pixels across that one output depends on; layers as pairs (kernel, stride)."""
    r, j = 1, 1
    for kernel, stride in layers:
        r, j = r + (kernel - 1) * j, j * stride
    return r


def measured_field(layers, side=40):
    """The same, by the backward pass of a network with positive weights."""
    layers = [Conv2d(1, 1, k, rng=rng) if s == 1 else AvgPool2d(k, s) for k, s in layers]
    net = Sequential({f"layer{i}": layer for i, layer in enumerate(layers)})
    for W in net.params.values():
        W[...] = np.abs(W) + 0.1
    y = net.forward(np.zeros((1, side, side, 1)))
    dy = np.zeros_like(y)
    dy[0, 1, 1] = 1
    return int((net.backward(dy)[0, :, :, 0] > 0).any(axis=0).sum())


conv, pool = (3, 1), (2, 2)
for stack in ([conv, conv], [conv, conv, pool, conv, conv], [(5, 1)]):
    print(stack, receptive_field(stack), measured_field(stack))
    assert receptive_field(stack) == measured_field(stack)

# %%
groups = [[conv] * 2, [conv] * 2, [conv] * 3, [conv] * 3, [conv] * 3]
tiny = [layer for group in groups for layer in [*group, pool]][:-1]
print("last convolution of TinyAgeNet:", receptive_field(tiny), "pixels across")
assert receptive_field([conv, conv]) == receptive_field([(5, 1)]) == 5
assert receptive_field(tiny) == 196 > 64

# %% [markdown] question="two_small" points=2
# ### Question
# Two 3×3 convolutions and one 5×5 convolution both see 5 pixels across. All of them have $C$ channels in and out. Which has fewer weights, and by how much? Give one more reason to prefer the two.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* Two 3×3 have $2 \cdot 9\, C^2 = 18\, C^2$ weights, one 5×5 has $25\, C^2$: the pair has 28% fewer, since $18/25 = 0.72$. And there is another ReLU between the two, so the pair can compute functions that no single (linear) 5×5 convolution can.
# <!-- ### END SOLUTION -->

# %% [markdown]
# The last convolution of TinyAgeNet sees 196 pixels across: all of a 64-pixel photo.
#
# ## 5. Three ways to the same numbers
#
# ### Loops
# You have seen them. Seven nested loops in Python are slow, but easy to trust. Everything faster must agree with them.
#
# ### One big matrix product: im2col
# Write the window under each output as one long row: $KH \cdot KW \cdot C$ numbers. Stack the rows of all outputs. The result is a matrix `columns` with $N \cdot OH \cdot OW$ rows. Write the kernel as a matrix with $KH \cdot KW \cdot C$ rows and OC columns, in the same order. Then the triple sum is the sum inside one matrix product:
#
# $$ \underbrace{Y}_{N\,OH\,OW \,\times\, OC} \;=\; \underbrace{X_\text{col}}_{N\,OH\,OW \,\times\, KH\,KW\,C} \quad \underbrace{W_\text{mat}}_{KH\,KW\,C \,\times\, OC}. $$


# %%
def im2col(x_pad, KH, KW, stride=1):
    """The windows as rows of a matrix: (N OH OW, KH KW C), and the shape (N, OH, OW)."""
    windows = np.lib.stride_tricks.sliding_window_view(x_pad, (KH, KW), axis=(1, 2))
    windows = windows[:, ::stride, ::stride]  # (N, OH, OW, C, KH, KW)
    rows = windows.transpose(0, 1, 2, 4, 5, 3)  # channels last
    return rows.reshape(-1, KH * KW * x_pad.shape[3]), rows.shape[:3]


def conv2d_im2col(x_pad, W, stride=1):
    """A convolution as one matrix product."""
    KH, KW, C, OC = W.shape
    columns, shape = im2col(x_pad, KH, KW, stride)
    return (columns @ W.reshape(-1, OC)).reshape(*shape, OC)


x_pad = rng.standard_normal((2, 9, 8, 3))
for stride in (1, 2):
    difference = conv2d_im2col(x_pad, W, stride) - naive.conv2d(x_pad, W, (stride, stride))
    print(f"stride {stride}: largest difference {np.abs(difference).max():.1e}")
    assert np.abs(difference).max() < 1e-13

# %% [markdown]
# Matrix products are what computers do fastest. But look at the price: every pixel is copied into each window that holds it, nine times for a 3×3 kernel (except at the border). For the second convolution of TinyAgeNet and 32 photos of 64 pixels, float32, the input takes 8.4 megabytes and the matrix 75.5. For ThinAgeNet's in the paper's setting (128 photos of 224 pixels, twice the channels) it would be 0.8 and 7.4 gigabytes.

# %%
small, _ = im2col(np.zeros((1, 66, 66, 16), dtype=np.float32), 3, 3)
assert small.nbytes == 9 * 64 * 64 * 16 * 4, "nine copies of a 64x64 picture with 16 channels"
tiny_x, thin_x = 32 * 64**2 * 16 * 4, 128 * 224**2 * 32 * 4
print(f"Tiny: {tiny_x / 1e6:.1f} MB, columns {9 * tiny_x / 1e6:.1f} MB")
print(f"Thin: {thin_x / 1e9:.2f} GB, columns {9 * thin_x / 1e9:.2f} GB")
assert (round(tiny_x / 1e6, 1), round(9 * tiny_x / 1e6, 1)) == (8.4, 75.5)
assert (round(thin_x / 1e9, 1), round(9 * thin_x / 1e9, 1)) == (0.8, 7.4)

# %% [markdown]
# ### Nine shifted matrix products
# Now take the formula with the taps again, $y_{nhw} = \sum_{ij} x_{n,\,h+i,\,w+j} W_{ij}$, and change the order: taps outside, positions inside. For one tap, what do all outputs together look at? At a picture of the size of the output that starts at row $i$ and column $j$: **a slice**. The kernel does not slide over the picture; nine shifted pictures are added.

# %% alt="A padded picture four times, with an orange frame where one tap looks: the first at the upper left, the last of the top row at the upper right, the middle one on the picture itself, the last at the lower right."
padded = np.pad(face, ((4, 4), (4, 4), (0, 0)))  # exaggerated, so that one can see the shift
plot.taps(padded)
assert np.array_equal(padded[:, 4 : 4 + 96][4 : 4 + 96], face), "the middle tap sees x itself"

# %% [markdown]
# In code, for stride 1:
#
#     for each tap (i, j):  y += x_pad[:, i : i + OH, j : j + OW] @ W[i, j]
#
# The operator `@` multiplies the last axis (C) of the slice by the matrix (C, OC), for all pixels at once. The windows are not copied: a slice is just another view of the same memory.
#
# With stride $s$, output $h$ looks at row $hs + i$: start at $i$, take every $s$-th row, OH of them. The last one is $i + s\,(OH - 1)$, so the slice is `i : i + s * (OH - 1) + 1 : s`.
#
# ### Exercise 2
# Write the convolution in this form. It is shorter than the loops, and it is how the package does it.


# %% exercise="shifted" stands_for="naive.conv2d layers.Conv2d layers.taps.forward layers.im2col.forward"
def conv2d(x_pad, W, stride=1):
    """y (N, OH, OW, OC) of a padded x_pad (N, H, W, C) and W (KH, KW, C, OC).

    Hint: start with zeros of the right shape and dtype; then loop over the taps, one line each.
    """
    ### BEGIN SOLUTION
    (N, H, width, _), (KH, KW, _, OC) = x_pad.shape, W.shape
    OH, OW = output_size(H, KH, stride), output_size(width, KW, stride)
    y = np.zeros((N, OH, OW, OC), dtype=x_pad.dtype)
    for i, j in np.ndindex(KH, KW):
        rows = slice(i, i + stride * (OH - 1) + 1, stride)
        columns = slice(j, j + stride * (OW - 1) + 1, stride)
        y += x_pad[:, rows, columns] @ W[i, j]
    return y
    ### END SOLUTION


# %% test="shifted" points=3
# Expect differences of about 1e-15 from the loops and from im2col.
before = x_pad.copy()
for KH, KW, stride in [(3, 3, 1), (3, 3, 2), (1, 1, 1), (2, 3, 3)]:
    kernel, case = rng.standard_normal((KH, KW, 3, 4)), f"{KH}x{KW}, stride {stride}"
    y = conv2d(x_pad, kernel, stride)
    loops = naive.conv2d(x_pad, kernel, (stride, stride))
    assert y.shape == loops.shape, f"{case}: shape {y.shape}, expected {loops.shape}"
    difference = np.abs(y - loops).max()
    print(f"{case}: largest difference {difference:.1e}")
    assert difference < 1e-13, f"{case}: off by {difference:.1e} from the loops"
    by_columns = conv2d_im2col(x_pad, kernel, stride)
    assert np.abs(y - by_columns).max() < 1e-13, f"{case}: not what im2col says"
assert np.array_equal(x_pad, before), "x_pad belongs to the layer below: do not change it"
assert conv2d(np.float32(x_pad), np.float32(W)).dtype == np.float32, "do not fall into float64"
### BEGIN HIDDEN TESTS
shapes = [
    ((1, 12, 5, 1), (3, 2, 1, 1), 2),
    ((3, 4, 11, 2), (4, 1, 2, 5), 1),
    ((2, 7, 7, 4), (7, 7, 4, 3), 4),
]
for size, kernel_size, stride in shapes:
    few = np.random.default_rng(stride)
    pictures, kernel = few.standard_normal(size), few.standard_normal(kernel_size)
    y, loops = conv2d(pictures, kernel, stride), naive.conv2d(pictures, kernel, (stride, stride))
    case = f"pictures {size}, kernel {kernel_size}, stride {stride}"
    assert y.shape == loops.shape, f"{case}: shape {y.shape}, expected {loops.shape}"
    assert np.abs(y - loops).max() < 1e-13, f"{case}: off by {np.abs(y - loops).max():.1e}"
### END HIDDEN TESTS

# %% [markdown]
# ## 6. The backward pass, from one product
#
# Later layers hand us $dy$, the gradient of the loss in $y$, with the same shape as $y$. We want the gradients in $W$, in a bias, and in $x$. Start from the sum:
#
# $$ y_{nhwo} = \sum_{ijc} x_{n,\,h+i,\,w+j,\,c}\; W_{ijco} + b_o \qquad (x \text{ is padded; stride 1 to keep it readable}). $$
#
# The chain rule says: the gradient in any number $z$ is $\sum_{nhwo} dy_{nhwo}\, \partial y_{nhwo} / \partial z$, the sum over all outputs that $z$ takes part in.
#
# **The kernel.** $W_{ijco}$ takes part in every output of channel $o$, and there it is multiplied by $x_{n,\,h+i,\,w+j,\,c}$. So
#
# $$ dW_{ijco} = \sum_{nhw} x_{n,\,h+i,\,w+j,\,c}\; dy_{nhwo}. $$
#
# Keep the tap $(i, j)$ fixed. Write the slice that it sees as a matrix $X_{ij}$ with one row per position, ($N\,OH\,OW$, C), and $dy$ as a matrix $dY$ ($N\,OH\,OW$, OC). The sum over positions is a matrix product:
#
# $$ dW_{ij} = X_{ij}^\top \, dY. $$
#
# **The bias.** $b_o$ is added once to every output of channel $o$: $db_o = \sum_{nhw} dy_{nhwo}$.
#
# **The input.** One pixel is seen by up to nine windows. The window of output $(h, w)$ holds pixel $(u, v)$ at tap $(i, j)$ if $h + i = u$ and $w + j = v$. There the pixel is multiplied by $W_{ijco}$. So
#
# $$ dx_{nuvc} = \sum_{ij} \sum_{o} dy_{n,\,u-i,\,v-j,\,o}\; W_{ijco}, $$
#
# where outputs that do not exist count as 0. For one tap the sum over $o$ is again a matrix product, $dy\, W_{ij}^\top$. It belongs to the pixels that the tap sees, so it is *added to the same slice* that the forward pass read:
#
#     dx_pad[:, i : i + OH, j : j + OW] += dy @ W[i, j].T
#
# Added, not assigned: the nine slices overlap.
#
# **The padding.** The zeros around the picture are not variables, so their gradients are dropped: $dx$ is the middle of `dx_pad`.
#
# First the two sums, as written, against finite differences:

# %%
x_pad, W, b = (rng.standard_normal(shape) for shape in [(2, 5, 5, 2), (3, 3, 2, 3), (3,)])
dy = rng.standard_normal((2, 3, 3, 3))


def loss():
    """A number whose gradient in y is dy."""
    return float(((naive.conv2d(x_pad, W, (1, 1)) + b) * dy).sum())


dW = np.zeros_like(W)
for i, j, c, o in np.ndindex(W.shape):
    dW[i, j, c, o] = (x_pad[:, i : i + 3, j : j + 3, c] * dy[..., o]).sum()

dx_pad = np.zeros_like(x_pad)
for n, u, v, c in np.ndindex(x_pad.shape):
    for i, j in np.ndindex(3, 3):
        if 0 <= u - i < 3 and 0 <= v - j < 3:  # the output exists
            dx_pad[n, u, v, c] += dy[n, u - i, v - j] @ W[i, j, c]

for name, gradient, variable in [
    ("dW", dW, W),
    ("dx", dx_pad, x_pad),
    ("db", dy.sum((0, 1, 2)), b),
]:
    print(f"{name}: error {compare(name, gradient, numerical_gradient(loss, variable)):.1e}")

# %% [markdown]
# `compare` raises an error if two gradients differ. Then the matrix form of $dW$:

# %%
for i, j in np.ndindex(3, 3):
    X = x_pad[:, i : i + 3, j : j + 3].reshape(-1, 2)  # (N OH OW, C)
    dY = dy.reshape(-1, 3)  # (N OH OW, OC)
    assert np.abs(X.T @ dY - dW[i, j]).max() < 1e-13

# %% [markdown]
# ### Exercise 3
# Write the backward pass in the shifted form, for stride 1. It mirrors your forward pass line by line.


# %% exercise="backward" stands_for="naive.conv2d_backward layers.Conv2d layers.taps.backward layers.im2col.backward"
def conv2d_backward(x_pad, W, dy):
    """(dx_pad, dW, db) of a convolution with stride 1 and a bias.

    Hint: one loop over the taps with two lines; `.reshape(-1, C)` turns a slice into a matrix.
    """
    ### BEGIN SOLUTION
    (_, OH, OW, OC), (KH, KW, C, _) = dy.shape, W.shape
    dx_pad, dW = np.zeros_like(x_pad), np.zeros_like(W)
    for i, j in np.ndindex(KH, KW):
        seen = slice(None), slice(i, i + OH), slice(j, j + OW)
        dW[i, j] = x_pad[seen].reshape(-1, C).T @ dy.reshape(-1, OC)
        dx_pad[seen] += dy @ W[i, j].T
    return dx_pad, dW, dy.sum(axis=(0, 1, 2))
    ### END SOLUTION


# %% test="backward" points=3
# Expect about 1e-15 from the loops, and errors of about 1e-10 from central differences.
before = x_pad.copy(), W.copy(), dy.copy()
gradients = dict(zip(("dx_pad", "dW", "db"), conv2d_backward(x_pad, W, dy), strict=True))
assert np.array_equal(dy, before[2]), "dy belongs to the layer above: do not change it"
assert np.array_equal(x_pad, before[0]), "x_pad belongs to the layer below: do not change it"
assert np.array_equal(W, before[1]), "W is the optimizer's to change"
kernel, upstream = rng.standard_normal((2, 4, 2, 3)), rng.standard_normal((2, 4, 2, 3))
picture = rng.standard_normal((2, 5, 5, 2))
found = conv2d_backward(picture, kernel, upstream)
loops = *naive.conv2d_backward(picture, kernel, (1, 1), upstream), upstream.sum((0, 1, 2))
for name, one, other in zip(("dx_pad", "dW", "db"), found, loops, strict=True):
    case = f"a 2x4 kernel with 4x2 outputs, {name}"
    assert one.shape == other.shape, f"{case}: shape {one.shape}, expected {other.shape}"
    print(f"{case}: largest difference from the loops {np.abs(one - other).max():.1e}")
    assert np.abs(one - other).max() < 1e-13, f"{case}: not what the loops say"
for name, variable in (("dx_pad", x_pad), ("dW", W), ("db", b)):
    shape = gradients[name].shape
    assert shape == variable.shape, f"{name}: shape {shape}, expected {variable.shape}"
    error = compare(name, gradients[name], numerical_gradient(loss, variable))
    print(f"{name}: error against central differences {error:.1e}")
### BEGIN HIDDEN TESTS
for size, kernel_size in (((1, 8, 4, 3), (2, 3, 3, 1)), ((3, 3, 9, 1), (3, 1, 1, 2))):
    few = np.random.default_rng(len(size))
    pictures, kernel = few.standard_normal(size), few.standard_normal(kernel_size)
    forward = naive.conv2d(pictures, kernel, (1, 1))
    upstream = 1e3 * few.standard_normal(forward.shape)
    found = conv2d_backward(pictures, kernel, upstream)
    loops = *naive.conv2d_backward(pictures, kernel, (1, 1), upstream), upstream.sum((0, 1, 2))
    for name, one, other in zip(("dx_pad", "dW", "db"), found, loops, strict=True):
        case = f"{name}, pictures {size}, kernel {kernel_size}"
        assert one.shape == other.shape, f"{case}: shape {one.shape}, expected {other.shape}"
        assert np.abs(one - other).max() < 1e-9, f"{case}: not what the loops say"
### END HIDDEN TESTS


# %% [markdown]
# The package does the same, with a stride. `windows.view(x, tap)` is the slice, `rows(x)` the matrix; the layer in [`conv.py`](../tinydldl/layers/conv.py) pads before and crops after. On a GPU one large product is faster than nine small ones; that way is in [`im2col.py`](../tinydldl/layers/im2col.py), ours in [`taps.py`](../tinydldl/layers/taps.py):

# %%
print(inspect.getsource(taps.backward))
for options in [{"padding": 1}, {"stride": 2, "padding": 1}, {"kernel": (2, 3), "bias": False}]:
    layer = Conv2d(2, 3, **options, rng=rng).to(dtype=float)
    errors = check_layer(layer, rng.standard_normal((2, 5, 6, 2)), rng)
    print(options, {name: f"{error:.0e}" for name, error in errors.items()})


# %% [markdown]
# What would a mistake look like? Suppose that someone writes `=` instead of `+=`. All shapes are right, and nothing raises an error. Only a check reveals it:


# %%
class Overwriting(Conv2d):
    """A planted mistake: where slices overlap, the last tap wins."""

    def backward(self, dy):
        super().backward(dy)
        dx_pad = np.zeros_like(self.saved[0])
        for tap in self.windows.taps():
            self.windows.view(dx_pad, tap)[...] = dy @ self.params["W"][tap].T
        return dx_pad[:, 1:-1, 1:-1]  # without the padding


try:
    check_layer(Overwriting(2, 3, padding=1, rng=rng).to(dtype=float), x_pad, rng)
except GradientError as error:
    print(error)
else:
    raise AssertionError("the mistake was not found")

# %% [markdown]
# ### The same gradients as convolutions
#
# Look at $dx$ once more. In $\sum_{ij} dy_{u-i,\,v-j}\, W_{ij}^\top$ the indices of $dy$ run backward. It is a convolution in the mathematicians' sense. To see how it becomes one of ours, take a single row, one channel, and $KH = 3$:
#
# $$ dx_u = dy_u W_0 + dy_{u-1} W_1 + dy_{u-2} W_2. $$
#
# Put two zeros before $dy$ and two after it. Everything moves up by two places: $dy^{\text{pad}}_u = dy_{u-2}$. Now write the three terms from last to first:
#
# $$ dx_u = dy^{\text{pad}}_u W_2 + dy^{\text{pad}}_{u+1} W_1 + dy^{\text{pad}}_{u+2} W_0. $$
#
# The indices of $dy^{\text{pad}}$ run forward, and those of the kernel run backward. In two dimensions it is the same, in rows and columns. Count the taps from the other end: $i' = KH - 1 - i$, so that $u - i = u + i' - (KH - 1)$, and the same with $j' = KW - 1 - j$. Put $KH - 1$ rows and $KW - 1$ columns of zeros around $dy$. Then row $u + i' - (KH-1)$ of $dy$ is row $u + i'$ of the padded $dy$:
#
# $$ dx_{uv} = \sum_{i'j'} dy^{\text{pad}}_{u+i',\,v+j'} \; W_{KH-1-i',\,KW-1-j'}^\top. $$
#
# **The gradient in the input is a convolution of the padded $dy$ with the kernel rotated by half a turn, and with C and OC swapped.** The zeros also take care of the outputs that do not exist.
#
# ### Exercise 4
# Write it as one call to `naive.conv2d`.


# %% exercise="flipped" stands_for="naive.conv2d_backward layers.Conv2d layers.taps.backward layers.im2col.backward"
def input_gradient(W, dy):
    """dx_pad of a convolution with stride 1, as a convolution of dy.

    Hint: `np.pad` dy; `W[::-1, ::-1]` is rotated; `.transpose(0, 1, 3, 2)` swaps C and OC.
    """
    ### BEGIN SOLUTION
    KH, KW = W.shape[:2]
    dy_pad = np.pad(dy, ((0, 0), (KH - 1, KH - 1), (KW - 1, KW - 1), (0, 0)))
    return naive.conv2d(dy_pad, W[::-1, ::-1].transpose(0, 1, 3, 2), (1, 1))
    ### END SOLUTION


# %% test="flipped" points=2
# Expect a largest difference of about 1e-15, also for a kernel that is not square.
for KH, KW in [(3, 3), (2, 3)]:
    kernel = rng.standard_normal((KH, KW, 2, 3))
    upstream = rng.standard_normal((2, 6 - KH, 6 - KW, 3))
    expected, _ = naive.conv2d_backward(rng.standard_normal((2, 5, 5, 2)), kernel, (1, 1), upstream)
    found = input_gradient(kernel, upstream)
    assert found.shape == expected.shape, (
        f"{KH}x{KW}: shape {found.shape}, x_pad has {expected.shape}"
    )
    difference = np.abs(found - expected).max()
    print(f"{KH}x{KW}: largest difference {difference:.1e}")
    assert difference < 1e-13, f"{KH}x{KW}: off by {difference:.1e} from the loops"
called = input_gradient.__code__.co_names
assert "conv2d_backward" not in called, "write it as a convolution of dy, a forward pass"
### BEGIN HIDDEN TESTS
for size, kernel_size in (
    ((1, 4, 3, 1), (2, 2, 1, 4)),
    ((3, 6, 3, 2), (1, 3, 2, 2)),
    ((2, 5, 8, 3), (5, 1, 3, 1)),
):
    few = np.random.default_rng(sum(size))
    pictures, kernel = few.standard_normal(size), few.standard_normal(kernel_size)
    upstream = few.standard_normal(naive.conv2d(pictures, kernel, (1, 1)).shape)
    expected, _ = naive.conv2d_backward(pictures, kernel, (1, 1), upstream)
    found, case = input_gradient(kernel, upstream), f"pictures {size}, kernel {kernel_size}"
    assert found.shape == size, f"{case}: shape {found.shape}, expected that of the pictures"
    assert np.abs(found - expected).max() < 1e-13, f"{case}: not what the loops say"
### END HIDDEN TESTS

# %% [markdown]
# And $dW_{ijco} = \sum_{nhw} x_{n,\,h+i,\,w+j,\,c}\, dy_{nhwo}$ has the form of the very first sum of this lesson, with $dy$ in place of the kernel: for each pair of channels, slide $dy$ over $x$ and sum over the photos. With a stride $s$ the entries of $dy$ are $s$ pixels apart; put $s - 1$ zeros between them. If the stride divides $H + 2P - KH$, both statements hold again. If it does not, the last rows of the padded picture were never seen (section 3), and this $dy$ is too short by just as many: put the remainder, $(H + 2P - KH) \bmod s$ rows of zeros, after it, and do the same for the columns.

# %%
for c, o in np.ndindex(2, 3):
    slid = sum(correlate(x_pad[n, ..., c], dy[n, ..., o], mode="valid") for n in range(2))
    assert np.abs(slid - dW[..., c, o]).max() < 1e-13

coarse = rng.standard_normal((2, 2, 2, 3))  # dy of the same x_pad, at stride 2
spread = np.zeros_like(dy)
spread[:, ::2, ::2] = coarse
dx_stride, dW_stride = naive.conv2d_backward(x_pad, W, (2, 2), coarse)
assert np.abs(input_gradient(W, spread) - dx_stride).max() < 1e-13
for c, o in np.ndindex(2, 3):
    slid = sum(correlate(x_pad[n, ..., c], spread[n, ..., o], mode="valid") for n in range(2))
    assert np.abs(slid - dW_stride[..., c, o]).max() < 1e-13

even = rng.standard_normal((2, 6, 6, 2))  # 6 - 3 is odd: one row and one column are never seen
dx_even, dW_even = naive.conv2d_backward(even, W, (2, 2), coarse)
assert input_gradient(W, spread).shape[1:3] == (5, 5) and dx_even.shape[1:3] == (6, 6)
assert not dx_even[:, 5].any() and not dx_even[:, :, 5].any()
longer = np.pad(spread, ((0, 0), (0, 1), (0, 1), (0, 0)))  # the remainder: (6 - 3) % 2 = 1
assert np.abs(input_gradient(W, longer) - dx_even).max() < 1e-13
for c, o in np.ndindex(2, 3):
    slid = sum(correlate(even[n, ..., c], longer[n, ..., o], mode="valid") for n in range(2))
    assert np.abs(slid - dW_even[..., c, o]).max() < 1e-13

# %% [markdown]
# So why does the package add nine products to slices instead of calling its own forward pass? It needs no padded copy of $dy$, it handles every stride with the same two lines, and you can read the backward pass off the forward pass: the same slices, with `@ W` replaced by `@ W.T`.
#
# ## 7. What it costs
#
# **Multiply-adds.** Every output is a sum of $KH \cdot KW \cdot C$ products, and for one photo there are $OH \cdot OW \cdot OC$ outputs:
#
# $$ \text{multiply-adds} = OH \cdot OW \cdot KH \cdot KW \cdot C \cdot OC. $$
#
# A multiply-add is two floating-point operations (FLOPs). The backward pass makes as many products for $dW$, and as many again for $dx$: **it costs twice the forward pass.** We can count them in the loops, with numbers that count how often they are multiplied:


# %%
class Counted(float):
    """A number that counts its products."""

    products = 0

    def __mul__(self, other):
        Counted.products += 1
        return float(self) * float(other)


def products_of(function, *arguments):
    """How many products `function` makes with the counting numbers in its arguments."""
    Counted.products = 0
    function(*arguments)
    return Counted.products


counting = np.vectorize(Counted, otypes=[object])
x_small = rng.standard_normal((1, 5, 5, 2))
forward = products_of(naive.conv2d, counting(x_small), W, (1, 1))
backward = products_of(naive.conv2d_backward, x_small.astype(object), W, (1, 1), counting(dy[:1]))
print(f"forward {forward}, backward {backward}")
assert forward == 3 * 3 * 3 * 3 * 2 * 3 == Conv2d(2, 3, rng=rng).multiply_adds((5, 5, 2))
assert backward == 2 * forward

# %% [markdown]
# **Bytes.** Numbers have to come from memory and go back. Even with a perfect cache a layer must read $x$ and $W$ once and write $y$ once; in float32 that is
#
# $$ \text{bytes} = 4\,(N\,H\,W\,C + KH\,KW\,C\,OC + N\,OH\,OW\,OC). $$
#
# The ratio of FLOPs to bytes is the **arithmetic intensity**. A processor can do many FLOPs in the time it takes to fetch one number from memory, so a layer with low intensity waits for memory, and one with high intensity for arithmetic. Here is where TinyAgeNet spends its work on photos of 64 pixels, in batches of 32:

# %% alt="Four bar charts over the thirteen convolutions of TinyAgeNet: multiply-adds vary up and down, weights grow toward the end, bytes shrink, and FLOPs per byte grow from 11 to more than 200 before the last group."
convs = [entry for entry in net.trace(net.input_shape) if entry[0].startswith("conv")]
names = [name.removeprefix("conv") for name, *_ in convs]
macs = np.array([layer.multiply_adds(shape) for _, layer, shape, _ in convs])
weights = np.array([layer.params["W"].size for _, layer, _, _ in convs])
values = np.array([np.prod(shape) + np.prod(out) for _, _, shape, out in convs])  # of a photo
megabytes = 4 * (32 * values + weights) / 1e6
intensity = 2 * 32 * macs / (1e6 * megabytes)

plot.costs(macs, weights, megabytes, intensity, names)

# %% [markdown]
# Three things to see. (The color changes with the group.) First, six of the 13 convolutions cost the same 9.4 million multiply-adds: from group to group the picture shrinks to a quarter of the pixels, but both channel counts double, and $\frac14 \cdot 2 \cdot 2 = 1$. (The first of a group has fewer channels in; in group 5 the channels no longer double.) Second, group 5 holds 48% of the weights of all convolutions and does 9% of their work, while the first two groups hold 1.8% of the weights and do 32% of it. Third, the first layers move the most bytes and do the least with them.

# %%
group = np.array([int(name[0]) for name in names])
share = {
    g: (macs[group == g].sum() / macs.sum(), weights[group == g].sum() / weights.sum())
    for g in range(1, 6)
}
for g, (work, held) in share.items():
    print(f"group {g}: {work:5.1%} of the work, {held:5.1%} of the weights")
assert macs.max() == 9_437_184 and (macs == macs.max()).sum() == 6 and len(macs) == 13
assert round(100 * share[5][1]) == 48 and round(100 * share[5][0]) == 9
assert round(100 * (share[1][1] + share[2][1]), 1) == 1.8
assert round(100 * (share[1][0] + share[2][0])) == 32
assert set(np.argsort(megabytes)[-2:]) == set(np.argsort(intensity)[:2]) == {0, 1}
assert macs.sum() + net.layers["fc"].multiply_adds((128,)) == net.multiply_adds(net.input_shape)

# %% [markdown]
# For a large batch the weights hardly matter. With padding that keeps the size, a 3×3 kernel and $C = OC$ the intensity becomes
#
# $$ \frac{2 \cdot 9\, C^2}{4 \cdot 2\, C} = \frac{9}{4}\, C \quad \text{FLOPs per byte:} $$
#
# 36 for the 16 channels of the second layer. im2col also writes the big matrix and reads it again, $2 \cdot 9\, C$ more numbers per pixel: $2 \cdot 9\, C^2 / \left(4 \cdot 20\, C\right) = \frac{9}{40} C$, ten times less.

# %%
C = 16
assert 9 / 4 * C == 36
second = names.index("1_2")
print(f"second layer: {intensity[second]:.2f} FLOPs per byte")
assert abs(intensity[second] / 36 - 1) < 0.01
pixels = 32 * 64 * 64
with_columns = 2 * pixels * 9 * C * C / (4 * pixels * (C + 2 * 9 * C + C))
assert abs(with_columns - 9 / 40 * C) < 1e-12 and abs(36 / with_columns - 10) < 1e-12

# %% [markdown]
# What about nine shifted products? Taken literally, they also go through memory nine times: each tap reads a slice and adds to $y$. But they read what is there instead of writing a copy, only $x$, $y$ and one product have to be held, and for small pictures all of that stays in the cache. Which is faster on *your* machine? Counting cannot tell; measure.

# %% alt="Time of one convolution on a logarithmic axis: plain loops take thousands of times as long as im2col, and shifted products less than im2col."
x = rng.standard_normal((8, 66, 66, 16), dtype=np.float32)  # 8 photos, 64 pixels, padded
W = rng.standard_normal((3, 3, 16, 16), dtype=np.float32)
work = 8 * 64 * 64 * W.size
crop = x[:1, :8, :8]  # the loops get a 6x6 corner only
seconds = {
    "loops": timeit(lambda: naive.conv2d(crop, W, (1, 1)), number=1) * work / (36 * W.size),
    "im2col": min(timeit(lambda: conv2d_im2col(x, W), number=1) for _ in range(5)),
    "shifted": min(timeit(lambda: conv2d(x, W), number=1) for _ in range(5)),
}
for name, duration in seconds.items():
    print(f"{name:8} {1e3 * duration:10.1f} ms   {1e9 * duration / work:8.2f} ns a multiply-add")

plot.times(seconds)
assert np.abs(conv2d(x, W) - conv2d_im2col(x, W)).max() < 1e-3, "float32: the same up to rounding"

# %% [markdown]
# Timings are not tests. They vary with the processor, the library behind `@`, the number of cores, and what else runs; so no line here asserts them, and your figures will differ from those printed above. On any machine, though, the loops are far behind. That is why the package has two versions of everything: one to read, one to run, and a test that they agree.

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. In a convolution of 3×3 with stride 2, let all weights be 1 and let `dy` be 1 everywhere. What does `dx` look like, away from the border? By what factor do its largest and smallest entries differ, and why? What does that mean for a picture that is *generated* by this backward pass, as some networks do, and which kernel sizes would avoid it?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* A row of x is seen by as many windows as there are taps at its place: with stride 2 the even taps (two of them) meet every other row, the odd one the rows between. So rows are covered 2, 1, 2, 1, ... times, columns too, and dx shows a checkerboard of 4, 2, 2 and 1: a factor of **4**. A picture that is made in this way ("transposed convolution") has that pattern, unless the weights learn to undo it. It vanishes if the kernel is a multiple of the stride, such as 4×4 or 2×2: then every row meets the same number of taps. One point for the pattern, one for the factor with its reason, one for the remedy.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * A convolution asks the same question, the kernel, at every position. In formulas it is a cross-correlation: $y_{nhw} = \sum_{ij} x_{n,\,hs+i,\,ws+j} W_{ij}$, with a matrix (C, OC) for each tap.
# * Padding and stride give $OH = \lfloor (H + 2P - KH)/s \rfloor + 1$.
# * Loops, im2col, and shifted products give the same numbers. im2col copies each pixel nine times; the shifted form works on slices.
# * Backward, tap by tap: $dW_{ij} = X_{ij}^\top dY$, and $dy\,W_{ij}^\top$ is added to the slice that the tap saw. The gradient in the input is a convolution with the kernel rotated by half a turn.
# * The backward pass costs twice the forward pass. Early layers move bytes, late layers hold weights.
#
# ## Further reading
# * V. Dumoulin, F. Visin, *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285, 2016: padding and stride in pictures, and the backward pass as a convolution.
# * K. Chellapilla, S. Puri, P. Simard, *High Performance Convolutional Neural Networks for Document Processing*, 2006: im2col.
# * K. Simonyan, A. Zisserman, *Very Deep Convolutional Networks for Large-Scale Image Recognition*, ICLR 2015: VGG, and why two small kernels beat a large one.
# * S. Williams, A. Waterman, D. Patterson, *Roofline: An Insightful Visual Performance Model for Multicore Architectures*, Communications of the ACM, 2009: arithmetic intensity.
# * Next: [lesson 06](06_pooling_and_batch_normalization.ipynb) puts pooling and batch normalization between the convolutions.
