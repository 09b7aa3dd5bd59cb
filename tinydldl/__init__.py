"""DLDL-v2, age estimation by learning a label distribution and its expectation, from scratch."""

import atexit
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinydldl.estimator import AgeEstimator

# The matrix products of these networks are small: a second BLAS thread gains little, and beside the
# threads that prepare photos it costs a lot, because BLAS threads wait for each other by spinning.
# NumPy reads this when it is imported, so here it may be too late.
BLAS_HAS_ALL_CORES = "numpy" in sys.modules and "OPENBLAS_NUM_THREADS" not in os.environ
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`tinydldl.AgeEstimator`, imported when it is asked for: commands do not need it."""
    if name == "AgeEstimator":
        from tinydldl.estimator import AgeEstimator

        return AgeEstimator
    raise AttributeError(f"module 'tinydldl' has no attribute {name!r}")


farewell = "stopped"  # a run that can be resumed has more to say


def leave(signum: int, frame: FrameType | None) -> None:
    """End at once: what Ctrl-C does to a command while it is imported, and once it is ending."""
    with suppress(OSError):
        os.write(2, os.fsencode(f"{farewell}\n"))
    os._exit(130)


# Python looks for `python -m tinydldl.train` in here first, and then imports for a second.
IS_COMMAND = sys.argv[:1] == ["-m"] and any(w.split(".")[0] == "tinydldl" for w in sys.orig_argv)
IS_COMMAND |= os.path.basename(sys.argv[0]).split(".")[0] == "tinydldl"  # or the console script
if IS_COMMAND:
    os.environ.pop("MPLBACKEND", None)  # a notebook's may not be here, and no window is ever opened
if IS_COMMAND and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, leave)
    # Python hands its signals back before it has ended; Ctrl-C would then change the exit code.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
