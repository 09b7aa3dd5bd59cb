"""Table 2: what is counted, what is derived, and networks in processes of their own."""

import zipfile

import numpy as np
import pytest

from tinydldl import checkpoint, models
from tinydldl.bench import race
from tinydldl.errors import UserError
from tinydldl.reproduce import table2

NPY_HEADER = 128  # bytes
SECONDS = {"vgg16-layers": 9.0, "thin-layers": 3.0, "thin-fast": 1.0, "tiny-layers": 0.5}


class Still:
    """A racer without a process: what it computes and how long that takes are given."""

    steps, log = 1, []
    logits = dict.fromkeys([*SECONDS, "tiny-fast"], (1.0, 1.0))

    def __init__(self, name, *_):
        self.name, self.values = name, self.logits[name]

    def ask(self, steps):
        self.log.append(self.name)
        seconds = SECONDS.get(self.name, 0.25)
        # the slow round must not count
        return None, seconds * (100 if self.log.count(self.name) == 2 else 1)

    def close(self):
        self.log.append(f"close {self.name}")


@pytest.fixture
def still(monkeypatch):
    """No process is started, and VGG16 is a narrow one."""
    monkeypatch.setattr(race, "PAUSE", 0)
    monkeypatch.setattr(models, "VGG16_CHANNELS", "2 2 M 2 2 M 2 2 2 M 2 2 2 M 2 2 2 M")
    monkeypatch.setattr(models, "VGG16_HIDDEN", 5)
    monkeypatch.setattr(Still, "log", [])
    monkeypatch.setattr(table2, "Racer", Still)


def test_rows(still):
    """Medians of rounds in turn; eleven networks cost eleven times as much as one."""
    one, eleven, thin, tiny = table2.measure(rounds=3, images=2)
    assert [row["layers_ms"] for row in (one, eleven, thin, tiny)] == [9000, 99000, 3000, 500]
    assert [row["fast_ms"] for row in (one, eleven, thin, tiny)] == [None, None, 1000, 250]
    counted = ["parameters_m", "multiply_adds_g", "disk_mb"]
    assert [eleven[name] for name in counted] == [11 * one[name] for name in counted]
    names = list(Still.logits)
    turns = [*names, *names[::-1], *names]
    assert Still.log == turns + [f"close {name}" for name in names]


def test_published_figures_stand_beside_ours(still):
    rows = table2.measure(rounds=1, images=1)
    names = ("network", "published_parameters_m", "published_ms")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("VGG16 (DEX, DLDL)", 134.6, 133.30),
        ("11 x VGG16 (LDAE)", 1480.6, 1446.30),
        ("ThinAgeNet", 3.7, 51.05),
        ("TinyAgeNet", 0.9, 24.26),
    ]
    assert len({tuple(row) for row in rows}) == 1  # the same columns in each


def test_ratios(still):
    """Those that are published are, rounded, those of the slides."""
    rows = table2.measure(rounds=1, images=1)
    thin, tiny = table2.table(rows).notes[:2]
    assert thin.startswith("ThinAgeNet: ")
    assert tiny.startswith("TinyAgeNet: ")
    for note, row in ((thin, rows[2]), (tiny, rows[3])):
        fewer, adds = (rows[0][n] / row[n] for n in ("parameters_m", "multiply_adds_g"))
        assert f" {fewer:.0f} times fewer parameters than VGG16" in note
        assert f" {adds:.1f} times fewer multiply-adds" in note
    assert "(published 36)" in thin
    assert " 3.0 times faster on the layers here (published 2.6)" in thin
    assert "(published 150)" in tiny
    assert " 18.0 times faster on the layers here (published 5.5)" in tiny


def test_engines_that_do_not_agree_are_not_timed(still, monkeypatch):
    monkeypatch.setattr(Still, "logits", Still.logits | {"thin-fast": (1.0, 1.01)})
    with pytest.raises(UserError, match="thin: thin-fast and thin-layers do not compute the same"):
        table2.measure(rounds=1, images=1)
    assert not Still.log


def test_the_step_computes_the_logits_of_all_photos():
    """Photo by photo, or as one batch in the engine."""
    x = np.random.default_rng(1).standard_normal((3, 224, 224, 3), dtype=np.float32)
    expected = table2.build("tiny").forward(x)
    assert expected.shape == (3, 101)
    for engine in ("layers", "fast"):
        step = table2.inference("tiny", engine, 3, 1)
        for _ in range(2):
            np.testing.assert_allclose(step(), expected, atol=1e-4 * np.abs(expected).max())


def test_weights_on_disk(tmp_path):
    """What a checkpoint holds, but for the header of each array."""
    model = table2.build("tiny")
    checkpoint.save(tmp_path / "tiny", model.params | model.buffers, meta={})
    figures, engines = table2.describe("tiny")
    with zipfile.ZipFile(tmp_path / "tiny.npz") as file:
        stored = sum(array.file_size - NPY_HEADER for array in file.infolist())
    assert figures["disk_mb"] == stored / 1e6
    assert figures["parameters_m"] == 0.934869
    assert engines == ["layers", "fast"]


def test_a_measurement_of_whole_networks():
    """In processes of their own. Counts are those of the networks; times only have to be there."""
    one, eleven, thin, tiny = table2.measure(rounds=1, images=1)
    assert one["parameters_m"] == 134.674341
    assert one["disk_mb"] == pytest.approx(4 * 134.674341)
    assert one["multiply_adds_g"] == 15.466582016
    assert (thin["parameters_m"], tiny["parameters_m"]) == (3.708229, 0.934869)
    assert eleven["layers_ms"] == 11 * one["layers_ms"]
    assert one["fast_ms"] is None
    times = [row[name] for row in (thin, tiny) for name in ("layers_ms", "fast_ms")]
    assert min(one["layers_ms"], *times) > 0
