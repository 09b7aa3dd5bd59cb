"""`FastNet`: a `Sequential` that computes the same numbers faster, on a CPU."""

import warnings
from contextlib import contextmanager
from itertools import pairwise
from math import prod

import numpy as np

from tinydldl import BLAS_HAS_ALL_CORES
from tinydldl.errors import UserError
from tinydldl.fast.stages import ConvStage, LayerStage, Stages, flatten, make_stages
from tinydldl.fast.workers import Group
from tinydldl.layers import BatchNorm2d, Sequential
from tinydldl.processes import Processes, SharedArray, send


class FastNet(Sequential):
    """The network `model`, computed by the engine; its layers, and so its arrays, stay its own.

        net = FastNet(model, workers=2)
        logits = net.forward(x)        # the same numbers as model.forward(x), but for rounding
        net.backward(dlogits)          # the same net.grads; the gradient in the photos is left out

    What the engine does not cover is computed by the layers. `workers`: processes among which the
    images of a batch are divided. Where a network cannot be divided, `net.workers` is 1 and
    `net.why` says for what reason. From then on use `net`, not `model`, and make the optimizer
    after it: with several workers the parameters move to shared memory. Needs NumPy arrays. Raises
    ValueError for no workers, and UserError if a process is lost.
    """

    def __init__(self, model, workers=1):
        if workers < 1:
            raise ValueError(f"workers {workers}: expected 1 or more")
        if workers > 1 and BLAS_HAS_ALL_CORES:
            warnings.warn(
                "NumPy was imported before tinydldl, so its BLAS threads will be in the way of the "
                "worker processes; import tinydldl first, or set OPENBLAS_NUM_THREADS=1",
                stacklevel=2,
            )
        super().__init__(model.layers)
        self.training = model.training
        self._kept = None
        self.why = reason_to_stay_alone(self.layers) if workers > 1 else ""
        self.workers = 1 if self.why else workers
        self.others = None
        self._share()

    def forward(self, x, keep=None):
        if not len(x):
            return super().forward(x, keep)
        keep = self.training if keep is None else keep
        self.own.check(x)
        self.output_shape(x.shape[1:])  # raises where the images are too small for the network
        together = self._forward_together if self.workers > 1 else self.own.forward
        y = together(x, keep)
        self.keep(keep)
        return y

    def _forward_together(self, x, keep):
        self._start_for(x)
        self.shares = divide(len(x), self.workers)
        self.group.size = len(self.shares)
        theirs = slice(self.shares[0].stop, None)
        self.photos.array()[: x.size].reshape(x.shape)[theirs] = x[theirs]
        modes = [layer.training for _, layer in flatten(self.layers)]
        with self._together() as others:
            for pipe, share in zip(others, self.shares[1:], strict=True):
                send(pipe, ("forward", len(self.shares), x.shape, share, keep, modes))
            logits = self.own.forward(x[self.shares[0]], keep)
            return np.concatenate([logits, *(pipe.recv() for pipe in others)])

    def backward(self, dy):
        self.kept  # noqa: B018  raises if there is nothing to go back through
        (self._backward_together if self.workers > 1 else self.own.backward)(dy)

    def _backward_together(self, dy):
        with self._together() as others:
            for pipe, share in zip(others, self.shares[1:], strict=True):
                send(pipe, ("backward", dy[share]))
            self.own.backward(dy[self.shares[0]])
            grads = self.gradients.array()
            for rank, pipe in enumerate(others, start=1):
                pipe.recv()
                grads[0] += grads[rank]

    def to(self, xp=np, dtype=None):
        self.close()
        super().to(xp, dtype)
        self._share()
        return self

    def close(self):
        """End the worker processes; the next forward pass starts new ones."""
        if self.others:
            self.others.close()
            self._kept = None
        self.others = None

    def _share(self):
        """Make the stages; with several workers, move all arrays to shared memory first."""
        if self.workers > 1:
            arrays, grads = slots(self.layers, "params", "buffers"), slots(self.layers, "grads")
            dtype = next(iter(self.params.values())).dtype
            self.values = SharedArray((size_of(self.params) + size_of(self.buffers),), dtype)
            self.gradients = SharedArray((self.workers, size_of(self.grads)), dtype)
            bind(arrays, self.values.array(), copy=True)
            bind(grads, self.gradients.array()[0], copy=True)
        self.own = Stages(self.layers, Group())

    def _start_for(self, x):
        """Start the processes, unless they are there and have room for x."""
        if self.others and x.size <= prod(self.photos.shape) and x.dtype == self.photos.dtype:
            return
        self.close()
        self.photos = SharedArray((x.size,), x.dtype)
        shared = (self.values, self.gradients, self.photos)
        self.others = Processes(self.workers - 1, serve, self.layers, *shared)
        self.group = Group(0, self.others.pipes)
        self.own = Stages(self.layers, self.group)

    @contextmanager
    def _together(self):
        """The pipes to those who take part; whatever goes wrong, none is left waiting for us."""
        try:
            yield self.others.pipes[: len(self.shares) - 1]
        except (EOFError, ConnectionError):
            codes, self.others = self.others.close(), None
            raise UserError(f"a worker process was lost, exit codes {codes}") from None
        except BaseException:
            self.close()
            raise


def serve(pipe, index, layers, values, gradients, photos):
    """What a worker process does: its share of each pass, as process 0 tells it."""
    group = Group(index + 1, [pipe])
    bind(slots(layers, "params", "buffers"), values.array())
    bind(slots(layers, "grads"), gradients.array()[group.rank])
    stages = Stages(layers, group)
    while True:
        name, *details = pipe.recv()
        if name == "forward":
            group.size, shape, share, keep, modes = details
            for (_, layer), mode in zip(flatten(layers), modes, strict=True):
                layer.training = mode
            x = photos.array()[: prod(shape)].reshape(shape)
            send(pipe, stages.forward(x[share], keep))
        else:
            stages.backward(*details)
            send(pipe, "done")


def divide(count, workers):
    """Slices of 0..count, as equal as can be, for at most `workers`; none is empty.

    >>> divide(5, 3)
    [slice(0, 1, None), slice(1, 3, None), slice(3, 5, None)]
    """
    size = max(1, min(count, workers))
    return [slice(*pair) for pair in pairwise(count * i // size for i in range(size + 1))]


def size_of(arrays):
    """How many numbers a dict of arrays holds."""
    return sum(array.size for array in arrays.values())


def slots(layers, *kinds):
    """`(arrays, name)` for each array of these kinds, `params`, `grads` or `buffers`, in order."""
    for kind in kinds:
        for _, layer in flatten(layers):
            arrays = getattr(layer, kind)
            yield from ((arrays, name) for name in list(arrays))


def bind(slots, flat, copy=False):
    """Replace arrays by pieces of `flat`, one after the other; with `copy`, of the same content."""
    end = 0
    for arrays, name in slots:
        start, end = end, end + arrays[name].size
        piece = flat[start:end].reshape(arrays[name].shape)
        if copy:
            piece[...] = arrays[name]
        arrays[name] = piece


def reason_to_stay_alone(layers):
    """Why a batch cannot be divided among processes, in words; empty if it can."""
    for stage in make_stages(layers, None, None):
        if isinstance(stage, LayerStage) and isinstance(stage.layer, BatchNorm2d):
            return f"{stage.name} needs the whole batch, and is not of a form that the engine knows"
    for name, layer in flatten(layers):
        if type(layer).__module__ == "__main__":
            return f"{name} is of a class that other processes cannot import"
    if len({arrays[name].dtype for arrays, name in slots(layers, "params", "buffers")}) != 1:
        return "it has no arrays, or not all of one dtype"
    return ""


def covers(model):
    """Whether the engine computes at least a part of the network itself."""
    return any(isinstance(stage, ConvStage) for stage in make_stages(model.layers, None, None))
