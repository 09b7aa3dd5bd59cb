"""The folder of a training run, `runs/<name>/`: what is written there, and what resumes from it."""

import csv
import io
import json
import platform
import subprocess
from datetime import datetime
from pathlib import Path

import numpy
import PIL
import scipy

import tinydldl
from tinydldl import checkpoint
from tinydldl.backend import UserError

RUNS = Path("runs")
METRICS = ("epoch", "lr", "train_loss", "train_kl", "train_mae", "valid_mae", "valid_epsilon_error")
TIMING = ("epoch", "seconds", "images_per_second")


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
    def create(cls, name, default_name):
        """A new folder `runs/name`, by default `runs/default_name-1`, `-2`, ...: the first free.

        Raises RunError if `name` exists: a run is never overwritten.
        """
        if name is None:
            numbers = (path.name.removeprefix(f"{default_name}-") for path in RUNS.glob("*"))
            taken = [int(number) for number in numbers if number.isdigit()]
            name = f"{default_name}-{max(taken, default=0) + 1}"
        try:
            (RUNS / name).mkdir(parents=True)
        except FileExistsError:
            raise RunError(
                f"{RUNS / name} exists; give another --name, or continue it with --resume"
            ) from None
        except OSError as error:
            raise RunError(f"{RUNS / name}: cannot make this folder ({error.strerror})") from None
        return cls(RUNS / name)

    @classmethod
    def open(cls, path):
        """An existing folder and its configuration. Raises RunError if there is none."""
        folder = cls(path)
        try:
            config = json.loads((folder / "config.json").read_text())
        except (OSError, ValueError) as error:
            raise RunError(
                f"{path}: no run to resume, its config.json cannot be read ({error})"
            ) from None
        return folder, config

    def write_config(self, arguments, facts):
        """Write `config.json`: the arguments, `facts`, and what else the figures depend on."""
        plain = {k: str(v) if isinstance(v, Path) else v for k, v in vars(arguments).items()}
        config = {"arguments": plain} | facts | provenance()
        with checkpoint.replacing(self / "config.json") as file:
            file.write(json.dumps(config, indent=2).encode())

    def save(self, epoch, record, seconds, images_per_second, arrays, meta):
        """Add a finished epoch to the CSV files, then replace the checkpoint.

        In this order, a kill in between leaves a row too many, which `restore` drops.
        """
        self.metrics.append({"epoch": epoch} | record)
        speed = {"seconds": round(seconds, 2), "images_per_second": round(images_per_second, 1)}
        self.timing.append({"epoch": epoch} | speed)
        write_table(self / "metrics.csv", METRICS, self.metrics)
        write_table(self / "timing.csv", TIMING, self.timing)
        checkpoint.save(self / "checkpoint", arrays | {"epoch": epoch}, meta)

    def restore(self):
        """The arrays of the last checkpoint and its epoch: `({}, 0)` if no epoch was finished."""
        if not (self / "checkpoint.npz").exists():
            return {}, 0
        arrays, _ = checkpoint.load(self / "checkpoint")
        epoch = int(arrays["epoch"])
        self.metrics = read_table(self / "metrics.csv")[:epoch]
        self.timing = read_table(self / "timing.csv")[:epoch]
        return arrays, epoch


def write_table(path, columns, rows):
    """Write dicts as a CSV file; a missing value is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with checkpoint.replacing(path) as file:
        file.write(text.getvalue().encode())


def read_table(path):
    """The rows of a CSV file that `write_table` wrote, as dicts of texts, without empty cells."""
    with open(path, newline="") as file:
        return [{k: v for k, v in row.items() if v} for row in csv.DictReader(file)]


def provenance():
    """What else the figures of a run depend on: versions, commit, machine, engine, and the date."""
    packages = (tinydldl, numpy, scipy, PIL)
    return {
        "versions": {"python": platform.python_version()}
        | {p.__name__: p.__version__ for p in packages},
        "commit": commit(),
        "platform": platform.platform(),
        "engine": "layers",
        "processes": 1,
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def commit():
    """The commit of the checkout that this package is in, or None outside of one."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        result = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()
