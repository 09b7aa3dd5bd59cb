"""Which machine is measured, and whether it is quiet. What Linux does not tell is left out."""

import platform
import re
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np

CPUINFO, CACHES = Path("/proc/cpuinfo"), Path("/sys/devices/system/cpu/cpu0/cache")
LOOP, TIMES = 200_000, 25  # of a fixed scalar loop: additions, and how often it is timed
NOISE = 1.1  # slower than this times the fastest, or fast only later: not quiet


def machine() -> str:
    """The processor and its caches, and the BLAS of NumPy with the kernel that it has chosen."""
    names = re.findall(r"model name\s*: (.*)", CPUINFO.read_text()) if CPUINFO.exists() else []
    cpu = names[0] if names else platform.processor() or platform.machine()
    sizes = [path.read_text().strip() for path in sorted(CACHES.glob("index*/size"))]
    if sizes:
        cpu += f", caches {' '.join(sizes)}"
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    text = f"{blas['name']} {blas['version']}"
    if find_spec("threadpoolctl"):
        from threadpoolctl import threadpool_info

        kernels = {info["architecture"] for info in threadpool_info() if "architecture" in info}
        text += f", kernel {', '.join(sorted(kernels))}"
    return f"{cpu}\nNumPy {version('numpy')}, {text}"


def pulse() -> list[float]:
    """Seconds of a fixed scalar loop, some times in a row."""
    seconds = []
    for _ in range(TIMES):
        begun, total = time.perf_counter(), 0
        for number in range(LOOP):
            total += number
        seconds.append(time.perf_counter() - begun)
    return seconds


def verdict(before: list[float], after: list[float]) -> str:
    """Whether the machine was quiet and its clock the same, by two pulses."""
    fastest, slowest = min(*before, *after), max(median(before), median(after))
    text = f"a fixed loop took {1000 * median(before):.1f} ms before, {1000 * median(after):.1f} "
    text += f"after, {1000 * fastest:.1f} at best: "
    return text + ("quiet" if slowest < NOISE * fastest else "NOT QUIET, do not trust these times")
