"""The same training whatever the number of ranks, in float64; and planted bugs that are found."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.photos import put_photos

STEPS = Path(__file__).with_name("steps.py")
CASES = {
    "one worker": {"epochs": 7},
    "two workers": {"workers": 2},
    "layers": {"engine": "layers"},
    "a GPU without NCCL": {"engine": "auto", "gpus": "plain", "epochs": 1},
    "one GPU for all": {"engine": "auto", "gpus": "shared", "epochs": 1},
    "a GPU each": {"engine": "auto", "gpus": "apart", "epochs": 1},
}
BUGS = {
    "none": {},
    "statistics of its own": {"bug": "statistics"},
    "gradients of its own": {"bug": "sums"},
}


@pytest.fixture
def steps(ranks, tmp_path, rng):
    """`steps(n, cases)`: what comes of a few steps on n ranks, {name: found}."""
    put_photos(tmp_path, 22, rng)

    def run(count, cases):
        done = ranks(count, STEPS, tmp_path, json.dumps([*cases.values()]))
        assert done.returncode == 0, done.stderr
        return dict(zip(cases, json.loads(done.stdout), strict=True))

    return run


def test_losses_do_not_depend_on_the_number_of_ranks(steps):
    """Batches of eight and of seven, of which three ranks have uneven shares."""
    alone, two, three = (steps(count, CASES) for count in (1, 2, 3))
    for name, case in CASES.items():
        expected = alone[name]
        assert len(set(expected["losses"])) == 3 * case.get("epochs", 2)
        for count, found in ((2, two[name]), (3, three[name])):
            where = f"{name}, {count} ranks"
            np.testing.assert_allclose(found["losses"], expected["losses"], 1e-7, err_msg=where)
            np.testing.assert_allclose(found["ages"], expected["ages"], 1e-6, err_msg=where)
            assert len(found["hashes"]) == count
            assert len(set(found["hashes"])) == 1, where
            assert (found["exchanges"] > 0) == (name == "a GPU each"), where
    assert two["a GPU each"]["hashes"] == two["one GPU for all"]["hashes"]  # the same order


def test_the_same_digits_each_time_and_a_bug_is_found(steps):
    """Normalization by a rank's own statistics, and gradients that are not added up."""
    first, again = steps(2, BUGS), steps(2, BUGS)
    assert first == again
    right, *wrong = (first[name]["losses"] for name in BUGS)
    for losses in wrong:
        assert not np.allclose(losses, right, rtol=1e-3)
    assert len(set(first["gradients of its own"]["hashes"])) == 2
