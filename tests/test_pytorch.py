"""PyTorch as an oracle: layers, losses and optimizers against their twins there, a row for each.

Arrays of a layer go to its twin by name. Whole networks are compared in test_models.py and in
train/test_loop.py, the networks of the face detector in faces/test_networks.py.
"""

from itertools import product

import numpy as np
import pytest
import scipy.special

from tinydldl import layers, losses, optim
from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.methods import METHODS, make_method

IMAGES, VECTORS = (2, 7, 6, 3), (4, 5)
WINDOWS = [(2, 2), (3, 1), ((2, 3), (1, 2)), (3, 3)]  # kernel, stride
CEIL_WINDOWS = [(2, 2), (3, 2), (2, 3), (1, 3), ((2, 3), (1, 4))]
FILTERS = [(3, 1, 1), (1, 1, 0), (5, 2, 2), ((2, 3), (3, 1), (0, 2)), (4, 3, 1)]  # and padding

# {name: (ours from a generator, theirs from torch.nn, shape of x)}
LAYERS = {
    "ReLU": (lambda rng: layers.ReLU(), lambda nn: nn.ReLU(), VECTORS),
    "PReLU": (lambda rng: layers.PReLU(5), lambda nn: nn.PReLU(5), VECTORS),
    "PReLU, images": (lambda rng: layers.PReLU(3), lambda nn: nn.PReLU(3), IMAGES),
    "Sigmoid": (lambda rng: layers.Sigmoid(), lambda nn: nn.Sigmoid(), VECTORS),
    "LogSigmoid": (lambda rng: layers.LogSigmoid(), lambda nn: nn.LogSigmoid(), VECTORS),
    "Tanh": (lambda rng: layers.Tanh(), lambda nn: nn.Tanh(), VECTORS),
    "Softmax": (lambda rng: layers.Softmax(), lambda nn: nn.Softmax(1), VECTORS),
    "LogSoftmax": (lambda rng: layers.LogSoftmax(), lambda nn: nn.LogSoftmax(1), VECTORS),
    "Flatten": (lambda rng: layers.Flatten(), lambda nn: flatten, IMAGES),
    "Linear": (lambda rng: layers.Linear(5, 3, rng=rng), lambda nn: nn.Linear(5, 3), VECTORS),
    "BatchNorm2d": (lambda rng: layers.BatchNorm2d(3), lambda nn: nn.BatchNorm2d(3), IMAGES),
    "BatchNorm2d, inference": (
        lambda rng: layers.BatchNorm2d(3).eval(),
        lambda nn: nn.BatchNorm2d(3).eval(),
        IMAGES,
    ),
    "GlobalAvgPool": (lambda rng: layers.GlobalAvgPool(), lambda nn: average(nn), IMAGES),
    "HybridPool": (
        lambda rng: layers.HybridPool(),
        lambda nn: nn.Sequential(nn.MaxPool2d(2), average(nn)),
        IMAGES,
    ),
}
for way, bias in product(FILTERS, (True, False)):
    LAYERS[f"Conv2d {way}{', bias' * bias}"] = (
        lambda rng, way=way, bias=bias: layers.Conv2d(3, 4, *way, bias=bias, rng=rng),
        lambda nn, way=way, bias=bias: nn.Conv2d(3, 4, *way, bias=bias),
        IMAGES,
    )
for way, kind in product(WINDOWS, ("MaxPool2d", "AvgPool2d")):
    LAYERS[f"{kind} {way}"] = (
        lambda rng, way=way, kind=kind: getattr(layers, kind)(*way),
        lambda nn, way=way, kind=kind: getattr(nn, kind)(*way),
        IMAGES,
    )
for way, size in product(CEIL_WINDOWS, [(2, 2), (5, 7), (6, 8), (7, 5), (9, 4)]):
    LAYERS[f"CeilMaxPool2d {way} of {size}"] = (
        lambda rng, way=way: layers.CeilMaxPool2d(*way),
        lambda nn, way=way: nn.MaxPool2d(*way, ceil_mode=True),
        (2, *size, 3),
    )

TWINS = {"W": "weight", "gamma": "weight", "a": "weight", "b": "bias", "beta": "bias"}


def flatten(x):
    """Images in PyTorch's order, in rows in ours."""
    return x.movedim(1, -1).flatten(1)


def average(nn):
    """The mean over all pixels."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def channels_first(x):
    """(N, ..., C) as (N, C, ...)."""
    return np.moveaxis(x, -1, 1).copy()


def filters_first(W):
    """(..., C, OC) as (OC, C, ...); vectors stay as they are."""
    return W.transpose(W.ndim - 1, W.ndim - 2, *range(W.ndim - 2)).copy() if W.ndim > 1 else W


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, rng, torch):
    """Output, all gradients, and what batch normalization remembers."""
    make, twin, shape = LAYERS[name]
    layer, theirs = make(rng).to(dtype=np.float64), twin(torch.nn)
    for key, array in layer.params.items():
        array[...] = rng.standard_normal(array.shape)
        array[..., -1] = 0  # a gamma, too, and a slope
        getattr(theirs, TWINS[key]).data = torch.tensor(filters_first(array))
    for key, array in layer.buffers.items():
        array[...] = rng.uniform(0.5, 2, array.shape)
        setattr(theirs, key, torch.tensor(array))

    x = 5 + 3 * rng.standard_normal(shape) if layer.buffers else 3 * rng.standard_normal(shape)
    x.ravel()[:3] = 0  # at a kink
    y = layer.forward(x, save=True)
    dy = rng.standard_normal(y.shape)
    their_x = torch.tensor(channels_first(x), requires_grad=True)
    their_y = theirs(their_x)
    their_y.backward(torch.tensor(channels_first(dy)))

    close = {"rtol": 1e-11, "atol": 1e-11}
    np.testing.assert_allclose(channels_first(y), their_y.detach().numpy(), **close)
    np.testing.assert_allclose(channels_first(layer.backward(dy)), their_x.grad.numpy(), **close)
    for key, grad in layer.grads.items():
        expected = getattr(theirs, TWINS[key]).grad.numpy()
        np.testing.assert_allclose(filters_first(grad), expected, **close)
    for key, array in layer.buffers.items():
        np.testing.assert_allclose(array, getattr(theirs, key).numpy(), **close)


GRID = label_grid()
Y, SIGMA = np.array([3.0, 33.4, 80.1, 60.0]), np.array([1.0, 2.5, 6.0, 0.0])
P = gaussian_label_distribution(Y, SIGMA, GRID)
LABELS = np.array([3, 33, 80, 60])  # the nearest
Z = (Y[:, None] - 50) / 50
OLDER = (Y[:, None] >= GRID[:-1] + 0.5).astype(float)
AGES = np.array([10.0, 10.5, 30.0, 47.0])  # that OR-CNN was trained on
COUNTS = np.maximum(1, [(border <= AGES).sum() for border in GRID[:-1] + 0.5])
IMPORTANCE = np.sqrt(COUNTS) / np.sqrt(COUNTS).mean()


def kl(x, t, reduction="batchmean"):
    return t.nn.functional.kl_div(x.log_softmax(1), t.tensor(P), reduction=reduction)


def expectation_error(x, t):
    return t.nn.functional.l1_loss(x.softmax(1) @ t.tensor(GRID), t.tensor(Y))


def questions(x, t, weight=None):
    entropy = t.nn.functional.binary_cross_entropy_with_logits
    return entropy(x, t.tensor(OLDER), weight, reduction="sum") / 4


X = 2 * np.random.default_rng(2018).standard_normal((4, 101))
P_HAT, Y_HAT = scipy.special.softmax(X, axis=1), Y + 9 * X[:, 0]

# {name: (ours, value and gradient; theirs, the value; where)}
LOSSES = {
    "kl_from_logits": (lambda x: losses.kl_from_logits(x, P), kl, X),
    "kl_from_logits, elements": (
        lambda x: losses.kl_from_logits(x, P, "elements"),
        lambda x, t: kl(x, t, "sum") / X.size,
        X,
    ),
    "kl_from_probabilities": (
        lambda p_hat: losses.kl_from_probabilities(p_hat, P),
        lambda p_hat, t: t.nn.functional.kl_div(p_hat.log(), t.tensor(P), reduction="batchmean"),
        P_HAT,
    ),
    "l1": (
        lambda y_hat: losses.l1(y_hat, Y),
        lambda y_hat, t: t.nn.functional.l1_loss(y_hat, t.tensor(Y)),
        Y_HAT,
    ),
    "l2": (
        lambda y_hat: losses.l2(y_hat, Y),
        lambda y_hat, t: t.nn.functional.mse_loss(y_hat, t.tensor(Y)),
        Y_HAT,
    ),
    "cross_entropy": (
        lambda x: losses.cross_entropy(x, LABELS),
        lambda x, t: t.nn.functional.cross_entropy(x, t.tensor(LABELS)),
        X,
    ),
    "soft_cross_entropy": (
        lambda x: losses.soft_cross_entropy(x, P),
        lambda x, t: t.nn.functional.cross_entropy(x, t.tensor(P)),
        X,
    ),
    "binary_cross_entropy": (
        lambda x: losses.binary_cross_entropy(x, OLDER),
        questions,
        X[:, 1:],
    ),
    "binary_cross_entropy, weighted": (
        lambda x: losses.binary_cross_entropy(x, OLDER, IMPORTANCE),
        lambda x, t: questions(x, t, t.tensor(IMPORTANCE)),
        X[:, 1:],
    ),
}
METHOD_LOSSES = {
    "mr-l1": lambda x, t: t.nn.functional.l1_loss(x.tanh(), t.tensor(Z)),
    "mr-l2": lambda x, t: t.nn.functional.mse_loss(x.tanh(), t.tensor(Z)),
    "ranking": questions,
    "or-cnn": lambda x, t: questions(x, t, t.tensor(IMPORTANCE)),
    "dex": lambda x, t: t.nn.functional.cross_entropy(x, t.tensor(LABELS)),
    "er-l1": expectation_error,
    "dldl": kl,
    "ldae": lambda x, t: t.nn.functional.cross_entropy(x, t.tensor(P)),
    "dldl-v2": lambda x, t: kl(x, t) + expectation_error(x, t),
}
for name in METHODS:
    method = make_method(name, GRID, **({"ages": AGES} if name == "or-cnn" else {}))

    def at(x, method=method):
        (L, *_), dx = method.loss(x, method.target(Y, SIGMA), Y)
        return L, dx

    LOSSES[name] = (at, METHOD_LOSSES[name], X[:, : method.outputs])


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name, torch):
    ours, theirs, x = LOSSES[name]
    value, dx = ours(x)
    their_x = torch.tensor(x, requires_grad=True)
    their_value = theirs(their_x, torch)
    their_value.backward()
    np.testing.assert_allclose(value, their_value.item(), rtol=1e-12)
    np.testing.assert_allclose(dx, their_x.grad.numpy(), rtol=1e-10, atol=1e-14)


OPTIMIZERS = {  # {name: (ours, theirs, settings)}
    "Adam": (optim.Adam, "Adam", {"lr": 0.01}),
    "SGD": (optim.SGD, "SGD", {"lr": 0.1, "momentum": 0.0}),
    "SGD, momentum": (optim.SGD, "SGD", {"lr": 0.1, "momentum": 0.9}),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_ten_steps(name, rng, torch):
    ours, theirs, settings = OPTIMIZERS[name]
    params = {"W": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)}
    their_params = {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}
    grads = {k: np.zeros_like(v) for k, v in params.items()}
    optimizer = ours(params, grads, **settings)
    their_optimizer = getattr(torch.optim, theirs)(their_params.values(), **settings)
    for _ in range(10):
        for k, grad in grads.items():
            grad[...] = rng.standard_normal(grad.shape)
            their_params[k].grad = torch.tensor(grad)
        optimizer.step()
        their_optimizer.step()
        for k, param in params.items():
            np.testing.assert_allclose(param, their_params[k].detach().numpy(), rtol=1e-13)


def test_cosine_schedule(torch):
    steps, epochs = 7, 5
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps * epochs)
    for step in range(steps * epochs + 1):
        ours = optim.cosine_schedule(0.3, 1 + step / steps, epochs)
        assert ours == pytest.approx(theirs.get_last_lr()[0], rel=1e-12, abs=1e-15)
        optimizer.step()
        theirs.step()
