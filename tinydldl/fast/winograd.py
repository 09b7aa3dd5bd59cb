"""Winograd's minimal filtering F(4x4, 3x3): 36 products where the formula has 144 (lesson 12).

One row first. Four outputs of a 3-tap filter g need six inputs d:

    y_0 = d_0 g_0 + d_1 g_1 + d_2 g_2
      ...                                 4 x 3 = 12 products
    y_3 = d_3 g_0 + d_4 g_1 + d_5 g_2

Filtering multiplies polynomials, and a polynomial may be given by its values at some points instead
of its coefficients; then a product costs one multiplication per point. Here they are 0, 1, -1, 2,
-2 and infinity. G and B.T go to the values, A.T comes back:

    y = A.T [(G g) * (B.T d)]             6 products

In two dimensions do so along both axes, `Y = A.T [(G g G.T) * (B.T d B)] A`. The sum over channels
can be taken between the two transforms, so it becomes 36 matrix products, one for each pair of
points. All transforms are matrix products, too: one short matrix times long rows of the images.
Tiles of 2x2 need more products (16 for 4 outputs), those of 6x6 lose more digits: see lesson 12.
Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016.

>>> d, g = np.array([3, 1, 4, 1, 5, 9.0]), np.array([2, 7, 1.0])
>>> np.allclose(A.T @ ((G @ g) * (B.T @ d)), [d[i : i + 3] @ g for i in range(4)])
True
>>> rng = np.random.default_rng(0)
>>> d, g = rng.random((6, 6)), rng.random((3, 3))
>>> Y = A.T @ ((G @ g @ G.T) * (B.T @ d @ B)) @ A
>>> np.allclose(Y, [[(d[i : i + 3, j : j + 3] * g).sum() for j in range(4)] for i in range(4)])
True
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tinydldl.arrays import Array, Kernels
from tinydldl.fast.layout import POINTS, TILE, Scratch

B = np.array(
    [
        [4, 0, 0, 0, 0, 0],
        [0, -4, 4, -2, 2, 4],
        [-5, -4, -4, -1, -1, 0],
        [0, 1, -1, 2, -2, -5],
        [1, 1, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]
)
POWERS = np.vander([0, 1, -1, 2, -2], TILE, increasing=True)  # of the points, from 0 up
A = np.vstack([POWERS, [0, 0, 0, 1]])
# divided by the product of each point's differences from the others
G = np.vstack([POWERS[:, :3] / np.array([[4], [-6], [-6], [24], [24]]), [0, 0, 1]])
GG = np.kron(G, G)  # along both axes at once: G g G.T, with g and the result as vectors


def filters_to_points(W: Kernels, scratch: Scratch) -> Array:
    """`U = G g G.T` for every filter g: W (3, 3, C, OC) to U (36, C, OC), in a scratch buffer."""
    _, _, C, OC = W.shape
    U = scratch.take("U", (POINTS**2, C, OC), W.dtype)
    np.matmul(GG.astype(W.dtype), by_channel(W.reshape(9, C, OC)), out=by_channel(U))
    return U


def points_to_filters(dU: Array, scratch: Scratch) -> Kernels:
    """The gradient of the filters, `dg = G.T dU G`: dU (36, C, OC) to dW (3, 3, C, OC)."""
    _, C, OC = dU.shape
    dW = scratch.take("dg", (9, C, OC), dU.dtype)
    np.matmul(GG.T.astype(dU.dtype), by_channel(dU), out=by_channel(dW))
    return dW.reshape(3, 3, C, OC)


def by_channel(x: Array) -> Array:
    """(points, C, OC) as a view (C, points, OC): a stack of small products is the fastest."""
    return x.transpose(1, 0, 2)


def image_to_points(T: Array, x: Array, scratch: Scratch, name: str) -> Array:
    """`V = T d T.T` for every tile d of an image, tiles 4 pixels apart.

    x (H, W, NC), the images side by side in the last axis; T (6, 6), `B.T`, for tiles of 6x6 pixels
    that overlap by two, or (6, 4), `A`, for tiles of 4x4. Returns V (6, 6, TH, TW, NC) for TH x TW
    tiles, in the scratch buffer `name`.
    """
    T, size = T.astype(x.dtype), T.shape[1]
    _, W, NC = x.shape
    down = windows(x, 0, size)
    TH = len(down)
    half = scratch.take("half", (TH, POINTS, W, NC), x.dtype)
    np.matmul(T, down.reshape(TH, size, -1), out=half.reshape(TH, POINTS, -1))
    across = windows(half, 2, size)
    V = scratch.take(name, (POINTS, POINTS, TH, across.shape[2], NC), x.dtype)
    np.matmul(T, across, out=by_tile(V))
    return V


def points_to_image(M: Array, y: Array, scratch: Scratch) -> None:
    """`Y = A.T M A` for every tile: M (6, 6, TH, TW, NC), written to y (4 TH, 4 TW, NC)."""
    _, _, TH, TW, NC = M.shape
    T = A.T.astype(M.dtype)
    half = scratch.take("half", (TH, POINTS, TW, TILE, NC), M.dtype)
    np.matmul(T, by_tile(M), out=half)
    np.matmul(T, half.reshape(TH, POINTS, -1), out=windows(y, 0, TILE).reshape(TH, TILE, -1))


def by_tile(V: Array) -> Array:
    """(6, 6, TH, TW, NC) as a view (TH, 6, TW, 6, NC): the two last axes are a matrix."""
    return V.transpose(2, 0, 3, 1, 4)


def windows(x: Array, axis: int, size: int) -> Array:
    """The windows of `size`, 4 or 6, along `axis`, 4 apart, as a view: it becomes (count, size)."""
    count = (x.shape[axis] - size) // TILE + 1
    shape = (*x.shape[:axis], count, size, *x.shape[axis + 1 :])
    if size == TILE:  # `as_strided` would take longer
        return x.reshape(shape)
    strides = (*x.strides[:axis], TILE * x.strides[axis], *x.strides[axis:])
    return as_strided(x, shape, strides)
