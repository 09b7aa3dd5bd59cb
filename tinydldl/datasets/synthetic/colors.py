"""The colors of the synthetic faces: arrays (3,) of red, green and blue in 0..255.

A palette (colors, 3) runs from dark to light or back: people have what lies between, too.
"""

from typing import Any

import numpy as np

from tinydldl.arrays import Array, Rng

Color = np.ndarray  # (3,)
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
