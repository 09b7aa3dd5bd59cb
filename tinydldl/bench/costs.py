"""The cost of the paper's networks, its table 2: size, multiply-adds, time for 32 photos."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinydldl.bench.cases import LABELS
from tinydldl.bench.engines import Step
from tinydldl.bench.race import Racer, check_agreement, time_in_turn
from tinydldl.fast import FastNet, available_cores, covers
from tinydldl.models import VGG16, AgeNet, Network, count_params

NETWORKS: dict[str, Callable[..., Network]]
NETWORKS = {"vgg16": VGG16, "thin": partial(AgeNet, "thin"), "tiny": partial(AgeNet, "tiny")}


# A row of the table: copies of a network, and the published figures of all of them, parameters in
# millions and ms for 32 photos on one M40 GPU. Gao, Zhou, Wu and Geng, IJCAI 2018, and its slides.
SYSTEMS = {
    "VGG16 (DEX, DLDL)": ("vgg16", 1, 134.6, 133.30),
    "11 x VGG16 (LDAE)": ("vgg16", 11, 1480.6, 1446.30),
    "ThinAgeNet": ("thin", 1, 3.7, 51.05),
    "TinyAgeNet": ("tiny", 1, 0.9, 24.26),
}

NOTES = (
    "Eleven VGG16 are not run: their figures are eleven times those of one.",
    "On disk: parameters and running statistics, four bytes each.",
    "Layers: photo by photo on one core, which is no slower than batches. Fast: the photos as one "
    "batch on all cores; it needs BatchNorm after each convolution, so it does not cover VGG16.",
    "Published times are of 32 photos on one M40 GPU.",
)

# what `ratios` compares, and its column
RATIOS = {
    "fewer_parameters": "parameters_m",
    "fewer_parameters_published": "published_parameters_m",
    "fewer_multiply_adds": "multiply_adds_g",
    "faster_layers": "layers_ms",
    "faster_published": "published_ms",
}


def measure(rounds: int = 3, images: int = 32) -> list[dict[str, Any]]:
    """The rows of the table: a dict for each of SYSTEMS, with our and the published figures.

    `parameters_m` in millions; `multiply_adds_g` per photo, in billions; `disk_mb` in 10^6 bytes;
    `layers_ms` and `fast_ms`, milliseconds for `images` photos, the median of `rounds` in which all
    networks take turns; `fast_ms` is None if the engine does not cover the network.
    """
    figures, engines = {}, {}
    for network in NETWORKS:
        figures[network], engines[network] = describe(network)
    milliseconds = time_networks(engines, rounds, images)
    for network, own in figures.items():
        own |= {f"{e}_ms": milliseconds.get(f"{network}-{e}") for e in ("layers", "fast")}
    return [
        {"network": name}
        | {column: value and copies * value for column, value in figures[network].items()}
        | {"published_parameters_m": parameters, "published_ms": ms}
        for name, (network, copies, parameters, ms) in SYSTEMS.items()
    ]


def ratios(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many times smaller and faster than VGG16 ours are: a dict with RATIOS for each."""
    vgg16, _, *ours = rows
    return [
        {"network": row["network"]}
        | {name: vgg16[column] / row[column] for name, column in RATIOS.items()}
        for row in ours
    ]


def describe(network: str) -> tuple[dict[str, Any], list[str]]:
    """`(figures, engines)`: what can be counted, and the engines that cover the network."""
    model = build(network)
    arrays = (model.params | model.buffers).values()
    figures = {
        "parameters_m": count_params(model) / 1e6,
        "multiply_adds_g": model.multiply_adds(model.input_shape) / 1e9,
        "disk_mb": sum(array.nbytes for array in arrays) / 1e6,
    }
    return figures, ["layers", "fast"] if covers(model) else ["layers"]


def time_networks(engines: dict[str, list[str]], rounds: int, images: int) -> dict[str, float]:
    """Milliseconds by `network-engine`. Raises UserError if engines of a network disagree."""
    racers: list[Racer] = []
    for network, names in engines.items():
        about = images, available_cores()
        own = [Racer(f"{network}-{e}", 1, inference, network, e, *about) for e in names]
        check_agreement(network, own)
        racers += own
    results = time_in_turn(racers, rounds, "networks")
    return {name: 1000 * result.median for name, result in results.items()}


def inference(network: str, engine: str, images: int, workers: int) -> Step:
    """The step that is timed, `step()`: the logits of random photos.

    The engine divides a batch by itself; the layers take photo after photo, since the maps of
    several do not stay in the cache.
    """
    model = build(network)
    shape = (images, *model.input_shape)
    x = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    if engine == "fast":
        return partial(FastNet(model, workers).forward, x)
    return lambda: np.concatenate([model.forward(photo[None]) for photo in x])


def build(network: str) -> Network:
    """The network for inference, always with the same initial weights."""
    return NETWORKS[network](len(LABELS), rng=np.random.default_rng(0)).eval()
