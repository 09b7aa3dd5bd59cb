"""Every table of the paper from one command: `python -m tinydldl.reproduce table3`."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from tinydldl import backend, cli, datasets
from tinydldl.datasets import selection
from tinydldl.fast.choice import add_engine_arguments
from tinydldl.ranks import world
from tinydldl.reproduce import TABLES, table1
from tinydldl.reproduce.trainings import STARTS, Trainings
from tinydldl.train.settings import TrainSettings, by_set

SYNTHETIC = {"size": 32, "epochs": 24, "limit": 3000, "batch": 32}
REAL = {"size": 64, "epochs": 12, "batch": 32}
# So short a training from random weights learns little under all of the published augmentation.
AUGMENT = ["mirror", "crop"]
# For all: no method is tuned more than another.
COMMON: dict[str, Any] = {"augment": AUGMENT, "lr": 2e-3, "schedule": "cosine:1"}


def main(argv: list[str] | None = None) -> int:
    """Run what is missing, then print and write the tables; returns the exit code."""
    ranks, parser = world(), build_parser()
    arguments = parser.parse_args(argv)
    own = ("wanted", "out", "seeds", "start")
    given = {n: v for n, v in vars(arguments).items() if v is not None and n not in own}
    usual = SYNTHETIC if arguments.dataset == "synthetic" else REAL
    usual = usual | {"workers": ranks.cores} if ranks.size > 1 else usual
    base = TrainSettings(**COMMON | usual | given)  # of all trainings
    if not base.augment and arguments.wanted in ("table3", "all"):
        parser.error("table 3 trains with augmentation and without; leave --no-augment out")
    trained = "-trained" * (arguments.start == "trained")
    out = arguments.out or Path("results", f"{base.dataset}-{base.net}-{base.size}{trained}")
    xp, device = backend.choose_device(base.device, ranks.local)
    print(f"tinydldl.reproduce {arguments.wanted} on {device}; results in {out}")
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    trainings = Trainings(out, base, xp, arguments.start)
    try:
        for table in TABLES if arguments.wanted == "all" else [arguments.wanted]:
            module = import_module(f"tinydldl.reproduce.{table.replace('-', '_')}")
            if ranks.rank == 0 or table != "table2":  # which is measured while others wait
                module.make(trainings, seeds)
            ranks.barrier()
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from there")
        return cli.INTERRUPTED
    return 0


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
    add("--size", type=selection.SIDE, help=f"pixels per side {by_set('size', SYNTHETIC, REAL)}")
    about = f"passes over the photos {by_set('epochs', SYNTHETIC, REAL)}"
    add("--epochs", type=cli.whole(3), help=about)
    about = "begin with random weights, or with a network of the seed, trained as long on KL alone"
    add("--start", choices=STARTS, default=STARTS[0], help=about)
    add("--seeds", type=cli.whole(1, 1000), default=1, help="trainings of each row, from --seed on")
    add_engine_arguments(training)
    parser.add_out("folder of the tables (default: results/DATASET-NET-SIZE, or ...-trained)")
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
