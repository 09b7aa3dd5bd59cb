"""The command, as a user runs it: after a training, on several networks, and got wrong."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import exit_code, raising, refused
from helpers.networks import save_network
from helpers.photos import put_photos, put_table
from helpers.trainings import rows
from PIL import Image

from tinydldl import report
from tinydldl.errors import UserError
from tinydldl.evaluate import __main__ as evaluate
from tinydldl.evaluate import ensemble
from tinydldl.train import __main__ as train

pytestmark = pytest.mark.usefixtures("elsewhere")

TRAINED = ["--limit", 40, "--size", 32, "--batch", 8, "--epochs", 1, "--workers", 1, "--seed", 3]
TABLE_DATA = ["--dataset", "csv", "--table", "table.csv"]


@pytest.fixture
def photos(rng):
    """Thirty photos and a table; some validation photos have an age outside the grid."""
    put_photos("", 30, rng)
    put_table("table.csv", [150 if i % 3 == 0 else 3 * i for i in range(30)], [0, 1] * 15)


@pytest.fixture
def undrawn(monkeypatch):
    """The command draws no pictures, which take most of its time."""
    monkeypatch.setattr(report, "pictures", lambda *arguments: {})


def write_config(folder, **settings):
    """What a training leaves that is told of in `config.json`."""
    common = {"data_dir": "data", "table": None, "split": "random", "sigma": 2.0}
    Path(folder, "config.json").write_text(json.dumps({"arguments": common | settings}))


def save_run(**settings):
    """A network in this folder, and the settings that it was trained with."""
    save_network("checkpoint")
    write_config(".", **settings)


def run(*arguments):
    """The exit code of the command, on one process."""
    return exit_code(evaluate.main, "--workers", 1, *arguments)


def figures(folder):
    return json.loads(Path(folder, "figures.json").read_text())


def test_after_a_training_it_finds_the_same_photos_and_the_same_error(capsys, said):
    assert exit_code(train.main, *TRAINED, "--name", "mine") == 0
    capsys.readouterr()
    lines = said(run("--weights", "runs/mine")).splitlines()
    folder = Path("runs/mine/evaluation/synthetic-valid")
    assert lines[0].startswith("tinydldl.evaluate on cpu (NumPy")
    assert lines[1].startswith("network   runs/mine: dldl-v2, tiny, 32 px, hp: 934,869 parameters")
    assert lines[2] == "engine    fast, 1 process"
    assert lines[3] == "data      synthetic: 8 photos (valid) to evaluate on"
    assert lines[4].startswith("          as in training: dataset synthetic, data-dir ")
    assert lines[4].endswith("seed 3, sigma 2.0, limit 40")
    assert lines[5] == f"results   {folder}"
    (metrics,) = rows("runs/mine/metrics.csv")
    found = figures(folder)
    assert found["mae"] == pytest.approx(float(metrics["valid_mae"]), rel=1e-5)
    assert found["epsilon_error"] == pytest.approx(float(metrics["valid_epsilon_error"]), rel=1e-5)
    assert found["checkpoints"] == [str(Path("runs/mine").resolve())]
    assert found["settings"]["seed"] == 3
    assert {"versions", "commit", "device", "engine"} <= found.keys()
    for line in report.lines(found):
        assert line in lines
    trained, evaluated = rows("runs/mine/predictions.csv"), rows(folder / "predictions.csv")
    assert [row["photo"] for row in evaluated] == [row["photo"] for row in trained]
    for name in (*report.PICTURES, "figures.json", "predictions.csv"):
        assert any(line.split() == [name, str(folder / name)] for line in lines)
    for name in report.PICTURES:
        with Image.open(folder / name) as picture:
            assert min(picture.size) > 500


def test_the_arguments_win_over_those_of_the_run(undrawn, said):
    save_run(dataset="synthetic", seed=3, limit=40)
    out = said(run("--weights", ".", "--seed", 4, "--limit", 30, "--part", "train"))
    assert "synthetic: 24 photos (train) to evaluate on" in out
    assert "as in training: dataset synthetic, data-dir data, split random, sigma 2.0\n" in out
    assert "warning: a network was trained on these" in out
    assert figures("evaluation/synthetic-train")["settings"]["seed"] == 4


def test_a_network_trained_on_another_part_is_evaluated_on_what_is_new(undrawn, capsys, said):
    save_run(dataset="synthetic", seed=3, limit=40, parts=["valid", "train"])
    out = said(run("--weights", ".", "--limit", 30))
    assert "synthetic: 24 photos (train) to evaluate on" in out
    assert "warning" not in out
    assert run("--weights", ".", "--limit", 30, "--part", "valid") == 0
    assert "warning: a network was trained on these" in capsys.readouterr().out


def test_pictures_of_photos_are_not_put_beside_weights_that_belong_to_no_run(
    photos, undrawn, capsys
):
    Path("weights").mkdir()
    save_network("weights/tiny")
    assert run("--weights", "weights/tiny.npz", *TABLE_DATA) == 0
    folder = Path("runs/evaluations/tiny-table-valid")
    assert f"results   {folder}\n" in capsys.readouterr().out
    assert figures(folder)["part"] == "valid"
    assert sorted(path.name for path in Path("weights").iterdir()) == ["tiny.json", "tiny.npz"]


def test_the_evaluation_of_another_network_is_not_replaced(photos, undrawn, capsys):
    for name in ("a", "b"):
        Path(name).mkdir()
        save_network(f"{name}/tiny", seed=ord(name))
    folder = Path("runs/evaluations/tiny-table-valid")
    assert run("--weights", "a/tiny.npz", *TABLE_DATA) == 0
    before = figures(folder)
    for out in ([], ["--out", folder]):
        error = refused(capsys, evaluate.main, "--weights", "b/tiny.npz", *TABLE_DATA, *out)
        assert error.startswith(f"{folder}: holds the evaluation of {Path('a/tiny.npz').resolve()}")
    assert figures(folder) == before
    assert run("--weights", "a/tiny.npz", *TABLE_DATA) == 0  # its own may be


def test_all_parts_of_a_table_are_evaluated_by_the_weights_that_ship(photos, undrawn, said):
    """Without the ages that the grid does not hold, every row is evaluated, once."""
    out = said(run("--weights", "tiny", *TABLE_DATA, "--part", "all"))
    assert "data      csv: 20 photos (all) to evaluate on\n" in out
    assert "trained on" not in out
    evaluated = rows("runs/evaluations/tiny-table-all/predictions.csv")
    expected = {Path(f"{i}.png").name for i in range(30) if i % 3}
    assert sorted(Path(row["photo"]).name for row in evaluated) == sorted(expected)
    assert figures("runs/evaluations/tiny-table-all")["part"] == "all"


def test_the_configuration_of_another_program_says_nothing(photos, undrawn, said):
    """Such as one beside weights from a registry."""
    save_network("checkpoint")
    Path("config.json").write_text('{"architectures": ["ViTForImageClassification"]}')
    options = ("--weights", "checkpoint.npz", "--dataset", "csv", "--table", "table.csv")
    assert "20 photos" in said(run(*options, "--part", "all", "--out", "out"))


def test_all_is_the_parts_together_and_some_were_trained_on(undrawn, said):
    save_run(dataset="synthetic", seed=3, limit=40)
    out = said(run("--weights", ".", "--part", "all"))
    assert "synthetic: 40 photos (all) to evaluate on" in out
    assert "warning: a network was trained on some of these" in out


def test_another_table_was_not_trained_on(photos, undrawn, capsys):
    save_run(dataset="csv", table="table.csv", seed=0, limit=None)
    Path("other.csv").write_text(Path("table.csv").read_text())
    for table, warned in (("./table.csv", True), ("other.csv", False)):
        for part in ("train", "all"):
            out = ["--out", f"{part}-{warned}"]
            assert run("--weights", ".", "--table", table, "--part", part, *out) == 0
            assert ("a network was trained on" in capsys.readouterr().out) is warned


def test_aligned_crops_of_the_run_are_found_again(photos, undrawn, capsys):
    save_network("checkpoint")
    shutil.copytree(".", "crops/aligned", ignore=shutil.ignore_patterns("crops", "check*"))
    for i in range(30):
        Path(f"{i}.png").write_text(f"{i}: no photo, only its crop can be read")
    write_config(".", dataset="csv", table="table.csv", seed=0, limit=None, aligned="crops")
    assert run("--weights", ".", "--part", "valid") == 0
    assert "table table.csv, aligned crops, split random" in capsys.readouterr().out


def test_another_data_set_does_not_take_the_settings_of_the_run(photos, undrawn, said):
    save_run(dataset="synthetic", seed=3, limit=40, sigma=5.0)
    out = said(run("--weights", ".", *TABLE_DATA, "--part", "train", "--out", "out"))
    assert "as in training" not in out
    assert "trained on these" not in out
    settings = figures("out")["settings"]
    assert (settings["seed"], settings["sigma"], settings["limit"]) == (0, 2.0, None)


def test_two_networks_are_averaged(photos, undrawn):
    """The expectation of the mean of two distributions is the mean of their expectations."""
    for name, seed, side in (("a", 1, 32), ("b", 2, 40)):
        save_network(name, seed=seed, side=side)
        assert run("--weights", name, *TABLE_DATA, "--out", f"out-{name}") == 0
    assert run("--weights", "a", "b.npz", *TABLE_DATA, "--out", "both") == 0
    a, b, both = (
        np.array([float(row["estimate"]) for row in rows(f"{folder}/predictions.csv")])
        for folder in ("out-a", "out-b", "both")
    )
    assert np.abs(a - b).max() > 1
    np.testing.assert_allclose(both, (a + b) / 2, rtol=1e-5)
    assert figures("both")["methods"] == ["dldl-v2", "dldl-v2"]


def test_photos_are_opened_once_for_each_size_of_network(photos, monkeypatch):
    for name, side in (("a", 40), ("b", 32), ("c", 40)):
        save_network(name, side=side)
    seen = {}

    def average(networks, stores, *arguments):
        seen.update({side: store.side for side, store in stores.items()})
        raise UserError("enough")

    monkeypatch.setattr("tinydldl.evaluate.ensemble.average", average)
    assert run("--weights", "a", "b", "c", *TABLE_DATA) == 2
    assert seen == {32: 32, 40: 40}


def test_photos_of_two_sizes_share_the_memory(photos):
    """Twenty of 37 x 37 x 3 bytes, and what is left for those of 46 x 46 x 3."""
    for name, side in (("a", 40), ("b", 32)):
        save_network(name, side=side)
    request = evaluate.parse(["--weights", "a", *TABLE_DATA, "--part", "all"]).request
    networks = ensemble.load([Path("a"), Path("b")]).values()
    part, stores = evaluate.open_stores(request, networks, 100_000)
    assert (part, len(stores[40])) == ("all", 20)
    assert [len(stores[side].cache) for side in (32, 40)] == [20, 2]


def test_results_lie_beside_the_first_network(photos, undrawn):
    for folder, count in (("one", 1), ("ensemble", 2)):
        for member in range(1, count + 1):
            name = "checkpoint" if count == 1 else f"member-{member}/checkpoint"
            Path(folder, name).parent.mkdir(parents=True)
            save_network(Path(folder, name), seed=member)
    write_config("one", dataset="synthetic", seed=0, limit=None)
    assert run("--weights", "one/checkpoint.npz", *TABLE_DATA) == 0
    assert Path("one/evaluation/table-valid/figures.json").exists()
    save_network("one/best", seed=5)
    assert run("--weights", "one/best", *TABLE_DATA) == 0
    assert Path("one/evaluation/best-table-valid/figures.json").exists()
    assert run("--weights", "ensemble", *TABLE_DATA) == 0
    assert len(figures("ensemble/evaluation/table-valid-of-2")["checkpoints"]) == 2
    for _ in "twice":
        assert run("--weights", "ensemble", *TABLE_DATA, "--out", "mine") == 0
    assert run("--weights", "ensemble/member-2", "one", *TABLE_DATA) == 0
    assert Path("ensemble/member-2/evaluation/table-valid-of-2/figures.json").exists()


def test_a_network_of_an_ensemble_knows_the_run(photos, undrawn, capsys, said):
    Path("runs/x/member-1").mkdir(parents=True)
    save_network("runs/x/member-1/checkpoint")
    write_config("runs/x", dataset="csv", table="table.csv", seed=1, limit=20)
    for path in ("runs/x", "runs/x/member-1", "runs/x/member-1/checkpoint.npz"):
        out = said(run("--weights", path))
        assert "table table.csv, split random, seed 1, sigma 2.0\n" in out  # no limit
        assert "warning: split" not in out
    assert run("--weights", "runs/x", "--seed", 2) == 0
    assert "warning: split in another way than in training" in capsys.readouterr().out


def test_photos_outside_the_grid_are_left_out_with_a_warning(photos, undrawn, said):
    save_network("a")
    out = said(run("--weights", "a", *TABLE_DATA, "--part", "train"))
    assert "photos left out, ages not in 0..100" in out
    assert "trained on" not in out  # nobody knows on what
    evaluated = rows("runs/evaluations/a-table-train/predictions.csv")
    assert max(float(row["age"]) for row in evaluated) <= 100


def test_a_limit_is_of_the_photos_evaluated(photos, undrawn, capsys):
    save_network("a")
    assert run("--weights", "a", *TABLE_DATA, "--part", "train", "--limit", 5) == 0
    assert "csv: 5 photos (train) to evaluate on" in capsys.readouterr().out


def test_each_method_leaves_what_it_can(photos, said):
    save_network("net", "ranking")
    assert "KL divergence" in said(run("--weights", "net", *TABLE_DATA, "--out", "out"))
    assert {"kl", "crps", "coverage"} <= figures("out").keys()
    assert Path("out/reliability.png").exists()
    save_network("net", "mr-l2")  # what it is now takes the place of what it was
    assert "KL divergence" not in said(run("--weights", "net", *TABLE_DATA, "--out", "out"))
    assert "kl" not in figures("out")
    assert not Path("out/reliability.png").exists()
    assert {row["mode"] for row in rows("out/predictions.csv")} == {""}


NO_FIGURES = ["5", "true", "[5]", "[null]", "[[1]]", "[{}]", "{}"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("predictions.csv", "of a run")]
    + [("figures.json", f'{{"checkpoints": {checkpoints}}}') for checkpoints in NO_FIGURES],
)
def test_files_of_others_are_not_replaced(name, text, photos, undrawn, capsys):
    save_network("a")
    Path("out").mkdir()
    Path("out", name).write_text(text)
    error = refused(capsys, evaluate.main, "--weights", "a", *TABLE_DATA, "--out", "out")
    assert error.startswith("out: holds files that are not of an evaluation")
    assert [path.read_text() for path in Path("out").iterdir()] == [text]


def test_numbers_are_written_before_pictures(monkeypatch):
    """What was computed for minutes is not lost with a figure that cannot be drawn."""
    monkeypatch.setattr(report, "pictures", raising(RuntimeError))
    save_network("checkpoint")
    with pytest.raises(RuntimeError):
        run("--weights", "checkpoint.npz", "--dataset", "synthetic", "--limit", 30, "--out", "o")
    assert figures("o")["mae"] > 0
    assert len(rows("o/predictions.csv")) == 6
