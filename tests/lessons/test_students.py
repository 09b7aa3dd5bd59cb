"""The copy for students: nothing in it is a solution, and it runs."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LESSONS = PROJECT / "lessons"
sys.path.insert(0, str(LESSONS))
import students  # noqa: E402

from tinydldl.errors import UserError  # noqa: E402

SECRET = re.compile(r"### BEGIN (SOLUTION|HIDDEN TESTS)[^\n]*\n(.*?)\n[^\n]*### END \1", re.DOTALL)
pytestmark = pytest.mark.skipif(not (PROJECT / ".git").exists(), reason="not a clone")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("students") / "copy"
    students.main([str(folder)])
    return folder


def secrets():
    """What stands between the marks of solutions, answers and hidden tests, in all lessons."""
    for path in LESSONS.glob("[0-9]*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for match in SECRET.finditer("".join(cell["source"])):
                yield match[2].strip()


def text_of(path):
    """The text of a file; of a notebook that of its cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


def shown(folder):
    """`(secret, file)` for each secret that a file of a folder shows, but for the package."""
    suffixes = (".py", ".md", ".ipynb", ".txt", ".html")
    files = [path for path in folder.rglob("*") if path.suffix in suffixes and path.is_file()]
    texts = {path.relative_to(folder).as_posix(): text_of(path) for path in files}
    for secret in secrets():
        for name, text in texts.items():
            if len(secret) > 60 and secret in text and not name.startswith("tinydldl/"):
                yield secret, name


def test_no_solution_and_no_hidden_test_is_in_it(copy):
    assert sum(len(secret) > 60 for secret in secrets()) > 200
    assert list(shown(copy)) == []
    assert not list(copy.rglob(".git"))
    assert not (copy / "lessons" / "teaching" / "answers").exists()
    assert not list((copy / "lessons" / "teaching").glob("[eq]*.md"))  # exam, quizzes
    assert (copy / "lessons" / "teaching" / "project.md").exists()


def test_links_lead_to_what_is_there(copy):
    """Those to lessons to the copies; the pages of the clone have other links, and as they were."""
    link = re.compile(r"\]\(([^)\s#:]+)[)#]")
    found = []
    for page in copy.rglob("*.md"):
        found += [(page, there) for there in link.findall(page.read_text(encoding="utf-8"))]
    assert [str(page) for page, there in found if not (page.parent / there).exists()] == []
    readme = (copy / "lessons" / "README.md").read_text(encoding="utf-8")
    assert "[01 An age is a distribution](exercises/01_an_age_is_a_distribution.ipynb)" in readme
    assert "TEACHING.md is for those who teach" in readme
    assert "[CONTRIBUTING.md](CONTRIBUTING.md)" in (copy / "README.md").read_text(encoding="utf-8")


def test_a_solution_that_is_left_would_be_found(copy, tmp_path):
    for name in ("src/01_an_age_is_a_distribution.py", "zh/01_an_age_is_a_distribution.ipynb"):
        shutil.copy(LESSONS / name, tmp_path)
        assert list(shown(tmp_path)), name
        (tmp_path / Path(name).name).unlink()


def test_a_lesson_of_the_copy_begins_to_run(copy):
    """The first cell imports the package and the lesson's figures."""
    (path,) = (copy / "lessons" / "exercises").glob("01_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = next("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    environment = os.environ | {"PYTHONPATH": str(copy), "MPLBACKEND": "agg"}
    code = (
        re.sub(r"^%.*$", "", code, flags=re.MULTILINE)
        + "\nimport tinydldl; print(tinydldl.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=path.parent,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert str(copy) in done.stdout


def test_what_somebody_tried_here_is_not_handed_out(tmp_path, monkeypatch):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", f"file://{PROJECT}", clone], check=True)
    monkeypatch.setattr(students, "PROJECT", clone)
    (path,) = (clone / "lessons" / "exercises").glob("01_*.ipynb")
    before = path.read_bytes()
    path.write_text("solved")
    students.main([str(tmp_path / "copy")])
    assert (tmp_path / "copy" / path.relative_to(clone)).read_bytes() == before


def test_nothing_is_overwritten(copy):
    with pytest.raises(UserError, match="exists, and is not overwritten"):
        students.main([str(copy)])
