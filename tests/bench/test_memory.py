"""Memory: on a /proc made by hand, and of real processes."""

import os
import subprocess
import sys
import threading

import pytest

from tinydldl.bench import memory

ROLLUP = """55d5c8a4a000-7ffd1b3f4000 ---p 00000000 00:00 0    [rollup]
Rss:                9000 kB
Pss:                {} kB
Pss_Dirty:          4000 kB
Pss_Anon:           3000 kB
"""
MB = 2**20


@pytest.fixture
def proc(tmp_path, monkeypatch):
    """`proc(pid, parent, kB)` adds a process to a /proc of our own."""
    monkeypatch.setattr(memory, "PROC", tmp_path)
    (tmp_path / "self").mkdir()

    def add(pid, parent, kilobytes=None, name="python"):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} ({name}) S {parent} {pid} 1 0 -1 4194304\n")
        if kilobytes is not None:
            (folder / "smaps_rollup").write_text(ROLLUP.format(kilobytes))

    return add


def test_pss_is_what_is_shared_in_proportion(proc, tmp_path):
    proc(10, 1, 5000)
    assert memory.held(10) == 5000 * 1024
    (tmp_path / "10" / "smaps_rollup").write_text("")  # of a process that has just ended
    assert memory.held(10) == 0


def test_a_family_is_children_and_their_children(proc):
    proc(10, 1, 100)
    proc(11, 10, 20, name="a name) S 99 (with brackets")
    proc(12, 11, 3)
    proc(13, 10)  # ended after its stat was read
    proc(14, 1, 5000)  # a stranger
    assert memory.held(10) == 123 * 1024
    assert memory.held(11) == 23 * 1024


def test_a_name_that_the_system_cuts_inside_a_letter(proc, tmp_path):
    """It has 15 bytes, and this one is of two for a letter."""
    proc(10, 1, 100)
    (tmp_path / "10" / "stat").write_bytes(b"10 (" + "программа".encode()[:15] + b") S 1 10 1 0")
    assert memory.held(10) == 100 * 1024


def test_where_the_system_does_not_tell(proc):
    assert memory.held(10) is None  # no such process, or no /proc at all
    proc(10, 1)
    assert memory.held(10) is None  # no smaps_rollup


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has smaps_rollup")
def test_a_grandchild_counts():
    child = "import sys; x = bytearray(b'x') * int(sys.argv[1]); print(len(x), flush=True); input()"
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    command = [sys.executable, "-c", parent, child, str(64 * MB)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout.readline() == f"{64 * MB}\n"
        held = memory.held(process.pid)
        process.communicate("\n")
    assert 64 * MB < held < 128 * MB
    assert memory.held(os.getpid()) > 0


def watched(readings, monkeypatch):
    """The peak of a process that holds `readings`, one after the other, and then the last one."""
    readings, last = iter(readings[:-1]), readings[-1]
    seen_all = threading.Event()

    def held(pid):
        value = next(readings, last)
        if value is last:
            seen_all.set()
        return value

    monkeypatch.setattr(memory, "held", held)
    peak = memory.Peak(10, seconds=0.001)
    assert seen_all.wait(30)
    return peak.stop()


def test_the_peak_is_the_most_that_was_seen(monkeypatch):
    assert watched([3, 8, 5], monkeypatch) == 8
    assert watched([3, None], monkeypatch) == 3  # it has ended


def test_no_peak_where_the_system_does_not_tell(monkeypatch):
    assert watched([None], monkeypatch) is None
