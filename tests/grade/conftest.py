"""What the tests of grading share."""

import sys
from pathlib import Path

import nbformat
import pytest

LESSONS = Path(__file__).parents[2] / "lessons"
sys.path.insert(0, str(LESSONS))
import build  # noqa: E402
import grading  # noqa: E402


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The folder of a lesson that takes no time; returns a copy of it with solutions."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lessons").mkdir()
    notebook = build.read(Path(__file__).parent / "tiny.py")
    nbformat.write(notebook, "lessons/tiny.ipynb")
    monkeypatch.setattr(grading, "LESSONS", tmp_path / "lessons")
    return notebook
