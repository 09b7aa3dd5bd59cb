"""What makes a drawn face a photo: a background behind it, light from a side, a camera's settings.

None of it depends on the person.
"""

import numpy as np
from PIL import Image

from tinydldl.arrays import Array, Rng
from tinydldl.datasets.synthetic.canvas import Canvas, ellipse
from tinydldl.datasets.synthetic.colors import muted_color


def paint_background(canvas: Canvas, rng: Rng) -> None:
    """One color, and big soft blobs of others."""
    canvas.fill(ellipse(0, 6), muted_color(rng))
    for _ in range(5):
        center, radii = rng.uniform(-1.6, 1.6, 2), rng.uniform(0.3, 1.2, 2)
        canvas.blob(center, radii, muted_color(rng), rng.uniform(0.3, 0.9))


def expose(picture: Image.Image, relief: Array, rng: Rng) -> Image.Image:
    """The photo of a painted picture (an RGB image).

    `relief` (side, side) is how light the skin makes each pixel, see `skin_relief`.
    """
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.45)
    step = np.linspace(-1, 1, picture.width)
    light = 1 + strength * (np.cos(angle) * step + np.sin(angle) * step[:, None])
    warmth, (brightness, contrast) = rng.uniform(0.92, 1.08, 3), rng.uniform(0.75, 1.15, 2)
    pixels = np.asarray(picture) * (light * relief)[..., None] * warmth
    pixels = 128 + contrast * (brightness * pixels - 128)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
