"""Eyes, nose and mouth, and the glasses over them; the lids of the old droop above eye bags."""

import numpy as np

from tinydldl.arrays import Array
from tinydldl.datasets.synthetic.canvas import SIDES, Canvas, between, curve, ellipse
from tinydldl.datasets.synthetic.person import BLACK, LIP_RED, WHITE, Person, mix, ramp


def eyelids(person: Person, sag: float) -> tuple[Array, Array]:
    """Edges (points, 2) of the upper and the lower lid of the right eye; sagging lids droop."""
    s = person.shape
    x = np.linspace(-1, 1, 13)
    y = s.eye_y + 0.05 * sag * np.clip(x, 0, 1)
    upper = y - s.eye_height * (1 - 0.5 * sag) * (1 - x**2)
    lower = y + 0.7 * s.eye_height * (1 - x**2)
    x = s.eye_x + s.eye_width * x
    return np.stack([x, upper], axis=1), np.stack([x, lower], axis=1)


def paint_eyes(canvas: Canvas, person: Person) -> None:
    """Eyeballs, lids with the fold above, and the bags that grow below."""
    sag = ramp(person.cues.sag, 30, 90)
    upper, lower = eyelids(person, sag)
    bag = (person.shape.eye_x, person.shape.eye_y + 0.09 + 0.04 * sag)
    for side in SIDES:
        canvas.blob(bag * side, (0.2, 0.1), person.shade, 0.1 + 0.45 * sag)
        canvas.fill(between(upper, lower) * side, WHITE - 30 * sag)
        paint_iris(canvas, person, upper, lower, side)
        canvas.stroke(upper * side, 0.045, 0.5 * person.shade)
        fold, pouch = np.add(upper, (0, -0.045)), np.add(lower, (0, 0.045 + 0.05 * sag))
        canvas.stroke(fold * side, 0.03 + 0.03 * sag, person.shade, 0.3 + 0.4 * sag)
        canvas.stroke(pouch * side, 0.035, person.shade, 0.7 * sag)


def paint_iris(canvas: Canvas, person: Person, upper: Array, lower: Array, side: Array) -> None:
    """Iris and pupil, as far as the lids leave them free, and a glint."""
    s = person.shape
    look = 0.25 * s.eye_width * person.gaze * side[0]  # both eyes look the same way
    center = (s.eye_x + look, s.eye_y - 0.1 * s.eye_height)
    for radius, color in ((0.8, person.iris), (0.4, BLACK)):
        disk = ellipse(center, radius * s.eye_height)
        top, bottom = (np.interp(disk[:, 0], lid[:, 0], lid[:, 1]) for lid in (upper, lower))
        disk[:, 1] = np.clip(disk[:, 1], top, bottom)
        canvas.fill(disk * side, color)
    canvas.fill(ellipse(center * side + (0.03, -0.25 * s.eye_height), 0.022, 8), WHITE)


def paint_nose(canvas: Canvas, person: Person) -> None:
    """The shaded side of the bridge, a light tip, wings and nostrils."""
    s, width, y = person.shape, person.shape.nose_width, person.shape.nose_y
    bridge = curve([(0.35 * width, s.eye_y + 0.02), (0.45 * width, 0.6 * y), (width, y - 0.03)])
    wing = curve([(width, y - 0.08), (1.05 * width, y), (0.6 * width, y + 0.03)])
    canvas.stroke(bridge, 0.05, person.shade, 0.3)
    canvas.blob((0, y - 0.04), (0.9 * width, 0.09), 1.12 * person.skin, 0.5)
    for side in SIDES:
        canvas.stroke(wing * side, 0.045, person.shade, 0.8)
        canvas.fill(ellipse((0.45 * width, y + 0.02) * side, (0.035, 0.02), 10), person.shade)


def paint_mouth(canvas: Canvas, person: Person) -> None:
    """Lips, and teeth between them if the mouth is open."""
    s = person.shape
    x = np.linspace(-1, 1, 13)
    bulge = 1 - x**2
    bow = bulge - 0.25 * np.exp(-16 * x**2)  # the dip in the middle of the upper lip
    line = s.mouth_y + 0.12 * person.smile * (0.5 - x**2)
    parted = line + 0.1 * person.mouth_open * bulge
    x = s.mouth_width * (1 + 0.15 * person.smile) * x
    edges = (line - s.lip * bow, line, parted, parted + 1.2 * s.lip * bulge)
    top, upper, lower, bottom = (np.stack([x, y], axis=1) for y in edges)
    red = mix(LIP_RED, 0.8 * person.skin, 0.35 + 0.4 * ramp(person.cues.skin, 20, 90))
    canvas.fill(between(upper, lower), mix(BLACK, WHITE, 0.75))
    canvas.fill(between(top, upper), 0.9 * red)
    canvas.fill(between(lower, bottom), red)
    canvas.stroke(upper, 0.035, 0.6 * person.shade)


def paint_glasses(canvas: Canvas, person: Person) -> None:
    """Rims around the eyes, bridge and temples."""
    if person.glasses is None:
        return
    s = person.shape
    bridge = curve([(-s.eye_x + 0.25, s.eye_y), (0, s.eye_y - 0.04), (s.eye_x - 0.25, s.eye_y)])
    temple = np.linspace((s.eye_x + 0.24, s.eye_y), (s.cheek, s.eye_y - 0.03), 4)
    canvas.stroke(bridge, 0.06, person.glasses)
    for side in SIDES:
        lens = ellipse((s.eye_x, s.eye_y + 0.03) * side, (0.25, 0.21), 32)
        canvas.fill(lens, WHITE, 0.12)
        canvas.stroke(temple * side, 0.06, person.glasses)
        ring = np.concatenate([lens, lens[:1]])
        canvas.fill(between(ring, mix(ring, lens.mean(axis=0), 0.13)), person.glasses)
