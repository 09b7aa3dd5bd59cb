"""Every lesson runs from top to bottom, every exercise can be solved, and no notebook is stale."""

import copy
import re
import sys
from pathlib import Path

import nbformat
import pytest

LESSONS = Path(__file__).parents[2] / "lessons"
sys.path.insert(0, str(LESSONS))
import build  # noqa: E402

SOURCES = build.sources()
every_lesson = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)

# Runs in the notebook, before the cell with the solution: a stub must not pass its visible test.
STUB_MUST_FAIL = """
def stub_must_fail(stub, test):
    names = dict(globals())
    try:
        exec(stub, names)
        exec(test, names)
    except (AssertionError, NotImplementedError):
        return
    raise AssertionError("the stub passes its test")

stub_must_fail({stub!r}, {test!r})
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
    """In the fast mode: each stub fails its visible test, and the solution then passes it."""
    notebook = build.read(source)
    student = cells_by_id(build.strip(notebook))
    checked = copy.deepcopy(notebook)
    checked.cells = []
    for cell in notebook.cells:
        if grade_id(cell) in exercises(notebook):
            test = student[f"test-{grade_id(cell)}"].source
            check = STUB_MUST_FAIL.format(stub=student[grade_id(cell)].source, test=test)
            checked.cells.append(nbformat.v4.new_code_cell(check))
        checked.cells.append(cell)
    execute_fast(checked)


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


@every_lesson
def test_the_student_copy_holds_no_solution(source):
    solved = build.read(source)
    student = read_notebook(build.STUDENT / f"{source.stem}.ipynb")
    expected = build.strip(solved)
    assert [cell.source for cell in student.cells] == [cell.source for cell in expected.cells]
    text = "\n".join(cell.source for cell in student.cells)
    assert "SOLUTION" not in text
    for cell in solved.cells:
        for region in build.SOLUTION.finditer(cell.source):
            lines = region[0].splitlines()[1:-1]
            assert "\n".join(lines) not in text
    assert not any(cell.get("outputs") for cell in student.cells)


@every_lesson
def test_marks(source):
    """Names are unique, each exercise has a test of its own, and what is graded has points."""
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
        if marks and marks["grade"]:
            assert marks["points"] > 0


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
    for folder, cells in ((LESSONS, notebook.cells), (build.STUDENT, build.strip(notebook).cells)):
        prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", prose)
        assert links
        assert not [link for link in links if not (folder / link).exists()]
