"""Overlap, non-maximum suppression, box regression: by hand, and against plain loops."""

import numpy as np
import pytest

from tinydldl.faces.boxes import (
    intersection_over_smaller,
    intersection_over_union,
    regress,
    square,
    suppress,
)

BOXES = np.array(
    [
        [0.0, 0, 10, 10],
        [0, 0, 10, 10],  # the same
        [5, 0, 15, 10],  # half of it
        [2, 2, 4, 6],  # inside
        [10, 0, 20, 10],  # touches
        [-7, -9, -1, -2],  # apart
    ]
)


def test_shared_area_by_hand():
    of_union = [1, 1, 50 / 150, 8 / 100, 0, 0]
    of_smaller = [1, 1, 50 / 100, 1, 0, 0]
    np.testing.assert_allclose(intersection_over_union(BOXES[0], BOXES), of_union)
    np.testing.assert_allclose(intersection_over_smaller(BOXES[0], BOXES), of_smaller)


def test_suppression_by_hand():
    scores = np.array([0.7, 0.9, 0.8, 0.6, 0.5, 0.4])
    # 1 removes 0; 1 and 2 share 1/3, 2 and 4 too
    assert suppress(BOXES, scores, 0.5).tolist() == [1, 2, 3, 4, 5]
    assert suppress(BOXES, scores, 0.3).tolist() == [1, 3, 4, 5]  # 2 is gone, so 4 stays
    assert suppress(BOXES, scores, 0.5, intersection_over_smaller).tolist() == [1, 2, 4, 5]
    assert suppress(BOXES, scores, 0.4, intersection_over_smaller).tolist() == [1, 4, 5]


def test_suppression_at_the_limit_and_of_nothing():
    assert suppress(BOXES[[0, 2]], np.array([2.0, 1]), 50 / 150).tolist() == [0, 1]
    assert suppress(np.zeros((0, 4)), np.zeros(0), 0.5).tolist() == []


@pytest.mark.parametrize("limit", [0.1, 0.5, 0.7])
@pytest.mark.parametrize("shared", [intersection_over_union, intersection_over_smaller])
def test_suppression_agrees_with_plain_loops(limit, shared, rng):
    left_top = rng.uniform(0, 40, (200, 2))
    boxes = np.hstack([left_top, left_top + rng.uniform(5, 25, (200, 2))])
    scores = rng.permutation(200) / 200
    expected = []
    for i in sorted(range(200), key=lambda i: -scores[i]):
        overlaps = (shared_by_loops(boxes[i], boxes[j], shared) for j in expected)
        if all(overlap <= limit for overlap in overlaps):
            expected.append(i)
    assert suppress(boxes, scores, limit, shared).tolist() == expected
    assert 1 < len(expected) < 200


def shared_by_loops(a, b, shared):
    """The same as `shared` of two boxes, from the definition."""
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    first, second = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    common = width * height
    if shared is intersection_over_union:
        return common / (first + second - common)
    return common / min(first, second)


def test_regression_by_hand():
    boxes = np.array([[10.0, 20, 30, 60], [0, 0, 1, 1]])
    offsets = np.array([[-0.1, 0.25, 0.05, 0], [0, 0, 0, 0]])  # times 20, 40, 20, 40
    np.testing.assert_allclose(regress(boxes, offsets), [[8, 30, 31, 60], [0, 0, 1, 1]])


def test_squares_by_hand():
    boxes = np.array([[10.0, 20, 30, 60], [0, 0, 9, 4], [1.2, 2.2, 4.6, 5.1], [5, 5, 5, 5.1]])
    expected = [[0, 20, 40, 60], [0, -2, 9, 7], [1, 2, 4, 5], [4, 5, 5, 6]]
    np.testing.assert_array_equal(square(boxes), expected)
