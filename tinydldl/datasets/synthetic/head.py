"""The head without its hair and features: outline, ears and cheeks, with neck and clothes below."""

from tinydldl.arrays import Array
from tinydldl.datasets.synthetic.canvas import SIDES, Canvas, ellipse, symmetric, symmetric_curve
from tinydldl.datasets.synthetic.colors import BLUSH, mix
from tinydldl.datasets.synthetic.person import Person, ramp
from tinydldl.datasets.synthetic.skin import crease


def paint_body(canvas: Canvas, person: Person) -> None:
    """Neck, its folds, and clothes."""
    neck = person.shape.neck
    canvas.fill(symmetric([(0, 0.4), (neck, 0.4), (neck, 1.6), (0, 1.6)]), 0.8 * person.skin)
    for onset, y in ((45, 1.12), (60, 1.22)):
        crease(canvas, person, [(-0.8 * neck, y), (0, y + 0.08), (0.8 * neck, y)], onset)
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
