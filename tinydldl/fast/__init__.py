"""The CPU engine: the same networks, blocked, fused, and on several cores (lesson 12).

layout        how images lie in memory, and buffers that are reused
winograd      a 3x3 convolution with a quarter of the products
products      matrix products cut to the size that BLAS likes best
convolution   the three put together, a block of tiles at a time
pointwise     batch normalization, ReLU and pooling, fused
inference     normalization inside the filters, all else a block at a time
stages        a network as a row of stages, each some of its layers
workers       one batch on several processes
engine        `FastNet`, which is a `Sequential` from outside
choice        which engine computes a network
"""

from tinydldl.fast.engine import FastNet, covers
from tinydldl.machine import available_cores
