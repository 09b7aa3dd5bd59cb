"""MORPH: ages from the table or from the names; splits of photos and of people."""

from pathlib import Path

import numpy as np
import pytest

from tinydldl.datasets import Options, Photos, load
from tinydldl.datasets.base import random_split

NAMES = ["009055_0M52", "009055_1M54", "010123_0F33", "100345_2F18", "100345_3F19"]
NAMES = [f"{name}.JPG" for name in NAMES]
HEADER = "id_num,picture_num,dob,doa,race,gender,facial_hair,age,age_diff,glasses,photo\n"


@pytest.fixture
def album(put_photo, tmp_path):
    for name in NAMES:
        put_photo(f"morph/Album2/{name}")
    return tmp_path / "morph/Album2"


def test_ages_from_the_names(album, by_name, tmp_path):
    parts = load("morph", Options(tmp_path))
    assert {part: len(photos) for part, photos in parts.items()} == {"train": 4, "test": 1}
    expected = dict(zip(NAMES, [52, 54, 33, 18, 19], strict=True))
    assert by_name(parts) == {name: (age, 2.0) for name, age in expected.items()}


@pytest.mark.parametrize("name", ["MORPH_2008_nonCommercial.csv", "morph_2008_nonCommercial.csv"])
def test_ages_from_the_table(name, album, put_table, by_name, tmp_path):
    row = "9055,{},01/02/1950,03/04/2004,B,M,,{},730,,Album2/{}\n"
    put_table(f"morph/{name}", HEADER + row.format(1, 53, NAMES[1]) + row.format(0, 51, NAMES[0]))
    parts = load("morph", Options(tmp_path, sigma=3.0))
    assert by_name(parts) == {NAMES[0]: (51.0, 3.0), NAMES[1]: (53.0, 3.0)}


def test_the_seed_decides_the_split(album, tmp_path):
    tests = [load("morph", Options(tmp_path, seed=seed))["test"].paths for seed in range(20)]
    assert load("morph", Options(tmp_path, seed=3))["test"].paths == tests[3]
    assert len({paths[0] for paths in tests}) > 1


@pytest.mark.parametrize("seed", range(10))
def test_no_person_in_both_parts(seed, album, tmp_path):
    parts = load("morph", Options(tmp_path, split="subject", seed=seed))
    train, test = ({path.name[:6] for path in photos.paths} for photos in parts.values())
    assert train | test == {"009055", "010123", "100345"}
    assert not train & test


@pytest.mark.parametrize("seed", range(5))
def test_subject_split_is_as_near_to_the_fraction_as_whole_people_allow(seed):
    counts = np.random.default_rng(seed).integers(1, 7, 60)
    names = [f"{person:06}_{i}M30.JPG" for person, n in enumerate(counts) for i in range(n)]
    ages = np.full(len(names), 30.0)
    photos = Photos([Path(name) for name in names], ages, ages)
    subjects = [path.name.partition("_")[0] for path in photos.paths]
    first, second = random_split(photos, 0.8, seed, subjects)
    assert sorted(first.paths + second.paths) == sorted(photos.paths)
    assert abs(len(first) - 0.8 * len(photos)) <= 3  # half of the most photos of one person
