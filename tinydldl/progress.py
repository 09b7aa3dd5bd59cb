"""The progress of a command: a bar on a terminal, and a few lines in a log."""

import sys
import time
from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

EVERY = 30  # seconds from one line to the next


class Progress(tqdm):
    """Counts up to `total`, with `update` or by iterating over `things`.

    Without a terminal, what takes less than half a minute prints nothing.
    """

    desc = postfix = ""  # which tqdm does not set where it shows nothing

    def __init__(
        self, things: Any = None, doing: str = "", total: int = 0, *, unit: str, initial: int = 0
    ) -> None:
        showing = {"leave": False, "dynamic_ncols": True, "disable": None}
        super().__init__(things, doing, total, unit=f" {unit}", initial=initial, **showing)
        if self.disable:
            self.set_description(doing)
            self.words, self.initial = unit, initial
            self.begun = self.told = time.monotonic()

    def __iter__(self) -> Iterator[Any]:
        if not self.disable:
            yield from super().__iter__()
            return
        for thing in self.iterable:
            yield thing
            self.update()

    def update(self, count: int = 1) -> None:
        """Count `count` more as done."""
        if not self.disable:
            super().update(count)
            return
        self.n += count
        now = time.monotonic()
        if now - self.told >= EVERY:
            self.told = now
            left = (now - self.begun) * (self.total - self.n) / max(1, self.n - self.initial)
            line = f"{self.desc}{self.n} of {self.total} {self.words}"
            words = [line, f"{self.format_interval(left)} left", *filter(None, [self.postfix])]
            print(", ".join(words), file=sys.stderr, flush=True)
