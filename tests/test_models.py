"""The networks: their sizes, and one whole training step against PyTorch."""

import copy

import numpy as np
import pytest
import scipy.special
from helpers.comparison import close
from helpers.torch_nets import age_net

from tinydldl import models
from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.layers import BatchNorm2d, Conv2d, GlobalAvgPool, HybridPool
from tinydldl.methods import DLDLv2
from tinydldl.models import CHANNELS, VGG16, AgeNet, count_params
from tinydldl.optim import Adam


@pytest.mark.parametrize(
    ("name", "depth", "count"),
    [("tiny", 13, 934_869), ("thin", 13, 3_708_229), ("tiny12", 12, 897_877)],
)
@pytest.mark.parametrize("pool", ["hp", "gap"])
def test_parameter_counts(name, depth, count, pool, rng):
    net = AgeNet(name, 101, 224, pool, rng=rng)
    assert count_params(net) == count
    convolutions = [layer for layer in net.layers.values() if isinstance(layer, Conv2d)]
    norms = [layer for layer in net.layers.values() if isinstance(layer, BatchNorm2d)]
    assert len(convolutions) == len(norms) == depth
    assert not any("b" in layer.params for layer in convolutions)


@pytest.mark.parametrize("side", [32, 33, 64, 112, 224])
@pytest.mark.parametrize("pool", ["hp", "gap"])
def test_any_side_from_32_up(side, pool, rng):
    net = AgeNet("tiny", 7, side, pool, rng=rng)
    before_pool = {name: shape for name, _, shape, _ in net.trace(net.input_shape)}["pool5"]
    assert before_pool == (side // 16, side // 16, 128)
    if side <= 64:
        x = rng.standard_normal((2, side, side, 3), dtype=np.float32)
        assert net.forward(x).shape == (2, 7) == (2, *net.output_shape(net.input_shape))


def test_log_sigmoid_ends_the_network(rng):
    plain = AgeNet("tiny12", 7, 32, rng=np.random.default_rng(1)).eval()
    net = AgeNet("tiny12", 7, 32, log_sigmoid=True, rng=np.random.default_rng(1)).eval()
    x = 9 * rng.standard_normal((2, 32, 32, 3), dtype=np.float32)
    expected = scipy.special.log_expit(plain.forward(x))
    np.testing.assert_allclose(net.forward(x), expected, rtol=1e-6)
    assert count_params(net) == count_params(plain)


def test_hybrid_pooling_ends_the_network(rng):
    assert isinstance(AgeNet("tiny", 7, pool="hp", rng=rng).layers["pool5"], HybridPool)
    assert isinstance(AgeNet("tiny", 7, pool="gap", rng=rng).layers["pool5"], GlobalAvgPool)
    hybrid = AgeNet("tiny", 7, 224, "hp", rng=rng).layers["pool5"].layers["max"]
    assert hybrid.output_shape((14, 14, 128)) == (7, 7, 128)


def test_summary(rng, capsys):
    net = AgeNet("tiny", 101, 224, rng=rng)
    net.summary()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(net.layers) + 2
    assert lines[1].split() == ["conv1_1", "224", "x", "224", "x", "16", "432", f"{224**2 * 432:,}"]
    assert lines[-2].split() == ["fc", "101", f"{129 * 101:,}", f"{128 * 101:,}"]
    total = sum(int(line.split()[-1].replace(",", "")) for line in lines[1:-1])
    assert lines[-1].split() == ["total", "934,869", f"{total:,}"]


def make_step(rng):
    """TinyAgeNet in float64, its method, and a batch of four photos."""
    method = DLDLv2(label_grid())
    net = AgeNet("tiny", 101, 64, rng=rng).to(dtype=np.float64)
    y, sigma = np.array([5.0, 30.2, 61.0, 88.8]), np.array([1.0, 2.0, 4.0, 3.0])
    x = rng.standard_normal((4, 64, 64, 3))
    return net, method, x, y, sigma


def test_every_parameter_moves_in_one_step(rng):
    net, method, x, y, sigma = make_step(rng)
    optimizer = Adam(net.params, net.grads)
    before = copy.deepcopy(net.params)
    _, dlogits = method.loss(net.forward(x), method.target(y, sigma), y)
    net.backward(dlogits)
    optimizer.step()
    for name, param in net.params.items():
        moved = np.abs(param - before[name])
        # a channel that is 0 for all four photos gives some weights no gradient
        assert (moved > 0).mean() > 0.99, name


def test_one_training_step_agrees_with_pytorch(rng, torch):
    """In float64: logits, loss, every gradient, every parameter and buffer after a step of Adam."""
    net, method, x, y, sigma = make_step(rng)
    theirs = age_net(torch, CHANNELS["tiny"]).double()
    load_into(theirs, net, torch)
    optimizer = Adam(net.params, net.grads)
    p = gaussian_label_distribution(y, sigma, method.grid)

    logits = net.forward(x)
    (loss, *_), dlogits = method.loss(logits, p, y)
    dx = net.backward(dlogits)

    their_x = torch.tensor(x).permute(0, 3, 1, 2).contiguous().requires_grad_()
    their_logits = theirs(their_x)
    log_p_hat = their_logits.log_softmax(1)
    kl = torch.nn.functional.kl_div(log_p_hat, torch.tensor(p), reduction="batchmean")
    y_hat = log_p_hat.exp() @ torch.tensor(method.grid)
    their_loss = kl + (y_hat - torch.tensor(y)).abs().mean()
    their_optimizer = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    their_loss.backward()

    close(logits, their_logits.detach().numpy())
    close(loss, their_loss.detach().numpy())
    close(dx, their_x.grad.permute(0, 2, 3, 1).numpy())
    for name, tensor in named(theirs, net):
        close(net.grads[name], to_ours(tensor.grad))
    optimizer.step()
    their_optimizer.step()
    for name, tensor in named(theirs, net):
        close(net.params[name], to_ours(tensor.detach()))
    for norm, their_norm in norms(theirs, net):
        close(norm.buffers["running_mean"], their_norm.running_mean.numpy())
        close(norm.buffers["running_var"], their_norm.running_var.numpy())


def named(theirs, net):
    """Pairs of our parameter name and their parameter; both networks list them in one order."""
    return zip(net.params, theirs.parameters(), strict=True)


def norms(theirs, net):
    """Pairs of our BatchNorm and theirs."""
    ours = [layer for layer in net.layers.values() if isinstance(layer, BatchNorm2d)]
    return zip(ours, (m for m in theirs if hasattr(m, "running_mean")), strict=True)


def to_ours(tensor):
    """A PyTorch parameter or gradient in our layout."""
    if tensor.ndim == 4:
        return tensor.permute(2, 3, 1, 0).numpy()
    return tensor.T.numpy() if tensor.ndim == 2 else tensor.numpy()


def load_into(theirs, net, torch):
    """Copy our parameters and buffers into the PyTorch network."""
    with torch.no_grad():
        for name, tensor in named(theirs, net):
            ours = torch.tensor(net.params[name])
            if ours.ndim == 4:
                ours = ours.permute(3, 2, 0, 1)
            tensor.copy_(ours.T if ours.ndim == 2 else ours)
        for norm, their_norm in norms(theirs, net):
            for name, array in norm.buffers.items():
                getattr(their_norm, name).copy_(torch.tensor(array))


# --- VGG16 ----------------------------------------------------------------------------------------

# side, channels in and out of each convolution; inputs and outputs of each Linear layer
VGG16_CONVOLUTIONS = [
    *[(224, 3, 64), (224, 64, 64), (112, 64, 128), (112, 128, 128)],
    *[(56, 128, 256), (56, 256, 256), (56, 256, 256), (28, 256, 512), (28, 512, 512)],
    *[(28, 512, 512), (14, 512, 512), (14, 512, 512), (14, 512, 512)],
]
VGG16_LINEAR = [(7 * 7 * 512, 4096), (4096, 4096), (4096, 101)]


@pytest.fixture(scope="module")
def vgg16():
    """The whole network, 1.1 GB."""
    return VGG16(101, rng=np.random.default_rng(2018))


def test_vgg16_parameters_and_multiply_adds(vgg16):
    """Counted by hand, and the totals of the paper's network with 101 outputs."""
    count = sum(9 * C * OC + OC for _, C, OC in VGG16_CONVOLUTIONS)
    count += sum(features * outputs + outputs for features, outputs in VGG16_LINEAR)
    assert count_params(vgg16) == count == 134_674_341
    macs = sum(side**2 * 9 * C * OC for side, C, OC in VGG16_CONVOLUTIONS)
    macs += sum(features * outputs for features, outputs in VGG16_LINEAR)
    assert vgg16.multiply_adds((224, 224, 3)) == macs == 15_466_582_016
    assert not vgg16.buffers


def test_vgg16_initial_weights(vgg16):
    """All float32; standard deviations within 5 of their own, which is about std / sqrt(2 n)."""
    weights = [array for name, array in vgg16.params.items() if name.endswith(".W")]
    biases = [array for name, array in vgg16.params.items() if name.endswith(".b")]
    stds = [np.sqrt(2 / (9 * OC)) for _, _, OC in VGG16_CONVOLUTIONS] + [0.01] * 3
    assert len(weights) == len(biases) == len(stds) == 16
    for W, b, std in zip(weights, biases, stds, strict=True):
        assert W.dtype == b.dtype == np.float32
        some = W.ravel()[:1_000_000].astype(np.float64)
        assert abs(some.std() / std - 1) < 5 / np.sqrt(2 * some.size)
        assert abs(some.mean()) < 5 * std / np.sqrt(some.size)
        assert not b.any()


def test_vgg16_summary(vgg16, capsys):
    vgg16.summary()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(vgg16.layers) + 2
    cells = {line.split()[0]: line.split()[1:] for line in lines}
    assert cells["conv1_1"] == ["224", "x", "224", "x", "64", "1,792", "86,704,128"]
    assert cells["pool5"] == ["7", "x", "7", "x", "512", "0", "0"]
    assert cells["flatten"] == ["25088", "0", "0"]
    assert cells["fc6"] == ["4096", "102,764,544", "102,760,448"]
    assert cells["total"] == ["134,674,341", "15,466,582,016"]
    assert len({len(line) for line in lines}) == 1


NARROW = "2 3 M 4 5 M 6 7 8 M 9 10 11 M 12 13 14 M"
NARROW_HIDDEN = 15


@pytest.fixture
def narrow(monkeypatch, rng):
    """VGG16 with few channels, in float64, with biases off 0."""
    monkeypatch.setattr(models, "VGG16_CHANNELS", NARROW)
    monkeypatch.setattr(models, "VGG16_HIDDEN", NARROW_HIDDEN)
    net = VGG16(7, rng=rng).to(dtype=np.float64)
    for array in net.params.values():
        array += 0.1 * rng.standard_normal(array.shape)
    return net


@pytest.mark.parametrize("training", [True, False])
def test_vgg16_agrees_with_pytorch(training, narrow, rng, torch):
    """In float64, with our dropout masks: logits, and the gradient in x and in every parameter."""
    narrow.train(training)
    x, dlogits = rng.standard_normal((2, 224, 224, 3)), rng.standard_normal((2, 7))
    logits = narrow.forward(x, save=True)
    dx = narrow.backward(dlogits)

    masks = [narrow.layers[name].saved[0] for name in ("drop6", "drop7")]
    assert all(0 < mask.sum() < mask.size if training else mask is None for mask in masks)
    theirs = torch_vgg16(torch, masks).double()
    load_into(theirs, narrow, torch)
    their_x = torch.tensor(x).permute(0, 3, 1, 2).contiguous().requires_grad_()
    their_logits = theirs(their_x)
    their_logits.backward(torch.tensor(dlogits))

    close(logits, their_logits.detach().numpy())
    close(dx, their_x.grad.permute(0, 2, 3, 1).numpy())
    for name, tensor in named(theirs, narrow):
        close(narrow.grads[name], to_ours(tensor.grad))


def torch_vgg16(torch, masks):
    """The narrow VGG16 in PyTorch, written anew; each mask drops a half, None drops nothing."""
    nn, modules, channels = torch.nn, [], 3

    class Apply(nn.Module):
        def __init__(self, function):
            super().__init__()
            self.forward = function

    for token in NARROW.split():
        if token == "M":
            modules.append(nn.MaxPool2d(2))
        else:
            modules += [nn.Conv2d(channels, int(token), 3, padding=1), nn.ReLU()]
            channels = int(token)
    # flattened in our order, channels last
    modules += [Apply(lambda x: x.permute(0, 2, 3, 1)), nn.Flatten()]
    features = 7 * 7 * channels
    for mask in masks:
        scale = 1 if mask is None else 2 * torch.tensor(mask)
        modules += [nn.Linear(features, NARROW_HIDDEN), nn.ReLU()]
        modules.append(Apply(lambda x, scale=scale: x * scale))
        features = NARROW_HIDDEN
    return nn.Sequential(*modules, nn.Linear(features, 7))


def test_vgg16_drops_only_in_training(narrow, rng):
    x = rng.standard_normal((1, 224, 224, 3))
    assert (narrow.forward(x) != narrow.forward(x)).all()
    narrow.eval()
    np.testing.assert_array_equal(narrow.forward(x), narrow.forward(x))


def test_vgg16_takes_photos_of_224_pixels_only(narrow):
    with pytest.raises(ValueError, match=r"Linear: expected x \(N, 686\), got \(1, 588\)"):
        narrow.forward(np.zeros((1, 224, 192, 3)))
