# %% [markdown]
# # Lesson 11: What does it look at?
#
# | | |
# |---|---|
# | **You will be able to** | derive a map that says where an estimate comes from, in years; check it against a test that needs no theory; and show what such maps cannot tell |
# | **You need** | lesson 04 (the gradient of the expectation), lesson 06 (pooling, BatchNorm in inference), lesson 08 (a trained network) |
# | **Minutes** | 100, of which the computer needs 2 |
# | **Code** | [`tinydldl/explain/saliency.py`](../tinydldl/explain/saliency.py), [`tinydldl/explain/pictures.py`](../tinydldl/explain/pictures.py) |

# %%
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # small products: a second thread would only wait

from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from unittest.mock import patch

import numpy as np
from PIL import Image

import tinydldl
from tinydldl import trained, weights
from tinydldl.datasets.loader import normalize
from tinydldl.datasets.synthetic import annotate, draw_face, person, sample_age
from tinydldl.explain import saliency
from tinydldl.faces import Face
from tinydldl.fast import FastNet
from tinydldl.labels import label_grid
from tinydldl.layers import Conv2d, GlobalAvgPool, HybridPool, Linear, MaxPool2d, Sequential
from tinydldl.methods import DLDLv2
from tinydldl.metrics import mae
from tinydldl.models import Network, conv_bn_relu, convolutions
from tinydldl.notebook import FAST, figures, slider, use_style
from tinydldl.optim import Adam, cosine_schedule
from tinydldl.predict.portraits import portraits
from tinydldl.trained import Trained

use_style()
plot = figures("11")
rng = np.random.default_rng(11)
grid = label_grid(0, 100, 1)
K = len(grid)

# %% [markdown]
# ## 1. A network to look into
#
# TinyAgeNet makes a photo 16 times smaller before its last pooling: 64 x 64 pixels become 4 x 4 positions. To see more, we take a smaller network of the same kind, with 8 x 8 positions. We draw faces and train it as in lesson 10, with mirroring. This takes a while.

# %%
SIDE, EPOCHS, BATCH = 64, 2 if FAST else 14, 32
train_count, test_count = (64, 24) if FAST else (700, 200)


def draw(index):
    """Face number `index`, and the mean and the standard deviation of its annotators' votes."""
    own = np.random.default_rng([11, index])
    age = sample_age(own)
    votes = annotate(age, own)
    return np.asarray(draw_face(age, own, SIDE)), votes.mean(), votes.std()


images, ages, sigmas = map(np.array, zip(*map(draw, range(train_count + test_count)), strict=True))
train, test = np.split(np.arange(len(images)), [train_count])
channels = [0.5] * 3, [0.25] * 3
x = normalize(images, *channels)


# %%
def new_network(rng=rng):
    """The network, with initial weights."""
    layers = convolutions("16 16 M 32 32 M 64 64 M 96 96 M", conv_bn_relu, HybridPool(), rng)
    return Network(layers | {"fc": Linear(96, K, rng=rng)}, SIDE)


net = new_network()
method = DLDLv2(grid)
p = method.target(ages, sigmas).astype(np.float32)
fast, optimizer = FastNet(net), Adam(net.params, net.grads)
for epoch in range(EPOCHS):
    batches = np.array_split(rng.permutation(train), train_count // BATCH)
    for step, batch in enumerate(batches):
        optimizer.lr = cosine_schedule(4e-3, epoch + 1 + step / len(batches), EPOCHS, warm_up=1)
        mirror = rng.random(len(batch)) < 0.5
        photos = np.where(mirror[:, None, None, None], x[batch, :, ::-1], x[batch])
        (L, *_), dlogits = method.loss(
            fast.forward(photos), p[batch], ages[batch].astype(np.float32)
        )
        fast.backward(dlogits)
        optimizer.step()
net.eval()
network = Trained(net, method, channels, meta={})


def estimate(images, network=network):
    """y_hat (N,) of images, as they are."""
    logits = network.model.forward(normalize(images, *channels))
    return method.age(method.predict(logits))


y_hat, y = estimate(images[test]), ages[test]
error, baseline = mae(y_hat, y), mae(np.full(test_count, ages[train].mean()), y)
print(f"MAE {error:.2f} years; always the mean age: {baseline:.2f}")
print(f"estimates from {y_hat.min():.0f} to {y_hat.max():.0f} years")
if not FAST:
    assert error < 0.5 * baseline

# %% [markdown]
# ## 2. A logit is a sum over positions
#
# The **features** $f$ (H, W, C) are what enters the last pooling. Take plain average pooling first. It gives $x_c = \frac{1}{HW} \sum_{hw} f_{hwc}$, and the Linear layer turns this into $K$ logits:
#
# $$ \text{logit}_k = b_k + \sum_c x_c W_{ck} = b_k + \sum_c \Big( \frac{1}{HW} \sum_{hw} f_{hwc} \Big) W_{ck} . $$
#
# Both are sums. Swap them:
#
# $$ \text{logit}_k = b_k + \sum_{hw} M_{k,hw} , \qquad M_{k,hw} = \frac{1}{HW} \sum_c f_{hwc} W_{ck} . $$
#
# **Each position has its own share of the logit.** $M_k$ is the **class activation map** of label $k$. That is exact, because nothing but an average and one Linear layer comes after the features. Networks that end with three Linear layers (VGG16) have no such sum: ReLUs stand between them. One can look into those with derivatives, as we shall in a moment. **Grad-CAM** multiplies the features by the derivative of the logit, averaged over all positions (and then drops what is negative); **HiResCAM** takes the derivative at each position. With an average and one Linear layer both products are $M_k$.
#
# Hybrid pooling takes the maximum of each 2 x 2 window first. Of the four features of a channel in a window one is the winner; the other three could be anything smaller. So the term of the window belongs to the position of the winner, and there are $HW/4$ windows to average over:
#
# $$ M_{k,hw} = \frac{4}{HW} \sum_c f_{hwc} W_{ck} \, [\, f_{hwc} \text{ won its window} \,] . $$
#
# ### Exercise 1
# Write it. The features of one photo come in; H and W are even.


# %% exercise="terms" stands_for="explain.saliency.Maps"
def terms(features, w):
    """M (H, W): the terms of one logit. features (H, W, C), w (C,): its column of W.

    Hint: `features.reshape(H // 2, 2, W // 2, 2, C)` has the windows' rows and columns on axes 1
    and 3; its maximum there, with keepdims, can be compared with it. Where two are equal, the first
    wins, but here that is never so except for zeros, whose terms are 0.
    """
    ### BEGIN SOLUTION
    H, W, C = features.shape
    windows = features.reshape(H // 2, 2, W // 2, 2, C)
    won = windows == windows.max(axis=(1, 3), keepdims=True)
    return 4 / (H * W) * ((windows * won).reshape(H, W, C) @ w)
    ### END SOLUTION


# %% test="terms" points=2
# Expect the logit less its bias to 1e-6 of it, and the package's map.
body = Sequential(dict(list(net.layers.items())[:-2])).eval()  # all but pool4 and fc
features, logits = body.forward(x[test[:8]]), net.forward(x[test[:8]])
W, b = net.params["fc.W"], net.params["fc.b"]
explained = saliency.Maps(network, images[test[:8]])
for i, k in ((0, 30), (3, 70), (7, 5)):
    given = features[i].astype(float)
    before = given.copy()
    M = terms(given, W[:, k].astype(float))
    case = f"face {i}, label {k}"
    assert np.array_equal(given, before), "the features belong to the network: do not change them"
    assert M.shape == (8, 8), f"{case}: shape {M.shape}, expected (8, 8)"
    off = M.sum() + b[k] - logits[i, k]
    assert abs(off) < 1e-5 * (1 + np.abs(M).sum()), f"{case}: sum and bias miss the logit by {off}"
    off = np.abs(M - explained.of_logit(k)[i]).max()
    assert off < 1e-5 * np.abs(M).sum(), f"{case}: right sum, wrong place; off by {off:.2g}"
print(f"sum of the terms + bias {M.sum() + b[5]:.6f}, logit {logits[7, 5]:.6f}")
# By hand: of one window of 2 x 4 pixels, 5 wins on the left and 4 on the right; times 3, over 2.
by_hand = terms(np.array([[1.0, 2, 3, 4], [5, 0, 1, 2]])[..., None], np.array([3.0]))
assert np.allclose(by_hand, [[0, 0, 0, 6], [7.5, 0, 0, 0]]), f"two windows by hand:\n{by_hand}"


### BEGIN HIDDEN TESTS
def one_by_one(features, w):
    """The terms of one logit, window by window and channel by channel."""
    H, W, C = features.shape
    M = np.zeros((H, W))
    for h, v, c in np.ndindex(H // 2, W // 2, C):
        window = features[2 * h : 2 * h + 2, 2 * v : 2 * v + 2, c]
        i, j = np.unravel_index(window.argmax(), (2, 2))
        M[2 * h + i, 2 * v + j] += 4 / (H * W) * window[i, j] * w[c]
    return M


for size in ((2, 2, 1), (6, 4, 3), (2, 10, 7)):
    local = np.random.default_rng(sum(size))
    strong = 1e3 * local.permutation(np.prod(size)).reshape(size).astype(float)
    strong[::2, ::2, 0] += 1e6
    strong[1::2, 1::2, 0] = strong[::2, ::2, 0] + 0.1  # nearly equal, but larger: it wins alone
    column = local.normal(size=size[2])
    found, expected = terms(strong.copy(), column), one_by_one(strong, column)
    assert found.shape == expected.shape, f"features {size}: shape {found.shape}"
    off = np.abs(found - expected).max() / np.abs(expected).max()
    assert off < 1e-12, f"features {size}, some nearly equal: off by {off:.1e} of the largest term"
### END HIDDEN TESTS

# %% [markdown]
# A sum is a weak witness, though. Had we handed the window's maximum to all four positions, a quarter to each, the sum would be just as right, but the map wrong. That is why the test compares the map, too.
#
# The package does not write out this sum. With the winners fixed, the logit is linear in the features, so its derivative is the factor in front of each, and a backward pass through the last two layers gives it:
#
# $$ M_{k,hw} = \sum_c f_{hwc} \, \frac{\partial\, \text{logit}_k}{\partial f_{hwc}} . $$

# %%
top = Sequential(dict(list(net.layers.items())[-2:])).eval()
top.forward(features, save=True)
one_hot = np.eye(K, dtype=np.float32)
by_backward = (features * top.backward(np.tile(one_hot[30], (8, 1)))).sum(axis=-1)
quarter_each = np.kron(by_backward[0].reshape(4, 2, 4, 2).mean(axis=(1, 3)), np.ones((2, 2)))
print(f"sums: {by_backward[0].sum():.5f}, and of the wrong map {quarter_each.sum():.5f}")
assert np.abs(by_backward[0] - terms(features[0], W[:, 30])).max() < 1e-5
assert abs(by_backward[0].sum() - quarter_each.sum()) < 1e-4
assert np.abs(by_backward[0] - quarter_each).max() > 0.1 * np.abs(by_backward[0]).max()

# %% [markdown]
# That is HiResCAM. Grad-CAM averages the derivative over the positions first. With plain average pooling that changes nothing, since the derivative is the same everywhere. With hybrid pooling it is not: only winners have one, and the average gives a share to those that lost.

# %%
maps = {}
for name, pool in {"average": GlobalAvgPool(), "hybrid": HybridPool()}.items():
    head = Sequential({"pool": pool, "fc": net.layers["fc"]}).eval()
    logit = head.forward(features[:1].astype(float), save=True)[0, 30]
    derivative = head.backward(one_hot[[30]])[0]
    hires, grad = ((features[0] * d).sum(axis=-1) for d in (derivative, derivative.mean((0, 1))))
    maps[name] = hires, grad
    print(f"{name}: sum of HiResCAM + bias {hires.sum() + b[30]:.5f}, logit {logit:.5f}")
    assert abs(hires.sum() + b[30] - logit) < 1e-5 * (1 + np.abs(hires).sum())
for name, (hires, grad) in maps.items():
    apart = np.abs(hires - grad).max() / np.abs(hires).max()
    print(f"{name}: Grad-CAM is off from HiResCAM by {apart:.2g} of its largest value")
    assert apart < 1e-5 if name == "average" else apart > 0.1

# %% [markdown]
# ## 3. One map alone means little
#
# Softmax does not care if a number is added to all logits (lesson 03). So add the same vector $v$ to every column of $W$: all logits grow by the same $\sum_c x_c v_c$, so no probability changes. It is **the same estimator**. But **every $M_k$ has changed**, into whatever we like. Take $v = -W_{30}$, and the map of age 30 is empty:

# %% alt="Four maps of 8 by 8: by the logit of 30 the network has marks in the middle and its twin none at all; by the logarithm of the probability both have the same marks."
twin = deepcopy(network)
twin.model.params["fc.W"] -= W[:, [30]]
before, after = saliency.Maps(network, images[test[:8]]), saliency.Maps(twin, images[test[:8]])
pairs = {
    "the logit of 30": (before.of_logit(30), after.of_logit(30)),
    "ln p_hat of 30": (before.of_log_probability(30), after.of_log_probability(30)),
}
plot.twins(pairs)
print(f"largest difference of p_hat: {np.abs(before.p_hat - after.p_hat).max():.1e}")
one, other = pairs["the logit of 30"]
assert np.abs(before.p_hat - after.p_hat).max() < 1e-4
assert (other == 0).all() and np.abs(one).max() > 0
one, other = pairs["ln p_hat of 30"]
assert np.abs(one - other).max() < 1e-4 * (1 + np.abs(before.of_logit(30)).max())

# %% [markdown]
# The two maps on the right are equal. They show $\ln \hat p_k$, not the logit. From $\ln \hat p_k = \text{logit}_k - \ln \sum_j e^{\text{logit}_j}$,
#
# $$ \frac{\partial \ln \hat p_k}{\partial\, \text{logit}_j} = [j = k] - \hat p_j \qquad\Longrightarrow\qquad M_k - \sum_j \hat p_j M_j . $$
#
# *What speaks for this age, less what speaks for the ages that the network has in mind anyway.* Whatever all $M_j$ have in common drops out, since the $\hat p_j$ sum to 1.
#
# ## 4. A map in years
#
# The estimate is $\hat y = \sum_k \hat p_k l_k$, and lesson 04 derived $\partial \hat y / \partial\, \text{logit}_k = \hat p_k (l_k - \hat y)$. In the same way:
#
# $$ E = \sum_k \hat p_k (l_k - \hat y) \, M_k . $$
#
# Labels above the estimate count positive, labels below it negative; the weights sum to 0, so here, too, what all maps have in common drops out. The unit is years. But what do these years mean? $\hat y$ is not linear in the features, because of the softmax, so $E$ is not a list of terms that sum to $\hat y$. It is a derivative. Let all features at one position become stronger by a fraction $\varepsilon$. Each of their terms is multiplied by $1 + \varepsilon$, so $\text{logit}_k$ grows by $\varepsilon M_{k,hw}$, and
#
# $$ \frac{d \hat y}{d \varepsilon} = \sum_k \hat p_k (l_k - \hat y) M_{k,hw} = E_{hw} . $$
#
# **If what the network finds at this place were one percent stronger, the estimate would rise by a hundredth of $E_{hw}$ years.**
#
# ### Exercise 2
# Write both maps, from all the $M_k$ of one photo.


# %% exercise="maps" stands_for="explain.saliency.Maps"
def map_of_log_probability(M, p_hat, k):
    """M_k - sum_j p_hat_j M_j (H, W). M (K, H, W), p_hat (K,), k: the number of the label.

    Hint: `np.tensordot(weights, M, 1)` is the sum of weights[j] * M[j].
    """
    ### BEGIN SOLUTION
    return M[k] - np.tensordot(p_hat, M, 1)
    ### END SOLUTION


def map_of_expectation(M, p_hat, grid):
    """sum_k p_hat_k (l_k - y_hat) M_k (H, W), years."""
    ### BEGIN SOLUTION
    return np.tensordot(p_hat * (grid - p_hat @ grid), M, 1)
    ### END SOLUTION


# %% test="maps" points=3
# Expect the package's maps, and finite differences at all 64 positions to 1e-6 years.
i = 2
exact = features[i].astype(float)
own = saliency.Maps(network, images[test[:8]])
M = np.array([own.of_logit(k)[i] for k in range(K)]).astype(float)


def read_out(features):
    """p_hat (K,), in float64: the last pooling, Linear and softmax."""
    pooled = HybridPool().forward(features[None], save=False)
    return method.predict(pooled @ W.astype(float) + b)[0]


p_hat, step = read_out(exact), 1e-5
before = M.copy(), p_hat.copy()
E, L = map_of_expectation(M, p_hat, grid), map_of_log_probability(M, p_hat, 30)
assert np.array_equal(M, before[0]) and np.array_equal(p_hat, before[1]), "do not change M or p_hat"
assert E.shape == L.shape == (8, 8), f"shapes {E.shape} and {L.shape}, expected (8, 8)"
tolerance = 1e-5 * (1 + np.abs(M).max())  # the package's maps are float32
for h, w in np.ndindex(8, 8):
    ends = []
    for share in (step, -step):
        stronger = exact.copy()
        stronger[h, w] *= 1 + share
        ends.append(read_out(stronger))
    years = (ends[0] - ends[1]) @ grid / (2 * step)
    nats = (np.log(ends[0][30]) - np.log(ends[1][30])) / (2 * step)
    assert abs(E[h, w] - years) < 20 * tolerance, f"({h}, {w}): {E[h, w]}, by differences {years}"
    assert abs(L[h, w] - nats) < tolerance, f"({h}, {w}): {L[h, w]}, by differences {nats}"
off = np.abs(E - own.of_expectation()[i]).max()
assert off < 1e-3 * np.abs(E).max() + 1e-5, f"map in years: off by {off:.2g} from the package"
off = np.abs(L - own.of_log_probability(30)[i]).max()
assert off < 1e-3 * np.abs(M).max(), f"map of ln p_hat: off by {off:.2g} from the package"
by_ages = sum(p_hat[k] * grid[k] * map_of_log_probability(M, p_hat, k) for k in range(K))
off = np.abs(E - by_ages).max()
assert off < 1e-9 * (1 + np.abs(M).max() * 100), f"E is also a sum of the other maps; off by {off}"
# By hand: two labels, 10 and 30, p_hat = (1/4, 3/4), so y_hat is 25.
two, half = np.array([[[4.0]], [[8.0]]]), np.array([0.25, 0.75])
found = map_of_log_probability(two, half, 0).item(), map_of_expectation(two, half, [10, 30]).item()
assert np.allclose(found, (4 - 7, 0.25 * -15 * 4 + 0.75 * 5 * 8)), f"two labels by hand: {found}"
print(f"E from {E.min():+.2f} to {E.max():+.2f} years")
### BEGIN HIDDEN TESTS
low_and_wide = np.random.default_rng(15).normal(size=(4, 2, 3))
uneven, sure = np.array([0.0, 1.0, 50.0, 51.0]), np.array([0.0, 0.0, 1.0, 0.0])
for q in (np.array([0.1, 0.2, 0.3, 0.4]), sure):
    mean_map = sum(share * one for share, one in zip(q, low_and_wide, strict=True))
    mean_age = float(sum(q * uneven))
    expected = sum(q[j] * (uneven[j] - mean_age) * low_and_wide[j] for j in range(4))
    found = map_of_expectation(low_and_wide, q, uneven)
    assert np.shape(found) == (2, 3), f"maps of 2 x 3: map in years of shape {np.shape(found)}"
    assert np.abs(found - expected).max() < 1e-12, f"four labels, p_hat {q}: in years\n{found}"
    for j in range(4):
        found = map_of_log_probability(low_and_wide, q, j)
        assert np.shape(found) == (2, 3), f"maps of 2 x 3: map of ln p_hat {np.shape(found)}"
        off = np.abs(found - (low_and_wide[j] - mean_map)).max()
        assert off < 1e-12, f"four labels, p_hat {q}: the map of label {j} is off by {off:.2g}"
### END HIDDEN TESTS

# %% [markdown]
# Now look at faces. From here on a map is drawn as sums over a square, a quarter of the photo wide, at 16 x 16 places, so that it can be compared with what comes next. Orange makes older, blue makes younger.

# %% alt="Six drawn faces with age and estimate, from 3 years, estimate 13, to 72 years, estimate 54."
by_estimate = np.argsort(y_hat)
order = by_estimate[np.linspace(5, test_count - 5, 3 if FAST else 6).astype(int)]
shown = test[order]
explained = saliency.Maps(network, images[shown])


def under_squares(several):
    """Maps (N, H, W) as `saliency.under_squares` gives them, (N, 16, 16)."""
    return np.array([saliency.under_squares(one, SIDE) for one in several])


titles = [
    f"{ages[i]:.0f}, estimate {guess:.0f}" for i, guess in zip(shown, y_hat[order], strict=True)
]
plot.faces(images[shown], titles)


# %% alt="The same faces in gray twice, tinted by the map in years and by the map for 30 in nats: blue, what makes younger, on the foreheads of most, and for 30 orange in the same places of those who look older."
def show_age(age=30):
    """The map in years, and what speaks for an age and what against it, in nats."""
    nats = under_squares(explained.of_log_probability(age))
    plot.gallery(images[shown], {"years": in_years, f"for {age}, nats": nats})


in_years = under_squares(explained.of_expectation())
show_age()
slider(show_age, age=(0, 100, 5))

# %% [markdown]
# ## 5. A check that needs no theory
#
# A formula can be right and still not mean what we think. So cover part of the face with a gray square, and ask the network again. What the estimate loses is what the covered part had added, or what the gray square adds, for that is something to see as well (try a black one):
#
# $$ \text{occlusion}_{hw} = \hat y(\text{photo}) - \hat y(\text{photo with a square at } h, w) . $$
#
# ### Exercise 3
# Write it. `saliency.spans(SIDE)` is a list of 16 slices: the places of the square along a side.


# %% exercise="occlusion" stands_for="explain.saliency.occlusion"
def occlude(image, spans):
    """Occlusion (S, S), years, for S spans. image (side, side, 3), uint8, stays as it is.

    Hint: `estimate(images)` takes many images at once; gray is 128.
    """
    ### BEGIN SOLUTION
    copies = np.repeat(image[None], len(spans) ** 2, axis=0)
    for copy, (h, w) in zip(copies, np.ndindex(len(spans), len(spans)), strict=True):
        copy[spans[h], spans[w]] = 128
    return (estimate(image[None]) - estimate(copies)).reshape(len(spans), len(spans))
    ### END SOLUTION


# %% test="occlusion" points=2
# Expect what one square at a time says, to 1e-3 years, at 16 of the places; and the image as it was.
image = images[shown[1]]
given, few = image.copy(), saliency.spans(SIDE)[::5]
found = occlude(image, few)
assert (image == given).all(), "the image itself was painted over"
assert found.shape == (4, 4), f"four places along a side: shape {found.shape}, expected (4, 4)"
for h, w in np.ndindex(4, 4):
    one = given.copy()
    one[few[h], few[w]] = 128
    alone = (estimate(given[None]) - estimate(one[None])).item()
    case = f"square {h} from above, {w} from the left"
    assert abs(found[h, w] - alone) < 1e-3, f"{case}: {found[h, w]:.3f} years, alone {alone:.3f}"
print(f"from {found.min():+.1f} to {found.max():+.1f} years")
### BEGIN HIDDEN TESTS
portrait = images[shown[0]]
for places in ([slice(0, 64)], [slice(s, s + 9) for s in (0, 11, 24, 37, 55)]):
    squares, count = occlude(portrait.copy(), places), len(places)
    assert squares.shape == (count, count), f"{count} places along a side: shape {squares.shape}"
    for h, w in {(0, 0), (count - 1, 0), (count - 2, count - 1), (count - 1, count - 1)}:
        hidden_there = portrait.copy()
        hidden_there[places[h], places[w]] = 128
        alone = (estimate(portrait[None]) - estimate(hidden_there[None])).item()
        assert abs(squares[h, w] - alone) < 1e-3, (
            f"{count} places along a side, square {h} from above, {w} from the left: "
            f"{squares[h, w]:.3f} years, alone {alone:.3f}"
        )
### END HIDDEN TESTS

# %% alt="Six faces with the map above and occlusion below: on the first five both are blue, on the forehead or a little below it; on the oldest they mark different places."
covered = np.array([saliency.occlusion(network, image) for image in images[shown]])
assert np.abs(covered[1][::5, ::5] - found).max() < 1e-3 * (1 + np.abs(found).max())
plot.gallery(images[shown], {"map": in_years, "square": covered})
agreement = [saliency.agreement(E, square) for E, square in zip(in_years, covered, strict=True)]
print("correlation of map and occlusion:", np.round(agreement, 2))
if not FAST:
    assert np.median(agreement) > 0.3

# %% [markdown]
# For most faces the two agree on the sign, and roughly on the place. The square is the sharper witness, and its numbers are larger: the map extends a straight line, the network is none, and a square hides what many positions see. For the oldest face they hardly agree: the map is all but empty. And why is nearly everything blue? Keep both in mind; section 7 comes back to them.
#
# ## 6. What we know and the network does not
#
# With photos this is where it ends: nobody knows what in a face *should* be looked at. But our faces are drawn. Six cues show the age, and each errs on its own: proportions (`shape`), `wrinkles`, `gray` hair, the `hairline`, the `skin`, and sagging (`sag`). So we can draw one person twice, 45 years old in all cues but one.

# %% alt="One drawn person of 45 twelve times, with a single cue at 25 above and at 75 below: shape, wrinkles, gray hair, hairline, skin and sagging."
CUES = [field.name for field in fields(person.Cues)]


def redraw(number, **cues):
    """Person `number`, 45 years old in each cue but those given, in years: uint8 (64, 64, 3)."""
    chosen = person.Cues(**(dict.fromkeys(CUES, 45.0) | cues))
    draw_cues = person.sample_cues

    def sample_cues(age, rng):
        draw_cues(age, rng)  # takes its random numbers, so that all else stays as it is
        return chosen

    with patch.object(person, "sample_cues", sample_cues):
        return np.asarray(draw_face(45, np.random.default_rng([45, number]), SIDE))


people = range(3 if FAST else 24)
young = {cue: np.array([redraw(i, **{cue: 25.0}) for i in people]) for cue in CUES}
old = {cue: np.array([redraw(i, **{cue: 75.0}) for i in people]) for cue in CUES}
plot.cues(CUES, young, old)
assert (young["gray"][2] != old["gray"][2]).any(axis=-1).mean() < 0.6, "the rest is the same"

# %% [markdown]
# Now nothing needs interpreting. We measure: by how much does the estimate rise if one cue alone becomes fifty years older?

# %% alt="Bars of how much one cue, 50 years older, changes the estimate: gray hair by 14 years, wrinkles 7, sagging 6, shape 5, skin 2, hairline 1."
change = {cue: estimate(old[cue]) - estimate(young[cue]) for cue in CUES}
mean = {cue: float(values.mean()) for cue, values in change.items()}
noise = {cue: values.std() / np.sqrt(len(people)) for cue, values in change.items()}
plot.cue_effects(CUES, mean, noise)
print({cue: f"{value:+.1f}" for cue, value in mean.items()})
if not FAST:
    assert max(mean, key=mean.get) == "gray"
    assert abs(mean["hairline"]) < 0.3 * mean["gray"]

# %% [markdown]
# Gray hair counts most, wrinkles half as much, the others less, and the hairline next to nothing, although it moves with age like the other cues (in women less). A network need not use all that is there.
#
# This was an experiment, and it is the best answer that we have to the question in the title: **change one thing, and measure.**
#
# Could the map have told us? It should: gray hair is drawn at the top, sagging cheeks far below. For each cue, take the change of the drawing and the change of the map from young to old, and see at what height they lie, on average.


# %%
def height(change):
    """The mean row of |change| (..., side, side), in pixels from the top of the photo."""
    weights = np.abs(change).mean(axis=tuple(range(change.ndim - 2))).sum(axis=1)
    rows = (np.arange(len(weights)) + 0.5) * SIDE / len(weights)
    return weights @ rows / weights.sum()


def map_change(young, old):
    """The change of the map of the expectation."""
    return (
        saliency.Maps(network, old).of_expectation()
        - saliency.Maps(network, young).of_expectation()
    )


drawn = {c: height((old[c].astype(float) - young[c]).mean(axis=3)) for c in CUES}
mapped = {c: height(map_change(young[c], old[c])) for c in CUES}
for cue in sorted(CUES, key=drawn.get):
    print(f"{cue:9} drawn at row {drawn[cue]:4.1f}, map changes at row {mapped[cue]:4.1f}")
used = [cue for cue in CUES if cue != "hairline"]
spread = {
    name: max(heights[c] for c in used) - min(heights[c] for c in used)
    for name, heights in {"drawn": drawn, "mapped": mapped}.items()
}
print({name: f"{rows:.1f} rows apart" for name, rows in spread.items()})
if not FAST:
    assert spread["drawn"] > 10 and spread["mapped"] < 0.6 * spread["drawn"]

# %% [markdown]
# The map hardly knows the difference. Why? A map has 8 x 8 positions, but how much of the photo does one of them see? Go through the layers. Before any of them a value sees $r = 1$ pixel, and its neighbor is $j = 1$ pixel away. A layer with a kernel of $k$ and stride $s$ looks at $k$ neighbors, so
#
# $$ r \leftarrow r + (k - 1) \, j , \qquad j \leftarrow s \, j . $$
#
# That is the size of the **receptive field** (lesson 05). Here we also want its place. A layer with a padding of $P$ puts $P$ neighbors in front of the first one, so its position 0 begins to see that much earlier; position $i$ begins $i$ steps later.
#
# ### Exercise 4
# Which rows of the photo can a position see?


# %% exercise="field"
def rows_seen(layers, position):
    """(first, last): the rows of the photo that row `position` = 0, 1, ... of the map can see.

    Rows count from 0; those in the padding count too, so `first` may be negative.
    Hint: carry three numbers through the layers, the first row of position 0 as well as r and j.
    A Conv2d and a MaxPool2d have `layer.windows.kernel` and `layer.windows.stride`, each a pair of
    equal numbers, and a Conv2d has `layer.padding`, a pair too; the other layers look at no
    neighbors.
    """
    ### BEGIN SOLUTION
    first, r, j = 0, 1, 1
    for layer in layers:
        if isinstance(layer, Conv2d | MaxPool2d):
            if isinstance(layer, Conv2d):
                first -= layer.padding[0] * j
            r += (layer.windows.kernel[0] - 1) * j
            j *= layer.windows.stride[0]
    first += position * j
    return first, first + r - 1
    ### END SOLUTION


# %% test="field" points=1
# Expect 6 rows after the first pooling, and no pixel with a gradient outside of those seen.
two_and_pool = list(body.layers.values())[:7]
start = rows_seen(two_and_pool, 0)
assert start == (-2, 3), f"two convolutions and a pooling, position 0: {start}, expected (-2, 3)"
start = rows_seen(two_and_pool, 5)
assert start == (8, 13), f"two convolutions and a pooling, position 5: {start}, expected (8, 13)"
own = np.random.default_rng(4)
five = [Conv2d(1, 1, 5, 3, rng=own), MaxPool2d(3, 2), Conv2d(1, 1, 1, rng=own)]
found = rows_seen(five, 2)
assert found == (12, 22), f"5 rows, 2 more 3 apart, steps of 6, position 2: {found}, not (12, 22)"
padded = [Conv2d(1, 1, 3, padding=1, rng=own), MaxPool2d(2), Conv2d(1, 1, 5, 2, 2, rng=own)]
found = rows_seen(padded, 3)
assert found == (7, 18), f"paddings of 1 pixel and of 2 pairs, position 3: {found}, not (7, 18)"
assert rows_seen([], 4) == (4, 4), "no layer: position 4 is row 4"
first, last = rows_seen(body.layers.values(), 10)
field = last - first + 1
noise_images = rng.standard_normal((4, 160, 160, 3)).astype(np.float32)
# The same layers with initial weights: a trained ReLU may let nothing of the noise through.
untried = Sequential(dict(list(new_network(np.random.default_rng(3)).layers.items())[:-2])).eval()
response = untried.forward(noise_images, save=True)
in_the_middle = np.zeros_like(response)
in_the_middle[:, 10, 10] = 1
seen = np.abs(untried.backward(in_the_middle)).max(axis=(0, 3)) > 0
for rows in (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0)):
    print(f"position 10 sees {first} to {last}; {rows[0]} to {rows[-1]} move it")
    assert first <= rows[0], f"you say from {first} on, but {rows[0]} moves position 10"
    assert rows[-1] <= last, f"you say up to {last}, but {rows[-1]} moves position 10"
    assert field < np.ptp(rows) / 0.7, f"{field} rows, but only {np.ptp(rows) + 1} move position 10"
### BEGIN HIDDEN TESTS
blind = [Conv2d(1, 1, 7, padding=1, rng=own), MaxPool2d(2, 3), Conv2d(1, 1, 1, 2, 2, rng=own)]
# By hand: position 0 sees -1 to 5, two neighbors see -1 to 6, and pairs begin 3 rows apart. Two
# of them lie before the first, in the padding: -7 to 0. Then positions are twice as far apart, 6.
for position, expected in ((0, (-7, 0)), (1, (-1, 6)), (100, (593, 600))):
    found = rows_seen(blind, position)
    assert found == expected, (
        f"7 rows with 1 of padding, 2 rows 3 apart, 1 row with 2 of padding, position {position}: "
        f"{found}, expected {expected}"
    )
### END HIDDEN TESTS

# %%
inside = []
for position in range(8):
    first, last = rows_seen(body.layers.values(), position)
    inside.append(min(last, SIDE - 1) - max(first, 0) + 1)
print(f"of {SIDE} rows the positions 0 to 7 see {inside}")
assert field == 68
assert max(inside) == 62
assert 0.35 < (inside[0] / SIDE) ** 2 < 0.4, "a corner sees a third of the photo"

# %% [markdown]
# 68 pixels, and the photo has 64. **A position in the middle can see nearly the whole face,** all but two rows and two columns, and even one in a corner can see a third of it. A position is where the evidence *arrives*, not where it comes from. In practice it sees the middle of its field best, so maps are not wrong but blurred, by much more than their grid suggests. (There are networks whose positions see only small patches. Their maps can be taken at their word, but the networks are a little less accurate; see Brendel and Bethge below.) The gray square covers what it covers; its own weakness is that the network has never seen one.

# %% alt="For gray hair and for sagging, the pixels that the drawing changes beside what occlusion says: gray hair changes the hair and is found a little below it, sagging changes eyes and cheeks and is found above them, too."
pair = {}
for cue in ("gray", "sag"):
    few = slice(0, 1 if FAST else 4)
    before, after = (
        np.array([saliency.occlusion(network, image) for image in faces[cue][few]])
        for faces in (young, old)
    )
    pair[cue] = (after - before).mean(axis=0)
    print(
        f"{cue:5} drawn at row {drawn[cue]:.1f}, occlusion changes at row {height(pair[cue]):.1f}"
    )
pixels = {cue: np.abs(old[cue].astype(float) - young[cue]).mean(axis=(0, 3)) for cue in pair}
plot.drawn_and_said(pair, pixels)
if not FAST:
    assert height(pair["gray"]) < height(pair["sag"])

# %% [markdown] question="journalist" points=3
# ### Question
# A journalist shows the map of one photo, orange on the forehead, and writes: "The network reads the age from the wrinkles of the forehead." Give three reasons why that does not follow.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* Three of: (a) a position sees much more than its own place (68 pixels here), so the evidence may come from the hair, or from anywhere else; (b) even if it is the forehead, the map says where and not what: hairline, skin color, a lamp's reflection lie there, too; (c) it is one photo, and in another one it may be different; (d) the map is a derivative at this photo, that is, what happens if the features become a little stronger, not what happens without them; (e) features that are 0 have no term, however much their absence says; (f) a map looks like that in a network that knows nothing (next section), so it must be tested first. One point each.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 7. Would the map look different if the network knew nothing?
#
# A test that everybody should run before showing a map (Adebayo and others): break the network, and see if the map notices. We take the last layer and **shuffle the labels**: the column of $W$ that was for age 30 now counts for 71, and so on. What the network now says about an age is nonsense.

# %% alt="Six faces with the maps of three networks: of the trained one, of one with shuffled labels, which for four faces look the same, and of an untrained one, blotches anywhere."
shuffled = deepcopy(network)
new_place = rng.permutation(K)
for name in ("fc.W", "fc.b"):
    array = shuffled.model.params[name]
    array[...] = array[..., new_place]
untrained = Trained(new_network(), method, channels, meta={})
for _ in range(30):  # its BatchNorm gets the running averages of photos
    untrained.model.forward(x[train[:8]])
untrained.model.eval()

rows = {"trained": in_years}
for name, other in {"shuffled": shuffled, "untrained": untrained}.items():
    y_other = estimate(images[test], other)
    rows[name] = under_squares(saliency.Maps(other, images[shown]).of_expectation())
    print(f"{name:9}: MAE {mae(y_other, y):.1f} years")
plot.gallery(images[shown], rows)
same = [
    np.corrcoef(np.abs(one).ravel(), np.abs(other).ravel())[0, 1]
    for one, other in zip(rows["trained"], rows["shuffled"], strict=True)
]
print("correlation of |map|, trained and shuffled:", np.round(same, 2))
if not FAST:
    assert np.median(same) > 0.7
    assert mae(estimate(images[test], shuffled), y) > 0.8 * baseline

# %% [markdown]
# The estimates of the shuffled network are worthless, yet for most faces its map is the same picture; only the scale differs, and sometimes the sign. (For a face where it is not, look at the number above it, the largest value: little may be left of the map at all.) A network that has learned nothing has maps, too, with structure in them, and with the right caption they would convince somebody.
#
# How can a shuffled map be the same? A map is $\sum_c f_{hwc} \, a_c$, with one number $a_c$ for each channel; the last layer has a say in those numbers only. If all channels light up at the same places, $f_{hwc} = u_{hw} v_c$, then *any* numbers give the same picture, $u_{hw} \sum_c v_c a_c$. How much of the features is one pattern? The singular values tell: the square of the first over the sum of all squares.

# %%
pattern = []
for features in explained.features:
    singular = np.linalg.svd(features.reshape(64, 96), compute_uv=False)
    pattern.append(singular[0] ** 2 / (singular**2).sum())
print("share of the first pattern:", np.round(pattern, 2))
if not FAST:
    assert np.median(pattern) > 0.6

# %% [markdown]
# ### What is not there
#
# There is one thing that no map of this kind can show. A term is a feature times a weight. Where a feature is 0, its term is 0, whatever that 0 means. Is that a small matter?

# %% alt="The sum of all features against the estimate of every face: a falling cloud, from 5000 for children to nearly 0 for the oldest."
everything = saliency.Maps(network, images[test])
strength = everything.features.sum(axis=(1, 2, 3))
plot.strengths(y_hat, strength)
fifth = test_count // 5
for name, group in {"youngest": by_estimate[:fifth], "oldest": by_estimate[-fifth:]}.items():
    size = np.abs(everything.of_expectation()[group]).sum(axis=(1, 2)).mean()
    print(f"{name} fifth: features {strength[group].mean():6.0f}, sum of |map| {size:5.1f} years")
correlation = np.corrcoef(y_hat, strength)[0, 1]
print(f"correlation of estimate and features: {correlation:.2f}")
if not FAST:
    assert abs(correlation) > 0.5

# %% [markdown]
# The older the estimate, the less the network finds. For this network **old age is the absence of youth**: most of its features are signs of youth, and where none is left the bias says the age. Nobody asked for that; it is one way to solve the task. Hence so much blue, hence the empty map of the oldest. What really happened, that gray hair and wrinkles have taken away the signs of youth, is in no map.
#
# ## 8. A change that nobody sees
#
# A map asks which *place* the estimate depends on. We can also ask which *pixels*. The backward pass does not end at the features; it goes through all layers down to the photo, in inference mode, where BatchNorm is a plain scaling (lesson 06). It gives $g = \partial \hat y / \partial x$, a number for each of the $64 \cdot 64 \cdot 3 = 12{,}288$ input values.
#
# Now change each value by at most $\varepsilon$. To first order the estimate moves by $\sum_i g_i \delta_i$. Each term is at most $\varepsilon |g_i|$, and reaches it for $\delta_i = \varepsilon \operatorname{sign}(g_i)$. So the best change is known at once:
#
# $$ \delta = \varepsilon \operatorname{sign}(g) , \qquad \hat y(x + \delta) - \hat y(x) \approx \varepsilon \sum_i |g_i| . $$
#
# Each pixel does very little, but there are twelve thousand of them, and **all pull the same way**.


# %%
def gradient(images, network=network):
    """d y_hat / d x (N, 64, 64, 3) of images, by one backward pass through the whole network."""
    model, x = network.model, normalize(images, *channels)
    p_hat = method.predict(model.forward(x, save=True))
    dlogits = p_hat * (grid - method.age(p_hat)[:, None]).astype(np.float32)
    return model.backward(dlogits)


image = images[shown[2]][None]
exact = deepcopy(network)
exact.model.to(dtype=float)
g = gradient(image, exact)
direction, step = rng.standard_normal(g.shape), 1e-6
x_0 = normalize(image, *channels).astype(float)
ends = [method.predict(exact.model.forward(x_0 + s * direction)) @ grid for s in (step, -step)]
numeric, ours = float((ends[0] - ends[1])[0]) / (2 * step), float((g * direction).sum())
print(f"along a random direction: numeric {numeric:.4f}, by the backward pass {ours:.4f}")
assert abs(numeric - ours) < 1e-2 * (abs(numeric) + np.sqrt((g**2).sum()))

# %% [markdown]
# ### Exercise 5
# Write the attack, on the photo itself: whole numbers from 0 to 255, each changed by at most `eps`.


# %% exercise="attack"
def attack(images, g, eps):
    """Images (N, 64, 64, 3), uint8, that look older; with a negative `eps` younger.

    Hint: the sign of the gradient is the same in pixels and in x, since x grows with the pixel. Add
    in a type that can hold numbers below 0 and above 255, then `np.clip`, then uint8.
    """
    ### BEGIN SOLUTION
    return np.clip(images + eps * np.sign(g), 0, 255).astype(np.uint8)
    ### END SOLUTION


# %% test="attack" points=2
# Expect no change larger than eps, nothing that wraps around at 0 or 255, and what was aimed at.
photos = images[test[:100]]
before = photos.copy()
g = gradient(photos)
older, younger = attack(photos, g, 2), attack(photos, g, -2)
assert np.array_equal(photos, before), "the photos themselves were changed"
for name, changed in (("older", older), ("younger", younger)):
    assert changed.dtype == np.uint8, f"{name}: {changed.dtype}, expected uint8"
    most = np.abs(changed.astype(int) - photos).max()
    assert most <= 2, f"{name}: a pixel moved by {most}: does it wrap around at 0 or 255?"
for eps, changed in ((2, older), (-2, younger), (7, attack(photos, g, 7))):
    moved = np.sign(eps * g) * (changed.astype(int) - photos)
    assert (moved >= 0).all(), f"eps {eps}: a pixel moved against the gradient"
    share = (moved == abs(eps)).mean()
    assert share > 0.5, f"eps {eps}: only {share:.0%} of the numbers moved by {abs(eps)}"
if not FAST:
    assert (estimate(older) > estimate(photos)).mean() > 0.95, "they do not look older"
    assert (estimate(younger) < estimate(photos)).mean() > 0.95, "they do not look younger"
### BEGIN HIDDEN TESTS
few_pixels = np.array([0, 1, 100, 254, 255], dtype=np.uint8).reshape(1, 5, 1, 1).repeat(3, axis=3)
slopes = np.array(
    [[1e-30, -1e9, 0.0], [0.0, 2.0, -3.0], [0.0, -1e-9, 1.0], [0.0, 1, -1], [1, 0, -1]]
)
for eps in (3, -3, 200):
    found = attack(few_pixels, slopes.reshape(1, 5, 1, 3), eps)
    assert (found.shape, found.dtype) == (few_pixels.shape, np.uint8), "the shape or the type"
    expected = [
        [min(max(int(p) + eps * int(np.sign(s)), 0), 255) for p, s in zip(*pair, strict=True)]
        for pair in zip(few_pixels[0, :, 0], slopes, strict=True)
    ]
    assert np.array_equal(found[0, :, 0], expected), (
        f"eps {eps}, pixels {few_pixels[0, :, 0, 0]}, gradient\n{slopes}\n:\n{found[0, :, 0]}"
    )
### END HIDDEN TESTS

# %%
at_first = estimate(photos)
print("levels   older  younger  at random  first order")
effect = {}
for eps in (1, 2, 4):
    signs = rng.choice([-1, 1], photos.shape)
    by = {
        "older": attack(photos, g, eps),
        "younger": attack(photos, g, -eps),
        "random": attack(photos, signs, eps),
    }
    effect[eps] = {name: estimate(changed) - at_first for name, changed in by.items()}
    random = np.abs(effect[eps]["random"]).mean()
    first_order = eps / 255 / channels[1][0] * np.abs(g).sum(axis=(1, 2, 3)).mean()
    older_by, younger_by = (effect[eps][name].mean() for name in ("older", "younger"))
    print(f"{eps:6} {older_by:+7.1f} {younger_by:+8.1f} {random:10.2f} {first_order:12.1f}")
if not FAST:
    assert effect[2]["older"].mean() > 5 and effect[2]["younger"].mean() < -4
    assert np.abs(effect[2]["random"]).mean() < 0.2 * effect[2]["older"].mean()

# %% alt="Three pictures of a face that look the same, with estimates of 20.5, 28.3 and 42.0 years; then their difference times 20, colored noise, and the map of the third, which marks the forehead."
one = images[shown[2]][None]
g = gradient(one)
three = np.concatenate([attack(one, g, -2), one, attack(one, g, 2)])
titles = [
    f"{name}: {age:.1f} years"
    for name, age in zip(("attacked", "photo", "attacked"), estimate(three), strict=True)
]
E = under_squares(saliency.Maps(network, three).of_expectation())
plot.attack(three, titles, E)
kept = [np.corrcoef(E[1].ravel(), other.ravel())[0, 1] for other in (E[0], E[2])]
print("correlation of the maps with that of the photo:", np.round(kept, 2))

# %% [markdown]
# Two of 255 levels, which hardly anybody sees, make the faces about ten years older, or seven younger. Random signs of the same size move the estimate by one year.
#
# For explanations that means two things. First, the estimate depends on something that is neither hair nor wrinkle and has no place: the fourth panel is what the network *also* looks at. Second, the map did not notice. The estimate has moved by more than ten years, and the map gives the same reason as before.
#
# Are maps useless, then? No. They are exact about what they say: where evidence arrives, and how the estimate would move to first order. They are good at raising a suspicion: a network that looks at the background, or at a watermark in a corner. But a suspicion is all that they raise. To know, change that one thing, and measure.

# %% [markdown] question="glasses" points=2
# ### Question
# You want to know whether the network takes people with glasses for older than they look without. How do you find out, on drawn faces and on real photos? Say why the map over the glasses is not the answer.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* Change that one thing and nothing else, on many faces, and measure the change of the estimate with its uncertainty: drawn faces with and without glasses from the same random numbers; on photos, the same people taken with and without glasses in the same session, or glasses edited in. (Comparing people with glasses to others is not enough: they may be older.) A map over the glasses says where features have terms, not what the estimate would be without glasses: the position sees the rest of the face, too, and what glasses hide or what their absence means has no term. One point for the controlled change over many faces, one for why the map does not answer it.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 9. A photo
#
# Drawn faces have the advantage that we know what was drawn. Photos do not. Let us look at one anyway: the astronaut Eileen Collins in her early forties, by NASA, in the public domain. The network is the one that ships with tinydldl and has learned from photos. The places of eyes, nose and mouth were set by hand; [lesson 13](13_a_photo_of_your_own.ipynb) finds them, and says how good the estimate is.

# %% alt="A portrait photo with estimate 30, and four maps of it: in years, for 25, for 60, and by occlusion; the maps mark nose, mouth and eyes, and occlusion does not agree with the first."
photo = Image.open(Path(tinydldl.__file__).parents[1] / "docs" / "astronaut.jpg")
landmarks = np.array([[203.0, 101], [246, 103], [224, 127], [203, 140], [245, 141]])
shipped = trained.load(weights.find("tiny"))
(portrait,) = portraits(shipped, photo, [Face(np.zeros(4), 1.0, landmarks)])
view = np.asarray(portrait.view)
looked = saliency.Maps(shipped, view[None])
panels = {"years": looked.of_expectation()[0]}
panels |= {f"for {age}, nats": looked.of_log_probability(age)[0] for age in (25, 60)}
panels = {name: saliency.under_squares(one, shipped.side) for name, one in panels.items()}
panels["square, years"] = saliency.occlusion(shipped, view)

plot.portrait(view, portrait, panels)
on_photo = saliency.agreement(panels["years"], panels["square, years"])
print(f"correlation of map and occlusion: {on_photo:.2f}")
squares = np.abs(panels["square, years"]).max()
assert abs(on_photo) < 0.3 and squares > 3 * np.abs(panels["years"]).max()

# %% [markdown]
# **On this photo the two do not agree.** The map tells a fine story: blue at the mouth, so a smile looks young; orange at the nose, so the nose looks old. The squares agree about the mouth, say the opposite about the nose, and move the estimate by years where the map moves it by months. The map is still right about what it says, a derivative. **It is not an explanation of this estimate**, and its colors alone would not have told you. That is why `python -m tinydldl.explain` prints the correlation beside its maps.

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. The map of the expectation adds $\hat p_k (l_k - \hat y)$ times the map of logit $k$, over all labels. Sum it over all positions, and interpret the result as a statistical quantity of $\hat p$. Is it the estimate? When is it 0 although the network has seen a lot? And what happens to map and sum if every logit is doubled?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* The map of a logit sums to x_k - b_k. So the sum is sum_k p_hat_k (l_k - y_hat)(x_k - b_k), the covariance of label and logit (without its bias) under p_hat. It is not the estimate but how fast the estimate changes if all features grow in proportion. For p_hat = (0.2, 0.5, 0.3) on 20, 30, 40 with logits ln p_hat and no bias it is **0.637** years. It is 0 for a p_hat with all mass on one label, and for a symmetric hill whose logits are symmetric, too: the network may be as sure as it likes. Doubled logits make p_hat narrower: logits count twice, but p_hat (l - y_hat) shrinks on all labels but a few, so that the map of a sure network fades. One point for the covariance, one for a case of 0, one for the doubling.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * Average pooling and one Linear layer: a logit is a sum over positions, plus a bias. Max-pooling gives a window's term to the position that won.
# * A logit's map alone means little. $M_k - \sum_j \hat p_j M_j$ is that of $\ln \hat p_k$, and $\sum_k \hat p_k (l_k - \hat y) M_k$ that of the estimate, in years: a derivative, checked by finite differences.
# * Occlusion needs no theory. Look at both, and say how far they agree.
# * A position sees its whole receptive field: the map is where evidence arrives. What is absent has no term.
# * Before you show a map, break the network and see if the map notices.
# * One step along the sign of the gradient moves the estimate by years, and nobody sees it.
# * What really tells you what a network uses: change one thing, and measure.
#
# On your own photos: `python -m tinydldl.explain PHOTO`. With `--dataset NAME` it shows the mean map of each decade of age, like the last figure of the paper.
#
# ## Further reading
# * B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba, *Learning Deep Features for Discriminative Localization*, CVPR 2016: class activation maps.
# * R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh, D. Batra, *Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization*, ICCV 2017.
# * R. L. Draelos, L. Carin, *Use HiResCAM Instead of Grad-CAM for Faithful Explanations of Convolutional Neural Networks*, arXiv:2011.08891, 2020.
# * M. D. Zeiler, R. Fergus, *Visualizing and Understanding Convolutional Networks*, ECCV 2014: occlusion.
# * J. Adebayo, J. Gilmer, M. Muelly, I. Goodfellow, M. Hardt, B. Kim, *Sanity Checks for Saliency Maps*, NeurIPS 2018: maps that do not notice when the network is broken.
# * I. Goodfellow, J. Shlens, C. Szegedy, *Explaining and Harnessing Adversarial Examples*, ICLR 2015: the sign of the gradient.
# * W. Brendel, M. Bethge, *Approximating CNNs with Bag-of-Local-Features Models Works Surprisingly Well on ImageNet*, ICLR 2019: networks that see small patches only.
# * B.-B. Gao, H.-Y. Zhou, J. Wu, X. Geng, *Age Estimation Using Expectation of Label Distribution Learning*, IJCAI 2018: its last figure shows what the network looks at in faces of different ages.
# * Back to [lesson 06](06_pooling_and_batch_normalization.ipynb) for the backward pass of BatchNorm, or to [lesson 10](10_measuring.ipynb) for whom a network is bad; next: [lesson 12](12_making_it_fast.ipynb) makes it fast.
