"""The trainings of a table: run once, continued after an interruption, never mixed up."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.trainings import rows, settings

from tinydldl import trained
from tinydldl.datasets import Photos
from tinydldl.errors import UserError
from tinydldl.finite import NonFiniteError
from tinydldl.labels import label_grid
from tinydldl.report import Estimates
from tinydldl.reproduce import insufficient_data, table1, table3, table4
from tinydldl.reproduce import trainings as module
from tinydldl.reproduce.table import Row
from tinydldl.reproduce.trainings import FIGURES, Trainings, figures_of, steadiness
from tinydldl.train import loop
from tinydldl.train.experiment import Experiment

pytestmark = pytest.mark.usefixtures("elsewhere", "undrawn")

BASE = {"limit": 30, "augment": ["mirror"], "device": "cpu", "engine": "layers"}
BASE |= {"epochs": 3, "lr": 1e-3, "schedule": "step:2", "kl_epochs": 0}
ROWS = [Row((name,), name, {"method": name}) for name in ("dldl-v2", "mr-l1")]


def make_trainings(start="random", **changes):
    return Trainings(Path("out"), settings(**(BASE | changes)), np, start)


def read(name):
    return rows(Path("out", name))


def test_each_training_gives_a_line_and_its_epochs():
    make_trainings().run(ROWS, range(1))
    first, second = read("runs.csv")
    assert [first["run"], second["run"]] == ["dldl-v2_seed-0", "mr-l1_seed-0"]
    assert first["train_photos"] == "24"
    assert float(first["crps"]) < float(first["mae"])
    assert second["crps"] == second["mode_mae"] == ""  # one number holds no distribution
    epochs = read("epochs.csv")
    assert [row["epoch"] for row in epochs] == ["1", "2", "3"] * 2
    assert float(epochs[2]["valid_mae"]) == pytest.approx(float(first["mae"]), rel=1e-4)
    assert Path("runs/out/mr-l1_seed-0/curves.png").exists()


def test_what_is_finished_is_not_trained_again(monkeypatch):
    make_trainings().run(ROWS[:1], range(1))
    before = Path("out/runs.csv").read_bytes()
    monkeypatch.setattr(module, "open_selection", None)  # not even the photos are read
    make_trainings().run(ROWS[:1], range(1))
    assert Path("out/runs.csv").read_bytes() == before


def test_an_interruption_gives_the_same_figures(monkeypatch):
    make_trainings().run(ROWS, range(1))
    whole = read("runs.csv"), read("epochs.csv")
    Path("out").rename("whole")
    Path("runs").rename("whole-runs")

    def stop_in_the_second(run, folder, epoch, *rest):
        save(run, folder, epoch, *rest)
        if run.settings.method == "mr-l1" and epoch == 2:
            raise KeyboardInterrupt

    save = Experiment.save
    monkeypatch.setattr(Experiment, "save", stop_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        make_trainings().run(ROWS, range(1))
    assert [row["run"] for row in read("runs.csv")] == ["dldl-v2_seed-0"]
    monkeypatch.setattr(Experiment, "save", save)
    make_trainings().run(ROWS, range(1))
    assert without_times(read("runs.csv")) == without_times(whole[0])
    assert read("epochs.csv") == whole[1]


def without_times(rows):
    return [{name: value for name, value in row.items() if name != "minutes"} for row in rows]


def test_an_ensemble_is_the_mean_of_its_members(monkeypatch):
    predictions = []
    evaluate = module.evaluate

    def watched(run):
        predictions.append(evaluate(run))
        return predictions[-1]

    monkeypatch.setattr(module, "evaluate", watched)
    a_minute = {"seconds": 60.0, "images_per_second": 1.0, "waiting": 0.0}
    train_epoch = loop.train_epoch
    monkeypatch.setattr(loop, "train_epoch", lambda *about: (train_epoch(*about)[0], a_minute))
    make_trainings(limit=20).run([Row(("ldae",), "ldae", {"method": "ldae"})], range(1))
    members = predictions[-3:]
    again = make_trainings(limit=20)
    selection = again.photos(again.settings({}, 0))
    y_hat = np.mean([p for p, _ in members], axis=0) @ np.arange(101.0)
    (row,) = read("runs.csv")
    error = np.abs(y_hat - selection.valid.photos.ages).mean()
    assert float(row["mae"]) == pytest.approx(error, abs=1e-3)
    assert not np.allclose(members[0][0], members[1][0])  # of different seeds
    assert float(row["minutes"]) == 9  # three networks, three epochs each


def test_another_base_is_refused():
    make_trainings()
    assert not Path("out").exists()  # nothing is written, so another base may be tried
    path = make_trainings().path("table.md")
    assert path == Path("out/table.md")
    assert json.loads(Path("out/settings.json").read_text())["epochs"] == 3
    make_trainings(workers=2, loaders=3)  # these do not change what is computed
    with pytest.raises(UserError, match="out: begun with epochs 3, now it is 4; give another"):
        make_trainings(epochs=4)
    for name, value in {"lr": 5e-4, "batch": 4, "optimizer": "sgd", "augment": []}.items():
        with pytest.raises(UserError, match=f"out: begun with {name} "):
            make_trainings(**{name: value})


def test_leftovers_of_another_base_are_not_continued():
    make_trainings().run(ROWS[:1], range(1))
    for path in Path("out").iterdir():
        path.unlink()
    begun = r"runs.out.dldl-v2_seed-0: begun with epochs 3, now it is 4; give another --out"
    with pytest.raises(UserError, match=begun):
        make_trainings(epochs=4).run(ROWS[:1], range(1))


def test_an_interrupted_training_goes_on_with_other_workers(monkeypatch):
    """How it is computed may change from one call to the next, what is computed may not."""

    def train(run, on_epoch, *rest):
        def stop(epoch, *others):
            on_epoch(epoch, *others)
            raise KeyboardInterrupt

        original(run, stop, *rest)

    original = module.train
    with monkeypatch.context() as patch:
        patch.setattr(module, "train", train)
        with pytest.raises(KeyboardInterrupt):
            make_trainings().run(ROWS[:1], range(1))
    with pytest.raises(UserError, match=r"^out: begun with epochs 3, now it is 4"):
        make_trainings(epochs=4)
    make_trainings(loaders=2, workers=2, data_dir=Path("data").resolve()).run(ROWS[:1], range(1))
    assert [row["epoch"] for row in read("epochs.csv")] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("table3.md", "my thesis", "out: holds files that are not of tables"),
        ("settings.json", "{", "settings.json: cannot be read"),
        ("settings.json", "[1]", "settings.json: cannot be read"),
    ],
)
def test_a_folder_of_something_else_is_left_alone(name, text, words):
    Path("out").mkdir()
    Path("out", name).write_text(text)
    with pytest.raises(UserError, match=words):
        make_trainings()
    assert [path.read_text() for path in Path("out").iterdir()] == [text]


def test_a_table_of_something_else_is_refused():
    make_trainings().path("")
    Path("out/runs.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"runs\.csv: not a table of trainings"):
        make_trainings()


def test_a_file_in_the_way_is_one_line():
    Path("out").write_text("a file")
    with pytest.raises(UserError, match="out: is a file, expected a folder; give another --out"):
        make_trainings()
    Path("out").unlink()
    Path("runs").write_text("a file")
    with pytest.raises(UserError, match="out: nothing can be written there"):
        make_trainings().run(ROWS[:1], range(1))


def test_a_training_that_diverges_does_not_stop_the_others(monkeypatch):
    def train(run, *rest):
        if run.method.outputs == 1:
            raise NonFiniteError("loss nan in epoch 1, step 1")
        original(run, *rest)

    original = module.train
    monkeypatch.setattr(module, "train", train)
    make_trainings().run(ROWS[::-1], range(1))
    rows = {row["run"]: row for row in read("runs.csv")}
    assert rows["mr-l1_seed-0"]["note"] == "diverged: loss nan in epoch 1, step 1"
    assert rows["mr-l1_seed-0"]["mae"] == ""
    assert rows["dldl-v2_seed-0"]["mae"] != ""


def test_seeds_have_faces_and_weights_of_their_own():
    make_trainings().run(ROWS[:1], range(2))
    first, second = read("runs.csv")
    assert (first["seed"], second["seed"]) == ("0", "1")
    assert first["mae"] != second["mae"]


def test_fewer_photos_are_trained_on_more_often():
    changes = {"train_limit": 8, "epochs": 6, "schedule": "cosine:2", "val_every": 3}
    row = Row(("dldl-v2", 8), "dldl-v2", changes)
    make_trainings().run([row], range(1))
    (line,) = read("runs.csv")
    assert (line["train_photos"], line["epochs"]) == ("8", "6")


def test_other_photos_are_opened_for_another_limit():
    ours = make_trainings()
    stores = [ours.photos(ours.settings(own, 0)).train for own in ({}, {"train_limit": 8}, {})]
    assert [len(store) for store in stores] == [24, 8, 24]


def planned(rows, monkeypatch):
    """The names of the trainings that `rows` need, in a folder without any."""

    def train(self, name, *_):
        self.lines[name] = {}
        names.append(name)

    names = []
    monkeypatch.setattr(Trainings, "_train", train)
    monkeypatch.setattr(Trainings, "photos_to_train_on", lambda *_: 6000)
    make_trainings(epochs=15, schedule="step:10").run(rows, range(1))
    return names


PLANS = {
    "table1": table1.rows("tiny"),
    "table3": table3.rows(),
    "table4": table4.rows(15),
    "insufficient-data": insufficient_data.rows(6000, 15),
}


@pytest.mark.parametrize("table", PLANS)
def test_the_base_is_in_every_table_and_nothing_is_trained_twice(table, monkeypatch):
    names = planned(PLANS[table], monkeypatch)
    assert "dldl-v2_seed-0" in names
    assert len(names) == len(PLANS[table])
    assert not set('<>:"/\\|?* ') & set("".join(names))  # a folder on any system


def test_tables_share_what_is_equal(monkeypatch):
    rows = [row for table, plan in PLANS.items() if table != "table1" for row in plan]
    assert len(planned(rows, monkeypatch)) == 9 + 9 + 6


@pytest.fixture
def begun(monkeypatch):
    """What each training begins with, by its method, first to last: filters and channels."""

    def watched(run, *rest):
        filters = run.model.params["conv1_1.W"].copy()
        begun.append((type(run.method).__name__, filters, run.channels))
        original(run, *rest)

    begun, original = [], module.train
    monkeypatch.setattr(module, "train", watched)
    return begun


def test_all_methods_start_from_one_network_that_is_trained_with_kl_alone(begun):
    make_trainings("trained").run(ROWS, range(1))
    names = ["start_seed-0", "dldl-v2_seed-0", "mr-l1_seed-0"]
    assert [line["run"] for line in read("runs.csv")] == names
    assert [name for name, *_ in begun] == ["DLDL", "DLDLv2", "Regression"]
    start = trained.load("runs/out/start_seed-0")
    for _, filters, channels in begun[1:]:
        np.testing.assert_array_equal(filters, start.model.params["conv1_1.W"])
        assert channels == start.channels
    assert not np.array_equal(begun[0][1], begun[1][1])


def test_the_start_is_the_training_of_dldl_from_random_weights():
    make_trainings("trained").run(ROWS[:1], range(1))
    start = read("epochs.csv")[:3]
    Path("out").rename("trained")
    make_trainings().run([Row(("dldl",), "dldl", {"method": "dldl"})], range(1))
    assert [line | {"run": ""} for line in start] == [e | {"run": ""} for e in read("epochs.csv")]


def test_a_start_whose_network_is_gone_is_trained_again_to_the_same_digits(begun):
    make_trainings("trained").run(ROWS[:1], range(1))
    before = read("epochs.csv")
    Path("runs").rename("elsewhere")  # as in a clone, which has the tables alone
    make_trainings("trained").run(ROWS[:1], range(1))
    assert len(begun) == 2, "all that was wanted is there"
    make_trainings("trained").run(ROWS, range(1))
    assert [name for name, *_ in begun[2:]] == ["DLDL", "Regression"]
    after = read("epochs.csv")
    assert [e for e in after if e["run"] in ("start_seed-0", "dldl-v2_seed-0")] == sorted(
        before, key=lambda line: line["run"]
    )


def test_another_start_needs_another_folder():
    make_trainings("trained").path("")
    begun = "out: begun with start trained, now it is random; give another --out"
    with pytest.raises(UserError, match=begun):
        make_trainings().path("")


def test_the_figures_of_a_line_by_hand():
    """Errors of 0, 5 and 6 years, and a p_hat that is uniform."""
    ages, y_hat = np.array([10.0, 20.0, 30.0]), np.array([10.0, 25.0, 36.0])
    photos = Photos([Path(f"{age}.png") for age in ages], ages, np.ones(3))
    line = figures_of(Estimates(photos, label_grid(), y_hat, np.full((3, 101), 1 / 101)))
    assert list(line) == [name for name in FIGURES if name != "balanced_mae"]  # decades of one
    assert (line["mae"], line["cs5"], line["nll"]) == (3.66667, 0.66667, 4.61512)  # ln 101


def test_steadiness_is_that_of_the_last_third():
    names = ("train_mae", "valid_mae", "grad_norm", "grad_norm_std")
    each = [(9.0, "90", "90", "90")] * 4 + [(2.0, "5", "2", "1"), (1.0, "6", "4", "2")]
    expected = {"train_mae": 1.0, "mae_spread": 0.5, "grad_norm": 3.0, "grad_spread": 0.5}
    assert steadiness([dict(zip(names, row, strict=True)) for row in each]) == expected
