"""The limits of the server: connections, bytes and seconds.

A slow client costs the others nothing. Without room, the server hangs up on the oldest of those
that are still sending a request or receiving an answer; photos that have arrived wait in a line,
and are safe there. `connection` is a socket.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import RawIOBase
from socket import SHUT_RDWR, socket
from threading import Lock
from time import monotonic
from typing import Any

MOST_CONNECTIONS = 64  # each has a thread
MOST_BYTES = 20 * 10**6  # of a photo
MOST_HEAD = 2**17  # bytes of a request line and its headers
PLACES, LINE_BYTES = 4, 50 * 10**6  # photos in the line: one in work, the others wait
ALL_BYTES = LINE_BYTES + 2 * MOST_BYTES  # of all requests and answers
HEAD_PATIENCE = 12  # seconds; browsers open a connection up to ten before they use it
PATIENCE = 20  # seconds for a request to arrive, and for an answer to leave


class Refusal(Exception):
    """Why a request is refused: an HTTP status, and a sentence for the person at the page."""


class Connections:
    """The open connections, oldest first, and the bytes that are held for each."""

    def __init__(self) -> None:
        self.moving: dict[socket, int] = {}  # bytes, on the way
        self.line: dict[socket, int] = {}  # bytes, waiting
        self.lock = Lock()

    def welcome(self, connection: socket) -> None:
        """Add a connection; the oldest may have to go."""
        with self.lock:
            self.moving[connection] = 0
            self.make_room()

    def forget(self, connection: socket) -> None:
        with self.lock:
            self.moving.pop(connection, None)

    def hold(self, connection: socket, count: int) -> None:
        """Hold `count` more bytes. Raises ConnectionAbortedError for a closed connection."""
        with self.lock:
            self.check(connection)
            self.moving[connection] += count
            self.make_room()

    @contextmanager
    def place(self, connection: socket) -> Iterator[None]:
        """Within this block the connection is safe in the line. Raises Refusal if that is full."""
        with self.lock:
            self.check(connection)
            count = self.moving[connection]
            if len(self.line) == PLACES or sum(self.line.values()) + count > LINE_BYTES:
                raise Refusal(503, "Other photos are being looked at. Try again in a moment.")
            self.line[connection] = self.moving.pop(connection)
        try:
            yield
        finally:
            with self.lock:
                del self.line[connection]
                self.moving[connection] = 0

    def check(self, connection: socket) -> None:
        if connection not in self.moving:
            raise ConnectionAbortedError

    def make_room(self) -> None:
        while len(self.moving) > MOST_CONNECTIONS or self.held() > ALL_BYTES:
            oldest = next(iter(self.moving))
            del self.moving[oldest]
            with suppress(OSError):  # it may have gone by itself
                oldest.shutdown(SHUT_RDWR)

    def held(self) -> int:
        return sum(self.moving.values()) + sum(self.line.values())


class Request(RawIOBase):
    """A client's bytes as a file: `most` in `patience` seconds. Raises TimeoutError and Refusal."""

    def __init__(self, connection: socket, connections: Connections) -> None:
        self.connection, self.connections = connection, connections
        self.begin, self.patience, self.most = monotonic(), HEAD_PATIENCE, MOST_HEAD

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.begin + self.patience - monotonic()
        if left <= 0:
            raise TimeoutError
        if not self.most:
            raise Refusal(431, "The headers of this request are too long.")
        self.connection.settimeout(left)
        count = self.connection.recv_into(buffer[: self.most])
        self.most -= count
        self.connections.hold(self.connection, count)
        return count
