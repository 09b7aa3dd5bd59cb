"""How much the server takes: the size of a photo, the time, how many at once."""

import select
import socket
import time
from threading import Event, Thread

import pytest
from serving import estimate, raw, refused

from tinydldl.page import server as module
from tinydldl.page.server import MOST_BYTES, PATIENCE, PLACES, Handler


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], 411),
        (["Transfer-Encoding: chunked"], 411),
        (["Content-Length: 5", "Transfer-Encoding: chunked"], 411),
        *(([f"Content-Length: {text}"], 411) for text in ("", "-1", "1_0", "+5", "5, 5", "9" * 99)),
        ([f"Content-Length: {MOST_BYTES + 1}"], 413),
        (["Content-Length: 5"], 422),  # it is read: the text is no photo
    ],
)
def test_a_photo_must_say_how_long_it_is(server, lines, status):
    head = "POST /estimate?network=mine HTTP/1.1", f"Host: localhost:{server.port}"
    assert raw(server, *head, *lines, body=b"hello") == status


def test_too_much_is_refused_and_the_sender_hears_of_it(server):
    """Also a client that sends all before it listens."""
    answer = estimate(server, bytes(MOST_BYTES + 1))
    assert refused(answer, 413, "20 MB at most")
    assert estimate(server, bytes(MOST_BYTES))[0] == 422  # zeros are no photo, but not too many


def test_a_client_that_hangs_up_early_is_refused(server):
    head = f"POST /estimate?network=mine HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
    with socket.create_connection(server.server_address, timeout=60) as client:
        client.sendall(f"{head}Content-Length: 50\r\n\r\nhello".encode())
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answer:
            assert answer.readline().split()[1] == b"400"


def test_a_silent_client_is_hung_up_on(server, monkeypatch):
    assert Handler.timeout == PATIENCE
    monkeypatch.setattr(Handler, "timeout", 0.05)
    with socket.create_connection(server.server_address, timeout=60) as client:
        assert client.recv(1) == b""


@pytest.mark.parametrize("pause", [0.02, 10], ids=["a byte at a time", "not at all"])
def test_a_photo_that_does_not_arrive_in_time(server, monkeypatch, pause):
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    monkeypatch.setattr(Handler, "timeout", 0.2)
    head = f"POST /estimate?network=mine HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
    with socket.create_connection(server.server_address, timeout=60) as client:
        client.sendall(f"{head}Content-Length: 3000\r\n\r\n".encode())
        for _ in range(3000):  # all of it would take a minute
            client.sendall(b"x")
            if select.select([client], [], [], pause)[0]:
                break
        assert client.recv(12) == b"HTTP/1.0 408"


def test_one_at_a_time_and_a_short_line(server, monkeypatch, gradient):
    """All places are taken, and one photo is looked at; who comes now is told to come again."""
    at_work, most, begun, go_on, statuses = 0, 0, Event(), Event(), []

    def slow(choice, data, whole):
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        begun.set()
        go_on.wait(60)
        at_work -= 1
        return {}

    monkeypatch.setattr(module, "estimate", slow)
    clients = [
        Thread(target=lambda: statuses.append(estimate(server, gradient)[0])) for _ in range(PLACES)
    ]
    for client in clients:
        client.start()
    try:
        assert begun.wait(60)
        while server.line.places._value:  # until the others stand in line
            time.sleep(0.01)
        answer = estimate(server, bytes(MOST_BYTES))  # large, so that it is still being sent
    finally:
        go_on.set()
        for client in clients:
            client.join()
    assert refused(answer, 503, "Try again")
    assert int(answer[1]["Retry-After"]) > 0
    assert statuses == [200] * PLACES
    assert most == 1
    assert estimate(server, gradient)[0] == 200  # the places are free again


def test_a_refusal_gives_its_place_back(server):
    for _ in range(PLACES + 1):
        assert refused(estimate(server, b"text"), 422)
