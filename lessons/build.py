"""Build the notebooks from their sources: `make lessons`, or `python lessons/build.py 01 04`.

`python lessons/build.py --seed 7 --to FOLDER` writes a variant, not executed: the same exercises,
but what their tests draw, they draw from other seeds. `python -m tinydldl.grade` sees in a copy
which variant it is.

A lesson has one source, `lessons/src/NN_name.py`, in jupytext's percent format. From it come

* `lessons/NN_name.ipynb`: the lesson with solutions, executed, with figures;
* `lessons/exercises/NN_name.ipynb`: for students, without solutions and outputs.

A translation, `lessons/src/LANGUAGE/NN_name.md`, has the prose of all text cells in order, with a
line `+++` between two. It gives `lessons/LANGUAGE/` the same two notebooks: code is not translated.

Three kinds of cells are marked in the source, with a name that is unique in the lesson:

    # %% exercise="entropy"               a stub with a hint; the solution between the marks below
    # %% test="entropy" points=2          its visible test, which states the error to expect
    # %% [markdown] question="why" points=3     an open question; the answer between the marks

    ### BEGIN SOLUTION
    ### END SOLUTION

(in a question as HTML comments, which readers do not see: `<!-- ### BEGIN SOLUTION -->`).
An exercise may name what it stands for in the package, `stands_for="layers.Softmax losses.joint"`:
`python -m tinydldl.grade` gives no points for an answer that calls it.
A test may end in a part that students do not see before they hand in, between these marks:

    ### BEGIN HIDDEN TESTS
    ### END HIDDEN TESTS

A cell that shows a figure, one at most, says in a sentence what is to be seen in it, for those who
do not see it: `alt="A hill at 30 years."`.

The cells get nbgrader's metadata, so that nbgrader can hand out, collect and grade them
(TEACHING.md).
"""

import argparse
import hashlib
import os
import re
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

import grading

LESSONS = Path(__file__).parent
SOURCES = LESSONS / "src"
STUDENT = LESSONS / "exercises"
SOLUTION = re.compile(
    r"^( *)[^\n]*### BEGIN SOLUTION.*?### END SOLUTION[^\n]*$", re.DOTALL | re.MULTILINE
)
HIDDEN = re.compile(r"\n+### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS$", re.DOTALL)
STUBS = {
    "code": r"\1# YOUR CODE HERE\n\1raise NotImplementedError()",
    "markdown": r"*Your answer here.*",
}
STUCK = """# Stuck? Remove the "# " before "from" and run this cell: you go on with the lesson's own
# answer, and get no points for this exercise.
# from tinydldl.notebook import rescue; rescue("{lesson}", "{name}", globals())"""
SECONDS = 600  # a cell that takes longer is stopped


def sources():
    """The source files, in the order of the lessons."""
    return sorted(SOURCES.glob("[0-9][0-9]_*.py"))


def read(source):
    """The notebook of a source, with nbgrader's metadata, not executed."""
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
        cell.metadata = cell_metadata(cell)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "tinydldl": {"source": source.name, "sha256": digest(source)},
        }
    )
    return notebook


def translations(source):
    """The translations of a source, files `src/LANGUAGE/NN_name.md`."""
    return sorted(SOURCES.glob(f"*/{source.stem}.md"))


def translated(notebook, translation):
    """A notebook with the text of a translation in the place of its own; outputs stay."""
    other = nbformat.from_dict(notebook)
    text = translation.read_text(encoding="utf-8").strip().split("\n\n+++\n\n")
    cells = [cell for cell in other.cells if cell.cell_type == "markdown"]
    for cell, words in zip(cells, text, strict=True):  # the notebook lies one folder deeper
        cell.source = re.sub(r"\]\((?=\.\./|\d\d_)", "](../", words)
    other.metadata.tinydldl.translation = digest(translation)
    return other


def digest(source):
    """A fingerprint of a source: a notebook that has another one is stale."""
    return hashlib.sha256(source.read_bytes()).hexdigest()


def cell_metadata(cell):
    """What a figure shows, and nbgrader's metadata for a marked cell."""
    marks = cell.metadata
    found = {"alt": marks["alt"]} if "alt" in marks else {}
    kind = next((kind for kind in ("exercise", "test", "question") if kind in marks), None)
    if kind is None:
        return nbformat.from_dict(found)
    name = marks[kind]
    grading = {
        "schema_version": 3,
        "grade_id": f"test-{name}" if kind == "test" else name,
        "grade": kind != "exercise",
        "solution": kind != "test",
        "locked": kind == "test",
        "task": False,
    }
    if kind != "exercise":
        grading["points"] = int(marks["points"])
    found["nbgrader"] = grading
    if "stands_for" in marks:
        found["tinydldl"] = {"stands_for": marks["stands_for"].split()}
    return nbformat.from_dict(found)


def variant(notebook, seed):
    """The notebook with tests that draw other numbers."""
    other = nbformat.from_dict(notebook)
    other.metadata.tinydldl.seed = seed
    for cell in other.cells:
        if cell.metadata.get("nbgrader", {}).get("locked"):
            cell.source = grading.varied(cell.source, seed)
    return other


def strip(notebook):
    """The copy for students: stubs in the place of solutions, no hidden tests, no outputs.

    Behind an exercise that later cells need there is a way to go on without it.
    """
    student = nbformat.from_dict(notebook)
    student.cells = [one for cell in student.cells for one in (cell, *way_out(notebook, cell))]
    for cell in student.cells:
        cell.source = HIDDEN.sub("", SOLUTION.sub(STUBS[cell.cell_type], cell.source))
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        else:  # the copy lies one folder deeper
            cell.source = cell.source.replace("](../", "](../../")
    return student


def way_out(notebook, test):
    """A cell for who is stuck, if this one is the test of an exercise that later code needs."""
    name = test.metadata.get("nbgrader", {}).get("grade_id", "")
    if not name.startswith("test-"):
        return []
    name, code = name.removeprefix("test-"), [c for c in notebook.cells if c.cell_type == "code"]
    (answer,) = (c for c in code if c.metadata.get("nbgrader", {}).get("grade_id") == name)
    defined = "|".join(re.findall(r"^(?:def|class) (\w+)", answer.source, re.MULTILINE))
    later = (cell.source for cell in code if cell.id > test.id)
    if not any(re.search(rf"(?<![.\w])({defined})\(", source) for source in later):
        return []
    lesson = notebook.metadata["tinydldl"]["source"][:2]
    source = STUCK.format(lesson=lesson, name=name)
    return [nbformat.v4.new_code_cell(source, id=f"stuck-{name}")]


def execute(notebook):
    """Run every cell in a kernel of its own, in the folder of the lessons; raises at an error."""
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": LESSONS}},
        store_widget_state=False,
        record_timing=False,
    )
    client.execute(env=os.environ | {"TINYDLDL_BUILD": "1"})


def build(source):
    """Write both notebooks of a source, and those of its translations."""
    notebook = read(source)
    execute(notebook)
    write(notebook, strip(read(source)), LESSONS, source.stem)
    for translation in translations(source):
        student = strip(translated(read(source), translation))
        folder = LESSONS / translation.parent.name
        write(translated(notebook, translation), student, folder, source.stem)


def write(notebook, student, folder, name):
    """Write a lesson and its copy for students to a folder."""
    for one, place in ((notebook, folder), (student, folder / STUDENT.name)):
        place.mkdir(parents=True, exist_ok=True)
        nbformat.write(one, place / f"{name}.ipynb")


def main(argv=None):
    """Build the lessons with these numbers, or all; or a variant of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("numbers", nargs="*", metavar="NN", help="lessons, such as 01 04; or all")
    parser.add_argument("--seed", type=int, help="write a variant instead, with --to")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="where to write the variant")
    asked = parser.parse_args(argv)
    if (asked.seed is None) != (asked.to is None) or (asked.seed or 0) < 0:
        parser.error("a variant needs --seed, 0 or more, and --to")
    if unknown := {*asked.numbers} - {source.stem[:2] for source in sources()}:
        parser.error(f"no lesson {', '.join(sorted(unknown))}; expected numbers such as 04")
    for source in sources():
        if not asked.numbers or source.stem[:2] in asked.numbers:
            print(source.stem, flush=True)
            if asked.to:
                notebook = variant(read(source), asked.seed)
                write(notebook, strip(notebook), asked.to, source.stem)
            else:
                build(source)


if __name__ == "__main__":
    main()
