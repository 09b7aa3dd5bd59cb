"""How files are written: whole or not at all, through no link, by several at once."""

import errno
import os
import platform
import re
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.commands import raising

from tinydldl import files
from tinydldl.errors import UserError
from tinydldl.files import replacing


def write(path, content):
    with replacing(path) as file:
        file.write(content)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_while_writing_leaves_the_old_file_alone(tmp_path, error):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail_half_way():
        with replacing(path) as file:
            file.write(b"half of the n")
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be synchronized there")
def test_what_is_durable_is_on_disk_and_so_is_its_name(tmp_path, monkeypatch):
    folders = []

    def watched(descriptor, fsync=os.fsync):
        folders.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", watched)
    write(tmp_path / "table.csv", b"new")
    assert folders == [False, True]
    with replacing(tmp_path / "table.csv", durable=False) as file:
        file.write(b"newer")
    assert folders == [False, True]


@pytest.mark.parametrize("call", ["os.fsync", "os.replace"])
def test_a_full_disk_names_the_path_and_the_reason(tmp_path, monkeypatch, call):
    path = tmp_path / "table.csv"
    path.write_text("old")
    monkeypatch.setattr(call, raising(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(UserError, match=r"table\.csv: cannot be written \(No space left"):
        write(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_written_through_a_link(tmp_path, monkeypatch):
    """Not even where somebody could guess the name that a file has until it is complete."""
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    monkeypatch.setattr("secrets.token_hex", lambda count: "guessed")
    for name in (".guessed.partial", "a.jpg.partial"):
        (tmp_path / name).symlink_to(thesis)
    with pytest.raises(UserError, match=r"a\.jpg: cannot be written \(File exists"):
        write(tmp_path / "a.jpg", b"new")
    assert thesis.read_text() == "years of work"


def test_several_write_one_path_at_once(tmp_path):
    """Each read finds one of the contents, whole."""
    path, contents = tmp_path / "one", [bytes([i]) * 100_000 for i in range(4)]

    def write_again_and_again(content):
        for _ in range(25):
            with replacing(path) as file:
                for start in range(0, len(content), 10_000):
                    file.write(content[start : start + 10_000])

    write(path, contents[0])
    reads = 0
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write_again_and_again, content) for content in contents]
        while not all(writer.done() for writer in writers):
            assert path.read_bytes() in contents
            reads += 1
    assert reads > 0
    assert not any(writer.exception() for writer in writers)
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_as_long_as_the_system_allows(tmp_path):
    path = tmp_path / ("a" * 251 + ".jpg")
    write(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_new_name_is_taken_at_once(tmp_path):
    """By whoever comes first, so that several who draw `photo-ages.png` keep a picture each."""
    start = threading.Barrier(8)

    def draw(content):
        start.wait()
        with files.new_path(tmp_path / "new", "a.b-ages.png") as path:
            write(path, content)
        return path

    contents = [bytes([i]) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(draw, contents))
    assert [path.read_bytes() for path in paths] == contents
    names = {"a.b-ages.png"} | {f"a.b-ages-{number}.png" for number in range(2, 9)}
    assert {path.name for path in (tmp_path / "new").iterdir()} == names


def test_a_new_name_is_given_back_if_nothing_is_written(tmp_path):
    with pytest.raises(RuntimeError), files.new_path(tmp_path, "a.png"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def held_for(tries):
    """What `os.replace` does on Windows while another program holds the file for so many tries."""
    left, replace = iter(range(tries)), os.replace

    def held(source, target):
        for _ in left:
            raise PermissionError(errno.EACCES, "The file is used by another process")
        replace(source, target)

    return held


def test_a_drive_that_is_not_there(monkeypatch):
    """On Windows nothing of a path need exist."""
    monkeypatch.setattr(Path, "exists", lambda path, **_: False)
    monkeypatch.setattr(Path, "is_dir", lambda path, **_: False)
    with pytest.raises(UserError, match="is not there; give another --out"):
        files.check_folder(Path("/drive/results").absolute())
    files.check_room(Path("/drive/results").absolute(), 1e18, "photos")  # whoever writes says so


def test_a_file_that_another_program_holds_for_a_moment(tmp_path, monkeypatch):
    monkeypatch.setattr("os.replace", held_for(3))
    write(tmp_path / "metrics.csv", b"new")
    assert (tmp_path / "metrics.csv").read_bytes() == b"new"


def test_a_file_that_another_program_keeps(tmp_path, monkeypatch):
    monkeypatch.setattr("os.replace", held_for(10**9))
    monkeypatch.setattr(files, "PATIENCE", 0.2)
    with pytest.raises(UserError, match=r"metrics\.csv: cannot be written \(The file is used by"):
        write(tmp_path / "metrics.csv", b"new")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_for_one_process_at_a_time(tmp_path):
    """Another one is told who has it; a holder that was killed leaves nothing to clear away."""
    hold = (
        "import sys; from tinydldl.files import held\n"
        "with held(sys.argv[1]): print('mine', flush=True); input()"
    )
    command, pipes = [sys.executable, "-c", hold, tmp_path], {"stdin": -1, "stdout": -1}
    with subprocess.Popen(command, **pipes) as holder:
        assert holder.stdout.readline() == b"mine\n"
        name = rf"in use by process {holder.pid} on {re.escape(platform.node())} since 20\d\d-"
        with pytest.raises(UserError, match=name), files.held(tmp_path):
            pytest.fail("both have it")
        holder.kill()
    with files.held(tmp_path):
        pass
    with files.held(tmp_path):
        pass


def test_a_lock_is_not_taken_through_a_link(tmp_path):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    (tmp_path / ".lock").symlink_to(thesis)
    with pytest.raises(UserError, match="nothing can be written there"), files.held(tmp_path):
        pytest.fail("through a link")
    assert thesis.read_text() == "years of work"


def test_another_process_waits_for_a_folder_if_it_is_told_to(tmp_path):
    begun, order = threading.Event(), []

    def second():
        begun.set()
        with files.held(tmp_path, wait=True):
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with files.held(tmp_path):
            waiting = pool.submit(second)
            begun.wait()
            order.append("first")
        waiting.result()
    assert order == ["first", "second"]


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    monkeypatch.setattr("fcntl.flock", raising(OSError(errno.ENOLCK, "No locks available")))
    with files.held(tmp_path / "new"):
        assert (tmp_path / "new").is_dir()
