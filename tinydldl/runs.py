"""The folder of a training run, `runs/<name>/`: what is written there, and what resumes from it."""

import csv
import io
import json
import os
import platform
import secrets
import shutil
import subprocess
from datetime import datetime
from itertools import count
from pathlib import Path

import numpy as np
import PIL
import scipy

import tinydldl
from tinydldl import checkpoint
from tinydldl.backend import UserError
from tinydldl.files import new_path, replacing

RUNS = Path("runs")
METRICS = (
    "epoch",
    "lr",
    "train_loss",
    "train_kl",
    "train_mae",
    "grad_norm",
    "grad_norm_std",
    "valid_mae",
    "valid_epsilon_error",
)
SOMETIMES = {"train_kl", "valid_mae", "valid_epsilon_error"}  # not in each row
FACTS = ("photos", "engine", "processes", "blas_threads")  # what resuming compares
TIMING = ("epoch", "seconds", "images_per_second", "waiting")


class RunError(UserError):
    """A run folder cannot be made or resumed."""


class RunFolder:
    """One run's files. `metrics` and `timing`: a dict for each epoch, as in the CSV files.

    `metrics.csv` holds no times, so that a run which was killed and resumed gives the same file,
    digit for digit.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.metrics, self.timing = [], []

    def __truediv__(self, name):
        return self.path / name

    @classmethod
    def create(cls, name, default_name, config):
        """A new folder `runs/name` with `config` in it; by default `runs/default_name-1`, `-2`, ...

        It is made under another name and then renamed, so that of several at once each gets a
        folder, and a kill leaves nothing that cannot be resumed. Raises RunError if `name` exists:
        a run is never overwritten.
        """
        numbers = (path.name.removeprefix(f"{default_name}-") for path in RUNS.glob("*"))
        last = max((int(number) for number in numbers if number.isdecimal()), default=0)
        names = (f"{default_name}-{number}" for number in count(last + 1))
        partial = RUNS / f".{secrets.token_hex(8)}.partial"
        try:
            partial.mkdir(parents=True)
            with replacing(partial / "config.json") as file:
                file.write(json.dumps(config, indent=2).encode())
            for path in (RUNS / name for name in ([name] if name else names)):
                if taken(path, partial):
                    return cls(path)
        except OSError as error:
            raise RunError(f"{RUNS}: cannot make a folder there ({error.strerror})") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        raise RunError(f"{path} exists; give another --name, or continue it with --resume")

    @classmethod
    def open(cls, path):
        """An existing folder and its configuration. Raises RunError if there is none."""
        folder = cls(path)
        try:
            config = checkpoint.read_json(folder / "config.json")
            config["arguments"].items(), [config[name] for name in FACTS]
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            message = f"{path}: no run to resume, its config.json cannot be read"
            raise RunError(f"{message} ({type(error).__name__}: {error})") from None
        return folder, config

    def inner(self, name):
        """A folder within this one, for one network of several."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        return RunFolder(path)

    def save(self, epoch, record, speed, arrays, meta):
        """Add a finished epoch to the CSV files, then replace the checkpoint.

        In this order, a kill in between leaves a row too many, which `restore` drops.
        """
        self.metrics.append({"epoch": epoch} | record)
        self.timing.append(
            {"epoch": epoch} | {name: round(value, 3) for name, value in speed.items()}
        )
        write_table(self / "metrics.csv", METRICS, self.metrics)
        write_table(self / "timing.csv", TIMING, self.timing)
        checkpoint.save(self / "checkpoint", arrays | {"epoch": epoch}, meta)

    def restore(self, state, epochs):
        """Put the arrays of `state`, by name, where the last checkpoint had them.

        Returns its epoch, 0 if none was finished. Raises CheckpointError for arrays that do not
        fit, and RunError for an epoch after `epochs` and for tables of other epochs.
        """
        if not (self / "checkpoint.npz").exists():
            return 0
        count = np.zeros((), dtype=np.int64)
        checkpoint.load(self / "checkpoint", state | {"epoch": count})
        if not 1 <= (epoch := int(count)) <= epochs:
            raise RunError(f"{self.path}: its checkpoint is of epoch {epoch} of {epochs}")
        self.metrics = self._rows_until(epoch, "metrics.csv", METRICS)
        self.timing = self._rows_until(epoch, "timing.csv", TIMING)
        return epoch

    def _rows_until(self, epoch, name, columns):
        """The rows of epochs 1, 2, ..., `epoch`, of finite numbers."""
        rows = read_table(self / name)[:epoch]
        epochs = [row.get("epoch") for row in rows if is_record(row, columns)]
        if epochs != [str(i) for i in range(1, epoch + 1)]:
            about = f"with numbers in the columns {', '.join(columns)}"
            raise RunError(
                f"{self / name}: expected a row for each epoch from 1 to {epoch}, {about}"
            )
        return rows


def taken(path, folder):
    """Rename `folder` to `path`, in one moment; False if there is a run of that name already."""
    try:
        folder.rename(path)
    except OSError:
        if not os.path.lexists(path):
            raise
        return False
    return True


def is_record(row, columns):
    """Whether a row of texts holds a finite number in each column, but those of `SOMETIMES`."""
    try:
        known = set(columns) - SOMETIMES <= row.keys() <= set(columns)
        return known and np.isfinite([float(text) for text in row.values()]).all()
    except ValueError:
        return False


def write_table(path, columns, rows):
    """Write dicts as a CSV file; a missing value is an empty cell."""
    header = dict(zip(columns, columns, strict=True))
    text = "".join(csv_line(columns, row) for row in [header, *rows])
    with replacing(path) as file:
        file.write(text.encode(errors="surrogateescape"))


def csv_line(columns, row):
    """A dict as a line of a CSV file.

    Python before 3.13 puts a cell with a carriage return in quotes only if lines end with one.
    """
    text = io.StringIO()
    csv.DictWriter(text, columns, lineterminator="\r\n").writerow(row)
    return text.getvalue().removesuffix("\r\n") + "\n"


def write_reasons(folder, name, photos):
    """Write a new table of photos and why they are in it, `[(path, why)]`; returns its path."""
    with new_path(folder, name) as table:
        write_table(table, ("photo", "why"), [{"photo": p, "why": why} for p, why in photos])
    return table


def read_table(path):
    """The rows of a CSV file that `write_table` wrote, as dicts of texts, without empty cells."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [{k: v for k, v in row.items() if v} for row in csv.DictReader(file)]
    except (OSError, ValueError, csv.Error) as error:
        raise RunError(f"{path}: cannot be read ({error})") from None


def provenance():
    """What else the figures of a run depend on: versions, commit, machine, and the date."""
    packages = (tinydldl, np, scipy, PIL)
    return {
        "versions": {"python": platform.python_version()}
        | {p.__name__: p.__version__ for p in packages},
        "commit": commit(),
        "platform": platform.platform(),
        "blas_threads": blas_threads(),
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def blas_threads():
    """How many threads BLAS was told to use; the last digits of a run depend on it."""
    return os.environ.get("OPENBLAS_NUM_THREADS")


def commit():
    """The commit of the checkout that this package is in, or None outside of one."""
    here = Path(__file__)

    def git(*command):
        done = subprocess.run(
            ["git", *command], cwd=here.parent, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)  # installed inside another repository?
        return git("rev-parse", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        return None
