"""Where the time of a training step goes, by layer."""

import time
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tinydldl.bench.cases import Case
from tinydldl.bench.engines import Step, step_of
from tinydldl.fast import FastNet
from tinydldl.plots import COLORS, new_figure

PASSES = {"forward": COLORS[0], "backward": COLORS[1]}
STEPS = 5
Times = dict[str, dict[str, float]]  # {group: {pass: milliseconds}}


def profile(case: Case) -> dict[str, Times]:
    """`{engine: {group: {pass: milliseconds}}}` of layers and fast, one process, median of steps.

    A group is what the engine fuses, by its number: convolution, normalization, ReLU and pooling.
    """
    layers, fast = case.model(), FastNet(case.model())
    stages = {"layers": layers.layers, "fast": {stage.name: stage for stage in fast.own.stages}}
    steps = {"layers": step_of(layers, case), "fast": step_of(fast, case)}
    return {engine: timed(stages[engine], steps[engine]) for engine in stages}


def timed(parts: dict[str, Any], step: Step) -> Times:
    """Run the step, and add up the times of forward and backward of the parts of each group."""
    step()
    groups: dict[str, dict[str, list[float]]] = {}
    group = None
    for name, part in parts.items():
        if "pool" not in name or group is None:
            group = name.lstrip("abcdefghijklmnopqrstuvwxyz") or name
        for name, seconds in groups.setdefault(group, {name: [] for name in PASSES}).items():
            watch(part, name, seconds)
    for _ in range(STEPS):
        for spent in groups.values():
            for seconds in spent.values():
                seconds.append(0.0)
        step()
    return {
        group: {name: 1000 * float(np.median(seconds)) for name, seconds in spent.items()}
        for group, spent in groups.items()
    }


def watch(part: Any, name: str, seconds: list[float]) -> None:
    """Make the method `name` of a part add its time to the last of `seconds`."""
    method = getattr(part, name)

    def timed_method(*arguments: Any) -> Any:
        begun = time.perf_counter()
        result = method(*arguments)
        seconds[-1] += time.perf_counter() - begun
        return result

    setattr(part, name, timed_method)


def draw(times: dict[str, Times], title: str) -> Figure:
    """A `Figure` with a stacked bar per group and engine, the layers pale."""
    totals = {name: sum(sum(t.values()) for t in spent.values()) for name, spent in times.items()}
    figure, axes = new_figure(
        f"{title}: layers {totals['layers']:.0f} ms, fast {totals['fast']:.0f} ms",
        "Convolution with its normalization, ReLU and pooling",
        "ms of a step, one process",
    )
    groups = list(times["layers"])
    for (engine, spent), offset, alpha in zip(times.items(), (-0.2, 0.2), (0.4, 1), strict=True):
        bottom = np.zeros(len(groups))
        for name, color in PASSES.items():
            height = np.array([spent.get(group, {}).get(name, 0.0) for group in groups])
            place = np.arange(len(groups)) + offset
            label = f"{engine}, {name}"
            axes.bar(place, height, 0.38, bottom, color=color, alpha=alpha, label=label)
            bottom += height
    axes.set_xticks(np.arange(len(groups)), groups)
    axes.legend(frameon=False)
    return figure
