"""Slides: made from the notebooks by one rule, with nothing that students should not see."""

import json
import re
import sys
from pathlib import Path

import pytest

LESSONS = Path(__file__).parents[2] / "lessons"
sys.path.insert(0, str(LESSONS))
import slides  # noqa: E402

NOTEBOOKS = sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))
every_lesson = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@every_lesson
def test_a_column_for_each_section_and_a_slide_for_each_figure_and_exercise(path):
    notebook = read(path)
    columns = slides.columns(notebook)
    texts = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown"]
    headings = re.findall(r"^## .*$", "\n".join(texts), re.MULTILINE)
    assert headings[-1] == "## Further reading"
    assert [column[0].splitlines()[0] for column in columns[1:]] == headings[:-1]
    assert columns[0][0].startswith(texts[0].splitlines()[0])

    below = [slide for column in columns for slide in column[1:]]
    said = [c["metadata"]["alt"] for c in notebook["cells"] if "alt" in c["metadata"]]
    figures = [slide.partition('<img alt="')[2].partition('"')[0] for slide in below]
    assert [alt for alt in figures if alt] == said
    asked = re.findall(r"^### (?:Exercise|Question).*$", "\n".join(texts), re.MULTILINE)
    assert [slide.splitlines()[0] for slide in below if "<img" not in slide] == asked


@every_lesson
def test_no_solution_and_no_link_that_leads_nowhere(path):
    text = "\n".join(slide for column in slides.columns(read(path)) for slide in column)
    assert "*Answer.*" not in text
    assert "SOLUTION" not in text
    assert not re.search(r"\]\([^)]*\.(ipynb|md|py)", text)
    assert not [
        line for line in text.splitlines() if line.startswith("* ") and line.count("**") % 2
    ]
    for slide in text.split("\n## "):
        assert slide.count("$$") % 2 == 0, "a formula is cut"


def test_what_a_section_says():
    first = "Text. **Bold.** And why.\n\n$$ a $$\n\nMore:\n\n$$ b $$\n\n$$ c $$"
    later = "As **before**: so\n\n$$ \\boxed{d} $$\n\n```\n**code**\n```\n\n$$ e $$"
    assert slides.essence([first, later]).split("\n\n") == [
        "$$ a $$",
        "$$ c $$",
        "$$ \\boxed{d} $$",
        "* **Bold.** And why.",
        "* As **before**: so",
    ]


def test_a_page_needs_no_network(tmp_path, capsys):
    for needed in ("nbconvert", "sphinx_revealjs"):
        pytest.importorskip(needed, reason="the extra `book` is not installed")
    slides.main(tmp_path, ["04"])
    (page,) = tmp_path.glob("*.html")
    text = page.read_text(encoding="utf-8")
    loaded = re.findall(r'(?:<script[^>]*src|<link[^>]*href)="([^"]*)"', text)
    assert len(loaded) == 4
    assert all((tmp_path / each).is_file() for each in loaded)
    assert str(page) in capsys.readouterr().out
