"""The shared figures: what they draw is asked of the axes, not of the pixels."""

import numpy as np

from tinydldl import plots


def legend_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_age_histogram():
    ages = {"train": np.array([20.0, 20.4, 23.0]), "valid": np.array([20.0])}
    (axes,) = plots.age_histograms({"a title": ages}).axes
    labels = axes.get_title(), axes.get_xlabel(), axes.get_ylabel()
    assert labels == ("a title", "Age (years)", "Photos")
    train, valid = axes.containers
    assert [bar.get_height() for bar in train] == [2, 0, 0, 1]
    assert (valid[0].get_y(), valid[0].get_height()) == (2, 1)  # stacked on train
    assert legend_of(axes) == ["train (3)", "valid (1)"]


def test_age_histogram_with_an_empty_part():
    figure = plots.age_histograms({"a": {"train": np.array([]), "test": np.array([4.0])}})
    assert legend_of(figure.axes[0]) == ["train (0)", "test (1)"]


def test_bins_of_an_age_histogram_grow_wider_rather_than_many():
    (axes,) = plots.age_histograms({"a": {"train": np.array([0.0, 1e6])}}).axes
    (bars,) = axes.containers
    assert len(bars) == 120
    ends = bars[0].get_x(), bars[-1].get_x() + bars[-1].get_width()
    np.testing.assert_allclose(ends, [-0.5, 1e6 + 0.5])


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
    assert [axes.get_title() for axes in figure.axes] == ["Loss", "MAE (years)"]  # no KL in it
    assert len(figure.axes[1].lines[1].get_xdata()) == 0


def test_predictions_show_each_face_above_its_distributions(rng):
    grid = np.arange(101.0)
    p, p_hat = rng.dirichlet(np.ones(101), 8), rng.dirichlet(np.ones(101), 8)
    photos = rng.integers(0, 256, (8, 9, 9, 3), dtype=np.uint8)
    y, sigma, y_hat = np.arange(20.0, 28), np.full(8, 2.0), np.arange(21.0, 29)
    shown = plots.Shown(photos, grid, p, p_hat, y, sigma, y_hat)
    figure = plots.predictions(shown, "a title")
    cells = np.array(figure.axes).reshape(4, 6)
    seventh_face, seventh_chart = cells[2, 0], cells[3, 0]
    np.testing.assert_array_equal(seventh_face.images[0].get_array(), photos[6])
    assert seventh_face.get_title() == "estimate 27.0"
    assert seventh_chart.get_xlabel() == "true 26.0 ± 2.0 years"
    predicted, estimate = seventh_chart.lines
    np.testing.assert_array_equal(predicted.get_ydata(), p_hat[6])
    assert set(estimate.get_xdata()) == {27.0}
    assert not cells[2, 2].axison  # only eight faces: the rest stays empty


def test_predictions_without_a_distribution_show_the_estimate(rng):
    p, photos = rng.dirichlet(np.ones(101), 2), np.zeros((2, 9, 9, 3), dtype=np.uint8)
    ages = np.array([20.0, 30.0])
    shown = plots.Shown(photos, np.arange(101.0), p, None, ages, ages / 10, ages)
    figure = plots.predictions(shown, "a title")
    (estimate,) = figure.axes[6].lines
    assert set(estimate.get_xdata()) == {20}
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["label distribution p, by age in years", "y_hat, the estimate"]


def test_cumulative_score():
    n, share = np.arange(21.0), np.minimum(1, np.arange(21) / 16)
    (axes,) = plots.cumulative_score(n, share, 4.25).axes
    curve, marks, mae = axes.lines
    np.testing.assert_array_equal(curve.get_xydata(), np.transpose([n, share]))
    np.testing.assert_array_equal(marks.get_xydata(), [[1, 1 / 16], [5, 5 / 16], [10, 10 / 16]])
    assert set(mae.get_xdata()) == {4.25}
    assert legend_of(axes) == ["CS(1) = 6%, CS(5) = 31%, CS(10) = 62%", "MAE 4.25 years"]
    assert axes.get_ylim() == (0, 1)


def test_scatter_has_the_truth_across_and_a_band_around_the_diagonal():
    y, y_hat = np.array([10.0, 20.0, 30.0, 40.0]), np.array([15.0, 14.0, 30.0, 47.0])
    (axes,) = plots.scatter(y, y_hat, np.arange(101.0)).axes
    band, points = axes.collections
    np.testing.assert_array_equal(points.get_offsets(), np.transpose([y, y_hat]))
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices.tolist()}
    assert corners == {(0, -5), (0, 5), (100, 95), (100, 105)}
    assert legend_of(axes) == ["within 5 years: 50% of 4 photos"]
    assert axes.get_xlabel().startswith("True age")


def test_scatter_of_many_photos_is_more_transparent():
    def alpha(count):
        return plots.scatter(np.ones(count), np.ones(count), np.arange(9.0)).axes[0].collections[1]

    assert alpha(5000).get_alpha() < alpha(400).get_alpha() < alpha(5).get_alpha() < 1


def test_decades():
    rows = [
        {"decade": 20, "count": 7, "mae": 3.0, "bias": -1.0},
        {"decade": 40, "count": 2, "mae": 5.0, "bias": 4.0},
    ]
    (axes,) = plots.decades(rows).axes
    mae, bias = axes.containers
    assert [bar.get_height() for bar in mae] == [3, 5]
    assert [bar.get_height() for bar in bias] == [-1, 4]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["20-29\n7", "40-49\n2"]
    assert np.diff(axes.get_xticks()) == [2], "room for the thirties, of which there are none"


def test_reliability_names_both_sides_of_the_diagonal():
    q, coverage = np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.25, 1.0])
    (axes,) = plots.reliability(q, coverage).axes
    diagonal, curve = axes.lines
    np.testing.assert_array_equal(*diagonal.get_data())
    np.testing.assert_array_equal(curve.get_xydata(), np.transpose([q, coverage]))
    sides = {text.get_text(): np.subtract(*text.get_position()) for text in axes.texts}
    assert sides["too sure"] > 0 > sides["too unsure"]  # less is covered than q; more


def test_examples_are_two_rows_of_faces_side_by_side(rng):
    grid, p = np.arange(101.0), rng.dirichlet(np.ones(101), 3)
    photos = rng.integers(0, 256, (3, 9, 9, 3), dtype=np.uint8)
    y, sigma, y_hat = np.array([[20.0, 30.0, 40.0], [2.0, 2.5, 3.0], [21.0, 33.0, 44.0]])
    block = plots.Shown(photos, grid, p, p[::-1], y, sigma, y_hat)
    figure = plots.examples({"Good": block, "Poor": block})
    figure.draw_without_rendering()
    good, poor = figure.subfigs
    assert (good.get_suptitle(), poor.get_suptitle()) == ("Good", "Poor")
    faces, charts = np.array(poor.axes).reshape(2, 3)
    np.testing.assert_array_equal(faces[2].images[0].get_array(), photos[2])
    assert faces[1].get_title() == "estimate 33.0"
    assert charts[1].get_xlabel() == "true 30.0 ± 2.5 years"
    np.testing.assert_array_equal(charts[0].lines[0].get_ydata(), p[2])
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 3
