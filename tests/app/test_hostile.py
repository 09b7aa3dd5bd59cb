"""Clients that are slow or mean no good cost the others nothing: real sockets, all at once.

Here the server waits for them for ever, so whoever had to wait for one would never be answered.
"""

import contextlib
import socket
from contextlib import ExitStack, contextmanager
from threading import Event, Thread

import pytest
from helpers.commands import wait_until
from helpers.server import ask, estimate

from tinydldl.app import connections
from tinydldl.app import server as module
from tinydldl.app.connections import ALL_BYTES, MOST_BYTES, MOST_CONNECTIONS

FOR_EVER = 10**6  # seconds
HEAD = b"POST /estimate HTTP/1.1\r\nHost: localhost:%d\r\n"


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Nobody is hung up on for being slow."""
    monkeypatch.setattr(connections, "HEAD_PATIENCE", FOR_EVER)
    monkeypatch.setattr(module, "PATIENCE", FOR_EVER)


@contextmanager
def clients(server, *texts):
    """Clients that each send a text, and then nothing more."""
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_connection(server.server_address, timeout=60))
            for _ in texts
        ]
        for client, text in zip(sockets, texts, strict=True):
            client.sendall(text)
        yield sockets


def body(server, length, sent):
    """A photo of which not all is sent."""
    return HEAD % server.port + b"Content-Length: %d\r\n\r\n" % length + bytes(sent)


def assert_answers(server, photo):
    """Somebody else gets the page, and an answer to a photo."""
    assert ask(server, "GET", "/")[0] == 200
    assert estimate(server, photo, "whole=1")[0] == 200


def is_open(client):
    """Whether the server has not hung up."""
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        client.settimeout(60)


@pytest.mark.parametrize("count", [4, 40, 3 * MOST_CONNECTIONS])
def test_slow_bodies(server, gradient, count):
    with clients(server, *[body(server, 10**6, 1000)] * count):
        assert_answers(server, gradient)


def test_slow_bodies_of_many_bytes(server, gradient):
    """They are held for a while, but only so many of them."""
    photo = gradient + bytes(MOST_BYTES - len(gradient))  # what follows a PNG does not matter
    with clients(server, *[body(server, MOST_BYTES, MOST_BYTES - 1000)] * 8):
        assert_answers(server, photo)
        assert server.connections.held() <= ALL_BYTES


def test_dripping_headers(server, gradient, monkeypatch):
    """Fifty, each a byte now and then: in time for a read, but not for all of the headers."""
    now, done = [0], Event()
    monkeypatch.setattr(connections, "monotonic", lambda: now[0])

    def drip():
        while not done.wait(0.05):
            for client in drippers:
                with contextlib.suppress(OSError):
                    client.send(b"x")

    with clients(server, *[HEAD % server.port + b"X: "] * 50) as drippers:
        thread = Thread(target=drip)
        thread.start()
        try:
            assert_answers(server, gradient)
            assert all(is_open(client) for client in drippers)
            now[0] += FOR_EVER
            wait_until(lambda: not any(is_open(client) for client in drippers))
        finally:
            done.set()
            thread.join()


def test_the_oldest_must_go_where_there_is_no_room(server, gradient, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 3)
    with clients(server, b"GET", b"GET", b"GET") as (first, second, third):
        assert ask(server, "GET", "/")[0] == 200
        assert first.recv(1) == b""
        assert is_open(second)
        assert is_open(third)


def test_who_takes_no_answer(server, gradient):
    """The page is asked for, and never read; the connection stays open."""
    page = b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % server.port
    with clients(server, *[page * 100] * MOST_CONNECTIONS):
        assert_answers(server, gradient)


HOSTILE = {
    "nothing": b"",
    "a part of a line": b"GET /",
    "no headers": b"GET / HTTP/1.1\r\n",
    "empty lines": b"\r\n" * 1000,
    "two at once": b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" * 2,
    "a long line": b"GET /" + b"x" * 70_000,
    "a long header": b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000,
    "many headers": b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 1000,
    "long headers": b"GET / HTTP/1.1\r\n" + (b"X: " + b"x" * 60_000 + b"\r\n") * 9,
    "zeros": bytes(1000),
    "zeros in a header": HEAD + b"X: \0\r\nContent-Length: 5\0\r\n\r\nhello",
    "no header": b"GET / HTTP/1.1\r\nHost: localhost:%d\r\nno header\r\nOrigin: x\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "a version of digits": b"GET / HTTP/" + b"9" * 5000 + b".1\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(200),  # TLS
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method of 0": b"\0 / HTTP/1.1\r\n\r\n",
    "a method of Python's": b"__init__ / HTTP/1.1\r\n\r\n",
    "letters of Latin 1": b"G\xcbT /\xe4\xf6 HTTP/1.1\r\nHost: localhost:%d\r\n\r\n",
    "percents": HEAD.replace(b"estimate", b"estimate?whole=%%00%%ff%%fe&whole=%%2e%%2e%%2f")
    + b"Content-Length: 1\r\n\r\nx",
    "many fields": HEAD.replace(b"estimate", b"estimate?" + b"&a=b" * 10_000)
    + b"Content-Length: 1\r\n\r\nx",
    "another length": HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("at_once", [True, False], ids=["half-closed", "open"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_requests(server, gradient, capfd, name, at_once):
    """No traceback, one answer at most, and others get theirs."""
    text = HOSTILE[name].replace(b"%d", b"%d" % server.port).replace(b"%%", b"%")
    with clients(server, text) as (client,):
        if at_once:
            client.shutdown(socket.SHUT_WR)
        assert_answers(server, gradient)
        if not at_once:
            client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(2**16), b""))
    assert answer.count(b"HTTP/1.0 ") == bool(answer) == answer.startswith(b"HTTP/1.0 ")
    assert capfd.readouterr() == ("", "")


def test_nothing_of_them_stays(server):
    """Neither the threads' connections nor bytes."""
    with clients(server, *[body(server, 10**6, 1000)] * 10, b"GET /"):
        pass
    wait_until(lambda: not server.connections.moving and not server.connections.line)
