"""MTCNN: faces in a photo, found by a cascade of three networks.

P-Net sees all patches of a pyramid of smaller and smaller photos. R-Net sees what may be a face, at
24 pixels per side, O-Net what still may be one, at 48. After each, non-maximum suppression leaves
one box per face, and box regression moves it; for the next network it becomes a square again.

Source: Zhang, Zhang, Li and Qiao, IEEE Signal Processing Letters 2016, and its code (thresholds).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from tinydldl.arrays import Array, Arrays, Boxes, Images
from tinydldl.faces import networks
from tinydldl.faces.boxes import intersection_over_smaller, regress, square, suppress
from tinydldl.images import divisor, full_size

LONGEST_SIDE = 1024  # a larger photo is made smaller first
FACTOR = 0.709  # from one level of the pyramid to the next, about sqrt(1/2): half the pixels
CELL, STRIDE = 12, 2  # pixels: a patch of P-Net, and from one to the next
PROBABLE = {"pnet": 0.6, "rnet": 0.7}
# Of 133 detections in all kinds of photos, the 8 below this were an arm, a pumpkin, a chair and the
# like, and the 125 faces had 0.92 or more. (The published code has 0.7.)
SCORE = 0.9
BATCH = 32  # patches at a time


@dataclass(frozen=True)
class Face:
    """`box` (4,): left, top, right, bottom; `score`: the probability that it is a face; `landmarks`
    (5, 2): x and y of left eye, right eye, nose, left and right corner of the mouth.

    In pixels of the photo, which begins at (0, 0), before it was made smaller; left and right are
    those of the viewer. A box ends where the photo ends; landmarks may be outside.
    """

    box: np.ndarray
    score: float
    landmarks: np.ndarray


def detect(image: Image.Image, smallest: int = 40, score: float = SCORE) -> list[Face]:
    """The faces in an RGB photo, the most probable first.

    `smallest`: pixels per side of the smallest face, once photos with more than 1024 pixels on the
    longer side are made smaller; `score`: how probable a face must be. Raises ValueError for
    another kind of image, or below P-Net's 12 pixels.
    """
    if image.mode != "RGB" or smallest < CELL:
        found = f"{image.mode}, {smallest}"
        raise ValueError(f"expected an RGB photo and at least {CELL} pixels, got {found}")
    small = shrink(image)
    squares = propose(small, smallest)
    if len(squares):
        squares = refine(small, squares)
    if not len(squares):
        return []
    scale = np.array(full_size(image)) / small.size
    return [
        Face(inside(image, box * np.tile(scale, 2)), float(probability), points * scale)
        for box, probability, points in zip(*conclude(small, squares, score), strict=True)
    ]


def face_in(image: Image.Image, box: Any) -> Face:
    """The face in a `box` (4,) of an RGB photo, which `detect` may have missed.

    Only O-Net sees it; its landmarks count, however unsure. Raises ValueError for an empty box.
    """
    box = np.asarray(box, dtype=float)
    if not (box[2:] > box[:2]).all():
        raise ValueError(f"expected left, top, right and bottom of a box, got {box.tolist()}")
    squares = square(box[None] / divisor(image))
    onet = networks.load("onet")
    y = onet.forward(patches(image, squares, onet.side))
    return Face(box, float(y["face"][0]), landmarks_in(squares, y)[0] * divisor(image))


def inside(image: Image.Image, box: Any) -> Array:
    """The part (4,) of a box that is in the photo."""
    return np.clip(box, 0, np.tile(full_size(image), 2))


def shrink(image: Image.Image) -> Image.Image:
    """The photo with at most `LONGEST_SIDE` pixels per side."""
    return resize(image, min(1, LONGEST_SIDE / max(image.size)))


def resize(image: Image.Image, scale: float) -> Image.Image:
    """The photo at another scale; each new pixel is an average, so that none is skipped."""
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR)


def scales(size: tuple[int, int], smallest: int) -> Iterator[float]:
    """Yield the scales of the pyramid: the smaller the photo, the larger the faces P-Net sees."""
    scale = CELL / smallest
    while min(size) * scale >= CELL:
        yield scale
        scale *= FACTOR


def normalize(pixels: Any) -> Images:
    """Pixels 0..255 as the networks saw them in training."""
    return (np.asarray(pixels, dtype=np.float32) - 127.5) / 128


def propose(image: Image.Image, smallest: int) -> Boxes:
    """The squares (N, 4) that may hold a face, by P-Net."""
    pnet = networks.load("pnet")
    found = []
    for scale in scales(image.size, smallest):
        level = resize(image, scale)
        y = pnet.forward(normalize(level)[None])
        row, column = np.nonzero(y["face"][0] > PROBABLE["pnet"])
        scores, offsets = y["face"][0, row, column], y["box"][0, row, column]
        left_top = STRIDE * np.stack([column, row], axis=1)
        to_photo = np.tile(np.array(image.size) / level.size, 2)
        boxes = np.hstack([left_top, left_top + CELL]) * to_photo
        kept = suppress(boxes, scores, 0.5)
        found.append((boxes[kept], scores[kept], offsets[kept]))
    if not found:
        return np.zeros((0, 4))
    boxes, scores, offsets = map(np.concatenate, zip(*found, strict=True))
    kept = suppress(boxes, scores, 0.7)
    return square(regress(boxes[kept], offsets[kept]))


def refine(image: Image.Image, squares: Boxes) -> Boxes:
    """The squares (N, 4) in which R-Net sees a face, too, moved."""
    y, squares = classify("rnet", image, squares, PROBABLE["rnet"])
    kept = suppress(squares, y["face"], 0.7)
    return square(regress(squares[kept], y["box"][kept]))


def conclude(image: Image.Image, squares: Boxes, score: float) -> tuple[Boxes, Array, Array]:
    """Boxes (N, 4), scores (N,) and landmarks (N, 5, 2) where O-Net still sees a face."""
    y, squares = classify("onet", image, squares, score)
    landmarks = landmarks_in(squares, y)
    boxes = regress(squares, y["box"])
    kept = suppress(boxes, y["face"], 0.7, intersection_over_smaller)
    return boxes[kept], y["face"][kept], landmarks[kept]


def landmarks_in(squares: Boxes, y: Arrays) -> Array:
    """The landmarks (N, 5, 2) in pixels, from the outputs y of O-Net for squares (N, 4)."""
    left_top, right_bottom = squares[:, None, :2], squares[:, None, 2:]
    return left_top + (right_bottom - left_top) * y["landmarks"]


def classify(name: str, image: Image.Image, squares: Boxes, score: float) -> tuple[Arrays, Boxes]:
    """The outputs of a network for the squares (N, 4) that get more than `score`, and these."""
    net = networks.load(name)
    batches = np.split(squares, range(BATCH, len(squares), BATCH))
    outputs = [net.forward(patches(image, batch, net.side)) for batch in batches]
    y = {head: np.concatenate([output[head] for output in outputs]) for head in outputs[0]}
    probable = y["face"] > score
    return {head: values[probable] for head, values in y.items()}, squares[probable]


def patches(image: Image.Image, squares: Boxes, side: int) -> Images:
    """The input of a network: the photo in each of the squares (N, 4), black outside of it."""
    crops = (image.crop(square) for square in squares.astype(int).tolist())
    pixels = [np.asarray(crop.resize((side, side), Image.Resampling.BILINEAR)) for crop in crops]
    return normalize(np.stack(pixels))
