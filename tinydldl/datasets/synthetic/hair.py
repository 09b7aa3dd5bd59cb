"""Hair, brows and beard: they turn gray with age, and the hairline recedes."""

import numpy as np

from tinydldl.arrays import Array, Rng
from tinydldl.datasets.synthetic.canvas import LEFT, SIDES, Canvas, between, curve, symmetric_curve
from tinydldl.datasets.synthetic.person import GRAY_HAIR, Person, mix, ramp


def paint_back_hair(canvas: Canvas, person: Person) -> None:
    """Hair that falls behind the head, if it is long enough."""
    if person.hair_length < 0.3:
        return
    width, top = person.shape.cheek + person.hair_volume, -1 - person.hair_volume
    end = 1.7 * person.hair_length - 0.2
    upper = [(0, top), (0.75 * width, 0.8 * top), (1.08 * width, -0.2), (1.12 * width, 0.5 * end)]
    lower = [(1.1 * width, end), (0.5 * width, end + 0.1), (0, end)]
    outline = symmetric_curve(upper + lower)
    canvas.fill(outline, 0.6 * person.hair_color)
    canvas.fill(0.94 * outline, 0.75 * person.hair_color)


def paint_hair(canvas: Canvas, person: Person, rng: Rng) -> None:
    """Hair on top, from the hairline to the outline, and strands: darker, lighter, and gray."""
    infant = 1 - ramp(person.cues.shape, 0.5, 4)  # 1 a baby, 0 a child with all its hair
    opacity = 1 - 0.6 * infant
    hairline, outline = hair_edges(person, infant)
    canvas.fill(between(outline, hairline), person.hair_color, opacity)
    for at, light, gray, lean in rng.random((36, 4)):
        root = hairline[int(at * len(hairline))]
        tip = outline[int(min(max(at + 0.1 * (lean - 0.5), 0), 0.999) * len(outline))]
        turned_gray = gray < 0.95 * person.gray
        color = 1.1 * GRAY_HAIR if turned_gray else (0.6 + 0.8 * light) * person.hair
        canvas.stroke(np.linspace(root, tip, 5), 0.05, color, 0.55 * opacity)


def hair_edges(person: Person, infant: float) -> tuple[Array, Array]:
    """Hairline, which recedes with age, and outline: curves (points, 2) from ear to ear."""
    s, cheek = person.shape, person.shape.cheek
    receded = ramp(person.cues.hairline, 24, 80) * (0.3 if person.female else 1)
    volume = person.hair_volume * (1 - 0.9 * receded)
    end = s.eye_y - 0.05 + 0.1 * person.hair_length - 0.25 * infant  # beside the ears
    front = mix(-0.66 - 0.16 * infant, -1.01, receded) + 0.3 * person.bangs * (1 - receded)
    temple = mix(-0.5 - 0.1 * infant, -0.92, min(1, 1.5 * receded))
    inner = [(0.94 * cheek, end), (0.88 * cheek, -0.35), (0.7 * cheek, temple)]
    inner += [(0.38 * cheek, front), (0.12, front - 0.02)]
    outer = [(cheek + 0.04 + 0.3 * volume, end), (cheek + 0.04 + 0.6 * volume, -0.45)]
    outer += [(0.6 * cheek + 0.7 * volume, -0.9 - 0.8 * volume)]
    top = (0, -1 - volume)
    return curve([*inner, *inner[::-1] * LEFT]), curve([*outer, top, *outer[::-1] * LEFT])


def paint_brows(canvas: Canvas, person: Person) -> None:
    """Brows, raised or lowered by the expression."""
    s, lift = person.shape, 0.03 * person.brow_raise
    y = s.eye_y - s.eye_height - 0.1 - lift
    inner, outer = (s.eye_x - 0.19, y + 0.02 - lift), (s.eye_x + 0.2, y + 0.05)
    brow = curve([inner, (s.eye_x, y - 0.03), outer])
    color = mix(0.8 * person.hair, GRAY_HAIR, 0.8 * person.gray)
    for side in SIDES:
        canvas.stroke(brow * side, 1.5 * s.brow, color, 0.85)


def paint_beard(canvas: Canvas, person: Person) -> None:
    """A beard around the mouth and along the jaw."""
    s, y = person.shape, person.shape.mouth_y
    upper = [(0, y - 0.14), (0.9 * s.mouth_width, y - 0.08), (1.05 * s.jaw, y - 0.15)]
    lower = [(s.jaw, 0.72), (s.chin, 0.97), (0, 1.04)]
    canvas.fill(symmetric_curve(upper + lower), person.hair_color, 0.85 * person.beard)
