"""A packed data set is the photos themselves: the same pixels, whatever ended its making."""

import csv
import io
import os
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import exit_code, refused
from helpers.photos import put_photos, put_table
from helpers.trainings import rows

from tinydldl.datasets.__main__ import main
from tinydldl.datasets.base import DataError
from tinydldl.datasets.loader import read_photo
from tinydldl.datasets.packed import COLUMNS, Packed, pack
from tinydldl.train.__main__ import main as train

SIDE = 32


@pytest.fixture
def photos(tmp_path, rng, monkeypatch):
    """Twelve photos, some wide, some high."""
    monkeypatch.chdir(tmp_path)
    paths = [Path(f"faces/{shape}/{i}.png") for shape in ("wide", "high") for i in range(6)]
    for shape, size in (("wide", (70, 45)), ("high", (41, 60))):
        Path("faces", shape).mkdir(parents=True)
        put_photos(f"faces/{shape}", 6, rng, *size)
    return paths


def pack_here(photos):
    return pack(photos, Path("set-32.npy"), SIDE, 2)


def agree(photos):
    packed = Packed(Path(), "set", SIDE)
    for path in photos:
        np.testing.assert_array_equal(packed.get(path), read_photo(path, SIDE), strict=True)


def test_the_pixels_are_those_of_the_photos(photos):
    assert pack_here(photos) == []
    agree(photos)
    array = np.load("set-32.npy")  # by NumPy alone
    expected = [read_photo(path, SIDE).ravel() for path in photos]
    np.testing.assert_array_equal(array, np.concatenate(expected), strict=True)
    assert Packed(Path(), "set", SIDE).get(Path("faces/other.png")) is None
    assert Packed(Path(), "set", 64).get(photos[0]) is None


@pytest.mark.parametrize("seen", range(5, 12))
def test_who_is_killed_goes_on(seen, photos):
    """Whatever of both files has come to disk; nothing is done twice, and all are there."""
    pack_here(photos)
    whole = [Path(f"set-32.{kind}").read_bytes() for kind in ("npy", "csv")]
    pixels, table = whole
    lines = table.splitlines(keepends=True)
    cut = b"".join(lines[:seen]) + lines[seen][: 3 * (seen - 5)]
    Path("set-32.csv").write_bytes(cut)
    np.save("set-32.npy", np.zeros(0, np.uint8))  # the length is written last
    with open("set-32.npy", "ab") as file:
        file.write(pixels[128 : -100 * (12 - seen)])
    with pytest.raises(
        DataError, match=r"set-32.npy: not complete; pack again, .*: python -m tiny"
    ):
        Packed(Path(), "set", SIDE)
    assert pack_here(photos) == []
    assert [Path(f"set-32.{kind}").read_bytes() for kind in ("npy", "csv")] == whole


def test_more_photos_are_added(photos):
    pack_here(photos[:5])
    before = np.load("set-32.npy")
    pack_here(photos)
    np.testing.assert_array_equal(np.load("set-32.npy")[: len(before)], before)
    agree(photos)


def another_photo(path):
    """Of the same size."""
    path.write_bytes(path.read_bytes()[::-1])


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_another_photo_or_damage_is_found_and_mended(photos, rng):
    pack_here(photos)
    before = np.load("set-32.npy")
    flip(Path("set-32.npy"))
    put_photos("faces/wide", 1, rng, 50, 50)
    packed = Packed(Path(), "set", SIDE)
    for path in (photos[0], photos[-1]):
        with pytest.raises(DataError, match=rf"{path}: changed since set-32.npy was made; pack"):
            packed.get(path)
    assert packed.get(photos[1]) is not None
    assert pack_here(photos) == []
    agree(photos)
    assert not np.array_equal(np.load("set-32.npy"), before)


def test_a_photo_of_the_same_size_is_another_one(photos):
    pack_here(photos)
    another_photo(photos[4])
    with pytest.raises(DataError, match=rf"{photos[4]}: changed since"):
        Packed(Path(), "set", SIDE).get(photos[4])


@pytest.mark.parametrize("content", [b"", b"no array", b"x" * 5000, None])
def test_whatever_is_left_of_the_files_is_refused_and_mended(content, photos):
    """A damaged file of pixels; or, for None, no table."""
    pack_here(photos)
    whole = Path("set-32.npy").read_bytes()
    if content is None:
        Path("set-32.csv").unlink()
    else:
        Path("set-32.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"set-32.npy: it or its table is damaged; pack again"):
        Packed(Path(), "set", SIDE)
    assert pack_here(photos) == []
    assert Path("set-32.npy").read_bytes() == whole
    agree(photos)


@pytest.mark.parametrize(
    "damage",
    [
        lambda row: row | {"height": ""},
        lambda row: row | {"width": "x" * 200_000},  # more than a cell may have
        lambda row: row | {"begin": "0"},
        lambda row: {"photo": row["photo"]},
    ],
)
@pytest.mark.parametrize("line", [1, 7])
def test_a_damaged_table_is_refused_and_mended(damage, line, photos):
    pack_here(photos)
    table, pixels = Path("set-32.csv").read_bytes(), Path("set-32.npy").read_bytes()
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    rows[line] = damage(rows[line])
    with open("set-32.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(DataError, match=r"set-32.npy: not complete; pack again"):
        Packed(Path(), "set", SIDE)
    assert pack_here(photos) == []
    assert (Path("set-32.csv").read_bytes(), Path("set-32.npy").read_bytes()) == (table, pixels)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_damaged_header_is_refused_and_mended(column, photos):
    pack_here(photos)
    table = Path("set-32.csv").read_text()
    Path("set-32.csv").write_text(table.replace(column, column.upper(), 1))
    with pytest.raises(DataError, match="; pack again"):
        Packed(Path(), "set", SIDE).get(photos[0])
    assert pack_here(photos) == []
    assert Path("set-32.csv").read_text() == table


def test_photos_on_another_drive(photos, monkeypatch):
    """Where Windows knows no way from one to the other."""

    def no_way(path, start):
        raise ValueError(f"path is on mount 'D:', start on mount 'C:': {path}, {start}")

    monkeypatch.setattr("os.path.relpath", no_way)
    assert Packed(Path(), "set", SIDE).get(photos[0]) is None
    assert pack_here(photos) == pack_here(photos) == []
    agree(photos)


def test_a_training_is_the_same_to_the_last_digit(tmp_path, rng, monkeypatch, capsys):
    """From photos, and from what is packed without them."""
    monkeypatch.chdir(tmp_path)
    Path("faces").mkdir()
    put_photos("faces", 40, rng, 50, 60)
    put_table("faces/table.csv", range(20, 60))
    of_photos = ["--dataset", "csv", "--table", "faces/table.csv", "--data-dir", "data"]
    words = [*of_photos, "--size", SIDE, "--epochs", 1, "--batch", 8, "--loaders", 1]
    words += ["--workers", 1, "--cache-mb", 0]
    assert exit_code(train, *words, "--name", "photos") == 0
    Path("data").mkdir()
    about = ["csv", *of_photos[2:], "--pack", SIDE, "--out", "out"]
    assert exit_code(main, *about) == 0
    assert "packed: 40 photos, 0.2 MB, in data/csv-32.npy\n" in capsys.readouterr().out
    for path in Path("faces").glob("*.png"):  # of which only sizes and times are looked at now
        about = path.stat()
        path.write_bytes(path.name.encode().ljust(about.st_size))
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert exit_code(train, *words, "--name", "packed") == 0
    assert "in memory, read from data/csv-32.npy" in capsys.readouterr().out
    columns = ("train_loss", "valid_mae", "grad_norm")
    one, other = (rows(f"runs/{name}/metrics.csv") for name in ("photos", "packed"))
    assert [[row[c] for c in columns] for row in one] == [
        [row[c] for c in columns] for row in other
    ]


def test_unreadable_photos_and_a_full_disk(photos, monkeypatch, capsys):
    photos[3].write_text("no photo")
    ((path, _),) = pack_here(photos)
    assert path == photos[3]
    put_table("faces/wide/table.csv", range(6))
    words = ["csv", "--table", "faces/wide/table.csv", "--data-dir", "."]
    assert exit_code(main, *words, "--pack", 64) == 1
    assert "unreadable: 1\n" in capsys.readouterr().out
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Disk", (), {"free": 10})())
    error = refused(capsys, main, *words, "--pack", 48)
    assert error.startswith(".: packed photos take about 0.1 MB, and 0.0 MB are free")
