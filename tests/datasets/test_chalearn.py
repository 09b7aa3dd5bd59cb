"""ChaLearn LAP: folders and tables of name, age, sigma; 2016 trains on Train and Valid together."""

import numpy as np
import pytest

from tinydldl.datasets import Options, load


@pytest.fixture
def root15(put_photo, put_table, tmp_path):
    for name in ("Train/image_2.jpg", "Train/image_1.jpg", "Valid/image_3.jpg"):
        put_photo(f"chalearn15/{name}")
    put_table("chalearn15/train15_gt.csv", "image_2.jpg;31.5;4.25\nimage_1.jpg;20;3\n")
    put_table("chalearn15/valid15_gt.csv", "image,age,sigma\nimage_3.jpg,44.1,5\n")
    return tmp_path / "chalearn15"


def test_parts_of_2015_in_the_order_of_their_names(root15, tmp_path):
    parts = load("chalearn15", Options(tmp_path))
    assert list(parts) == ["train", "valid"]
    train, valid = parts.values()
    assert train.paths == [root15 / "Train/image_1.jpg", root15 / "Train/image_2.jpg"]
    np.testing.assert_array_equal(train.ages, [20.0, 31.5])
    np.testing.assert_array_equal(train.sigmas, [3.0, 4.25])
    assert valid.paths == [root15 / "Valid/image_3.jpg"]
    np.testing.assert_array_equal(valid.ages, [44.1])
    np.testing.assert_array_equal(valid.sigmas, [5.0])


def test_a_capital_letter_in_the_name_of_a_table(root15, tmp_path):
    (root15 / "train15_gt.csv").rename(root15 / "Train15_gt.csv")
    assert len(load("chalearn15", Options(tmp_path))["train"]) == 2


@pytest.fixture
def root16(put_photo, put_table, tmp_path):
    for number, part in enumerate(("Train", "Valid", "Test"), start=1):
        put_photo(f"chalearn16/{part}/00000{number}.jpg")
        row = f"00000{number}.jpg,{10 * number}.5,{number}\n"
        put_table(f"chalearn16/{part.lower()}_gt.csv", "image,mean,stdv\n" + row)
    return tmp_path / "chalearn16"


def test_parts_of_2016(root16, tmp_path):
    parts = load("chalearn16", Options(tmp_path))
    assert list(parts) == ["train", "test"]
    train, test = parts.values()
    assert train.paths == [root16 / "Train/000001.jpg", root16 / "Valid/000002.jpg"]
    np.testing.assert_array_equal(train.ages, [10.5, 20.5])
    np.testing.assert_array_equal(train.sigmas, [1.0, 2.0])
    assert test.paths == [root16 / "Test/000003.jpg"]
    np.testing.assert_array_equal(test.ages, [30.5])
