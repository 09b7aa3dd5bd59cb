"""A web page on this computer that estimates ages in photos: `python -m tinydldl.app`.

Drop a photo, paste one, or use the camera. The photo goes to this program only.
"""

import ctypes
import secrets
import sys
from contextlib import suppress
from ipaddress import ip_address

from tinydldl import cli, trained, weights
from tinydldl.app.estimate import Choice
from tinydldl.app.server import ADDRESS, open_server
from tinydldl.predict import portraits

EXPOSED = (
    "warning   everyone who can reach this address and knows its token can send photos and see "
    "estimates; photos travel unencrypted"
)


def main(argv: list[str] | None = None) -> None:
    """Serve the page until Ctrl-C."""
    arguments = build_parser().parse_args(argv)
    host = arguments.host
    token = None if host == ADDRESS else secrets.token_urlsafe()
    network = trained.load(weights.find(arguments.weights))
    label = f"{arguments.weights}: {network.text}"
    share_memory()
    server = open_server(Choice(label, network, arguments.crop), host, arguments.port, token)
    place = f"[{host}]" if ":" in host else host
    query = f"?token={token}" if token else ""
    print("tinydldl.app")
    print(f"network   {label}")
    if token:
        print(EXPOSED)
    if ip_address(host).is_unspecified:
        print(f"others    write this computer's name or IP address where it says {host}")
    page = f"http://{place}:{server.effective_port}/{query}"
    cli.results.update(network=label, page=page)
    print(f"page      {page} (Ctrl-C ends it)", flush=True)
    cli.at_end.close()  # who reads the results needs them now
    server.run()
    raise KeyboardInterrupt  # which waitress has kept to itself


def share_memory() -> None:
    """Under glibc, have one heap for all threads, and photos outside: else it would grow."""
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(-8, 1)  # M_ARENA_MAX
        ctypes.CDLL(None).mallopt(-3, 2**23)  # M_MMAP_THRESHOLD, bytes


def build_parser() -> cli.Parser:
    about = "Estimate the ages of the faces in photos, on a web page of this computer."
    parser = cli.Parser("app", about, portraits.CAUTION)
    portraits.add_network_arguments(parser.add_argument_group("network"))
    add = parser.add_argument_group("server").add_argument
    about = "IP address of the page; with another one, or 0.0.0.0 for all, others can reach it"
    address = cli.kind(lambda text: str(ip_address(text)), "an IP address", bool)
    add("--host", type=address, default=ADDRESS, metavar="ADDRESS", help=about)
    about = "where the page is; 0 takes a free port"
    add("--port", type=cli.whole(0, 65535), default=8000, help=about)
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
