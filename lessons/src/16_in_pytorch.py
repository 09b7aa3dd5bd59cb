# %% [markdown]
# # Lesson 16: The same in PyTorch
#
# | | |
# |---|---|
# | **You will be able to** | build automatic differentiation from one idea, write DLDL-v2's head, loss and training step in a few lines of PyTorch, carry weights between it and this package, and prove that both compute the same |
# | **You need** | lesson 04 (the joint loss and its gradient), lesson 07 (layers in a row, Adam) |
# | **Minutes** | 100 |
# | **Code** | [`tinydldl/methods.py`](../tinydldl/methods.py), [`tinydldl/convert/torch_weights.py`](../tinydldl/convert/torch_weights.py), [`tests/test_pytorch.py`](../tests/test_pytorch.py) |
#
# In all other lessons you derived each backward pass on paper. Nobody does that for a living. A framework such as PyTorch records what you compute and differentiates it. In this lesson we first build such a recorder ourselves, in NumPy: it is smaller than you think. Then we write DLDL-v2 in PyTorch, and compare every gradient with the ones that we derived.
#
# PyTorch is not part of this package. Sections 1 and 2 do without; from section 3 on, cells that need it say so and do nothing where it is missing. Then `pip install torch==2.13.0` in the environment of these notebooks (the CPU build is enough; on Linux choose it on PyTorch's installation page), restart, and run from the top.

# %%
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # small products: a second thread would only wait

from collections import OrderedDict

import numpy as np

from tinydldl.convert.torch_weights import convert
from tinydldl.gradcheck import numerical_gradient
from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.methods import DLDLv2
from tinydldl.models import AgeNet
from tinydldl.notebook import FAST, figures, use_style
from tinydldl.optim import Adam

try:
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.set_num_threads(1)
except ImportError:
    torch = None


def needs_torch():
    """Whether PyTorch is here. A cell that needs it begins with this, and says so if it is not."""
    if torch is None:
        print("skipped: this cell needs PyTorch (pip install torch==2.13.0)")
    return torch is not None


use_style()
plot = figures("16")
grid = label_grid()
K = len(grid)

# %% [markdown]
# ## 1. A tape
#
# Every number that a program computes comes from other numbers by a known operation: a sum, a product, a logarithm. For each of them we know the backward pass: given the gradient of the loss in the *result*, what is the gradient in the *arguments*? So let the program write down, with each value, its parents and these functions. That record is the **tape**. The chain rule then runs by itself: walk the tape backward.
#
# One class is enough. A `Var` is an array with its parents, and for each parent a function from the upstream gradient to that parent's share of it. Here are sum, product, quotient and matrix product, exponential, logarithm and absolute value. Read two of them and compare with lesson 00; they are the same formulas.


# %%
class Var:
    """A value on the tape: an array, where it came from, and its gradient after `backward`."""

    def __init__(self, value, *parents):
        self.value = np.asarray(value, dtype=float)
        self.parents = parents  # pairs (Var, function of the upstream gradient)
        self.grad = None

    def __add__(self, other):
        a, b = self, other if isinstance(other, Var) else Var(other)
        return Var(
            a.value + b.value,
            (a, lambda g: unbroadcast(g, a.value.shape)),
            (b, lambda g: unbroadcast(g, b.value.shape)),
        )

    def __mul__(self, other):
        a, b = self, other if isinstance(other, Var) else Var(other)
        return Var(
            a.value * b.value,
            (a, lambda g: unbroadcast(g * b.value, a.value.shape)),
            (b, lambda g: unbroadcast(g * a.value, b.value.shape)),
        )

    def __sub__(self, other):
        return self + (other if isinstance(other, Var) else Var(other)) * -1.0

    def __truediv__(self, other):
        return self * (other if isinstance(other, Var) else Var(other)) ** -1.0

    def __pow__(self, n):
        a = self
        return Var(a.value**n, (a, lambda g: g * n * a.value ** (n - 1)))

    def __matmul__(self, other):
        a, b = self, other
        return Var(a.value @ b.value, (a, lambda g: g @ b.value.T), (b, lambda g: a.value.T @ g))

    def exp(self):
        e = np.exp(self.value)
        return Var(e, (self, lambda g: g * e))

    def log(self):
        return Var(np.log(self.value), (self, lambda g: g / self.value))

    def abs(self):
        return Var(np.abs(self.value), (self, lambda g: g * np.sign(self.value)))

    def sum(self, axis=None):
        def spread(g):
            """Each summand gets the gradient of its sum."""
            return np.broadcast_to(g if axis is None else np.expand_dims(g, axis), self.value.shape)

        return Var(self.value.sum(axis), (self, spread))


# %% [markdown]
# Two pieces are missing. The first: NumPy **broadcasts**. A bias of shape $(K,)$ is added to logits of shape $(N, K)$, so each of its entries is used $N$ times. What is used several times gets the sum of all gradients (lesson 00). So the adjoint of broadcasting is a sum, over every axis along which something was repeated.
#
# ### Exercise 1
# Write it.


# %% exercise="unbroadcast"
def unbroadcast(g, shape):
    """The gradient g of a result, summed to the `shape` that its argument had before broadcasting.

    Hint: NumPy adds missing axes in front, and repeats axes of length 1. Sum over the ones in front
    until the number of axes is right; then over each axis where `shape` has 1, with keepdims=True.
    """
    ### BEGIN SOLUTION
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, length in enumerate(shape):
        if length == 1:
            g = g.sum(axis=axis, keepdims=True)
    return g
    ### END SOLUTION


# %% test="unbroadcast" points=1
# Expect the exact shapes and sums.
g = np.arange(24.0).reshape(2, 3, 4)
before = g.copy()
for shape in ((2, 3, 4), (3, 4), (4,), (1, 3, 4), (3, 1), (1, 1), (1,)):
    found = unbroadcast(g, shape)
    assert np.shape(found) == shape, f"shape {np.shape(found)}, expected {shape}"
    assert found.sum() == g.sum(), f"{shape}: {found.sum()} in all, expected {g.sum()}"
assert np.array_equal(unbroadcast(g, (4,)), g.sum(axis=(0, 1))), "a bias: the sum over all others"
assert np.array_equal(unbroadcast(g, (3, 1))[:, 0], g.sum(axis=(0, 2))), "(3, 1): the wrong axes"
assert np.array_equal(g, before), "g belongs to the caller: do not change it"
### BEGIN HIDDEN TESTS
assert np.shape(unbroadcast(g, ())) == (), "a number, in front of an array: the sum of all"
found = unbroadcast(np.ones((1, 5)), (1, 1))
assert np.array_equal(found, [[5]]), f"(1, 5) to (1, 1): {found}"
found = unbroadcast(np.ones((4, 4)), (1, 4))
assert np.array_equal(found, [[4, 4, 4, 4]]), f"(4, 4) to (1, 4): {found}"
### END HIDDEN TESTS

# %% [markdown]
# The second: the walk. A value may be used twice, $y = x \cdot x + x$, and its gradient is the sum over all uses. So nobody may pass on a gradient before all its users have added their share: a value comes *after* everything that was computed from it. Such an order is called **topological**. The order in which values were made is the reverse of one.
#
# ### Exercise 2
# Write `backward`. Walk from the loss to find all that it depends on, in an order in which parents come first. Then go through it from the end.


# %% exercise="backward"
def backward(loss):
    """Set `grad` of every Var that `loss`, a Var of one number, was computed from; loss.grad is 1.

    Each gradient is the sum over all uses. A second call gives the same numbers.

    Hint: depth first. Visit a Var: visit its parents, then append the Var to a list; remember whom
    you have visited, by id. A tape can be longer than Python's stack is deep, so keep a stack of
    your own: a list of pairs (Var, whether its parents are done).
    """
    ### BEGIN SOLUTION
    order, seen, stack = [], set(), [(loss, False)]
    while stack:
        var, done = stack.pop()
        if done:
            order.append(var)
        elif id(var) not in seen:
            seen.add(id(var))
            stack.append((var, True))
            stack.extend((parent, False) for parent, _ in var.parents)
    for var in order:
        var.grad = np.zeros_like(var.value)
    loss.grad = np.ones_like(loss.value)
    for var in reversed(order):
        for parent, share in var.parents:
            parent.grad = parent.grad + share(var.grad)
    ### END SOLUTION


# %% test="backward" points=3
# Expect the exact derivatives, also where a value is used several times.
a = Var(3.0)
y = a * a + a
backward(y)
assert a.grad == 7, f"x x + x at 3: the derivative is 7, not {a.grad}"
assert y.grad == 1, f"the gradient of the loss in itself is 1, not {y.grad}"
backward(y)
assert a.grad == 7, f"called twice: {a.grad}, expected 7 again"
a, b = Var(2.0), Var(5.0)
c = a * b
d = c * c + c * a  # c is used three times, at different distances from the loss
e = (d + c) * d
backward(e)
numbers = [np.array(2.0), np.array(5.0)]


def by_hand():
    c = numbers[0] * numbers[1]
    d = c * c + c * numbers[0]
    return float((d + c) * d)


for name, var, number in (("a", a, numbers[0]), ("b", b, numbers[1])):
    expected = float(numerical_gradient(by_hand, number))
    off = abs(float(var.grad) / expected - 1)
    assert off < 1e-6, f"a value used at several places: d{name} is {var.grad}, not {expected:.1f}"
rows, bias = Var(np.arange(6.0).reshape(2, 3)), Var(np.ones(3))
backward(((rows + bias) * (rows + bias)).sum())
assert np.array_equal(bias.grad, [10.0, 14.0, 18.0]), f"a bias: {bias.grad}"
print("a.grad", a.grad, " b.grad", b.grad)
### BEGIN HIDDEN TESTS
a = Var(1.0)
chain = a
for _ in range(20_000):
    chain = chain + 1.0
try:
    backward(chain)
except RecursionError:
    raise AssertionError("a chain of 20,000 sums: deeper than Python's stack") from None
assert a.grad == 1, f"a chain of 20,000 sums: the derivative is 1, not {a.grad}"
### END HIDDEN TESTS

# %% [markdown]
# That is automatic differentiation. No limit process, no symbols: the chain rule, along a record. Now let it do what lesson 04 took two pages for. The joint loss of DLDL-v2, written down as it is defined, forward only:


# %%
def joint_loss_on_tape(x, p, y, grid, lam):
    """L = KL + lambda L1 of logits x (N, K), a Var."""
    z = x - x.value.max(axis=1, keepdims=True)  # a constant: it changes nothing
    total = z.exp().sum(axis=1) * 1.0
    log_p_hat = z - Var(np.ones((1, x.value.shape[1]))) * column(total.log())
    p_hat = log_p_hat.exp()
    entropy = (p * np.log(np.where(p > 0, p, 1))).sum()
    kl = (log_p_hat * -p).sum() + entropy
    off = (p_hat * grid).sum(axis=1) - y
    return (kl + off.abs().sum() * lam) * (1 / len(p))


def column(v):
    """A Var (N,) as one of shape (N, 1)."""
    return Var(v.value[:, None], (v, lambda g: g[:, 0]))


rng = np.random.default_rng(16)
y, sigma = np.array([5.0, 30.0, 61.5, 90.0]), np.array([1.0, 2.0, 3.0, 6.0])
p, logits = gaussian_label_distribution(y, sigma, grid), 2 * rng.standard_normal((4, K))
x = Var(logits)
loss = joint_loss_on_tape(x, p, y, grid, 0.7)
backward(loss)
(L, L_ld, L_er), dlogits = DLDLv2(grid, lam=0.7).loss(logits, p, y)
print(f"loss: tape {loss.value:.12f}, by hand {L:.12f}")
print(f"largest difference of the gradients: {np.abs(x.grad - dlogits).max():.0e}")
assert abs(loss.value - L) < 1e-12 and np.abs(x.grad - dlogits).max() < 1e-15

# %% [markdown]
# The same gradient to the last digit, without a single derivation. What did we pay? The tape. Here it is: every box is an array that stays in memory until the backward pass has used it.


# %%
def tape(var):
    """Everything that `var` was computed from, and for each its distance from the end."""
    depth, queue = {}, [(var, 0)]
    while queue:
        v, level = queue.pop()
        if depth.get(id(v), (None, -1))[1] < level:
            depth[id(v)] = v, level
            queue.extend((parent, level + 1) for parent, _ in v.parents)
    return list(depth.values())


# %% alt="A chain of squares from the logits on the left to the loss on the right; behind the logarithms of the probabilities it forks, into the divergence and the age, and joins again before the loss. Half of the squares are large: they hold N times K numbers."
nodes = [(v, level) for v, level in tape(loss) if any(u is x for u, _ in tape(v))]
plot.tape(nodes, x, loss)
held = sum(v.value.size for v, _ in nodes)
print(f"{len(nodes)} steps on the tape hold {held:,} numbers; by hand two arrays of {logits.size}")
assert len(nodes) > 15 and held > 5 * logits.size

# %% [markdown]
# By hand we needed $\hat p$ and $p$, and one line: $\hat p - p$ plus a second term. The tape does not know that things cancel. It divides by numbers that it multiplied before, and it keeps everything in between. **A derivation on paper is a program that was simplified before it ran.** PyTorch knows this, too: its `log_softmax` is *one* step with a backward pass that somebody wrote by hand, the formula of lesson 03.
#
# ## 2. What the tape differentiates
#
# It differentiates what you *wrote*, not what you meant. Three consequences that bite with every framework:

# %%
wide = Var(np.array([[-800.0, 0.0]]))
with np.errstate(all="ignore"):
    e = wide.exp()
    naive = (e / column(e.sum(axis=1))).log() * np.array([[-1.0, 0.0]])
    backward(naive.sum())
print("softmax, then log, at a gap of 800:", naive.value.sum(), wide.grad)
assert np.isinf(naive.value.sum()) and np.isnan(wide.grad).any()
good = joint_loss_on_tape(wide := Var([[-800.0, 0.0]]), np.array([[1.0, 0.0]]), 0.0, np.zeros(2), 0)
backward(good)
print("log-softmax:                       ", good.value, wide.grad)
assert good.value == 800 and np.array_equal(wide.grad, [[-1, 1]])

kink = Var(0.0)
backward(kink.abs())
print("|x| at 0:", kink.grad)
assert kink.grad == 0, "a choice, as good as any from -1 to 1"

ages = Var(np.array([20.0, 40.0, 30.0]))
mode = Var(ages.value.argmax())  # out of the tape, and nothing leads back
backward(mode * 1.0)
print("through argmax:", ages.grad)
assert ages.grad is None

# %% [markdown]
# 1. **Rounding.** The same function, written as a logarithm of a quotient, gives infinity and `nan`; lesson 03 has the reason. No framework repairs it for you.
# 2. **Kinks.** At a kink it returns some number. PyTorch has 0 for $|x|$ at 0, as we have.
# 3. **What leaves the tape has no gradient.** `argmax`, rounding, or taking out a plain number. Sometimes you want that (our maximum in `joint_loss_on_tape` left it on purpose). If you do not, the loss falls a little less, and there is no error.

# %% [markdown] question="detach" points=2
# ### Question
# In `joint_loss_on_tape` the row maximum is taken from `x.value`, so it is not on the tape, although it depends on the logits. Why is the gradient right all the same? And would it still be right if somebody took `total` off the tape in the same way?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* Softmax does not change if one number is subtracted from all logits of a row, whatever number it is. So the loss as a function of that number is constant, its derivative is 0, and nothing is lost by treating it as a constant. The total is different: the loss does depend on it. With it as a constant, ln p_hat_k would have the derivative 1 in its own logit and 0 in the others; the part - p_hat would be missing, the gradient would be -p/N (and p_hat(l) for the expectation), and all logits would grow forever. One point for the invariance, one for what is missing without the total.
# <!-- ### END SOLUTION -->

# %% [markdown]
# ## 3. The head in PyTorch
#
# A `torch.Tensor` with `requires_grad=True` is our `Var`. `loss.backward()` is our walk, with one difference: it **adds** to `.grad`, so somebody has to set it to zero before each step. Everything else has the names you know:
#
# | here | in PyTorch |
# |---|---|
# | `xp.exp`, `x @ W` | `torch.exp`, `x @ W` |
# | images (N, H, W, C) | (N, C, H, W) |
# | kernels (KH, KW, C, OC), `W` of Linear (in, out) | (OC, C, KH, KW), (out, in) |
# | `kl_from_logits(x, p)` | `F.kl_div(F.log_softmax(x, 1), p, reduction="batchmean")` |
# | `l1(y_hat, y)` | `F.l1_loss(y_hat, y)` |
# | `model.params`, `model.buffers` | `net.parameters()`, `net.buffers()`, both in `net.state_dict()` |
# | `model.backward(dy)` | `loss.backward()` |
# | `Adam(params, grads)` | `torch.optim.Adam(net.parameters())` |
#
# `F.kl_div` deserves a second look. It wants *logarithms* as its first argument and probabilities as its second, the prediction first. And its default reduction is the mean over all $N K$ entries, which changes the meaning of $\lambda$ by a factor of $K$ (lesson 04, section 10).
#
# ### Exercise 3
# Write the joint loss, forward only.


# %% exercise="torch-loss"
def torch_loss(x, p, y, grid, lam):
    """L = KL + lambda L1 for logits x, targets p (N, K), ages y (N,) and the grid (K,): tensors.

    Hint: F.log_softmax, F.kl_div, its exponential for p_hat, p_hat @ grid, F.l1_loss. Three lines.
    """
    ### BEGIN SOLUTION
    log_p_hat = F.log_softmax(x, dim=1)
    y_hat = log_p_hat.exp() @ grid
    return F.kl_div(log_p_hat, p, reduction="batchmean") + lam * F.l1_loss(y_hat, y)
    ### END SOLUTION


# %% test="torch-loss" points=2
# Expect a loss and gradients that differ from ours by less than 1e-12, for any lambda.
if needs_torch():
    rng = np.random.default_rng(17)
    targets = gaussian_label_distribution(y, [8.0, 9.0, 10.0, 11.0], grid)  # none is 0
    theirs = [torch.tensor(array) for array in (targets, y, grid)]
    for lam, scale in ((0.0, 1.0), (0.1, 2.0), (1.0, 3.0), (10.0, 1.0)):
        numbers = scale * rng.standard_normal((4, K))
        t = torch.tensor(numbers, requires_grad=True)
        own = torch_loss(t, *theirs, lam)
        assert own.shape == (), f"a loss is one number, not of shape {tuple(own.shape)}"
        assert own.requires_grad, "the loss does not know where it came from: it left the tape"
        own.backward()
        (L, *_), dlogits = DLDLv2(grid, lam).loss(numbers, targets, y)
        off = np.abs(t.grad.numpy() - dlogits).max()
        print(f"lambda {lam:4}: loss off by {abs(own.item() - L):.0e}, gradient by {off:.0e}")
        assert abs(own.item() - L) < 1e-10, (
            f"lambda {lam}: the loss is {own.item():.6f}, not {L:.6f}"
        )
        assert off < 1e-12, f"lambda {lam}: the gradient is off by {off:.1e}"
### BEGIN HIDDEN TESTS
if needs_torch():
    numbers = np.zeros((2, K))
    numbers[:, 3] = 900.0
    sharp = gaussian_label_distribution([5.0, 40.0], [1.0, 0.0], grid)  # most entries are 0
    t = torch.tensor(numbers, requires_grad=True)
    own = torch_loss(t, torch.tensor(sharp), torch.tensor([5.0, 40.0]).double(), theirs[2], 1.0)
    own.backward()
    (L, *_), dlogits = DLDLv2(grid, 1.0).loss(numbers, sharp, np.array([5.0, 40.0]))
    assert torch.isfinite(own), "targets with zeros, logits of 900: the loss is not finite"
    assert abs(own.item() / L - 1) < 1e-12, f"targets with zeros: the loss is {own.item()}, not {L}"
    assert np.abs(t.grad.numpy() - dlogits).max() < 1e-12, "targets with zeros: a wrong gradient"
### END HIDDEN TESTS

# %% [markdown]
# PyTorch's tape can be read, too. Each tensor knows the step that made it, `grad_fn`, and each step knows those before it. Which of your derivations is which?

# %%
BY_HAND = {
    "LogSoftmaxBackward0": "lesson 03, section 5: log-softmax, one step by hand",
    "SumBackward0": "lesson 03, section 4: the sum in KL",
    "DivBackward0": "lesson 03, section 4: 1 / N",
    "ExpBackward0": "lesson 04: p_hat",
    "MvBackward0": "lesson 04, section 1: the expectation",
    "AbsBackward0": "lesson 04, section 3: the sign",
    "MeanBackward0": "lesson 04, section 3: 1 / N",
    "AddBackward0": "lesson 04, section 4: where paths meet, gradients add",
    "AccumulateGrad": "the logits",
}
if needs_torch():
    own = torch_loss(torch.tensor(logits, requires_grad=True), torch.tensor(p), *theirs[1:], 0.7)
    steps, queue, seen = [], [own.grad_fn], set()
    while queue:
        step = queue.pop(0)
        if step is not None and step not in seen:
            seen.add(step)
            steps.append(step)
            queue.extend(parent for parent, _ in step.next_functions)
    for step in steps:
        name = type(step).__name__
        print(f"{name:24} {BY_HAND.get(name, '')}")

# %% [markdown]
# ## 4. The network, and weights there and back
#
# A network in PyTorch is a list of modules, just as ours is a list of layers. This function makes the twin of any `AgeNet`, under the same names. Its weights are random; yours to bring over.


# %%
def twin(net):
    """The layers of an AgeNet as a torch.nn.Sequential with the same names, in float64."""
    make = {
        "Conv2d": lambda W: nn.Conv2d(W.shape[2], W.shape[3], 3, padding=1, bias=False),
        "BatchNorm2d": lambda gamma: nn.BatchNorm2d(len(gamma)),
        "ReLU": nn.ReLU,
        "MaxPool2d": lambda: nn.MaxPool2d(2),
        "HybridPool": lambda: nn.Sequential(nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        "Linear": lambda W: nn.Linear(*W.shape),
    }
    layers = net.layers.items()
    modules = [(n, make[type(v).__name__](*list(v.params.values())[:1])) for n, v in layers]
    return nn.Sequential(OrderedDict(modules)).double()


net = AgeNet("tiny", K, side=32, rng=np.random.default_rng(18)).to(dtype=float)
names = list(net.params | net.buffers)
print(f"{len(names)} arrays: {', '.join(names[:6])}, ..., {', '.join(names[-3:])}")
if needs_torch():
    names = list(twin(net).state_dict())
    print(f"{len(names)} tensors: {', '.join(names[:6])}, ..., {', '.join(names[-2:])}")

# %% [markdown]
# ### Exercise 4
# Write all arrays of a network of ours under PyTorch's names and in its layout. No PyTorch is needed for it.


# %% exercise="weights"
def state_dict_of(net):
    """{name: array} for the twin of an AgeNet: its params and buffers in PyTorch's names and order.

    conv1_1.W is conv1_1.weight there, (OC, C, KH, KW) from (KH, KW, C, OC); fc.W is fc.weight,
    (out, in) from (in, out); fc.b is fc.bias; bn1_1.gamma and .beta are bn1_1.weight and .bias;
    running_mean and running_var keep their names.

    Hint: go through net.layers; each layer has params and buffers, with the names behind the point.
    """
    ### BEGIN SOLUTION
    theirs = {"W": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}
    state = {}
    for layer_name, layer in net.layers.items():
        for name, array in (layer.params | layer.buffers).items():
            if name == "W":
                array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
            state[f"{layer_name}.{theirs.get(name, name)}"] = array.copy()
    return state
    ### END SOLUTION


# %% test="weights" points=2
# Expect that the package's converter, which reads PyTorch files, gives back exactly our arrays.
state = state_dict_of(net)
count = len(net.params | net.buffers)
assert len(state) == count, f"{len(state)} arrays, expected {count}"
wrong_names = [
    n for n in state if not n.endswith(("weight", "bias", "running_mean", "running_var"))
]
assert not wrong_names, f"names that PyTorch does not have: {wrong_names[:3]}"
assert state["conv1_1.weight"].shape == (16, 3, 3, 3), f"conv1_1 {state['conv1_1.weight'].shape}"
assert state["conv2_1.weight"].shape == (32, 16, 3, 3), f"conv2_1 {state['conv2_1.weight'].shape}"
assert state["fc.weight"].shape == (K, 128), f"fc.weight {state['fc.weight'].shape}"
back = convert(state).model
for name, array in (net.params | net.buffers).items():
    same = np.array_equal((back.params | back.buffers)[name], array.astype(np.float32))
    assert same, f"{name} is not what it was after the way there and back"
print(f"{count} arrays there and back")
### BEGIN HIDDEN TESTS
ours = net.params | net.buffers
shared = [n for n, a in state.items() if any(np.shares_memory(a, b) for b in ours.values())]
assert not shared, f"these share memory with the network, and change with it: {shared[:3]}"
other = AgeNet("tiny", K, side=32, rng=np.random.default_rng(22)).to(dtype=float)
other.params["bn3_2.beta"] += 0.25
moved = state_dict_of(other)
W, theirs = other.params["conv1_2.W"], moved["conv1_2.weight"]
assert theirs[5, 7, 0, 2] == W[0, 2, 7, 5], "a 3x3 kernel: rows and columns are swapped"
back = convert(moved).model
assert (back.params["bn3_2.beta"] == 0.25).all(), "another network: beta is not its own"
### END HIDDEN TESTS

# %% [markdown]
# Now the proof. The same photos through both networks, forward and backward, in float64. In training mode, so that batch normalization uses the batch.

# %%
count = 4
photos = np.random.default_rng(19).standard_normal((count, 32, 32, 3))


def our_gradients(net, photos, p, y, lam):
    """The loss, and the gradient of every parameter, by the backward passes of this course."""
    method = DLDLv2(grid, lam)
    (L, *_), dlogits = method.loss(net.forward(photos), p, y)
    net.backward(dlogits)
    return float(L), net.grads


def in_torch(array):
    """An array as a tensor; images with channels first."""
    return torch.tensor(np.moveaxis(array, -1, 1).copy() if array.ndim == 4 else array)


if needs_torch():
    theirs = twin(net)
    theirs.load_state_dict({n: torch.tensor(array) for n, array in state_dict_of(net).items()})
    loss = torch_loss(theirs(in_torch(photos)), *map(in_torch, (p, y, grid)), 0.7)
    loss.backward()
    L, grads = our_gradients(net, photos, p, y, 0.7)
    off = {}
    for name, parameter in theirs.named_parameters():
        layer, _, kind = name.rpartition(".")
        key = {"weight": "gamma" if layer.startswith("bn") else "W", "bias": "b"}[kind]
        key = "beta" if layer.startswith("bn") and kind == "bias" else key
        ours = grads[f"{layer}.{key}"]
        ours = ours.transpose(3, 2, 0, 1) if ours.ndim == 4 else ours.T
        off[name] = np.abs(ours - parameter.grad.numpy()).max() / max(1, np.abs(ours).max())
    print(
        f"loss off by {abs(loss.item() - L):.0e}; {len(off)} gradients, the worst by {max(off.values()):.0e}"
    )
    assert abs(loss.item() - L) < 1e-10 and max(off.values()) < 1e-12

# %% [markdown]
# Thirteen convolutions, thirteen batch normalizations, pooling and the head, and **every one of 934,869 derivatives agrees to within $10^{-12}$ of the largest in its array (or of 1)**. Each was derived twice, by people with paper and by a program with a tape, and neither has seen the other. Either both are right or both are wrong in the same way.
#
# ## 5. A training step
#
# PyTorch's Adam is the Adam of lesson 07. On one number $a$, whose loss is $a^2$, twenty steps of both:

# %%
if needs_torch():
    number, place, slope = torch.tensor([5.0]).double(), {"a": np.array([5.0])}, {"a": np.zeros(1)}
    number.requires_grad = True
    theirs, ours = torch.optim.Adam([number], lr=0.1), Adam(place, slope, lr=0.1)
    for _ in range(20):
        theirs.zero_grad()
        (number**2).sum().backward()
        theirs.step()
        slope["a"][...] = 2 * place["a"]
        ours.step()
    print(f"PyTorch {number.item():.12f}, ours {place['a'][0]:.12f}")
    assert abs(number.item() - place["a"][0]) < 1e-12

# %% [markdown]
# ### Exercise 5
# Write it: one step of any optimizer of PyTorch.


# %% exercise="step"
def torch_step(net, optimizer, photos, p, y, grid, lam):
    """One training step on tensors: the loss before it, as a Python float.

    The network is in training mode during the step, whatever it was in before.

    Hint: five lines. net.train(); gradients to zero; torch_loss of net(photos); backward; step.
    `loss.item()` is the number without its tape.
    """
    ### BEGIN SOLUTION
    net.train()
    optimizer.zero_grad()
    loss = torch_loss(net(photos), p, y, grid, lam)
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %% test="step" points=2
# Expect the losses of our own training to 1e-9, for five steps with Adam.
def fresh_pair():
    """A small network of ours and its twin with the same weights."""
    ours = AgeNet("tiny", K, side=32, rng=np.random.default_rng(20)).to(dtype=float)
    theirs = twin(ours)
    state = {name: torch.tensor(array) for name, array in state_dict_of(ours).items()}
    theirs.load_state_dict(state)
    return ours, theirs


def our_step(net, optimizer, photos, p, y, lam):
    """The same with this package."""
    loss, _ = our_gradients(net, photos, p, y, lam)
    optimizer.step()
    return loss


if needs_torch():
    ours, theirs = fresh_pair()
    adams = Adam(ours.params, ours.grads, lr=1e-3), torch.optim.Adam(theirs.parameters(), lr=1e-3)
    tensors = [*map(in_torch, (photos, p, y, grid))]
    losses = []
    for number in range(5):
        pair = (
            our_step(ours, adams[0], photos, p, y, 1.0),
            torch_step(theirs, adams[1], *tensors, 1.0),
        )
        off = abs(float(pair[0]) - float(pair[1]))
        losses.append(pair)
        assert off < 1e-9, (
            f"step {number + 1}: a loss of {float(pair[1]):.6f}, ours is {pair[0]:.6f}"
        )
    print("losses", [round(float(loss), 4) for _, loss in losses])
### BEGIN HIDDEN TESTS
if needs_torch():
    assert isinstance(pair[1], float), (
        f"a loss with its whole tape, {type(pair[1])}: return a float"
    )
    ours, theirs = fresh_pair()
    theirs.eval()
    found = torch_step(theirs, torch.optim.Adam(theirs.parameters()), *tensors, 1.0)
    expected = our_gradients(ours, photos, p, y, 1.0)[0]
    assert abs(found - expected) < 1e-9, (
        "a network that was in eval mode: train it in training mode"
    )
### END HIDDEN TESTS

# %% [markdown]
# How long do the two stay together? In float64 **the difference stays among the last digits** for as long as we look. (In float32 it would not: lesson 12 found that two runs of the same program drift apart after a few steps.)

# %% alt="Left: two curves of the loss over the steps lie exactly on each other. Right: their difference on a logarithmic scale, which stays below 1e-13."
if needs_torch():
    steps = 8 if FAST else 40
    ours, theirs = fresh_pair()
    adams = Adam(ours.params, ours.grads, lr=1e-3), torch.optim.Adam(theirs.parameters(), lr=1e-3)
    both = np.array(
        [
            (
                our_step(ours, adams[0], photos, p, y, 0.1),
                torch_step(theirs, adams[1], *tensors, 0.1),
            )
            for _ in range(steps)
        ]
    )
    plot.side_by_side(both)
    print(f"largest difference in {steps} steps: {np.abs(both[:, 0] - both[:, 1]).max():.0e}")
    assert np.abs(both[:8, 0] - both[:8, 1]).max() < 1e-9 and both[-1, 0] < both[0, 0]

# %% [markdown] question="double" points=3
# ### Question
# A colleague ends the network with `nn.Softmax(dim=1)`, so that "it gives probabilities", and trains with `F.cross_entropy(net(photos), p)`. It runs, the loss falls, and the ages are poor. `F.cross_entropy` takes logits. What does this program compute? What is the largest probability that it can give to one of 101 ages, and where does its loss stop falling? How would you have found the mistake without reading the code?
#
# <!-- ### BEGIN SOLUTION -->
# *Answer.* It computes the softmax of a softmax. The "logits" are probabilities, between 0 and 1, so two of them differ by at most 1, and their exponentials by a factor of at most e. The largest probability is e / (e + 100) = 0.026. For a target with all its mass on one label the loss cannot fall below -ln 0.026 = 3.63, hardly less than that of an untrained network, ln 101 = 4.62. (And the gradient has two Jacobians of softmax in it, the second nearly 0 where the first softmax is sure.) To find it: the largest probability of any prediction; the least loss on a handful of photos that are learned by heart, which should fall to the entropy of the targets (lesson 07); the first loss, ln K, is right and shows nothing. One point for the double softmax, one for the bound with its number, one for a test that finds it.
# <!-- ### END SOLUTION -->

# %%
bound = np.e / (np.e + K - 1)
print(f"softmax of a softmax: at most {bound:.3f}, a loss of at least {-np.log(bound):.2f}")
assert round(bound, 3) == 0.026 and round(-np.log(bound), 2) == 3.63 and round(np.log(K), 2) == 4.62

# %% [markdown]
# ## 6. What remains of the paper
#
# Is it all for nothing, then, what the other lessons derived? Three reasons say no. Somebody has to write the steps of the tape, and those are the formulas of lessons 03 to 06. The tape tells you **that** a gradient is `nan` or 0, never why; **the formula does**. And what was simplified on paper is faster and takes less memory, so that the steps that matter most are written by hand in every framework.
#
# ### Exercise 6
# A harder one, without hints. Put our derivation on PyTorch's tape: a joint loss whose whole backward pass is *one* step of your own, a `torch.autograd.Function`. PyTorch's documentation has a page on "extending PyTorch".


# %% exercise="one-step"
def one_step_loss(x, p, y, grid, lam):
    """The number that `torch_loss` gives, and the same gradient in x, by one step on the tape.

    p, y, grid and lam get no gradient.
    """

    ### BEGIN SOLUTION
    class JointLoss(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, p, y, grid, lam):
            log_p_hat = x - x.logsumexp(dim=1, keepdim=True)
            p_hat = log_p_hat.exp()
            off = p_hat @ grid - y
            y_hat = (off + y)[:, None]
            dx = p_hat - p + lam * off.sign()[:, None] * p_hat * (grid - y_hat)
            ctx.save_for_backward(dx / len(x))
            kl = (torch.xlogy(p, p) - p * log_p_hat).sum() / len(x)
            return kl + lam * off.abs().mean()

        @staticmethod
        def backward(ctx, dloss):
            return dloss * ctx.saved_tensors[0], None, None, None, None

    return JointLoss.apply(x, p, y, grid, lam)
    ### END SOLUTION


# %% test="one-step" points=3
# Expect 1e-12 against torch_loss, one step between the loss and the logits, and PyTorch's gradcheck.
if needs_torch():
    fixed = [*map(in_torch, (p, y, grid))]
    for lam in (0.0, 0.7, 5.0):
        a, b = (torch.tensor(logits, requires_grad=True) for _ in range(2))
        one, other = one_step_loss(a, *fixed, lam), torch_loss(b, *fixed, lam)
        gap = abs(one.item() - other.item())
        assert gap < 1e-12, f"lambda {lam}: the losses differ by {gap:.1e}"
        assert one.grad_fn is not None, "the result is not on the tape"
        above = [type(step).__name__ for step, _ in one.grad_fn.next_functions if step is not None]
        assert above == ["AccumulateGrad"], f"not one step: before it come {above}"
        one.backward()
        other.backward()
        off = (a.grad - b.grad).abs().max().item()
        assert off < 1e-12, f"lambda {lam}: the gradient is off by {off:.1e}"
        args = (a, *fixed, lam)
        right = torch.autograd.gradcheck(one_step_loss, args, raise_exception=False)
        assert right, "PyTorch's own check fails: is the upstream gradient in it?"
    print(f"one step, gradient off by {off:.0e}")
### BEGIN HIDDEN TESTS
if needs_torch():
    a, b = (torch.tensor(800 * logits, requires_grad=True) for _ in range(2))
    one, other = one_step_loss(a, *fixed, 0.7), torch_loss(b, *fixed, 0.7)
    (3 * one + a.sum()).backward()
    (3 * other + b.sum()).backward()
    assert torch.isfinite(one), "logits in the thousands: the loss is not finite"
    assert abs(one.item() / other.item() - 1) < 1e-12, f"large logits: {one}, expected {other}"
    off = (a.grad - b.grad).abs().max().item()
    assert off < 1e-12, f"three times the loss, plus the logits: the gradient is off by {off:.1e}"
### END HIDDEN TESTS

# %% [markdown]
# ## Summary
# * Automatic differentiation is a record of what was computed, with a backward function for each step, and a walk through it in topological order. What is used twice gets the sum.
# * It differentiates what you wrote: rounding, kinks and whatever leaves the tape are yours to know.
# * In PyTorch, DLDL-v2's loss is three lines and its training step five. `kl_div` takes logarithms, the prediction first, and must be told to divide by the batch.
# * Weights go there and back by names and transposes. In float64 both programs agree to twelve decimal places, in every gradient.
# * A derivation on paper is a program that was simplified before it ran. It can be put on the tape as one step.
#
# ## Further reading
# * A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, *Automatic Differentiation in Machine Learning: a Survey*, Journal of Machine Learning Research 18, 2018.
# * A. Paszke et al., *PyTorch: An Imperative Style, High-Performance Deep Learning Library*, NeurIPS 2019.
# * S. Linnainmaa, *Taylor Expansion of the Accumulated Rounding Error*, BIT 16, 1976: the reverse mode, ten years before it was called backpropagation.
# * A. Griewank, A. Walther, *Evaluating Derivatives*, SIAM, second edition 2008: the book.
# * `python tools/from_pytorch.py FILE.pt OUT.npz` carries the weights of a file, and [`tests/test_pytorch.py`](../tests/test_pytorch.py) compares every layer, loss and optimizer of this package with PyTorch.
# * Back to [lesson 04](04_expectation_and_joint_loss.ipynb) for the derivation, or to [lesson 12](12_making_it_fast.ipynb) for what one can do when the backward pass is one's own.
