"""The command: what it offers, what it prints, and how it ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.commands import exit_code
from helpers.networks import save_network
from helpers.server import ask, estimate
from PIL import Image

from tinydldl import weights
from tinydldl.app import Server
from tinydldl.app import __main__ as app


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A network of one's own, and a folder for weights that ship, which is empty."""
    monkeypatch.chdir(tmp_path)
    Path("ship").mkdir()
    monkeypatch.setattr(weights, "FOLDER", Path("ship"))
    save_network("net", "dldl", side=40)


def choices(*arguments):
    parsed = app.build_parser().parse_args([str(given) for given in arguments])
    return app.open_choices(parsed.net, parsed.checkpoint, parsed.crop)


def words(choices):
    return {name: choice.label for name, choice in choices.items()}


def test_nothing_to_offer(capsys):
    assert exit_code(app.main, "--port", 0) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: no weights of tiny ship with tinydldl (there are: none); give")
    assert err.count("\n") == 1


def test_a_checkpoint_alone():
    offered = choices("--checkpoint", "net", "--crop", "arcface")
    assert words(offered) == {"checkpoint": "net: dldl, tiny, 40 px"}
    assert offered["checkpoint"].crop == "arcface"
    assert offered["checkpoint"].network.side == 40


def test_all_that_ship_and_first_what_is_asked_for():
    for net in ("tiny", "thin"):
        save_network(f"ship/{net}", net=net)
    tiny, thin = "tiny: dldl-v2, tiny, 32 px", "thin: dldl-v2, thin, 32 px"
    assert list(words(choices()).items()) == [("tiny", tiny), ("thin", thin)]
    assert list(words(choices("--net", "thin")).items()) == [("thin", thin), ("tiny", tiny)]
    offered = choices("--checkpoint", "net", "--crop", "arcface")
    assert list(offered) == ["checkpoint", "thin", "tiny"]
    assert [choice.crop for choice in offered.values()] == ["arcface", "utkface", "utkface"]


def test_a_port_in_use(capsys):
    with Server({}, 0) as server:
        assert exit_code(app.main, "--checkpoint", "net", "--port", server.port) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: port {server.port}: ")
    assert err.endswith("; choose another one with --port\n")
    assert err.count("\n") == 1


def test_from_start_to_end(gradient_photo):
    """As a user runs it: an address is printed, a photo gets an answer, Ctrl-C ends it."""
    command = [sys.executable, "-m", "tinydldl.app", "--checkpoint", "net", "--port", "0"]
    with subprocess.Popen(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        try:
            lines = [next(run.stdout)]
            while not lines[-1].startswith("page"):
                lines.append(next(run.stdout))
            assert lines[:2] == ["tinydldl.app\n", "network   net: dldl, tiny, 40 px\n"]
            run.port = int(lines[-1].split()[1].removeprefix("http://127.0.0.1:"))
            assert ask(run, "GET", "/")[0] == 200
            status, _, answer = estimate(run, gradient_photo, "network=checkpoint&whole=1")
            assert status == 200
            assert len(answer["faces"]) == 1
        finally:
            run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=300)
    assert (out, err, run.returncode) == ("", "stopped\n", 130)


@pytest.fixture
def gradient_photo():
    Image.linear_gradient("L").save("photo.png")
    return Path("photo.png").read_bytes()
