"""What `python -m tinydldl.grade` does: it tests the answers in students' notebooks."""

import hashlib
import json
import os
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import attempts
from tinydldl import cli
from tinydldl.errors import UserError
from tinydldl.files import open_file, read_table, write_table
from tinydldl.notebook import LESSONS
from tinydldl.processes import Processes, receive_bytes, send
from tinydldl.progress import Progress

COLUMNS = ("notebook", "sha256", "lesson", "exercise", "points", "of", "message")
UNREAD = "to be read"  # the message of a question until somebody has written its points
PATIENCE = 900  # seconds, for what a lesson computes between two exercises
Cells = list[dict[str, Any]]
Answers = dict[str, list[tuple[str, bool]]]


def main(argv: list[str] | None = None) -> None:
    """Grade the notebooks that are not in the table yet, or were changed, and print the points."""
    arguments = build_parser().parse_args(argv)
    table, header, rows = arguments.csv, ",".join(COLUMNS), []
    if table and table.exists():
        rows = read_table(table)
        first, *_ = table.read_text("utf-8-sig", "replace").splitlines() or [""]
        if first != header:
            raise UserError(f"{table}: not a table of this command ({header}); give another --csv")
    for row in rows:
        check_points(row, table)
    jobs = [prepare(path, name) for name, path in named(arguments.notebooks, table).items()]
    with Progress(jobs, "grading", len(jobs), unit="notebooks") as progress:
        for about, cells, answers in progress:
            here = [row for row in rows if row.get("notebook") == about["notebook"]]
            if not here or here[0].get("sha256") != about["sha256"]:
                rows = [row for row in rows if row not in here]
                wrong = grade(about["lesson"], cells, answers, arguments.seconds, arguments.memory)
                read = {row["exercise"]: row["points"] for row in here if row.get("points")}
                here = [about | row for row in points(cells, wrong, read)]
                rows += here
                if table:
                    write_table(table, COLUMNS, rows)
            progress.write(report(here))
            cli.results[about["notebook"]] = [
                {"exercise": row["exercise"], "message": row.get("message", "")}
                | {key: json.loads(row[key]) if row.get(key) else None for key in ("points", "of")}
                for row in here
            ]


def build_parser() -> cli.Parser:
    """The arguments."""
    about = "Test the answers in students' notebooks, each in a process of its own."
    parser = cli.Parser("grade", about, "What it does not promise: lessons/TEACHING.md.")
    what = "a copy of a notebook of lessons/exercises, with answers"
    parser.add_argument("notebooks", type=cli.path, nargs="+", metavar="NOTEBOOK", help=what)
    what = "write a table; what is in it is graded again only if the notebook has changed"
    parser.add_argument("--csv", type=cli.path, metavar="FILE", help=what)
    what = "seconds for an answer and its test"
    a_day = cli.kind(float, "seconds, up to 86400", lambda value: 0 < value <= 86400)
    parser.add_argument("--seconds", type=a_day, default=120.0, metavar="S", help=what)
    what = "memory for a notebook, in GB; Windows has no such limit"
    parser.add_argument("--memory", type=cli.positive, default=8.0, metavar="GB", help=what)
    return parser


def check_points(row: dict[str, str], table: Path) -> None:
    """Points that a teacher wrote, as a number: 1.5, or "1,5". Raises UserError for all else."""
    text, of = row.get("points", ""), row.get("of", "")
    where = f"{table}: {row.get('notebook')}, {row.get('exercise')}"
    if None in row:
        raise UserError(f"{where}: too many cells; write 1.5, or put 1,5 in quotation marks")
    if not row.get("exercise") or not of.isdecimal():
        raise UserError(f"{where}: no exercise, or not what it is worth; take this row out")
    if not text:
        return
    try:
        row["points"] = f"{float(text.replace(',', '.')):g}"
        fits = 0 <= float(row["points"]) <= float(of)
    except ValueError:
        fits = False
    if not fits:
        raise UserError(f"{where}: {text!r} points; expected 0 to {of}")
    row["message"] = "" if row.get("message") == UNREAD else row.get("message", "")


def named(notebooks: list[Path], table: Path | None) -> dict[str, Path]:
    """The notebooks by what the table calls them: their paths, seen from its folder."""
    if not table:
        return {str(path): path for path in notebooks}
    try:
        return {os.path.relpath(path, table.parent): path for path in notebooks}
    except ValueError:  # on Windows, on another drive
        return {str(path.resolve()): path for path in notebooks}


def prepare(path: Path, name: str) -> tuple[dict[str, str], Cells, Answers]:
    """What a row says about a notebook, the cells of its lesson, its answers. Raises UserError.

    An answer is the code of its cell, after that of the student's own above, which need not run.
    """
    lesson, seed, copy = read_cells(path)
    original = LESSONS / f"{lesson}.ipynb"
    if not original.is_file():
        why = f"{LESSONS} has no lesson {lesson!r}"
        raise UserError(f"{path}: {why}; grade in a clone of the project, with solutions")
    cells = read_cells(original)[2]
    for test in (cell for cell in cells if cell["test"]):
        test["source"] = varied(test["source"], seed)
    sources, names = {cell["source"] for cell in cells}, {cell["name"] for cell in cells} - {""}
    answers: Answers = {}
    above: list[tuple[str, bool]] = []
    for cell in (cell for cell in copy if cell["code"]):
        if cell["name"] in names:
            above += [] if cell["test"] else [(cell["source"], True)]
            answers.setdefault(cell["name"].removeprefix("test-"), []).extend(above)
            above = []
        elif cell["source"] not in sources and not cell["id"].startswith("cell-"):
            above.append((cell["source"], False))
    digest = hashlib.sha256(path.read_bytes() + json.dumps(cells).encode()).hexdigest()
    variant = f", variant {seed}" * bool(seed)
    return {"notebook": name, "sha256": digest, "lesson": lesson + variant}, cells, answers


def varied(test: str, seed: int) -> str:
    """A test that draws other numbers. There are a thousand seeds for each; 0 changes nothing."""
    return test.replace("default_rng(", f"default_rng({1000 * seed} + ") if seed else test


def read_cells(path: Path) -> tuple[str, int, list[dict[str, Any]]]:
    """The lesson that a notebook says it is a copy of, the variant's seed, and its cells, as dicts.

    `id`; `code`, whether it is code; `source`, a text; nbgrader's marks, `name` (empty for most
    cells), `test`, `points`; and of an exercise what it `stands_for` in the package. Raises
    UserError if it cannot be read.
    """
    try:
        with open_file(path) as file:
            notebook = json.load(file)
        about = notebook["metadata"].get("tinydldl", {})
        lesson, seed = Path(about.get("source", path)).stem, abs(int(about.get("seed", 0)))
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
    return lesson, seed, cells


def grade(
    lesson: str, cells: Cells, answers: Answers, seconds: float, memory: float
) -> dict[str, str]:
    """{exercise: what is wrong with its answer, empty if nothing is}. Raises UserError.

    The lesson runs until an answer ends its process or takes too long, then without that answer.
    """
    wrong: dict[str, str] = {}
    tests = [cell["name"].removeprefix("test-") for cell in cells if cell["test"]]
    while todo := [name for name in tests if name not in wrong]:
        processes = Processes(1, attempts.work)
        pipe, process = processes.pipes[0], processes.processes[0]
        try:
            code = [cell for cell in cells if cell["code"]]
            send(pipe, (str(LESSONS), code, answers, todo, memory))
            while name := heard(pipe, process, PATIENCE):
                wrong[name] = "its process ended"
                try:
                    wrong[name] = heard(pipe, process, seconds)
                except TimeoutError:
                    wrong[name] = f"takes longer than {seconds:g} seconds"
                    break
            else:
                process.join(PATIENCE / 100)  # it leaves nothing behind, unless a thread goes on
        except (EOFError, ConnectionError, TimeoutError):
            pass
        finally:
            process.kill()
            processes.close()
        if not wrong.keys() & set(todo):
            raise UserError(f"{lesson}: the lesson itself does not run here in {memory:g} GB")
    return wrong


def heard(pipe: Connection, process: BaseProcess, seconds: float) -> str:
    """What the process says. Raises EOFError if it ends, TimeoutError if that takes longer.

    Then it is killed: it may have begun to speak. Its words are text, since to unpickle what comes
    from an answer would be to run it here.
    """
    begun, late = time.monotonic(), threading.Timer(seconds, process.kill)
    late.start()
    try:
        return receive_bytes(pipe).decode(errors="replace")
    except (EOFError, ConnectionError):
        if time.monotonic() - begun >= seconds:
            raise TimeoutError from None
        raise
    finally:
        late.cancel()


def points(cells: Cells, wrong: dict[str, str], read: dict[str, str]) -> list[dict[str, str]]:
    """A row for each exercise and question of a lesson; what had been `read` keeps its points."""
    rows = []
    for cell in (cell for cell in cells if cell["points"]):
        name, of = cell["name"].removeprefix("test-"), str(cell["points"])
        if cell["test"]:
            visible = "".join(c if c.isprintable() else " " for c in wrong[name])
            why = " ".join(visible.split())[:300]
            got = "0" if why else of
        else:
            got = read.get(name, "")
            why = "changed since it was read" if got else UNREAD
        rows.append({"exercise": name, "points": got, "of": of, "message": why})
    return rows


def report(rows: list[dict[str, str]]) -> str:
    """The points of a notebook, a line for each exercise."""
    tested = [row for row in rows if row.get("points")]
    got, of = (sum(float(row[key]) for row in tested) for key in ("points", "of"))
    unread = f", {len(rows) - len(tested)} of {len(rows)} answers to be read"
    head = f"{rows[0]['notebook']}: {got:g} of {of:g} points"
    lines = [head + unread * (len(tested) < len(rows))]
    for row in rows:
        share = f"{row.get('points') or '-'} of {row['of']}"
        lines.append(f"{share}  {row['exercise']}  {row.get('message', '')}".rstrip())
    return "\n    ".join(lines)
