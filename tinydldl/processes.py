"""Other processes that work for this one; each is told what to do through a pipe of its own.

A process ends when its pipe closes, and a pipe closes with its owner, however that ends: so none is
left behind, even if this process is killed. Nothing depends on `fork`, which not every system has.
"""

import multiprocessing
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from math import prod
from multiprocessing.util import Finalize
from types import ModuleType

import numpy as np

CONTEXT = multiprocessing.get_context("spawn")


class Processes:
    """`count` processes that run `target(pipe, index, *arguments)`, and the `pipes` to them.

    They end with `close`, when this object is no longer used, or when this process is gone.
    """

    def __init__(self, count, target, *arguments):
        self.pipes, self.processes = [], []
        # when this object or the interpreter ends; before multiprocessing waits for its processes
        Finalize(self, _close, (self.pipes, self.processes), exitpriority=10)
        for index in range(count):
            ours, theirs = CONTEXT.Pipe()
            process = CONTEXT.Process(target=_run, args=(target, theirs, index, *arguments))
            self.pipes.append(ours)
            with _quietly():
                process.start()
            self.processes.append(process)
            theirs.close()

    def close(self):
        """Let all processes end, and wait until they have. Returns their exit codes."""
        return _close(self.pipes, self.processes)


class SharedArray:
    """Zeros that are shared with the processes they are passed to; without a name, so none leak."""

    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.memory = CONTEXT.RawArray("b", max(1, prod(shape) * self.dtype.itemsize))

    def array(self):
        """The memory as a NumPy array."""
        return np.frombuffer(self.memory, self.dtype, prod(self.shape)).reshape(self.shape)


def _run(target, pipe, *arguments):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner, who closes the pipe
    with suppress(EOFError, ConnectionError):  # the owner is gone, or has closed it
        target(pipe, *arguments)


def _close(pipes, processes):
    for pipe in pipes:
        pipe.close()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


@contextmanager
def _quietly():
    """Within this block, processes start deaf to Ctrl-C, and do not import the caller's script.

    They need nothing of it, and a script without `if __name__ == "__main__":` would run twice.
    """
    main, listens = sys.modules["__main__"], threading.current_thread() is threading.main_thread()
    sys.modules["__main__"] = ModuleType("__main__")
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if listens else None
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        if listens:
            signal.signal(signal.SIGINT, handler or signal.SIG_DFL)
