"""A small web server: `GET /` is the page, `POST /estimate` takes a photo.

`Application` knows who may ask, and for what; waitress speaks HTTP, and a slow client costs it a
connection, but nobody's time. Nothing is logged, and no photo is ever written to a file.
"""

import hmac
import json
import logging
import secrets
import socket
import traceback
from html import escape
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

from tinydldl.app.estimate import Choice, estimate
from tinydldl.errors import UserError
from tinydldl.images import PhotoError

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")
MEGABYTES = 20  # of a photo
CONNECTIONS = 30  # each may hold a photo that arrives or waits: 600 MB in all
PATIENCE = 20  # seconds for a silent client
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Content-Type": "application/json; charset=utf-8",
}
FOLDER = Path(__file__).parent
POLICY = (  # pictures come as data, the camera as a stream
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Refusal(Exception):
    """Why a request is refused: an HTTP status, and a sentence for the person at the page."""


class Application:
    """The page with the network `choice`, by WSGI; with a `token`, for those who know it."""

    def __init__(self, choice: Choice, token: str | None = None) -> None:
        self.choice, self.token = choice, token
        self.turn = Lock()  # one photo at a time: the next can use the memory of the last

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        status, own = 200, dict[str, str]()
        try:
            text, own = self.answer(environ)
        except Refusal as refusal:
            status, text = refusal.args
        except PhotoError as error:
            status, text = 422, f"This file cannot be used: {error.reason}."
        except Exception:
            traceback.print_exc()
            status, text = 500, "Something went wrong; the terminal says what."
        data = (text if status == 200 else json.dumps({"error": text})).encode()
        headers = HEADERS | own | {"Content-Length": str(len(data))}
        start_response(f"{status} {HTTPStatus(status).phrase}", [*headers.items()])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [data]

    def answer(self, environ: WSGIEnvironment) -> tuple[str, dict[str, str]]:
        """A text, the page or JSON, and headers of its own. Raises Refusal and PhotoError."""
        self.check(environ)
        match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
            case "GET" | "HEAD", "/":
                html, policy = page(self.choice.label)
                own = {"Content-Type": "text/html; charset=utf-8"}
                return html, own | {"Content-Security-Policy": policy}
            case "POST", "/estimate":
                check_origin(environ)
                whole = "whole=1" in environ["QUERY_STRING"].split("&")
                with self.turn:
                    values = estimate(self.choice, environ["wsgi.input"].read(), whole)
                return json.dumps(values), {}
        raise Refusal(404, "There is no such page.")

    def check(self, environ: WSGIEnvironment) -> None:
        """Refuse who does not know the token; without one, other names that lead here.

        Those may belong to another site (DNS rebinding), which cannot know a token.
        """
        if self.token:
            query = parse_qs(environ["QUERY_STRING"]).get("token", [""])
            given = environ.get("HTTP_X_TOKEN", query[0])  # of the page's script, or its address
            if not hmac.compare_digest(given.encode(), self.token.encode()):
                raise Refusal(403, "The address of this page ends with a token. Use all of it.")
        else:
            port = environ["SERVER_PORT"]
            hosts = {f"{name}:{port}" for name in NAMES} | set(NAMES if port == "80" else ())
            if environ.get("HTTP_HOST", "").lower() not in hosts:
                raise Refusal(403, f"This server is for http://{ADDRESS}:{port} alone.")


def check_origin(environ: WSGIEnvironment) -> None:
    """Refuse requests from the pages of other sites."""
    own = f"http://{environ.get('HTTP_HOST', '').lower()}"
    is_own = environ.get("HTTP_ORIGIN", own) == own
    if not is_own or environ.get("HTTP_SEC_FETCH_SITE", "same-origin") != "same-origin":
        raise Refusal(403, "This server answers its own page alone.")


def page(label: str) -> tuple[str, str]:
    """`html, policy` of the page; `label`: of the network that it asks.

    The policy (Content-Security-Policy) lets a browser run and load only what is in the page, and
    talk only to its server. Both have a new nonce each time: what gets in by mistake is not run.
    """
    nonce = secrets.token_urlsafe()
    names = ("page.html", "page.css", "drawings.js", "page.js")
    html, style, *scripts = (FOLDER.joinpath(name).read_text(encoding="utf-8") for name in names)
    parts = {"STYLE": style, "SCRIPT": "".join(scripts), "MEGABYTES": str(MEGABYTES)}
    parts |= {"NETWORK": escape(label), "NONCE": nonce}
    for name, text in parts.items():
        html = html.replace(f"<!--{name}-->", text)
    return html, POLICY.format(nonce=nonce)


def open_server(choice: Choice, host: str, port: int, token: str | None = None) -> Any:
    """A server of waitress at `host`, an IP address, and `port`, 0 for a free one.

    `effective_port` is its port; `run()` serves until Ctrl-C. Raises UserError without waitress, or
    if there is no such address, or another program has the port.
    """
    try:
        import waitress
    except ImportError:
        raise UserError('the page needs waitress: pip install "tinydldl[app]"') from None
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise UserError(f"{error.strerror}; choose another --port or --host") from None
    logging.getLogger("waitress").setLevel(logging.CRITICAL)  # what it says is of clients
    return waitress.create_server(
        Application(choice, token),
        sockets=[listener],
        ident="tinydldl",
        threads=CONNECTIONS,  # the page comes while photos wait for their turn
        connection_limit=CONNECTIONS + 2,  # it counts the listener, and a pipe of its own
        channel_timeout=PATIENCE,
        cleanup_interval=1,  # second
        max_request_body_size=MEGABYTES * 10**6 + 1,
        inbuf_overflow=2**30,  # bytes: never, or else photos and answers would become files
        outbuf_overflow=2**30,
    )
