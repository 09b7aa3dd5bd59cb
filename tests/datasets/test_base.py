"""Splitting photos and finding files: what the sets share."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinydldl.datasets.base import DataError, Options, Photos, find, image_files, join, random_split


def photos_of_ages(*ages):
    paths = [Path(f"{age}.jpg") for age in ages]
    return Photos(paths, np.array(ages, dtype=float), np.full(len(ages), 2.0))


# ---------------------------------------------------------------------------------------- options


@pytest.mark.parametrize("sigma", [-1.0, float("nan"), float("inf")])
def test_options_refuse_a_sigma_that_cannot_be(sigma):
    with pytest.raises(DataError, match=r"^sigma must be 0 years or more, got "):
        Options(Path("data"), sigma=sigma)


def test_options_refuse_a_negative_seed():
    with pytest.raises(DataError, match=r"^the seed must not be negative, got -1$"):
        Options(Path("data"), seed=-1)


# ----------------------------------------------------------------------------------------- photos


def test_photos_are_in_the_order_of_their_paths():
    photos = Photos.of([(Path("b.jpg"), 30, 2), (Path("a.jpg"), 20, 1)])
    assert photos.paths == [Path("a.jpg"), Path("b.jpg")]
    np.testing.assert_array_equal(photos.ages, [20.0, 30.0])
    np.testing.assert_array_equal(photos.sigmas, [1.0, 2.0])
    assert photos.ages.dtype == photos.sigmas.dtype == np.float64


def test_join_keeps_both_orders():
    photos = join(photos_of_ages(3, 1), photos_of_ages(2))
    assert [path.name for path in photos.paths] == ["3.jpg", "1.jpg", "2.jpg"]
    np.testing.assert_array_equal(photos.ages, [3, 1, 2])
    assert len(photos.sigmas) == 3


def test_random_split_is_a_partition_that_the_seed_decides():
    photos = photos_of_ages(*range(10))
    train, valid = random_split(photos, 0.8, seed=4)
    assert (len(train), len(valid)) == (8, 2)
    assert sorted(train.paths + valid.paths) == sorted(photos.paths)
    assert random_split(photos, 0.8, seed=4)[1].paths == valid.paths
    assert any(random_split(photos, 0.8, seed)[1].paths != valid.paths for seed in range(4))


@pytest.mark.parametrize("count", [1, 3, 4, 7, 10, 97])
def test_a_split_without_groups_takes_the_first_of_a_random_order(count):
    photos = photos_of_ages(*range(count))
    order = np.random.default_rng(5).permutation(count)[: round(0.8 * count)]
    assert random_split(photos, 0.8, seed=5)[0].ages.tolist() == sorted(order)


@settings(max_examples=50, deadline=None)
@given(groups=st.lists(st.integers(0, 8), min_size=1, max_size=40), seed=st.integers(0, 99))
def test_groups_stay_together_and_come_near_to_the_fraction(groups, seed):
    photos = photos_of_ages(*range(len(groups)))
    groups = np.array(groups)
    one, other = random_split(photos, 0.8, seed, groups)
    here, there = (set(groups[part.ages.astype(int)]) for part in (one, other))
    assert not here & there
    assert sorted(one.paths + other.paths) == sorted(photos.paths)
    sizes = np.bincount(groups)
    if len(here | there) > 1:
        assert len(other) > 0
        # half a group away, or a whole one less what the second part must have
        most = max(sizes.max() / 2, sizes.max() - 0.2 * len(photos))
        assert abs(len(one) - 0.8 * len(photos)) <= most + 1e-9


# ------------------------------------------------------------------------------ files and folders


def test_find_ignores_case_in_the_last_part(tmp_path):
    table = tmp_path / "Train15_gt.csv"
    table.touch()
    assert find(tmp_path / "train15_gt.csv").samefile(table)
    assert find(tmp_path / "valid15_gt.csv") is None
    assert find(tmp_path / "nowhere" / "train15_gt.csv") is None


def test_image_files_by_name_and_without_shadows(tmp_path):
    for name in ("b.JPG", "a.png", "c.jpeg", "._b.JPG", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in image_files(tmp_path)] == ["a.png", "b.JPG", "c.jpeg"]
