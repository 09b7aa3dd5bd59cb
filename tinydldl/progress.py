"""The progress of a command: a bar on a terminal, and a few lines in a log."""

import sys
from typing import Any

from tqdm import tqdm

EVERY = 30  # seconds from one line to the next
LINE = "{desc}{n} of {total}{unit}, {remaining} left{postfix}"


class Log:
    """Standard error for tqdm, which writes one bar over the other: a line of each."""

    def write(self, text: str) -> None:
        if line := text.strip():
            print(line, file=sys.stderr, flush=True)

    def flush(self) -> None:
        pass


class Progress(tqdm):
    """Counts up to `total`, with `update` or by iterating over `things`; `shown`: for all."""

    shown = True

    def __init__(
        self, things: Any = None, doing: str = "", total: int = 0, *, unit: str, initial: int = 0
    ) -> None:
        how: dict[str, Any] = {"dynamic_ncols": True, "disable": not self.shown}
        if not sys.stderr.isatty():
            how |= {"file": Log(), "bar_format": LINE, "position": 0, "smoothing": 0}
            how |= {"mininterval": EVERY, "delay": EVERY, "miniters": 1}  # less prints nothing
        super().__init__(things, None, total, False, unit=f" {unit}", initial=initial, **how)
        self.set_description(doing)

    def set_description(self, desc: str | None = None, refresh: bool = False) -> None:
        super().set_description(desc, refresh)  # to refresh would write a line into a log
