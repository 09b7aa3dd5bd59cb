"""What tests of layers and engine share: comparison, a layer and small networks, bad memory."""

import copy
import multiprocessing

import numpy as np

from tinydldl.fast import FastNet
from tinydldl.fast.layout import Scratch
from tinydldl.layers import BatchNorm2d, Conv2d, HybridPool, Linear, MaxPool2d, Sequential, Tanh
from tinydldl.models import conv_bn_relu


def close(got, expected, tolerance=1e-9, name="array"):
    """Raise AssertionError unless `got` is within `tolerance` of the maximum of `expected`."""
    assert got.shape == expected.shape, f"{name}: {got.shape}, expected {expected.shape}"
    error, largest = np.abs(got - expected).max(initial=0), np.abs(expected).max(initial=0)
    assert error <= tolerance * largest, f"{name}: off by {error:.1e}, its maximum is {largest:.1e}"


def all_close(got, expected, tolerance=1e-9):
    """`close` for each array of a dict; both have the same names."""
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        close(got[name], array, tolerance, name)


def randomize(model, rng):
    """The model in float64 with random arrays: gamma of both signs, statistics off 0 and 1."""
    model.to(dtype=np.float64)
    for _, layer in every_layer(model):
        for name, array in (layer.params | layer.buffers).items():
            array[...] = rng.standard_normal(array.shape) / (4 if name == "W" else 1)
        if isinstance(layer, BatchNorm2d):
            layer.buffers["running_var"][...] = rng.uniform(0.2, 3, len(layer.params["beta"]))
    return model


def every_layer(model, prefix=""):
    """`(name, layer)` for each layer that is not itself a `Sequential`."""
    for name, layer in model.layers.items():
        if isinstance(layer, Sequential):
            yield from every_layer(layer, f"{prefix}{name}.")
        else:
            yield prefix + name, layer


def norms(model):
    """The batch normalizations of a model, in order."""
    return [layer for _, layer in every_layer(model) if isinstance(layer, BatchNorm2d)]


def photos(rng, *shape):
    """Random photos (N, H, W, C), neither centered nor of unit variance."""
    return 0.3 + 1.7 * rng.standard_normal(shape)


def passes(net, x, dy, save=None):
    """All that a forward and a backward pass leave: output, gradients, buffers; copies, by name."""
    found = {"output": net.forward(x, save).copy()}
    net.backward(dy)
    for kind in ("grads", "buffers"):
        found |= {f"{kind} {name}": a.copy() for name, a in getattr(net, kind).items()}
    return found


def check(net, reference, x, rng, save=None):
    """Raise AssertionError unless both compute the same, and `net` leaves x and dy as they are."""
    dy = rng.standard_normal((len(x), *reference.output_shape(x.shape[1:])))
    expected = passes(reference, x.copy(), dy.copy(), save)
    before = x.copy(), dy.copy()
    all_close(passes(net, x, dy, save), expected)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(dy, before[1])


def pair(model, workers=1):
    """`(net, reference)`: the model in the engine, and a copy of it that stays with the layers."""
    reference = copy.deepcopy(model)
    return FastNet(model, workers), reference


def small_net(rng, outputs=3):
    """Two stages, one of them with a pool that is part of hybrid pooling, and a Linear."""
    layers = conv_bn_relu("1", 3, 5, rng) | {"pool1": MaxPool2d(2)}
    layers |= conv_bn_relu("2", 5, 6, rng) | conv_bn_relu("3", 6, 4, rng)
    return Sequential(layers | {"pool3": HybridPool(), "fc": Linear(4, outputs, rng=rng)})


def mixed_net(rng, outputs=3):
    """A small net with layers in between that the engine leaves as they are."""
    layers = conv_bn_relu("1", 3, 5, rng) | {"pool1": MaxPool2d(2)}
    layers |= {"conv2": Conv2d(5, 4, 3, padding=1, rng=rng), "tanh2": Tanh()}
    layers |= conv_bn_relu("3", 4, 6, rng) | {"pool3": MaxPool2d(2)} | conv_bn_relu("4", 6, 4, rng)
    return Sequential(layers | {"pool4": HybridPool(), "fc": Linear(4, outputs, rng=rng)})


def convolution(geometry, rng, bias=True, shape=(5, 7, 6, 3)):
    """A `Conv2d` in float64 with random parameters, an input of this shape, and a dy."""
    layer = Conv2d(3, 4, *geometry, bias=bias, rng=rng).to(dtype=np.float64)
    for array in layer.params.values():
        array[...] = rng.standard_normal(array.shape)
    dy = rng.standard_normal((shape[0], *layer.output_shape(shape[1:])))
    return layer, rng.standard_normal(shape), dy


class BreaksInWorkers(Tanh):
    """A layer that has a bug in every process but the first."""

    def forward(self, x, save=None):
        if multiprocessing.parent_process():
            raise FloatingPointError("a bug")
        return super().forward(x, save)


class BadScratch(Scratch):
    """Buffers whose content is NaN each time that they are lent, or True for masks."""

    def take(self, name, shape, dtype):
        buffer = super().take(name, shape, dtype)
        buffer[...] = True if buffer.dtype == bool else np.nan
        return buffer
