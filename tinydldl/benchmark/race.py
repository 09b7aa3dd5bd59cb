"""All engines in turn, each in a process of its own, so that a drifting machine hurts all alike."""

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from statistics import median

import numpy as np

from tinydldl.backend import UserError
from tinydldl.benchmark.engines import ENGINES, THREADED
from tinydldl.benchmark.memory import Peak
from tinydldl.processes import Processes

SECONDS = 0.3  # what a measurement should take at least
MEMORY_STEPS = 5
TOLERANCE = 1e-3  # of the first loss: what float32 rounding may do to it
SGEMM = 2000  # side of the square matrices whose product shows what BLAS can do


class BenchError(UserError):
    """An engine cannot be measured."""


@dataclass
class Result:
    """What is known of an engine in a case: seconds of a step, one for each round, and bytes."""

    engine: str
    seconds: list = field(default_factory=list)
    memory: int | None = None

    @property
    def median(self):
        return median(self.seconds)


class Racer:
    """An engine at a case, in a process of its own; it does nothing unless it is asked."""

    def __init__(self, engine, case, workers):
        self.engine = engine
        with blas_threads(workers if engine in THREADED else 1):
            self.process = Processes(1, serve, engine, case, workers)
        self.value, _ = self.ask(1)
        _, seconds = self.ask(1)
        self.steps = max(1, ceil(SECONDS / seconds))

    def ask(self, steps):
        """The number that the last of `steps` steps returns, and the seconds that one took."""
        (pipe,) = self.process.pipes
        try:
            pipe.send(steps)
            return pipe.recv()
        except (EOFError, ConnectionError):
            (code,) = self.process.close()
            raise BenchError(f"engine {self.engine} ended with exit code {code}") from None

    def peak(self):
        """The most bytes that it holds in some steps."""
        watch = Peak(self.process.processes[0].pid)
        self.ask(max(MEMORY_STEPS, self.steps))
        return watch.stop()


def serve(pipe, _, engine, case, workers):
    """What the process of an engine does."""
    step = ENGINES[engine](case, workers)
    while True:
        steps = pipe.recv()
        begun = time.perf_counter()
        for _ in range(steps):
            value = step()
        pipe.send((value, (time.perf_counter() - begun) / steps))


def race(case, engines, workers, rounds, advance):
    """A `Result` for each engine; `advance()` is called after each step of the way.

    Raises BenchError if the engines do not compute the same.
    """
    racers = []
    for engine in engines:
        racers.append(Racer(engine, case, workers))
        advance()
    check_agreement(case, racers)
    results = [Result(racer.engine) for racer in racers]
    for _ in range(rounds):
        for racer, result in zip(racers, results, strict=True):
            _, seconds = racer.ask(racer.steps)
            result.seconds.append(seconds)
            advance()
    for racer, result in zip(racers, results, strict=True):
        result.memory = racer.peak()
        racer.process.close()
        advance()
    return results


def check_agreement(case, racers):
    """Raise BenchError unless all engines got the same number in their first step."""
    expected = racers[0].value
    for racer in racers:
        if not np.isclose(racer.value, expected, rtol=TOLERANCE):
            raise BenchError(
                f"{case}: {racer.engine} computes {racer.value}, {racers[0].engine} {expected}"
            )


def sgemm_peak(workers):
    """FLOP/s of a large float32 product with as many BLAS threads: what the machine can do."""
    with blas_threads(workers):
        process = Processes(1, multiply)
    (pipe,) = process.pipes
    peak = 2 * SGEMM**3 / pipe.recv()
    process.close()
    return peak


def multiply(pipe, _):
    """Send the seconds of the fastest of some large products."""
    x = np.ones((SGEMM, SGEMM), np.float32)
    out, seconds = np.empty_like(x), []
    for _ in range(7):
        begun = time.perf_counter()
        np.matmul(x, x, out=out)
        seconds.append(time.perf_counter() - begun)
    pipe.send(min(seconds))


@contextmanager
def blas_threads(count):
    """Within this block processes start with so many BLAS threads."""
    before = os.environ["OPENBLAS_NUM_THREADS"]
    os.environ["OPENBLAS_NUM_THREADS"] = str(count)
    try:
        yield
    finally:
        os.environ["OPENBLAS_NUM_THREADS"] = before
