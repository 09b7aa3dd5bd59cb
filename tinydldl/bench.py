"""How fast is it? `python -m tinydldl.bench` times the engines, and PyTorch where installed."""

import argparse
import json
import os
import sys
from pathlib import Path

from tqdm import tqdm

from tinydldl import checkpoint, cli
from tinydldl.benchmark import profile
from tinydldl.benchmark.cases import ALL, FORM, QUICK, Case
from tinydldl.benchmark.engines import ENGINES, installed
from tinydldl.benchmark.race import BenchError, race, sgemm_peak
from tinydldl.fast import available_cores

CRIPPLING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
LEAST_ROUNDS = 3


def main(argv=None):
    """Measure, and print; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    engines = choose_engines(arguments)
    for name in CRIPPLING:
        if name in os.environ:
            print(f"warning: {name} is set, which may slow NumPy's BLAS a lot; unset it to measure")
    print(
        f"tinydldl.bench with {arguments.workers} processes or threads, {arguments.rounds} rounds"
    )
    peak = sgemm_peak(arguments.workers)
    print(f"sgemm peak of NumPy's BLAS: {peak / 1e9:.0f} GFLOP/s\n")
    measured = {}
    steps = len(arguments.cases) * len(engines) * (arguments.rounds + 2)
    with tqdm(total=steps, desc="measuring", unit=" runs", leave=False) as progress:
        for case in arguments.cases:
            results = race(case, engines, arguments.workers, arguments.rounds, progress.update)
            measured[case] = results
    print_table(measured, peak)
    for against in [name for name in engines if name.startswith(arguments.against or "-")]:
        print_ratios(measured, against)
    if arguments.json:
        write_json(arguments.json, measured, peak, arguments)
    if arguments.profile:
        for case in [case for case in arguments.cases if case.train][:1]:
            with checkpoint.replacing(arguments.profile) as file:
                profile.draw(profile.profile(case), str(case)).savefig(file, format="png")
            print(f"\nprofile of {case}: {arguments.profile}")
    return 0


def choose_engines(arguments):
    """The engines to measure. Raises BenchError if one is not installed."""
    here = installed()
    engines = arguments.engines or here
    if arguments.against and arguments.against != "torch" and arguments.against not in engines:
        engines = [*engines, arguments.against]
    for name in engines:
        if name not in here:
            raise BenchError(f"engine {name}: PyTorch is not installed; pip install torch")
    if arguments.against and not any(name.startswith(arguments.against) for name in engines):
        raise BenchError("--against torch: PyTorch is not installed; pip install torch")
    if arguments.against and "fast" not in engines:
        engines = ["fast", *engines]
    return engines


def print_table(measured, peak):
    """A line for each case and engine."""
    print(
        f"{'case':24} {'engine':20} {'ms':>8} {'range':>15} {'images/s':>9} {'GFLOP/s':>8} "
        f"{'of peak':>8} {'MB':>6}"
    )
    for case, results in measured.items():
        flops = case.flops()
        for result in results:
            low, high = 1000 * min(result.seconds), 1000 * max(result.seconds)
            memory = "-" if result.memory is None else f"{result.memory / 1e6:.0f}"
            print(
                f"{case!s:24} {result.engine:20} {1000 * result.median:8.1f} "
                f"{f'{low:.1f} - {high:.1f}':>15} {case.batch / result.median:9.1f} "
                f"{flops / result.median / 1e9:8.0f} {flops / result.median / peak:8.0%} "
                f"{memory:>6}"
            )


def print_ratios(measured, against):
    """How many times as long as the fast engine another one takes, round by round."""
    print(f"\ntime of {against} / time of fast (above 1: fast is faster), medians of the rounds")
    print(f"{'case':24} {'ratio':>6} {'range':>13} {'memory':>7}")
    for case, results in measured.items():
        fast, other = ({r.engine: r for r in results}[name] for name in ("fast", against))
        ratios = ratios_of(other.seconds, fast.seconds)
        memory = "-" if None in (other.memory, fast.memory) else f"{other.memory / fast.memory:.2f}"
        middle, low, high = ratios[len(ratios) // 2], ratios[0], ratios[-1]
        print(f"{case!s:24} {middle:6.2f} {f'{low:.2f} - {high:.2f}':>13} {memory:>7}")


def ratios_of(seconds, fast):
    """The ratio of each round, from small to large."""
    return sorted(a / b for a, b in zip(seconds, fast, strict=True))


def write_json(path, measured, peak, arguments):
    """All that was measured, to a file, or for `-` to standard output."""
    text = json.dumps(
        {
            "workers": arguments.workers,
            "sgemm_peak": peak,
            "cases": {
                str(case): {r.engine: {"seconds": r.seconds, "memory": r.memory} for r in results}
                for case, results in measured.items()
            },
        },
        indent=2,
    )
    if path == "-":
        print(text)
    else:
        with checkpoint.replacing(Path(path)) as file:
            file.write(text.encode())


def build_parser():
    parser = cli.Parser(
        prog="python -m tinydldl.bench",
        description="Time training steps and inference, each engine in a process of its own, in "
        "turn. FLOP/s are counted as direct convolution; MB is the memory of all processes.",
    )
    parser.add_argument(
        "--cases",
        nargs="+",
        type=case,
        action=Cases,
        default=QUICK,
        metavar="CASE",
        help=f"{FORM}; or all: {' '.join(map(str, ALL))} (default: {' '.join(map(str, QUICK))})",
    )
    parser.add_argument(
        "--engines", nargs="+", choices=ENGINES, help="what to time (default: all that are here)"
    )
    parser.add_argument(
        "--against",
        choices=[*ENGINES],
        metavar="ENGINE",
        help=f"print its time over that of fast: {', '.join(ENGINES)}; torch stands for both",
    )
    parser.add_argument(
        "--rounds", type=cli.whole(LEAST_ROUNDS), default=5, help="measurements of each engine"
    )
    parser.add_argument(
        "--workers",
        type=cli.whole(1),
        default=available_cores(),
        help="processes of the fast engine, threads of the others",
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures there; - for the screen")
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="PNG",
        help="draw where the time of the first training case goes",
    )
    return parser


class Cases(argparse.Action):
    """Collects the cases; `all` stands for the list of them."""

    def __call__(self, parser, namespace, values, option=None):
        flat = [case for value in values for case in (ALL if value == "all" else [value])]
        setattr(namespace, self.dest, list(dict.fromkeys(flat)))


def case(text):
    """The type of `--cases`."""
    try:
        return text if text == "all" else Case.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
