"""Batch normalization, ReLU and max-pooling on maps (H, W, N C), fused, a band of rows at a time.

What a convolution has computed is saved as it is, `z`. Batch normalization is one scale and one
shift per channel, `a = max(scale z + shift, 0)`: it is applied when the next convolution reads, and
again in the backward pass, so nothing else is saved. Max-pooling comes before it, on z, since
scale >= 0 keeps the order (`stages` sees to the sign).
"""

from collections.abc import Iterator

import numpy as np

from tinydldl.arrays import Array, PerChannel, Shape
from tinydldl.fast.layout import FeatureMap, Scratch, across, bands, rows

Moments = tuple[int, Array, Array]  # count, mean and sum of squared distances from it


def activate(x: FeatureMap, out: Array) -> None:
    """Write the activations of a `FeatureMap` to out (H, W, N C)."""
    H, W, N, C = x.shape
    if x.scale is None:
        np.copyto(out.reshape(H, W, N, C), x.values.reshape(H, W, N, C))
        return
    scale, shift = (across(v.astype(out.dtype), W, N) for v in (x.scale, x.shift))
    zero = np.zeros_like(scale)
    for band in bands(out):
        a = rows(out[band])
        np.multiply(rows(x.values[band, :W]), scale, out=a)
        np.add(a, shift, out=a)
        np.maximum(a, zero, out=a)


def moments(z: Array, shape: Shape, scratch: Scratch) -> Moments:
    """Count, mean (C,) and sum of squared distances from it (C,) of z, float64.

    Sums are taken of the distances from the first row's mean: no precision is lost where the mean
    is much larger than the standard deviation.
    """
    H, W, N, C = shape
    near = z[0, :W].mean(axis=0)
    sums = np.zeros((2, N * C))
    for _, distance in distances(z[:H, :W], np.tile(near, W), scratch):
        sums[0] += column_sums(distance, N * C)
        sums[1] += column_products(distance, distance, N * C)
    offset = sums[0] / (H * W)
    squares = sums[1] - sums[0] * offset
    counts = np.full(N, H * W)
    return merge_moments(counts, (near + offset).reshape(N, C), squares.reshape(N, C))


def merge_moments(counts: Array, means: Array, squares: Array) -> Moments:
    """Count, mean and sum of squared distances of all groups from those of each group.

    counts (P,), means and squares (P, C). Source: Chan, Golub and LeVeque, 1979.
    """
    count = counts.sum()
    mean = counts @ means / count
    return count, mean, squares.sum(axis=0) + counts @ (means - mean) ** 2


def max_pool(z: Array, shape: Shape, scale: PerChannel, out: Array, scratch: Scratch) -> None:
    """2x2 max-pooling: z, of `shape` (H, W, N, C), to out (H // 2, W // 2, N C).

    Where scale is 0 all activations of a channel are equal, and the first of a window counts.
    """
    H, W, N, C = shape
    W = W // 2 * 2
    larger = scratch.take("band", (W, N * C), z.dtype)
    for h, y in enumerate(out):
        np.maximum(z[2 * h, :W], z[2 * h + 1, :W], out=larger)
        np.maximum(larger[0::2], larger[1::2], out=y)
    if not scale.all():
        first = z[0 : H // 2 * 2 : 2, 0:W:2].reshape(*out.shape[:2], N, C)
        out.reshape(*out.shape[:2], N, C)[..., scale == 0] = first[..., scale == 0]


def relu_backward(da: Array, x: FeatureMap, mean: PerChannel, scratch: Scratch) -> Array:
    """In place: da to the gradient before ReLU, dr = da [a > 0], for the activations of x.

    Returns `sum dr`, which is dbeta, and `sum dr (z - mean)`, which is dgamma but for the factor
    1 / std and the sign that `ConvStage` has given z; each (C,), float64.
    """
    H, W, N, C = x.shape
    with np.errstate(all="ignore"):  # scale 0: all are on, or none
        threshold = across((-x.shift / x.scale).astype(da.dtype), W, N)
    sums = np.zeros((2, N * C))
    mean = across(mean.astype(da.dtype), W, N)
    for band, distance in distances(x.values[:H, :W], mean, scratch):
        dr = rows(da[band, :W])
        on = scratch.take("mask", dr.shape, bool)
        np.greater(rows(x.values[band, :W]), threshold, out=on)
        np.multiply(dr, on, out=dr)
        sums[0] += dr.reshape(-1, W, N * C).sum(axis=(0, 1))
        sums[1] += column_products(distance, dr, N * C)
    return sums.reshape(2, N, C).sum(axis=1)


def norm_backward(
    dr: Array | None, x: FeatureMap, slope: PerChannel, offset: PerChannel, out: Array
) -> None:
    """Batch normalization's backward pass: `dz = scale dr - slope z - offset`, to out (H, W, N C).

    x: the map before pooling; slope and offset (C,) come from the statistics of the batch. dr: the
    gradient before ReLU, (H, W, N C), which is changed, or None where pooling has still to add it.
    """
    _, W, N, _ = x.shape
    slope, offset, scale = (across(v.astype(out.dtype), W, N) for v in (-slope, -offset, x.scale))
    for band in bands(out):
        dz = rows(out[band])
        np.multiply(rows(x.values[band, :W]), slope, out=dz)
        np.add(dz, offset, out=dz)
        if dr is not None:
            d = rows(dr[band, :W])
            np.multiply(d, scale, out=d)
            np.add(dz, d, out=dz)


def max_pool_backward(
    dr: Array, x: FeatureMap, pooled: FeatureMap, out: Array, scratch: Scratch
) -> None:
    """Add `scale dr` to out (H, W, N C) where the maximum was; the first one gets it in a tie.

    dr, changed, and pooled: maps half as large as x and out.
    """
    H, W, N, C = pooled.shape
    scale = across(x.scale.astype(out.dtype), W, N).reshape(W, N * C)
    add, free, is_max = (
        scratch.take(name, scale.shape, dtype)
        for name, dtype in (("band", out.dtype), ("free", bool), ("mask", bool))
    )
    for h in range(H):
        d, maximum = dr[h, :W], pooled.values[h]
        np.multiply(d, scale, out=d)
        free[...] = True
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            view = np.s_[2 * h + i, j : 2 * W : 2]
            np.equal(x.values[view], maximum, out=is_max)
            np.logical_and(is_max, free, out=is_max)
            np.logical_xor(free, is_max, out=free)
            np.multiply(d, is_max, out=add)
            np.add(out[view], add, out=out[view])


def distances(z: Array, center: Array, scratch: Scratch) -> Iterator[tuple[slice, Array]]:
    """Yield `(band, z - center)` for each band of rows of z (H, W, NC), in a scratch buffer."""
    for band in bands(z):
        z_rows = rows(z[band])
        distance = scratch.take("band", z_rows.shape, z.dtype)
        np.subtract(z_rows, center, out=distance)
        yield band, distance


def column_sums(x: Array, columns: int) -> Array:
    """The sum over pixels of each of `columns` numbers; x is contiguous, and BLAS is fastest."""
    x = x.reshape(-1, columns)
    return np.ones(len(x), x.dtype) @ x


def column_products(x: Array, y: Array, columns: int) -> Array:
    """The sum over pixels of the products of x and y, for each of `columns` numbers."""
    return np.einsum("pc,pc->c", x.reshape(-1, columns), y.reshape(-1, columns))
