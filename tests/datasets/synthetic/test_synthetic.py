"""The synthetic faces: the same everywhere, drawn once, with labels that follow from the votes."""

import csv
import signal
import subprocess
import sys

import numpy as np
import pytest
from helpers.commands import wait_until
from helpers.running import running

from tinydldl.datasets import DataError, Options, synthetic
from tinydldl.datasets.synthetic import annotate, load, sample_age

SIDE = 32


def folder_of(data_dir, seed=0):
    return data_dir / "synthetic" / f"v{synthetic.VERSION}-seed{seed}-side{SIDE}"


def load_faces(data_dir, count, seed=0):
    return load(Options(data_dir, seed=seed, count=count, side=SIDE))


def png_bytes(data_dir, seed=0):
    """The content of every PNG of a set, by file name."""
    return {path.name: path.read_bytes() for path in folder_of(data_dir, seed).glob("*.png")}


def read_table(data_dir):
    with open(folder_of(data_dir) / "labels.csv", newline="") as file:
        return list(csv.DictReader(file))


# --- The set on disk ------------------------------------------------------------------------------


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for data_dir, seed in ((tmp_path / "a", 0), (tmp_path / "b", 0), (tmp_path / "b", 1)):
        load_faces(data_dir, 6, seed)
    sets = (("a", 0), ("b", 0), ("b", 1))
    first, again, other = (png_bytes(tmp_path / name, seed) for name, seed in sets)
    assert first == again
    assert first.keys() == other.keys()
    assert not set(first.values()) & set(other.values())
    assert len(set(first.values())) == 6


def test_a_small_set_is_the_beginning_of_a_large_one(tmp_path):
    small = load_faces(tmp_path / "small", 8)
    large = load_faces(tmp_path / "large", 16)
    few, many = png_bytes(tmp_path / "small"), png_bytes(tmp_path / "large")
    assert len(few) == 8
    assert len(many) == 16
    assert few.items() <= many.items()
    assert small["train"].ages.tolist() == large["train"].ages[: len(small["train"])].tolist()


def test_a_rerun_draws_nothing(tmp_path, monkeypatch):
    load_faces(tmp_path, 6)
    before = {path: path.stat().st_mtime_ns for path in folder_of(tmp_path).iterdir()}
    monkeypatch.setattr(synthetic, "draw_face", None)
    load_faces(tmp_path, 6)
    assert {path: path.stat().st_mtime_ns for path in folder_of(tmp_path).iterdir()} == before


def test_another_version_of_the_drawing_has_another_folder(tmp_path, monkeypatch):
    for version in (1, 2):
        monkeypatch.setattr(synthetic, "VERSION", version)
        load_faces(tmp_path, 5)
    folders = sorted(path.name for path in (tmp_path / "synthetic").iterdir())
    assert folders == ["v1-seed0-side32", "v2-seed0-side32"]
    assert len(png_bytes(tmp_path)) == 5


def test_a_deleted_face_is_drawn_again_and_the_others_are_left_alone(tmp_path):
    load_faces(tmp_path, 6)
    before = png_bytes(tmp_path)
    lost, kept = folder_of(tmp_path) / "00003.png", folder_of(tmp_path) / "00004.png"
    lost.unlink()
    kept.write_bytes(b"touched")
    load_faces(tmp_path, 6)
    assert lost.read_bytes() == before["00003.png"]
    assert kept.read_bytes() == b"touched"


def test_processes_draw_the_same_bytes(tmp_path, monkeypatch):
    load_faces(tmp_path / "here", 5)
    monkeypatch.setattr(synthetic, "FEW", 0)
    # In this process there is nothing to draw with; the new processes import their own copy.
    monkeypatch.setattr(synthetic, "draw_face", None)
    load_faces(tmp_path / "processes", 5)
    assert png_bytes(tmp_path / "processes") == png_bytes(tmp_path / "here")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which only Linux has")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_no_process_is_left_of_a_drawing_that_is_killed(name, tmp_path):
    command = [sys.executable, "-m", "tinydldl.datasets", "synthetic", "--count", "2000"]
    with subprocess.Popen(
        [*command, "--data-dir", str(tmp_path)], stderr=subprocess.DEVNULL, start_new_session=True
    ) as drawing:
        try:
            wait_until(lambda: list(tmp_path.rglob("00064.png")))
            group = running(group=drawing.pid)
            drawing.send_signal(getattr(signal, name))
            drawing.wait()
        finally:
            drawing.kill()
    assert drawing.returncode == -getattr(signal, name)
    assert len(group) >= 3  # itself, one that draws, and what multiprocessing has for itself
    wait_until(lambda: not running(group=drawing.pid))


def test_an_interrupted_write_leaves_no_half_face(tmp_path, monkeypatch):
    class Broken:
        def save(self, file, format):
            file.write(b"half a face")
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "draw_face", lambda age, rng, side: Broken())
        with pytest.raises(KeyboardInterrupt):
            load_faces(tmp_path, 5)
    assert not png_bytes(tmp_path)
    load_faces(tmp_path, 5)
    load_faces(tmp_path / "undisturbed", 5)
    assert png_bytes(tmp_path) == png_bytes(tmp_path / "undisturbed")


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    load_faces(tmp_path, 5)
    (folder_of(tmp_path) / ".0123.partial").write_bytes(b"half a face")
    load_faces(tmp_path, 6)
    assert {path.name for path in folder_of(tmp_path).iterdir()} == {
        *(f"{i:05d}.png" for i in range(6)),
        *("labels.csv", ".lock"),
    }


def test_the_table_holds_the_labels_in_full_and_never_shrinks(tmp_path):
    photos = load_faces(tmp_path, 10)["valid"]
    table = read_table(tmp_path)
    assert [row["path"] for row in table] == [f"{i:05d}.png" for i in range(10)]
    assert [float(table[i]["age"]) for i in (4, 9)] == photos.ages.tolist()
    assert [float(table[i]["sigma"]) for i in (4, 9)] == photos.sigmas.tolist()
    few = load_faces(tmp_path, 5)
    assert len(few["train"]) + len(few["valid"]) == 5
    assert read_table(tmp_path) == table
    load_faces(tmp_path, 11)
    assert read_table(tmp_path)[:10] == table
    assert len(read_table(tmp_path)) == 11


def test_a_damaged_table_is_written_again(tmp_path):
    load_faces(tmp_path, 5)
    path = folder_of(tmp_path) / "labels.csv"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    load_faces(tmp_path, 5)
    assert path.read_bytes() == whole


def test_the_split_is_complete_and_four_to_one(tmp_path):
    parts = load_faces(tmp_path, 12)
    train, valid = ([path.name for path in parts[name].paths] for name in ("train", "valid"))
    assert list(parts) == ["train", "valid"]
    assert valid == ["00004.png", "00009.png"]
    assert sorted(train + valid) == [f"{i:05d}.png" for i in range(12)]
    assert all(path.is_file() for photos in parts.values() for path in photos.paths)


# --- Labels ---------------------------------------------------------------------------------------


def test_label_is_mean_and_deviation_of_the_votes(tmp_path):
    photos = load_faces(tmp_path, 5)["train"]
    true_ages = [float(row["true_age"]) for row in read_table(tmp_path)]
    for i in range(4):
        rng = np.random.default_rng(np.random.SeedSequence([0, i]))
        age = sample_age(rng)
        votes = [float(vote) for vote in annotate(age, rng)]
        mean = sum(votes) / 10
        assert true_ages[i] == age
        assert photos.ages[i] == pytest.approx(mean, abs=1e-12)
        variance = sum((vote - mean) ** 2 for vote in votes) / 10
        assert photos.sigmas[i] == pytest.approx(variance**0.5, abs=1e-12)
        assert photos.sigmas[i] > 0


def test_votes_scatter_around_the_age_and_more_for_the_old():
    rng = np.random.default_rng(0)
    for age, spread in ((20, 2.28), (45, 3.25), (90, 5.0)):
        votes = np.concatenate([annotate(age, rng) for _ in range(400)])
        assert votes.mean() == pytest.approx(age, abs=0.4)
        assert votes.std() == pytest.approx(spread, rel=0.08)
    infants = np.concatenate([annotate(1, rng) for _ in range(100)])
    assert infants.min() == 0
    assert np.array_equal(infants, np.rint(infants))


def test_ages_are_unbalanced_like_those_of_photo_collections():
    rng = np.random.default_rng(0)
    ages = np.array([sample_age(rng) for _ in range(5000)])
    counts, edges = np.histogram(ages, np.arange(0, 101, 5))
    assert 18 <= edges[counts.argmax()] + 2.5 <= 35
    assert ages.min() >= 1
    assert ages.max() <= 95
    assert 0.005 < (ages > 80).mean() < 0.04
    assert 0.1 < (ages < 18).mean() < 0.2


# --- What cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"count": 4}, "at least 5 faces"),
        ({"side": 31}, "32 to 256 pixels"),
        ({"side": 257}, "32 to 256 pixels"),
    ],
)
def test_impossible_requests_are_one_clear_line(tmp_path, choice, message):
    with pytest.raises(DataError, match=message) as caught:
        load(Options(tmp_path, **{"count": 5} | choice))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "synthetic").write_text("a file where a folder should be")
    with pytest.raises(DataError, match="cannot write faces into") as caught:
        load_faces(tmp_path, 5)
    assert "\n" not in str(caught.value)
