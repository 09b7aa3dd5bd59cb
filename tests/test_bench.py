"""The benchmark: the right things are measured, all engines compute the same, figures are right."""

import json
import os

import numpy as np
import pytest
from PIL import Image
from running import exit_code

from tinydldl.bench import main, print_ratios, print_table
from tinydldl.benchmark import engines, memory, profile, race
from tinydldl.benchmark.cases import ALL, Case
from tinydldl.benchmark.engines import TextbookConv2d
from tinydldl.benchmark.race import BenchError, Racer, Result, check_agreement
from tinydldl.layers import Conv2d
from tinydldl.processes import Processes

TRAIN, INFERENCE = Case.parse("tiny-32-3-train"), Case.parse("tiny-32-3-inference")


def run(*arguments):
    """The exit code of the command."""
    return exit_code(main, *arguments)


def test_cases_and_their_names():
    assert [Case.parse(str(case)) for case in ALL] == ALL
    assert Case.parse("thin-224-16-train") == Case("thin", 224, 16, True)


@pytest.mark.parametrize("name", ["", "tiny", "tiny-64-32", "huge-64-32-train", "tiny-16-1-train"])
def test_other_names_are_refused(name, capsys):
    assert run("--cases", name) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "such as tiny-64-32-train" in error


def test_flops_of_direct_convolution():
    """By hand for 64 px: pixels at each depth, times 9 C OC, and the last layer."""
    channels = [(64, 3, 16), (64, 16, 16), (32, 16, 32), (32, 32, 32), (16, 32, 64), (16, 64, 64)]
    channels += [(16, 64, 64), (8, 64, 128), (8, 128, 128), (8, 128, 128)]
    channels += [(4, 128, 128)] * 3
    products = sum(side * side * 9 * C * OC for side, C, OC in channels) + 128 * 101
    assert Case.parse("tiny-64-32-inference").flops() == 2 * products * 32
    assert Case.parse("tiny-64-32-train").flops() == 6 * products * 32


@pytest.mark.parametrize("options", [{"padding": 1, "bias": False}, {"stride": 2}])
def test_the_textbook_convolution_is_the_layer(options, rng):
    conv = Conv2d(3, 4, **options, rng=rng).to(dtype=float)
    textbook = TextbookConv2d.of(Conv2d(3, 4, **options, rng=rng).to(dtype=float))
    for name, value in conv.params.items():
        textbook.params[name][...] = value
    x = rng.standard_normal((2, 7, 6, 3))
    y = conv.forward(x)
    dy = rng.standard_normal(y.shape)
    np.testing.assert_allclose(textbook.forward(x), y, atol=1e-12)
    np.testing.assert_allclose(textbook.backward(dy), conv.backward(dy), atol=1e-12)
    for name, gradient in conv.grads.items():
        np.testing.assert_allclose(textbook.grads[name], gradient, atol=1e-12)


@pytest.mark.parametrize("case", [TRAIN, INFERENCE], ids=str)
def test_all_engines_compute_the_same(case, torch):
    """The losses of two steps, so that backward and Adam are compared, too."""
    values = {}
    for name, make in engines.ENGINES.items():
        step = make(case, 1)
        values[name] = [step(), step()]
    for name, pair in values.items():
        np.testing.assert_allclose(pair, values["layers"], rtol=1e-3, err_msg=name)
    if case.train:
        assert values["layers"][0] != values["layers"][1]


def test_an_engine_that_computes_something_else_is_not_timed():
    class Fake:
        def __init__(self, engine, value):
            self.engine, self.value = engine, value

    check_agreement(TRAIN, [Fake("layers", 40.0), Fake("fast", 40.01)])
    with pytest.raises(BenchError, match="fast computes 41"):
        check_agreement(TRAIN, [Fake("layers", 40.0), Fake("fast", 41.0)])
    with pytest.raises(BenchError):
        check_agreement(TRAIN, [Fake("layers", 40.0), Fake("fast", float("nan"))])


def test_an_engine_that_ends_is_one_line():
    racer = Racer("layers", INFERENCE, 1)
    racer.process.processes[0].kill()
    with pytest.raises(BenchError, match="engine layers ended with exit code"):
        racer.ask(1)


def tell_blas_threads(pipe, _):
    """What a process was told about its BLAS threads."""
    pipe.send(os.environ["OPENBLAS_NUM_THREADS"])


def test_blas_threads_are_those_asked_for_and_only_there():
    before = os.environ["OPENBLAS_NUM_THREADS"]
    with race.blas_threads(5):
        process = Processes(1, tell_blas_threads)
    assert process.pipes[0].recv() == "5"
    process.close()
    assert os.environ["OPENBLAS_NUM_THREADS"] == before


def test_pss_of_a_summary():
    text = "aa-ff ---p 0 00:00 0 [rollup]\nRss: 900 kB\nPss:      123 kB\nPss_Anon: 99 kB\n"
    assert memory.pss(text) == 123 * 1024
    assert memory.pss("") == 0


def allocate(pipe, _, size):
    """Holds memory until it is told to go on."""
    held = np.ones(size, np.uint8)
    pipe.send(int(held[-1]))
    pipe.recv()


@pytest.mark.skipif(not memory.PROC.exists(), reason="memory is read from /proc, which is Linux's")
def test_memory_is_that_of_all_children():
    size = 200 * 10**6
    before = memory.held(os.getpid())
    process = Processes(1, allocate, size)
    process.pipes[0].recv()
    assert size < memory.held(os.getpid()) - before < 1.5 * size
    watch = memory.Peak(process.processes[0].pid, seconds=0.001)
    while watch.most is None:
        pass
    assert watch.stop() > size
    process.close()
    assert memory.held(process.processes[0].pid) is None


MEASURED = {
    TRAIN: [Result("fast", [0.1, 0.3, 0.2], 10**8), Result("torch", [0.4, 0.3, 0.4], 25 * 10**7)]
}


def test_the_table(capsys):
    print_table(MEASURED, peak=1e12)
    _, fast, torch = capsys.readouterr().out.splitlines()
    gflops = TRAIN.flops() / 0.2 / 1e9
    assert fast.split() == [
        "tiny-32-3-train", "fast", "200.0", "100.0", "-", "300.0", "15.0", f"{gflops:.0f}",
        f"{gflops / 1000:.0%}", "100",
    ]  # fmt: skip
    assert torch.split()[2] == "400.0"


def test_the_ratios_are_those_of_each_round(capsys):
    """4, 1 and 2: the median of ratios, which is not the ratio of medians here."""
    measured = {TRAIN: [Result("fast", [0.1, 0.3, 0.2], 1), Result("torch", [0.4, 0.3, 0.4], 3)]}
    print_ratios(measured, "torch")
    assert capsys.readouterr().out.splitlines()[-1].split() == [
        "tiny-32-3-train", "2.00", "1.00", "-", "4.00", "3.00",
    ]  # fmt: skip


def test_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(race, "SECONDS", 0.01)
    monkeypatch.setattr(race, "SGEMM", 200)
    monkeypatch.setattr(profile, "STEPS", 1)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    out, png = tmp_path / "out.json", tmp_path / "profile.png"
    code = run(
        "--cases", TRAIN, "--engines", "layers", "im2col", "--rounds", 3, "--workers", 1,
        "--against", "layers", "--json", out, "--profile", png,
    )  # fmt: skip
    assert code == 0
    text = capsys.readouterr().out
    assert "warning: OPENBLAS_CORETYPE is set" in text
    assert "time of layers / time of fast" in text
    (case,) = json.loads(out.read_text())["cases"].values()
    assert set(case) == {"fast", "layers", "im2col"}
    assert all(len(engine["seconds"]) == 3 for engine in case.values())
    with Image.open(png) as picture:
        assert picture.width > 600


def test_the_profile_adds_up():
    times = profile.profile(TRAIN)
    assert list(times["layers"])[:3] == ["1_1", "1_2", "2_1"]
    assert set(times["layers"]) <= set(times["fast"])
    for spent in times.values():
        assert spent["3_2"]["forward"] > 0
        assert spent["3_2"]["backward"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engines", "jax"], "invalid choice: 'jax'"),
        (["--rounds", "2"], "expected a whole number from 3 up"),
        (["--workers", "0"], "expected a whole number from 1 up"),
    ],
)
def test_bad_arguments_are_one_line(arguments, message, capsys):
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_without_pytorch_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr("tinydldl.benchmark.engines.importlib.util.find_spec", lambda name: None)
    assert run("--against", "torch") == 2
    assert run("--engines", "torch") == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all("PyTorch is not installed" in error for error in errors)
