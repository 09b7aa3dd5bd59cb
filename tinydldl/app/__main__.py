"""A web page on this computer that estimates ages in photos: `python -m tinydldl.app`.

Drop a photo, paste one, or use the camera. The photo goes to this program only.
"""

import ctypes
import sys
from contextlib import suppress
from pathlib import Path

from tinydldl import cli, trained, weights
from tinydldl.app import ADDRESS, Choice, Server
from tinydldl.predict import portraits


def main(argv: list[str] | None = None) -> None:
    """Serve the page until Ctrl-C."""
    arguments = build_parser().parse_args(argv)
    choices = open_choices(arguments.net, arguments.checkpoint, arguments.crop)
    give_back_large_memory()
    with Server(choices, arguments.port) as server:
        print("tinydldl.app")
        for choice in choices.values():
            print(f"network   {choice.label}")
        print(f"page      http://{ADDRESS}:{server.port} (Ctrl-C ends it)", flush=True)
        server.serve_forever()


def open_choices(net: str, checkpoint: Path | None, crop: str) -> dict[str, Choice]:
    """The networks of the page, {name: Choice}: the one asked for, then all others that ship.

    `crop`: the crop of the first. Raises CheckpointError, or UserError if `net` does not ship.
    """
    network, first = portraits.open_network(net, checkpoint), "checkpoint" if checkpoint else net
    choices = {first: Choice(f"{checkpoint or net}: {network.text}", network, crop)}
    for name in weights.names():
        if name not in choices:
            network = trained.load(weights.find(name))
            choices[name] = Choice(f"{name}: {network.text}", network, "utkface")
    return choices


def give_back_large_memory() -> None:
    """Make glibc return free blocks of 4 MB and more to the system.

    By default it soon keeps some per thread, and photos of 20 MB add up.
    """
    M_MMAP_THRESHOLD = -3
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 4 * 2**20)


def build_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="python -m tinydldl.app",
        description="A web page on this computer that estimates the ages of the faces in photos.",
        epilog=portraits.CAUTION,
    )
    about = "The first one on the page, which also offers all weights that ship."
    portraits.add_network_arguments(parser.add_argument_group("network", about))
    server, about = parser.add_argument_group("server"), "where the page is; 0 takes a free port"
    server.add_argument("--port", type=cli.whole(0, 65535), default=8000, help=about)
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
