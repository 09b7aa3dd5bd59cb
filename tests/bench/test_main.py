"""The command: its arguments, its tables from made-up numbers, and one small real run."""

import os

import numpy as np
import pytest
from helpers.commands import exit_code, refused
from PIL import Image

from tinydldl.bench import __main__ as bench
from tinydldl.bench import engines, profile, quiet, race
from tinydldl.bench.cases import ALL, QUICK, Case
from tinydldl.bench.engines import ENGINES
from tinydldl.bench.race import Result
from tinydldl.errors import UserError

OURS, THEIRS = ["layers", "fast"], list(ENGINES)[2:]
TRAINS = [name for name in ENGINES if name not in ("onnxruntime", "openvino", "jax")]
TRAIN, INFERENCE = Case("tiny", 64, 32, True), Case("tiny", 64, 32, False)
MB = 10**6
MEASURED = {
    TRAIN: [Result("fast", [0.1, 0.3, 0.2], 50 * MB), Result("torch", [0.2, 0.3, 0.6], 100 * MB)],
    INFERENCE: [
        Result("fast", [0.01, 0.02, 0.03, 0.04], None),
        Result("torch", [0.01, 0.04, 0.09, 0.16], None),
    ],
}


@pytest.fixture
def made_up(monkeypatch):
    """The command measures nothing; returns the list of what it was asked to."""
    asked = []

    def fake(case, engines, workers, rounds):
        asked.append((str(case), engines, workers, rounds))
        peak = 1e11 if case == INFERENCE else 2e11
        return [Result(engine, [0.1, 0.2, 0.4], 10**8) for engine in engines], peak

    monkeypatch.setattr(bench, "race", fake)
    monkeypatch.setattr(engines, "find_spec", lambda name: True)
    monkeypatch.setattr(quiet, "TIMES", 1)
    return asked


def parsed(*arguments):
    return bench.parse(arguments)


def test_cases():
    assert parsed().cases == QUICK
    assert parsed("--cases", "all").cases == ALL
    assert parsed("--cases", "tiny-64-32-inference", "all", "tiny-64-32-train").cases == [
        INFERENCE,
        *(case for case in ALL if case != INFERENCE),
    ]


def test_help_names_the_default_cases_once(capsys):
    assert exit_code(bench.main, "--help") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "(default: tiny-64-32-train tiny-64-32-inference)" in out
    assert "Case(" not in out


@pytest.mark.parametrize(
    ("line", "package"),
    [
        ("--engines torch", "torch: torch"),
        ("--against torch-compile", "torch-compile: torch"),
        ("--against onnxruntime", "onnxruntime: onnxruntime and onnx"),
        ("--against jax", "jax: jax"),
    ],
)
def test_without_the_package_of_an_engine(line, package, capsys, monkeypatch, made_up):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    advice = f'{package} not installed; pip install "tinydldl[peers]"'
    assert refused(capsys, bench.main, *line.split()) == advice
    assert exit_code(bench.main) == 0
    assert {tuple(names) for _, names, _, _ in made_up} == {tuple(OURS)}


@pytest.mark.parametrize(
    ("line", "names", "rivals"),
    [
        ("", list(ENGINES), []),
        ("--engines fast layers fast", OURS, []),
        ("--engines fast --against layers", OURS, ["layers"]),
        ("--engines fast --against jax torch", ["fast", "torch", "jax"], ["torch", "jax"]),
        ("--engines layers --against openvino", [*OURS, "openvino"], ["openvino"]),
        ("--engines fast --against all", list(ENGINES), ["layers", *THEIRS]),
    ],
)
def test_engines(line, names, rivals, monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda name: True)
    asked = parsed(*line.split())
    assert bench.choose_engines(asked.engines, asked.against) == (names, rivals)


def test_table():
    """Every line is as long as the head, and says what the head does."""
    head, train, _, inference, _ = bench.table(MEASURED, peak=1e11)
    assert {len(line) for line in (head, train, inference)} == {len(head)}
    assert " ".join(head.split()) == "case engine ms range images/s GFLOP/s of peak MB"
    gigaflops = TRAIN.flops() / 0.2 / 1e9
    assert train.split() == [
        "tiny-64-32-train", "fast", "200.0", "100.0", "-", "300.0", "160.0", f"{gigaflops:.0f}",
        f"{gigaflops / 100:.0%}", "50",
    ]  # fmt: skip
    assert inference.split()[2] == "25.0"  # the median of four
    assert inference.split()[-1] == "-"  # memory that the system does not tell


def test_ratios_are_of_rounds():
    """2, 1, 3 and 1, 2, 3, 4: not the ratios of the medians, which are 1.5 and 2.6."""
    title, head, train, inference = bench.ratio_table(MEASURED, "torch")
    assert title.startswith("time of torch / time of fast (above 1: fast is faster)")
    assert {len(head), len(train)} == {len(inference)}
    assert train.split() == ["tiny-64-32-train", "2.00", "1.00", "-", "3.00", "2.00"]
    assert inference.split() == ["tiny-64-32-inference", "2.50", "1.00", "-", "4.00", "-"]


def test_what_a_run_prints(capsys, made_up):
    against = "--against", "torch", "onnxruntime"
    assert exit_code(bench.main, "--workers", 2, "--rounds", 3, *against) == 0
    train, inference = map(str, QUICK)
    assert made_up == [(train, TRAINS, 2, 3), (inference, list(ENGINES), 2, 3)]
    out = capsys.readouterr().out
    assert "2 processes or threads, 3 rounds" in out
    assert f"NumPy {np.__version__}" in out
    assert "sgemm peak of NumPy's BLAS: 200 GFLOP/s" in out  # the best of both cases
    assert "a fixed loop took" in out
    assert out.count(f"{train} ") == len(TRAINS) + 1  # some do not train
    assert out.count(f"{inference} ") == len(ENGINES) + 2
    assert out.count("time of torch / time of fast") == 1
    assert out.count("time of onnxruntime / time of fast") == 1


@pytest.mark.parametrize(
    ("before", "after", "quiet_"),
    [
        ([1.0, 1.0, 1.5], [1.05, 1.0, 1.0], True),  # a moment does not count
        ([1.0, 1.2, 1.2], [1.0, 1.0, 1.0], False),  # something runs beside it
        ([1.0, 1.0, 1.0], [1.2, 1.2, 1.2], False),  # the clock is slower than it was
        ([1.2, 1.2, 1.2], [1.0, 1.0, 1.0], False),
    ],
)
def test_quiet(before, after, quiet_):
    """Either of the two that are timed may tell."""
    steady = [2.0, 2.0, 2.0]
    for pulses in ([before, after], [steady, steady]), ([steady, steady], [before, after]):
        (loop, later_loop), (product, later_product) = pulses
        first, last = (
            {"loop": loop, "product": product},
            {"loop": later_loop, "product": later_product},
        )
        assert ("NOT QUIET" not in quiet.verdict(first, last)) == quiet_


def test_a_real_run(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(race, "SECONDS", 0.01)
    monkeypatch.setattr(race, "PAUSE", 0)
    monkeypatch.setattr(race, "SGEMM", 200)
    monkeypatch.setattr(profile, "STEPS", 1)
    picture = tmp_path / "profile.png"
    threads = os.environ["OPENBLAS_NUM_THREADS"]
    code = exit_code(
        bench.main, "--cases", "tiny-32-2-train", "--engines", "layers", "fast",
        "--rounds", 3, "--workers", 1, "--profile", picture,
    )  # fmt: skip
    captured = capsys.readouterr()
    assert code == 0, captured.err
    lines = [line for line in captured.out.splitlines() if line.startswith("tiny-32-2-train")]
    assert [line.split()[1] for line in lines] == ["layers", "fast"]
    for line in lines:
        (ms, low, high, memory) = (line.split()[i] for i in (2, 3, 5, -1))
        assert 0 < float(low) <= float(ms) <= float(high)
        assert memory == "-" or float(memory) > 10
    assert os.environ["OPENBLAS_NUM_THREADS"] == threads
    with Image.open(picture) as image:
        assert image.width > 600


def test_engines_that_disagree_end_the_run(monkeypatch, capsys):
    def disagree(case, racers):
        raise UserError(f"{case}: {len(racers)} engines")

    monkeypatch.setattr(race, "check_agreement", disagree)
    line = "--cases", "tiny-32-2-inference", "--engines", "layers"
    assert refused(capsys, bench.main, *line) == "tiny-32-2-inference: 1 engines"
