"""The protocol of every layer, `Sequential`, which chains them, and the windows that slide."""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any, Self

import numpy as np

from tinydldl.arrays import Array, Arrays, DType, Images, Module, Pair, Shape
from tinydldl.backend import get_array_module, to_device


class Layer:
    """A function with parameters, and its derivative.

        y  = layer.forward(x)     # saves in the layer only what backward needs
        dx = layer.backward(dy)   # overwrites layer.grads[name][...]; does not change dy

    `params` and `grads` have the same keys; `buffers` are state that is not trained. A `d` before a
    name is the gradient of the loss in it, so `dx` is shaped as `x`. The dtype is that of x.
    """

    def __init__(self) -> None:
        self.params: Arrays = {}
        self.grads: Arrays = {}
        self.buffers: Arrays = {}
        self.training = True
        self._saved: tuple[Any, ...] | None = None

    def forward(self, x: Array, save: bool | None = None) -> Array:
        """Compute y from x. `save`: also save what backward needs (default: only in training)."""
        raise NotImplementedError

    def backward(self, dy: Array) -> Array:
        """Compute dx from dy, and on the way the gradient of each parameter."""
        raise NotImplementedError

    def add_param(self, name: str, value: Array) -> None:
        """Add a trainable array, and the array that holds its gradient."""
        self.params[name] = value
        self.grads[name] = np.zeros_like(value)

    def save_for_backward(self, save: bool | None, *values: Any) -> None:
        """Save `values` if `save` is True, or if it is None and the layer trains."""
        self._saved = values if self.saves(save) else None

    def saves(self, save: bool | None) -> bool:
        """Whether a forward pass with this `save` is one that backward may follow."""
        return self.training if save is None else save

    @property
    def saved(self) -> tuple[Any, ...]:
        """What forward saved for backward. Raises RuntimeError if it saved nothing."""
        if self._saved is None:
            advice = "call forward first, in training mode or with save=True"
            raise RuntimeError(f"{type(self).__name__}.backward: nothing was saved; {advice}")
        return self._saved

    def output_shape(self, shape: Shape) -> Shape:
        """The shape of y for an x of `shape`, both without the batch axis."""
        return shape

    def multiply_adds(self, shape: Shape) -> int:
        """Multiply-adds for one x of `shape`. Only products with weight matrices count."""
        return 0

    def train(self, training: bool = True) -> Self:
        """Switch training mode on or off; returns the layer."""
        self.training = training
        return self

    def eval(self) -> Self:
        """Switch to inference: nothing is saved, BatchNorm uses its running statistics."""
        return self.train(False)

    def to(self, xp: Module = np, dtype: DType = None) -> Self:
        """Move every array to the module `xp` (NumPy or CuPy) and cast it; returns the layer."""
        for arrays in (self.params, self.grads, self.buffers):
            for name, array in arrays.items():
                arrays[name] = to_device(array, xp).astype(dtype or array.dtype, copy=False)
        return self


Layers = dict[str, Layer]


class Sequential(Layer):
    """Named layers in a row: itself a layer, whose arrays are those of its parts, by `layer.name`.

        y = f_n(... f_2(f_1(x)))        dx = dy  through f_n, ..., f_2, f_1 backwards

    `layers`: a dict from name to layer, first to last.

    >>> from tinydldl.layers import Linear, ReLU
    >>> net = Sequential({"fc": Linear(3, 2, rng=np.random.default_rng(0)), "relu": ReLU()})
    >>> dy = np.ones_like(net.forward(np.ones((4, 3))))
    >>> net.backward(dy).shape, {name: dw.shape for name, dw in net.grads.items()}
    ((4, 3), {'fc.W': (3, 2), 'fc.b': (2,)})
    """

    def __init__(self, layers: Layers) -> None:
        self.layers, self.training, self._saved = dict(layers), True, None

    def forward(self, x: Array, save: bool | None = None) -> Array:
        for layer in self.layers.values():
            x = layer.forward(x, save)
        return x

    def backward(self, dy: Array) -> Array:
        for layer in reversed(self.layers.values()):
            dy = layer.backward(dy)
        return dy

    params = property(lambda self: self._gather("params"))
    grads = property(lambda self: self._gather("grads"))
    buffers = property(lambda self: self._gather("buffers"))

    def _gather(self, kind: str) -> Arrays:
        return {
            f"{layer_name}.{name}": array
            for layer_name, layer in self.layers.items()
            for name, array in getattr(layer, kind).items()
        }

    def trace(self, shape: Shape) -> Iterator[tuple[str, Layer, Shape, Shape]]:
        """Yield `(name, layer, input shape, output shape)` for each layer, first to last."""
        for name, layer in self.layers.items():
            out = layer.output_shape(shape)
            yield name, layer, shape, out
            shape = out

    def output_shape(self, shape: Shape) -> Shape:
        for layer in self.layers.values():
            shape = layer.output_shape(shape)
        return shape

    def multiply_adds(self, shape: Shape) -> int:
        return sum(layer.multiply_adds(x_shape) for _, layer, x_shape, _ in self.trace(shape))

    def train(self, training: bool = True) -> Self:
        self.training = training
        for layer in self.layers.values():
            layer.train(training)
        return self

    def to(self, xp: Module = np, dtype: DType = None) -> Self:
        for layer in self.layers.values():
            layer.to(xp, dtype)
        return self


class Windows:
    """A kernel that slides over images: what convolution and pooling share.

    At tap (i, j) of the kernel, output position (h, w) sees input position
    `(h * stride + i, w * stride + j)`. For all output positions at once that is one slice, a view.

    `kernel`, `stride`: an int, or a pair (vertical, horizontal). Raises ValueError below 1.
    """

    def __init__(self, kernel: int | Pair, stride: int | Pair) -> None:
        self.kernel, self.stride = pair(kernel), pair(stride)
        if min(self.kernel + self.stride) < 1:
            raise ValueError(f"kernel {kernel}, stride {stride}: expected numbers from 1 up")

    def taps(self) -> Iterable[Pair]:
        """The positions (i, j) of the kernel, row by row."""
        return product(range(self.kernel[0]), range(self.kernel[1]))

    def size(self, height: int, width: int) -> Pair:
        """The output size (OH, OW). Raises ValueError if the image is smaller than the kernel."""
        (KH, KW), (SH, SW) = self.kernel, self.stride
        if height < KH or width < KW:
            raise ValueError(f"an image of {height}x{width} is smaller than the kernel {KH}x{KW}")
        return (height - KH) // SH + 1, (width - KW) // SW + 1

    def all(self, x: Images) -> Array:
        """The windows of x (N, H, W, C): a view (N, OH, OW, KH, KW, C)."""
        (N, H, W, C), (n, h, w, c), (SH, SW) = x.shape, x.strides, self.stride
        shape, strides = (N, *self.size(H, W), *self.kernel, C), (n, SH * h, SW * w, h, w, c)
        return get_array_module(x).lib.stride_tricks.as_strided(x, shape, strides)

    def view(self, x: Images, tap: Pair) -> Images:
        """The slice of x (N, H, W, C) that `tap` sees: a view (N, OH, OW, C)."""
        (i, j), (SH, SW), (OH, OW) = tap, self.stride, self.size(*x.shape[1:3])
        return x[:, i : i + SH * (OH - 1) + 1 : SH, j : j + SW * (OW - 1) + 1 : SW]


def pair(value: int | Pair) -> Pair:
    """`(value, value)` for an int; a pair stays what it is. Raises ValueError below 0."""
    first, second = (value, value) if isinstance(value, int | np.integer) else value
    if first < 0 or second < 0:
        raise ValueError(f"expected one or two numbers from 0 up, got {value}")
    return int(first), int(second)


def check_channels(layer: Layer, x: Array, channels: int, ndim: int = 4) -> None:
    """Raise ValueError unless x is (N, H, W, C), or for ndim = 2 (N, C), with C = `channels`."""
    if x.ndim != ndim or x.shape[-1] != channels:
        expected = f"(N, H, W, {channels}), channels last" if ndim == 4 else f"(N, {channels})"
        raise ValueError(f"{type(layer).__name__}: expected x {expected}, got {tuple(x.shape)}")


def rows(x: Array) -> Array:
    """(N, H, W, C) as a matrix of positions by channels, (N H W, C)."""
    return x.reshape(-1, x.shape[-1])
