"""A trained network, from its checkpoint: what `train` wrote, ready to look at photos."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tinydldl import backend, checkpoint, finite, labels, ranks
from tinydldl.arrays import Ages, Array, Images, Module
from tinydldl.datasets.loader import Channels, PhotoStore, Seen, eval_batches, normalize
from tinydldl.methods import Method, make_method
from tinydldl.models import LARGEST_SIDE, AgeNet

OLDEST = 1000  # years; no label is higher


def checked(meta: dict[str, Any]) -> dict[str, Any]:
    """The description of a network in the JSON of its checkpoint, as one dict.

    `name`, `side`, `pool`, `log_sigmoid`: of an `AgeNet`, which checks names and the least side;
    `first`, `last`, `labels`: the grid, years; `mean`, `std`: of R, G and B in 0..1, for the
    normalization of photos; `lam`, `average`: settings of the training, None without them. Raises
    LookupError, TypeError or ValueError for values that cannot be.
    """
    for name in ("network", "grid", "channels", "method"):
        if not isinstance(meta[name], dict):
            raise ValueError(f"{name}: expected an object, found {meta[name]!r}")
    groups = {"name side pool log_sigmoid": {"log_sigmoid": False} | meta["network"]}
    groups |= {"first last labels": meta["grid"], "mean std": meta["channels"]}
    about = {name: group[name] for names, group in groups.items() for name in names.split()}
    about |= {"lam": meta["method"].get("lam"), "average": meta.get("average")}
    first, last, std, lam, average = (about[n] for n in ("first", "last", "std", "lam", "average"))
    most = labels.MOST_INTERVALS + 1
    ordered = is_number(first, 0, OLDEST) and is_number(last, 0, OLDEST) and first < last
    checks = {
        "name": (type(about["name"]) is str, "the name of a network"),
        "pool": (type(about["pool"]) is str, "the name of a pooling"),
        "side": (is_number(about["side"], 1, LARGEST_SIDE, int), f"1 to {LARGEST_SIDE} pixels"),
        "log_sigmoid": (type(about["log_sigmoid"]) is bool, "true or false"),
        "last": (ordered, f"0 <= first < last <= {OLDEST} years, with first {first!r}"),
        "labels": (is_number(about["labels"], 2, most, int), f"a whole number from 2 to {most}"),
        "mean": (is_three(about["mean"]), "three numbers from 0 to 1"),
        "std": (is_three(std) and min(std) >= 1e-6, "three numbers from 1e-6 to 1"),
        "lam": (lam is None or is_number(lam, 0), "null or a number from 0 up"),
        "average": (average is None or is_number(average, 0, 1), "null or 0 to 1"),
    }
    for name, (fits, expected) in checks.items():
        if not fits:
            raise ValueError(f"{name}: expected {expected}, found {about[name]!r}")
    return about


def is_number(value: Any, least: float, most: float = math.inf, *kinds: type) -> bool:
    """Whether a JSON value is a finite number from `least` to `most`; no bool is one."""
    return type(value) in (kinds or (int, float)) and least <= value <= most and value < math.inf


def is_three(values: Any) -> bool:
    """Whether a JSON value is a list of three numbers from 0 to 1."""
    return type(values) is list and len(values) == 3 and all(is_number(v, 0, 1) for v in values)


@dataclass
class Trained:
    """A network that can estimate ages: it, its method, and how photos are made ready for it."""

    model: Any  # an AgeNet, or what computes one
    method: Method
    channels: Channels  # mean and std of R, G and B that photos are normalized with
    meta: dict = field(default_factory=dict)  # the JSON of its checkpoint, {} without one

    side = property(lambda self: self.meta["network"]["side"])  # pixels, of the photos
    net = property(lambda self: self.meta["network"]["name"])  # in CHANNELS
    method_name = property(lambda self: self.meta["method"]["name"])  # in METHODS
    arrays = property(lambda self: self.model.params | self.model.buffers)  # by name
    text = property(lambda self: f"{self.method_name}, {self.net}, {self.side} px")  # for people

    def predict(
        self, store: PhotoStore, batch: int, xp: Module = np, seen: Seen = lambda images: None
    ) -> tuple[Array, Ages]:
        """Prediction (N, M) and y_hat (N,) of the photos, on the host. Raises NonFiniteError."""
        self.model.eval()
        predictions, y_hat = [], []
        for images, _ in eval_batches(store, batch=batch):
            prediction = self.predict_images(backend.to_device(images, xp))
            predictions.append(backend.to_host(prediction))
            y_hat.append(backend.to_host(self.method.age(prediction)))
            seen(len(images))
        own = np.concatenate(predictions), np.concatenate(y_hat)
        prediction, ages = map(np.concatenate, zip(*ranks.team.all_gather_object(own), strict=True))
        return prediction, ages

    def predict_images(self, images: Images) -> Array:
        """The mean prediction (N, M) for uint8 images and mirror images. Raises NonFiniteError."""
        x = normalize(images, *self.channels)
        with np.errstate(over="ignore", invalid="ignore"):
            views = x, x[:, :, ::-1]
            once, mirrored = (self.method.predict(self.model.forward(view)) for view in views)
        return finite.check_finite((once + mirrored) / 2)


def meta_of(network: dict, method: Method, settings: dict, channels: Channels) -> dict[str, Any]:
    """The JSON of a checkpoint: all that `load` needs, and the `settings` of the method."""
    grid = method.grid
    return {
        "network": network,
        "method": settings,
        "grid": {"first": float(grid[0]), "last": float(grid[-1]), "labels": len(grid)},
        "channels": dict(zip(("mean", "std"), channels, strict=True)),
    }


def from_meta(meta: dict[str, Any]) -> Trained:
    """A network by its checkpoint's JSON, its weights to be overwritten. Raises CheckpointError."""
    try:
        about = checked(meta)
        grid = np.linspace(about["first"], about["last"], about["labels"])
        method = make_method(meta["method"]["name"], grid)
        model = AgeNet(**meta["network"], outputs=method.outputs, rng=np.random.default_rng(0))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise checkpoint.CheckpointError(f"not the checkpoint of a network ({error!r})") from None
    return Trained(model.eval(), method, (about["mean"], about["std"]), meta)


def load(path: str | Path, xp: Module = np) -> Trained:
    """The network of a checkpoint or of a run's folder, for inference. Raises CheckpointError."""
    meta = checkpoint.read_meta(path)
    with checkpoint.reading(path):
        network = from_meta(meta)
    checkpoint.load(path, {f"model.{name}": array for name, array in network.arrays.items()})
    network.model.to(xp), network.method.to(xp)
    return network
