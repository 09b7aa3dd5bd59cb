"""`FastNet`: a `Sequential` that computes the same numbers faster, on a CPU."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from math import prod
from multiprocessing.connection import Connection
from typing import Self

import numpy as np

from tinydldl import BLAS_HAS_ALL_CORES
from tinydldl.arrays import Array, Arrays, DType, Images, Module
from tinydldl.errors import UserError
from tinydldl.fast.stages import Stages, flatten, plan
from tinydldl.fast.workers import ProcessGroup
from tinydldl.layers import BatchNorm2d, Dropout, Layers, Sequential
from tinydldl.processes import Processes, SharedArray, receive, send

Slot = tuple[Arrays, str]  # a dict of arrays, and a name in it


class FastNet(Sequential):
    """The network `model`, computed by the engine; its layers and their arrays stay in place.

        net = FastNet(model, workers=2)
        logits = net.forward(x)        # the same numbers as model.forward(x), but for rounding
        net.backward(dlogits)          # the same net.grads; that of the photos is left out

    What the engine does not cover is computed by the layers. `workers`: processes that share the
    images of a batch. If a network does not allow that, `net.workers` is 1 and `net.why` says why.
    From then on use `net`, not `model`, and make the optimizer after it: with several workers the
    parameters move to shared memory. Needs NumPy arrays. Raises ValueError for no workers, and
    UserError if a process is lost.

    >>> from tinydldl.models import AgeNet
    >>> model = AgeNet("tiny", outputs=101, side=32, rng=np.random.default_rng(0))
    >>> photos = np.random.default_rng(1).standard_normal((2, 32, 32, 3), dtype=np.float32)
    >>> np.allclose(FastNet(model).forward(photos), model.forward(photos), atol=1e-4)
    True
    """

    def __init__(self, model: Sequential, workers: int = 1) -> None:
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
        self.why = why_not_parallel(self.layers) if workers > 1 else ""
        self.workers = 1 if self.why else workers
        self.processes: Processes | None = None  # from the first forward pass on
        self.shared: dict[str, SharedArray] = {}  # what all processes see
        self.group = ProcessGroup()
        self.own = Stages(self.layers, self.group)  # what this process computes
        self._share()

    def forward(self, x: Images, save: bool | None = None) -> Array:
        if not len(x):
            return super().forward(x, save)
        save = self.saves(save)
        self.own.check(x)
        self.output_shape(x.shape[1:])  # raises where the images are too small for the network
        shares = divide(len(x), self.workers)
        if self.workers > 1:
            self._start_for(x)
            theirs = slice(shares[0].stop, None)
            self.shared["photos"].array()[: x.size].reshape(x.shape)[theirs] = x[theirs]
        self.group.size = len(shares)
        modes = [layer.training for _, layer in flatten(self.layers)]
        with self._together() as others:
            for pipe, share in zip(others, shares[1:], strict=True):
                send(pipe, ("forward", len(shares), x.shape, share, save, modes))
            y = self.own.forward(x[shares[0]], save)
            y = np.concatenate([y, *(receive(pipe) for pipe in others)]) if others else y
        self.save_for_backward(save, shares)
        return y

    def backward(self, dy: Array) -> None:  # type: ignore[override]
        (shares,) = self.saved
        with self._together() as others:
            for pipe, share in zip(others, shares[1:], strict=True):
                send(pipe, ("backward", dy[share]))
            self.own.backward(dy[shares[0]])
            for rank, pipe in enumerate(others, start=1):
                receive(pipe)
                grads = self.shared["gradients"].array()
                grads[0] += grads[rank]

    def to(self, xp: Module = np, dtype: DType = None) -> Self:
        self.close()
        super().to(xp, dtype)
        self._share()
        return self

    def close(self) -> list[int | None]:
        """End the worker processes, which the next forward pass starts anew; returns exit codes."""
        if self.processes is None:
            return []
        codes, self.processes, self._saved = self.processes.close(), None, None
        return codes

    def _share(self) -> None:
        """Move all arrays to shared memory if there are several workers."""
        if self.workers == 1:
            return
        arrays, grads = slots(self.layers, "params", "buffers"), slots(self.layers, "grads")
        dtype = next(iter(self.params.values())).dtype
        counts = [sum(map(np.size, a.values())) for a in (self.params, self.buffers)]
        values = SharedArray((sum(counts),), dtype)
        gradients = SharedArray((self.workers, counts[0]), dtype)
        self.shared = {"values": values, "gradients": gradients}
        bind(arrays, values.array(), copy=True)
        bind(grads, gradients.array()[0], copy=True)

    def _start_for(self, x: Images) -> None:
        """Start the processes, unless they are there and have room for x."""
        photos = self.shared.get("photos")
        if self.processes and photos and x.size <= prod(photos.shape) and x.dtype == photos.dtype:
            return
        self.close()
        self.shared["photos"] = SharedArray((x.size,), x.dtype)
        self.processes = Processes(self.workers - 1, serve, self.shared)
        self.group = ProcessGroup(0, self.processes.pipes)
        self.own = Stages(self.layers, self.group)
        with self._together() as others:
            for pipe in others:
                send(pipe, self.layers)

    @contextmanager
    def _together(self) -> Iterator[Sequence[Connection]]:
        """The pipes to those that take part; whatever goes wrong, none is left waiting."""
        try:
            yield self.group.others()
        except (EOFError, ConnectionError):
            raise UserError(f"a worker process was lost, exit codes {self.close()}") from None
        except BaseException:
            self.close()
            raise


def serve(pipe: Connection, index: int, shared: dict[str, SharedArray]) -> None:
    """The main loop of a worker process: its share of each pass, as process 0 asks for it."""
    group, layers = ProcessGroup(index + 1, [pipe]), receive(pipe)
    bind(slots(layers, "params", "buffers"), shared["values"].array())
    bind(slots(layers, "grads"), shared["gradients"].array()[group.rank])
    stages = Stages(layers, group)
    while True:
        name, *details = receive(pipe)
        if name == "forward":
            group.size, shape, share, save, modes = details
            for (_, layer), mode in zip(flatten(layers), modes, strict=True):
                layer.training = mode
            x = shared["photos"].array()[: prod(shape)].reshape(shape)
            send(pipe, stages.forward(x[share], save))
        else:
            stages.backward(*details)
            send(pipe, "done")


def divide(count: int, workers: int) -> list[slice]:
    """Slices of 0..count, as equal as can be, for at most `workers`; none is empty.

    >>> divide(5, 3)
    [slice(0, 1, None), slice(1, 3, None), slice(3, 5, None)]
    """
    size = max(1, min(count, workers))
    return [slice(*pair) for pair in pairwise(count * i // size for i in range(size + 1))]


def slots(layers: Layers, *kinds: str) -> Iterator[Slot]:
    """`(arrays, name)` for each array of these kinds, `params`, `grads` or `buffers`, in order."""
    for kind in kinds:
        for _, layer in flatten(layers):
            arrays = getattr(layer, kind)
            yield from ((arrays, name) for name in list(arrays))


def bind(slots: Iterable[Slot], flat: Array, copy: bool = False) -> None:
    """Replace arrays by consecutive pieces of `flat`; with `copy`, of the same content."""
    end = 0
    for arrays, name in slots:
        start, end = end, end + arrays[name].size
        piece = flat[start:end].reshape(arrays[name].shape)
        if copy:
            piece[...] = arrays[name]
        arrays[name] = piece


def why_not_parallel(layers: Layers) -> str:
    """Why a batch cannot be shared by processes, for people to read; empty if it can."""
    for name, (layer, *_), fused in plan(layers):
        if isinstance(layer, BatchNorm2d) and not fused:
            return f"{name} needs the whole batch, and is not of a form that the engine knows"
    for name, layer in flatten(layers):
        if isinstance(layer, Dropout):
            return f"{name} draws at random, and each process would draw the same"
        if type(layer).__module__ == "__main__":
            return f"{name} is of a class that other processes cannot import"
    if len({arrays[name].dtype for arrays, name in slots(layers, "params", "buffers")}) != 1:
        return "it has no arrays, or not all of one dtype"
    return ""


def covers(model: Sequential) -> bool:
    """Whether the engine computes any part of the network itself."""
    return any(fused for _, _, fused in plan(model.layers))
