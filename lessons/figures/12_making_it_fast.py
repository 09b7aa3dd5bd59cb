"""The figures of lesson 12."""

import matplotlib.pyplot as plt
import numpy as np

from tinydldl.plots import COLORS


def profile(kinds, by_group, flops, peak):
    """Time by group and kind of layer, and the speed of the convolutions beside the peak."""
    _, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    bottom, groups = np.zeros(5), np.arange(1, 6)
    for kind, row, color in zip(kinds, by_group, COLORS, strict=False):
        left.bar(groups, 1e3 * row, bottom=bottom, color=color, label=kind)
        bottom += 1e3 * row
    left.set(xlabel="Group of layers", ylabel="Milliseconds a step", title="Where the time goes")
    left.legend()
    speeds = flops / by_group[0] / 1e9
    right.bar(groups, speeds, color=COLORS[0])
    right.axhline(peak / 1e9, color="black", linestyle="--")
    right.text(5.5, peak / 1e9, "a big matrix product", ha="right", va="bottom")
    right.set(xlabel="Group of layers", ylabel="GFLOP/s", ylim=(0, 1.2 * max(peak / 1e9, *speeds)))
    right.set_title("How fast the convolutions compute")
    plt.show()


def roofline(peak, bandwidth, points):
    """The roof of a processor, and what lies below it: {name: (FLOPs, bytes, seconds)}."""
    _, axes = plt.subplots(figsize=(8, 3.8))
    intensities = np.geomspace(0.03, 5000, 200)
    roof, ridge = np.minimum(peak, intensities * bandwidth) / 1e9, peak / bandwidth
    floor = roof[0] / 2
    axes.loglog(intensities, roof, color="black")
    axes.fill_between(intensities, roof, floor, color="#EEEEEE")
    axes.axvline(ridge, color="black", linestyle=":", linewidth=1)
    for (name, (work, moved, time)), color in zip(points.items(), COLORS, strict=False):
        I, speed = work / moved, work / time / 1e9
        hollow = {"markerfacecolor": "white", "markeredgewidth": 2} if "new" in name else {}
        axes.plot(I, speed, "o", markersize=9, color=color, label=name, **hollow)
    axes.text(ridge / 1.2, 1.2 * floor, "waits for memory", ha="right", fontsize=11)
    axes.text(ridge * 1.2, 1.2 * floor, "waits for arithmetic", fontsize=11)
    axes.set(xlabel="FLOPs for each byte (log)", ylabel="GFLOP/s (log)", title="The roof, and us")
    axes.set_ylim(floor, 2 * peak / 1e9)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    plt.show()


def two_orders():
    """Three images of six pixels as they lie in memory, in the layers and in the engine."""
    figure, axes = plt.subplots(2, 1, figsize=(9, 2.6))
    images, pixels = 3, 6
    orders = {
        "layers (N, H, W, C)": [(i, p) for i in range(images) for p in range(pixels)],
        "engine (H, W, N C)": [(i, p) for p in range(pixels) for i in range(images)],
    }
    for ax, (name, order) in zip(axes, orders.items(), strict=True):
        for place, (i, p) in enumerate(order):
            ax.barh(0, 0.94, 1, place, align="edge", color=COLORS[(5, 1, 4)[i]])
            ax.text(place + 0.47, 0.5, f"{p}", ha="center", va="center", fontsize=12)
        ax.set(yticks=[], xticks=[], xlim=(0, images * pixels))
        ax.set_title(name, fontsize=11, loc="left")
        ax.spines[:].set_visible(False)
        ax.grid(False)
    figure.supxlabel(
        "Memory from left to right. Color: image; number: pixel (C values each)", fontsize=11
    )
    plt.show()


def multiplications(ratios, channels):
    """Multiplications by Winograd's tiles over those of the formula, {m: ratios}."""
    _, axes = plt.subplots(figsize=(8, 3.4))
    for (m, values), color in zip(ratios.items(), COLORS, strict=False):
        axes.loglog(channels, values, color=color, label=f"F({m}x{m}, 3x3)")
    axes.axhline(1, color="black", linestyle="--")
    axes.text(512, 1.05, "the formula", ha="right", va="bottom")
    axes.fill_between(channels, 1, 0.15, color="#EEEEEE")
    axes.text(1.1, 0.18, "it pays", fontsize=12)
    axes.set(xlabel="Channels in and out (log)", ylabel="Multiplications,\nformula = 1 (log)")
    axes.set_title("With enough channels it pays")
    axes.set_xticks([1, 4, 16, 64, 256], ["1", "4", "16", "64", "256"])
    axes.set_yticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
    axes.minorticks_off()
    axes.set_ylim(0.15, 8)
    axes.legend()
    plt.show()


def rounding(largest, typical):
    """Largest and typical errors by method."""
    _, axes = plt.subplots(figsize=(8, 2.8))
    axes.semilogy(
        largest.keys(), largest.values(), "v", markersize=10, color=COLORS[3], label="largest"
    )
    axes.semilogy(
        typical.keys(), typical.values(), "o", markersize=10, color=COLORS[0], label="typical"
    )
    axes.set(ylim=(1e-8, 1e-3), ylabel="Error / std of y (log)", xlim=(-0.5, 3.5))
    axes.set_title("Rounding in float32")
    axes.legend(loc="upper left")
    plt.show()


def speeds(speeds):
    """Images a second as bars."""
    _, axes = plt.subplots(figsize=(8, 2))
    axes.barh(list(speeds), speeds.values(), color=[COLORS[3], COLORS[0], COLORS[0]])
    for row, speed in enumerate(speeds.values()):
        axes.text(speed, row, f" {speed:.0f}", va="center")
    axes.invert_yaxis()
    axes.set(xlabel="Images a second, training", title="TinyAgeNet, float32")
    axes.set_xlim(0, 1.1 * max(speeds.values()))
    axes.grid(visible=False, axis="y")
    plt.show()


def many_machines(nodes, curves):
    """Images a second by the number of machines: {(network, batch): rates}."""
    _, axes = plt.subplots(figsize=(8, 3.8))
    first = next(iter(curves.values()))[0]
    axes.loglog(nodes, [first * n for n in nodes], "k:", label="perfect gain")
    for (name, batch), rates in curves.items():
        color, style = COLORS[len(name) > 8], "-" if batch > 100 else "--"
        label = f"{name}, batches of {batch:,}"
        axes.loglog(nodes[: len(rates)], rates, style, marker="o", color=color, label=label)
    axes.set(xlabel="Machines", ylabel="Images a second", xticks=nodes, xticklabels=nodes)
    axes.minorticks_off()
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_title("What more machines would gain")
    plt.show()


def two_engines(runs):
    """The loss of four runs by step, and how far they are from the first."""
    _, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    looks = {"layers": (COLORS[0], "-"), "layers, twin": (COLORS[0], "--")}
    looks |= {"engine": (COLORS[3], "-"), "engine, twin": (COLORS[3], "--")}
    for name, (losses, _) in runs.items():
        (color, line), every = looks[name], min(10, len(losses))
        means = losses.reshape(-1, every).mean(axis=1)
        left.plot(every * (0.5 + np.arange(len(means))), means, line, color=color, label=name)
        if name != "layers":
            gap = np.abs(losses - runs["layers"][0])[:40]
            right.semilogy(np.arange(1, len(gap) + 1), np.maximum(gap, 1e-7), line, color=color)
    left.set(xlabel="Step", ylabel="Joint loss, mean of 10 steps", title="Two engines, one curve")
    left.set_ylim(bottom=0)
    left.legend()
    right.set(
        xlabel="Step", ylabel="Distance (log)", title="Distance from the first run of the layers"
    )
    plt.show()
