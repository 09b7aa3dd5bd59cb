"""The people who are drawn: their cues follow the age, and nothing else does."""

import numpy as np
import pytest

from tinydldl.datasets.synthetic.person import Person, ramp, sample_cues


def test_ramp_rises_from_start_to_end():
    assert [ramp(age, 20, 60) for age in (0, 20, 30, 60, 90)] == [0, 0, 0.25, 1, 1]


def test_hair_turns_gray_with_age():
    share = {
        age: np.mean([Person(age, np.random.default_rng(i)).gray for i in range(200)])
        for age in (20, 50, 80)
    }
    assert share[20] < 0.02
    assert 0.3 < share[50] < 0.6
    assert share[80] > 0.8


def test_cues_center_on_the_age_and_err_each_by_itself():
    rng = np.random.default_rng(0)
    cues = np.array([list(vars(sample_cues(40, rng)).values()) for _ in range(2000)])
    assert np.abs(cues.mean(axis=0) - 40).max() < 0.5
    assert cues.std(axis=0) == pytest.approx(0.8 + 0.09 * 40, rel=0.08)
    correlation = np.corrcoef(cues.T) - np.eye(cues.shape[1])
    assert np.abs(correlation).max() < 0.1
