"""A lesson that takes no time, and what is said of its answers."""

import nbformat
from helpers.commands import exit_code

from tinydldl.files import read_table
from tinydldl.grade.__main__ import main

TINY = {"double": 1, "softmax": 2, "four": 4}


def cell(notebook, name):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def graded(notebook, *options):
    """{exercise: (points, message)} of a notebook's answers, as the table has them."""
    nbformat.write(notebook, "anna.ipynb")
    assert not exit_code(main, "anna.ipynb", "--csv", "points.csv", *options)
    rows = read_table("points.csv")
    return {row["exercise"]: (row.get("points"), row.get("message", "")) for row in rows}


def lost(found, points):
    """The exercises without points; all others have all of theirs."""
    assert {name: found[name][0] for name in points} == {
        name: "0" if found[name][1] else str(of) for name, of in points.items()
    }
    return [name for name in points if found[name][1]]
