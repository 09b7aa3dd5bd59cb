"""What the tables share: figures over seeds, cells, and published figures beside ours."""

import pytest

from tinydldl.reproduce import table1
from tinydldl.reproduce.table import Result, Row, beside_published, picture_beside

DEX = Row(("dex", "no"), "dex")
LABELS = [("human", "no"), ("dex", "no")]


def test_mean_and_sample_deviation_over_seeds():
    result = Result(DEX, [{"mae": "5.0"}, {"mae": "5.2"}])
    assert result.text("mae") == "5.100 ± 0.141"  # 0.2 / sqrt(2)
    assert Result(DEX, [{"mae": "5.0"}]).text("mae", 1) == "5.0"
    assert Result(DEX, []).text("mae") == "-"


def test_a_training_that_diverged_says_so():
    assert Result(DEX, [{"note": "diverged: loss nan"}]).text("mae") == "diverged: loss nan"


def test_cells_published_and_ours():
    published = {DEX.label: ((3.558, 0.306), (None, 0.34), (6.30, None))}
    trained = [{"mae": "5", "epsilon_error": "0.5", "kl": "1.25"}]
    unknown = Row(("new", "yes"), "new")
    results = [Result(DEX, trained), Result(unknown, [])]
    table = beside_published("T", ["a", "b"], results, published, ("KL here", "kl", 1))
    sets = ["ChaLearn15", "ChaLearn16", "Morph"]
    header = [f"{name}, published" for name in sets]
    assert table.header == ["a", "b", *header, "MAE here", "eps here", "seeds", "KL here"]
    assert table.rows == [
        ["dex", "no", "3.558 / 0.306", "0.34", "6.3", "5.000", "0.500", 1, "1.2"],
        ["new", "yes", *"-------"],
    ]
    (note,) = table.notes
    assert "only in order" in note


def test_markdown_has_as_many_cells_in_every_line():
    table = beside_published("A title", ["a", "b"], [Result(DEX, [])], {})
    title, _, *lines = table.markdown().splitlines()[:-2]
    assert title == "## A title"
    assert [line.count("|") for line in lines if line] == [9, 9, 9]


def drawn_beside_published(seeds, photos):
    """The axes here and there, and what is drawn in them: lists of (x, place)."""
    trained = [{"mae": str(5 + seed)} for seed in range(seeds)]
    results = [Result(Row(label, label[0]), trained) for label in LABELS]
    axes = picture_beside(results, table1.PUBLISHED, "title", photos).axes
    return axes, [[xy for line in ax.lines for xy in line.get_xydata().tolist()] for ax in axes]


@pytest.mark.parametrize(
    ("photos", "expected"),
    [("ChaLearn15", [[5.369, 1]]), ("ChaLearn16", []), ("Morph", [[6.30, 0], [3.25, 1]])],
)
def test_published_figures_are_those_on_the_photos_named(photos, expected):
    axes, (_, there) = drawn_beside_published(1, photos)
    assert there == expected
    assert axes[1].get_xlabel() == f"MAE published, {photos} (years)"


def test_a_dot_per_seed_and_a_bar_for_the_mean_of_several():
    axes, (one, _) = drawn_beside_published(1, "Morph")
    assert one == [[5, 0], [5, 1]]
    assert "one seed" in axes[0].get_xlabel()
    axes, (three, _) = drawn_beside_published(3, "Morph")
    assert three[:4] == [[5, 0], [6, 0], [7, 0], [6, 0]]
    assert "3 seeds; bar: their mean" in axes[0].get_xlabel()
