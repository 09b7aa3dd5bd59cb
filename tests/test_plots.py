"""The shared figures: what they draw is asked of the axes, not of the pixels."""

import numpy as np
import pytest
from PIL import Image

from tinydldl import plots


@pytest.fixture
def axes_of(monkeypatch):
    """The axes that the next figure draws in."""
    made = []
    new_figure = plots.new_figure

    def spy(*labels):
        made.append(new_figure(*labels))
        return made[-1]

    monkeypatch.setattr(plots, "new_figure", spy)
    return lambda: made[-1][1]


def legend_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_age_histogram(axes_of, tmp_path):
    ages = {"train": np.array([20.0, 20.4, 23.0]), "valid": np.array([20.0])}
    plots.age_histogram(ages, tmp_path / "ages.png", "a title")
    axes = axes_of()
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == (
        "a title",
        "Age (years)",
        "Photos",
    )
    train, valid = axes.containers
    assert [bar.get_height() for bar in train] == [2, 0, 0, 1]
    assert (valid[0].get_y(), valid[0].get_height()) == (2, 1)  # stacked on train
    assert legend_of(axes) == ["train (3)", "valid (1)"]
    with Image.open(tmp_path / "ages.png") as image:
        assert image.size == (7 * 150, 4 * 150)


def test_age_histogram_with_an_empty_part(axes_of, tmp_path):
    plots.age_histogram({"train": np.array([]), "test": np.array([4.0])}, tmp_path / "a.png", "t")
    assert legend_of(axes_of()) == ["train (0)", "test (1)"]


def test_year_bins_grow_wider_rather_than_many():
    edges = plots.year_bins([0.0, 1e6])
    assert len(edges) == 121
    np.testing.assert_allclose(edges[[0, -1]], [-0.5, 1e6 + 0.5])
