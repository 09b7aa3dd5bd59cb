"""Every table of the paper from one command: `python -m tinydldl.reproduce table3`."""

import argparse
import sys
from pathlib import Path

from tinydldl import cli, datasets
from tinydldl.backend import choose_device
from tinydldl.datasets import selection
from tinydldl.errors import UserError
from tinydldl.fast.choice import add_engine_arguments
from tinydldl.models import LARGEST_SIDE, SMALLEST_SIDE
from tinydldl.reproduce import published, write
from tinydldl.reproduce.trainings import Grid

# A table in a quarter of an hour on two cores, all of them in less than forty minutes.
SYNTHETIC = {"size": 32, "epochs": 9, "limit": 3000, "batch": 32}
REAL = {"size": 64, "epochs": 15, "limit": None, "batch": 64}
# So short a training from scratch learns little under all of the paper's augmentation.
AUGMENT = ["mirror", "crop"]
# The same for all: no method is tuned more than another.
COMMON = {
    "lr": 2e-3,
    "val_every": 1,
    "method": "dldl-v2",
    "pool": "hp",
    "lam": 1.0,
    "label_step": 1.0,
    "kl_reduction": "batch",
    "kl_epochs": 0,
}


def main(argv=None):
    """Run what is missing, then print and write the tables; returns the exit code."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    fill_in(arguments)
    if not arguments.augment and arguments.wanted in ("table3", "all"):
        parser.error("table 3 trains with augmentation and without; leave --no-augment out")
    xp, device = choose_device(arguments.device)
    print(f"tinydldl.reproduce {arguments.wanted} on {device}; results in {arguments.out}")
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    grid = Grid(arguments.out, base_of(arguments), xp)
    try:
        for table in write.TABLES if arguments.wanted == "all" else [arguments.wanted]:
            write.TABLES[table](grid, seeds)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from there")
        return cli.INTERRUPTED
    except UserError:
        grid.give_back()
        raise
    return 0


def fill_in(arguments):
    """Give what depends on the data set its default."""
    defaults = SYNTHETIC if arguments.dataset == "synthetic" else REAL
    for name, value in (defaults | {"augment": AUGMENT}).items():
        if getattr(arguments, name, None) is None:
            setattr(arguments, name, value)
    if arguments.out is None:
        name = f"{arguments.dataset}-{arguments.net}-{arguments.size}"
        arguments.out = Path("results", name)


def base_of(arguments):
    """What all trainings have in common, as the arguments of `train`."""
    own = {"wanted", "out", "seeds"}
    given = {name: value for name, value in vars(arguments).items() if name not in own}
    schedule = {"schedule": f"step:{max(1, round(arguments.epochs * 2 / 3))}"}
    return argparse.Namespace(**given, **COMMON, **schedule)


def build_parser():
    parser = cli.Parser(
        prog="python -m tinydldl.reproduce",
        description="Train what a table of the paper compares, on your data, and print it beside "
        "the published figures. What is finished is not trained again.",
    )
    tables = [*write.TABLES, "all"]
    parser.add_argument("wanted", metavar="TABLE", choices=tables, help=", ".join(tables))

    data = parser.add_argument_group("data")
    datasets.add_dataset_arguments(data, "what to learn from", "synthetic")
    few = f"only this many photos ({SYNTHETIC['limit']} synthetic faces, else all)"
    selection.add_limit_arguments(data, few)
    selection.add_augment_arguments(data, " ".join(AUGMENT))
    selection.add_arguments(data)

    training = parser.add_argument_group("training, the same for all rows")
    add = training.add_argument
    add("--net", choices=published.NETWORKS, default="tiny", help="TinyAgeNet, ThinAgeNet")
    add(
        "--size",
        type=cli.whole(SMALLEST_SIDE, LARGEST_SIDE),
        help=f"pixels a side ({SYNTHETIC['size']} for synthetic faces, else {REAL['size']})",
    )
    add(
        "--epochs",
        type=cli.whole(3),
        help="passes over the photos; the learning rate falls after two thirds of them "
        f"({SYNTHETIC['epochs']} for synthetic faces, else {REAL['epochs']})",
    )
    add("--seeds", type=cli.whole(1, 1000), default=1, help="trainings of each row, from --seed on")
    add_engine_arguments(training)

    parser.add_out("folder of the tables (default: results/DATASET-NET-SIZE)")
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
