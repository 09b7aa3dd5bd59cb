"""Photos as users name them, and faces where users say that they are."""

import argparse
import io
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.photos import LANDMARKS, PORTRAIT, group_of
from PIL import Image

from tinydldl import cli
from tinydldl.errors import UserError
from tinydldl.faces import align, detect
from tinydldl.images import PhotoError, open_photo
from tinydldl.predict import inputs

ASTRONAUT = Path(__file__).parents[2] / "docs" / "astronaut.jpg"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """With photo.jpg, the portrait."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(PORTRAIT, "photo.jpg")


def search(*words):
    parser = argparse.ArgumentParser()
    inputs.add_face_arguments(parser)
    return cli.gather(inputs.Search, parser.parse_args(words))


def find(*words, image=None):
    """The faces in a photo, by default photo.jpg, for these words of a command line."""
    return inputs.find_faces(image or open_photo("photo.jpg"), search(*words))[1]


def joined(points):
    return ",".join(f"{value:g}" for value in np.ravel(points))


def test_what_a_name_stands_for():
    """A file whose name looks like a pattern is that file."""
    Path("party").mkdir()
    for name in ("a[1].jpg", "b.webp", ".shadow.jpg", "notes.txt"):
        shutil.copy("photo.jpg", Path("party", name))
    in_party = [str(Path("party", name)) for name in ("a[1].jpg", "b.webp")]
    assert inputs.expand("party") == in_party
    assert inputs.expand("party/*.webp") == in_party[1:]
    assert inputs.expand("party/a[1].jpg") == in_party[:1]
    assert inputs.expand("par*") == in_party
    assert inputs.expand("-") == ["-"]
    Path("party", "night", "late").mkdir(parents=True)
    for name in ("night/late/c.jpg", "night/late/.d.jpg"):
        shutil.copy("photo.jpg", Path("party", name))
    assert inputs.expand("**/*.jpg") == ["party/a[1].jpg", "party/night/late/c.jpg", "photo.jpg"]
    assert inputs.expand("party/ni*/**") == ["party/night/late/c.jpg"]  # in two ways, once
    assert inputs.expand("missing.jpg") == ["missing.jpg"]


def test_standard_input(monkeypatch):
    def given(data):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    given(Path("photo.jpg").read_bytes())
    image, faces, _ = inputs.look("-", search("--no-detect"))
    assert image.tobytes() == open_photo("photo.jpg").tobytes()
    assert faces == [None]
    given(b"")
    with pytest.raises(PhotoError, match=r"^standard input: the file is empty$"):
        inputs.look("-", search())
    monkeypatch.setattr(inputs, "MOST_BYTES", 50_000)
    given(bytes(1_000_000))
    with pytest.raises(PhotoError, match=r"^standard input: not a photo that can be read"):
        inputs.look("-", search())
    assert sys.stdin.buffer.tell() == 50_000


def test_names_for_files():
    assert (inputs.stem("-"), inputs.stem("party/photo.jpg")) == ("photo", "photo")
    assert inputs.stem("ä" * 120 + ".jpg") == "ä" * 50  # 100 bytes; a file system takes 255
    assert inputs.stem(os.fsdecode(b"a\xff.jpg")) == "a?"


def test_a_name_that_no_file_system_takes():
    name = "x" * 300 + ".jpg"
    assert inputs.expand(name) == [name]
    with pytest.raises(PhotoError, match="too long"):
        inputs.look(name, search())


def test_faces_are_counted_from_left_to_right():
    photo = group_of(open_photo("photo.jpg"), (450, 240), (0, 480), (700, 160))
    lefts = [face.box[0] for face in find(image=photo)]
    assert lefts == sorted(face.box[0] for face in detect(photo))
    assert len(lefts) == 3


def test_a_face_where_the_user_says_it_is():
    (face,) = find("--landmarks", joined(LANDMARKS))
    np.testing.assert_array_equal(face.landmarks, LANDMARKS)
    np.testing.assert_array_equal(face.box, [222, 186, 306, 282])
    assert find("--no-detect") == [None]


@pytest.mark.parametrize("degrees", [0, 90, 180])
def test_landmarks_of_a_face_may_lie_in_any_direction(degrees):
    turn = np.exp(1j * np.deg2rad(degrees))
    turned = (LANDMARKS - (256, 250)) @ [1, 1j] * turn
    points = np.stack([turned.real + 256, turned.imag + 250], axis=1)
    (face,) = find("--landmarks", joined(points))
    np.testing.assert_allclose(face.landmarks, points, atol=1e-3)


IN_A_LINE = np.linspace([50, 60], [150, 300], 5)
ORDERS = [1, 0, 2, 3, 4], [0, 1, 2, 4, 3], [1, 0, 2, 4, 3], [3, 4, 2, 0, 1], [2, 0, 1, 3, 4]


@pytest.mark.parametrize(
    "points",
    [*(LANDMARKS[order] for order in ORDERS), IN_A_LINE, LANDMARKS[:, ::-1]],
)
def test_landmarks_in_another_order_in_a_line_or_mirrored_are_refused(points):
    with pytest.raises(PhotoError, match=r"^--landmarks: these do not lie as in a face; expected"):
        find("--landmarks", joined(points))


def test_landmarks_may_lie_outside_of_a_photo_that_cuts_a_face_off_but_not_far():
    cut = open_photo("photo.jpg").crop((240, 0, 512, 600))
    points = LANDMARKS - (240, 0)
    (face,) = find("--landmarks=" + joined(points), image=cut)
    np.testing.assert_array_equal(face.box, [0, 186, 66, 282])
    for far in (points * [40, 40], points * 1e150, points * 1e305, points - [1000, 0]):
        with pytest.raises(PhotoError, match=r"^--landmarks: far outside the photo, which"):
            find("--landmarks=" + joined(far), image=cut)


@pytest.mark.parametrize("side", [1, 11, 12])
def test_what_is_too_small_for_a_face(side):
    image = Image.new("RGB", (side, 40))
    for words in (["--no-detect"], ["--box", f"0,0,{side},30"]):
        if side < 12:
            with pytest.raises(UserError, match=rf"{side} x .* pixels.*, expected 12 or more"):
                find(*words, image=image)
        else:
            assert len(find(*words, image=image)) == 1


def test_a_box_ends_where_the_photo_ends():
    """Those that the detector finds at an edge, and predict prints, reach beyond it."""
    (face,) = find("--box=-3,80,300,600")
    np.testing.assert_array_equal(face.box, [0, 80, 297, 600])


@pytest.mark.parametrize("words", [[], ["--box", "170,80,160,230"]])
def test_a_face_in_a_photo_decoded_at_half_its_size(words, monkeypatch):
    """All is in pixels of the photo in the file, and the face is cut out as from it."""
    whole = open_photo("photo.jpg")
    monkeypatch.setattr("tinydldl.images.MOST_PIXELS", 512 * 300)
    half = open_photo("photo.jpg")
    assert half.size == (256, 300)
    (face,), (expected,) = (find(*words, image=image) for image in (half, whole))
    assert np.abs(face.box - expected.box).max() < 12
    assert np.abs(face.landmarks - expected.landmarks).max() < 5
    views = [np.asarray(align(image, LANDMARKS, 64)) for image in (half, whole)]
    assert np.abs(np.subtract(*views, dtype=int)).mean() < 6
    with pytest.raises(PhotoError, match="the photo has 512 x 600"):
        find("--box", "511,0,90,90", image=half)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_photo_is_turned_until_a_face_is_upright(degrees):
    """What is seen is then the upright photo, to the pixel."""
    with Image.open(ASTRONAUT) as photo:
        upright = photo.convert("RGB").crop((0, 0, 512, 500))
    lying = upright.rotate(degrees, expand=True)  # counterclockwise
    image, (face,), turned = inputs.find_faces(lying, search())
    assert turned == degrees
    assert image.tobytes() == upright.tobytes()
    (expected,) = detect(upright)
    np.testing.assert_array_equal(face.landmarks, expected.landmarks)


def test_a_photo_in_which_nobody_is_found_is_left_as_it_is(monkeypatch):
    tried = []
    monkeypatch.setattr(inputs, "detect", lambda image, *_: tried.append(image.size) or [])
    image = Image.new("RGB", (40, 30))
    assert inputs.find_faces(image, search()) == (image, [], 0)
    assert tried == [(40, 30), (30, 40), (40, 30), (30, 40)]


def test_a_face_that_is_upright_is_enough(monkeypatch):
    tried, photo = [], open_photo("photo.jpg")
    monkeypatch.setattr(inputs, "detect", lambda *args: tried.append(args) or detect(*args))
    assert len(find(image=photo)) == len(tried) == 1
    monkeypatch.setattr(inputs, "SURE", 1)  # then the others are tried, and none is better
    assert inputs.find_faces(photo, search())[0] is photo
    assert len(tried) == 5
