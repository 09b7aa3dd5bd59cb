"""How fast is it? `python -m tinydldl.bench` times the engines, and PyTorch if installed."""

import argparse
import sys
from itertools import chain
from pathlib import Path
from statistics import median

from tinydldl import cli, machine, plots
from tinydldl.bench import profile, quiet
from tinydldl.bench.cases import ALL, FORM, QUICK, Case
from tinydldl.bench.engines import ENGINES, can_run, missing
from tinydldl.bench.race import Result, race
from tinydldl.errors import UserError
from tinydldl.fast import available_cores
from tinydldl.processes import MOST, bounded

RIVALS = [name for name in ENGINES if name != "fast"]

Measured = dict[Case, list[Result]]


def main(argv: list[str] | None = None) -> int:
    """Measure, and print; returns the exit code."""
    arguments = parse(argv)
    engines, rivals = choose_engines(arguments.engines, arguments.against)
    if arguments.profile:
        check_picture(arguments.profile, arguments.cases)
    workers, rounds = arguments.workers, arguments.rounds
    print(f"tinydldl.bench with {workers} processes or threads, {rounds} rounds")
    print(machine.description(), flush=True)
    before = quiet.pulse()
    races = {}
    for case in arguments.cases:
        races[case] = race(case, [e for e in engines if can_run(e, case)], workers, rounds)
    measured = {case: results for case, (results, _) in races.items()}
    peak = max(peak for _, peak in races.values())
    print(f"sgemm peak of NumPy's BLAS: {peak / 1e9:.0f} GFLOP/s\n")
    verdict = quiet.verdict(before, quiet.pulse())
    print(*table(measured, peak), verdict, sep="\n")
    by_engine = {str(case): {r.engine: vars(r) for r in own} for case, own in measured.items()}
    cli.results.update(machine=machine.description(), peak=peak, verdict=verdict, cases=by_engine)
    for rival in rivals:
        print("", *ratio_table(measured, rival), sep="\n")
    if arguments.profile:
        case = next(case for case in arguments.cases if case.train)
        plots.save(profile.draw(profile.profile(case), str(case)), arguments.profile)
        print(f"\nprofile of {case}: {arguments.profile}")
    return 0


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The arguments, each of `--cases` once; the help describes their default."""
    arguments = build_parser().parse_args(argv)
    arguments.cases = list(dict.fromkeys(chain(*arguments.cases or [QUICK])))
    arguments.workers = bounded(arguments.workers, max(case.batch for case in arguments.cases))
    return arguments


def choose_engines(asked: list[str] | None, against: list[str]) -> tuple[list[str], list[str]]:
    """Which to measure, and which to compare with fast. Raises UserError for missing ones."""
    rivals = [name for name in RIVALS if name in against or "all" in against]
    installed = [name for name in ENGINES if not missing(name)]
    wanted = {*(asked or installed), *rivals, *(["fast"] if rivals else [])}
    for name in wanted:
        if packages := missing(name):
            advice = 'pip install "tinydldl[peers]"'
            raise UserError(f"{name}: {' and '.join(packages)} not installed; {advice}")
    return [name for name in ENGINES if name in wanted], rivals


def check_picture(path: Path, cases: list[Case]) -> None:
    """Raise UserError for a profile that could not be drawn, before minutes are spent."""
    if not any(case.train for case in cases):
        raise UserError("--profile: draws a training step, and --cases has none")
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}")
    if path.is_dir():
        raise UserError(f"{path}: is a folder, expected a file")


def table(measured: Measured, peak: float) -> list[str]:
    """The lines of the table: one per case and engine; `peak`: FLOP/s."""
    form = "{:24} {:20} {:>8} {:>17} {:>9} {:>8} {:>8} {:>6}"
    lines = [form.format("case", "engine", "ms", "range", "images/s", "GFLOP/s", "of peak", "MB")]
    for case, results in measured.items():
        for result in results:
            seconds = median(result.seconds)
            flops = case.flops() / seconds
            low, high = 1000 * min(result.seconds), 1000 * max(result.seconds)
            times = f"{1000 * seconds:.1f}", f"{low:.1f} - {high:.1f}"
            rates = f"{case.batch / seconds:.1f}", f"{flops / 1e9:.0f}", f"{flops / peak:.0%}"
            memory = "-" if result.memory is None else f"{result.memory / 1e6:.0f}"
            lines.append(form.format(str(case), result.engine, *times, *rates, memory))
    return lines


def ratio_table(measured: Measured, rival: str) -> list[str]:
    """The lines of a table: time and memory of a rival over those of the fast engine."""
    what = f"time of {rival} / time of fast (above 1: fast is faster)"
    form = "{:24} {:>6} {:>13} {:>7}"
    lines = [f"{what}, median of the rounds; memory likewise"]
    lines.append(form.format("case", "time", "range", "memory"))
    for case, results in measured.items():
        by_name = {result.engine: result for result in results}
        if rival not in by_name:  # it cannot train
            continue
        fast, other = by_name["fast"], by_name[rival]
        ratios = [a / b for a, b in zip(other.seconds, fast.seconds, strict=True)]
        times = f"{median(ratios):.2f}", f"{min(ratios):.2f} - {max(ratios):.2f}"
        memory = f"{other.memory / fast.memory:.2f}" if other.memory and fast.memory else "-"
        lines.append(form.format(str(case), *times, memory))
    return lines


def build_parser() -> cli.Parser:
    about = "Time training steps and inference, each engine in a process of its own, in turn. "
    about += "FLOP/s are counted as direct convolution; MB is the memory of all processes."
    parser = cli.Parser("bench", about)
    add = parser.add_argument
    names, quick = (" ".join(map(str, some)) for some in (ALL, QUICK))
    about = f"{FORM}; or all: {names} (default: {quick})"
    add("--cases", nargs="+", type=named, metavar="CASE", help=about)
    add("--engines", nargs="+", choices=ENGINES, help="what to time (default: all installed)")
    about = f"print their time over that of fast: {', '.join(RIVALS)}; or all"
    add("--against", nargs="+", default=[], choices=[*RIVALS, "all"], metavar="ENGINE", help=about)
    add("--rounds", type=cli.whole(3), default=5, help="measurements of each engine")
    about = "processes of the fast engine, threads of the others"
    add("--workers", type=cli.whole(1, MOST), default=available_cores(), help=about)
    add("--profile", type=cli.path, metavar="PNG", help="draw the time of the first training case")
    return parser


def named(text: str) -> list[Case]:
    """The type of `--cases`: a list of one, or of all."""
    return ALL if text == "all" else [Case.parse(text)]


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
