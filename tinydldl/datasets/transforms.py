"""Augmentation: the paper's and one more, each a pure function of an image and a generator.

Sizes are in proportion to the paper's: a photo is held with a short side of 8/7 of the network's
(256 for 224), and a crop of 7/8 of it goes in. Images are Pillow's, RGB.
"""

from PIL import Image, ImageEnhance, ImageOps

from tinydldl.images import FILL, HOLD, center_crop, resize_short_side

SCALES = (112 / 256, 224 / 256)
MAX_DEGREES = 30
JITTER = 0.4
ERASED = (1 / 8, 1 / 2)


def mirror(image, rng):
    """Left and right exchanged, one time in two."""
    return ImageOps.mirror(image) if rng.random() < 0.5 else image


def gray(image, rng):
    """Without color, one time in two."""
    return image.convert("L").convert("RGB") if rng.random() < 0.5 else image


def scale(image, rng):
    """Fewer details: the short side scaled to 112..224 (of 256), and back."""
    size = image.size
    small = resize_short_side(image, round(min(size) * rng.uniform(*SCALES)))
    return small.resize(size, Image.Resampling.BILINEAR)


def rotate(image, rng):
    """Turned by up to 30 degrees either way."""
    degrees = rng.uniform(-MAX_DEGREES, MAX_DEGREES)
    return image.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=FILL)


def crop(image, rng):
    """A square of 7/8 of the short side, anywhere."""
    side = round(min(image.size) / HOLD)
    left, top = (int(rng.integers(0, length - side + 1)) for length in image.size)
    return image.crop((left, top, left + side, top + side))


def color(image, rng):
    """Brightness, contrast and saturation, each times 0.6 to 1.4."""
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhance(image).enhance(rng.uniform(1 - JITTER, 1 + JITTER))
    return image


def erase(image, rng):
    """A gray square over a part of the photo, one time in two: 1/8 to 1/2 of the side, anywhere.

    Not the paper's. What is covered in one epoch is seen in another, so a network cannot rely on
    one part of a face alone. Source: Zhong et al., AAAI 2020; DeVries and Taylor, 2017.
    """
    if rng.random() >= 0.5:
        return image
    side = round(min(image.size) * rng.uniform(*ERASED))
    left, top = (int(rng.integers(0, length - side + 1)) for length in image.size)
    image = image.copy()
    image.paste(FILL, (left, top, left + side, top + side))
    return image


TRANSFORMS = {  # the paper's
    function.__name__: function for function in (mirror, gray, scale, rotate, crop, color)
}
CHOICES = TRANSFORMS | {"erase": erase}


def augment(image, rng, names, side):
    """The transforms in `names`, in their order above; without `crop`, the center of the photo."""
    for name, transform in CHOICES.items():
        if name in names:
            image = transform(image, rng)
    return center_crop(image, side)
