"""The engines: each is a function that makes the step of a case, `step()`.

The step returns the training loss, or the logits of inference, in NumPy: the engines must agree on
them before they are timed.
"""

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np

from tinydldl.arrays import Images
from tinydldl.bench.cases import LABELS, Case
from tinydldl.bench.pytorch import pytorch
from tinydldl.fast import FastNet
from tinydldl.layers import Conv2d, Sequential
from tinydldl.layers.conv import rows
from tinydldl.methods import DLDLv2
from tinydldl.optim import Adam

Step = Callable[[], Any]


def textbook(case: Case, workers: int) -> Step:
    """The layers with classical convolutions: im2col of the whole batch, one product, col2im."""
    model = case.model()
    for name, layer in model.layers.items():
        if isinstance(layer, Conv2d):
            model.layers[name] = TextbookConv2d.of(layer)
    return step_of(model, case)


def layers(case: Case, workers: int) -> Step:
    """The layers of tinydldl."""
    return step_of(case.model(), case)


def fast(case: Case, workers: int) -> Step:
    """The CPU engine of tinydldl."""
    return step_of(FastNet(case.model(), workers), case)


def step_of(model: Sequential, case: Case) -> Step:
    """The step of a network of our own."""
    x, y, sigma = case.photos()
    if not case.train:
        model.eval()
        return lambda: model.forward(x)
    method, optimizer = DLDLv2(LABELS), Adam(model.params, model.grads)
    p = method.target(y, sigma).astype(np.float32)

    def step() -> float:
        (loss, _, _), dlogits = method.loss(model.forward(x), p, y)
        model.backward(dlogits)
        optimizer.step()
        return float(loss)

    return step


class TextbookConv2d(Conv2d):
    """The convolution of textbooks: every window of the batch becomes a row of a matrix."""

    @classmethod
    def of(cls, conv: Conv2d) -> Self:
        """The same convolution with the same weights."""
        copy = cls.__new__(cls)
        copy.__dict__ = conv.__dict__
        return copy

    def forward(self, x: Images, save: bool | None = None) -> Images:
        W, x_pad = self.params["W"], self._pad(x)
        columns = np.stack([self.windows.view(x_pad, tap) for tap in self.windows.taps()], axis=3)
        y = columns.reshape(*columns.shape[:3], -1) @ W.reshape(-1, W.shape[3])
        if "b" in self.params:
            y += self.params["b"]
        self.save_for_backward(save, x_pad.shape, columns)
        return y

    def backward(self, dy: Images) -> Images:
        shape, columns = self.saved
        W = self.params["W"]
        matrix = columns.reshape(-1, W[..., 0].size)
        self.grads["W"][...] = (matrix.T @ rows(dy)).reshape(W.shape)
        if "b" in self.params:
            self.grads["b"][...] = rows(dy).sum(axis=0)
        dcolumns = (rows(dy) @ W.reshape(-1, W.shape[3]).T).reshape(columns.shape)
        dx_pad = np.zeros(shape, dy.dtype)
        for i, tap in enumerate(self.windows.taps()):
            view = self.windows.view(dx_pad, tap)
            view += dcolumns[:, :, :, i]
        return self._crop(dx_pad)


ENGINES: dict[str, Callable[[Case, int], Step]] = {
    "im2col": textbook,
    "layers": layers,
    "fast": fast,
    "torch": partial(pytorch, channels_last=False),
    "torch-channels-last": partial(pytorch, channels_last=True),
}
THREADED = ("im2col", "torch", "torch-channels-last")  # these share their work between threads


def installed() -> list[str]:
    """The names of the engines that are installed."""
    torch = importlib.util.find_spec("torch") is not None
    return [name for name in ENGINES if torch or not name.startswith("torch")]
