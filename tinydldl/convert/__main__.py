"""Weights from one form to another: `python -m tinydldl.convert FROM TO`."""

import os
import sys
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path

from tinydldl import checkpoint, cli, models, trained, weights
from tinydldl.arrays import Arrays
from tinydldl.convert import onnx_graph, tensors, torch_weights
from tinydldl.errors import UserError
from tinydldl.files import as_json, replacing

HEADS = {"softmax": "softmax", "sigmoid": "sigmoid, divided by the sum"}
CONTENT = {".onnx": onnx_graph.of, ".safetensors": tensors.content}
SUFFIXES = (".npz", *CONTENT)


def main(argv: list[str] | None = None) -> int:
    """Convert a file; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    for path in (Path(arguments.file), arguments.out):
        package = path.suffix[1:]
        if path.suffix in CONTENT and not find_spec(package):
            raise UserError(f'{path}: {package} is not installed; pip install "tinydldl[formats]"')
    finish(opened(arguments), arguments.out)
    return 0


def opened(arguments: Namespace) -> trained.Trained:
    """The network in a file, of whatever kind; prints what was read. Raises UserError."""
    path = weights.find(arguments.file)
    if path.suffix in (".pt", ".pth"):
        raise UserError(f"{path}: of PyTorch; tools/from_pytorch.py, in a clone, reads it")
    if path.suffix != ".safetensors":
        if arguments.head or arguments.pool or arguments.out.suffix == ".npz":
            already = "a checkpoint already, which says all; give it another form"
            raise UserError(f"{arguments.file}: {already}")
        print(f"read      {arguments.file}: a checkpoint")
        return trained.load(path)
    arrays, meta = tensors.read(path)
    print(f"read      {path}: safetensors, {len(arrays)} arrays")
    try:
        if meta is not None:
            if arguments.head or arguments.pool:
                raise UserError("says itself what its network is; leave --head and --pool out")
            return tensors.network_of(arrays, meta)
        return converted(arguments, arrays)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def converted(
    arguments: Namespace, arrays: Arrays, head: str | None = None, pool: str | None = None
) -> trained.Trained:
    """The network of a state_dict; `head`, `pool`: what its file says. Raises UserError."""
    head, pool = arguments.head or head, arguments.pool or pool
    network = torch_weights.convert(arrays, head or "softmax", pool or "hp")
    print(f"pool      {pool or 'hp, as the file does not say; see --pool'}")
    print(f"head      {HEADS[head] if head else 'softmax, as the file does not say; see --head'}")
    return network


def finish(network: trained.Trained, out: Path) -> None:
    """Write a network and say so. Raises UserError as `save` does."""
    written = save(out, network)
    cli.results.update(network=network.meta, written=written)
    mean, std = network.channels
    print(f"network   {network.net}: {models.count_params(network.model):,} parameters")
    print(f"photos    {network.side} px, RGB from 0 to 1, less {mean}, divided by {std}")
    print(f"written   {', '.join(map(str, written))}")
    if out.suffix == ".npz":
        print(f"next      {cli.called('evaluate')} --weights {written[0]} --dataset utkface")


def save(path: Path, network: trained.Trained) -> list[Path]:
    """Write a network; returns its files. Raises UserError if one exists, or without a folder."""
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}; make it first")
    is_npz = path.suffix == ".npz"
    files = [path, path.with_suffix(".json")] if is_npz else [path]
    there = [file for file in files if os.path.lexists(file)]
    # a conversion that was killed may have left its JSON, which is the first
    left_over = is_npz and there == files[1:] and files[1].read_bytes() == as_json(network.meta)
    if there and not left_over:
        raise UserError(f"{there[0]}: exists, and is not overwritten")
    if is_npz:
        arrays = {f"model.{name}": array for name, array in network.arrays.items()}
        checkpoint.save(path.with_suffix(""), arrays, network.meta)
        return files
    content = CONTENT[path.suffix](network)
    with replacing(path) as file:
        file.write(content)
    return files


def build_parser() -> cli.Parser:
    about = "Make a checkpoint of safetensors; or ONNX or safetensors of a network of ours."
    parser = cli.Parser("convert", about)
    add = parser.add_argument
    about = f"FILE.safetensors, a run or checkpoint, or {weights.SHIPPED}"
    add("file", type=cli.text, metavar="FROM", help=about)
    expected = f"a name that ends in {', '.join(SUFFIXES)}"
    out = cli.kind(cli.path, expected, lambda path: path.suffix in SUFFIXES)
    add("out", type=out, metavar="TO", help=f"{expected}; .npz has a .json beside it")
    add = parser.add_argument_group("network", "What a state_dict does not say.").add_argument
    about = "softmax, or sigmoid divided by the sum (default: what the file says, else softmax)"
    add("--head", choices=HEADS, help=about)
    about = "the last pooling, hybrid or the average alone (default: what the file says, else hp)"
    add("--pool", choices=models.POOLS, help=about)
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
