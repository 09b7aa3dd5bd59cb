"""Your own photos: a table whose header names the columns."""

from pathlib import Path

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


@pytest.mark.parametrize("header", ["path,age", "Image,AGE", "file_name,age", "name,mean"])
def test_paths_are_relative_to_the_table(header, photos_a_to_e, put_table, by_name, tmp_path):
    table = put_table("mine/faces.csv", header + "\n" + rows())
    parts = load("csv", Options(tmp_path / "unused", table=table, sigma=1.5))
    assert {part: len(photos) for part, photos in parts.items()} == {"train": 4, "valid": 1}
    assert sorted(parts["train"].paths + parts["valid"].paths) == photos_a_to_e
    expected = {f"{letter}.png": (10.0 * i, 1.5) for i, letter in enumerate("abcde", 1)}
    assert by_name(parts) == expected


@pytest.mark.parametrize("header", ["path;age;sigma", "filename;age;std", "image;mean;stdv"])
def test_a_sigma_column_goes_before_the_option(header, photos_a_to_e, put_table, by_name, tmp_path):
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


# ------------------------------------------------------------------------------------ its own parts


def names(photos):
    return [path.stem for path in photos.paths]


@pytest.mark.parametrize("header", ["path,age,part", "path,age,Split"])
def test_a_part_column_goes_before_the_random_split(header, photos_a_to_e, put_table, tmp_path):
    parts = ["Training", "val", "TEST", "train", "validation"]
    lines = [f"{row},{part}" for row, part in zip(rows().splitlines(), parts, strict=True)]
    table = put_table("mine/faces.csv", "\n".join([header, *lines]))
    for seed in range(5):
        found = load("csv", Options(tmp_path, table=table, seed=seed))
        assert {part: names(photos) for part, photos in found.items()} == {
            "train": ["a", "d"],
            "valid": ["b", "e"],
            "test": ["c"],
        }
        assert list(found) == ["train", "valid", "test"]
        assert found["valid"].ages.tolist() == [20, 50]


def test_only_the_parts_that_are_there(photos_a_to_e, put_table, tmp_path):
    text = "".join(f"{row},test\n" for row in rows().splitlines())
    table = put_table("mine/faces.csv", "path,age,part\n" + text)
    assert list(load("csv", Options(tmp_path, table=table))) == ["test"]


# ---------------------------------------------------------------------------- what belongs together


def test_rows_of_one_photo_are_one_photo(photos_a_to_e, put_table, tmp_path, capsys):
    table = put_table("mine/faces.csv", "path,age\n" + rows() + rows() + rows())
    parts = load("csv", Options(tmp_path, table=table))
    assert {part: len(photos) for part, photos in parts.items()} == {"train": 4, "valid": 1}
    assert capsys.readouterr().out.count("10 rows repeat another; each photo is used once") == 1


def owner(path):
    return int(path.stem) // 3


@pytest.mark.parametrize("column", ["subject", "person"])
def test_a_subject_is_in_one_part(column, put_photo, put_table, tmp_path):
    paths = [put_photo(f"{i:02}.png") for i in range(30)]
    lines = [f"{path.name},20,{'abcdefghij'[owner(path)]}" for path in paths]
    table = put_table("faces.csv", "\n".join([f"path,age,{column}", *lines]))
    splits = set()
    for seed in range(10):
        parts = load("csv", Options(tmp_path, table=table, seed=seed))
        train, valid = ({owner(p) for p in parts[name].paths} for name in ("train", "valid"))
        assert not train & valid
        assert (len(parts["train"]), len(parts["valid"])) == (24, 6)
        splits.add(frozenset(valid))
    assert len(splits) > 5


def test_copies_are_in_one_part_and_so_are_their_subjects(put_photo, put_table, tmp_path, capsys):
    paths = [put_photo(f"{i:02}.png") for i in range(30)]
    content = paths[0].read_bytes()
    for path in (paths[7], paths[29]):  # subjects 2 and 9
        path.write_bytes(content)
    other = paths[12].read_bytes()
    paths[13].write_bytes(other[:-1] + b"x")  # of the same size
    plain, by_subject = "path,age\n", "path,age,subject\n"
    plain += "".join(f"{path.name},20\n" for path in paths)
    by_subject += "".join(f"{path.name},20,s{owner(path)}\n" for path in paths)
    for text, key in ((plain, str), (by_subject, owner)):
        table = put_table("faces.csv", text)
        for seed in range(10):
            parts = load("csv", Options(tmp_path, table=table, seed=seed))
            assert capsys.readouterr().out.startswith("warning: 2 photos have the same bytes")
            train, valid = (set(map(key, parts[name].paths)) for name in ("train", "valid"))
            assert not train & valid
            copies = {key(paths[i]) for i in (0, 7, 29)}
            assert copies <= train or copies <= valid


def test_a_split_without_copies_is_as_it_was(put_photo, put_table, tmp_path):
    paths = [put_photo(f"{i:02}.png") for i in range(20)]
    lines = [f"{path.name},20" for path in paths]
    table = put_table("faces.csv", "\n".join(["path,age", *lines]))
    order = np.random.default_rng(7).permutation(20)[16:]
    valid = load("csv", Options(tmp_path, table=table, seed=7))["valid"]
    assert valid.paths == [paths[i] for i in sorted(order)]


def test_what_is_in_several_parts_is_said(put_photo, put_table, tmp_path, capsys):
    paths = [put_photo(f"{i:02}.png") for i in range(4)]
    paths[3].write_bytes(paths[0].read_bytes())
    text = "path,age,part,subject\n00.png,1,train,a\n01.png,2,train,b\n02.png,3,valid,b\n"
    table = put_table("faces.csv", text + "03.png,1,test,c\n")
    parts = load("csv", Options(tmp_path, table=table))
    assert [names(photos) for photos in parts.values()] == [["00", "01"], ["02"], ["03"]]
    assert capsys.readouterr().out.splitlines() == [
        "warning: 1 photos have the same bytes as another one of the table",
        "warning: 2 subjects, or photos with the same bytes, are in several parts",
    ]


def test_files_of_different_sizes_are_not_read(photos_a_to_e, put_table, tmp_path, monkeypatch):
    for i, path in enumerate(photos_a_to_e):
        path.write_bytes(b"x" * (10 + i))
    table = put_table("mine/faces.csv", "path,age\n" + rows())

    read_bytes = Path.read_bytes

    def of_the_table(path):
        assert path == table
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", of_the_table)
    assert len(load("csv", Options(tmp_path, table=table))["train"]) == 4
