"""What every test may ask for: a seeded generator, and PyTorch where it is installed."""

import importlib.util
import os

import tinydldl  # noqa: F401  before NumPy: it says how many threads BLAS has

# isort: split
import numpy as np
import pytest


@pytest.fixture
def rng():
    """A generator with a fixed seed: each test draws the same numbers each time."""
    return np.random.default_rng(2018)


@pytest.fixture(scope="session")
def torch():
    """PyTorch, the oracle. Its tests are skipped without it, unless it is required (in CI)."""
    if importlib.util.find_spec("torch") is None and not os.environ.get("TINYDLDL_REQUIRE_TORCH"):
        pytest.skip("PyTorch is not installed")
    import torch

    assert torch.version.cuda is None, "the oracles run on PyTorch's CPU build"
    return torch
