"""A web page on this computer that estimates ages in photos: `python -m tinydldl.app`.

Drop a photo, paste one, or use the camera. The photo goes to this program only.
"""

import ctypes
import sys
from contextlib import suppress

from tinydldl import cli
from tinydldl.app import ADDRESS, Choice, Server
from tinydldl.predict import portraits


def main(argv: list[str] | None = None) -> None:
    """Serve the page until Ctrl-C."""
    arguments = build_parser().parse_args(argv)
    network = portraits.open_network(arguments.net, arguments.checkpoint)
    label = f"{arguments.checkpoint or arguments.net}: {network.text}"
    give_back_large_memory()
    with Server(Choice(label, network, arguments.crop), arguments.port) as server:
        print("tinydldl.app")
        print(f"network   {label}")
        print(f"page      http://{ADDRESS}:{server.port} (Ctrl-C ends it)", flush=True)
        server.serve_forever()


def give_back_large_memory() -> None:
    """Make glibc return free blocks of 4 MB and more to the system."""
    M_MMAP_THRESHOLD = -3
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 4 * 2**20)  # each thread would keep some


def build_parser() -> cli.Parser:
    about = "Estimate the ages of the faces in photos, on a web page of this computer."
    parser = cli.Parser("app", about, portraits.CAUTION)
    portraits.add_network_arguments(parser.add_argument_group("network"))
    server, about = parser.add_argument_group("server"), "where the page is; 0 takes a free port"
    server.add_argument("--port", type=cli.whole(0, 65535), default=8000, help=about)
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
