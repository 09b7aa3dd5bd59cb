"""Batch normalization, ReLU and max-pooling on maps (H, W, N C), fused, a band of rows at a time.

What a convolution has computed is saved as it is, `z`. Batch normalization is one scale and one
shift per channel, `a = max(scale z + shift, 0)`: it is applied when the next convolution reads.
Max-pooling comes before it, on z, since scale >= 0 keeps the order (`stages` sees to the sign).

What is one number per channel is repeated along a row, (C,) to (W N C,): there NumPy runs at full
speed, and at half of it if it must repeat a short vector.
"""

import numpy as np

from tinydldl.arrays import Array, PerChannel, Shape
from tinydldl.fast.layout import FeatureMap, Scratch, bands, rows

Moments = tuple[int, Array, Array]  # count, mean and sum of squared distances from it


def activate(x: FeatureMap, out: Array) -> None:
    """Write the activations of a `FeatureMap` to out (H, W, N C)."""
    H, W, N, C = x.shape
    if x.scale is None:
        np.copyto(out.reshape(H, W, N, C), x.values.reshape(H, W, N, C))
        return
    scale, shift = (np.tile(v.astype(out.dtype), W * N) for v in (x.scale, x.shift))
    zero = np.zeros_like(scale)
    for band in bands(out):
        a = rows(out[band])
        np.multiply(rows(x.values[band, :W]), scale, out=a)
        np.add(a, shift, out=a)
        np.maximum(a, zero, out=a)


def moments(z: Array, shape: Shape) -> Moments:
    """Count, mean (C,) and sum of squared distances from it (C,) of z, float64.

    Where the mean is m standard deviations, m^2 times the rounding of sums in z's dtype is lost,
    so a difference may be below 0. A padded convolution without a bias keeps m small: at the
    borders the same sum has fewer summands.
    """
    H, W, N, C = shape
    sums = np.zeros((2, N * C))
    for band in bands(z[:H]):
        part = z[band, :W].reshape(-1, N * C)
        sums[0] += np.ones(len(part), part.dtype) @ part  # BLAS is the fastest to add
        sums[1] += np.einsum("pc,pc->c", part, part)
    means = sums[0] / (H * W)
    squares = np.maximum(sums[1] - sums[0] * means, 0)
    return merge_moments(np.full(N, H * W), means.reshape(N, C), squares.reshape(N, C))


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
        threshold = np.tile((-x.shift / x.scale).astype(da.dtype), W * N)
    sums = np.zeros((2, N * C))
    for band in bands(x.values[:H]):
        dr, z = rows(da[band, :W]), rows(x.values[band, :W])
        on = scratch.take("mask", dr.shape, bool)
        np.greater(z, threshold, out=on)
        np.multiply(dr, on, out=dr)
        dr, z = dr.reshape(-1, N * C), z.reshape(-1, N * C)
        sums[0] += np.ones(len(dr), dr.dtype) @ dr
        sums[1] += np.einsum("pc,pc->c", z, dr)
    total, product = sums.reshape(2, N, C).sum(axis=1)
    return np.stack([total, product - mean * total])


def norm_backward(
    dr: Array, z: FeatureMap, pooled: FeatureMap | None, share: Array, out: Array, scratch: Scratch
) -> None:
    """Normalization's backward pass but for its scale, `dr - slope z - offset`, to out (H, W, N C).

    share (2, C): slope and offset, from the statistics of the batch. dr: the gradient before ReLU,
    of z, or where that was max-pooled of `pooled`.
    """
    _, W, N, _ = z.shape
    slope, offset = (np.tile(v.astype(out.dtype), W * N) for v in -share)
    for band in bands(out):
        dz = rows(out[band])
        np.multiply(rows(z.values[band, :W]), slope, out=dz)
        np.add(dz, offset, out=dz)
        if pooled is None:
            np.add(dz, rows(dr[band, :W]), out=dz)
        else:
            max_pool_backward(dr, z, pooled, out, range(band.start // 2, band.stop // 2), scratch)


def max_pool_backward(
    dr: Array, z: FeatureMap, pooled: FeatureMap, out: Array, some: range, scratch: Scratch
) -> None:
    """Add `some` rows of dr to out (H, W, N C) where the maximum was; in a tie to the first one.

    dr and pooled: maps half as large as z and out.
    """
    _, W, N, C = pooled.shape
    add, free, is_max = (
        scratch.take(name, (W, N * C), dtype)
        for name, dtype in (("band", out.dtype), ("free", bool), ("mask", bool))
    )
    for h in some:
        free[...] = True
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            view = np.s_[2 * h + i, j : 2 * W : 2]
            np.equal(z.values[view], pooled.values[h], out=is_max)
            np.logical_and(is_max, free, out=is_max)
            np.logical_xor(free, is_max, out=free)
            np.multiply(dr[h, :W], is_max, out=add)
            np.add(out[view], add, out=out[view])
