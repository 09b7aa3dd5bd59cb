"""All engines in turn, each in a process of its own: a drifting machine affects all alike."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from multiprocessing.connection import Connection
from typing import Any, Self

import numpy as np

from tinydldl import processes, progress
from tinydldl.bench.cases import Case
from tinydldl.bench.engines import ENGINES
from tinydldl.bench.memory import Peak
from tinydldl.errors import UserError

SECONDS = 1.0  # of a measurement, at least: first its memory comes back into the caches
PAUSE = 0.2  # seconds before each: BLAS threads spin for a while after a product
MEMORY_STEPS = 3
TOLERANCE = 1e-3  # for the rounding of float32 in a loss or in logits, after a step of Adam
SGEMM = 2000  # side of the square matrices whose product measures BLAS


@dataclass
class Result:
    """The figures of an engine: seconds of a step, one per round, and bytes."""

    engine: str
    seconds: list = field(default_factory=list)
    memory: int | None = None


class Racer(processes.Processes):
    """The step `make(*arguments)` in an own process; `values`: what it returned the first times."""

    def __init__(self, name: str, threads: int, make: Callable[..., Any], *arguments: Any) -> None:
        self.name = name
        before = os.environ["OPENBLAS_NUM_THREADS"]
        os.environ["OPENBLAS_NUM_THREADS"] = str(threads)  # the process inherits it
        try:
            super().__init__(1, serve, make, *arguments)
        finally:
            os.environ["OPENBLAS_NUM_THREADS"] = before
        first, _ = self.ask(1)
        second, seconds = self.ask(1)
        self.values = first, second
        self.steps = max(1, ceil(SECONDS / seconds))

    @classmethod
    def of(cls, engine: str, case: Case, workers: int) -> Self:
        threads = workers if engine.startswith("torch") else 1
        return cls(engine, threads, ENGINES[engine], case, workers)

    def ask(self, steps: int) -> tuple[Any, float]:
        """The value of the last of `steps` steps, and the seconds per step."""
        (pipe,) = self.pipes
        try:
            processes.send(pipe, steps)
            return processes.receive(pipe)
        except (EOFError, ConnectionError):
            (code,) = self.close()
            raise UserError(f"{self.name} ended with exit code {code}") from None

    def peak(self) -> int | None:
        """The peak of its memory in a few steps, bytes."""
        watch = Peak(self.processes[0].pid or 0)
        self.ask(max(MEMORY_STEPS, self.steps))
        return watch.stop()


def serve(pipe: Connection, _: int, make: Callable[..., Any], *arguments: Any) -> None:
    """Run steps on request, in the process of a racer."""
    step = make(*arguments)
    while True:
        steps = processes.receive(pipe)
        begun = time.perf_counter()
        for _ in range(steps):
            value = step()
        processes.send(pipe, (value, (time.perf_counter() - begun) / steps))


def race(case: Case, engines: list[str], workers: int, rounds: int) -> tuple[list[Result], float]:
    """A `Result` per engine, and BLAS's FLOP/s meanwhile. Raises UserError if they disagree."""
    racers = [Racer.of(engine, case, workers) for engine in engines]
    check_agreement(case, racers)
    results = time_in_turn([*racers, Racer("sgemm", workers, multiply, SGEMM)], rounds, str(case))
    fastest = min(results.pop("sgemm").seconds)
    for engine, result in results.items():
        alone = Racer.of(engine, case, workers)  # no other process shares its libraries
        result.memory = alone.peak()
        alone.close()
    return list(results.values()), 2 * SGEMM**3 / fastest


def time_in_turn(racers: list[Racer], rounds: int, doing: str) -> dict[str, Result]:
    """`{name: Result}`; every other round is reversed, so that no one always follows the same."""
    results = {racer.name: Result(racer.name) for racer in racers}
    for number in progress.Progress(range(rounds), doing, rounds, unit="rounds"):
        for racer in racers[:: -1 if number % 2 else 1]:
            time.sleep(PAUSE)
            _, seconds = racer.ask(racer.steps)
            results[racer.name].seconds.append(seconds)
    for racer in racers:
        racer.close()
    return results


def check_agreement(case: object, racers: Sequence[Racer]) -> None:
    """Raise UserError unless all agree in their first two steps."""
    first = racers[0]  # its second loss depends on the first gradient: so backward is checked, too
    for racer in racers[1:]:
        for number, (a, b) in enumerate(zip(racer.values, first.values, strict=True), start=1):
            error = np.max(np.abs(np.subtract(a, b))) / np.max(np.abs(b))
            if not error < TOLERANCE:  # also fails for NaN
                found = f"relative difference {error:.1e} in step {number}"
                both = f"{racer.name} and {first.name}"
                raise UserError(f"{case}: {both} do not compute the same, {found}")


def multiply(side: int) -> Callable[[], Any]:
    """The step that measures the machine: a large product of float32 matrices."""
    x = np.ones((side, side), np.float32)
    out = np.empty_like(x)
    return lambda: np.matmul(x, x, out=out)[0, 0]  # all of it would take time in the pipe
