"""The figures that belong to no table."""

import numpy as np

from tinydldl.reproduce.figures import ranking_is_a_distribution


def test_no_legend_covers_a_curve_of_the_ranking_figure():
    figure = ranking_is_a_distribution(np.arange(101.0))
    figure.draw_without_rendering()
    for axes in figure.axes[1:]:
        box = axes.get_legend().get_window_extent()
        for line in axes.lines:
            points = axes.transData.transform(line.get_xydata())
            ends = np.array([axes.transAxes.transform(corner) for corner in ((0, 0), (1, 1))])
            seen = points[(points >= ends[0]).all(1) & (points <= ends[1]).all(1)]
            assert not any(box.contains(*point) for point in seen), line.get_label()
