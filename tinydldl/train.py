"""Train a network to see ages: `python -m tinydldl.train`, on synthetic faces or on real photos."""

import argparse
import sys
from pathlib import Path

from tinydldl import cli, datasets, experiment
from tinydldl.backend import choose_device
from tinydldl.datasets import DATASETS
from tinydldl.datasets.transforms import TRANSFORMS
from tinydldl.labels import label_grid
from tinydldl.models import CHANNELS, POOLS, SMALLEST_SIDE
from tinydldl.runs import RunError, RunFolder
from tinydldl.trainer import NonFiniteError

SYNTHETIC = {"size": 64, "epochs": 8, "batch": 32}  # about two minutes on two cores
REAL = {"size": 224, "epochs": 60, "batch": 128}  # the paper's


def main(argv=None):
    """Train, or resume a run; returns the exit code."""
    arguments, folder = build_parser().parse_args(argv), None
    if arguments.resume:
        folder, config = RunFolder.open(arguments.resume)
        arguments = argparse.Namespace(**config["arguments"])
    else:
        fill_in(arguments)
    xp, device = choose_device(arguments.device)
    print(f"tinydldl.train on {device}")
    run = experiment.prepare(arguments, xp)
    counts = [len(run.train_store), len(run.valid_store)]
    if folder is None:
        folder = RunFolder.create(arguments.name, f"{arguments.dataset}-{arguments.net}")
        folder.write_config(arguments, {"device": device, "photos": counts})
    elif config["photos"] != counts:
        raise RunError(f"{folder.path}: begun on {config['photos']} photos, now there are {counts}")
    try:
        experiment.execute(run, folder, arguments)
    except KeyboardInterrupt:
        print(f"stopped; continue with: python -m tinydldl.train --resume {folder.path}")
        return cli.INTERRUPTED
    except NonFiniteError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def build_parser():
    parser = cli.Parser(
        prog="python -m tinydldl.train",
        description="Train a network to see ages from faces with DLDL-v2.",
    )

    data = parser.add_argument_group("data")
    data.add_argument("--dataset", choices=DATASETS, default="synthetic", help="what to learn from")
    datasets.add_data_arguments(data)
    data.add_argument("--limit", type=cli.whole(10), help="use only this many photos (smoke run)")
    data.add_argument(
        "--augment",
        nargs="+",
        choices=TRANSFORMS,
        default=list(TRANSFORMS),
        metavar="TRANSFORM",
        help=f"which random changes to make to training photos, of {', '.join(TRANSFORMS)}",
    )
    data.add_argument(
        "--no-augment",
        dest="augment",
        action="store_const",
        const=[],
        default=argparse.SUPPRESS,
        help="train on the photos as they are",
    )
    data.add_argument("--loaders", type=cli.whole(1), default=2, help="threads that prepare photos")
    data.add_argument(
        "--cache-mb", type=cli.whole(0), default=2048, help="MB of decoded photos held in memory"
    )

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
        type=cli.whole(SMALLEST_SIDE),
        help=f"pixels a side ({SYNTHETIC['size']} for synthetic faces, {REAL['size']} for photos)",
    )
    network.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")

    method = parser.add_argument_group("method")
    method.add_argument("--method", choices=["dldl-v2"], default="dldl-v2", help="what is learned")
    method.add_argument(
        "--lam", type=cli.not_negative, default=1.0, help="lambda, the weight of |y_hat - y|"
    )
    method.add_argument(
        "--label-step", type=label_step, default=1.0, help="years from one label to the next"
    )
    method.add_argument(
        "--kl-reduction",
        choices=["batch", "elements"],
        default="batch",
        help="divide the KL divergence by N, or by N K as the paper's published code does",
    )

    training = parser.add_argument_group("training")
    training.add_argument(
        "--epochs",
        type=cli.whole(1),
        help=f"passes over the photos ({SYNTHETIC['epochs']} for synthetic faces, else "
        f"{REAL['epochs']})",
    )
    training.add_argument(
        "--batch",
        type=cli.whole(2),
        help=f"photos a step, at most ({SYNTHETIC['batch']} for synthetic faces, else "
        f"{REAL['batch']})",
    )
    training.add_argument("--lr", type=cli.positive, default=1e-3, help="Adam's learning rate")
    training.add_argument(
        "--schedule",
        type=schedule,
        default="step",
        metavar="{constant,step,step:N}",
        help="divide the learning rate by 10 every N epochs; step: at half of the epochs",
    )
    training.add_argument(
        "--val-every", type=cli.whole(1), default=1, help="epochs from one validation to the next"
    )

    output = parser.add_argument_group("output")
    output.add_argument("--name", help="results go to runs/NAME; by default the next free number")
    output.add_argument(
        "--resume",
        metavar="FOLDER",
        type=Path,
        help="continue the run in FOLDER from its last epoch; all other arguments are its own",
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


def schedule(text):
    """The type of `--schedule`."""
    kind, _, every = text.partition(":")
    if text not in ("constant", "step") and not (kind == "step" and every.isdigit() and int(every)):
        raise argparse.ArgumentTypeError(f"expected constant, step or step:N, got {text!r}")
    return text


def fill_in(arguments):
    """Replace what depends on the data set by its default."""
    for name, value in (SYNTHETIC if arguments.dataset == "synthetic" else REAL).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
