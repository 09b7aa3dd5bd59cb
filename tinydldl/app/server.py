"""A small web server for one person: `GET /` is the page, `POST /estimate` takes a photo.

It listens to this computer only, and browsers may ask only from its own page: other sites in the
same browser are refused. Nothing is logged, and no photo is ever written to a file.
"""

import json
import os
import re
import secrets
import sys
from contextlib import suppress
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedReader
from multiprocessing.pool import ThreadPool
from pathlib import Path
from socket import SHUT_WR
from socketserver import ThreadingTCPServer
from time import monotonic
from typing import Any

from tinydldl.app.connections import MOST_BYTES, PATIENCE, Connections, Refusal, Request
from tinydldl.app.estimate import Choice, estimate
from tinydldl.errors import UserError
from tinydldl.images import PhotoError

ADDRESS = "127.0.0.1"
NAMES = ("127.0.0.1", "localhost")
FAREWELL = 2  # seconds in which a client may stop sending
GONE = ConnectionError, TimeoutError  # a client that has left, or is silent
Answer = tuple[int, dict[str, Any]]  # an HTTP status, and values for JSON
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
FOLDER = Path(__file__).parent
POLICY = (  # pictures come as data, the camera as a stream
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Server(ThreadingTCPServer):
    """Serve the page with the network `choice` on `port`, 0 for a free one.

    Each connection has its own thread; one more takes photo after photo, so that the next can use
    the memory of the last. Raises UserError if the port cannot be used.
    """

    daemon_threads = True
    request_queue_size = 128  # connections that arrive at once
    allow_reuse_address = os.name == "posix"  # on Windows two programs could share a port

    def __init__(self, choice: Choice, port: int) -> None:
        self.choice, self.connections = choice, Connections()
        self.worker = ThreadPool(1)  # an executor would not let the program end
        try:
            super().__init__((ADDRESS, port), Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", error)
            raise UserError(f"port {port}: {reason}; choose another one with --port") from None

    @property
    def port(self) -> int:
        return self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.welcome(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        self.connections.forget(request)
        super().close_request(request)

    def server_close(self) -> None:
        super().server_close()
        self.worker.terminate()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that have left; show other errors as Python does."""
        if not isinstance(sys.exception(), GONE):
            super().handle_error(request, client_address)


def page(label: str) -> tuple[str, str]:
    """`html, policy` of the page; `label`: of the network that it asks.

    The policy (Content-Security-Policy) lets a browser run and load only what is in the page, and
    talk only to its server. Both have a new nonce each time: what gets in by mistake is not run.
    """
    nonce = secrets.token_urlsafe()
    parts = {"STYLE": read("page.css"), "SCRIPT": read("drawings.js") + read("page.js")}
    parts |= {"NETWORK": escape(label), "NONCE": nonce}
    html = read("page.html")
    for name, text in parts.items():
        html = html.replace(f"<!--{name}-->", text)
    return html, POLICY.format(nonce=nonce)


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def attempt(choice: Choice, data: bytes, whole: bool) -> Answer:
    """`status, values` of an estimate.

    Nothing is raised: an error from a pool refers to itself by its traceback, and keeps the photo.
    """
    try:
        return 200, estimate(choice, data, whole)
    except PhotoError as error:
        return 422, {"error": f"This file cannot be used: {error.reason}."}


class Handler(BaseHTTPRequestHandler):
    """A request in HTTP/1.0: the connection ends with the answer."""

    server: Server
    request_version = default_request_version = "HTTP/1.0"  # never an answer without headers
    requestline = command = ""  # until it is read

    def setup(self) -> None:
        super().setup()
        self.request_file = Request(self.connection, self.server.connections)
        self.rfile = BufferedReader(self.request_file)

    def handle(self) -> None:
        """Answer or refuse a request."""
        try:
            super().handle()
        except Refusal as refusal:
            self.refuse(*refusal.args)
        except GONE:
            raise
        except Exception:
            self.refuse(500, "Something went wrong; the terminal says what.")
            raise

    def do_GET(self) -> None:
        self.check_head()
        if self.path != "/":
            raise Refusal(404, "There is no such page.")
        html, policy = page(self.server.choice.label)
        self.send(200, "text/html", html, {"Content-Security-Policy": policy})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.check_head()
        self.check_origin()
        path, _, query = self.path.partition("?")
        if path != "/estimate":
            raise Refusal(404, "There is no such page.")
        self.send_json(*self.estimate(whole="whole=1" in query.split("&")))

    def check_head(self) -> None:
        """Refuse unreadable headers, and other host names, which may lead here (DNS rebinding)."""
        if self.headers.defects:
            raise Refusal(400, "The headers of this request cannot be read.")
        port = self.server.port
        hosts = [f"{name}:{port}" for name in NAMES] + (list(NAMES) if port == 80 else [])
        given = self.headers.get_all("Host", [])
        if len(given) != 1 or given[0].lower() not in hosts:
            raise Refusal(403, f"This server is for http://{ADDRESS}:{port} alone.")

    def check_origin(self) -> None:
        """Refuse requests from the pages of other sites."""
        own = f"http://{self.headers['Host'].lower()}"
        origins = self.headers.get_all("Origin", [])
        sites = self.headers.get_all("Sec-Fetch-Site", [])
        if set(origins) - {own} or set(sites) - {"same-origin"}:
            raise Refusal(403, "This server answers its own page alone.")

    def length(self) -> int:
        """The number of bytes that follow."""
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or len(lengths) != 1:
            raise Refusal(411, "A photo must say how many bytes it has, in Content-Length.")
        if not re.fullmatch("[0-9]{1,18}", lengths[0]):
            raise Refusal(400, "Content-Length is not a number of bytes.")
        if int(lengths[0]) > MOST_BYTES:
            raise Refusal(413, f"A photo may have {MOST_BYTES // 10**6} MB at most.")
        return int(lengths[0])

    def body(self) -> bytes:
        """The photo, if it arrives in time."""
        length = self.length()
        self.request_file.patience, self.request_file.most = PATIENCE, length
        try:
            data = self.rfile.read(length)
        except TimeoutError:
            raise Refusal(408, f"The photo did not arrive in {PATIENCE} seconds.") from None
        if len(data) < length:
            raise Refusal(400, "The photo did not arrive to its end.")
        return data

    def estimate(self, whole: bool) -> Answer:
        """`status, values` for the photo, which is not held any longer."""
        data = self.body()
        with self.server.connections.place(self.connection):
            return self.server.worker.apply(attempt, (self.server.choice, data, whole))

    def send(self, status: int, kind: str, text: str, headers: dict[str, str]) -> None:
        """Send an answer with the common headers and its own."""
        data = text.encode()
        self.server.connections.hold(self.connection, len(data))
        self.connection.settimeout(PATIENCE)
        self.send_response(status)
        own = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(data))}
        for name, value in (HEADERS | own | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_json(self, status: int, values: dict[str, Any]) -> None:
        again = {"Retry-After": "2"} if status == 503 else {}
        self.send(status, "application/json", json.dumps(values), again)

    def refuse(self, status: int, sentence: str) -> None:
        self.send_json(status, {"error": sentence})

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a request that the base class cannot read."""
        self.refuse(code, HTTPStatus(code).phrase)

    def finish(self) -> None:
        """Read what the client still sends: it could lose the answer if we hung up now."""
        super().finish()
        deadline = monotonic() + FAREWELL
        with suppress(OSError):
            self.connection.shutdown(SHUT_WR)
            self.connection.settimeout(FAREWELL)
            while self.connection.recv(2**16) and monotonic() < deadline:
                pass

    def version_string(self) -> str:
        """The header Server, without the versions of Python and its server."""
        return "tinydldl"

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is logged."""
