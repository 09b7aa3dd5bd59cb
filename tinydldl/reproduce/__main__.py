"""Every table of the paper from one command: `python -m tinydldl.reproduce table3`."""

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from tinydldl import cli, datasets
from tinydldl.backend import choose_device
from tinydldl.datasets import selection
from tinydldl.fast.choice import add_engine_arguments
from tinydldl.reproduce import TABLES, table1
from tinydldl.reproduce.trainings import STARTS, Trainings
from tinydldl.train.settings import TrainSettings

SYNTHETIC = {"size": 32, "epochs": 24, "limit": 3000, "batch": 32}
REAL = {"size": 64, "epochs": 12, "batch": 32}
# So short a training from random weights learns little under all of the published augmentation.
AUGMENT = ["mirror", "crop"]
# For all: no method is tuned more than another.
COMMON = {"augment": AUGMENT, "lr": 2e-3, "schedule": "cosine:1"}


def main(argv: list[str] | None = None) -> int:
    """Run what is missing, then print and write the tables; returns the exit code."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    base = base_of(arguments)
    if not base.augment and arguments.wanted in ("table3", "all"):
        parser.error("table 3 trains with augmentation and without; leave --no-augment out")
    trained = "-trained" * (arguments.start == "trained")
    out = arguments.out or Path("results", f"{base.dataset}-{base.net}-{base.size}{trained}")
    xp, device = choose_device(base.device)
    print(f"tinydldl.reproduce {arguments.wanted} on {device}; results in {out}")
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    trainings = Trainings(out, base, xp, arguments.start)
    try:
        for table in TABLES if arguments.wanted == "all" else [arguments.wanted]:
            module = import_module(f"tinydldl.reproduce.{table.replace('-', '_')}")
            module.make(trainings, seeds)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from there")
        return cli.INTERRUPTED
    return 0


def base_of(arguments: argparse.Namespace) -> TrainSettings:
    """What all trainings have in common: what is given, else the set's defaults."""
    own = ("wanted", "out", "seeds", "start")
    given = {n: v for n, v in vars(arguments).items() if v is not None and n not in own}
    by_set = SYNTHETIC if given["dataset"] == "synthetic" else REAL
    settings: dict[str, Any] = COMMON | by_set | given
    return TrainSettings(**settings)


def build_parser() -> cli.Parser:
    about = "Train what a table of the paper compares, and print it beside the published figures."
    parser = cli.Parser("reproduce", about)
    about = f"{', '.join(TABLES)}; or all"
    parser.add_argument("wanted", metavar="TABLE", choices=[*TABLES, "all"], help=about)

    data = parser.add_argument_group("data")
    datasets.add_arguments(data, "what to learn from", "synthetic")
    few = f"only this many photos ({SYNTHETIC['limit']} synthetic faces, else all)"
    selection.add_training_arguments(data, few, " ".join(AUGMENT))

    training = parser.add_argument_group("training, the same for all rows")
    add = training.add_argument
    add("--net", choices=table1.NETWORKS, default="tiny", help="TinyAgeNet, ThinAgeNet")
    add("--size", type=selection.SIDE, help=f"pixels per side {defaults('size')}")
    add("--epochs", type=cli.whole(3), help=f"passes over the photos {defaults('epochs')}")
    about = "begin with random weights, or with a network of the seed, trained as long on KL alone"
    add("--start", choices=STARTS, default=STARTS[0], help=about)
    add("--seeds", type=cli.whole(1, 1000), default=1, help="trainings of each row, from --seed on")
    add_engine_arguments(training)

    parser.add_out("folder of the tables (default: results/DATASET-NET-SIZE, or ...-trained)")
    return parser


def defaults(name: str) -> str:
    """The defaults of an argument, for its help."""
    return f"({SYNTHETIC[name]} for synthetic faces, else {REAL[name]})"


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
