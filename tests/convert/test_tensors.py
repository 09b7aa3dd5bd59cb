"""Files of safetensors: written and read, by ours and by PyTorch."""

import json
from pathlib import Path

import from_pytorch
import numpy as np
import pytest
from helpers.commands import exit_code, refused
from helpers.networks import save_network
from helpers.torch_nets import age_net

from tinydldl import trained
from tinydldl.convert import __main__ as convert
from tinydldl.models import CHANNELS

safetensors = pytest.importorskip("safetensors.numpy")


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return exit_code(convert.main, *arguments)


@pytest.mark.parametrize("options", [{}, {"pool": "gap"}], ids=str)
def test_there_and_back_every_bit_is_the_same(options):
    save_network(Path("net"), "dldl", side=40, **options)
    assert run("net", "net.safetensors") == 0
    assert run("net.safetensors", "again.npz") == 0
    before, after = trained.load("net"), trained.load("again")
    assert after.meta == before.meta
    assert run("net.safetensors", "other.npz", "--pool", "gap") == 2  # it says what it is
    theirs = after.model.params | after.model.buffers
    for name, array in (before.model.params | before.model.buffers).items():
        np.testing.assert_array_equal(theirs[name], array)


@pytest.mark.parametrize("pool", ["hp", "gap"])
def test_pytorch_loads_what_was_trained_here(pool, torch, rng):
    from safetensors.torch import load_file

    save_network(Path("net"), "dldl-v2", side=40, pool=pool)
    assert run("net", "net.safetensors") == 0
    theirs, ours = age_net(torch, CHANNELS["tiny"], pool), trained.load("net").model
    theirs.load_state_dict(load_file("net.safetensors"))
    x = rng.standard_normal((2, 40, 40, 3), dtype=np.float32)
    with torch.inference_mode():
        y = theirs.eval()(torch.tensor(x).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(y, ours.forward(x), atol=1e-4 * np.abs(y).max())


def test_a_state_dict_of_pytorch_says_the_same_in_both_forms(torch, said):
    from safetensors.torch import save_file

    state = age_net(torch, CHANNELS["tiny12"]).state_dict()
    torch.save(state, "net.pt")
    save_file(state, "net.safetensors")
    assert exit_code(from_pytorch.main, "net.pt", "a.npz") == 0
    out = said(run("net.safetensors", "b.npz"))
    assert "safetensors, 74 arrays" in out
    assert "head      softmax, as the file does not say; see --head" in out
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()


@pytest.mark.parametrize("name", ["fc", "classifier", "classifier.0", "fc1"])
def test_the_linear_layer_is_the_last_whatever_its_name(name):
    save_network(Path("net"), "dldl", side=40)
    assert run("net", "net.safetensors") == 0
    arrays = safetensors.load_file("net.safetensors")
    last = max(arrays, key=lambda name: int(name.split(".")[0])).split(".")[0]
    for part in ("weight", "bias"):
        arrays[f"{name}.{part}"] = arrays.pop(f"{last}.{part}")
    safetensors.save_file(arrays, "renamed.safetensors")  # and without our description
    assert run("renamed.safetensors", "again.npz") == 0
    before, after = trained.load("net").arrays, trained.load("again").arrays
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)


def test_what_is_there_is_not_overwritten(capsys):
    Path("out.safetensors").write_text("mine")
    error = refused(capsys, convert.main, "tiny", "out.safetensors")
    assert error == "out.safetensors: exists, and is not overwritten"
    assert Path("out.safetensors").read_text() == "mine"


def test_other_files_are_refused(capsys):
    assert run("tiny", "good.safetensors") == 0
    whole = Path("good.safetensors").read_bytes()
    arrays = safetensors.load(whole)
    lines = {
        "short": (whole[:-5], "not a file of safetensors that can be read"),
        "text": (b"hello", "not a file of safetensors that can be read"),
        "json": (safetensors.save(arrays, {"tinydldl": "{"}), "not a file of safetensors that"),
        "list": (safetensors.save(arrays, {"tinydldl": "[]"}), "not the checkpoint of a network"),
        "meta": (safetensors.save(arrays, {"tinydldl": json.dumps({"network": 3})}), "not the che"),
        "few": (safetensors.save({"0.weight": arrays["0.weight"]}), "1 arrays of no network"),
    }
    for name, (content, words) in lines.items():
        Path(f"{name}.safetensors").write_bytes(content)
        error = refused(capsys, convert.main, f"{name}.safetensors", "out.npz")
        assert error.startswith(f"{name}.safetensors: {words}"), name
        assert not Path("out.npz").exists()


def test_arrays_of_another_network_than_is_described(capsys):
    assert run("tiny", "good.safetensors") == 0
    arrays = safetensors.load_file("good.safetensors")
    meta = trained.load(convert.weights.find("tiny")).meta
    for name, change in {
        "another": {"0.weight": arrays["0.weight"][..., :2]},
        "infinite": {"0.weight": np.full_like(arrays["0.weight"], np.inf)},
    }.items():
        file = f"{name}.safetensors"
        safetensors.save_file(arrays | change, file, {"tinydldl": json.dumps(meta)})
        assert refused(capsys, convert.main, file, "out.npz").startswith(f"{file}: conv1_1.W: ")
    safetensors.save_file(
        {"0.weight": arrays["0.weight"]}, "few.safetensors", {"tinydldl": json.dumps(meta)}
    )
    error = refused(capsys, convert.main, "few.safetensors", "out.npz")
    assert error.endswith("the arrays are not those of tiny, which it is said to be")


def test_without_the_package(capsys, monkeypatch):
    monkeypatch.setattr(convert, "find_spec", lambda name: None)
    for line, package in (("tiny out.onnx", "onnx"), ("x.safetensors out.npz", "safetensors")):
        error = refused(capsys, convert.main, *line.split())
        assert f'{package} is not installed; pip install "tinydldl[formats]"' in error
