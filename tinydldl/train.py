"""Train a network to see ages: `python -m tinydldl.train`, on synthetic faces or on real photos."""

import argparse
import re
import shlex
import sys
from pathlib import Path

from tinydldl import cli, datasets, experiment
from tinydldl.backend import choose_device
from tinydldl.datasets import DATASETS
from tinydldl.datasets.transforms import TRANSFORMS
from tinydldl.labels import label_grid
from tinydldl.models import CHANNELS, POOLS, SMALLEST_SIDE
from tinydldl.runs import RunError, RunFolder, blas_threads, provenance
from tinydldl.trainer import NonFiniteError

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


def main(argv=None):
    """Train, or resume a run; returns the exit code."""
    parser, folder, config = build_parser(), None, None
    arguments = parser.parse_args(argv)
    try:
        if arguments.resume:
            if arguments != parser.parse_args(["--resume", str(arguments.resume)]):
                parser.error("--resume goes alone: the other arguments are those of the run")
            folder, config = RunFolder.open(arguments.resume)
            arguments = parser.parse_args(as_command_line(config["arguments"]))
        fill_in(arguments)
        xp, device = choose_device(arguments.device)
        print(f"tinydldl.train on {device}")
        run = experiment.prepare(arguments, xp)
        photos = [len(run.train_store), len(run.valid_store)]
        if folder is None:
            facts = {"arguments": plain(arguments), "photos": photos, "device": device}
            facts |= experiment.engine_of(run.model)
            default_name = f"{arguments.dataset}-{arguments.net}"
            folder = RunFolder.create(arguments.name, default_name, facts | provenance())
        else:
            check_unchanged(folder, config, photos, experiment.engine_of(run.model))
        experiment.execute(run, folder, arguments)
    except KeyboardInterrupt:
        if folder is None:
            raise  # before there is anything to resume
        quoted = shlex.quote(str(folder.path))
        print(f"stopped; continue with: python -m tinydldl.train --resume {quoted}")
        return cli.INTERRUPTED
    except NonFiniteError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def plain(arguments):
    """The arguments as JSON values; paths become absolute, so that a run resumes from anywhere."""
    return {
        name: str(value.resolve()) if isinstance(value, Path) else value
        for name, value in vars(arguments).items()
    }


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


def check_unchanged(folder, config, photos, engine):
    """Raise RunError if the photos of a run have changed; warn if the last digits may differ."""
    if config["photos"] != photos:
        raise RunError(f"{folder.path}: begun on {config['photos']} photos, now there are {photos}")
    now = engine | {"blas_threads": blas_threads()}
    for name, value in now.items():
        if config[name] != value:
            print(
                f"warning: begun with {name} {config[name]}, now it is {value}: "
                "the last digits will differ"
            )


def build_parser():
    parser = cli.Parser(
        prog="python -m tinydldl.train",
        description="Train a network to see ages from faces with DLDL-v2.",
    )

    data = parser.add_argument_group("data")
    data.add_argument("--dataset", choices=DATASETS, default="synthetic", help="what to learn from")
    datasets.add_data_arguments(data)
    data.add_argument(
        "--limit", type=cli.whole(10), help="use only this many photos; synthetic draws this many"
    )
    data.add_argument(
        "--augment",
        nargs="+",
        choices=TRANSFORMS,
        metavar="TRANSFORM",
        help=f"random changes to training photos, of {', '.join(TRANSFORMS)} "
        "(mirror crop for synthetic faces, else all)",
    )
    data.add_argument(
        "--no-augment",
        dest="augment",
        action="store_const",
        const=[],
        default=argparse.SUPPRESS,
        help="train on the photos as they are",
    )
    data.add_argument(
        "--loaders", type=cli.whole(1), default=2, help="processes that prepare photos"
    )
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
        help=f"pixels a side {by_set('size')}",
    )
    network.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    network.add_argument(
        "--engine",
        choices=["auto", "layers", "fast"],
        default="auto",
        help="what computes it: the layers, or on a CPU the fast engine, which auto takes there",
    )
    network.add_argument(
        "--workers",
        type=cli.whole(1),
        help="processes of the fast engine (default: the cores that it may use)",
    )

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
        help=f"passes over the photos {by_set('epochs')}",
    )
    training.add_argument(
        "--batch",
        type=cli.whole(2),
        help=f"photos a step, at most {by_set('batch')}",
    )
    training.add_argument("--lr", type=cli.positive, help=f"Adam's learning rate {by_set('lr')}")
    training.add_argument(
        "--schedule",
        type=schedule,
        metavar="{constant,step:N}",
        help=f"divide the learning rate by 10 every N epochs {by_set('schedule')}",
    )
    training.add_argument(
        "--val-every", type=cli.whole(1), default=1, help="epochs from one validation to the next"
    )

    output = parser.add_argument_group("output")
    output.add_argument(
        "--name", type=run_name, help="results go to runs/NAME; by default the next free number"
    )
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


def run_name(text):
    """The type of `--name`: the name of one folder."""
    if Path(text).name != text or text.startswith("."):
        raise argparse.ArgumentTypeError(f"expected the name of a folder in runs, got {text!r}")
    return text


def schedule(text):
    """The type of `--schedule`."""
    if not re.fullmatch(r"constant|step:[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"expected constant or step:N, got {text!r}")
    return text


def by_set(name):
    """The two defaults of an argument, for its help."""
    return f"({SYNTHETIC[name]} for synthetic faces, else {REAL[name]})"


def fill_in(arguments):
    """Give what depends on the data set its default."""
    for name, value in (SYNTHETIC if arguments.dataset == "synthetic" else REAL).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
