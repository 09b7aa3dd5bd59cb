"""Table 2: what the networks cost. Nothing is trained; the published figures are in `bench.costs`.

A line is a dict of `costs.measure`.
"""

from typing import Any

from matplotlib.figure import Figure

from tinydldl.bench import costs
from tinydldl.plots import COLORS, new_figure
from tinydldl.reproduce.table import MISSING, Table
from tinydldl.reproduce.trainings import Trainings

TITLE = "Table 2: what the networks cost"
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
RATIOS = (
    "{network}: {fewer_parameters:.0f} times fewer parameters than VGG16 (published "
    "{fewer_parameters_published:.0f}), {fewer_multiply_adds:.1f} times fewer multiply-adds, "
    "{faster_layers:.1f} times faster on the layers here (published {faster_published:.1f})."
)


def table(measured: list[dict]) -> Table:
    """The figures of each network, and how many times smaller and faster than VGG16 ours are."""
    lines = [
        [MISSING if row[key] is None else form.format(row[key]) for key, form in COLUMNS.values()]
        for row in measured
    ]
    compared = [RATIOS.format(**ratio) for ratio in costs.ratios(measured)]
    return Table(TITLE, list(COLUMNS), lines, [*compared, *costs.NOTES])


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
    measured = costs.measure()
    table(measured).write(trainings.path("table2"), picture(measured))
