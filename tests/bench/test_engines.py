"""Engines: what each computes, against the layers."""

import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from tinydldl.bench.__main__ import RIVALS
from tinydldl.bench.cases import Case
from tinydldl.bench.engines import ENGINES, can_run, missing
from tinydldl.bench.race import Racer, check_agreement
from tinydldl.errors import UserError
from tinydldl.layers import Conv2d

TRAIN, INFERENCE = Case("tiny", 32, 4, True), Case("thin", 48, 3, False)


def values(engine, case):
    """What an engine computes in its first two steps, as a racer holds it; in this process."""
    step = ENGINES[engine](case, 1)
    return SimpleNamespace(name=engine, values=(step(), step()))


@pytest.mark.parametrize("case", [TRAIN, INFERENCE], ids=str)
def test_the_fast_engine_computes_what_the_layers_do(case):
    check_agreement(case, [values("layers", case), values("fast", case)])


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("engine", "case"),
    [(e, case) for e in RIVALS for case in (TRAIN, INFERENCE) if can_run(e, case)],
    ids=str,
)
def test_others_compute_what_the_layers_do(engine, case):
    """Each in a process of its own, since they keep threads, and some warn of a later fork."""
    if missing(engine) and not os.environ.get("TINYDLDL_REQUIRE_TORCH"):
        pytest.skip(f"not installed: {', '.join(missing(engine))}")
    if engine == "torch-compile" and not shutil.which("c++"):
        pytest.skip("torch.compile needs a C++ compiler")
    racer = Racer.of(engine, case, 1)
    racer.close()
    check_agreement(case, [values("layers", case), racer])


def test_inference_is_of_the_running_statistics_and_changes_nothing():
    step = ENGINES["layers"](INFERENCE, 1)
    expected = INFERENCE.model().eval().forward(INFERENCE.photos()[0])
    assert expected.shape == (3, 101)
    for _ in range(2):
        np.testing.assert_array_equal(step(), expected)


@pytest.mark.parametrize(
    ("name", "step"), [("forward", "in step 1"), ("backward", "in step 2")], ids=["first", "second"]
)
def test_a_wrong_pass_is_not_timed(name, step, monkeypatch):
    """A convolution whose output, or whose gradients, have the wrong sign."""
    right = getattr(Conv2d, name)

    def wrong(self, *arguments):
        result = right(self, *arguments)
        self.grads["W"] *= -1
        return -result

    expected = values("fast", TRAIN)
    monkeypatch.setattr(Conv2d, name, wrong)
    with pytest.raises(UserError, match=step):
        check_agreement(TRAIN, [expected, values("layers", TRAIN)])
