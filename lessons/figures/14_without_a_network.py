"""The figures of lesson 14."""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np

from tinydldl.plots import COLORS


def races(races):
    """How far above its minimum the loss is by step, {features: {method: losses}}."""
    _, axes = plt.subplots(1, 2, figsize=(9.5, 3.2), sharey=True)
    for ax, (name, curves) in zip(axes, races.items(), strict=True):
        for (method, curve), color in zip(curves.items(), COLORS, strict=False):
            ax.semilogy(np.maximum(curve, 1e-13), color=color, label=method)
        ax.set(xlabel="Step", title=f"Features {name}")
    axes[0].set(ylabel="KL above its minimum", ylim=(1e-12, None))
    axes[0].legend()
    plt.show()


def triangles(by_name, share, target):
    """Curves of equal cost around a target, in the triangle of three shares."""
    _, axes = plt.subplots(2, 3, figsize=(9, 5.4))
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]])
    for ax, (name, values) in zip(axes.flat, by_name.items(), strict=True):
        levels = np.quantile(values, [0.02, 0.08, 0.18, 0.32, 0.5, 0.7, 0.9])
        ax.tricontour(*(share @ corners).T, values, levels=levels, cmap="viridis")
        ax.plot(*corners[[0, 1, 2, 0]].T, color="black", linewidth=0.8)
        ax.plot(*(target @ corners).T, "*", color=COLORS[3], markersize=12)
        for place, text in zip(corners, ("1", "2", "3"), strict=True):
            ax.text(*(1.15 * (place - [0.5, 0.3]) + [0.5, 0.25]), text, ha="center")
        title = f"1 - {name}" if name in ("cosine", "intersection") else name
        ax.set_title(title, fontsize=10, loc="left")
        ax.set_aspect("equal")
        ax.axis("off")
    plt.show()


def disagreement(few, many, by_name):
    """The share of pairs on which two measures disagree, for few labels and for many."""
    _, axes = plt.subplots(1, 2, figsize=(9.5, 4))
    for ax, values, title in (
        (axes[0], few, "K = 3, at random"),
        (axes[1], many, "K = 101, hills"),
    ):
        ax.imshow(values, cmap="Oranges", vmin=0, vmax=0.5)
        for i, j in product(range(6), range(6)):
            ax.text(j, i, f"{values[i, j]:.0%}", ha="center", va="center", fontsize=8)
        ax.set_xticks(range(6), by_name, rotation=45, ha="right")
        ax.set_yticks(range(6), by_name)
        ax.grid(False)
        ax.set_title(f"Share of disagreement, {title}", fontsize=10)
    plt.show()


def components(curves, levels, counts_of):
    """Two measures against the number of components."""
    _, axes = plt.subplots(1, 2, figsize=(9.5, 3.2))
    for ax, (measure, parts), level in zip(axes, curves.items(), levels, strict=True):
        for (part, values), color in zip(parts.items(), (COLORS[0], COLORS[3]), strict=True):
            ax.semilogx(counts_of, values, "o-", color=color, label=part)
        ax.axhline(level, color="gray", linestyle="--", label="mean distribution, test faces")
        ax.set(xlabel="Principal components", ylabel=measure, ylim=(0, 1.6 * level))
        ax.set_xticks(counts_of, [str(count) for count in counts_of])
        ax.minorticks_off()
    axes[0].legend(loc="upper left")
    plt.show()


def truth(p_test):
    """The distributions on the test surface."""
    _, axes = plt.subplots(figsize=(3.4, 3.2))
    draw_surface(axes, p_test, p_test, "The truth")
    axes.set_ylabel("$z_2$")
    plt.show()


def neighbors(errors, p_test, q_knn):
    """The error against k, and what some k make of the test surface."""
    _, axes = plt.subplots(1, 3, figsize=(9.5, 3), width_ratios=[1.5, 1, 1])
    axes[0].loglog(errors.keys(), errors.values(), "o-")
    axes[0].set(xlabel="k", ylabel="KL on the test surface")
    axes[0].set_xticks([1, 4, 10, 100], ["1", "4", "10", "100"])
    for ax, (k, q) in zip(axes[1:], q_knn.items(), strict=True):
        draw_surface(ax, p_test, q, f"k = {k}")
    plt.show()


def surfaces(p_test, answers, size):
    """The truth, and the answers beside it."""
    shown = {"the truth": p_test} | answers
    _, axes = plt.subplots(1, len(shown), figsize=size, sharey=True)
    for ax, (name, q) in zip(axes, shown.items(), strict=True):
        draw_surface(ax, p_test, q, name)
    plt.show()


def draw_surface(axes, p_test, q, title):
    """Distributions on the test surface as colors, each stretched to the range of the truth."""
    lowest, highest = p_test.min(axis=0), p_test.max(axis=0)
    colors = np.clip((q - lowest) / (highest - lowest), 0, 1).reshape(51, 51, 3)
    axes.imshow(colors.transpose(1, 0, 2), origin="lower", extent=(-1, 1, -1, 1))
    axes.grid(False)
    axes.set_title(title, fontsize=10)
    axes.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1], xlabel="$z_1$")
