"""What a training is told: `TrainSettings`, and the command line that they come from."""

import argparse
import os
import re
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tinydldl import cli, datasets, labels, methods, optim, weights
from tinydldl.datasets import Options, selection
from tinydldl.datasets.table import PARTS
from tinydldl.datasets.transforms import TRANSFORMS
from tinydldl.errors import UserError
from tinydldl.fast.choice import add_engine_arguments
from tinydldl.models import CHANNELS, POOLS

OF_ONE_METHOD = dict.fromkeys(("lam", "kl_reduction", "kl_epochs"), "dldl-v2")
OF_ONE_METHOD |= {"members": "ldae"}
# A few minutes on two cores; the faces are drawn at all angles and in any light already.
SYNTHETIC: dict[str, Any] = {"size": 48, "epochs": 8, "batch": 32, "lr": 2e-3}
SYNTHETIC |= {"schedule": "cosine:1", "augment": ["mirror", "crop"]}
# The paper's, but for details of the augmentation: see data/README.md.
REAL: dict[str, Any] = {"size": 224, "epochs": 60, "batch": 128, "lr": 1e-3, "schedule": "step:30"}
REAL |= {"augment": list(TRANSFORMS)}
PLACES = ("data_dir", "table")  # where photos lie, which may change from one start to the next
NAME = re.compile(r"[^./\\\0-\x1f][^/\\\0-\x1f]{0,59}")  # `.NAME.partial` has 255 bytes at most
SCHEDULE = re.compile(r"constant|step:[1-9]\d{0,8}|cosine(:\d{1,9})?")
STEP = f"a number of years that divides 100 into 1 to {labels.MOST_INTERVALS} parts"


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """All that decides a training; `config.json` holds it. `dataclasses.replace` changes it.

    Each field is the option of `python -m tinydldl.train` of its name, whose help says what it is;
    those of another method count for nothing. Raises UserError for what does not go together.
    """

    # data
    dataset: str
    data_dir: Path
    table: Path | None = None
    aligned: Path | None = None
    split: str = Options.split
    seed: int = Options.seed
    sigma: float = Options.sigma
    parts: list[str] | None = None
    limit: int | None = None
    train_limit: int | None = None
    augment: list[str]
    loaders: int = 2
    cache_mb: int = 2048
    # network
    net: str = "tiny"
    pool: str = "hp"
    size: int
    init: Path | None = None
    device: str = "auto"
    engine: str = "auto"
    workers: int | None = None
    # method
    method: str = "dldl-v2"
    members: int = 3
    lam: float = 1.0
    label_step: float = 1.0
    kl_reduction: str = "batch"
    kl_epochs: int = 0
    # training
    epochs: int
    batch: int
    optimizer: str = "adam"
    lr: float
    schedule: str
    balance: bool = False
    average: float | None = None
    val_every: int = 1
    patience: int | None = None

    def __post_init__(self) -> None:
        if self.parts and len(set(self.parts)) == 1:
            raise UserError(f"--parts: {self.parts[0]} to train on and to evaluate on; take two")
        if self.method == "ldae" and self.members == 1:
            raise UserError("--members 1: an ensemble needs 2 or more; for one take --method dldl")
        if self.method == "dldl-v2" and self.kl_epochs >= self.epochs:
            raise UserError(f"--kl-epochs {self.kl_epochs}: expected fewer than {self.epochs}")
        if self.warm_up >= self.epochs:
            epochs = f"{self.warm_up} of {self.epochs} epochs of warm-up"
            raise UserError(f"--schedule {self.schedule}: {epochs} leave none to go down")

    @property
    def warm_up(self) -> int:
        """Epochs in which the learning rate rises."""
        name, _, count = self.schedule.partition(":")
        return int(count or 0) if name == "cosine" else 0

    def learning_rate(self, epoch: float) -> float:
        """The learning rate at an epoch, from 1 on; 1.5 is the middle of the first."""
        name, _, count = self.schedule.partition(":")
        if name == "cosine":
            return optim.cosine_schedule(self.lr, epoch, self.epochs, self.warm_up)
        every = int(count or self.epochs)  # a constant one is divided after the end
        return optim.step_schedule(self.lr, epoch, every)

    @property
    def networks(self) -> int:
        """How many networks are trained: one, or the members of an ensemble."""
        return self.members if self.method == "ldae" else 1

    @property
    def options(self) -> Options:
        """What the data set is told."""
        return cli.gather(Options, self)

    @property
    def title(self) -> str:
        """What pictures are headed with."""
        return f"{self.method}, {self.net} network, {self.size} px, {self.dataset}"

    def plain(self) -> dict[str, Any]:
        """The settings as JSON values; paths are absolute, so that a run resumes from anywhere."""
        return {
            name: str(value.resolve()) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
            if self.method == OF_ONE_METHOD.get(name, self.method)
        }


def build_parser() -> cli.Parser:
    parser = cli.Parser("train", "Train a network to see ages, with DLDL-v2 or another method.")

    data = parser.add_argument_group("data")
    datasets.add_arguments(data, "what to learn from", "synthetic")
    about = "parts to train and evaluate on (default: train, and valid if there is one, else test)"
    names: dict[str, Any] = {"choices": PARTS, "metavar": ("TRAINED", "EVALUATED")}
    data.add_argument("--parts", nargs=2, **names, help=about)
    augment = "mirror crop for synthetic faces, else all but erase"
    selection.add_training_arguments(data, "only this many photos or synthetic faces", augment)

    network = parser.add_argument_group("network")
    add = network.add_argument
    add("--net", choices=CHANNELS, help="TinyAgeNet, ThinAgeNet, or Tiny less a layer (tiny12)")
    add("--pool", choices=POOLS, help="the last pooling: hybrid, or the global average alone")
    add("--size", type=selection.SIDE, help=f"pixels per side {by_set('size')}")
    about = f"start from the weights of this run or checkpoint, or from {weights.SHIPPED}"
    add("--init", type=cli.text, metavar="PATH", help=about)
    add_engine_arguments(network)

    add = parser.add_argument_group("method").add_argument
    add("--method", choices=methods.METHODS, help="what is learned")
    add("--members", type=cli.whole(1), help="ldae: how many networks to average (default: 3)")
    add("--lam", type=cli.not_negative, help="dldl-v2: lambda, of |y_hat - y| (default: 1)")
    step = cli.kind(float, STEP, lambda step: len(labels.label_grid(step=step)))
    add("--label-step", type=step, help="years from one label to the next")
    about = "dldl-v2: divide KL by N, or by N K as the paper's published code does (default: batch)"
    add("--kl-reduction", choices=["batch", "elements"], help=about)
    about = "dldl-v2: so many epochs with KL alone first (default: two thirds, since L1 would lead "
    add("--kl-epochs", type=cli.whole(0), help=about + "from random weights; none with --init)")

    add = parser.add_argument_group("training").add_argument
    add("--epochs", type=cli.whole(1), help=f"passes over the photos {by_set('epochs')}")
    add("--batch", type=cli.whole(2), help=f"photos per step, at most {by_set('batch')}")
    about = "what takes the steps; sgd has a momentum of 0.9"
    add("--optimizer", choices=optim.OPTIMIZERS, help=about)
    add("--lr", type=cli.positive, help=f"learning rate {by_set('lr')}")
    about = "divide the learning rate by 10 every N epochs; or raise it for W epochs, then along "
    about += f"half a cosine down to 0 {by_set('schedule')}"
    schedule = cli.kind(str, "constant, step:N, cosine or cosine:W", SCHEDULE.fullmatch)
    add("--schedule", type=schedule, metavar="{constant,step:N,cosine:W}", help=about)
    add("--balance", action=argparse.BooleanOptionalAction, help="weigh photos of rare ages more")
    about = "keep and evaluate the moving average of the weights, with this decay a step, as 0.999"
    add("--average", type=cli.fraction, metavar="DECAY", help=about)
    add("--val-every", type=cli.whole(1), help="epochs from one validation to the next")
    about = "stop after so many epochs without a smaller validation MAE"
    add("--patience", type=cli.whole(1), metavar="EPOCHS", help=about)

    add = parser.add_argument_group("output").add_argument
    name = cli.kind(str, "a name of up to 60 characters, no path", NAME.fullmatch)
    add("--name", type=name, help="results go to runs/NAME; by default the next free number")
    about = "continue this run; only --data-dir and --table may say where its photos lie now"
    add("--resume", type=cli.path, metavar="FOLDER", help=about)
    usual = {f.name: f.default for f in fields(TrainSettings) if f.default is not MISSING}
    parser.set_defaults(**{name: usual[name] for name in usual.keys() - OF_ONE_METHOD.keys()})
    return parser


def by_set(name: str, synthetic: dict = SYNTHETIC, real: dict = REAL) -> str:
    """The two defaults of an argument, for its help."""
    return f"({synthetic[name]} for synthetic faces, else {real[name]})"


def settings_of(arguments: argparse.Namespace) -> TrainSettings:
    """The settings in parsed arguments and, for what is not given, the data set's."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    for name, method in OF_ONE_METHOD.items():
        if name in given and arguments.method != method:
            raise UserError(f"--{name.replace('_', '-')} is for --method {method} alone")
    if arguments.init:
        given["init"] = weights.find(arguments.init)
    usual = SYNTHETIC if arguments.dataset == "synthetic" else REAL
    epochs = given.get("epochs", usual["epochs"])
    usual = usual | {"kl_epochs": 0 if arguments.init else epochs * 2 // 3}
    usual |= {"schedule": "constant"} if epochs == 1 else {}  # an epoch of warm-up would be all
    return cli.gather(TrainSettings, argparse.Namespace(**usual | given))


def places_of(parser: argparse.ArgumentParser, argv: list[str] | None) -> dict[str, Path]:
    """What a user says beside `--resume` of `PLACES`, {name: path}; an error for anything else."""
    unset = argparse.Namespace(**dict.fromkeys(vars(parser.parse_args([]))))  # without defaults
    given = {n: v for n, v in vars(parser.parse_args(argv, unset)).items() if v is not None}
    if given.keys() - {"resume", *PLACES}:
        parser.error("--resume goes alone, or with --data-dir and --table: all else is of the run")
    return {name: given[name] for name in PLACES if name in given}


def settings_of_run(parser: cli.Parser, path: Path, config: dict, places: dict) -> TrainSettings:
    """The settings of a run, from those in its `config`, the file `path`, and from `places_of`.

    A data folder that is there no more is looked for in $TINYDLDL_DATA. Raises UserError if one is
    missing, whose default now need not be what the run was begun with, and for one too many.
    """
    stored = config["arguments"]
    method = stored.get("method")
    names = {f.name for f in fields(TrainSettings) if OF_ONE_METHOD.get(f.name, method) == method}
    if odd := sorted(names ^ stored.keys()):
        how = f"{'without' if odd[0] in names else 'with'} the argument {odd[0]}"
        raise UserError(f"{path}: {how}, so of another version; the run cannot go on as it began")
    if os.environ.get("TINYDLDL_DATA") and not os.path.isdir(str(stored["data_dir"])):
        places = {"data_dir": datasets.default_data_dir()} | places
    return settings_of(parser.parse_args(as_words(stored | places)))


def as_words(settings: dict[str, Any]) -> list[str]:
    """The words of the command line that gives these settings: stored ones are checked, too."""
    words = []
    for name, value in settings.items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, list):
            words += [option, *map(str, value)] if value else [f"--no-{name}"]
        elif isinstance(value, bool):
            words.append(option if value else f"--no-{name}")
        elif value is not None:
            words += [f"{option}={value}"]
    return words
