"""What every test may ask for: a seeded generator, and PyTorch, if there."""

import importlib.util
import os
import shutil
import signal

import tinydldl  # noqa: F401  before NumPy: it says how many threads BLAS has

# isort: split
import hypothesis
import numpy as np
import pytest

# The same examples each time, so that a failure comes back; as many as a busy machine bears.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None, max_examples=50)
hypothesis.settings.load_profile("same")

# A shell lets what it starts in the background ignore Ctrl-C, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Mark the tests that ask PyTorch: `-m oracle` runs them alone."""
    for item in items:
        if "torch" in getattr(item, "fixturenames", ()):
            item.add_marker("oracle")


@pytest.fixture
def rng():
    """A generator with a fixed seed: each test draws the same numbers each time."""
    return np.random.default_rng(2018)


@pytest.fixture(scope="session")
def drawn_faces(tmp_path_factory):
    """A data folder with the forty faces that small trainings ask for: drawing them takes long."""
    from tinydldl.datasets import Options, synthetic

    folder = tmp_path_factory.mktemp("drawn")
    synthetic.load(Options(folder, seed=0, count=40, side=37))
    return folder


@pytest.fixture
def elsewhere(tmp_path, monkeypatch, drawn_faces):
    """A test works in a folder of its own, where the faces are in `data`, as links."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TINYDLDL_DATA", raising=False)
    without_lock = shutil.ignore_patterns(".lock")
    shutil.copytree(drawn_faces, "data", copy_function=os.link, ignore=without_lock)


@pytest.fixture
def said(capsys):
    """said(run("photo.jpg")): what a command prints that ends well, given its exit code."""

    def said(code):
        assert code == 0
        return capsys.readouterr().out

    return said


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are made and their files written, but nothing is drawn: that takes the longest."""
    from matplotlib.figure import Figure

    monkeypatch.setattr(Figure, "savefig", lambda figure, file, **_: file.write(b"a picture"))


@pytest.fixture(scope="session")
def torch():
    """PyTorch, the oracle. Its tests are skipped without it, unless it is required (in CI)."""
    if importlib.util.find_spec("torch") is None and not os.environ.get("TINYDLDL_REQUIRE_TORCH"):
        pytest.skip("PyTorch is not installed")
    import torch

    assert torch.version.cuda is None, "the oracles run on PyTorch's CPU build"
    return torch
