"""What commands share: errors in one line, numbers that are checked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinydldl import cli
from tinydldl.backend import UserError


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (cli.whole(2), {"2": 2, "30": 30}, ["1", "2.5", "x", ""]),
        (cli.whole(0, 9), {"0": 0, "9": 9}, ["-1", "10"]),
        (cli.positive, {"0.5": 0.5}, ["0", "-1", "inf", "nan", "x"]),
        (cli.not_negative, {"0": 0.0, "1e3": 1000.0}, ["-0.1", "inf", "nan", "x"]),
    ],
)
def test_numbers(parse, good, bad, capsys):
    parser = cli.Parser(prog="command")
    parser.add_argument("--value", type=parse)
    for text, value in good.items():
        assert parser.parse_args(["--value", text]).value == value
    for text in bad:
        with pytest.raises(SystemExit, match="2"):
            parser.parse_args([f"--value={text}"])
        error = capsys.readouterr().err
        assert error.startswith("error: argument --value: expected a ")
        assert error.endswith(f"got {text!r} (see command --help)\n")


def test_help_shows_defaults_but_not_none(capsys):
    parser = cli.Parser(prog="command")
    parser.add_argument("--lr", default=0.1, help="learning rate")
    parser.add_argument("--name", help="of the run")
    with pytest.raises(SystemExit, match="0"):
        parser.parse_args(["--help"])
    out = capsys.readouterr().out
    assert "learning rate (default: 0.1)" in out
    assert "None" not in out


def test_user_errors_become_one_line_and_exit_code_2(capsys):
    def command(argv):
        raise UserError(f"no file {argv[0]}")

    assert cli.run_command(command, ["x"]) == 2
    assert capsys.readouterr().err == "error: no file x\n"
    assert cli.run_command(lambda argv: 0, []) == 0


def test_ctrl_c(capsys):
    def command(argv):
        raise KeyboardInterrupt

    assert cli.run_command(command) == 130
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


def test_a_terminal_that_has_no_such_character():
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    plus_minus = program("chr(177)")
    done = subprocess.run(plus_minus, input="\n", env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\\xb1\n", "")


def test_a_path_is_not_nothing():
    parser = cli.Parser(prog="command")
    parser.add_argument("--out", type=cli.path)
    assert parser.parse_args(["--out", "a/b"]).out == Path("a/b")
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--out", ""])
