"""Make a checkpoint of the weights in a PyTorch file: `python -m tinydldl.convert FILE.pt OUT.npz`.

PyTorch is not needed, and nothing of the file is run.
"""

import sys

from tinydldl import cli
from tinydldl.convert import torch_file, torch_weights
from tinydldl.errors import UserError
from tinydldl.models import POOLS, count_params

HEADS = {"softmax": "softmax", "sigmoid": "sigmoid, divided by the sum"}


def main(argv: list[str] | None = None) -> int:
    """Convert a file; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    weights = torch_file.read(arguments.file)
    head, pool = torch_weights.ends_of(weights.modules)
    head, pool = arguments.head or head, arguments.pool or pool
    try:
        network = torch_weights.convert(weights, head or "softmax", pool or "hp")
    except UserError as error:
        raise UserError(f"{arguments.file}: {error}") from None
    written = torch_weights.save(arguments.out, network)

    side, (mean, std) = network.side, network.channels
    print(f"read      {arguments.file}: {weights.text}, {len(weights.arrays)} arrays")
    print(f"network   {network.net}: {count_params(network.model):,} parameters")
    print(f"pool      {pool or 'hp, as the file does not say; see --pool'}")
    print(f"head      {HEADS[head] if head else 'softmax, as the file does not say; see --head'}")
    print(f"photos    {side} px, RGB from 0 to 1, less {mean}, divided by {std}")
    print(f"written   {', '.join(written)}")
    print(f"next      python -m tinydldl.evaluate --checkpoint {written[0]} --dataset utkface")
    return 0


def build_parser() -> cli.Parser:
    parser = cli.Parser("convert", "Make a checkpoint of a PyTorch file, without running it.")
    add = parser.add_argument
    add("file", type=cli.path, metavar="FILE.pt", help="a network, or its state_dict")
    npz = cli.kind(cli.path, "a name that ends in .npz", lambda path: path.suffix == ".npz")
    add("out", type=npz, metavar="OUT.npz", help="the checkpoint, with OUT.json")

    about = "What a state_dict does not say. A file with the whole network does."
    add = parser.add_argument_group("network", about).add_argument
    add("--head", choices=HEADS, help="sigmoid: over its sum (default: the file's, else softmax)")
    add("--pool", choices=POOLS, help="hybrid, or the average alone (default: the file's, else hp)")
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
