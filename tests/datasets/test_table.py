"""Tables of photos: every kind reads the same; what is wrong with one is said with its line."""

import csv
import io
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinydldl.datasets.base import DataError
from tinydldl.datasets.table import Table

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
    table = Table.read(put_table("gt.csv", text))
    photos = table.photos(lambda name: tmp_path / name, photo=0, age=1, sigma=2)
    assert photos.paths == paths
    np.testing.assert_array_equal(photos.ages, [20.5, 31.0])
    np.testing.assert_array_equal(photos.sigmas, [3.25, 4.0])


def test_columns_by_name_and_a_sigma_for_all(put_photo, put_table, tmp_path):
    put_photo("a.jpg")
    table = Table.read(put_table("gt.csv", "Votes,AGE,Photo\n38,20,a.jpg\n"))
    assert table.column("sigma", "std") is None
    photos = table.photos(
        lambda name: tmp_path / name,
        photo=table.column("path", "photo", needed="photo"),
        age=table.column("age", needed="age"),
        default_sigma=2.5,
    )
    np.testing.assert_array_equal(photos.ages, [20.0])
    np.testing.assert_array_equal(photos.sigmas, [2.5])


# ------------------------------------------------------------------- what a name may be, and a size


def read_photos(path):
    """The photos of a table name, age, sigma, relative to its folder."""
    return Table.read(path).photos(lambda name: path.parent / name, photo=0, age=1, sigma=2)


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_only_line_ends_end_a_row(mark, put_photo, put_table):
    odd = put_photo(f"a{mark}b.jpg")
    put_photo("c.jpg")
    text = f"name,age,sigma\r\na{mark}b.jpg,20,3\r\nc.jpg,30,4\r\n"
    photos = read_photos(put_table("gt.csv", text))
    assert photos.paths[0] == odd
    assert photos.ages.tolist() == [20, 30]
    path = put_table("bad.csv", f"a{mark}b.jpg,20,3\nc.jpg,old,4\n")
    with pytest.raises(DataError, match=r"bad.csv, line 2: the age is 'old'"):
        read_photos(path)


# no marks of a table, no space at an end, and nothing that a name of a file cannot have
NAMES = st.text(
    st.characters(exclude_characters='/\\\0\r\n,;\t"', exclude_categories=["Cs"]), min_size=1
).filter(lambda name: name.strip() == name and len(name.encode()) < 200)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(names=st.lists(NAMES, min_size=1, max_size=5, unique=True), quoted=st.booleans())
def test_every_name_of_a_file_is_read_as_it_is(names, quoted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    names = [f"{name}.jpg" for name in names]
    for name in names:
        (folder / name).touch()
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows((name, 20 + i, 2) for i, name in enumerate(names))
    (folder / "gt.csv").write_bytes(text.getvalue().encode())
    photos = read_photos(folder / "gt.csv")
    found = {path.name: age for path, age in zip(photos.paths, photos.ages, strict=True)}
    assert found == {name: 20 + i for i, name in enumerate(names)}


def test_paths_made_on_windows(put_photo, put_table):
    path = put_photo("album/1998/me.jpg")
    own = put_photo("a\\b.jpg")  # elsewhere a backslash may stand in a name
    photos = read_photos(put_table("gt.csv", "album\\1998\\me.jpg,20,3\na\\b.jpg,30,4\n"))
    assert photos.paths == sorted([path, own])


def test_a_file_that_is_too_large_for_a_table(put_table):
    huge = put_table("huge.csv", "")
    with huge.open("wb") as file:
        file.truncate(10**9)  # takes no room on the disk
    with pytest.raises(DataError, match=r"huge.csv is larger than a table may be, 100 MB$"):
        Table.read(huge)


def test_a_pipe_in_place_of_a_table(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match=r"pipe.csv is no file, expected a table$"):
        Table.read(tmp_path / "pipe.csv")


# --------------------------------------------------------------------------- one photo in many rows


@pytest.fixture
def one_photo_by_many_names(put_photo, tmp_path):
    """Names of one file: its own, a detour, a link to it, and one through a link to its folder."""
    path = put_photo("album/a.jpg")
    (tmp_path / "link.jpg").symlink_to(path)
    (tmp_path / "other").symlink_to(path.parent)
    return ["album/a.jpg", "album/../album/./a.jpg", "link.jpg", "other/a.jpg"]


def test_rows_that_say_the_same_count_once(one_photo_by_many_names, put_photo, put_table, capsys):
    put_photo("b.jpg")
    rows = "".join(f"{name},20,3\n" for name in one_photo_by_many_names)
    path = put_table("gt.csv", rows + "b.jpg,20,3\n")
    photos = read_photos(path)
    assert [path.name for path in photos.paths] == ["a.jpg", "b.jpg"]
    assert capsys.readouterr().out.startswith(f"warning: {path}: 3 rows repeat another")


@pytest.mark.parametrize("label", ["21,3", "20,4"])
@pytest.mark.parametrize("name", range(4))
def test_two_labels_of_one_photo(name, label, one_photo_by_many_names, put_photo, put_table):
    put_photo("b.jpg")
    again = one_photo_by_many_names[name]
    path = put_table("gt.csv", f"album/a.jpg,20,3\nb.jpg,5,1\n{again},{label}\n")
    with pytest.raises(DataError) as caught:
        read_photos(path)
    assert str(caught.value).startswith(f"{path}, lines 1 and 3: two labels for {path.parent}/")
