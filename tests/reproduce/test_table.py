"""What the tables share: figures over seeds, cells, and published figures beside ours."""

import pytest

from tinydldl.reproduce import table1
from tinydldl.reproduce.table import Comparison, Result, Row

DEX = Row(("dex", "no"), "dex")
NEW = Row(("new", "yes"), "new")
LABELS = [("human", "no"), ("dex", "no")]


def with_mae(row, *values):
    """A result with these MAEs, of seeds 0, 1, ..."""
    return Result(row, [{"seed": str(seed), "mae": str(mae)} for seed, mae in enumerate(values)])


def test_mean_and_sample_deviation_over_seeds():
    result = with_mae(DEX, 5.0, 5.2)
    assert result.text("mae") == "5.100 ± 0.141"  # 0.2 / sqrt(2)
    assert with_mae(DEX, 5.0).text("mae", 1) == "5.0"
    assert Result(DEX, []).text("mae") == "-"


def test_a_training_that_diverged_says_so():
    assert Result(DEX, [{"note": "diverged: loss nan"}]).text("mae") == "diverged: loss nan"


def test_cells_published_and_ours():
    published = {DEX.label: ((3.558, 0.306), (None, 0.34), (6.30, None))}
    trained = [{"seed": "0", "mae": "5", "epsilon_error": "0.5", "kl": "1.25"}]
    results = [Result(DEX, trained), Result(NEW, [])]
    more = (("KL here", "kl", 1),)
    table = Comparison("T", ["a", "b"], published, more, "dex").table(results)
    sets = ["ChaLearn15", "ChaLearn16", "Morph"]
    header = [f"{name}, published" for name in sets]
    header += ["MAE here", "minus dex", "eps here", "seeds", "KL here"]
    assert table.header == ["a", "b", *header]
    assert table.rows == [
        ["dex", "no", "3.558 / 0.306", "0.34", "6.3", "5.000", "-", "0.500", 1, "1.2"],
        ["new", "yes", *"--------"],
    ]
    (note,) = table.notes
    assert "only in order" in note


def test_markdown_has_as_many_cells_in_every_line():
    table = Comparison("A title", ["a", "b"], {}, reference="dex").table([Result(DEX, [])])
    title, _, *lines = table.markdown().splitlines()[:-2]
    assert title == "## A title"
    assert [line.count("|") for line in lines if line] == [10, 10, 10]


def test_a_difference_is_paired_by_the_seed():
    """Differences 0, 1, 2: the mean is 1, and t_2 = 4.3027, s / sqrt(3) = 1 / sqrt(3)."""
    dex, new = with_mae(DEX, 3, 4, 3), with_mae(NEW, 3, 5, 5)
    new.trained.reverse()
    difference = Comparison("T", ["a", "b"], {}, reference="dex").difference
    assert difference(new, [dex, new]) == pytest.approx((1, 4.30265 / 3**0.5), rel=1e-5)
    assert difference(dex, [dex, new]) is None
    new.trained = new.trained[:1]
    assert difference(new, [dex, new]) is None, "one seed has no interval"


def test_the_difference_stands_in_the_table():
    results = [with_mae(DEX, 3, 4, 3), with_mae(NEW, 3, 5, 5)]
    table = Comparison("T", ["a", "b"], {}, reference="dex").table(results)
    column = table.header.index("minus dex")
    assert [row[column] for row in table.rows] == ["-", "+1.000 ± 2.484"]


def drawn_beside_published(seeds, photos):
    """The axes of the picture, and what is drawn in them: lists of (x, place)."""
    results = [with_mae(Row(label, label[0]), *range(5, 5 + seeds)) for label in LABELS]
    about = {"reference": "human", "photos": photos}
    axes = Comparison("title", ["a", "b"], table1.PUBLISHED, **about).picture(results).axes
    return axes, [[xy for line in ax.lines for xy in line.get_xydata().tolist()] for ax in axes]


@pytest.mark.parametrize(
    ("photos", "expected"),
    [("ChaLearn15", [[5.369, 1]]), ("ChaLearn16", []), ("Morph", [[6.30, 0], [3.25, 1]])],
)
def test_published_figures_are_those_on_the_photos_named(photos, expected):
    axes, (_, there) = drawn_beside_published(1, photos)
    assert there == expected
    assert axes[1].get_xlabel() == f"MAE published,\n{photos} (years)"


def test_a_dot_per_seed_and_a_bar_for_the_mean_of_several():
    axes, (one, _) = drawn_beside_published(1, "Morph")
    assert one == [[5, 0], [5, 1]]
    assert "one seed" in axes[0].get_xlabel()
    axes, (three, _, _) = drawn_beside_published(3, "Morph")
    assert three[:4] == [[5, 0], [6, 0], [7, 0], [6, 0]]
    assert "3 seeds; bar: their mean" in axes[0].get_xlabel()


def test_a_difference_whose_interval_excludes_0_is_orange():
    """The second row is 1.0, 1.1 and 1.2 years above the first, the third -1, 0 and 1 beside it."""
    rows = [Row((name,), name) for name in "abc"]
    maes = (5, 5, 5), (6, 6.1, 6.2), (4, 5, 6)
    results = [with_mae(row, *mae) for row, mae in zip(rows, maes, strict=True)]
    _, between, _ = Comparison("title", ["a"], {}, reference="a").picture(results).axes
    drawn = [bar.lines[0] for bar in between.containers]
    assert [line.get_xydata().round(9).tolist() for line in drawn] == [[[1.1, 1]], [[0, 2]]]
    assert [line.get_color() for line in drawn] == ["#D55E00", "gray"]
