"""APPA-REAL: the averages of the guesses, and the crop beside a photo where there is one."""

import numpy as np
import pytest

from tinydldl.datasets import DataError, Options, load

HEADER = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age\n"


@pytest.fixture
def root(put_photo, put_table, tmp_path):
    for part, number in (("train", 0), ("valid", 1), ("test", 2)):
        put_photo(f"appa-real/{part}/00000{number}.jpg")
        row = f"00000{number}.jpg,36,{number + 5}.25,1.5,{number + 4}\n"
        put_table(f"appa-real/gt_avg_{part}.csv", HEADER + row)
    put_photo("appa-real/train/000000.jpg_face.jpg")
    return tmp_path / "appa-real"


def test_parts_have_the_apparent_age(root, tmp_path):
    parts = load("appa-real", Options(tmp_path))
    assert list(parts) == ["train", "valid", "test"]
    assert [photos.ages.tolist() for photos in parts.values()] == [[5.25], [6.25], [7.25]]
    assert [photos.sigmas.tolist() for photos in parts.values()] == [[1.5]] * 3


def test_the_crop_where_it_exists(root, tmp_path):
    parts = load("appa-real", Options(tmp_path))
    assert parts["train"].paths == [root / "train/000000.jpg_face.jpg"]
    assert parts["valid"].paths == [root / "valid/000001.jpg"]


def test_the_crop_is_enough(root, tmp_path):
    (root / "train/000000.jpg").unlink()
    np.testing.assert_array_equal(load("appa-real", Options(tmp_path))["train"].ages, [5.25])


def test_the_archive_s_own_folder_name_is_not_guessed(root, tmp_path):
    root.rename(tmp_path / "appa-real-release")
    with pytest.raises(DataError, match=r"^appa-real: no folder \S+appa-real; put the unpacked"):
        load("appa-real", Options(tmp_path))
