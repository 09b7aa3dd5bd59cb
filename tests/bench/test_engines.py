"""Engines: the textbook's convolution against ours, and all engines against the layers."""

from types import SimpleNamespace

import numpy as np
import pytest

from tinydldl.bench.cases import Case
from tinydldl.bench.engines import ENGINES, TextbookConv2d, textbook
from tinydldl.bench.race import check_agreement
from tinydldl.errors import UserError
from tinydldl.layers import Conv2d

TRAIN, INFERENCE = Case("tiny", 32, 4, True), Case("thin", 48, 3, False)


@pytest.mark.parametrize(
    "settings",
    [
        {"padding": 1, "bias": False},
        {"padding": (0, 2), "stride": (2, 1)},
        {"kernel": (2, 3), "stride": 2, "padding": 1},
    ],
)
def test_textbook_convolution(settings, rng):
    """In float64, with a random upstream gradient, up to rounding."""
    conv = Conv2d(4, 5, rng=rng, **settings).to(dtype=np.float64)
    x = rng.standard_normal((3, 9, 7, 4))
    y = conv.forward(x)
    dy = rng.standard_normal(y.shape)
    dx, grads = conv.backward(dy), {name: grad.copy() for name, grad in conv.grads.items()}
    for grad in conv.grads.values():
        grad.fill(np.nan)
    textbook_conv = TextbookConv2d.of(conv)
    np.testing.assert_allclose(textbook_conv.forward(x), y, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(textbook_conv.backward(dy), dx, rtol=1e-12, atol=1e-12)
    assert textbook_conv.grads.keys() == grads.keys()
    for name, grad in grads.items():
        np.testing.assert_allclose(textbook_conv.grads[name], grad, rtol=1e-12, atol=1e-12)


def test_the_textbook_engine_has_no_other_convolution(monkeypatch):
    """Conv2d's own forward pass would be the layers' engine under another name."""
    monkeypatch.setattr(Conv2d, "forward", None)
    assert textbook(TRAIN, 1)() > 0


def values(engine, case):
    """What an engine computes in its first two steps, as a racer holds it; in this process."""
    step = ENGINES[engine](case, 1)
    return SimpleNamespace(name=engine, values=(step(), step()))


@pytest.mark.parametrize("case", [TRAIN, INFERENCE], ids=str)
@pytest.mark.parametrize("engine", ["im2col", "fast"])
def test_ours_compute_what_the_layers_do(engine, case):
    check_agreement(case, [values("layers", case), values(engine, case)])


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
    right = getattr(TextbookConv2d, name)

    def wrong(self, *arguments):
        result = right(self, *arguments)
        self.grads["W"] *= -1
        return -result

    expected = values("layers", TRAIN)
    monkeypatch.setattr(TextbookConv2d, name, wrong)
    with pytest.raises(UserError, match=step):
        check_agreement(TRAIN, [expected, values("im2col", TRAIN)])
