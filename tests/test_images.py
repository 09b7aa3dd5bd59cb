"""Whatever users have: each kind of photo opens upright and in RGB, or is refused in one line."""

import io
import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers.photos import encoded, gray_jpeg, random_photo
from PIL import Image, PngImagePlugin

from tinydldl.images import (
    DIVISOR,
    FILL,
    PhotoError,
    as_photo,
    center_crop,
    full_size,
    held_side,
    open_photo,
)

UPRIGHT = {  # EXIF orientation: how a photo lies in the file if it is upright before
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
ORIENTATION = 0x0112


@pytest.fixture
def photo(rng):
    return random_photo(rng, 9, 6)


def opened(image, format, **options):
    """The image saved in a format and opened again."""
    again = open_photo(io.BytesIO(encoded(image, format, **options)))
    assert again.mode == "RGB"
    return again


def same(first, second):
    np.testing.assert_array_equal(np.asarray(first), np.asarray(second))


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation(orientation, photo):
    turn, exif = UPRIGHT[orientation], Image.Exif()
    exif[ORIENTATION] = orientation
    lying = photo if turn is None else photo.transpose(turn)
    same(opened(lying, "PNG", exif=exif), photo)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "RGB"])
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_modes(mode, format, photo):
    image = photo.convert(mode)
    if format == "WEBP" and mode in ("1", "P"):
        image = image.convert("RGB")  # it has no others
    options = {"lossless": True} if format == "WEBP" else {}
    same(opened(image, format, **options), image.convert("RGB"))


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk(format):
    blue = opened(Image.new("CMYK", (9, 6), (255, 255, 0, 0)), format)
    np.testing.assert_allclose(np.asarray(blue), [[[0, 0, 255]] * 9] * 6, atol=2)


def test_sixteen_bits():
    ramp = np.linspace(0, 65535, 54).astype(np.uint16).reshape(6, 9)
    for format in ("PNG", "TIFF"):
        pixels = np.asarray(opened(Image.fromarray(ramp), format))
        np.testing.assert_array_equal(pixels, np.dstack([ramp // 257] * 3))
    more = np.array([[-300, 0], [65535, 2**31 - 1]], np.int32)  # 32 bits that do not wrap round
    assert np.asarray(opened(Image.fromarray(more), "TIFF"))[..., 0].tolist() == [[0, 0], [255] * 2]


def test_sixteen_bits_that_lie_on_their_side():
    ramp, exif = np.arange(54, dtype=np.uint16).reshape(6, 9) * 1000, Image.Exif()
    exif[ORIENTATION] = 6
    pixels = np.asarray(opened(Image.fromarray(ramp), "PNG", exif=exif))
    np.testing.assert_array_equal(pixels[..., 0], np.rot90(ramp, -1) // 257)


def test_transparent_parts_are_gray():
    value, alpha = np.indices((256, 256))
    pixels = np.stack([value, 0 * value, 255 - value, alpha], axis=2).astype(np.uint8)
    color, share = pixels[..., :3], alpha[..., None] / 255
    found = np.asarray(opened(Image.fromarray(pixels), "PNG"))
    assert np.abs(found - (share * color + (1 - share) * FILL)).max() <= 0.5


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_picture(format):
    red, blue = (Image.new("RGB", (9, 6), color) for color in ("red", "blue"))
    first = opened(red, format, save_all=True, append_images=[blue])
    np.testing.assert_allclose(np.asarray(first), np.asarray(red), atol=2)


def test_paths_and_files(photo, tmp_path):
    photo.save(tmp_path / "photo.png")
    same(open_photo(tmp_path / "photo.png"), photo)
    same(open_photo(str(tmp_path / "photo.png")), photo)
    with open(tmp_path / "photo.png", "rb") as file:
        same(open_photo(file), photo)
        assert not file.closed


@pytest.mark.parametrize(
    ("side", "words"),  # Pillow warns from 100 pixels up, raises from 200 up
    [
        (12, r"0\.000144 million pixels, expected 0\.0001 at most, or a JPEG"),
        (20, "the photo has more than 0 million pixels; make it smaller first"),
    ],
)
def test_too_many_pixels_are_refused_before_they_are_decoded(side, words, tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    Image.new("RGB", (side, side)).save(path)
    monkeypatch.setattr("tinydldl.images.MOST_PIXELS", 100)
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    with pytest.raises(PhotoError, match=rf"large\.png: {words}"):
        open_photo(path)


def test_a_photo_of_200_megapixels_is_decoded_at_half_its_size():
    image = open_photo(io.BytesIO(gray_jpeg(16384, 12288)))
    assert (image.size, full_size(image)) == ((8192, 6144), (16384, 12288))
    assert image.getcolors() == [(8192 * 6144, (128, 128, 128))]


def test_a_file_cannot_say_that_it_was_larger():
    info = PngImagePlugin.PngInfo()
    info.add_text(DIVISOR, "8")
    assert full_size(opened(Image.new("RGB", (9, 6)), "PNG", pnginfo=info)) == (9, 6)


@pytest.mark.parametrize(("pixels", "scale"), [(40_000, 1), (39_999, 2), (10_000, 2), (9_999, 4)])
def test_of_a_large_jpeg_a_part_of_the_pixels_is_decoded(pixels, scale, photo):
    """Each new pixel is about the mean of those that it stands for."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # it lies on its side
    smooth = photo.resize((400, 100), Image.Resampling.BICUBIC)
    options = {"quality": 100, "subsampling": 0, "exif": exif}
    data = encoded(smooth.rotate(90, expand=True), "JPEG", **options)
    found = open_photo(io.BytesIO(data), memory=12 * pixels)
    assert found.size == (400 // scale, 100 // scale)
    assert full_size(found) == (400, 100)
    means = np.asarray(smooth.reduce(scale)).astype(int)
    assert np.abs(np.asarray(found) - means).mean() < 2


def test_a_jpeg_is_divided_by_eight_at_most():
    file = io.BytesIO(encoded(Image.new("L", (1600, 800)), "JPEG"))
    assert open_photo(file, memory=12 * 20_000).size == (200, 100)
    with pytest.raises(PhotoError, match=r"1.28 million pixels, expected 0.01 at most"):
        open_photo(file, memory=12 * 10_000)


@pytest.mark.parametrize(
    ("format", "mode"),
    [("JPEG", "L"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("MPO", "RGB")],  # of several pictures
)
def test_large_jpegs_of_all_kinds(format, mode):
    image = Image.new(mode, (400, 100))
    more = {"save_all": True, "append_images": [image]} if format == "MPO" else {}
    file = io.BytesIO(encoded(image, format, comment=b"x" * 300, **more))
    assert Image.open(file).format == format
    assert open_photo(file, memory=12 * 10_000).size == (200, 50)


LARGE = Image.new("RGB", (400, 100))


@pytest.mark.parametrize(
    ("data", "each"),
    [
        (encoded(LARGE, "PNG"), 12),
        (encoded(LARGE, "WEBP"), 16),
        (encoded(LARGE, "JPEG", progressive=True), 12),
        (gray_jpeg(400, 100, scans=True), 12),
    ],
    ids=["PNG", "WebP", "progressive", "scans"],
)
def test_other_large_photos_are_refused_where_memory_is_bounded(data, each, monkeypatch):
    assert open_photo(io.BytesIO(data), memory=40_000 * each).size == (400, 100)
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    words = r"^the photo: 0\.04 million pixels, expected 0\.039 at most, or a JPEG that is not prog"
    with pytest.raises(PhotoError, match=words):
        open_photo(io.BytesIO(data), memory=39_000 * each)


def test_a_tiff_is_refused_where_memory_is_bounded(photo):
    """Its decoder unpacks whole tiles, which may be larger than the photo, and says so nowhere."""
    file = io.BytesIO(encoded(photo, "TIFF"))
    same(open_photo(file), photo)
    with pytest.raises(PhotoError, match="save it as JPEG or PNG"):
        open_photo(file, memory=10**9)


@pytest.mark.oracle
def test_a_photo_of_an_iphone(rng):
    """HEIC, and it says in a way of its own how it lies."""
    pytest.importorskip("pillow_heif")
    smooth = random_photo(rng, 9, 6).resize((180, 120), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    found = opened(smooth.rotate(90, expand=True), "HEIF", exif=exif.tobytes(), quality=100)
    assert found.size == smooth.size
    assert np.abs(np.subtract(found, smooth, dtype=int)).mean() < 5
    file = io.BytesIO(encoded(LARGE, "HEIF"))
    assert open_photo(file, memory=40_000 * 16).size == (400, 100)
    with pytest.raises(PhotoError, match=r"million pixels, expected 0\.039 at most, or a JPEG"):
        open_photo(file, memory=39_000 * 16)


def test_without_the_extra_a_photo_of_an_iphone_is_refused_by_its_name(monkeypatch):
    monkeypatch.setattr("tinydldl.images.FORMATS", ["JPEG"])
    with pytest.raises(PhotoError, match=r'HEIC needs pip install "tinydldl\[heic\]"; convert'):
        open_photo(io.BytesIO(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"))


def test_words_in_a_png_are_bounded():
    info = PngImagePlugin.PngInfo()
    for number in range(8):
        info.add_itxt(f"words {number}", "x" * 10**6, zip=True)
    with pytest.raises(PhotoError, match=r"cannot be decoded \(Too much memory used in text"):
        opened(Image.new("RGB", (9, 6)), "PNG", pnginfo=info)


def test_a_pipe_and_a_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "photo.jpg")
    found = []

    def attempt():
        for path in (tmp_path / "photo.jpg", "/dev/zero", "/dev/tty"):
            try:
                open_photo(path)
            except PhotoError as error:
                found.append(error.reason)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(20)
    assert found[:2] == ["a pipe or a device, expected a file"] * 2
    assert len(found) == 3  # the terminal may not be there


def test_threads_leave_the_warnings_of_others_alone(photo, tmp_path):
    """Python has one list of what is warned of: threads that change it for a while mix it up."""
    photo.resize((300, 300)).save(tmp_path / "photo.png")
    before, interval = list(warnings.filters), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(open_photo, [tmp_path / "photo.png"] * 160))
    finally:
        sys.setswitchinterval(interval)
    assert warnings.filters == before


def test_a_stripe_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    """Scaled by its short side to the size of a network it would fill the memory."""
    for size in ((250, 5), (5, 250)):
        Image.new("L", size).save(tmp_path / "narrow.png")
        assert open_photo(tmp_path / "narrow.png").size == size
    Image.new("L", (251, 5)).save(tmp_path / "stripe.png")
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    with pytest.raises(PhotoError, match=r"stripe\.png: 251 x 5 pixels are a stripe, not a photo$"):
        open_photo(tmp_path / "stripe.png")
    with pytest.raises(PhotoError, match="0 x 0 pixels"):
        as_photo(Image.new("RGB", (0, 0)))


def test_postscript_never_reaches_another_program(tmp_path, monkeypatch):
    Image.new("RGB", (9, 6)).save(tmp_path / "photo.eps")
    monkeypatch.setattr("subprocess.check_call", lambda *_, **__: pytest.fail("started"))
    with pytest.raises(PhotoError, match=r"expected JPEG, PNG, .*; convert others"):
        open_photo(tmp_path / "photo.eps")


@pytest.mark.parametrize(
    "data", [b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", b"II*\0\x08\0\0\0\0\0"]
)
def test_the_beginning_of_a_photo_is_none(data, tmp_path):
    """20 bytes of a JPEG, 10 of a TIFF; many more: the photos of test_bad_input.py."""
    (tmp_path / "photo.jpg").write_bytes(data)
    with pytest.raises(PhotoError, match=r"photo\.jpg: (a photo that cannot|not a photo)") as error:
        open_photo(tmp_path / "photo.jpg")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [None, "standard input"])
def test_an_empty_file(name, tmp_path):
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(PhotoError, match=rf"^{name or 'the photo'}: the file is empty$"):
        open_photo(io.BytesIO(), name)
    with pytest.raises(PhotoError, match=rf"{name or 'photo.jpg'}: the file is empty$"):
        open_photo(tmp_path / "photo.jpg", name)


def test_no_such_file_and_a_folder(tmp_path):
    with pytest.raises(PhotoError, match=r"none\.jpg: No such file"):
        open_photo(tmp_path / "none.jpg")
    with pytest.raises(PhotoError, match="directory"):
        open_photo(tmp_path)


def test_the_size_of_a_network():
    """The paper's 256 and 224, and the middle of a photo."""
    assert held_side(224) == 256
    pixels = np.arange(32 * 41).reshape(32, 41).astype(np.uint8)
    center = center_crop(Image.fromarray(pixels), 28)
    np.testing.assert_array_equal(np.asarray(center), pixels[2:30, 6:34])
