"""The page of results shows the tables that the commands wrote, line by line."""

import csv
import re
from pathlib import Path

import pytest

LESSONS = Path(__file__).parents[2] / "lessons"
PAGE = LESSONS / "results.md"
RUNS = sorted((LESSONS / "results").glob("*/runs.csv"))
TABLES = sorted((LESSONS / "results").glob("*/*.md"))


def test_there_are_tables():
    assert len(TABLES) >= 3 <= len(RUNS)


@pytest.mark.parametrize("table", TABLES, ids=lambda path: "-".join(path.parts[-2:]))
def test_the_page_shows_a_table_as_it_was_written(table):
    page = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [line for line in table.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    assert len(rows) > 3
    assert any(page[i : i + len(rows)] == rows for i in range(len(page)))


def test_files_that_it_links_to_exist():
    links = re.findall(r"\]\(([^)#:]+)\)", PAGE.read_text(encoding="utf-8"))
    assert len(links) > 5
    assert not [link for link in links if not (LESSONS / link).exists()]


@pytest.mark.parametrize("table", RUNS, ids=lambda path: path.parent.name)
def test_no_training_stands_there_twice(table):
    rows = csv.DictReader(table.read_text().splitlines())
    names = [row["run"] for row in rows]
    assert len(names) == len(set(names))
