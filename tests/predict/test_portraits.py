"""A face reaches the network as its photos did in training, and comes back as an age."""

import numpy as np
import pytest
from helpers.networks import CHANNELS, save_network
from helpers.photos import LANDMARKS, PORTRAIT
from PIL import Image, ImageOps

from tinydldl import trained
from tinydldl.datasets import Photos
from tinydldl.datasets.loader import PhotoStore
from tinydldl.faces import SHAPES, Face
from tinydldl.images import open_photo
from tinydldl.predict import pictures, portraits
from tinydldl.predict.portraits import view


@pytest.fixture(scope="module")
def image():
    return open_photo(PORTRAIT)


@pytest.fixture
def face():
    return Face(np.array([190.0, 120, 330, 310]), 1.0, LANDMARKS)


def network_of(tmp_path, method="dldl-v2", **settings):
    save_network(tmp_path / "net", method, **settings)
    return trained.load(tmp_path / "net")


def by_hand(network, images):
    """p_hat of uint8 images (N, side, side, 3), the mean over each and its mirror image."""
    mean, std = CHANNELS
    x = ((images / 255 - mean) / std).astype(np.float32)
    logits = np.stack([network.model.forward(part) for part in (x, x[:, :, ::-1])])
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)).mean(axis=0)


def test_a_whole_photo_is_seen_as_in_an_evaluation(tmp_path, image):
    """Resized to 8/7 of the network's side, and of that the center."""
    image.save(tmp_path / "photo.png")
    network = network_of(tmp_path, side=40)
    photos = Photos([tmp_path / "photo.png"], np.array([79.0]), np.array([2.0]))
    p_hat, y_hat = network.predict(PhotoStore(photos, 40, 0, 1), batch=1)
    (portrait,) = portraits.portraits(network, image, [None])
    np.testing.assert_array_equal(portrait.p_hat, p_hat[0])
    assert portrait.y_hat == y_hat[0]
    assert portrait.face is None


def test_faces_go_to_the_network_in_batches_and_keep_their_order(tmp_path, image, monkeypatch):
    monkeypatch.setattr(portraits, "BATCH", 2)
    five = [Face(np.array([9.0 * i, 120, 330, 310]), 1.0, LANDMARKS + i) for i in range(5)]
    network = network_of(tmp_path)
    people = portraits.portraits(network, image, five)
    assert all(person.face is face for person, face in zip(people, five, strict=True))
    alone = [portraits.portraits(network, image, [face])[0].y_hat for face in five]
    np.testing.assert_allclose([person.y_hat for person in people], alone, rtol=1e-4)


def test_the_view_is_the_middle_of_the_aligned_face(face):
    """An eye lies where the shape has it, in a square of which 1/16 is cut off on each side."""
    dot = Image.new("RGB", (512, 600))
    x, y = LANDMARKS[0]
    dot.paste((255, 0, 0), (int(x) - 4, int(y) - 4, int(x) + 5, int(y) + 5))
    pixels = np.asarray(view(dot, face, 112, "utkface")).astype(int)
    rows, columns = np.nonzero(pixels[..., 0] - pixels[..., 1] > 120)  # outside it is gray
    found = np.array([columns.mean(), rows.mean()]) + 0.5
    np.testing.assert_allclose(found, 128 * SHAPES["utkface"][0] - 8, atol=4)


def test_estimates_are_those_by_hand(tmp_path, image, face):
    network = network_of(tmp_path, side=40)
    tilted = Face(face.box, 0.9, LANDMARKS @ [[0.9, 0.2], [-0.2, 0.9]] + [40, 0])
    people = portraits.portraits(network, image, [face, tilted])
    expected = by_hand(network, np.stack([np.asarray(person.view) for person in people]))
    assert np.abs(expected[0] - expected[1]).max() > 1e-3  # two faces, two answers
    for person, p_hat, given in zip(people, expected, (face, tilted), strict=True):
        assert person.face is given
        np.testing.assert_allclose(person.p_hat, p_hat, rtol=0, atol=1e-6)
        mean = p_hat @ np.arange(101)
        assert person.y_hat == pytest.approx(mean, abs=1e-4)
        variance = p_hat @ (np.arange(101) - mean) ** 2
        assert person.spread == pytest.approx(np.sqrt(variance), abs=1e-3)


def test_a_mirror_image_gets_the_same_answer(tmp_path, image):
    network = network_of(tmp_path, side=56)  # held at 64, so that the center is in the middle
    (one,) = portraits.portraits(network, image, [None])
    (other,) = portraits.portraits(network, ImageOps.mirror(image), [None])
    np.testing.assert_allclose(one.p_hat, other.p_hat, rtol=0, atol=1e-5)


def test_another_crop_shows_another_part(image, face):
    one, other = (np.asarray(view(image, face, 64, shape)) for shape in ("utkface", "arcface"))
    assert np.abs(one.astype(int) - other).mean() > 5


def test_a_method_without_a_distribution_has_an_age_alone(tmp_path, image, face):
    network = network_of(tmp_path, "mr-l2")
    (person,) = portraits.portraits(network, image, [face])
    assert 0 < person.y_hat < 100
    assert person.p_hat is None
    assert person.spread is None


def test_no_face_no_portrait(tmp_path, image):
    assert portraits.portraits(network_of(tmp_path), image, []) == []


@pytest.mark.parametrize("count", [1, 3, 5])
def test_the_legend_of_the_picture_has_room(count, tmp_path, image, face):
    """As drawn: it is below the chart, beside the photo, and within the picture."""
    people = portraits.portraits(network_of(tmp_path), image, [face] * count)
    figure = pictures.people(image, people, "portrait")
    figure.draw_without_rendering()
    left, right = figure.subfigs
    (legend,) = right.legends
    box = legend.get_window_extent()
    assert box.x0 >= left.axes[0].get_window_extent().x1
    assert box.x1 <= figure.bbox.x1
    assert box.y1 <= min(axes.get_window_extent().y0 for axes in right.axes if axes.axison)
