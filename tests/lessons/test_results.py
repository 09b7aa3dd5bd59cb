"""The page of results shows the tables that the commands wrote, line by line."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

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


def mae_of(folder):
    """{training: MAE} of a folder of results."""
    table = LESSONS / "results" / folder / "runs.csv"
    return {row["run"]: float(row["mae"]) for row in csv.DictReader(table.read_text().splitlines())}


def page_rows():
    """The cells of each row of the page's tables."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def interval(low, high):
    """Its middle ± its half; with three decimals where two would not tell whether 0 is inside."""
    middle, half = (low + high) / 2, (high - low) / 2
    digits = 2 if f"{abs(middle):.2f}" != f"{half:.2f}" else 3
    return f"{middle:+.{digits}f} ± {half:.{digits}f}"


METHODS = {"ranking": "ranking", "DLDL": "dldl", "DEX": "dex", "DLDL-v2, lambda 1": "dldl-v2"}
METHODS |= {"regression, L1": "mr-l1", "regression, L2": "mr-l2", "expectation regression": "er-l1"}


@pytest.mark.parametrize("text", METHODS)
@pytest.mark.parametrize(("photos", "seeds"), [("synthetic", 8), ("utkface", 3)])
def test_the_seven_from_two_starts(photos, seeds, text):
    """Means over the seeds and paired 95 % intervals, from the lines of the trainings."""
    cells = [text]
    for start in ("random", "trained"):
        mae = mae_of(f"{photos}-{start}")
        ours, theirs = (
            np.array([mae[f"{name}_seed-{seed}"] for seed in range(seeds)])
            for name in (METHODS[text], "dldl-v2")
        )
        low, high = stats.ttest_rel(ours, theirs).confidence_interval()
        minus = interval(low, high) if (ours != theirs).any() else ""
        cells += [f"{ours.mean():.2f}", minus]
    assert cells in page_rows()


PAIRS = {"DLDL minus DEX": ("dldl", "dex"), "ranking minus DLDL": ("ranking", "dldl")}
PAIRS |= {f"DLDL minus regression, L{n}": ("dldl", f"mr-l{n}") for n in (1, 2)}


@pytest.mark.parametrize("text", PAIRS)
def test_the_differences_that_the_conclusions_rest_on(text):
    cells = [text]
    for photos, seeds in (("synthetic", 8), ("utkface", 3)):
        for start in ("random", "trained"):
            mae = mae_of(f"{photos}-{start}")
            ours, theirs = ([mae[f"{n}_seed-{s}"] for s in range(seeds)] for n in PAIRS[text])
            low, high = stats.ttest_rel(ours, theirs).confidence_interval()
            cells.append(interval(low, high))
    assert cells in page_rows()


@pytest.mark.parametrize("lam", ["0.01", "0.1", "1", "10"])
def test_lambda_from_two_starts(lam):
    """Means over three seeds, and the paired differences to lambda 1."""
    cells = [lam]
    for folder in ("synthetic-random", "table4-trained"):
        mae = mae_of(folder)
        name = "dldl-v2" if lam == "1" else f"dldl-v2_lam-{lam}"
        ours, theirs = (
            [mae[f"{which}_seed-{seed}"] for seed in range(3)] for which in (name, "dldl-v2")
        )
        low, high = stats.ttest_rel(ours, theirs).confidence_interval()
        cells += [f"{np.mean(ours):.2f}", "" if lam == "1" else interval(low, high)]
    assert cells in page_rows()


ROWS = {f"lambda {lam}": f"dldl-v2_lam-{lam}" for lam in ("0.01", "0.1", "10")}
ROWS |= {"lambda 1": "dldl-v2", "KL alone": "dldl"}
ROWS["KL alone for 4 epochs, then lambda 1"] = "dldl-v2_kl-epochs-4"


@pytest.mark.parametrize("text", ROWS)
def test_lambda_on_photos_by_seed(text):
    """Every training that there is, and no other."""
    mae = mae_of("utkface-random")
    found = [mae.get(f"{ROWS[text]}_seed-{seed}") for seed in range(3)]
    assert [text, *(f"{value:.2f}" if value else "" for value in found)] in page_rows()


def test_what_is_concluded_of_lambda_on_photos():
    mae, text = mae_of("utkface-random"), PAGE.read_text(encoding="utf-8")
    names = [ROWS[f"lambda {lam}"] for lam in ("0.01", "0.1", "1", "10")]
    by_seed = np.array([[mae[f"{name}_seed-{seed}"] for name in names] for seed in range(2)])
    assert (np.diff(by_seed) > 0).all()
    assert "({:.2f}, {:.2f}, {:.2f} and {:.2f} years on average)".format(*by_seed.mean(0)) in text
    first, at_once = (
        np.array([mae[f"{name}_seed-{seed}"] for seed in range(3)])
        for name in ("dldl-v2_kl-epochs-4", "dldl-v2")
    )
    assert (first > at_once).all()
    low, high = stats.ttest_rel(first, at_once).confidence_interval()
    assert text.count(interval(low, high)) == 2
    steps = [mae[f"dldl-v2{name}_seed-0"] for name in ("_label-step-4", "_label-step-2", "")]
    steps += [mae[f"dldl-v2_label-step-{step}_seed-0"] for step in ("0.5", "0.25")]
    assert "on photos {:.2f}, {:.2f}, {:.2f}, {:.2f} and {:.2f} (one seed)".format(*steps) in text


def test_half_as_many_epochs_again_on_photos():
    """The figures of the text, and that both methods gain more than their spread over seeds."""
    short, longer = mae_of("utkface-random"), mae_of("utkface-longer")
    (v2, dldl), before = (
        [of[f"{name}_seed-0"] for name in ("dldl-v2", "dldl")] for of in (longer, short)
    )
    text = PAGE.read_text(encoding="utf-8")
    first = f"DLDL-v2 comes to {v2:.2f} years ({before[0]:.2f} with 12 epochs)"
    assert f"{first} and DLDL to {dldl:.2f} ({before[1]:.2f})" in text
    assert f"({dldl - v2:+.2f} years, it was {before[1] - before[0]:+.2f})" in text
    gains = before[0] - v2, before[1] - dldl
    spreads = [
        np.std([short[f"{name}_seed-{seed}"] for seed in range(3)], ddof=1)
        for name in ("dldl-v2", "dldl")
    ]
    assert {f"gain {gain:.1f} years" for gain in gains} == {"gain 0.3 years"}
    assert "gain 0.3 years" in text
    assert "({:.2f} and {:.2f})".format(*spreads) in text
    assert min(gains) > max(spreads)
