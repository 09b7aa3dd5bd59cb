"""One stage after the other against the layers: what the engine covers, and what it leaves."""

from itertools import product

import numpy as np
import pytest
from helpers.comparison import (
    BadScratch,
    all_close,
    check,
    close,
    norms,
    pair,
    passes,
    photos,
    randomize,
    small_net,
)

from tinydldl import layers
from tinydldl.fast import FastNet, convolution, covers, layout, stages
from tinydldl.fast.stages import ConvStage, LayerStage, plan
from tinydldl.layers import BatchNorm2d, Conv2d, Linear, MaxPool2d, ReLU, Sequential
from tinydldl.models import AgeNet, conv_bn_relu

SIZES = [(2, 3), (5, 7), (8, 8), (6, 13), (17, 9)]


def stage(rng, pool=True, channels=3, out_channels=8):
    """The layers of one stage."""
    parts = conv_bn_relu("1", channels, out_channels, rng)
    return parts | ({"pool1": MaxPool2d(2)} if pool else {})


def two_stages(rng, pool):
    """Two stages, the first with gradients in its input: they are the second's business, too."""
    second = {f"b{name}": layer for name, layer in stage(rng, pool, 4, 5).items()}
    return randomize(Sequential(stage(rng, False, 3, 4) | second), rng)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("pool", [True, False])
@pytest.mark.parametrize("images", [1, 3])
def test_sizes(size, pool, images, rng):
    net, reference = pair(two_stages(rng, pool))
    check(net, reference, photos(rng, images, *size, 3), rng)


@pytest.mark.parametrize("pool", [True, False])
def test_many_blocks_and_bands(pool, rng, monkeypatch):
    monkeypatch.setattr(layout, "BLOCK", 36 * 15 * 4)
    monkeypatch.setattr(layout, "BAND", 200)
    net, reference = pair(two_stages(rng, pool))
    check(net, reference, photos(rng, 3, 18, 21, 3), rng)


@pytest.mark.parametrize("contrast", [1, 0.1, 0.01])
def test_photos_without_contrast_cost_no_precision_in_float32(contrast, rng):
    """All but white: what a convolution sums up is large, and hardly differs from its mean."""
    net, reference = pair(two_stages(rng, True).to(dtype=np.float32))
    reference.to(dtype=np.float64)
    x = (2.5 + contrast * rng.standard_normal((4, 64, 64, 3))).astype(np.float32)
    close(net.forward(x), reference.forward(x.astype(np.float64)), 1e-4)
    all_close(net.buffers, reference.buffers, 1e-5)


@pytest.mark.parametrize("pool", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_gamma_of_zero_and_of_both_signs(pool, training, rng):
    """Every gamma with every beta. With gamma = 0 the pool finds four equal values in a window."""
    net, reference = pair(two_stages(rng, pool))
    values = np.array(list(product((0, -0.0, 0.7, -1.3), (0.4, -0.4, 0.0, -0.0))))
    pairs = {"gamma": rng.permutation(values), "beta": rng.permutation(values)}
    for start in range(0, 16, 4):
        for model in (net, reference):
            for norm, array in zip(norms(model), pairs.values(), strict=True):
                chosen = np.resize(array[start : start + 4], (len(norm.params["beta"]), 2))
                norm.params["gamma"][...], norm.params["beta"][...] = chosen.T
            model.train(training)
        check(net, reference, photos(rng, 2, 7, 9, 3), rng, save=True)


@pytest.mark.parametrize("frozen", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("pool", [True, False])
def test_frozen_normalization_in_a_network_that_trains(frozen, pool, rng):
    """Those in eval mode take running statistics, which do not depend on x, and leave them."""
    net, reference = pair(two_stages(rng, pool))
    for model in (net, reference):
        for i in frozen:
            norms(model)[i].eval()
    before = [norms(net)[i].buffers["running_mean"].copy() for i in frozen]
    for _ in range(2):
        check(net, reference, photos(rng, 2, 7, 6, 3), rng, save=True)
    for i, buffer in zip(frozen, before, strict=True):
        np.testing.assert_array_equal(norms(net)[i].buffers["running_mean"], buffer)


@pytest.mark.parametrize("momentum", [0.0, 0.3, 1.0])
def test_momentum_and_eps_are_the_layer_s(momentum, rng):
    parts = stage(rng) | {"bn1": BatchNorm2d(8, momentum=momentum, eps=0.1)}
    net, reference = pair(randomize(Sequential(parts), rng))
    check(net, reference, photos(rng, 2, 6, 6, 3), rng)
    net.eval(), reference.eval()
    x = photos(rng, 2, 6, 6, 3)
    check(net, reference, x, rng, save=True)
    np.testing.assert_allclose(net.forward(x), reference.forward(x), rtol=1e-11, atol=1e-11)


def test_eval_mode_with_keep(rng):
    net, reference = pair(randomize(small_net(rng), rng).eval())
    reference.eval()
    check(net, reference, photos(rng, 2, 9, 10, 3), rng, save=True)


@pytest.mark.parametrize("limit", [1, 9 * 10 * 3 * 2, 9 * 10 * 3 * 3 + 1, None])
def test_inference_in_chunks(limit, rng, monkeypatch):
    """One image at a time, two, three, or all seven at once."""
    if limit:
        monkeypatch.setattr(stages, "CHUNK", limit)
    net, reference = pair(randomize(small_net(rng), rng).eval())
    x = photos(rng, 7, 9, 10, 3)
    expected = reference.forward(x)
    np.testing.assert_allclose(net.forward(x), expected, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(net.forward(x[:2]), expected[:2], rtol=1e-11, atol=1e-11)


def test_statistics_of_the_batch_are_never_taken_of_a_chunk(rng, monkeypatch):
    """Without saving, but in training mode: the whole batch at once, and the averages move."""
    monkeypatch.setattr(stages, "CHUNK", 1)
    net, reference = pair(randomize(small_net(rng), rng))
    x = photos(rng, 5, 9, 10, 3)
    expected = reference.forward(x, save=False)
    np.testing.assert_allclose(net.forward(x, save=False), expected, rtol=1e-11, atol=1e-11)
    for name, buffer in reference.buffers.items():
        np.testing.assert_allclose(net.buffers[name], buffer, rtol=1e-11, atol=1e-11)


def test_one_value_a_channel_is_refused(rng):
    net = FastNet(Sequential(stage(rng, pool=False)))
    with pytest.raises(ValueError, match="BatchNorm2d: training needs more than one value"):
        net.forward(np.zeros((1, 1, 1, 3), np.float32))
    assert net.eval().forward(np.zeros((1, 1, 1, 3), np.float32)).shape == (1, 1, 1, 8)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 8, 8, 1)])
def test_x_of_another_shape_is_refused(shape, rng):
    with pytest.raises(ValueError, match=r"expected x \(N, H, W, 3\), channels last"):
        FastNet(Sequential(stage(rng))).forward(np.zeros(shape, np.float32))


def test_images_that_are_too_small_are_refused(rng):
    with pytest.raises(ValueError, match="1x9 is smaller than the kernel 2x2"):
        FastNet(Sequential(stage(rng))).forward(np.zeros((2, 1, 9, 3), np.float32))


def test_nothing_reads_what_nobody_wrote(rng, monkeypatch):
    """Every buffer is NaN each time that it is taken."""
    monkeypatch.setattr(stages, "Scratch", BadScratch)
    net, reference = pair(randomize(small_net(rng), rng))
    for shape in [(2, 9, 11, 3), (3, 13, 6, 3), (1, 8, 8, 3)]:
        check(net, reference, photos(rng, *shape), rng)
    x = photos(rng, 4, 9, 11, 3)
    np.testing.assert_allclose(net.eval().forward(x), reference.eval().forward(x), rtol=1e-10)
    check(net.train(), reference.train(), x, rng)


def cases(rng):
    """`{name: (layers, stages that the engine computes itself)}`, for images (., 9, 10, 3)."""
    block, second = conv_bn_relu("1", 3, 4, rng), conv_bn_relu("2", 4, 3, rng)

    def conv(*geometry, channels=3):
        """The head of a stage, without ReLU."""
        layer = Conv2d(channels, 4, *(geometry or (3, 1, 1)), bias=False, rng=rng)
        return {"conv": layer, "bn": BatchNorm2d(4)}

    def pool(*geometry):
        return {"pool": MaxPool2d(*geometry)}

    average, relu = {"pool": layers.AvgPool2d(2)}, {"relu": ReLU()}
    bias, bias_last = (Conv2d(C, 4, padding=1, rng=rng) for C in (3, 3))
    head, norm = Sequential({"conv": conv()["conv"]}), {"bn": BatchNorm2d(4)}
    hybrid = Sequential(norm | relu | {"hp": layers.HybridPool()})
    tanh, flat = {"tanh": layers.Tanh()}, {"flat": layers.Flatten()}
    return {
        "bias": ({"conv": bias} | relu | second, 1),
        "bias last": (block | second | {"conv": bias_last}, 2),
        "5x5": (conv(5, 1, 2) | relu | second, 1),
        "1x1": (block | conv(1, channels=4) | relu, 1),
        "stride": (block | conv(3, 2, 1, channels=4) | relu, 1),
        "stride along one axis": (conv(3, (1, 2), 1) | relu | second, 1),
        "no padding": (conv(3, 1, 0) | relu, 0),
        "padding along one axis": (conv(3, 1, (1, 0)) | relu, 0),
        "padding of two": (conv(3, 1, 2) | relu | second, 1),
        "average pooling": (block | average | second, 2),
        "average pooling first": (average | block, 1),
        "tanh": (block | conv(channels=4) | tanh | second, 2),
        "sigmoid": (conv() | {"sigmoid": layers.Sigmoid()}, 0),
        "no activation": (conv(), 0),
        "no normalization": ({"conv": conv()["conv"]} | relu | second, 1),
        "max-pooling 3x3": (block | pool(3) | second, 2),
        "max-pooling 2x2, overlapping": (block | pool(2, 1) | second, 2),
        "two pools": (block | pool(2) | {"again": MaxPool2d(2)}, 1),
        "pool first": (pool(2) | block, 1),
        "normalization alone": (block | norm | second, 2),
        "normalization first": ({"bn": BatchNorm2d(3)} | block, 1),
        "nested": ({"a": Sequential(block), "b": Sequential({"c": Sequential(second)})}, 2),
        "nested across a stage": ({"a": head, "b": hybrid}, 1),
        "vectors": (block | pool(2) | flat | {"fc": Linear(80, 3, rng=rng)}, 1),
        "ends with a stage": (block | second | pool(2), 2),
        "only pools": (average | {"gap": layers.GlobalAvgPool()}, 0),
        "only Linear": (flat | {"a": Linear(270, 4, rng=rng)} | tanh | {"b": fc(rng)}, 0),
    }


def fc(rng):
    """The last layer of a network of vectors."""
    return Linear(4, 2, rng=rng)


CASES = cases(np.random.default_rng(0))


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_covered_is_left_to_the_layers(name, rng):
    parts, count = cases(rng)[name]
    model = randomize(Sequential(parts), rng)
    assert sum(fused for _, _, fused in plan(parts)) == count
    assert covers(model) == (count > 0)
    net, reference = pair(model)
    for images in (3, 1):
        check(net, reference, photos(rng, images, 9, 10, 3), rng)
    x = photos(rng, 2, 9, 10, 3)
    found, expected = net.eval().forward(x), reference.eval().forward(x)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_a_bias_before_normalization_is_left_to_the_layers(rng):
    """In training the mean takes it away again; with running statistics it is there to be seen."""
    parts = {"conv": Conv2d(3, 4, padding=1, rng=rng), "bn": BatchNorm2d(4), "relu": ReLU()}
    assert not covers(Sequential(parts))
    net, reference = pair(randomize(Sequential(parts), rng).eval())
    check(net, reference, photos(rng, 2, 6, 7, 3), rng, save=True)


def test_a_network_of_vectors(rng):
    parts = {"a": Linear(5, 4, rng=rng), "relu": ReLU(), "b": Linear(4, 3, rng=rng)}
    net, reference = pair(randomize(Sequential(parts), rng))
    check(net, reference, rng.standard_normal((6, 5)), rng)


@pytest.mark.parametrize("name", ["conv1", "bn1", "relu1", "pool1"])
def test_a_subclass_is_left_to_the_layers(name, rng):
    """It may compute something else: here, half as much again."""
    parts = stage(rng)

    class More(type(parts[name])):
        def forward(self, x, save=None):
            return 1.5 * super().forward(x, save)

        def backward(self, dy):
            return super().backward(1.5 * dy)

    parts[name].__class__ = More
    assert covers(Sequential(parts)) == (name == "pool1")
    net, reference = pair(randomize(Sequential(parts), rng))
    check(net, reference, photos(rng, 2, 6, 6, 3), rng)


@pytest.mark.parametrize("pool", ["hp", "gap"])
def test_of_the_age_nets_only_the_end_is_left_to_the_layers(pool, rng):
    """All pools are part of a stage, also the one in hybrid pooling."""
    parts = FastNet(AgeNet("tiny", 5, 32, pool, rng=rng)).own.stages
    fused = [part for part in parts if isinstance(part, ConvStage)]
    left = [part.layer for part in parts if isinstance(part, LayerStage)]
    assert len(fused) == 13
    assert sum(part.pool is not None for part in fused) == (5 if pool == "hp" else 4)
    assert list(map(type, left)) == [layers.GlobalAvgPool, Linear]


class WithoutBackward(layers.Tanh):
    """A layer of which nobody should want a gradient."""

    def backward(self, dy):
        raise NotImplementedError


def test_gradients_that_nobody_needs_are_not_computed(rng, monkeypatch):
    """Not in the photos, and not in what comes before the first parameter."""
    backward, with_dx = convolution.backward, []

    def watched(dy_pad, x_pad, W, dx, scratch):
        with_dx.append(dx is not None)
        return backward(dy_pad, x_pad, W, dx, scratch)

    monkeypatch.setattr(convolution, "backward", watched)
    net = FastNet(Sequential({"first": WithoutBackward()} | small_net(rng).layers))
    net.backward(net.forward(photos(rng, 2, 9, 10, 3).astype(np.float32)))
    assert with_dx == [True, True, False]


@pytest.mark.parametrize(("training", "save"), [(True, False), (False, None)])
def test_inference_after_training_drops_what_was_saved(training, save, rng):
    net = FastNet(small_net(rng))
    x = photos(rng, 2, 9, 10, 3).astype(np.float32)
    net.forward(x)
    y = net.train(training).forward(x, save)
    assert all(stage.saved is None for stage in net.own.stages if isinstance(stage, ConvStage))
    with pytest.raises(RuntimeError, match="nothing was saved"):
        net.backward(y)


def test_backward_twice_gives_the_same_gradients(rng):
    net, _ = pair(two_stages(rng, True))
    x, dy = photos(rng, 2, 7, 6, 3), rng.standard_normal((2, 3, 3, 5))
    net.forward(x)
    net.backward(dy)
    first = {name: grad.copy() for name, grad in net.grads.items()}
    net.backward(dy)
    for name, grad in net.grads.items():
        np.testing.assert_array_equal(grad, first[name])


def test_the_same_twice_and_other_sizes_in_between(rng):
    """A larger and a smaller batch, inference, and then the first batch again: the same numbers."""
    net, _ = pair(randomize(small_net(rng), rng))
    x, dy = photos(rng, 3, 9, 10, 3), rng.standard_normal((3, 3))
    net.eval()
    first = passes(net, x, dy, save=True)
    for images, height in ((5, 17), (1, 6), (2, 9)):
        net.forward(photos(rng, images, height, 10, 3), save=True)
        net.backward(rng.standard_normal((images, 3)))
        net.forward(photos(rng, images + 1, 8, height, 3), save=False)
    again = passes(net, x, dy, save=True)
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array)
