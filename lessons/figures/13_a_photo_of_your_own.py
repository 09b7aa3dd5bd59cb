"""The figures of lesson 13."""

import matplotlib.pyplot as plt
import numpy as np

from tinydldl.faces import detector
from tinydldl.plots import COLORS


def three_steps(photo, face, portrait, network, grid, p_hat, y_hat):
    """Find, align, ask: a photo, the face in it, and the distribution over ages."""
    _, axes = plt.subplots(1, 3, figsize=(11, 3.3), dpi=75, width_ratios=[1, 1, 1.5])
    axes[0].imshow(photo)
    left, top, right, bottom = face.box
    axes[0].add_patch(
        plt.Rectangle(
            (left, top), right - left, bottom - top, fill=False, color=COLORS[6], linewidth=2
        )
    )
    axes[0].plot(*face.landmarks.T, ".", color=COLORS[6], markersize=4)
    axes[0].set_title("1. find")
    axes[1].imshow(portrait.view)
    axes[1].set_title(f"2. align ({network.side} pixels a side)")
    for ax in axes[:2]:
        ax.set_axis_off()
    axes[2].fill_between(grid, p_hat, color=COLORS[0], alpha=0.4)
    axes[2].axvline(y_hat, color=COLORS[0], label=f"expectation {y_hat:.0f}")
    axes[2].axvspan(40, 43, color=COLORS[3], alpha=0.4, label="her age")
    axes[2].set(xlabel="Age (years)", ylabel="Probability", title="3. ask", xlim=(0, 100))
    axes[2].legend(loc="upper right")
    plt.show()


def pyramid(levels, copies, center, seen, sizes, scores):
    """Copies of a photo, and what a window of 12 pixels around the face sees in each."""
    figure = plt.figure(figsize=(11, 4.2), dpi=75)
    rows = figure.add_gridspec(2, len(levels), height_ratios=[1.9, 1])
    top_row, at = figure.add_subplot(rows[0, :]), 0
    for i, (a, level) in enumerate(zip(levels, copies, strict=True)):
        top_row.imshow(level, extent=(at, at + level.width, level.height, 0))
        corner = center * a - 6 + [at, 0]
        top_row.add_patch(plt.Rectangle(corner, 12, 12, fill=False, color=COLORS[6], linewidth=2))
        at += level.width + 12
        ax = figure.add_subplot(rows[1, i])
        ax.imshow((seen[i] * 128 + 127.5).astype(np.uint8))
        ax.set_title(f"{sizes[i]:.0f} px\nface: {scores[i]:.2f}")
        if scores[i] > detector.PROBABLE["pnet"]:
            ax.add_patch(
                plt.Rectangle((-0.5, -0.5), 12, 12, fill=False, color=COLORS[2], linewidth=8)
            )
        ax.set_axis_off()
    top_row.set(xlim=(0, at), ylim=(156, -2), title="The pyramid: always the same 12 pixels a side")
    top_row.set_axis_off()
    plt.show()


def stages(stages, photo, points):
    """The boxes that each stage lets pass."""
    _, axes = plt.subplots(1, 3, figsize=(10, 3.5), dpi=60)
    for ax, (name, found) in zip(axes, stages.items(), strict=True):
        ax.imshow(photo.convert("L"), cmap="gray")
        for left, top, right, bottom in found:
            side = right - left, bottom - top
            ax.add_patch(plt.Rectangle((left, top), *side, fill=False, color=COLORS[6]))
        ax.set(xlim=(0, 512), ylim=(512, 0), title=f"{name} lets {len(found)} pass")
        ax.set_axis_off()
    axes[2].plot(*points[0].T, ".", color=COLORS[6], markersize=4)
    plt.show()


def noisy_crops(crops, measured, spreads, theory, side):
    """Crops by noisy landmarks, and how far they are off, measured and by the formula."""
    figure = plt.figure(figsize=(10, 3.5), dpi=75)
    cells = figure.add_gridspec(2, 6, width_ratios=[1, 1, 1, 1, 0.05, 2.6])
    for row, (name, images) in enumerate(crops.items()):
        for column, image in enumerate(images):
            ax = figure.add_subplot(cells[row, column])
            ax.imshow(image)
            ax.set(xticks=[], yticks=[], ylabel="" if column else name)
    ax = figure.add_subplot(cells[:, 5])
    for (name, values), color in zip(measured.items(), COLORS, strict=False):
        ax.plot(spreads, values, "o", color=color, label=f"{name}, measured")
        ax.plot(spreads, np.sqrt(theory[name]) * spreads, color=color, label=f"{name}, formula")
    ax.set(xlabel="Noise of the landmarks (pixels)", ylabel="The crop is off by (pixels)")
    ax.set(ylim=(0, None), title=f"Crops of {side} pixels a side")
    ax.legend(loc="upper left")
    plt.show()


def warps(photo, outline, forward, backward, points):
    """The crop in the photo, painted forward, and looked up backward."""
    _, axes = plt.subplots(1, 3, figsize=(9, 3.2), dpi=60)
    axes[0].imshow(photo.convert("L"), cmap="gray")
    axes[0].plot(*outline.T, color=COLORS[6], linewidth=2)
    axes[0].set(title="the crop in the photo", xlim=(0, 512), ylim=(512, 0))
    axes[1].imshow(forward)
    axes[1].set_title("forward: holes")
    axes[2].imshow(backward)
    axes[2].plot(*points.T, "+", color=COLORS[6], markersize=12, markeredgewidth=2)
    axes[2].set_title("backward: whole")
    for ax in axes:
        ax.set_axis_off()
    plt.show()


def moved_crops(answers, y_hat, strips, degrees, again):
    """Estimates when a crop is turned, shifted, enlarged; `again`: aligned anew after `degrees`."""
    figure = plt.figure(figsize=(11, 4.8), dpi=75)
    figure.suptitle("One face in one photo: only the crop differs")
    cells = figure.add_gridspec(2, 3, height_ratios=[3.2, 1])
    curves = []
    for i, (name, (values, says, spread)) in enumerate(answers.items()):
        ax = figure.add_subplot(cells[0, i], sharey=curves[0] if curves else None)
        curves.append(ax)
        ax.fill_between(values, says - spread, says + spread, color=COLORS[0], alpha=0.15)
        ax.plot(values, says, color=COLORS[0], label="aligned once, then moved")
        ax.plot(0, y_hat, "o", color=COLORS[7])
        ax.set(xlabel=name, xlim=(values[0], values[-1]), ylim=(0, 100))
        ax = figure.add_subplot(cells[1, i])
        ax.imshow(np.hstack([person.view for person in strips[name]]))
        ax.set_axis_off()
    curves[0].set_ylabel("Estimate (years)")
    curves[0].plot(degrees, again, "s--", color=COLORS[3], label="photo turned, aligned anew")
    curves[0].legend(loc="upper left", fontsize=8)
    plt.show()


def crop_and_answer(person, grid):
    """What the network sees and says."""
    _, axes = plt.subplots(1, 2, figsize=(8, 2.6), width_ratios=[1, 2])
    axes[0].imshow(person.view)
    axes[0].set_axis_off()
    axes[1].fill_between(grid, person.p_hat, color=COLORS[0], alpha=0.4)
    axes[1].set(xlabel="Age (years)", title=f"{person.y_hat:.0f} years", xlim=(0, 100))
    plt.show()


def drawings(ages, people, says):
    """Drawn faces and what the network says, and all of them as dots."""
    figure = plt.figure(figsize=(11, 3.8), dpi=75)
    cells = figure.add_gridspec(2, 6, width_ratios=[1, 1, 1, 1, 0.1, 3.2])
    for k, i in enumerate(np.argsort(ages)[np.linspace(0, len(ages) - 1, 8).astype(int)]):
        ax = figure.add_subplot(cells[k // 4, k % 4])
        ax.imshow(people[i].view)
        ax.set_title(f"drawn {ages[i]:.0f}, says {says[i]:.0f}", fontsize=9)
        ax.set_axis_off()
    ax = figure.add_subplot(cells[:, 5])
    ax.plot([0, 100], [0, 100], color="black", linewidth=0.8, label="right")
    ax.plot(ages, says, "o", color=COLORS[0], markersize=4)
    ax.set(xlabel="Drawn age (years)", ylabel="Estimate (years)", xlim=(0, 100), ylim=(0, 100))
    ax.legend(loc="upper left")
    plt.show()


def errors_and_coverage(n, score, shapes, test):
    """The shape of the errors, and whether the spread is honest."""
    _, axes = plt.subplots(1, 2, figsize=(10, 3.4))
    axes[0].plot(n, score, "o", color=COLORS[7], label="measured")
    for (name, values), color in zip(shapes.items(), (COLORS[0], COLORS[3]), strict=True):
        axes[0].plot(n, values, color=color, label=f"{name}, the same mean")
    axes[0].set(xlabel="n (years)", ylabel="Share off by at most n", ylim=(0, 1))
    axes[0].set_title("The shape of the errors")
    axes[0].legend(loc="lower right")
    levels_q = np.array([float(q) for q in test["coverage"]])
    axes[1].plot([0, 1], [0, 1], color="black", linewidth=0.8, label="calibrated")
    axes[1].plot(levels_q, list(test["coverage"].values()), "o-", color=COLORS[0], label="measured")
    axes[1].set(xlabel="central q", ylabel="Coverage", title="Is the spread honest?")
    axes[1].legend(loc="upper left")
    plt.show()


def gate(wrong, c, at_18, at_1):
    """Both kinds of error against the threshold."""
    _, axes = plt.subplots(figsize=(9, 3.6))
    for (name, shares), style in zip(wrong.items(), ("-", "--"), strict=True):
        for (who, values), color in zip(shares.items(), (COLORS[3], COLORS[0]), strict=True):
            axes.plot(c, values, style, color=color, label=f"{who} ({name})")
    axes.plot([18, 18], at_18, "o", color=COLORS[7])
    axes.axvline(18, color=COLORS[7], linestyle=":", label="threshold 18")
    axes.plot(
        list(at_1.values()), [0.01, 0.01], "s", color=COLORS[3], label="1% of the 16-year-olds"
    )
    axes.set(xlabel="Threshold c (years)", ylabel="Share misjudged", ylim=(0, 1.05), xlim=(10, 50))
    axes.set_title("Less of one error is more of the other")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    plt.show()


def let_in(ages, share):
    """Who of every age gets in."""
    _, axes = plt.subplots(figsize=(8, 2.6))
    axes.bar(ages, share, color=np.where(ages < 18, COLORS[3], COLORS[0]))
    axes.set(xlabel="Age (years)", ylabel="Share let in", ylim=(0, 1))
    plt.show()


def decades(rows, intervals, m):
    """MAE and bias by decade, with intervals; m is the MAE of all photos."""
    names = [f"{row['decade']}s\n{row['count']}" for row in rows]
    axes = draw_bars(names, rows, intervals, m, COLORS[0])
    axes[0].set_xlabel("Labeled age, and photos")
    axes[1].set_xlabel("Labeled age, and photos")
    axes[1].annotate("taken for older", (0.99, 0.93), xycoords="axes fraction", ha="right")
    axes[1].annotate("taken for younger", (0.01, 0.04), xycoords="axes fraction")
    plt.show()


def groups(rows, intervals, m):
    """The same by the codes of sex and race in UTKFace."""
    names = [f"{row['group']}\n{row['count']}" for row in rows]
    for ax in draw_bars(names, rows, intervals, m, COLORS[3]):
        ax.set_xlabel("Code in UTKFace, and photos")
        ax.axvline(1.5, color=COLORS[7], linewidth=0.8, alpha=0.3)
    plt.show()


def draw_bars(names, rows, intervals, m, color):
    """MAE and bias of the rows, each with its interval, in two panels; returns them."""
    _, axes = plt.subplots(1, 2, figsize=(11, 3.4))
    at = np.arange(len(rows))
    for ax, what, interval in zip(axes, ("mae", "bias"), intervals, strict=True):
        look = {"fmt": "o", "color": color, "capsize": 3, "linewidth": 2}
        ax.errorbar(at, [row[what] for row in rows], interval, **look)
        ax.set_xticks(at, names)
    axes[0].axhline(m, color=COLORS[7], linestyle=":", label="all photos")
    axes[0].set(ylim=(0, None), ylabel="MAE (years)", title="how far off")
    axes[1].axhline(0, color=COLORS[7], linewidth=0.8)
    axes[1].set(ylabel="Bias (years)", title="on which side")
    axes[0].legend(loc="upper left")
    return axes
