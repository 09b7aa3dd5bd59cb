"""Whether a machine is quiet."""

import timeit
from statistics import median

LOOP, TIMES = 200_000, 25  # of a fixed scalar loop: additions, and how often it is timed
NOISE = 1.1  # slower than this times the fastest, or fast only later: not quiet


def pulse() -> list[float]:
    """Seconds of a fixed scalar loop, some times in a row."""
    loop = f"for number in range({LOOP}): total += number"
    return timeit.repeat(loop, "total = 0", number=1, repeat=TIMES)


def verdict(before: list[float], after: list[float]) -> str:
    """Whether the machine was quiet and its clock the same, by two pulses."""
    fastest, slowest = min(*before, *after), max(median(before), median(after))
    text = f"a fixed loop took {1000 * median(before):.1f} ms before, {1000 * median(after):.1f} "
    text += f"after, {1000 * fastest:.1f} at best: "
    return text + ("quiet" if slowest < NOISE * fastest else "NOT QUIET, do not trust these times")
