"""Other processes that work for this one; each is told what to do through a pipe of its own.

A process ends when its pipe closes, and a pipe closes with its owner, however that ends: so none is
left behind, even if this process is killed. Nothing depends on `fork`, which not every system has.
"""

import multiprocessing
import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from math import prod
from multiprocessing.heap import Arena
from multiprocessing.reduction import ForkingPickler
from multiprocessing.util import Finalize
from queue import SimpleQueue
from tempfile import TemporaryFile, gettempdir
from types import ModuleType

import numpy as np

from tinydldl.errors import UserError
from tinydldl.machine import available_cores

CONTEXT = multiprocessing.get_context("spawn")
MEMORY_FOLDER = "/dev/shm"  # files in there are memory, on Linux
MOST, A_CORE = 256, 4  # processes that a user may ask for, and those of them that a core gets


def bounded(asked, jobs):
    """How many of the processes that are asked for get work: one for each job, `A_CORE` a core."""
    return min(asked, max(1, jobs), A_CORE * available_cores())


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


class Helpers:
    """`count` processes that compute `function` for as many threads: `helpers(*arguments)`.

    `nice`: how far they stand back where others want the cores, 0 to 19. An exception in one is
    raised here; raises UserError if one is lost.
    """

    def __init__(self, count, function, nice=0):
        self.processes = Processes(count, _serve, function, nice)
        self.free = SimpleQueue()
        for pipe in self.processes.pipes:
            self.free.put(pipe)

    def __call__(self, *arguments):
        pipe = self.free.get()
        try:
            send(pipe, arguments)
            result = pipe.recv()
        except (EOFError, ConnectionError):
            raise UserError("a helper process was lost; was memory short?") from None
        finally:
            self.free.put(pipe)
        if isinstance(result, Exception):
            raise result
        return result


class SharedArray:
    """Zeros that are shared with the processes they are passed to; without a name, so none leak.

    Raises UserError where there is no room for them.
    """

    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.memory = _share(max(1, prod(shape) * self.dtype.itemsize))

    def array(self):
        """The memory as a NumPy array."""
        return np.frombuffer(self.memory.buffer, self.dtype, prod(self.shape)).reshape(self.shape)


def _share(size):
    """Memory for `size` bytes. It is taken here, or else a full disk would kill who writes there.

    Raises UserError if it is not to be had, in memory or in the folder of temporary files.
    """
    if not hasattr(os, "posix_fallocate"):
        return Arena(size)
    reasons = []
    for folder in (MEMORY_FOLDER, gettempdir()):
        try:
            with TemporaryFile(dir=folder) as file:
                os.posix_fallocate(file.fileno(), 0, size)
                arena = Arena(size, os.dup(file.fileno()))
        except OSError as error:
            reasons.append(f"{folder} ({error.strerror})")
        else:
            Finalize(arena, os.close, (arena.fd,))
            return arena
    raise UserError(
        f"processes need {size / 1e6:.1f} MB to share, and there is no room in "
        f"{' nor in '.join(reasons)}; free some, set TMPDIR to another folder, or take "
        "--workers 1, which needs none"
    )


def send(pipe, value):
    """`pipe.send(value)`, leaving no view of a BytesIO in the traceback of a broken pipe.

    Collecting such a view as garbage crashes Python 3.12.1, and warns in others (CPython issues
    111049 and 111331).
    """
    pipe.send_bytes(ForkingPickler.dumps(value).tobytes())


def _serve(pipe, _, function, nice):
    if hasattr(os, "nice"):
        os.nice(nice)
    while True:
        arguments = pipe.recv()
        try:
            result = function(*arguments)
        except Exception as error:  # the owner raises it
            result = error
        send(pipe, result)


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
