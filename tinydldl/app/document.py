"""The page as one document, and its rules for the browser."""

import secrets
from html import escape
from pathlib import Path

from tinydldl.app.estimate import Choice

FOLDER = Path(__file__).parent
POLICY = (  # pictures come as data, the camera as a stream
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(choices: dict[str, Choice]) -> tuple[str, str]:
    """`html, policy` of the page that offers the networks `choices`, {name: Choice}.

    The policy (Content-Security-Policy) lets a browser run and load only what is in the page, and
    talk only to its server. Both contain a new nonce each time, so that nothing that gets into the
    page by mistake is run.
    """
    nonce = secrets.token_urlsafe()
    options = (
        f'<option value="{escape(name)}">{escape(choice.label)}</option>'
        for name, choice in choices.items()
    )
    parts = {
        "STYLE": read("page.css"),
        "SCRIPT": read("drawings.js") + read("page.js"),
        "NETWORKS": "\n".join(options),
        "NONCE": nonce,
    }
    html = read("page.html")
    for name, text in parts.items():
        html = html.replace(f"<!--{name}-->", text)
    return html, POLICY.format(nonce=nonce)


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
