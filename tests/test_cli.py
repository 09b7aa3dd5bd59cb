"""What commands share: errors in one line, numbers that are checked."""

import subprocess
import sys

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


@pytest.mark.parametrize("lines", [1, 100_000])  # within a buffer, and far beyond
def test_a_reader_who_has_seen_enough(lines):
    """As in `| head -1`: what is printed to nobody is no error, and not one line of it."""
    command = f"lambda argv: print(*range({lines}), sep=chr(10))"
    program = f"import sys; from tinydldl import cli; input(); sys.exit(cli.run_command({command}))"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    process.stdin.write("now that nobody reads\n")
    process.stdin.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == cli.HUNG_UP
    process.stderr.close()
