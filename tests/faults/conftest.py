"""A training of a few seconds, in a session of its own, and what it leaves on the machine."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.networks import contents
from helpers.running import running

import tinydldl
from tinydldl import trained

PACKAGE = str(Path(tinydldl.__file__).parent)
SMALL = shlex.split("--limit 40 --size 32 --batch 8 --epochs 3 --loaders 1 --workers 2")
LEAVE = 20  # seconds in which the processes of a training that is gone must be gone, too


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("faults")


class Trial:
    """A folder of its own, and the trainings in it: `start`, then `ended`."""

    def __init__(self, folder):
        self.folder, self.run = folder, folder / "runs" / "trial"
        (folder / "tmp").mkdir()
        self.shared = set(os.listdir("/dev/shm"))

    def start(self, *arguments):
        """A training in a session of its own, so that all its processes can be found again."""
        command = [sys.executable, "-m", "tinydldl.train", *map(str, arguments)]
        with open(self.folder / "errors", "wb") as errors:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=os.environ | {"TMPDIR": str(self.folder / "tmp"), "TINYDLDL_DATA": "data"},
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )

    def ended(self, process):
        """The exit code of a training, once nothing of it is left: no process, no file."""
        code = process.wait(timeout=120)
        deadline = time.monotonic() + LEAVE
        while left := session(process.pid):
            assert time.monotonic() < deadline, f"still there: {left}"
            time.sleep(0.05)
        assert not os.listdir(self.folder / "tmp")
        assert not {n for n in set(os.listdir("/dev/shm")) - self.shared if n.startswith("pymp")}
        return code

    def errors(self):
        """What was said on standard error, without the lines of progress."""
        text = (self.folder / "errors").read_text(errors="replace")
        return [line for line in text.splitlines() if line.startswith(("error", "Traceback"))]

    def tracebacks(self):
        """Those with a line of ours. A helper that Python is only starting when its owner is
        killed finds half of its orders, and Python says so before anything of ours runs."""
        _, *found = (self.folder / "errors").read_text(errors="replace").split("Traceback")
        return [text for text in found if PACKAGE in text]

    def finish(self):
        """Go on with the run, or begin it where there is none yet; returns what `result` does."""
        arguments = ["--resume", self.run] if self.run.exists() else [*SMALL, "--name", "trial"]
        if (self.run / "checkpoint.npz").exists():
            trained.load(self.run)  # raises, were it torn
        code = self.ended(self.start(*arguments))
        assert code == 0, self.errors()
        assert not list(self.folder.rglob("*.partial"))
        return self.result()

    def result(self):
        """All that must be the same whatever happened: the figures, and every array."""
        arrays, _ = contents(self.run / "checkpoint")
        figures = (self.run / "metrics.csv").read_bytes()
        return figures, {name: array.tobytes() for name, array in arrays.items()}


def session(leader):
    """The processes of a session, `[(pid, name), ...]`."""
    return [(process.pid, process.name) for process in running(session=leader)]


@pytest.fixture
def trial(tmp_path):
    return Trial(tmp_path)


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A training that nothing happens to: its seconds, and its result."""
    trial = Trial(tmp_path_factory.mktemp("whole"))
    begun = time.monotonic()
    assert trial.ended(trial.start(*SMALL, "--name", "trial")) == 0, trial.errors()
    return time.monotonic() - begun, trial.result()
