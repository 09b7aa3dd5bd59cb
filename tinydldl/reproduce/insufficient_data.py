"""Insufficient data: three methods with fewer photos to train on."""

import numpy as np
from matplotlib.figure import Figure

from tinydldl.plots import LINES, new_figure
from tinydldl.reproduce.table import Result, Row, Table
from tinydldl.reproduce.trainings import Trainings

TITLE = "Insufficient data"
METHODS = ("dldl-v2", "mr-l1", "dex")
SIZES = (500, 2000, 6000)  # photos to train on


def rows(photos: int, epochs: int) -> list[Row]:
    """Each method with each of SIZES, up to the `photos` at hand; `epochs`: with all of them."""
    sizes = [*(size for size in SIZES if size < photos), photos][: len(SIZES)]
    return [
        Row((name, size), name, {"method": name} | fewer(size, photos, epochs))
        for name in METHODS
        for size in sizes
    ]


def fewer(size: int, photos: int, epochs: int) -> dict:
    """The changes that train on `size` of the photos, in whole times the epochs.

    So the steps are about as many, and about as many are warm-up or lie between two validations.
    """
    if size == photos:
        return {}
    times = max(1, round(photos / size))
    longer = {"epochs": times * epochs, "schedule": f"cosine:{times}", "val_every": times}
    return {"train_limit": size} | longer


def table(results: list[Result]) -> Table:
    """A row per method, a column per size."""
    mae = {result.row.label: result.text("mae") for result in results}
    sizes = dict.fromkeys(size for _, size in mae)
    lines = [[method, *(mae[method, size] for size in sizes)] for method in METHODS]
    note = "MAE in years; each network was trained for about as many steps, "
    note += "on fewer photos more often."
    return Table(TITLE, ["method", *(f"{size:,} photos" for size in sizes)], lines, [note])


def picture(results: list[Result]) -> Figure:
    """MAE against the number of training photos, a line per method."""
    figure, axes = new_figure(TITLE, "Photos to train on", "MAE (years)")
    for method, color in zip(METHODS, LINES, strict=False):
        own = [r for r in results if r.row.label[0] == method and len(r.values("mae"))]
        points = np.array([(r.row.label[1], r.values("mae").mean()) for r in own])
        axes.plot(*points.T.reshape(2, -1), "o-", color=color, label=method)
    axes.set_xscale("log")
    sizes = sorted({result.row.label[1] for result in results})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.legend(frameon=False)
    return figure


def make(trainings: Trainings, seeds: range) -> None:
    """Train, and write the table."""
    photos = trainings.photos_to_train_on(seeds[0])
    results = trainings.run(rows(photos, trainings.base.epochs), seeds)
    table(results).write(trainings.path("insufficient-data"), picture(results))
