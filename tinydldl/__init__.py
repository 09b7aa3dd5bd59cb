"""DLDL-v2, age estimation by learning a label distribution and its expectation, from scratch."""

import os
import sys

# The matrix products of these networks are small: a second BLAS thread gains little, and beside the
# threads that prepare photos it costs a lot, because BLAS threads wait for each other by spinning.
# NumPy reads this when it is imported, so here it may be too late.
BLAS_HAS_ALL_CORES = "numpy" in sys.modules and "OPENBLAS_NUM_THREADS" not in os.environ
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
