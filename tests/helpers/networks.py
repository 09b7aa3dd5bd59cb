"""Checkpoints for tests, of networks that nobody has trained."""

import json
from pathlib import Path

import numpy as np

from tinydldl import checkpoint, trained
from tinydldl.labels import label_grid
from tinydldl.methods import make_method
from tinydldl.models import AgeNet

CHANNELS = [[0.5, 0.4, 0.3], [0.25, 0.2, 0.15]]


def save_network(
    path, method="dldl-v2", grid=None, net="tiny", side=32, pool="hp", seed=0, channels=CHANNELS
):
    """Write a checkpoint of a network with random numbers in all arrays.

    Returns the network, in inference mode, and its method.
    """
    settings = {"name": method, "lam": 1.0}
    method = make_method(method, label_grid() if grid is None else grid)
    rng = np.random.default_rng(seed)
    model = AgeNet(net, method.outputs, side, pool, rng=rng)
    arrays = model.params | model.buffers
    for array in arrays.values():
        if array.ndim == 1:  # of batch normalization, and the bias: zeros and ones until now
            array += rng.uniform(0, 0.5, array.shape)
    model.params["fc.W"] *= 20  # so that no two photos look the same to it
    meta = trained.meta_of({"name": net, "side": side, "pool": pool}, method, settings, channels)
    checkpoint.save(path, {f"model.{name}": array for name, array in arrays.items()}, meta)
    return model.eval(), method


def contents(path):
    """All arrays of a checkpoint and its JSON, read by NumPy, whatever is in them."""
    with np.load(f"{path}.npz") as arrays:
        return dict(arrays), json.loads(Path(f"{path}.json").read_text())
