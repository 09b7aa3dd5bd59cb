"""From PyTorch: what it prints and refuses, and the third-party file against PyTorch."""

import io
import pickle
import pickletools
from pathlib import Path

import from_pytorch
import numpy as np
import pytest
from helpers.commands import exit_code, refused
from helpers.networks import save_network
from helpers.refusals import pt_file, torch_arrays
from helpers.torch_nets import age_net

from tinydldl import trained
from tinydldl.evaluate import __main__ as evaluate
from tinydldl.models import CHANNELS

THIRD_PARTY = Path(__file__).parents[2] / "shared" / "data" / "TinyAge_chalearn.pt"


@pytest.fixture
def third_party():
    """The path of a network that others have trained, which cannot be handed on with the tests."""
    if not THIRD_PARTY.exists():
        pytest.skip(f"{THIRD_PARTY.name} is not beside the checkout, in shared/data")
    return THIRD_PARTY


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return exit_code(from_pytorch.main, *arguments)


# --------------------------------------------------------------------------------- the command


def test_from_a_file_to_its_evaluation(torch, capsys):
    """A state_dict says neither head nor pooling, so both are said to be taken as usual."""
    torch.save(age_net(torch, CHANNELS["tiny"]).state_dict(), "net.pt")
    assert run("net.pt", "out.npz") == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["read"] == "net.pt: a state_dict, PyTorch 1.6 or later, 80 arrays"
    assert lines["network"] == "tiny: 934,869 parameters"
    assert lines["pool"] == "hp, as the file does not say; see --pool"
    assert lines["head"] == "softmax, as the file does not say; see --head"
    assert lines["written"] == "out.npz, out.json"
    assert lines["next"].startswith("python -m tinydldl.evaluate --weights out.npz --dataset ")

    arguments = ["--weights", "out.npz", "--dataset", "synthetic", "--limit", 30]
    assert exit_code(evaluate.main, *arguments, "--workers", 1) == 0
    assert "dldl-v2, tiny, 224 px, hp: 934,869 parameters" in capsys.readouterr().out


def test_what_a_file_does_not_say_is_an_option(torch, said):
    torch.save(age_net(torch, CHANNELS["tiny12"], "gap").state_dict(), "net.pt")
    out = said(run("net.pt", "out.npz", "--head", "sigmoid", "--pool", "gap"))
    assert "head      sigmoid, divided by the sum\n" in out
    assert "pool      gap\n" in out
    network = trained.load("out")
    about = {"name": "tiny12", "side": 224, "pool": "gap", "log_sigmoid": True}
    assert network.meta["network"] == about
    assert list(network.model.layers)[-1] == "log_sigmoid"


def test_a_conversion_that_was_killed_between_its_two_files(capsys):
    """The JSON is there first: the same conversion goes on, another one takes nothing away."""
    model, _ = save_network(Path("net"))
    Path("net.pt").write_bytes(pt_file(torch_arrays(model)))
    assert run("net.pt", "out.npz") == 0
    whole = Path("out.npz").read_bytes()
    Path("out.npz").unlink()
    error = refused(capsys, from_pytorch.main, "net.pt", "out.npz", "--head", "sigmoid")
    assert error == "out.json: exists, and is not overwritten"
    assert run("net.pt", "out.npz") == 0
    assert Path("out.npz").read_bytes() == whole
    assert run("net.pt", "out.npz") == 2


# ------------------------------------------------------------------------- the third-party network


def torch_third_party(torch):
    """Its architecture, as the source text in the file has it, up to the sigmoids."""
    nn, channels = torch.nn, [3, 16, 16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128]
    modules = []
    for number in range(1, 13):
        modules.append(nn.Conv2d(*channels[number - 1 : number + 1], 3, padding=1, bias=False))
        modules += [nn.BatchNorm2d(channels[number]), nn.ReLU()]
        if number in (2, 4, 6, 9, 12):
            modules.append(nn.MaxPool2d(2, 2))
    modules += [nn.AvgPool2d(7, 1), nn.Flatten(), nn.Linear(128, 101), nn.Sigmoid()]
    return nn.Sequential(*modules)


def test_the_third_party_network(third_party, capsys):
    assert run(third_party, "theirs.npz") == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    about = "a whole network (model.TinyAge), PyTorch before 1.6, 74 arrays"
    assert lines["read"] == f"{third_party}: {about}"
    assert lines["network"] == "tiny12: 897,877 parameters"
    assert lines["pool"] == "hp"
    assert lines["head"] == "sigmoid, divided by the sum"


@pytest.mark.parametrize("reading", ["ours", "the test's own"])
def test_the_third_party_network_agrees_with_pytorch(reading, third_party, torch, rng):
    """Distribution and age, to 1e-5. PyTorch itself refuses to read the file without running it."""
    assert run(third_party, "theirs.npz") == 0
    network = trained.load("theirs.npz")
    x = rng.uniform(0, 1, (2, 224, 224, 3)) - [0.485, 0.456, 0.406]
    x = (x / [0.229, 0.224, 0.225]).astype(np.float32)
    p_hat = network.method.predict(network.model.forward(x))

    theirs = torch_third_party(torch)
    if reading == "ours":
        arrays = from_pytorch.read(third_party).arrays.values()
    else:
        arrays = storages_in_order(third_party.read_bytes())
    values = zip(theirs.state_dict().items(), arrays, strict=True)
    arrays = {k: torch.tensor(array).reshape(t.shape) for (k, t), array in values}
    theirs.load_state_dict(arrays, strict=True)
    with torch.inference_mode():
        s = theirs.eval()(torch.tensor(x).permute(0, 3, 1, 2))
        their_p_hat = torch.nn.functional.normalize(s, p=1, dim=1)
        their_age = their_p_hat @ torch.arange(101.0)
    np.testing.assert_allclose(p_hat, their_p_hat.numpy(), atol=1e-5)
    np.testing.assert_allclose(network.method.age(p_hat), their_age.numpy(), rtol=1e-5)
    assert np.abs(p_hat[0] - p_hat[1]).max() > 1e-4  # it does look at the photos


def storages_in_order(data):
    """The numbers of each tensor of an old file, without `tinydldl`.

    The keys are the texts that look like addresses, in the order of the object; the numbers are at
    the end of the file, in the order of the last pickle.
    """
    file = io.BytesIO(data)
    pickles = [list(pickletools.genops(file)) for _ in range(5)]

    def keys(instructions):
        return [text for _, text, _ in instructions if isinstance(text, str) and text.isdecimal()]

    in_order = [key for key in keys(pickles[3]) if len(key) > 6]
    numbers = {}
    for key in keys(pickles[4]):
        count = int(np.frombuffer(file.read(8), "<i8")[0])
        kind = "<i8" if in_order.index(key) % 6 == 5 else "<f4"  # num_batches_tracked
        numbers[key] = np.frombuffer(file.read(count * int(kind[-1])), kind)
    assert file.read() == b""
    return [numbers[key] for key in in_order]


def test_the_reading_of_the_test_knows_what_pytorch_wrote(torch):
    """`storages_in_order` on the same network with weights that are known."""
    net = torch_third_party(torch)
    torch.save(net, "net.pt", _use_new_zipfile_serialization=False)
    data = Path("net.pt").read_bytes()
    assert data.startswith(pickle.dumps(from_pytorch.MAGIC, 2))
    tensors = net.state_dict().values()
    for array, theirs in zip(storages_in_order(data), tensors, strict=True):
        np.testing.assert_array_equal(array, theirs.numpy().ravel())
