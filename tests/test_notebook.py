"""What lessons begin with: sliders that never fail, and one style."""

import sys
import types

import matplotlib as mpl
import pytest

from tinydldl.errors import UserError
from tinydldl.notebook import read_cells, slider, use_style
from tinydldl.plots import COLORS


@pytest.fixture
def calls(monkeypatch):
    """A stand-in for ipywidgets that notes what it is asked to show; no lesson is being built."""
    seen = []
    fake = types.SimpleNamespace(interact=lambda draw, **ranges: seen.append((draw, ranges)))
    monkeypatch.setitem(sys.modules, "ipywidgets", fake)
    monkeypatch.delenv("TINYDLDL_BUILD", raising=False)
    return seen


def test_a_slider_for_each_range(calls):
    slider(print, sigma=(0.0, 8.0))
    assert calls == [(print, {"sigma": (0.0, 8.0)})]


def test_no_slider_while_lessons_are_built(calls, monkeypatch):
    monkeypatch.setenv("TINYDLDL_BUILD", "1")
    slider(print, sigma=(0.0, 8.0))
    assert calls == []


def test_without_ipywidgets_a_line_and_no_failure(calls, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    slider(print, sigma=(0.0, 8.0))
    assert "pip install ipywidgets" in capsys.readouterr().out


def test_style_has_the_colors_of_the_package():
    with mpl.rc_context():
        use_style()
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(COLORS)
        assert not mpl.rcParams["axes.spines.top"]


NO_NOTEBOOKS = [
    "",
    "{",
    "[]",
    "[" * 100_000,
    '{"metadata": {}}',
    '{"metadata": {"tinydldl": 5}, "cells": []}',
    '{"metadata": {"tinydldl": {"source": 5}}, "cells": []}',
    '{"metadata": {}, "cells": [5]}',
    '{"metadata": {}, "cells": [{"cell_type": "code", "metadata": {}, "source": [5]}]}',
    '{"metadata": {}, "cells": [{"metadata": {"nbgrader": {"points": 1e999}}}]}',
]


@pytest.mark.parametrize("text", NO_NOTEBOOKS, ids=range(len(NO_NOTEBOOKS)))
def test_what_is_no_notebook(text, tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    with pytest.raises(UserError, match=r"a\.ipynb: not a notebook; expected a copy of one from"):
        read_cells(path)
