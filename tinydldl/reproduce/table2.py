"""Table 2: what the networks cost. Nothing is trained: they are counted, and timed.

A line of the table is a dict: `parameters_m` in millions; `multiply_adds_g` per photo, in billions;
`disk_mb`, parameters and running statistics, in 10^6 bytes; `layers_ms` and `fast_ms`, for 32
photos; and two published figures, of Gao, Zhou, Wu and Geng, IJCAI 2018, and its slides.
"""

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tinydldl.bench.cases import LABELS
from tinydldl.bench.engines import Step
from tinydldl.bench.race import Racer, check_agreement, time_in_turn
from tinydldl.fast import FastNet, available_cores, covers
from tinydldl.models import VGG16, AgeNet, Network, count_params
from tinydldl.plots import COLORS, new_figure
from tinydldl.reproduce.table import MISSING, Table
from tinydldl.reproduce.trainings import Trainings

TITLE = "Table 2: what the networks cost"
NETWORKS: dict[str, Callable[..., Network]]
NETWORKS = {"vgg16": VGG16, "thin": partial(AgeNet, "thin"), "tiny": partial(AgeNet, "tiny")}
# Copies of a network; as published, of all: million parameters, ms for 32 photos on one M40 GPU.
SYSTEMS = {
    "VGG16 (DEX, DLDL)": ("vgg16", 1, 134.6, 133.30),
    "11 x VGG16 (LDAE)": ("vgg16", 11, 1480.6, 1446.30),
    "ThinAgeNet": ("thin", 1, 3.7, 51.05),
    "TinyAgeNet": ("tiny", 1, 0.9, 24.26),
}
COLUMNS = {
    "network": ("network", "{}"),
    "parameters, million": ("parameters_m", "{:.1f}"),
    "published": ("published_parameters_m", "{:.1f}"),
    "multiply-adds a photo, billion": ("multiply_adds_g", "{:.2f}"),
    "on disk, MB": ("disk_mb", "{:.1f}"),
    "32 photos, layers, ms": ("layers_ms", "{:.0f}"),
    "fast, ms": ("fast_ms", "{:.0f}"),
    "published, M40, ms": ("published_ms", "{:.2f}"),
}
# of a network: how many times as much VGG16 has
RATIOS = (
    "{network}: {parameters_m:.0f} times fewer parameters than VGG16 (published "
    "{published_parameters_m:.0f}), {multiply_adds_g:.1f} times fewer multiply-adds, "
    "{layers_ms:.1f} times faster on the layers here (published {published_ms:.1f})."
)
NOTES = (
    "Eleven VGG16 are not run: their figures are eleven times those of one.",
    "On disk: parameters and running statistics, four bytes each.",
    "Layers: photo by photo on one core, which is no slower than batches. Fast: the photos as one "
    "batch on all cores; it needs BatchNorm after each convolution, so it does not cover VGG16.",
    "Published times are of 32 photos on one M40 GPU.",
)


def measure(rounds: int = 3, images: int = 32) -> list[dict[str, Any]]:
    """The lines of the table: medians of `rounds` in turn, of `images` photos. Raises UserError."""
    counted, racers = {}, []
    for network in NETWORKS:
        counted[network], engines = describe(network)
        about = images, available_cores()
        own = [Racer(f"{network}-{e}", 1, inference, network, e, *about) for e in engines]
        check_agreement(network, own)
        racers += own
    results = time_in_turn(racers, rounds, "networks")
    lines = []
    for name, (network, copies, parameters, ms) in SYSTEMS.items():
        figures = dict(counted[network])
        for engine in ("layers", "fast"):
            result = results.get(f"{network}-{engine}")
            figures[f"{engine}_ms"] = result and 1000 * median(result.seconds)
        line = {column: value and copies * value for column, value in figures.items()}
        published = {"published_parameters_m": parameters, "published_ms": ms}
        lines.append({"network": name} | line | published)
    return lines


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


def inference(network: str, engine: str, images: int, workers: int) -> Step:
    """The step that is timed, `step()`: the logits of random photos.

    The engine divides a batch itself; the layers take photo after photo, whose maps fit the cache.
    """
    model = build(network)
    x = np.random.default_rng(1).standard_normal((images, *model.input_shape), dtype=np.float32)
    if engine == "fast":
        return partial(FastNet(model, workers).forward, x)
    return lambda: np.concatenate([model.forward(photo[None]) for photo in x])


def build(network: str) -> Network:
    """The network for inference, always with the same initial weights."""
    return NETWORKS[network](len(LABELS), rng=np.random.default_rng(0)).eval()


def table(measured: list[dict]) -> Table:
    """The figures of each network, and how many times smaller and faster than VGG16 ours are."""
    lines = [
        [MISSING if row[key] is None else form.format(row[key]) for key, form in COLUMNS.values()]
        for row in measured
    ]
    vgg16, _, *ours = measured
    numbers = vgg16.keys() - {"network", "fast_ms"}
    times = [row | {name: vgg16[name] / row[name] for name in numbers} for row in ours]
    return Table(TITLE, list(COLUMNS), lines, [*(RATIOS.format(**row) for row in times), *NOTES])


def picture(measured: list[dict]) -> Figure:
    """Time for 32 photos against the number of parameters, here and as published."""
    figure, axes = new_figure(TITLE, "Parameters (million)", "Time for 32 photos (ms)")
    series = {
        "layers, here": ("parameters_m", "layers_ms", "o", COLORS[0]),
        "fast, here": ("parameters_m", "fast_ms", "s", COLORS[2]),
        "published, on an M40 GPU": ("published_parameters_m", "published_ms", "D", COLORS[3]),
    }
    for label, (x, y, marker, color) in series.items():
        points = sorted((row[x], row[y]) for row in measured if row[y] is not None)
        axes.plot(*zip(*points, strict=True), marker, linestyle=":", color=color, label=label)
    axes.set(xscale="log", yscale="log")
    for row in measured:
        place = row["parameters_m"], row["layers_ms"]
        side = "right" if row["parameters_m"] > 100 else "center"
        above: dict[str, Any] = {"xytext": (0, 8), "textcoords": "offset points", "ha": side}
        axes.annotate(row["network"], place, **above)
    axes.margins(x=0.12, y=0.15)
    axes.legend(frameon=False)
    return figure


def make(trainings: Trainings, seeds: range) -> None:
    """Measure, and write the table."""
    measured = measure()
    table(measured).write(trainings.path("table2"), picture(measured))
