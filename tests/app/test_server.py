"""Who may ask the server, for what, and what it answers to all others."""

import re
import socket

import pytest
from helpers.server import ask, assert_strict, connect, estimate, raw, refused, serving

from tinydldl.app import estimate as estimates
from tinydldl.app import server as module
from tinydldl.app.server import Application

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
    request = f"{path} HTTP/1.0\r\nHost: localhost:{server.port}\r\n\r\n".encode()
    answers = []
    for method in (b"GET ", b"HEAD "):
        with connect(server) as client:
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
    assert server.effective_host == "127.0.0.1"
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


def answer_of(choice, **environ):
    """The status of an answer without a server, for what a server cannot be made to tell."""
    told = []
    Application(choice)(
        {"REQUEST_METHOD": "GET", "PATH_INFO": "/"} | environ, lambda *head: told.append(head)
    )
    ((status, _),) = told
    return int(status.split()[0])


def test_on_port_80_browsers_leave_the_port_out(choice):
    hosts = {"localhost": 200, "127.0.0.1:80": 200, "evil.example": 403, "localhost:81": 403}
    for host, status in hosts.items():
        assert answer_of(choice, SERVER_PORT="80", HTTP_HOST=host) == status
    assert answer_of(choice, SERVER_PORT="81", HTTP_HOST="localhost") == 403


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


TOKEN = "a-token-of-43-letters"


@pytest.fixture(scope="module")
def shared(choice):
    """A server that others can reach."""
    with serving(choice, TOKEN) as running:
        yield running


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        (f"?token={TOKEN}", {}, 200),
        (f"?whole=1&token={TOKEN}", {}, 200),
        ("", {"X-Token": TOKEN}, 200),
        ("", {}, 403),
        ("?token=", {}, 403),
        (f"?token={TOKEN[:-1]}", {}, 403),
        (f"?token={TOKEN}x", {}, 403),
        (f"?token=x&token={TOKEN}", {}, 403),
        ("?token=%ff%00", {}, 403),
        ("", {"X-Token": ""}, 403),
        ("", {"X-Token": TOKEN.upper()}, 403),
        ("", {"X-Token": b"\xff"}, 403),
        ("", {"Authorization": TOKEN}, 403),
        ("", {"Host": "localhost"}, 403),
    ],
)
def test_who_knows_the_token(shared, gradient, query, headers, status):
    """For the page and for photos, whatever the name is by which the server was found."""
    answers = [
        ask(shared, "GET", f"/{query}", headers=headers),
        ask(shared, "GET", f"/{query}", headers={"Host": "their.example"} | headers),
        ask(shared, "POST", f"/estimate{query}", gradient, headers),
    ]
    for answer in answers:
        assert answer[0] == status
        assert status == 200 or refused(answer, 403, "ends with a token")


def test_the_token_is_no_right_of_other_pages(shared, gradient):
    headers = {"X-Token": TOKEN, "Host": "192.0.2.1:8000"}
    assert estimate(shared, gradient, Origin="http://192.0.2.1:8000", **headers)[0] == 200
    answer = estimate(shared, gradient, Origin="http://evil.example", **headers)
    assert refused(answer, 403, "its own page alone")


# ----------------------------------------------------------------------------------- for what


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", path) for path in ("/x", "/estimate", "/page.js", "/../app.py")),
        *(("POST", path) for path in ("/", "/x", "/estimate/")),
        *((method, "/estimate") for method in ("PUT", "DELETE", "OPTIONS", "TRACE")),
        *((method, "/") for method in ("PUT", "DELETE", "OPTIONS", "TRACE")),
    ],
)
def test_nothing_else(server, method, path):
    assert refused(ask(server, method, path, b""), 404, "no such page")


def test_what_is_no_photo(server):
    answer = estimate(server, b"just a text")
    sentence = "This file cannot be used: not a photo that can be read; expected JPEG, PNG, WebP, "
    assert refused(answer, 422)
    assert answer[2]["error"].startswith(sentence)


# --------------------------------------------------------------------------------------- errors


def test_nothing_is_logged(server, gradient, capfd, caplog):
    ask(server, "GET", "/holiday.jpg")
    estimate(server, gradient, "whole=1&name=holiday.jpg")
    estimate(server, b"text", "name=holiday.jpg")
    assert raw(server, "GET / nonsense HTTP/1.1") == 400
    assert (*capfd.readouterr(), *caplog.messages) == ("", "")


def test_an_error_of_ours_is_told_and_the_server_goes_on(server, gradient, monkeypatch, capfd):
    def broken(choice, data, whole):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(module, "estimate", broken)
    assert refused(estimate(server, gradient), 500, "Something went wrong")
    monkeypatch.undo()
    assert estimate(server, gradient, "whole=1")[0] == 200
    assert "ZeroDivisionError: planted" in capfd.readouterr().err
