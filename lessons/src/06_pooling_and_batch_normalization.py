# %% [markdown]
# # Lesson 06: Pooling and batch normalization
#
# | | |
# |---|---|
# | **You will be able to** | pool in three ways and say what each keeps, derive the backward pass of batch normalization and simplify it to one line, say what that line removes, and explain what differs between training and inference |
# | **You need** | lesson 05; mean and variance; the chain rule for several paths |
# | **Minutes** | 110 |
# | **Code** | [`tinydldl/layers/pool.py`](../tinydldl/layers/pool.py), [`tinydldl/layers/norm.py`](../tinydldl/layers/norm.py), [`tinydldl/naive.py`](../tinydldl/naive.py) |

# %%
import itertools

import numpy as np

from tinydldl import naive
from tinydldl.datasets.synthetic import draw_face, sample_age
from tinydldl.gradcheck import check_layer, compare, numerical_gradient
from tinydldl.layers import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    GlobalAvgPool,
    HybridPool,
    MaxPool2d,
    ReLU,
    Sequential,
)
from tinydldl.models import AgeNet
from tinydldl.notebook import FAST, figures, slider, use_style

use_style()
plot = figures("06")
rng = np.random.default_rng(6)

# %% [markdown]
# ## 1. Max-pooling: keep the strongest answer
#
# A convolution asks a question at every position. Often we do not need to know exactly *where* the answer was yes, only that it was, around here. **Max-pooling** keeps the largest value of each window of each channel:
#
# $$ y_{nhwc} = \max_{i,\,j} \; x_{n,\,hs+i,\,ws+j,\,c}. $$
#
# With 2×2 windows and stride $s = 2$, a quarter of the values remain. Nothing is learned here: the layer has no parameters.

# %%
x = np.array([[1.0, 5, 2, 0], [3, 4, 7, 1], [6, 6, 0, 2], [2, 1, 3, 9]]).reshape(1, 4, 4, 1)
pool = MaxPool2d(2)
y = pool.forward(x)
assert np.array_equal(y, naive.max_pool(x, (2, 2), (2, 2)))
assert y.ravel().tolist() == [5, 7, 6, 9]
assert y.size == x.size / 4 and not pool.params

big = rng.standard_normal((2, 6, 8, 3))
assert np.array_equal(MaxPool2d(3, 2).forward(big), naive.max_pool(big, (3, 3), (2, 2)))

# %% [markdown]
# **Backward.** Suppose that the largest value of a window occurs only once. Change any other value a little: $y$ does not move. Change the largest by a little: $y$ moves by as much. So the partial derivative is 1 for the largest and 0 for all others, and
#
# $$ dx_{nuvc} = \text{sum of } dy_{nhwc} \text{ over all windows } (h, w) \text{ in which } x_{nuvc} \text{ is the largest.} $$
#
# When windows do not overlap, that is at most one window: **the winner gets all of $dy$.**
#
# **Ties.** If two values share the maximum, $y$ has a kink, and there is no derivative (lesson 00). Any rule that hands out $dy$ exactly once will do. Ours: the first in the window, row by row, gets it. Ties are not rare: after a ReLU many windows hold nothing but zeros.

# %% alt="A square of 4 by 4 numbers in four colors, its 2 by 2 maxima, the gradients of these, and the gradient of the square: each maximum gets the gradient of its window, the first of two equal ones, and all other entries are 0."
dy = np.array([[10.0, 20], [30, 40]]).reshape(1, 2, 2, 1)
dx = pool.backward(dy)
plot.max_pooling(x, y, dy, dx)
assert dx[0, 2].ravel().tolist() == [30, 0, 0, 0], "6 and 6 tie: the first gets it"
assert np.array_equal(dx, naive.max_pool_backward(x, (2, 2), (2, 2), dy))

# %% [markdown]
# Each window has its own color. In the third (below, left) two sixes tie. A gradient check needs values without ties; random ones will do:

# %%
for kernel, stride in [(2, 2), (3, 2)]:
    error = check_layer(MaxPool2d(kernel, stride), rng.standard_normal((2, 6, 7, 2)), rng)["x"]
    print(f"kernel {kernel}, stride {stride}: error {error:.1e}")
zeros = MaxPool2d(2)
zeros.forward(np.zeros((1, 4, 4, 1)))
assert zeros.backward(dy).sum() == dy.sum(), "all ties: dy is still handed out exactly once"

# %% [markdown]
# **Odd sizes.** Lesson 05 gave $OH = \lfloor (H - KH)/s \rfloor + 1$. With $KH = s = 2$ this is $\lfloor H/2 \rfloor$: if $H$ is odd, the last row has no partner and is dropped. Its gradient is 0.

# %%
for H in range(2, 30):
    assert (H - 2) // 2 + 1 == H // 2 == MaxPool2d(2).output_shape((H, H, 1))[0]
odd = MaxPool2d(2)
odd_y = odd.forward(rng.standard_normal((1, 5, 5, 1)))
odd_dx = odd.backward(np.ones_like(odd_y))[0, :, :, 0]
assert odd_y.shape == (1, 2, 2, 1)
assert not odd_dx[4].any() and not odd_dx[:, 4].any()

# %% [markdown]
# ### Exercise 1
# Write the backward pass for 2×2 windows with stride 2 and even sizes.


# %% exercise="max_pool" stands_for="naive.max_pool_backward layers.MaxPool2d"
def max_pool_backward(x, dy):
    """dx (N, H, W, C) of 2x2 max-pooling, for dy (N, H / 2, W / 2, C).

    Hint: x.reshape(N, H // 2, 2, W // 2, 2, C) has the windows on axes 2 and 4. Move those to the
    end and join them: four values per window, whose `argmax` is the first of the largest.
    `np.arange(4) == winner[..., None]` is true there and nowhere else. Then the same way back.
    """
    ### BEGIN SOLUTION
    N, H, W, C = x.shape
    windows = x.reshape(N, H // 2, 2, W // 2, 2, C).transpose(0, 1, 3, 5, 2, 4)
    winner = windows.reshape(*dy.shape, 4).argmax(axis=-1)
    shares = (np.arange(4) == winner[..., None]) * dy[..., None]
    shares = shares.reshape(N, H // 2, W // 2, C, 2, 2).transpose(0, 1, 4, 2, 5, 3)
    return shares.reshape(x.shape)
    ### END SOLUTION


# %% test="max_pool" points=3
# Expect no difference at all, ties included: nothing is added, only handed on.
few = rng.integers(0, 3, (3, 6, 4, 2)).astype(float)  # many ties
cases = {"the picture above": x, "random": rng.standard_normal((3, 6, 4, 2)), "many ties": few}
for case, values in cases.items():
    N, H, W, C = values.shape
    upstream = rng.standard_normal((N, H // 2, W // 2, C))
    before = values.copy(), upstream.copy()
    expected = naive.max_pool_backward(values, (2, 2), (2, 2), upstream)
    found = max_pool_backward(values, upstream)
    assert found.shape == values.shape, f"{case}: shape {found.shape}, x has {values.shape}"
    given = found.reshape(N, H // 2, 2, W // 2, 2, C).sum(axis=(2, 4))
    assert np.allclose(given, upstream), f"{case}: each window must hand out its dy exactly once"
    assert np.array_equal(found, expected), f"{case}: dy goes to a pixel that did not win"
    assert np.array_equal(values, before[0]), "x belongs to the layer below: do not change it"
    assert np.array_equal(upstream, before[1]), "dy belongs to the layer above: do not change it"
### BEGIN HIDDEN TESTS
flat = np.random.default_rng(60).integers(-2, 1, (1, 2, 8, 1))  # none above 0, many ties
for size in (1.0, 1e12, 1e-12):
    values, upstream = size * flat, np.array([[[[3.0], [-1.0], [0.5], [2.0]]]])
    found = max_pool_backward(values, upstream)
    expected = naive.max_pool_backward(values, (2, 2), (2, 2), upstream)
    assert found.shape == values.shape, f"one image, one channel: shape {found.shape}"
    assert np.array_equal(found, expected), f"ties among numbers of about {size:g}: a wrong pixel"
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Average pooling: keep the share
#
# **Average pooling** takes the mean of each window. Every value has the same weight, so in the backward pass every value gets the same share:
#
# $$ y_{nhwc} = \frac{1}{KH\,KW} \sum_{i,\,j} x_{n,\,hs+i,\,ws+j,\,c}, \qquad dx \mathrel{+}= \frac{dy}{KH\,KW} \ \text{ for each value of the window.} $$
#
# It is linear, with the same weights everywhere. So it *is* a convolution, with the matrix $\frac{1}{KH\,KW} I$ for each tap:

# %%
x = rng.standard_normal((2, 6, 6, 3))
average = AvgPool2d(2)
y = average.forward(x)
assert np.abs(y - naive.avg_pool(x, (2, 2), (2, 2))).max() < 1e-14
dy = rng.standard_normal(y.shape)
assert np.abs(average.backward(dy) - naive.avg_pool_backward(x, (2, 2), (2, 2), dy)).max() < 1e-14

conv = Conv2d(3, 3, kernel=2, stride=2, bias=False, rng=rng).to(dtype=float)
conv.params["W"][...] = np.eye(3) / 4
assert np.abs(conv.forward(x) - y).max() < 1e-14
for layer in (AvgPool2d(2), AvgPool2d(3, 2)):
    print(f"error {check_layer(layer, x, rng)['x']:.1e}")

# %% [markdown]
# **Global average pooling** (GAP) makes the window as large as the picture. One number per channel remains: *how much of this was there, anywhere?*
#
# $$ y_{nc} = \frac{1}{H\,W} \sum_{h,\,w} x_{nhwc}, \qquad dx_{nhwc} = \frac{dy_{nc}}{H\,W}. $$
#
# It takes pictures of any size, and its output (N, C) is one vector per picture, which a Linear layer can take.

# %%
gap = GlobalAvgPool()
y = gap.forward(x)
assert y.shape == (2, 3) and np.abs(y - naive.avg_pool(x, (6, 6), (1, 1))[:, 0, 0]).max() < 1e-14
dy = rng.standard_normal(y.shape)
assert np.abs(gap.backward(dy) - dy[:, None, None] / 36).max() < 1e-15
print(f"error {check_layer(GlobalAvgPool(), x, rng)['x']:.1e}")

# %% [markdown]
# ## 3. Hybrid pooling: first compete, then vote
#
# DLDL-v2 ends its convolutions with **hybrid pooling** (HP): one more 2×2 max-pooling, and then the global average. Other networks use GAP alone. On 224-pixel photos four max-poolings leave 14×14; with HP they become 7×7, and then one vector:

# %%
for pool_name in ("hp", "gap"):
    net = AgeNet("tiny", outputs=101, side=224, pool=pool_name, rng=np.random.default_rng(0))
    (name, last, before, after), _fc = list(net.trace(net.input_shape))[-2:]
    sizes = [before]
    if pool_name == "hp":
        sizes += [shape for *_, shape in last.trace(before)][:1]
    print(pool_name, " -> ".join(map(str, [*sizes, after])))
    assert sizes == [(14, 14, 128), (7, 7, 128)][: len(sizes)] and after == (128,)
    assert len(sizes) == (2 if pool_name == "hp" else 1)

# %% [markdown]
# What does each keep? GAP gives each of the 196 positions a weight of 1/196. HP gives the winners of the 49 windows a weight of 1/49 each and the other 147 positions nothing.
#
# After a ReLU no value is negative. Then the maximum of a window is at least its mean, and at most its sum, which is four times the mean. Averaging over all windows gives
#
# $$ \text{GAP} \;\le\; \text{HP} \;\le\; 4\,\text{GAP}. $$
#
# Where in between? Equality on the left holds if all values of a window are equal; on the right if each window has a single value above zero. Here are three maps with the same average:

# %% alt="Three maps with the same mean, 0.25: all gray, one black square, many black spots; hybrid pooling gives 0.25, 0.33 and 1.00."
even = np.full((14, 14), 0.25)
blob, spots = np.zeros((14, 14)), np.zeros((14, 14))
blob[3:10, 3:10] = 1
spots[::2, 1::2] = 1

maps, pooled = {"even": even, "blob": blob, "spots": spots}, {}
for name, one in maps.items():
    x = one[None, :, :, None]
    pooled[name] = GlobalAvgPool().forward(x).item(), HybridPool().forward(x).item()
plot.pooled(maps, pooled)

# %%
assert [round(values[0], 12) for values in pooled.values()] == [0.25, 0.25, 0.25]
assert (
    pooled["even"][1] == 0.25
    and pooled["spots"][1] == 1
    and abs(pooled["blob"][1] - 16 / 49) < 1e-12
)
x = np.maximum(rng.standard_normal((50, 14, 14, 20)), 0)
ratio = HybridPool().forward(x) / GlobalAvgPool().forward(x)
print(f"rectified noise: HP / GAP from {ratio.min():.2f} to {ratio.max():.2f}")
assert ratio.min() >= 1 and ratio.max() <= 4
assert (HybridPool().forward(x[:1] * 0 + 3) == 3).all(), "equality on the left"

# %% [markdown]
# The orange lines show the 2×2 windows. GAP cannot tell the three maps apart. HP rewards sharp answers in many places: four gray values in a window count less than one black one, although their sum is the same. Wrinkles and spots are answers of that kind. This is an intuition, not a proof; the evidence is the paper's ablation. ThinAgeNet on ChaLearn 2015 has a mean absolute error of 3.135 years with HP and 3.210 with GAP, a gain of 0.075.
#
# The backward pass of HP needs no new code: HP is a `Sequential` of two layers, and the winner of each window gets $dy / 49$.

# %%
assert round(3.210 - 3.135, 3) == 0.075 and 196 - 49 == 147
x = rng.standard_normal((1, 14, 14, 2))
hybrid = HybridPool()
hybrid.forward(x)
dx = hybrid.backward(np.ones((1, 2)))
assert (dx > 0).sum() == 2 * 49 and np.abs(dx[dx > 0] - 1 / 49).max() < 1e-15
error = check_layer(HybridPool(), rng.standard_normal((2, 6, 7, 2)), rng)["x"]
print(f"error {error:.1e}")

# %% [markdown]
# ## 4. Why normalize?
#
# A convolution without a bias is linear in its weights: if they are all $a$ times as large, so is the output. A ReLU also passes on a factor $a > 0$. So in a network of ten such layers
#
# $$ f(x;\; a W_1, \dots, a W_{10}) = a^{10} f(x;\; W_1, \dots, W_{10}). $$
#
# Weights twice too large make outputs 1,024 times too large, and the gradient in the input with them. The gradient in any one $W_i$ grows 512 times: on its way it meets nine of the ten factors, all but its own. Half as large, and almost nothing arrives. The deeper, the worse, and it happens again at every training step, since each layer learns from inputs that all layers below keep changing.
#
# **Batch normalization** cuts the chain. After each convolution it brings every channel back to mean 0 and variance 1.


# %%
def stack(scale, normalize):
    """Ten layers of convolution, BatchNorm (or none) and ReLU, all weights times `scale`."""
    draw, layers = np.random.default_rng(0), {}
    for i in range(10):
        layers[f"conv{i}"] = Conv2d(8, 8, padding=1, bias=False, rng=draw)
        layers[f"conv{i}"].params["W"] *= np.float32(scale)
        if normalize:
            layers[f"bn{i}"] = BatchNorm2d(8)
        layers[f"relu{i}"] = ReLU()
    return Sequential(layers)


def outputs_of_relus(net, x):
    """What comes out of each ReLU."""
    ys = []
    for name, layer in net.layers.items():
        x = layer.forward(x)
        ys += [x] if name.startswith("relu") else []
    return ys


# %% alt="The spread of the outputs over ten layers: without batch normalization it grows to 300 with weights twice as large and falls to 0.0003 with half; with it all three curves are the same flat line."
x = rng.standard_normal((4, 12, 12, 8), dtype=np.float32)
spread, last = {}, {}
for normalize, scale in itertools.product((False, True), (2, 1, 0.5)):
    ys = outputs_of_relus(stack(scale, normalize), x)
    spread[normalize, scale], last[normalize, scale] = [y.std() for y in ys], ys[-1]
plot.spreads(spread)

assert np.array_equal(last[False, 2], 2**10 * last[False, 1]) and 2**10 == 1024
assert np.array_equal(last[False, 0.5], last[False, 1] / 2**10)

grads = {}
for scale in (1, 2):  # the same dy for both
    net = stack(scale, normalize=False)
    dx = net.backward(np.ones_like(net.forward(x)))
    grads[scale] = {"x": dx} | {name: grad.copy() for name, grad in net.grads.items()}
for name, grad in grads[1].items():
    assert np.abs(grad).max() > 0
    assert np.array_equal(grads[2][name], grad * (2**10 if name == "x" else 2**9))
difference = np.abs(last[True, 2] - last[True, 1]).max()
print(f"with BatchNorm: weights times 2 change the output by at most {difference:.1e}")
assert difference < 1e-3

# %% [markdown]
# On the right the three lines coincide. (A factor of 2 or 1/2 is exact in floating point, so the powers of two on the left are exact, too.)
#
# ## 5. Forward
#
# A channel of a batch holds $M = N\,H\,W$ numbers $x_1, \dots, x_M$. Each channel is treated separately, so we write just one:
#
# $$ \mu = \frac1M \sum_m x_m, \qquad v = \frac1M \sum_m (x_m - \mu)^2, \qquad \hat x_m = \frac{x_m - \mu}{\sqrt{v + \varepsilon}}, \qquad y_m = \gamma\, \hat x_m + \beta. $$
#
# In the code $\mu$ is `mean`, $v$ is `var`, and $1/\sqrt{v + \varepsilon}$ is `inv_std`. The small $\varepsilon = 10^{-5}$ saves a constant channel from 0/0. The two parameters $\gamma$ and $\beta$ leave the network free to choose another scale and mean where it wants one. They start at 1 and 0.
#
# So $\hat x$ has mean 0. Its mean square is $\frac1M \sum_m (x_m - \mu)^2 / (v + \varepsilon)$, which is
#
# $$ \frac1M \sum_m \hat x_m^2 = \frac{v}{v + \varepsilon}, $$
#
# very nearly 1. We need this in section 7.

# %%
x = 3 + 2 * rng.standard_normal((4, 3, 5, 2))
bn = BatchNorm2d(2).to(dtype=float)
assert bn.eps == 1e-5 and (bn.params["gamma"] == 1).all() and (bn.params["beta"] == 0).all()
x_hat = bn.forward(x)  # gamma 1 and beta 0
mean, var = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
assert np.abs(x_hat - (x - mean) / np.sqrt(var + bn.eps)).max() < 1e-14
assert np.abs(x_hat.mean(axis=(0, 1, 2))).max() < 1e-14
assert np.abs((x_hat**2).mean(axis=(0, 1, 2)) - var / (var + bn.eps)).max() < 1e-14

bn.params["gamma"][...], bn.params["beta"][...] = [1.5, -0.5], [0.3, 2.0]
y, _, _ = naive.batch_norm(x, bn.params["gamma"], bn.params["beta"], bn.eps)
assert np.abs(bn.forward(x) - y).max() < 1e-13
assert (BatchNorm2d(1).forward(np.full((1, 3, 3, 1), 7.0)) == 0).all(), "constant: no 0/0"

# %% [markdown]
# ## 6. The backward pass, path by path
#
# $x_m$ reaches $y$ in three ways: directly, through the variance, and through the mean. Through the last two it changes *every* $y$ of the channel. We take one step at a time, and check each.
#
# To check a step alone we need a function in which $x$, $\mu$ and $v$ are three separate variables:

# %%
M, gamma, beta, eps = 12, np.array([1.5]), np.array([0.3]), 1e-5
x = 3 + 2 * rng.standard_normal(M)
dy = rng.standard_normal(M)
mean, var = np.array([x.mean()]), np.array([x.var()])
inv_std = 1 / np.sqrt(var + eps)
x_hat = (x - mean) * inv_std


def separate():
    """The loss sum_m dy_m y_m, with x, mean and var as separate variables."""
    return float((dy * (gamma * (x - mean) / np.sqrt(var + eps) + beta)).sum())


def check(name, gradient, variable, f=separate):
    """Compare with central differences; raises an error if they differ."""
    numeric = numerical_gradient(f, variable)
    print(f"{name:8} error {compare(name, np.broadcast_to(gradient, variable.shape), numeric):.1e}")


# %% [markdown]
# **Step 1: the parameters.** From $y_m = \gamma \hat x_m + \beta$, where both take part in every $y_m$:
#
# $$ d\gamma = \sum_m dy_m\, \hat x_m, \qquad d\beta = \sum_m dy_m, \qquad d\hat x_m = \gamma\, dy_m. $$
#
# Step 2 checks the last one, since it builds on it.

# %%
dgamma, dbeta, dx_hat = (dy * x_hat).sum(), dy.sum(), gamma * dy
check("dgamma", dgamma, gamma)
check("dbeta", dbeta, beta)

# %% [markdown]
# **Step 2: the direct path.** With $\mu$ and $v$ held fixed, $\hat x_m = (x_m - \mu) / \sqrt{v + \varepsilon}$ has the slope $1/\sqrt{v + \varepsilon}$, our `inv_std`, in $x_m$:
#
# $$ dx_m^{\text{direct}} = d\hat x_m \cdot \mathrm{inv\_std}. $$
#
# **Step 3: the variance.** Now $x$ and $\mu$ are held fixed. $v$ takes part in every $\hat x_m$, and $\frac{d}{dv} (v + \varepsilon)^{-1/2} = -\frac12 (v + \varepsilon)^{-3/2} = -\frac12\, \mathrm{inv\_std}^3$:
#
# $$ dv = \sum_m d\hat x_m\, (x_m - \mu) \cdot \left(-\tfrac12\right) \mathrm{inv\_std}^3. $$
#
# **Step 4: the mean.** $\mu$ takes part in every $\hat x_m$ with slope $-\mathrm{inv\_std}$, and it also occurs in $v$. But there it has no influence: $\partial v / \partial \mu = -\frac2M \sum_m (x_m - \mu) = 0$, since deviations from the mean sum to 0. (The mean is the point where the sum of squares is smallest, so its slope there is 0.) What remains is
#
# $$ d\mu = -\mathrm{inv\_std} \sum_m d\hat x_m. $$

# %%
check("direct", dx_hat * inv_std, x)
dvar = (dx_hat * (x - mean)).sum() * -0.5 * inv_std**3
check("dvar", dvar, var)
dmean = -inv_std * dx_hat.sum()
check("dmean", dmean, mean)
slope = numerical_gradient(lambda: float(((x - mean) ** 2).mean()), mean)
print(f"slope of the variance in the mean: {slope.item():.1e}")
assert abs(slope) < 1e-9

# %% [markdown]
# **Step 5: put the paths together.** In the real layer $\mu$ and $v$ are computed from $x$: $\partial \mu / \partial x_m = 1/M$, and $\partial v / \partial x_m = \frac2M (x_m - \mu)$. So
#
# $$ dx_m = \underbrace{d\hat x_m \, \mathrm{inv\_std}}_{\text{direct}} \;+\; \underbrace{dv\, \tfrac2M (x_m - \mu)}_{\text{through } v} \;+\; \underbrace{d\mu\, \tfrac1M}_{\text{through } \mu}. $$

# %%
direct, through_var, through_mean = dx_hat * inv_std, dvar * 2 * (x - mean) / M, dmean / M
dx = direct + through_var + through_mean


def whole():
    """The same loss with everything computed from x."""
    return float((dy * (gamma * (x - x.mean()) / np.sqrt(x.var() + eps) + beta)).sum())


check("dv / dx", 2 * (x - mean) / M, x, lambda: float(x.var()))
check("dmu / dx", 1 / M, x, lambda: float(x.mean()))
check("dx", dx, x, whole)

# %% [markdown]
# That is correct, and [`naive.batch_norm_backward`](../tinydldl/naive.py) does it this way. But it can be written in one line.
#
# **Simplify the variance path.** Replace $x_m - \mu$ by $\hat x_m / \mathrm{inv\_std}$, in both places. First $dv = -\frac12\, \mathrm{inv\_std}^2 \sum_k d\hat x_k\, \hat x_k$. Then
#
# $$ dv\, \tfrac2M (x_m - \mu) = -\tfrac12\, \mathrm{inv\_std}^2 \Big(\sum_k d\hat x_k\, \hat x_k\Big) \cdot \tfrac2M \cdot \frac{\hat x_m}{\mathrm{inv\_std}} = -\mathrm{inv\_std}\; \hat x_m \cdot \operatorname{mean}(d\hat x\, \hat x). $$
#
# **Simplify the mean path.** $d\mu / M = -\mathrm{inv\_std} \cdot \frac1M \sum_k d\hat x_k = -\mathrm{inv\_std} \cdot \operatorname{mean}(d\hat x)$.
#
# **Together**, with $d\hat x = \gamma\, dy$ inserted and $\gamma$ factored out:
#
# $$ \boxed{\; dx = \gamma\, \mathrm{inv\_std}\, \big(dy - \operatorname{mean}(dy) - \hat x\, \operatorname{mean}(dy\, \hat x)\big) \;} $$

# %%
assert np.abs(dvar - -0.5 * inv_std**2 * (dx_hat * x_hat).sum()) < 1e-14
assert np.abs(through_var - -inv_std * x_hat * (dx_hat * x_hat).mean()).max() < 1e-14
assert np.abs(through_mean - -inv_std * dx_hat.mean()).max() < 1e-14
one_line = gamma * inv_std * (dy - dy.mean() - x_hat * (dy * x_hat).mean())
print(f"largest difference between five steps and one line: {np.abs(one_line - dx).max():.1e}")
assert np.abs(one_line - dx).max() < 1e-14

# %% [markdown]
# We already know the two means: they are $d\beta / M$ and $d\gamma / M$.
#
# ### Exercise 2
# Write the backward pass for whole batches.


# %% exercise="backward" stands_for="naive.batch_norm_backward layers.BatchNorm2d"
def batch_norm_backward(dy, x_hat, inv_std, gamma):
    """(dx, dgamma, dbeta) for dy, x_hat (N, H, W, C) and inv_std, gamma (C,).

    Hint: sum over axes (0, 1, 2); three lines, if dgamma and dbeta are reused.
    """
    ### BEGIN SOLUTION
    dgamma, dbeta = (dy * x_hat).sum(axis=(0, 1, 2)), dy.sum(axis=(0, 1, 2))
    M = dy.size // dy.shape[-1]
    return gamma * inv_std * (dy - dbeta / M - x_hat * (dgamma / M)), dgamma, dbeta
    ### END SOLUTION


# %% test="backward" points=3
# Expect about 1e-15 from the plain loops, and errors of about 1e-10 from central differences.
images = 3 + 2 * rng.standard_normal((3, 4, 2, 2))
upstream = rng.standard_normal(images.shape)
gammas, betas = np.array([1.5, -0.5]), np.zeros(2)
centered, variance = images - images.mean(axis=(0, 1, 2)), images.var(axis=(0, 1, 2))
scale = 1 / np.sqrt(variance + eps)
arguments = upstream, centered * scale, scale, gammas
before = [a.copy() for a in arguments]
mine = batch_norm_backward(*arguments)
for name, a, b in zip(("dy", "x_hat", "inv_std", "gamma"), arguments, before, strict=True):
    assert np.array_equal(a, b), f"{name} belongs to others: do not change it"
loops = naive.batch_norm_backward(images, gammas, eps, upstream)
for name, a, b in zip(("dx", "dgamma", "dbeta"), mine, loops, strict=True):
    assert a.shape == b.shape, f"{name}: shape {a.shape}, expected {b.shape}"
    print(f"{name:7} largest difference {np.abs(a - b).max():.1e}")
    assert np.abs(a - b).max() < 1e-13, f"{name}: off by {np.abs(a - b).max():.1e} from the loops"


def batch_loss():
    return float((naive.batch_norm(images, gammas, betas, eps)[0] * upstream).sum())


check("dx", mine[0], images, batch_loss)
layer = BatchNorm2d(2).to(dtype=float)
layer.params["gamma"][...] = gammas
layer.forward(images)
assert np.abs(layer.backward(upstream) - mine[0]).max() < 1e-14, "not what the package's layer says"
### BEGIN HIDDEN TESTS
for shape in ((1, 5, 3, 4), (6, 1, 1, 1), (2, 2, 7, 3)):
    few = np.random.default_rng(sum(shape))
    others, dy_others = 100 + 5 * few.standard_normal(shape), 50 * few.standard_normal(shape)
    factors = few.standard_normal(shape[-1])
    factors[0] = 0
    inverse = 1 / np.sqrt(others.var(axis=(0, 1, 2)) + 0.01)
    normal = (others - others.mean(axis=(0, 1, 2))) * inverse
    found = batch_norm_backward(dy_others, normal, inverse, factors)
    loops = naive.batch_norm_backward(others, factors, 0.01, dy_others)
    for name, a, b in zip(("dx", "dgamma", "dbeta"), found, loops, strict=True):
        assert np.shape(a) == b.shape, f"{shape}, {name}: shape {np.shape(a)}, expected {b.shape}"
        off = np.abs(a - b).max()
        assert off < 1e-9, f"{shape}, {name}: off by {off:.1e} from the loops"
### END HIDDEN TESTS

# %% [markdown]
# ## 7. What the backward pass removes
#
# Look at this line as geometry. A channel is a vector with $M$ entries. Two parts are subtracted from $dy$: its mean, and its component along $\hat x$. **That is linear regression.** Fit $dy_m \approx a + b\, \hat x_m$ by least squares: since $\hat x$ has mean 0 and (for $\varepsilon = 0$) mean square 1, the best intercept is $a = \operatorname{mean}(dy)$ and the best slope $b = \operatorname{mean}(dy\, \hat x)$. BatchNorm passes back the residuals, times $\gamma\, \mathrm{inv\_std}$.

# %% alt="Left, gradients as dots with their regression line on the normalized input; right, what is passed back, the distances of the dots from that line."
x_hat0 = (x - x.mean()) / x.std()  # eps = 0
intercept, slope = np.linalg.lstsq(np.stack([np.ones(M), x_hat0], axis=1), dy)[0]
assert abs(intercept - dy.mean()) < 1e-14 and abs(slope - (dy * x_hat0).mean()) < 1e-14
residuals = dy - intercept - slope * x_hat0

plot.regression(x_hat0, dy, intercept, slope, residuals)
assert np.abs(gamma / x.std() * residuals - dx).max() < 1e-4, "dx above has eps = 1e-5"

# %% [markdown]
# Residuals of a regression are orthogonal to everything that was fitted. So $dx$ is orthogonal to the vector of ones and to $\hat x$:
#
# $$ \sum_m dx_m = 0, \qquad \sum_m dx_m\, \hat x_m = 0 \ \text{ for } \varepsilon = 0. $$
#
# With $\varepsilon > 0$ the second is not quite 0. Multiply the line by $\hat x_m$ and sum; the middle term vanishes, and the last has $\sum \hat x_m^2 = M v / (v + \varepsilon)$:
#
# $$ \sum_m dx_m\, \hat x_m = \gamma\, \mathrm{inv\_std} \Big(\sum_m dy_m\, \hat x_m\Big) \Big(1 - \frac{v}{v + \varepsilon}\Big) = \gamma\, \mathrm{inv\_std}\; d\gamma\; \frac{\varepsilon}{v + \varepsilon}. $$

# %%
print(f"dx against ones: {dx.sum():.1e}     dx against x_hat: {dx @ x_hat:.1e}")
assert abs(dx.sum()) < 1e-13
assert abs(gamma / x.std() * residuals @ x_hat0) < 1e-13
remains = gamma * inv_std * dgamma * eps / (var + eps)
assert abs(dx @ x_hat - remains) < 1e-13 and abs(remains) > 1e-7, "tiny, but just what we derived"

# %% [markdown]
# It had to be so. Add a constant to the whole channel, or stretch it: the normalization removes this again, $y$ stays the same, and so does the loss. A gradient has no component in a direction in which nothing changes. Three consequences:
#
# **A bias before BatchNorm is useless.** It adds a constant to the channel. It has no effect, and its gradient is $db = \sum_m dx_m = 0$: it would never learn anything. This is why TinyAgeNet's convolutions have none; $\beta$ takes its place.

# %%
images = rng.standard_normal((4, 6, 6, 3))
net = Sequential({"conv": Conv2d(3, 5, padding=1, rng=rng), "bn": BatchNorm2d(5)}).to(dtype=float)
y = net.forward(images)
net.backward(rng.standard_normal(y.shape))
print(
    f"largest db {np.abs(net.grads['conv.b']).max():.1e}, largest dW {np.abs(net.grads['conv.W']).max():.1f}"
)
assert np.abs(net.grads["conv.b"]).max() < 1e-12 * np.abs(net.grads["conv.W"]).max()
net.params["conv.b"][...] = 1000 * rng.standard_normal(5)
assert np.abs(net.forward(images) - y).max() < 1e-9, "a huge bias changes nothing"
assert "b" not in AgeNet("tiny", 101, rng=rng).layers["conv1_1"].params

# %% [markdown]
# **The scale of the weights does not matter.** A convolution with $aW$ gives $a$ times the channel, and BatchNorm removes the factor (exactly for $\varepsilon = 0$). So the loss, as a function of the weights, has $L(aW) = L(W)$ for every $a > 0$. Differentiate both sides, and write $\nabla L$ for the array of derivatives in all weights.
#
# * *In* $W$: by the chain rule the left side gives $a\, \nabla L(aW)$, the right side $\nabla L(W)$. So $\nabla L(aW) = \frac1a \nabla L(W)$: **larger weights have smaller gradients.**
# * *In* $a$, at $a = 1$: each weight $a W_j$ moves by $W_j$, so the left side gives $\sum_j W_j \, \partial L / \partial W_j$. The right side does not depend on $a$ and gives 0. So **the gradient is orthogonal to the weights** (for each output channel separately, since each is normalized separately).
#
# A step of plain gradient descent, with learning rate $lr$, is therefore at a right angle to $W$, and by Pythagoras it makes the weights longer:
#
# $$ \lVert W - lr\, dW \rVert^2 = \lVert W \rVert^2 + lr^2 \lVert dW \rVert^2. $$
#
# As the weights grow, the same $lr$ turns them less and less: a brake built into BatchNorm.


# %%
def run(W):
    """Output, and gradient in W, of a convolution with BatchNorm without eps."""
    net = Sequential({"conv": Conv2d(3, 5, bias=False, rng=rng), "bn": BatchNorm2d(5, eps=0)})
    net.to(dtype=float).params["conv.W"][...] = W
    y = net.forward(images)
    net.backward(np.sin(np.arange(y.size)).reshape(y.shape))  # some dy, always the same
    return y, net.grads["conv.W"]


W = rng.standard_normal((3, 3, 3, 5))
(y, dW), (y7, dW7) = run(W), run(7 * W)
assert np.abs(y - y7).max() < 1e-12 and np.abs(7 * dW7 - dW).max() < 1e-11
along = (W * dW).sum(axis=(0, 1, 2))
print(f"largest component of the gradient along the weights: {np.abs(along).max():.1e}")
assert np.abs(along).max() < 1e-11
longer = ((W - 0.1 * dW) ** 2).sum() - (W**2).sum() - 0.01 * (dW**2).sum()
assert abs(longer) < 1e-11

# %% [markdown]
# ## 8. Training and inference are not the same
#
# In training the mean and variance are those of the batch. A photo's output depends on the other photos that happen to be in it. In inference we cannot have that: a single photo must get an answer, and the same photo always the same one. So during training the layer keeps **running averages**, and in inference it uses these in place of $\mu$ and $v$:
#
# $$ r \leftarrow r + 0.1\, (\text{batch} - r) = 0.9\, r + 0.1\, \text{batch}. $$
#
# 0.1 is the **momentum** of the layer. A batch that is $t$ steps old has weight $0.1 \cdot 0.9^t$. The initial values of the running averages (0 and 1) have weight $0.9^t$ after $t$ steps: below 1% after 44.
#
# **Which variance?** Within the batch we divide by $M$, so that $\hat x$ gets mean square 1. But as an estimate of the variance $v_0$ of *all* data, this is too small: $v$ measures distances from the batch's own mean $\mu$, which lies in the middle of the batch, not from the mean $\mu_0$ of all data. By how much? Go from $x_m$ to $\mu_0$ by way of $\mu$, and square:
#
# $$ (x_m - \mu_0)^2 = (x_m - \mu)^2 + 2\,(x_m - \mu)(\mu - \mu_0) + (\mu - \mu_0)^2. $$
#
# Take the mean over $m$. The middle term drops out, since the deviations $x_m - \mu$ sum to 0:
#
# $$ v = \frac1M \sum_m (x_m - \mu)^2 = \frac1M \sum_m (x_m - \mu_0)^2 - (\mu - \mu_0)^2. $$
#
# Now average over all possible batches. The first term on the right becomes $v_0$. The second becomes the variance of the mean of $M$ independent values, $v_0 / M$ (lesson 01). So
#
# $$ E[v] = v_0 - \frac{v_0}{M} = \frac{M - 1}{M}\, v_0. $$
#
# Therefore the running average takes in $\frac{M}{M-1}\, v$, which for independent values is right on average: **unbiased**. We need no random numbers to check it. Let a value be 0, 1 or 5, each with probability 1/3, and enumerate all samples of three:

# %%
values = np.array([0.0, 1, 5])
samples = np.array(list(itertools.product(values, repeat=3)))  # all 27, equally likely
biased = samples.var(axis=1).mean()
print(f"true variance {values.var():.4f}, average of v {biased:.4f}, unbiased {1.5 * biased:.4f}")
assert len(samples) == 27 and abs(biased - 2 / 3 * values.var()) < 1e-14
around_true = ((samples - values.mean()) ** 2).mean(axis=1)
mean_off = (samples.mean(axis=1) - values.mean()) ** 2
assert np.abs(samples.var(axis=1) - (around_true - mean_off)).max() < 1e-14, (
    "the identity that we used"
)
assert abs(samples.mean(axis=1).var() - values.var() / 3) < 1e-14, "the variance of the mean"

# Pixels of one photo are not independent.
draw = np.random.default_rng(4)
count = 100 if FAST else 400
faces = np.stack([np.asarray(draw_face(sample_age(draw), draw, 32)) for _ in range(count)]) / 255
means, squares = (value.mean(axis=(1, 2)) for value in (faces[..., 0], faces[..., 0] ** 2))
true, among_photos, shares = faces[..., 0].var(), means.var(), {}
for N in (8, 2):
    chosen, M = draw.integers(len(faces), size=(50_000, N)), N * 32 * 32
    v = squares[chosen].mean(axis=1) - means[chosen].mean(axis=1) ** 2
    shares[N] = M / (M - 1) * v.mean() / true
    print(f"batches of {N} faces: the running average takes in {shares[N]:.3f} of the variance")
    # Photos are independent: the mean of a batch has the variance among photos, over N.
    assert abs(shares[N] - (1 - among_photos / N / true)) < 0.005
assert 0.8 < shares[2] < 0.9 < shares[8] < 0.98

batches, r = rng.standard_normal(44), 2.0
for value in batches:
    r += 0.1 * (value - r)
ages = np.arange(44)[::-1]  # the last batch is 0 steps old
assert abs(r - (0.1 * 0.9**ages @ batches + 0.9**44 * 2.0)) < 1e-14
assert 0.9**43 > 0.01 > 0.9**44

# %% [markdown]
# Pixels are not independent: those of one photo are bright or dark together. The mean of a batch then varies like that of $N$ photos, not of $M = N\,H\,W$ numbers, so the second term is (variance among the photos' means)$\,/\,N$, and dividing by $M - 1$ repairs next to nothing of it. In the cell above, the running variance over batches of two drawn faces would come out more than a tenth too small. With the larger batches of training it hardly matters.
#
# ### Exercise 3
# Write one update of the running averages.


# %% exercise="running" stands_for="layers.BatchNorm2d"
def update(running_mean, running_var, x, momentum=0.1):
    """The new (running_mean, running_var), each (C,), after a batch x (N, H, W, C).

    Hint: `x.var(axis=...)` divides by M; the running average wants M - 1 (`ddof=1`).
    """
    ### BEGIN SOLUTION
    mean, var = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2), ddof=1)
    running_mean = running_mean + momentum * (mean - running_mean)
    running_var = running_var + momentum * (var - running_var)
    return running_mean, running_var
    ### END SOLUTION


# %% test="running" points=2
# Expect differences of about 1e-16 from the package's layer, over five batches.
for momentum in (0.1, 0.3):
    layer = BatchNorm2d(3, momentum=momentum).to(dtype=float)
    r_mean, r_var = np.zeros(3), np.ones(3)
    for _ in range(5):
        batch = 4 + 3 * rng.standard_normal((2, 2, 2, 3))
        before = r_mean, r_mean.copy(), r_var, r_var.copy()
        r_mean, r_var = update(r_mean, r_var, batch, momentum)
        layer.forward(batch)
        assert np.array_equal(before[0], before[1]), "return a new mean, do not change the old one"
        assert np.array_equal(before[2], before[3]), "return a new variance, do not change the old"
        off = np.abs(r_mean - layer.buffers["running_mean"]).max()
        assert off < 1e-13, f"momentum {momentum}: the running mean is off by {off:.2g}"
        off = np.abs(r_var - layer.buffers["running_var"]).max()
        assert off < 1e-13, f"momentum {momentum}: the running variance is off by {off:.2g}"
    print("running mean", r_mean.round(3), " running variance", r_var.round(3))
### BEGIN HIDDEN TESTS
for shape in ((5, 3, 4, 2), (1, 1, 2, 1), (2, 9, 1, 6)):
    batch = 100 + np.random.default_rng(sum(shape)).standard_normal(shape)
    channel_means, M = batch.mean(axis=(0, 1, 2)), batch[..., 0].size
    channel_vars = ((batch - channel_means) ** 2).sum(axis=(0, 1, 2)) / (M - 1)
    old_mean, old_var = np.full(shape[-1], 7.0), np.full(shape[-1], 3.0)
    for momentum in (0.01, 1.0):
        one, other = update(old_mean, old_var, batch, momentum)
        off = np.abs(one - (1 - momentum) * old_mean - momentum * channel_means).max()
        assert off < 1e-11, (
            f"{M} numbers a channel, momentum {momentum}: the mean is off by {off:.2g}"
        )
        off = np.abs(other - (1 - momentum) * old_var - momentum * channel_vars).max()
        assert off < 1e-11, (
            f"{M} numbers a channel, momentum {momentum}: the variance, by {off:.2g}"
        )
### END HIDDEN TESTS


# %% alt="Running mean and running variance over 100 batches: both begin far too low, reach their true values after about 20 to 50 batches, and then waver around them."
def show_running(momentum=0.1, N=4):
    """Running averages over 100 batches of N 2x2 images with mean 4 and standard deviation 3."""
    draw, layer = np.random.default_rng(1), BatchNorm2d(1, momentum=momentum)
    history = {"running_mean": [0.0], "running_var": [1.0]}
    for _ in range(100):
        layer.forward(4 + 3 * draw.standard_normal((N, 2, 2, 1), dtype=np.float32))
        for name in history:
            history[name].append(layer.buffers[name].item())
    plot.running(history, momentum, N)
    return history


after = show_running()
assert abs(np.mean(after["running_mean"][44:]) - 4) < 0.4
assert abs(np.mean(after["running_var"][44:]) - 9) < 1
slider(show_running, momentum=[0.01, 0.1, 0.5, 1.0], N=[2, 4, 16, 64])

# %% [markdown]
# In inference $\mu$ and $v$ are constants. Two paths of the backward pass disappear, and the layer is a plain scaling: $dx = \gamma\, \mathrm{inv\_std}\, dy$. (To ask which pixels an estimate depends on, you need this pass.)

# %%
layer.eval()
photo = rng.standard_normal((1, 2, 2, 3))
inv_std_running = 1 / np.sqrt(layer.buffers["running_var"] + layer.eps)
alone = layer.forward(photo, save=True)
assert np.abs(alone - (photo - layer.buffers["running_mean"]) * inv_std_running).max() < 1e-13
dy = rng.standard_normal(photo.shape)
assert np.abs(layer.backward(dy) - layer.params["gamma"] * inv_std_running * dy).max() < 1e-14
with_others = layer.forward(np.concatenate([photo, rng.standard_normal((5, 2, 2, 3))]))
assert np.array_equal(with_others[:1], alone), "the others do not matter any more"
print({name: f"{error:.0e}" for name, error in check_layer(layer, photo, rng).items()})

# %% [markdown]
# ### Tiny batches
#
# How much do the other photos matter in training? We normalize a face together with others, drawn at random again and again, and look at one pixel of the result. The fewer photos, the more that pixel jumps:

# %% alt="The spread of one output of the same face among random others, against the size of the batch: it falls from 0.46 with two photos to 0.1 with 32."
draw = np.random.default_rng(3)
faces = np.stack([np.asarray(draw_face(sample_age(draw), draw, 32)) for _ in range(64)]) / 255
sizes, spread = [2, 4, 8, 16, 32], []
for N in sizes:
    outputs = []
    for _ in range(300):
        others = draw.choice(np.arange(1, 64), N - 1, replace=False)
        outputs.append(BatchNorm2d(3).forward(faces[[0, *others]])[0, 16, 16, 0])
    spread.append(np.std(outputs))

plot.company(sizes, spread)
print("spread:", dict(zip(sizes, np.round(spread, 3).tolist(), strict=True)))
assert spread == sorted(spread, reverse=True) and spread[0] > 3 * spread[-1]

# %% [markdown]
# A little of this noise is usually harmless. But in inference it is gone, so the more of it there was in training, the less training resembled what the network will get. And then there are the extremes.
#
# **Two values.** Let a channel hold $M = 2$ values $a > b$, as in a batch of two photos whose maps have shrunk to 1×1. Their mean is $(a+b)/2$, and both deviations are $\pm (a-b)/2$, so $v = \left((a-b)/2\right)^2$ and, with $\varepsilon = 0$,
#
# $$ \hat x = (+1, -1), \quad \text{whatever } a \text{ and } b \text{ are.} $$
#
# All that remains is which one is larger. The gradient must be 0: two values, two directions removed. **One value** has no variance at all, and the layer refuses it.

# %%
for a, b in [(5.0, 4.9), (3.0, -70.0)]:
    two = BatchNorm2d(1, eps=0).to(dtype=float)
    assert np.abs(two.forward(np.array([a, b]).reshape(2, 1, 1, 1)).ravel() - [1, -1]).max() < 1e-12
    assert np.abs(two.backward(rng.standard_normal((2, 1, 1, 1)))).max() < 1e-12
try:
    BatchNorm2d(1).forward(np.ones((1, 1, 1, 1)))
except ValueError as error:
    print("ValueError:", error)
else:
    raise AssertionError("one value was accepted")

# %% [markdown] question="forgotten" points=2
# ### Question
# A web service estimates the age of one uploaded photo at a time. Its author forgot `model.eval()`. Name two things that go wrong, one visible at once and one that creeps in.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* At once: each photo is normalized by its own mean and variance, which the network has never met in this form; a bright photo and a dark one come out nearly alike, and the estimates are off. (Several photos at once would also influence each other's ages.) Creeping in: each upload moves the running averages, so that the model slowly changes, although nobody trains it, and calling `eval()` later no longer gives the model that was tested.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 9. Folding: BatchNorm for free
#
# In inference BatchNorm is a scaling and a shift per channel. A change to the weights of the convolution before it can do the same. Let $r_\mu$ and $r_v$ be the running averages and $\alpha = \gamma / \sqrt{r_v + \varepsilon}$ (OC,). With the convolution $x * W + b$:
#
# $$ y = \gamma\, \frac{(x * W + b) - r_\mu}{\sqrt{r_v + \varepsilon}} + \beta = x * (\alpha W) + \big(\alpha\, (b - r_\mu) + \beta\big). $$
#
# The output channel is the last axis of `W`, so $\alpha W$ is plain broadcasting. The BatchNorm layer is gone, and over the whole network 13 passes over memory: lesson 05 showed that moving bytes is not free.
#
# ### Exercise 4
# Fold a BatchNorm layer into the convolution before it.


# %% exercise="fold"
def fold(W, bn):
    """(W, b) of one convolution that does what W without bias, and then bn.eval(), do.

    Hint: `bn.params` has gamma and beta, `bn.buffers` running_mean and running_var; `bn.eps`.
    """
    ### BEGIN SOLUTION
    alpha = bn.params["gamma"] / np.sqrt(bn.buffers["running_var"] + bn.eps)
    return W * alpha, bn.params["beta"] - alpha * bn.buffers["running_mean"]
    ### END SOLUTION


# %% test="fold" points=2
# Expect a largest difference of about 1e-14, also at the padded border.
pair = {"conv": Conv2d(3, 5, padding=1, bias=False, rng=rng), "bn": BatchNorm2d(5)}
net = Sequential(pair).to(dtype=float)
net.params["bn.gamma"][...], net.params["bn.beta"][...] = rng.standard_normal((2, 5))
for _ in range(5):
    net.forward(4 + rng.standard_normal((4, 6, 6, 3)))  # so that the running averages are not 0, 1
kept = {name: array.copy() for name, array in net.params.items()}
W_folded, b_folded = fold(net.params["conv.W"], net.layers["bn"])
for name, array in kept.items():
    assert np.array_equal(net.params[name], array), f"{name} has changed: return new arrays"
assert W_folded.shape == (3, 3, 3, 5), f"W has shape {W_folded.shape}, expected (3, 3, 3, 5)"
assert b_folded.shape == (5,), f"b has shape {b_folded.shape}, expected (5,)"
folded = Conv2d(3, 5, padding=1, rng=rng).to(dtype=float)
folded.params["W"][...], folded.params["b"][...] = W_folded, b_folded
difference = np.abs(net.eval().forward(images) - folded.forward(images)).max()
print(f"largest difference {difference:.1e}")
assert difference < 1e-12, f"one convolution and the pair differ by {difference:.2g}"
### BEGIN HIDDEN TESTS
tall = np.random.default_rng(66)
pair = {
    "conv": Conv2d(2, 3, (1, 5), padding=(0, 2), bias=False, rng=tall),
    "bn": BatchNorm2d(3, eps=0.5),
}
net = Sequential(pair).to(dtype=float)
net.params["bn.gamma"][...], net.params["bn.beta"][...] = [-2, 0, 1e3], [5, 7, -1]
net.layers["bn"].buffers["running_mean"][...] = [-3, 2, 50]
net.layers["bn"].buffers["running_var"][...] = [0, 4, 0.01]
folded = Conv2d(2, 3, (1, 5), padding=(0, 2), rng=tall).to(dtype=float)
folded.params["W"][...], folded.params["b"][...] = fold(net.params["conv.W"], net.layers["bn"])
wide = tall.standard_normal((1, 3, 8, 2))
difference = np.abs(net.eval().forward(wide) - folded.forward(wide)).max()
assert difference < 1e-8, f"a 1x5 kernel, eps 0.5: they differ by {difference:.2g}"
### END HIDDEN TESTS

# %%
names = list(AgeNet("tiny", 101, rng=rng).layers)
assert sum(name.startswith("bn") for name in names) == 13

# %% [markdown]
# Why not fold in training, too? Because there $\mu$ and $v$ are functions of $x$. Folding would treat them as constants, and cut two of the three paths that section 6 was about.

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. A channel is normalized over $M$ numbers, with $\varepsilon = 0$. How many independent directions of `dy` does the backward pass let through? What comes out, forward and backward, for $M = 2$? And a colleague trains with batches of one photo, "which works for photos of any size": in which layers of ThinAgeNet at 224 px, if any, is that a problem?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* What is passed back is what is left of dy after a regression on the vector of ones and on x_hat: M - 2 directions, **8** for M = 10. With M = 2 nothing is left: forward the outputs are -1 and 1, whatever the inputs were (if they differ), so they cannot depend on them, and dx is 0. With one photo M is the number of positions, at 224 px from 224² in the first group down to 14² = 196 in the last: M - 2 is nearly M, so the gradient is no problem. But the statistics are those of one photo: the mean brightness of every channel is removed, in training and not in inference, and running averages fit nobody. A photo of 16 px would leave one position in the last group, M = 1: the formula gives beta alone, so the layer refuses it, and the network takes no side below 32. One point for M - 2, one for M = 2, one for one photo.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * Max-pooling keeps the strongest answer, and the winner gets all of $dy$ (the first, if there is a tie). Average pooling shares $dy$ evenly. Odd sizes are rounded down.
# * Hybrid pooling first lets each 2×2 window choose its strongest value, then averages. It lies between GAP and four times GAP, high if there are sharp answers in many places.
# * BatchNorm: $dx = \gamma\, \mathrm{inv\_std}\, (dy - \operatorname{mean}(dy) - \hat x\, \operatorname{mean}(dy\, \hat x))$: the residuals of a regression of $dy$ on $\hat x$.
# * Hence a bias before it is useless, and the scale of the weights before it does not matter.
# * Training uses the batch (variance over $M$), inference the running averages (variance over $M - 1$, momentum 0.1). Two values per channel leave only a sign.
# * In inference BatchNorm folds into the convolution.
#
# ## Further reading
# * S. Ioffe, C. Szegedy, *Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift*, ICML 2015.
# * S. Santurkar, D. Tsipras, A. Ilyas, A. Madry, *How Does Batch Normalization Help Optimization?*, NeurIPS 2018: doubts the reason given in the first paper, and offers another.
# * Y. Wu, K. He, *Group Normalization*, ECCV 2018: what to do when batches are tiny.
# * M. Lin, Q. Chen, S. Yan, *Network In Network*, ICLR 2014: global average pooling.
# * B.-B. Gao, H.-Y. Zhou, J. Wu, X. Geng, *Age Estimation Using Expectation of Label Distribution Learning*, IJCAI 2018: hybrid pooling.
# * Next: [lesson 07](07_a_network.ipynb) puts the layers together.
