"""How good is a network? `python -m tinydldl.evaluate` tells in figures and in pictures."""

import json
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from tinydldl import checkpoint, cli, plots, report
from tinydldl.backend import choose_device
from tinydldl.datasets.loader import PhotoStore
from tinydldl.datasets.selection import Request, open_part
from tinydldl.errors import UserError
from tinydldl.evaluate import ensemble
from tinydldl.evaluate.settings import FOLDER, parse
from tinydldl.fast.choice import choose_engine
from tinydldl.files import check_folder, replacing, write_table
from tinydldl.report import Estimates
from tinydldl.train.runs import provenance
from tinydldl.trained import Trained

FIGURES, PREDICTIONS = "figures.json", "predictions.csv"


def main(argv: list[str] | None = None) -> int:
    """Evaluate networks on photos; returns the exit code."""
    settings = parse(argv)
    request, compute = settings.request, (settings.batch, settings.engine, settings.workers)
    xp, device = choose_device(settings.device)
    print(f"tinydldl.evaluate on {device}")
    networks = ensemble.load(settings.checkpoints, xp)
    for path, network in networks.items():
        words = f"{network.text}, {network.meta['network']['pool']}"
        print(f"network   {path}: {words}: {network.model.cost_text()}")
    first = next(iter(networks.values()))
    _, engine = choose_engine(first.model, xp, *compute)
    print(f"engine    {engine}")
    part, stores = open_stores(request, networks.values(), settings.cache_mb * 10**6)
    store = stores[first.side]
    print(f"data      {request.dataset}: {len(store)} photos ({part}) to evaluate on")
    for line in settings.lines(part):
        print(line)
    table = request.options.table
    photos = table.stem if table and request.dataset == "csv" else request.dataset
    several = f"-of-{len(networks)}" * (len(networks) > 1)
    folder = results_folder(settings.checkpoints, f"{photos}-{part}{several}", settings.out)
    print(f"results   {folder}")

    facts = {
        "checkpoints": [str(path.resolve()) for path in networks],
        "methods": [network.method_name for network in networks.values()],
        "part": part,
        "settings": settings.of_photos,
        "device": device,
        "engine": engine,
    } | provenance()
    prediction = ensemble.average(networks, stores, xp, *compute)
    estimates = Estimates.of(first.method.to(np), prediction, store.photos)
    figures = report.figures(estimates)
    print("", *report.lines(figures), "", sep="\n")
    write(folder, facts | figures, estimates, store, title(networks, request.dataset, part))
    return 0


def title(networks: dict[Path, Trained], dataset: str, part: str) -> str:
    """Networks and photos, for the pictures."""
    methods = {network.method_name: None for network in networks.values()}
    *several, network = networks.values()
    words = f"{network.net} network, {network.side} px"
    if several:
        words = f"average of {len(networks)} networks"
    return f"{', '.join(methods)}, {words}, {dataset} ({part})"


def open_stores(
    request: Request, networks: Iterable[Trained], cache_bytes: int
) -> tuple[str, dict[int, PhotoStore]]:
    """The name of the part, and its photos by size of the networks, {side: store}."""
    grid = next(iter(networks)).method.grid
    stores: dict[int, PhotoStore] = {}
    for side in sorted({network.side for network in networks}):
        part, stores[side] = open_part(request, side, grid, cache_bytes)
        cache_bytes -= stores[side].cached_bytes
    return part, stores


def results_folder(checkpoints: list[Path], name: str, out: Path | None) -> Path:
    """The folder for the results, made if need be; `name`: what it is called by default.

    Raises UserError if it holds anything that is not from an evaluation, or, unless it is in the
    folder of the run, one of other networks.
    """
    path = checkpoints[0]
    run = path if path.is_dir() else path.parent
    of_run = path.is_dir() or (run / "config.json").exists()
    last = of_run and (path.is_dir() or path.stem == "checkpoint")
    usual = (run / "evaluation" if of_run else FOLDER) / (name if last else f"{path.stem}-{name}")
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


def write(folder: Path, facts: dict, estimates: Estimates, store: PhotoStore, title: str) -> None:
    """Write everything that an evaluation leaves, and print the names of the files."""
    with replacing(folder / FIGURES) as file:
        file.write(json.dumps(facts, indent=2, default=str).encode())
    write_table(folder / PREDICTIONS, report.PREDICTIONS, report.prediction_rows(estimates))
    # the numbers are safe; pictures of an earlier evaluation need not come again
    for name in report.PICTURES:
        (folder / name).unlink(missing_ok=True)
    figures = report.pictures(estimates, store, title)
    for name, figure in figures.items():
        plots.save(figure, folder / name)
    for name in (FIGURES, PREDICTIONS, *figures):
        print(f"{name:24} {folder / name}")


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
