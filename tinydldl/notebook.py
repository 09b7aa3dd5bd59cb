"""The start of every lesson notebook: the style of figures, sliders, and the fast mode.

Also how a notebook is read, and the way out for who is stuck.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from cycler import cycler

from tinydldl.errors import UserError
from tinydldl.files import open_file
from tinydldl.plots import COLORS

LESSONS = Path(__file__).parents[1] / "lessons"  # in a clone of the project; not in a wheel

# With TINYDLDL_FAST=1 in the environment a lesson trains more briefly; its checks stay the same.
FAST = bool(os.environ.get("TINYDLDL_FAST"))


def use_style() -> None:
    """Make the figures of pyplot look like those of `tinydldl.plots`."""
    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLORS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.alpha": 0.3,
            "figure.figsize": (8, 3.2),
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "legend.frameon": False,
        }
    )


def slider(draw: Callable[..., Any], **ranges: Any) -> None:
    """Call `draw(name=value, ...)` again whenever a slider is moved, one for each of `ranges`.

    A range is (first, last) or (first, last, step), or a list of choices. Without ipywidgets, and
    while the lessons are built, it does nothing: the static figure beside it shows the same.
    """
    if os.environ.get("TINYDLDL_BUILD"):
        return
    try:
        from ipywidgets import interact
    except ImportError:
        print("pip install ipywidgets to get sliders here; the figure above shows the same")
        return
    interact(draw, **ranges)


def read_cells(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """The lesson that a notebook says it is a copy of, and its cells, as dicts.

    `id`; `code`, whether it is code; `source`, a text; nbgrader's marks, `name` (empty for most
    cells), `test`, `points`; and of an exercise what it `stands_for` in the package. Raises
    UserError if it cannot be read.
    """
    try:
        with open_file(path) as file:
            notebook = json.load(file)
        lesson = Path(notebook["metadata"].get("tinydldl", {}).get("source", path)).stem
        cells = []
        for cell in notebook["cells"]:
            marks = cell["metadata"].get("nbgrader", {})
            name, points = str(marks.get("grade_id", "")), int(marks.get("points", 0))
            one = {"id": str(cell.get("id", "")), "name": name, "points": points}
            one |= {"test": name.startswith("test-"), "code": cell["cell_type"] == "code"}
            one["stands_for"] = cell["metadata"].get("tinydldl", {}).get("stands_for", [])
            cells.append(one | {"source": "".join(cell["source"])})
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        what = "not a notebook; expected a copy of one from lessons/exercises"
        raise UserError(f"{path}: {what}") from None
    return lesson, cells


def rescue(lesson: str, exercise: str, names: dict[str, Any]) -> None:
    """Define the lesson's own answer to an exercise in `names`, the `globals()` of a notebook.

    For students who are stuck: there are no points for it, but they can go on. `lesson`: "03".
    Raises UserError without the folder of the lessons.
    """
    for path in LESSONS.glob(f"{lesson}_*.ipynb"):
        for cell in read_cells(path)[1]:
            if cell["name"] == exercise:
                return exec(cell["source"], names)
    raise UserError(f"{LESSONS}: no exercise {exercise!r} of a lesson {lesson!r} is there")
