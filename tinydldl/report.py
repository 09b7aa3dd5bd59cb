"""How good estimates are: every figure, as a dict, as lines of text, as pictures."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from matplotlib.figure import Figure

from tinydldl import methods, metrics, plots
from tinydldl.arrays import Ages, Array, Distributions, Grid
from tinydldl.datasets import Photos
from tinydldl.datasets.loader import PhotoStore
from tinydldl.labels import gaussian_label_distribution, standard_deviation

Figures = dict[str, Any]
YEARS = np.arange(11)  # n of the cumulative score CS(n), in figures and lines
DRAWN_YEARS = np.arange(401) / 20  # the same in its picture: whole years are exact
LEVELS = np.arange(1, 10) / 10  # q of the coverage
SHOWN = 12  # faces in `picture`
EXAMPLES = 4  # good ones in `pictures`, and as many poor ones
PREDICTIONS = ("photo", "age", "sigma", "estimate", "mode", "spread")  # columns of the table
PICTURES = ("cumulative_score.png", "scatter.png", "decades.png", "examples.png", "reliability.png")

SMALLER, LARGER = "smaller is better", "larger is better"
# The figures that are printed: name: (description, unit, which direction is good)
AGE = {
    "mae": ("MAE", " years", SMALLER),
    "balanced_mae": ("balanced MAE, of decades", " years", SMALLER),
    "mode_mae": ("MAE of the mode of p_hat", " years", SMALLER),
    "epsilon_error": ("epsilon-error", "", SMALLER),
}
LABEL_DISTRIBUTION = {
    "chebyshev": ("Chebyshev distance", "", SMALLER),
    "clark": ("Clark distance", "", SMALLER),
    "canberra": ("Canberra distance", "", SMALLER),
    "kl": ("KL divergence", " nats", SMALLER),
    "cosine": ("cosine similarity", "", LARGER),
    "intersection": ("intersection similarity", "", LARGER),
}
TRUE_AGE = {
    "negative_log_likelihood": ("negative log likelihood", " nats", SMALLER),
    "crps": ("CRPS", " years", SMALLER),
}
MEASURES = AGE | LABEL_DISTRIBUTION | TRUE_AGE
SHORT = ("mae", "epsilon_error", "mode_mae", "kl", "crps")  # those that matter most


@dataclass
class Estimates:
    """The estimates of a network, or of several together, beside the truth. All on the host."""

    photos: Photos
    grid: Grid
    y_hat: Ages
    p_hat: Any  # (N, K), None for a method without a distribution

    @classmethod
    def of(cls, method: methods.Method, prediction: Array, photos: Photos) -> Self:
        """The estimates in a prediction; `method` on the host."""
        return cls(photos, method.grid, method.age(prediction), method.distribution(prediction))

    @cached_property
    def p(self) -> Distributions:
        """The label distributions (N, K)."""
        return gaussian_label_distribution(self.photos.ages, self.photos.sigmas, self.grid)

    @property
    def mode(self) -> Ages:
        """The likeliest label (N,) of each p_hat, years."""
        return self.grid[self.p_hat.argmax(axis=1)]

    @property
    def spread(self) -> Ages:
        """The standard deviation (N,) of each p_hat, years."""
        return standard_deviation(self.p_hat, self.grid)


def figures(estimates: Estimates) -> Figures:
    """Every figure by name, as JSON values; those of the distribution only where there is one.

    `cumulative_score` and `coverage` are {n or q, as text: share}; `decades` and `balanced_mae`,
    which may be None: see `metrics`; `mode_mae`: the MAE of the mode of p_hat.
    """
    y, sigma, y_hat = estimates.photos.ages, estimates.photos.sigmas, estimates.y_hat
    decades = metrics.by_decade(y_hat, y)
    result: Figures = {
        "photos": len(y),
        "photos_with_sigma_0": int((sigma == 0).sum()),
        "mae": metrics.mae(y_hat, y),
        "epsilon_error": metrics.epsilon_error(y_hat, y, sigma),
        "cumulative_score": by_name(YEARS, metrics.cumulative_score(y_hat, y, YEARS)),
        "decades": decades,
        "balanced_mae": metrics.balanced_mae(decades),
        "same_answer": same_answer(estimates),
    }
    if (p_hat := estimates.p_hat) is None:
        return result
    p, grid = estimates.p, estimates.grid
    result["mode_mae"] = metrics.mae(estimates.mode, y)
    result |= {name: getattr(metrics, name)(p_hat, p) for name in LABEL_DISTRIBUTION}
    result |= {name: getattr(metrics, name)(p_hat, y, grid) for name in TRUE_AGE}
    result["coverage"] = by_name(LEVELS, metrics.coverage(p_hat, y, grid, LEVELS))
    result["vote_coverage"] = by_name(LEVELS, metrics.vote_coverage(p_hat, p, LEVELS))
    return result


def same_answer(estimates: Estimates) -> float:
    """The largest share of photos that got the same answer.

    If it is not small, the network is partly dead: without features it answers with the bias.
    """
    answers = estimates.y_hat if estimates.p_hat is None else estimates.p_hat
    _, counts = np.unique(answers, axis=0, return_counts=True)
    return float(counts.max() / len(answers))


def by_name(keys: Array, values: Array) -> dict[str, float]:
    """Two arrays as a dict for JSON, such as {'0.1': 0.5, '0.2': 1.0}."""
    return {f"{key:g}": float(value) for key, value in zip(keys, values, strict=True)}


def prediction_rows(estimates: Estimates) -> list[dict[str, Any]]:
    """A dict of `PREDICTIONS` for each photo: label, estimate, mode and spread of p_hat, years."""
    photos = estimates.photos
    columns: dict = {"photo": [path.name for path in photos.paths], "age": photos.ages}
    columns |= {"sigma": photos.sigmas, "estimate": estimates.y_hat}
    if estimates.p_hat is not None:
        columns |= {"mode": estimates.mode, "spread": estimates.spread}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def short_lines(figures: Figures, part: str) -> dict[str, str]:
    """The figures of `SHORT`, as {name: value} of texts; `part`: of which photos."""
    lines = {MEASURES[name][0]: value_text(figures, name) for name in SHORT if name in figures}
    if exact := figures["photos_with_sigma_0"]:
        lines["epsilon-error"] += f", {exact} photos with sigma 0"
    return {f"{part} MAE": lines.pop("MAE")} | lines


def lines(figures: Figures) -> list[str]:
    """All figures for the screen, each with the direction that is good."""
    exact = figures["photos_with_sigma_0"]
    text = [f"{figures['photos']} photos" + (f", {exact} of them with sigma 0" if exact else "")]
    text += ["", "the age", *measure_lines(figures, AGE)]
    text += ["  cumulative score CS(n): share of photos at most n years off; larger is better"]
    text += share_lines("n", figures["cumulative_score"])
    if figures["same_answer"] > 1 / figures["photos"]:
        text += [f"  {figures['same_answer']:.1%} of the photos got one and the same answer"]
    text += ["", "by decade of true age; bias: mean estimate - true age, nearer to 0 is better"]
    text += [f"  {'ages':>8} {'photos':>7} {'MAE':>7} {'bias':>7}"]
    for row in figures["decades"]:
        ages = f"{row['decade']}-{row['decade'] + 9}"
        text += [f"  {ages:>8} {row['count']:7} {row['mae']:7.2f} {row['bias']:+7.2f}"]
    if "kl" in figures:
        text += ["", "p_hat against the label distribution p"]
        text += measure_lines(figures, LABEL_DISTRIBUTION)
        text += ["", "p_hat against the true age", *measure_lines(figures, TRUE_AGE)]
        text += ["  coverage: share of true ages in the central q of p_hat; nearer to q is better"]
        text += share_lines("q", figures["coverage"])
        text += ["  the same of single votes, which scatter more than their mean, the true age"]
        text += share_lines("q", figures["vote_coverage"])
    return text


def measure_lines(figures: Figures, measures: dict[str, tuple[str, str, str]]) -> list[str]:
    """A line per measure that has a figure."""
    return [
        f"  {words:26} {value_text(figures, name):14} {direction}"
        for name, (words, _, direction) in measures.items()
        if figures.get(name) is not None
    ]


def share_lines(symbol: str, shares: dict[str, float]) -> list[str]:
    """Two lines: the names of the shares, and below them the shares in percent."""
    names = "".join(f"{name:>6}" for name in shares)
    percents = "".join(f"{share:6.0%}" for share in shares.values())
    return [f"    {symbol:6}{names}", f"    {'share':6}{percents}"]


def value_text(figures: Figures, name: str) -> str:
    return f"{figures[name]:.3f}{MEASURES[name][1]}"


def picture(estimates: Estimates, images: PhotoStore, title: str) -> Figure:
    """A figure of faces from the youngest to the oldest; `images[i]`: the RGB image of photo i."""
    by_age = np.argsort(estimates.photos.ages, kind="stable")
    shown = by_age[np.linspace(0, len(by_age) - 1, min(SHOWN, len(by_age))).round().astype(int)]
    return plots.predictions(to_show(estimates, images, shown), title)


def pictures(estimates: Estimates, images: PhotoStore, title: str) -> dict[str, Figure]:
    """All figures of an evaluation, {file name: Figure}; `images` as for `picture`."""
    y, y_hat = estimates.photos.ages, estimates.y_hat
    cs = metrics.cumulative_score(y_hat, y, DRAWN_YEARS)
    drawn = {
        "cumulative_score.png": plots.cumulative_score(DRAWN_YEARS, cs, metrics.mae(y_hat, y)),
        "scatter.png": plots.scatter(y, y_hat, estimates.grid),
        "decades.png": plots.decades(metrics.by_decade(y_hat, y)),
        "examples.png": examples(estimates, images),
    }
    if estimates.p_hat is not None:
        q = np.linspace(0, 1, 101)
        coverage = metrics.coverage(estimates.p_hat, y, estimates.grid, q)
        drawn["reliability.png"] = plots.reliability(q, coverage)
    for figure in drawn.values():
        figure.suptitle(title)
    return drawn


def examples(estimates: Estimates, images: PhotoStore) -> Figure:
    """The figure of the photos with the smallest and with the largest errors."""
    by_error = np.argsort(np.abs(estimates.y_hat - estimates.photos.ages), kind="stable")
    count = min(EXAMPLES, len(by_error) // 2)
    good, poor = by_error[:count], by_error[::-1][:count]
    blocks = {f"Good: the {count} smallest errors": good, f"Poor: the {count} largest errors": poor}
    return plots.examples({name: to_show(estimates, images, i) for name, i in blocks.items()})


def to_show(estimates: Estimates, images: PhotoStore, which: Array) -> plots.Shown:
    """The photos with the numbers `which`, and what is drawn of them."""
    about = estimates.photos.take(which)
    p_hat = None if estimates.p_hat is None else estimates.p_hat[which]
    labels = about.ages, about.sigmas, estimates.y_hat[which]
    photos, p = [images[i] for i in which], estimates.p[which]
    return plots.Shown(photos, estimates.grid, p, p_hat, *labels)
