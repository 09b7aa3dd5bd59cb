"""Draw a face of a given age: somebody is made up, painted from back to front, and photographed.

`person.py` says who; `canvas.py` and `colors.py` are what it is painted with; `head.py`, `hair.py`,
`features.py` and `skin.py` each paint a part of the person. Background and light, here, depend on
nobody.
"""

import numpy as np
from PIL import Image

from tinydldl.arrays import Array, Rng
from tinydldl.datasets.synthetic import features, hair, head, skin
from tinydldl.datasets.synthetic.canvas import Canvas, ellipse
from tinydldl.datasets.synthetic.colors import muted_color
from tinydldl.datasets.synthetic.person import sample_person


def draw_face(age: float, rng: Rng, side: int) -> Image.Image:
    """A face that is `age` years old (float, 1..95): an RGB image of `side` x `side` pixels.

    `rng` decides everything else. Each call takes the same number of draws from it, whatever the
    age and the side.
    """
    person = sample_person(age, rng)
    canvas = Canvas(side, rng)
    paint_background(canvas, rng)
    hair.paint_back_hair(canvas, person)
    head.paint_body(canvas, person)
    head.paint_head(canvas, person)
    skin.paint_spots(canvas, person, rng)
    hair.paint_beard(canvas, person)
    features.paint_nose(canvas, person)
    features.paint_mouth(canvas, person)
    skin.paint_forehead(canvas, person, rng)
    skin.paint_folds(canvas, person)
    skin.paint_sagging(canvas, person)
    skin.paint_crows_feet(canvas, person)
    features.paint_eyes(canvas, person)
    hair.paint_brows(canvas, person)
    hair.paint_hair(canvas, person, rng)
    features.paint_glasses(canvas, person)
    relief = skin.skin_relief(canvas.mask(head.head_outline(person)), person, rng)
    return expose(canvas.picture(), relief, rng)


def paint_background(canvas: Canvas, rng: Rng) -> None:
    """One color, and big soft blobs of others."""
    canvas.fill(ellipse(0, 6), muted_color(rng))
    for _ in range(5):
        center, radii = rng.uniform(-1.6, 1.6, 2), rng.uniform(0.3, 1.2, 2)
        canvas.blob(center, radii, muted_color(rng), rng.uniform(0.3, 0.9))


def expose(picture: Image.Image, relief: Array, rng: Rng) -> Image.Image:
    """The photo of an RGB picture; `relief` (side, side): see `skin_relief`."""
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.45)
    step = np.linspace(-1, 1, picture.width)
    light = 1 + strength * (np.cos(angle) * step + np.sin(angle) * step[:, None])
    warmth, (brightness, contrast) = rng.uniform(0.92, 1.08, 3), rng.uniform(0.75, 1.15, 2)
    pixels = np.asarray(picture) * (light * relief)[..., None] * warmth
    pixels = 128 + contrast * (brightness * pixels - 128)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
