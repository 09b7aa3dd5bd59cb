"""With --json, standard output holds the results and nothing else; what people read goes aside."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.commands import exit_code, raising
from helpers.networks import save_network

from tinydldl import cli
from tinydldl.__main__ import WORDS, main
from tinydldl.reproduce.table import Table

PHOTO = Path(__file__).parents[1] / "docs" / "astronaut.jpg"
FEW = "--dataset synthetic --limit 20"
RESULTS = {  # of a line: the values in its JSON that are looked at
    f"train {FEW} --epochs 1 --size 32 --batch 8": {"results": "runs/synthetic-tiny-1"},
    f"evaluate --weights network {FEW}": {"photos": 4, "engine": "fast, 1 process"},
    f"explain {PHOTO} --weights network": {"photo": str(PHOTO)},
    "datasets synthetic --count 10 --side 32": {"photos": {"train": 8, "valid": 2}},
    "convert network network.safetensors": {"written": ["network.safetensors"]},
    f"predict {PHOTO} --weights network --no-detect": {"labels": [*range(101)]},
    "bench --cases tiny-32-2-inference --engines fast --rounds 3": {"peak": float},
}


def ended(capsys, *arguments):
    """The exit code, the value of the JSON, and the lines for people."""
    capsys.readouterr()
    code = exit_code(main, *arguments, "--json")
    captured = capsys.readouterr()
    return code, json.loads(captured.out), captured.err


@pytest.mark.parametrize("line", RESULTS)
def test_of_a_command(line, tmp_path, monkeypatch, capsys):
    if line.startswith("convert"):
        pytest.importorskip("safetensors", reason="safetensors is not installed")
    monkeypatch.chdir(tmp_path)
    save_network("network")
    output, arguments = sys.stdout, line.split()
    workers = ["--workers", "1"] * (arguments[0] in ("train", "evaluate", "bench"))
    code, values, words = ended(capsys, *arguments, *workers)
    assert code == 0
    for name, value in RESULTS[line].items():
        assert type(values[name]) is value if isinstance(value, type) else values[name] == value
    assert words.count("\n") >= 3 or arguments[0] == "predict"
    assert sys.stdout is output  # for whoever runs the next command in this process


def test_every_command_has_it(capsys):
    for word in WORDS:
        assert exit_code(main, word, "--help") == 0
        assert " --json " in capsys.readouterr().out


def test_of_the_page_at_once(tmp_path, monkeypatch, capsys):
    """Whoever reads it needs the address while the page is served."""

    def run():
        values = json.loads(capsys.readouterr().out)
        assert values == {
            "network": "network: dldl-v2, tiny, 32 px",
            "page": "http://127.0.0.1:8000/",
        }
        served.append(values)

    served, server = [], SimpleNamespace(effective_port=8000, run=run)
    monkeypatch.setattr("tinydldl.app.__main__.open_server", lambda *_: server)
    monkeypatch.chdir(tmp_path)
    save_network("network")
    assert exit_code(main, "app", "--weights", "network", "--json") == 130
    assert served
    assert capsys.readouterr().out == ""


def test_of_a_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tinydldl.reproduce.table.write_picture", lambda path, picture: None)
    table = Table("Ages", ["method", "MAE"], [["dldl", "3.0"]], ["A note."])

    def command(argv):
        cli.Parser("reproduce", "").parse_args(argv)
        table.write(tmp_path / "table9", None)

    assert exit_code(command, "--json") is None
    assert json.loads(capsys.readouterr().out) == {"table9": vars(table)}


def test_nothing_where_nothing_was_found(capsys):
    """Whether the error or --json is the first."""
    for arguments in (["--count", "x", "--json"], ["--json", "--count", "x"]):
        assert exit_code(main, "datasets", "synthetic", *arguments) == 2
        assert capsys.readouterr().out == ""


def test_what_json_does_not_know(capsys):
    def command(argv):
        for _ in range(2):  # some commands parse twice
            cli.Parser("command", "").parse_args(argv)
        cli.results.update(array=np.arange(2), number=np.float32(0.5), path=Path("runs"))

    assert exit_code(command, "--json") is None
    assert json.loads(capsys.readouterr().out) == {"array": [0, 1], "number": 0.5, "path": "runs"}
    assert exit_code(command) is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt, 130), (MemoryError, 2)])
def test_what_was_found_before_the_end(error, code, capsys):
    def command(argv):
        cli.Parser("command", "").parse_args(argv)
        cli.results["first"] = 1
        raising(error)()

    assert exit_code(command, "--json") == code
    out, err = capsys.readouterr()
    assert json.loads(out) == {"first": 1}
    assert err.count("\n") == 1
