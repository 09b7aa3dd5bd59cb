"""Aligned crops: made once, beside the photos; loaders prefer them, and say if there are none."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import exit_code, refused
from helpers.photos import PORTRAIT
from helpers.trainings import settings
from PIL import Image

from tinydldl.datasets import DataError, Options, crops, load
from tinydldl.datasets.__main__ import main
from tinydldl.faces import SHAPES, Face, detect
from tinydldl.images import open_photo
from tinydldl.train import photos


@pytest.fixture
def chalearn15(tmp_path):
    """Two photos with a face, two without one."""
    root = tmp_path / "chalearn15"
    for part in ("Train", "Valid"):
        (root / part).mkdir(parents=True)
        shutil.copy(PORTRAIT, root / part / "face.jpg")
        Image.linear_gradient("L").save(root / part / "sky.PNG")
        (root / f"{part.lower()}15_gt.csv").write_text("face.jpg,79,3\nsky.PNG,20,2\n")
    return root


def run(folder, *arguments, name="chalearn15"):
    folders = ["--data-dir", folder, "--out", folder / "out"]
    return exit_code(main, name, *folders, *arguments)


def beside(path):
    """{path: where its crop belongs}."""
    return {path: crops.crop_of(path, Options(path.parent))}


def test_from_photos_to_crops_that_are_loaded(chalearn15, tmp_path, said):
    lines = said(run(tmp_path, "--align")).splitlines()
    table = tmp_path / "out/chalearn15-not-aligned.csv"
    assert lines[-2] == "aligned: 2 of 4 photos, 2 of them now, in aligned/"
    assert lines[-1] == f"not aligned: 2, used as they are: {table}"
    rows = [f"{chalearn15 / part / 'sky.PNG'},no face found" for part in ("Train", "Valid")]
    assert table.read_text().splitlines() == ["photo,why", *rows]
    parts = load("chalearn15", Options(tmp_path))
    for part, folder in (("train", "Train"), ("valid", "Valid")):
        paths = [chalearn15 / folder / "aligned/face.jpg", chalearn15 / folder / "sky.PNG"]
        assert parts[part].paths == paths
        assert parts[part].ages.tolist() == [79, 20]
    raw = load("chalearn15", Options(tmp_path), aligned=False)
    assert raw["train"].paths[0] == chalearn15 / "Train/face.jpg"


def test_the_face_lies_where_the_shape_has_it(chalearn15, tmp_path):
    for shape in SHAPES:
        assert run(tmp_path, "--align", "--crop", shape) == 0
        crop = chalearn15 / "Train/aligned/face.jpg"
        (face,) = detect(open_photo(crop))
        np.testing.assert_allclose(face.landmarks / 256, SHAPES[shape], atol=0.03)
        shutil.rmtree(chalearn15 / "Train/aligned")


def test_the_crops_are_what_is_checked(chalearn15, tmp_path, capsys):
    """They are what a training reads."""
    (chalearn15 / "Train/aligned").mkdir()
    (chalearn15 / "Train/aligned/face.jpg").write_bytes(b"half a crop")
    assert run(tmp_path) == 1
    assert f"{chalearn15 / 'Train/aligned/face.jpg'}: not a photo" in capsys.readouterr().out


def test_what_is_there_is_not_made_again(chalearn15, tmp_path, said):
    own = chalearn15 / "Train/aligned/face.jpg"
    own.parent.mkdir()
    own.write_bytes(b"my own crop")
    assert "aligned: 2 of 4 photos, 1 of them now" in said(run(tmp_path, "--align"))
    assert own.read_bytes() == b"my own crop"


def test_of_several_faces_the_largest(chalearn15, tmp_path, monkeypatch):
    path = chalearn15 / "Train/face.jpg"
    (face,) = detect(open_photo(path))
    others = [Face(np.array([0.0, 0, 9, 9]), 1.0, face.landmarks / 5), face]
    monkeypatch.setattr(crops, "detect", lambda image, score: others)
    assert crops.align_photos(beside(path), "utkface", 0.9, 1) == (0, 1, [])
    one = np.asarray(open_photo(crops.crop_of(path, Options(tmp_path))))
    (found,) = detect(Image.fromarray(one))
    np.testing.assert_allclose(found.landmarks / 256, SHAPES["utkface"], atol=0.03)


@pytest.mark.parametrize(("given", "count"), [([], 0), (["--score", "0.8"], 2)])
def test_what_is_hardly_a_face_is_not_aligned(given, count, chalearn15, tmp_path, monkeypatch):
    def found(image, score):
        return [Face(np.array([0.0, 0, 99, 99]), 0.85, 99 * SHAPES["utkface"])] * (score < 0.85)

    monkeypatch.setattr(crops, "detect", found)
    assert run(tmp_path, "--align", *given) == 0
    assert len(list(chalearn15.glob("*/aligned/face.jpg"))) == count


def test_a_broken_photo_is_listed(chalearn15):
    path = chalearn15 / "Train/face.jpg"
    path.write_bytes(path.read_bytes()[:2000])
    before, made, ((listed, why),) = crops.align_photos(beside(path), "utkface", 0.9, 1)
    assert (before, made, listed) == (0, 0, path)
    assert why.startswith("a photo that cannot be decoded")


def test_raw_photos_are_warned_of_once(chalearn15, tmp_path, capsys):
    of = settings(dataset="chalearn15", data_dir=tmp_path, limit=None)
    photos.load_parts(of)
    out = capsys.readouterr().out
    assert out.count("warning: the photos of chalearn15 are not aligned") == 1
    assert "python -m tinydldl.datasets chalearn15 --align" in out
    shutil.copytree(chalearn15 / "Train", chalearn15 / "Train/aligned")
    photos.load_parts(of)
    assert "aligned" not in capsys.readouterr().out


def test_a_folder_that_cannot_be_made_is_one_line(chalearn15, tmp_path, capsys):
    (chalearn15 / "Train/aligned").write_text("a file in the way")
    folders = "--data-dir", tmp_path, "--out", tmp_path / "out"
    error = refused(capsys, main, "chalearn15", *folders, "--align")
    assert "aligned: cannot make this folder (File exists); --aligned names another one" in error


def test_crops_in_another_folder_leave_the_photos_alone_and_are_found(chalearn15, tmp_path, capsys):
    before = sorted(chalearn15.rglob("*"))
    own = tmp_path / "working/crops"
    assert run(tmp_path, "--align", "--aligned", own) == 0
    assert f"aligned: 2 of 4 photos, 2 of them now, in {own}" in capsys.readouterr().out
    assert sorted(chalearn15.rglob("*")) == before
    parts = load("chalearn15", Options(tmp_path, aligned=own))
    for part, folder in (("train", "Train"), ("valid", "Valid")):
        crop = own / "chalearn15" / folder / "aligned/face.jpg"
        assert parts[part].paths == [crop, chalearn15 / folder / "sky.PNG"]
        (face,) = detect(open_photo(crop))
        np.testing.assert_allclose(face.landmarks / 256, SHAPES["utkface"], atol=0.03)
    assert load("chalearn15", Options(tmp_path))["train"].paths[0] == chalearn15 / "Train/face.jpg"


def test_crops_in_another_folder_have_a_place_each(tmp_path):
    inside = Options(tmp_path, table=tmp_path / "mine/ages.csv", aligned=tmp_path / "crops")
    photos = [tmp_path / name for name in ("mine/a.jpg", "mine/b/a.jpg", "mine/../a.jpg")]
    elsewhere = tmp_path.relative_to(tmp_path.anchor)
    assert [crops.crop_of(path, inside).relative_to(tmp_path / "crops") for path in photos] == [
        Path("aligned/a.jpg"),
        Path("b/aligned/a.jpg"),
        elsewhere / "aligned/a.jpg",
    ]


def test_a_folder_of_crops_that_is_not_there(chalearn15, tmp_path):
    with pytest.raises(DataError, match=r"^no folder \S+/nowhere; --align makes the crops in it$"):
        load("chalearn15", Options(tmp_path, aligned=tmp_path / "nowhere"))
