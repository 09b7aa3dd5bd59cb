"""Who is drawn: the age cues of a face, and everything about it that says nothing of age.

What shows the age is named in `Cues`. All else (skin tone, hair, expression, glasses) is what a
network must learn to look past. Everyone takes the same number of random draws, whatever the age:
the same generator state is the same person, so drawing it at several ages shows that person
growing old. The other files of the drawing paint a `Person`; only this one invents people.

A palette (colors, 3) runs from dark to light or back: people have what lies between, too.
"""

from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

import numpy as np

from tinydldl.arrays import Array, Rng
from tinydldl.datasets.synthetic.canvas import Color

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

# Standard deviation of what a cue shows, in years: a constant and a share of the true age.
CUE_ERROR_YEARS, CUE_ERROR_SHARE = 0.8, 0.09

# The head by age. While a child grows, the eyes move up and shrink, and jaw and nose grow; later
# nose and ears keep growing and the lips thin. The unit is half the height of the head.
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
SHAPE_DEVIATION = 0.035  # people of one age differ by this share in each proportion


@dataclass(frozen=True)
class Cues:
    """How old each part of a face looks, in years: the true age plus that part's own error."""

    shape: float  # proportions of the head
    wrinkles: float
    gray: float  # hair losing its color
    hairline: float  # hair receding
    skin: float  # roughness, spots, dullness
    sag: float  # jowls, eye bags, drooping lids


def ramp(age: float, start: float, end: float) -> float:
    """How far `age` has gone from `start` (0) to `end` (1)."""
    return float(min(max((age - start) / (end - start), 0), 1))


def sample_cues(age: float, rng: Rng) -> Cues:
    """Let every cue err by itself, so that no single one gives the age away."""
    deviation = CUE_ERROR_YEARS + CUE_ERROR_SHARE * age
    return Cues(*np.clip(age + deviation * rng.standard_normal(len(fields(Cues))), 0, 100))


class Person:
    """Somebody who shows the cues of `age`, and whose other traits say nothing about it.

    All that the drawing needs to know of a face. Shares and opacities are in 0..1.
    """

    def __init__(self, age: float, rng: Rng) -> None:
        self.cues = cues = sample_cues(age, rng)
        own = np.exp(SHAPE_DEVIATION * rng.standard_normal(len(SHAPE)))
        values = own * [np.interp(cues.shape, SHAPE_AGES, row) for row in SHAPE.values()]
        self.shape = SimpleNamespace(**dict(zip(SHAPE, values, strict=True)))  # its proportions
        tone, hair, iris, dye, length, volume, bangs, beard, mouth, glasses, sex = rng.random(11)
        blush, smile, brow, gaze = rng.uniform(-1, 1, 4)
        self.clothes, frame = muted_color(rng), rng.uniform(10, 120, 3)
        self.female = female = sex < 0.5
        grown = ramp(cues.shape, 0, 4)  # of an infant's hair
        skin = pick(SKIN_TONES, tone)
        dull = 0.3 * ramp(cues.skin, 25, 95)
        self.skin = skin = mix(skin, skin.mean() * np.array([1.02, 1.0, 0.9]), dull)
        self.shade = mix(0.5 * skin, DEEP_RED, 0.25)  # the color of a fold in the skin
        self.iris = pick(IRIS_COLORS, iris * (1 - 0.8 * tone))
        # dark skin, dark hair: its color before it turned gray, and the share that did
        self.hair = pick(HAIR_COLORS, hair * (1 - 0.8 * tone))
        self.gray = ramp(cues.gray, 32, 72) * (0.15 if female and dye < 0.15 else 1)
        self.hair_color = mix(self.hair, GRAY_HAIR, self.gray)  # as a whole
        # 0 cropped, 1 down to the shoulders
        self.hair_length = (0.35 + 0.65 * length if female else 0.25 * length) * grown
        self.hair_volume = (0.06 + 0.14 * volume) * (0.4 + 0.6 * grown)
        self.bangs = max(0, 3 * bangs - 2)
        self.beard = 0 if female else max(0, 1.8 * beard - 0.9) * ramp(cues.shape, 15, 22)
        self.blush = 0.14 + 0.08 * blush + 0.2 * (1 - ramp(cues.skin, 2, 30))
        self.smile = 0.3 + 0.7 * smile  # from -0.4, sad, to 1
        self.mouth_open = max(0, 2 * mouth - 1)
        self.brow_raise = brow  # -1 .. 1
        self.gaze = gaze  # -1 left .. 1 right
        self.glasses = frame if glasses < 0.2 else None  # their color


def mix(a: Any, b: Any, share: float) -> Any:
    """`a` at share 0, `b` at share 1; of colors, and of numbers and points as well."""
    return a + (b - a) * share


def pick(palette: Array, position: float) -> Color:
    """The color at `position` in 0..1 along a palette (colors, 3), interpolated."""
    at = position * (len(palette) - 1)
    return np.array([np.interp(at, np.arange(len(palette)), channel) for channel in palette.T])


def muted_color(rng: Rng) -> Color:
    """Any color, but not a loud one."""
    color = rng.uniform(20, 250, 3)
    return mix(color, np.full(3, color.mean()), 0.45)
