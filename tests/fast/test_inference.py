"""Inference, a block at a time and with folded filters, against the layers in float64."""

from itertools import pairwise

import numpy as np
import pytest
from helpers.comparison import BadScratch, close, norms, pair, photos, randomize

from tinydldl.fast import inference, layout, stages
from tinydldl.fast.inference import Folded, Rows, Tiles
from tinydldl.layers import Conv2d, MaxPool2d, Sequential
from tinydldl.models import conv_bn_relu

SIZES = [(1, 1), (2, 3), (5, 7), (8, 8), (6, 13), (17, 9)]


def network(rng, pool=True):
    """Four stages, from 3 channels to 7; from the second to the third there is a pool."""
    channels = [3, 4, 5, 6, 7]
    layers = {}
    for number, (C, OC) in enumerate(pairwise(channels), start=1):
        layers |= conv_bn_relu(str(number), C, OC, rng)
        if pool and number == 2:
            layers["pool2"] = MaxPool2d(2)
    return randomize(Sequential(layers), rng)


@pytest.fixture(params=[0, 25, 10**9], ids=["tiles", "rows, then tiles", "rows"])
def ways(request, monkeypatch):
    """Which stages take which way; with 25 the first two take `Rows`."""
    monkeypatch.setattr(inference, "FEW", request.param)


def compare(net, reference, x):
    close(net.eval().forward(x), reference.eval().forward(x))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("images", [1, 2, 5])
def test_sizes(ways, size, images, rng):
    net, reference = pair(network(rng, pool=min(size) > 1))
    compare(net, reference, photos(rng, images, *size, 3))


@pytest.mark.parametrize("block", [1, 36 * 12 * 5, 6 * 40 * 7 * 4])
def test_many_blocks(ways, block, rng, monkeypatch):
    monkeypatch.setattr(layout, "BLOCK", block)
    net, reference = pair(network(rng))
    compare(net, reference, photos(rng, 3, 18, 21, 3))


def test_buffers_hold_what_others_left_there(ways, rng, monkeypatch):
    monkeypatch.setattr(stages, "Scratch", BadScratch)
    net, reference = pair(network(rng))
    for size in ((9, 10), (17, 6), (5, 5)):
        compare(net, reference, photos(rng, 2, *size, 3))


def test_any_array_may_change_between_two_passes(ways, rng):
    """In place, without a word to the engine: the filters are folded anew."""
    net, reference = pair(network(rng))
    x = photos(rng, 2, 9, 10, 3)
    compare(net, reference, x)
    for name in net.params | net.buffers:
        before = net.forward(x)
        for model in (net, reference):
            array = (model.params | model.buffers)[name]
            array[...] = 0.5 + 0.7 * array
        assert not np.array_equal(net.forward(x), before), name
        compare(net, reference, x)


@pytest.mark.parametrize("trains", [0, 1, 2, 3])
def test_one_stage_takes_the_statistics_of_the_batch(ways, trains, rng):
    """Its input may come from a stage that is folded, and its output go to one."""
    net, reference = pair(network(rng).eval())
    reference.eval()
    for model in (net, reference):
        norms(model)[trains].train()
    x = photos(rng, 3, 9, 10, 3)
    close(net.forward(x, save=False), reference.forward(x, save=False))


def test_a_network_trains_after_inference(ways, rng):
    net, reference = pair(network(rng))
    x = photos(rng, 2, 9, 10, 3)
    dy = rng.standard_normal((2, 4, 5, 7))
    for _ in range(2):
        compare(net, reference, x)
        close(net.train().forward(x), reference.train().forward(x))
        net.backward(dy), reference.backward(dy)
        for name, grad in reference.grads.items():
            close(net.grads[name], grad, name=name)


@pytest.mark.parametrize("way", [Tiles, Rows])
def test_filters_are_made_once(way, rng, monkeypatch):
    monkeypatch.setattr(inference, "FEW", 0 if way is Tiles else 10**9)
    conv, norm, *_ = network(rng).layers.values()
    folded = Folded(conv, norm)
    assert type(folded()) is way
    assert folded() is folded()


@pytest.mark.parametrize("way", [Tiles, Rows])
def test_rounding(way, rng):
    """Off by a few ten-thousandths of a percent of the standard deviation in float32."""
    x = rng.standard_normal((2, 16, 16, 64), dtype=np.float32)
    conv = Conv2d(64, 64, padding=1, bias=False, rng=rng)
    W, scratch = conv.params["W"], layout.Scratch()
    made = way(W, np.zeros(64, np.float32))
    x_pad, inside = made.padded(scratch, "x", (16, 16, 2, 64))
    inside[...] = x.transpose(1, 2, 0, 3)
    y = np.zeros((16, 16, 2, 64), np.float32)
    for block, values in made.blocks(x_pad, (16, 16, 2, 64), scratch):
        part = y[block]
        part[...] = values[: part.shape[0], : part.shape[1]]
    exact = conv.to(dtype=np.float64).forward(x.astype(np.float64))
    off = y.transpose(2, 0, 1, 3) - exact
    assert np.sqrt(np.mean(off**2)) < 5e-6 * exact.std()


def test_tiny_numbers_in_folded_filters_are_zero(ways, rng):
    """A gamma near zero makes subnormal filters of weights, and products of those are slow."""
    model = network(rng).to(dtype=np.float32)
    for norm in norms(model):
        norm.params["gamma"][0] = 1e-38
    conv, norm, *_ = model.layers.values()
    U = Folded(conv, norm)().U
    assert not ((U != 0) & (np.abs(U) < np.finfo(np.float32).tiny)).any()
