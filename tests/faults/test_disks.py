"""Disks that are full or read-only, photos that change, and two runs in one folder.

Where a file system must be mounted, that is done as root, in a mount namespace of its own.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from faults.conftest import SMALL
from helpers.commands import wait_until
from helpers.photos import put_photos, put_table
from PIL import Image


def may_mount():
    """Whether file systems can be mounted here, for the eyes of one process alone."""
    if not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


mounts = pytest.mark.skipif(not may_mount(), reason="needs root and unshare, to mount")
BEGIN, RESUME = [*SMALL, "--name", "trial"], ["--resume", "runs/trial"]


def codes_and_errors(trial, *steps):
    """The exit codes of the trainings among the steps of a shell script, and what they said.

    A step is a line of shell, or the list of a training's arguments.
    """
    train = [sys.executable, "-m", "tinydldl.train"]
    lines = [
        step if isinstance(step, str) else f"code=0; {shlex.join(train + step)} || code=$?; note"
        for step in steps
    ]
    script = ["mkdir -p runs", "note() { echo $code >> codes; }", *lines]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-eu", "-c", "\n".join(script)],
        cwd=trial.folder,
        env=os.environ | {"TMPDIR": str(trial.folder / "tmp"), "TINYDLDL_DATA": "data"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return [int(code) for code in (trial.folder / "codes").read_text().split()], errors


@mounts
def test_a_disk_that_is_full_costs_an_epoch_at_most(trial, whole):
    """Somebody else fills it once the first checkpoint is there."""
    codes, errors = codes_and_errors(
        trial,
        "mount -t tmpfs -o size=40m small runs",
        "(until test -e runs/trial/checkpoint.npz; do sleep 0.01; done; yes > runs/full) 2> full &",
        BEGIN,
        "! ls -A runs/trial | grep partial",
        "rm runs/full",
        RESUME,
        "cp -r runs kept",
    )
    assert codes == [2, 0]
    (error,) = errors
    assert "checkpoint" in error or "best" in error  # whichever was next
    assert "No space left" in error
    trial.run = trial.folder / "kept" / "trial"
    assert trial.result() == whole[1]


@mounts
@pytest.mark.parametrize("folder", ["runs", "data"])
def test_a_folder_that_is_read_only_is_one_line(folder, trial):
    codes, (error,) = codes_and_errors(
        trial,
        "mkdir -p data",
        f"mount --bind {folder} {folder}",
        f"mount -o remount,bind,ro {folder}",
        BEGIN,
    )
    assert codes == [2]
    assert folder in error
    assert "Read-only" in error


@mounts
@pytest.mark.parametrize("options", ["size=1m", "ro"])
def test_little_shared_memory_is_enough_where_there_are_temporary_files(options, trial, whole):
    codes, errors = codes_and_errors(trial, f"mount -t tmpfs -o {options} little /dev/shm", BEGIN)
    assert (codes, errors) == ([0], [])
    assert trial.result() == whole[1]


@mounts
def test_without_room_to_share_one_process_is_enough(trial):
    codes, (error,) = codes_and_errors(
        trial,
        "mount -t tmpfs -o size=1m little /dev/shm",
        "mount -t tmpfs -o size=1m little tmp",
        BEGIN,
        [*BEGIN, "--workers", "1"],
    )
    assert codes == [2, 0]
    assert "/dev/shm" in error
    assert "--workers 1" in error


@pytest.fixture
def own(trial):
    """The arguments of a training on photos of its own, read again each time."""
    put_photos(trial.folder, 20, np.random.default_rng(0))
    put_table(trial.folder / "ages.csv", range(0, 80, 4))
    options = "--dataset csv --table ages.csv --size 32 --batch 4 --cache-mb 0 --no-augment"
    return [*options.split(), "--epochs", "8", "--workers", "1", "--name", "trial"]


def hide(photo):
    photo.rename(photo.with_suffix(".hidden"))


def replace(photo):
    hide(photo)
    Image.new("RGB", (50, 50), "red").save(photo)


def cut(photo):
    hide(photo)
    photo.write_bytes(photo.with_suffix(".hidden").read_bytes()[:60])


@pytest.mark.parametrize("change", [hide, replace, cut])
def test_a_photo_that_changes_while_it_is_used_ends_the_training(change, own, trial):
    assert trial.ended(trial.start(*own)) == 0
    expected = trial.result()
    shutil.rmtree(trial.run)
    process = trial.start(*own)
    wait_until((trial.run / "checkpoint.npz").exists)
    photo = trial.folder / "7.png"
    change(photo)
    assert trial.ended(process) == 2
    (error,) = trial.errors()
    assert error.startswith("error: 7.png")
    photo.with_suffix(".hidden").replace(photo)
    assert trial.finish() == expected


def test_two_cannot_go_on_with_one_run(trial, whole):
    process = trial.start(*SMALL, "--name", "trial")
    wait_until((trial.run / "checkpoint.npz").exists)
    process.kill()
    trial.ended(process)
    first = trial.start("--resume", trial.run)
    table = trial.run / "metrics.csv"
    wait_until(lambda: table.exists() and table.read_bytes().count(b"\n") > 2)
    os.killpg(first.pid, signal.SIGSTOP)  # so that it does not end before the second comes
    second = subprocess.run(
        [sys.executable, "-m", "tinydldl.train", "--resume", trial.run],
        cwd=trial.folder,
        capture_output=True,
        text=True,
    )
    os.killpg(first.pid, signal.SIGCONT)
    assert trial.ended(first) == 0
    assert second.returncode == 2
    assert str(first.pid) in second.stderr
    assert trial.result() == whole[1]
