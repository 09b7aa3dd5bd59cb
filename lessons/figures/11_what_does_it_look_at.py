"""The figures of lesson 11."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import CenteredNorm
from PIL import Image

from tinydldl.explain.pictures import TINTS, show, tinted
from tinydldl.plots import COLORS


def twins(pairs):
    """The first map of the network and of its twin, {name: (maps, maps)}."""
    _, axes = plt.subplots(1, 4, figsize=(10, 2.6))
    for pair, (name, values) in zip((axes[:2], axes[2:]), pairs.items(), strict=True):
        largest = max(np.abs(value[0]).max() for value in values)
        for ax, value, who in zip(pair, values, ("network", "twin"), strict=True):
            ax.imshow(value[0], cmap=TINTS, norm=CenteredNorm(0, largest))
            ax.set(title=f"{name}, {who}", xticks=[], yticks=[])
            ax.spines[:].set_visible(True)
    plt.show()


def cues(names, young, old):
    """The same person with one cue young and old."""
    _, axes = plt.subplots(2, 6, figsize=(10, 3.9), dpi=75)
    for column, cue in zip(axes.T, names, strict=True):
        for ax, face, age in zip(column, (young[cue][2], old[cue][2]), (25, 75), strict=True):
            show(ax, face, f"{cue} {age}")
    plt.show()


def cue_effects(names, mean, noise):
    """How much each cue changes the estimate, with standard errors."""
    _, axes = plt.subplots(figsize=(6, 2.6))
    axes.barh(names, list(mean.values()), xerr=list(noise.values()), color=COLORS[0])
    axes.invert_yaxis()
    axes.set(xlabel="Change of the estimate (years)", title="One cue 50 years older")
    plt.show()


def drawn_and_said(pair, pixels):
    """The pixels that a cue changes, and what occlusion says changes."""
    _, axes = plt.subplots(1, 4, figsize=(10, 2.8))
    for cue, two in zip(pair, (axes[:2], axes[2:]), strict=True):
        two[0].imshow(pixels[cue], cmap="Greys")
        two[1].imshow(pair[cue], cmap=TINTS, norm=CenteredNorm())
        for ax, title in zip(two, ("what the drawing changes", "what occlusion says"), strict=True):
            ax.set(title=f"{cue}: {title}", xticks=[], yticks=[])
            ax.title.set_fontsize(9)
    plt.show()


def strengths(y_hat, strength):
    """The sum of all features against the estimate."""
    _, axes = plt.subplots(figsize=(6, 2.8))
    axes.plot(y_hat, strength, ".", color=COLORS[0])
    axes.set(xlabel="Estimate (years)", ylabel="Sum of all features", ylim=(0, None))
    plt.show()


def attack(three, titles, E):
    """Three faces that look the same, a difference, and the map E of the last."""
    _, axes = plt.subplots(1, 5, figsize=(11, 2.6))
    for ax, face, title in zip(axes, three, titles, strict=False):
        show(ax, face, title)
    difference = 128 + 20 * (three[2].astype(int) - three[1])
    show(axes[3], difference.astype(np.uint8), "right less middle, times 20")
    show(
        axes[4], tinted(Image.fromarray(three[2]), E[2], np.abs(E[2]).max()), "map of the right one"
    )
    plt.show()


def portrait(view, portrait, panels):
    """A portrait, and maps of it."""
    _, axes = plt.subplots(1, 5, figsize=(11, 2.7), dpi=75)
    show(axes[0], view, f"estimate {portrait.y_hat:.0f} ± {portrait.spread:.0f}")
    for ax, (name, one) in zip(axes[1:], panels.items(), strict=True):
        largest = np.abs(one).max()
        show(ax, tinted(portrait.view, one, largest), f"{name} ±{largest:.2g}")
    plt.show()


def faces(images, titles):
    """Faces in a row."""
    _, axes = plt.subplots(1, len(images), figsize=(10, 2.1), dpi=75)
    for ax, image, title in zip(axes, images, titles, strict=True):
        show(ax, image, title)
    plt.show()


def gallery(images, rows):
    """Faces in gray, once for each {name: maps (N, 16, 16)}, tinted by the map."""
    size = 10, 2 * len(rows) + 0.2
    _, axes = plt.subplots(len(rows), len(images), figsize=size, dpi=75, squeeze=False)
    for line, (name, values) in zip(axes, rows.items(), strict=True):
        for ax, image, value in zip(line, images, values, strict=True):
            largest = np.abs(value).max()
            show(ax, tinted(Image.fromarray(image), value, largest), f"{name} ±{largest:.2g}")
    plt.show()
