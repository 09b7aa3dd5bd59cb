"""Two machines on a network, as two network namespaces with a bridge, one of which is lost."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from helpers.commands import wait_until
from helpers.trainings import SMALL, metrics
from mpi.conftest import ENDS, ENVIRONMENT

BRIDGE, NODES = "tinydldl", (1, 2)
ENTER, IMPATIENT = (Path(__file__).with_name(name) for name in ("enter_node.sh", "impatient.py"))
WORDS = [*SMALL, "--epochs", "5"]
pytestmark = pytest.mark.usefixtures("elsewhere")


def ip(*words):
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def network():
    """The namespaces `tinydldl1` and `tinydldl2`, at 10.99.0.1 and 10.99.0.2."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("needs root and the command ip, to make network namespaces")
    try:
        ip("link", "add", BRIDGE, "type", "bridge")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no bridge can be made here: {error.stderr.strip()}")
    ip("link", "set", BRIDGE, "up")
    for node in NODES:
        name, outside = f"tinydldl{node}", f"tinydldl-{node}"
        ip("netns", "add", name)
        ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", outside, "master", BRIDGE, "up")
        ip("-n", name, "address", "add", f"10.99.0.{node}/24", "dev", "eth0")
        for link in ("eth0", "lo"):
            ip("-n", name, "link", "set", link, "up")
        ip("-n", name, "route", "add", "default", "via", "10.99.0.254")
    yield
    for node in NODES:
        end(node)
        ip("link", "delete", f"tinydldl-{node}")
        ip("netns", "delete", f"tinydldl{node}")
    ip("link", "delete", BRIDGE)


def pids(node):
    """The processes on a node."""
    return [int(pid) for pid in ip("netns", "pids", f"tinydldl{node}").split()]


def end(node):
    """Kill all that runs on a node, as a power cut does."""
    for pid in pids(node):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def start(mpiexec, *arguments):
    """A training with a rank on each node, started on the first."""
    where = [
        "ip",
        "netns",
        "exec",
        "tinydldl1",
        mpiexec,
        "-launcher",
        "ssh",
        "-launcher-exec",
        ENTER,
    ]
    where += ["-hosts", "10.99.0.1,10.99.0.2", "-n", "2", "-ppn", "1"]
    command = [*where, sys.executable, IMPATIENT, *arguments]
    # not through shared memory, which the namespaces have in common
    env = ENVIRONMENT | {"UCX_TLS": "tcp,self"}
    return subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def cut_off(node):
    ip("link", "set", f"tinydldl-{node}", "down")


@pytest.mark.parametrize("lose", [end, cut_off])
def test_a_node_that_is_lost_ends_the_run_which_then_goes_on(lose, network, mpiexec):
    """Nothing is left on either node, and the digits are those of a run that nothing has hit."""
    whole = start(mpiexec, *WORDS, "--name", "whole")
    assert whole.wait(ENDS) == 0, whole.stderr.read()
    process = start(mpiexec, *WORDS, "--name", "hit")
    wait_until(Path("runs/hit/metrics.csv").exists)
    lose(2)
    try:
        _, said = process.communicate(timeout=ENDS)
    finally:
        process.kill()
    assert process.returncode != 0
    if lose is cut_off:
        (line,) = [line for line in said.splitlines() if line.startswith("error: rank 0: ")]
        assert "no answer from the others for 5 seconds" in line
        assert line.endswith("python -m tinydldl.train --resume runs/hit")
    wait_until(lambda: not pids(1) and not pids(2))
    assert metrics("hit") != metrics("whole")
    ip("link", "set", "tinydldl-2", "up")
    time.sleep(1)  # the bridge learns
    again = start(mpiexec, "--resume", "runs/hit")
    assert again.wait(ENDS) == 0, again.stderr.read()
    assert metrics("hit") == metrics("whole")
