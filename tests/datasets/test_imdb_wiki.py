"""IMDB-WIKI: a table of Matlab, dates in days, photos without a face or with two left out."""

from datetime import date

import numpy as np
import pytest
from scipy.io import savemat

from tinydldl.datasets import DataError, Options, load

INF, NAN = np.inf, np.nan
# path, born, year of the photo, score of the face, of a second one; the age, None if left out
ROWS = [
    ("01/nm1_1899-5-10_1968.jpg", date(1899, 5, 10), 1968, 1.46, NAN, 69),
    ("01/nm1_1899-8-10_1968.jpg", date(1899, 8, 10), 1968, 3.0, NAN, 68),  # not yet had a birthday
    ("02/no-face.jpg", date(1950, 1, 1), 1980, -INF, NAN, None),
    ("02/two-faces.jpg", date(1950, 1, 1), 1980, 2.0, 1.9, None),
    ("02/not-born.jpg", date(1990, 1, 1), 1980, 2.0, NAN, None),
    ("02/too-old.jpg", date(1850, 1, 1), 1980, 2.0, NAN, None),
]


def days(day: date) -> int:
    """As Matlab counts: January 1 of the year 0, a leap year, is day 1."""
    return day.toordinal() + 366


@pytest.fixture
def put_crops(tmp_path):
    """put_crops("wiki", rows): the folder of crops with its table."""

    def put(name, rows):
        folder = tmp_path / "imdb-wiki" / f"{name}_crop"
        folder.mkdir(parents=True)
        paths, born, taken, score, second, _ = zip(*rows, strict=True)
        columns = {"full_path": np.array(paths, dtype=object), "dob": [*map(days, born)]}
        columns |= {"photo_taken": taken, "face_score": score, "second_face_score": second}
        savemat(folder / f"{name}.mat", {name: columns})
        return folder

    return put


def ages(parts, folder):
    return {
        path.relative_to(folder).as_posix(): age
        for photos in parts.values()
        for path, age in zip(photos.paths, photos.ages, strict=True)
    }


def test_ages_and_what_is_left_out(put_crops, tmp_path):
    folder = put_crops("wiki", ROWS)
    parts = load("imdb-wiki", Options(tmp_path, sigma=1.5))
    assert ages(parts, folder) == {row[0]: row[-1] for row in ROWS if row[-1] is not None}
    assert all((photos.sigmas == 1.5).all() for photos in parts.values())


def test_birthdays_around_the_middle_of_the_year(put_crops, tmp_path):
    """Within two days of July 2 the mean length of a year may decide; elsewhere it must not."""
    born = [date(year, month, 15) for year in range(1920, 1990, 7) for month in range(1, 13)]
    rows = [(f"{i}.jpg", day, 2001, 1.0, NAN, None) for i, day in enumerate(born)]
    folder = put_crops("imdb", rows)
    expected = {f"{i}.jpg": 2001 - d.year - (d.month >= 7) for i, d in enumerate(born)}
    assert ages(load("imdb-wiki", Options(tmp_path)), folder) == expected


def test_both_halves_are_joined(put_crops, tmp_path):
    put_crops("wiki", ROWS), put_crops("imdb", ROWS)
    assert sum(map(len, load("imdb-wiki", Options(tmp_path)).values())) == 4


@pytest.mark.parametrize("content", [b"", b"not Matlab's", None])
def test_a_table_that_cannot_be_read(content, tmp_path):
    path = tmp_path / "imdb-wiki/wiki_crop/wiki.mat"
    path.parent.mkdir(parents=True)
    if content is None:
        savemat(path, {"wiki": {"dob": [1.0]}})
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"^imdb-wiki: .*wiki\.mat: not the table of wiki_crop \("):
        load("imdb-wiki", Options(tmp_path))


def test_a_split_by_subject_is_refused(put_crops, tmp_path):
    put_crops("wiki", ROWS)
    with pytest.raises(DataError, match=r"^imdb-wiki: .*; take --split random$"):
        load("imdb-wiki", Options(tmp_path, split="subject"))


def test_without_photos(put_crops, tmp_path):
    with pytest.raises(DataError, match=r"^imdb-wiki: no folder imdb_crop or wiki_crop in "):
        load("imdb-wiki", Options(tmp_path))
    put_crops("wiki", [(*row[:4], 2.5, None) for row in ROWS])  # a second face on each
    with pytest.raises(DataError, match=r": no photo in .* of one face of 0 to 100 years"):
        load("imdb-wiki", Options(tmp_path))
