"""How good is a network? `python -m tinydldl.evaluate` tells in figures and in pictures."""

import sys
from argparse import Namespace
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tinydldl import backend, checkpoint, cli, files, plots, report, weights
from tinydldl.datasets import named, selection
from tinydldl.datasets.loader import PhotoStore
from tinydldl.errors import UserError
from tinydldl.evaluate import ensemble
from tinydldl.fast.choice import add_engine_arguments, choose_engine
from tinydldl.ranks import form_team
from tinydldl.report import Estimates
from tinydldl.train.runs import provenance
from tinydldl.trained import Trained

FIGURES, PREDICTIONS = "figures.json", "predictions.csv"
FOLDER = Path("runs/evaluations")  # for the file of a checkpoint without a run
# Settings that decide which photos a run sees.
OF_PHOTOS = ("dataset", "data_dir", "table", "aligned", "split", "seed", "sigma", "limit")
# Another seed moves training photos into the other parts.
SPLIT_AT_RANDOM = ("csv", "imdb-wiki", *named.LAYOUTS)


def main(argv: list[str] | None = None) -> int:
    """Evaluate networks on photos; returns the exit code."""
    ranks, arguments = form_team(), parse(argv)
    request, checkpoints = arguments.request, arguments.weights
    compute = arguments.batch, arguments.engine, arguments.workers
    xp, device = backend.choose_device(arguments.device, ranks.local)
    print(f"tinydldl.evaluate on {device}")
    networks = ensemble.load(checkpoints, xp)
    for path, network in networks.items():
        words = f"{network.text}, {network.meta['network']['pool']}"
        print(f"network   {path}: {words}: {network.model.cost_text()}")
    first = next(iter(networks.values()))
    _, engine = choose_engine(first.model, xp, *compute)
    print(f"engine    {engine}")
    part, stores = open_stores(request, networks.values(), arguments.cache_mb * 10**6)
    store = stores[first.side]
    print(f"data      {request.dataset}: {len(store)} photos ({part}) to evaluate on")
    for line in seen_lines(request, arguments.run, part):
        print(line)
    table = request.table
    photos = table.stem if table and request.dataset == "csv" else request.dataset
    several = f"-of-{len(networks)}" * (len(networks) > 1)
    if ranks.rank == 0:
        folder = results_folder(checkpoints, f"{photos}-{part}{several}", arguments.out)
        print(f"results   {folder}")

    facts = {
        "checkpoints": [str(path.resolve()) for path in networks],
        "methods": [network.method_name for network in networks.values()],
        "part": part,
        "settings": {name: getattr(request, name) for name in OF_PHOTOS},
        "device": device,
        "engine": engine,
    } | provenance()
    prediction = ensemble.average(networks, stores, xp, *compute)
    if ranks.rank:
        return 0
    estimates = Estimates.of(first.method.to(np), prediction, store.photos)
    figures = report.figures(estimates)
    print("", *report.lines(figures), "", sep="\n")
    methods = ", ".join(dict.fromkeys(facts["methods"]))
    words = f"{first.net} network, {first.side} px"
    if several:
        words = f"average of {len(networks)} networks"
    title = f"{methods}, {words}, {request.dataset} ({part})"
    write(folder, facts | figures, estimates, store, title)
    return 0


def open_stores(
    request: selection.Request, networks: Iterable[Trained], cache_bytes: int
) -> tuple[str, dict[int, PhotoStore]]:
    """The name of the part, and its photos by size of the networks, {side: store}."""
    grid = next(iter(networks)).method.grid
    stores: dict[int, PhotoStore] = {}
    for side in sorted({network.side for network in networks}):
        part, stores[side] = selection.open_part(request, side, grid, cache_bytes)
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
    files.check_folder(folder, instead=other)
    folder.mkdir(parents=True, exist_ok=True)
    empty = not any(folder.iterdir())
    before: list[str] = []
    with suppress(OSError, ValueError, TypeError, LookupError):
        before = [str(Path(p)) for p in files.read_json(folder / FIGURES)["checkpoints"]]
    now = {str(path.resolve()) for given in checkpoints for path in ensemble.members(given)}
    if not (empty or before):
        raise UserError(f"{folder}: holds files that are not of an evaluation; {other}")
    if before and set(before) != now and not (of_run and folder == usual):
        raise UserError(f"{folder}: holds the evaluation of {', '.join(before)}; {other}")
    return folder


def write(folder: Path, facts: dict, estimates: Estimates, store: PhotoStore, title: str) -> None:
    """Write everything that an evaluation leaves, and print the names of the files."""
    files.write_json(folder / FIGURES, facts)
    cli.results.update(facts, results=folder)
    files.write_table(folder / PREDICTIONS, report.PREDICTIONS, report.prediction_rows(estimates))
    # the numbers are safe; pictures of an earlier evaluation need not come again
    for name in report.PICTURES:
        (folder / name).unlink(missing_ok=True)
    figures = report.pictures(estimates, store, title)
    for name, figure in figures.items():
        plots.save(figure, folder / name)
    for name in (FIGURES, PREDICTIONS, *figures):
        print(f"{name:24} {folder / name}")


def parse(argv: list[str] | None) -> Namespace:
    """The arguments, with `request`, what they ask for, and `run`, see `settings_of_run`.

    Where the data set is that of the first network's run, the run's settings are the defaults.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    paths = [weights.find(path) for path in arguments.weights]
    path, run = paths[0], settings_of_run(paths[0])
    if arguments.dataset in (None, run.get("dataset")):
        parser.set_defaults(**run)
        arguments = parser.parse_args(argv)
    if arguments.dataset is None:
        if not (path.exists() or path.with_name(f"{path.name}.npz").exists()):
            raise UserError(f"{path}: no such run or checkpoint; {checkpoint.EXPECTED}")
        parser.error("--dataset is missing, and there is no run's config.json that names it")
    arguments.weights, arguments.run = paths, run
    arguments.request = cli.gather(selection.Request, arguments)
    return arguments


def settings_of_run(path: Path) -> dict[str, str]:
    """The settings of the run that a checkpoint is from, as texts, if its `config.json` is there.

    Of them `limit` only where it says how many faces are drawn: photos are evaluated on all.
    """
    folder = path if path.is_dir() else path.parent
    for config in (folder / "config.json", folder.parent / "config.json"):  # or one of an ensemble
        if config.exists():
            try:
                if "arguments" not in (about := files.read_json(config)):
                    continue  # it is of another program
                run = about["arguments"]
                names = OF_PHOTOS if run["dataset"] == "synthetic" else OF_PHOTOS[:-1]
                trained_on = {"trained_on": (run.get("parts") or [selection.TRAINED_ON])[0]}
                return {n: str(run[n]) for n in names if run.get(n) is not None} | trained_on
            except (OSError, ValueError, TypeError, LookupError) as error:
                raise UserError(f"{config}: not the configuration of a run ({error!r})") from None
    return {}


def seen_lines(request: selection.Request, run: dict[str, str], part: str) -> list[str]:
    """Which settings are those of the run, and whether its network may have seen the photos."""
    mine = {name: getattr(request, name) for name in OF_PHOTOS}
    if mine["dataset"] != run.get("dataset"):
        return []
    same = [name for name in mine if name in run and str(mine[name]) == run[name]]
    texts = [f"{name.replace('_', '-')} {run[name]}" for name in same]
    lines = [f"          as in training: {', '.join(texts)}"]
    table, seen = mine["table"], request.trained_on
    others = table and table.resolve() != Path(run.get("table", "")).resolve()
    if part in (seen, selection.ALL) and not others:
        some = "these" if part == seen else "some of these"
        lines.append(f"warning: a network was trained on {some}; only others tell its worth")
    elif mine["dataset"] in SPLIT_AT_RANDOM and not {"split", "seed"} <= set(same):
        lines.append("warning: split in another way than in training, which may have used some")
    return lines


def build_parser() -> cli.Parser:
    parser = cli.Parser("evaluate", "Evaluate a network on photos, or the average of several.")
    network = parser.add_argument_group("network")
    about = f"a run, the file of a checkpoint, or {weights.SHIPPED}; several are averaged"
    several: dict[str, Any] = {"nargs": "+", "type": cli.text, "metavar": "PATH"}
    network.add_argument("--weights", required=True, **several, help=about)
    add_engine_arguments(network)
    about = "Where the data set is that of the first network's run, the run's are the defaults."
    selection.add_part_arguments(parser.add_argument_group("data", about), "what to evaluate on")
    usual = "evaluation/DATASET-PART in the folder of the first run"
    parser.add_out(f"default: {usual}; for the file of a checkpoint {FOLDER}/NAME-DATASET-PART")
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
