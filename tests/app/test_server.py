"""Who may ask the server, for what, and what it answers to all others."""

import re
import socket
from threading import Event

import pytest
from helpers.commands import wait_until
from helpers.server import ask, assert_strict, estimate, raw, refused

from tinydldl.app import Server
from tinydldl.app import estimate as estimates
from tinydldl.app import server as module
from tinydldl.errors import UserError

# ------------------------------------------------------------------------------------- the page


def test_the_page(server):
    status, headers, html = ask(server, "GET", "/")
    assert status == 200
    assert_strict(headers)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "mine &lt;network&gt;" in html
    assert "<!--" not in html.replace("<!doctype", "")  # each part is in its place
    words = " ".join(html.split())
    for said in ("estimate of the apparent age of a picture", "wrong by some years on average"):
        assert said in words
    assert "not a measurement of a person" in words
    assert "does not leave this computer" in words


@pytest.mark.parametrize("path", ["/", "/x"])
def test_the_headers_alone(server, path):
    """HEAD: those of GET, and nothing after them."""
    request = f"{path} HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode()
    answers = []
    for method in (b"GET ", b"HEAD "):
        with socket.create_connection(server.server_address, timeout=60) as client:
            client.sendall(method + request)
            answers.append(b"".join(iter(lambda client=client: client.recv(2**16), b"")))
    (headers, text), (alone, rest) = (answer.split(b"\r\n\r\n", 1) for answer in answers)
    assert rest == b""
    for changing in (rb"nonce-[\w-]+", rb"Date: .*"):
        headers, alone = (re.sub(changing, b"", found) for found in (headers, alone))
    assert alone == headers
    assert f"Content-Length: {len(text)}".encode() in headers.split(b"\r\n")


def test_the_page_loads_nothing_from_elsewhere(server):
    _, headers, html = ask(server, "GET", "/")
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", html))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, which is not loaded
    assert "src=" not in html
    assert "connect-src 'self'" in headers["Content-Security-Policy"]


def test_scripts_are_let_in_by_a_number_that_is_never_the_same(server):
    nonces = []
    for _ in range(2):
        _, headers, html = ask(server, "GET", "/")
        (nonce,) = set(re.findall(r'nonce="([^"]+)"', html))
        assert html.count(f'<script nonce="{nonce}">') == html.count("<script") == 1
        assert f"script-src 'nonce-{nonce}';" in headers["Content-Security-Policy"]
        nonces.append(nonce)
    assert nonces[0] != nonces[1]


def test_an_answer(server, choice, portrait):
    for whole in (True, False):
        status, headers, values = estimate(server, portrait, "whole=1" if whole else "")
        assert status == 200
        assert values == estimates.estimate(choice, portrait, whole)
        assert headers["Content-Type"] == "application/json; charset=utf-8"
        assert_strict(headers)


# ---------------------------------------------------------------------------------- who may ask


def test_this_computer_alone(server):
    """127.0.0.2 is this computer, too, but another address of it."""
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(OSError, match=r"refused|timed out|assign|unreachable"):
        socket.create_connection(("127.0.0.2", server.port), timeout=1)


HOSTS = {
    "localhost:{port}": 200,
    "LocalHost:{port}": 200,
    "127.0.0.1:{port}": 200,
    "127.0.0.1": 403,
    "localhost": 403,
    "localhost:1": 403,
    "evil.example:{port}": 403,
    "localhost.evil.example:{port}": 403,
    "evil.example@localhost:{port}": 403,
    "localhost:{port}.evil.example": 403,
    "[::1]:{port}": 403,
    "": 403,
}


@pytest.mark.parametrize(("host", "status"), HOSTS.items())
def test_another_name_of_the_server_is_refused(server, gradient, host, status):
    host = host.format(port=server.port)
    answers = [
        ask(server, "GET", "/", headers={"Host": host}),
        estimate(server, gradient, "whole=1", Host=host),
    ]
    for answer in answers:
        assert answer[0] == status
        assert status == 200 or refused(answer, 403, f"for http://127.0.0.1:{server.port} alone")


def test_no_name_or_two_are_refused(server):
    good, evil = f"Host: localhost:{server.port}", "Host: evil.example"
    assert raw(server, "GET / HTTP/1.1", good) == 200
    assert raw(server, "GET / HTTP/1.1") == 403
    assert raw(server, "GET / HTTP/1.1", good, evil) == 403
    assert raw(server, "GET / HTTP/1.1", evil, good) == 403


def test_on_port_80_browsers_leave_the_port_out(server, monkeypatch):
    monkeypatch.setattr(Server, "port", 80)
    hosts = {"localhost": 200, "127.0.0.1:80": 200, "evil.example": 403, "localhost:81": 403}
    for host, status in hosts.items():
        assert raw(server, "GET / HTTP/1.1", f"Host: {host}") == status


ORIGINS = [
    ({}, 200),
    ({"Origin": "http://{host}", "Sec-Fetch-Site": "same-origin"}, 200),
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "https://{host}"}, 403),
    ({"Origin": "http://{host}.evil.example"}, 403),
    ({"Origin": "http://localhost:1"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Origin": "http://{host}", "Sec-Fetch-Site": "cross-site"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), ORIGINS)
def test_what_another_page_sends_is_refused(server, gradient, headers, status):
    host = f"localhost:{server.port}"
    headers = {name: value.format(host=host) for name, value in headers.items()}
    answer = estimate(server, gradient, "whole=1", Host=host, **headers)
    assert answer[0] == status
    assert status == 200 or refused(answer, 403, "its own page alone")


# ----------------------------------------------------------------------------------- for what


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", path) for path in ("/x", "/estimate", "/?x", "/page.js", "/../app.py")),
        *(("POST", path) for path in ("/", "/x", "/estimate/")),
    ],
)
def test_unknown_paths(server, method, path):
    assert refused(ask(server, method, path, b""), 404, "no such page")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
def test_unknown_methods(server, method):
    assert refused(ask(server, method, "/estimate", b""), 501)


def test_what_is_no_photo(server):
    answer = estimate(server, b"just a text")
    sentence = "This file cannot be used: not a photo that can be read; expected JPEG, PNG, WebP, "
    assert refused(answer, 422)
    assert answer[2]["error"].startswith(sentence)


# --------------------------------------------------------------------------------------- errors


def test_nothing_is_logged(server, gradient, capfd):
    ask(server, "GET", "/holiday.jpg")
    estimate(server, gradient, "whole=1&name=holiday.jpg")
    estimate(server, b"text", "name=holiday.jpg")
    assert raw(server, "GET / nonsense HTTP/1.1") == 400
    assert capfd.readouterr() == ("", "")


def test_an_error_of_ours_is_told_and_the_server_goes_on(server, gradient, monkeypatch, capfd):
    def broken(choice, data, whole):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(module, "estimate", broken)
    assert refused(estimate(server, gradient), 500, "Something went wrong")
    monkeypatch.undo()
    assert estimate(server, gradient, "whole=1")[0] == 200
    told = []  # by another thread, between two lines of dashes, and later
    wait_until(lambda: told.append(capfd.readouterr().err) or "".join(told).count("-" * 40) == 2)
    assert "ZeroDivisionError: planted" in "".join(told)


def test_a_client_that_goes_away_is_no_error(server, gradient, monkeypatch, capfd):
    gone, done = Event(), Event()
    hung_up = server.shutdown_request

    def slow(choice, data, whole):
        gone.wait(60)
        return {"much": "x" * 10**7}

    def note(request):
        hung_up(request)
        done.set()

    monkeypatch.setattr(module, "estimate", slow)
    monkeypatch.setattr(server, "shutdown_request", note)
    head = f"POST /estimate HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
    with socket.create_connection(server.server_address, timeout=60) as client:
        client.sendall(f"{head}Content-Length: 1\r\n\r\nx".encode())
    gone.set()
    assert done.wait(60)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("port", [None, 70000])
def test_a_port_that_cannot_be_used(server, choice, port):
    with pytest.raises(UserError, match=r"^port \d+: .*; choose another one with --port$"):
        Server(choice, port or server.port)
