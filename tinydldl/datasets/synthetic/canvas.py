"""What the faces are painted with: curves, and a canvas that turns them into pixels.

Face coordinates: origin in the middle of the head, x to the right, y down; the unit is half the
height of the head, so the chin is at (0, 1). Curves are arrays (points, 2) in these coordinates.
The pose of the head and the size of the picture are known to `Canvas` alone.
"""

from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from tinydldl.arrays import Array, Rng

SUPERSAMPLING = 4  # shapes are drawn this much larger, then averaged, so that edges are smooth
Points = Array | list  # (points, 2), also a list of pairs
Color = np.ndarray  # (3,): red, green and blue in 0..255
LEFT = np.array([-1, 1])  # a curve times this is its mirror image
SIDES = (np.array([1, 1]), LEFT)  # a curve times one of these: right or left half


# The weights (6, 4) of four neighboring points along a piece of a Catmull-Rom spline.
T = np.linspace(0, 1, 6, endpoint=False)
POWERS = np.stack([np.ones_like(T), T, T**2, T**3], axis=1)
BASIS = POWERS @ np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2


def curve(points: Points, closed: bool = False) -> Array:
    """A smooth curve through the given points: (more points, 2)."""
    points = np.asarray(points, float)
    before, after = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    points = np.concatenate([before, points, after])
    pieces = points[np.arange(len(points) - 3)[:, None] + np.arange(4)]  # (pieces, 4, 2)
    smooth = (BASIS @ pieces).reshape(-1, 2)
    return smooth if closed else np.concatenate([smooth, after])


def symmetric(right: Points) -> Array:
    """The closed polygon whose right half runs from (0, top) to (0, bottom)."""
    right = np.asarray(right, float)
    return np.concatenate([right, right[-2:0:-1] * LEFT])


def symmetric_curve(right: Points) -> Array:
    """The smooth closed outline whose right half runs from (0, top) to (0, bottom)."""
    return curve(symmetric(right), closed=True)


def ellipse(center: Any, radii: Any, samples: int = 24) -> Array:
    """The outline of an ellipse with half axes `radii` = (along x, along y)."""
    angle = np.linspace(0, 2 * np.pi, samples, endpoint=False)
    return center + np.stack([np.cos(angle), np.sin(angle)], axis=1) * radii


@cache
def taper(samples: int) -> Array:
    """The width (samples, 1) along a stroke: 1 in its middle."""
    return np.sin(np.linspace(0.15, np.pi - 0.15, samples))[:, None]


def between(edge: Array, other: Array) -> Array:
    """The closed outline of what lies between two curves that run the same way."""
    return np.concatenate([edge, other[::-1]])


class Canvas:
    """A picture of `side` x `side` pixels to paint on, with the pose of the head in it."""

    def __init__(self, side: int, rng: Rng) -> None:
        side = SUPERSAMPLING * side
        self.image = Image.new("RGB", (side, side))
        self.pen = ImageDraw.Draw(self.image, "RGBA")  # in this mode it blends by alpha
        roll = np.radians(np.clip(9 * rng.standard_normal(), -20, 20))
        self.rotation = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
        self.turn = rng.uniform((-0.14, -0.06), (0.14, 0.06))  # sines of yaw and pitch
        self.scale = side * rng.uniform(0.31, 0.37)
        self.center = side * (np.array([0.5, 0.49]) + rng.uniform(-0.04, 0.04, 2))

    def to_pixels(self, points: Array) -> list[float]:
        """Corners x, y, x, y, ... on the large image, as Pillow takes them."""
        depth = np.sqrt(np.maximum(1 - (points**2).sum(axis=1, keepdims=True), 0))
        turned = points + depth * self.turn  # like a ball: its front moves most, its outline stays
        return (self.center + self.scale * turned @ self.rotation).ravel().tolist()

    def fill(self, points: Array, color: Color, alpha: float = 1.0) -> None:
        """Fill a closed outline."""
        rgb = (int(min(max(value, 0), 255)) for value in color.tolist())
        self.pen.polygon(self.to_pixels(points), fill=(*rgb, round(255 * min(alpha, 1))))

    def stroke(self, points: Array, width: float, color: Color, alpha: float = 1.0) -> None:
        """Paint along a curve, `width` in its middle and thinner toward both ends."""
        if alpha < 0.5 / 255:  # it would not be seen
            return
        along = points[[*range(1, len(points)), -1]] - points[[0, *range(len(points) - 1)]]
        along[1:-1] /= 2  # as np.gradient, in a quarter of its time
        length = np.sqrt((along**2).sum(axis=1, keepdims=True)) + 1e-9
        offset = 0.5 * width * taper(len(points)) * (along[:, ::-1] * LEFT / length)
        self.fill(between(points + offset, points - offset), color, alpha)

    def blob(self, center: Any, radii: Any, color: Color, alpha: float) -> None:
        """A soft spot: nested ellipses that add up to `alpha` in the middle."""
        for share in (1, 0.75, 0.5):
            self.fill(ellipse(center, np.multiply(radii, share)), color, 1 - (1 - alpha) ** (1 / 3))

    def picture(self) -> Image.Image:
        """What has been painted: an RGB image of the size asked for."""
        return self.image.reduce(SUPERSAMPLING)

    def mask(self, points: Array) -> Image.Image:
        """The inside of a closed outline, white on black: a gray image of the size asked for."""
        mask = Image.new("L", self.image.size)
        ImageDraw.Draw(mask).polygon(self.to_pixels(points), fill=255)
        return mask.reduce(SUPERSAMPLING)
