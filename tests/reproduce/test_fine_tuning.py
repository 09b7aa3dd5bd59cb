"""Two starts: the table and the curves, of figures made up here."""

from tinydldl.reproduce import fine_tuning
from tinydldl.reproduce.table import Result

SHIPPED = {"mae": 4.6271, "epsilon_error": 0.589}


def results():
    """Two seeds of each start; each is evaluated in the second of two epochs."""
    return [
        Result(
            row,
            [
                {"seed": seed, "mae": f"{8 - 2 * start}.{seed}"}
                | {"train_photos": "2035", "train_mae": "7", "epsilon_error": "0.7"}
                for seed in "02"
            ],
            [[{"epoch": "1"}, {"epoch": "2", "valid_mae": str(seed + start)}] for seed in (5, 6)],
        )
        for start, row in enumerate(fine_tuning.ROWS)
    ]


def test_each_start_beside_the_weights_as_they_ship():
    table = fine_tuning.table(results(), SHIPPED)
    assert table.title == "2,035 photos, from two starts"
    assert table.rows == [
        ["random weights", "7.000 ± 0.000", "8.100 ± 0.141", "0.700 ± 0.000"],
        ["weights that ship", "7.000 ± 0.000", "6.100 ± 0.141", "0.700 ± 0.000"],
        ["weights that ship, as they are", "-", "4.627", "0.589"],
    ]


def test_a_line_per_seed_and_one_legend_per_start():
    (axes,) = fine_tuning.picture(results(), SHIPPED).axes
    *lines, shipped = axes.lines
    assert [line.get_xydata().tolist() for line in lines] == [[[2, mae]] for mae in (5, 6, 6, 7)]
    assert shipped.get_ydata()[0] == 4.6271
    names = [text.get_text() for text in axes.get_legend().texts]
    starts = ["from random weights, 2 seeds", "from weights that ship, 2 seeds"]
    assert names == [*starts, "these weights as they are"]
