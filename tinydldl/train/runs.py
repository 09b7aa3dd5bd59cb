"""The folder of a training run, `runs/<name>/`: what is written there, and what resumes from it."""

import os
import platform
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, Self

import numpy as np
import PIL
import scipy

import tinydldl
from tinydldl import checkpoint, progress
from tinydldl.arrays import Arrays
from tinydldl.errors import UserError
from tinydldl.files import check_folder, clear, held, read_json, read_table, write_json, write_table
from tinydldl.train.loop import Figures

RUNS = Path("runs")
BLAS_THREADS = "OPENBLAS_NUM_THREADS"  # the last digits of a run depend on it
TRAINED = ("train_loss", "train_kl", "train_mae", "grad_norm", "grad_norm_std")
VALIDATED = ("valid_mae", "valid_epsilon_error")
METRICS = ("epoch", "lr", *TRAINED, *VALIDATED)
SOMETIMES = {"train_kl", *VALIDATED}  # not in each row
FACTS = ("photos", "engine", "processes", "blas_threads")  # what resuming compares
MISSING = -1.0  # where a checkpoint has no figure; none is negative
TIMING = ("epoch", "seconds", "images_per_second", "waiting")


class RunFolder:
    """One run's files. `metrics` and `timing`: a dict for each epoch, as in the CSV files.

    `metrics.csv` holds no times: a run that was killed and resumed gives the same, digit for digit.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.metrics: list[dict[str, Any]] = []
        self.timing: list[dict[str, Any]] = []
        self._said: set[str] = set()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @staticmethod
    def check(name: str | None) -> None:
        """Raise UserError if there can be no new folder `runs/name`: no run is overwritten."""
        check_folder(RUNS, instead="start from another folder")
        if name and os.path.lexists(path := RUNS / name):
            raise UserError(f"{path} exists; give another --name, or continue it with --resume")

    @classmethod
    def create(cls, name: str | None, default_name: str, config: dict[str, Any]) -> Self:
        """A new folder `runs/name` with `config` in it; by default `runs/default_name-1`, `-2`, ...

        It gets its name when `config.json` is written, so a kill leaves nothing that cannot be
        resumed. Raises UserError if `name` exists: a run is never overwritten.
        """
        with held(RUNS, wait=True):
            clear(RUNS)
            if name is None:
                names = (path.name.partition(f"{default_name}-") for path in RUNS.iterdir())
                taken = [int(rest) for front, _, rest in names if not front and rest.isdecimal()]
                name = f"{default_name}-{max(taken, default=0) + 1}"
            path, unnamed = RUNS / name, RUNS / f".{name}.partial"
            cls.check(name)
            try:
                unnamed.mkdir()
                write_json(unnamed / "config.json", config)
                unnamed.rename(path)
            except OSError as error:
                raise UserError(f"{path}: cannot make this folder ({error.strerror})") from None
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> tuple[Self, dict[str, Any]]:
        """An existing folder and its configuration. Raises UserError if there is none."""
        folder = cls(path)
        try:
            config = read_json(folder / "config.json")
            config["arguments"].items(), [config[name] for name in FACTS]
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            message = f"{path}: no run to resume, its config.json cannot be read"
            raise UserError(f"{message} ({type(error).__name__}: {error})") from None
        return folder, config

    def inner(self, name: str) -> "RunFolder":
        """A folder within this one, for one network of several."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        return RunFolder(path)

    def save(self, epoch: int, row: Figures, speed: Figures, arrays: Arrays, meta: dict) -> None:
        """Add a finished epoch: replace the checkpoint, with its metrics, then the tables.

        The network with the smallest validation MAE stays beside it, as `best`.
        """
        self.metrics.append({"epoch": epoch} | row)
        self.timing.append({"epoch": epoch} | {n: round(v, 3) for n, v in speed.items()})
        table = [[row.get(name, MISSING) for name in METRICS[1:]] for row in self.metrics]
        arrays = arrays | {"epoch": np.array(epoch), "metrics": np.array(table, np.float64)}
        if self.best_epoch == epoch:  # first: what is lost with a kill after it comes again
            network = {name: a for name, a in arrays.items() if name.startswith("model.")}
            checkpoint.save(self / "best", network, meta)
        checkpoint.save(self / "checkpoint", arrays, meta)
        self._write_tables()

    @property
    def best_epoch(self) -> int:
        """The first epoch with the smallest validation MAE; 0 before there is one."""
        errors = [row.get("valid_mae", np.inf) for row in self.metrics]
        return int(np.argmin(errors)) + 1 if min(errors, default=np.inf) < np.inf else 0

    def restore(self, state: Arrays, epochs: int) -> int:
        """Put the arrays of `state`, by name, where the last checkpoint had them.

        The tables become those of that moment, too. Returns its epoch, 0 if none was finished.
        Raises CheckpointError for arrays that do not fit, and UserError for an epoch after `epochs`
        and for a `timing.csv` of something else.
        """
        clear(self.path)
        if not (self / "checkpoint.npz").exists():
            return 0
        count = np.zeros((), dtype=np.int64)
        checkpoint.load(self / "checkpoint", {"epoch": count})
        if not 1 <= (epoch := int(count)) <= epochs:
            raise UserError(f"{self.path}: its checkpoint is of epoch {epoch} of {epochs}")
        table = np.zeros((epoch, len(METRICS) - 1))
        checkpoint.load(self / "checkpoint", state | {"metrics": table})
        rows = (dict(zip(METRICS[1:], row, strict=True)) for row in table.tolist())
        self.metrics = [
            {"epoch": number} | {name: value for name, value in row.items() if value != MISSING}
            for number, row in enumerate(rows, start=1)
        ]
        if not all(row.keys() >= set(METRICS) - SOMETIMES for row in self.metrics):
            raise UserError(f"{self.path}: its checkpoint lacks metrics of an epoch")
        self.timing = self._timing_until(epoch)
        self._write_tables()
        return epoch

    def _timing_until(self, epoch: int) -> list[dict[str, Any]]:
        """The rows of `timing.csv`, which may lack some, up to `epoch`. Raises UserError."""
        path = self / "timing.csv"
        rows = read_table(path) if path.exists() else []
        with suppress(ValueError):
            fit = all(row.keys() == set(TIMING) for row in rows)
            if fit and all(isfinite(float(text)) for row in rows for text in row.values()):
                return [row for row in rows if float(row["epoch"]) <= epoch]
        raise UserError(f"{path}: expected numbers in the columns {', '.join(TIMING)}")

    def _write_tables(self) -> None:
        self.put("metrics.csv", partial(write_table, columns=METRICS, rows=self.metrics))
        self.put("timing.csv", partial(write_table, columns=TIMING, rows=self.timing))

    def put(self, name: str, write: Callable[[Path], None]) -> None:
        """`write(path)` a file that is there to be looked at. If it cannot be written, such as a
        table that a spreadsheet has open, that is said once, and the training goes on."""
        try:
            write(self / name)
        except UserError as error:
            if name not in self._said:
                progress.Progress.write(f"warning: {error}; the training goes on without it")
            self._said.add(name)


def provenance() -> dict[str, Any]:
    """What else the figures of a run depend on: versions, commit, machine, and the date."""
    packages = {p.__name__: p.__version__ for p in (tinydldl, np, scipy, PIL)}
    return {
        "versions": {"python": platform.python_version()} | packages,
        "commit": commit(),
        "platform": platform.platform(),
        "blas_threads": os.environ.get(BLAS_THREADS),
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def commit() -> str | None:
    """The commit of the checkout that this package is in, or None outside of one."""
    here = Path(__file__)
    git = partial(subprocess.check_output, cwd=here.parent, stderr=subprocess.DEVNULL, text=True)
    try:
        git(["git", "ls-files", "--error-unmatch", here.name])  # is it in another one?
        return git(["git", "rev-parse", "HEAD"]).strip()
    except (OSError, subprocess.CalledProcessError):
        return None
