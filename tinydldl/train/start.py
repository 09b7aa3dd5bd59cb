"""Weights to start from, as `--init` says."""

from pathlib import Path

from tinydldl import checkpoint, trained
from tinydldl.checkpoint import CheckpointError
from tinydldl.train.loop import Training
from tinydldl.trained import Trained


def open_init(path: Path, net: str) -> Trained:
    """The network `net` of a checkpoint or run. Raises CheckpointError for another network."""
    source = trained.load(path)
    if source.net != net:
        expected = f"expected {net}, or --net {source.net}"
        raise CheckpointError(f"{path}: weights of the network {source.net}; {expected}")
    return source


def initialize(training: Training, path: Path, net: str) -> str:
    """Start a training from the weights of a checkpoint or run; returns a description of them.

    Photo size and pooling may be others, since neither has weights. The photos are normalized with
    the checkpoint's channels, as they were when its network was trained. The last layer stays new
    where its outputs mean something else. Raises CheckpointError as `open_init` does.
    """
    source = open_init(path, net)
    training.channels = source.channels
    ours, theirs = weights_of(training), weights_of(source)
    text = f"{path}, all layers"
    if outputs_of(training) != outputs_of(source):
        here, there = ours["fc.b"].shape, theirs["fc.b"].shape
        why = f"whose shape is {there} there and {here} here"
        if here == there:
            why = "whose outputs mean something else there"
        text = f"{path}, without fc, {why}"
        ours = {name: array for name, array in ours.items() if not name.startswith("fc.")}
    checkpoint.copy_into(ours, theirs)
    return text


def weights_of(network: Training | Trained) -> dict:
    """All that a network computes with: parameters and buffers, by name."""
    return network.model.params | network.model.buffers


def outputs_of(network: Training | Trained) -> tuple:
    """What the outputs of its layer fc mean: how many, what follows, first and last label."""
    method, (*_, last) = network.method, network.model.layers
    return method.outputs, last, type(method.head), method.grid[0], method.grid[-1]
