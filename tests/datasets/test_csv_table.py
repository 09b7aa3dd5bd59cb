"""Your own photos: a table whose header names the columns."""

import numpy as np
import pytest

from tinydldl.datasets import Options, load


@pytest.fixture
def photos_a_to_e(put_photo):
    return [put_photo(f"mine/photos/{letter}.png") for letter in "abcde"]


def rows(separator=",", sigma=False):
    """Rows for a.png to e.png of ages 10, 20, ... and sigmas 1, 2, ..."""
    lines = []
    for i, letter in enumerate("abcde", start=1):
        cells = [f"photos/{letter}.png", str(10 * i)] + ([str(i)] if sigma else [])
        lines.append(separator.join(cells))
    return "\n".join(lines) + "\n"


def by_name(parts):
    return {
        path.name: (age, sigma)
        for photos in parts.values()
        for path, age, sigma in zip(photos.paths, photos.ages, photos.sigmas, strict=True)
    }


@pytest.mark.parametrize("header", ["path,age", "Image,AGE", "file_name,age", "name,mean"])
def test_paths_are_relative_to_the_table(header, photos_a_to_e, put_table, tmp_path):
    table = put_table("mine/faces.csv", header + "\n" + rows())
    parts = load("csv", Options(tmp_path / "unused", table=table, sigma=1.5))
    assert {part: len(photos) for part, photos in parts.items()} == {"train": 4, "valid": 1}
    assert sorted(parts["train"].paths + parts["valid"].paths) == photos_a_to_e
    assert by_name(parts) == {
        f"{letter}.png": (10.0 * i, 1.5) for i, letter in enumerate("abcde", 1)
    }


@pytest.mark.parametrize("header", ["path;age;sigma", "filename;age;std", "image;mean;stdv"])
def test_a_sigma_column_goes_before_the_option(header, photos_a_to_e, put_table, tmp_path):
    table = put_table("mine/faces.csv", header + "\n" + rows(";", sigma=True))
    parts = load("csv", Options(tmp_path, table=table, sigma=9.0))
    assert by_name(parts) == {f"{letter}.png": (10.0 * i, i) for i, letter in enumerate("abcde", 1)}


def test_an_absolute_path_stays(photos_a_to_e, put_table, tmp_path):
    table = put_table("elsewhere/faces.csv", f"path,age\n{photos_a_to_e[0]},10\n")
    assert load("csv", Options(tmp_path, table=table))["train"].paths == photos_a_to_e[:1]


def test_the_seed_decides_the_split(photos_a_to_e, put_table, tmp_path):
    table = put_table("mine/faces.csv", "path,age\n" + rows())

    def valid(seed):
        return load("csv", Options(tmp_path, table=table, seed=seed))["valid"].paths

    assert valid(0) == valid(0)
    assert len({valid(seed)[0] for seed in range(20)}) > 1


def test_the_order_of_the_rows_does_not_matter(photos_a_to_e, put_table, tmp_path):
    forward = put_table("mine/faces.csv", "path,age\n" + rows())
    lines = rows().splitlines()
    backward = put_table("mine/back.csv", "\n".join(["path,age", *reversed(lines)]))
    one, other = (load("csv", Options(tmp_path, table=table)) for table in (forward, backward))
    assert one["train"].paths == other["train"].paths
    np.testing.assert_array_equal(one["valid"].ages, other["valid"].ages)
