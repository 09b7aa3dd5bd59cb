"""ChaLearn LAP 2016: Train and Valid are trained on together."""

import numpy as np
import pytest

from tinydldl.datasets import Options, load


@pytest.fixture
def root(put_photo, put_table, tmp_path):
    for number, part in enumerate(("Train", "Valid", "Test"), start=1):
        put_photo(f"chalearn16/{part}/00000{number}.jpg")
        row = f"00000{number}.jpg,{10 * number}.5,{number}\n"
        put_table(f"chalearn16/{part.lower()}_gt.csv", "image,mean,stdv\n" + row)
    return tmp_path / "chalearn16"


def test_parts(root, tmp_path):
    parts = load("chalearn16", Options(tmp_path))
    assert list(parts) == ["train", "test"]
    train, test = parts.values()
    assert train.paths == [root / "Train/000001.jpg", root / "Valid/000002.jpg"]
    np.testing.assert_array_equal(train.ages, [10.5, 20.5])
    np.testing.assert_array_equal(train.sigmas, [1.0, 2.0])
    assert test.paths == [root / "Test/000003.jpg"]
    np.testing.assert_array_equal(test.ages, [30.5])
