"""DLDL-v2, age estimation by learning a label distribution and its expectation, from scratch."""

import os

# The matrix products of these networks are small: a second BLAS thread gains little, and beside the
# threads that prepare photos it costs a lot, because BLAS threads wait for each other by spinning.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
