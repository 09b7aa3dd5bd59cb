"""What the tables share: a row and its finished trainings, cells, a picture, and the files."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.special import stdtrit

from tinydldl import plots
from tinydldl.files import replacing, write_table
from tinydldl.plots import COLORS, DPI

# Published figures: MAE (years) and epsilon-error on each of SETS, None where the paper has none.
Published = dict[tuple, tuple[tuple[float | None, float | None], ...]]  # by the label of the row
SETS = ("ChaLearn15", "ChaLearn16", "Morph")
NOTHING = ((None, None),) * len(SETS)
Column = tuple[str, str, int]  # header, name of the figure, digits
CAUTION = (
    "The published figures are of other photos and of a network that had learned from millions of "
    "faces before. Figures from different data cannot be compared number by number, only in order."
)
MISSING = "-"  # in a cell
LINES = [color for color in COLORS if color != "#F0E442"]  # yellow is too faint for a line


@dataclass(frozen=True)
class Row:
    """A row of a table, and the `changes` to the settings that all trainings have in common.

    `label`: the cells that say which row it is; `name`: the same in a picture.
    """

    label: tuple
    name: str
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Result:
    """A row and its finished trainings, one per seed.

    `trained`: their lines in runs.csv, figures by name, as texts; `epochs`: of each training its
    lines in epochs.csv.
    """

    row: Row
    trained: list[dict[str, str]]
    epochs: list[list[dict[str, str]]] = field(default_factory=list)

    def values(self, name: str) -> np.ndarray:
        """The figure of each seed, as far as it has one."""
        return np.array(list(self.by_seed(name).values()))

    def by_seed(self, name: str) -> dict[str, float]:
        """The figure by seed, as far as it is there."""
        return {line["seed"]: float(line[name]) for line in self.trained if line.get(name)}

    def text(self, name: str, digits: int = 3) -> str:
        """Mean, and standard deviation over the seeds if they are several: `5.123 ± 0.045`."""
        values = self.values(name)
        if not len(values):
            return next((line["note"] for line in self.trained if line.get("note")), MISSING)
        deviation = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
        return f"{values.mean():.{digits}f}{deviation}"


@dataclass
class Table:
    """`header` and `rows`: the cells; `notes`: sentences below; `title`: above."""

    title: str
    header: list[str]
    rows: list[list]
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The table as Markdown."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        table = "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
        return "\n\n".join([f"## {self.title}", table, *self.notes]) + "\n"

    def write(self, stem: Path, picture: Figure) -> None:
        """Print the table, and write `stem`.md, `stem`.csv and its picture, `stem`.png."""
        print("\n" + self.markdown())
        with replacing(stem.with_suffix(".md")) as file:
            file.write(self.markdown().encode())
        rows = [dict(zip(self.header, row, strict=True)) for row in self.rows]
        write_table(stem.with_suffix(".csv"), self.header, rows)
        write_picture(stem.with_suffix(".png"), picture)


def paired(result: Result, reference: Result) -> tuple[float, float] | None:
    """The difference of two rows' MAE, seed by seed: its mean and half its 95 % interval (years).

        mean(d) +- t_{S-1} s_d / sqrt(S),    d_s = a_s - b_s

    None with less than two seeds in common, or for the reference itself. Source: lesson 09.
    """
    ours, theirs = result.by_seed("mae"), reference.by_seed("mae")
    d = np.array([ours[seed] - theirs[seed] for seed in ours if seed in theirs])
    if result is reference or len(d) < 2:
        return None
    t = stdtrit(len(d) - 1, 0.975)
    return float(d.mean()), float(t * d.std(ddof=1) / np.sqrt(len(d)))


def beside_published(
    title: str,
    label: list[str],
    results: list[Result],
    published: Published,
    reference: Result,
    *more: Column,
) -> Table:
    """Published figures beside ours: MAE, epsilon-error, and `more`.

    `label`: the headers of the rows' labels; `reference`: the row that the others are compared
    with, seed by seed.
    """
    header = [*label, *(f"{name}, published" for name in SETS), "MAE here"]
    header += [f"minus {reference.row.name}", "eps here", "seeds"]
    rows = []
    for result in results:
        theirs = published.get(result.row.label, NOTHING)
        pairs = (" / ".join(f"{value:g}" for value in pair if value) for pair in theirs)
        cells: list[Any] = [pair or MISSING for pair in pairs]
        difference = paired(result, reference)
        cells += [
            result.text("mae"),
            "{:+.3f} ± {:.3f}".format(*difference) if difference else MISSING,
        ]
        cells += [result.text("epsilon_error"), len(result.trained) or MISSING]
        cells += [result.text(name, digits) for _, name, digits in more]
        rows.append([*result.row.label, *cells])
    header += [name for name, _, _ in more]
    return Table(title, header, rows, [CAUTION])


def picture_beside(
    results: list[Result],
    published: Published,
    title: str,
    reference: Result,
    photos: str = SETS[0],
) -> Figure:
    """MAE of each row here, a dot per seed, beside the published one: the same order, or another?

    Between them, with several seeds, the paired differences from `reference`. Of the published
    figures those on `photos`, one of SETS.
    """
    seeds = max(len(result.trained) for result in results)
    figure = Figure(figsize=(9, 1.4 + 0.36 * len(results)), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    here, *between, there = figure.subplots(1, 2 + (seeds > 1), sharey=True)
    for place, result in enumerate(results):
        values = result.values("mae")
        here.plot(values, np.full(len(values), place), "o", color=COLORS[0], alpha=0.6)
        if len(values) > 1:
            here.plot(values.mean(), place, "|", color=COLORS[0], markersize=18)
        if difference := paired(result, reference):
            mean, half = difference
            color = COLORS[3] if abs(mean) > half else "gray"
            between[0].errorbar(mean, place, xerr=half, fmt="o", color=color, capsize=4)
        mae, _ = published.get(result.row.label, NOTHING)[SETS.index(photos)]
        if mae:
            there.plot(mae, place, "D", color=COLORS[3])
    dots = f"MAE here (years),\n{seeds} seeds; bar: their mean"
    here.set(xlabel=dots if seeds > 1 else "MAE here (years), one seed", yticks=range(len(results)))
    here.set_yticklabels([result.row.name for result in results])
    here.invert_yaxis()
    for axes in between:
        axes.axvline(0, color="black", linewidth=1)
        axes.set_xlabel(f"minus {reference.row.name} (years),\n95 % interval; orange: not 0")
    there.set_xlabel(f"MAE published,\n{photos} (years)")
    for axes in (here, *between, there):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    return figure


def write_picture(path: Path, picture: Figure) -> None:
    """Write a picture, and say where."""
    plots.save(picture, path)
    print(f"picture   {path}")
