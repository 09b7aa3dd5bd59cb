"""Names for signatures: what an array holds, its shape and its unit.

To Python they are all the same: an array of NumPy, or of CuPy where a function serves both.
"""

from types import ModuleType

import numpy as np
from numpy.typing import DTypeLike

Module = ModuleType  # the library of an array: numpy or cupy
DType = DTypeLike | None  # None: as it is
Rng = np.random.Generator

Array = np.ndarray  # of any shape
Scalar = np.ndarray  # (), such as the value of a loss
Arrays = dict[str, np.ndarray]  # by name, such as "conv1_1.W"
Shape = tuple[int, ...]
Pair = tuple[int, int]  # vertical, horizontal

Images = np.ndarray  # (N, H, W, C): photos and feature maps
Pixels = np.ndarray  # (h, w, 3): a photo, R, G and B in 0..255
Boxes = np.ndarray  # (N, 4): left, top, right, bottom, pixels
Map = np.ndarray  # (H, W): a number per position
Vectors = np.ndarray  # (N, C): one vector per photo
Outputs = np.ndarray  # (N, K): what the last layer gives, such as logits
Kernels = np.ndarray  # (KH, KW, C, OC): the weights of a convolution
PerChannel = np.ndarray  # (C,): one number per channel

Grid = np.ndarray  # (K,): the labels l, years
Ages = np.ndarray  # (N,): y, y_hat or sigma, years
Distributions = np.ndarray  # (N, K): p or p_hat, on the grid
