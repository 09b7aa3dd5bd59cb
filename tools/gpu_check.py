"""Check tinydldl on an NVIDIA GPU, in less than eight minutes.

    python tools/gpu_check.py

It prints a report, to be pasted into an issue. What is compared with PyTorch needs a PyTorch for
CUDA, and the tests need pytest: `pip install -e ".[test,gpu]"`, or gpu13 for CUDA 13. Exit code 0:
all is well; 1: a check has failed, and said why; 2: there is no GPU that can be used.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from helpers.fused import compute, fused_cases  # noqa: E402

from tinydldl import __version__, cli  # noqa: E402
from tinydldl.arrays import Array, Arrays, Module  # noqa: E402
from tinydldl.backend import choose_device, to_host  # noqa: E402
from tinydldl.bench.cases import ALL, Case  # noqa: E402
from tinydldl.bench.engines import Step, missing, pytorch, step_of  # noqa: E402

Lines = Iterator[str]
DEVICE = "cuda"
ROUNDING = 1e-5  # of the largest value, after one function or in the loss
OTHER_PATHS = 0.1  # of the norm of a gradient, where rounding turns a ReLU off or moves a maximum
STEP = Case("tiny", 64, 8, train=True)
TIMED = [ALL[0], *ALL[2:]]
ROUNDS, SECONDS = 5, 0.5  # of each case and engine
TESTS = ["tests/test_device.py", "tests/test_fused.py"]
TRAINING = "--limit 400 --size 64 --batch 32 --epochs 2 --kl-epochs 0"
ABOUT_CUPY = ("OS", "Python", "CuPy Version", "NumPy", "CUDA Root", "CUDA Driver", "CUDA Runtime")
ABOUT_CUPY += ("CUDA Extra", "cuBLAS", "NVRTC", "Device")


class CheckFailed(Exception):
    """A check has come out wrong; the message says how."""


def main(argv: list[str] | None = None) -> int:
    """Run every part, and print; returns the exit code."""
    about = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(description=__doc__, formatter_class=about).parse_args(argv)
    xp, device = choose_device(DEVICE)
    print(f"tinydldl {__version__} on {device}")
    failed = [title for title, part in PARTS.items() if not passes(title, part, xp)]
    print(f"\n{len(PARTS) - len(failed)} of {len(PARTS)} parts passed", *failed, sep="\nFAILED: ")
    return 1 if failed else 0


def passes(title: str, part: Callable[[Module], Lines], xp: Module) -> bool:
    """Print the lines of a part, or in one line why it has failed; whether it has passed."""
    print(f"\n{title}", flush=True)
    begun = time.perf_counter()
    try:
        for line in part(xp):
            print(f"    {line}", flush=True)
    except Exception as error:  # the next part may still work
        print(f"    FAILED: {type(error).__name__}: {' '.join(str(error).split())}")
        return False
    print(f"    passed in {time.perf_counter() - begun:.0f} s")
    return True


def check(passed: bool, failure: str) -> None:
    """Raise CheckFailed with the message unless it has passed."""
    if not passed:
        raise CheckFailed(failure)


# --- The parts ------------------------------------------------------------------------------------


def environment(xp: Module) -> Lines:
    """Driver, CUDA, its libraries and headers as CuPy finds them, the GPU and its memory."""
    from cupyx import get_runtime_info

    lines = str(get_runtime_info()).splitlines()
    yield from (line for line in lines if line.startswith(ABOUT_CUPY))
    free, total = xp.cuda.runtime.memGetInfo()
    yield f"Memory                    : {total / 1e9:.1f} GB, {free / 1e9:.1f} free"
    header = xp.RawKernel('#include <cuda_fp16.h>\nextern "C" __global__ void empty() {}', "empty")
    header((1,), (1,), ())
    yield "Headers                   : cuda_fp16.h is found"


def fused_functions(xp: Module) -> Lines:
    """Each fused function against NumPy."""
    for name, (function, arguments) in fused_cases(np.random.default_rng(2018)).items():
        expected, got = (compute(function, arguments, module) for module in (np, xp))
        worst = max(difference(to_host(a), b) for a, b in zip(got, expected, strict=True))
        yield f"{name:20} {worst:.1e}"
        check(worst < ROUNDING, f"expected less than {ROUNDING}")


def suite(xp: Module) -> Lines:
    """The tests of everything that runs on a device."""
    words = [*TESTS, "-q", "-p", "no:cacheprovider"]
    lines = run("pytest", *words, limit=240, TINYDLDL_TEST_DEVICE=DEVICE)
    yield from (line for line in lines if line.startswith("SKIPPED"))
    yield lines[-1]


def against_the_cpu(xp: Module) -> Lines:
    """Loss and gradients of one training step."""
    (loss, model), (expected, on_cpu) = stepped(xp), stepped(np)
    yield f"loss {loss:.6f}, {expected:.6f} on the CPU"
    pairs = [(to_host(grad), on_cpu.grads[name]) for name, grad in model.grads.items()]
    worst, norm = (max(difference(*pair, size) for pair in pairs) for size in (top, np.linalg.norm))
    yield f"gradients differ by at most {worst:.1e} of an array's largest, {norm:.1e} of its norm"
    check(abs(loss - expected) < ROUNDING * expected, "the losses differ")
    check(norm < OTHER_PATHS, f"expected less than {OTHER_PATHS} of the norm")


def twice(xp: Module) -> Lines:
    """The same step twice: every bit of every parameter."""
    hashes = [fingerprint(stepped(xp)[1].params) for _ in range(2)]
    yield f"parameters {hashes[0]} and {hashes[1]}"
    check(hashes[0] == hashes[1], "they differ")


def speed(xp: Module) -> Lines:
    """Time of our steps, and of PyTorch's."""
    form = "{:22} {:>10} {:>8} {:>12} {:>12}"
    yield "ms a step, until its loss or logits are on the host; MB that CuPy's pool then holds;"
    yield "PyTorch is eager, channels last; all in float32, products with TF32 in the last column"
    yield form.format("", "ours", "MB", "PyTorch", "with TF32")
    for case in TIMED:
        xp.get_default_memory_pool().free_all_blocks()
        ours = f"{1000 * seconds(our_step(case, xp)):.2f}"
        held = f"{xp.get_default_memory_pool().total_bytes() / 1e6:.0f}"
        xp.get_default_memory_pool().free_all_blocks()
        yield form.format(str(case), ours, held, *(torch_ms(case, tf32) for tf32 in (False, True)))


def training(xp: Module) -> Lines:
    """Two epochs on drawn faces, with the share of the time that the GPU waits for photos."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["--device", DEVICE, "--data-dir", folder, *TRAINING.split()]
        lines = run("tinydldl.train", *words, limit=150, folder=folder)
    yield from (line for line in lines if line.startswith("epoch "))


PARTS = {
    "Environment": environment,
    "Fused functions, largest relative difference from NumPy": fused_functions,
    f"Tests on the device: {' '.join(TESTS)}": suite,
    f"{STEP}: the GPU against the CPU": against_the_cpu,
    f"{STEP}: twice from the same seed": twice,
    "Speed": speed,
    f"Training: {TRAINING}": training,
}

# --- What they need -------------------------------------------------------------------------------


def top(x: Array) -> float:
    """The largest absolute value."""
    return float(abs(x).max())


def difference(got: Array, expected: Array, size: Callable[[Array], float] = top) -> float:
    """The size of the difference of two arrays on the host, relative to that of the expected one.

    Infinity for what is not a number, which would be lost among others.
    """
    got, expected = got.astype(float), expected.astype(float)
    relative = size(got - expected) / max(size(expected), 1e-30)
    return relative if relative < np.inf else np.inf


def run(module: str, *words: str, limit: float, folder: str | Path = ROOT, **extra: str) -> list:
    """The lines that a module prints. Raises CheckFailed with the last ones if it fails."""
    command = [sys.executable, "-m", module, *words]
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": paths} | extra, cwd=folder, timeout=limit,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    check(done.returncode == 0, " / ".join([*lines, *done.stderr.splitlines()][-3:]))
    return lines


def our_step(case: Case, xp: Module) -> Step:
    """Our step, also of inference, ends when its result is on the host."""
    step = step_of(case.model().to(xp), case, xp)
    return step if case.train else lambda: to_host(step())


def stepped(xp: Module) -> tuple[float, Any]:
    """The loss of one training step, and the network after it."""
    model = STEP.model().to(xp)
    return step_of(model, STEP, xp)(), model


def fingerprint(arrays: Arrays) -> str:
    """Eight bytes of a hash of all names and values."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(name.encode() + to_host(array).tobytes())
    return digest.hexdigest()[:16]


def seconds(step: Step) -> float:
    """The time of a step: the median of rounds of many, after those that compile."""
    for _ in range(3):
        begun = time.perf_counter()
        step()
    steps = max(1, round(SECONDS / ROUNDS / (time.perf_counter() - begun)))
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for _ in range(steps):
            step()
        times.append((time.perf_counter() - begun) / steps)
    return median(times)


def torch_ms(case: Case, tf32: bool) -> str:
    """The time of PyTorch's step, or why there is none."""
    if missing("torch"):
        return "no PyTorch"
    import torch

    if not torch.cuda.is_available():
        return "no CUDA in it"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    step = pytorch(case, workers=1, channels_last=True, device=DEVICE)
    milliseconds = 1000 * seconds(step)
    torch.cuda.empty_cache()
    return f"{milliseconds:.2f}"


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
