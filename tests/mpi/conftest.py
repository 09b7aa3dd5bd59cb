"""Commands on several ranks: `mpiexec`, and what each test here needs of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.trainings import SMALL

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent)}
ENDS = 120  # seconds, in which whatever begins has ended, also on a busy machine: it never hangs


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("mpi")


@pytest.fixture(scope="session")
def mpiexec():
    """The launcher, of the environment of these tests if it is there."""
    here = str(Path(sys.executable).parent)
    found = shutil.which("mpiexec", path=os.pathsep.join([here, os.environ["PATH"]]))
    pytest.importorskip("mpi4py", reason="mpi4py is not installed: the extra mpi")
    if found is None:
        pytest.skip("no mpiexec: the extra mpi has one")
    return found


@pytest.fixture
def ranks(mpiexec):
    """`ranks(n, "-m", "tinydldl.train", ...)`: a command on n ranks, and how it has ended."""

    def run(count, *arguments, options=(), **changes):
        command = [mpiexec, *options, "-n", str(count), sys.executable, *map(str, arguments)]
        about = {"capture_output": True, "text": True, "timeout": ENDS, "check": False}
        return subprocess.run(command, env=ENVIRONMENT | changes, **about)

    return run


@pytest.fixture
def train(ranks):
    """`train(n, ...)`: a small training on n ranks, with more options."""

    def run(count, *arguments, **changes):
        return ranks(count, "-m", "tinydldl.train", *SMALL, *arguments, **changes)

    return run


def errors(done):
    """The lines of ours on standard error; a launcher adds its own."""
    return [line for line in done.stderr.splitlines() if line.startswith(("error: ", "Traceback"))]
