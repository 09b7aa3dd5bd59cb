"""What are the weights that ship worth as a start, on photos that they never saw?

    python tools/fine_tuning.py --data-dir data

Trains on the validation part of UTKFace, from these weights and from random ones, for three seeds,
and judges on the test part. Networks go to runs/, table, CSV files and picture to
lessons/results/fine-tuning. A training that is finished is not trained again, and an interrupted
one goes on.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

from tinydldl import datasets, plots, trained, weights
from tinydldl.files import read_table, replacing, write_table
from tinydldl.reproduce.render import Table
from tinydldl.train.runs import RUNS

OUT = Path(__file__).parents[1] / "lessons" / "results" / "fine-tuning"
EPOCHS, SEEDS = 12, range(3)
# The same for both starts.
SETTINGS = ["--dataset", "utkface", "--parts", "valid", "test", "--lam", "0.1", "--batch", "64"]
SETTINGS += ["--epochs", str(EPOCHS), "--schedule", "cosine:1", "--augment", "mirror", "crop"]
SETTINGS += ["--val-every", "2"]
STARTS = {"random weights": [], "weights that ship": ["--init", "pretrained"]}
COLUMNS = ("run", "start", "seed", "epoch", "train_mae", "valid_mae", "valid_epsilon_error")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=datasets.default_data_dir())
    data_dir = parser.parse_args().data_dir
    start = trained.load(weights.find("tiny"))
    settings = [*SETTINGS, "--size", str(start.side), "--data-dir", str(data_dir)]
    epochs = [
        row
        for name, words in STARTS.items()
        for seed in SEEDS
        for row in epochs_of(name, seed, [*settings, *words])
    ]
    last = [row for row in epochs if int(row["epoch"]) == EPOCHS]
    table = table_of(last, start.meta["test"])
    print("\n" + table.markdown())
    OUT.mkdir(exist_ok=True)
    write_table(OUT / "epochs.csv", COLUMNS, epochs)
    write_table(OUT / "runs.csv", COLUMNS, last)
    with replacing(OUT / "fine-tuning.md") as file:
        file.write(table.markdown().encode())
    plots.save(picture(epochs, start.meta["test"]["mae"]), OUT / "fine-tuning.png")


def epochs_of(start, seed, settings):
    """The figures of each epoch of one training, which is begun or goes on if need be."""
    name = f"fine-tuning_{start.replace(' ', '-')}_seed-{seed}"
    path = RUNS / name
    begun = path.exists()
    words = ["--resume", str(path)] if begun else [*settings, "--seed", str(seed), "--name", name]
    if not (begun and finished(path)):
        # a process of its own, in which nothing has imported NumPy before tinydldl
        done = subprocess.run([sys.executable, "-m", "tinydldl.train", *words])
        if done.returncode:
            raise SystemExit(done.returncode)
    rows = read_table(path / "metrics.csv")
    known = {"run": name, "start": start, "seed": seed}
    return [{key: row[key] for key in COLUMNS if key in row} | known for row in rows]


def finished(path):
    """Whether a run has come to its end."""
    metrics = path / "metrics.csv"
    return metrics.exists() and len(read_table(metrics)) == EPOCHS


def table_of(last, test):
    """Test MAE and epsilon-error of each start, mean and standard deviation over the seeds.

    `last`: the last epoch of each training; `test`: the figures of the weights as they ship.
    """
    rows = []
    for start in STARTS:
        cells = [start]
        for name in ("train_mae", "valid_mae", "valid_epsilon_error"):
            values = np.array([float(row[name]) for row in last if row["start"] == start])
            cells.append(f"{values.mean():.3f} ± {values.std(ddof=1):.3f}")
        rows.append(cells)
    as_they_are = [f"{test[name]:.3f}" for name in ("mae", "epsilon_error")]
    rows.append(["weights that ship, as they are", "-", *as_they_are])
    header = ["start", "training MAE", "test MAE", "test epsilon-error"]
    return Table("2,035 photos, from two starts", header, rows, [])


def picture(epochs, as_they_are):
    """Test MAE by epoch, a line for each training; `as_they_are`: that of the weights that ship."""
    figure, axes = plots.new_figure(
        "Trained on 2,035 photos of UTKFace", "Epoch", "MAE on the test part (years)"
    )
    for start, color in zip(STARTS, (plots.COLORS[1], plots.COLORS[0]), strict=True):
        for seed in SEEDS:
            own = [row for row in epochs if (row["start"], row["seed"]) == (start, seed)]
            judged = [row for row in own if "valid_mae" in row]
            points = [(int(row["epoch"]), float(row["valid_mae"])) for row in judged]
            label = f"from {start}, {len(SEEDS)} seeds" if seed == SEEDS[0] else None
            axes.plot(*zip(*points, strict=True), color=color, label=label)
    axes.axhline(as_they_are, color="#555555", linestyle=":", label="these weights as they are")
    axes.set_ylim(bottom=0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main()
