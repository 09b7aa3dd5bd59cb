"""What commands share: errors in one line, numbers that are checked."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.commands import raising

import tinydldl
from tinydldl import cli
from tinydldl.errors import UserError


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (cli.whole(2), {"2": 2, "30": 30}, ["1", "2.5", "x", ""]),
        (cli.whole(0, 9), {"0": 0, "9": 9}, ["-1", "10"]),
        (cli.positive, {"0.5": 0.5}, ["0", "-1", "inf", "nan", "x"]),
        (cli.not_negative, {"0": 0.0, "1e3": 1000.0}, ["-0.1", "inf", "nan", "x"]),
    ],
)
def test_numbers(parse, good, bad):
    parser = cli.Parser("command", "")
    parser.add_argument("--value", type=parse)
    for text, value in good.items():
        assert parser.parse_args(["--value", text]).value == value
    for text in bad:
        with pytest.raises(UserError) as raised:
            parser.parse_args([f"--value={text}"])
        assert str(raised.value).startswith("argument --value: expected a ")
        assert str(raised.value).endswith(f"got {text!r} (see python -m tinydldl.command --help)")


def test_help_shows_defaults_but_not_none(capsys):
    parser = cli.Parser("command", "")
    parser.add_argument("--lr", default=0.1, help="learning rate")
    parser.add_argument("--name", help="of the run")
    with pytest.raises(SystemExit, match="0"):
        parser.parse_args(["--help"])
    out = capsys.readouterr().out
    assert "learning rate (default: 0.1)" in out
    assert "None" not in out


def test_exit_codes(capsys):
    assert cli.run_command(lambda argv: 0, []) == 0
    assert cli.run_command(raising(KeyboardInterrupt)) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_a_ctrl_c_that_hits_a_destructor_is_not_lost(capsys):
    """Python drops what is raised there, and the command would go on."""

    class Hit:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    def command(argv):
        Hit()
        time.sleep(20)

    before = signal.signal(signal.SIGINT, tinydldl.leave)  # as in a command
    try:
        assert cli.run_command(command) == 130
        assert signal.getsignal(signal.SIGINT) is tinydldl.leave
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "stopped\n"


def program(expression):
    """A Python program that prints what `expression` has as soon as something comes in."""
    command = f"cli.run_command(lambda argv: print({expression}))"
    code = f"import sys; from tinydldl import cli; input(); sys.exit({command})"
    return [sys.executable, "-c", code]


@pytest.mark.parametrize("lines", [1, 100_000])  # within a buffer, and far beyond
def test_a_reader_who_has_seen_enough(lines):
    """As in `| head -1`: what is printed to nobody is no error, and not one line of it."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(program(f"*range({lines}), sep=chr(10)"), text=True, **pipes) as process:
        process.stdout.close()
        process.stdin.write("now that nobody reads\n")
        process.stdin.close()
        assert process.stderr.read() == ""
    assert process.returncode == cli.HUNG_UP


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_to_a_full_disk():
    with open("/dev/full", "w") as full:
        done = subprocess.run(program("1"), input="\n", stdout=full, stderr=-1, text=True)
    assert done.returncode == 2
    assert done.stderr == "error: the output: No space left on device\n"


def test_a_scarcity_of_the_system_is_not_one_of_the_output():
    command = program("resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)), os.pipe()")
    command[-1] = f"import os, resource; {command[-1]}"
    done = subprocess.run(command, input="\n", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "error: the system: Too many open files\n")


def test_a_terminal_that_has_no_such_character():
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    plus_minus = program("chr(177)")
    done = subprocess.run(plus_minus, input="\n", env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\\xb1\n", "")


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("no file x", "error: no file x"),
        ("a\nb\u2028c\x1b[1m\udcff", r"error: a\nb\u2028c\x1b[1m\udcff"),
        ("x" * 10**6 + " take y", "error: " + "x" * 233 + " ... " + "x" * 133 + " take y"),
    ],
)
def test_an_error_is_one_line_that_can_be_read_and_exit_code_2(message, line, capsys):
    assert cli.run_command(raising(UserError(message))) == 2
    assert capsys.readouterr().err == line + "\n"
    parser = cli.Parser("command", "")
    assert cli.run_command(lambda argv: parser.error(message)) == 2
    err = capsys.readouterr().err
    assert err.endswith(" (see python -m tinydldl.command --help)\n")
    assert err.count("\n") == 1
    assert len(err) < 400


def test_memory_that_is_not_there_is_one_line(capsys):
    assert cli.run_command(lambda argv: bytearray(2**62)) == 2
    assert capsys.readouterr().err.startswith("error: out of memory; try less at a time")


@pytest.mark.skipif(os.name != "posix", reason="a shell that closes streams")
@pytest.mark.parametrize("closed", ["2>&-", "1>&-", "0<&-", "0<&- 1>&- 2>&-"])
@pytest.mark.parametrize(("count", "code"), [("5", 0), ("1", 2)])
def test_closed_streams(closed, count, code, tmp_path):
    """What would be printed there is no error, nor does it get into a file."""
    arguments = [sys.executable, "-m", "tinydldl.datasets", "synthetic", "--count", count]
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *arguments, "--data-dir", str(tmp_path)]
    done = subprocess.run(shell, capture_output=True)
    assert done.returncode == code
    assert (b"error" in done.stderr) == (code == 2 and "2>" not in closed)
    assert len(list(tmp_path.rglob("*.png"))) == 5 * (code == 0)
    assert not any(b"drawing" in path.read_bytes() for path in tmp_path.rglob("*.*"))


INTERRUPT = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"


@pytest.mark.parametrize("handler", ["default_int_handler", "SIG_IGN"])
def test_ctrl_c_while_a_command_is_imported(handler, tmp_path):
    """A NumPy that interrupts whoever imports it; where Ctrl-C is ignored, it stays so."""
    (tmp_path / "numpy.py").write_text(INTERRUPT.replace("time.sleep(60)", "1 / 0"))
    before = signal.signal(signal.SIGINT, getattr(signal, handler))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tinydldl.train"],
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    if handler == "SIG_IGN":
        assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    else:
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")


def test_a_second_ctrl_c_ends_a_command_at_once():
    """It comes while the first one is cleaned up, in a finalizer."""
    code = f"""
import signal, tinydldl
from multiprocessing.util import Finalize
signal.signal(signal.SIGINT, tinydldl.leave)  # as for a command
from tinydldl import cli
def again():
    {INTERRUPT}
def command(argv):
    Finalize(None, again, exitpriority=10)
    {INTERRUPT}
code = cli.run_command(command)
print(code, flush=True)
raise SystemExit(code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "130\n")
    assert done.stderr == "stopped\nstopped\n"


def test_a_second_ctrl_c_in_a_training_says_how_to_go_on(tmp_path):
    code = f"""
import signal, tinydldl
signal.signal(signal.SIGINT, tinydldl.leave)  # as for a command
from tinydldl import cli
from tinydldl.train import __main__ as train, experiment
def stop(*arguments):
    try:
        {INTERRUPT}
    finally:
        {INTERRUPT}
experiment.train = stop
words = "--limit 10 --size 32 --device cpu --workers 1 --loaders 1 --name mine"
cli.run_command(train.main, words.split())
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 130
    where = "python -m tinydldl.train --resume " + str(Path("runs/mine"))
    assert done.stderr == f"stopped; continue with: {where}\n"


def test_a_program_that_imports_the_package_keeps_its_ctrl_c():
    code = "import signal, tinydldl; print(signal.getsignal(signal.SIGINT).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "default_int_handler\n"
