"""Stacks of matrix products, cut into pieces of the size that BLAS likes best.

OpenBLAS multiplies small matrices directly, and first packs large ones into a layout of its own.
Ours are in between: without packing they are up to a third faster, so they are cut until each
product has at most `DIRECT` multiply-adds. That is still one call of `np.matmul`: a matrix cut into
tiles is a view with two more axes, (rows, columns) -> (row tiles, column tiles, rows, columns).
"""

from collections.abc import Iterator

import numpy as np

from tinydldl.arrays import Array

DIRECT = 10**6  # multiply-adds; where OpenBLAS (0.3.31, SkylakeX and Zen kernels) starts to pack
EDGE = 64  # rows or columns of a piece, at most, unless all of them fit


def multiply(X: Array, Y: Array, out: Array) -> None:
    """`out[p] = X[p] @ Y[p]`: X (P, R, K), Y (P, K, S), out (P, R, S)."""
    R, K, S = *X.shape[1:], Y.shape[2]
    columns = piece(S, EDGE)
    for part, rows in parts(R, min(R, max(1, DIRECT // (K * columns)))):
        x, y = cut(X[:, part], rows, K), cut(Y, K, columns)
        np.matmul(x, y, out=cut(out[:, part], rows, columns))


def multiply_transposed(X: Array, Y: Array, out: Array) -> None:
    """`out[p] = X[p].T @ Y[p]`: X (P, K, R), Y (P, K, S), out (P, R, S)."""
    (K, R), S = X.shape[1:], Y.shape[2]
    rows = piece(R, EDGE)
    columns = piece(S, min(EDGE, max(EDGE // 2, DIRECT // (K * rows))))
    np.matmul(cut(X.transpose(0, 2, 1), rows, K), cut(Y, K, columns), out=cut(out, rows, columns))


def piece(length: int, most: int) -> int:
    """The largest divisor of `length` that is not above `most`."""
    return next(d for d in range(min(length, most), 0, -1) if length % d == 0)


def parts(length: int, size: int) -> Iterator[tuple[slice, int]]:
    """Yield `(slice, size)`: as much as can be cut into pieces of `size`, then the rest."""
    whole = length - length % size
    yield slice(0, whole), size
    if whole < length:
        yield slice(whole, length), length - whole


def cut(X: Array, rows: int, columns: int) -> Array:
    """(P, R, S) as a view (P, R / rows, S / columns, rows, columns)."""
    P, R, S = X.shape
    return X.reshape(P, R // rows, rows, S // columns, columns).transpose(0, 1, 3, 2, 4)
