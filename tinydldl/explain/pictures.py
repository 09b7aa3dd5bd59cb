"""Pictures of what a network looks at: faces in gray, tinted by maps.

Orange is above 0, blue is below; where a map is 0 the face stays gray. The maps are those
under the squares of occlusion, `saliency.under_squares`, so that all can be compared.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import CenteredNorm, LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image

from tinydldl.arrays import Array, Grid, Map, Pixels
from tinydldl.plots import COLORS, DPI

# An odd number of colors, so that 0 is white.
TINTS = LinearSegmentedColormap.from_list("tints", [COLORS[0], "white", COLORS[3]], N=257)
DARKEST = 0.35  # the lightness of black, so that a tint can be seen on it
YEARS = "years; orange: older, blue: younger"
NATS = "ln p_hat (nats)\norange: for this age, blue: against"
SQUARE = "Numbers are of all that lies under a square of a quarter of the side."
HOW_TO_READ = (
    f"Above, orange: what lies there makes the estimate older; blue: younger. {SQUARE}\n"
    "The map is computed from the last layers, as if each part worked by itself. The gray square "
    "covers a part, and the network is asked again.\nWhere the two do not agree, trust neither.\n"
    "Below, orange: what lies there speaks for that age; blue: against it. One nat makes it 2.7 "
    "times as probable, or as improbable.\nThe scale is the same for all, so an age near the "
    "estimate is pale: that is as probable as it gets.\nAll of this tells of the network, not of "
    "a person."
)
HOW_TO_READ_MEANS = f"Orange makes the estimates older, on average; blue: younger.\n{SQUARE}"


def explanation(view: Image.Image, maps: tuple, p_hat: Array, grid: Grid, title: str) -> Figure:
    """A figure of what a network looks at in a face. The maps are (16, 16).

    `view`: an RGB image; `maps`: of the expectation and of occlusion, years, and of ln p_hat, nats,
    {age: map} for up to four ages; `p_hat` on `grid` (K,).
    """
    estimate, occluded, ages = maps
    figure = Figure(figsize=(11.6, 8.6), dpi=DPI, layout="constrained")
    figure.suptitle(title, fontweight="bold", parse_math=False)
    figure.supxlabel(HOW_TO_READ, x=0.01, horizontalalignment="left", fontsize=10)
    top, bottom = figure.subplots(2, 4)
    for axes in bottom[len(ages) :]:
        axes.set_axis_off()
    show(top[0], view, "what the network sees")
    top[3].fill_between(grid, p_hat, color=COLORS[3], alpha=0.35)
    for age in ages:
        top[3].axvline(age, color="#555555", linestyle=":")
    top[3].set(xlim=(grid[0], grid[-1]), ylim=(0, None), yticks=[], xlabel="Age (years)")
    top[3].set_title("what it says, p_hat", fontsize=10)
    top[3].spines[["top", "right", "left"]].set_visible(False)
    names = ("the map of its estimate", "what a gray square takes away")
    for axes, one_map, name in zip(top[1:3], (estimate, occluded), names, strict=True):
        largest = np.abs(one_map).max()
        show(axes, tinted(view, one_map, largest), name)
        color_bar(axes, largest, YEARS)
    largest = np.abs(list(ages.values())).max()
    for axes, (age, one_map) in zip(bottom[: len(ages)], ages.items(), strict=True):
        show(axes, tinted(view, one_map, largest), f"the map for age {age:g}")
    color_bar(bottom[: len(ages)], largest, NATS)
    return figure


def decades(rows: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Mean faces by decade of true age, and below them the same with mean maps under squares."""
    figure = Figure(figsize=(max(6.5, 1.7 * len(rows) + 0.6), 5.6), dpi=DPI, layout="constrained")
    figure.suptitle(title, fontweight="bold")
    figure.supxlabel(HOW_TO_READ_MEANS, fontsize=10)
    cells = figure.subplots(2, len(rows), squeeze=False)
    largest = max(np.abs(row["map"]).max() for row in rows)
    for (face, tint), row in zip(cells.T, rows, strict=True):
        image = Image.fromarray(row["face"].round().astype(np.uint8))
        show(face, image, f"{row['decade']} to {row['decade'] + 9}\n{row['count']} photos")
        show(tint, tinted(image, row["map"], largest), f"estimate {row['y_hat']:.0f}")
    color_bar(cells[1], largest, YEARS)
    return figure


def show(axes: Axes, image: Image.Image | Pixels, title: str) -> None:
    """Draw an image without axes, and a title above it."""
    axes.imshow(image)
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()


def tinted(image: Image.Image, one_map: Map, largest: float) -> Pixels:
    """The image in light gray times the colors of a map, (side, side, 3); 0 changes nothing."""
    gray = DARKEST + (1 - DARKEST) * np.asarray(image.convert("L")) / 255
    values = Image.fromarray(one_map.astype(np.float32))
    smooth = np.asarray(values.resize(image.size, Image.Resampling.BICUBIC))
    return gray[..., None] * TINTS(CenteredNorm(0, largest or 1)(smooth))[..., :3]


def color_bar(axes: Any, largest: float, label: str) -> None:
    """Draw the scale of `tinted` below one or several axes."""
    cells = np.atleast_1d(axes)
    scale = ScalarMappable(CenteredNorm(0, largest or 1), TINTS)
    bar = cells[0].figure.colorbar(
        scale, ax=cells.tolist(), location="bottom", label=label, aspect=20 * len(cells)
    )
    bar.outline.set_visible(False)
