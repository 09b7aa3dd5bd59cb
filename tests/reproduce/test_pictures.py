"""What the pictures beside the tables draw, from figures made up here."""

import numpy as np
import pytest

from tinydldl.reproduce import pictures, published
from tinydldl.reproduce.plan import Result, Row

ROWS = [("human", "no"), ("dex", "no")]


def beside_published(seeds, photos):
    """The axes here and there, and what is drawn in them: lists of (x, place)."""
    trained = [{"mae": str(5 + seed)} for seed in range(seeds)]
    results = [Result(Row(label, {}), trained) for label in ROWS]
    figure = pictures.rows_beside_published(results, published.TABLE1, "title", photos)
    axes = figure.axes
    return axes, [[xy for line in ax.lines for xy in line.get_xydata().tolist()] for ax in axes]


@pytest.mark.parametrize(
    ("photos", "expected"),
    [("ChaLearn15", [[5.369, 1]]), ("ChaLearn16", []), ("Morph", [[6.30, 0], [3.25, 1]])],
)
def test_published_figures_are_those_on_the_photos_named(photos, expected):
    axes, (_, there) = beside_published(1, photos)
    assert there == expected
    assert axes[1].get_xlabel() == f"MAE published, {photos} (years)"


def test_a_dot_a_seed_and_a_bar_for_the_mean_of_several():
    axes, (one, _) = beside_published(1, "Morph")
    assert one == [[5, 0], [5, 1]]
    assert "one seed" in axes[0].get_xlabel()
    axes, (three, _) = beside_published(3, "Morph")
    assert three[:4] == [[5, 0], [6, 0], [7, 0], [6, 0]]
    assert "3 seeds; bar: their mean" in axes[0].get_xlabel()


def test_of_several_seeds_the_epochs_of_the_first_are_drawn():
    result = Result(Row(("dex",)), [{"run": "first"}, {"run": "second"}])
    epochs = [
        {"run": run, "epoch": "1", "grad_norm": "2", "grad_norm_std": spread, "valid_mae": mae}
        for run, spread, mae in (("first", "1", "7"), ("second", "3", "8"))
    ]
    error, gradient = pictures.epochs_of_methods([result], epochs, "title").axes
    assert [line.get_xydata().tolist() for line in error.lines] == [[[1, 7]]]
    assert [line.get_xydata().tolist() for line in gradient.lines] == [[[1, 0.5]]]


def test_no_legend_covers_a_curve_of_the_ranking_figure():
    figure = pictures.ranking_is_a_distribution(np.arange(101.0))
    figure.draw_without_rendering()
    for axes in figure.axes[1:]:
        box = axes.get_legend().get_window_extent()
        for line in axes.lines:
            points = axes.transData.transform(line.get_xydata())
            ends = np.array([axes.transAxes.transform(corner) for corner in ((0, 0), (1, 1))])
            seen = points[(points >= ends[0]).all(1) & (points <= ends[1]).all(1)]
            assert not any(box.contains(*point) for point in seen), line.get_label()
