"""The figures of lesson 02."""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm

from tinydldl.plots import COLORS


def table_of_codes(code, small, ages):
    """A table of answers, a row for each age, a column for each border."""
    _, axes = plt.subplots(figsize=(6, 2.6))
    axes.imshow(code, cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for (row, column), answer in np.ndenumerate(code):
        axes.text(column, row, "yes" if answer else "no", ha="center", va="center")
    axes.set_xticks(range(5), [f"≥ {border:g}?" for border in small[:-1] + 0.5])
    axes.set_yticks(range(5), [f"y = {age:g}" for age in ages])
    axes.set(xlabel="Question (years)")
    axes.grid(False)
    plt.show()


def area_and_height(x, density, t, by_area, below):
    """The area under a density up to t, and the CDF, whose height it is."""
    _, axes = plt.subplots(1, 2, sharex=True)
    axes[0].plot(x, density)
    axes[0].fill_between(x, density, where=x <= t, alpha=0.35)
    axes[0].annotate(f"area {by_area:.3f}", (29.5, 0.07), ha="center")
    axes[0].set(xlabel="Age a (years)", ylabel="Density f(a)", title="the area up to t = 31.5 ...")
    axes[1].plot(x, below)
    axes[1].plot([t, t, 22], [0, by_area, by_area], "--", color=COLORS[3])
    axes[1].plot(t, by_area, "o", color=COLORS[3])
    axes[1].set(xlabel="t (years)", ylabel="c(t)", title="... is the height of the CDF there")
    plt.show()


def edges(grid, p, y, sigma):
    """Bars of p up to label 31 against the area under the density, up to two different ends."""
    figure, axes = plt.subplots(1, 2, sharey=True)
    x = np.linspace(24, 36, 400)
    for ax, end, title in zip(
        axes,
        (31.5, 31.0),
        ("area up to the edge: fits", "area up to $l_k$: half a bar short"),
        strict=True,
    ):
        ax.bar(grid, p, width=1, color=COLORS[5], edgecolor="white", alpha=0.35)
        ax.bar(grid[:32], p[:32], width=1, color=COLORS[5], edgecolor="white")
        ax.plot(x, norm.pdf(x, y, sigma), color=COLORS[0])
        under = np.linspace(24, end, 300)
        ax.fill_between(
            under, norm.pdf(under, y, sigma), facecolor="none", edgecolor=COLORS[3], hatch="///"
        )
        ax.axvline(end, color=COLORS[3])
        ax.set(xlim=(25.5, 34.5), xlabel="Age (years)", title=title)
    axes[0].set_ylabel("$p_k$ and density")
    figure.suptitle("The sum of the bars up to $l_k$ = 31 (blue) against an area (hatched)")
    plt.show()


def codes(codes, grid):
    """{(y, sigma): (soft answers, ranking code, their largest gap)}, a panel for each."""
    _, axes = plt.subplots(
        1, len(codes), sharey=True, figsize=(4 + 2 * len(codes), 3.2), squeeze=False
    )
    borders = grid[:-1] + 0.5
    for ax, ((y, sigma), (soft, hard, gap)) in zip(axes[0], codes.items(), strict=True):
        ax.vlines(borders, soft, hard, color=COLORS[3], linewidth=2)
        ax.plot(borders, hard, "s", color=COLORS[7], markersize=4, label="ranking code")
        ax.plot(borders, soft, "o-", color=COLORS[0], markersize=4, label="soft answers 1 - T p")
        ax.set(xlim=(y - 8, y + 8), ylim=(-0.05, 1.05), xlabel="Border $l_k$ + 1/2 (years)")
        ax.set_title(f"y = {y:g}, sigma = {sigma:g}: largest gap {gap:.2f}", fontsize=10)
    axes[0, 0].set_ylabel('Answer to "older?"')
    axes[0, -1].legend(loc="upper right", fontsize=8)
    plt.show()


def gaps(gaps, between):
    """The largest gap against the age, {sigma: gaps}."""
    _, axes = plt.subplots()
    for (sigma, gap), color in zip(gaps.items(), COLORS, strict=False):
        axes.plot(between, gap, color=color, label=f"sigma = {sigma:g}")
    axes.set(ylim=(0, 0.53), xlabel="Age y between the labels 50 and 51 (years)")
    axes.set(ylabel="Largest gap", title="Where, and by how much, the ranking code is not 1 - T p")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()


def three_codes(grid, soft, hard, between, gaps):
    """Three hard codes beside the soft answers, and the largest gap of each between two labels."""
    _, axes = plt.subplots(1, 2, figsize=(10, 3.4))
    borders, looks = grid[:-1] + 0.5, (("s", COLORS[7]), ("o", COLORS[3]), ("^", COLORS[2]))
    axes[0].plot(borders, soft, color="gray", linewidth=3)
    for name, (marker, color), height in zip(hard, looks, (0, 0.035, -0.035), strict=True):
        axes[0].plot(borders, hard[name] + height, marker, color=color, markersize=5)
        width = 6 if name == "nearest label" else 2
        axes[1].plot(between - 50, gaps[name], color=color, linewidth=width, label=name)
    axes[0].set(xlim=(26, 36), xlabel="Border $l_k$ + 1/2 (years)", ylabel='Answer to "older?"')
    axes[0].set_title("y = 30.9, sigma = 2: gray line = soft answers", fontsize=10)
    axes[1].set(ylim=(0.35, 0.75), xlabel="y minus the label below (years)", ylabel="Largest gap")
    axes[1].set_title("sigma = 2: largest gap to the soft answers", fontsize=10)
    axes[1].legend(loc="upper center", ncols=3)
    plt.show()


def mean_codes(mean_codes, grid, soft):
    """Mean answers of so many votes, {count: answers}, and the soft answers."""
    _, axes = plt.subplots()
    colors = COLORS[1], COLORS[2], COLORS[0]
    for (count, answers), color in zip(mean_codes.items(), colors, strict=True):
        axes.step(grid[:-1] + 0.5, answers, where="mid", color=color, label=f"mean of {count}")
    axes.plot(grid[:-1] + 0.5, soft, "--", color="black", label="1 - T p")
    axes.set(xlim=(22, 38), xlabel="Border $l_k$ + 1/2 (years)", ylabel="Mean answer")
    axes.set_title("Hard codes of votes: y = 30.3, sigma = 2")
    axes.legend()
    plt.show()


def noisy_answers(grid, noisy, found, truth):
    """Noisy answers, and beside the truth the distributions `found` from them, {title: p}."""
    _, axes = plt.subplots(1, 3, figsize=(10, 3.2))
    axes[0].plot(grid[:-1] + 0.5, noisy, "o-", markersize=3)
    axes[0].set(xlim=(28, 52), ylabel='Answer to "older?"', title="answers with noise 0.03")
    for ax, (title, p) in zip(axes[1:], found.items(), strict=True):
        ax.bar(grid, p, color=[COLORS[3] if value < 0 else COLORS[5] for value in p])
        ax.plot(grid, truth, color="black", label="true p")
        ax.set(xlim=(28, 52), ylim=(-0.1, 0.3), ylabel="$p_k$", title=title)
        ax.legend()
    for ax in axes:
        ax.set_xlabel("Age (years)")
    plt.show()
