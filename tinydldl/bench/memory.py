"""The memory of a process and all its children, as counted by Linux."""

import re
import threading
from pathlib import Path

PROC = Path("/proc")


def held(pid: int) -> int | None:
    """Bytes of a process and its children (PSS: shared memory in proportion); None if unknown."""
    children: dict[int, list[int]] = {}
    for path in PROC.glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    total, family = 0, [pid]
    while family:
        member = family.pop()
        family += children.get(member, [])
        try:
            text = (PROC / str(member) / "smaps_rollup").read_text()
            found = re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE)
            total += 1024 * int(found[1]) if found else 0  # it has just ended
        except OSError:
            if member == pid:
                return None
    return total


class Peak(threading.Thread):
    """Watch the memory of a process until `stop()`, which returns the peak."""

    def __init__(self, pid: int, seconds: float = 0.02) -> None:
        super().__init__(daemon=True)
        self.pid, self.seconds, self.over = pid, seconds, threading.Event()
        self.most: int | None = None
        self.start()

    def run(self) -> None:
        while not self.over.wait(self.seconds):
            if (now := held(self.pid)) is not None:
                self.most = max(self.most or 0, now)

    def stop(self) -> int | None:
        """The peak in bytes, or None; ends the thread."""
        self.over.set()
        self.join()
        return self.most
