"""The one way to open a photo, and to bring it to the size of a network.

Photos come as users have them: from a phone or a scanner, turned, gray, transparent, broken, or not
photos at all. Images are Pillow's.
"""

import math
import os
import warnings
from contextlib import nullcontext, suppress
from typing import IO, Any

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from tinydldl.errors import UserError
from tinydldl.files import open_file

# Pillow reads more formats, PostScript by starting another program.
FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM"]
KNOWN = "JPEG, PNG, WebP, TIFF, GIF, BMP or PPM"
with suppress(ImportError):  # the extra
    import pillow_heif

    pillow_heif.register_heif_opener()
    FORMATS.append("HEIF")
LONGEST = 50  # how many times as long as wide a photo may be
BYTES = {"WEBP": 16, "HEIF": 16}  # at most, to decode a pixel; 12 for the other formats
HOLD = 8 / 7  # 256 / 224: photos are held larger than a network sees them
FILL = (128, 128, 128)  # behind a rotated or transparent photo, and over parts that are covered

# Odd metadata are no reason to stop. For good, since photos are opened in threads, and
# `catch_warnings` in one of them would affect the others.
warnings.filterwarnings("ignore", module=r"PIL\.")
PngImagePlugin.MAX_TEXT_MEMORY = 4 * 2**20  # characters in a PNG, which are unpacked but not used
MOST_PIXELS = 16384 * 12288 // 2  # as they are; up to twice as many, as phones have, made smaller
Image.MAX_IMAGE_PIXELS = 2 * MOST_PIXELS  # above this Pillow warns, and above twice this it raises
DIVISOR = "tinydldl: divisor"  # in the `info` of a photo


class PhotoError(UserError):
    """A file that cannot be used as a photo. `reason`: why, without the name of the file."""

    def __init__(self, reason: str, name: object = None) -> None:
        super().__init__(reason if name is None else f"{name}: {reason}")
        self.reason = reason


def open_photo(source: Any, name: str | None = None, memory: int | None = None) -> Image.Image:
    """The photo in `source`, a path or a seekable binary file, upright, as an RGB image.

    It is turned as its EXIF data say; transparent parts become gray; of an animation it is the
    first frame. `name`: for errors, by default the path. `memory`: bytes that decoding may take. If
    it needs more, or has more than 100 million pixels (`MOST_PIXELS`), a JPEG is decoded
    at 1/2, 1/4 or 1/8 of its size (see `full_size`), and any other photo is refused (so is a JPEG
    with several scans, such as a progressive one, since its decoder holds all of them, and where
    `memory` is given any TIFF, since its parts may be larger than the whole).

    Raises PhotoError, one line, for anything but a photo, before it is decoded if it is too large.
    """
    is_file = hasattr(source, "read")
    try:
        with nullcontext(source) if is_file else open_file(source) as file:
            file.seek(0)
            if not file.read(1):
                raise PhotoError("the file is empty")
            file.seek(0)
            return decode(file, memory)
    except Exception as error:  # Pillow raises many kinds for a damaged file
        raise PhotoError(why(error, memory), name or ("the photo" if is_file else source)) from None


def as_photo(photo: Any) -> Image.Image:
    """A path, an image of Pillow, or RGB values (H, W, 3), uint8, as an RGB image.

    An image is not turned by its EXIF data. Raises PhotoError.
    """
    if isinstance(photo, np.ndarray):
        if photo.dtype != np.uint8 or photo.shape[2:] != (3,) or not photo.size:
            found = f"{photo.dtype} {photo.shape}"
            raise PhotoError(f"expected RGB values (H, W, 3), uint8, got an array of {found}")
        photo = Image.fromarray(photo)
    if not isinstance(photo, Image.Image):
        return open_photo(photo)
    check(photo)
    return to_rgb(photo)


def decode(file: IO[bytes], memory: int | None = None) -> Image.Image:
    """The photo in a binary file. Raises PhotoError, and all that Pillow raises."""
    with Image.open(file, formats=FORMATS) as image:
        check(image)
        divided = fit(image, memory)
        ImageOps.exif_transpose(image, in_place=True)
        photo = to_rgb(image)
        photo.info[DIVISOR] = divided
        return photo


def divisor(image: Image.Image) -> int:
    """How many times as wide and high a photo was before it was decoded; 1 for most."""
    return image.info.get(DIVISOR, 1)


def full_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of a photo before it was decoded, rounded up to its divisor."""
    return image.width * divisor(image), image.height * divisor(image)


def check(image: Image.Image) -> None:
    """Raise PhotoError for an image that is not a photo."""
    if not max(image.size) <= LONGEST * min(image.size) > 0:
        raise PhotoError("{} x {} pixels are a stripe, not a photo".format(*image.size))
    if image.mode == "F":
        raise PhotoError("pixels are floating-point numbers; save them with 8 or 16 bits")


def fit(image: Image.Image, memory: int | None) -> int:
    """Make a JPEG decode at 1/2, 1/4 or 1/8 if need be; returns the divisor. Raises PhotoError."""
    if memory and image.format == "TIFF":
        raise PhotoError("a TIFF, which may take memory without bound; save it as JPEG or PNG")
    pixels, most = math.prod(image.size), MOST_PIXELS
    if pixels > 2 * MOST_PIXELS:
        raise Image.DecompressionBombError
    if memory:
        most = min(most, memory // BYTES.get(str(image.format), 12))
    if pixels <= most:
        return 1
    times = 2 ** math.ceil(math.log(pixels / most, 4))
    if times > 8 or not (isinstance(image, JpegImageFile) and has_one_scan(image)):
        size = f"{pixels / 1e6:.3g} million pixels, expected {most / 1e6:.3g} at most"
        raise PhotoError(f"{size}, or a JPEG that is not progressive; make it smaller first")
    image.draft(None, (image.width // times, image.height // times))
    return times


def has_one_scan(image: Any) -> bool:
    """Whether a JPEG can be decoded as it is read: not progressive, all colors in one scan.

    A segment begins with FF, a kind and a length of two bytes; in a scan, DA, its colors' number.
    """
    image.fp.seek(2)
    while len(head := image.fp.read(4)) == 4 and head[1] != 0xDA:
        image.fp.seek(int.from_bytes(head[2:]) - 2, os.SEEK_CUR)
    return "progressive" not in image.info and image.fp.read(1) == bytes([image.layers])


def why(error: Exception, memory: int | None = None) -> str:
    """A description of why a photo cannot be used; `memory` as for `open_photo`."""
    match error:
        case PhotoError():
            return error.reason
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            limit = 2e-6 * MOST_PIXELS
            return f"the photo has more than {limit:.0f} million pixels; make it smaller first"
        case UnidentifiedImageError():
            known = KNOWN.replace("TIFF, ", "") if memory else KNOWN
            heic = 'HEIC needs pip install "tinydldl[heic]"; convert others'
            return f"not a photo that can be read; expected {known} ({heic})"
        case OSError(strerror=str(text)):
            return text
    return f"a photo that cannot be decoded ({error})"


def to_rgb(image: Image.Image) -> Image.Image:
    """The photo in 8-bit RGB, transparent parts on gray."""
    if image.mode.startswith("I"):  # up to 16 bits of gray, which Pillow would clip, not scale
        image = Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    if image.mode != "RGBA":
        image = image.convert("RGBA")
    opaque = Image.new("RGB", image.size, FILL)
    opaque.paste(image, mask=image)
    return opaque


def held_side(side: int) -> int:
    """The short side, in pixels, of photos held for a network of `side`: 256 for 224."""
    return round(side * HOLD)


def resize_short_side(image: Image.Image, side: int) -> Image.Image:
    """The image scaled so that its short side has `side` pixels."""
    width, height = image.size
    scale = side / min(width, height)
    return image.resize((round(width * scale), round(height * scale)), Image.Resampling.BILINEAR)


def center_crop(image: Image.Image, side: int) -> Image.Image:
    """The square of `side` pixels in the middle."""
    left, top = ((length - side) // 2 for length in image.size)
    return image.crop((left, top, left + side, top + side))
