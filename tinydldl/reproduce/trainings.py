"""Run the trainings of a table: those that are finished are skipped, an interrupted one goes on."""

from contextlib import nullcontext
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tinydldl import finite, report
from tinydldl.arrays import Module
from tinydldl.errors import UserError
from tinydldl.fast.choice import engine_of
from tinydldl.files import check_folder, held, read_json, read_table, write_json, write_table
from tinydldl.progress import Progress
from tinydldl.ranks import world
from tinydldl.reproduce.table import Result, Row
from tinydldl.train.experiment import Experiment
from tinydldl.train.loop import evaluate, train
from tinydldl.train.photos import TrainingPhotos, open_selection
from tinydldl.train.runs import RUNS, RunFolder
from tinydldl.train.settings import TrainSettings

# May differ when a training goes on: what its name says, and what changes rounding at most.
SPARED = ("seed", "init", "data_dir", "device", "engine", "workers", "loaders", "cache_mb")
STRETCHED = ("epochs", "schedule", "val_every")  # with fewer photos; they follow from `train_limit`
# Random weights; or those of a network that has learned with the KL divergence alone, for as long
# and by the same schedule: the two stages of the paper's published code.
STARTS = ("random", "trained")
START = "start_seed-{}"  # the name of the training whose network those with this seed start from
FIRST_STAGE = {"method": "dldl", "init": None}
LAST = 1 / 3  # of the epochs: how steady these are
SETTINGS = ("method", "pool", "augment", "lam", "label_step", "kl_reduction", "epochs", "seed")
FIGURES = ("mae", "balanced_mae", "epsilon_error", "mode_mae", "cs5", "kl", "crps", "nll")
STEADINESS = ("train_mae", "mae_spread", "grad_norm", "grad_spread")
COLUMNS = ("run", *SETTINGS, "train_photos", *FIGURES, *STEADINESS, "minutes", "processes", "note")
EPOCHS = ("run", "epoch", "train_mae", "grad_norm", "grad_norm_std", "valid_mae")


class Trainings:
    """The trainings of a folder: `runs.csv` has a line for each that is finished.

    `base`: the settings that all have in common, as of `train`; `start`, one of STARTS: what all
    with one seed begin from. `epochs.csv` has a line for each of their epochs. Networks and curves
    go to `runs/NAME/`. Raises UserError for a folder that was begun with another base or start.
    """

    def __init__(self, folder: Path, base: TrainSettings, xp: Module, start: str = STARTS[0]):
        self.folder, self.base, self.xp, self.start, self.ranks = folder, base, xp, start, world()
        self._opened: dict[tuple[int, int | None], TrainingPhotos] = {}  # the last photos
        if self.ranks.rank == 0:
            check_folder(folder)
        if (folder / "settings.json").exists():
            self.path("settings.json")
        elif self.ranks.rank == 0 and folder.exists() and any(folder.iterdir()):
            raise UserError(f"{folder}: holds files that are not of tables; give another --out")
        self.ranks.barrier()
        self._load()

    def path(self, name: str) -> Path:
        """Where a file of the tables goes: into the folder, which is then of this base alone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        claim(self.folder / "settings.json", self.base, self.start)
        return self.folder / name

    def _load(self) -> None:
        """Read the tables: the lines of the trainings by name, and those of all epochs."""
        tables = []
        for path in (self.folder / "runs.csv", self.folder / "epochs.csv"):
            tables.append(read_table(path) if path.exists() else [])
            if not all("run" in line for line in tables[-1]):
                raise UserError(f"{path}: not a table of trainings; give another --out")
        runs, self.epochs = tables
        self.lines = {line["run"]: line for line in runs}

    def settings(self, changes: dict[str, Any], seed: int) -> TrainSettings:
        """The settings of one training: the base with the changes, from where it starts."""
        start = {"init": self.place(START.format(seed))} if self.start == "trained" else {}
        return replace(self.base, **(start | changes), seed=seed)

    def photos(self, settings: TrainSettings) -> TrainingPhotos:
        """The photos of a training; they are held until others are asked for."""
        key = settings.seed, settings.train_limit
        if key not in self._opened:
            self._opened = {key: open_selection(settings, self.xp)}
        return self._opened[key]

    def photos_to_train_on(self, seed: int) -> int:
        """How many photos the base trains on; known without them once it has been trained."""
        if line := self.lines.get(name_of({}, seed)):
            return int(line["train_photos"])
        return len(self.photos(self.settings({}, seed)).train)

    def place(self, name: str) -> Path:
        """Where the network and the curves of a training go."""
        return RUNS / self.folder.name / name

    def run(self, rows: list[Row], seeds: range) -> list[Result]:
        """Train what `rows` need for each seed, and is not finished."""
        base = vars(self.base)  # is trained once for all rows
        changes = [{n: v for n, v in row.changes.items() if v != base[n]} for row in rows]
        wanted = {name_of(own, seed): (own, seed) for seed in seeds for own in changes}
        missing = [(name, *run) for name, run in wanted.items() if name not in self.lines]
        if self.start == "trained":
            for seed in {seed for *_, seed in missing}:
                network = self.place(name := START.format(seed)) / "checkpoint.npz"
                if name not in self.lines or not network.exists():
                    missing.append((name, FIRST_STAGE, seed))
        # first what others start from, then those on the same photos, one after the other
        missing.sort(key=lambda run: (run[2], run[1].get("train_limit", 0)))
        for first in (True, False):
            self._train_some([run for run in missing if (run[1] == FIRST_STAGE) == first])
        results = []
        for row, own in zip(rows, changes, strict=True):
            names = [name_of(own, seed) for seed in seeds]
            results.append(Result(row, [self.lines[name] for name in names]))
        return results

    def _train_some(self, missing: list[tuple[str, dict[str, Any], int]]) -> None:
        """Run trainings, `(name, changes, seed)`, each on one of the ranks."""
        if not (missing := self.ranks.broadcast(missing)):
            return
        own = missing[self.ranks.rank :: self.ranks.size]
        lock = nullcontext() if self.ranks.rank else held(RUNS / self.folder.name)
        total = sum(self._images(changes, seed) for _, changes, seed in own)
        with lock, Progress(total=total, unit="images") as progress:
            for number, (name, changes, seed) in enumerate(own, start=1):
                self.path("settings.json")  # no other base may go on from here, whatever happens
                title = f"run {number} of {len(own)}, {name}, "
                self._train(name, self.settings(changes, seed), title, progress)
            self.ranks.barrier()
        if self.ranks.size > 1:
            self._load()

    def _images(self, changes: dict[str, Any], seed: int) -> int:
        """How many images a training looks at, all epochs together."""
        settings = self.settings(changes, seed)
        count = changes.get("train_limit") or self.photos_to_train_on(seed)
        return count * settings.epochs * settings.networks

    def _train(self, name: str, settings: TrainSettings, title: str, progress: Progress) -> None:
        """One training from wherever it is to its end, and its line in `runs.csv`."""
        selection, folder = self.photos(settings), RunFolder(self.place(name))
        folder.path.mkdir(parents=True, exist_ok=True)
        claim(folder / "arguments.json", settings)
        predictions, folders, note = [], [], ""
        try:
            for member in range(settings.networks):
                run = Experiment(settings, selection, self.xp, member)
                one = folder.inner(f"member-{member + 1}") if settings.networks > 1 else folder
                folders.append(one)
                done = run.restore(one)
                progress.update(done * len(selection.train))
                train(run.training, partial(run.save, one), progress, done, title)
                predictions.append(evaluate(run.training)[0])
                if hasattr(run.training.model, "close"):
                    run.training.model.close()  # ends the processes of the fast engine
        except finite.NonFiniteError as error:
            note = f"diverged: {error}"
        line = {name: getattr(settings, name) for name in SETTINGS}
        line |= {
            "run": name,
            "augment": "yes" if settings.augment else "no",
            "train_photos": len(selection.train),
            "processes": engine_of(run.training.model)["processes"],
            "minutes": round(sum(float(r["seconds"]) for f in folders for r in f.timing) / 60, 2),
            "note": note,
        }
        if not note:
            estimates = run.estimates(np.mean(predictions, axis=0))
            line |= figures_of(estimates) | steadiness(folders[0].metrics)
        self._finish(line, folders[0])
        result = note or f"MAE {line['mae']:.3f}, epsilon-error {line['epsilon_error']:.3f}"
        Progress.write(f"{name}: {result}, {line['minutes']:.1f} minutes")

    def _finish(self, line: dict[str, Any], folder: RunFolder) -> None:
        """Add a training to the tables on disk. They are read anew: another process may add too."""
        with held(RUNS, wait=True):
            self._load()
            own = ({name: e[name] for name in EPOCHS[1:] if name in e} for e in folder.metrics)
            others = [e for e in self.epochs if e["run"] != line["run"]]
            epochs = [*others, *({"run": line["run"]} | epoch for epoch in own)]
            write_table(self.path("epochs.csv"), EPOCHS, epochs)
            write_table(self.path("runs.csv"), COLUMNS, (self.lines | {line["run"]: line}).values())
            self._load()


def name_of(changes: dict[str, Any], seed: int) -> str:
    """The name of a training, for its folder and its lines in the CSV files.

    >>> name_of({"lam": 0.1}, seed=2)
    'dldl-v2_lam-0.1_seed-2'
    >>> name_of({"method": "dex", "augment": []}, seed=0)
    'dex_augment-none_seed-0'
    """
    words = [changes.get("method", "dldl-v2")]
    for name, value in (changes | {"seed": seed}).items():
        if name not in ("method", *STRETCHED):
            words.append(f"{name.replace('_', '-')}-{value if value != [] else 'none'}")
    return "_".join(words)


def claim(path: Path, settings: TrainSettings, start: str = STARTS[0]) -> None:
    """Write to `path` the settings that decide on figures, or compare them. Raises UserError."""
    ours = {name: value for name, value in settings.plain().items() if name not in SPARED}
    ours |= {"start": start}
    if not path.exists():
        return write_json(path, ours)
    try:
        usual = {field.name: field.default for field in fields(TrainSettings)}
        usual["start"] = STARTS[0]
        theirs = usual | dict(read_json(path))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); give another --out") from None
    for name, value in ours.items():
        if theirs[name] != value:
            begun = f"begun with {name} {theirs[name]}, now it is {value}"
            raise UserError(f"{path.parent}: {begun}; give another --out, of another last name")


def figures_of(estimates: report.Estimates) -> dict[str, float]:
    """The figures of FIGURES; those of a distribution are missing without one."""
    figures = report.figures(estimates)
    figures["cs5"] = figures["cumulative_score"]["5"]
    figures["nll"] = figures.get("negative_log_likelihood")
    return {name: round(figures[name], 5) for name in FIGURES if figures.get(name) is not None}


def steadiness(epochs: list[dict]) -> dict[str, float]:
    """How steady the last epochs were; `epochs`: the lines of metrics.csv.

    `mae_spread`: standard deviation of the validation MAE (years); `grad_spread`: of the norm of
    the gradient from step to step, over its mean.
    """
    last = epochs[-max(2, round(LAST * len(epochs))) :]
    errors = [float(line["valid_mae"]) for line in last if "valid_mae" in line]
    norms, stds = ([float(line[name]) for line in last] for name in ("grad_norm", "grad_norm_std"))
    return {
        "train_mae": round(float(last[-1]["train_mae"]), 5),
        "mae_spread": round(float(np.std(errors)), 5),
        "grad_norm": round(float(np.mean(norms)), 5),
        "grad_spread": round(float(np.mean(stds) / np.mean(norms)), 5),
    }
