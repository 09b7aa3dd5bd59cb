"""The figures of lesson 01."""

import matplotlib.pyplot as plt
import numpy as np

from tinydldl.plots import COLORS


def voters(faces, votes, true_ages):
    """Faces above the histograms of their votes."""
    _, axes = plt.subplots(2, 3, figsize=(8, 4.6), height_ratios=[1.6, 1])
    for (top, bottom), face, vote, age in zip(axes.T, faces, votes, true_ages, strict=True):
        top.imshow(face)
        top.set_axis_off()
        bottom.hist(vote, np.arange(0, 100) - 0.5)
        bottom.axvline(age, color=COLORS[3])
        bottom.set(
            xlim=(age - 16, age + 16), xlabel="Age (years)", ylabel="Votes", yticks=[0, 2, 4, 6]
        )
        bottom.set_title(
            f"true age {age:g} (orange), votes {vote.mean():.1f} ± {vote.std():.1f}", fontsize=9
        )
    plt.show()


def bars(labels, p, step, y, sigma):
    """A label distribution as bars, one for each label."""
    _, axes = plt.subplots(figsize=(8, 2.6))
    axes.bar(labels, p, width=0.8 * step)
    axes.set(xlim=(15, 55), ylim=(0, 1), xlabel="Age (years)", ylabel="$p_k$")
    axes.set_title(
        f"y = {y:g}, sigma = {sigma:g} years, step {step:g}: largest $p_k$ {p.max():.2f}"
    )
    plt.show()


def hills(by_sigma, grid, by_step):
    """The label distributions of some sigmas, and of some steps: {step: (labels, p)}."""
    _, axes = plt.subplots(1, 2, sharex=True)
    for (sigma, p), color in zip(by_sigma.items(), COLORS, strict=False):
        axes[0].plot(grid, p, "o-", markersize=3, color=color, label=f"sigma = {sigma}")
    for (step, (labels, p)), color in zip(by_step.items(), COLORS, strict=False):
        label = f"step {step}, K = {len(labels)}"
        axes[1].plot(labels, p, "o-", markersize=3, color=color, label=label)
    axes[0].set(xlim=(15, 55), xlabel="Age (years)", ylabel="$p_k$", title="step 1 year")
    axes[1].set(xlabel="Age (years)", title="sigma = 2 years")
    for ax in axes:
        ax.legend()
    plt.show()


def biases(biases, ages):
    """The bias of the target's mean against the age, {sigma: years}."""
    _, axes = plt.subplots()
    for (sigma, years), color in zip(biases.items(), COLORS, strict=False):
        axes.plot(ages, years, color=color, label=f"sigma = {sigma:g}")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(
        xlabel="True age y (years)",
        ylabel="Bias (years)",
        title="The mean of the target, minus the age",
    )
    axes.legend()
    plt.show()


def votes_and_target(grid, share, many, p):
    """The shares of votes as bars, the label distribution over them."""
    _, axes = plt.subplots()
    axes.bar(grid, share, color=COLORS[5], label=f"{len(many):,} votes")
    axes.plot(grid, p, "o-", markersize=3, color=COLORS[3], label="label distribution")
    axes.set(xlim=(25, 55), xlabel="Age (years)", ylabel="Share", title="A face of 40 years")
    axes.legend()
    plt.show()
