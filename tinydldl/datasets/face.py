"""Draw a face of a given age: shapes by Pillow at four times the size, skin and light by NumPy.

What shows the age is named in `Cues`. All else (skin tone, hair, expression, pose, light,
background, glasses) says nothing about it, and is what a network must learn to look past. Every
face takes the same number of random draws, whatever its age: the same generator state is the same
person, so drawing it at several ages shows that person growing old.

Face coordinates: origin in the middle of the head, x to the right, y down; the unit is half the
height of the head, so the chin is at (0, 1). Curves are arrays (points, 2). Colors are arrays (3,)
of red, green and blue in 0..255.
"""

from dataclasses import dataclass, fields
from types import SimpleNamespace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SUPERSAMPLING = 4  # shapes are drawn this much larger, then averaged, so that edges are smooth
SIDES = (np.array([1, 1]), np.array([-1, 1]))  # a curve times one of these: right or left half

# Standard deviation of what a cue shows, in years: a constant and a share of the true age.
CUE_ERROR_YEARS, CUE_ERROR_SHARE = 0.8, 0.09

# The head by age. While a child grows, the eyes move up and shrink, and jaw and nose grow; later
# nose and ears keep growing and the lips thin.
SHAPE_AGES = (0, 3, 8, 14, 20, 40, 65, 95)
SHAPE = {
    "cheek": (0.97, 0.93, 0.86, 0.80, 0.77, 0.76, 0.75, 0.73),  # half widths of the outline
    "jaw": (0.82, 0.74, 0.62, 0.57, 0.57, 0.59, 0.60, 0.58),
    "chin": (0.44, 0.36, 0.27, 0.26, 0.28, 0.30, 0.31, 0.31),
    "neck": (0.36, 0.35, 0.36, 0.40, 0.47, 0.49, 0.49, 0.46),
    "ear": (0.17, 0.17, 0.17, 0.18, 0.19, 0.20, 0.23, 0.26),  # half its height
    "eye_x": (0.42, 0.40, 0.36, 0.33, 0.32, 0.32, 0.31, 0.31),
    "eye_y": (0.27, 0.21, 0.12, 0.05, 0.00, -0.02, -0.03, -0.03),
    "eye_width": (0.25, 0.23, 0.19, 0.17, 0.16, 0.15, 0.145, 0.14),
    "eye_height": (0.20, 0.18, 0.13, 0.105, 0.09, 0.08, 0.075, 0.07),
    "brow": (0.02, 0.03, 0.04, 0.05, 0.055, 0.055, 0.05, 0.045),
    "nose_y": (0.48, 0.46, 0.42, 0.39, 0.37, 0.39, 0.42, 0.45),
    "nose_width": (0.09, 0.095, 0.11, 0.13, 0.14, 0.155, 0.175, 0.195),
    "mouth_y": (0.70, 0.68, 0.66, 0.64, 0.63, 0.64, 0.66, 0.67),
    "mouth_width": (0.19, 0.20, 0.23, 0.26, 0.28, 0.29, 0.29, 0.28),
    "lip": (0.055, 0.06, 0.065, 0.07, 0.075, 0.065, 0.045, 0.03),
}
SHAPE_SPREAD = 0.035  # people of one age differ by this share in each proportion

SKIN_TONES = np.array(
    [[250, 220, 200], [238, 198, 170], [216, 168, 132], [176, 124, 88], [128, 84, 58], [92, 60, 44]]
)
HAIR_COLORS = np.array(
    [[28, 22, 20], [48, 32, 24], [84, 54, 34], [120, 66, 36], [164, 112, 60], [214, 176, 112]]
)
IRIS_COLORS = np.array([[60, 38, 22], [96, 64, 34], [92, 112, 72], [84, 124, 164]])
GRAY_HAIR = np.array([205, 205, 208])
LIP_RED = np.array([176, 62, 66])
BLUSH = np.array([226, 92, 84])
AGE_SPOT = np.array([104, 66, 40])
DEEP_RED = np.array([70, 20, 16])
WHITE, BLACK = np.full(3, 250), np.full(3, 16)


def ramp(age, start, end):
    """How far `age` has gone from `start` (0) to `end` (1)."""
    return float(np.clip((age - start) / (end - start), 0, 1))


def mix(a, b, share):
    """`a` at share 0, `b` at share 1."""
    return a + (b - a) * share


def pick(palette, position):
    """The color at `position` in 0..1 along a palette (colors, 3), interpolated."""
    at = position * (len(palette) - 1)
    return np.array([np.interp(at, np.arange(len(palette)), channel) for channel in palette.T])


# --- Who is drawn ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cues:
    """How old each part of a face looks, in years: the true age plus that part's own error."""

    shape: float  # proportions of the head
    wrinkles: float
    gray: float  # hair losing its color
    hairline: float  # hair receding
    skin: float  # roughness, spots, dullness
    sag: float  # jowls, eye bags, drooping lids


def sample_cues(age, rng):
    """Let every cue err by itself, so that no single one gives the age away."""
    spread = CUE_ERROR_YEARS + CUE_ERROR_SHARE * age
    error = spread * rng.standard_normal(len(fields(Cues)))
    return Cues(*np.clip(age + error, 0, 100))


def sample_shape(age, rng):
    """The proportions in SHAPE of a head that looks `age` years old, and is somebody's own."""
    own = np.exp(SHAPE_SPREAD * rng.standard_normal(len(SHAPE)))
    values = own * [np.interp(age, SHAPE_AGES, row) for row in SHAPE.values()]
    return SimpleNamespace(**dict(zip(SHAPE, values, strict=True)))


def muted_color(rng):
    """Any color, but not a loud one."""
    color = rng.uniform(20, 250, 3)
    return mix(color, np.full(3, color.mean()), 0.45)


@dataclass(frozen=True)
class Person:
    """All that the drawing needs to know of a face; shares and opacities are in 0..1."""

    cues: Cues
    shape: SimpleNamespace
    female: bool
    skin: np.ndarray
    shade: np.ndarray  # the color of a fold in the skin
    iris: np.ndarray
    hair: np.ndarray  # its color before it turned gray
    gray: float  # share of gray hair
    hair_length: float  # 0 cropped, 1 down to the shoulders
    hair_volume: float
    bangs: float
    beard: float
    blush: float
    smile: float  # from -0.4, sad, to 1
    mouth_open: float
    brow_raise: float  # -1 .. 1
    gaze: float  # -1 left .. 1 right
    clothes: np.ndarray
    glasses: np.ndarray | None  # their color


def sample_person(age, rng):
    """Draw the cues of `age`, then all that does not depend on it."""
    cues = sample_cues(age, rng)
    shape = sample_shape(cues.shape, rng)
    tone, hair, iris, dye, length, volume, bangs, beard, mouth, glasses, sex = rng.random(11)
    blush, smile, brow, gaze = rng.uniform(-1, 1, 4)
    clothes, frame = muted_color(rng), rng.uniform(10, 120, 3)
    female = sex < 0.5
    grown = ramp(cues.shape, 0, 4)  # of an infant's hair
    skin = pick(SKIN_TONES, tone)
    skin = mix(skin, skin.mean() * np.array([1.02, 1.0, 0.9]), 0.3 * ramp(cues.skin, 25, 95))
    return Person(
        cues=cues,
        shape=shape,
        female=female,
        skin=skin,
        shade=mix(0.5 * skin, DEEP_RED, 0.25),
        iris=pick(IRIS_COLORS, iris * (1 - 0.8 * tone)),
        hair=pick(HAIR_COLORS, hair * (1 - 0.8 * tone)),  # dark skin, dark hair
        gray=ramp(cues.gray, 32, 72) * (0.15 if female and dye < 0.15 else 1),
        hair_length=(0.35 + 0.65 * length if female else 0.25 * length) * grown,
        hair_volume=(0.06 + 0.14 * volume) * (0.4 + 0.6 * grown),
        bangs=max(0, 3 * bangs - 2),
        beard=0 if female else max(0, 1.8 * beard - 0.9) * ramp(cues.shape, 15, 22),
        blush=0.14 + 0.08 * blush + 0.2 * (1 - ramp(cues.skin, 2, 30)),
        smile=0.3 + 0.7 * smile,
        mouth_open=max(0, 2 * mouth - 1),
        brow_raise=brow,
        gaze=gaze,
        clothes=clothes,
        glasses=frame if glasses < 0.2 else None,
    )


# --- Curves and canvas ----------------------------------------------------------------------------


def spline_basis(samples):
    """Weights (samples, 4) of four neighboring points along a piece of a Catmull-Rom spline."""
    t = np.linspace(0, 1, samples, endpoint=False)
    powers = np.stack([np.ones_like(t), t, t**2, t**3], axis=1)
    return powers @ np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2


BASIS = spline_basis(6)


def curve(points, closed=False):
    """A smooth curve through the given points: (more points, 2)."""
    points = np.asarray(points, float)
    before, after = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    points = np.concatenate([before, points, after])
    pieces = points[np.arange(len(points) - 3)[:, None] + np.arange(4)]  # (pieces, 4, 2)
    smooth = (BASIS @ pieces).reshape(-1, 2)
    return smooth if closed else np.concatenate([smooth, after])


def closed_by_mirror(right):
    """The closed outline whose right half runs from (0, top) to (0, bottom)."""
    right = np.asarray(right, float)
    return np.concatenate([right, right[-2:0:-1] * SIDES[1]])


def ellipse(center, radii, samples=24):
    """The outline of an ellipse with half axes `radii` = (along x, along y)."""
    angle = np.linspace(0, 2 * np.pi, samples, endpoint=False)
    return center + np.stack([np.cos(angle), np.sin(angle)], axis=1) * radii


def shift(points, down):
    """The same curve, `down` lower."""
    return points + np.array([0, down])


def between(edge, other):
    """The closed outline of what lies between two curves that run the same way."""
    return np.concatenate([edge, other[::-1]])


class Canvas:
    """A square image to paint on in face coordinates, with the pose of one photo."""

    def __init__(self, side, rng):
        self.image = Image.new("RGB", (side, side))
        self.pen = ImageDraw.Draw(self.image, "RGBA")  # in this mode it blends by alpha
        roll = np.radians(np.clip(9 * rng.standard_normal(), -20, 20))
        self.rotation = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
        self.turn = rng.uniform((-0.14, -0.06), (0.14, 0.06))  # sines of yaw and pitch
        self.scale = side * rng.uniform(0.31, 0.37)
        self.center = side * (np.array([0.5, 0.49]) + rng.uniform(-0.04, 0.04, 2))

    def to_pixels(self, points):
        """Turn the head like a ball (its front moves most, its outline stays), then place it."""
        depth = np.sqrt(np.clip(1 - (points**2).sum(axis=1, keepdims=True), 0, 1))
        return self.center + self.scale * (points + depth * self.turn) @ self.rotation

    def fill(self, points, color, alpha=1.0):
        """Fill a closed outline."""
        red, green, blue = np.clip(color, 0, 255).astype(int).tolist()
        ink = (red, green, blue, round(255 * min(alpha, 1)))
        self.pen.polygon(self.to_pixels(points).ravel().tolist(), fill=ink)

    def stroke(self, points, width, color, alpha=1.0):
        """Paint along a curve, `width` in its middle and thinner toward both ends."""
        along = np.gradient(points, axis=0)
        across = along[:, ::-1] * (-1, 1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-9)
        taper = np.sin(np.linspace(0.15, np.pi - 0.15, len(points)))[:, None]
        offset = 0.5 * width * taper * across
        self.fill(between(points + offset, points - offset), color, alpha)

    def blob(self, center, radii, color, alpha):
        """A soft spot: nested ellipses that add up to `alpha` in the middle."""
        for share in (1, 0.75, 0.5):
            self.fill(ellipse(center, np.multiply(radii, share)), color, 1 - (1 - alpha) ** (1 / 3))


# --- Around the face ------------------------------------------------------------------------------


def paint_background(canvas, rng):
    """One color, and big soft blobs of others."""
    canvas.fill(ellipse(0, 6), muted_color(rng))
    for _ in range(5):
        center, radii = rng.uniform(-1.6, 1.6, 2), rng.uniform(0.3, 1.2, 2)
        canvas.blob(center, radii, muted_color(rng), rng.uniform(0.3, 0.9))


def hair_color(person):
    """The color of the hair as a whole, with its share of gray."""
    return mix(person.hair, GRAY_HAIR, person.gray)


def paint_back_hair(canvas, person):
    """Hair that falls behind the head, if it is long enough."""
    if person.hair_length < 0.3:
        return
    width, top = person.shape.cheek + person.hair_volume, -1 - person.hair_volume
    end = 1.7 * person.hair_length - 0.2
    right = [(0, top), (0.75 * width, 0.8 * top), (1.08 * width, -0.2), (1.12 * width, 0.5 * end)]
    right += [(1.1 * width, end), (0.5 * width, end + 0.1), (0, end)]
    outline = curve(closed_by_mirror(right), closed=True)
    canvas.fill(outline, 0.6 * hair_color(person))
    canvas.fill(0.94 * outline, 0.75 * hair_color(person))


def paint_body(canvas, person):
    """Neck, its folds, and clothes."""
    neck = person.shape.neck
    canvas.fill(closed_by_mirror([(0, 0.4), (neck, 0.4), (neck, 1.6), (0, 1.6)]), 0.8 * person.skin)
    for onset, y in ((45, 1.12), (60, 1.22)):
        crease(canvas, person, [(-0.8 * neck, y), (0, y + 0.08), (0.8 * neck, y)], onset)
    width = 2 * neck + 0.35
    collar = [(0, 1.42), (0.9 * neck, 1.26), (width, 1.5), (width + 0.3, 2), (width, 3), (0, 3)]
    canvas.fill(closed_by_mirror(collar), person.clothes)


def head_outline(person):
    """The outline of the head without hair; jowls widen the jaw of the old."""
    s, sag = person.shape, ramp(person.cues.sag, 40, 90)
    right = [(0, -1), (0.55 * s.cheek, -0.9), (0.93 * s.cheek, -0.52), (s.cheek, -0.05)]
    right += [(0.97 * s.cheek, 0.3), (s.jaw + 0.1 * sag, 0.66 + 0.06 * sag)]
    right += [(s.chin + 0.05 * sag, 0.94), (0, 1)]
    return curve(closed_by_mirror(right), closed=True)


def paint_head(canvas, person):
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


def paint_beard(canvas, person):
    """A beard around the mouth and along the jaw."""
    s = person.shape
    right = [(0, s.mouth_y - 0.14), (0.9 * s.mouth_width, s.mouth_y - 0.08)]
    right += [(1.05 * s.jaw, s.mouth_y - 0.15), (s.jaw, 0.72), (s.chin, 0.97), (0, 1.04)]
    outline = curve(closed_by_mirror(right), closed=True)
    canvas.fill(outline, hair_color(person), 0.85 * person.beard)


def paint_hair(canvas, person, rng):
    """Hair on top, from the hairline, which recedes with age, to the outer outline."""
    s, cheek = person.shape, person.shape.cheek
    infant = 1 - ramp(person.cues.shape, 0.5, 4)
    receded = ramp(person.cues.hairline, 24, 80) * (0.3 if person.female else 1)
    volume = person.hair_volume * (1 - 0.9 * receded)
    end = s.eye_y - 0.05 + 0.1 * person.hair_length - 0.25 * infant  # beside the ears
    front = mix(-0.66 - 0.16 * infant, -1.01, receded) + 0.3 * person.bangs * (1 - receded)
    temple = mix(-0.5 - 0.1 * infant, -0.92, min(1, 1.5 * receded))
    outer = np.array([
        (cheek + 0.04 + 0.3 * volume, end),
        (cheek + 0.04 + 0.6 * volume, -0.45),
        (0.6 * cheek + 0.7 * volume, -0.9 - 0.8 * volume),
        (0, -1 - volume),
    ])  # fmt: skip
    inner = np.array([
        (0.94 * cheek, end),
        (0.88 * cheek, -0.35),
        (0.7 * cheek, temple),
        (0.38 * cheek, front),
        (0.12, front - 0.02),
    ])  # fmt: skip
    outline = curve(np.concatenate([outer, outer[-2::-1] * SIDES[1]]))
    hairline = curve(np.concatenate([inner, inner[::-1] * SIDES[1]]))
    opacity = 1 - 0.6 * infant
    canvas.fill(between(outline, hairline), hair_color(person), opacity)
    paint_strands(canvas, person, hairline, outline, opacity, rng)


def paint_strands(canvas, person, hairline, outline, opacity, rng):
    """Single strands from the hairline to the outline: darker, lighter, and gray ones."""
    for at, light, gray, lean in rng.random((36, 4)):
        root = hairline[int(at * len(hairline))]
        tip = outline[int(np.clip(at + 0.1 * (lean - 0.5), 0, 0.999) * len(outline))]
        turned_gray = gray < 0.95 * person.gray
        color = 1.1 * GRAY_HAIR if turned_gray else (0.6 + 0.8 * light) * person.hair
        canvas.stroke(np.linspace(root, tip, 5), 0.05, color, 0.55 * opacity)


# --- Eyes, nose, mouth ----------------------------------------------------------------------------


def eyelids(person):
    """Edges (points, 2) of the upper and the lower lid of the right eye; old lids droop."""
    s, sag = person.shape, ramp(person.cues.sag, 30, 90)
    x = np.linspace(-1, 1, 13)
    y = s.eye_y + 0.05 * sag * np.clip(x, 0, 1)
    upper = y - s.eye_height * (1 - 0.5 * sag) * (1 - x**2)
    lower = y + 0.7 * s.eye_height * (1 - x**2)
    x = s.eye_x + s.eye_width * x
    return np.stack([x, upper], axis=1), np.stack([x, lower], axis=1)


def paint_eyes(canvas, person):
    """Eyeballs, lids with the fold above, and the bags that grow below."""
    sag = ramp(person.cues.sag, 30, 90)
    upper, lower = eyelids(person)
    bag = (person.shape.eye_x, person.shape.eye_y + 0.09 + 0.04 * sag)
    for side in SIDES:
        canvas.blob(bag * side, (0.2, 0.1), person.shade, 0.1 + 0.45 * sag)
        canvas.fill(between(upper, lower) * side, WHITE - 30 * sag)
        paint_iris(canvas, person, upper, lower, side)
        canvas.stroke(upper * side, 0.045, 0.5 * person.shade)
        fold, pouch = shift(upper, -0.045), shift(lower, 0.045 + 0.05 * sag)
        canvas.stroke(fold * side, 0.03 + 0.03 * sag, person.shade, 0.3 + 0.4 * sag)
        canvas.stroke(pouch * side, 0.035, person.shade, 0.7 * sag)


def paint_iris(canvas, person, upper, lower, side):
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


def paint_brows(canvas, person):
    """Brows, raised or lowered by the expression."""
    s, lift = person.shape, 0.03 * person.brow_raise
    y = s.eye_y - s.eye_height - 0.1 - lift
    inner, outer = (s.eye_x - 0.19, y + 0.02 - lift), (s.eye_x + 0.2, y + 0.05)
    brow = curve([inner, (s.eye_x, y - 0.03), outer])
    color = mix(0.8 * person.hair, GRAY_HAIR, 0.8 * person.gray)
    for side in SIDES:
        canvas.stroke(brow * side, 1.5 * s.brow, color, 0.85)


def paint_nose(canvas, person):
    """The shaded side of the bridge, a light tip, wings and nostrils."""
    s, width, y = person.shape, person.shape.nose_width, person.shape.nose_y
    bridge = curve([(0.35 * width, s.eye_y + 0.02), (0.45 * width, 0.6 * y), (width, y - 0.03)])
    wing = curve([(width, y - 0.08), (1.05 * width, y), (0.6 * width, y + 0.03)])
    canvas.stroke(bridge, 0.05, person.shade, 0.3)
    canvas.blob((0, y - 0.04), (0.9 * width, 0.09), 1.12 * person.skin, 0.5)
    for side in SIDES:
        canvas.stroke(wing * side, 0.045, person.shade, 0.8)
        canvas.fill(ellipse((0.45 * width, y + 0.02) * side, (0.035, 0.02), 10), person.shade)


def paint_mouth(canvas, person):
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


def paint_glasses(canvas, person):
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


# --- Age on the skin ------------------------------------------------------------------------------


def crease(canvas, person, points, onset, width=0.05, smile=0.0):
    """A wrinkle: a dark fold and the light edge below it, from the age `onset` on."""
    depth = ramp(person.cues.wrinkles, onset, onset + 40) + smile * max(0, person.smile)
    fold = curve(points)
    canvas.stroke(shift(fold, 0.8 * width), width, 1.25 * person.skin, 0.5 * depth)
    canvas.stroke(fold, width * (0.6 + 0.6 * depth), person.shade, 0.8 * depth)


def paint_forehead(canvas, person, rng):
    """Lines across the forehead and the frown between the brows."""
    s = person.shape
    brow = s.eye_y - s.eye_height - 0.2
    for row, onset in enumerate((28, 38, 50, 62)):
        y, half = brow - 0.1 * row, 0.4 * s.cheek + rng.uniform(-0.1, 0.1)
        left, right = y + 0.04 + rng.uniform(-0.03, 0.03, 2)
        line = [(-half, left), (-0.3 * half, y - 0.01), (0.3 * half, y), (half, right)]
        crease(canvas, person, line, onset)
    for side in SIDES:
        crease(canvas, person, [(0.06, brow + 0.02) * side, (0.05, brow + 0.15) * side], 40)


def paint_crows_feet(canvas, person):
    """Small folds that fan out from the outer corners of the eyes, and show in a smile."""
    s = person.shape
    x, y = s.eye_x + s.eye_width + 0.03, s.eye_y
    for onset, dy in ((26, 0), (36, 0.07), (46, -0.06), (58, 0.13)):
        fold = np.array([(x, y + 0.5 * dy), (x + 0.08, y + dy), (x + 0.16, y + 1.4 * dy + 0.02)])
        for side in SIDES:
            crease(canvas, person, fold * side, onset, width=0.035, smile=0.1)


def paint_folds(canvas, person):
    """From nose to mouth (nasolabial), down from the mouth (marionette), and along the cheek."""
    s = person.shape
    corner, middle = s.mouth_width + 0.05, 0.5 * (s.nose_y + s.mouth_y)
    laugh = [(s.nose_width + 0.03, s.nose_y - 0.05), (s.mouth_width, middle)]
    laugh += [(corner + 0.04, s.mouth_y + 0.02)]
    down = [(corner, s.mouth_y + 0.06), (corner + 0.03, s.mouth_y + 0.14)]
    down += [(corner + 0.02, s.mouth_y + 0.24)]
    cheek = [(0.8 * s.cheek, s.nose_y - 0.05), (0.78 * s.cheek, s.nose_y + 0.15)]
    cheek += [(0.68 * s.cheek, s.mouth_y + 0.1)]
    for side in SIDES:
        crease(canvas, person, laugh * side, 24, smile=0.2)
        crease(canvas, person, down * side, 50)
        crease(canvas, person, cheek * side, 60)


def paint_sagging(canvas, person):
    """Shadows of jowls and hollow cheeks."""
    s, sag = person.shape, ramp(person.cues.sag, 40, 90)
    for side in SIDES:
        canvas.blob((0.82 * s.jaw, 0.74) * side, (0.13, 0.12), person.shade, 0.4 * sag)
        hollow = (0.66 * s.cheek, s.nose_y + 0.08) * side
        canvas.blob(hollow, (0.12, 0.15), person.shade, 0.3 * sag)


def paint_spots(canvas, person, rng):
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


# --- The photo ------------------------------------------------------------------------------------

GRAIN = 56  # cells a side of the random texture, the same at every size of the photo


def texture(side, rng):
    """Random light and dark on skin: (side, side), about standard normal."""
    grain = Image.fromarray(rng.standard_normal((GRAIN, GRAIN)).astype(np.float32))
    return np.asarray(grain.resize((side, side), Image.Resampling.BICUBIC))


def expose(image, head, person, rng):
    """The photo of a drawing: rough skin, a round head, light from one side, a camera's settings.

    `head` is the mask of the head, an image in white on black; both are (side, side).
    """
    side = image.width
    inside = np.asarray(head, np.float32) / 255
    blurred = np.asarray(head.filter(ImageFilter.GaussianBlur(side / 14)), np.float32) / 255
    rough = 0.01 + 0.055 * ramp(person.cues.skin, 15, 95)
    skin = 1 + inside * (rough * texture(side, rng) - 0.45 * (1 - blurred))  # darker to the rim
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.45)
    step = np.linspace(-1, 1, side)
    light = 1 + strength * (np.cos(angle) * step + np.sin(angle) * step[:, None])
    warmth, (brightness, contrast) = rng.uniform(0.92, 1.08, 3), rng.uniform(0.75, 1.15, 2)
    pixels = np.asarray(image) * (light * skin)[..., None] * warmth
    pixels = 128 + contrast * (brightness * pixels - 128)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def draw_face(age, rng, side):
    """A face that is `age` years old (float, 1..95): an RGB image of `side` x `side` pixels."""
    person = sample_person(age, rng)
    canvas = Canvas(SUPERSAMPLING * side, rng)
    paint_background(canvas, rng)
    paint_back_hair(canvas, person)
    paint_body(canvas, person)
    paint_head(canvas, person)
    paint_spots(canvas, person, rng)
    paint_beard(canvas, person)
    paint_nose(canvas, person)
    paint_mouth(canvas, person)
    paint_forehead(canvas, person, rng)
    paint_folds(canvas, person)
    paint_sagging(canvas, person)
    paint_crows_feet(canvas, person)
    paint_eyes(canvas, person)
    paint_brows(canvas, person)
    paint_hair(canvas, person, rng)
    paint_glasses(canvas, person)
    head = Image.new("L", canvas.image.size)
    ImageDraw.Draw(head).polygon(canvas.to_pixels(head_outline(person)).ravel().tolist(), fill=255)
    return expose(canvas.image.reduce(SUPERSAMPLING), head.reduce(SUPERSAMPLING), person, rng)
