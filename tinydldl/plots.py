"""The figures that commands and lessons share.

Each function returns one `Figure`, for a notebook to show or a command to save. None uses pyplot,
whose global state leaks from one figure into the next and which may look for a screen.
"""

import math

import numpy as np
from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart with every common kind of color blindness.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
DPI = 150


def new_figure(title, xlabel, ylabel):
    """A figure with one pair of axes in the style of all: (figure, axes)."""
    figure = Figure(figsize=(7, 4), dpi=DPI, layout="constrained")
    return figure, styled(figure.add_subplot(title=title, xlabel=xlabel, ylabel=ylabel))


def styled(axes):
    """The common look: no box, faint horizontal lines behind the data; returns the axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    return axes


def age_histogram(ages_by_part, title):
    """A histogram of {part: ages in years}, the parts stacked, a bar a year."""
    figure, axes = new_figure(title, "Age (years)", "Photos")
    labels = [f"{part} ({len(ages)})" for part, ages in ages_by_part.items()]
    ages = list(ages_by_part.values())
    colors = COLORS[: len(ages)]
    axes.hist(ages, year_bins(np.concatenate(ages)), stacked=True, color=colors, label=labels)
    axes.legend(frameon=False)
    return figure


def year_bins(ages, most=120):
    """Edges of bins centered on whole years; wider ones if `ages` would need over `most` bins.

    >>> year_bins([20.0, 22.4])
    array([19.5, 20.5, 21.5, 22.5, 23.5])
    """
    low, high = math.floor(min(ages)), math.ceil(max(ages))
    return np.linspace(low - 0.5, high + 0.5, min(high - low + 1, most) + 1)


def curves(metrics, title, baselines, judged="validation"):
    """Loss and MAE by epoch. `metrics`: a dict of figures for each epoch, as in metrics.csv.

    `baselines`: {name: MAE in years}, drawn as dashed lines; `judged`: what `valid_mae` is of.
    """
    figure = Figure(figsize=(12, 3.8), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    loss, kl, error = (
        styled(figure.add_subplot(1, 3, place, xlabel="Epoch", title=name))
        for place, name in enumerate(("Joint loss", "KL divergence in it", "MAE (years)"), start=1)
    )
    plot_column(loss, metrics, "train_loss", "training", COLORS[0])
    plot_column(kl, metrics, "train_kl", "training", COLORS[0])
    plot_column(error, metrics, "train_mae", "training (as augmented)", COLORS[0])
    plot_column(error, metrics, "valid_mae", judged, COLORS[3])
    for (name, value), style in zip(baselines.items(), ("--", ":"), strict=False):
        error.axhline(value, linestyle=style, color="#555555", label=f"{name}: {value:.1f}")
    for axes in (loss, kl, error):
        axes.set_ylim(bottom=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False)
    return figure


def plot_column(axes, metrics, column, label, color):
    """One column of `metrics` against the epoch; epochs without a value are passed over."""
    rows = [row for row in metrics if column in row]
    epochs = [int(row["epoch"]) for row in rows]
    values = [float(row[column]) for row in rows]
    axes.plot(epochs, values, marker="o", markersize=4, color=color, label=label)


def predictions(photos, grid, p, p_hat, y, sigma, y_hat, title):
    """A grid of faces, each above its label distribution and the predicted one.

    `photos`: RGB images; `p`, `p_hat` (N, K) on `grid` (K,); y, sigma, y_hat (N,), years.
    """
    columns = 6
    bands = math.ceil(len(photos) / columns)
    figure = Figure(figsize=(2.2 * columns, 3.6 * bands + 0.8), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    cells = figure.subplots(2 * bands, columns, height_ratios=[1.5, 1] * bands, squeeze=False)
    for cell in cells.flat:
        cell.set_axis_off()
    for i, photo in enumerate(photos):
        row, column = 2 * (i // columns), i % columns
        face, chart = cells[row, column], cells[row + 1, column]
        face.imshow(photo)
        face.set_title(f"estimate {y_hat[i]:.1f}", color=COLORS[3], fontsize=14)
        chart.set_axis_on()
        draw_distributions(chart, grid, p[i], p_hat[i], y_hat[i])
        chart.set_xlabel(f"true {y[i]:.1f} ± {sigma[i]:.1f} years", color=COLORS[0], fontsize=13)
    handles, labels = cells[1, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=13)
    return figure


def draw_distributions(axes, grid, p, p_hat, y_hat):
    """The label distribution p as an area, the predicted p_hat as a line, y_hat as a mark."""
    axes.fill_between(
        grid, p, color=COLORS[0], alpha=0.45, label="label distribution p, by age in years"
    )
    axes.plot(grid, p_hat, color=COLORS[3], label="predicted p_hat")
    axes.axvline(y_hat, color=COLORS[3], linestyle=":", label="its expectation y_hat, the estimate")
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)
