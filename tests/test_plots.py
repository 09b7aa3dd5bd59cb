"""The shared figures: what they draw is asked of the axes, not of the pixels."""

import numpy as np

from tinydldl import plots


def legend_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_age_histogram():
    ages = {"train": np.array([20.0, 20.4, 23.0]), "valid": np.array([20.0])}
    (axes,) = plots.age_histogram(ages, "a title").axes
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == (
        "a title",
        "Age (years)",
        "Photos",
    )
    train, valid = axes.containers
    assert [bar.get_height() for bar in train] == [2, 0, 0, 1]
    assert (valid[0].get_y(), valid[0].get_height()) == (2, 1)  # stacked on train
    assert legend_of(axes) == ["train (3)", "valid (1)"]


def test_age_histogram_with_an_empty_part():
    figure = plots.age_histogram({"train": np.array([]), "test": np.array([4.0])}, "a title")
    assert legend_of(figure.axes[0]) == ["train (0)", "test (1)"]


def test_year_bins_grow_wider_rather_than_many():
    edges = plots.year_bins([0.0, 1e6])
    assert len(edges) == 121
    np.testing.assert_allclose(edges[[0, -1]], [-0.5, 1e6 + 0.5])


def test_curves_pass_over_epochs_without_a_validation():
    row = {"train_loss": 3.0, "train_kl": 1.0, "train_mae": 2.0}
    metrics = [{"epoch": 1} | row, {"epoch": "2", "valid_mae": "2.5"} | row]
    figure = plots.curves(metrics, "a title", {"mean age": 13.04, "ridge": 8.0})
    loss, kl, error = figure.axes
    assert [line.get_xydata().tolist() for line in loss.lines] == [[[1, 3], [2, 3]]]
    assert [line.get_xydata().tolist() for line in kl.lines] == [[[1, 1], [2, 1]]]
    training, validation, mean_age, _ = error.lines
    assert training.get_xydata().tolist() == [[1, 2], [2, 2]]
    assert validation.get_xydata().tolist() == [[2, 2.5]]
    assert set(mean_age.get_ydata()) == {13.04}
    assert legend_of(error)[2:] == ["mean age: 13.0", "ridge: 8.0"]
    assert error.get_title() == "MAE (years)"


def test_curves_before_the_first_validation():
    figure = plots.curves([{"epoch": 1, "train_loss": 3.0}], "a title", {})
    figure.draw_without_rendering()
    assert len(figure.axes[2].lines[1].get_xdata()) == 0


def test_predictions_show_each_face_above_its_distributions(rng):
    grid = np.arange(101.0)
    p, p_hat = rng.dirichlet(np.ones(101), 8), rng.dirichlet(np.ones(101), 8)
    photos = rng.integers(0, 256, (8, 9, 9, 3), dtype=np.uint8)
    y, sigma, y_hat = np.arange(20.0, 28), np.full(8, 2.0), np.arange(21.0, 29)
    figure = plots.predictions(photos, grid, p, p_hat, y, sigma, y_hat, "a title")
    cells = np.array(figure.axes).reshape(4, 6)
    seventh_face, seventh_chart = cells[2, 0], cells[3, 0]
    np.testing.assert_array_equal(seventh_face.images[0].get_array(), photos[6])
    assert seventh_face.get_title() == "estimate 27.0"
    assert seventh_chart.get_xlabel() == "true 26.0 ± 2.0 years"
    predicted, estimate = seventh_chart.lines
    np.testing.assert_array_equal(predicted.get_ydata(), p_hat[6])
    assert set(estimate.get_xdata()) == {27.0}
    assert not cells[2, 2].axison  # only eight faces: the rest stays empty
