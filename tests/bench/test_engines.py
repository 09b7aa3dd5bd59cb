"""Engines: what each computes, against the layers."""

from types import SimpleNamespace

import numpy as np
import pytest

from tinydldl.bench.cases import Case
from tinydldl.bench.engines import ENGINES
from tinydldl.bench.race import check_agreement
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


@pytest.mark.parametrize("case", [TRAIN, INFERENCE], ids=str)
@pytest.mark.parametrize("engine", ["torch", "torch-channels-last"])
def test_pytorch_computes_what_the_layers_do(engine, case, torch):
    threads = torch.get_num_threads()
    try:
        check_agreement(case, [values("layers", case), values(engine, case)])
    finally:
        torch.set_num_threads(threads)


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
