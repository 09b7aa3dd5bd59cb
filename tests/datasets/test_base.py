"""Finding files, reading tables and splitting: what the sets share."""

from pathlib import Path

import numpy as np
import pytest

from tinydldl.datasets.base import (
    DataError,
    Options,
    Photos,
    find,
    find_folder,
    image_files,
    join,
    need_image_files,
    photos_sorted,
    random_split,
    read_table,
)


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


def test_photos_sorted_by_path():
    photos = photos_sorted([(Path("b.jpg"), 30, 2), (Path("a.jpg"), 20, 1)])
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


# ------------------------------------------------------------------------------ files and folders


def test_find_ignores_case_in_the_last_part(tmp_path):
    table = tmp_path / "Train15_gt.csv"
    table.touch()
    assert find(tmp_path / "train15_gt.csv").samefile(table)
    assert find(tmp_path / "valid15_gt.csv") is None
    assert find(tmp_path / "nowhere" / "train15_gt.csv") is None


def test_find_folder_refuses_a_file(tmp_path):
    (tmp_path / "Train").touch()
    with pytest.raises(DataError, match=r"^no folder \S+Train; put the photos there \(see data/"):
        find_folder(tmp_path / "Train", "the photos")


def test_image_files_by_name_and_without_shadows(tmp_path):
    for name in ("b.JPG", "a.png", "c.jpeg", "._b.JPG", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in image_files(tmp_path)] == ["a.png", "b.JPG", "c.jpeg"]


def test_need_image_files(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match=r"^no photo in \S+, expected .jpg or .png files"):
        need_image_files(tmp_path)


# ----------------------------------------------------------------------------------------- tables

TABLES = {
    "commas, header": "image,mean,stdv\na.jpg,20.5,3.25\nb.jpg,31,4\n",
    "commas, no header": "a.jpg,20.5,3.25\nb.jpg,31,4\n",
    "semicolons": "image;mean;stdv\na.jpg;20.5;3.25\nb.jpg;31;4\n",
    "semicolons, decimal commas": "a.jpg;20,5;3,25\nb.jpg;31;4\n",
    "quotes": '"image","mean","stdv"\n"a.jpg","20.5","3.25"\n"b.jpg","31","4"\n',
    "spaces": "image, mean, stdv\na.jpg, 20.5 , 3.25\nb.jpg, 31, 4\n",
    "blank lines": "\nimage,mean,stdv\n\na.jpg,20.5,3.25\n\n,,\nb.jpg,31,4\n\n",
    "CRLF": "image,mean,stdv\r\na.jpg,20.5,3.25\r\nb.jpg,31,4\r\n",
    "byte order mark": "\ufeffa.jpg,20.5,3.25\nb.jpg,31,4",
    "unsorted": "b.jpg,31,4\na.jpg,20.5,3.25\n",
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_every_kind_of_table_reads_the_same(text, put_photo, put_table, tmp_path):
    paths = [put_photo("a.jpg"), put_photo("b.jpg")]
    table = read_table(put_table("gt.csv", text))
    photos = table.photos(lambda name: tmp_path / name, name=0, age=1, sigma=2)
    assert photos.paths == paths
    np.testing.assert_array_equal(photos.ages, [20.5, 31.0])
    np.testing.assert_array_equal(photos.sigmas, [3.25, 4.0])


def test_columns_by_name_and_a_sigma_for_all(put_photo, put_table, tmp_path):
    put_photo("a.jpg")
    table = read_table(put_table("gt.csv", "Votes,AGE,Photo\n38,20,a.jpg\n"))
    assert table.column("sigma", "std") is None
    photos = table.photos(
        lambda name: tmp_path / name,
        name=table.need_column("photo", "path", "photo"),
        age=table.need_column("age", "age"),
        default_sigma=2.5,
    )
    np.testing.assert_array_equal(photos.ages, [20.0])
    np.testing.assert_array_equal(photos.sigmas, [2.5])


def test_a_missing_column_names_those_expected(put_table):
    table = read_table(put_table("gt.csv", "image,mean\na.jpg,20\n"))
    with pytest.raises(
        DataError, match=r"gt.csv: no column for the sigma, expected std or stdv \("
    ):
        table.need_column("sigma", "std", "stdv")
