"""The profile: what is counted where, on a clock of our own, and what is drawn."""

from types import SimpleNamespace

import pytest

from tinydldl.bench import profile
from tinydldl.bench.cases import Case


class Part:
    """A layer that takes `forward` and `backward` seconds on a clock."""

    def __init__(self, clock, forward, backward):
        self.clock, self.seconds = clock, (forward, backward)

    def forward(self, x, save):
        self.clock.now += self.seconds[0]
        return x + 1

    def backward(self, dy):
        self.clock.now += self.seconds[1]


def test_parts_of_a_group_are_added_up(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(profile, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    seconds = {"conv1_1": (1, 2), "relu1_1": (4, 8), "pool1": (16, 32), "conv1_2": (64, 128)}
    seconds |= {"fc": (256, 512)}
    parts = {name: Part(clock, *pair) for name, pair in seconds.items()}
    results = []

    def step():
        clock.now += 1e6  # all that is not in a part
        results.append([part.forward(0, True) for part in parts.values()])
        for part in parts.values():
            part.backward(0)

    times = profile.timed(parts, step)
    assert times == {
        "1_1": {"forward": 21e3, "backward": 42e3},
        "1_2": {"forward": 64e3, "backward": 128e3},
        "fc": {"forward": 256e3, "backward": 512e3},
    }
    assert results[-1] == [1] * 5  # watching changes no result


def test_both_engines_are_taken_apart_at_the_same_joints():
    times = profile.profile(Case("tiny", 32, 2, True))
    groups = list(times["layers"])
    assert " ".join(groups) == "1_1 1_2 2_1 2_2 3_1 3_2 3_3 4_1 4_2 4_3 5_1 5_2 5_3 fc"
    assert set(groups) <= set(times["fast"])
    for spent in times.values():
        assert all(spent[group][name] > 0 for group in groups for name in profile.PASSES)


def test_bars_are_stacked():
    times = {
        "layers": {"1_1": {"forward": 3.0, "backward": 5.0}, "fc": {"forward": 1, "backward": 0}},
        "fast": {"1_1": {"forward": 1.0, "backward": 2.0}, "enter": {"forward": 1, "backward": 0}},
    }
    figure = profile.draw(times, "a case")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_title() == "a case: layers 9 ms, fast 4 ms"
    assert axes.get_ylabel() == "ms of a step, one process"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1_1", "fc"]
    bars = [[(bar.get_y(), bar.get_height()) for bar in bars] for bars in axes.containers]
    assert dict(zip([bars.get_label() for bars in axes.containers], bars, strict=True)) == {
        "layers, forward": [(0, 3), (0, 1)],
        "layers, backward": [(3, 5), (1, 0)],
        "fast, forward": [(0, 1), (0, 0)],
        "fast, backward": [(1, 2), (0, 0)],
    }
    assert axes.containers[0][0].get_x() != pytest.approx(axes.containers[2][0].get_x())
