"""A trained network, from its checkpoint: what `train` wrote, ready to judge photos."""

from dataclasses import dataclass

import numpy as np

from tinydldl import checkpoint
from tinydldl.checkpoint import CheckpointError
from tinydldl.methods import Method, make_method
from tinydldl.models import AgeNet


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
    arrays, meta = checkpoint.load(path)
    try:
        network, grid = meta["network"], meta["grid"]
        labels = np.linspace(grid["first"], grid["last"], grid["labels"])
        method = make_method(meta["method"]["name"], labels)
        rng = np.random.default_rng(0)  # weights that are overwritten at once
        shape = network["name"], method.outputs, network["side"], network["pool"]
        model = AgeNet(*shape, log_sigmoid=network.get("log_sigmoid", False), rng=rng)
        channels = meta["channels"]["mean"], meta["channels"]["std"]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path}: not the checkpoint of a network ({error!r})") from None
    try:
        checkpoint.copy_into(model.params | model.buffers, arrays, "model.")
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return Trained(model.eval().to(xp), method.to(xp), channels, meta)
