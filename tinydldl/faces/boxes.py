"""Boxes around faces: arrays (N, 4) of left, top, right and bottom, in pixels.

Pixel (0, 0) of an image covers the square from (0, 0) to (1, 1): sizes are plain differences.
"""

from collections.abc import Callable

import numpy as np

from tinydldl.arrays import Array, Boxes


def suppress(
    boxes: Boxes, scores: Array, limit: float, shared: Callable[[Array, Boxes], Array] | None = None
) -> Array:
    """Non-maximum suppression: the indices of the boxes that stay, best score first.

    The best box stays, all that share more than `limit` with it go, and so on with the rest.
    `shared(box, boxes)` is the measure, by default `intersection_over_union`.
    """
    shared = shared or intersection_over_union
    kept, left = [], np.argsort(-scores, kind="stable")
    while left.size:
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[shared(boxes[best], boxes[left]) <= limit]
    return np.array(kept, dtype=int)


def intersection_over_union(box: Array, boxes: Boxes) -> Array:
    """The area of `box` (4,) and each of `boxes` (N, 4) in common, over that of both: (N,)."""
    common = intersection(box, boxes)
    return common / (area(box) + area(boxes) - common)


def intersection_over_smaller(box: Array, boxes: Boxes) -> Array:
    """The area in common, over that of the smaller box: 1 for a box inside the other."""
    return intersection(box, boxes) / np.minimum(area(box), area(boxes))


def intersection(box: Array, boxes: Boxes) -> Array:
    """The area in common."""
    left_top = np.maximum(box[:2], boxes[:, :2])
    right_bottom = np.minimum(box[2:], boxes[:, 2:])
    return np.maximum(right_bottom - left_top, 0).prod(axis=1)


def area(boxes: Array) -> Array:
    """Width times height: of (..., 4)."""
    return (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)


def regress(boxes: Boxes, offsets: Array) -> Boxes:
    """The boxes with each side moved by `offsets` (N, 4), in widths and heights of its box."""
    return boxes + offsets * np.tile(boxes[:, 2:] - boxes[:, :2], 2)


def square(boxes: Boxes) -> Boxes:
    """Squares with the centers and longer sides of the boxes, on whole pixels, at least 1."""
    side = np.round((boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)).clip(1)
    left_top = np.round((boxes[:, :2] + boxes[:, 2:] - side) / 2)
    return np.hstack([left_top, left_top + side])
