"""The figures of lesson 15."""

import matplotlib.pyplot as plt
import numpy as np

from tinydldl.plots import COLORS


def ratings(scale, new_q, split_most, answers):
    """A face that divides people: the truth, and what each target has taught."""
    _, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
    for ax, name in zip(axes, ("Gaussian", "votes"), strict=True):
        ax.bar(scale, new_q[split_most], color="gray", alpha=0.35, label="the truth")
        ax.plot(
            scale, answers[name][split_most], "o-", color=COLORS[3], label=f"learned from: {name}"
        )
        ax.set(xlabel="Rating", title=f"Target: {name}", ylim=(0, 0.45))
        ax.set_xticks(scale)
        ax.legend()
    axes[0].set_ylabel("Probability")
    plt.show()


def line_and_circle(degrees, cut, around):
    """A hill at 2 degrees on a line and on a circle, and how much a label pulls on each."""
    _, axes = plt.subplots(1, 2, figsize=(9.5, 3))
    axes[0].plot(degrees, cut, "o", markersize=4, color=COLORS[3], label="Gaussian on a line")
    axes[0].plot(degrees, around, "o", markersize=4, color=COLORS[0], label="von Mises on a circle")
    axes[0].set(xlabel="Angle (degrees)", ylabel="Probability", title="A head at 2 degrees")
    axes[0].legend()
    difference = np.linspace(-180, 180, 200)
    axes[1].plot(
        difference, np.radians(difference), color=COLORS[3], label="$l - \\hat y$, on a line"
    )
    axes[1].plot(
        difference, np.sin(np.radians(difference)), color=COLORS[0], label="$\\sin(l - \\hat y)$"
    )
    axes[1].set(
        xlabel="Label minus estimate (degrees)", title="How much a label pulls, per $\\hat p_k$"
    )
    axes[1].legend()
    plt.show()


def errors_by_angle(by_angle):
    """The mean error against the true angle, {name: degrees}."""
    _, axes = plt.subplots(figsize=(8, 3))
    for (name, means), color in zip(by_angle.items(), (COLORS[0], COLORS[3]), strict=True):
        axes.plot(np.arange(10, 360, 20), means, "o-", color=color, label=name)
    axes.set(xlabel="True angle (degrees)", ylabel="Mean error (degrees)", ylim=(0, None))
    axes.legend()
    plt.show()


def propagation(labels, recovered, places, alphas, divergence):
    """Points in the colors of their labels, before and after, and KL against alpha."""
    _, axes = plt.subplots(1, 3, figsize=(11, 3.4))
    red, green, purple = [0.8, 0.1, 0.1], [0.4, 0.6, 0.1], [0.5, 0.2, 0.7]
    yellow, blue, orange = [1.0, 0.8, 0.1], [0.1, 0.3, 0.8], [1, 0.5, 0.1]
    palette = np.array([red, green, purple, yellow, blue, orange])
    for ax, values, title in (
        (axes[0], np.eye(6)[labels], "one label each"),
        (axes[1], recovered, "after propagation"),
    ):
        ax.scatter(*places.T, c=np.clip(values @ palette, 0, 1), s=14)
        ax.set(title=title, xticks=[], yticks=[])
        ax.grid(False)
    axes[2].plot(1 - alphas[1:], divergence[1:], "o-")
    axes[2].set_xscale("log")
    axes[2].invert_xaxis()
    axes[2].set(xlabel=r"$1 - \alpha$: share of one's own label", ylabel="KL from the truth (nats)")
    plt.show()
