"""The 3x3 convolution with padding 1 and its gradients, one block of tiles at a time.

    forward      V = B.T x B          M[p] = V[p] @ U[p]          y = A.T M A
    backward     V = B.T dy B         dU[p] += D[p].T @ V[p]      with D = A x A.T
                                      M[p] = V[p] @ U'[p]         dx = A.T M A

The backward pass is a forward pass: dx is dy, convolved with filters W' that are turned by 180
degrees and lead from OC to C channels. The gradient of the filters is that of this convolution, of
a loss whose gradient in its result is x. One transform of dy serves both.
"""

from collections.abc import Iterator

import numpy as np

from tinydldl.arrays import Array, Kernels
from tinydldl.fast import winograd
from tinydldl.fast.layout import Scratch, blocks
from tinydldl.fast.products import multiply, multiply_transposed
from tinydldl.fast.winograd import POINTS, A, B

Block = tuple[slice, slice]  # of rows and columns of pixels


def forward(x_pad: Array, W: Kernels, y: Array, scratch: Scratch) -> None:
    """Write y (whole tiles, N OC); x_pad (whole tiles and 2, N C) is from `Scratch.padded`."""
    for block, M in at_points(x_pad, winograd.filters_to_points(W, scratch), scratch):
        winograd.points_to_image(M, y[block], scratch)


def at_points(x_pad: Array, U: Array, scratch: Scratch) -> Iterator[tuple[Block, Array]]:
    """Yield `(block, M)`: rows and columns of a block of tiles, and its products at the points.

    U (36, C, OC): the filters at the points.
    """
    C, OC = U.shape[1:]
    height, width = (length - 2 for length in x_pad.shape[:2])
    N = x_pad.shape[2] // C
    for h0, h1, w0, w1 in blocks(height, width, N, max(C, OC)):
        V = winograd.image_to_points(B.T, x_pad[h0 : h1 + 2, w0 : w1 + 2], scratch, "V")
        M = scratch.take("M", (*V.shape[:4], N * OC), V.dtype)
        multiply(flat(V, C), U, out=flat(M, OC))
        yield np.s_[h0:h1, w0:w1], M


def backward(
    dy_pad: Array, x_pad: Array, W: Kernels, dx: Array | None, scratch: Scratch
) -> Kernels:
    """Return dW, in a buffer; write dx (whole tiles, N C) if it is there. The others are padded."""
    C, OC = W.shape[2:]
    U = winograd.filters_to_points(np.ascontiguousarray(turned(W).transpose(0, 1, 3, 2)), scratch)
    dU, part = (scratch.take(name, (POINTS**2, C, OC), W.dtype) for name in ("dU", "part of dU"))
    height, width = (length - 2 for length in x_pad.shape[:2])
    for h0, h1, w0, w1 in blocks(height, width, x_pad.shape[2] // C, max(C, OC)):
        first = h0 == w0 == 0
        V = winograd.image_to_points(B.T, dy_pad[h0 : h1 + 2, w0 : w1 + 2], scratch, "V")
        x = x_pad[h0 + 1 : h1 + 1, w0 + 1 : w1 + 1]
        D = winograd.image_to_points(A, x, scratch, "M")
        multiply_transposed(flat(D, C), flat(V, OC), out=dU if first else part)
        if not first:
            np.add(dU, part, out=dU)
        if dx is not None:
            M = scratch.take("M", (*V.shape[:4], x_pad.shape[2]), V.dtype)
            multiply(flat(V, OC), U, out=flat(M, C))
            winograd.points_to_image(M, dx[h0:h1, w0:w1], scratch)
    return turned(winograd.points_to_filters(dU, scratch))


def turned(W: Kernels) -> Kernels:
    """The filters turned by 180 degrees: a view."""
    return W[::-1, ::-1]


def flat(V: Array, channels: int) -> Array:
    """(6, 6, TH, TW, N C) as a stack of 36 matrices of (tiles, images) by channels."""
    return V.reshape(POINTS**2, -1, channels)
