"""The processes that run on this machine, as Linux's /proc has them."""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """One that runs: not one that has ended and waits to be buried."""

    pid: int
    name: str
    parent: int
    group: int
    session: int


def running(**of):
    """All that run, or those of a `parent`, `group` or `session`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            pid, _, rest = path.read_text().partition(" (")
            name, _, fields = rest.rpartition(") ")
            state, *numbers = fields.split()[:4]
            if state not in "XZ":
                found.append(Process(int(pid), name, *map(int, numbers)))
    return [process for process in found if of.items() <= process._asdict().items()]
