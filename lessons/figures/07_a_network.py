"""The figures of lesson 07."""

import matplotlib.pyplot as plt
import numpy as np

from tinydldl.plots import COLORS


def mean_squares(squares):
    """The mean square after each convolution, {rule: (measured, by the formula)}."""
    _, axes = plt.subplots(figsize=(8, 3.6))
    layers = np.arange(1, 14)
    for (name, (values, formula)), color in zip(squares.items(), COLORS, strict=False):
        axes.semilogy(layers, formula, color=color)
        axes.semilogy(layers, values, "o", color=color)
        lower = 30 if name.startswith("fan-out") else 1  # the two fans end close together
        axes.text(13.3, values[-1] / lower, name, color=color, va="center")
    axes.set(xlim=(0.5, 17), xticks=layers, xlabel="Convolution", ylabel="Mean square $E[x^2]$")
    axes.set_title("The size of the numbers, layer by layer (log scale)")
    plt.show()


def parameters(table):
    """Parameters of networks as bars, {network: (convolutions, BatchNorm, Linear)}."""
    _, axes = plt.subplots(figsize=(8, 2.4))
    shares = np.array(list(table.values())) / 1e6
    left = np.zeros(3)
    for part, color, name in zip(
        shares.T, COLORS, ("convolutions", "BatchNorm", "Linear"), strict=False
    ):
        axes.barh(list(table), part, left=left, color=color, label=name)
        left += part
    for row, parts in enumerate(shares):
        axes.text(parts.sum() + 1, row, f"{parts.sum():.1f} million", va="center")
    axes.set(xlim=(0, 160), xlabel="Parameters (millions)", title="Where the parameters are")
    axes.invert_yaxis()
    axes.legend(loc="upper right")
    plt.show()


def adams_first_steps(t, without):
    """The length of Adam's steps with and without the correction."""
    _, axes = plt.subplots()
    axes.semilogx(t, without, color=COLORS[3], label="without correction")
    axes.semilogx(t, np.ones(len(t)), color=COLORS[0], label="with correction")
    axes.set(xlabel="Step t (log scale)", ylabel="Length of the step / lr", ylim=(0, 8))
    axes.set_title("Adam's steps under a constant gradient")
    axes.legend()
    plt.show()


def losses(history, chance_kl, chance_error):
    """Both losses by step, and what they are at chance."""
    _, (left, right) = plt.subplots(1, 2)
    left.plot(history[:, 1], color=COLORS[0])
    left.axhline(chance_kl, color="black", linestyle="--")
    left.text(len(history), chance_kl, "chance", ha="right", va="bottom")
    left.set(xlabel="Step", ylabel="$L_{ld}$ (nats)", ylim=(0, 1.3 * chance_kl))
    right.plot(history[:, 2], color=COLORS[3])
    right.axhline(chance_error, color="black", linestyle="--")
    right.text(len(history), chance_error, "chance", ha="right", va="bottom")
    right.set(xlabel="Step", ylabel="$L_{er}$ (years)", ylim=(0, 1.3 * chance_error))
    plt.show()


def predictions(faces, grid, p, p_hat, y, y_hat):
    """Faces above their distributions and the predicted ones."""
    figure, axes = plt.subplots(2, 8, figsize=(11, 2.8), height_ratios=[1, 1])
    for i, (top, bottom) in enumerate(axes.T):
        top.imshow(faces[i])
        top.set_axis_off()
        bottom.fill_between(grid, p[i], color=COLORS[0], alpha=0.45)
        bottom.plot(grid, p_hat[i], color=COLORS[3], linewidth=1)
        bottom.set(xlim=(0, 100), xticks=[0, 50], yticks=[], xlabel="Age (years)")
        top.set_title(f"{y[i]:.1f}: {y_hat[i]:.1f}", fontsize=10)
    figure.suptitle("Age: estimate (years). Blue: label distribution; orange: predicted")
    plt.show()
