"""The command: what it offers, what it prints, and how it ends."""

import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers.commands import exit_code, refused
from helpers.networks import save_network
from helpers.server import ask, connect, estimate

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
    assert error.startswith("tiny: no checkpoint, tiny.json is missing; exp")


def test_the_network_that_is_asked_for(monkeypatch):
    """Of those that ship, or one's own."""
    for net in ("tiny", "thin"):
        save_network(f"ship/{net}", net=net)
    asked = []

    def serve(choice, *_):
        asked.append((choice.label, choice.crop, choice.network.side))
        raise UserError("seen")

    monkeypatch.setattr(app, "open_server", serve)
    own = "--weights", "net", "--crop", "arcface"
    for arguments in ([], ["--weights", "thin"], own):
        assert exit_code(app.main, *arguments) == 2
    assert asked == [
        ("tiny: dldl-v2, tiny, 32 px", "utkface", 32),
        ("thin: dldl-v2, thin, 32 px", "utkface", 32),
        ("net: dldl, tiny, 40 px", "arcface", 40),
    ]


def test_without_waitress(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "waitress", None)
    error = refused(capsys, app.main, "--weights", "net", "--port", 0)
    assert error == 'the page needs waitress: pip install "tinydldl[app]"'


def test_a_port_that_another_program_has(capsys, server):
    error = refused(capsys, app.main, "--weights", "net", "--port", server.port)
    assert str(server.port) in error
    assert error.endswith("; choose another --port or --host")


@contextmanager
def running(*arguments):
    """The command as a user runs it, until Ctrl-C: its lines, and the process with its port."""
    command = [sys.executable, "-m", "tinydldl.app", "--weights", "net", "--port", "0"]
    with subprocess.Popen([*command, *arguments], text=True, stdout=-1, stderr=-1) as run:
        try:
            lines = [next(run.stdout)]
            while not lines[-1].startswith("page"):
                lines.append(next(run.stdout))
            run.port = int(re.search(r":(\d+)/", lines[-1])[1])
            yield run, lines
        finally:
            run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=300)
    assert (out, err, run.returncode) == ("", "stopped\n", 130)


def test_from_start_to_end(gradient):
    """An address is printed, a photo gets an answer, Ctrl-C ends it."""
    with running() as (run, lines):
        page = f"page      http://127.0.0.1:{run.port}/ (Ctrl-C ends it)\n"
        assert lines == ["tinydldl.app\n", "network   net: dldl, tiny, 40 px\n", page]
        assert ask(run, "GET", "/")[0] == 200
        status, _, answer = estimate(run, gradient, "whole=1")
    assert status == 200
    assert len(answer["faces"]) == 1


def test_for_others(gradient):
    """It says what that means; and who knows the address gets the page, and an answer."""
    with running("--host", "0.0.0.0") as (run, lines):
        *_, warning, others, page = lines
        assert others.endswith("this computer's name or IP address where it says 0.0.0.0\n")
        assert "send photos and see estimates" in warning
        assert "unencrypted" in warning
        (token,) = re.findall(r"http://0\.0\.0\.0:\d+/\?token=([\w-]{43}) ", page)
        assert ask(run, "GET", "/")[0] == 403
        assert ask(run, "GET", f"/?token={token}")[0] == 200
        assert estimate(run, gradient, "whole=1")[0] == 403
        assert estimate(run, gradient, "whole=1", **{"X-Token": token})[0] == 200


def test_ctrl_c_does_not_wait_for_those_who_are_connected():
    with running() as (run, _), connect(run) as client:
        client.sendall(b"POST /estimate HTTP/1.1\r\nContent-Length: 9\r\n\r\nphoto")
