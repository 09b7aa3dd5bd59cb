"""Where the names and sections that the book mentions stand; an error if one is gone."""

import importlib
import inspect
import json
import re
from functools import reduce
from pathlib import Path

LESSONS = Path(__file__).parents[2] / "lessons"


def find(name: str) -> tuple[str, str, int]:
    """The module, the name in it, and the line of, for example, `losses.l1`."""
    parts = ["tinydldl", *name.split(".")]
    for length in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        found = reduce(getattr, parts[length:], module)
        home = inspect.getmodule(found)
        if home.__name__ != module.__name__:
            raise ValueError(f"{name}: it is defined in {home.__name__}")
        lines, first = inspect.getsourcelines(found)
        above = next(n for n, line in enumerate(lines) if not line.strip().startswith("@"))
        return module.__name__, ".".join(parts[length:]), first + above
    raise ValueError(f"{name}: there is no such name in tinydldl")


def section(number: str, which: str) -> tuple[Path, str]:
    """The notebook of a lesson, and the title of its section, as "4. The gradient"."""
    (notebook,) = LESSONS.glob(f"{number}_*.ipynb")
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    titles = re.findall(rf"^## ({which}\. .*)$", text, re.MULTILINE)
    if len(titles) != 1:
        raise ValueError(f"lesson {number} has no section {which}")
    return notebook, titles[0]
