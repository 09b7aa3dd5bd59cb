"""Curves go where they should, and the canvas fills what they enclose."""

import numpy as np
import pytest

from tinydldl.datasets.synthetic.canvas import SUPERSAMPLING, Canvas, curve, ellipse, symmetric


def test_a_curve_passes_through_its_points():
    points = np.array([(0, 0), (1, 2), (3, 1), (4, 4)])
    smooth = curve(points)
    distances = np.linalg.norm(points[:, None] - smooth, axis=2)
    assert distances.min(axis=1) == pytest.approx(0, abs=1e-12)
    assert smooth[0].tolist() == [0, 0]
    assert smooth[-1].tolist() == [4, 4]


def test_a_closed_curve_through_a_square_keeps_its_symmetry():
    smooth = curve([(-1, -1), (1, -1), (1, 1), (-1, 1)], closed=True)
    assert smooth.mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert np.abs(smooth).max() > 1  # it bulges between the corners


def test_symmetric_adds_the_left_half_and_repeats_no_point():
    assert symmetric([(0, -1), (2, 0), (0, 1)]).tolist() == [[0, -1], [2, 0], [0, 1], [-2, 0]]


def test_a_mask_is_as_large_as_its_outline():
    canvas = Canvas(100, np.random.default_rng(0))
    mask = np.asarray(canvas.mask(ellipse(0, 1, 96)), float) / 255
    assert mask.shape == (100, 100)
    radius = canvas.scale / SUPERSAMPLING  # in pixels of the picture
    assert mask.sum() == pytest.approx(np.pi * radius**2, rel=0.02)


def test_alpha_blends_with_what_is_there():
    canvas = Canvas(32, np.random.default_rng(0))
    everywhere = ellipse(0, 6)
    canvas.fill(everywhere, np.array([100, 0, 0]))
    canvas.fill(everywhere, np.array([0, 200, 0]), 0.5)
    assert canvas.picture().getpixel((16, 16)) == pytest.approx((50, 100, 0), abs=1)
