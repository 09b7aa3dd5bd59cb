"""The settings of a training: arguments, types and defaults, and what does not go together."""

import argparse
import os
import re
from pathlib import Path

from tinydldl import cli, datasets, weights
from tinydldl.datasets import selection
from tinydldl.datasets.transforms import TRANSFORMS
from tinydldl.errors import UserError
from tinydldl.fast.choice import add_engine_arguments
from tinydldl.labels import label_grid
from tinydldl.methods import METHODS
from tinydldl.models import CHANNELS, LARGEST_SIDE, POOLS, SMALLEST_SIDE

# About two minutes on two cores; the faces are drawn at all angles and in any light already.
SYNTHETIC = {
    "size": 64,
    "epochs": 8,
    "batch": 32,
    "lr": 2e-3,
    "schedule": "step:6",
    "augment": ["mirror", "crop"],
}
# The paper's.
REAL = {
    "size": 224,
    "epochs": 60,
    "batch": 128,
    "lr": 1e-3,
    "schedule": "step:30",
    "augment": list(TRANSFORMS),
}
PRETRAINED = "pretrained"  # for --init: the weights that ship with tinydldl
PLACES = ("data_dir", "table")  # where photos lie, which may change from one start to the next
# Those that one method alone has.
METHOD_DEFAULTS = {
    "dldl-v2": {"lam": 1.0, "kl_reduction": "batch", "kl_epochs": 0},
    "ldae": {"members": 3},
}


def build_parser():
    """The parser of `python -m tinydldl.train`."""
    parser = cli.Parser(
        prog="python -m tinydldl.train",
        description="Train a network to see ages from faces, with DLDL-v2 or another method.",
    )

    data = parser.add_argument_group("data")
    datasets.add_dataset_arguments(data, "what to learn from", "synthetic")
    data.add_argument(
        "--parts",
        nargs=2,
        choices=["train", "valid", "test"],
        metavar=("TRAINED", "JUDGED"),
        help="which part to train on and which to judge on, of train, valid and test "
        "(default: train, and valid if there is one, else test)",
    )
    selection.add_limit_arguments(data, "only this many photos; synthetic draws this many")
    about = "mirror crop for synthetic faces, else the paper's: all but erase"
    selection.add_augment_arguments(data, about)
    selection.add_arguments(data)

    network = parser.add_argument_group("network")
    network.add_argument("--net", choices=CHANNELS, default="tiny", help="TinyAgeNet, ThinAgeNet")
    network.add_argument(
        "--pool",
        choices=POOLS,
        default="hp",
        help="how the network ends: hybrid pooling, or the global average alone",
    )
    network.add_argument(
        "--size",
        type=cli.whole(SMALLEST_SIDE, LARGEST_SIDE),
        help=f"pixels a side {by_set('size')}",
    )
    network.add_argument(
        "--init",
        type=source,
        metavar="PATH",
        help="start from the weights of this run's folder or checkpoint, or from those that ship "
        "with tinydldl: pretrained; photos are normalized as they were for it",
    )
    add_engine_arguments(network)

    add = parser.add_argument_group("method").add_argument
    add("--method", choices=METHODS, default="dldl-v2", help="what is learned")
    add("--members", type=cli.whole(1), help="ldae: how many networks to average (default: 3)")
    about = "dldl-v2: lambda, the weight of |y_hat - y| (default: 1)"
    add("--lam", type=cli.not_negative, help=about)
    add("--label-step", type=label_step, default=1.0, help="years from one label to the next")
    add(
        "--kl-reduction",
        choices=["batch", "elements"],
        help="dldl-v2: divide the KL divergence by N, or by N K as the paper's published code does "
        "(default: batch)",
    )

    add(
        "--kl-epochs",
        type=cli.whole(0),
        help="dldl-v2: train with the KL divergence alone for so many epochs, then with both "
        "losses (default: 0)",
    )

    add = parser.add_argument_group("training").add_argument
    add("--epochs", type=cli.whole(1), help=f"passes over the photos {by_set('epochs')}")
    add("--batch", type=cli.whole(2), help=f"photos a step, at most {by_set('batch')}")
    add("--lr", type=cli.positive, help=f"Adam's learning rate {by_set('lr')}")
    add(
        "--schedule",
        type=schedule,
        metavar="{constant,step:N,cosine:W}",
        help="divide the learning rate by 10 every N epochs; or raise it for W epochs (for none: "
        f"cosine), then lower it along half a cosine to 0 {by_set('schedule')}",
    )
    add(
        "--average",
        type=cli.fraction,
        metavar="DECAY",
        help="judge and keep the exponential moving average of the weights over the steps, with "
        "this decay a step, such as 0.999",
    )
    add("--val-every", type=cli.whole(1), default=1, help="epochs from one validation to the next")

    add = parser.add_argument_group("output").add_argument
    add("--name", type=run_name, help="results go to runs/NAME; by default the next free number")
    add(
        "--resume",
        metavar="FOLDER",
        type=cli.path,
        help="continue the run in FOLDER from its last epoch; all other arguments are its own, but "
        "--data-dir and --table may say where its photos lie now",
    )
    return parser


def label_step(text):
    """The type of `--label-step`."""
    step = cli.positive(text)
    try:
        label_grid(step=step)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return step


def run_name(text):
    """The type of `--name`: the name of one folder."""
    if not text or Path(text).name != text or text.startswith("."):
        raise argparse.ArgumentTypeError(f"expected the name of a folder in runs, got {text!r}")
    return text


def schedule(text):
    """The type of `--schedule`."""
    if not re.fullmatch(r"constant|step:[1-9]\d{0,8}|cosine(:\d{1,9})?", text):
        expected = "constant, step:N, cosine or cosine:W"
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
    return text


def source(text):
    """The type of `--init`."""
    return text if text == PRETRAINED else cli.path(text)


def by_set(name):
    """The two defaults of an argument, for its help."""
    return f"({SYNTHETIC[name]} for synthetic faces, else {REAL[name]})"


def fill_in(arguments):
    """Give what depends on the data set, on the method or on the network its value."""
    own = METHOD_DEFAULTS.get(arguments.method, {})
    for name, value in ((SYNTHETIC if arguments.dataset == "synthetic" else REAL) | own).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    if arguments.init == PRETRAINED:
        arguments.init = weights.find(arguments.net)


def check(arguments, parser):
    """An error for settings that do not go together."""
    if arguments.parts and len(set(arguments.parts)) == 1:
        parser.error(f"--parts: {arguments.parts[0]} to train on and to judge on; take two")
    check_method(arguments, parser)
    check_schedule(arguments, parser)


def check_method(arguments, parser):
    """An error for an argument of another method, an ensemble of one, a loss that never counts."""
    if arguments.members == 1:
        parser.error("--members 1: an ensemble needs 2 or more; one network is --method dldl")
    if (arguments.kl_epochs or 0) >= arguments.epochs:
        most = f"expected fewer than {arguments.epochs} epochs"
        parser.error(f"--kl-epochs {arguments.kl_epochs}: {most}")
    for method, defaults in METHOD_DEFAULTS.items():
        for name in defaults:
            if arguments.method != method and getattr(arguments, name) is not None:
                parser.error(f"--{name.replace('_', '-')} is for --method {method} alone")


def check_schedule(arguments, parser):
    """An error for a warm-up that leaves no epoch for the cosine."""
    name, _, warm_up = arguments.schedule.partition(":")
    if name == "cosine" and int(warm_up or 0) >= arguments.epochs:
        epochs = f"{warm_up} of {arguments.epochs} epochs"
        parser.error(f"--schedule {arguments.schedule}: {epochs} of warm-up leave none to go down")


def places_of(parser, argv):
    """What a user says beside `--resume` of `PLACES`, {name: path}; an error for anything else."""
    given = vars(parser.parse_args(argv, argparse.Namespace(**dict.fromkeys(PLACES))))
    alone = vars(parser.parse_args(["--resume", str(given["resume"])]))
    if any(alone[name] != value for name, value in given.items() if name not in PLACES):
        parser.error("--resume goes alone, or with --data-dir and --table: all else is of the run")
    return {name: given[name] for name in PLACES if given[name] is not None}


def of_run(parser, folder, stored, places):
    """The arguments of a run, from those `stored` in its config.json and from `places_of`.

    A data folder that is there no more is looked for in $TINYDLDL_DATA. Raises UserError if an
    argument is missing: its default now need not be what the run was begun with.
    """
    if missing := sorted(vars(parser.parse_args([])).keys() - stored.keys()):
        raise UserError(
            f"{folder / 'config.json'}: without the argument {missing[0]}, so of another version "
            "of tinydldl; the run cannot go on as it began"
        )
    if os.environ.get("TINYDLDL_DATA") and not os.path.isdir(str(stored["data_dir"])):
        places = {"data_dir": datasets.default_data_dir()} | places
    return parser.parse_args(as_command_line(stored | places))


def as_command_line(arguments):
    """The command line that gives the dict `arguments`: stored ones are checked like any other."""
    words = []
    for name, value in arguments.items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, list):
            words += [option, *map(str, value)] if value else [f"--no-{name}"]
        elif value is not None:
            words += [f"{option}={value}"]
    return words
