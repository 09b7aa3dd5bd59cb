"""How much the server takes: the size of a photo, the time, how many at once."""

import select
import socket
from threading import Event, Thread

import pytest
from helpers.commands import wait_until
from helpers.server import estimate, raw, refused

from tinydldl.app import connections
from tinydldl.app import server as module
from tinydldl.app.connections import LINE_BYTES, MOST_BYTES, PLACES


def head(server, length):
    """The request line and headers of a photo of `length` bytes."""
    lines = "POST /estimate HTTP/1.1", f"Host: localhost:{server.port}"
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], 411),
        (["Transfer-Encoding: chunked"], 411),
        (["Content-Length: 5", "Transfer-Encoding: chunked"], 411),
        (["Content-Length: 5", "Content-Length: 5"], 411),
        *(([f"Content-Length: {text}"], 400) for text in ("", "-1", "1_0", "+5", "5, 5", "9" * 99)),
        ([f"Content-Length: {MOST_BYTES + 1}"], 413),
        (["Content-Length: 0"], 422),
        (["Content-Length: 5"], 422),  # it is read: the text is no photo
    ],
)
def test_a_photo_must_say_how_long_it_is(server, lines, status):
    host = f"Host: localhost:{server.port}"
    found = raw(server, "POST /estimate HTTP/1.1", host, *lines, body=b"hello")
    assert found == status


def test_too_much_is_refused_and_the_sender_hears_of_it(server):
    """Also a client that sends all before it listens."""
    answer = estimate(server, bytes(MOST_BYTES + 1))
    assert refused(answer, 413, "20 MB at most")
    assert estimate(server, bytes(MOST_BYTES))[0] == 422  # zeros are no photo, but not too many


def test_a_client_that_hangs_up_early_is_refused(server):
    with socket.create_connection(server.server_address, timeout=60) as client:
        client.sendall(head(server, 50) + b"hello")
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answer:
            assert answer.readline().split()[1] == b"400"


@pytest.mark.parametrize("text", [b"", b"GET / HTTP/1.1\r\nHost: "], ids=["nothing", "a part"])
def test_a_silent_client_is_hung_up_on(server, monkeypatch, text):
    monkeypatch.setattr(connections, "HEAD_PATIENCE", 0.1)
    with socket.create_connection(server.server_address, timeout=60) as client:
        client.sendall(text)
        assert client.recv(1) == b""


@pytest.mark.parametrize("pause", [0.02, 10], ids=["a byte at a time", "not at all"])
def test_a_photo_that_does_not_arrive_in_time(server, monkeypatch, pause):
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with socket.create_connection(server.server_address, timeout=60) as client:
        client.sendall(head(server, 3000))
        for _ in range(3000):  # all of it would take a minute
            client.sendall(b"x")
            if select.select([client], [], [], pause)[0]:
                break
        assert client.recv(12) == b"HTTP/1.0 408"


@pytest.fixture
def slow(monkeypatch):
    """Photos are looked at until `slow.go_on` is set; `slow.most` is how many were at once."""

    class Slow:
        begun, go_on, at_work, most = Event(), Event(), 0, 0

        def estimate(self, choice, data, whole):
            self.at_work += 1
            self.most = max(self.most, self.at_work)
            self.begun.set()
            self.go_on.wait(60)
            self.at_work -= 1
            return {}

    slow = Slow()
    monkeypatch.setattr(module, "estimate", slow.estimate)
    yield slow
    slow.go_on.set()


def send(server, photos):
    """Send photos, each in a thread, and wait until all are in line: the threads, the statuses."""
    statuses = []
    clients = [
        Thread(target=lambda photo=photo: statuses.append(estimate(server, photo)[0]))
        for photo in photos
    ]
    for client in clients:
        client.start()
    wait_until(lambda: len(server.connections.line) >= len(photos))
    return clients, statuses


def test_one_at_a_time_and_a_short_line(server, slow, gradient):
    """All places are taken, and one photo is looked at; who comes now is told to come again."""
    clients, statuses = send(server, [gradient] * PLACES)
    assert slow.begun.wait(60)
    answer = estimate(server, bytes(MOST_BYTES))
    slow.go_on.set()
    for client in clients:
        client.join()
    assert refused(answer, 503, "Try again")
    assert int(answer[1]["Retry-After"]) > 0
    assert statuses == [200] * PLACES
    assert slow.most == 1
    assert estimate(server, gradient)[0] == 200  # the places are free again


def test_a_line_of_few_bytes(server, slow):
    clients, statuses = send(server, [bytes(MOST_BYTES)] * (LINE_BYTES // MOST_BYTES))
    assert refused(estimate(server, bytes(MOST_BYTES)), 503, "Try again")
    slow.go_on.set()
    for client in clients:
        client.join()
    assert statuses == [200] * (LINE_BYTES // MOST_BYTES)


def test_a_refusal_gives_its_place_back(server):
    for _ in range(PLACES + 1):
        assert refused(estimate(server, b"text"), 422)
