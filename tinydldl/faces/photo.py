"""Photos as users have them: from a phone or a scanner, turned, gray, transparent, broken."""

import warnings
from contextlib import nullcontext

from PIL import Image, ImageOps

from tinydldl.backend import UserError
from tinydldl.datasets.transforms import to_rgb

# Pillow knows more, and would start another program to read PostScript.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM")
KNOWN = "JPEG, PNG, WebP, TIFF, GIF, BMP or PPM"
LONGEST = 50  # how many times as long as wide a photo may be


class PhotoError(UserError):
    """A file is not a photo that can be used."""


def open_photo(source, name=None):
    """The photo in `source`, a path or a binary file that can seek, upright, as an RGB image.

    It is turned as its EXIF data say; transparent parts become gray; of an animation it is the
    first picture. `name`: the photo's in errors, by default the path. Raises PhotoError, one line,
    for anything but a photo, and, before decoding it, for one of more pixels than Pillow holds to
    be safe (`Image.MAX_IMAGE_PIXELS`, 89 million).
    """
    is_file = hasattr(source, "read")
    try:
        with nullcontext(source) if is_file else open(source, "rb") as file:
            if not file.read(1):
                raise PhotoError("the file is empty")
            file.seek(0)
            return decode(file)
    except Exception as error:  # Pillow raises many kinds for a damaged file
        name = name or ("the photo" if is_file else source)
        raise PhotoError(f"{name}: {reason(error)}") from None


def decode(file):
    """The photo in a binary file. Raises PhotoError, and all that Pillow raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(file, formats=FORMATS) as image:
            if max(image.size) > LONGEST * min(image.size):
                raise PhotoError("{} x {} pixels are a stripe, not a photo".format(*image.size))
            if image.mode == "F":
                raise PhotoError("pixels are floating-point numbers; save them with 8 or 16 bits")
            return to_rgb(ImageOps.exif_transpose(image))


def reason(error):
    """Why a photo cannot be used, in words."""
    match error:
        case PhotoError():
            return str(error)
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            limit = Image.MAX_IMAGE_PIXELS / 1e6
            return f"the photo has more than {limit:.0f} million pixels; make it smaller first"
        case Image.UnidentifiedImageError():
            return f"not a photo that can be read; expected {KNOWN} (convert others, HEIC too)"
        case OSError(strerror=str(text)):
            return text
    return f"a photo that cannot be decoded ({error})"
