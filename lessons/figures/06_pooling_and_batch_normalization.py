"""The figures of lesson 06."""

import matplotlib.pyplot as plt
import numpy as np

from tinydldl.plots import COLORS


def max_pooling(x, y, dy, dx):
    """Max pooling and its backward pass in numbers: the windows in colors, the winners bold."""
    _, axes = plt.subplots(1, 4, figsize=(9, 2.4), width_ratios=[4, 2, 2, 4])
    for ax, array, name in zip(axes, (x, y, dy, dx), ("x", "y", "dy", "dx"), strict=True):
        grid = array[0, :, :, 0]
        size = len(grid) // 2  # entries of one window
        for i, j in np.ndindex(grid.shape):
            won = array is dx and grid[i, j] > 0
            window = 2 * (i // size) + j // size
            ax.add_patch(
                plt.Rectangle((j, i), 1, 1, color=COLORS[(0, 1, 2, 4)[window]], alpha=0.45)
            )
            ax.text(
                j + 0.5,
                i + 0.5,
                f"{grid[i, j]:g}",
                ha="center",
                va="center",
                weight="bold" if won else None,
            )
        ax.set(xlim=(0, len(grid)), ylim=(len(grid), 0), aspect="equal", title=name)
        ax.set_axis_off()
    plt.show()


def pooled(maps, pooled):
    """Maps (14, 14), and what two kinds of pooling make of them, {name: (GAP, HP)}."""
    _, axes = plt.subplots(1, 3, figsize=(8, 3))
    for ax, (name, one) in zip(axes, maps.items(), strict=True):
        ax.imshow(one, cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(f"{name}\nGAP {pooled[name][0]:.2f}, HP {pooled[name][1]:.2f}")
        ax.set(xticks=np.arange(-0.5, 14, 2), yticks=np.arange(-0.5, 14, 2))
        ax.tick_params(labelbottom=False, labelleft=False, length=0)
        ax.grid(color=COLORS[1], alpha=1)
        ax.set_axisbelow(False)
    plt.show()


def spreads(spread):
    """The spread by layer, {(with BatchNorm, scale of the weights): values}."""
    _, axes = plt.subplots(1, 2, sharey=True)
    for ax, normalize in zip(axes, (False, True), strict=True):
        for scale, style in zip((2, 1, 0.5), ("o-", "s--", "^:"), strict=True):
            values = spread[normalize, scale]
            ax.plot(range(1, 11), values, style, label=f"weights times {scale}")
        ax.set(
            yscale="log",
            ylim=(1e-4, 1e4),
            xlabel="Layer",
            title=f"{'with' if normalize else 'no'} BatchNorm",
        )
    axes[0].set(ylabel="Standard deviation of the output")
    axes[0].legend(loc="upper left")
    plt.show()


def regression(x_hat0, dy, intercept, slope, residuals):
    """Gradients with their regression line on x_hat, and what is left of them without it."""
    _, axes = plt.subplots(1, 2, sharex=True, sharey=True)
    axes[0].plot(x_hat0, dy, "o")
    axes[0].plot(x_hat0, intercept + slope * x_hat0, color=COLORS[3])
    axes[0].vlines(x_hat0, intercept + slope * x_hat0, dy, color=COLORS[1])
    axes[0].set(title="dy, and its regression line", ylabel="Gradient", xlabel=r"$\hat x$")
    axes[1].plot(x_hat0, residuals, "o")
    axes[1].axhline(0, color=COLORS[3])
    axes[1].vlines(x_hat0, 0, residuals, color=COLORS[1])
    axes[1].set(title=r"what is passed back: dx / ($\gamma$ inv_std)", xlabel=r"$\hat x$")
    plt.show()


def running(history, momentum, N):
    """Running averages by batch."""
    figure, axes = plt.subplots(1, 2)
    for ax, (name, values), true in zip(axes, history.items(), (4, 9), strict=True):
        ax.plot(values)
        ax.axhline(true, color=COLORS[3], linestyle="--")
        ax.set(
            xlabel="Batches", ylabel=name, ylim=(0, 2 * true), title=f"{name} (true value dashed)"
        )
    figure.suptitle(f"momentum {momentum}, batches of {N} images")
    plt.show()


def company(sizes, spread):
    """The spread of one output against the size of the batch."""
    _, axes = plt.subplots(figsize=(6, 3))
    axes.plot(sizes, spread, "o-")
    axes.set(
        xscale="log", yscale="log", xlabel="Photos in the batch", xticks=sizes, xticklabels=sizes
    )
    axes.set(ylabel="Spread of one output", title="The same face among random others")
    axes.minorticks_off()
    axes.set(ylim=(0.08, 0.6), yticks=[0.1, 0.2, 0.4], yticklabels=["0.1", "0.2", "0.4"])
    plt.show()
