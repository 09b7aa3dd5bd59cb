"""What the tests of training share."""

import pytest
from helpers.photos import put_photos, put_table


@pytest.fixture
def begun(monkeypatch):
    """The trainings as they are before their first step, in which all of them stop."""
    runs = []
    monkeypatch.setattr("tinydldl.train.experiment.train", lambda run, *rest: runs.append(run))
    return runs


@pytest.fixture
def own_photos(tmp_path, rng):
    """Twenty photos and a table; two ages lie outside the grid, ten photos without spread."""
    put_photos(tmp_path, 20, rng)
    ages = [-1 if i == 3 else 101 if i == 5 else 4 * i for i in range(20)]
    return put_table(tmp_path / "table.csv", ages, [0, 1] * 10)
