"""What a training is told."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinydldl import cli, optim
from tinydldl.datasets import Options
from tinydldl.errors import UserError

OF_ONE_METHOD = dict.fromkeys(("lam", "kl_reduction", "kl_epochs"), "dldl-v2")
OF_ONE_METHOD |= {"members": "ldae"}


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
    mix: float | None = None
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
        if self.mix and self.method == "dex":
            raise UserError("--mix: dex learns classes, and there is no class between two")
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
