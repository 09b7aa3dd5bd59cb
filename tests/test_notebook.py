"""What lessons begin with: sliders that never fail, and one style."""

import sys
import types

import matplotlib as mpl
import pytest

from tinydldl.notebook import slider, use_style
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
