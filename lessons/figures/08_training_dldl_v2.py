"""The figures of lesson 08."""

from math import ceil

import matplotlib.pyplot as plt

from tinydldl.plots import COLORS


def transforms(face, changed):
    """A photo, and what each transform makes of it."""
    _, axes = plt.subplots(1, 7, figsize=(12, 2.3))
    for ax, (name, image) in zip(axes, {"original": face, **changed}.items(), strict=True):
        ax.imshow(image)
        ax.set_title(name)
        ax.set_axis_off()
    plt.show()


def noise_floor(spread, floors):
    """The mean square of a weight by step, and the floor of each learning rate."""
    _, axes = plt.subplots()
    axes.semilogy(spread, color=COLORS[0])
    for (lr, floor), first, color in zip(floors.items(), (0, 200), COLORS[1::2], strict=False):
        axes.hlines(floor, first, first + 200, color=color, linestyle="--", label=f"floor, lr {lr}")
    axes.set(xlabel="Step", ylabel="Mean of $W^2$ (log scale)", title="Noise keeps W from 0")
    axes.legend()
    plt.show()


def schedules(rates, ours):
    """Learning rate by epoch: the paper's, and ours."""
    _, axes = plt.subplots(figsize=(8, 2.6))
    axes.step(range(1, 61), rates, where="mid", color=COLORS[0], label="paper: 60 epochs, every 30")
    axes.step(range(1, len(ours) + 1), ours, where="mid", color=COLORS[3], label="this lesson")
    axes.set(xlabel="Epoch", ylabel="Learning rate")
    axes.legend()
    plt.show()


def errors(runs, baseline):
    """Training and validation error by epoch, a panel for each {title: history}."""
    rows = ceil(len(runs) / 2)
    figure, axes = plt.subplots(rows, 2, figsize=(9, 2.7 * rows + 0.4), squeeze=False)
    curves = {
        "train_mae": ("training", COLORS[0], "o-"),
        "valid_mae": ("validation", COLORS[3], "s--"),
    }
    top = max(record[name] for history in runs.values() for record in history for name in curves)
    for ax, (title, history) in zip(axes.flat, runs.items(), strict=True):
        for name, (label, color, style) in curves.items():
            values = [record[name] for record in history]
            epochs = range(1, len(values) + 1)
            ax.plot(epochs, values, style, color=color, markersize=3, label=label)
        ax.axhline(baseline, color="black", linestyle=":", label="always the mean age")
        ax.set(title=title, xlabel="Epoch", ylabel="MAE (years)")
        ax.set_ylim(0, 1.05 * max(top, baseline))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    plt.show()
