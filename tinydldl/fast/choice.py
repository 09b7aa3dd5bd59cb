"""The choice of the engine that computes a network: `--engine`."""

from typing import Any

import numpy as np

from tinydldl import cli, fast, ranks
from tinydldl.arrays import Module
from tinydldl.errors import UserError
from tinydldl.fast.stages import flatten
from tinydldl.layers import BatchNorm2d, Sequential
from tinydldl.processes import MOST, bounded


def add_engine_arguments(parser: Any) -> None:
    """Add --device, --engine and --workers to a parser or a group of one."""
    add = parser.add_argument
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    about = "what computes it: the layers, or on a CPU the fast engine, which auto takes there"
    add("--engine", choices=["auto", "layers", "fast"], default="auto", help=about)
    about = "processes of the fast engine (default: the cores that it may use)"
    add("--workers", type=cli.whole(1, MOST), help=about)


def choose_engine(
    model: Sequential, xp: Module, batch: int, engine: str = "auto", workers: int | None = None
) -> tuple[Sequential, str]:
    """The network on the engine that is asked for, and a description of it.

    `workers`: processes of the fast engine, by default a core each; `batch`: photos at a time.
    The team of ranks shares each batch. Raises UserError for the CPU engine on a GPU.
    """
    if engine == "fast" and xp is not np:
        raise UserError("--engine fast is for a CPU; use --engine layers, or --device cpu")
    by_layers = engine == "layers" or xp is not np
    if by_layers or (engine == "auto" and not fast.covers(model)):
        for _, layer in flatten(model.layers):
            if isinstance(layer, BatchNorm2d) and ranks.team.size > 1:
                layer.total = ranks.team.total
        why = "since the fast engine covers none of this network"
        return model, "layers" if by_layers else f"layers, {why}"
    asked = min(ranks.team.all_gather_object(workers or ranks.team.cores))
    net = fast.FastNet(model, bounded(asked, batch // ranks.team.size))
    plural = "es" if net.workers > 1 else ""
    why = net.why or (f"more of {asked} would have no work" if net.workers < asked else "")
    return net, f"fast, {net.workers} process{plural}" + (f": {why}" if why else "")


def engine_of(model: Sequential) -> dict[str, Any]:
    """The engine of a network and its number of processes: the last digits depend on both."""
    if isinstance(model, fast.FastNet):
        return {"engine": "fast", "processes": model.workers}
    return {"engine": "layers", "processes": 1}
