"""ChaLearn LAP 2015: two folders and two tables of name, age, sigma."""

import numpy as np
import pytest

from tinydldl.datasets import Options, load


@pytest.fixture
def root(put_photo, put_table, tmp_path):
    for name in ("Train/image_2.jpg", "Train/image_1.jpg", "Valid/image_3.jpg"):
        put_photo(f"chalearn15/{name}")
    put_table("chalearn15/train15_gt.csv", "image_2.jpg;31.5;4.25\nimage_1.jpg;20;3\n")
    put_table("chalearn15/valid15_gt.csv", "image,age,sigma\nimage_3.jpg,44.1,5\n")
    return tmp_path / "chalearn15"


def test_parts_in_the_order_of_their_names(root, tmp_path):
    parts = load("chalearn15", Options(tmp_path))
    assert list(parts) == ["train", "valid"]
    train, valid = parts.values()
    assert train.paths == [root / "Train/image_1.jpg", root / "Train/image_2.jpg"]
    np.testing.assert_array_equal(train.ages, [20.0, 31.5])
    np.testing.assert_array_equal(train.sigmas, [3.0, 4.25])
    assert valid.paths == [root / "Valid/image_3.jpg"]
    np.testing.assert_array_equal(valid.ages, [44.1])
    np.testing.assert_array_equal(valid.sigmas, [5.0])


def test_a_capital_letter_in_the_name_of_a_table(root, tmp_path):
    (root / "train15_gt.csv").rename(root / "Train15_gt.csv")
    assert len(load("chalearn15", Options(tmp_path))["train"]) == 2
