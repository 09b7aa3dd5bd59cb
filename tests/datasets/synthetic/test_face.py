"""The drawing: the size asked for, the same person at any age, and wrinkles that can be seen."""

import numpy as np
import pytest

from tinydldl.datasets.synthetic.face import draw_face


def pixels(age, seed, side):
    return np.asarray(draw_face(age, np.random.default_rng(seed), side), float)


@pytest.mark.parametrize("side", [32, 73, 256])
def test_a_face_has_the_size_asked_for(side):
    face = draw_face(30, np.random.default_rng(0), side)
    assert face.mode == "RGB"
    assert face.size == (side, side)


def test_the_same_person_looks_the_same_at_two_sizes():
    small = draw_face(40, np.random.default_rng(3), 64)
    large = draw_face(40, np.random.default_rng(3), 128).reduce(2)
    assert np.abs(np.asarray(small, float) - np.asarray(large, float)).mean() < 4


@pytest.mark.parametrize("seed", range(3))
def test_age_changes_the_face_and_not_what_lies_around_it(seed):
    young, old = pixels(20, seed, 64), pixels(80, seed, 64)
    corners = np.s_[:6, [*range(6), *range(-6, 0)]]
    assert np.abs(young - old)[corners].max() == 0
    assert np.abs(young - old)[16:48, 16:48].mean() > 10


def test_the_face_uses_as_many_random_draws_at_any_age():
    following = []
    for age in (1, 30, 95):
        rng = np.random.default_rng(0)
        draw_face(age, rng, 32)
        following.append(rng.random())
    assert len(set(following)) == 1


def test_wrinkles_darken_the_forehead():
    """Rows differ more across an old forehead than across a young one, in the same light."""

    def contrast(age):
        faces = np.stack([pixels(age, seed, 64) for seed in range(12)])
        return np.abs(np.diff(faces[:, 18:28, 24:40], axis=1)).mean()

    assert contrast(85) > 1.5 * contrast(25)
