"""The figures of lesson 00."""

import matplotlib.pyplot as plt
import numpy as np

from tinydldl.plots import COLORS


def gaps_between_floats(x):
    """The gap to the next float at each x, in float32 and float64."""
    _, axes = plt.subplots()
    for dtype, color in zip((np.float32, np.float64), COLORS, strict=False):
        axes.loglog(x, np.spacing(x.astype(dtype)), color=color)
        axes.text(1.2e-3, 8 * np.spacing(dtype(1e-3)), dtype.__name__, color=color)
        axes.plot(1, np.finfo(dtype).eps, "o", color=color)
        axes.annotate("eps", (1, np.finfo(dtype).eps), (1.1, np.finfo(dtype).eps / 15))
    axes.set(
        xlabel="x", ylabel="Gap to the next float", title="The larger the number, the wider the gap"
    )
    plt.show()


def secants(f, lines, x, h):
    """f with its tangent at x and two secants of step h, {name: (slope, height above f(x))}."""
    _, axes = plt.subplots()
    at = np.linspace(-0.9, 1.9, 200)
    axes.plot(at, f(at), color="black", linewidth=1)
    for (name, (slope, lift)), color in zip(lines.items(), COLORS[2::-1], strict=True):
        axes.plot(
            at, f(x) + lift + slope * (at - x), color=color, label=f"{name}: slope {slope:.2f}"
        )
    axes.plot([x - h, x, x + h], f(np.array([x - h, x, x + h])), "ko")
    axes.set(xlabel="x", ylabel="f(x) = exp(x)", ylim=(-2, 7), title=f"step h = {h:g}")
    axes.legend()
    plt.show()


def derivative_errors(errors, best):
    """Errors against the step, {dtype: (steps, measured, model)}, and the best step of each."""
    _, axes = plt.subplots(figsize=(8, 4))
    for (dtype, (h, error, model)), color in zip(errors.items(), COLORS, strict=False):
        axes.loglog(h, error, ".", markersize=3, color=color)
        axes.loglog(h, model, color=color)
        axes.plot(best[dtype], best[dtype] ** 2 / 2 * np.e, "o", color="black")
        axes.text(8 * h[0], model[0], dtype.__name__, color=color)
    axes.set(xlabel="Step h", ylabel="Error of the derivative", ylim=(1e-13, 1e2))
    axes.set_title("Dots: measured. Lines: E(h). Black: the best step")
    plt.show()


def gradients(errors, grid, gradients, exact):
    """Numerical gradients {dtype: (K,)} as dots on the exact one, and their relative errors."""
    figure, axes = plt.subplots(1, 2, sharey=True)
    for ax, (dtype, error) in zip(axes, errors.items(), strict=True):
        ax.plot(grid, gradients[dtype], "o", markersize=3, color=COLORS[3])
        ax.plot(grid, exact[0], color=COLORS[0])
        ax.set(xlabel="Label (years)", title=f"{dtype.__name__}: relative error {error:.0e}")
    axes[0].set_ylabel("Gradient of the loss")
    figure.suptitle("Line: the true gradient. Dots: central differences with h = 1e-5")
    plt.show()


def planted_bugs(results):
    """A dot for each relative error, a row for each backward pass, a dict for each layer."""
    _, axes = plt.subplots()
    for result, name, color in zip(results, ("Tanh", "Softmax", "Linear"), COLORS, strict=False):
        for row, values in enumerate(result.values()):
            at = np.full(len(values), row + 0.2 * (COLORS.index(color) - 1))
            axes.semilogx(values, at, ".", color=color, label=name if row == 0 else None)
    axes.axvline(1e-7, color="black", linestyle="--")
    axes.text(1.3e-7, 3.9, "limit 1e-7")
    axes.set_yticks(range(5), results[0].keys())
    axes.set(xlabel="Relative error", title="Each dot is one random upstream gradient")
    axes.legend(loc="upper left")
    plt.show()


def kink(x, h, numeric):
    """The derivative of ReLU near its kink, by the backward pass and numeric with step h."""
    _, axes = plt.subplots()
    axes.plot(x / h, x > 0, color=COLORS[0], label="backward pass")
    axes.plot(x / h, numeric, "--", color=COLORS[3], label="central difference")
    axes.set(
        xlabel="x / h",
        ylabel="Derivative of ReLU",
        title="Within one step of the kink they disagree",
    )
    axes.legend(loc="upper left")
    plt.show()
