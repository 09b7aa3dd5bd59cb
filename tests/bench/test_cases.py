"""Cases: their names, and what they stand for."""

from argparse import ArgumentTypeError

import numpy as np
import pytest

from tinydldl import machine
from tinydldl.bench.cases import ALL, QUICK, Case


def test_a_name_and_its_case_are_one():
    assert Case.parse("thin-224-16-inference") == Case("thin", 224, 16, False)
    assert Case.parse("tiny-64-32-train") == Case("tiny", 64, 32, True)
    for case in ALL:
        assert Case.parse(str(case)) == case
    assert set(QUICK) < set(ALL)


def test_inference_may_be_larger_than_training(monkeypatch):
    """Training keeps every map for the way back, and four copies of the parameters."""
    monkeypatch.setattr(machine, "memory", lambda: 4e9)
    assert Case.parse("thin-224-128-inference").batch == 128
    with pytest.raises(ArgumentTypeError, match=r"needs about 1\d\.\d GB, and there are 4$"):
        Case.parse("thin-224-128-train")


@pytest.mark.parametrize(
    "text",  # and those of test_bad_input.py
    ["tiny", "tiny-31-32-train", "tiny-64-32-test", "tiny-64-32-train-", "tiny-64--2-train"],
)
def test_other_names_are_refused(text):
    with pytest.raises(ArgumentTypeError, match="expected NETWORK-SIDE-BATCH-train or -inference"):
        Case.parse(text)


def test_every_engine_gets_the_same_numbers():
    case = Case("tiny", 32, 3, True)
    x, y, sigma = case.photos()
    assert (x.shape, y.shape, sigma.shape) == ((3, 32, 32, 3), (3,), (3,))
    assert x.dtype == y.dtype == sigma.dtype == np.float32
    for a, b in zip(case.photos(), (x, y, sigma), strict=True):
        np.testing.assert_array_equal(a, b)
    again = case.model().params
    for name, param in case.model().params.items():
        np.testing.assert_array_equal(param, again[name])


def test_flops_of_direct_convolution():
    """By hand for 64 px: pixels at each depth, times 9 C OC, and the last layer."""
    channels = [(64, 3, 16), (64, 16, 16), (32, 16, 32), (32, 32, 32), (16, 32, 64), (16, 64, 64)]
    channels += [(16, 64, 64), (8, 64, 128), (8, 128, 128), (8, 128, 128)]
    channels += [(4, 128, 128)] * 3
    products = sum(side * side * 9 * C * OC for side, C, OC in channels) + 128 * 101
    assert Case.parse("tiny-64-32-inference").flops() == 2 * products * 32
    assert Case.parse("tiny-64-32-train").flops() == 6 * products * 32
