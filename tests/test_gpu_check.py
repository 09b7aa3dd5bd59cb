"""tools/gpu_check.py, as far as it runs without a GPU: on the stand-in, and on the CPU."""

import importlib
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import strict_device
from helpers.commands import exit_code, raising, refused

from tinydldl import backend
from tinydldl.backend import fused, get_array_module
from tinydldl.bench.cases import Case
from tinydldl.bench.engines import missing

SMALL = Case("tiny", 32, 4, train=True)
TOOLS = Path(__file__).parents[1] / "tools"


@pytest.fixture
def tool(monkeypatch):
    """The tool, with the stand-in for a GPU, and small networks."""
    monkeypatch.syspath_prepend(TOOLS)
    gpu_check = importlib.import_module("gpu_check")
    monkeypatch.setattr(backend, "cupy", strict_device)
    monkeypatch.setattr(gpu_check, "choose_device", lambda name: (strict_device, "the stand-in"))
    monkeypatch.setattr(gpu_check, "STEP", SMALL)
    monkeypatch.setattr(gpu_check, "SECONDS", 0)
    return gpu_check


def test_without_a_gpu_it_says_so_in_one_line(tool, monkeypatch, capsys):
    monkeypatch.setattr(tool, "choose_device", backend.choose_device)
    monkeypatch.setattr(backend, "cupy", None)
    monkeypatch.setattr(backend, "no_cupy", ModuleNotFoundError("No module named 'cupy'"))
    assert refused(capsys, tool.main).startswith("device 'cuda': No module named 'cupy'; use")
    assert capsys.readouterr().out == ""


def test_a_part_that_fails_says_why_in_one_line_and_the_others_go_on(tool, monkeypatch, capsys):
    failing = raising(RuntimeError("no room\n  on it"))
    monkeypatch.setattr(tool, "PARTS", {"One": failing, "Two": lambda xp: ["2"]})
    assert exit_code(tool.main) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:4] == ["One", "    FAILED: RuntimeError: no room on it"]
    assert lines[5:7] == ["Two", "    2"]
    assert lines[-2:] == ["1 of 2 parts passed", "FAILED: One"]
    monkeypatch.setattr(tool, "PARTS", {"Two": lambda xp: ["2"]})
    assert exit_code(tool.main) == 0


# --- Each part ------------------------------------------------------------------------------------


def test_fused_functions(tool):
    lines = list(tool.fused_functions(strict_device))
    assert all(line.endswith(" 0.0e+00") for line in lines)
    assert lines[0].startswith("where_positive ")


def test_suite(tool, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-n0")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(tool, "DEVICE", "abacus")
    monkeypatch.setattr(tool, "TESTS", ["tests/test_device.py::test_average"])
    with pytest.raises(tool.CheckFailed, match=r"TINYDLDL_TEST_DEVICE=abacus.* 1 error"):
        list(tool.suite(strict_device))
    monkeypatch.setattr(tool, "run", lambda *_, **__: ["..s", "SKIPPED [1] why", "2 passed"])
    assert list(tool.suite(strict_device)) == ["SKIPPED [1] why", "2 passed"]


def test_a_step_against_the_cpu(tool):
    """Convolved by im2col here, and as shifted products there."""
    loss, gradients = tool.against_the_cpu(strict_device)
    got, expected = re.findall(r"\d+\.\d+", loss)
    assert float(got) == pytest.approx(float(expected), rel=1e-5)
    assert "differ by at most" in gradients


def test_a_step_twice(tool):
    (line,) = tool.twice(strict_device)
    first, second = re.findall(r"\b[0-9a-f]{16}\b", line)
    assert first == second
    assert first != tool.fingerprint(SMALL.model().params)


def test_speed(tool, monkeypatch):
    pool = SimpleNamespace(free_all_blocks=lambda: None, total_bytes=lambda: 7e6)
    monkeypatch.setattr(strict_device, "get_default_memory_pool", lambda: pool, raising=False)
    cases = [SMALL, Case("tiny", 32, 4, train=False)]
    monkeypatch.setattr(tool, "TIMED", cases)
    why = "no PyTorch" if missing("torch") else "no CUDA in it"
    *_, one, two = tool.speed(strict_device)
    for case, line in zip(cases, (one, two), strict=True):
        assert re.fullmatch(rf"{case} +\d+\.\d\d +7 +{why} +{why}", line)


def test_inference_ends_on_the_host(tool):
    case = Case("tiny", 32, 4, train=False)
    logits = tool.our_step(case, strict_device)()
    assert isinstance(logits, np.ndarray)
    np.testing.assert_allclose(logits, tool.our_step(case, np)(), rtol=1e-4, atol=1e-6)


def test_training(tool, elsewhere, monkeypatch):
    monkeypatch.setattr(tool, "DEVICE", "cpu")
    small = f"--limit 40 --size 32 --batch 8 --epochs 2 --loaders 1 --data-dir {Path.cwd()}/data"
    monkeypatch.setattr(tool, "TRAINING", small)
    lines = list(tool.training(np))
    assert [line[:12] for line in lines] == ["epoch   1: l", "epoch   2: l"]
    assert all(line.endswith("% of the time waiting") for line in lines)


# --- Planted bugs ---------------------------------------------------------------------------------


def more_on_a_gpu(x):
    """A bug: another constant on the device."""
    return x + (2 if get_array_module(x) is np else 3)


def wrong(tool, monkeypatch, change):
    """Let our step on a device be followed by `change(model)`, which returns what is lost."""
    step_of = tool.step_of

    def steps(model, case, xp=np):
        step = step_of(model, case, xp)
        return step if xp is np else lambda: step() + change(model)

    monkeypatch.setattr(tool, "step_of", steps)


def another_loss(model):
    return 1.0


def another_gradient(model):
    model.grads["conv3_1.W"][0, 0] *= 2
    return 0.0


def no_gradient(model):
    model.grads["fc.b"][0] = np.nan
    return 0.0


def other_bits(model, count=iter(range(10))):  # noqa: B008  one for all calls, on purpose
    model.params["fc.b"][0] += next(count)
    return 0.0


BUGS = {
    another_loss: ("against_the_cpu", "the losses differ"),
    another_gradient: ("against_the_cpu", "expected less than 0.1 of the norm"),
    no_gradient: ("against_the_cpu", "expected less than 0.1 of the norm"),
    other_bits: ("twice", "they differ"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_wrong_step_is_seen(bug, tool, monkeypatch, capsys):
    wrong(tool, monkeypatch, bug)
    part, words = BUGS[bug]
    assert not tool.passes("", getattr(tool, part), strict_device)
    assert capsys.readouterr().out.endswith(f"    FAILED: CheckFailed: {words}\n")


def test_a_wrong_fused_function_is_seen(tool, monkeypatch, capsys):
    case = fused(more_on_a_gpu), [np.ones((2, 3), dtype=np.float32)]
    monkeypatch.setattr(tool, "fused_cases", lambda rng: {"more": case})
    assert not tool.passes("", tool.fused_functions, strict_device)
    assert "FAILED: CheckFailed: expected less than 1e-05" in capsys.readouterr().out
