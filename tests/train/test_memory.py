"""What a training is said to take, against what it was seen to take."""

import math
import os
import re
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import exit_code, refused
from helpers.trainings import settings

from tinydldl import machine
from tinydldl.bench.memory import Peak
from tinydldl.errors import UserError
from tinydldl.files import check_room
from tinydldl.train import __main__ as train
from tinydldl.train import memory

FACTOR = 1.5  # as much may the estimate differ, either way


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process holds")
@pytest.mark.parametrize(
    "options",
    [
        "--size 96 --batch 24 --workers 2",
        "--size 64 --batch 24 --engine layers --loaders 1",
        "--size 64 --batch 24 --net thin --workers 1 --loaders 4",
    ],
)
def test_the_estimate_is_near_the_peak(options, tmp_path):
    # of 30 faces 24 are trained on: one batch
    line = [sys.executable, "-m", "tinydldl.train", "--limit", "30", "--epochs", "1"]
    with subprocess.Popen(
        [*line, "--device", "cpu", *options.split()],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        watch = Peak(run.pid)
        out = run.communicate()[0]
        peak = watch.stop()
    assert run.returncode == 0
    said = re.search(r"^memory    about ([\d,]+) of [\d,]+ MB: photos", out, re.MULTILINE)[1]
    assert 1 / FACTOR < int(said.replace(",", "")) * 1e6 / peak < FACTOR


SETTINGS = settings(size=64, batch=32, workers=2, loaders=2, engine="fast", cache_mb=2048)


def test_more_than_there_is_is_one_line(monkeypatch, capsys):
    """Photos of 64 px are held with 73: 1000 of them take 16 MB; the network is in GPU memory."""
    monkeypatch.setattr(machine, "memory", lambda: 3e8)
    memory.check(replace(SETTINGS, cache_mb=1), 1000, xp=math)
    assert "of 300 MB: photos 6, network 0, processes 170\n" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"^needs about \d+ MB of memory \(photos 21, network \d+,"):
        memory.check(SETTINGS, 1000, np)
    monkeypatch.setattr(machine, "memory", lambda: math.inf)
    memory.check(SETTINGS, 10**9, np)


def test_a_network_takes_more_the_larger_it_is():
    small = memory.network("tiny", 64, 32, layers=False)
    assert small < memory.network("tiny", 64, 32, layers=True)
    assert small < memory.network("thin", 64, 32, layers=False)
    rest = memory.network("tiny", 64, 0, layers=False)
    assert memory.network("tiny", 128, 16, layers=False) - rest == 2 * (small - rest)


def test_a_disk_without_room_for_checkpoints(tmp_path, monkeypatch, capsys):
    """Two of them, of 935 thousand parameters with two moments each, are 22.5 MB."""
    monkeypatch.chdir(tmp_path)
    line = ["--limit", "10", "--size", "32", "--loaders", "1", "--workers", "1", "--epochs", "1"]
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(22_400_000))
    error = refused(capsys, train.main, *line)
    assert error == "runs: checkpoints take about 22.5 MB, and 22.4 MB are free"
    assert not Path("runs").exists()
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(22_600_000))
    assert exit_code(train.main, *line, "--name", "mine") == 0
    # one that goes on has one already
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(11_300_000))
    assert exit_code(train.main, "--resume", "runs/mine") == 0


def test_room_on_the_disk_that_will_hold_a_folder(tmp_path, monkeypatch):
    asked = []
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: asked.append(path) or usage(1000))
    check_room(tmp_path / "not" / "yet", 1000, "faces")
    with pytest.raises(UserError, match="yet: faces take about"):
        check_room(tmp_path / "not" / "yet", 1001, "faces")
    assert asked == [tmp_path] * 2
    monkeypatch.chdir(tmp_path)
    check_room(Path("here"), 1, "faces")
    assert os.path.samefile(asked[-1], tmp_path)
