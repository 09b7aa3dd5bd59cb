"""A small web server for one person: `GET /` is the page, `POST /estimate` looks at a photo.

It listens to this computer alone, and a browser may ask only from its own page: any other site that
is open in the same browser is refused. Nothing is logged, and no photo is ever written to a file.
"""

import json
import os
import re
import sys
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socket import SHUT_WR
from socketserver import ThreadingTCPServer
from threading import BoundedSemaphore, Lock
from time import monotonic
from urllib.parse import parse_qs

from tinydldl.backend import UserError
from tinydldl.images import PhotoError
from tinydldl.page.document import page
from tinydldl.page.estimate import estimate

ADDRESS = "127.0.0.1"
NAMES = ("127.0.0.1", "localhost")
MOST_BYTES = 20 * 10**6  # of a photo; the page says so, too
PLACES = 4  # photos at a time: one that is looked at, the others wait
PATIENCE = 20  # seconds for a photo to arrive, and for a client that is silent
FAREWELL = 2  # seconds in which a client that was refused may stop sending
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class ServerError(UserError):
    """The server cannot start."""


class Refusal(Exception):
    """Why a request gets no answer: an HTTP status, and a sentence for the person at the page."""


class Server(ThreadingTCPServer):
    """Serves the page with the networks `choices`, {name: Choice}, on a `port`, 0 for a free one.

    Each connection has a thread of its own. Raises ServerError if the port cannot be used.
    """

    daemon_threads = True
    allow_reuse_address = os.name == "posix"  # on Windows this would let two programs share a port

    def __init__(self, choices, port):
        try:
            super().__init__((ADDRESS, port), Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", error)
            raise ServerError(f"port {port}: {reason}; choose another one with --port") from None
        self.choices = choices
        self.line = Line(PLACES)

    @property
    def port(self):
        return self.server_address[1]

    def handle_error(self, request, client_address):
        """A client that goes away is no error of ours; all else is shown as Python does."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Line:
    """A waiting line with few places: the first in it has its turn, who finds no place must go."""

    def __init__(self, places):
        self.places, self.turn = BoundedSemaphore(places), Lock()

    @contextmanager
    def place(self):
        """Hold a place; gives the lock of the turn. Raises Refusal where there is none."""
        if not self.places.acquire(blocking=False):
            raise Refusal(503, "Other photos are being looked at. Try again in a moment.")
        try:
            yield self.turn
        finally:
            self.places.release()


class Handler(BaseHTTPRequestHandler):
    """One request, in HTTP/1.0: the connection ends with the answer."""

    timeout = PATIENCE

    def do_GET(self):
        self.answer(self.get)

    def do_POST(self):
        self.answer(self.post)

    def answer(self, method):
        """What `method` sends, unless the request is not for us or is refused."""
        try:
            self.check_host()
            method()
        except Refusal as refusal:
            self.send_error(*refusal.args)

    def get(self):
        if self.path != "/":
            raise Refusal(404, "There is no such page.")
        html, policy = page(self.server.choices)
        self.send(200, "text/html", html, {"Content-Security-Policy": policy})

    def post(self):
        self.check_origin()
        path, _, query = self.path.partition("?")
        if path != "/estimate":
            raise Refusal(404, "There is no such page.")
        query = parse_qs(query)
        choice = self.choice(query)
        length = self.length()
        with self.server.line.place() as turn:
            data = self.body(length)
            with turn:
                answer = self.estimate(choice, data, query.get("whole") == ["1"])
        self.send_json(200, answer)

    # ------------------------------------------------------------------------------ who may ask

    def check_host(self):
        """Refuse another site's name: it may have been made to lead here (DNS rebinding)."""
        port = self.server.port
        hosts = [f"{name}:{port}" for name in NAMES] + (list(NAMES) if port == 80 else [])
        given = self.headers.get_all("Host", [])
        if len(given) != 1 or given[0].lower() not in hosts:
            raise Refusal(403, f"This server is for http://{ADDRESS}:{port} alone.")

    def check_origin(self):
        """Refuse what another site's page sends."""
        own = f"http://{self.headers['Host'].lower()}"
        origins = self.headers.get_all("Origin", [])
        sites = self.headers.get_all("Sec-Fetch-Site", [])
        if set(origins) - {own} or set(sites) - {"same-origin"}:
            raise Refusal(403, "This server answers its own page alone.")

    # --------------------------------------------------------------------------- what they ask

    def choice(self, query):
        """The network that is asked for."""
        choices = self.server.choices
        (name,) = query.get("network", [""])[:1]
        if name not in choices:
            raise Refusal(400, f"There is no such network; there are: {', '.join(choices)}.")
        return choices[name]

    def length(self):
        """The bytes that follow."""
        text = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,18}", text):
            raise Refusal(411, "A photo must say how many bytes it has, in Content-Length.")
        if int(text) > MOST_BYTES:
            raise Refusal(413, f"A photo may have {MOST_BYTES // 10**6} MB at most.")
        return int(text)

    def body(self, length):
        """The photo, if it arrives in time."""
        data, deadline = bytearray(), monotonic() + PATIENCE
        try:
            while len(data) < length:
                part = self.rfile.read1(min(2**16, length - len(data)))
                if not part:
                    raise Refusal(400, "The photo did not arrive to its end.")
                if monotonic() > deadline:
                    raise TimeoutError
                data += part
        except TimeoutError:
            raise Refusal(408, f"The photo did not arrive in {PATIENCE} seconds.") from None
        return bytes(data)

    def estimate(self, choice, data, whole):
        try:
            return estimate(choice, data, whole)
        except PhotoError as error:
            raise Refusal(422, f"This file cannot be used: {error.reason}.") from None
        except Exception:
            self.send_error(500, "Something went wrong; the terminal says what.")
            raise

    # -------------------------------------------------------------------------------- answers

    def send(self, status, kind, text, headers=None):
        """Send an answer, with the headers that all have."""
        data = text.encode()
        self.send_response(status)
        own = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": len(data)}
        for name, value in (HEADERS | own | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def send_json(self, status, values, headers=None):
        self.send(status, "application/json", json.dumps(values), headers)

    def send_error(self, code, message=None, explain=None):
        """Refuse a request; the base class does so, too, for one that it cannot read."""
        again = {"Retry-After": 2} if code == 503 else None
        self.send_json(code, {"error": message or HTTPStatus(code).phrase}, again)
        self.take_leave()

    def take_leave(self):
        """Read what the client still sends: it could lose an answer if we hung up meanwhile."""
        deadline = monotonic() + FAREWELL
        try:
            self.connection.shutdown(SHUT_WR)
            self.connection.settimeout(FAREWELL)
            while self.rfile.read1(2**16) and monotonic() < deadline:
                pass
        except OSError:
            pass

    def version_string(self):
        """The header Server: not the versions of Python and of its server."""
        return "tinydldl"

    def log_message(self, format, *arguments):
        """Nothing is logged."""
