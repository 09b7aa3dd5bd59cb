"""Whether a machine is quiet: nothing else runs, and its clock stays the same."""

import timeit
from statistics import median

import numpy as np

LOOP, SIDE, TIMES = 200_000, 512, 25  # additions, a side of square matrices, and how often
NOISE = 1.1  # slower than this times the fastest, or fast only later: not quiet
Pulse = dict[str, list[float]]


def pulse() -> Pulse:
    """Seconds of a fixed scalar loop and of a fixed product of matrices, some times in a row."""
    loop = f"for number in range({LOOP}): total += number"
    square = np.ones((SIDE, SIDE), np.float32)
    return {
        "a fixed loop": timeit.repeat(loop, "total = 0", number=1, repeat=TIMES),
        "a product": timeit.repeat(lambda: square @ square, number=1, repeat=TIMES),
    }


def verdict(before: Pulse, after: Pulse) -> str:
    """Whether the machine was quiet, by two pulses."""
    texts, quiet = [], True
    for what, first in before.items():
        last = after[what]
        fastest, slowest = min(*first, *last), max(median(first), median(last))
        times = f"{1000 * median(first):.2f} ms before, {1000 * median(last):.2f} after"
        texts.append(f"{what} took {times}, {1000 * fastest:.2f} at best")
        quiet &= slowest < NOISE * fastest
    return "; ".join([*texts, "quiet" if quiet else "NOT QUIET, do not trust these times"])
