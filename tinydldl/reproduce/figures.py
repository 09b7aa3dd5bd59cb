"""The figures: ages of the data sets, ranking as a label distribution, and examples of DLDL-v2."""

import numpy as np
from matplotlib.figure import Figure

from tinydldl import datasets, labels, report, trained
from tinydldl.datasets import DATASETS, DataError, selection
from tinydldl.plots import COLORS, DPI, age_histograms, styled
from tinydldl.reproduce.table import Row, write_picture
from tinydldl.reproduce.trainings import Trainings, name_of
from tinydldl.train.settings import TrainSettings

BASE = Row((), "dldl-v2")
AGE, SIGMA = 30.0, 3.0  # of the figure on ranking


def ranking_is_a_distribution(grid: np.ndarray) -> Figure:
    """Label distribution, its cumulative sum, and the ranking code of one age, side by side."""
    figure = Figure(figsize=(11, 3.4), dpi=DPI, layout="constrained")
    figure.suptitle(f"Ranking is learning a label distribution: age {AGE:g}, sigma {SIGMA:g}")
    left, middle, right = (styled(axes) for axes in figure.subplots(1, 3))
    p, between = labels.gaussian_label_distribution([AGE], [SIGMA], grid)[0], labels.borders(grid)
    left.bar(grid, p, color=COLORS[0])
    left.set(title="label distribution p", xlabel="Age (years)")
    middle.step(between, p.cumsum()[:-1], where="mid", color=COLORS[0], label="T p")
    cdf = labels.gaussian_cdf([AGE], [SIGMA], between)[0]
    middle.plot(between, cdf, "--", color=COLORS[1], label="CDF of the Gaussian")
    middle.set(title="its cumulative sum", xlabel="Age (years)")
    right.plot(between, 1 - p.cumsum()[:-1], color=COLORS[0], label="1 - T p")
    code = labels.ranking_code([AGE], grid)[0]
    right.step(between, code, where="mid", color=COLORS[3], label="ranking code")
    right.set(title="the ranking code, hard and soft", xlabel="Age (years)")
    for axes in (left, middle, right):
        axes.set_xlim(AGE - 5 * SIGMA, AGE + 5 * SIGMA)
    for axes in (middle, right):
        axes.set_ylim(top=1.4)  # room for the legend
        axes.legend(frameon=False, loc="upper left")
    return figure


def ages_at_hand(base: TrainSettings) -> dict[str, dict[str, np.ndarray]]:
    """{set: {part: ages}} of the set that is trained on, and of all others in the data folder."""
    options, missing = base.options, []
    found = {base.dataset: selection.load(base.dataset, options, base.size, base.limit)}
    for name in sorted(DATASETS.keys() - {"synthetic", "csv"} - found.keys()):
        try:
            found[name] = datasets.load(name, options)
        except DataError:
            missing.append(name)
    print(f"data sets that are not in {options.data_dir}: {', '.join(missing) or 'none'}")
    return {name: {part: p.ages for part, p in parts.items()} for name, parts in found.items()}


def make(trainings: Trainings, seeds: range) -> None:
    """Train the base, and draw."""
    write_picture(trainings.path("ages.png"), age_histograms(ages_at_hand(trainings.base)))
    ranking = ranking_is_a_distribution(labels.label_grid())
    write_picture(trainings.path("ranking.png"), ranking)
    trainings.run([BASE], seeds[:1])
    folder = trainings.place(name_of(BASE.changes, seeds[0]))
    network, photos = trained.load(folder), trainings.photos(trainings.settings({}, seeds[0])).valid
    prediction, _ = network.predict(photos, trainings.base.batch)
    estimates = report.Estimates.of(network.method, prediction, photos.photos)
    drawn = report.pictures(estimates, photos, "DLDL-v2: good and poor examples")
    # beside the network, not beside the tables: it shows photos, which may not be published
    write_picture(folder / "examples.png", drawn["examples.png"])
