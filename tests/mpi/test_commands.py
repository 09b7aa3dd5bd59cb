"""The commands on several ranks: what a user starts, sees, stops and resumes."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.commands import wait_until
from helpers.trainings import SMALL, metrics, rows, run
from mpi.conftest import ENDS, ENVIRONMENT, errors

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_one_training_is_what_one_process_makes_of_it(train, ranks):
    """Said once, written once; evaluated, too; and not another one over it."""
    assert run(*SMALL, "--epochs", 1, "--name", "alone") == 0
    done = train(3, "--epochs", 1, "--name", "three")
    assert (done.returncode, errors(done)) == (0, [])
    assert done.stdout.count("tinydldl.train on ") == 1
    assert "engine    fast, 1 process, on each of 3 ranks\n" in done.stdout
    (alone,), (three,) = (rows(f"runs/{name}/metrics.csv") for name in ("alone", "three"))
    for name in ("train_loss", "train_mae", "grad_norm"):
        assert float(three[name]) == pytest.approx(float(alone[name]), rel=1e-2), name
    assert sorted(p.name for p in Path("runs").iterdir()) == [".lock", "alone", "three"]
    again = train(2, "--epochs", 1, "--name", "three")
    assert again.returncode == 2
    exists = "runs/three exists; give another --name, or continue it with --resume"
    assert errors(again) == [f"error: {exists}"]

    evaluation = ["-m", "tinydldl.evaluate", "--weights", "runs/three", "--loaders", 1]
    found = []
    for count in (1, 3):
        done = ranks(count, *evaluation, "--out", f"evaluation-{count}")
        assert done.returncode == 0, done.stderr
        found.append(rows(f"evaluation-{count}/predictions.csv"))
    for one, other in zip(*found, strict=True):
        assert one["photo"] == other["photo"]
        assert float(one["estimate"]) == pytest.approx(float(other["estimate"]), abs=1e-3)


@pytest.mark.parametrize(("began", "goes_on"), [(2, 1), (2, 3), (1, 2)])
def test_a_run_goes_on_with_another_number_of_ranks(began, goes_on, mpiexec, ranks):
    """Ctrl-C, which the launcher passes on; its line says how."""
    words = [*SMALL, "--epochs", "200", "--kl-epochs", "0", "--name", "mine"]
    command = [mpiexec, "-n", str(began), sys.executable, "-m", "tinydldl.train", *words]
    about = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, env=ENVIRONMENT, **about)
    try:
        wait_until(Path("runs/mine/metrics.csv").exists)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=ENDS)
    finally:
        process.kill()
    assert process.returncode != 0
    prefix = f"mpiexec -n {began} " * (began > 1)
    how = f"stopped; continue with: {prefix}python -m tinydldl.train --resume runs/mine"
    assert how in out.splitlines()
    before = rows("runs/mine/metrics.csv")
    shorten("runs/mine/config.json", len(before) + 1)
    done = ranks(goes_on, "-m", "tinydldl.train", "--resume", "runs/mine")
    assert (done.returncode, errors(done)) == (0, [])
    assert f"warning: begun with ranks {began}, now it is {goes_on}: " in done.stdout
    after = rows("runs/mine/metrics.csv")
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1


def shorten(path, epochs):
    """Let a run end with this epoch."""
    text = Path(path).read_text()
    Path(path).write_text(text.replace('"epochs": 200', f'"epochs": {epochs}'))


def test_the_same_number_of_ranks_gives_the_same_digits(train, ranks):
    words = ["--epochs", 2, "--schedule", "constant"]
    assert train(2, *words, "--name", "whole").returncode == 0
    assert train(2, *words, "--name", "parts").returncode == 0
    assert metrics("whole") == metrics("parts")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--batch", 2], "--batch 2: batches of 2 photos are too small for 3 ranks"),
        (["--bogus", 1], "unrecognized arguments: --bogus 1"),
        (["--resume", "nothing"], "--resume goes alone"),
    ],
)
def test_what_cannot_be_is_one_line(words, expected, train):
    done = train(3, *words)
    assert done.returncode == 2
    (error,) = errors(done)
    assert error.startswith(f"error: {expected}")


STUB = {
    "is missing": ("raise ImportError('No module')", "started by MPI, and mpi4py cannot be"),
    "of another MPI": (
        "class rc:\n    __init__ = lambda *a, **b: None\nclass MPI:\n"
        "    class COMM_WORLD: rank, size = 0, 1\n"
        "    Get_library_version = lambda: 'Other MPI 1.0, of a cluster'",
        "2 processes were started by another MPI than that of mpi4py; take the mpiexec of Other",
    ),
}


@pytest.mark.parametrize("what", STUB)
def test_without_the_launcher_s_mpi_it_is_one_line_and_no_two_trainings(what, train, tmp_path):
    code, expected = STUB[what]
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "mpi4py.py").write_text(code)
    done = train(2, "--name", "mine", PYTHONPATH=str(tmp_path / "stub"))
    assert done.returncode != 0
    (error,) = errors(done)
    assert error.startswith(f"error: {expected}")
    assert not Path("runs").exists()


def test_whole_trainings_of_a_table_go_to_ranks(ranks):
    words = [*SMALL[:4], "--loaders", 1, "--epochs", 3, "--start", "trained", "--out", "out"]
    done = ranks(2, "-m", "tinydldl.reproduce", "table1", *words, "--workers", 1)
    assert (done.returncode, errors(done)) == (0, [])
    lines = rows("out/runs.csv")
    assert len({line["run"] for line in lines}) == len(lines) > 2
    assert done.stdout.count("## Table 1") == 1
    again = ranks(1, "-m", "tinydldl.reproduce", "table1", *words, "--workers", 1)
    assert again.returncode == 0
    assert rows("out/runs.csv") == lines  # nothing is trained again
    assert again.stdout[again.stdout.index("## ") :] == done.stdout[done.stdout.index("## ") :]
