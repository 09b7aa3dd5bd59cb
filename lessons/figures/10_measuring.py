"""The figures of lesson 10."""

import matplotlib.pyplot as plt
import numpy as np

from tinydldl.plots import COLORS


def costs(error, cost):
    """What an error costs in the MAE, and in the epsilon-error, {sigma: cost}."""
    _, axes = plt.subplots(1, 2, sharex=True)
    axes[0].plot(error, np.abs(error), color=COLORS[7])
    axes[0].set(xlabel="Error (years)", ylabel="Cost (years)", title="in the MAE")
    for (s, values), color in zip(cost.items(), COLORS, strict=False):
        axes[1].plot(error, values, color=color, label=f"sigma {s:g}")
    axes[1].set(xlabel="Error (years)", ylabel="Cost", title="in the epsilon-error")
    axes[1].legend(loc="lower right")
    plt.show()


def cumulative_scores(scores, years, curves):
    """Cumulative scores with the same area above them."""
    _, axes = plt.subplots()
    for (name, score), color in zip(scores.items(), (COLORS[0], COLORS[3]), strict=True):
        axes.plot(years, score, color=color, label=f"{name}, MAE {np.abs(curves[name]).mean():.2f}")
    axes.fill_between(years, scores["steady"], 1, color=COLORS[0], alpha=0.15)
    axes.set(xlim=(0, 30), ylim=(0, 1.02), xlabel="n (years)", ylabel="CS(n)")
    axes.set_title("The area above the curve is the MAE")
    axes.legend(loc="lower right")
    plt.show()


def wrong_predictions(wrong, grid, target):
    """Predictions that are wrong in different ways, each over the target."""
    _, axes = plt.subplots(1, 5, figsize=(11, 2.2), sharey=True)
    for ax, (name, prediction) in zip(axes, wrong.items(), strict=True):
        ax.fill_between(grid, target, color=COLORS[0], alpha=0.35)
        ax.plot(grid, prediction, color=COLORS[3])
        ax.set(xlim=(30, 90), xlabel="Age (years)", title=name)
    axes[0].set_ylabel("Probability")
    plt.show()


def scores(score, says):
    """Each score against the stated sigma; the true one is 4."""
    _, axes = plt.subplots(1, 3, figsize=(10, 2.8), sharex=True)
    for ax, (name, values), color in zip(axes, score.items(), COLORS, strict=False):
        ax.plot(says, values, "o-", markersize=3, color=color)
        ax.axvline(4, color="black", linestyle=":")
        ax.set(xlabel="Stated sigma (years)", title=name, ylim=(0.95 * min(values), None))
    axes[2].set_ylim(0, 5)
    plt.show()


def ages(ages):
    """A histogram of ages."""
    _, axes = plt.subplots(figsize=(8, 2.4))
    axes.hist(ages, np.arange(0, 101, 5), color=COLORS[0])
    axes.set(xlabel="Age (years)", ylabel="Faces", title="Ages of the faces: few are old")
    plt.show()


def decades(first_years, counts, rows, noise, overall):
    """How many, how far off, and on which side, by decade."""
    _, axes = plt.subplots(1, 3, figsize=(11, 3))
    axes[0].bar(first_years + 5, counts, width=8, color=COLORS[5])
    axes[0].set(xlabel="Age (years)", ylabel="Faces", title="how many")
    axes[1].bar(
        first_years + 5,
        [row["mae"] for row in rows],
        width=8,
        yerr=noise,
        color=COLORS[0],
    )
    axes[1].axhline(overall, color="black", linestyle=":", label="all faces")
    axes[1].set(xlabel="Age (years)", ylabel="MAE (years)", title="how far off")
    axes[1].legend(loc="upper left")
    axes[2].bar(first_years + 5, [row["bias"] for row in rows], width=8, color=COLORS[3])
    axes[2].axhline(0, color="black", linewidth=0.8)
    axes[2].set(xlabel="Age (years)", ylabel="Bias (years)", title="on which side")
    plt.show()


def two_splits(y, y_hat):
    """The means of decades split by the true age, and split by the estimate."""
    _, axes = plt.subplots(1, 2, figsize=(10, 3.8))
    panels = [("split by the true age", y, y_hat), ("split by the estimate", y_hat, y)]
    for ax, (title, by, other) in zip(axes, panels, strict=True):
        ax.plot(by, other, ".", color=COLORS[5], markersize=4)
        ax.plot([0, 100], [0, 100], color="black", linewidth=0.8)
        decades = [d for d in range(0, 100, 10) if np.sum(by // 10 == d // 10) >= 5]
        means = [
            (by[by // 10 == d // 10].mean(), other[by // 10 == d // 10].mean()) for d in decades
        ]
        ax.plot(*np.array(means).T, "o-", color=COLORS[3], label="mean of a decade")
        ax.set(title=f"The network, {title}", xlim=(0, 100), ylim=(0, 100))
        ax.legend(loc="upper left")
    axes[0].set(xlabel="True age (years)", ylabel="Estimate (years)")
    axes[1].set(xlabel="Estimate (years)", ylabel="True age (years)")
    plt.show()


def calibration(levels, curves, u):
    """Coverage against q, and the histogram of the transformed ages `u` of each forecaster."""
    _, axes = plt.subplots(1, 4, figsize=(11, 2.8), width_ratios=[1.9, 1, 1, 1])
    draw_coverage(axes[0], levels, curves)
    for ax, (name, values), color in zip(axes[1:], u.items(), COLORS[:3], strict=True):
        ax.hist(values, np.linspace(0, 1, 21), density=True, color=color)
        ax.axhline(1, color="black", linewidth=0.8)
        ax.set(xlabel="u", title=name.partition(":")[0], ylim=(0, 4.5))
    axes[1].set_ylabel("Density")
    plt.show()


def reliability(levels, curves, size=(8, 4.4)):
    """Coverage against q, a line for each {name: coverages at `levels`}."""
    _, axes = plt.subplots(figsize=size)
    draw_coverage(axes, levels, curves)
    plt.show()


def draw_coverage(axes, levels, curves):
    """The lines of both, and the diagonal."""
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8)
    for (name, values), color in zip(curves.items(), COLORS, strict=False):
        axes.plot(levels, values, color=color, label=name)
    axes.set(xlabel="central q", ylabel="Coverage", xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1), fontsize=9)
