"""Checkpoints: what is saved comes back, and a kill leaves one that loads."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest
from helpers.commands import raising

from tinydldl.checkpoint import CheckpointError, copy_into, load, read_meta, save
from tinydldl.errors import UserError
from tinydldl.files import PARTIAL

ARRAYS = {"model.W": np.arange(6.0).reshape(2, 3), "epoch": np.array(7)}


def like(arrays):
    """Targets for arrays of these shapes, full of ones."""
    return {name: np.ones_like(array) for name, array in arrays.items()}


def test_comes_back_as_it_was(tmp_path):
    meta = {"network": {"name": "tiny"}, "mean": [0.1, 0.2]}
    save(tmp_path / "checkpoint", ARRAYS, meta)
    for path in ("checkpoint", "checkpoint.npz", "checkpoint.json", ""):
        loaded = like(ARRAYS)
        load(tmp_path / path, loaded)
        assert read_meta(tmp_path / path) == meta
        for name, array in loaded.items():
            np.testing.assert_array_equal(array, ARRAYS[name])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.json", "checkpoint.npz"]


def test_a_name_may_end_in_both_endings(tmp_path):
    save(tmp_path / "a.json", ARRAYS, {"of": "a"})
    assert read_meta(tmp_path / "a.json.npz") == {"of": "a"}
    load(tmp_path / "a.json.npz", loaded := like(ARRAYS))
    np.testing.assert_array_equal(loaded["model.W"], ARRAYS["model.W"])


def test_what_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(CheckpointError, match=r"none: no checkpoint, none\.json is missing; exp"):
        read_meta(tmp_path / "none")
    save(tmp_path / "c", ARRAYS, {})
    whole = (tmp_path / "c.npz").read_bytes()
    middle = len(whole) // 2
    flipped = whole.replace(ARRAYS["model.W"].tobytes(), np.ones(6).tobytes())
    for broken in (b"", b"hello", whole[:middle], flipped):
        (tmp_path / "c.npz").write_bytes(broken)
        with pytest.raises(CheckpointError, match="c: not a checkpoint") as error:
            load(tmp_path / "c", like(ARRAYS))
        assert "\n" not in str(error.value)


NO_JSON = ["{", "[" * 100_000, "[NaN]", "[]", "1", '"a"', "", "\ud800"]


@pytest.mark.parametrize("text", NO_JSON, ids=range(len(NO_JSON)))
def test_json_that_describes_nothing(text, tmp_path):
    (tmp_path / "c.json").write_bytes(text.encode(errors="surrogatepass"))
    words = r"c: not (the description of )?a checkpoint"
    with pytest.raises(CheckpointError, match=words) as error:
        read_meta(tmp_path / "c")
    assert "\n" not in str(error.value)


def test_pickled_objects_are_refused(tmp_path):
    np.savez(tmp_path / "c.npz", a=np.array([{"an": "object"}], dtype=object))
    with pytest.raises(CheckpointError, match="a: expected real numbers, found object"):
        load(tmp_path / "c", {"a": np.zeros(1)})


@contextmanager
def at_most(bytes):
    """Assert that so many bytes of memory are taken within this block."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < bytes
    finally:
        tracemalloc.stop()


def test_nothing_is_unpacked_before_names_and_shapes_fit(tmp_path):
    """Zeros of 40 MB in 40 kB: under a wrong name, in a wrong shape, behind a right array,
    or as the header of one."""
    path, zeros = tmp_path / "c.npz", np.broadcast_to(0.0, 5_000_000)
    for name, message in (("model.V", "'model.V': an array"), ("model.W", "found shape")):
        np.savez_compressed(path, **{name: zeros})
        with at_most(2e6), pytest.raises(CheckpointError, match=message):
            load(tmp_path / "c", {"model.W": np.ones(3)})
    np.savez_compressed(path, **ARRAYS)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in ("optimizer.m", "notes"):  # not asked for
            archive.writestr(f"{name}.npy", bytes(20_000_000))
    with at_most(2e6):
        load(tmp_path / "c", like(ARRAYS))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:  # all of it is the header
        head = b"\x93NUMPY\2\0" + (20_000_000).to_bytes(4, "little")
        archive.writestr("model.W.npy", head + b" " * 20_000_000)
    with at_most(2e6), pytest.raises(CheckpointError, match="in another format"):
        load(tmp_path / "c", like(ARRAYS))


def test_a_description_of_gigabytes_is_not_read_to_its_end(tmp_path):
    with (tmp_path / "c.json").open("wb") as file:
        file.truncate(2**33)  # takes no room on the disk
    with at_most(2e8), pytest.raises(CheckpointError, match="c: not a checkpoint"):
        read_meta(tmp_path / "c")


def test_a_member_is_no_longer_than_its_header_says(tmp_path):
    np.savez(tmp_path / "c.npz", a=np.arange(3.0))
    with zipfile.ZipFile(tmp_path / "c.npz") as archive:
        data = archive.read("a.npy")
    with zipfile.ZipFile(tmp_path / "c.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", data + bytes(50_000_000))
    target = {"a": np.ones(3)}
    load(tmp_path / "c", target)
    assert target["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (None, r"W: expected shape \(2, 2\), found nothing"),
        (np.zeros(3), r"W: expected shape \(2, 2\), found shape \(3,\)"),
        (np.zeros((2, 2), int), "W: expected real numbers, found int64"),
        (np.zeros((2, 2), bool), "W: expected real numbers, found bool"),
        (np.zeros((2, 2), complex), "W: expected real numbers, found complex128"),
        (np.zeros((2, 2), "M8[s]"), "W: expected real numbers, found datetime64"),
        (np.zeros((2, 2), "U9"), "W: expected real numbers, found str288"),
        (np.zeros((2, 2), "S3"), "W: expected real numbers, found bytes24"),
        (np.zeros((2, 2), [("a", float)]), "W: expected real numbers, found void64"),
        (np.array([[1, np.nan], [0, 0]]), "W: holds numbers that are not finite in float32"),
        (np.array([[1, -np.inf], [0, 0]]), "W: holds numbers that are not finite in float32"),
        (np.array([[1, 1e300], [0, 0]]), "W: holds numbers that are not finite in float32"),
    ],
)
def test_arrays_that_do_not_fit_are_named(array, message, tmp_path):
    """In memory, as `convert` has them, and in a file."""
    targets, arrays = {"W": np.ones((2, 2), np.float32)}, {} if array is None else {"W": array}
    with pytest.raises(CheckpointError, match=f"^{message}"):
        copy_into(targets, arrays)
    np.savez(tmp_path / "c.npz", **arrays)
    with pytest.raises(CheckpointError, match=f"c: {message}"):
        load(tmp_path / "c", targets)
    assert (targets["W"] == 1).all()


@pytest.mark.parametrize(
    "name", ["bn.running_var", "raw.bn.running_var", "optimizer.v.fc.W", "optimizer.t", "average.t"]
)
def test_what_must_not_be_negative(name):
    target = {name: np.ones(2, int if name.endswith("t") else float)}
    with pytest.raises(CheckpointError, match=f"{name}: holds a negative number"):
        copy_into(target, {name: np.array([3, -1], target[name].dtype)})
    copy_into({"bn.running_mean": np.ones(1)}, {"bn.running_mean": np.array([-1.0])})


@pytest.mark.parametrize("count", [1.0, True, 1j, "1", [1, 2]])
def test_a_count_is_one_whole_number(count):
    with pytest.raises(CheckpointError, match=r"epoch: expected (whole numbers|shape)"):
        copy_into({"epoch": np.array(0)}, {"epoch": np.array(count)})


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_real_numbers_of_any_width(dtype):
    target = {"W": np.zeros((2, 2), np.float32)}
    copy_into(target, {"W": np.array([[1, 2], [-3, 0.5]], dtype)})
    assert target["W"].tolist() == [[1, 2], [-3, 0.5]]


def test_subnormal_numbers_come_in_as_zero():
    source = np.array([1e-40, -1e-40, 1e-33, 1e-30, -1e-30, 0, 1])  # as float64 none is subnormal
    target = {"W": np.ones(7, np.float32)}
    copy_into(target, {"W": source})
    np.testing.assert_array_equal(target["W"], np.float32([0, 0, 0, 1e-30, -1e-30, 0, 1]))
    assert source[0] == 1e-40


@pytest.mark.parametrize(("call", "name"), [("numpy.savez", "c.npz"), ("os.fsync", "c.json")])
def test_a_full_disk_leaves_neither_file(tmp_path, monkeypatch, call, name):
    """Not even one, which would be in the way of the next try."""
    monkeypatch.setattr(call, raising(OSError(errno.ENOSPC, "No space left on device")))
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
        arrays = {"W": np.zeros(300_000, int), "epoch": np.array(0)}
        load(path, arrays)
        assert read_meta(path) == {"network": "tiny"}
        assert (arrays["W"] == arrays["epoch"]).all()
        for left in tmp_path.glob(PARTIAL):
            left.unlink()
            interrupted += 1
    assert interrupted > 0
