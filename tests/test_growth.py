"""tools/growth.py: a row for each case, from the results of a race, and their picture."""

import importlib
from pathlib import Path

import pytest

from tinydldl.bench.race import Result

TOOLS = Path(__file__).parents[1] / "tools"


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    return importlib.import_module("growth")


def test_rows_are_medians_and_megabytes(tool, monkeypatch):
    raced = []

    def race(case, engines, workers, rounds):
        raced.append((str(case), workers))
        return [Result("fast", [0.3, 0.1, 0.2], 5_400_000)], 1e9

    monkeypatch.setattr(tool, "race", race)
    rows = list(tool.measured())
    assert len(rows) == len(set(raced)) == len(raced)
    assert {(row["ms"], row["mb"]) for row in rows} == {("200.0", 5)}
    assert ("tiny-64-256-train", 2) in raced
    assert ("tiny-448-8-inference", 1) in raced


def test_the_picture_that_is_committed_has_all_cases(tool):
    rows = tool.read_table(tool.DOCS / "growth.csv")
    assert rows[0].keys() == set(tool.COLUMNS)
    figure = tool.picture(rows)
    drawn = sum(len(line.get_xdata()) for axes in figure.axes for line in axes.lines)
    passes = 2 * 2  # training and inference, by one process and by two
    points = passes * (len(tool.BATCHES) + len(tool.SIDES))
    assert drawn == 2 * points  # time and memory
    assert len(rows) == points - passes  # the batch and size that both have, once
