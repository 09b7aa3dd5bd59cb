"""Similarity transforms by hand, against SciPy and Umeyama's formula; crops pixel by pixel."""

import numpy as np
import pytest
from helpers.photos import random_photo
from PIL import Image, ImageDraw
from scipy.optimize import least_squares

from tinydldl.faces.align import SHAPES, align, likeness, similarity, warp
from tinydldl.images import FILL

LANDMARKS = np.array([[30.0, 40], [70, 38], [52, 60], [35, 80], [68, 78]])
FACE_IN_100 = 100 * SHAPES["utkface"]


def apply(matrix, points):
    """`A p + b` for each point."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def test_by_hand():
    """Turned by 90 degrees, from x to y, twice as large, shifted by (3, 4)."""
    points = [[0, 0], [1, 0], [0, 1], [5, 7]]
    targets = [[3, 4], [3, 6], [1, 4], [-11, 14]]
    np.testing.assert_allclose(similarity(points, targets), [[0, -2, 3], [2, 0, 4]], atol=1e-14)


@pytest.mark.parametrize("degrees", [0, 30, -75, 180])
@pytest.mark.parametrize("scale", [0.02, 1, 7.5])
def test_recovers_rotation_scale_and_shift(degrees, scale):
    angle = np.radians(degrees)
    A = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    known = np.column_stack([A, [123.4, -56.7]])
    found = similarity(LANDMARKS, apply(known, LANDMARKS))
    np.testing.assert_allclose(found, known, rtol=0, atol=1e-9)


def test_least_squares_as_scipy_finds_it(rng):
    targets = apply(np.array([[1.2, -0.4, 5], [0.4, 1.2, -3]]), LANDMARKS)
    targets += 5 * rng.standard_normal(targets.shape)

    def distances(parameters):
        a, b, c, d = parameters
        return (apply(np.array([[a, -b, c], [b, a, d]]), LANDMARKS) - targets).ravel()

    a, b, c, d = least_squares(distances, [1, 0, 0, 0], xtol=1e-15, ftol=1e-15, gtol=1e-15).x
    np.testing.assert_allclose(similarity(LANDMARKS, targets), [[a, -b, c], [b, a, d]], atol=1e-6)


@pytest.mark.parametrize("mirrored", [False, True])
def test_agrees_with_umeyama_and_never_mirrors(mirrored, rng):
    points, targets = rng.standard_normal((2, 5, 2))
    if mirrored:
        targets = points * [-1, 1] + 0.1 * targets
    matrix = similarity(points, targets)
    np.testing.assert_allclose(matrix, umeyama(points, targets), atol=1e-12)
    assert np.linalg.det(matrix[:, :2]) > 0


def umeyama(points, targets):
    """Umeyama 1991, equations 34 to 43, by singular values: for points in any dimension."""
    p_mean, t_mean = points.mean(axis=0), targets.mean(axis=0)
    variance = ((points - p_mean) ** 2).sum(axis=1).mean()
    covariance = (targets - t_mean).T @ (points - p_mean) / len(points)
    U, D, Vt = np.linalg.svd(covariance)
    S = np.diag([1, np.sign(np.linalg.det(U) * np.linalg.det(Vt))])
    A = np.trace(np.diag(D) @ S) / variance * U @ S @ Vt
    return np.column_stack([A, t_mean - A @ p_mean])


def test_points_in_one_place_or_nowhere_are_refused():
    one_place = np.full((5, 2), 37.3)
    unknown = np.where([[True, False]], np.nan, LANDMARKS)
    for wrong in (one_place, unknown, np.full((5, 2), np.inf), np.zeros((5, 2))):
        for pair in ((wrong, LANDMARKS), (LANDMARKS, wrong)):
            with (
                np.errstate(invalid="ignore"),
                pytest.raises(ValueError, match="finite and do not all lie in one place"),
            ):
                similarity(*pair)


def test_points_on_a_line_are_enough():
    points = np.array([[0.0, 0], [1, 1], [2, 2]])
    np.testing.assert_allclose(similarity(points, 2 * points), [[2, 0, 0], [0, 2, 0]], atol=1e-14)


def test_warp_that_changes_nothing_or_shifts_by_whole_pixels(rng):
    photo = random_photo(rng, 20)
    pixels = np.asarray(photo)
    same = warp(photo, np.array([[1.0, 0, 0], [0, 1, 0]]), 20)
    np.testing.assert_array_equal(np.asarray(same), pixels)
    shifted = np.asarray(warp(photo, np.array([[1.0, 0, -4], [0, 1, 3]]), 12))
    np.testing.assert_array_equal(shifted[3:], pixels[:9, 4:16])
    assert (shifted[:3] == FILL).all()


def test_warp_by_a_quarter_turn(rng):
    """(x, y) goes to (20 - y, x): the left upper corner becomes the right upper one."""
    photo = random_photo(rng, 20)
    turned = warp(photo, np.array([[0.0, -1, 20], [1, 0, 0]]), 20)
    np.testing.assert_array_equal(np.asarray(turned), np.rot90(np.asarray(photo), -1))


@pytest.mark.parametrize("scale", [2, 0.5, 0.2, 0.13])
@pytest.mark.parametrize("axis", [0, 1])
def test_warp_puts_the_centers_of_pixels_where_they_belong(axis, scale):
    """A ramp that grows by 12 a pixel of the crop: half a pixel too far would be 6 too many."""
    positions = np.arange(20 / scale) + 0.5
    ramp = np.rint(12 * scale * positions).astype(np.uint8)
    photo = np.dstack([np.meshgrid(ramp, ramp)[1 - axis]] * 3)
    crop = np.asarray(warp(Image.fromarray(photo), np.diag([scale, scale, 0])[:2], 20))
    values = crop[..., 0].swapaxes(0, axis)[2:-2, 10]
    np.testing.assert_allclose(values, 12 * (np.arange(2, 18) + 0.5), atol=2)


def test_what_gets_smaller_is_averaged():
    """A checkerboard of single pixels becomes gray: no pixel is skipped."""
    board = (np.indices((255, 255)).sum(axis=0) % 2 * 255).astype(np.uint8)
    crop = warp(Image.fromarray(np.dstack([board] * 3)), np.diag([1 / 7.5, 1 / 7.5, 0])[:2], 34)
    # blocks of 7 x 7 hold 24 or 25 white pixels
    np.testing.assert_allclose(np.asarray(crop), 255 / 2, atol=255 / 2 / 49 + 1)


def test_a_matrix_that_leaves_a_point_is_refused():
    with pytest.raises(ValueError, match="Singular"):
        warp(Image.new("RGB", (9, 9)), np.zeros((2, 3)), 9)


@pytest.mark.parametrize("shape", SHAPES)
def test_landmarks_come_to_their_places(shape):
    """Dots on a turned face, four times as large, lie in the crop where the shape has them."""
    turn = np.array([[3.8, -1.2, 100], [1.2, 3.8, 20]])
    landmarks = apply(turn, 100 * SHAPES[shape])
    photo = Image.new("RGB", (500, 520))
    for x, y in landmarks:
        ImageDraw.Draw(photo).ellipse([x - 8, y - 8, x + 8, y + 8], fill="white")
    crop = np.asarray(align(photo, landmarks, 64, shape))[..., 0].astype(float)
    for x, y in 64 * SHAPES[shape]:
        near = np.s_[round(y) - 5 : round(y) + 5, round(x) - 5 : round(x) + 5]
        rows, columns = np.indices(crop.shape)[:, *near] + 0.5
        center = [(axis * crop[near]).sum() / crop[near].sum() for axis in (columns, rows)]
        np.testing.assert_allclose(center, [x, y], atol=0.2)
    assert align(photo, landmarks, 64, shape).size == (64, 64)


@pytest.mark.parametrize("shape", SHAPES)
def test_likeness_is_the_share_that_the_similarity_explains(shape, rng):
    """1 for the shape itself wherever it lies; else 1 - (sum of squares that remain) / (of all)."""
    target, turn = SHAPES[shape], np.array([[3.0, -1, 7], [1, 3, -20]])
    assert likeness(apply(turn, target), shape) == pytest.approx(1, abs=1e-12)
    for points in (
        rng.standard_normal((5, 2)),
        target[[1, 0, 2, 3, 4]],
        np.outer(target[:, 0], [1, 2]),
    ):
        rest = target - apply(similarity(points, target), points)
        share = 1 - (rest**2).sum() / ((target - target.mean(axis=0)) ** 2).sum()
        assert likeness(points, shape) == pytest.approx(share, abs=1e-12)
        assert share < 0.8


def test_shapes_are_faces():
    for left_eye, right_eye, nose, left_mouth, right_mouth in SHAPES.values():
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left_mouth[0] < nose[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
