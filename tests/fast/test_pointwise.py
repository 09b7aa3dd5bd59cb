"""Batch normalization, ReLU and pooling on maps (H, W, N C), against the layers and NumPy."""

import numpy as np
import pytest
from helpers.comparison import BadScratch, close

from tinydldl.fast import layout, pointwise
from tinydldl.fast.layout import FeatureMap, whole
from tinydldl.layers import BatchNorm2d, MaxPool2d, ReLU

SIZES = [(2, 2), (3, 5), (6, 4), (7, 9)]
every_size = pytest.mark.parametrize("size", SIZES, ids=str)
N, C = 3, 4


@pytest.fixture(params=[1, 150, None], ids=["two rows", "some rows", "one band"])
def band(request, monkeypatch):
    """How much is computed at a time."""
    if request.param:
        monkeypatch.setattr(layout, "BAND", request.param)


def to_engine(x):
    """x (N, H, W, C) as a map of whole tiles, (., ., N C), with NaN beyond (H, W)."""
    count, H, W, channels = x.shape
    values = np.full((whole(H), whole(W), count * channels), np.nan, x.dtype)
    values[:H, :W] = x.transpose(1, 2, 0, 3).reshape(H, W, -1)
    return values


def to_layers(values, H, W):
    """The part (H, W) of a map as (N, H, W, C)."""
    return values[:H, :W].reshape(H, W, N, C).transpose(2, 0, 1, 3)


def empty(H, W):
    """A map to write to that has a border, and the part inside; all of it NaN."""
    buffer = np.full((H + 3, W + 3, N * C), np.nan)
    return buffer, buffer[1 : H + 1, 1 : W + 1]


def only_inside(buffer, H, W):
    """Nothing was written to the border of a map from `empty`, and everything inside."""
    written = ~np.isnan(buffer)
    expected = np.zeros(buffer.shape, bool)
    expected[1 : H + 1, 1 : W + 1] = True
    return (written == expected).all()


@pytest.mark.usefixtures("band")
@every_size
def test_activate(size, rng):
    x = rng.standard_normal((N, *size, C))
    scale, shift = np.array([0.5, 2, 0, 1]), np.array([0.3, -1, 0.2, 0])
    buffer, inside = empty(*size)
    pointwise.activate(FeatureMap(to_engine(x), (*size, N, C), scale, shift), inside)
    np.testing.assert_array_equal(to_layers(inside, *size), np.maximum(scale * x + shift, 0))
    assert only_inside(buffer, *size)


@every_size
def test_activate_copies_what_is_final(size, rng):
    x = rng.standard_normal((N, *size, C))
    buffer, inside = empty(*size)
    pointwise.activate(FeatureMap(x.transpose(1, 2, 0, 3), (*size, N, C)), inside)
    np.testing.assert_array_equal(to_layers(inside, *size), x)
    assert only_inside(buffer, *size)


@pytest.mark.usefixtures("band")
@every_size
def test_moments(size, rng):
    x = 3 + 2 * rng.standard_normal((N, *size, C))
    count, mean, spread = pointwise.moments(to_engine(x), (*size, N, C))
    values = x.reshape(-1, C)
    assert count == len(values)
    np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(spread, values.var(axis=0) * len(values), rtol=1e-12)


def test_no_variance_is_negative():
    """Of equal values in float32, whose rounded square times their number is not their sum."""
    for value in np.linspace(0.1, 9, 50, dtype=np.float32):
        z = np.full((64, 64, N * C), value)
        _, mean, spread = pointwise.moments(z, (64, 64, N, C))
        np.testing.assert_allclose(mean, value, rtol=1e-5)
        assert (spread >= 0).all()
        assert (spread <= 1e-4 * 64 * 64 * N * value**2).all()


def test_merge_moments(rng):
    """Of groups of different sizes, means and variances, as of all their values at once."""
    draws = [rng.standard_normal((count, C)) for count in (1, 5, 40)]
    groups = [10 * i + (i + 1) * draw for i, draw in enumerate(draws)]
    counts = np.array([len(group) for group in groups])
    means = np.stack([group.mean(axis=0) for group in groups])
    spreads = np.stack([group.var(axis=0) * len(group) for group in groups])
    count, mean, spread = pointwise.merge_moments(counts, means, spreads)
    values = np.concatenate(groups)
    assert count == 46
    np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(spread, values.var(axis=0) * 46, rtol=1e-13)


@pytest.mark.usefixtures("band")
@every_size
@pytest.mark.parametrize("draw", range(3))
def test_max_pool_with_many_ties(size, draw):
    """Exactly the layer's values and gradients, where up to four values of a window are equal."""
    rng = np.random.default_rng(draw)
    x = rng.integers(0, 3, (N, *size, C)).astype(float)
    layer = MaxPool2d(2)
    y = layer.forward(x)
    dy = rng.integers(1, 9, y.shape).astype(float)
    z = FeatureMap(to_engine(x), (*size, N, C), np.array([1.0, 2, 0.5, 4]))
    half = y.shape[1:3]
    pooled = FeatureMap(np.full((*half, N * C), np.nan), (*half, N, C))
    pointwise.max_pool(z.values, z.shape, z.scale, pooled.values, BadScratch())
    np.testing.assert_array_equal(to_layers(pooled.values, *half), y)
    share = rng.integers(-9, 9, (2, C)).astype(float)
    buffer, inside = empty(*size)
    dr = to_engine(dy)
    pointwise.norm_backward(dr, z, pooled, share, inside, BadScratch())
    expected = layer.backward(dy) - share[0] * x - share[1]
    np.testing.assert_array_equal(to_layers(inside, *size), expected)
    assert only_inside(buffer, *size)
    np.testing.assert_array_equal(dr, to_engine(dy))


@every_size
def test_max_pool_takes_the_first_where_all_activations_are_equal(size, rng):
    x = rng.standard_normal((N, *size, C))
    OH, OW = size[0] // 2, size[1] // 2
    out = np.full((OH, OW, N * C), np.nan)
    scale = np.array([0, 1.0, 0, 2])
    pointwise.max_pool(to_engine(x), (*size, N, C), scale, out, BadScratch())
    first, y = x[:, 0 : 2 * OH : 2, 0 : 2 * OW : 2], MaxPool2d(2).forward(x)
    expected = np.where(scale == 0, first, y)
    np.testing.assert_array_equal(to_layers(out, OH, OW), expected)


@pytest.mark.usefixtures("band")
@every_size
def test_relu_backward(size, rng):
    z, da = (rng.standard_normal((N, *size, C)) for _ in range(2))
    scale, shift, mean = (rng.uniform(0.5, 2, C), rng.standard_normal(C), rng.standard_normal(C))
    relu = ReLU()
    relu.forward(scale * z + shift)
    expected = relu.backward(da)
    dr, x = to_engine(da), FeatureMap(to_engine(z), (*size, N, C), scale, shift)
    sums = pointwise.relu_backward(dr, x, mean, BadScratch())
    np.testing.assert_array_equal(to_layers(dr, *size), expected)
    close(sums[0], expected.sum(axis=(0, 1, 2)), 1e-12)
    close(sums[1], (expected * (z - mean)).sum(axis=(0, 1, 2)), 1e-12)


def test_relu_backward_at_exactly_zero(rng):
    """An activation of 0 that is not one of many is off as well."""
    z = rng.integers(-3, 4, (N, 6, 7, C)).astype(float)
    scale, shift = np.array([1.0, 2, 0.5, 4]), np.array([1.0, -2, 0.5, 0])
    relu, da = ReLU(), rng.standard_normal(z.shape)
    relu.forward(scale * z + shift)
    assert (scale * z + shift == 0).any(axis=(0, 1, 2)).all()
    dr, x = to_engine(da), FeatureMap(to_engine(z), (6, 7, N, C), scale, shift)
    pointwise.relu_backward(dr, x, np.zeros(C), BadScratch())
    np.testing.assert_array_equal(to_layers(dr, 6, 7), relu.backward(da))


@pytest.mark.filterwarnings("error")
def test_relu_backward_where_scale_is_zero(rng):
    """Activations are max(shift, 0) then: all are on, none, or at exactly 0, which is off, too."""
    z, da = (rng.standard_normal((N, 5, 6, C)) for _ in range(2))
    scale, shift = np.zeros(C), np.array([0.5, -0.5, 0.0, -0.0])
    dr, x = to_engine(da), FeatureMap(to_engine(z), (5, 6, N, C), scale, shift)
    sums = pointwise.relu_backward(dr, x, np.zeros(C), BadScratch())
    np.testing.assert_array_equal(to_layers(dr, 5, 6), da * [1, 0, 0, 0])
    close(sums[0], da.sum(axis=(0, 1, 2)) * [1, 0, 0, 0], 1e-12)


@pytest.mark.usefixtures("band")
@every_size
def test_norm_backward_with_the_statistics_of_the_batch(size, rng):
    """`dr - slope z - offset`, with slope and offset from the formula of lesson 06."""
    z, dr = (rng.standard_normal((N, *size, C)) for _ in range(2))
    layer = BatchNorm2d(C).to(dtype=np.float64)
    layer.params["gamma"][...] = rng.uniform(0.5, 2, C)
    layer.forward(z)
    mean, inv_std = z.mean(axis=(0, 1, 2)), (z.var(axis=(0, 1, 2)) + layer.eps) ** -0.5
    expected = layer.backward(dr) / (layer.params["gamma"] * inv_std)
    slope = inv_std**2 * (dr * (z - mean)).mean(axis=(0, 1, 2))
    share = np.stack([slope, dr.mean(axis=(0, 1, 2)) - slope * mean])
    buffer, inside = empty(*size)
    z = FeatureMap(to_engine(z), (*size, N, C))
    pointwise.norm_backward(to_engine(dr), z, None, share, inside, BadScratch())
    close(to_layers(inside, *size), expected, 1e-12)
    assert only_inside(buffer, *size)
