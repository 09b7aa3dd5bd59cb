"""How good is a network? `python -m tinydldl.evaluate` says so with every figure, and in pictures.

Several networks are judged as one: their predictions are averaged, then decoded once, as LDAE does.
"""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np

from tinydldl import checkpoint, cli, plots, report
from tinydldl.backend import choose_device
from tinydldl.datasets import selection
from tinydldl.errors import UserError
from tinydldl.evaluate import ensemble
from tinydldl.fast.choice import add_engine_arguments, choose_engine
from tinydldl.files import replacing, write_table
from tinydldl.report import Estimates
from tinydldl.train.runs import provenance
from tinydldl.train.settings import PRETRAINED
from tinydldl.weights import find

FOLDER = Path("runs/evaluations")  # for the file of a checkpoint without a run
FIGURES, PREDICTIONS = "figures.json", "predictions.csv"
# With these arguments the photos of a run are the same again.
SETTINGS = ("dataset", "data_dir", "table", "aligned", "split", "seed", "sigma", "limit")
SPLIT_AT_RANDOM = ("csv", "morph")  # with another seed, photos trained on come into other parts


def main(argv=None):
    """Judge networks on photos; returns the exit code."""
    arguments, run = parse(argv)
    xp, device = choose_device(arguments.device)
    print(f"tinydldl.evaluate on {device}")
    networks = ensemble.load(arguments.checkpoint, xp)
    for path, network in networks.items():
        words = f"{network.text}, {network.meta['network']['pool']}"
        print(f"network   {path}: {words}: {network.model.cost_text()}")
    first = next(iter(networks.values()))
    _, engine = choose_engine(arguments, first.model, xp)
    print(f"engine    {engine}")
    cache_bytes = arguments.cache_mb * 10**6
    part, stores = open_stores(selection.request_from(arguments), networks.values(), cache_bytes)
    store = stores[first.side]
    print(f"data      {arguments.dataset}: {len(store)} photos ({part}) to judge on")
    print_settings(arguments, part, run)
    folder = results_folder(arguments, part, len(networks))
    print(f"results   {folder}")

    facts = {
        "checkpoints": [str(path.resolve()) for path in networks],
        "methods": [network.method_name for network in networks.values()],
        "part": part,
        "settings": {name: getattr(arguments, name) for name in SETTINGS},
        "device": device,
        "engine": engine,
    } | provenance()
    prediction = ensemble.average(networks, stores, arguments, xp)
    estimates = Estimates.of(first.method.to(np), prediction, store.photos)
    figures = report.figures(estimates)
    print("", *report.lines(figures), "", sep="\n")
    words = title(networks, arguments.dataset, part)
    pictures = partial(report.pictures, estimates, store, words)
    write(folder, facts | figures, report.prediction_rows(estimates), pictures)
    return 0


# ------------------------------------------------------------------------------- what was asked for


def parse(argv):
    """The arguments, and the settings of the first network's run, {} if there are none to know.

    Where the data set is that of the run, the settings are the defaults of the arguments.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    run = settings_of_run(arguments.checkpoint[0])
    if arguments.dataset in (None, run.get("dataset")):
        parser.set_defaults(**run)
        arguments = parser.parse_args(argv)
    if arguments.dataset is None:
        path = arguments.checkpoint[0]
        if not (path.exists() or path.with_name(f"{path.name}.npz").exists()):
            raise UserError(f"{path}: no such run or checkpoint; {checkpoint.EXPECTED}")
        parser.error("--dataset is missing, and there is no run's config.json that names it")
    return arguments, run


def settings_of_run(path):
    """The settings of the run that a checkpoint is from, as texts, if its `config.json` is there.

    Of them `limit` only where it says how many faces are drawn: photos are judged on all.
    """
    folder = path if path.is_dir() else path.parent
    for config in (folder / "config.json", folder.parent / "config.json"):  # or one of an ensemble
        if config.exists():
            try:
                run = checkpoint.read_json(config)["arguments"]
                names = SETTINGS if run["dataset"] == "synthetic" else SETTINGS[:-1]
                trained_on = {"trained_on": (run.get("parts") or [selection.TRAINED_ON])[0]}
                return {n: str(run[n]) for n in names if run.get(n) is not None} | trained_on
            except (OSError, ValueError, TypeError, LookupError) as error:
                why = f"{type(error).__name__}: {error}"
                raise UserError(f"{config}: not the configuration of a run ({why})") from None
    return {}


def print_settings(arguments, part, run):
    """Say which settings are those of the run, and whether its network has seen the photos."""
    if arguments.dataset != run.get("dataset"):
        return
    same = [name for name in SETTINGS if name in run and str(getattr(arguments, name)) == run[name]]
    texts = [f"{name.replace('_', '-')} {run[name]}" for name in same]
    print(f"          as in training: {', '.join(texts)}")
    others = arguments.table and arguments.table.resolve() != Path(run.get("table", "")).resolve()
    if part in (arguments.trained_on, selection.ALL) and not others:
        some = "these" if part == arguments.trained_on else "some of these"
        print(f"warning: a network was trained on {some}; only other photos tell what it is worth")
    elif arguments.dataset in SPLIT_AT_RANDOM and not {"split", "seed"} <= set(same):
        print("warning: split in another way than in training, which may have used some of these")


def results_folder(arguments, part, count):
    """The folder for the results, made if need be.

    Raises UserError if it holds anything that is not from an evaluation, or, unless it is in
    the folder of the run, one of other networks.
    """
    photos = arguments.table.stem if arguments.dataset == "csv" else arguments.dataset
    name = f"{photos}-{part}" + (f"-of-{count}" if count > 1 else "")
    path = arguments.checkpoint[0]
    run = path if path.is_dir() else path.parent
    of_run = path.is_dir() or (run / "config.json").exists()
    usual = run / "evaluation" / name if of_run else FOLDER / f"{path.stem}-{name}"
    folder, other = arguments.out or usual, "give another folder with --out"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: cannot be used ({error.strerror}); {other}") from None
    judged, now = judged_before(folder), {str(path.resolve()) for path in arguments.checkpoint}
    if not (empty or judged):
        raise UserError(f"{folder}: holds files that are not of an evaluation; {other}")
    if judged and set(judged) != now and not (of_run and folder == usual):
        raise UserError(f"{folder}: holds the evaluation of {', '.join(judged)}; {other}")
    return folder


def judged_before(folder):
    """The checkpoints of the evaluation in a folder, [] if there is none."""
    try:
        return checkpoint.read_json(folder / FIGURES)["checkpoints"]
    except (OSError, ValueError, TypeError, LookupError):
        return []


# ------------------------------------------------------------------------------ networks and photos


def title(networks, dataset, part):
    """Networks and photos, for the pictures."""
    methods = {network.method_name: None for network in networks.values()}
    *several, network = networks.values()
    words = f"{network.net} network, {network.side} px"
    if several:
        words = f"average of {len(networks)} networks"
    return f"{', '.join(methods)}, {words}, {dataset} ({part})"


def open_stores(request, networks, cache_bytes):
    """The part that is judged, and its photos for each size of the networks: `part, {side: store}`.

    Raises DataError if the data set has no such part.
    """
    grid = next(iter(networks)).method.grid
    stores, room = {}, cache_bytes
    for side in sorted({network.side for network in networks}):
        part, stores[side] = selection.open_part(request, side, grid, room)
        room -= stores[side].cached_bytes
    return part, stores


# ----------------------------------------------------------------------------------------- results


def write(folder, numbers, rows, pictures):
    """Write everything that an evaluation leaves, and print the names of the files.

    `pictures()` draws them, once the numbers are safe. Those of an earlier evaluation that this one
    does not have are removed.
    """
    with replacing(folder / FIGURES) as file:
        file.write(json.dumps(numbers, indent=2, default=str).encode())
    write_table(folder / PREDICTIONS, report.PREDICTIONS, rows)
    for name in report.PICTURES:
        (folder / name).unlink(missing_ok=True)
    figures = pictures()
    for name, figure in figures.items():
        plots.save(figure, folder / name)
    for name in (FIGURES, PREDICTIONS, *figures):
        print(f"{name:24} {folder / name}")


def checkpoint_path(text):
    """The type of `--checkpoint`."""
    return find("tiny") if text == PRETRAINED else cli.path(text)


def build_parser():
    parser = cli.Parser(
        prog="python -m tinydldl.evaluate",
        description="Judge a trained network on photos, or several whose predictions are averaged.",
    )

    network = parser.add_argument_group("network")
    network.add_argument(
        "--checkpoint",
        nargs="+",
        type=checkpoint_path,
        required=True,
        metavar="PATH",
        help="the folder of a run, the file of a checkpoint, or pretrained: the weights that ship; "
        "several are averaged",
    )
    add_engine_arguments(network)

    data = parser.add_argument_group(
        "data", "Where the data set is that of the first network's run, the run's are the defaults."
    )
    selection.add_part_arguments(data, "what to judge on")

    parser.add_out(
        "where results go (default: evaluation/DATASET-PART in the folder of the first run; for "
        f"the file of a checkpoint {FOLDER}/NAME-DATASET-PART)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
