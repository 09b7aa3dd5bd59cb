"""`python -m tinydldl.datasets`: what it counts, what it finds, and how it ends."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import exit_code
from PIL import Image
from scipy.io import savemat

from tinydldl.datasets.__main__ import main


@pytest.fixture
def chalearn15(put_photo, put_table, tmp_path):
    """Four photos to train on and two to validate; one is 101 years old."""
    for name in ("Train/a", "Train/b", "Train/c", "Train/d", "Valid/e", "Valid/f"):
        put_photo(f"chalearn15/{name}.jpg")
    put_table("chalearn15/train15_gt.csv", "a.jpg,10,1\nb.jpg,20,2\nc.jpg,30,3\nd.jpg,101,4\n")
    put_table("chalearn15/valid15_gt.csv", "e.jpg,40,5\nf.jpg,45,6\n")
    return tmp_path / "chalearn15"


@pytest.fixture
def run(tmp_path, capsys):
    """run("csv", "--table", "t.csv") -> (exit code, lines of stdout, stderr)."""

    def run(name, *arguments):
        folders = ["--data-dir", str(tmp_path), "--out", str(tmp_path / "out")]
        code = exit_code(main, name, *folders, *arguments)
        output = capsys.readouterr()
        return code, output.out.splitlines(), output.err

    return run


def test_a_set_without_fault(chalearn15, run, tmp_path):
    code, lines, _ = run("chalearn15")
    picture = tmp_path / "out/chalearn15-ages.png"
    assert code == 0
    assert lines == [
        "chalearn15: 6 photos (years: min / mean / max)",
        "  train       4   age 10.0 / 40.25 / 101.0   sigma 1.0 / 2.50 / 4.0",
        "  valid       2   age 40.0 / 42.50 / 45.0   sigma 5.0 / 5.50 / 6.0",
        "ages outside 0..100: 1",
        "exact duplicates: 0 pairs, 0 across two parts",
        "unreadable: 0",
        f"age histogram: {picture}",
    ]
    with Image.open(picture) as image:
        assert image.size == (1050, 600)


def test_nothing_that_a_user_has_is_overwritten(chalearn15, run, tmp_path):
    own = tmp_path / "out/chalearn15-ages.png"
    own.parent.mkdir()
    own.write_text("precious")
    assert run("chalearn15")[1][-1] == f"age histogram: {tmp_path}/out/chalearn15-ages-2.png"
    assert own.read_text() == "precious"


def test_nothing_is_put_among_the_photos(chalearn15, run, tmp_path):
    """A histogram among them would be one of the photos when the set is loaded the next time."""
    before = sorted(tmp_path.rglob("*"))
    for folder in ("Train", "Valid", "Valid/../Train"):
        code, _, error = run("chalearn15", "--out", chalearn15 / folder)
        assert code == 2
        assert error.startswith(f"error: {chalearn15 / folder}: holds photos of the data set")
        assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_duplicates_within_a_part_and_across(chalearn15, run):
    shutil.copy(chalearn15 / "Train/a.jpg", chalearn15 / "Train/b.jpg")
    shutil.copy(chalearn15 / "Train/a.jpg", chalearn15 / "Valid/f.jpg")
    code, lines, _ = run("chalearn15")
    assert code == 0
    a, b, f = (chalearn15 / name for name in ("Train/a.jpg", "Train/b.jpg", "Valid/f.jpg"))
    at = lines.index("exact duplicates: 2 pairs, 1 across two parts")
    assert lines[at + 1 : at + 3] == [f"  train {a} = train {b}", f"  train {a} = valid {f}"]


def test_unreadable_files(chalearn15, run):
    (chalearn15 / "Train/a.jpg").write_bytes(b"")
    (chalearn15 / "Train/c.jpg").write_bytes(b"not a photo")
    whole = (chalearn15 / "Valid/e.jpg").read_bytes()
    (chalearn15 / "Valid/e.jpg").write_bytes(whole[: len(whole) // 2])
    code, lines, _ = run("chalearn15")
    assert code == 1
    at = lines.index("unreadable: 3")
    assert lines[at + 1] == f"  {chalearn15 / 'Train/a.jpg'}: the file is empty"
    assert lines[at + 2].startswith(f"  {chalearn15 / 'Train/c.jpg'}: not a photo that can be read")
    assert lines[at + 3].startswith(f"  {chalearn15 / 'Valid/e.jpg'}: ")
    assert "truncated" in lines[at + 3].lower()


def test_photos_that_are_not_there(run, tmp_path):
    """As in a set that is unpacked in part, whose table names them all."""
    folder = tmp_path / "imdb-wiki/wiki_crop"
    folder.mkdir(parents=True)
    table = {"full_path": np.array(["1.jpg", "2.jpg"], dtype=object), "dob": [7e5, 7e5]}
    table |= {"photo_taken": [1950, 1950], "face_score": [1, 1]}
    savemat(folder / "wiki.mat", {"wiki": table | {"second_face_score": [np.nan, np.nan]}})
    code, lines, _ = run("imdb-wiki")
    assert code == 1
    at = lines.index("unreadable: 2")
    assert lines[at + 1] == f"  {folder / '1.jpg'}: No such file or directory"


def test_a_pipe_among_the_photos(run, put_photo, tmp_path):
    put_photo("UTKFace/4_0_0_1.jpg")
    os.mkfifo(tmp_path / "UTKFace/5_0_0_1.jpg")
    code, lines, _ = run("utkface")
    assert code == 1
    why = "a pipe or a device, expected a file"
    assert lines[lines.index("unreadable: 1") + 1].endswith(f"5_0_0_1.jpg: {why}")


def test_a_long_list_is_cut(run, put_photo, tmp_path):
    for age in range(1, 9):
        put_photo(f"UTKFace/{age}_0.jpg").write_bytes(b"x")
    code, lines, _ = run("utkface")
    assert code == 1
    at, table = lines.index("unreadable: 8"), tmp_path / "out/utkface-unreadable.csv"
    assert lines[at + 6 : at + 8] == ["  and 3 more", f"all of them: {table}"]
    header, *rows = table.read_text().splitlines()
    assert header == "photo,why"
    assert {Path(row.partition(",")[0]).name for row in rows} == {f"{i}_0.jpg" for i in range(1, 9)}
    assert "  and 2 more" in lines  # of 7 pairs of duplicates


def test_an_empty_part_is_a_dash(run, put_photo, tmp_path):
    put_photo("alone.jpg")
    (tmp_path / "table.csv").write_text("path,age\nalone.jpg,4\n")
    code, lines, _ = run("csv", "--table", tmp_path / "table.csv")
    assert code == 0
    assert "  valid       0   age -   sigma -" in lines
