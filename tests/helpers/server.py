"""A server of the page for tests, on a free port, and how they ask it."""

import http.client
import json
import socket
from contextlib import contextmanager
from threading import Thread

from tinydldl.app.server import ADDRESS, open_server


@contextmanager
def serving(choice, token=None):
    """A server with the network `choice`, which runs within this block."""
    from waitress.wasyncore import close_all  # here, since it is optional

    server = open_server(choice, ADDRESS, 0, token)
    server.port = int(server.effective_port)
    thread = Thread(target=server.run)
    thread.start()

    def end():  # the trigger, which the server closes, stays open for whoever is about to pull it
        close_all(server.active_channels)
        server._map.clear()  # with nothing to wait for, run() returns

    try:
        yield server
    finally:
        server.trigger.pull_trigger(end)
        thread.join()
        server.task_dispatcher.shutdown()
        server.close()


def connect(server):
    return socket.create_connection((ADDRESS, server.port), timeout=60)


def ask(server, method, path, body=None, headers=None):
    """The answer to a request: status, headers, and the text or the values of JSON."""
    connection = http.client.HTTPConnection(ADDRESS, server.port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    is_json = response.headers["Content-Type"].startswith("application/json")
    return response.status, response.headers, json.loads(text) if is_json else text


def estimate(server, photo, query="", **headers):
    """The answer to a photo, as bytes."""
    return ask(server, "POST", f"/estimate?{query}", photo, headers)


def raw(server, *lines, body=b""):
    """The status of the answer to a request, line by line."""
    with connect(server) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        with client.makefile("rb") as answer:
            return int(answer.readline().split()[1])


def refused(answer, status, words=""):
    """Whether an answer is a refusal: its status, one sentence, and the strict headers."""
    code, headers, values = answer
    assert code == status
    assert set(values) == {"error"}
    assert words in values["error"]
    assert "\n" not in values["error"]
    assert_strict(headers)
    return True


def assert_strict(headers):
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["Server"] == "tinydldl"
