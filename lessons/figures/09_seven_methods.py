"""The figures of lesson 09."""

import matplotlib.pyplot as plt
import numpy as np

from tinydldl.plots import COLORS


def targets(target, grid):
    """What each method is trained toward."""
    _, axes = plt.subplots(2, 3, figsize=(10, 4.6))
    (number, one_hot, code), (age, hill, both) = axes
    number.plot(target["mr-l1"][0], 0, "o", color=COLORS[0], markersize=10)
    number.set(xlim=(-1, 1), yticks=[], xlabel="z", title="mr-l1, mr-l2: a number in [-1, 1]")
    one_hot.bar(grid, grid == target["dex"], color=COLORS[0])
    one_hot.set(ylim=(0, 1.1), title="dex: one label")
    code.plot(grid[:-1] + 0.5, target["ranking"], ".", color=COLORS[0])
    code.set(ylabel='"older?"', title="ranking: 100 answers")
    age.axvline(target["er-l1"], color=COLORS[3], linewidth=3)
    age.set(yticks=[], title="er-l1: an age")
    for ax, name in ((hill, "dldl: a distribution"), (both, "dldl-v2: both")):
        ax.bar(grid, target["dldl"], color=COLORS[0])
        ax.set_title(name)
    both.axvline(30.4, color=COLORS[3], linewidth=3)
    for ax in (one_hot, code, age, hill, both):
        ax.set(xlim=(20, 41), xlabel="Age (years)")
    for ax in axes.flat:
        ax.title.set_fontsize(11)
    plt.show()


def gradient_sizes(size):
    """The size of each method's gradient as a bar."""
    _, axes = plt.subplots(figsize=(8, 2.6))
    axes.barh(list(size), list(size.values()), color=COLORS[0])
    axes.bar_label(axes.containers[0], fmt="%.1f", padding=3)
    axes.set(xlabel="Sum of the absolute entries of the gradient, at x = 0", xlim=(0, 58))
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    plt.show()


def half_wrong(distances, said):
    """Loss against the distance of a wrong half of the mass, in two pairs of methods."""
    _, axes = plt.subplots(1, 2, figsize=(9, 3.2))
    for ax, names in ((axes[0], ("dex", "dldl")), (axes[1], ("ranking", "er-l1"))):
        for name, color in zip(names, (COLORS[0], COLORS[3]), strict=True):
            unit = "years" if name == "er-l1" else "nats"
            width = 5 if name == "dex" else 2
            ax.plot(distances, said[name], color=color, linewidth=width, label=f"{name} ({unit})")
        ax.set(xlabel="d: where the other half is (years away)", ylabel="Loss", ylim=(0, None))
        ax.legend(loc="lower right")
    axes[0].set_title("how much mass is wrong?")
    axes[1].set_title("how far away is it?")
    plt.show()


def flat_ends(grid, factor, paths):
    """The factor 1 - z_hat^2 of the gradient, and estimates by step, {start: path}."""
    _, axes = plt.subplots(1, 2, figsize=(9, 3.2))
    axes[0].plot(grid, factor, color=COLORS[0])
    axes[0].set(xlabel="Estimate (years)", ylabel=r"$1 - \hat z^2$", title="the gradient's factor")
    for (start, path), color in zip(paths.items(), COLORS[2:], strict=False):
        axes[1].plot(path, color=color, label=f"from {start:g}: {len(path) - 1} steps")
    axes[1].set(xlabel="Step", ylabel="Estimate (years)", title="the way to 30")
    axes[1].legend()
    plt.show()


def sorted_answers(small, answers, raw, mended):
    """Answers, and their distributions as they are and after sorting."""
    _, axes = plt.subplots(1, 3, figsize=(10, 2.9))
    axes[0].plot(small[:-1] + 0.5, answers[0], "o-", color=COLORS[0], label="as given")
    axes[0].plot(small[:-1] + 0.5, -np.sort(-answers[0]), "--", color=COLORS[3], label="sorted")
    axes[0].set(xlabel="Border (years)", title="answers to “older?”")
    axes[0].legend()
    for ax, p, title in ((axes[1], raw, "as given"), (axes[2], mended, "sorted")):
        ax.bar(small, p, color=[COLORS[3] if mass < 0 else COLORS[0] for mass in p])
        ax.set(xlabel="Age (years)", ylim=(-0.15, 0.3), title=f"$p_k$, {title}")
    plt.show()


def histories(seeds, live, epochs, baseline):
    """Error by epoch of two methods, a line for each seed."""
    _, axes = plt.subplots(1, 2, figsize=(10, 3.5), sharey=True)
    for ax, name in zip(axes, ("mr-l1", "dldl-v2"), strict=True):
        for seed, color in zip(seeds, (COLORS[0], COLORS[3], COLORS[2]), strict=False):
            history = live[name, seed][0]
            for part, style in (("valid_mae", "-"), ("train_mae", ":")):
                label = f"seed {seed}" if part == "valid_mae" else None
                values = [record[part] for record in history]
                ax.plot(range(1, epochs + 1), values, style, color=color, label=label)
        ax.axhline(baseline, color="black", linestyle="--", linewidth=1)
        ax.set(title=name, xlabel="Epoch", ylim=(0, 1.6 * baseline))
    axes[0].set_ylabel("MAE (years)")
    axes[1].legend(loc="upper right", title="solid: validation, dotted: training")
    axes[0].text(epochs, baseline + 0.3, "always the mean age", ha="right")
    plt.show()


def changes(tried, end, norms, steps):
    """The error of each change, a dot for each seed, and the gradients' norms by step."""
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    for place, name in enumerate(tried):
        left.plot(end[name], [place] * len(end[name]), "o", color=COLORS[0], alpha=0.6)
        left.plot(end[name].mean(), place, "|", color="black", markersize=16)
    left.set_yticks(range(len(tried)), tried)
    left.invert_yaxis()
    left.set(xlabel="MAE (years)", title="after 12 epochs, a dot for each seed")
    for (loss, values), color in zip(norms.items(), (COLORS[3], COLORS[0]), strict=True):
        right.plot(np.add(steps, 1), values, "o-", color=color, label=f"of {loss}")
    right.set(xscale="log", yscale="log", xlabel="Step", title="norm of the gradient in the logits")
    right.legend(frameon=False)
    plt.show()


def places(names, orders, published, means, columns):
    """The order of the methods in three columns of errors, the first and the last also in years."""
    _, axes = plt.subplots(figsize=(7, 3.6))
    for name in names:
        places = [order.index(name) + 1 for order in orders]
        ours = name == "dldl-v2"
        axes.plot(places, "o-", color=COLORS[3] if ours else "gray", linewidth=3 if ours else 1)
        axes.text(-0.07, places[0], f"{name} {published[name]:.2f}", ha="right", va="center")
        axes.text(2.07, places[2], f"{name} {means[name]:.2f}", va="center")
    axes.set(xlim=(-0.7, 2.7), ylim=(7.5, 0.5), yticks=range(1, 8), ylabel="Place")
    axes.set_xticks(range(3), columns)
    axes.grid(visible=False)
    plt.show()


def unsteady(unsteady, names):
    """How unsteady each method is by two measures, a dot for each seed."""
    _, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True)
    titles = ("validation MAE, epoch to epoch (years)", "gradient's norm, step to step (share)")
    for ax, values, title in zip(axes, unsteady.values(), titles, strict=True):
        for place, name in enumerate(names):
            ax.plot(values[name], [place] * len(values[name]), "o", color=COLORS[0], alpha=0.6)
            ax.plot(values[name].mean(), place, "|", color="black", markersize=16)
        ax.set(xlim=(0, None), title=title, xlabel="Standard deviation")
    axes[0].set_yticks(range(7), names)
    axes[0].invert_yaxis()
    plt.show()


def ensemble(measures, seeds):
    """Each measure {name: (members, ensemble)} of members, their average, and the ensemble."""
    _, axes = plt.subplots(1, 2, figsize=(9, 3.4))
    for ax, (title, (members, ensemble)) in zip(axes, measures.items(), strict=True):
        names = [*(f"seed {seed}" for seed in seeds), "average\nmember", "ensemble"]
        heights = [*members, members.mean(), ensemble]
        bars = ax.bar(names, heights, color=[*["lightgray"] * len(seeds), "gray", COLORS[3]])
        ax.bar_label(bars, fmt="%.2f", padding=2)
        ax.margins(y=0.12)
        ax.set_title(title)
        ax.grid(axis="x", visible=False)
    plt.show()


def methods(order, starts, years=None):
    """The MAE of each method and its difference to dldl-v2, a dot for each seed.

    `starts`: {name: ({method: MAEs}, {method: (mean, standard error, half of the interval)})};
    `years`: what the right panel shows of the differences, by default all.
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True)
    alone = len(starts) == 1
    looks = ((0, COLORS[0]),) if alone else ((-0.15, COLORS[0]), (0.15, COLORS[3]))
    for (shift, color), (start, (error, paired)) in zip(looks, starts.items(), strict=True):
        label = None if alone else start
        for place, name in enumerate(order):
            left.plot(error[name], [place + shift] * len(error[name]), "o", color=color, alpha=0.5)
            if alone:
                at, spread = error[name].mean(), error[name].std(ddof=1)
                left.errorbar(at, place, xerr=spread, fmt="|", color="black", capsize=4)
            if name in paired:
                mean, _, half = paired[name]
                look = {"fmt": "o", "color": color, "capsize": 4, "label": label}
                right.errorbar(mean, place + shift, xerr=half, **look)
                label = None  # once is enough
    right.axvline(0, color="black", linewidth=1)
    left.set(xlabel="MAE (years)", yticks=range(len(order)), yticklabels=order)
    left.set_title(f"{start}, a dot for each seed" if alone else "a dot for each seed")
    left.invert_yaxis()
    right.set(xlabel="MAE minus that of dldl-v2 (years)", title="paired, 95 % interval", xlim=years)
    if not alone:
        right.legend(loc="upper right", fontsize=9)
    plt.show()
