"""Which photos a command uses, on twenty photos of its own and on drawn faces."""

from pathlib import Path

import numpy as np
import pytest
from helpers.photos import put_photos, put_table
from helpers.trainings import settings
from PIL import Image

from tinydldl.datasets import DataError, Options, Photos, selection
from tinydldl.datasets.packed import Packed
from tinydldl.labels import label_grid
from tinydldl.metrics import mae
from tinydldl.train import photos

GRID = label_grid()
UNPACKED = Packed(Path("nowhere"), "csv", 32)


def photos_of(ages):
    return Photos([Path(f"{i}.png") for i in range(len(ages))], np.array(ages), np.ones(len(ages)))


def csv(table=None, **others):
    """The settings of a training on the photos of a table, all of them."""
    about = {"dataset": "csv", "table": table, "limit": None, "cache_mb": 10, "size": 32}
    return settings(**(about | others))


@pytest.fixture
def table(tmp_path, rng):
    """Twenty photos, i years old, and their table."""
    put_photos(tmp_path, 20, rng)
    return put_table(tmp_path / "table.csv", range(20))


@pytest.fixture
def parts(monkeypatch):
    """Stands for a data set with 80 photos to train on, 20 for validation and 10 to test on."""
    sizes = {"train": 80, "valid": 20, "test": 10}
    everything = {part: photos_of(np.linspace(1, 99, count)) for part, count in sizes.items()}
    monkeypatch.setattr("tinydldl.datasets.load", lambda name, options: everything)
    return everything


def counts(**others):
    return {part: len(p) for part, p in photos.load_parts(csv(**others)).items()}


def test_evaluated_on_valid_and_where_there_is_none_on_test(parts):
    assert counts() == {"train": 80, "valid": 20}
    del parts["valid"]
    assert counts() == {"train": 80, "test": 10}


def test_other_parts_by_name(parts):
    def sizes(*names, **others):
        chosen = photos.load_parts(csv(parts=list(names), **others))
        return {part: len(p) for part, p in chosen.items()}

    assert list(sizes("valid", "test").items()) == [("valid", 20), ("test", 10)]
    assert list(sizes("test", "train", train_limit=5).items()) == [("test", 5), ("train", 80)]
    del parts["test"]
    with pytest.raises(DataError, match=r": no part test, only train, valid$"):
        sizes("valid", "test")


def test_a_limit_takes_its_share_of_each_part(parts):
    assert counts(limit=50) == {"train": 40, "valid": 10}
    assert counts(limit=1000) == {"train": 80, "valid": 20}
    assert counts(limit=5) == {"train": 4, "valid": selection.FEWEST}


def test_a_limit_of_training_photos_leaves_the_others_alone(parts):
    assert counts(train_limit=15) == {"train": 15, "valid": 20}
    assert counts(train_limit=15, limit=50) == {"train": 15, "valid": 10}


@pytest.mark.parametrize("limit", [{"limit": 50}, {"train_limit": 15}])
def test_the_seed_decides_which_photos_a_limit_takes(limit, parts):
    first, other = (photos.load_parts(csv(seed=seed, **limit))["train"] for seed in (1, 2))
    assert paths(first) != paths(other)


def paths(photos):
    return {str(path) for path in photos.paths}


def test_a_smaller_sample_is_part_of_a_larger_one():
    photos = photos_of(np.arange(50.0))
    small, large = (selection.sample(photos, count, seed=3) for count in (10, 30))
    assert (len(small), len(large)) == (10, 30)
    assert paths(small) < paths(large)
    assert large.ages.tolist() == sorted(large.ages)  # in their order
    assert paths(selection.sample(photos, 10, seed=4)) != paths(small)
    assert len(selection.sample(photos, 0.2, seed=3)) == selection.FEWEST
    assert selection.sample(photos, 99, seed=3).paths == photos.paths


def test_ages_that_the_grid_does_not_hold_are_left_out_and_counted(capsys):
    photos = photos_of([-0.5, 0.0, 50.0, 100.0, 100.5, 2018.0])
    inside = selection.within({"valid": photos}, GRID, "csv")["valid"]
    assert inside.ages.tolist() == [0, 50, 100]
    assert capsys.readouterr().out == ("warning: 3 photos left out, ages not in 0..100\n")
    selection.within({"valid": inside}, GRID, "csv")
    assert capsys.readouterr().out == ""


def test_too_few_photos_are_an_error():
    with pytest.raises(DataError, match=r"csv: 1 photos in train with an age in 10\.\.20, expect"):
        selection.within({"train": photos_of([9.0, 15.0, 21.0])}, label_grid(10, 20), "csv")


def test_faces_are_drawn_for_the_network_and_as_many_as_the_limit(tmp_path):
    few = selection.load("synthetic", Options(tmp_path), side=32, limit=10)
    assert sum(map(len, few.values())) == 10
    with Image.open(few["train"].paths[0]) as face:
        assert face.size == (37, 37)  # 32 * 8 / 7


def test_a_photo_that_cannot_be_read_is_named(table, capsys):
    (table.parent / "3.png").write_text("no photo")
    five = Photos([table.parent / f"{i}.png" for i in range(5)], np.arange(5.0), np.ones(5))
    store = selection.open_store(five, "valid", UNPACKED, 10**6, 1)
    assert store.photos.ages.tolist() == [0, 1, 2, 4]
    out = capsys.readouterr().out
    assert out.startswith("warning: left out, 1 of 5 photos of valid cannot be read; python -m ")
    assert f"tinydldl.datasets csv lists them, the first is {table.parent / '3.png'}: " in out


@pytest.mark.parametrize(
    ("bad", "count", "refused"),
    [(3, 20, False), (4, 20, True), (4, 400, False), (5, 400, True), (2, 4, False), (3, 4, True)],
)
def test_a_few_photos_may_be_unreadable_or_one_in_a_hundred(bad, count, refused, table):
    """But two are left in any case."""
    paths = [table.parent / f"gone-{i}.png" for i in range(bad)]
    paths += [table.parent / f"{i % 20}.png" for i in range(count - bad)]
    about = Photos(paths, np.zeros(count), np.ones(count)), "train", UNPACKED, 0, 1
    if not refused:
        assert len(selection.open_store(*about)) == count - bad
        return
    with pytest.raises(DataError, match=f"^{bad} of {count} photos of train .*gone-0.png: No such"):
        selection.open_store(*about)


def test_open_selection_says_what_there_is(table, capsys):
    chosen = photos.open_selection(csv(table))
    assert (len(chosen.train), len(chosen.valid), chosen.part) == (16, 4, "valid")
    ages = np.concatenate([chosen.train.photos.ages, chosen.valid.photos.ages])
    assert sorted(ages) == list(range(20))
    takes, data = capsys.readouterr().out.splitlines()
    assert takes.startswith("memory    about ")
    assert data.startswith("data      csv: 16 photos (train) to train on, 4 (valid) to evaluate on")
    assert data.endswith("; 0 of at most 10 MB in memory")


def test_the_baselines_are_those_of_the_photos(table):
    chosen = photos.open_selection(csv(table))
    errors = chosen.baselines
    assert list(errors) == ["mean age", "ridge regression on pixels"]
    y_train, y = chosen.train.photos.ages, chosen.valid.photos.ages
    assert errors["mean age"] == mae(y_train.mean(), y)
    assert chosen.baselines is errors  # computed once
