"""Answers get their points and no others."""

import json
import shutil
import sys
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
from helpers.commands import exit_code, refused
from helpers.grades import TINY, cell, graded, lost

from tinydldl.errors import UserError
from tinydldl.files import read_table
from tinydldl.grade.__main__ import main

LESSONS = Path(__file__).parents[2] / "lessons"
sys.path.insert(0, str(LESSONS))
import attempts  # noqa: E402
import build  # noqa: E402
import grading  # noqa: E402

WRONG = Path(__file__).parents[1] / "lessons" / "wrong"


BEYOND = {"15", "16"}  # lessons that build what the package does not have


@pytest.mark.parametrize("source", build.sources(), ids=lambda source: source.stem)
def test_what_an_exercise_stands_for_is_there(source):
    named = [c.metadata.get("tinydldl", {}).get("stands_for", []) for c in build.read(source).cells]
    assert any(named) or source.stem[:2] in BEYOND
    assert all(attempts.codes([name]) for names in named for name in names)


def test_a_variant(tiny):
    """The tests draw what the copy says: they begin at other seeds."""
    lesson = build.read(Path(__file__).parent / "tiny.py")
    cell(
        lesson, "test-double"
    ).source = "x = np.random.default_rng(3).random()\nassert double(x) == 2 * x, f'twice {x}'"
    nbformat.write(lesson, "lessons/tiny.ipynb")
    cell(tiny, "double").source = "def double(x):\n    return 6"
    for copy, seed in ((tiny, 3), (build.variant(tiny, 7), 7003)):
        x = np.random.default_rng(seed).random()
        assert graded(copy)["double"] == ("0", f"AssertionError: twice {x}")
    assert {row["lesson"] for row in read_table("points.csv")} == {"tiny, variant 7"}


def test_an_edited_test_and_a_deleted_answer(tiny):
    cell(tiny, "double").source = "def double(x):\n    return 0"
    cell(tiny, "test-double").source = "pass"
    tiny.cells.remove(cell(tiny, "four"))
    tiny.cells.remove(cell(tiny, "test-softmax"))
    found = graded(tiny)
    assert lost(found, TINY) == ["double", "four"]
    assert found["four"][1] == "AssertionError: the cell does not define four_times"


def test_cells_of_their_own(tiny):
    """They define what answers use; their errors do not count, nor do edits of the lesson's."""
    where = tiny.cells.index(cell(tiny, "softmax"))
    own = ["def normed(e):\n    return e / e.sum(axis=1, keepdims=True)", "raise ValueError"]
    own += ["%time normed(np.ones((1, 2)))\nexit()"]
    tiny.cells[where:where] = [nbformat.v4.new_code_cell(source) for source in own]
    cell(tiny, "softmax").source = "def softmax(x):\n    return normed(np.exp(x))"
    cell(
        tiny, "double"
    ).source = "%%time\ndef helper(x):\n    return x + x\n\ndouble = lambda x: helper(x)"
    cell(tiny, "four").source = "def four_times(x):\n    return helper(helper(x))"
    tiny.cells[1].source = "raise ValueError"
    assert lost(graded(tiny), TINY) == []
    old = json.loads(Path("anna.ipynb").read_text())
    for one in old["cells"]:  # as other programs write them
        del one["id"]
    Path("old.ipynb").write_text(json.dumps(old))
    assert not exit_code(main, "old.ipynb", "--csv", "old.csv")
    assert sum(int(row.get("points", 0)) for row in read_table("old.csv")) == 7


def test_what_is_graded_is_not_graded_again(tiny, monkeypatch, capfd):
    first = graded(tiny)
    shutil.copy("anna.ipynb", "ben.ipynb")
    monkeypatch.setattr(grading, "grade", lambda *_: dict.fromkeys(TINY, "Again"))
    assert graded(tiny) == first
    capfd.readouterr()
    assert not exit_code(main, "anna.ipynb", "ben.ipynb", "--csv", "points.csv")
    out = capfd.readouterr().out
    assert out.startswith("anna.ipynb: 7 of 7 points")
    head = "ben.ipynb: 0 of 7 points, 1 of 4 answers to be read"
    assert f"{head}\n    0 of 1  double  Again\n" in out
    lesson = nbformat.read("lessons/tiny.ipynb", 4)
    cell(lesson, "test-double").source += "\n# corrected"
    nbformat.write(lesson, "lessons/tiny.ipynb")
    assert not exit_code(main, "anna.ipynb", "--csv", "points.csv")
    assert capfd.readouterr().out.startswith("anna.ipynb: 0 of 7 points")
    cell(tiny, "double").source += "\n# changed"
    nbformat.write(tiny, "anna.ipynb")
    assert not exit_code(main, "anna.ipynb", "--csv", "points.csv")
    messages = {(row["notebook"], row["message"]) for row in read_table("points.csv")}
    assert messages == {(f"{n}.ipynb", m) for n in ("anna", "ben") for m in ("Again", "to be read")}


def test_points_that_a_teacher_writes(tiny, monkeypatch, capfd):
    """Halves count, wherever the command runs; they stay; what is no number is one line."""
    graded(tiny)
    table = Path("points.csv")
    left = table.read_text()
    (line,) = (line for line in left.splitlines() if ",why," in line)
    assert line.endswith(",why,,3,to be read")

    def write(points):
        cell = f'"{points}"' if "," in points else points
        table.write_text(left.replace(",why,,3,", f",why,{cell},3,"))
        return "anna.ipynb", "--csv", "points.csv"

    for points, total in (("1.5", "8.5"), ("2,5", "9.5"), ("3.0", "10"), ("0", "7")):
        capfd.readouterr()
        assert not exit_code(main, *write(points))
        out = capfd.readouterr().out
        assert out.startswith(f"anna.ipynb: {total} of 10 points\n")
        assert out.endswith(f"    {float(points.replace(',', '.')):g} of 3  why\n")
    capfd.readouterr()
    write("2.5")
    for here, *names in (
        (".", Path("anna.ipynb").absolute(), "points.csv"),
        ("lessons", "../anna.ipynb", "../points.csv"),
    ):
        monkeypatch.chdir(here)
        assert not exit_code(main, str(names[0]), "--csv", names[1])
        assert capfd.readouterr().out.startswith("anna.ipynb: 9.5 of 10 points\n")
    monkeypatch.chdir("..")
    assert len(read_table(table)) == len(left.splitlines()) - 1
    cell(tiny, "double").source += "\n# changed"
    nbformat.write(tiny, "anna.ipynb")
    assert not exit_code(main, "anna.ipynb", "--csv", "points.csv")
    assert "    2.5 of 3  why  changed since it was read\n" in capfd.readouterr().out
    for points in ("4", "-1", "x", "½", "nan", "inf"):
        words = f"points.csv: anna.ipynb, why: {points!r} points; expected 0 to 3"
        assert refused(capfd, main, *write(points)) == words
    columns = "notebook,sha256,lesson,exercise,points,of,message"
    for other in (left.replace("message", "message,remark", 1), "", "a,b\n"):
        table.write_text(other)
        words = f"points.csv: not a table of this command ({columns}); give another --csv"
        assert refused(capfd, main, "anna.ipynb", "--csv", "points.csv") == words
    table.write_text(left, encoding="utf-8-sig")  # as a spreadsheet saves it
    assert not exit_code(main, "anna.ipynb", "--csv", "points.csv")
    for row in (
        "anna.ipynb,,,remark,,,handed in late",
        "anna.ipynb,,,why,,two,",
        "anna.ipynb,,,,,3,",
    ):
        table.write_text(f"{left}{row}\n")
        words = "no exercise, or not what it is worth; take this row out"
        assert refused(capfd, main, "anna.ipynb", "--csv", "points.csv").endswith(words)
    table.write_text(left.replace(",why,,3,", ",why,1,5,3,"))
    words = "points.csv: anna.ipynb, why: too many cells; write 1.5, or put 1,5 in quotation marks"
    assert refused(capfd, main, "anna.ipynb", "--csv", "points.csv") == words


def test_what_cannot_be_graded(tiny, monkeypatch, capsys):
    nbformat.write(tiny, "anna.ipynb")
    other = json.loads(Path("anna.ipynb").read_text())
    other["metadata"]["tinydldl"]["source"] = "../99_of_another_course.py"
    Path("other.ipynb").write_text(json.dumps(other))
    lessons = Path("lessons").absolute()
    words = f"other.ipynb: {lessons} has no lesson '99_of_another_course'; grade in a clone of "
    assert refused(capsys, main, "anna.ipynb", "other.ipynb", "--csv", "a.csv").startswith(words)
    assert not Path("a.csv").exists()
    broken = build.read(Path(__file__).parent / "tiny.py")
    broken.cells[1].source = "raise ValueError"
    nbformat.write(broken, "lessons/tiny.ipynb")
    words = "tiny: the lesson itself does not run here in 8 GB"
    assert refused(capsys, main, "anna.ipynb") == words
    monkeypatch.setattr("tinydldl.notebook.LESSONS", Path("nowhere").absolute())
    assert "no lessons here; grade in a clone" in refused(capsys, main, "anna.ipynb")


def test_a_lesson_with_solutions_stubs_and_wrong_answers(tmp_path, monkeypatch):
    """Solutions get all points, stubs none; what only a hidden test catches loses its own.

    Each exercise is tried with each of the three, in three notebooks that mix them.
    """
    monkeypatch.chdir(tmp_path)
    solved = nbformat.read(LESSONS / "03_softmax_and_kl.ipynb", 4)
    stubs = nbformat.read(LESSONS / "exercises" / "03_softmax_and_kl.ipynb", 4)
    points = {"softmax": 1, "softmax-backward": 2, "kl": 2, "kl-logits": 3}
    wrong = {
        answer.metadata["exercise"]: answer.source
        for answer in jupytext.read(WRONG / "03_softmax_and_kl.py").cells
        if "hidden" in answer.metadata
    }
    assert wrong.keys() == points.keys()
    for first in range(3):
        answers, kinds = nbformat.from_dict(solved), {}
        for n, name in enumerate(points, start=first):
            right, stub = (cell(notebook, name).source for notebook in (solved, stubs))
            kinds[name] = ("solution", "stub", "wrong")[n % 3]
            cell(answers, name).source = (right, stub, wrong[name])[n % 3]
        found = graded(answers)
        assert lost(found, points) == [name for name in points if kinds[name] != "solution"]
        for name, kind in kinds.items():
            assert (found[name][1] == "left empty, at least in part") == (kind == "stub")


NO_NOTEBOOKS = [
    "",
    "{",
    "[]",
    "[" * 100_000,
    '{"metadata": {}}',
    '{"metadata": {"tinydldl": 5}, "cells": []}',
    '{"metadata": {"tinydldl": {"source": 5}}, "cells": []}',
    '{"metadata": {"tinydldl": {"seed": "two"}}, "cells": []}',
    '{"metadata": {}, "cells": [5]}',
    '{"metadata": {}, "cells": [{"cell_type": "code", "metadata": {}, "source": [5]}]}',
    '{"metadata": {}, "cells": [{"metadata": {"nbgrader": {"points": 1e999}}}]}',
]


@pytest.mark.parametrize("text", NO_NOTEBOOKS, ids=range(len(NO_NOTEBOOKS)))
def test_what_is_no_notebook(text, tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    with pytest.raises(UserError, match=r"a\.ipynb: not a notebook; expected a copy of one from"):
        grading.read_cells(path)
