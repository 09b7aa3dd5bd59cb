"""What the README shows runs as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest
import scaling

README = Path(__file__).parents[1] / "README.md"


def examples():
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_three_lines_say_an_age(capsys, monkeypatch):
    monkeypatch.chdir(README.parent)
    names = {}
    exec(examples()[0], names)
    assert 20 < names["faces"].ages < 60
    assert len(capsys.readouterr().out.split()) >= 5


def test_the_python_example_runs(capsys):
    _, example = examples()
    names = {}
    exec(example, names)
    assert "total" in capsys.readouterr().out
    assert names["loss"] == pytest.approx(names["kl"] + names["error"])
    assert np.abs(names["net"].grads["conv1_1.W"]).max() > 0


def test_the_table_of_nodes_is_what_the_tool_computes(capsys):
    scaling.main(["table", str(README.parent / "docs" / "steps.csv")])
    computed = capsys.readouterr().out.splitlines()
    text = README.read_text(encoding="utf-8")
    shown = re.findall(r"^\| (\w+), (\d+) (\| \d+ \| [\d,]+, \d+% \|.*)$", text, re.MULTILINE)
    assert len(shown) > 5
    assert not [row for row in shown if "| {} | {} {}".format(*row) not in computed]


def test_files_that_it_links_to_exist():
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert len(links) > 10
    assert not [link for link in links if not (README.parent / link).exists()]


def test_the_table_of_promises_names_tests_that_exist():
    tests = Path(__file__).parent
    named = re.findall(r"[\w/]+\.py", (tests / "README.md").read_text(encoding="utf-8"))
    assert len(named) > 40
    assert not [n for n in named if not (tests / n).exists() and not (tests.parent / n).exists()]
