"""Run the trainings of a table: those that are finished are skipped, an interrupted one goes on."""

import json
from argparse import Namespace
from functools import partial
from pathlib import Path

import numpy as np

from tinydldl import checkpoint, report
from tinydldl.errors import UserError
from tinydldl.fast.choice import engine_of
from tinydldl.files import held, read_table, replacing, write_table
from tinydldl.finite import NonFiniteError
from tinydldl.labels import label_grid
from tinydldl.progress import Progress
from tinydldl.reproduce.plan import Result, name_of
from tinydldl.train import experiment
from tinydldl.train.loop import judge, train
from tinydldl.train.photos import open_selection
from tinydldl.train.runs import RUNS, RunFolder

# What may change from one call to the next: the last digits at most depend on it.
SPARED = ("data_dir", "device", "engine", "workers", "loaders", "cache_mb")
LAST = 1 / 3  # of the epochs: where the spread is measured
SETTINGS = ("method", "pool", "augment", "lam", "label_step", "kl_reduction", "epochs", "seed")
FIGURES = ("mae", "epsilon_error", "mode_mae", "cs5", "kl", "crps", "nll")
SPREAD = ("train_mae", "mae_spread", "grad_norm", "grad_spread")
COLUMNS = ("run", *SETTINGS, "train_photos", *FIGURES, *SPREAD, "minutes", "processes", "note")
EPOCHS = ("run", "epoch", "train_mae", "grad_norm", "grad_norm_std", "valid_mae")
MEMBERS = 3  # networks of an ensemble


class Grid:
    """The trainings of a folder: `runs.csv` has a line for each that is finished.

    `base`: the arguments that all have in common, as of `train`. `epochs.csv` has a line for each
    of their epochs. Networks and curves go to `runs/NAME of the folder/`. Raises UserError for a
    folder that was begun with another base.
    """

    def __init__(self, folder, base, xp):
        self.folder, self.base, self.xp = Path(folder), base, xp
        self._opened = (None, None)
        self._claim()
        self.rows = {row["run"]: row for row in self._read("runs.csv")}
        self.epochs = self._read("epochs.csv")

    def _claim(self):
        """Take the folder, or find the settings that were used in it before."""
        path = self.folder
        self._made = [place for place in (path, *path.parents) if not place.exists()]
        try:
            path.mkdir(parents=True, exist_ok=True)
            foreign = any(path.iterdir()) and not (path / "settings.json").exists()
        except OSError as error:
            why = f"cannot be used ({error.strerror})"
            raise UserError(f"{path}: {why}; give another --out") from None
        if foreign:
            raise UserError(f"{path}: holds files that are not of tables; give another --out")
        claim(path / "settings.json", self.base, but=("seed",))

    def give_back(self):
        """Leave a folder in which nothing was written as it was: other settings may be tried."""
        if [path.name for path in self.folder.iterdir()] == ["settings.json"]:
            (self.folder / "settings.json").unlink()
            for place in self._made:
                place.rmdir()

    def _read(self, name):
        path = self.folder / name
        rows = read_table(path) if path.exists() else []
        if not all("run" in row for row in rows):
            raise UserError(f"{path}: not a table of trainings; give another --out")
        return rows

    def photos(self, seed, train_limit=None):
        """The `Selection` of a seed; it is held until another is asked for."""
        key, selection = self._opened
        if key != (seed, train_limit):
            arguments = self._arguments({"train_limit": train_limit or self.base.train_limit}, seed)
            selection = open_selection(arguments, label_grid(), xp=self.xp)
            self._opened = (seed, train_limit), selection
        return selection

    def photos_to_train_on(self, seed):
        """How many photos the base trains on; known without them once it has been trained."""
        row = self.rows.get(name_of({}, seed))
        return int(row["train_photos"]) if row else len(self.photos(seed).train)

    def run(self, rows, seeds):
        """Train what `rows` need for each seed, and is not finished: a list of `Result`."""
        wanted = {name_of(row.changes, seed): (row.changes, seed) for seed in seeds for row in rows}
        missing = [(name, *run) for name, run in wanted.items() if name not in self.rows]
        # those on the same photos one after the other
        missing.sort(key=lambda run: (run[2], run[1].get("train_limit", 0)))
        if missing:
            total = sum(self._images(changes, seed) for _, changes, seed in missing)
            lock = held(RUNS / self.folder.name)
            with lock, Progress(total=total, unit="images") as progress:
                for number, (name, changes, seed) in enumerate(missing, start=1):
                    place = f"run {number} of {len(missing)}, {name}, "
                    self._train(name, changes, seed, place, progress)
        return [Result(row, [self.rows[name_of(row.changes, s)] for s in seeds]) for row in rows]

    def _images(self, changes, seed):
        """How many images a training looks at, all epochs together."""
        arguments = self._arguments(changes, seed)
        count = changes.get("train_limit") or self.photos_to_train_on(seed)
        return count * arguments.epochs * (arguments.members or 1)

    def _arguments(self, changes, seed):
        """The base with the changes."""
        arguments = Namespace(**(vars(self.base) | changes | {"seed": seed}))
        arguments.members = MEMBERS if arguments.method == "ldae" else None
        return arguments

    def _train(self, name, changes, seed, place, progress):
        """One training from wherever it is to its end, and its line in `runs.csv`."""
        arguments = self._arguments(changes, seed)
        selection = self.photos(seed, changes.get("train_limit"))
        folder = self._folder(name, arguments)
        predictions, folders, note = [], [], ""
        try:
            for member in range(arguments.members or 1):
                about = arguments, selection, self.xp, member
                run = experiment.prepare(*about, say=lambda line: None)
                run.title = place
                one = folder.inner(f"member-{member + 1}") if arguments.members else folder
                folders.append(one)
                done = experiment.restore(run, one)
                progress.update(done * len(selection.train))
                save = partial(experiment.save, run, one, arguments, selection.baselines)
                train(run, save, progress, done)
                predictions.append(judge(run)[0])
                if hasattr(run.model, "close"):
                    run.model.close()  # ends the processes of the fast engine
        except NonFiniteError as error:
            note = f"diverged: {error}"
        row = {name: getattr(arguments, name) for name in SETTINGS}
        row |= {
            "run": name,
            "augment": "yes" if arguments.augment else "no",
            "train_photos": len(selection.train),
            "processes": engine_of(run.model)["processes"],
            "minutes": round(sum(float(r["seconds"]) for f in folders for r in f.timing) / 60, 2),
            "note": note,
        }
        if not note:
            estimates = experiment.estimates_of(run, np.mean(predictions, axis=0))
            row |= figures_of(estimates) | spread_of(folders[0].metrics)
        self._finish(row, folders[0])
        result = note or f"MAE {row['mae']:.3f}, epsilon-error {row['epsilon_error']:.3f}"
        Progress.write(f"{name}: {result}, {row['minutes']:.1f} minutes")

    def _folder(self, name, arguments):
        """The folder of a training. Raises UserError if it is of one with other settings."""
        path = RUNS / self.folder.name / name
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{path}: cannot make this folder ({error.strerror})") from None
        claim(path / "arguments.json", arguments)
        return RunFolder(path)

    def _finish(self, row, folder):
        """Add a training to the tables on disk. They are read anew: another process may add too."""
        self.rows = {row["run"]: row for row in self._read("runs.csv")} | {row["run"]: row}
        kept = ({k: m[k] for k in EPOCHS[1:] if k in m} for m in folder.metrics)
        epochs = [{"run": row["run"]} | epoch for epoch in kept]
        self.epochs = [e for e in self._read("epochs.csv") if e["run"] != row["run"]] + epochs
        write_table(self.folder / "epochs.csv", EPOCHS, self.epochs)
        write_table(self.folder / "runs.csv", COLUMNS, self.rows.values())


def claim(path, arguments, but=()):
    """Write the arguments that decide on the figures to `path`, or compare them with those there.

    Those of SPARED and of `but` may differ. Raises UserError for others.
    """
    ours = {n: value for n, value in vars(arguments).items() if n not in (*SPARED, *but)}
    ours = json.loads(json.dumps(ours, default=str))
    if not path.exists():
        with replacing(path) as file:
            file.write(json.dumps(ours, indent=2).encode() + b"\n")
        return
    try:
        theirs = dict(checkpoint.read_json(path))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); give another --out") from None
    for name, value in ours.items():
        if theirs.get(name) != value:
            raise UserError(
                f"{path.parent}: begun with {name} {theirs.get(name)}, now it is {value}; "
                "give another --out, of another last name"
            )


def figures_of(estimates):
    """The figures of FIGURES; those of a distribution are missing without one."""
    figures = report.figures(estimates)
    figures |= {"cs5": figures["cumulative_score"]["5"]}
    figures |= {"nll": figures.get("negative_log_likelihood")}
    return {name: round(figures[name], 5) for name in FIGURES if figures.get(name) is not None}


def spread_of(epochs):
    """How steady the last epochs were.

    `mae_spread`: standard deviation of the validation MAE (years); `grad_spread`: of the norm of
    the gradient from step to step, over its mean.
    """
    last = epochs[-max(2, round(LAST * len(epochs))) :]
    errors = [float(row["valid_mae"]) for row in last if "valid_mae" in row]
    norms, stds = ([float(row[name]) for row in last] for name in ("grad_norm", "grad_norm_std"))
    return {
        "train_mae": round(float(last[-1]["train_mae"]), 5),
        "mae_spread": round(float(np.std(errors)), 5),
        "grad_norm": round(float(np.mean(norms)), 5),
        "grad_spread": round(float(np.mean(stds) / np.mean(norms)), 5),
    }
