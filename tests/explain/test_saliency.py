"""Maps are what they say: terms of a sum, derivatives in years, and a square that covers."""

import numpy as np
import pytest
from helpers.networks import CHANNELS, save_network
from helpers.photos import random_photo

from tinydldl import trained
from tinydldl.datasets import Photos
from tinydldl.datasets.loader import PhotoStore
from tinydldl.explain import saliency
from tinydldl.explain.saliency import MapError, Maps
from tinydldl.labels import label_grid
from tinydldl.layers import LogSigmoid

AGES = np.arange(101.0)


@pytest.fixture
def network_of(tmp_path):
    """Networks with random numbers in all arrays, float64."""

    def make(method="dldl-v2", **settings):
        save_network(tmp_path / "net", method, **settings)
        network = trained.load(tmp_path / "net")
        network.model.to(dtype=float)
        network.method.to(dtype=float)
        return network

    return make


@pytest.fixture
def images(rng):
    """Two photos of 64 pixels with something in them that a network can see, not noise alone."""
    coarse = rng.integers(0, 256, (2, 8, 8, 3)).repeat(8, axis=1).repeat(8, axis=2)
    return np.clip(coarse + rng.integers(-30, 30, (2, 64, 64, 3)), 0, 255).astype(np.uint8)


def as_input(images):
    mean, std = CHANNELS
    return ((images / 255 - mean) / std).astype(np.float32)


def estimate(network, images):
    """p_hat (N, K) and y_hat (N,) of images, by softmax and sum."""
    return decode(network.model.forward(as_input(images)))


def decode(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    return p_hat, p_hat @ AGES


def winners_by_hand(features, W):
    """The terms of x W for one label, x the hybrid pooling of the features: loops, no calculus."""
    result = np.zeros(features.shape[:3])
    N, H, W_, C = features.shape
    for n, h, w, c in np.ndindex(N, H // 2, W_ // 2, C):
        window = features[n, 2 * h : 2 * h + 2, 2 * w : 2 * w + 2, c]
        i, j = np.unravel_index(window.argmax(), (2, 2))
        result[n, 2 * h + i, 2 * w + j] += window[i, j] * W[c] / (H // 2 * (W_ // 2))
    return result


# ------------------------------------------------------------------------------------ what they are


@pytest.mark.parametrize("net", ["tiny", "thin"])
@pytest.mark.parametrize("pool", ["hp", "gap"])
def test_terms_sum_to_the_logit_less_its_bias(net, pool, network_of, images):
    network = network_of(net=net, side=64, pool=pool)
    explained = Maps(network, images)
    logits = network.model.forward(as_input(images))
    np.testing.assert_allclose(explained.logits, logits, rtol=0, atol=1e-4)  # of float32 photos
    for age in (0, 37, 100):
        terms = explained.of_logit(age)
        assert terms.shape == (2, 4, 4)
        wanted = explained.logits[:, age] - network.model.params["fc.b"][age]
        np.testing.assert_allclose(terms.sum(axis=(1, 2)), wanted, rtol=1e-9)


def test_what_is_explained(network_of, images):
    explained = Maps(network_of(side=64), images)
    p_hat, y_hat = estimate(network_of(side=64), images)
    np.testing.assert_allclose(explained.p_hat, p_hat, rtol=0, atol=1e-5)
    np.testing.assert_allclose(explained.y_hat, y_hat, rtol=0, atol=1e-4)


def test_a_term_stands_where_the_maximum_was(network_of, images):
    """Two bugs that leave the sum as it is are not taken for right."""
    network = network_of(side=64)
    explained = Maps(network, images)
    found = explained.of_logit(60)
    wanted = winners_by_hand(explained.features, network.model.params["fc.W"][:, 60])
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
    of_windows = wanted.reshape(2, 2, 2, 2, 2).mean(axis=(2, 4))
    winner_ignored = of_windows.repeat(2, axis=1).repeat(2, axis=2)
    for wrong in (winner_ignored, wanted.swapaxes(1, 2)):
        np.testing.assert_allclose(wrong.sum(), wanted.sum())
        assert np.abs(wrong - found).max() > 0.1 * np.abs(found).max()


def test_an_age_is_the_nearest_label(network_of, images):
    explained = Maps(network_of(side=64, grid=label_grid(0, 100, 4)), images)
    np.testing.assert_array_equal(explained.of_logit(49.9), explained.of_logit(48))
    assert np.abs(explained.of_logit(50.1) - explained.of_logit(48)).max() > 0


def test_each_image_may_have_an_age_of_its_own(network_of, images):
    explained = Maps(network_of(side=64), images)
    found = explained.of_log_probability(np.array([20.0, 70.0]))
    for i, age in enumerate((20, 70)):
        np.testing.assert_allclose(found[i], explained.of_log_probability(age)[i], rtol=1e-9)
    assert np.abs(found[1] - explained.of_log_probability(20)[1]).max() > 0


# ------------------------------------------------------------------------- what features would do


@pytest.mark.parametrize("pool", ["hp", "gap"])
@pytest.mark.parametrize("log_sigmoid", [False, True])
def test_features_that_get_stronger_move_what_is_explained(pool, log_sigmoid, network_of, images):
    """d y_hat / d eps, and that of ln p_hat, with features (1 + eps) times as strong somewhere."""
    network = network_of(side=64, pool=pool)
    if log_sigmoid:
        network.model.layers["log_sigmoid"] = LogSigmoid()
    explained = Maps(network, images)
    years, nats = explained.of_expectation(), explained.of_log_probability(33)
    after = list(network.model.layers.values())[-3 if log_sigmoid else -2 :]

    def said(features):
        for layer in after:
            features = layer.forward(features)
        p_hat, y_hat = decode(features)
        return np.array([y_hat, np.log(p_hat[:, 33])])

    h = 1e-5
    for place in np.ndindex(4, 4):
        ends = []
        for sign in (1, -1):
            features = explained.features.copy()
            features[:, *place] *= 1 + sign * h
            ends.append(said(features))
        slopes = (ends[0] - ends[1]) / (2 * h)
        found = [years[:, *place], nats[:, *place]]
        np.testing.assert_allclose(found, slopes, rtol=1e-5, atol=1e-8)
    assert np.abs(years).max() > 0.1


def test_the_map_of_the_expectation_is_the_weighted_sum_of_all_maps(network_of, images):
    explained = Maps(network_of(side=64), images)
    p_hat, y_hat = decode(explained.logits)
    weights = p_hat * (np.arange(101) - y_hat[:, None])
    wanted = sum(weights[:, k, None, None] * explained.of_logit(k) for k in range(101))
    np.testing.assert_allclose(explained.of_expectation(), wanted, rtol=1e-7, atol=1e-10)


def test_what_all_logits_share_changes_one_map_and_no_other(network_of, images, rng):
    """It changes no probability, so no map but that of a logit alone may show it."""
    network = network_of(side=64)
    before = Maps(network, images)
    network.model.params["fc.W"] += rng.standard_normal((128, 1))
    after = Maps(network, images)
    np.testing.assert_allclose(after.p_hat, before.p_hat, rtol=1e-9)
    for of in (lambda maps: maps.of_expectation(), lambda maps: maps.of_log_probability(30)):
        np.testing.assert_allclose(of(before), of(after), rtol=1e-6, atol=1e-9)
    assert np.abs(before.of_logit(30) - after.of_logit(30)).max() > 0.1


# -------------------------------------------------------------------------- what they leave alone


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(training, network_of, images):
    network, images = network_of(side=32), images[:, ::2, ::2]
    model = network.model.train(training)
    arrays = model.params | {f"grad {name}": a for name, a in model.grads.items()} | model.buffers
    before = {name: array.copy() for name, array in arrays.items()}
    wanted = Maps(network, images).of_expectation()
    occluded = saliency.occlusion(network, images[0])
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])
    assert {layer.training for layer in [model, *model.layers.values()]} == {training}
    model.eval()
    np.testing.assert_array_equal(Maps(network, images).of_expectation(), wanted)
    np.testing.assert_array_equal(saliency.occlusion(network, images[0]), occluded)


def test_a_step_of_training_goes_on_after_a_look(network_of, images):
    network = network_of(side=64)
    model = network.model.train()
    dlogits = np.random.default_rng(0).standard_normal((2, 101))
    model.forward(as_input(images))
    model.backward(dlogits)
    wanted = model.grads["conv1_1.W"].copy()
    model.forward(as_input(images))
    Maps(network, images).of_expectation()
    model.backward(dlogits)
    np.testing.assert_array_equal(model.grads["conv1_1.W"], wanted)


def test_two_explanations_do_not_meet(network_of, images):
    network = network_of(side=64)
    one = Maps(network, images[:1])
    wanted = one.of_expectation()
    Maps(network, images[1:]).of_expectation()
    network.model.forward(as_input(images), save=True)
    np.testing.assert_array_equal(one.of_expectation(), wanted)


@pytest.mark.parametrize("name", ["ranking", "or-cnn", "mr-l1"])
def test_a_method_without_softmax_is_refused_in_one_line(name, network_of, images):
    with pytest.raises(MapError, match=f"^{name}: no softmax, .*; try dldl-v2$") as error:
        Maps(network_of(name, side=64), images)
    assert "\n" not in str(error.value)


# --------------------------------------------------------------------------------------- occlusion


def test_occlusion_is_a_square_at_256_places(network_of, images):
    network, image = network_of(side=32), images[0, ::2, ::2]
    _, (whole,) = estimate(network, image[None])
    found = saliency.occlusion(network, image)
    wanted = np.zeros((16, 16))
    for h, w in np.ndindex(16, 16):
        copy = image.copy()
        for row, column in np.ndindex(32, 32):
            if 2 * h - 3 <= row < 2 * h + 5 and 2 * w - 3 <= column < 2 * w + 5:
                copy[row, column] = 128
        wanted[h, w] = whole - estimate(network, copy[None])[1][0]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-3)
    assert np.abs(wanted).max() > 0.1
    assert np.abs(wanted - wanted.T).max() > 0.1  # rows and columns exchanged would show


@pytest.mark.parametrize(("side", "pool"), [(32, "hp"), (48, "gap")])
def test_a_mirror_image_has_the_mirror_image_of_each_map(side, pool, network_of, images):
    """Of a network whose filters are symmetric, and which is not left with an odd row to drop."""
    network = network_of(side=side, pool=pool)
    for name, W in network.model.params.items():
        if name.startswith("conv"):
            W += W[:, ::-1].copy()
            W /= 2
    network.model.params["fc.W"] /= 10  # so that it is not sure of one age
    image = images[0, :side, :side]
    mirrored = image[:, ::-1]
    one, other = (Maps(network, each[None]).of_expectation()[0] for each in (image, mirrored))
    np.testing.assert_allclose(other, one[:, ::-1], rtol=1e-6, atol=1e-9)
    one, other = (saliency.occlusion(network, each) for each in (image, mirrored))
    np.testing.assert_allclose(other, one[:, ::-1], rtol=1e-6, atol=1e-9)
    assert np.abs(one - one[:, ::-1]).max() > 1e-3


@pytest.mark.parametrize("side", [32, 47, 112, 224])
def test_the_square_is_everywhere_as_often(side):
    """Its places are symmetric, the first and the last reach the edge, and none is empty."""
    places = saliency.spans(side)
    assert [(side - span.stop, side - span.start) for span in places[::-1]] == [
        (span.start, span.stop) for span in places
    ]
    assert (places[0].start, places[-1].stop) == (0, side)
    assert max(abs(span.stop - span.start - side / 4) for span in places[2:-2]) <= 2
    assert all(span.stop - span.start > 0 for span in places)


def test_under_squares_weighs_a_position_by_what_the_square_covers_of_it():
    """64 pixels, 4 x 4 positions of 16: the square at place i lies from 4 i - 6 to 4 i + 10."""
    one_map = np.zeros((4, 4))
    one_map[1, 2] = 5.0

    def covered(place, position):
        first, last = 4 * place - 6, 4 * place + 10
        return max(0, min(last, 16 * position + 16) - max(first, 16 * position)) / 16

    wanted = [[5 * covered(h, 1) * covered(w, 2) for w in range(16)] for h in range(16)]
    np.testing.assert_allclose(saliency.under_squares(one_map, 64), wanted)


def test_what_the_pooling_layers_drop_is_in_no_map():
    """40 pixels, 2 x 2 positions of 16; what lies beyond pixel 32 belongs to none."""
    found = saliency.under_squares(np.ones((2, 2)), 40)
    assert found[4, 4] == pytest.approx((11 / 16) ** 2)  # from pixel 6 to 17
    assert found[4, 14] == pytest.approx(11 / 16 * 1 / 16)  # from pixel 31 on
    assert (found[-1] == 0).all()  # from pixel 33 on
    assert (found[:, -1] == 0).all()


def test_agreement_is_a_correlation(rng):
    said = rng.standard_normal((16, 16))
    assert saliency.agreement(said, 7 * said + 2) == pytest.approx(1)
    assert saliency.agreement(said, -said) == pytest.approx(-1)
    assert abs(saliency.agreement(said, said.T)) < 0.5
    assert saliency.agreement(said, np.zeros((16, 16))) is None
    assert saliency.agreement(np.zeros((16, 16)), said) is None


# ------------------------------------------------------------------------------------------ decades


def test_by_decade_is_the_mean_of_each(network_of, tmp_path, rng):
    network = network_of(side=64)  # whose photos are held at 73 pixels
    ages = np.array([23.0, 71.5, 29.9, 30.0, 20.0, 79.0, 24.0])
    paths = [tmp_path / f"{i}.png" for i in range(len(ages))]
    for path in paths:
        random_photo(rng, 8).resize((73, 73)).save(path)
    store = PhotoStore(Photos(paths, ages, np.full(len(ages), 2.0)), 64, 10**9, 1)
    centers = np.stack([store[i][4:68, 4:68] for i in range(len(ages))])
    seen = []
    rows = saliency.by_decade(network, store, 3, seen.append)
    assert sum(seen) == 7
    members = {20: [0, 2, 4, 6], 30: [3], 70: [1, 5]}
    assert [row["decade"] for row in rows] == list(members)
    for row, chosen in zip(rows, members.values(), strict=True):
        explained = Maps(network, centers[chosen])
        assert row["count"] == len(chosen)
        np.testing.assert_allclose(row["face"], centers[chosen].mean(axis=0))
        np.testing.assert_allclose(row["map"], explained.of_expectation().mean(axis=0), rtol=1e-6)
        assert row["y_hat"] == pytest.approx(explained.y_hat.mean())
