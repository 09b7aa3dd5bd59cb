# %% [markdown]
# # Lesson 07: A network
#
# | | |
# |---|---|
# | **You will be able to** | chain layers into a network and its backward pass, choose the scale of the initial weights, count parameters by hand, say what the loss of an untrained network must be, and derive Adam |
# | **You need** | lessons 00 to 06: gradients, the joint loss, convolution, batch normalization; variance of a sum of independent numbers |
# | **Minutes** | 90 |
# | **Code** | [`tinydldl/layers/base.py`](../tinydldl/layers/base.py), [`tinydldl/models.py`](../tinydldl/models.py), [`tinydldl/optim.py`](../tinydldl/optim.py) |

# %%
import numpy as np

from tinydldl.datasets.synthetic import annotate, draw_face
from tinydldl.gradcheck import check_layer, compare
from tinydldl.labels import label_grid
from tinydldl.layers import BatchNorm2d, Conv2d, Linear, ReLU, Sequential, Tanh
from tinydldl.methods import DLDLv2
from tinydldl.models import CHANNELS, AgeNet, count_params
from tinydldl.notebook import FAST, figures, use_style
from tinydldl.optim import Adam

use_style()
plot = figures("07")

# %% [markdown]
# ## 1. A network is a row of layers
#
# You have all the layers: convolution, batch normalization, ReLU, pooling, Linear. A network puts them in a row. Call the layers $f_1, \dots, f_n$ and what flows between them $x_0, x_1, \dots, x_n$, with the photo as $x_0$:
#
# $$ x_i = f_i(x_{i-1}), \qquad i = 1, \dots, n. $$
#
# Now the way back. Write $dx_i$ for the gradient of the loss with respect to $x_i$, and $J_i$ for the Jacobian of layer $i$, the matrix of all $\partial (x_i)_a / \partial (x_{i-1})_b$. The loss depends on entry $b$ of $x_{i-1}$ only through the entries of $x_i$, so by the chain rule
#
# $$ (dx_{i-1})_b = \sum_a (dx_i)_a \, \frac{\partial (x_i)_a}{\partial (x_{i-1})_b}, \qquad\text{in short}\qquad dx_{i-1} = J_i^\top \, dx_i. $$
#
# That is what `layer.backward` computes. From the end to the beginning:
#
# $$ dx_0 = J_1^\top J_2^\top \cdots J_n^\top \, dx_n. $$
#
# Read this product from the right. Then each step is a matrix times *one vector*, and the layer never has to write its matrix down. Let us write the matrices down once, for three small layers, and see that the formula is true.

# %%
rng = np.random.default_rng(0)
small = [Linear(4, 6, std=0.7, rng=rng), Tanh(), Linear(6, 3, std=0.7, rng=rng)]
for layer in small:
    layer.to(dtype=float)


def jacobian(layer, x):
    """The Jacobian of a layer at x (1, D), as a matrix: one backward pass for each row."""
    y = layer.forward(x, save=True)
    return np.concatenate([layer.backward(row[None]) for row in np.eye(y.shape[1])])


x = rng.standard_normal((1, 4))
jacobians, x_i = [], x
for layer in small:
    jacobians.append(jacobian(layer, x_i))
    x_i = layer.forward(x_i)

dy = rng.standard_normal(3)
J1, J2, J3 = jacobians
product = J1.T @ J2.T @ J3.T @ dy

by_layers = dy[None]
for layer in reversed(small):
    by_layers = layer.backward(by_layers)
print(f"largest difference: {np.abs(by_layers[0] - product).max():.1e}")
assert np.abs(by_layers[0] - product).max() < 1e-14

# %% [markdown]
# ### Exercise 1
# Write the class: forward is a loop over the layers, backward is a loop over the layers in reverse. Nothing else is needed for the whole backward pass of any such network.


# %% exercise="chain" stands_for="layers.Sequential"
class Chain:
    """Layers in a row."""

    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        """y = f_n(... f_1(x)). Hint: overwrite x, layer by layer, with `layer.forward(x)`."""
        ### BEGIN SOLUTION
        for layer in self.layers:
            x = layer.forward(x)
        return x
        ### END SOLUTION

    def backward(self, dy):
        """dx from dy. Hint: `reversed(self.layers)`."""
        ### BEGIN SOLUTION
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy
        ### END SOLUTION


# %% test="chain" points=2
# Expect no difference at all from the package, and about 1e-10 from central differences.
chain, sequential = Chain(small), Sequential({f"layer{i}": f for i, f in enumerate(small)})
x, dy = rng.standard_normal((5, 4)), rng.standard_normal((5, 3))
before = x.copy(), dy.copy()
y = chain.forward(x)
assert y.shape == (5, 3), f"y has shape {y.shape}, expected (5, 3): does x go through every layer?"
assert (y == sequential.forward(x)).all(), "forward: not what the layers give, one after the other"
dx = chain.backward(dy)
assert dx.shape == (5, 4), f"dx has shape {dx.shape}, expected (5, 4): all layers, in reverse?"
assert (dx == sequential.backward(dy)).all(), "backward: not what the layers give, last first"
assert np.array_equal(x, before[0]) and np.array_equal(dy, before[1]), "x and dy must stay"
longer = Chain([*small, Linear(3, 2, std=1, rng=rng).to(dtype=float)])
assert longer.forward(x).shape == (5, 2), "a fourth layer must be run, too"
same = [own is given for own, given in zip(chain.layers, small, strict=True)]
assert all(same), "the row of layers has been changed"
errors = check_layer(sequential, x, rng)
for name, error in errors.items():
    print(f"{name:10} relative error {error:.1e}")
assert max(errors.values()) < 1e-7, "the layers themselves"
### BEGIN HIDDEN TESTS
for depth in (0, 1, 5):
    own = np.random.default_rng(depth)
    row = [Linear(4, 4, std=1, rng=own).to(dtype=float) for _ in range(depth)]
    put_in, upstream = own.standard_normal((2, 2, 4))
    out, expected = Chain(row).forward(put_in), put_in
    for linear in row:
        expected = expected @ linear.params["W"] + linear.params["b"]
    assert np.abs(out - expected).max() < 1e-12, f"{depth} linear layers: forward is wrong"
    back, expected = Chain(row).backward(upstream), upstream
    for linear in reversed(row):
        expected = expected @ linear.params["W"].T
    assert np.abs(back - expected).max() < 1e-12, f"{depth} linear layers: backward is wrong"
### END HIDDEN TESTS

# %% [markdown]
# The package's `Sequential` is these two loops, plus names: the arrays of the layers are gathered under `layer.name`, such as `layer0.W`. It is itself a layer, so a row can contain rows.
#
# ## 2. The scale of the initial weights
#
# Training begins with random weights. How large? Follow the size of the numbers through one convolution. One output value is a sum of products, one for each of the $KH \cdot KW$ taps and $C$ channels:
#
# $$ y = \sum_{j=1}^{KH \, KW \, C} W_j \, x_j . $$
#
# Let the weights be drawn independently, with mean 0 and variance $\mathrm{Var}(W)$; the $x_j$ are given. Then $E[y] = \sum_j E[W_j] \, x_j = 0$, and
#
# $$ \mathrm{Var}(y) = E[y^2] = \sum_j \sum_k E[W_j W_k] \, x_j x_k . $$
#
# For $j \neq k$ independence gives $E[W_j W_k] = E[W_j] E[W_k] = 0$. Only $j = k$ is left, with $E[W_j^2] = \mathrm{Var}(W)$. If the $x_j$ have mean square $E[x^2]$, then
#
# $$ \boxed{\mathrm{Var}(y) = KH \, KW \, C \; \mathrm{Var}(W) \; E[x^2]} $$
#
# It is the mean *square* of $x$ that counts, not its variance: after a ReLU the mean is not 0.

# %%
rng = np.random.default_rng(1)
C, OC = 24, 8000
x = np.abs(rng.standard_normal((1, 12, 12, C), dtype=np.float32))  # as after a ReLU: mean not 0
conv = Conv2d(C, OC, 3, bias=False, rng=rng)
var_W = 2 / (3 * 3 * OC)
y = conv.forward(x)
predicted = 3 * 3 * C * var_W * (x**2).mean()
print(f"Var(y) {y.var():.5f}, predicted {predicted:.5f}")
assert abs(conv.params["W"].var() / var_W - 1) < 0.01
assert abs(y.var() / predicted - 1) < 0.05
assert abs(3 * 3 * C * var_W * x.var() / y.var() - 1) > 0.5, "the variance of x would be wrong"

# %% [markdown]
# Then comes the ReLU. The weights are as likely positive as negative, so $y$ is symmetric about 0: half of the mean square comes from $y < 0$, and the ReLU erases it:
#
# $$ E[\mathrm{relu}(y)^2] = \tfrac12 E[y^2]. $$

# %%
half = (ReLU().forward(y) ** 2).mean() / (y**2).mean()
print(f"share of the mean square that the ReLU leaves: {half:.4f}")
assert abs(half - 0.5) < 0.03

# %% [markdown]
# Put both together: one convolution and its ReLU multiply the mean square by
#
# $$ r = \tfrac12 \, KH \, KW \, C \; \mathrm{Var}(W). $$
#
# **A network of 13 such layers multiplies by thirteen such factors.** If each is 1/10, nothing is left; if each is 10, float32 is soon in trouble. The factor is 1 for
#
# $$ \mathrm{Var}(W) = \frac{2}{KH \, KW \, C}, $$
#
# which is the rule of He et al. for the forward pass ("fan-in": $KH \, KW \, C$ values go into each output).
#
# ### Exercise 2
# Compute the mean square after each layer of a whole stack of convolutions with ReLUs.


# %% exercise="moment"
def mean_square_after(start, channels, stds, kernel=3):
    """The mean square of the values after each layer: a list, one number per layer.

    `start`: E[x^2] of the input; `channels`: C of the input, then OC of every layer;
    `stds`: the standard deviation of the weights of every layer.
    Hint: layer i has channels[i] coming in. Multiply, halve, append.
    """
    ### BEGIN SOLUTION
    values, value = [], start
    for C, std in zip(channels[:-1], stds, strict=True):
        value = value * kernel * kernel * C * std**2 / 2
        values.append(value)
    return values
    ### END SOLUTION


# %% test="moment" points=2
# Expect 1 in every layer for the fan-in rule, to about 1e-15.
channels = [3, 16, 32, 32]
fan_in = [np.sqrt(2 / (9 * C)) for C in channels[:-1]]
values = np.array(mean_square_after(1.0, channels, fan_in))
print(values)
assert values.shape == (3,), f"three layers, and {values.shape} numbers"
assert np.abs(values - 1).max() < 1e-12, f"fan-in must keep the mean square at 1: {values}"
# Expect (1/2 * 9 * C * 0.01^2) per layer: 0.00135, then times 0.0072, then times 0.0144.
tiny_weights = mean_square_after(1.0, channels, [0.01] * 3)
expected = [1.35e-3, 1.35e-3 * 7.2e-3, 1.35e-3 * 7.2e-3 * 1.44e-2]
assert np.allclose(tiny_weights, expected, rtol=1e-12, atol=0), f"weights of 0.01: {tiny_weights}"
# Expect 1/2 * 25 * 2 * 0.1^2 = 0.25 times 8, then 1/2 * 25 * 4 * 0.2^2 = 2 times that.
other = mean_square_after(8.0, [2, 4, 1], [0.1, 0.2], kernel=5)
assert np.allclose(other, [2, 4], rtol=1e-12, atol=0), f"5x5 kernels, start 8: {other}, not 2, 4"
### BEGIN HIDDEN TESTS
# 1/2 * 49 * 3 * 0.1^2 = 0.735; 1/2 * 1 * 8 * 0.5^2 = 1, four times.
other = mean_square_after(2.0, [3, 1], [0.1], kernel=7)
assert np.allclose(other, [1.47], rtol=1e-12, atol=0), (
    f"one layer of 7x7 kernels: {other}, not 1.47"
)
other = mean_square_after(1e-6, [8] * 5, [0.5] * 4, kernel=1)
assert np.allclose(other, [1e-6] * 4, rtol=1e-12, atol=0), f"1x1 kernels, start 1e-6: {other}"
### END HIDDEN TESTS

# %% [markdown]
# The way back has a rule of its own. One input value goes into $KH \cdot KW \cdot OC$ outputs, so its gradient is a sum of that many products $W \, dy$. The same steps as above give
#
# $$ E[dx^2] = KH \, KW \, OC \; \mathrm{Var}(W) \; E[dy^2], $$
#
# and the ReLU lets through about half of the gradients. So the gradients keep their size for
#
# $$ \mathrm{Var}(W) = \frac{2}{KH \, KW \, OC} $$
#
# ("fan-out"). **This is the rule of our package.** The two agree where $C = OC$. They cannot both hold where the channels double.

# %%
rng = np.random.default_rng(2)
C, OC = 2000, 24
conv = Conv2d(C, OC, 3, rng=rng)
conv.forward(np.zeros((1, 14, 14, C), np.float32))
dy = rng.standard_normal((1, 12, 12, OC), dtype=np.float32)
dx = conv.backward(dy)[:, 2:-2, 2:-2]  # inside, each position is seen by all nine taps
predicted = 3 * 3 * OC * (2 / (3 * 3 * OC)) * (dy**2).mean()
print(f"E[dx^2] {(dx**2).mean():.4f}, predicted {predicted:.4f}")
assert abs((dx**2).mean() / predicted - 1) < 0.05

relu = ReLU()
relu.forward(rng.standard_normal(dy.shape))
share = (relu.backward(dy) ** 2).sum() / (dy**2).sum()
print(f"share of the mean square that the ReLU lets back: {share:.3f}")
assert abs(share - 0.5) < 0.05

# %% [markdown]
# How much do we pay on the way forward? With fan-out weights the factor of a layer is $r = \tfrac12 \, KH\,KW\,C \cdot 2/(KH\,KW\,OC) = C/OC$. In a row of layers the $OC$ of one is the $C$ of the next, so the product telescopes:
#
# $$ \frac{C_1}{C_2} \cdot \frac{C_2}{C_3} \cdots \frac{C_{n}}{C_{n+1}} = \frac{C_1}{C_{n+1}}. $$
#
# For TinyAgeNet that is $3/128 \approx 0.023$ over all 13 convolutions. A modest loss, once. Compare it with careless choices: here are the convolutions and ReLUs of TinyAgeNet, measured (dots) and by your formula (lines).

# %%
tiny_channels = [3] + [int(item) for item in CHANNELS["tiny"].split() if item != "M"]
rules = {
    "fan-out (ours)": [np.sqrt(2 / (9 * OC)) for OC in tiny_channels[1:]],
    "fan-in (He)": [np.sqrt(2 / (9 * C)) for C in tiny_channels[:-1]],
    "0.01 everywhere": [0.01] * 13,
    "0.2 everywhere": [0.2] * 13,
}


def measured(stds, rng):
    """The mean square after each convolution and ReLU, of noise that goes through them."""
    x, values = rng.standard_normal((1, 36, 36, 3), dtype=np.float32), []
    for C, OC, std in zip(tiny_channels[:-1], tiny_channels[1:], stds, strict=True):
        conv = Conv2d(C, OC, 3, bias=False, rng=rng)
        conv.params["W"] *= std / np.sqrt(2 / (9 * OC))
        x = ReLU().forward(conv.forward(x))
        values.append((x**2).mean(dtype=float))
    return values


# %% alt="The mean square of the numbers after each of 13 convolutions, for four scales of the initial weights: it explodes to 1e12 with 0.2 everywhere, dies out to 1e-21 with 0.01, and stays near 1 by fan-in and fan-out."
squares = {}  # measured, and by the formula
for name, stds in rules.items():
    values = measured(stds, np.random.default_rng(5))
    squares[name] = values, mean_square_after(1.0, tiny_channels, stds)
last = {name: values[-1] for name, (values, _) in squares.items()}
plot.mean_squares(squares)

# %% [markdown]
# Lines and dots agree, up to the luck of one draw of the weights. With 0.01 everywhere the mean square falls by more than twenty powers of ten, and hardly anything reaches the last layer; with 0.2 it grows by twelve. (Fan-in and fan-out end a factor of $128/3 \approx 43$ apart.)

# %%
assert len(tiny_channels) == 14 and tiny_channels[-1] == 128
for name, stds in rules.items():
    formula = mean_square_after(1.0, tiny_channels, stds)[-1]
    print(f"{name:16} measured {last[name]:.3g}, formula {formula:.3g}")
    assert 0.4 < last[name] / formula < 2.5, "one draw of the weights: within a small factor"
assert np.isclose(mean_square_after(1.0, tiny_channels, rules["fan-out (ours)"])[-1], 3 / 128)
assert last["0.01 everywhere"] < 1e-20 and 1e12 < last["0.2 everywhere"] < 1e13
assert 42 < 128 / 3 < 43

# %% [markdown]
# ### What batch normalization changes
#
# In our networks a BatchNorm sits between convolution and ReLU. It divides by the standard deviation of its input. So if all weights of a convolution are multiplied by $a > 0$, its output is $a$ times as large, BatchNorm divides by a standard deviation $a$ times as large, and nothing after it notices (up to its tiny $\varepsilon$):
#
# $$ L(aW) = L(W) \quad\text{for every } a > 0. $$
#
# Lesson 06 differentiated both sides with respect to $W$: the gradient at the larger weights is *smaller*,
#
# $$ \nabla L(aW) = \frac{1}{a} \, \nabla L(W). $$

# %%
rng = np.random.default_rng(3)
x = rng.standard_normal((4, 8, 8, 6))
block = Sequential({"conv": Conv2d(6, 5, 3, bias=False, rng=rng), "bn": BatchNorm2d(5)})
block.to(dtype=float)
block.layers["bn"].eps = 0.0
dy = rng.standard_normal((4, 6, 6, 5))
y, _ = block.forward(x), block.backward(dy)
dW = block.grads["conv.W"].copy()
a = 7.0
block.params["conv.W"] *= a
y_scaled, _ = block.forward(x), block.backward(dy)
print(f"outputs differ by {np.abs(y_scaled - y).max():.1e}")
assert np.abs(y_scaled - y).max() < 1e-12
error = compare("dW at a W", block.grads["conv.W"], dW / a)
print(f"gradient: relative error {error:.1e}")

# %% [markdown]
# So with BatchNorm the numbers stay in range for *any* initial scale, and the choice between fan-in and fan-out matters less. The scale still decides one thing: how far a step of the optimizer turns the weights, *relative to their size*. Adam's first step moves each weight by the learning rate (section 5). At a learning rate of 0.001 that is 0.85% of a typical weight in the first convolution of TinyAgeNet, and 2.4% in the last one.

# %%
net = AgeNet("tiny", 101, side=32, rng=np.random.default_rng(0))
first, final = (net.params[f"conv{name}.W"].std() for name in ("1_1", "5_3"))
print(f"relative step: first convolution {1e-3 / first:.2%}, last {1e-3 / final:.2%}")
assert abs(1e-3 / first - 0.0085) < 1e-4 and abs(1e-3 / final - 0.024) < 5e-4

# %% [markdown]
# ### The last layer: 0.01
#
# No BatchNorm follows the last layer, which is Linear. Its outputs are the logits, and at the start we know nothing about the photo. So the first prediction should favor no age: all logits near 0, $\hat p$ nearly uniform. Small weights do that: a logit is a sum of 128 products, so by the formula above its variance is $128 \cdot 0.01^2 \cdot E[x^2]$.

# %%
photos = np.random.default_rng(4).standard_normal((16, 32, 32, 3), dtype=np.float32)
logits = net.forward(photos)
features = net.layers["fc"].saved[0]  # what the last layer got
predicted = np.sqrt(128 * 0.01**2 * (features**2).mean())
p_hat = DLDLv2(label_grid()).predict(logits)
print(f"logits: standard deviation {logits.std():.3f}, predicted {predicted:.3f}")
print(f"K p_hat between {101 * p_hat.min():.2f} and {101 * p_hat.max():.2f}")
assert features.shape == (16, 128)
assert abs(logits.std() / predicted - 1) < 0.25
assert 101 * p_hat.min() > 0.5 and 101 * p_hat.max() < 2

# %% [markdown]
# With weights 100 times as large, the logits are 100 times as far apart, one label takes nearly all of $\hat p$, and the network starts out sure and wrong. Section 4 shows what that costs.
#
# ## 3. How many numbers does a network train?
#
# In the paper, a network is a list. A number is a 3x3 convolution to that many channels, followed by BatchNorm and ReLU; `M` is a 2x2 max-pooling.

# %%
for name, channels in CHANNELS.items():
    print(f"{name}: {channels}")
assert [2 * int(item) for item in CHANNELS["tiny"].split() if item != "M"] == [
    int(item) for item in CHANNELS["thin"].split() if item != "M"
]

# %% [markdown]
# ThinAgeNet has twice the channels of TinyAgeNet in every layer. Count by hand:
#
# * a convolution without bias: $KH \cdot KW \cdot C \cdot OC$ (BatchNorm's $\beta$ does the work of a bias);
# * a BatchNorm: $2 \cdot OC$, one $\gamma$ and one $\beta$ for each channel;
# * pooling and ReLU: 0;
# * Linear from $D$ to $K$: $D \cdot K + K$.
#
# The first rows for TinyAgeNet: $9 \cdot 3 \cdot 16 = 432$, then $2 \cdot 16 = 32$, then $9 \cdot 16 \cdot 16 = 2304$. The last: $128 \cdot 101 + 101 = 13029$.

# %%
assert 9 * 3 * 16 == 432 == net.params["conv1_1.W"].size
assert 2 * 16 == 32 == net.params["bn1_1.gamma"].size + net.params["bn1_1.beta"].size
assert 9 * 16 * 16 == 2304 == net.params["conv1_2.W"].size
assert 128 * 101 + 101 == 13029 == count_params(net.layers["fc"])

# %% [markdown]
# VGG16, the network behind DEX and DLDL, is older. Its convolutions have a bias ($OC$ more numbers each) and no BatchNorm. After the last pooling, a photo of 224 pixels is $224 / 2^5 = 7$ pixels wide; all $7 \cdot 7 \cdot 512$ values go into a Linear layer with 4096 outputs, another one with 4096, and a last one with $K$.
#
# ### Exercise 3
# Write the counter.


# %% exercise="counter" stands_for="models.count_params models.AgeNet"
def count(channels, K=101, batchnorm=True, hidden=(), side=1):
    """Parameters of a network, in three parts: (convolutions, BatchNorms, Linear layers).

    `channels`: a list such as "16 16 M 32 M"; photos have 3. With `batchnorm` the convolutions
    have no bias; without, they have one and there is no BatchNorm. Then come side * side * C values
    (1 * 1 * C after global average pooling), through Linear layers with `hidden` outputs, to K.
    Hint: walk through channels.split(), and remember the channels of the layer before.
    """
    ### BEGIN SOLUTION
    convolutions, norms, linear, C = 0, 0, 0, 3
    for OC in (int(item) for item in channels.split() if item != "M"):
        convolutions += 9 * C * OC + (0 if batchnorm else OC)
        norms += 2 * OC if batchnorm else 0
        C = OC
    D = side * side * C
    for outputs in (*hidden, K):
        linear += D * outputs + outputs
        D = outputs
    return convolutions, norms, linear
    ### END SOLUTION


# %% test="counter" points=2
# Expect 934,869 and 3,708,229 and 134,674,341, exactly.
VGG16 = "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M"
table = {
    "TinyAgeNet": count(CHANNELS["tiny"]),
    "ThinAgeNet": count(CHANNELS["thin"]),
    "VGG16": count(VGG16, batchnorm=False, hidden=(4096, 4096), side=7),
}
print(f"{'':12}{'convolutions':>14}{'BatchNorm':>11}{'Linear':>13}{'all':>13}")
for name, parts in table.items():
    print(f"{name:12}{parts[0]:14,}{parts[1]:11,}{parts[2]:13,}{sum(parts):13,}")
for (name, parts), total in zip(table.items(), (934_869, 3_708_229, 134_674_341), strict=True):
    assert sum(parts) == total, f"{name}: {sum(parts):,} parameters, expected {total:,}"
for name in ("tiny", "thin"):
    model = AgeNet(name, 101, rng=np.random.default_rng(0))
    arrays = [net_part.size for net_part in model.params.values()]
    assert sum(arrays) == sum(count(CHANNELS[name])), f"{name}: the network has {sum(arrays):,}"
# By hand: 9*3*2 + 2 and 9*2*4 + 4; 3*3*4*5 + 5 and 5*7 + 7. With BatchNorm 54 + 72, 4 + 8, 4*7 + 7.
small_one = tuple(count("2 M 4", K=7, batchnorm=False, hidden=(5,), side=3))
assert small_one == (132, 0, 227), f"2 M 4, a hidden layer of 5, 7 labels: {small_one}"
small_one = tuple(count("2 M 4", K=7))
assert small_one == (126, 12, 35), f"2 M 4 with BatchNorm, 7 labels: {small_one}"
### BEGIN HIDDEN TESTS
# 9*3*2 = 54, 2*2 = 4; 3*3*2 = 18 values: 18*7 + 7, or 18*5 + 5, 5*6 + 6 and 6*7 + 7.
found = tuple(count("M 2 M", K=7, side=3))
assert found == (54, 4, 133), f"one convolution, 3x3 positions, 7 labels: {found}"
found = tuple(count("M 2 M", K=7, hidden=(5, 6), side=3))
assert found == (54, 4, 180), f"one convolution, 3x3 positions, hidden layers of 5 and 6: {found}"
### END HIDDEN TESTS

# %% alt="Bars of parameters: 0.9 million in TinyAgeNet and 3.7 in ThinAgeNet, nearly all in convolutions; 134.7 in VGG16, of which nine tenths are in linear layers."
plot.parameters(table)

# %%
first_linear = (7 * 7 * 512 + 1) * 4096
print(f"VGG16: {first_linear:,} in its first Linear layer, {first_linear / 134_674_341:.0%} of all")
print(f"Thin / Tiny: {3_708_229 / 934_869:.2f}")
assert first_linear == 102_764_544 and round(100 * first_linear / 134_674_341) == 76
assert 3.9 < 3_708_229 / 934_869 < 4 and 134_674_341 / 934_869 > 144

# %% [markdown]
# Three things to see. Three quarters of VGG16 sit in one Linear layer (102,764,544 parameters, 76%), which the average over the last 7x7 positions makes unnecessary: it hands on 512 values instead of 25,088. **Twice the channels make four times the parameters**, since a convolution has $C \cdot OC$ for each tap. And VGG16 has 144 times as many parameters as TinyAgeNet.
#
# `summary` prints the same count layer by layer, with the multiply-adds for one photo. Compare the two columns. The parameters sit at the end: over 80% of them in groups 4 and 5 and the last layer. The work does not: `conv1_2`, with 2,304 parameters, costs exactly as much as `conv4_2` with 147,456. From group to group there are a quarter as many positions, $C \cdot OC$ is four times as large, and the product stays the same.

# %%
assert 7 * 7 * 512 == 25_088
tiny_224 = AgeNet("tiny", 101, rng=np.random.default_rng(0))
tiny_224.summary()
work = {name: f.multiply_adds(shape) for name, f, shape, _ in tiny_224.trace((224, 224, 3))}
weights = {name: count_params(layer) for name, layer in tiny_224.layers.items()}
at_the_end = sum(size for name, size in weights.items() if name[-3:-2] in "45" or name == "fc")
assert at_the_end > 0.8 * count_params(tiny_224)
assert work["conv1_2"] == work["conv2_2"] == work["conv3_2"] == work["conv4_2"]
assert (weights["conv1_2"], weights["conv4_2"]) == (2_304, 147_456)
assert (work["conv1_2"], work["conv5_3"], weights["conv5_3"]) == (115_605_504, 28_901_376, 147_456)

# %% [markdown] question="halve" points=2
# ### Question
# You may halve the channels of *either* the first two convolutions *or* the last three of TinyAgeNet. Which choice saves more parameters, and which saves more time? Use the table that `summary` printed.
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* The last three hold most parameters (3 x 147,456, almost half of the network): halving them saves far more parameters. The first two work on all 224 x 224 positions, so `conv1_2` alone needs more multiply-adds than the last three together (115.6 million against 86.7 million): halving the first two saves more time. Note that a convolution with half the channels on both sides has a quarter of the cost. Full marks need both halves and the reason: parameters do not depend on the number of positions, multiply-adds do.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 4. The loss at chance
#
# Before you train, you should know what the first loss will be. An untrained network predicts the uniform distribution, $\hat p_k = 1/K$. Put that into the KL divergence:
#
# $$ L_{ld} = \sum_k p_k \ln \frac{p_k}{1/K} = \sum_k p_k \ln K + \sum_k p_k \ln p_k = \ln K - H(p), $$
#
# with the entropy $H(p)$ of lesson 01. For $K = 101$ and $\sigma = 2$ that is $4.615 - 2.112 = 2.503$ nats. The expectation of the uniform distribution is the middle of the grid, 50 years, so the other loss is
#
# $$ L_{er} = |50 - y|. $$
#
# ### Exercise 4
# Write both, averaged over photos.


# %% exercise="chance" stands_for="losses.kl_from_logits methods.DLDLv2"
def loss_at_chance(p, y, grid):
    """(L_ld, L_er) of a network that predicts 1/K for every label, averaged over N photos.

    p (N, K), y (N,). Hint: `np.where(p > 0, p, 1)` makes 0 ln 0 harmless.
    """
    ### BEGIN SOLUTION
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)
    return (np.log(len(grid)) - entropy).mean(), np.abs(grid.mean() - y).mean()
    ### END SOLUTION


# %% test="chance" points=2
# Expect 2.503 for sigma 2; the package's loss on logits of 0 to about 1e-15; a fresh net to 2%.
grid = label_grid(0, 100)
method = DLDLv2(grid)
y, sigma = np.linspace(10, 85, 16), np.full(16, 2.0)
p = method.target(y, sigma)
before = p.copy()
L_ld, L_er = loss_at_chance(p, y, grid)
assert np.array_equal(p, before), "p belongs to the data: do not change it"
(_, kl, error), _ = method.loss(np.zeros((16, 101)), p, y)
print(f"chance: L_ld {L_ld:.4f}, L_er {L_er:.3f} years")
assert abs(L_ld - 2.503) < 5e-4, f"sigma 2: L_ld {L_ld:.4f}, expected ln 101 - 2.112 = 2.503"
assert abs(kl - L_ld) < 1e-12, f"L_ld {L_ld}, and the package's loss of logits 0 is {kl}"
assert abs(error - L_er) < 1e-12, f"L_er {L_er}, and the package's loss of logits 0 is {error}"
# By hand: sure labels have no entropy, so ln 3; and the middle of 10, 20, 60 is 30 years.
sure = loss_at_chance(np.eye(3)[[0, 2]], np.array([12.0, 33.0]), np.array([10.0, 20.0, 60.0]))
assert abs(sure[0] - np.log(3)) < 1e-12, f"two sure labels of three: L_ld {sure[0]}, expected ln 3"
assert abs(sure[1] - 10.5) < 1e-12, f"labels 10, 20, 60, ages 12, 33: L_er {sure[1]}, expected 10.5"
### BEGIN HIDDEN TESTS
mixed = np.array([[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
found = loss_at_chance(mixed, np.array([0.0, 10.0, 3.0]), np.array([0.0, 1.0, 2.0, 9.0]))
assert abs(found[0] - np.log(2)) < 1e-12, f"entropies of 0, ln 2 and ln 4, K = 4: L_ld {found[0]}"
assert abs(found[1] - 10 / 3) < 1e-12, f"the mean label 3, ages 0, 10 and 3: L_er {found[1]}"
### END HIDDEN TESTS

# %%
assert abs(np.log(101) - 4.615) < 5e-4
(_, kl, error), _ = method.loss(logits, p, y)
print(f"a fresh TinyAgeNet: L_ld {kl:.4f}, L_er {error:.3f} years")
assert abs(kl / L_ld - 1) < 0.02 and abs(error / L_er - 1) < 0.05

# %% [markdown]
# A first loss that is far from this means a bug, or a badly scaled last layer. Here is the network with last-layer weights of standard deviation 1 instead of 0.01:

# %%
(_, kl_wide, _), _ = method.loss(100 * logits, p, y)
surest = method.predict(100 * logits).max(axis=1)
print(f"L_ld {kl:.2f} with 0.01, {kl_wide:.2f} with 1; the largest p_hat is {surest.mean():.2f}")
assert kl_wide > 4 * kl and surest.mean() > 0.8

# %% [markdown]
# The bias of the last layer is 0, so 100 times the weights means 100 times the logits. The network would first have to unlearn that.
#
# ## 5. Adam
#
# Gradient descent moves each parameter by the learning rate times its gradient $g$. But gradients of different layers differ in size, and each is noisy, since it comes from one batch. **Adam** keeps two running averages for every parameter, one of $g$ and one of $g^2$. At step $t = 1, 2, \dots$
#
# $$ m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2, $$
#
# with $m_0 = v_0 = 0$, $\beta_1 = 0.9$ and $\beta_2 = 0.999$. Insert the first equation into itself until $m_0$ is reached:
#
# $$ m_t = (1 - \beta_1) \left( g_t + \beta_1 g_{t-1} + \beta_1^2 g_{t-2} + \dots + \beta_1^{t-1} g_1 \right). $$
#
# A weighted sum of all gradients so far. But the weights do not sum to 1! Suppose all $g_s$ have the same mean $E[g]$. With the geometric sum $1 + \beta_1 + \dots + \beta_1^{t-1} = (1 - \beta_1^t) / (1 - \beta_1)$ we get
#
# $$ E[m_t] = (1 - \beta_1) \, \frac{1 - \beta_1^t}{1 - \beta_1} \, E[g] = (1 - \beta_1^t) \, E[g], \qquad\text{and likewise}\qquad E[v_t] = (1 - \beta_2^t) \, E[g^2]. $$
#
# The averages start at 0 and are too small for a while. We know by how much, so we divide it out. That is the **bias correction**:
#
# $$ \hat m_t = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v_t = \frac{v_t}{1 - \beta_2^t}, \qquad W \leftarrow W - lr \, \frac{\hat m_t}{\sqrt{\hat v_t} + \varepsilon}. $$
#
# Check the expectations: twenty thousand runs of noisy gradients with mean 0.5.

# %%
rng = np.random.default_rng(6)
beta1, beta2, mean_g = 0.9, 0.999, 0.5
m = v = np.zeros(20_000)
for t in range(1, 13):
    g = mean_g + rng.standard_normal(20_000)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    if t in (1, 3, 12):
        print(f"t = {t:2}: E[m] {m.mean():.4f}, formula {(1 - beta1**t) * mean_g:.4f}")
    assert abs(m.mean() - (1 - beta1**t) * mean_g) < 0.015
    assert abs(v.mean() / ((1 - beta2**t) * (mean_g**2 + 1)) - 1) < 0.05  # E[g^2] = 0.5^2 + 1

# %% [markdown]
# ### Exercise 5
# Write one step.


# %% exercise="adam" stands_for="optim.Adam optim.adam_step"
def adam_step(W, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The new (W, m, v) after step t = 1, 2, ... with gradient g; changes none of its arguments.

    Hint: the five formulas above, in order.
    """
    ### BEGIN SOLUTION
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return W - lr * m_hat / (np.sqrt(v_hat) + eps), m, v
    ### END SOLUTION


# %% test="adam" points=2
# Expect a largest difference of about 1e-16 from the package after ten steps.
rng = np.random.default_rng(7)
W = rng.standard_normal((3, 4))
for settings in ({"lr": 1e-2}, {"lr": 3e-3, "beta1": 0.8, "beta2": 0.9, "eps": 0.1}):
    ours, m, v = W.copy(), np.zeros((3, 4)), np.zeros((3, 4))
    params, grads = {"W": W.copy()}, {"W": np.zeros((3, 4))}
    optimizer = Adam(params, grads, lr=settings["lr"])
    for name in settings.keys() - {"lr"}:
        setattr(optimizer, name, settings[name])
    for t in range(1, 11):
        g = rng.standard_normal((3, 4))
        grads["W"][...] = g
        optimizer.step()
        arguments = {"W": ours, "g": g, "m": m, "v": v}
        before = {name: array.copy() for name, array in arguments.items()}
        ours, m, v = adam_step(*arguments.values(), t, **settings)
        for name, array in arguments.items():
            assert np.array_equal(array, before[name]), f"{name} was changed: return new arrays"
        difference = np.abs(ours - params["W"]).max()
        assert difference < 1e-14, f"{settings}, step {t}: off by {difference:.1e} from the package"
    print(f"after ten steps: {difference:.1e}")
    assert np.abs(ours - W).max() > 1e-3, "the steps must have gone somewhere"
### BEGIN HIDDEN TESTS
steep, nothing = np.array([300.0, -2e-5, 0.0]), np.zeros(3)
moved, first, second = adam_step(nothing, steep, nothing, nothing, 1)
assert np.allclose(first, 0.1 * steep, rtol=1e-12), f"gradients {steep}: m is {first}"
assert np.allclose(second, 1e-3 * steep**2, rtol=1e-9, atol=0), f"gradients {steep}: v is {second}"
expected = [-1e-3, 1e-3 / (1 + 5e-4), 0]
assert np.allclose(moved, expected, rtol=1e-9), f"the first step at lr 0.001: {moved}, {expected}"
### END HIDDEN TESTS

# %% [markdown]
# ### What follows from the formulas
#
# **The first step is the learning rate.** At $t = 1$ the corrections give $\hat m_1 = g_1$ and $\hat v_1 = g_1^2$, so the step is $lr \cdot g_1 / |g_1| = \pm lr$: every parameter moves by the same amount, whatever its gradient (as long as that is large compared with $\varepsilon$).
#
# **The scale of the loss does not matter.** If all gradients are multiplied by $c > 0$, then $\hat m$ is multiplied by $c$ and $\sqrt{\hat v}$ as well, and the steps stay the same. Remember this for the bug hunt in lesson 08.

# %%
W, zero = np.zeros(4), np.zeros(4)
g = np.array([1e-3, -0.5, 20.0, -4e3])
first_step = adam_step(W, g, zero, zero, t=1)[0] - W
print(first_step)
assert np.abs(first_step + 1e-3 * np.sign(g)).max() < 1e-7

paths = {1: (W, zero, zero), 1000: (W, zero, zero)}
for t in range(1, 30):
    g = np.random.default_rng(t).standard_normal(4)
    paths = {c: adam_step(*state[:1], c * g, *state[1:], t=t) for c, state in paths.items()}
assert np.abs(paths[1][0] - paths[1000][0]).max() < 1e-8

# %% [markdown]
# **Without the correction the first steps would be too long.** Take a constant gradient. With correction every step is $lr$. Without it the step is $lr \, (1 - \beta_1^t) / \sqrt{1 - \beta_2^t}$: $m$ recovers within a few steps, $v$ takes about a thousand, and we divide by its root.

# %% alt="The length of Adam's steps under a constant gradient: with the correction always the learning rate, without it three times as long at first, over six times after ten steps, and right only after a thousand."
t = np.arange(1, 3001)
without = (1 - beta1**t) / np.sqrt(1 - beta2**t)

m = v = 0.0
for step in range(1, 21):  # the formula against the averages themselves, for g = 1
    m, v = beta1 * m + (1 - beta1), beta2 * v + (1 - beta2)
    assert abs(m / np.sqrt(v) - without[step - 1]) < 1e-12

plot.adams_first_steps(t, without)
print(f"first {without[0]:.2f}, longest {without.max():.2f} at step {t[without.argmax()]}")
assert abs(without[0] - 3.16) < 0.01 and 6 < without.max() < 7
assert abs(without[-1] - 1) < 0.05

# %% [markdown]
# The very first step would be 3.16 times too long, and later ones more than six times: just when the weights are random and the gradients tell us least.
#
# ## 6. Overfit eight faces
#
# The network, its loss and its optimizer are ready. Before training on many faces, train on eight, the same eight at every step. A network with 934,869 parameters can learn eight faces by heart. **If it cannot, something is wrong**, and you find out in seconds.

# %%
ages = np.array([2.0, 8.0, 16.0, 25.0, 37.0, 50.0, 66.0, 84.0])
faces = np.stack([draw_face(a, np.random.default_rng(20 + i), 32) for i, a in enumerate(ages)])
votes = np.array([annotate(a, np.random.default_rng(40 + i)) for i, a in enumerate(ages)])
y, sigma = votes.mean(axis=1), votes.std(axis=1)

x = (faces / 255 - 0.5).astype(np.float32) / 0.25
p = method.target(y, sigma).astype(np.float32)
y32 = y.astype(np.float32)

net = AgeNet("tiny", method.outputs, side=32, rng=np.random.default_rng(0))
optimizer = Adam(net.params, net.grads, lr=2e-3)
history = []
for _ in range(40 if FAST else 300):
    logits = net.forward(x)
    values, dlogits = method.loss(logits, p, y32)
    net.backward(dlogits)
    optimizer.step()
    history.append([float(value) for value in values])
history = np.array(history)

# %% [markdown]
# Four lines make a training step: forward, loss, backward, step. Now the curves, with the chance level that we computed beforehand.

# %% alt="Both losses over 300 steps begin at chance: the KL divergence falls slowly to nearly 0, the error of the age within 50 steps."
chance_kl, chance_error = loss_at_chance(p.astype(float), y, grid)
plot.losses(history, chance_kl, chance_error)

print(f"first: L_ld {history[0, 1]:.3f} (chance {chance_kl:.3f}), L_er {history[0, 2]:.2f} years")
print(f"last:  L_ld {history[-1, 1]:.3f}, L_er {history[-1, 2]:.2f} years")
assert abs(history[0, 1] / chance_kl - 1) < 0.03
assert history[-1, 1] < (0.8 if FAST else 0.1) * chance_kl
assert history[-1, 2] < (5 if FAST else 0.5)

# %% [markdown]
# Both losses fall far below chance. The mean comes first, and the shape of the distribution follows more slowly. Lesson 04 gave the reason: on logits near 0 the gradient of $L_{er}$ has entries $\hat p_k (l_k - \hat y)$, with distances of up to 50 years in it, and it is several times as long as $\hat p - p$.

# %%
p_hat = np.full((8, 101), 1 / 101)
of_er = np.linalg.norm(p_hat * (grid - 50), axis=1)
of_ld = np.linalg.norm(p_hat - p, axis=1)
print(f"length of the gradients at chance: L_er {of_er.mean():.2f}, L_ld {of_ld.mean():.2f}")
assert (of_er > 3 * of_ld).all()

# %% alt="Eight drawn faces, from a baby to a person of 80, each above its label distribution and the predicted one, which lie on each other."
p_hat = method.predict(logits)
y_hat = method.age(p_hat)
plot.predictions(faces, grid, p, p_hat, y, y_hat)

# %% [markdown] question="eight" points=3
# ### Question
# The network has learned the eight faces. (a) Name two bugs that this test would have found. (b) Name one that it would not have found. (c) Does it say anything about how well the network sees ages?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* (a) For example: a wrong backward pass in some layer, a loss whose gradient does not belong to it, targets computed from other photos at each step, an optimizer that does not change the arrays that the network uses, a learning rate that is far too large or small. (b) For example: everything that concerns photos other than the eight: augmentation that destroys the age, validation photos that are normalized differently, BatchNorm's running statistics that are never updated (the test runs in training mode), labels that are wrong but always the same for a photo. (c) No: it learned by heart. How well it sees ages shows on photos that it has not seen. One point each.
# <!-- ### END SOLUTION -->

# %% [markdown] question="harder" points=3
# ### Question
# A harder one, without hints. Adam, fresh, gets one gradient $g$ for a weight, and then zeros forever (a feature that was active on a single photo). How far does the weight move in all, in units of the learning rate, and how does that depend on $g$? And how far if the same gradient comes late in training, after a million zeros?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* After t steps m = (1 - b1) b1^(t-1) g and v = (1 - b2) b2^(t-1) g²; g cancels in every step. With the corrections the steps are 1, 0.67, 0.52, ... and their sum is **6.01** learning rates (ours: b1 = 0.9, b2 = 0.999): the weight goes on long after its only reason. After a million zeros both corrections are 1, and the first step is (1 - b1) / sqrt(1 - b2) = 3.16 learning rates; the sum is that times 1 + r + r² + ... with r = b1 / sqrt(b2), **31.8**. So rare features move far, one more reason to let the learning rate fall, and to look for weights that have left. (If g is as small as eps, 1e-8, it does matter.) One point for the steps in which g cancels, one for each of the two sums.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## Summary
# * A network is a row of layers; its whole backward pass is one loop in reverse.
# * A convolution and a ReLU multiply the mean square by $\tfrac12 KH\,KW\,C\,\mathrm{Var}(W)$. Fan-in keeps the size of the values, fan-out (ours) that of the gradients; with BatchNorm both are safe.
# * TinyAgeNet trains 934,869 numbers, ThinAgeNet 3,708,229, VGG16 134,674,341, three quarters of them in one layer.
# * The first loss is $\ln K - H(p)$, and you can know it before you train.
# * Adam divides a running mean of the gradient by the root of a running mean of its square; both need the correction $1 - \beta^t$. Its first step is the learning rate.
# * Eight faces learned by heart: the cheapest test of all.
#
# ## Further reading
# * K. He, X. Zhang, S. Ren, J. Sun, *Delving Deep into Rectifiers*, ICCV 2015: the scale of initial weights under ReLU, in both directions.
# * K. Simonyan, A. Zisserman, *Very Deep Convolutional Networks for Large-Scale Image Recognition*, ICLR 2015: VGG16.
# * D. P. Kingma, J. Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015; section 3 is the bias correction.
# * S. Ioffe, C. Szegedy, *Batch Normalization*, ICML 2015.
# * Next: [lesson 08](08_training_dldl_v2.ipynb) trains it on hundreds of faces.
