"""The figures of lesson 16."""

import matplotlib.pyplot as plt
import numpy as np

from tinydldl.plots import COLORS


def tape(nodes, x, loss):
    """The steps from the logits x to the loss as a graph; `nodes`: (Var, level)."""
    _, axes = plt.subplots(figsize=(10, 2.8))
    last = max(level for _, level in nodes)
    rows, places = {}, {}
    for v, level in sorted(nodes, key=lambda pair: -pair[1]):
        rows[level] = rows.get(level, -1) + 1
        places[id(v)] = last - level, -1.2 * rows[level]
    for v, _ in nodes:
        for parent, _ in v.parents:
            if id(parent) in places:
                axes.annotate(
                    "",
                    places[id(v)],
                    places[id(parent)],
                    arrowprops={"arrowstyle": "->", "color": "gray"},
                )
        size = 160 if v.value.size >= x.value.size else 40
        color = COLORS[3] if v is x or v is loss else COLORS[0]
        axes.scatter(*places[id(v)], s=size, color=color, zorder=3, marker="s")
    axes.annotate("logits", places[id(x)], (0, 14), textcoords="offset points", ha="center")
    axes.annotate("loss", places[id(loss)], (0, 14), textcoords="offset points", ha="center")
    axes.set_ylim(min(row for _, row in places.values()) - 0.6, 1)
    axes.set_title("The tape of the joint loss; large squares hold N x K numbers", fontsize=10)
    axes.axis("off")
    plt.show()


def side_by_side(both):
    """The losses of both, and their difference."""
    _, axes = plt.subplots(1, 2, figsize=(9.5, 3))
    axes[0].plot(both[:, 0], color=COLORS[0], linewidth=6, alpha=0.4, label="this package")
    axes[0].plot(both[:, 1], color=COLORS[3], label="PyTorch")
    axes[0].set(xlabel="Step", ylabel="Loss", title="Four photos by heart")
    axes[0].legend()
    axes[1].semilogy(np.maximum(np.abs(both[:, 0] - both[:, 1]), 1e-16), color=COLORS[2])
    axes[1].set(xlabel="Step", ylabel="Difference of the losses", title="in float64")
    plt.show()
