"""A trained network, from its checkpoint: what `train` wrote, ready to judge photos."""

import math
from dataclasses import dataclass

import numpy as np

from tinydldl import checkpoint
from tinydldl.checkpoint import CheckpointError
from tinydldl.labels import MOST_INTERVALS
from tinydldl.methods import Method, make_method
from tinydldl.models import LARGEST_SIDE, AgeNet

OLDEST = 1000  # years; no label is higher


@dataclass(frozen=True)
class Description:
    """What the JSON of a checkpoint says. Raises ValueError for what cannot be.

    `name`, `side`, `pool`, `log_sigmoid`: of an `AgeNet`, which checks names and the least side;
    `first`, `last`, `labels`: the grid, years; `mean`, `std`: of R, G and B in 0..1, which photos
    are normalized with; `lam`, `average`: settings of the training, None where it had none.
    """

    name: str
    side: int
    pool: str
    method: str
    first: float
    last: float
    labels: int
    mean: list
    std: list
    log_sigmoid: bool = False
    lam: float | None = None
    average: float | None = None

    def __post_init__(self):
        first, last, most = self.first, self.last, MOST_INTERVALS + 1
        ordered = is_number(first, 0, OLDEST) and is_number(last, 0, OLDEST) and first < last
        checks = {
            "side": (is_number(self.side, 1, LARGEST_SIDE, int), f"1 to {LARGEST_SIDE} pixels"),
            "log_sigmoid": (type(self.log_sigmoid) is bool, "true or false"),
            "last": (ordered, f"0 <= first < last <= {OLDEST} years, with first {first!r}"),
            "labels": (is_number(self.labels, 2, most, int), f"a whole number from 2 to {most}"),
            "mean": (is_three(self.mean), "three numbers from 0 to 1"),
            "std": (is_three(self.std) and min(self.std) > 0, "three numbers above 0, at most 1"),
            "lam": (self.lam is None or is_number(self.lam, 0), "null or a number from 0 up"),
            "average": (self.average is None or is_number(self.average, 0, 1), "null or 0 to 1"),
        }
        for name, (fits, expected) in checks.items():
            if not fits:
                raise ValueError(f"{name}: expected {expected}, found {getattr(self, name)!r}")

    @classmethod
    def of(cls, meta):
        """Of the JSON `meta`. Raises LookupError, TypeError or ValueError for what is none."""
        parts, method = meta["network"] | meta["grid"] | meta["channels"], meta["method"]
        training = {"lam": method.get("lam"), "average": meta.get("average")}
        return cls(**parts, method=method["name"], **training)


def is_number(value, least, most=math.inf, *kinds):
    """Whether a JSON value is a finite number from `least` to `most`; no bool is one."""
    return type(value) in (kinds or (int, float)) and least <= value <= most and value < math.inf


def is_three(values):
    """Whether a JSON value is a list of three numbers from 0 to 1."""
    return type(values) is list and len(values) == 3 and all(is_number(v, 0, 1) for v in values)


@dataclass
class Trained:
    """`channels`: mean and std of R, G and B that photos are normalized with; `meta`: the JSON."""

    model: AgeNet
    method: Method
    channels: tuple[list, list]
    meta: dict

    @property
    def side(self):
        """Pixels a side of the photos that the network expects."""
        return self.model.input_shape[0]


def describe(network, method, settings, channels):
    """The JSON of a checkpoint: all that `load` must know, and the `settings` of the method.

    `network`: name, side, pool, and `log_sigmoid` if its logits are that; `channels`: mean and std.
    """
    grid = method.grid
    return {
        "network": network,
        "method": settings,
        "grid": {"first": float(grid[0]), "last": float(grid[-1]), "labels": len(grid)},
        "channels": dict(zip(("mean", "std"), channels, strict=True)),
    }


def load(path, xp=np):
    """The network of a checkpoint, or of a run's folder, on the module `xp`, in inference mode.

    Raises CheckpointError, one line, for anything that does not fit.
    """
    meta = checkpoint.describe(path)
    try:
        about = Description.of(meta)
        method = make_method(about.method, np.linspace(about.first, about.last, about.labels))
        rng = np.random.default_rng(0)  # weights that are overwritten at once
        shape = about.name, method.outputs, about.side, about.pool
        model = AgeNet(*shape, log_sigmoid=about.log_sigmoid, rng=rng)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        message = f"{path}: not the checkpoint of a network ({error!r})"
        raise CheckpointError(message) from None
    arrays = model.params | model.buffers
    checkpoint.load(path, {f"model.{name}": array for name, array in arrays.items()})
    return Trained(model.eval().to(xp), method.to(xp), (about.mean, about.std), meta)
