"""tools/widen.py: ThinAgeNet answers as the TinyAgeNet that it is made of, and twins can part."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import refused
from helpers.networks import save_network

from tinydldl import trained

TOOLS = Path(__file__).parents[1] / "tools"


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """TinyAgeNet, and what the tool makes of it."""
    monkeypatch.syspath_prepend(TOOLS)
    tool = importlib.import_module("widen")
    save_network(tmp_path / "tiny")
    monkeypatch.setattr("sys.argv", ["widen.py", f"{tmp_path / 'tiny'}", f"{tmp_path / 'wide'}"])
    tool.main()
    return trained.load(tmp_path / "tiny"), trained.load(tmp_path / "wide")


def test_nothing_is_overwritten(networks, tmp_path, capsys):
    tool, tiny, out = importlib.import_module("widen"), str(tmp_path / "tiny"), str(tmp_path)
    assert refused(capsys, tool.main, tiny, out).endswith(
        ": exists, and is not overwritten; give another"
    )
    assert "no checkpoint" in refused(
        capsys, tool.main, str(tmp_path / "none"), str(tmp_path / "a")
    )


def test_it_answers_as_before(networks, rng):
    tiny, wide = networks
    assert (tiny.net, wide.net) == ("tiny", "thin")
    photos = rng.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    before, after = (network.predict_images(photos) for network in networks)
    assert np.abs(before[0] - before[1]).max() > 1e-3  # it does look at the photos
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_the_gradients_of_twins_differ(networks, rng):
    """Else they would stay one channel that counts twice."""
    model = networks[1].model.train()
    y = model.forward(rng.standard_normal((2, 32, 32, 3), dtype=np.float32))
    model.backward(rng.standard_normal(y.shape, dtype=np.float32))
    for name, grad in model.grads.items():
        if name.startswith("conv"):
            one, other = np.split(grad, 2, axis=-1)
            assert np.abs(one - other).max() > 0.01 * np.abs(grad).max(), name
