"""Which trainings a table needs: equal ones have equal names, so that they are run once."""

from argparse import Namespace

import pytest

from tinydldl.reproduce import plan, published
from tinydldl.reproduce.plan import Row, fewer, insufficiency, name_of, table1, table3, table4

ARGUMENTS = Namespace(epochs=15, schedule="step:10")


def names(rows):
    return [name_of(row.changes, 0) for row in rows]


def test_the_base_is_in_every_table():
    for rows in (table1(), table3(), table4(ARGUMENTS), insufficiency(ARGUMENTS, 6000)):
        assert names(rows).count("dldl-v2_seed-0") == 1


def test_no_table_trains_anything_twice():
    for rows in (table1(), table3(), table4(ARGUMENTS), insufficiency(ARGUMENTS, 6000)):
        assert len(set(names(rows))) == len(rows)


def test_all_tables_together_share_what_is_equal():
    together = set(
        names(table3()) + names(table4(ARGUMENTS)) + names(insufficiency(ARGUMENTS, 6000))
    )
    assert len(together) == 9 + 9 + 6


def test_a_name_is_that_of_a_folder_on_any_system():
    for row in (*table3(), *table4(ARGUMENTS), *insufficiency(ARGUMENTS, 6000)):
        assert not set('<>:"/\\|?* ') & set(name_of(row.changes, 1))


def test_the_rows_are_those_of_the_paper():
    assert [row.label for row in table3()] == list(published.TABLE3)
    assert [row.label for row in table4(ARGUMENTS)][:-2] == list(published.TABLE4)
    for (method,) in (row.label for row in table1()):
        assert published.system(method, "tiny") in published.TABLE1


@pytest.mark.parametrize(("photos", "sizes"), [(6000, [500, 2000, 6000]), (1200, [500, 1200])])
def test_sizes_are_those_that_there_are_photos_for(photos, sizes):
    rows = insufficiency(ARGUMENTS, photos)
    found = [row.label for row in rows if row.label[0] == "dex"]
    assert found == [("dex", f"{size:,}") for size in sizes]
    assert rows[-1].changes == {"method": "dex"}  # all photos: the row of table 3


def test_more_photos_than_the_largest_size_are_cut_to_it():
    assert insufficiency(ARGUMENTS, 16690)[2] == Row(
        ("dldl-v2", "6,000"), fewer(ARGUMENTS, 6000, 16690)
    )


def test_fewer_photos_get_as_many_steps():
    changes = fewer(ARGUMENTS, 500, 6000)
    assert changes == {
        "train_limit": 500,
        "epochs": 180,
        "schedule": "step:120",
        "val_every": 12,
    }
    assert changes.keys() == {"train_limit", *plan.STRETCHED}
