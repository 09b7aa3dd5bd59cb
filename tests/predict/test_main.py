"""The command: photos in many forms, faces found or given, and what is printed and drawn."""

import csv
import gc
import io
import json
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import exit_code, refused
from helpers.networks import save_network
from helpers.photos import LANDMARKS, PORTRAIT
from matplotlib.figure import Figure
from PIL import Image

from tinydldl import trained
from tinydldl.faces import Face, detect
from tinydldl.fast import FastNet
from tinydldl.images import open_photo
from tinydldl.predict import __main__ as predict
from tinydldl.predict import inputs, many, portraits

BOX = "170,80,160,230"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """With a network, and photo.jpg, the portrait."""
    monkeypatch.chdir(tmp_path)
    save_network("net")
    shutil.copy(PORTRAIT, "photo.jpg")
    return tmp_path


def run(*arguments):
    return exit_code(predict.main, "--weights", "net", *arguments)


def estimate(face):
    """The portrait of a face in photo.jpg, on the engine of the command."""
    network = trained.load("net")
    network.model = FastNet(network.model)
    (person,) = portraits.portraits(network, open_photo("photo.jpg"), [face])
    return person


# ------------------------------------------------------------------------------- photos and faces


def test_a_photo_in_an_age_out(capsys):
    assert run("photo.jpg") == 0
    (face,) = detect(open_photo("photo.jpg"))
    person = estimate(face)
    line, picture, legend = capsys.readouterr().out.splitlines()
    assert line.startswith(f"photo.jpg, face 1: {person.y_hat:.1f} ± {person.spread:.1f} years (")
    assert line.endswith(f"; score {face.score:.2f})")
    assert legend.startswith("±         the standard deviation")
    assert picture.split() == ["picture", str(Path("runs/predictions/photo-ages.png"))]
    with Image.open("runs/predictions/photo-ages.png") as drawn:
        assert min(drawn.size) > 500


def test_a_photo_that_is_a_face(capsys):
    assert run("photo.jpg", "--no-detect", "--json", "--weights", "net") == 0
    document = json.loads(capsys.readouterr().out)
    (photo,) = document["photos"]
    (face,) = photo["faces"]
    person = estimate(None)
    assert face["age"] == person.y_hat
    assert face["spread"] == person.spread
    assert "box" not in face
    np.testing.assert_array_equal(np.array(face["distribution"], np.float32), person.p_hat)
    assert document["labels"] == list(range(101))
    assert (photo["width"], photo["height"]) == (512, 600)
    assert not Path("runs").exists()


def test_landmarks_by_hand(capsys):
    points = ",".join(map(str, LANDMARKS.ravel()))
    assert run("photo.jpg", "--landmarks", points, "--json") == 0
    (face,) = json.loads(capsys.readouterr().out)["photos"][0]["faces"]
    assert face["age"] == estimate(Face(None, 1.0, LANDMARKS)).y_hat
    assert face["box"] == [222, 186, 306, 282]


def test_a_box_by_hand(capsys):
    """The landmarks in it are nearly those that the detector finds."""
    assert run("photo.jpg", "--box", BOX, "--json") == 0
    (face,) = json.loads(capsys.readouterr().out)["photos"][0]["faces"]
    assert face["box"] == [170, 80, 330, 310]
    assert np.abs(np.array(face["landmarks"]) - LANDMARKS).mean() < 6
    assert run("photo.jpg", "--box", BOX, "--csv") == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert [float(row[n]) for n in ("left", "top", "right", "bottom")] == [170, 80, 330, 310]
    assert run("photo.jpg", "--box", BOX) == 0
    assert "(160 x 230 pixels at 170, 80; score " in capsys.readouterr().out


def test_how_faces_are_searched_for_and_cut_out_is_what_was_asked(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(inputs, "SURE", 1)  # so that the photo is turned, too
    monkeypatch.setattr(inputs, "detect", lambda image, *how: (asked.append(how), detect(image))[1])
    ages = []
    for shape in ("utkface", "arcface"):
        options = ["--smallest", 60, "--score", 0.7, "--crop", shape]
        assert run("photo.jpg", "--json", *options) == 0
        (face,) = json.loads(capsys.readouterr().out)["photos"][0]["faces"]
        ages.append(face["age"])
    assert asked == [(60, 0.7)] * 8
    assert ages[0] != ages[1]


def test_no_face_says_what_to_do(capsys):
    Image.linear_gradient("L").resize((300, 200)).save("sky.png")
    assert run("sky.png", "photo.jpg", "--csv") == 0
    out, err = capsys.readouterr()
    assert err.startswith("sky.png: no face found; say where it is with --box or --landmarks")
    assert "--no-detect" in err
    _, empty, row = csv.reader(io.StringIO(out))
    assert empty == ["sky.png", *[""] * 9]
    assert row[:2] == ["photo.jpg", "1"]
    assert run("sky.png", "photo.jpg", "--json") == 0
    sky, photo = json.loads(capsys.readouterr().out)["photos"]
    assert sky == {"photo": "sky.png", "width": 300, "height": 200, "turned": 0, "faces": []}
    assert len(photo["faces"]) == 1


def test_a_photo_that_lies_on_its_side_is_turned_and_that_is_said(monkeypatch, capsys):
    Image.open("photo.jpg").transpose(Image.Transpose.ROTATE_90).save("lying.png")
    assert run("lying.png") == 0
    assert "pixels at" in (line := capsys.readouterr().out.splitlines()[0])
    assert line.endswith(", in the photo turned by 90 degrees clockwise)")
    assert run("lying.png", "--json") == 0
    (photo,) = json.loads(capsys.readouterr().out)["photos"]
    assert [photo[name] for name in ("turned", "width", "height")] == [90, 512, 600]
    assert run("lying.png", "--csv") == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["turned"] == "90"
    titles = []
    monkeypatch.setattr(
        "tinydldl.predict.pictures.people", lambda *args: titles.append(args) or Figure()
    )
    assert run("lying.png", "--out", "here") == 0
    ((image, _, title),) = titles
    assert (image.size, title) == ((512, 600), "turned by 90°: lying")


def test_a_folder_that_is_not_ours_is_said_before_anything_is_done(monkeypatch, capsys):
    def refuse(dir):
        raise PermissionError(13, f"Permission denied: {dir}")

    monkeypatch.setattr("tinydldl.files.TemporaryFile", refuse)
    arguments = "--weights", "net", "photo.jpg", "--no-detect", "--out", "here/and/there"
    error = refused(capsys, predict.main, *arguments)
    assert error == "here/and/there: cannot be written (Permission denied: .); give another --out"
    assert not Path("here").exists()


def test_a_folder_a_pattern_and_standard_input(monkeypatch, capsys):
    Path("party").mkdir()
    for name in ("b.jpg", "a.png", ".hidden.jpg", "notes.txt"):
        shutil.copy("photo.jpg", Path("party") / name)
    for name in ("c.webp", "d.GIF", "e.tif"):
        Image.open("photo.jpg").save(Path("party") / name)
    stdin = io.TextIOWrapper(io.BytesIO(Path("photo.jpg").read_bytes()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert run("party", "pa*/*.jpg", "-", "--no-detect", "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    names = ("a.png", "b.jpg", "c.webp", "d.GIF", "e.tif", "b.jpg")
    names = [str(Path("party") / name) for name in names]
    assert [row["photo"] for row in rows] == [*names, "-"]
    jpegs = {float(row["age"]) for row in rows if not row["photo"].endswith(("webp", "GIF"))}
    assert jpegs == {estimate(None).y_hat}
    assert {row["left"] for row in rows} == {""}


def test_a_method_without_a_distribution(capsys, said):
    save_network("net", "mr-l1")
    line, _ = said(run("photo.jpg", "--no-detect")).splitlines()
    assert line == f"photo.jpg, face 1: {estimate(None).y_hat:.1f} years (the whole photo)"
    assert run("photo.jpg", "--no-detect", "--json") == 0
    (face,) = json.loads(capsys.readouterr().out)["photos"][0]["faces"]
    assert face["distribution"] is face["spread"] is None


def read(out, form):
    """The photos in what was printed, a name for each."""
    if form == "--json":
        return [photo["photo"] for photo in json.loads(out)["photos"]]
    if form == "--csv":
        return [row["photo"] for row in csv.DictReader(io.StringIO(out))]
    return [line.partition(",")[0] for line in out.splitlines() if "years" in line]


@pytest.mark.parametrize("form", ["--json", "--csv", "--out=pictures"])
def test_results_come_one_by_one_and_stay_when_the_command_is_stopped(form, monkeypatch):
    """While a photo is looked at, those before are written, and of them one is held at most."""
    look, counts, images, out = inputs.look, [], [], io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out, encoding="utf-8"))  # with a buffer

    def watched(photo, search):
        gc.collect()
        counts.append(out.getvalue().count(b"photo.jpg"))
        assert sum(image() is not None for image in images) <= 1
        if len(images) == 4:
            raise KeyboardInterrupt
        seen = look(photo, search)
        images.append(weakref.ref(seen[0]))
        return seen

    monkeypatch.setattr(inputs, "look", watched)
    assert run(*["photo.jpg"] * 9, "--no-detect", form) == 130
    assert read(out.getvalue().decode(), form) == ["photo.jpg"] * 4
    assert counts == [0, 1, 2, 3, 4]


def test_nothing_is_overwritten():
    for _ in range(3):
        assert run("photo.jpg", "--no-detect", "--out", "here") == 0
    names = sorted(path.name for path in Path("here").iterdir())
    assert names == ["photo-ages-2.png", "photo-ages-3.png", "photo-ages.png"]


# ------------------------------------------------------------------------------------- many photos


@pytest.fixture
def several(monkeypatch):
    """Eleven files in a folder: photos, two that are none, one without a face; two processes."""
    monkeypatch.setattr(many, "MANY", 5)
    monkeypatch.setattr(many, "AT_A_TIME", 3)
    monkeypatch.setattr(many, "available_cores", lambda: 2)
    Path("party").mkdir()
    for number in range(11):
        turned = Image.open("photo.jpg").resize((256 + 8 * number, 300))
        turned.save(f"party/{number:02}.jpg")
    Path("party/04.jpg").write_bytes(b"no photo")
    Path("party/07.jpg").write_bytes(b"")
    Image.linear_gradient("L").resize((300, 200)).save("party/09.jpg")


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def alike(some, others):
    """Whether two tables say the same, but for rounding: a batch may be computed otherwise."""
    for row, other in zip(some, others, strict=True):
        numbers, expected = ([float(v or "nan") for v in [*r.values()][1:]] for r in (row, other))
        assert row["photo"] == other["photo"]
        np.testing.assert_allclose(numbers, expected, rtol=1e-4)


def test_many_photos_are_divided_and_come_in_order(several, monkeypatch, capsys):
    assert run("party", "--csv") == 2
    out, err = capsys.readouterr()
    rows = rows_of(out)
    numbers = [n for n in range(11) if n not in (4, 7)]
    assert [row["photo"] for row in rows] == [str(Path(f"party/{n:02}.jpg")) for n in numbers]
    assert err.count("error: ") == 2
    assert "04.jpg: not a photo" in err
    assert "09.jpg: no face" in err
    monkeypatch.setattr(many, "available_cores", lambda: 1)
    assert run("party", "--csv") == 2
    alike(rows, rows_of(capsys.readouterr().out))


def test_many_pictures(several, capsys):
    assert run("party", "--json", "--no-detect", "--out", "here") == 2
    names = [f"{n:02}-ages.png" for n in range(11) if n not in (4, 7)]
    assert sorted(path.name for path in Path("here").iterdir()) == names
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("picture")]
    assert [line.split()[1] for line in lines] == [str(Path("here") / name) for name in names]


def test_a_table_goes_on_where_it_was(several, capsys):
    assert run("party", "--resume", "whole.csv") == 2
    whole = Path("whole.csv").read_text()
    *lines, _ = whole.splitlines(keepends=True)
    for kept in (0, 1, 5, len(lines)):
        Path("part.csv").write_text("".join(lines[:kept]) + "party/10.j" * (kept == 5))
        assert run("party", "--resume", "part.csv") == 2
        alike(rows_of(Path("part.csv").read_text()), rows_of(whole))
    assert capsys.readouterr().out == ""


def test_a_table_that_is_done_asks_for_its_last_photo_alone(several, monkeypatch):
    assert run("party/00.jpg", "party/01.jpg", "party/02.jpg", "--resume", "t.csv") == 0
    asked, look = [], inputs.look
    watch = lambda photo, search: (asked.append(Path(photo).name), look(photo, search))[1]  # noqa: E731
    monkeypatch.setattr(inputs, "look", watch)
    assert run("party/00.jpg", "party/01.jpg", "party/02.jpg", "--resume", "t.csv") == 0
    assert asked == ["02.jpg"]


def test_a_table_goes_on_with_other_photos(several):
    assert run("party/00.jpg", "party/01.jpg", "--resume", "t.csv") == 0
    before = Path("t.csv").read_text()
    for cut in ("", "party/0", '"party/new', '"party/new\n'):  # of these no photo is asked for
        Path("t.csv").write_text(before + cut)
        assert run("party/02.jpg", "--resume", "t.csv") == 0
        photos = [Path(row["photo"]).name for row in rows_of(Path("t.csv").read_text())]
        assert photos == ["00.jpg", "01.jpg", "02.jpg"]


def test_a_table_of_names_that_are_not_utf8(several, monkeypatch):
    names = ["\udcff.jpg", "a.jpg"]
    monkeypatch.setattr(predict.inputs, "expand", lambda given: names)
    monkeypatch.setattr(inputs, "look", lambda photo, search: (Image.new("RGB", (9, 9)), (), 0))
    assert run("folder", "--resume", "t.csv") == 0
    whole = Path("t.csv").read_bytes()
    assert run("folder", "--resume", "t.csv") == 0
    assert Path("t.csv").read_bytes() == whole
    assert b"\xff.jpg," in whole


def test_a_photo_that_is_given_twice_is_in_the_table_once(several):
    assert run("party/0[01].jpg", "party/01.jpg", "party/00.jpg", "--resume", "t.csv") == 0
    photos = [Path(row["photo"]).name for row in rows_of(Path("t.csv").read_text())]
    assert photos == ["00.jpg", "01.jpg"]


MORE = ",".join([*predict.COLUMNS, "mine"]) + "\n" + "1," * len(predict.COLUMNS) + "1\n"


@pytest.mark.parametrize("text", ["path,age\n1.jpg,30\n", "a note\n", MORE])
def test_another_table_is_left_as_it_is(text, several, capsys):
    Path("ages.csv").write_text(text)
    error = refused(capsys, predict.main, "--weights", "net", "party", "--resume", "ages.csv")
    assert error == "ages.csv: not a table of predict; give another --resume"
    assert Path("ages.csv").read_text() == text


# ------------------------------------------------------------------------------------- what is not


def test_a_photo_that_cannot_be_used_does_not_stop_the_others(capsys):
    Path("broken.jpg").write_bytes(Path("photo.jpg").read_bytes()[:5000])
    Image.new("RGB", (8, 40)).save("small.png")
    assert run("missing.jpg", "broken.jpg", "small.png", "--no-detect", "photo.jpg") == 2
    out, err = capsys.readouterr()
    first, second, third = err.splitlines()
    assert third == "error: small.png: 8 x 40 pixels, expected 12 or more a side for a face"
    assert first == "error: missing.jpg: No such file or directory"
    assert second.startswith("error: broken.jpg: ")
    assert out.startswith("photo.jpg, face 1: ")


def test_who_wants_no_picture_does_not_wait_for_matplotlib():
    code = "import sys, tinydldl.predict.__main__; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
