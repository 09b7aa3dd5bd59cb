"""The figures that commands and lessons share.

Each function returns one `Figure`, for a notebook to show or a command to save. None uses pyplot,
whose global state leaks from one figure into the next and which may look for a screen.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import PercentFormatter

from tinydldl import IS_COMMAND, files
from tinydldl.arrays import Ages, Array, Distributions, Grid

if IS_COMMAND:
    matplotlib.rcdefaults()  # whatever a user has in a matplotlibrc

# Okabe and Ito's palette: told apart with every common kind of color blindness.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
LINES = [color for color in COLORS if color != "#F0E442"]  # yellow is too faint for a line
DPI = 150
IN_A_ROW = 6  # faces
MOST_BINS = 120  # of a histogram; of more years they are wider
Rows = Sequence[dict[str, Any]]  # of a table


@dataclass
class Shown:
    """The photos of a picture, as RGB images, and what is drawn with each."""

    photos: Sequence[Array]
    grid: Grid
    p: Distributions
    p_hat: Distributions | None  # None for a method without a distribution
    y: Ages
    sigma: Ages
    y_hat: Ages


def new_figure(title: str, xlabel: str, ylabel: str, size: tuple = (7, 4)) -> tuple[Figure, Axes]:
    """A figure with one pair of axes in the common style: (figure, axes)."""
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    return figure, styled(figure.add_subplot(title=title, xlabel=xlabel, ylabel=ylabel))


def styled(axes: Axes) -> Axes:
    """The common look: no box, faint horizontal lines behind the data; returns the axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    return axes


def age_histograms(sets: dict[str, dict[str, Ages]]) -> Figure:
    """A chart per data set, {name: {part: ages in years}}: the parts stacked, a bar per year."""
    figure = Figure(figsize=(7, 1.4 + 2.6 * len(sets)), dpi=DPI, layout="constrained")
    charts = figure.subplots(len(sets), squeeze=False).flat
    for axes, (name, parts) in zip(charts, sets.items(), strict=True):
        ages, labels = [*parts.values()], [f"{part} ({len(ages)})" for part, ages in parts.items()]
        every = np.concatenate(ages)
        low, high = math.floor(every.min()), math.ceil(every.max())
        edges = np.linspace(low - 0.5, high + 0.5, min(high - low + 1, MOST_BINS) + 1).tolist()
        styled(axes).hist(ages, edges, label=labels, color=COLORS[: len(labels)], stacked=True)
        axes.set(title=name, xlabel="Age (years)", ylabel="Photos")
        axes.legend(frameon=False)
    return figure


def curves(metrics: Rows, title: str, baselines: dict, part: str = "validation") -> Figure:
    """Loss and MAE by epoch. `metrics`: a dict of figures for each epoch, as in metrics.csv.

    `baselines`: {name: MAE in years}, drawn as dashed lines; `part`: the photos of `valid_mae`. The
    KL divergence gets a chart of its own where it is only a part of the loss.
    """
    has_kl = any("train_kl" in row for row in metrics)
    names = ["Joint loss", "KL divergence in it"] if has_kl else ["Loss"]
    figure = Figure(figsize=(4 * len(names) + 4, 3.8), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    *losses, error = (
        styled(figure.add_subplot(1, len(names) + 1, place, xlabel="Epoch", title=name))
        for place, name in enumerate([*names, "MAE (years)"], start=1)
    )
    for axes, column in zip(losses, ("train_loss", "train_kl"), strict=False):
        plot_column(axes, metrics, column, "training", COLORS[0])
    plot_column(error, metrics, "train_mae", "training (as augmented)", COLORS[0])
    plot_column(error, metrics, "valid_mae", part, COLORS[3])
    for (name, value), style in zip(baselines.items(), ("--", ":"), strict=False):
        error.axhline(value, linestyle=style, color="#555555", label=f"{name}: {value:.1f}")
    for axes in (*losses, error):
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="x", integer=True, min_n_ticks=1)
        axes.legend(frameon=False)
    return figure


def plot_column(axes: Axes, metrics: Rows, column: str, label: str | None, color: str) -> None:
    """One column of `metrics` against the epoch; epochs without a value are left out."""
    points = [(int(row["epoch"]), float(row[column])) for row in metrics if column in row]
    axes.plot(*np.reshape(points, (-1, 2)).T, "o-", markersize=4, color=color, label=label)


def predictions(shown: Shown, title: str) -> Figure:
    """A grid of faces, each above its label distribution and the predicted one."""
    height = 3.6 * math.ceil(len(shown.photos) / IN_A_ROW) + 0.8
    figure = Figure(figsize=(2.2 * IN_A_ROW, height), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    handles, labels = draw_faces(figure, shown, IN_A_ROW)
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=13)
    return figure


def examples(blocks: dict[str, Shown]) -> Figure:
    """The same in blocks side by side, {heading: photos}, each of which is one row."""
    count = sum(len(shown.photos) for shown in blocks.values())
    figure = Figure(figsize=(2 * count + 2, 4.8), dpi=DPI, layout="constrained")
    parts = figure.subfigures(1, len(blocks), squeeze=False, wspace=0.05)
    for part, (heading, shown) in zip(parts.flat, blocks.items(), strict=True):
        part.suptitle(heading, fontweight="bold")
        handles, labels = draw_faces(part, shown, len(shown.photos))
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=13)
    return figure


def draw_faces(figure: Figure | SubFigure, shown: Shown, columns: int) -> tuple[list, list]:
    """Rows of faces above their distributions; returns handles and labels for the legend."""
    bands = math.ceil(len(shown.photos) / columns)
    cells = figure.subplots(2 * bands, columns, height_ratios=[1.5, 1] * bands, squeeze=False)
    for cell in cells.flat:
        cell.set_axis_off()
    for i, photo in enumerate(shown.photos):
        row, column = 2 * (i // columns), i % columns
        face, chart = cells[row, column], cells[row + 1, column]
        face.imshow(photo)
        face.set_title(f"estimate {shown.y_hat[i]:.1f}", color=COLORS[3], fontsize=14)
        chart.set_axis_on()
        draw_distributions(chart, shown, i)
        truth = f"true {shown.y[i]:.1f} ± {shown.sigma[i]:.1f} years"
        chart.set_xlabel(truth, color=COLORS[0], fontsize=13)
    return cells[1, 0].get_legend_handles_labels()


def draw_distributions(axes: Axes, shown: Shown, i: int) -> None:
    """The label distribution p as an area, the predicted p_hat, if any, as a line, y_hat dotted."""
    # not fill_between: before Matplotlib 3.10.1 its area cannot be in the legend of `examples`
    grid = shown.grid
    outline = [grid[0], *grid, grid[-1]], [0, *shown.p[i], 0]
    axes.fill(*outline, color=COLORS[0], alpha=0.45, label="label distribution p, by age in years")
    if shown.p_hat is not None:
        axes.plot(grid, shown.p_hat[i], color=COLORS[3], label="predicted p_hat")
    axes.axvline(shown.y_hat[i], color=COLORS[3], linestyle=":", label="y_hat, the estimate")
    axes.set(ylim=(0, None), yticks=[])
    axes.spines[["top", "right", "left"]].set_visible(False)


def cumulative_score(n: Array, share: Array, mae: float) -> Figure:
    """The curve of CS(n): the `share` (0..1) of photos at most n years off; `mae` in years."""
    figure, axes = new_figure("Cumulative score", "n (years)", "Share of photos within n years")
    axes.plot(n, share, color=COLORS[0], linewidth=2)
    years = np.array([1, 5, 10])
    scores = np.interp(years, n, share)
    texts = (f"CS({year}) = {score:.0%}" for year, score in zip(years, scores, strict=True))
    axes.plot(years, scores, "o", color=COLORS[0], label=", ".join(texts))
    axes.axvline(mae, color=COLORS[3], linestyle=":", label=f"MAE {mae:.2f} years")
    axes.set(xlim=(n[0], n[-1]), ylim=(0, 1))
    axes.locator_params(axis="x", integer=True)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(frameon=False)
    return figure


def scatter(y: Ages, y_hat: Ages, grid: Grid, within: float = 5) -> Figure:
    """Predicted against true age, a point per photo, and the band `within` so many years."""
    figure, axes = new_figure("", "True age (years)", "Estimate (years)", (6, 6))
    ends = np.array([grid[0], grid[-1]])
    share = (np.abs(y_hat - y) <= within).mean()
    label = f"within {within} years: {share:.0%} of {len(y)} photos"
    green = (COLORS[2], 0.2)
    axes.fill_between(ends, ends - within, ends + within, color=green, linewidth=0, label=label)
    axes.plot(ends, ends, color="#555555", linewidth=1)
    alpha = float(np.clip(200 / len(y), 0.15, 0.8))  # many points: where they are dense
    axes.scatter(y, y_hat, s=12, color=COLORS[0], alpha=alpha, linewidths=0)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.legend(frameon=False, loc="upper left")
    return figure


def decades(rows: Rows) -> Figure:
    """MAE and bias by decade of true age; `rows` as `metrics.by_decade` gives them."""
    x_label = "True age (years), and how many photos"
    figure, axes = new_figure("By decade of true age", x_label, "Years")
    place = np.array([row["decade"] / 10 for row in rows])  # a decade without photos is a gap
    mae, bias = ([row[name] for row in rows] for name in ("mae", "bias"))
    axes.bar(place - 0.2, mae, 0.4, color=COLORS[0], label="MAE")
    axes.bar(place + 0.2, bias, 0.4, color=COLORS[1], label="bias: mean estimate - true age")
    axes.axhline(0, color="#555555", linewidth=1)
    axes.set_xticks(place, [f"{row['decade']}-{row['decade'] + 9}\n{row['count']}" for row in rows])
    axes.legend(frameon=False)
    return figure


def reliability(q: Array, coverage: Array) -> Figure:
    """Coverage (0..1) against q: how much of the truth is in the central q of the predictions."""
    names = "Reliability", "Central q of the predicted distribution", "Share of true ages in it"
    figure, axes = new_figure(*names, (6, 6))
    axes.plot([0, 1], [0, 1], color="#555555", linewidth=1, label="perfect calibration")
    axes.plot(q, coverage, color=COLORS[0], linewidth=2, label="these predictions")
    axes.text(0.25, 0.75, "too unsure", ha="center", color="#555555", fontsize=13)
    axes.text(0.75, 0.25, "too sure", ha="center", color="#555555", fontsize=13)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(frameon=False, loc="upper left")
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG, all of it or nothing."""
    with files.replacing(path) as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a name in a script that the font does not have
        figure.savefig(file, format="png")


def save_new(figure: Figure, folder: Path, stem: str) -> Path:
    """Write a figure as `stem`.png into a folder, as `new_path` has it; returns its path."""
    with files.new_path(folder, f"{stem}.png") as path:
        save(figure, path)
    return path
