"""The figures of lesson 05."""

import matplotlib.pyplot as plt

from tinydldl.plots import COLORS


def differences(gray, found):
    """A picture in gray, and where it is brighter than beside, {name: map}."""
    figure, axes = plt.subplots(1, 3, figsize=(8, 2.9))
    axes[0].imshow(gray, cmap="gray")
    axes[0].set_title("picture")
    for ax, (name, y) in zip(axes[1:], found.items(), strict=True):
        shown = ax.imshow(y, cmap="RdBu", vmin=-2, vmax=2)
        ax.set_title(f"{name} (blue), darker (red)", fontsize=9)
    for ax in axes:
        ax.set_axis_off()
    figure.colorbar(shown, ax=axes[2], label="y")
    plt.show()


def windows(cases):
    """Rows of a picture, and the window of each output: {(H, KH, stride, padding): outputs}."""
    _, axes = plt.subplots(1, len(cases), figsize=(3 + 2 * len(cases), 3), squeeze=False)
    for ax, ((H, KH, stride, padding), count) in zip(axes[0], cases.items(), strict=True):
        for row in range(-padding, H + padding):
            inside = 0 <= row < H
            ax.text(row, 0, "x" if inside else "0", ha="center", va="center")
            ax.barh(0, 0.9, 0.8, row - 0.45, color=COLORS[5] if inside else "#DDDDDD")
        for h in range(count):
            ax.barh(-1 - h, KH - 0.1, 0.6, h * stride - padding - 0.45, color=COLORS[1])
            ax.text(
                h * stride - padding + (KH - 1) / 2, -1 - h, f"h = {h}", ha="center", va="center"
            )
        ax.set(
            title=f"H {H}, KH {KH}, stride {stride}, padding {padding}", xlabel="Row of the picture"
        )
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.grid(False)
    plt.show()


def taps(padded):
    """What four of the nine taps see of a padded picture."""
    figure, axes = plt.subplots(1, 4, figsize=(8.5, 2.5))
    places = [(0, 0), (0, 8), (4, 4), (8, 8)]
    names = ["first tap", "last of the top row", "middle tap: x itself", "last tap"]
    for ax, (i, j), name in zip(axes, places, names, strict=True):
        ax.imshow(padded)
        ax.add_patch(plt.Rectangle((j, i), 95, 95, fill=False, edgecolor=COLORS[1], linewidth=3))
        ax.set_title(name, fontsize=10)
        ax.set_axis_off()
    figure.suptitle(
        "x_pad, and in orange the slice that one tap sees (padding exaggerated)", fontsize=10
    )
    plt.show()


def costs(macs, weights, megabytes, intensity, names):
    """What each convolution of a network costs, a bar each."""
    figure, axes = plt.subplots(2, 2, figsize=(9, 4.6), sharex=True)
    for ax, height, label in (
        (axes[0, 0], macs / 1e6, "Multiply-adds a photo\n(millions)"),
        (axes[0, 1], weights / 1e3, "Weights (thousands)"),
        (axes[1, 0], megabytes, "Bytes a batch of 32\n(millions)"),
        (axes[1, 1], intensity, "FLOPs per byte"),
    ):
        ax.bar(names, height, color=[COLORS[int(name[0]) % 2] for name in names])
        ax.set(ylabel=label)
        ax.tick_params(axis="x", labelrotation=90)
        ax.grid(visible=False, axis="x")
    figure.supxlabel("Convolution (group_number)", fontsize=10)
    plt.show()


def times(seconds):
    """Seconds by name, on a logarithmic axis."""
    _, axes = plt.subplots(figsize=(7, 2))
    axes.plot([1e3 * duration for duration in seconds.values()], list(seconds), "o", markersize=9)
    for name, duration in seconds.items():
        axes.annotate(f"   {1e3 * duration:,.0f} ms", (1e3 * duration, name), va="center")
    axes.set(xscale="log", xlim=(1, 3e7), ylim=(-0.6, 2.6))
    axes.set(xlabel="Milliseconds, logarithmic (loops: extrapolated)")
    axes.invert_yaxis()
    plt.show()
