"""Networks of PyTorch compute the same here: every layout, head and pooling, in both formats."""

import numpy as np
import pytest
import scipy.special
from from_pytorch import check_modules, ends_of
from helpers.torch_nets import age_net

from tinydldl import trained
from tinydldl.convert.__main__ import save
from tinydldl.convert.torch_weights import convert
from tinydldl.errors import UserError
from tinydldl.layers import GlobalAvgPool, HybridPool
from tinydldl.models import CHANNELS

PHOTO = 64  # pixels; the networks take any number


def random_weights(rng, name="tiny", outputs=101):
    """A state_dict of a network of `CHANNELS`, of random numbers, as PyTorch has them."""
    arrays, channels = {}, 3
    for number, text in enumerate(CHANNELS[name].replace("M", "").split()):
        layer, OC = f"conv{number}", int(text)
        arrays[f"{layer}.0.weight"] = rng.standard_normal((OC, channels, 3, 3))
        for own in ("weight", "bias", "running_mean", "running_var"):
            arrays[f"{layer}.1.{own}"] = rng.uniform(0.5, 1, OC)
        arrays[f"{layer}.1.num_batches_tracked"] = np.array(7)
        channels = OC
    arrays["fc.weight"] = rng.standard_normal((outputs, channels))
    arrays["fc.bias"] = rng.standard_normal(outputs)
    return arrays


@pytest.mark.parametrize("name", CHANNELS)
def test_each_array_in_its_place(name, rng):
    arrays = random_weights(rng, name)
    network = convert(arrays)
    params, buffers = network.model.params, network.model.buffers
    assert network.meta["network"]["name"] == name
    assert len(params) + len(buffers) == 5 * (len(arrays) - 2) // 6 + 2
    first, last = next(iter(arrays)), list(arrays)[-8]  # kernels
    for number, kernel in (("1_1", first), ("5_3", last)):
        theirs, ours = arrays[kernel], params[f"conv{number}.W"]
        assert ours[0, 1, 2, 3] == np.float32(theirs[3, 2, 0, 1])
        for own, theirs in (("gamma", "weight"), ("beta", "bias")):
            array = arrays[f"{kernel[:-8]}1.{theirs}"]
            np.testing.assert_array_equal(params[f"bn{number}.{own}"], array.astype("f4"))
        for own in ("running_mean", "running_var"):
            array = arrays[f"{kernel[:-8]}1.{own}"]
            np.testing.assert_array_equal(buffers[f"bn{number}.{own}"], array.astype("f4"))
    np.testing.assert_array_equal(params["fc.W"], arrays["fc.weight"].T.astype("f4"))


def test_a_checkpoint_that_can_be_read(rng, tmp_path):
    network = convert(random_weights(rng), head="sigmoid", pool="gap")
    assert save(tmp_path / "c.npz", network) == [tmp_path / "c.npz", tmp_path / "c.json"]
    again = trained.load(tmp_path / "c")
    x = rng.standard_normal((2, PHOTO, PHOTO, 3), dtype=np.float32)
    np.testing.assert_array_equal(again.model.forward(x), network.model.forward(x))
    assert (again.model.forward(x) <= 0).all()  # logarithms of what is below 1
    assert again.side == 224
    assert again.channels == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    np.testing.assert_array_equal(again.method.grid, np.arange(101))


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_what_exists_is_not_overwritten(suffix, rng, tmp_path):
    file = tmp_path / f"c.{suffix}"
    file.write_text("precious")
    with pytest.raises(UserError, match=rf"c\.{suffix}: exists"):
        save(tmp_path / "c.npz", convert(random_weights(rng)))
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


def changed(name, shape):
    return lambda arrays: arrays.update({name: np.ones(shape)})


@pytest.mark.parametrize(
    "change",
    [
        changed("conv3.0.weight", (32, 32, 3)),
        changed("conv3.2.weight", 1),  # PReLU
        lambda arrays: arrays.update({"fc.weight": np.ones((100, 128)), "fc.bias": np.ones(100)}),
        lambda arrays: arrays.update({"fc2.weight": np.ones((1, 101)), "fc2.bias": np.ones(1)}),
    ],
)
def test_an_unknown_layout_says_what_was_found(change, rng):
    """More layouts: the weights of test_bad_input.py."""
    arrays = random_weights(rng)
    change(arrays)
    with pytest.raises(UserError) as error:
        convert(arrays)
    message = str(error.value)
    assert message.startswith(f"{len(arrays)} arrays of no network that is known here: ")
    assert "conv0.0.weight (16, 3, 3, 3), conv0.1.weight (16,), conv0.1.bias (16,), " in message
    assert "known are tiny, thin, tiny12, " in message
    assert "\n" not in message


# ------------------------------------------------------------------------------- against PyTorch


@pytest.mark.parametrize("pool", ["hp", "gap"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", CHANNELS)
def test_a_state_dict_computes_the_same(name, bias, pool, saved, torch, rng):
    """In float64, to 1e-10 of the largest logit; with a bias folded into float32 means, to 1e-6."""
    net = age_net(torch, CHANNELS[name], pool, bias, seed=1)
    weights = saved(net.double().state_dict())
    ours = convert(weights.arrays, "softmax", pool).model.to(dtype=np.float64)
    x = rng.standard_normal((2, PHOTO, PHOTO, 3))
    close(ours.forward(x), forward(torch, net, x), 1e-6 if bias else 1e-10)


@pytest.mark.parametrize("pool", ["hp", "gap"])
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_a_whole_network_tells_its_head_and_pooling(head, pool, saved, torch, rng):
    net = age_net(torch, CHANNELS["tiny"], pool, head=head, seed=2)
    weights = saved(net)
    assert ends_of(weights.modules) == (head, pool)
    network = convert(weights.arrays, head, pool)
    layer = network.model.layers["pool5"]
    assert isinstance(layer, {"hp": HybridPool, "gap": GlobalAvgPool}[pool])
    x = rng.standard_normal((2, PHOTO, PHOTO, 3))
    p_hat = network.method.predict(network.model.to(dtype=np.float64).forward(x))
    logits = forward(torch, net[:-1].double(), x)
    s = {"softmax": lambda x: scipy.special.softmax(x, 1), "sigmoid": scipy.special.expit}[head]
    np.testing.assert_allclose(s(logits), forward(torch, net.double(), x), atol=1e-12)
    np.testing.assert_allclose(p_hat, s(logits) / s(logits).sum(1, keepdims=True), atol=1e-10)


def test_a_state_dict_tells_neither(saved, torch):
    weights = saved(age_net(torch, CHANNELS["tiny"]).state_dict())
    assert ends_of(weights.modules) == (None, None)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("LeakyReLU", (), "2 is a LeakyReLU, which no network here has"),
        ("ReLU6", (), "2 is a ReLU6, which no network here has"),
        ("MaxPool2d", (3, 2), "2 is a MaxPool2d with another kernel_size than 2"),
    ],
)
def test_a_whole_network_with_another_layer(name, arguments, message, saved, torch):
    net = age_net(torch, CHANNELS["tiny"])
    net[2] = getattr(torch.nn, name)(*arguments)
    with pytest.raises(UserError, match=message):
        check_modules(saved(net).modules)


@pytest.mark.parametrize(
    ("index", "setting", "value"),
    [(0, "stride", (2, 2)), (0, "padding", (0, 0)), (0, "groups", 2), (1, "eps", 1e-3)],
)
def test_a_whole_network_with_another_setting(index, setting, value, saved, torch):
    net = age_net(torch, CHANNELS["tiny"])
    setattr(net[index], setting, value)
    with pytest.raises(UserError, match=f"{index} is a .* with another {setting} than"):
        check_modules(saved(net).modules)


def forward(torch, net, x):
    """What PyTorch computes from photos (N, H, W, 3), in inference."""
    with torch.inference_mode():
        return net.eval()(torch.tensor(x).permute(0, 3, 1, 2)).numpy()


def close(ours, theirs, tolerance):
    assert ours.shape == theirs.shape
    assert np.ptp(theirs, axis=0).max() > 0.1  # the photos do not look the same to it
    assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()
