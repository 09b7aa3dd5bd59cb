"""A network as a row of stages: what the engine covers is fused, all else is left to the layers.

    conv, bn, relu, max-pool   ->   one `ConvStage`, maps (H, W, N C)
    any other layer            ->   a `LayerStage` around it, arrays (N, H, W, C)

with an `Enter` or a `Leave` where the layout changes. A stage has a forward and a backward pass
like a layer; its parameters, gradients and buffers are those of its layers.
"""

from collections.abc import Iterator
from math import ceil
from typing import Any

import numpy as np

from tinydldl.arrays import Array, Images, PerChannel
from tinydldl.backend import average_step, smallest
from tinydldl.fast import convolution, pointwise
from tinydldl.fast.inference import Folded, LazyMap
from tinydldl.fast.layout import FeatureMap, Scratch
from tinydldl.fast.workers import ProcessGroup
from tinydldl.layers import BatchNorm2d, Conv2d, Layer, MaxPool2d, ReLU, Sequential
from tinydldl.layers.base import Layers, check_channels

AnyMap = FeatureMap | LazyMap
CHUNK = 2**20  # numbers of the photos that inference takes at a time


class Stages:
    """The stages of a dict of layers, in a row, for the images of one process."""

    def __init__(self, layers: Layers, group: ProcessGroup) -> None:
        self.stages = make_stages(layers, Scratch(), group)
        self.norms = [layer for _, layer in flatten(layers) if isinstance(layer, BatchNorm2d)]
        learning = [i for i, stage in enumerate(self.stages) if stage.learns]
        self.first = min(learning, default=len(self.stages))
        if learning and isinstance(self.stages[self.first], ConvStage):
            self.stages[self.first].needs_dx = False

    def check(self, x: Images) -> None:
        """Raise ValueError for photos of a wrong shape."""
        if self.stages and isinstance(self.stages[0], Enter):
            self.stages[0].check(x)

    def forward(self, x: Array, save: bool) -> Array:
        """Compute outputs from x; in inference a few images at a time, to stay in the cache."""
        if save or any(norm.training for norm in self.norms):
            return self._forward(x, save)
        pieces = min(len(x), ceil(x.size / CHUNK))
        return np.concatenate([self._forward(part, save) for part in np.array_split(x, pieces)])

    def _forward(self, x: Array, save: bool) -> Array:
        for stage in self.stages:
            x = stage.forward(x, save)
        return x

    def backward(self, dy: Array) -> None:
        """Compute the gradients of all parameters; stop at the first stage that has any."""
        for stage in reversed(self.stages[self.first :]):
            dy = stage.backward(dy)


def make_stages(layers: Layers, scratch: Scratch, group: ProcessGroup) -> list[Any]:
    """The list of stages of a dict of layers. `scratch`, `group`: what all stages share."""
    inside = False
    stages: list[Any] = []
    for name, parts, fused in plan(layers):
        if fused and not inside:
            stages.append(Enter(parts[0]))
        elif inside and not fused:
            stages.append(Leave())
        inside = fused
        stages.append(ConvStage(name, parts, scratch, group) if fused else LayerStage(name, *parts))
    return [*stages, Leave()] if inside else stages


def plan(layers: Layers) -> Iterator[tuple[str, list[Any], bool]]:
    """Yield `(name, layers, fused)` per stage; a fused one is a `ConvStage`, others one layer."""
    remaining = list(flatten(layers))
    while remaining:
        count = covered(remaining)
        name, parts = remaining[0][0], [layer for _, layer in remaining[: count or 1]]
        yield name, parts, bool(count)
        remaining = remaining[count or 1 :]


def flatten(layers: Layers) -> Iterator[tuple[str, Layer]]:
    """`(name, layer)` for each layer; those inside a layer that is itself a `Sequential`, too."""
    for name, layer in layers.items():
        if isinstance(layer, Sequential) and is_plain(layer):
            yield from ((f"{name}.{inner}", part) for inner, part in flatten(layer.layers))
        else:
            yield name, layer


def is_plain(layer: Sequential) -> bool:
    """Whether a `Sequential` does nothing but call its layers in a row."""
    own = (type(layer).forward, type(layer).backward)
    return own == (Sequential.forward, Sequential.backward)


def covered(remaining: list[tuple[str, Layer]]) -> int:
    """How many layers at the head of `[(name, layer), ...]` make up a `ConvStage`: 0, 3 or 4."""
    layers = [layer for _, layer in remaining[:4]]
    if list(map(type, layers[1:3])) != [BatchNorm2d, ReLU] or not is_3x3(layers[0]):
        return 0
    return 4 if len(layers) == 4 and is_2x2(layers[3]) else 3


def is_3x3(layer: Layer) -> bool:
    """Whether this is a convolution that the engine computes: 3x3, stride 1, padding 1, no bias."""
    if type(layer) is not Conv2d or "b" in layer.params:
        return False
    return (layer.windows.kernel, layer.windows.stride, layer.padding) == ((3, 3), (1, 1), (1, 1))


def is_2x2(layer: Layer) -> bool:
    """Whether this is 2x2 max-pooling."""
    return type(layer) is MaxPool2d and layer.windows.kernel == layer.windows.stride == (2, 2)


class ConvStage:
    """3x3 convolution, batch normalization, ReLU and, if there is one, 2x2 max-pooling.

        z = sign * (x conv W)      u = max-pool z      a = max(scale u + shift, 0), made by the next

    with scale = |gamma| / sqrt(var + eps) and shift = beta - scale mean. The sign is gamma's, put
    into the filters: so scale is never negative, and does not change the order of values.
    """

    learns = needs_dx = True

    def __init__(self, name: str, layers: list[Any], scratch: Scratch, group: ProcessGroup) -> None:
        self.name, self.conv, self.norm = name, *layers[:2]
        self.pool: Any = layers[3] if len(layers) == 4 else None
        self.scratch, self.group = scratch, group
        self.saved: Any = None  # as in a layer
        self.folded = Folded(self.conv, self.norm)

    def forward(self, x: AnyMap, save: bool) -> AnyMap:
        """Compute the next map from x; `save`: also save the maps that backward needs."""
        if x.scale is None and not (save or self.norm.training):
            return self._infer(x)
        W = self.conv.params["W"]
        (height, width, N, _), OC = x.shape, W.shape[3]
        sign = np.where(self.norm.params["gamma"] < 0, -1, 1).astype(W.dtype)
        owner, place = (self.name, f"x of {self.name}") if save else ("all", place_for(x))
        x_pad, inside = self.scratch.padded(place, x.shape, W.dtype)
        write(x, inside)
        shape = height, width, N, OC
        z = FeatureMap(self.scratch.tiles(f"z of {owner}", shape, W.dtype), shape)
        convolution.forward(x_pad, W * sign, z.values, self.scratch)
        count, mean, inv_std = self._statistics(z, sign)
        z.scale = np.abs(self.norm.params["gamma"]) * inv_std
        z.shift = self.norm.params["beta"] - z.scale * mean
        y = self._max_pool(z, f"u of {owner}") if self.pool else z
        self.saved = (x.shape, x_pad, z, y, sign, count, mean, inv_std) if save else None
        return y

    def _infer(self, x: AnyMap) -> LazyMap:
        """The same for inference, by the running statistics: see `inference`."""
        self.saved = None
        way, (H, W, N, _) = self.folded(), x.shape
        x_pad, inside = way.padded(self.scratch, place := place_for(x), x.shape)
        write(x, inside)
        if self.pool:
            H, W = H // 2, W // 2
        blocks = way.blocks(x_pad, x.shape, self.scratch)
        return LazyMap(blocks, (H, W, N, len(way.shift)), x_pad.dtype, place, bool(self.pool))

    def backward(self, da: Array) -> Array | None:
        """Compute the gradient of the stage before from da, that of the activations (H, W, N C)."""
        shape, x_pad, z, y, sign, count, mean, inv_std = self.saved
        W, grads = self.conv.params["W"], self.norm.grads
        sums = pointwise.relu_backward(da, y, mean, self.scratch)
        grads["beta"][...], grads["gamma"][...] = sums[0], sign * inv_std * sums[1]
        share = self._correction(sums, count, mean, inv_std)
        dz_pad, dz = self.scratch.padded("dz", z.shape, W.dtype)  # dz / scale, in fact
        pointwise.norm_backward(da, z, y if self.pool else None, share, dz, self.scratch)
        dx = self.scratch.tiles("dx", shape, W.dtype) if self.needs_dx else None
        factor = (sign * z.scale).astype(W.dtype)
        dW = convolution.backward(dz_pad, x_pad, W * factor, dx, self.scratch)
        np.multiply(dW, factor, out=self.conv.grads["W"])
        return dx

    def _statistics(self, z: FeatureMap, sign: PerChannel) -> tuple[int, PerChannel, PerChannel]:
        """Count, mean and 1 / std of each channel of z: the batch's, or the running ones."""
        norm, buffers = self.norm, self.norm.buffers
        if not norm.training:
            return 0, sign * buffers["running_mean"], (buffers["running_var"] + norm.eps) ** -0.5
        own = np.vstack(np.broadcast_arrays(*pointwise.moments(z.values, z.shape)))
        every = self.group.all_gather(own)
        count, mean, squares = pointwise.merge_moments(every[:, 0, 0], every[:, 1], every[:, 2])
        if count < 2:
            raise ValueError("BatchNorm2d: training needs more than one value per channel")
        if self.group.rank == 0:
            batch = {"running_mean": sign * mean, "running_var": squares / (count - 1)}
            for name, value in batch.items():
                average = buffers[name]
                average_step(average, value, norm.momentum, smallest(average.dtype))
        return count, mean, (squares / count + norm.eps) ** -0.5

    def _correction(self, sums: Array, count: int, mean: PerChannel, inv_std: PerChannel) -> Array:
        """Slope and offset: dz / scale through mean and variance is `-(slope z + offset)`.

        The last line of lesson 06, `dz = scale (dr - mean dr - x_hat mean (dr x_hat))`, with x_hat
        written out as (z - mean) / std.
        """
        if not count:  # running statistics do not depend on z
            return np.zeros((2, len(mean)))
        total, product = self.group.all_gather(sums).sum(axis=0)
        slope = inv_std**2 * product / count
        return np.stack([slope, total / count - slope * mean])

    def _max_pool(self, z: FeatureMap, name: str) -> FeatureMap:
        H, W, C = self.pool.output_shape((*z.shape[:2], z.shape[3]))
        N = z.shape[2]
        values = self.scratch.take(name, (H, W, N * C), z.values.dtype)
        pointwise.max_pool(z.values, z.shape, z.scale, values, self.scratch)
        return FeatureMap(values, (H, W, N, C), z.scale, z.shift)


def place_for(x: AnyMap) -> str:
    """The buffer for x as the input of a convolution: not the one that x is computed from."""
    return "dz" if isinstance(x, LazyMap) and x.source == "x" else "x"


def write(x: AnyMap, out: Array) -> None:
    """Write the activations of x to out, (H, W, N C), or a view (H, W, N, C) if none is pending."""
    if isinstance(x, LazyMap):
        x.write(out.reshape(x.shape))
    else:
        pointwise.activate(x, out)


class LayerStage:
    """A layer that the engine does not cover, as it is: x and y (N, H, W, C) or (N, C)."""

    def __init__(self, name: str, layer: Layer) -> None:
        self.name, self.layer = name, layer
        self.learns = bool(layer.params)

    def forward(self, x: Array, save: bool) -> Array:
        return self.layer.forward(x, save)

    def backward(self, dy: Array) -> Array:
        return self.layer.backward(dy)


class Enter:
    """From the layers' layout to the engine's: x (N, H, W, C) to a `FeatureMap`."""

    name, learns = "enter", False

    def __init__(self, conv: Conv2d) -> None:
        self.conv = conv

    def check(self, x: Images) -> None:
        check_channels(self.conv, x, self.conv.params["W"].shape[2])

    def forward(self, x: Images, save: bool) -> FeatureMap:
        self.check(x)
        N, H, W, C = self.shape = x.shape
        return FeatureMap(x.transpose(1, 2, 0, 3), (H, W, N, C))

    def backward(self, da: Array) -> Images:
        N, H, W, C = self.shape
        return da[:H, :W].reshape(H, W, N, C).transpose(2, 0, 1, 3)


class Leave:
    """Back to the layers' layout: a `FeatureMap` to its activations (N, H, W, C)."""

    name, learns = "leave", False

    def forward(self, x: AnyMap, save: bool) -> Images:
        H, W, N, C = x.shape
        a = np.empty((H, W, N * C), x.dtype)
        write(x, a)
        return np.ascontiguousarray(a.reshape(H, W, N, C).transpose(2, 0, 1, 3))

    def backward(self, dy: Images) -> Array:
        N, H, W, C = dy.shape
        return dy.transpose(1, 2, 0, 3).copy().reshape(H, W, N * C)  # the stage will overwrite it
