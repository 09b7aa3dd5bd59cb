"""The picture of a photo, of the faces in it, and of their estimates."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from tinydldl.arrays import Array
from tinydldl.images import full_size
from tinydldl.plots import COLORS, DPI
from tinydldl.predict.portraits import Portrait

LONGEST = 40  # characters of a title


def people(image: Image.Image, portraits: list[Portrait], title: str) -> Figure:
    """A photo with a numbered box around each face; beside it, each face and its distribution."""
    rows = min(len(portraits), max(4, math.ceil(len(portraits) / 4)))
    columns = math.ceil(len(portraits) / rows)
    inches = max(4.0, 1.9 * rows)
    beside = min(inches, 9.0), 4.8 * columns
    figure = Figure(figsize=(sum(beside), inches), dpi=DPI, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=beside)  # type: ignore[misc]
    photo = left.add_subplot()
    width, height = full_size(image)
    photo.imshow(image, extent=(0, width, height, 0))
    photo.set_title(title if len(title) <= LONGEST else f"{title[:LONGEST]}…", parse_math=False)
    photo.set_axis_off()
    cells = right.subplots(rows, 2 * columns, width_ratios=[1, 1.7] * columns, squeeze=False)
    for cell in cells.flat:
        cell.set_axis_off()
    for number, portrait in enumerate(portraits):
        row, column = number % rows, 2 * (number // rows)
        if portrait.face is not None:
            draw_box(photo, portrait.face.box, f"{number + 1}: {portrait.y_hat:.0f}")
        cells[row, column].imshow(portrait.view)
        cells[row, column].set_title(f"{number + 1}", fontsize=11, color="#555555")
        draw_portrait(cells[row, column + 1], portrait)
    handles, labels = cells[0, 1].get_legend_handles_labels()
    in_a_row = 3 if columns > 1 else 1
    right.legend(handles, labels, loc="outside lower center", ncols=in_a_row, frameon=False)
    return figure


def draw_box(axes: Axes, box: Array, text: str) -> None:
    """Draw a box (4,), in pixels, over a photo, and a text above it."""
    left, top, right, bottom = box
    axes.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color=COLORS[1])
    dark = {"facecolor": "#222222", "edgecolor": "none", "pad": 2, "alpha": 0.8}
    axes.annotate(text, (left, top), (0, 3), textcoords="offset points", color="white", bbox=dark)


def draw_portrait(axes: Axes, portrait: Portrait) -> None:
    """Draw the estimate of a face: p_hat as an area if there is one, y_hat as a line."""
    axes.set_axis_on()
    y_hat, around, label = portrait.y_hat, "", "estimate"
    if portrait.p_hat is not None and (spread := portrait.spread):
        around, label = f" ± {spread:.1f}", "how probable each age is (years)"
        axes.fill_between(portrait.grid, portrait.p_hat, color=COLORS[3], alpha=0.35, label=label)
        near, label = (y_hat - spread, y_hat + spread), "±: its standard deviation"
        axes.axvspan(*near, color="#dddddd", lw=0, zorder=0, label=label)
        label = "estimate: its expectation"
    axes.axvline(y_hat, color=COLORS[3], label=label)
    axes.set_title(f"{y_hat:.1f}{around} years", color=COLORS[3])
    axes.set(xlim=(portrait.grid[0], portrait.grid[-1]), yticks=[])
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
