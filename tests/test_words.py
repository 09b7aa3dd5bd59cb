"""Commands as words: `tinydldl train` is `python -m tinydldl.train`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.commands import exit_code, refused

import tinydldl
from tinydldl import ranks
from tinydldl.__main__ import WORDS, main
from tinydldl.train.__main__ import how_to_go_on
from tinydldl.train.runs import RunFolder


def test_every_command_has_a_word():
    folders = Path(tinydldl.__file__).parent.glob("*/__main__.py")
    assert set(WORDS) == {path.parent.name for path in folders}


@pytest.mark.parametrize("word", sorted(WORDS))
def test_a_word_is_its_module(word, capsys):
    """Its help is its own, whatever the program is called."""
    assert exit_code(main, word, "--help") == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m tinydldl.{word} ")


def test_usage_and_advice_say_what_the_user_said(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/tinydldl", "predict"])
    assert exit_code(main, "predict", "--help") == 0
    assert capsys.readouterr().out.startswith("usage: tinydldl predict ")
    assert "(see tinydldl train --help)" in refused(capsys, main, "train", "--epochs", "x")
    advice = how_to_go_on(RunFolder(Path("runs/mine")), {}, ranks.ALONE)
    assert advice == f"stopped; continue with: tinydldl train --resume {Path('runs/mine')}"
    assert exit_code(main, "--help") == 0
    assert capsys.readouterr().out.startswith("usage: tinydldl ")


def test_exit_codes_are_those_of_the_command(capsys):
    assert refused(capsys, main, "convert", "nothing.pt", "out.npz").startswith("nothing.pt: ")
    assert refused(capsys, main, "explain", "--", "-5").startswith("-5: ")  # an odd name, kept


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "expected a command (see python -m tinydldl --help)"),
        ("dream", "argument COMMAND: invalid choice: 'dream' (choose from"),
        ("--json predict photo.jpg", "unrecognized arguments: --json"),  # it goes behind the word
        ("--print-completion fish", "argument --print-completion: invalid choice: 'fish'"),
    ],
)
def test_no_such_word(line, words, capsys):
    assert refused(capsys, main, *line.split()).startswith(words)


def test_version_says_what_a_report_needs(capsys):
    assert exit_code(main, "--version") == 0
    first, *others = capsys.readouterr().out.splitlines()
    python = ".".join(map(str, sys.version_info[:3]))
    assert first.startswith(f"tinydldl {tinydldl.__version__}, Python {python}")
    assert len(others) == 3
    assert others[-1].endswith("cores")


def test_completion_knows_words_and_options(capsys, tmp_path):
    """For bash, the script is asked as Tab asks it."""
    assert exit_code(main, "--print-completion", "zsh") == 0
    assert "#compdef" in capsys.readouterr().out
    assert exit_code(main, "--print-completion", "bash") == 0
    script = capsys.readouterr().out
    if not (bash := shutil.which("bash")):
        pytest.skip("there is no bash here")
    (tmp_path / "script").write_text(script)
    tab = 'COMP_WORDS=(tinydldl train --ep); COMP_CWORD=2; $(complete -p "tinydldl" | '
    tab += 'grep -o " -F [^ ]*" | cut -c5-); echo "${COMPREPLY[@]}"'
    done = subprocess.run(
        [bash, "-c", f"source {tmp_path}/script; {tab}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["--epochs"], script[-300:]
