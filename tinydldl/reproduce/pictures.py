"""The pictures beside the tables."""

import numpy as np
from matplotlib.figure import Figure

from tinydldl.labels import borders, gaussian_cdf, gaussian_label_distribution, ranking_code
from tinydldl.plots import COLORS, DPI, draw_ages, new_figure, styled
from tinydldl.reproduce.published import NOTHING, SETS

LINES = [color for color in COLORS if color != "#F0E442"]  # yellow is too faint for a line
AGE, SIGMA = 30.0, 3.0  # of the figure "ranking is learning label distribution"


def rows_beside_published(results, figures, title, photos="ChaLearn15"):
    """MAE of each row here, a dot a seed, beside the published one: the same order, or another?

    `results`: `render.Result`s; `figures`: label to the published figures of it, of which those on
    `photos` are drawn, one of `published.SETS`.
    """
    figure = Figure(figsize=(9, 1.4 + 0.36 * len(results)), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    here, there = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(results))
    for place, result in zip(places, results, strict=True):
        values = result.values("mae")
        here.plot(values, np.full(len(values), place), "o", color=COLORS[0], alpha=0.6)
        if len(values) > 1:
            here.plot(values.mean(), place, "|", color=COLORS[0], markersize=18)
        mae, _ = figures.get(result.label, NOTHING)[SETS.index(photos)]
        if mae:
            there.plot(mae, place, "D", color=COLORS[3])
    seeds = max(len(result.trained) for result in results)
    dots = f"MAE here (years), {seeds} seeds; bar: their mean"
    here.set(xlabel=dots if seeds > 1 else "MAE here (years), one seed", yticks=places)
    here.set_yticklabels([result.name for result in results])
    here.invert_yaxis()
    there.set(xlabel=f"MAE published, {photos} (years)")
    for axes in (here, there):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    return figure


def costs(rows, title):
    """Time for 32 photos against the number of parameters, here and as published.

    `rows`: those of `benchmark.costs.measure`.
    """
    figure, axes = new_figure(title, "Parameters (million)", "Time for 32 photos (ms)")
    series = {
        "layers, here": ("parameters_m", "layers_ms", "o", COLORS[0]),
        "fast, here": ("parameters_m", "fast_ms", "s", COLORS[2]),
        "published, on an M40 GPU": ("published_parameters_m", "published_ms", "D", COLORS[3]),
    }
    for name, (x, y, marker, color) in series.items():
        points = [(row[x], row[y]) for row in rows if row[y] is not None]
        style = {"linestyle": ":", "color": color, "label": name}
        axes.plot(*zip(*sorted(points), strict=True), marker, **style)
    axes.set(xscale="log", yscale="log")
    for row in rows:
        axes.annotate(
            row["network"],
            (row["parameters_m"], row["layers_ms"]),
            xytext=(0, 8),
            textcoords="offset points",
            ha="right" if row["parameters_m"] > 100 else "center",
        )
    axes.margins(x=0.12, y=0.15)
    axes.legend(frameon=False)
    return figure


def epochs_of_methods(results, epochs, title):
    """Validation MAE and the norm of the gradient by epoch, a line for each of `results`.

    `epochs`: the lines of epochs.csv, of which those of the first seed are drawn; the gradient over
    its own mean.
    """
    figure = Figure(figsize=(10, 4), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    error, gradient = (styled(axes) for axes in figure.subplots(1, 2))
    for result, color in zip(results, LINES, strict=False):
        rows = [row for row in epochs if result.trained and row["run"] == result.trained[0]["run"]]
        number = [int(row["epoch"]) for row in rows]
        spread = [float(row["grad_norm_std"]) / float(row["grad_norm"]) for row in rows]
        mae = [float(row.get("valid_mae", "nan")) for row in rows]
        error.plot(number, mae, color=color, label=result.name)
        gradient.plot(number, spread, color=color)
    error.set_title("Validation MAE (years)")
    gradient.set_title("Spread of the gradient's norm, over its mean")
    gradient.set_ylim(bottom=0)
    for axes in (error, gradient):
        axes.set_xlabel("Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside right center", frameon=False)
    return figure


def sizes(results, title):
    """MAE against the number of training photos, a line for each method."""
    figure, axes = new_figure(title, "Photos to train on", "MAE (years)")
    methods = dict.fromkeys(result.label[0] for result in results)
    for method, color in zip(methods, LINES, strict=False):
        points = [
            (int(result.label[1].replace(",", "")), result.values("mae").mean())
            for result in results
            if result.label[0] == method and len(result.values("mae"))
        ]
        axes.plot(*np.array(points).T.reshape(2, -1), "o-", color=color, label=method)
    axes.set_xscale("log")
    ticks = sorted({int(result.label[1].replace(",", "")) for result in results})
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.legend(frameon=False)
    return figure


def ranking_is_a_distribution(grid):
    """Label distribution, its cumulative sum, and the ranking code of one age, side by side."""
    figure = Figure(figsize=(11, 3.4), dpi=DPI, layout="constrained")
    figure.suptitle(f"Ranking is learning a label distribution: age {AGE:g}, sigma {SIGMA:g}")
    left, middle, right = (styled(axes) for axes in figure.subplots(1, 3))
    p, between = gaussian_label_distribution([AGE], [SIGMA], grid)[0], borders(grid)
    left.bar(grid, p, color=COLORS[0])
    left.set(title="label distribution p", xlabel="Age (years)")
    middle.step(between, p.cumsum()[:-1], where="mid", color=COLORS[0], label="T p")
    cdf = gaussian_cdf([AGE], [SIGMA], between)[0]
    middle.plot(between, cdf, "--", color=COLORS[1], label="CDF of the Gaussian")
    middle.set(title="its cumulative sum", xlabel="Age (years)")
    right.plot(between, 1 - p.cumsum()[:-1], color=COLORS[0], label="1 - T p")
    code = ranking_code([AGE], grid)[0]
    right.step(between, code, where="mid", color=COLORS[3], label="ranking code")
    right.set(title="the ranking code, hard and soft", xlabel="Age (years)")
    for axes in (left, middle, right):
        axes.set_xlim(AGE - 5 * SIGMA, AGE + 5 * SIGMA)
    for axes in (middle, right):
        axes.set_ylim(top=1.4)  # room for the legend
        axes.legend(frameon=False, loc="upper left")
    return figure


def histograms(ages_by_set):
    """How many photos of each age a data set has, one chart a set: {set: {part: ages}}."""
    figure = Figure(figsize=(8, 2.6 * len(ages_by_set)), dpi=DPI, layout="constrained")
    cells = figure.subplots(len(ages_by_set), 1, squeeze=False).flat
    for axes, (name, parts) in zip(cells, ages_by_set.items(), strict=True):
        edges = np.arange(-0.5, 1.5 + np.ceil(max(ages.max() for ages in parts.values())))
        draw_ages(styled(axes), parts, edges)
        axes.set(title=name, xlabel="Age (years)", ylabel="Photos")
    return figure
