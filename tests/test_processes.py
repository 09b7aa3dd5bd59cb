"""Processes that work for this one; that they end whatever happens, see fast/test_workers.py."""

import errno
import multiprocessing
import os
import shutil
import struct
import subprocess
import sys
import threading
import traceback

import numpy as np
import pytest
from helpers.commands import raising

from tinydldl import processes
from tinydldl.errors import UserError
from tinydldl.processes import CONTEXT, Helpers, Processes, SharedArray, receive, send


def double(pipe, index, offset):
    """Answers each number with its double, plus what tells who answers."""
    while True:
        pipe.send(2 * pipe.recv() + offset + index)


def fill(pipe, index, shared):
    """Writes its number to its place in shared memory."""
    shared.array()[index] = pipe.recv()
    pipe.send("done")


def test_each_has_a_pipe_and_a_number():
    processes = Processes(2, double, 100)
    for pipe in processes.pipes:
        pipe.send(7)
    assert [pipe.recv() for pipe in processes.pipes] == [114, 115]
    assert processes.close() == [0, 0]
    assert processes.close() == [0, 0]


@pytest.mark.skipif(os.name == "nt", reason="writes to a Unix pipe")
def test_a_message_that_its_sender_could_not_end_is_the_end():
    ours, theirs = multiprocessing.Pipe()
    os.write(theirs.fileno(), struct.pack("!i", 100) + b"the first of 100 bytes")
    theirs.close()
    with pytest.raises(EOFError):
        receive(ours)


def test_they_start_from_a_thread_too():
    answers = []

    def work():
        processes = Processes(1, double, 0)
        processes.pipes[0].send(1)
        answers.append(processes.pipes[0].recv())
        processes.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [2]


def test_what_one_writes_to_shared_memory_all_see():
    shared = SharedArray((2, 3), np.float32)
    processes = Processes(2, fill, shared)
    for pipe, value in zip(processes.pipes, (4, 5), strict=True):
        pipe.send(value)
        assert pipe.recv() == "done"
    np.testing.assert_array_equal(shared.array(), np.repeat([[4], [5]], 3, axis=1))
    processes.close()
    assert not set(processes.processes) & set(multiprocessing.active_children())


def test_as_many_as_have_work(monkeypatch):
    monkeypatch.setattr(processes, "available_cores", lambda: 2)
    asked = [(1, 100), (2, 100), (200, 100), (200, 5), (8, 100), (3, 0)]
    assert [processes.bounded(*pair) for pair in asked] == [1, 2, 8, 5, 8, 1]


def divide(a, b):
    """What a helper computes."""
    if b == "exit":
        os._exit(3)
    return a / b


def test_helpers_answer_raise_and_are_missed():
    helpers = Helpers(2, divide)
    assert [helpers(6, 4), helpers(1, 2), helpers(0, 3)] == [1.5, 0.5, 0]
    with pytest.raises(ZeroDivisionError):
        helpers(1, 0)
    assert helpers(9, 2) == 4.5
    with pytest.raises(UserError, match="a helper process was lost"):
        helpers(1, "exit")


needs_fallocate = pytest.mark.skipif(
    not hasattr(os, "posix_fallocate"), reason="this system cannot take room in a file"
)


@needs_fallocate
def test_memory_that_cannot_be_had_is_one_line(tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(processes, "MEMORY_FOLDER", str(tmp_path / "none"))
    SharedArray((1000,), np.float32).array()[...] = 1  # where there is no such folder
    monkeypatch.setattr(os, "posix_fallocate", raising(full))
    with pytest.raises(UserError) as error:
        SharedArray((2500, 1000), np.float32)
    for words in ("need 10.0 MB", "none (No such", "nor in", "No space left", "--workers 1"):
        assert words in str(error.value)
    assert "\n" not in str(error.value)


SCRIPT = """
import sys
import numpy as np
from tinydldl import cli
from tinydldl.processes import SharedArray
def command(_):
    shared = SharedArray((10**6,), np.float32)
    shared.array()[...] = 1
    print(int(shared.array().sum()))
sys.exit(cli.run_command(command))
"""


@needs_fallocate
@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], stderr=-1).returncode,
    reason="file systems of one's own need root, and unshare",
)
@pytest.mark.parametrize(
    ("shm", "tmp"), [("size=1m", "size=9m"), ("ro", "size=9m"), ("size=1m",) * 2]
)
def test_small_and_read_only_file_systems(shm, tmp, tmp_path):
    """No process is killed for writing to memory that is not there."""
    mount = f"mount -t tmpfs -o {shm} none /dev/shm && mount -t tmpfs -o {tmp} none {tmp_path}"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{mount} && exec "$0" -c "$1"', sys.executable, SCRIPT],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    if "size=9m" in (shm, tmp):
        assert (done.stdout, done.stderr, done.returncode) == ("1000000\n", "", 0)
    else:
        assert done.returncode == 2
        assert done.stderr.startswith("error: processes need 4.0 MB to share, and there is no room")
        assert done.stderr.count("\n") == 1


def test_a_broken_pipe_leaves_no_view_of_a_buffer_in_its_traceback():
    """Python 3.12.1 crashes when it collects a BytesIO together with a view of it."""
    ours, theirs = CONTEXT.Pipe()
    theirs.close()
    with pytest.raises(ConnectionError) as error:
        send(ours, np.ones(3))
    frames = [frame for frame, _ in traceback.walk_tb(error.tb)]
    views = [x for f in frames for x in f.f_locals.values() if isinstance(x, memoryview)]
    assert all(isinstance(view.obj, bytes) for view in views)
