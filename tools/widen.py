"""Make ThinAgeNet, with twice the channels, out of a trained TinyAgeNet, and as good as it is.

    python tools/widen.py tinydldl/weights/tiny.npz runs/wide

Every channel gets a twin, and whoever read it now reads both, with two weights whose sum is the one
weight before: so the function stays what it was (Chen, Goodfellow and Shlens, *Net2Net*, ICLR
2016). How a weight is divided is drawn for each anew. So the gradients of twins differ, and
`train --net thin --init runs/wide` lets them part.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from tinydldl import checkpoint, cli, trained
from tinydldl.errors import UserError


def main(argv=None):
    arguments = build_parser().parse_args(argv)
    if arguments.out.exists():
        raise UserError(f"{arguments.out}: exists, and is not overwritten; give another")
    tiny = trained.load(arguments.tiny)
    wide = trained.from_meta(tiny.meta | {"network": tiny.meta["network"] | {"name": "thin"}})
    rng = np.random.default_rng(arguments.seed)
    for name, array in tiny.arrays.items():
        wide.arrays[name][...] = widen(array, wide.arrays[name].shape, rng)
    arguments.out.mkdir(parents=True)
    arrays = {f"model.{name}": array for name, array in wide.arrays.items()}
    checkpoint.save(arguments.out / "checkpoint", arrays, wide.meta)
    print(f"written {arguments.out}: ThinAgeNet, which answers as {arguments.tiny} does")


def widen(array, shape, rng):
    """An array (..., inputs, outputs) or (outputs,), in a `shape` with a twin for each channel."""
    if shape[-1] > array.shape[-1]:
        array = np.concatenate([array, array], axis=-1)
    if array.shape != shape:  # the twins among the inputs share a weight
        share = rng.uniform(size=array.shape)
        array = np.concatenate([array * share, array * (1 - share)], axis=-2)
    return array


def build_parser():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tiny", type=Path, help="run or checkpoint of a TinyAgeNet")
    parser.add_argument("out", type=Path, help="folder to make")
    parser.add_argument("--seed", type=int, default=0, help="draws how weights are shared")
    return parser


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
