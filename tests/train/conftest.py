"""What the tests of training share."""

import pytest


@pytest.fixture
def begun(monkeypatch):
    """The trainings as they are before their first step, in which all of them stop."""
    runs = []
    monkeypatch.setattr("tinydldl.train.experiment.train", lambda run, *rest: runs.append(run))
    return runs
