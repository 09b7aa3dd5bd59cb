"""Processes: what they exchange, that they end whatever happens, and that nothing is left."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import raising, wait_until
from helpers.comparison import BreaksInWorkers, check, pair, photos, randomize, small_net
from helpers.running import running

from tinydldl.errors import UserError
from tinydldl.fast import FastNet, pointwise
from tinydldl.fast.workers import ProcessGroup
from tinydldl.layers import Sequential
from tinydldl.models import AgeNet
from tinydldl.processes import SharedArray

PATIENCE = 300  # seconds after which we give up
SHARED = Path("/dev/shm")
NAMES = ("pym", "psm_", "sem.", "mp-", "tmp")  # how shared memory and semaphores of Python begin
linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="reads /proc and /dev/shm, which only Linux has"
)


def test_alone_there_is_one_to_gather_from():
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(ProcessGroup().all_gather(x), x[None])


@pytest.mark.parametrize("size", [1, 2, 4])
def test_gather_is_in_the_order_of_ranks_whoever_comes_first(size):
    """In threads instead of processes; of four members `size` take part, the last one first."""
    pipes = [multiprocessing.Pipe() for _ in range(3)]
    members = [ProcessGroup(0, [ours for ours, _ in pipes])]
    members += [ProcessGroup(rank, [theirs]) for rank, (_, theirs) in enumerate(pipes, start=1)]
    members[0].size, found = size, {}
    threads = [threading.Thread(target=gather, args=(m, found)) for m in members[:size]]
    for thread in reversed(threads):
        thread.start()
    for thread in threads:
        thread.join()
    expected = np.array([[rank, rank**2] for rank in range(size)])
    assert sorted(found) == list(range(size))
    for every in found.values():
        np.testing.assert_array_equal(every, expected)


def gather(member, found):
    """What one member of a group finds out about all of them."""
    found[member.rank] = member.all_gather(np.array([member.rank, member.rank**2]))


@pytest.mark.parametrize("shape", [(0,), (5,), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_a_shared_array_is_zeros_to_write_to(shape, dtype):
    shared = SharedArray(shape, dtype)
    assert shared.array().shape == shape
    assert shared.array().dtype == dtype
    assert not shared.array().any()
    shared.array()[...] = 7
    assert (shared.array() == 7).all()


@pytest.fixture
def make(rng):
    """`make(workers)`: a net with its processes started, its reference, and photos that fit."""
    made = []

    def start(workers, model=None):
        net, reference = pair(model or randomize(small_net(rng), rng), workers)
        x = photos(rng, 5, 9, 10, 3)
        net.eval().forward(x)
        made.append(net)
        return net.train(), reference, x

    yield start
    for net in made:
        net.close()


def children():
    """The processes that this one has started with `multiprocessing` and that still run."""
    return set(multiprocessing.active_children())


def test_close_ends_the_processes_and_a_forward_pass_starts_new_ones(make, rng):
    before = children()
    net, reference, x = make(2)
    first = children() - before
    assert len(first) == 1
    net.close()
    assert children() == before
    net.close()
    check(net, reference, x, rng)
    second = children() - before
    assert len(second) == 1
    assert not first & second


def test_a_larger_batch_starts_new_processes_and_a_smaller_one_does_not(make, rng):
    before = children()
    net, reference, x = make(2)
    first = children() - before
    check(net, reference, x[:3], rng)
    assert children() - before == first
    check(net, reference, photos(rng, 6, 17, 13, 3), rng)
    second = children() - before
    assert len(second) == 1
    assert not first & second
    check(net, reference, x, rng)
    assert children() - before == second


def test_photos_of_another_dtype(rng):
    """What the others see of them is not rounded to the dtype of the first batch."""
    net, reference = pair(randomize(small_net(rng), rng), workers=2)
    x = photos(rng, 5, 9, 10, 3)
    net.forward(x.astype(np.float32))
    reference.forward(x.astype(np.float32))  # the averages move here, too
    check(net, reference, x[:4], rng)
    net.close()


def test_to_moves_the_arrays_of_the_other_processes_too(make, rng):
    net, reference, x = make(2)
    net.to(dtype=np.float64)
    for name, param in net.params.items():
        param += 0.3 * rng.standard_normal(param.shape)
        reference.params[name][...] = param
    check(net, reference, x, rng)


def test_the_processes_end_with_the_last_reference(rng):
    before = children()
    net, _ = pair(small_net(rng), workers=2)
    net.forward(np.ones((2, 9, 9, 3), np.float32))
    assert len(children() - before) == 1
    del net
    gc.collect()
    assert children() == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("pass_", ["forward", "backward"])
def test_a_killed_process_is_one_line_and_the_next_pass_has_new_ones(pass_, make, rng):
    before = children()
    net, reference, x = make(3)
    check(net, reference, x, rng)
    y = net.eval().forward(x, save=True)
    victim = sorted(children() - before, key=lambda process: process.pid)[-1]
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    with pytest.raises(UserError, match="lost") as error:
        getattr(net, pass_)({"forward": x, "backward": y}[pass_])
    assert "\n" not in str(error.value)
    assert str(-signal.SIGKILL) in str(error.value)
    assert children() == before  # the other one has not been left waiting
    if pass_ == "forward":
        check(net.train(), reference, x, rng)


def test_a_bug_in_a_process_is_reported(make, rng, capfd):
    """As an error here, with the traceback on stderr; nobody waits for the other."""
    before = children()
    model = Sequential({"breaks": BreaksInWorkers()} | small_net(rng).layers)
    with pytest.raises(UserError, match="lost"):
        make(2, model)
    assert children() == before
    assert "FloatingPointError: a bug" in capfd.readouterr().err


def test_images_that_are_too_small_are_refused_before_anyone_starts(make, rng, capfd):
    before = children()
    net, reference, x = make(2)
    running = children() - before
    with pytest.raises(ValueError, match="1x9 is smaller than the kernel 2x2"):
        net.forward(x[:, :1, :9])
    assert children() - before == running
    assert capfd.readouterr().err == ""
    check(net, reference, x, rng)


@pytest.mark.parametrize("function", ["moments", "relu_backward"])
def test_an_error_in_our_share_leaves_nobody_waiting(function, make, rng, monkeypatch):
    """Ctrl-C in the middle of a forward or backward pass, while the others wait for our sums."""
    before = children()
    net, reference, x = make(3)
    monkeypatch.setattr(pointwise, function, raising(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        net.backward(net.forward(x))
    assert children() == before
    monkeypatch.undo()
    if function == "moments":
        check(net, reference, x, rng)


SCRIPT = """
    import faulthandler, multiprocessing
    import numpy as np
    from tinydldl.fast import FastNet
    from tinydldl.layers import GlobalAvgPool, Sequential
    from tinydldl.models import conv_bn_relu

    print("started", flush=True)
    faulthandler.dump_traceback_later(600, exit=True)  # if nobody is left to kill it
    rng = np.random.default_rng(0)
    parts = conv_bn_relu("1", 3, 8, rng) | conv_bn_relu("2", 8, 8, rng) | {"gap": GlobalAvgPool()}
    net = FastNet(Sequential(parts), workers=3)
    x = rng.standard_normal((6, 32, 32, 3), dtype=np.float32)
    net.backward(net.forward(x))
    print(*(process.pid for process in multiprocessing.active_children()), flush=True)
    while True:
        net.backward(net.forward(x))
"""


@linux_only
def test_a_process_that_dies_while_it_starts_is_lost_and_not_waited_for(rng, monkeypatch):
    """Python holds both ends of the pipe that it writes a new process's orders to."""
    net = FastNet(AgeNet("tiny", 101, side=32, rng=rng), workers=2)  # more than a pipe holds
    x = photos(rng, 4, 32, 32, 3).astype(np.float32)
    resource_tracker.ensure_running()
    spawn, dead = multiprocessing.util.spawnv_passfds, [os.fsencode(sys.executable), b"-c", b""]
    monkeypatch.setattr(
        "multiprocessing.util.spawnv_passfds", lambda path, args, fds: spawn(path, dead, fds)
    )

    def too_late(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(60)
    try:
        with pytest.raises(UserError, match="a worker process was lost"):
            net.forward(x)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@linux_only
@pytest.mark.parametrize(
    ("how", "name"), [("file", "SIGKILL"), ("-c", "SIGTERM"), ("stdin", "SIGINT")]
)
def test_nothing_is_left_of_a_killed_script(how, name, tmp_path):
    """Neither processes nor files, although the script has no `if __name__ == "__main__"`."""
    kill, shared = getattr(signal, name), leftovers()
    with started(how, tmp_path) as script, killed_at_the_end(script):
        assert script.stdout.readline() == "started\n"
        workers = [int(pid) for pid in script.stdout.readline().split()]
        assert len(workers) == 2
        family = {script.pid, *workers, *(child.pid for child in running(parent=script.pid))}
        assert family <= {process.pid for process in running()}
        for pid in (script.pid, *workers):
            assert named_memory(pid, tmp_path / "temporary") == []
        os.killpg(script.pid, kill) if kill == signal.SIGINT else script.send_signal(kill)
        rest, errors = script.communicate(timeout=PATIENCE)
    assert script.returncode == -kill
    assert rest == ""  # no process has run the script a second time
    assert errors.count("Traceback") == (kill == signal.SIGINT)
    assert ("KeyboardInterrupt" in errors) == (kill == signal.SIGINT)
    wait_until(lambda: not family & {process.pid for process in running()})
    wait_until(lambda: not leftovers() - shared)
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)", "1 / 0"])
def test_a_script_that_ends_need_not_close(ending, tmp_path):
    """Also where something else had a finalizer before, which then comes last."""
    before = "import weakref\nweakref.finalize(weakref, int)\n"
    text = before + textwrap.dedent(SCRIPT.partition("    while")[0]) + ending
    with started("file", tmp_path, text) as script, killed_at_the_end(script):
        _, errors = script.communicate(timeout=PATIENCE)
    assert script.returncode == {"": 0, "1 / 0": 1}.get(ending, 3)
    assert errors.count("Traceback") == (ending == "1 / 0")
    assert not list((tmp_path / "temporary").iterdir())


def started(how, folder, text=None):
    """The script as a process of its own group, which sees `folder/temporary` for temporary."""
    (folder / "temporary").mkdir()
    path, text = folder / "script.py", text or textwrap.dedent(SCRIPT)
    path.write_text(text)
    arguments = {"file": [str(path)], "-c": ["-c", text], "stdin": ["-"]}[how]
    with open(path) as file:
        environment = os.environ | {"TMPDIR": str(folder / "temporary")}
        about = {"text": True, "env": environment, "start_new_session": True}
        command = [sys.executable, *arguments]
        return subprocess.Popen(command, stdin=file, stdout=-1, stderr=-1, **about)


@contextmanager
def killed_at_the_end(script):
    """Whatever a test finds, its script does not go on for ever."""
    try:
        yield
    finally:
        script.kill()


def leftovers():
    """The files in shared memory that may be Python's."""
    return {path.name for path in SHARED.iterdir() if path.name.startswith(NAMES)}


def named_memory(pid, temporary):
    """Files in shared or temporary folders that a process has in memory and that have a name."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    files = [line.split(maxsplit=5)[-1] for line in lines]
    shared = [file for file in files if file.startswith((str(SHARED), str(temporary)))]
    assert shared, "no shared memory was found"
    return [file for file in shared if not file.endswith("(deleted)")]
