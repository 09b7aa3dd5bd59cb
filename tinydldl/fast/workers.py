"""One batch on several processes, each with some of its images and all of the parameters.

    process 0, the caller's            process 1                   process 2, ...
    images 0..n                        images n..                  ...
        | forward                          | forward                   |
        +---- gather: moments of z --------+---------------------------+   once a BatchNorm
    logits of all images  <--------------- logits
    loss, dlogits  ----------------------> dlogits
        | backward                         | backward                  |
        +---- gather: sums of dr ----------+---------------------------+   once a BatchNorm
    grads[0] + grads[1] + ...  <---------- grads[1]

Parameters, gradients and photos are in shared memory, all else goes through one pipe for each
process. Everything is added in the order of ranks, so the result does not depend on who is first.
A process whose pipe is closed ends; a pipe closes with its owner, however that ends. The memory has
no name in the file system, so nothing is left of it either.
"""

import multiprocessing
import signal
import sys
from contextlib import contextmanager, suppress
from math import prod
from types import ModuleType

import numpy as np

CONTEXT = multiprocessing.get_context("spawn")  # on every system, and beside threads


class Alone:
    """A group of one process."""

    rank = 0

    def gather(self, x):
        """What every process holds as x, stacked by rank: x, an array, to (processes, ...)."""
        return x[np.newaxis]


class Group:
    """The processes that share a batch, as one of them sees it. All of them call `gather` together.

    `pipes`: in process 0 those to all others, in the others the one to process 0. `size`: how many
    take part; it is set for each batch, since a small one does not have images for all.
    """

    def __init__(self, rank, pipes):
        self.rank, self.pipes, self.size = rank, pipes, len(pipes) + 1

    def gather(self, x):
        """What every process holds as x, stacked by rank: x, an array, to (processes, ...)."""
        if self.rank:
            self.pipes[0].send(x)
            return self.pipes[0].recv()
        others = self.pipes[: self.size - 1]
        every = np.stack([x, *(pipe.recv() for pipe in others)])
        for pipe in others:
            pipe.send(every)
        return every


class SharedArray:
    """Zeros that a process passes on to those that it starts: memory without a name cannot leak."""

    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.memory = CONTEXT.RawArray("b", max(1, prod(shape) * self.dtype.itemsize))

    def array(self):
        """The memory as a NumPy array."""
        return np.frombuffer(self.memory, self.dtype, prod(self.shape)).reshape(self.shape)


class Team:
    """`workers - 1` processes that run `target(group, *arguments)`, and the group with this one.

    They end when their pipe closes: with `close`, or when this process is gone.
    """

    def __init__(self, workers, target, *arguments):
        self.processes, pipes = [], []
        for rank in range(1, workers):
            ours, theirs = CONTEXT.Pipe()
            process = CONTEXT.Process(
                target=run, args=(target, Group(rank, [theirs]), *arguments), daemon=True
            )
            with without_main():
                process.start()
            theirs.close()
            pipes.append(ours)
            self.processes.append(process)
        self.group = Group(0, pipes)

    def close(self):
        """Let all processes end, and wait until they have. Returns their exit codes, by rank."""
        for pipe in self.group.pipes:
            pipe.close()
        for process in self.processes:
            process.join()
        return {rank: process.exitcode for rank, process in enumerate(self.processes, start=1)}


def run(target, group, *arguments):
    """What a worker process runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for process 0, which then closes pipes
    with suppress(EOFError, ConnectionError):  # process 0 is gone, or has closed the pipe
        target(group, *arguments)


@contextmanager
def without_main():
    """Within this block, processes start without importing the caller's script once more.

    They need nothing of it, and a script without `if __name__ == "__main__":` would run twice.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
