"""Draw a face of a given age: somebody is made up, painted from back to front, and photographed.

`person.py` says who, in which colors; `canvas.py` is what it is painted with; `hair.py`,
`features.py` and `skin.py` each paint a part of the person. Here are the head itself, with neck and
clothes below it, and background and light, which depend on nobody.
"""

import numpy as np
from PIL import Image

from tinydldl.arrays import Array, Rng
from tinydldl.datasets.synthetic import features, hair, skin
from tinydldl.datasets.synthetic.canvas import SIDES, Canvas, ellipse, symmetric, symmetric_curve
from tinydldl.datasets.synthetic.person import BLUSH, Person, mix, muted_color, ramp


def draw_face(age: float, rng: Rng, side: int) -> Image.Image:
    """A face that is `age` years old (float, 1..95): an RGB image of `side` x `side` pixels.

    `rng` decides everything else, by the same number of draws whatever the age and the side.
    """
    person = Person(age, rng)
    canvas = Canvas(side, rng)
    paint_background(canvas, rng)
    hair.paint_back_hair(canvas, person)
    paint_body(canvas, person)
    paint_head(canvas, person)
    skin.paint_spots(canvas, person, rng)
    hair.paint_beard(canvas, person)
    features.paint_nose(canvas, person)
    features.paint_mouth(canvas, person)
    skin.paint_forehead(canvas, person, rng)
    skin.paint_folds(canvas, person)
    skin.paint_crows_feet(canvas, person)
    features.paint_eyes(canvas, person)
    hair.paint_brows(canvas, person)
    hair.paint_hair(canvas, person, rng)
    features.paint_glasses(canvas, person)
    relief = skin.skin_relief(canvas.mask(head_outline(person)), person, rng)
    return expose(canvas.picture(), relief, rng)


def paint_background(canvas: Canvas, rng: Rng) -> None:
    """One color, and big soft blobs of others."""
    canvas.fill(ellipse(0, 6), muted_color(rng))
    for _ in range(5):
        center, radii = rng.uniform(-1.6, 1.6, 2), rng.uniform(0.3, 1.2, 2)
        canvas.blob(center, radii, muted_color(rng), rng.uniform(0.3, 0.9))


def paint_body(canvas: Canvas, person: Person) -> None:
    """Neck, its folds, and clothes."""
    neck = person.shape.neck
    canvas.fill(symmetric([(0, 0.4), (neck, 0.4), (neck, 1.6), (0, 1.6)]), 0.8 * person.skin)
    for onset, y in ((45, 1.12), (60, 1.22)):
        skin.crease(canvas, person, [(-0.8 * neck, y), (0, y + 0.08), (0.8 * neck, y)], onset)
    width = 2 * neck + 0.35
    collar = [(0, 1.42), (0.9 * neck, 1.26), (width, 1.5), (width + 0.3, 2), (width, 3), (0, 3)]
    canvas.fill(symmetric(collar), person.clothes)


def head_outline(person: Person) -> Array:
    """The outline of the head without hair; jowls widen the jaw of the old."""
    s, sag = person.shape, ramp(person.cues.sag, 40, 90)
    crown = [(0, -1), (0.55 * s.cheek, -0.9), (0.93 * s.cheek, -0.52)]
    cheek = [(s.cheek, -0.05), (0.97 * s.cheek, 0.3), (s.jaw + 0.1 * sag, 0.66 + 0.06 * sag)]
    chin = [(s.chin + 0.05 * sag, 0.94), (0, 1)]
    return symmetric_curve(crown + cheek + chin)


def paint_head(canvas: Canvas, person: Person) -> None:
    """Ears, the head itself, red cheeks."""
    s = person.shape
    for side in SIDES:
        ear = (s.cheek + 0.03, 0.5 * (s.eye_y + s.nose_y)) * side
        canvas.fill(ellipse(ear, (0.1, s.ear)), 0.9 * person.skin)
        canvas.fill(ellipse(ear, (0.05, 0.6 * s.ear)), person.shade, 0.4)
    canvas.fill(head_outline(person), person.skin)
    for side in SIDES:
        cheek = (0.62 * s.cheek, 0.5 * (s.nose_y + s.mouth_y) - 0.06) * side
        canvas.blob(cheek, (0.2, 0.16), mix(BLUSH, person.skin, 0.3), person.blush)


def expose(picture: Image.Image, relief: Array, rng: Rng) -> Image.Image:
    """The photo of an RGB picture; `relief` (side, side): see `skin_relief`."""
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.45)
    step = np.linspace(-1, 1, picture.width)
    light = 1 + strength * (np.cos(angle) * step + np.sin(angle) * step[:, None])
    warmth, (brightness, contrast) = rng.uniform(0.92, 1.08, 3), rng.uniform(0.75, 1.15, 2)
    pixels = np.asarray(picture) * (light * relief)[..., None] * warmth
    pixels = 128 + contrast * (brightness * pixels - 128)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
