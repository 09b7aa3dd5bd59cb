"""A training is hit at a random moment: nothing is lost, and nothing is left behind.

Each case draws from its seed what hits it, whom and when: while it starts, draws faces, starts its
helpers, trains, writes, or ends. Afterwards `--resume` must give the same digits as a training that
nothing happened to.
"""

import os
import signal
import time
from contextlib import suppress

import numpy as np
import pytest
from faults.conftest import SMALL, session

MOMENTS = int(os.environ.get("TINYDLDL_FAULTS", 50))
pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs Linux's /proc")


def interrupt(process, rng):
    os.killpg(process.pid, signal.SIGINT)


def interrupt_twice(process, rng):
    interrupt(process, rng)
    time.sleep(rng.uniform(0, 0.3))
    interrupt(process, rng)


def stop_and_continue(process, rng):
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(rng.uniform(0, 0.5))
    os.killpg(process.pid, signal.SIGCONT)


def kill_a_helper(process, rng):
    """One that draws faces, prepares photos or computes; or none, where there is none."""
    helpers = [pid for pid, _ in session(process.pid) if pid != process.pid]
    if helpers:
        os.kill(int(rng.choice(helpers)), signal.SIGKILL)


# What hits it, and the exit codes that it may end with; 0 where it had ended already, or goes on.
HITS = [
    (lambda process, rng: process.kill(), {-signal.SIGKILL}),
    (lambda process, rng: process.terminate(), {-signal.SIGTERM, 143}),
    (interrupt, {130}),
    (interrupt_twice, {130}),
    (stop_and_continue, set()),
    (kill_a_helper, {2}),
]


@pytest.mark.parametrize("seed", range(MOMENTS))
def test_a_training_that_is_hit_goes_on_as_if_nothing_had_happened(seed, trial, whole):
    rng = np.random.default_rng(seed)
    (hit, codes), (seconds, result) = HITS[seed % len(HITS)], whole
    process = trial.start(*SMALL, "--name", "trial")
    time.sleep(rng.uniform(0, seconds))
    with suppress(ProcessLookupError):  # it was faster
        hit(process, rng)
    assert trial.ended(process) in codes | {0}, trial.errors()
    assert not trial.tracebacks()
    assert trial.finish() == result
