"""Three lines in another program, against the parts that they are made of."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.networks import save_network
from helpers.photos import LANDMARKS, PORTRAIT
from PIL import Image

from tinydldl import AgeEstimator, trained, weights
from tinydldl.errors import UserError
from tinydldl.images import PhotoError, open_photo
from tinydldl.predict.inputs import Search, find_faces
from tinydldl.predict.portraits import portraits


@pytest.fixture
def network(tmp_path):
    save_network(tmp_path / "net", "dldl-v2", side=40)
    return tmp_path / "net"


def test_faces_are_those_of_predict():
    faces = AgeEstimator("tiny").predict(PORTRAIT)
    image, found, _ = find_faces(open_photo(PORTRAIT), Search())
    (expected,) = portraits(trained.load(weights.find("tiny")), image, found)
    assert len(faces) == 1
    assert faces.ages == expected.y_hat
    np.testing.assert_array_equal(faces.distributions, expected.p_hat[None])
    np.testing.assert_array_equal(faces.labels, expected.grid)
    np.testing.assert_array_equal(faces.boxes, expected.face.box[None])
    np.testing.assert_array_equal(faces.landmarks, expected.face.landmarks[None])
    np.testing.assert_array_equal(faces.scores, [expected.face.score])
    assert faces.turned == 0


def test_a_photo_that_stands_on_its_head():
    image = open_photo(Path(__file__).parents[1] / "docs" / "astronaut.jpg")
    estimator = AgeEstimator("tiny")
    found, upright = (estimator.predict(given) for given in (image.rotate(180), image))
    assert (found.turned, upright.turned) == (180, 0)
    np.testing.assert_array_equal(found.ages, upright.ages)
    np.testing.assert_array_equal(found.boxes, upright.boxes)


def test_a_photo_comes_in_three_forms(network, tmp_path):
    estimator = AgeEstimator(network)
    image = open_photo(PORTRAIT)
    image.save(tmp_path / "photo.png")
    transparent = image.copy()
    transparent.putalpha(255)
    forms = [tmp_path / "photo.png", str(tmp_path / "photo.png"), image, transparent]
    ages = [estimator.predict(form, no_detect=True).ages for form in (*forms, np.asarray(image))]
    assert len({float(age) for (age,) in ages}) == 1


def test_a_photo_that_is_a_face_has_no_box(network):
    faces = AgeEstimator(network).predict(PORTRAIT, no_detect=True)
    assert (faces.ages.shape, faces.distributions.shape) == ((1,), (1, len(faces.labels)))
    assert faces.boxes is faces.landmarks is faces.scores is None


def test_a_method_without_a_distribution(tmp_path):
    save_network(tmp_path / "net", "mr-l1", side=40)
    faces = AgeEstimator(tmp_path / "net").predict(PORTRAIT, landmarks=LANDMARKS.ravel())
    assert faces.distributions is None
    assert (len(faces), faces.landmarks.shape) == (1, (1, 5, 2))


@pytest.mark.parametrize("method", ["dldl-v2", "mr-l1"])
def test_no_face_is_no_error(method, tmp_path):
    save_network(tmp_path / "net", method, side=40)
    faces = AgeEstimator(tmp_path / "net").predict(np.zeros((80, 90, 3), np.uint8))
    assert len(faces) == 0
    assert faces.boxes.shape == (0, 4)
    assert faces.landmarks.shape == (0, 5, 2)
    if method == "dldl-v2":
        assert faces.distributions.shape == (0, len(faces.labels))


@pytest.mark.parametrize(
    ("photo", "words"),
    [
        (
            np.zeros((9, 9, 3)),
            r"expected RGB values \(H, W, 3\), uint8, got .* float64 \(9, 9, 3\)",
        ),
        (np.zeros((9, 9), np.uint8), r"got an array of uint8 \(9, 9\)"),
        (np.zeros((0, 9, 3), np.uint8), r"got an array of uint8 \(0, 9, 3\)"),
        (Image.new("RGB", (600, 4)), "a stripe, not a photo"),
        ("nothing.jpg", "nothing.jpg: No such file"),
    ],
)
def test_what_is_no_photo(photo, words, network):
    with pytest.raises(PhotoError, match=words):
        AgeEstimator(network).predict(photo, no_detect=True)


def test_what_is_no_network(tmp_path):
    with pytest.raises(UserError, match="no checkpoint"):
        AgeEstimator(tmp_path / "nothing")
    with pytest.raises(UserError, match="crop 'square': expected one of utkface"):
        AgeEstimator(crop="square")


def test_the_import_is_light():
    code = "import sys; from tinydldl import AgeEstimator; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"scipy", "PIL", "matplotlib", "tqdm"} & set(done.stdout.split())
