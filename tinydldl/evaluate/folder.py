"""The folder of an evaluation, and what it leaves there."""

import json
from contextlib import suppress
from pathlib import Path

from tinydldl import checkpoint, plots, report
from tinydldl.datasets.loader import PhotoStore
from tinydldl.errors import UserError
from tinydldl.files import check_folder, replacing, write_table
from tinydldl.report import Estimates

FOLDER = Path("runs/evaluations")  # for the file of a checkpoint without a run
FIGURES, PREDICTIONS = "figures.json", "predictions.csv"


def results_folder(checkpoints: list[Path], name: str, out: Path | None) -> Path:
    """The folder for the results, made if need be; `name`: what it is called by default.

    Raises UserError if it holds anything that is not from an evaluation, or, unless it is in the
    folder of the run, one of other networks.
    """
    path = checkpoints[0]
    run = path if path.is_dir() else path.parent
    of_run = path.is_dir() or (run / "config.json").exists()
    usual = run / "evaluation" / name if of_run else FOLDER / f"{path.stem}-{name}"
    folder, other = out or usual, "give another folder with --out"
    check_folder(folder, instead=other)
    folder.mkdir(parents=True, exist_ok=True)
    empty = not any(folder.iterdir())
    before: list[str] = []
    with suppress(OSError, ValueError, TypeError, LookupError):
        before = [str(Path(p)) for p in checkpoint.read_json(folder / FIGURES)["checkpoints"]]
    now = {str(path.resolve()) for path in checkpoints}
    if not (empty or before):
        raise UserError(f"{folder}: holds files that are not of an evaluation; {other}")
    if before and set(before) != now and not (of_run and folder == usual):
        raise UserError(f"{folder}: holds the evaluation of {', '.join(before)}; {other}")
    return folder


def write(folder: Path, numbers: dict, estimates: Estimates, store: PhotoStore, title: str) -> None:
    """Write everything that an evaluation leaves, and print the names of the files."""
    with replacing(folder / FIGURES) as file:
        file.write(json.dumps(numbers, indent=2, default=str).encode())
    write_table(folder / PREDICTIONS, report.PREDICTIONS, report.prediction_rows(estimates))
    # the numbers are safe; pictures of an earlier evaluation need not come again
    for name in report.PICTURES:
        (folder / name).unlink(missing_ok=True)
    figures = report.pictures(estimates, store, title)
    for name, figure in figures.items():
        plots.save(figure, folder / name)
    for name in (FIGURES, PREDICTIONS, *figures):
        print(f"{name:24} {folder / name}")
