"""The tables one by one, of figures made up here: rows, cells, and what is drawn."""

import pytest

from tinydldl.reproduce import insufficient_data, table1, table2, table3, table4
from tinydldl.reproduce.table import Result

EPOCHS = 15


def few(photos):
    return insufficient_data.rows(photos, EPOCHS)


TABLES = {
    table1: table1.rows("tiny"),
    table3: table3.rows(),
    table4: table4.rows(EPOCHS),
    insufficient_data: few(6000),
}


def trained(rows):
    """Results in which row number i has MAE 5 + i and 5.2 + i, and all other figures 0.5."""
    figures = ("epsilon_error", "mode_mae", "kl", "mae_spread", "grad_spread")
    rest = dict.fromkeys(figures, "0.5")
    return [
        Result(row, [{"seed": str(s), "mae": str(5 + i + 0.2 * s)} | rest for s in (0, 1)])
        for i, row in enumerate(rows)
    ]


def by_column(table):
    return [dict(zip(table.header, row, strict=True)) for row in table.rows]


def test_the_rows_are_those_of_the_paper():
    assert [row.label for row in TABLES[table3]] == list(table3.PUBLISHED)
    assert [row.label for row in TABLES[table4]][:-2] == list(table4.PUBLISHED)
    assert all(row.label in table1.PUBLISHED for row in TABLES[table1])


def test_a_table_without_a_single_training():
    for module, rows in TABLES.items():
        make = module.COMPARISON.table if module is table4 else module.table
        assert " - " in make([Result(row, []) for row in rows]).markdown()


def test_table1_shows_ours_once_for_each_system():
    table = table1.table(trained(TABLES[table1]))
    rows = {(row["system"], row["other photos, too"]): row for row in by_column(table)}
    assert list(rows) == list(table1.PUBLISHED)
    human = rows["human", "no"]
    assert human["Morph, published"] == "6.3"
    assert (human["MAE here"], human["eps here"], human["seeds"]) == ("-", "0.293 (computed)", "-")
    assert rows["dex", "no"]["MAE here"] == "6.100 ± 0.141"
    assert rows["dex", "yes"]["MAE here"] == rows["dldl-v2 thin", "no"]["MAE here"] == "-"
    assert rows["dldl-v2 tiny", "no"]["MAE here"].startswith("10.100")
    assert rows["ldae", "yes"]["MAE here"].startswith("9.100")
    assert "0.308 if the guess is one of the ten, 0.353" in table.notes[1]


def test_table1_of_the_thin_network():
    rows = by_column(table1.table(trained(table1.rows("thin"))))
    assert [row["MAE here"] for row in rows[-2:]] == ["-", "10.100 ± 0.141"]


def test_table2_has_both_figures_and_the_ratios():
    own = {"multiply_adds_g": 15.0, "disk_mb": 500.0, "layers_ms": 9000.0, "fast_ms": None}
    rows = [
        {"network": "VGG16", "parameters_m": 130.0} | own,
        {"network": "11 x VGG16", "parameters_m": 1430.0} | own,
        {"network": "ThinAgeNet", "parameters_m": 3.25} | own | {"layers_ms": 3000.0},
        {"network": "TinyAgeNet", "parameters_m": 1.3} | own | {"fast_ms": 250.4},
    ]
    rows = [row | {"published_parameters_m": 2.0, "published_ms": 20.0} for row in rows]
    table = table2.table(rows)
    assert table.rows[0] == ["VGG16", "130.0", "2.0", "15.00", "500.0", "9000", "-", "20.00"]
    assert table.rows[3][6] == "250"
    assert table.notes[0].startswith("ThinAgeNet: 40 times fewer parameters than VGG16")
    assert "3.0 times faster on the layers here" in table.notes[0]
    (axes,) = table2.picture(rows).axes
    assert axes.lines[1].get_xydata().tolist() == [[1.3, 250.4]]  # fast


def test_table3_puts_the_methods_in_order():
    table = table3.table(trained(TABLES[table3]))
    assert table.rows[5][:6] == ["dex", "yes", "HP", "3.558 / 0.306", "4.163 / 0.332", "2.311"]
    half = "0.500 ± 0.000"
    ours = ["10.100 ± 0.141", "+3.000 ± 0.000", half, 2, half, half, "0.50 ± 0.00"]
    assert table.rows[5][6:] == ours
    order = "Here, from best to worst: dldl-v2, mr-l2, mr-l1, dex, ranking, er-l1, dldl."
    theirs = "Morph: dldl-v2, dldl, ranking, er-l1, mr-l2, dex, mr-l1."
    assert order in table.notes[1]
    assert theirs in table.notes[1]


def test_table4_has_the_rows_of_the_published_code():
    rows = table4.COMPARISON.table(trained(TABLES[table4])).rows
    assert len(rows) == 10
    assert rows[-2][:6] == ["1", "1", "N K", "-", "-", "-"]
    assert rows[-1][0] == "0 for 5 epochs, then 1"


def test_insufficient_data_is_a_row_per_method():
    results = trained(TABLES[insufficient_data])
    table = insufficient_data.table(results)
    assert table.header == ["method", "500 photos", "2,000 photos", "6,000 photos"]
    assert [row[0] for row in table.rows] == ["dldl-v2", "mr-l1", "dex"]
    assert table.rows[1][1].startswith("8.100")
    (axes,) = insufficient_data.picture(results).axes
    points = [line.get_xydata().tolist() for line in axes.lines]
    assert points[1] == [[500, 8.1], [2000, 9.1], [6000, 10.1]]


@pytest.mark.parametrize(
    ("photos", "sizes"),
    [(6000, [500, 2000, 6000]), (1200, [500, 1200]), (16690, [500, 2000, 6000])],
)
def test_sizes_are_those_that_there_are_photos_for(photos, sizes):
    labels = [row.label for row in few(photos)]
    assert [size for method, size in labels if method == "dex"] == sizes


def test_fewer_photos_get_as_many_steps():
    changes = insufficient_data.fewer(500, 6000, EPOCHS)
    longer = {"epochs": 180, "schedule": "cosine:12", "val_every": 12}
    assert changes == {"train_limit": 500} | longer
    assert insufficient_data.fewer(6000, 6000, EPOCHS) == {}
    assert insufficient_data.fewer(6000, 16690, EPOCHS)["epochs"] == 3 * EPOCHS  # 2.78, rounded
