"""The command: what it offers, what it prints, and how it ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.commands import exit_code, refused
from helpers.networks import save_network
from helpers.server import ask, estimate

from tinydldl import weights
from tinydldl.app import __main__ as app
from tinydldl.errors import UserError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A network of one's own, and a folder for weights that ship, which is empty."""
    monkeypatch.chdir(tmp_path)
    Path("ship").mkdir()
    monkeypatch.setattr(weights, "FOLDER", Path("ship"))
    save_network("net", "dldl", side=40)


def test_nothing_to_offer(capsys):
    error = refused(capsys, app.main, "--port", 0)
    assert error.startswith("no weights of tiny ship with tinydldl (there are: none); give")


def test_the_network_that_is_asked_for(monkeypatch):
    """Of those that ship, or one's own."""
    for net in ("tiny", "thin"):
        save_network(f"ship/{net}", net=net)
    asked = []

    def serve(choice, port):
        asked.append((choice.label, choice.crop, choice.network.side))
        raise UserError("seen")

    monkeypatch.setattr(app, "Server", serve)
    own = "--checkpoint", "net", "--crop", "arcface"
    for arguments in ([], ["--net", "thin"], own):
        assert exit_code(app.main, *arguments) == 2
    assert asked == [
        ("tiny: dldl-v2, tiny, 32 px", "utkface", 32),
        ("thin: dldl-v2, thin, 32 px", "utkface", 32),
        ("net: dldl, tiny, 40 px", "arcface", 40),
    ]


def test_from_start_to_end(gradient):
    """As a user runs it: an address is printed, a photo gets an answer, Ctrl-C ends it."""
    command = [sys.executable, "-m", "tinydldl.app", "--checkpoint", "net", "--port", "0"]
    with subprocess.Popen(command, text=True, stdout=-1, stderr=-1) as run:
        try:
            lines = [next(run.stdout)]
            while not lines[-1].startswith("page"):
                lines.append(next(run.stdout))
            assert lines[:2] == ["tinydldl.app\n", "network   net: dldl, tiny, 40 px\n"]
            run.port = int(lines[-1].split()[1].removeprefix("http://127.0.0.1:"))
            assert ask(run, "GET", "/")[0] == 200
            status, _, answer = estimate(run, gradient, "whole=1")
            assert status == 200
            assert len(answer["faces"]) == 1
        finally:
            run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=300)
    assert (out, err, run.returncode) == ("", "stopped\n", 130)
