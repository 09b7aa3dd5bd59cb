"""Where a face is and where not; and each step between the networks, with networks made up."""

import numpy as np
import pytest
from helpers.photos import LANDMARKS, group_of
from PIL import Image, ImageOps

from tinydldl.faces import SHAPES, align, detect, detector, face_in, networks
from tinydldl.faces.boxes import intersection_over_union


@pytest.fixture(scope="module")
def face(portrait):
    """The one face in the portrait."""
    (found,) = detect(portrait)
    return found


def test_the_landmarks_are_where_one_sees_them(face):
    np.testing.assert_allclose(face.landmarks, LANDMARKS, atol=8)
    assert np.abs(face.landmarks - LANDMARKS).mean() < 4
    assert 0.99 < face.score <= 1


def test_the_box_goes_around_them(face):
    left, top, right, bottom = face.box
    assert (face.landmarks > [left, top]).all()
    assert (face.landmarks < [right, bottom]).all()
    assert 150 < right - left < 250


def test_a_mirror_image(face, portrait):
    (mirrored,) = detect(ImageOps.mirror(portrait))
    expected = face.landmarks[[1, 0, 2, 4, 3]]
    expected[:, 0] = portrait.width - expected[:, 0]
    np.testing.assert_allclose(mirrored.landmarks, expected, atol=5)


def test_a_face_in_a_box_by_hand(face, portrait):
    """O-Net alone finds the landmarks, also where the box is wider or off by a tenth."""
    left, top, right, bottom = face.box
    for box in (face.box, [left - 20, top - 20, right + 20, bottom + 20], face.box + 20):
        found = face_in(portrait, box)
        np.testing.assert_allclose(found.landmarks, face.landmarks, atol=8)
        np.testing.assert_array_equal(found.box, box)


def test_no_face_in_a_box_by_hand(portrait):
    """It has a place for the landmarks all the same, and a score that says how sure it is."""
    found = face_in(portrait, [10, 400, 110, 500])
    assert found.score < 0.5
    assert found.landmarks.shape == (5, 2)
    with pytest.raises(ValueError, match="expected left, top, right and bottom of a box"):
        face_in(portrait, [110, 400, 10, 500])


@pytest.mark.parametrize("scale", [0.3, 0.5, 2, 4])
def test_at_other_sizes(scale, face, portrait):
    """Also where the photo has more than 1024 pixels a side: coordinates are those of the photo."""
    size = [round(scale * length) for length in portrait.size]
    (found,) = detect(portrait.resize(size))
    assert intersection_over_union(found.box, scale * face.box[None]) > 0.8
    np.testing.assert_allclose(found.landmarks / scale, face.landmarks, atol=5)


def test_small_faces_count_from_the_smallest_on(portrait):
    small = portrait.resize((77, 90))  # the face is about 27 pixels wide
    assert len(detect(small, smallest=20)) == 1
    assert detect(small, smallest=70) == []


def test_several_faces_the_most_probable_first(portrait):
    faces = detect(group_of(portrait, (0, 480), (450, 240), (700, 160)))
    scores = [face.score for face in faces]
    assert sorted(face.landmarks[2, 0] // 225 for face in faces) == [0, 2, 3]
    assert scores == sorted(scores, reverse=True)


def test_a_face_that_the_photo_cuts_off(face, portrait):
    cut = portrait.crop((180, 0, 512, 600))
    (found,) = detect(cut)
    np.testing.assert_allclose(found.landmarks, face.landmarks - [180, 0], atol=8)


@pytest.mark.parametrize("size", [(1, 1), (11, 300), (1, 3000), (640, 480)])
def test_no_face(size, rng):
    width, height = size
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert detect(Image.fromarray(pixels)) == []
    assert detect(Image.new("RGB", size, (200, 170, 150))) == []


def test_a_box_ends_where_the_photo_ends(portrait):
    cut = portrait.crop((200, 120, 512, 600))  # through the left cheek and the forehead
    (found,) = detect(cut)
    assert (found.box[:2] == 0).all()
    assert (found.box[2:] <= cut.size).all()
    assert found.landmarks[0, 0] > 0


def test_gray_photos(face, portrait):
    (found,) = detect(portrait.convert("L").convert("RGB"))
    np.testing.assert_allclose(found.landmarks, face.landmarks, atol=5)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_aligned_face_has_its_landmarks_in_their_places(shape, face, portrait):
    """Whatever way the photo is turned: detected again in the crop, they are where they belong."""
    for degrees in (0, 20):
        (found,) = detect(portrait.rotate(degrees))
        crop = align(portrait.rotate(degrees), found.landmarks, 224, shape)
        (again,) = detect(crop)
        assert np.abs(again.landmarks / 224 - SHAPES[shape]).mean() < 0.03


def test_patches_in_batches_of_any_size(face, portrait, monkeypatch):
    monkeypatch.setattr(detector, "BATCH", 1)
    (found,) = detect(portrait)
    np.testing.assert_allclose(found.landmarks, face.landmarks, rtol=1e-5)


def test_agrees_with_another_implementation(face, portrait):
    """The same three networks in faceie, written by others."""
    faceie = pytest.importorskip("faceie", reason="faceie is not installed: pip install faceie")
    for height in (150, 220, 330, 480, 600):
        photo = portrait.resize((height * 512 // 600, height))
        theirs = faceie.detect_faces(photo, rotations=np.zeros(1), extract_images=None)
        (ours,) = detect(photo)
        assert len(theirs.landmarks) == 1
        landmarks = theirs.landmarks[0].reshape(5, 2)
        distances = np.linalg.norm(ours.landmarks - landmarks, axis=1)
        assert distances.mean() < 0.05 * np.linalg.norm(landmarks[1] - landmarks[0])


def test_other_images_and_sizes_are_refused():
    with pytest.raises(ValueError, match="expected an RGB photo"):
        detect(Image.new("L", (50, 50)))
    with pytest.raises(ValueError, match="at least 12 pixels"):
        detect(Image.new("RGB", (50, 50)), smallest=11)


# ------------------------------------------------------------------------------- the steps, by hand


def test_scales_by_hand():
    """From 12/40 on, each 0.709 of the last, as long as 480 pixels are at least 12: 0.025."""
    scales = list(detector.scales((640, 480), 40))
    np.testing.assert_allclose(scales[:3], [0.3, 0.2127, 0.1508043])
    assert len(scales) == 8
    assert list(detector.scales((640, 12), 12)) == [1]
    assert list(detector.scales((640, 11), 12)) == []


class MadeUp:
    """A network with a side that says what it is told."""

    def __init__(self, side, say):
        self.side, self.forward = side, say


def test_where_the_positions_of_p_net_are(monkeypatch):
    """Position (row 3, column 5) of a level of half the size is the square at 2 * (10, 6)."""

    def say(x):
        _, H, W, _ = x.shape
        places = 1, H // 2 - 5, W // 2 - 5
        y = {"face": np.zeros(places), "box": np.zeros((*places, 4))}
        if (H, W) == (50, 60):
            y["face"][0, 3, 5] = 0.61
            y["face"][0, 4, 15] = 0.59  # not probable enough
            y["box"][0, 3, 5] = [-0.25, 0, 0.25, 0]  # 6 pixels to both sides: 36 x 24, made square
        return y

    monkeypatch.setattr(networks, "load", lambda name: MadeUp(12, say))
    squares = detector.propose(Image.new("RGB", (120, 100)), smallest=24)
    np.testing.assert_array_equal(squares, [[14, 6, 50, 42]])


def test_what_refine_and_conclude_make_of_outputs(monkeypatch):
    """The second square is no face; the third shares 90 / 110 with the first; the fourth is inside
    others, which only the last suppression minds."""
    squares = np.array([[0.0, 0, 10, 10], [30, 30, 40, 40], [1, 0, 11, 10], [4, 4, 8, 8]])
    y = {
        "face": np.array([0.8, 0.7, 0.9, 0.75]),
        "box": np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0.1, 0.2, 0.3, 0.4], [0, 0, 0, 0]]),
        "landmarks": np.tile([[0.5, 0.1]], (4, 5, 1)),
    }
    monkeypatch.setattr(networks, "load", lambda name: MadeUp(24, lambda x: y))
    photo = Image.new("RGB", (50, 50))
    refined = detector.refine(photo, squares)
    np.testing.assert_array_equal(refined, [[2, 2, 14, 14], [4, 4, 8, 8]])
    none, *_ = detector.conclude(photo, squares, detector.SCORE)
    assert len(none) == 0  # as probable as it must be
    boxes, scores, landmarks = detector.conclude(photo, squares, 0.7)
    np.testing.assert_allclose(boxes, [[2, 2, 14, 14], [0, 0, 10, 10]])
    np.testing.assert_allclose(scores, [0.9, 0.8])
    np.testing.assert_allclose(landmarks, [[[6, 1]] * 5, [[5, 1]] * 5])


@pytest.mark.parametrize(("score", "count"), [({}, 1), ({"score": 0.8}, 2), ({"score": 0.95}, 0)])
def test_how_probable_a_face_must_be(score, count, monkeypatch):
    """A pumpkin gets 0.85 of O-Net, a face 0.92; both reach beyond the photo."""

    def classify(name, image, squares, least):
        boxes = np.array([[-30.0, 10, 40, 70], [50, -9, 109, 60]])
        y = {"face": np.array([0.85, 0.92]), "box": np.zeros((2, 4))}
        y["landmarks"] = np.full((2, 5, 2), 0.5)
        probable = y["face"] > least
        return {head: values[probable] for head, values in y.items()}, boxes[probable]

    monkeypatch.setattr(detector, "propose", lambda image, smallest: np.zeros((2, 4)))
    monkeypatch.setattr(detector, "classify", classify)
    faces = detect(Image.new("RGB", (100, 80)), **score)
    assert [face.score for face in faces] == [0.92, 0.85][:count]
    boxes = [[50, 0, 100, 60], [0, 10, 40, 70]]
    assert [face.box.tolist() for face in faces] == boxes[:count]


def test_patches_are_black_outside_the_photo():
    photo = Image.new("RGB", (10, 10), (255, 127, 128))
    inside, half = detector.patches(photo, np.array([[2.0, 2, 8, 8], [5, 0, 15, 10]]), 6)
    np.testing.assert_allclose(inside, np.tile([127.5, -0.5, 0.5], (6, 6, 1)) / 128)
    np.testing.assert_allclose(half[:, :2], inside[:, :2])
    np.testing.assert_allclose(half[:, -2:], -127.5 / 128)
    assert inside.dtype == np.float32
