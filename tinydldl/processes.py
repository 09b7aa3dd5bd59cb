"""Processes that work for this one, each with a pipe of its own.

A process ends when its pipe closes, and a pipe closes with its owner, however that ends: so none is
left behind, even if this process is killed. Nothing depends on `fork`, which some systems lack.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from math import prod
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.heap import Arena
from multiprocessing.reduction import ForkingPickler
from multiprocessing.util import Finalize
from queue import SimpleQueue
from tempfile import TemporaryFile, gettempdir
from types import ModuleType
from typing import Any

import numpy as np

from tinydldl.arrays import Array, DType, Shape
from tinydldl.errors import UserError
from tinydldl.machine import available_cores

CONTEXT = multiprocessing.get_context("spawn")
MEMORY_FOLDER = "/dev/shm"  # on Linux its files are in memory
AWAKE = 2e-4  # seconds that a process looks for a message before it sleeps
MOST, PER_CORE = 256, 4  # processes that a user may ask for, and that get work


def bounded(asked: int, jobs: int) -> int:
    """How many of the processes asked for get work: one per job, `PER_CORE` per core, at most."""
    return min(asked, max(1, jobs), PER_CORE * available_cores())


class Processes:
    """`count` processes of `target(pipe, index, *arguments)`, until `close` or the end of this.

    `arguments` are small. Python would wait forever to write more than a pipe holds, 64 kB, to a
    process that is killed while it starts: such things go through our own pipes.
    """

    def __init__(self, count: int, target: Callable[..., Any], *arguments: Any) -> None:
        self.pipes: list[Connection] = []
        self.processes: list[SpawnProcess] = []
        # with this object or the interpreter, before multiprocessing waits for its processes
        Finalize(self, _close, (self.pipes, self.processes), exitpriority=10)
        for index in range(count):
            ours, theirs = CONTEXT.Pipe()
            process = CONTEXT.Process(target=_run, args=(target, theirs, index, *arguments))
            self.pipes.append(ours)
            with _quietly():
                process.start()
            self.processes.append(process)
            theirs.close()

    def close(self) -> list[int | None]:
        """End all processes, and wait for them; returns their exit codes."""
        return _close(self.pipes, self.processes)


class Helpers:
    """`count` processes that compute `function` for as many threads: `helpers(*arguments)`.

    `nice`: how far they give way to other processes, 0 to 19. An exception in one is raised here.
    Raises UserError if one is lost.
    """

    def __init__(self, count: int, function: Callable[..., Any], nice: int = 0) -> None:
        self.processes = Processes(count, _serve, function, nice)
        self.free: SimpleQueue[Connection] = SimpleQueue()
        for pipe in self.processes.pipes:
            self.free.put(pipe)

    def __call__(self, *arguments: Any) -> Any:
        pipe = self.free.get()
        try:
            send(pipe, arguments)
            result = receive(pipe)
        except (EOFError, ConnectionError):
            raise UserError("a helper process was lost; was memory short?") from None
        finally:
            self.free.put(pipe)
        if isinstance(result, Exception):
            raise result
        return result


class SharedArray:
    """Zeros in memory that processes share; it has no name, so none leaks. Raises UserError."""

    def __init__(self, shape: Shape, dtype: DType) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.memory = _share(max(1, prod(shape) * self.dtype.itemsize))

    def array(self) -> Array:
        return np.frombuffer(self.memory.buffer, self.dtype, prod(self.shape)).reshape(self.shape)


def _share(size: int) -> Arena:
    """Memory for `size` bytes, allocated at once: a full disk would kill a process that writes.

    Raises UserError without room in memory and in the folder for temporary files.
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
    full = f"there is no room in {' nor in '.join(reasons)}"
    advice = "free some, set TMPDIR to another folder, or take --workers 1, which needs none"
    raise UserError(f"processes need {size / 1e6:.1f} MB to share, and {full}; {advice}")


def send(pipe: Connection, value: Any) -> None:
    """`pipe.send(value)` that leaves no view of a BytesIO in the traceback of a broken pipe.

    Collecting one crashes Python 3.12.1, and warns in others (CPython issues 111049 and 111331).
    """
    pipe.send_bytes(ForkingPickler.dumps(value).tobytes())


def receive(pipe: Connection) -> Any:
    """What `send` has sent; raises EOFError if that process has ended, or ends on the way."""
    return ForkingPickler.loads(receive_bytes(pipe))


def receive_bytes(pipe: Connection) -> bytes:
    """`pipe.recv_bytes()`, EOFError as in `receive`; awake at first: a core takes long to wake."""
    end = time.perf_counter() + AWAKE
    try:
        while time.perf_counter() < end and not pipe.poll():
            pass
        return pipe.recv_bytes()
    except ConnectionError:
        raise
    except OSError:
        raise EOFError from None


def _serve(pipe: Connection, _: int, function: Callable[..., Any], nice: int) -> None:
    if hasattr(os, "nice"):
        os.nice(nice)
    while True:
        arguments = receive(pipe)
        try:
            result = function(*arguments)
        except Exception as error:  # the owner raises it
            result = error
        send(pipe, result)


def _run(target: Callable[..., Any], pipe: Connection, *arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner, who closes the pipe
    with suppress(EOFError, ConnectionError):  # the owner is gone, or has closed it
        target(pipe, *arguments)


def _close(pipes: Sequence[Connection], processes: Sequence[SpawnProcess]) -> list[int | None]:
    for pipe in pipes:
        pipe.close()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


@contextmanager
def _quietly() -> Iterator[None]:
    """Within this block processes start deaf to Ctrl-C, and do not import the caller's script.

    They do not need it, and without `if __name__ == "__main__":` it would run twice. Not safe if
    another thread looks at `sys.modules["__main__"]` meanwhile.
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
