"""How time and memory grow with the batch, the size of the photos, and the processes.

    python tools/growth.py                  about seven minutes on a quiet machine

TinyAgeNet on the fast engine, training steps and inference. Writes docs/growth.csv, and the picture
docs/growth.png.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tinydldl import machine, plots
from tinydldl.bench import quiet
from tinydldl.bench.cases import Case
from tinydldl.bench.race import race
from tinydldl.files import read_table, write_table
from tinydldl.plots import COLORS, DPI, styled

DOCS = Path(__file__).parents[1] / "docs"
BATCHES, SIDES = (8, 32, 128, 256), (32, 64, 128, 224, 448)
SIDE, BATCH = 64, 8  # of the others
COLUMNS = ("pass", "processes", "side", "batch", "ms", "mb")


def measured() -> Iterator[dict]:
    """Yield a line for each case."""
    shapes = dict.fromkeys([*product([SIDE], BATCHES), *product(SIDES, [BATCH])])
    for train, workers, (side, batch) in product((True, False), (1, 2), shapes):
        (result,), _ = race(Case("tiny", side, batch, train), ["fast"], workers, rounds=3)
        about = {"pass": "train" if train else "inference", "processes": workers}
        memory = round((result.memory or 0) / 1e6)
        yield about | {
            "side": side,
            "batch": batch,
            "ms": f"{1000 * median(result.seconds):.1f}",
            "mb": memory,
        }


def picture(rows: list[dict]) -> Figure:
    """Time above, memory below; left by batch, right by size."""
    figure = Figure(figsize=(10, 7), dpi=DPI, layout="constrained")
    cpu, *_ = machine.description().partition(",")
    figure.suptitle(f"TinyAgeNet on the fast engine: {cpu}")
    panels = figure.subplots(2, 2, sharey="row")
    for line, (column, label) in zip(panels, {"ms": "ms", "mb": "MB"}.items(), strict=True):
        draw(line[0], [row for row in rows if int(row["side"]) == SIDE], "batch", column)
        draw(line[1], [row for row in rows if int(row["batch"]) == BATCH], "side", column)
        line[0].set_ylabel(
            "Milliseconds of a step" if label == "ms" else "Memory of all processes (MB)"
        )
        line[0].set_xlabel(f"Photos in a batch, {SIDE} pixels a side")
        line[1].set_xlabel(f"Pixels a side, {BATCH} photos in a batch")
    panels[0, 0].legend(frameon=False)
    return figure


def draw(axes: Axes, rows: list[dict], x: str, y: str) -> None:
    """A line for each pass and number of processes, both axes logarithmic."""
    styled(axes).set(xscale="log", yscale="log")
    for (name, color), (workers, style) in product(
        {"train": COLORS[3], "inference": COLORS[0]}.items(), {"1": ":", "2": "-"}.items()
    ):
        own = [r for r in rows if (r["pass"], r["processes"]) == (name, workers)]
        own.sort(key=lambda row: int(row[x]))
        points = [int(row[x]) for row in own], [float(row[y]) for row in own]
        words = f"{name}, {workers} process{'es' * (workers != '1')}"
        axes.plot(*points, f"o{style}", color=color, label=words)
    ticks = sorted({int(row[x]) for row in rows})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()


def main() -> None:
    before = quiet.pulse()
    write_table(DOCS / "growth.csv", COLUMNS, list(measured()))
    print(machine.description(), quiet.verdict(before, quiet.pulse()), sep="\n")
    plots.save(picture(read_table(DOCS / "growth.csv")), DOCS / "growth.png")


if __name__ == "__main__":
    main()
