"""The race: processes of their own, in turn, and none timed on a wrong result."""

import os
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from tinydldl.bench import race
from tinydldl.bench.cases import Case
from tinydldl.bench.race import Racer, Result, check_agreement
from tinydldl.errors import UserError

CASE = Case("tiny", 32, 2, True)


class Still:
    """A racer without a process, which logs what happens to it."""

    steps, values, log = 1, (1.0, 1.0), None

    def __init__(self, name, *_):
        self.name = name
        self.log.append(f"start {name}")

    @classmethod
    def of(cls, engine, case, workers):
        return cls(engine)

    def ask(self, steps):
        return 1.0, 0.5

    def peak(self):
        self.log.append(f"peak {self.name}")
        return 100

    def close(self):
        self.log.append(f"close {self.name}")


def test_a_race(monkeypatch):
    """All start before one is timed; the memory of each is that of a new one, alone."""
    monkeypatch.setattr(race, "PAUSE", 0)
    monkeypatch.setattr(race, "Racer", Still)
    monkeypatch.setattr(Still, "log", [])
    results, peak = race.race(CASE, ["a", "b"], 2, 4)
    assert results == [Result("a", [0.5] * 4, 100), Result("b", [0.5] * 4, 100)]
    assert peak == 2 * race.SGEMM**3 / 0.5
    together, alone = Still.log[:6], Still.log[6:]
    assert together == [f"{what} {n}" for what in ("start", "close") for n in ("a", "b", "sgemm")]
    assert alone == [f"{what} {n}" for n in ("a", "b") for what in ("start", "peak", "close")]


def racer(name, first, second):
    return SimpleNamespace(name=name, values=(first, second))


def test_small_differences_are_rounding():
    check_agreement(CASE, [racer("a", 2.0, 1.0), racer("b", 2.0001, 0.9995)])
    logits = np.array([[1e4, -5e4, 1e-9]])
    close = logits + np.array([[1, -1, 1]])  # relative to the largest, not to each
    check_agreement(CASE, [racer("a", logits, logits), racer("b", close, close)])


@pytest.mark.parametrize(
    ("first", "second", "number"),
    [(2.1, 1.0, 1), (2.0, 1.01, 2), (np.nan, 1.0, 1), (np.inf, 1.0, 1)],
)
def test_other_differences_are_errors(first, second, number):
    others = [racer("a", 2.0, 1.0), racer("right", 2.0, 1.0), racer("wrong", first, second)]
    with pytest.raises(UserError, match=rf"tiny-32-2-train: wrong and a .* in step {number}"):
        check_agreement(CASE, others)


def test_logits_of_another_order_are_an_error(rng):
    logits = rng.standard_normal((4, 5))
    with pytest.raises(UserError, match="wrong"):
        check_agreement(CASE, [racer("a", logits, logits), racer("wrong", logits[::-1], logits)])


def test_rounds_go_there_and_back(monkeypatch):
    monkeypatch.setattr(race, "PAUSE", 0)
    asked, closed = [], []

    def ask(name, steps):
        asked.append((name, steps))
        return None, float(len(asked))

    racers = [
        SimpleNamespace(name=n, steps=ord(n), ask=partial(ask, n), close=partial(closed.append, n))
        for n in "abc"
    ]
    results = race.time_in_turn(racers, 3, "a race")
    assert "".join(name for name, _ in asked) == "abccbaabc"
    assert all(steps == ord(name) for name, steps in asked)
    assert results == {
        "a": Result("a", [1.0, 6.0, 7.0]),
        "b": Result("b", [2.0, 5.0, 8.0]),
        "c": Result("c", [3.0, 4.0, 9.0]),
    }
    assert closed == ["a", "b", "c"]


def test_a_racer_has_threads_of_its_own_and_enough_steps():
    """Its step is `os.getenv(...)`, in its process."""
    before = os.environ["OPENBLAS_NUM_THREADS"]
    racer = Racer("threads", 7, partial, os.getenv, "OPENBLAS_NUM_THREADS")
    assert racer.values == ("7", "7")
    assert os.environ["OPENBLAS_NUM_THREADS"] == before
    assert racer.steps > 100  # a step takes a few microseconds
    value, seconds = racer.ask(3)
    assert (value, seconds > 0) == ("7", True)
    (process,) = racer.processes
    racer.close()
    assert process.exitcode == 0


def test_an_engine_that_ends_is_an_error():
    with pytest.raises(UserError, match="broken ended with exit code 7"):
        Racer("broken", 1, os._exit, 7)
    racer = Racer("threads", 1, partial, os.getpid)
    racer.processes[0].kill()
    with pytest.raises(UserError, match="threads ended with exit code"):
        racer.ask(1)
