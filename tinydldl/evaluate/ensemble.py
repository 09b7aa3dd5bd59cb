"""Several networks as one: their predictions are averaged, then decoded once, as LDAE does.

Source: Antipov et al., Pattern Recognition 2017.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from tinydldl import checkpoint, finite, ranks, trained
from tinydldl.arrays import Module, Outputs
from tinydldl.datasets.loader import PhotoStore
from tinydldl.fast.choice import choose_engine
from tinydldl.progress import Progress

Networks = dict[Path, trained.Trained]
Stores = dict[int, PhotoStore]  # by side, pixels


def load(paths: list[Path], xp: Module = np) -> Networks:
    """The networks of checkpoints, {path: Trained}, or of ensembles. Raises CheckpointError."""
    networks = {path: trained.load(path, xp) for given in paths for path in members(given)}
    (first_path, first), *others = networks.items()
    for path, network in others:
        if kind(network) != kind(first):
            why = "their predictions cannot be averaged, for they say different things"
            both = f"{prediction_text(first)}, and {prediction_text(network)}"
            raise checkpoint.CheckpointError(f"{first_path} and {path}: {why}: {both}")
    return networks


def members(path: Path) -> list[Path]:
    """The checkpoints that a path stands for: itself, or those in the folder of an ensemble."""
    inner = sorted(path.glob("member-*"), key=lambda member: (len(member.name), member.name))
    return inner or [path]


def kind(network: trained.Trained) -> tuple[type, list[float]]:
    """What a prediction means; networks may differ in all else."""
    return type(network.method.head), network.method.grid.tolist()


def prediction_text(network: trained.Trained) -> str:
    """A description of what a network predicts."""
    grid = network.method.grid
    return f"{network.method_name} on {len(grid)} labels from {grid[0]:g} to {grid[-1]:g}"


def average(
    networks: Networks, stores: Stores, xp: Module, batch: int, engine: str, workers: int | None
) -> Outputs:
    """The mean prediction (N, M) for the photos of {side: PhotoStore}. Raises CheckpointError."""
    predictions = []
    photos = sum(len(stores[network.side]) // ranks.team.size for network in networks.values())
    with Progress(None, "evaluating", photos, unit="photos") as progress:
        for path, network in networks.items():
            model, _ = choose_engine(network.model, xp, batch, engine, workers)
            about = stores[network.side], batch, xp, progress.update
            try:
                predictions.append(replace(network, model=model).predict(*about)[0])
            except finite.NonFiniteError as error:
                raise checkpoint.CheckpointError(f"{path}: {error}") from None
    return np.mean(predictions, axis=0)
