"""Lessons run from top to bottom, exercises tell right from wrong, and no notebook is stale."""

import ast
import importlib.util
import linecache
import os
import re
import sys
import traceback
from collections import defaultdict
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import nbformat
import pytest

import tinydldl.notebook
from tinydldl.errors import UserError
from tinydldl.notebook import figures, rescue

LESSONS = Path(__file__).parents[2] / "lessons"
sys.path.insert(0, str(LESSONS))
import attempts  # noqa: E402
import build  # noqa: E402
import grading  # noqa: E402

read, parsed = cache(build.read), cache(jupytext.read)  # parsing takes longer than most tests

WRONG = Path(__file__).parent / "wrong"
SOURCES = build.sources()
TRANSLATIONS = [translation for source in SOURCES for translation in build.translations(source)]
NEEDS_TORCH = "needs_torch()"  # a cell with it does nothing where PyTorch is missing, and says so
WITH_TORCH = [s for s in SOURCES if NEEDS_TORCH in s.read_text(encoding="utf-8")]
pytestmark = pytest.mark.filterwarnings("default")  # a lesson may show what warns
NO_TORCH = not (importlib.util.find_spec("torch") or os.environ.get("TINYDLDL_REQUIRE_TORCH"))
every_lesson = pytest.mark.parametrize(
    "source",
    [
        pytest.param(s, id=s.stem, marks=[pytest.mark.oracle] if s in WITH_TORCH else [])
        for s in SOURCES
    ],
)


def grade_id(cell):
    """nbgrader's name of a cell, None for most."""
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def cells_by_id(notebook):
    return {grade_id(cell): cell for cell in notebook.cells if grade_id(cell)}


def exercises(notebook):
    """The names of the exercises."""
    graded = (cell.metadata.get("nbgrader", {}) for cell in notebook.cells)
    return [marks["grade_id"] for marks in graded if marks and not marks["grade"]]


def wrong_answers(source, mark="wrong"):
    """{exercise: {what is wrong: code}} of `wrong/NN_name.py`: the functions that differ.

    `mark`: "wrong" fails the visible test; "hidden" passes it, and fails the hidden one.
    """
    found, path = defaultdict(dict), WRONG / source.name
    for cell in parsed(path).cells:
        if mark in cell.metadata:
            found[cell.metadata["exercise"]][cell.metadata[mark]] = cell.source
    return found


def read_notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def run(monkeypatch):
    """run(cell, names): what a code cell prints, in the fast mode, in this process.

    A kernel for each lesson would take longer than most of them.
    """
    monkeypatch.chdir(LESSONS)
    monkeypatch.setenv("TINYDLDL_BUILD", "1")  # no sliders
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # some set it
    monkeypatch.setattr(tinydldl.notebook, "FAST", True)

    def run(cell, names):
        linecache.cache[cell.id] = len(cell.source), None, cell.source.splitlines(True), cell.id
        with redirect_stdout(StringIO()) as printed:
            exec(compile(cell.source, cell.id, "exec"), names)
        for number in plt.get_fignums():
            plt.figure(number).draw_without_rendering()
        plt.close("all")
        return printed.getvalue()

    with plt.rc_context():
        yield run


def failure(answer, test, names):
    """The line of a test at which an answer fails, with a message; 0 if it passes.

    It leaves the names of a lesson alone.
    """
    names, failed = dict(names), None
    with attempts.restored(names), redirect_stdout(StringIO()):
        exec(answer, names)
        try:
            exec(compile(test, "<test>", "exec"), names)
        except (NotImplementedError, AssertionError) as error:
            failed = error
    if failed is None:
        return 0
    said = isinstance(failed, NotImplementedError) or str(failed)
    assert said, "the student is not told what is wrong"
    at = traceback.walk_tb(failed.__traceback__)
    return next(line for frame, line in at if frame.f_code.co_filename == "<test>")


def test_there_are_lessons():
    assert SOURCES


@every_lesson
def test_runs_and_every_exercise_needs_its_solution(source, run, monkeypatch):
    """In the fast mode: stubs and wrong answers fail the visible part of their test.

    Others fail the hidden part, and nothing before it; the solution passes, where the lesson runs.
    Tests that need PyTorch check nothing without it, so there no answers are tried, and it is said.
    In the end each slider is moved to both of its ends.
    """
    notebook, names, untried, sliders = read(source), {"__name__": "__main__"}, [], []
    monkeypatch.setattr(
        "tinydldl.notebook.slider", lambda *draw, **ends: sliders.append((draw, ends))
    )
    stubs = cells_by_id(build.strip(notebook))
    wrong, unseen = wrong_answers(source), wrong_answers(source, "hidden")
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        name = (grade_id(cell) or "").removeprefix("test-")
        if grade_id(cell) == f"test-{name}" and NO_TORCH and NEEDS_TORCH in cell.source:
            untried.append(name)
        elif grade_id(cell) == f"test-{name}":
            visible = range(1, stubs[f"test-{name}"].source.count("\n") + 2)
            hidden = range(visible.stop, cell.source.count("\n") + 2)
            for answers, lines in (
                ({"the stub": stubs[name].source} | wrong[name], visible),
                (unseen[name], hidden),
            ):
                at = {what: failure(one, cell.source, names) for what, one in answers.items()}
                assert not {what for what in at if at[what] not in lines}, f"{name}: {at}, {lines}"
            if (other := grading.varied(cell.source, seed=1)) != cell.source:
                assert not failure("", other, names), f"{name}: a variant fails the solution"
        run(cell, names)
    for (draw,), ranges in sliders:
        for end in (0, 1):
            draw(**{name: values[end] for name, values in ranges.items()})  # (first, last, ...)
            plt.close("all")
    if untried:
        pytest.skip(f"all ran, but PyTorch is not installed; not tried: {', '.join(untried)}")


@pytest.mark.parametrize("source", WITH_TORCH, ids=lambda source: source.stem)
def test_runs_without_pytorch_too(source, run, monkeypatch):
    """Each cell that needs it says that it is skipped."""
    monkeypatch.setitem(sys.modules, "torch", None)
    names = {"__name__": "__main__"}
    for cell in (cell for cell in read(source).cells if cell.cell_type == "code"):
        printed = run(cell, names)
        if f"\nif {NEEDS_TORCH}:" in f"\n{cell.source}":
            assert "skipped: this cell needs PyTorch" in printed


@pytest.mark.full
@every_lesson
def test_runs_at_full_length(source):
    build.execute(build.read(source))


@every_lesson
def test_the_committed_notebook_is_what_the_source_gives(source):
    committed = read_notebook(LESSONS / f"{source.stem}.ipynb")
    fresh = read(source)
    assert committed.metadata["tinydldl"] == fresh.metadata["tinydldl"], "stale: make lessons"
    assert [cell.source for cell in committed.cells] == [cell.source for cell in fresh.cells]
    assert [cell.metadata for cell in committed.cells] == [cell.metadata for cell in fresh.cells]
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    skipped = [o for o in outputs if "skipped: this cell needs" in o.get("text", "")]
    assert not skipped, "built without PyTorch"


@every_lesson
def test_a_cell_with_a_figure_has_one_and_says_what_it_shows(source):
    """In one sentence, or a few; what else would a reader have who does not see it?"""
    for cell in read_notebook(LESSONS / f"{source.stem}.ipynb").cells:
        figures = sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        said = cell.metadata.get("alt", "")
        assert figures == bool(said), cell.source[:80]
        assert not said or (said.endswith(".") and 40 < len(said) < 400 and "<" not in said), said


@every_lesson
def test_figures_are_drawn_beside_the_lesson(source):
    """By functions that it calls, all of them, so that none is left over."""
    text = source.read_text(encoding="utf-8")
    module = (LESSONS / "figures" / source.name).read_text(encoding="utf-8")
    drawn = set(re.findall(r"\bplot\.(\w+)\(", text))
    assert drawn == set(re.findall(r"^def (?!draw_)(\w+)", module, re.MULTILINE))
    assert "pyplot" not in text


def test_figures_need_the_lessons():
    with pytest.raises(UserError, match="no figures of a lesson '99' are there"):
        figures("99")


@every_lesson
def test_the_student_copy_holds_no_solution(source):
    solved = read(source)
    student = read_notebook(build.STUDENT / f"{source.stem}.ipynb")
    expected = build.strip(solved)
    assert [cell.source for cell in student.cells] == [cell.source for cell in expected.cells]
    text = "\n".join(cell.source for cell in student.cells)
    assert "SOLUTION" not in text
    assert "HIDDEN TESTS" not in text
    for cell in solved.cells:
        for mark in (build.SOLUTION, build.HIDDEN):
            for region in mark.finditer(cell.source):
                lines = region[0].strip().splitlines()[1:-1]
                assert "\n".join(lines) not in text
    assert not any(cell.get("outputs") for cell in student.cells)


@every_lesson
def test_marks(source):
    """Names are unique, each exercise has a test of its own, and what is graded has points.

    Only a test has a hidden part, and its last line is the end of it.
    """
    notebook = read(source)
    names = [grade_id(cell) for cell in notebook.cells if grade_id(cell)]
    assert len(names) == len(set(names))
    assert len(exercises(notebook)) >= 3
    for name in exercises(notebook):
        assert f"test-{name}" in names
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader")
        has_solution = bool(build.SOLUTION.search(cell.source))
        assert has_solution == bool(marks and marks["solution"])
        has_hidden = len(build.HIDDEN.findall(cell.source))
        assert cell.source.count("HIDDEN TESTS") == 2 * has_hidden
        assert has_hidden <= bool(marks and marks["locked"])
        if marks and marks["grade"]:
            assert marks["points"] > 0


@every_lesson
def test_every_exercise_is_tried_with_wrong_answers(source):
    """Three for each, or more; they run with the lesson, above."""
    wrong = wrong_answers(source)
    assert sorted(wrong) == sorted(exercises(read(source)))
    assert all(len(answers) >= 3 for answers in wrong.values())


@every_lesson
def test_every_hidden_test_is_needed(source):
    """Each exercise has one, and a wrong answer that its visible test lets pass."""
    notebook = read(source)
    tests, needed = cells_by_id(notebook), sorted(wrong_answers(source, "hidden"))
    hidden = [n for n in exercises(notebook) if build.HIDDEN.search(tests[f"test-{n}"].source)]
    assert sorted(hidden) == needed == sorted(exercises(notebook))


@every_lesson
def test_a_visible_test_says_what_is_wrong(source):
    for cell in read(source).cells:
        if (grade_id(cell) or "").startswith("test-"):
            asserted = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Assert)]
            silent = [ast.unparse(node) for node in asserted if node.msg is None]
            assert not silent, f"no message: {silent}"


def test_a_variant_draws_other_numbers_in_its_tests_and_differs_in_nothing_else(tmp_path, capsys):
    with pytest.raises(SystemExit):
        build.main(["--seed", "7", "--to", str(tmp_path), "3"])
    assert "no lesson 3; expected numbers such as 04" in capsys.readouterr().err
    build.main(["--seed", "7", "--to", str(tmp_path), "03"])
    assert capsys.readouterr().out == "03_softmax_and_kl\n"
    name, plain = "03_softmax_and_kl.ipynb", read(build.SOURCES / "03_softmax_and_kl.py")
    for path, ours in ((name, plain), (f"exercises/{name}", build.strip(plain))):
        other = read_notebook(tmp_path / path)
        assert other.metadata["tinydldl"]["seed"] == 7
        sources = [cell.source.replace("(7000 + ", "(") for cell in other.cells]
        assert sources == [cell.source for cell in ours.cells]
        changed = [
            (a, b) for a, b in zip(other.cells, ours.cells, strict=True) if a.source != b.source
        ]
        assert len(changed) == 4
        assert all(grade_id(one).startswith("test-") for one, _ in changed)
        assert all("default_rng(7000 + " in one.source for one, _ in changed)
    for wrong in (["--seed", "7"], ["--to", "."], ["--seed", "-1", "--to", "."]):
        with pytest.raises(SystemExit):
            build.main(wrong)
        assert "a variant needs --seed, 0 or more, and --to" in capsys.readouterr().err


def test_who_is_stuck_can_go_on(monkeypatch):
    """A copy without any answer runs to its end, but for its tests, with all ways out taken."""
    monkeypatch.setenv("TINYDLDL_BUILD", "1")  # no sliders
    student = read_notebook(build.STUDENT / "03_softmax_and_kl.ipynb")
    names, ways_out = {}, 0
    for cell in student.cells:
        if cell.cell_type == "code" and not (grade_id(cell) or "").startswith("test-"):
            ways_out += cell.id.startswith("stuck-")
            exec(
                cell.source.replace("# from", "from") if "Stuck?" in cell.source else cell.source,
                names,
            )
    assert ways_out == 4
    with pytest.raises(UserError, match="no lesson '03' with an answer to 'soft' is there; ask"):
        rescue("03", "soft", names)


@every_lesson
def test_the_rubric_names_every_open_question(source):
    rubric = (LESSONS / "TEACHING.md").read_text(encoding="utf-8")
    for cell in read(source).cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("grade") and marks["solution"]:
            heading = f"**{source.stem[:2]}, `{marks['grade_id']}` ({marks['points']} points):**"
            assert heading in rubric


@every_lesson
def test_links_inside_the_repository_resolve(source):
    notebook = read(source)
    assert_links(LESSONS, notebook.cells)
    assert_links(build.STUDENT, build.strip(notebook).cells)


def assert_links(folder, cells):
    """There are links in the text of a notebook, and they lead somewhere from the folder."""
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", prose)
    assert links
    assert not [link for link in links if not (folder / link).exists()]


@pytest.mark.parametrize(
    "translation", TRANSLATIONS, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_a_translation_says_what_the_lesson_says(translation):
    """Cell by cell the same formulas, code and references; its two notebooks are up to date."""
    lesson = read(build.SOURCES / f"{translation.stem}.py")
    other = build.translated(lesson, translation)
    for cell, ours in zip(other.cells, lesson.cells, strict=True):
        if cell.cell_type == "code":
            assert cell == ours
            continue
        assert cell.source != ours.source
        for alike in (
            r"\$\$.+?\$\$",
            r"(?<!\$)\$[^$]+\$",
            "`[^`]+`",
            r"\d\d_\w+\.ipynb",
            "SOLUTION",
        ):
            found, expected = (sorted(re.findall(alike, c.source, re.DOTALL)) for c in (cell, ours))
            assert found == expected
    folder = LESSONS / translation.parent.name
    for notebook, place in ((other, folder), (build.strip(other), folder / build.STUDENT.name)):
        committed = read_notebook(place / f"{translation.stem}.ipynb")
        assert committed.metadata["tinydldl"] == notebook.metadata["tinydldl"], (
            "stale: make lessons"
        )
        assert [cell.source for cell in committed.cells] == [c.source for c in notebook.cells]
        assert_links(place, notebook.cells)
