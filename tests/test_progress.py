"""How far a command is: a bar on a terminal, a line every half minute elsewhere."""

import os
import subprocess
import sys
from contextlib import suppress

import pytest
from tqdm import std

from tinydldl import cli
from tinydldl.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when the test says so: `clock[0] += 10`."""
    now = [0.0]
    monkeypatch.setattr(std, "time", lambda: now[0])
    return now


def test_a_line_every_half_minute(clock, capsys):
    with Progress(None, "evaluating", 500, unit="photos", initial=100) as shown:
        for _ in range(8):
            clock[0] += 10
            shown.update(40)
    # after 30 s 120 of 400 are done, after 60 s 240
    assert capsys.readouterr().err.splitlines() == [
        "evaluating: 220 of 500 photos, 01:10 left",
        "evaluating: 340 of 500 photos, 00:40 left",
    ]


def test_what_is_said_beside_it(clock, capsys):
    with Progress(total=2000, unit="images") as shown:
        shown.set_description("epoch 1/2")
        clock[0] += 3600
        shown.set_postfix_str("loss 3.123, MAE 9.10", refresh=False)
        shown.update(400)
    expected = "epoch 1/2: 400 of 2000 images, 4:00:00 left, loss 3.123, MAE 9.10\n"
    assert capsys.readouterr().err == expected


def test_things_come_through_and_what_is_quick_says_nothing(clock, capsys):
    assert list(Progress(iter("abc"), "reading", 3, unit="letters")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_quiet(clock, capsys, monkeypatch):
    monkeypatch.setattr(Progress, "shown", True)  # and again after this test
    assert vars(cli.Parser("train", "").parse_args(["--quiet"])) == {}
    for _ in Progress(range(9), "reading", 9, unit="letters"):
        clock[0] += 60
    Progress.write("a line")
    assert capsys.readouterr() == ("a line\n", "")


PROGRAM = """
from tinydldl.progress import Progress
for _ in Progress(iter("abc"), "reading", 3, unit="letters"):
    Progress.write("a line")
"""


def test_on_a_terminal_it_is_a_bar():
    termios = pytest.importorskip("termios", reason="a terminal of one's own")
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    done = subprocess.run([sys.executable, "-c", PROGRAM], stdout=-1, stderr=theirs, text=True)
    os.close(theirs)
    seen = b""
    with suppress(OSError):  # the other end is closed
        while some := os.read(ours, 4096):
            seen += some
    os.close(ours)
    assert (done.returncode, done.stdout) == (0, "a line\n" * 3)
    assert b"reading:   0%|" in seen
