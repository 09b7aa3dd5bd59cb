"""The figures of lesson 04."""

import matplotlib.pyplot as plt

from tinydldl.plots import COLORS


def expectation_gradients(by_sigma, grid):
    """Predictions, and the gradient of the expectation of each, {sigma: (p_hat, gradient)}."""
    _, axes = plt.subplots(1, 2, sharex=True)
    for (sigma, (p, dx)), color in zip(by_sigma.items(), COLORS, strict=False):
        axes[0].plot(grid, p, "o-", markersize=3, color=color, label=f"sigma {sigma:g}")
        axes[1].plot(grid, dx, "o-", markersize=3, color=color)
    axes[0].set(xlim=(24, 56), xlabel="Age (years)", ylabel=r"$\hat p_k$", title="a prediction")
    axes[0].legend()
    axes[1].set(xlabel="Age (years)", ylabel=r"$\partial \hat y / \partial x_k$ (years)")
    axes[1].set_title("what each logit does to its expectation")
    plt.show()


def four_predictions(predictions, measured, grid, p):
    """Four predictions of a target; `measured`: KL, errors of the mean and of the mode."""
    figure, axes = plt.subplots(2, 2, figsize=(9, 5), sharex=True, sharey=True)
    for ax, (name, p_hat) in zip(axes.flat, predictions.items(), strict=True):
        kl, error, mode_error = measured[name[0]]
        ax.fill_between(grid, p, color=COLORS[0], alpha=0.4)
        ax.plot(grid, p_hat, color=COLORS[3])
        ax.axvline(p_hat @ grid, color=COLORS[3], linestyle=":")
        ax.set_title(
            f"{name}\nKL {kl:.3f},  error of ŷ {error:.1f},  of the mode {mode_error:g}",
            fontsize=10,
        )
        ax.set(xlim=(8, 92), ylim=(0, 0.23))
    for ax in axes[1]:
        ax.set_xlabel("Age (years)")
    for ax in axes[:, 0]:
        ax.set_ylabel("Probability")
    figure.suptitle("blue: target p, orange: prediction, dotted: its expectation ŷ", fontsize=10)
    plt.show()


def two_hills(paths, grid, p, start):
    """How a prediction of two hills moves, a column for each loss: after 400 steps, and 4000."""
    figure, axes = plt.subplots(2, 3, figsize=(10, 5), sharex=True, sharey=True)
    for row, step in zip(axes, (400, 4000), strict=True):
        for ax, (name, path), color in zip(row, paths.items(), COLORS, strict=False):
            ax.fill_between(grid, p, color="gray", alpha=0.35)
            ax.plot(grid, start, color="black", linestyle="--", linewidth=1)
            ax.plot(grid, path[step], color=color, linewidth=2)
            ax.set(xlim=(15, 75), title=f"{name}, {step} steps")
        row[0].set_ylabel("Probability")
    for ax in axes[1]:
        ax.set_xlabel("Age (years)")
    figure.suptitle("Prediction (color), as it began (dashed), target (gray)", fontsize=10)
    plt.show()


def age_and_shape(curves):
    """Error of the age and KL by step, {name: (errors, divergences)}."""
    _, axes = plt.subplots(1, 2, figsize=(10, 3))
    for (name, (error, kl)), color in zip(curves.items(), COLORS, strict=False):
        width = 5 if name == "L1 alone" else 2
        axes[0].plot(error, color=color, linewidth=width, label=name)
        axes[1].plot(kl, color=color, linewidth=width, label=name)
    axes[0].set(xlabel="Step", ylabel=r"$|\hat y - y|$ (years)", title="is the age right?")
    axes[1].set(xlabel="Step", ylabel="KL (nats)", ylim=(0, 0.8), title="is the shape right?")
    axes[0].legend()
    plt.show()


def weights_of_l1(results):
    """Three measures against the weight of L1."""
    _, axes = plt.subplots(1, 3, figsize=(10, 3.2))
    for ax, measure in zip(axes, results["KL alone"], strict=True):
        values = [result[measure] for result in results.values()]
        ax.plot(values, "o-", color=COLORS[0])
        ax.plot([0, 6], [values[0], values[6]], "s", color=COLORS[3])
        ax.set_xticks(range(7), ["KL\nalone", *list(results)[1:6], "L1\nalone"])
        ax.set(ylim=(0, None), xlabel=r"weight $\lambda$ of L1", title=measure)
        ax.title.set_fontsize(10)
        ax.tick_params(axis="x", labelsize=8)
    plt.show()


def forces(grid, lam, p, p_hat, kl, er):
    """Target and prediction, and how KL and lam times L1 push the logits."""
    _, axes = plt.subplots(1, 2, figsize=(9, 3.4))
    y_hat = p_hat @ grid
    axes[0].fill_between(grid, p, color=COLORS[0], alpha=0.45, label="target p")
    axes[0].plot(grid, p_hat, color=COLORS[3], label=r"prediction $\hat p$")
    axes[0].set(xlim=(14, 58), ylim=(0, 0.29), xlabel="Age (years)", ylabel="Probability")
    axes[0].set_title(rf"dotted: the expectation $\hat y$ = {y_hat:.3g}")
    axes[1].plot(grid, kl, "o-", markersize=3, color=COLORS[0], label="from KL")
    axes[1].plot(grid, er, "s-", markersize=3, color=COLORS[1], label=f"from {lam:g} · L1")
    for ax in axes:
        ax.axvline(y_hat, color=COLORS[3], linestyle=":")
        ax.legend(loc="upper right")
    axes[1].axhline(0, color="black", linewidth=0.8)
    axes[1].set(xlim=(14, 58), xlabel="Age (years)", ylabel="Minus the gradient in $x_k$")
    axes[1].set_title("how the logits are pushed")
    plt.show()
