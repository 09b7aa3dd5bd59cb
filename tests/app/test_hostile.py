"""Clients that are slow or mean no good cost the others nothing: real sockets, all at once.

But where a test says otherwise the server waits for them for ever, so whoever had to wait for one
would never be answered.
"""

import contextlib
import re
import socket
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from threading import Event, Thread

import pytest
from helpers.commands import wait_until
from helpers.server import ask, connect, estimate, raw, serving

from tinydldl.app import server as module
from tinydldl.app.server import CONNECTIONS, MEGABYTES

FOR_EVER = 10**6  # seconds
MOST_BYTES = MEGABYTES * 10**6
HEAD = b"POST /estimate HTTP/1.1\r\nHost: localhost:%d\r\n"


@pytest.fixture
def server(choice, monkeypatch):
    """Nobody is hung up on for being slow."""
    monkeypatch.setattr(module, "PATIENCE", FOR_EVER)
    with serving(choice) as running:
        yield running


@contextmanager
def clients(server, *texts):
    """Clients that each send a text, and then nothing more."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(connect(server)) for _ in texts]
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


def rest(client):
    """What a client still gets, until the server hangs up."""
    try:
        return b"".join(iter(lambda: client.recv(2**16), b""))
    except ConnectionResetError:
        return b""


# ----------------------------------------------------------------------------------------- slow


@pytest.mark.parametrize("count", [4, CONNECTIONS - 1])
def test_slow_bodies(server, gradient, count):
    with clients(server, *[body(server, 10**6, 1000)] * count):
        assert_answers(server, gradient)


def test_dripping_headers(server, gradient):
    """Twenty, each a byte now and then."""
    done = Event()

    def drip():
        while not done.wait(0.05):
            for client in drippers:
                client.send(b"x")

    with clients(server, *[HEAD % server.port + b"X: "] * 20) as drippers:
        thread = Thread(target=drip)
        thread.start()
        try:
            assert_answers(server, gradient)
        finally:
            done.set()
            thread.join()


def test_who_takes_no_answer(server, gradient):
    """The page is asked for, and never read; the connection stays open."""
    page = b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % server.port
    with clients(server, *[page * 100] * (CONNECTIONS - 1)):
        assert_answers(server, gradient)


def test_more_than_there_is_room_for(choice, gradient, monkeypatch):
    """Only so many are let in, and may be held in memory; the others wait until they are gone."""
    monkeypatch.setattr(module, "CONNECTIONS", 3)
    monkeypatch.setattr(module, "PATIENCE", 2)
    most = [0]

    def note(server):
        most[0] = max(most[0], len(server.active_channels))
        return most[0] >= 3

    with serving(choice) as server, clients(server, *[body(server, 10**6, 1000)] * 10) as slow:
        wait_until(lambda: note(server))
        assert_answers(server, gradient)  # after two seconds, or four
        note(server)
        assert rest(slow[0]) == b""
    assert most == [3]


# ------------------------------------------------------------------------------- photos at once


@pytest.fixture
def working(monkeypatch):
    """Photos are looked at until `working.go_on` is set; `working.most` were so at once."""

    class Working:
        go_on, at_work, most, count = Event(), 0, 0, 0

        def estimate(self, choice, data, whole):
            self.count += 1
            self.at_work += 1
            self.most = max(self.most, self.at_work)
            self.go_on.wait(60)
            self.at_work -= 1
            return {"much": "x" * 10**7}

    working = Working()
    monkeypatch.setattr(module, "estimate", working.estimate)
    yield working
    working.go_on.set()


def arrived(server):
    """How many requests are at work, or wait for it."""
    return sum(bool(channel.requests) for channel in [*server.active_channels.values()])


def test_one_at_a_time_and_the_page_meanwhile(server, working):
    """As many as may be: all have arrived, one is looked at, and the page is there."""
    statuses, count = [], CONNECTIONS - 1
    senders = [
        Thread(target=lambda: statuses.append(estimate(server, b"photo")[0])) for _ in range(count)
    ]
    for sender in senders:
        sender.start()
    wait_until(lambda: arrived(server) == count)
    assert ask(server, "GET", "/")[0] == 200
    working.go_on.set()
    for sender in senders:
        sender.join()
    assert statuses == [200] * count
    assert working.most == 1


def test_a_client_that_goes_away_is_no_error(server, working, gradient, monkeypatch, capfd, caplog):
    with clients(server, body(server, 5, 5)):
        wait_until(lambda: working.count == 1)
    working.go_on.set()
    wait_until(lambda: not server.active_channels)
    monkeypatch.undo()
    assert_answers(server, gradient)
    assert (*capfd.readouterr(), *caplog.messages) == ("", "")


writes = []


def remember(event, arguments):
    """Python tells this of all that it does: remember the files that it opens to write."""
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & 3:
        writes.append(arguments[0])  # os.O_WRONLY, os.O_RDWR


def test_no_photo_and_no_answer_becomes_a_file(server, working):
    """However large they are."""
    sys.addaudithook(remember)  # for good, but it only looks
    with tempfile.TemporaryFile():
        assert writes
    writes.clear()
    working.go_on.set()
    status, _, answer = estimate(server, bytes(MOST_BYTES))
    assert (status, len(answer["much"])) == (200, 10**7)
    assert writes == []


# --------------------------------------------------------------------------------------- too much


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        *(([f"Content-Length: {text}"], 400) for text in ("", "-1", "1_0", "+5", "5, 5")),
        (["Content-Length: 5", "Content-Length: 5"], 400),
        ([f"Content-Length: {MOST_BYTES + 1}"], 413),
        (["Content-Length: " + "9" * 99], 413),
        (["Transfer-Encoding: gzip"], 501),
        ([], 422),  # nothing is no photo, and neither is what is read below
        (["Content-Length: 0"], 422),
        (["Content-Length: 5"], 422),
        (["Transfer-Encoding: chunked"], 422),
    ],
)
def test_how_long_a_photo_is(server, lines, status):
    host = f"Host: localhost:{server.port}"
    text = b"5\r\nhello\r\n0\r\n\r\n"
    assert raw(server, "POST /estimate HTTP/1.1", host, *lines, body=text) == status


def test_the_longest_photo(server):
    assert estimate(server, bytes(MOST_BYTES))[0] == 422  # zeros are no photo, but not too many


def test_chunks_without_end(server, working):
    """They are not collected for ever."""
    with clients(server, HEAD % server.port + b"Transfer-Encoding: chunked\r\n\r\n") as (client,):
        with contextlib.suppress(ConnectionError):  # it hangs up meanwhile
            for _ in range(2 * MEGABYTES):
                client.sendall(b"%x\r\n" % 10**6 + bytes(10**6) + b"\r\n")
        rest(client)
    assert working.count == 0


def test_a_photo_that_breaks_off_is_not_looked_at(server, working):
    with clients(server, body(server, 50, 5)) as (client,):
        client.shutdown(socket.SHUT_WR)
        assert rest(client) == b""
    assert working.count == 0


# -------------------------------------------------------------------------------------------- odd

GET = b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n"
HOSTILE = {  # and the statuses of the answers
    "nothing": (b"", []),
    "a part of a line": (b"GET /", []),
    "no headers": (b"GET / HTTP/1.1\r\n", []),
    "empty lines": (b"\r\n" * 1000, []),
    "two at once": (GET + b"\r\n" + GET + b"\r\n", [200, 200]),
    "a long line": ((b"GET /" + b"x" * 2**18)[: 2**18], [431]),
    "a long header": ((b"GET / HTTP/1.1\r\nX: " + b"x" * 2**18)[: 2**18], [431]),
    "many headers": (GET + b"X: x\r\n" * 1000 + b"\r\n", [200]),
    "zeros": (bytes(1000) + b"\r\n\r\n", [400]),
    "zeros in a header": (GET + b"X: \0\r\n\r\n", [400]),
    "no header": (GET + b"no header\r\nOrigin: x\r\n\r\n", [400]),
    "a folded header": (HEAD + b"Origin:\r\n http://evil.example\r\n\r\n", [403]),
    "no version": (b"GET /\r\n\r\n", [403]),
    "a version of digits": (b"GET / HTTP/" + b"9" * 5000 + b".1\r\n\r\n", [400]),
    "another protocol": (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", [400]),  # TLS
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [403]),
    "a method of 0": (b"\0 / HTTP/1.1\r\n\r\n", [400]),
    "a method of Python's": (b"__init__ / HTTP/1.1\r\n\r\n", [400]),
    "letters of Latin 1": (b"GET /\xe4\xf6 HTTP/1.1\r\nHost: localhost:%d\r\n\r\n", [400]),
    "no address": (b"GET http://[ HTTP/1.1\r\nHost: localhost:%d\r\n\r\n", []),
    "many fields": (HEAD.replace(b"estimate", b"estimate?" + b"&a=b" * 10_000) + b"\r\n", [422]),
    "a long number": (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", []),
    "no chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nhello\r\n", [400]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_requests(server, gradient, capfd, caplog, name):
    """No traceback, and others get their answers."""
    text, statuses = HOSTILE[name]
    with clients(server, text.replace(b"%d", b"%d" % server.port)) as (client,):
        assert_answers(server, gradient)
        with contextlib.suppress(OSError):  # it may have hung up
            client.shutdown(socket.SHUT_WR)
        answers = re.findall(rb"^HTTP/1\.[01] (\d+) ", rest(client), re.MULTILINE)
    assert [int(status) for status in answers] == statuses
    assert (*capfd.readouterr(), *caplog.messages) == ("", "")
