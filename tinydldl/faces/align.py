"""Alignment: a photo turned, scaled and shifted so that the face lies as the network expects it.

Points are (x, y) in pixels, to the right and down; the center of pixel (0, 0) is (0.5, 0.5).
"""

import numpy as np
from PIL import Image

from tinydldl.arrays import Array
from tinydldl.images import FILL, divisor

ARCFACE_X = [38.2946, 73.5318, 56.0252, 41.5493, 70.7299]
ARCFACE_Y = [51.6963, 51.5014, 71.7366, 92.3655, 92.2041]
# Places of left eye, right eye, nose, left and right corner of the mouth in a crop, as fractions of
# its side: all x, all y. A network must see faces as it saw them in training.
SHAPES = {
    # Means over 1,984 faces in 2,000 photos of UTKFace's training part, and their mirrors.
    "utkface": np.transpose([[0.303, 0.697, 0.5, 0.327, 0.673], [0.29, 0.29, 0.522, 0.694, 0.694]]),
    # Common for training networks for face recognition, given for 112 pixels.
    # Source: the code of Deng et al., ArcFace, CVPR 2019.
    "arcface": np.transpose([ARCFACE_X, ARCFACE_Y]) / 112,
}


def align(image: Image.Image, landmarks: Array, side: int, shape: str = "utkface") -> Image.Image:
    """The face of an RGB photo as a square of `side` pixels, gray outside of the photo.

    `landmarks` (5, 2), as from `detect`, come as near as possible to those of `shape`, a name in
    SHAPES. Raises ValueError for landmarks that are all in one point.
    """
    return warp(image, similarity(landmarks / divisor(image), side * SHAPES[shape]), side)


def similarity(points: Array, targets: Array) -> Array:
    """The rotation, scale and shift that bring `points` (N, 2) nearest to `targets` (N, 2).

        minimize sum_i |A p_i + b - t_i|^2        A = scale [[cos, -sin], [sin, cos]]

    Returns (A b), (2, 3). In the plane A multiplies by a complex number z, which makes this linear
    least squares: z = sum conj(p_i) t_i / sum |p_i|^2, both less their means. No A is a reflection.
    Raises ValueError if the points or the targets are all in one point, or are not finite.

    Source: for any dimension, Umeyama, IEEE Transactions on Pattern Analysis 13 (1991).
    """
    p, t = (as_complex(given) for given in (points, targets))
    p_mean, t_mean = p.mean(), t.mean()
    z = np.vdot(p - p_mean, t - t_mean) / np.vdot(p - p_mean, p - p_mean).real
    b = t_mean - z * p_mean
    return np.array([[z.real, -z.imag, b.real], [z.imag, z.real, b.imag]])


def likeness(landmarks: Array, shape: str = "utkface") -> float:
    """How similar landmarks (5, 2) are to those of `shape`, 0..1: R^2 of `similarity`.

        |sum conj(p_i) t_i|^2 / (sum |p_i|^2 sum |t_i|^2)                both less their means

    1 for the same figure, however turned, shifted and scaled. Raises ValueError likewise.
    """
    p, t = (as_complex(given) for given in (landmarks, SHAPES[shape]))
    p, t = p - p.mean(), t - t.mean()
    return float(abs(np.vdot(p, t)) ** 2 / (np.vdot(p, p).real * np.vdot(t, t).real))


def as_complex(points: Array) -> Array:
    """Points (N, 2) as complex numbers x + iy. Raises ValueError if they are all in one place."""
    x, y = np.asarray(points, dtype=np.float64).T
    extent = np.hypot(np.ptp(x), np.ptp(y))
    if not extent > 1e-9 * np.abs([x, y]).max():  # also fails for NaN
        raise ValueError("expected points that are finite and do not all lie in one place")
    return x + 1j * y


def warp(image: Image.Image, matrix: Array, side: int) -> Image.Image:
    """The square of `side` pixels whose point A p + b shows point p of the photo."""
    A, b = matrix[:, :2], matrix[:, 2]
    inverse = np.linalg.inv(A)  # its LinAlgError is a ValueError
    # a warp to fewer pixels would skip some: they are averaged over blocks first
    block = max(1, int(np.sqrt(np.linalg.det(inverse))))
    inverse /= block  # from the crop to the photo of blocks
    coefficients = np.column_stack([inverse, -inverse @ b]).ravel().tolist()
    affine = Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    return image.reduce(block).transform((side, side), *affine, fillcolor=FILL)
