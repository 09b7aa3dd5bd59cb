"""The page as one document, and its rules for the browser."""

import secrets
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent
POLICY = (  # pictures come as data, the camera as a stream
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(label: str) -> tuple[str, str]:
    """`html, policy` of the page; `label`: of the network that it asks.

    The policy (Content-Security-Policy) lets a browser run and load only what is in the page, and
    talk only to its server. Both contain a new nonce each time, so that nothing that gets into the
    page by mistake is run.
    """
    nonce = secrets.token_urlsafe()
    parts = {
        "STYLE": read("page.css"),
        "SCRIPT": read("drawings.js") + read("page.js"),
        "NETWORK": escape(label),
        "NONCE": nonce,
    }
    html = read("page.html")
    for name, text in parts.items():
        html = html.replace(f"<!--{name}-->", text)
    return html, POLICY.format(nonce=nonce)


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
