"""However a rank ends, all end, with a line that says why and an exit code that is not zero."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.running import running
from helpers.trainings import SMALL
from mpi.conftest import errors

from tinydldl.errors import UserError
from tinydldl.ranks import Gpus

FAILING = Path(__file__).with_name("failing.py")
pytestmark = pytest.mark.usefixtures("elsewhere")
SAID = {
    "exits": None,
    "full disk": "/scratch/photo: No space left on device",
    "wrong": "a photo has changed",
    "option": "unrecognized arguments: --bogus (see python -m tinydldl.train --help)",
    "bug": "ZeroDivisionError: by nothing; without mpiexec it says where",
}


def left():
    """The trainings that still run."""
    return [p for p in running() if b"failing.py" in command_of(p)]


def command_of(process):
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("how", SAID)
def test_an_error_of_one_rank_ends_all(how, rank, ranks):
    done = ranks(2, FAILING, how, rank, *SMALL, "--epochs", 3, "--name", "mine")
    assert done.returncode != 0
    prefix = f"error: rank {rank}: " if rank else "error: "
    assert errors(done) == ([prefix + SAID[how]] if SAID[how] else [])


@pytest.mark.parametrize("how", ["killed", "crashed", "gone"])
def test_a_rank_that_is_lost_ends_all(how, ranks):
    """What is said is the launcher's, which kills the others at once."""
    done = ranks(3, FAILING, how, 1, *SMALL, "--epochs", 3, "--name", "mine")
    assert done.returncode != 0
    assert errors(done) == []
    assert not left()


def test_parameters_that_drift_apart_are_an_error(ranks):
    done = ranks(2, FAILING, "drifts", 1, *SMALL, "--epochs", 3, "--name", "mine")
    assert done.returncode != 0
    assert errors(done) == ["error: after epoch 2 the parameters of rank 1 are not those of rank 0"]


def test_nccl_that_cannot_start_says_how_to_do_without(monkeypatch):
    """CuPy raises KeyError for what its NCCL does not know."""

    def init_process_group(*_, **__):
        raise KeyError("unhandled system error")

    fake = SimpleNamespace(distributed=SimpleNamespace(init_process_group=init_process_group))
    monkeypatch.setitem(sys.modules, "cupyx", fake)
    words = "NCCL: 'unhandled system error'; without the package nvidia-nccl-cu12"
    with pytest.raises(UserError, match=words):
        Gpus(2, 0)
