"""The command: one face or a data set in, a picture and its numbers out, errors in one line."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import exit_code, refused
from helpers.networks import save_network
from helpers.photos import PORTRAIT, group_of, put_table, random_photo
from PIL import Image

from tinydldl import plots, trained
from tinydldl.datasets import Options, load
from tinydldl.explain import __main__ as explain
from tinydldl.explain import pictures, saliency
from tinydldl.faces import detect, face_in
from tinydldl.images import open_photo
from tinydldl.predict import portraits

PHOTO = ("photo.jpg", "--no-detect")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """With a network, and photo.jpg, the portrait."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TINYDLDL_DATA", raising=False)
    save_network("net")
    shutil.copy(PORTRAIT, "photo.jpg")


@pytest.fixture
def drawn(monkeypatch):
    """The figures that the command makes; they are not written."""
    figures = []

    def keep(figure, folder, stem):
        figures.append(figure)
        return folder / f"{stem}.png"

    monkeypatch.setattr(plots, "save_new", keep)
    return figures


@pytest.fixture
def no_occlusion(monkeypatch):
    """Occlusion takes most of the time; here it finds a slope."""
    slope = np.add.outer(np.arange(16.0), np.zeros(16))
    monkeypatch.setattr(saliency, "occlusion", lambda *_: slope)


def run(*arguments):
    return exit_code(explain.main, "--weights", "net", *arguments)


def view(face=None):
    """What the network sees of photo.jpg, and what it says of it."""
    network = trained.load("net")
    (portrait,) = portraits.portraits(network, open_photo("photo.jpg"), [face])
    return network, portrait, saliency.Maps(network, np.asarray(portrait.view)[None])


def assert_sees(figure, face):
    """Assert that what the network sees is shown of this face."""
    shown = figure.axes[0].images[0].get_array()
    np.testing.assert_array_equal(shown, np.asarray(view(face)[1].view))


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


# ---------------------------------------------------------------------------------------- one face


def test_a_photo_in_a_picture_and_its_numbers_out(capsys):
    assert run(*PHOTO) == 0
    network, portrait, one = view()
    occluded = saliency.occlusion(network, np.asarray(portrait.view))
    estimate = saliency.under_squares(one.of_expectation()[0], 32)
    agreement = np.corrcoef(estimate.ravel(), occluded.ravel())[0, 1]
    lines = capsys.readouterr().out.splitlines()
    assert lines.pop(0) == "face      the whole photo"
    assert lines[0].startswith(f"estimate  {one.y_hat[0]:.1f} years, of this view")
    assert f"(predict: {portrait.y_hat:.1f}," in lines[0]
    low, high = estimate.min(), estimate.max()
    assert lines[2] == f"map       from {low:+.2f} to {high:+.2f} years under a square"
    low, high = occluded.min(), occluded.max()
    assert lines[3].startswith(f"occlusion from {low:+.2f} to {high:+.2f} years; map and ")
    assert lines[3].endswith(f"(correlation {agreement:.2f})")
    assert [line.split()[0] for line in lines[4:-1]] == ["age"] * 3
    assert lines[-1].split() == ["picture", str(Path("runs/explanations/photo-maps.png"))]
    with Image.open("runs/explanations/photo-maps.png") as picture:
        assert min(picture.size) > 800


def test_the_picture_shows_the_maps(drawn):
    assert run(*PHOTO) == 0
    network, portrait, one = view()
    ages = explain.ages_around(float(one.y_hat[0]), one.grid)
    (figure,) = drawn
    assert titles(figure)[:4] == [
        "what the network sees",
        "the map of its estimate",
        "what a gray square takes away",
        "what it says, p_hat",
    ]
    assert titles(figure)[4:] == [f"the map for age {age:g}" for age in ages]
    shown = {axes.get_title(): axes.images[0].get_array() for axes in figure.axes if axes.images}
    np.testing.assert_array_equal(shown["what the network sees"], np.asarray(portrait.view))
    of_ages = [saliency.under_squares(one.of_log_probability(age)[0], 32) for age in ages]
    largest = np.abs(of_ages).max()
    for age, one_map in zip(ages, of_ages, strict=True):
        tinted = pictures.tinted(portrait.view, one_map, largest)
        np.testing.assert_allclose(shown[f"the map for age {age:g}"], tinted)
    occluded = saliency.occlusion(network, np.asarray(portrait.view))
    tinted = pictures.tinted(portrait.view, occluded, np.abs(occluded).max())
    np.testing.assert_allclose(shown["what a gray square takes away"], tinted)
    figure.draw_without_rendering()
    bars = [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel().startswith(("y", "l"))]
    assert bars == [pictures.YEARS, pictures.YEARS, pictures.NATS]


def all_fits(figure):
    """Whether all that is drawn of a figure, texts too, is within it."""
    figure.draw_without_rendering()
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return drawn.x0 >= 0 and drawn.y0 >= 0 and drawn.x1 <= width and drawn.y1 <= height


@pytest.mark.parametrize("around", [(0,), (-20, 0, 20)])
def test_the_texts_of_the_picture_fit(around, no_occlusion, drawn, monkeypatch):
    monkeypatch.setattr(explain, "AROUND", around)
    assert run(*PHOTO) == 0
    assert all_fits(drawn[0])


def test_the_face_that_the_detector_is_surest_of(no_occlusion, drawn, capsys):
    assert run("photo.jpg") == 0
    (face,) = detect(open_photo("photo.jpg"))
    _, _, one = view(face)
    which, estimate, *_ = capsys.readouterr().out.splitlines()
    assert which == "face      1 of 1"
    assert estimate.startswith(f"estimate  {one.y_hat[0]:.1f} years")
    assert_sees(drawn[0], face)
    Image.linear_gradient("L").resize((300, 200)).save("sky.png")
    error = refused(capsys, explain.main, "--weights", "net", "sky.png")
    assert error.startswith("sky.png: no face found; say where it is with --box or --landmarks")


def test_one_face_of_several(no_occlusion, drawn, capsys):
    """It is said that there are others, and each may be chosen by its number."""
    places = (0, 600), (560, 260), (800, 420)
    group_of(open_photo("photo.jpg"), *places, size=(1100, 620)).save("photo.jpg")
    detected = detect(open_photo("photo.jpg"))
    left_to_right = sorted(detected, key=lambda face: face.box[0])
    assert run("photo.jpg") == 0
    surest = 1 + [face is detected[0] for face in left_to_right].index(True)
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith(f"face      {surest} of 3, from left to right; the detector is surest")
    assert run("photo.jpg", "--face", "2") == 0
    assert capsys.readouterr().out.splitlines()[0] == "face      2 of 3, from left to right"
    for figure, face in zip(drawn, (detected[0], left_to_right[1]), strict=True):
        assert_sees(figure, face)
    error = refused(capsys, explain.main, "--weights", "net", "photo.jpg", "--face", "4")
    assert "--face 4: expected 1 to 3" in error


def test_a_face_by_hand(no_occlusion, drawn):
    assert run("photo.jpg", "--box", "170,80,160,230") == 0
    assert_sees(drawn[0], face_in(open_photo("photo.jpg"), [170, 80, 330, 310]))


def test_nothing_is_overwritten(no_occlusion):
    Path("here").mkdir()
    Path("here/photo-maps.png").write_text("mine")
    assert run(*PHOTO, "--out", "here") == 0
    assert Path("here/photo-maps.png").read_text() == "mine"
    assert Path("here/photo-maps-2.png").exists()


def test_ages_to_ask_about():
    grid = np.arange(101.0)
    assert explain.ages_around(32.4, grid) == [12, 32, 52]
    assert explain.ages_around(8.0, grid) == [0, 8, 28]
    assert explain.ages_around(100.0, grid) == [80, 100]
    assert explain.ages_around(41, grid[::4]) == [20, 40, 60]


def test_agreement_in_words():
    words = {0.9: "agree ", 0.5: "agree in part ", 0.1: "do not agree ", -0.8: "do not agree "}
    for c, said in words.items():
        expected = f"map and occlusion {said}(correlation {c:.2f})"
        assert explain.agreement_text(c) == expected
    assert "cannot be compared" in explain.agreement_text(None)


def test_a_tint_is_white_at_0_and_has_the_sign_of_the_map():
    face = Image.new("RGB", (32, 32), (200, 200, 200))
    one_map = np.zeros((16, 16))
    one_map[4, 4], one_map[12, 12] = 2.0, -2.0
    red, green, blue = np.moveaxis(pictures.tinted(face, one_map, 2.0), 2, 0)
    assert red[24, 8] == green[24, 8] == blue[24, 8] > 0.5
    assert red[8, 8] > 1.5 * blue[8, 8]
    assert blue[24, 24] > 1.5 * red[24, 24]


# --------------------------------------------------------------------------------------- data sets


@pytest.fixture
def people(rng):
    """Photos and a table: of every three two are in their twenties and one is 75, a few are 90."""
    for i in range(60):
        random_photo(rng, 4).resize((37, 37)).save(f"{i}.png")
    ages = [90 if i > 53 else (75, 20 + i % 10, 29)[i % 3] for i in range(60)]
    put_table("table.csv", ages)
    return "--dataset", "csv", "--table", "table.csv", "--batch", "7"


def test_a_data_set_decade_by_decade(people, drawn, capsys):
    assert run(*people, "--part", "train") == 0
    network = trained.load("net")
    photos = load("csv", Options(Path("data"), table=Path("table.csv")))["train"]
    (figure,) = drawn
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "data      csv: 48 photos (train)"
    assert lines[1] == "left out  90-99: fewer than 10 photos"
    assert lines[-1].endswith("csv-train-maps.png")
    shown = {axes.get_title(): axes.images[0].get_array() for axes in figure.axes if axes.images}
    means, faces, names = [], [], []
    for line, decade in zip(lines[2:4], (20, 70), strict=True):
        chosen = [i for i, age in enumerate(photos.ages) if decade <= age < decade + 10]
        pixels = np.stack([np.asarray(Image.open(photos.paths[i]))[2:34, 2:34] for i in chosen])
        explained = saliency.Maps(network, pixels)
        mean = saliency.under_squares(explained.of_expectation().mean(axis=0), 32)
        means.append(mean)
        assert line.split()[:2] == [f"{decade}-{decade + 9}", f"{len(chosen)}"]
        assert f"estimate {explained.y_hat.mean():5.1f}, map" in line
        assert f"from {mean.min():+.2f} to {mean.max():+.2f} years" in line
        face = shown[f"{decade} to {decade + 9}\n{len(chosen)} photos"]
        np.testing.assert_allclose(face, pixels.mean(axis=0), atol=0.51)
        faces.append(Image.fromarray(face))
        names.append(f"estimate {explained.y_hat.mean():.0f}")
    for face, mean, name in zip(faces, means, names, strict=True):
        tinted = pictures.tinted(face, mean, np.abs(means).max())  # one scale for all
        np.testing.assert_allclose(shown[name], tinted, atol=1e-3)


def test_the_texts_fit_where_only_one_decade_has_enough_photos(people, drawn):
    assert run(*people, "--part", "train", "--limit", "30") == 0
    assert sum(len(axes.images) for axes in drawn[0].axes) == 2
    assert all_fits(drawn[0])


def test_of_a_data_set_the_part_that_no_network_has_seen(people, drawn, capsys):
    assert run(*people) == 2
    out, err = capsys.readouterr()
    assert "data      csv: 12 photos (valid)" in out
    assert "error: csv: expected 10 photos or more of a decade" in err
    assert err.endswith("try a larger --limit, or another --part\n")
    assert not drawn
