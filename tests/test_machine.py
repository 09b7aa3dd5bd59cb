"""What a process may use, on control groups that are folders of the test."""

import math
import os

import pytest

from tinydldl import machine


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """`groups(own, files)`: this process is in the groups `own`, lines of /proc/self/cgroup."""
    monkeypatch.setattr(machine, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)), raising=False)

    def make(own, files):
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")

    return make


def quota_1(quota, group="cpu", period=100_000):
    """The files of a CPU quota in version 1."""
    return {f"{group}/cpu.cfs_quota_us": f"{quota}", f"{group}/cpu.cfs_period_us": f"{period}"}


V1 = "4:memory:/a/b\n1:cpu,cpuacct:/a/b\n"


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {}, 6),
        ("0::/\n", {"cpu.max": "max 100000"}, 6),
        ("0::/\n", {"cpu.max": "400000 100000"}, 4),
        ("0::/\n", {"cpu.max": "250000 100000"}, 2),
        ("0::/\n", {"cpu.max": "199000 100000"}, 1),
        ("0::/\n", {"cpu.max": "20000 100000"}, 1),
        ("0::/\n", {"cpu.max": "9900000 100000"}, 6),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "150000 50000"}, 3),
        ("0::/a/b\n", {"a/b/cpu.max": "200000 100000", "a/cpu.max": "300000 100000"}, 2),
        ("0::/outside\n", {"cpu.max": "300000 100000"}, 3),  # a container's root
        ("0::/../..\n", {"cpu.max": "300000 100000"}, 3),
        (V1, quota_1(-1), 6),
        (V1, quota_1(300_000), 3),
        (V1, quota_1(300_000) | quota_1(50_000, "cpu/a", 25_000), 2),
        ("4:memory:/\n", quota_1(300_000), 6),  # of another kind
    ],
)
def test_cores(own, files, cores, groups):
    groups(own, files)
    assert machine.available_cores() == cores


def test_cores_where_nothing_says_which_may_be_used(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "OWN_GROUPS", tmp_path / "nothing")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert machine.available_cores() == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.available_cores() == 1


GB = 10**9


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {}, 8 * GB),
        ("0::/\n", {"memory.max": "max"}, 8 * GB),
        ("0::/a\n", {"a/memory.max": f"{2 * GB}", "memory.max": f"{3 * GB}"}, 2 * GB),
        ("0::/a\n", {"a/memory.max": "max", "memory.max": f"{3 * GB}"}, 3 * GB),
        (V1, {"memory/memory.limit_in_bytes": f"{GB}"}, GB),
        (V1, {"memory/memory.limit_in_bytes": f"{2**63 - 4096}"}, 8 * GB),
    ],
)
def test_memory(own, files, expected, groups, monkeypatch):
    groups(own, files)
    sizes = {"SC_PAGE_SIZE": 1000, "SC_PHYS_PAGES": 8 * 10**6}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__, raising=False)
    assert machine.memory() == expected


def test_memory_where_nothing_says_how_much_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "OWN_GROUPS", tmp_path / "nothing")
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert machine.memory() == math.inf


def test_the_processor_is_named_also_where_the_system_says_little(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine, "CACHES", tmp_path / "cache")
    little, numpy = machine.description().splitlines()
    assert "caches" not in little
    assert "blas" in numpy.lower()
    (tmp_path / "cpuinfo").write_text("model\t\t: 1\nmodel name\t: Abacus 3000\n" * 2)
    for level, size in enumerate(("48K", "2048K")):
        (tmp_path / f"cache/index{level}").mkdir(parents=True)
        (tmp_path / f"cache/index{level}/size").write_text(f"{size}\n")
    assert machine.description().splitlines()[0] == "Abacus 3000, caches 48K 2048K"
