"""Tables from figures made up here: means, spreads, and what is said in words."""

from functools import partial
from types import SimpleNamespace

from tinydldl.reproduce import plan, published
from tinydldl.reproduce.plan import Result, Row
from tinydldl.reproduce.render import insufficiency, table1, table2, table3, table4, theirs

BASE = SimpleNamespace(epochs=15, schedule="step:10")


def trained(rows):
    """Results in which row number i has MAE 5 + i and 5.2 + i, and all other figures 0.5."""
    figures = ("epsilon_error", "mode_mae", "kl", "mae_spread", "grad_spread")
    seeds = (0, 0.2)
    return [
        Result(row, [{"mae": str(5 + i + more)} | dict.fromkeys(figures, "0.5") for more in seeds])
        for i, row in enumerate(rows)
    ]


def test_mean_and_sample_deviation_over_seeds():
    result = Result(Row(("dex",)), [{"mae": "5.0"}, {"mae": "5.2"}])
    assert result.text("mae") == "5.100 ± 0.141"  # 0.2 / sqrt(2)
    assert Result(Row(("dex",)), [{"mae": "5.0"}]).text("mae", 1) == "5.0"
    assert Result(Row(("dex",)), []).text("mae") == "-"


def test_a_training_that_diverged_says_so():
    assert (
        Result(Row(("dex",)), [{"note": "diverged: loss nan"}]).text("mae") == "diverged: loss nan"
    )


def test_published_cells():
    assert theirs(published.TABLE1["human", "no"]) == ["0.34", "-", "6.3"]
    assert theirs(published.TABLE3["dex", "yes", "HP"])[0] == "3.558 / 0.306"


def test_table1_shows_ours_once_for_each_system():
    table = table1(trained(plan.table1()), "tiny")
    rows = {(row["system"], row["other photos, too"]): row for row in table.dicts()}
    assert rows["human", "no"]["eps here"] == "0.293 (computed)"
    assert rows["dex", "no"]["MAE here"] == "6.100 ± 0.141"
    assert rows["dex", "yes"]["MAE here"] == rows["dldl-v2 thin", "no"]["MAE here"] == "-"
    assert rows["dldl-v2 tiny", "no"]["MAE here"].startswith("10.100")
    assert rows["ldae", "yes"]["MAE here"].startswith("9.100")
    assert "0.308 if the guess is one of the ten, 0.353" in table.notes[1]


def test_table1_of_the_thin_network():
    rows = table1(trained(plan.table1()), "thin").dicts()
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
    table = table2(rows)
    assert table.rows[0] == ["VGG16", "130.0", "2.0", "15.00", "500.0", "9000", "-", "20.00"]
    assert table.rows[3][6] == "250"
    assert table.notes[0].startswith("ThinAgeNet: 40 times fewer parameters than VGG16")
    assert "3.0 times faster on the layers here" in table.notes[0]


def test_table3_orders_the_methods_in_words():
    table = table3(trained(plan.table3()))
    assert table.rows[5][:6] == ["dex", "yes", "HP", "3.558 / 0.306", "4.163 / 0.332", "2.311"]
    assert table.rows[5][6:] == ["10.100 ± 0.141", "0.500 ± 0.000", 2] + ["0.500 ± 0.000"] * 2 + [
        "0.50 ± 0.00"
    ]
    assert "only in order" in table.notes[0]
    order = "Here, from best to worst: dldl-v2, mr-l2, mr-l1, dex, ranking, er-l1, dldl."
    theirs = "Morph: dldl-v2, dldl, ranking, er-l1, mr-l2, dex, mr-l1."
    assert order in table.notes[1]
    assert theirs in table.notes[1]


def test_table4_has_the_rows_of_the_published_code():
    rows = table4(trained(plan.table4(BASE))).rows
    assert len(rows) == 10
    assert rows[-2][:6] == ["1", "1", "N K", "-", "-", "-"]
    assert rows[-1][0] == "0 for 5 epochs, then 1"


def test_insufficient_data_is_a_row_a_method():
    table = insufficiency(trained(plan.insufficiency(BASE, 6000)))
    assert table.header == ["method", "500 photos", "2,000 photos", "6,000 photos"]
    assert [row[0] for row in table.rows] == ["dldl-v2", "mr-l1", "dex"]
    assert table.rows[1][1].startswith("8.100")


def test_markdown_has_as_many_cells_in_every_line():
    lines = table4(trained(plan.table4(BASE))).markdown().splitlines()
    assert lines[0] == "## Table 4: lambda and the step of the labels"
    assert {line.count("|") for line in lines if line.startswith("|")} == {11}


def test_a_table_without_a_single_training():
    rows = {
        partial(table1, net="tiny"): plan.table1(),
        table3: plan.table3(),
        table4: plan.table4(BASE),
        insufficiency: plan.insufficiency(BASE, 6000),
    }
    for make, planned in rows.items():
        assert " - " in make([Result(row, []) for row in planned]).markdown()
