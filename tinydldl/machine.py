"""What this process may use of the machine: all of it, or what its container leaves (Linux).

A container is a control group, a folder with a file for each limit. Groups lie within each other,
and each limits all that is in it. Version 1 has a tree for each kind of limit, version 2 one.
"""

import math
import os
import platform
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

CPUINFO, CACHES = Path("/proc/cpuinfo"), Path("/sys/devices/system/cpu/cpu0/cache")
GROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def available_cores() -> int:
    """How many cores this process may use, 1 or more.

    A quota of 2.5 cores counts as 2: the rest is for the processes that prepare photos. A process
    too many is worse than one too few, since each batch waits for the last of them.
    """
    cores: float = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    for folder in _groups("cpu"):
        quota = _numbers(folder, "cpu.max", "cpu.cfs_quota_us")[:1]
        period = _numbers(folder, "cpu.max", "cpu.cfs_period_us")[-1:]
        if quota and period and quota[0] > 0:  # -1 in version 1: no limit
            cores = min(cores, quota[0] / period[0])
    return max(1, math.floor(cores))


def memory() -> float:
    """How many bytes of memory this process may use; infinity where it is unknown."""
    limits = [math.inf]
    if hasattr(os, "sysconf"):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for folder in _groups("memory"):
        limits += _numbers(folder, "memory.max", "memory.limit_in_bytes")
    return min(limits)


def description() -> str:
    """The processor and its caches, and the BLAS of NumPy with the kernel that it has chosen."""
    names = re.findall(r"model name\s*: (.*)", CPUINFO.read_text()) if CPUINFO.exists() else []
    cpu = names[0] if names else platform.processor() or platform.machine()
    sizes = [path.read_text().strip() for path in sorted(CACHES.glob("index*/size"))]
    cpu += f", caches {' '.join(sizes)}" * bool(sizes)
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    text = f"{blas['name']} {blas['version']}"
    if find_spec("threadpoolctl"):
        from threadpoolctl import threadpool_info

        kernels = {info["architecture"] for info in threadpool_info() if "architecture" in info}
        text += f", kernel {', '.join(sorted(kernels))}"
    return f"{cpu}\nNumPy {np.__version__}, {text}"


def _groups(kind: str) -> Iterator[Path]:
    """The folders of the control groups that limit `kind` for this process, the innermost first."""
    lines = OWN_GROUPS.read_text().splitlines() if OWN_GROUPS.exists() else []
    for _, kinds, path in (line.split(":", 2) for line in lines):
        if kinds and kind not in kinds.split(","):
            continue
        root = GROUPS / kind if kinds else GROUPS
        # in a container the path may be the one outside, while only the root exists
        folder = root / path.strip("/")
        yield from (inner for inner in (folder, *folder.parents) if inner.is_relative_to(root))


def _numbers(folder: Path, *names: str) -> list[float]:
    """The numbers in the first of these files that exists, `max` as infinity; [] without one."""
    there = [folder / name for name in names if (folder / name).is_file()]
    words = there[0].read_text().split() if there else []
    return [math.inf if word == "max" else float(word) for word in words]
