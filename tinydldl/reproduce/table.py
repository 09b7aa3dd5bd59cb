"""What the tables share: a row and its finished trainings, cells, a picture, and the files."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.special import stdtrit

from tinydldl import cli, files, plots
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


@dataclass(frozen=True)
class Row:
    """A row: its cells, its name in a picture, and its changes to the base."""

    label: tuple
    name: str
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Result:
    """A row, and the lines of its trainings in runs.csv."""

    row: Row
    trained: list[dict[str, str]]

    def values(self, name: str) -> np.ndarray:
        """The figure of each seed, as far as it has one."""
        return np.array(list(self.by_seed(name).values()))

    def by_seed(self, name: str) -> dict[str, float]:
        """The figure by seed, as far as it is there."""
        return {line["seed"]: float(line[name]) for line in self.trained if line.get(name)}

    def text(self, name: str, digits: int = 3) -> str:
        """Mean, and standard deviation over the seeds if they are several: `5.123 ± 0.045`."""
        if not len(values := self.values(name)):
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
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        table = "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
        return "\n\n".join([f"## {self.title}", table, *self.notes]) + "\n"

    def write(self, stem: Path, picture: Figure) -> None:
        """Print the table, and write `stem`.md, `stem`.csv and its picture, `stem`.png."""
        print("\n" + self.markdown())
        cli.results[stem.name] = vars(self)
        with files.replacing(stem.with_suffix(".md")) as file:
            file.write(self.markdown().encode())
        rows = [dict(zip(self.header, row, strict=True)) for row in self.rows]
        files.write_table(stem.with_suffix(".csv"), self.header, rows)
        write_picture(stem.with_suffix(".png"), picture)


@dataclass
class Comparison:
    """A table of the paper, with our figures beside those that are `published`."""

    title: str
    label: list[str]  # the headers of the rows' labels
    published: Published
    more: tuple[Column, ...] = ()  # behind the others
    reference: str = "dldl-v2"  # the name of the row that all are compared with
    photos: str = SETS[0]  # those of the published figures in the picture

    def table(self, results: list[Result]) -> Table:
        """A line per result."""
        header = [*self.label, *(f"{name}, published" for name in SETS), "MAE here"]
        more = [name for name, *_ in self.more]
        header += [f"minus {self.reference}", "eps here", "seeds", *more]
        rows = []
        for result in results:
            theirs = self.published.get(result.row.label, NOTHING)
            pairs = (" / ".join(f"{value:g}" for value in pair if value) for pair in theirs)
            difference = self.difference(result, results)
            cells: list[Any] = [*result.row.label, *(pair or MISSING for pair in pairs)]
            minus = "{:+.3f} ± {:.3f}".format(*difference) if difference else MISSING
            cells += [result.text("mae"), minus, result.text("epsilon_error")]
            cells.append(len(result.trained) or MISSING)
            rows.append(cells + [result.text(name, digits) for _, name, digits in self.more])
        return Table(self.title, header, rows, [CAUTION])

    def difference(self, result: Result, results: list[Result]) -> tuple[float, float] | None:
        """Of its MAE and that of the reference, seed by seed: mean and half its 95 % interval.

            mean(d) +- t_{S-1} s_d / sqrt(S),    d_s = a_s - b_s          years

        None with less than two seeds in common, or for the reference itself. Source: lesson 09.
        """
        reference = next(other for other in results if other.row.name == self.reference)
        ours, theirs = result.by_seed("mae"), reference.by_seed("mae")
        d = np.array([ours[seed] - theirs[seed] for seed in ours if seed in theirs])
        if result is reference or len(d) < 2:
            return None
        t = stdtrit(len(d) - 1, 0.975)
        return float(d.mean()), float(t * d.std(ddof=1) / np.sqrt(len(d)))

    def picture(self, results: list[Result]) -> Figure:
        """MAE of each row, a dot per seed, paired differences if several, and published MAE."""
        seeds = max(len(result.trained) for result in results)
        figure = Figure(figsize=(9, 1.4 + 0.36 * len(results)), dpi=DPI, layout="constrained")
        figure.suptitle(self.title)
        here, *between, there = figure.subplots(1, 2 + (seeds > 1), sharey=True)
        for place, result in enumerate(results):
            values = result.values("mae")
            here.plot(values, np.full(len(values), place), "o", color=COLORS[0], alpha=0.6)
            if len(values) > 1:
                here.plot(values.mean(), place, "|", color=COLORS[0], markersize=18)
            if difference := self.difference(result, results):
                mean, half = difference
                color = COLORS[3] if abs(mean) > half else "gray"
                between[0].errorbar(mean, place, xerr=half, fmt="o", color=color, capsize=4)
            mae, _ = self.published.get(result.row.label, NOTHING)[SETS.index(self.photos)]
            if mae:
                there.plot(mae, place, "D", color=COLORS[3])
        dots = f"MAE here (years),\n{seeds} seeds; bar: their mean"
        here.set_xlabel(dots if seeds > 1 else "MAE here (years), one seed")
        here.set_yticks(range(len(results)), [result.row.name for result in results])
        here.invert_yaxis()
        for axes in between:
            axes.axvline(0, color="black", linewidth=1)
            axes.set_xlabel(f"minus {self.reference} (years),\n95 % interval; orange: not 0")
        there.set_xlabel(f"MAE published,\n{self.photos} (years)")
        for axes in (here, *between, there):
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(alpha=0.3)
        return figure


def write_picture(path: Path, picture: Figure) -> None:
    """Write a picture, and say where."""
    plots.save(picture, path)
    cli.results[path.name] = path
    print(f"picture   {path}")
