"""The book: what its pages name exists, and its settings do what they should."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "docs" / "book"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(BOOK.glob("*.md"))}
sys.path.insert(0, str(BOOK))
import names  # noqa: E402


def mentioned(role):
    return sorted({found for text in PAGES.values() for found in re.findall(role, text)})


@pytest.mark.parametrize("name", mentioned(r"\{source\}`([^`]+)`"))
def test_a_name_that_a_page_links_to_exists(name):
    module, rest, line = names.find(name)
    text = (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
    assert rest.split(".")[-1] in text.splitlines()[line - 1]


@pytest.mark.parametrize("section", mentioned(r"\{(?:section|at)\}`([^`]+)`"))
def test_a_section_that_a_page_links_to_exists(section):
    _, title = names.section(*section.split("."))
    assert title.startswith(section.split(".")[1] + ". ")


@pytest.mark.parametrize("name", ["losses.l3", "no.such", "losses.np"])
def test_a_name_that_is_gone_is_an_error(name):
    with pytest.raises((ValueError, AttributeError)):
        names.find(name)


def test_a_section_that_is_gone_is_an_error():
    with pytest.raises(ValueError, match="lesson 04 has no section 99"):
        names.section("04", "99")


def test_modules_of_the_reference_exist():
    text = "\n".join(path.read_text(encoding="utf-8") for path in (BOOK / "api").glob("*.md"))
    modules = re.findall(r"^::: (\S+)$", text, re.MULTILINE)
    assert len(modules) == len(set(modules)) > 30
    for module in modules:
        assert importlib.import_module(module).__doc__


def test_files_that_pages_link_to_exist():
    for name, text in PAGES.items():
        links = re.findall(r"\]\(([^)#:]+)[^)]*\)", text)
        assert not [link for link in links if not (BOOK / link).exists()], name


@pytest.fixture
def conf(monkeypatch):
    """The settings of Sphinx, which `.ci/run` builds the whole book with."""
    pytest.importorskip("sphinx", reason="the extra `book` is not installed")
    monkeypatch.setattr(sys, "path", sys.path.copy())
    spec = importlib.util.spec_from_file_location("conf", BOOK / "conf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_solutions_are_folded_away(conf):
    path = ROOT / "lessons" / "04_expectation_and_joint_loss.ipynb"
    notebook = json.loads(conf.lesson(path.read_text(encoding="utf-8"), path.stem))
    folded = [c for c in notebook["cells"] if "hide-input" in c["metadata"].get("tags", [])]
    assert len(folded) == 4
    assert all("### BEGIN SOLUTION" in cell["source"] for cell in folded)
    sources = [cell["source"] for cell in notebook["cells"]]
    assert sum("# YOUR CODE HERE" in source for source in sources) == 4
    assert not any("### BEGIN HIDDEN" in source for source in sources)
    texts = [c["source"] for c in notebook["cells"] if c["cell_type"] == "markdown"]
    assert sum("*Answer.*" in text for text in texts) == 3
    assert all("<details>" in text for text in texts if "*Answer.*" in text)
    assert f"(path:exercises/{path.name})" in texts[0]


def test_a_figure_says_what_it_shows(conf):
    cell = {
        "cell_type": "code",
        "metadata": {"alt": "A hill at 30 years."},
        "source": "",
        "id": "a",
    }
    page = json.loads(conf.lesson(json.dumps({"cells": [cell]}), "01_hills"))
    assert page["cells"][0]["metadata"]["mystnb"] == {"image": {"alt": "A hill at 30 years."}}


def test_the_diagram_of_the_course_becomes_a_table(conf):
    page = (ROOT / "lessons" / "README.md").read_text(encoding="utf-8")
    (diagram,) = re.finditer(r"```mermaid\n(.*?)```", page, re.DOTALL)
    table = conf.as_table(diagram)
    assert "| 03 | 00, 01 |" in table
    assert table.count("\n") > 10


def test_a_docstring_keeps_its_code_and_formulas(conf):
    lines = ["`x` is *one* of a_b |n|.", "", "    y = |x| * 2", "", ">>> 1", "1"]
    conf.as_rst(None, "function", "f", None, None, lines)
    text = "\n".join(lines)
    assert r"``x`` is \*one\* of a\_b \|n\|." in text
    assert "::\n\n        y = |x| * 2" in text
    assert "::\n\n    >>> 1\n    1" in text
