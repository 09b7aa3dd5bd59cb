"""Checkpoints: what is saved comes back, and a kill leaves one that loads."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from tinydldl.backend import UserError
from tinydldl.checkpoint import CheckpointError, copy_into, load, save
from tinydldl.files import PARTIAL


def test_comes_back_as_it_was(tmp_path, rng):
    arrays = {"model.conv1.W": rng.standard_normal((3, 3)), "epoch": np.array(7)}
    meta = {"network": {"name": "tiny"}, "mean": [0.1, 0.2]}
    save(tmp_path / "checkpoint", arrays, meta)
    for path in ("checkpoint", "checkpoint.npz", "checkpoint.json"):
        loaded, loaded_meta = load(tmp_path / path)
        assert loaded_meta == meta
        assert loaded.keys() == arrays.keys()
        np.testing.assert_array_equal(loaded["model.conv1.W"], arrays["model.conv1.W"])
    assert json.loads((tmp_path / "checkpoint.json").read_text()) == meta
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.json", "checkpoint.npz"]


def test_what_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(CheckpointError, match=r"none: no checkpoint, none\.json is missing; exp"):
        load(tmp_path / "none")
    save(tmp_path / "c", {"a": np.zeros(3)}, {})
    whole = (tmp_path / "c.npz").read_bytes()
    for broken in (b"", b"hello", whole[: len(whole) // 2]):
        (tmp_path / "c.npz").write_bytes(broken)
        with pytest.raises(CheckpointError, match="c: not a checkpoint") as error:
            load(tmp_path / "c")
        assert "\n" not in str(error.value)
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load(tmp_path / "c")


def test_pickled_objects_are_refused(tmp_path):
    save(tmp_path / "c", {}, {})
    np.savez(tmp_path / "c.npz", a=np.array([{"an": "object"}], dtype=object))
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load(tmp_path / "c")


def test_copy_into_names_what_does_not_fit():
    target = {"W": np.zeros((2, 2))}
    with pytest.raises(CheckpointError, match=r"model\.W: expected shape \(2, 2\), found nothing"):
        copy_into(target, {}, "model.")
    with pytest.raises(CheckpointError, match=r"found shape \(3,\)"):
        copy_into(target, {"model.W": np.zeros(3)}, "model.")
    copy_into(target, {"model.W": np.ones((2, 2))}, "model.")
    assert target["W"].tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(("call", "name"), [("numpy.savez", "c.npz"), ("os.fsync", "c.json")])
def test_a_full_disk_leaves_neither_file(tmp_path, monkeypatch, call, name):
    """Not even one, which would be in the way of the next try."""

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(call, full)
    with pytest.raises(UserError, match=rf"{name}: cannot be written \(No space left"):
        save(tmp_path / "c", {"a": np.zeros(3)}, {})
    assert not list(tmp_path.iterdir())


WRITER = """
    import sys
    import numpy as np
    from tinydldl.checkpoint import save

    i = 0
    while True:
        i += 1
        save(sys.argv[1], {"epoch": np.array(i), "W": np.full(300_000, i)}, {"network": "tiny"})
        if i == 1:
            print("first", flush=True)
"""


def test_a_process_killed_while_it_writes_leaves_a_checkpoint_that_loads(tmp_path, rng):
    """Killed again and again, at random moments, most of them in the middle of a write."""
    path, interrupted = tmp_path / "checkpoint", 0
    for _ in range(8):
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert process.stdout.readline() == b"first\n"
            time.sleep(rng.uniform(0, 0.1))
        finally:
            os.kill(process.pid, signal.SIGTERM)  # the hardest kill that every system has
            process.wait()
            process.stdout.close()
        arrays, meta = load(path)
        assert meta == {"network": "tiny"}
        assert (arrays["W"] == arrays["epoch"]).all()
        for left in tmp_path.glob(PARTIAL):
            left.unlink()
            interrupted += 1
    assert interrupted > 0
