"""Augmentation, each transform a pure function of an image and a generator.

Six are of the paper's published code; data/README.md says where they differ. A photo, an RGB image
of Pillow's, is held with a short side of 8/7 of the network's (256 for 224), and 7/8 of it go in.
"""

from PIL import Image, ImageEnhance, ImageOps

from tinydldl.arrays import Rng
from tinydldl.images import FILL, HOLD, center_crop, resize_short_side

SCALES = (112 / 256, 224 / 256)
MAX_DEGREES = 15
JITTER = 0.4
ERASED = (1 / 8, 1 / 2)


def mirror(image: Image.Image, rng: Rng) -> Image.Image:
    """Swap left and right, half of the time."""
    return ImageOps.mirror(image) if rng.random() < 0.5 else image


def gray(image: Image.Image, rng: Rng) -> Image.Image:
    """Remove the color, half of the time."""
    return image.convert("L").convert("RGB") if rng.random() < 0.5 else image


def scale(image: Image.Image, rng: Rng) -> Image.Image:
    """Remove details: scale the short side to 112..224 (of 256), and back."""
    size = image.size
    small = resize_short_side(image, round(min(size) * rng.uniform(*SCALES)))
    return small.resize(size, Image.Resampling.BILINEAR)


def rotate(image: Image.Image, rng: Rng) -> Image.Image:
    """Rotate by up to 15 degrees either way."""
    degrees = rng.uniform(-MAX_DEGREES, MAX_DEGREES)
    return image.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=FILL)


def crop(image: Image.Image, rng: Rng) -> Image.Image:
    """Crop to a square of 7/8 of the short side, anywhere."""
    side = round(min(image.size) / HOLD)
    left, top = (int(rng.integers(0, length - side + 1)) for length in image.size)
    return image.crop((left, top, left + side, top + side))


def color(image: Image.Image, rng: Rng) -> Image.Image:
    """Multiply brightness, contrast and saturation, each by 0.6 to 1.4."""
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhance(image).enhance(rng.uniform(1 - JITTER, 1 + JITTER))
    return image


def erase(image: Image.Image, rng: Rng) -> Image.Image:
    """Cover a gray square of 1/8 to 1/2 of the side, anywhere, half of the time.

    Not from the paper. A network cannot rely on one part of a face alone if that is covered in some
    epochs. Source: Zhong et al., AAAI 2020; DeVries and Taylor, 2017.
    """
    if rng.random() >= 0.5:
        return image
    side = round(min(image.size) * rng.uniform(*ERASED))
    left, top = (int(rng.integers(0, length - side + 1)) for length in image.size)
    image = image.copy()
    image.paste(FILL, (left, top, left + side, top + side))
    return image


TRANSFORMS = {f.__name__: f for f in (mirror, gray, scale, rotate, crop, color)}  # the paper's
CHOICES = TRANSFORMS | {"erase": erase}


def augment(image: Image.Image, rng: Rng, names: list[str], side: int) -> Image.Image:
    """Apply the transforms in `names`, in the order above; without `crop`, take the center."""
    for name, transform in CHOICES.items():
        if name in names:
            image = transform(image, rng)
    return center_crop(image, side)
