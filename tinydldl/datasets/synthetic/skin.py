"""What age writes on the skin: wrinkles, sagging, spots, and a rough surface."""

import numpy as np
from PIL import Image, ImageFilter

from tinydldl.arrays import Array, Rng
from tinydldl.datasets.synthetic.canvas import SIDES, Canvas, Points, curve
from tinydldl.datasets.synthetic.person import AGE_SPOT, BLUSH, Person, ramp

GRAIN = 56  # cells per side of the random texture, the same at every size of the photo


def crease(
    canvas: Canvas, person: Person, line: Points, onset: int, width: float = 0.05, smile: float = 0
) -> None:
    """A wrinkle from the age `onset` on, a dark fold with a light edge; `smile` deepens it."""
    depth = ramp(person.cues.wrinkles, onset, onset + 40) + smile * max(0, person.smile)
    fold = curve(line)
    canvas.stroke(np.add(fold, (0, 0.8 * width)), width, 1.25 * person.skin, 0.5 * depth)
    canvas.stroke(fold, width * (0.6 + 0.6 * depth), person.shade, 0.8 * depth)


def paint_forehead(canvas: Canvas, person: Person, rng: Rng) -> None:
    """Lines across the forehead and the frown between the brows."""
    s = person.shape
    brow = s.eye_y - s.eye_height - 0.2
    for row, onset in enumerate((28, 38, 50, 62)):
        y, half = brow - 0.1 * row, 0.4 * s.cheek + rng.uniform(-0.1, 0.1)
        left, right = y + 0.04 + rng.uniform(-0.03, 0.03, 2)
        line = [(-half, left), (-0.3 * half, y - 0.01), (0.3 * half, y), (half, right)]
        crease(canvas, person, line, onset)
    frown = [(0.06, brow + 0.02), (0.05, brow + 0.15)]
    for side in SIDES:
        crease(canvas, person, frown * side, 40)


def paint_crows_feet(canvas: Canvas, person: Person) -> None:
    """Small folds that fan out from the outer corners of the eyes, and show in a smile."""
    s = person.shape
    x, y = s.eye_x + s.eye_width + 0.03, s.eye_y
    for onset, dy in ((26, 0), (36, 0.07), (46, -0.06), (58, 0.13)):
        fold = [(x, y + 0.5 * dy), (x + 0.08, y + dy), (x + 0.16, y + 1.4 * dy + 0.02)]
        for side in SIDES:
            crease(canvas, person, fold * side, onset, width=0.035, smile=0.1)


def paint_folds(canvas: Canvas, person: Person) -> None:
    """From nose to mouth (nasolabial), down from the mouth (marionette), and along the cheek.

    Over them the shadows of jowls and hollow cheeks, which sag.
    """
    s = person.shape
    corner, cheek, nose, mouth = s.mouth_width + 0.05, s.cheek, s.nose_y, s.mouth_y
    laugh = [(s.nose_width + 0.03, nose - 0.05), (s.mouth_width, 0.5 * (nose + mouth))]
    laugh += [(corner + 0.04, mouth + 0.02)]
    down = [(corner, mouth + 0.06), (corner + 0.03, mouth + 0.14), (corner + 0.02, mouth + 0.24)]
    along = [(0.8 * cheek, nose - 0.05), (0.78 * cheek, nose + 0.15), (0.68 * cheek, mouth + 0.1)]
    for side in SIDES:
        crease(canvas, person, laugh * side, 24, smile=0.2)
        crease(canvas, person, down * side, 50)
        crease(canvas, person, along * side, 60)
    sag = ramp(person.cues.sag, 40, 90)
    for side in SIDES:
        canvas.blob((0.82 * s.jaw, 0.74) * side, (0.13, 0.12), person.shade, 0.4 * sag)
        hollow = (0.66 * cheek, nose + 0.08) * side
        canvas.blob(hollow, (0.12, 0.15), person.shade, 0.3 * sag)


def paint_spots(canvas: Canvas, person: Person, rng: Rng) -> None:
    """Pimples of the young, age spots of the old; every spot has its time."""
    cheek, age = person.shape.cheek, person.cues.skin
    for onset in np.linspace(42, 100, 14):
        x, y, radius = rng.uniform((-0.8, -0.75, 0.025), (0.8, 0.6, 0.06))
        if age > onset:
            canvas.blob((cheek * x, y), radius, AGE_SPOT, 0.6)
    for peak in np.linspace(12, 21, 8):
        x, y, radius = rng.uniform((-0.75, -0.5, 0.018), (0.75, 0.8, 0.03))
        if abs(age - peak) < 2.5:
            canvas.blob((cheek * x, y), radius, 0.85 * BLUSH, 0.8)


def skin_relief(head: Image.Image, person: Person, rng: Rng) -> Array:
    """How light the skin makes each pixel, (side, side); `head`: its mask, white on black."""
    inside = np.asarray(head, np.float32) / 255
    blurred = np.asarray(head.filter(ImageFilter.GaussianBlur(head.width / 14)), np.float32) / 255
    grain = Image.fromarray(rng.standard_normal((GRAIN, GRAIN)).astype(np.float32))
    texture = np.asarray(grain.resize(head.size, Image.Resampling.BICUBIC))
    rough = 0.01 + 0.055 * ramp(person.cues.skin, 15, 95)
    # darker toward the rim, since a head is round; 1 outside of it
    return 1 + inside * (rough * texture - 0.45 * (1 - blurred))
