"""The figures of lesson 03."""

import matplotlib.pyplot as plt
import numpy as np

from tinydldl.plots import COLORS


def temperatures(by_tau, grid):
    """Softmax of logits divided by tau, {tau: p_hat}."""
    _, axes = plt.subplots()
    for (tau, p_hat), color in zip(by_tau.items(), COLORS, strict=False):
        axes.plot(
            grid, p_hat[0], "o-", markersize=3, color=color, label=f"logits divided by {tau:g}"
        )
    axes.set(xlim=(15, 45), xlabel="Age (years)", ylabel=r"$\hat p_k$")
    axes.legend()
    plt.show()


def jacobian(J, grid):
    """The Jacobian of softmax near its peak as a map, and its column 30 as bars."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), width_ratios=[1, 1.3])
    image = axes[0].imshow(
        J[22:39, 22:39], cmap="RdBu_r", vmin=-0.16, vmax=0.16, extent=(21.5, 38.5, 38.5, 21.5)
    )
    axes[0].set(
        xlabel="logit j, age (years)", ylabel="probability k, age (years)", title="The Jacobian"
    )
    axes[0].grid(False)
    axes[0].set(xticks=range(22, 39, 4), yticks=range(22, 39, 4))
    axes[1].set_xticks(range(22, 39, 4))
    figure.colorbar(image, ax=axes[0])
    axes[1].bar(grid, J[:, 30], color=np.where(J[:, 30] > 0, COLORS[3], COLORS[0]))
    axes[1].axhline(0, color="black", linewidth=0.8)
    axes[1].set(
        xlim=(21.5, 38.5), xlabel="Age (years)", ylabel="Change of $\\hat p_k$ per unit of $x_{30}$"
    )
    axes[1].set_title("Its column j = 30: one gains, all others pay")
    plt.show()


def logarithms(t):
    """ln t below t - 1, and t ln t near 0."""
    _, axes = plt.subplots(1, 2)
    axes[0].plot(t, t - 1, color=COLORS[3])
    axes[0].plot(t, np.log(t), color=COLORS[0])
    axes[0].plot(1, 0, "ko")
    axes[0].text(2.2, 2.2, "t - 1", color=COLORS[3])
    axes[0].text(3, 0.5, "ln t", color=COLORS[0])
    axes[0].set(xlabel="t", ylim=(-3, 3), title="ln t is at most t - 1")
    axes[1].plot(t[t < 1.2], (t * np.log(t))[t < 1.2], color=COLORS[0])
    axes[1].plot(0, 0, "o", color="black", markerfacecolor="white")
    axes[1].set(xlabel="t", title="t ln t tends to 0 at 0 (needed below)")
    plt.show()


def terms(grid, p, p_hat, found):
    """Two hills, and the terms and sums of both divergences, {name: (terms, sum)}."""
    _, axes = plt.subplots(1, 3, figsize=(10, 3))
    axes[0].plot(grid, p, "o-", markersize=3, label="$p$")
    axes[0].plot(grid, p_hat, "o-", markersize=3, color=COLORS[3], label=r"$\hat p$")
    axes[0].set_title("The two hills")
    axes[0].legend()
    for ax, (name, (each, total)) in zip(axes[1:], found.items(), strict=True):
        ax.bar(grid, each, color=COLORS[5])
        ax.axhline(0, color="black", linewidth=0.8)
        ax.set_title(f"Terms of {name}: sum {total:.2f}")
    for ax in axes:
        ax.set(xlim=(28, 56), xlabel="Age (years)")
    axes[0].set_ylabel("Probability")
    axes[1].set_ylabel("Term (nats)")
    plt.show()


def step_of_logits(grid, p, p_hat):
    """Target and prediction, and below them what a step does to each logit."""
    _, axes = plt.subplots(2, 1, figsize=(8, 4.2), sharex=True)
    axes[0].plot(grid, p, "o-", markersize=3, label="target $p$")
    axes[0].plot(grid, p_hat, "o-", markersize=3, color=COLORS[3], label=r"prediction $\hat p$")
    axes[0].set(ylabel="Probability")
    axes[0].legend()
    axes[1].bar(grid, p - p_hat, color=np.where(p > p_hat, COLORS[0], COLORS[3]))
    axes[1].axhline(0, color="black", linewidth=0.8)
    axes[1].set(xlim=(18, 48), xlabel="Age (years)", ylabel=r"$-dx = p - \hat p$")
    axes[1].set_title("What a step down the gradient does to each logit", fontsize=10)
    plt.show()


def descent(grid, p, after):
    """A prediction after so many steps, {steps: (p_hat, KL)}, and the target."""
    _, axes = plt.subplots()
    axes.fill_between(grid, p[0], color=COLORS[0], alpha=0.3, label="target")
    for (steps, (p_hat, kl)), color in zip(after.items(), COLORS[1:], strict=False):
        axes.plot(grid, p_hat, color=color, label=f"{steps} steps: KL {kl:.4f}")
    axes.set(xlim=(10, 50), xlabel="Age (years)", ylabel="Probability")
    axes.legend()
    plt.show()


def overflow(gaps, through_logits, usable, through_p_hat, dx):
    """Loss and gradient against the gap of two logits; from probabilities only where `usable`."""
    _, axes = plt.subplots(1, 2, sharex=True)
    axes[0].plot(gaps, through_logits, color=COLORS[0], linewidth=6, alpha=0.4, label="from logits")
    axes[0].plot(gaps[usable], through_p_hat[usable], color=COLORS[3], label="from probabilities")
    axes[1].plot(gaps, np.full(len(gaps), -1), color=COLORS[0], linewidth=6, alpha=0.4)
    axes[1].plot(gaps[usable], dx[usable], color=COLORS[3])
    axes[1].set_ylim(-1.6, 0.1)
    for ax, last, text in ((axes[0], through_p_hat, "infinity"), (axes[1], dx, "nan")):
        ax.axvspan(89, gaps[-1], color="black", alpha=0.08, linewidth=0)
        ax.plot(88, last[gaps == 88], "x", color=COLORS[3], markersize=10)
        ax.text(92, ax.get_ylim()[0], f"from probabilities:\n{text}", color=COLORS[3], va="bottom")
        ax.set_xlabel("Gap g between the logits")
    axes[0].set(ylabel="Loss (nats)", title="Loss in float32")
    axes[1].set(ylabel="dx of the true label", title="Its gradient: right is $-1$")
    axes[0].legend(loc="upper left")
    plt.show()


def cross_entropies(found, counts):
    """Cross entropy and KL by step, {sigma: (divergences, entropy)}."""
    _, axes = plt.subplots(figsize=(8, 3.4))
    for (sigma, (divergences, entropy)), color in zip(found.items(), COLORS, strict=False):
        axes.semilogx(counts, np.array(divergences) + entropy, color=color)
        axes.semilogx(counts, divergences, "--", color=color)
        axes.axhline(entropy, color=color, linewidth=0.8, linestyle=":")
        axes.text(2300, entropy, f"sigma = {sigma:g}", color=color, va="center")
    axes.set(xlabel="Steps", ylabel="Loss (nats)", ylim=(0, None), xlim=(1, 2200))
    axes.set_title("Lines: cross entropy, with its floor dotted. Dashed: KL")
    plt.show()


def not_normalized(grid, wrong, p, q):
    """What training on a density p gives that sums to more than 1, beside p and the target q."""
    _, axes = plt.subplots()
    axes.bar(grid, wrong, color=COLORS[3], label=r"after training with $\hat p - p$")
    axes.plot(grid, p[0], "o", markersize=3, color=COLORS[0], label="density, not normalized")
    axes.plot(grid, q[0], "-", color=COLORS[2], label="normalized target")
    axes.set(xlabel="Age (years)", ylabel="Probability", xlim=(-1, 100.5))
    axes.axvline(wrong @ grid, color=COLORS[3], linestyle=":")
    axes.text(wrong @ grid + 1, 0.12, f"its expectation: {wrong @ grid:.1f} years", color=COLORS[3])
    axes.legend()
    plt.show()
