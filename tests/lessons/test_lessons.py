"""Lessons run from top to bottom, exercises tell right from wrong, and no notebook is stale."""

import ast
import copy
import importlib.util
import os
import re
import sys
from collections import defaultdict
from pathlib import Path

import jupytext
import nbformat
import pytest

from tinydldl.errors import UserError
from tinydldl.notebook import rescue

LESSONS = Path(__file__).parents[2] / "lessons"
sys.path.insert(0, str(LESSONS))
import build  # noqa: E402

WRONG = Path(__file__).parent / "wrong"
SOURCES = build.sources()
TRANSLATIONS = [translation for source in SOURCES for translation in build.translations(source)]
NEEDS_TORCH = "needs_torch()"  # a cell with it does nothing where PyTorch is missing, and says so
WITH_TORCH = [s for s in SOURCES if NEEDS_TORCH in s.read_text(encoding="utf-8")]
NO_TORCH = not (importlib.util.find_spec("torch") or os.environ.get("TINYDLDL_REQUIRE_TORCH"))
every_lesson = pytest.mark.parametrize(
    "source",
    [
        pytest.param(s, id=s.stem, marks=[pytest.mark.oracle] if s in WITH_TORCH else [])
        for s in SOURCES
    ],
)

# Runs in the notebook, before the cell with the solution and again behind it: a stub must not pass
# its test, nor must a wrong answer. Each attempt leaves everything as it was.
ATTEMPTS = """
def fails(answer, test):
    import numpy as np
    from contextlib import redirect_stdout
    from io import StringIO

    names = dict(globals())
    arrays = [a for a in names.values() if type(a) is np.ndarray and a.flags.writeable]
    rngs = [r for r in names.values() if isinstance(r, np.random.Generator)]
    before = [a.copy() for a in arrays], [r.bit_generator.state for r in rngs]
    exec(answer, names)
    try:
        with redirect_stdout(StringIO()):
            exec(test, names)
    except NotImplementedError:
        return True
    except AssertionError as error:
        assert str(error), "the student is not told what is wrong"
        return True
    finally:
        for array, values in zip(arrays, before[0]):
            array[...] = values
        for rng, state in zip(rngs, before[1]):
            rng.bit_generator.state = state
    return False

passed = [name for name, answer in {answers!r}.items() if not fails(answer, {test!r})]
assert passed == {expected!r}, f"{name}: these pass: {{passed}}"
"""


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
    for cell in jupytext.read(path).cells:
        if mark in cell.metadata:
            found[cell.metadata["exercise"]][cell.metadata[mark]] = cell.source
    return found


def read_notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope="session")
def execute_fast():
    """Runs a notebook in the fast mode, in a kernel for all: its start and imports take seconds.

    Each begins without names. `-m full`, and who builds the lessons, gives each its own kernel.
    """
    with build.kernel(TINYDLDL_FAST="1") as execute:

        def begin(notebook):
            execute(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%reset -f")]))
            execute(notebook)

        yield begin


def test_there_are_lessons():
    assert SOURCES


@every_lesson
def test_runs_and_every_exercise_needs_its_solution(source, execute_fast):
    """In the fast mode: stubs and wrong answers fail their visible test, the solution passes it.

    What only a hidden test catches fails that; the solution passes it where the notebook runs.
    Tests that need PyTorch check nothing without it, so there no answers are tried, and it is said.
    """
    notebook = build.read(source)
    seen, whole = cells_by_id(build.strip(notebook)), cells_by_id(notebook)
    wrong, unseen = wrong_answers(source), wrong_answers(source, "hidden")
    untried = [n for n in exercises(notebook) if NEEDS_TORCH in whole[f"test-{n}"].source]
    untried = untried if NO_TORCH else []
    tried = [name for name in exercises(notebook) if name not in untried]
    checked = copy.deepcopy(notebook)
    checked.cells = []

    def attempt(name, cells, answers, expected=()):
        test = cells[f"test-{name}"].source
        code = ATTEMPTS.format(name=name, answers=answers, test=test, expected=list(expected))
        checked.cells.append(nbformat.v4.new_code_cell(code))

    for cell in notebook.cells:
        name = grade_id(cell)
        if name in tried:
            attempt(name, seen, {"the stub": seen[name].source})
        checked.cells.append(cell)
        if name in tried:
            right = {"the solution": cell.source} | unseen[name]
            attempt(name, seen, right | wrong[name], expected=right)
            attempt(name, whole, unseen[name])
    execute_fast(checked)
    if untried:
        pytest.skip(f"all ran, but PyTorch is not installed; not tried: {', '.join(untried)}")


@pytest.mark.parametrize("source", WITH_TORCH, ids=lambda source: source.stem)
def test_runs_without_pytorch_too(source):
    """Each cell that needs it says that it is skipped. A kernel of its own: in it, it is hidden."""
    notebook = build.read(source)
    hide = nbformat.v4.new_code_cell("import sys; sys.modules['torch'] = None")
    notebook.cells.insert(0, hide)
    with build.kernel(TINYDLDL_FAST="1") as execute:
        execute(notebook)
    for cell in notebook.cells:
        if f"\nif {NEEDS_TORCH}:" in f"\n{cell.source}":
            assert any(
                "skipped: this cell needs PyTorch" in o.get("text", "") for o in cell.outputs
            )


@pytest.mark.full
@every_lesson
def test_runs_at_full_length(source):
    with build.kernel() as execute:
        execute(build.read(source))


@every_lesson
def test_the_committed_notebook_is_what_the_source_gives(source):
    committed = read_notebook(LESSONS / f"{source.stem}.ipynb")
    fresh = build.read(source)
    assert committed.metadata["tinydldl"] == fresh.metadata["tinydldl"], "stale: make lessons"
    assert [cell.source for cell in committed.cells] == [cell.source for cell in fresh.cells]
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    skipped = [o for o in outputs if "skipped: this cell needs" in o.get("text", "")]
    assert not skipped, "built without PyTorch"


@every_lesson
def test_the_student_copy_holds_no_solution(source):
    solved = build.read(source)
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
    notebook = build.read(source)
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
    assert sorted(wrong) == sorted(exercises(build.read(source)))
    assert all(len(answers) >= 3 for answers in wrong.values())


@every_lesson
def test_every_hidden_test_is_needed(source):
    """Each exercise has one, and a wrong answer that its visible test lets pass."""
    notebook = build.read(source)
    tests, needed = cells_by_id(notebook), sorted(wrong_answers(source, "hidden"))
    hidden = [n for n in exercises(notebook) if build.HIDDEN.search(tests[f"test-{n}"].source)]
    assert sorted(hidden) == needed == sorted(exercises(notebook))


@every_lesson
def test_a_visible_test_says_what_is_wrong(source):
    for cell in build.read(source).cells:
        if (grade_id(cell) or "").startswith("test-"):
            asserted = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Assert)]
            silent = [ast.unparse(node) for node in asserted if node.msg is None]
            assert not silent, f"no message: {silent}"


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
    with pytest.raises(UserError, match="no exercise 'soft' of a lesson '03' is there"):
        rescue("03", "soft", names)


@every_lesson
def test_the_rubric_names_every_open_question(source):
    rubric = (LESSONS / "TEACHING.md").read_text(encoding="utf-8")
    for cell in build.read(source).cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("grade") and marks["solution"]:
            heading = f"**{source.stem[:2]}, `{marks['grade_id']}` ({marks['points']} points):**"
            assert heading in rubric


@every_lesson
def test_links_inside_the_repository_resolve(source):
    notebook = build.read(source)
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
    lesson = build.read(build.SOURCES / f"{translation.stem}.py")
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
