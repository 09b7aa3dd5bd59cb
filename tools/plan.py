"""What would a measured plan gain? The candidates for each convolution, timed on this machine.

    python tools/plan.py tiny-64-32 thin-224-16          NETWORK-SIDE-BATCH

FFTW and cuDNN time their candidates on the machine and keep the fastest. The fast engine has one
plan for all machines, so that a seed gives the same digits on all of them. This tool times, for
each convolution of a network and in one process, what could be chosen: F(4x4, 3x3) in blocks of
other sizes, nine shifted products, for inference the convolution along rows. It prints the fastest,
and what a plan made of the fastest would gain over the one that is built in.
"""

import os
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Callable
from functools import partial
from statistics import median

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when NumPy is imported

import numpy as np

from tinydldl import machine
from tinydldl.arrays import Array, Kernels
from tinydldl.bench.cases import Case
from tinydldl.fast import convolution, layout
from tinydldl.fast.inference import FEW, LazyMap, Rows, Tiles
from tinydldl.fast.layout import Scratch
from tinydldl.layers import Conv2d, MaxPool2d

USUAL, ROUNDS, SECONDS = layout.BLOCK, 5, 0.02
SHARED = Scratch()
FACTORS = {"quarter blocks": 1 / 4, "half blocks": 1 / 2, "": 1, "double blocks": 2}
PASSES = "forward", "backward", "inference"

Run = Callable[[], object]


def candidates(shape: tuple[int, ...], OC: int, pool: bool) -> dict[str, dict[str, Run]]:
    """`{pass: {candidate: run}}` of a convolution of maps (H, W, N, C) to OC channels."""
    H, W, N, C = shape
    rng = np.random.default_rng(0)
    kernels = rng.standard_normal((3, 3, C, OC), dtype=np.float32)
    scratch, names = Scratch(), ("x", "dy")
    (x, inside), (dy, above) = (
        scratch.padded(name, (H, W, N, channels), np.dtype("f4"))
        for name, channels in zip(names, (C, OC), strict=True)
    )
    for part in (inside, above):
        part[...] = rng.standard_normal(part.shape, dtype=np.float32)
    y = scratch.tiles("output", (H, W, N, OC), x.dtype)
    dx = scratch.tiles("dx", shape, x.dtype)
    found: dict[str, dict[str, Run]] = {name: {} for name in PASSES}
    for name, factor in FACTORS.items():
        run = partial(in_blocks, int(USUAL * factor))
        tiles = f"tiles {name}".strip()
        found["forward"][tiles] = partial(run, convolution.forward, x, kernels, y, scratch)
        found["backward"][tiles] = partial(run, convolution.backward, dy, x, kernels, dx, scratch)
        for way, label in ((Tiles, "tiles"), (Rows, "rows")):
            infer = partial(run, inference, way(kernels, np.zeros(OC, "f4")), shape, pool)
            found["inference"][f"{label} {name}".strip()] = infer
    found["forward"]["nine products"] = partial(nine_products, x, kernels, y, shape)
    return found


def in_blocks(size: int, function: Callable[..., object], *arguments: object) -> None:
    """Call the function with blocks of another size."""
    layout.BLOCK = size
    try:
        function(*arguments)
    finally:
        layout.BLOCK = USUAL


def inference(way: Tiles | Rows, shape: tuple[int, ...], pool: bool) -> None:
    """A convolution, pooled and rectified, written where the next one would read it."""
    scratch, (H, W, N, _), OC = SHARED, shape, len(way.shift)
    x_pad, _ = way.padded(scratch, "x", shape)
    H, W = (H // 2, W // 2) if pool else (H, W)
    out = scratch.take("next", (H, W, N, OC), x_pad.dtype)
    blocks = way.blocks(x_pad, shape, scratch)
    LazyMap(blocks, (H, W, N, OC), x_pad.dtype, "x", pool).write(out)


def nine_products(x_pad: Array, kernels: Kernels, y: Array, shape: tuple[int, ...]) -> None:
    """The formula as it stands: a product for each tap."""
    (H, W, N, C), OC = shape, kernels.shape[3]
    out = y[:H, :W].reshape(H, W, N, OC)
    for i in range(3):
        for j in range(3):
            x = x_pad[i : i + H, j : j + W].reshape(H, W, N, C)
            product = x @ kernels[i, j]
            out[...] = product if i == j == 0 else out + product


def timed(runs: dict[str, Run]) -> dict[str, float]:
    """Milliseconds of each, in turn, the median of the rounds."""
    counts, spent = {}, {name: list[float]() for name in runs}
    for name, run in runs.items():
        run()
        begun = time.perf_counter()
        run()
        counts[name] = max(1, round(SECONDS / (time.perf_counter() - begun)))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            begun = time.perf_counter()
            for _ in range(counts[name]):
                run()
            spent[name].append((time.perf_counter() - begun) / counts[name])
    return {name: 1000 * median(seconds) for name, seconds in spent.items()}


def main(names: list[str]) -> None:
    try:
        cases = [Case.parse(f"{name}-train") for name in names]
    except ArgumentTypeError as error:
        sys.exit(f"error: {error}")
    print(machine.description())
    for case in cases:
        model = case.model()
        layers = list(model.trace(model.input_shape))
        built, best = dict.fromkeys(PASSES, 0.0), dict.fromkeys(PASSES, 0.0)
        print(f"\n{case}: ms as built in, and the fastest where it gains 3 % or more")
        for i, (name, layer, x_shape, y_shape) in enumerate(layers):
            if not isinstance(layer, Conv2d):
                continue
            (H, W, C), OC = x_shape, y_shape[-1]
            pool = isinstance(layers[i + 3][1], MaxPool2d)
            cells = []
            for step, runs in candidates((H, W, case.batch, C), OC, pool).items():
                if step == "backward" and i == 0:
                    continue  # which has no dx
                ms = timed(runs)
                usual = "rows" if step == "inference" and C * OC <= FEW else "tiles"
                fastest = min(ms, key=ms.__getitem__)
                built[step] += ms[usual]
                best[step] += ms[fastest]
                gain = f"{fastest} {ms[fastest]:.2f}" if ms[fastest] < 0.97 * ms[usual] else ""
                cells.append(f"{step} {ms[usual]:7.2f} {gain:24}")
            print(f"{name:8}", *cells)
        for step in PASSES:
            print(f"{step}: {built[step]:.1f} ms, by a measured plan {best[step]:.1f},", end=" ")
            print(f"{built[step] / best[step]:.2f} times as fast")


if __name__ == "__main__":
    main(sys.argv[1:] or ["tiny-64-16"])
