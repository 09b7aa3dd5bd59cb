"""What the page gets to know of a photo is what the library says of it."""

import base64
import io
import json
import sys

import numpy as np
import pytest
from helpers.networks import save_network
from helpers.photos import LANDMARKS, encoded, group_of
from PIL import Image, ImageOps

from tinydldl import trained
from tinydldl.app import estimate as module
from tinydldl.app.estimate import NO_FACE, Choice, estimate
from tinydldl.explain.saliency import Maps, under_squares
from tinydldl.faces import Face, detect
from tinydldl.images import PhotoError, open_photo
from tinydldl.predict import inputs
from tinydldl.predict.portraits import portraits


def picture(uri):
    """The image in a data URI."""
    kind, data = uri.split(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert kind == f"data:image/{image.format.lower()}"
    return image


def agree(choice, image, face, record):
    """Whether a record is what the library says of a face."""
    (person,) = portraits(choice.network, image, [face], choice.crop)
    assert record["age"] == person.y_hat
    assert record["spread"] == person.spread
    np.testing.assert_array_equal(np.float32(record["distribution"]), person.p_hat)
    np.testing.assert_array_equal(np.asarray(picture(record["view"])), np.asarray(person.view))
    return person


def test_the_whole_photo(choice, portrait):
    answer = json.loads(json.dumps(estimate(choice, portrait, whole=True)))
    image = open_photo(io.BytesIO(portrait))
    (record,) = answer["faces"]
    agree(choice, image, None, record)
    assert record["box"] is None
    assert answer["note"] is None
    assert answer["labels"] == list(range(101))
    assert (answer["width"], answer["height"]) == (512, 600)
    seen = np.asarray(picture(answer["photo"])).astype(float)
    assert np.abs(seen - np.asarray(image)).mean() < 3  # but for what JPEG loses


def test_faces_from_left_to_right(choice, portrait):
    group = group_of(open_photo(io.BytesIO(portrait)), (450, 240), (0, 480), (700, 160))
    answer = estimate(choice, encoded(group))
    faces = {tuple(face.box.tolist()): face for face in detect(group)}
    lefts = [record["box"][0] for record in answer["faces"]]
    assert len(lefts) == 3
    assert lefts == sorted(lefts)
    assert answer["note"] is None
    for record in answer["faces"]:
        agree(choice, group, faces[tuple(record["box"])], record)


def test_the_map_is_that_of_the_expectation(choice, portrait):
    (record,) = estimate(choice, portrait, whole=True)["faces"]
    view = np.asarray(picture(record["view"]))
    (expected,) = Maps(choice.network, view[None]).of_expectation()
    np.testing.assert_allclose(record["map"], under_squares(expected, 40), rtol=1e-6)
    assert np.ptp(expected) > 0.1


@pytest.mark.parametrize(("method", "has_distribution"), [("mr-l1", False), ("ranking", True)])
def test_what_a_method_does_not_have_is_none(tmp_path, portrait, method, has_distribution):
    save_network(tmp_path / "net", method)
    choice = Choice("net", trained.load(tmp_path / "net"), "utkface")
    (record,) = estimate(choice, portrait, whole=True)["faces"]
    assert record["map"] is None
    assert (record["distribution"] is not None) == has_distribution
    assert (record["spread"] is not None) == has_distribution
    assert 0 <= record["age"] <= 100


def test_a_turned_and_large_photo(choice, portrait):
    """It comes back upright, as the network sees it, and with at most 1024 pixels per side."""
    image = open_photo(io.BytesIO(portrait)).resize((900, 1350))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = encoded(image.transpose(Image.Transpose.ROTATE_90), exif=exif, compress_level=1)
    answer = estimate(choice, turned, whole=True)
    assert (answer["width"], answer["height"]) == (900, 1350)
    assert picture(answer["photo"]).size == (683, 1024)
    agree(choice, image, None, answer["faces"][0])


def test_another_crop_is_another_view(choice, portrait):
    other = Choice(choice.label, choice.network, "arcface")
    image = open_photo(io.BytesIO(portrait))
    (face,) = detect(image)
    (record,) = estimate(other, portrait)["faces"]
    agree(other, image, face, record)
    assert record["age"] != estimate(choice, portrait)["faces"][0]["age"]


# ---------------------------------------------------------------------------------- what is not


def test_no_face(choice, gradient):
    answer = estimate(choice, gradient)
    assert answer["faces"] == []
    assert answer["note"] == NO_FACE
    assert len(estimate(choice, gradient, whole=True)["faces"]) == 1


def test_a_photo_that_lies_on_its_side(choice, portrait):
    """The page shows it upright."""
    upright = open_photo(io.BytesIO(portrait))
    lying = encoded(upright.transpose(Image.Transpose.ROTATE_270))
    answer = estimate(choice, lying)
    assert answer["note"] == "The photo was turned by 270 degrees."
    assert (answer["width"], answer["height"]) == picture(answer["photo"]).size == upright.size
    agree(choice, upright, *detect(upright), *answer["faces"])


def test_a_crowd_is_cut_off(choice, portrait, monkeypatch):
    crowd = [Face(np.array([190.0 - k, 120, 330, 310]), 1 - k / 100, LANDMARKS) for k in range(5)]
    monkeypatch.setattr(inputs, "detect", lambda *_: crowd)
    monkeypatch.setattr(module, "MOST_FACES", 3)
    answer = estimate(choice, portrait)
    assert [record["box"][0] for record in answer["faces"]] == [188, 189, 190]
    assert answer["note"] == "5 faces were found; these are the 3 clearest."
    monkeypatch.setattr(inputs, "find_faces", lambda image, _: (image, crowd, 90))
    turned = "The photo was turned by 90 degrees."
    assert estimate(choice, portrait)["note"] == f"{turned} {answer['note']}"


@pytest.mark.parametrize(
    ("data", "words"),  # more: the photos of test_bad_input.py
    [
        (b"hello\n", "can be read; expected JPEG, PNG, WebP, GIF, BMP or PPM "),
        (encoded(Image.new("1", (14200, 14200))), "more than 201 million pixels"),
        (encoded(Image.new("RGB", (99, 99)), "TIFF"), "save it as JPEG or PNG"),
        (b"\xc5\xd0\xd3\xc6" + bytes(60), "not a photo that can be read"),  # PostScript
    ],
    ids=["text", "bomb", "TIFF", "PostScript with a preview"],
)
def test_what_is_no_photo(choice, data, words):
    with pytest.raises(PhotoError, match=words) as caught:
        estimate(choice, data, whole=True)
    assert str(caught.value).startswith("the photo: ")
    assert "\n" not in str(caught.value)


def test_the_longest_photo(choice):
    assert len(estimate(choice, encoded(Image.new("L", (12, 600))), whole=True)["faces"]) == 1
    with pytest.raises(PhotoError, match=r"^11 x 12 pixels, expected 12 or more a side for a face"):
        estimate(choice, encoded(Image.new("L", (11, 12))), whole=True)


writes = []


def remember(event, arguments):
    """Python tells this of all that it does: remember the files that it opens to write."""
    if event == "open":
        path, _, flags = arguments
        if not isinstance(path, int) and flags & 3:  # os.O_WRONLY, os.O_RDWR
            writes.append(str(path))


def test_no_photo_is_written(choice, portrait, tmp_path):
    """Nothing is written at all, with faces, the whole photo, or a photo that breaks off."""
    sys.addaudithook(remember)  # for good, but it only looks
    (tmp_path / "planted").write_bytes(portrait)
    assert writes == [str(tmp_path / "planted")]
    writes.clear()
    estimate(choice, portrait)
    estimate(choice, encoded(ImageOps.mirror(open_photo(io.BytesIO(portrait)))), whole=True)
    with pytest.raises(PhotoError):
        estimate(choice, portrait[:5000])
    assert writes == []
