"""The networks: their sizes, and one whole training step against PyTorch."""

import copy

import numpy as np
import pytest

from tinydldl.labels import gaussian_label_distribution, label_grid
from tinydldl.layers import BatchNorm2d, Conv2d, GlobalAvgPool, HybridPool
from tinydldl.methods import DLDLv2
from tinydldl.models import CHANNELS, AgeNet, count_params
from tinydldl.optim import Adam


@pytest.mark.parametrize(("name", "count"), [("tiny", 934_869), ("thin", 3_708_229)])
@pytest.mark.parametrize("pool", ["hp", "gap"])
def test_parameter_counts(name, count, pool, rng):
    net = AgeNet(name, 101, 224, pool, rng=rng)
    assert count_params(net) == count
    convolutions = [layer for layer in net.layers.values() if isinstance(layer, Conv2d)]
    norms = [layer for layer in net.layers.values() if isinstance(layer, BatchNorm2d)]
    assert len(convolutions) == len(norms) == 13
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


def test_hybrid_pooling_ends_the_network(rng):
    assert isinstance(AgeNet("tiny", 7, pool="hp", rng=rng).layers["pool5"], HybridPool)
    assert isinstance(AgeNet("tiny", 7, pool="gap", rng=rng).layers["pool5"], GlobalAvgPool)
    hybrid = AgeNet("tiny", 7, 224, "hp", rng=rng).layers["pool5"].layers["max"]
    assert hybrid.output_shape((14, 14, 128)) == (7, 7, 128)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "large"}, "network 'large': expected one of tiny, thin"),
        ({"name": "tiny", "pool": "max"}, "pool 'max': expected one of hp, gap"),
        ({"name": "tiny", "side": 31}, "side 31: the network needs at least 32 pixels"),
    ],
)
def test_bad_arguments(arguments, message, rng):
    with pytest.raises(ValueError, match=message):
        AgeNet(outputs=101, rng=rng, **arguments)


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
    theirs = torch_age_net(torch, "tiny", 101).double()
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
    close(loss, their_loss.item())
    close(dx, their_x.grad.permute(0, 2, 3, 1).numpy())
    for name, tensor in named(theirs, net):
        close(net.grads[name], to_ours(name, tensor.grad))
    optimizer.step()
    their_optimizer.step()
    for name, tensor in named(theirs, net):
        close(net.params[name], to_ours(name, tensor.detach()))
    for norm, their_norm in norms(theirs, net):
        close(norm.buffers["running_mean"], their_norm.running_mean.numpy())
        close(norm.buffers["running_var"], their_norm.running_var.numpy())


def close(ours, theirs):
    """Within 1e-9 of the largest value of the array."""
    assert np.shape(ours) == np.shape(theirs)
    assert np.abs(ours - theirs).max() <= 1e-9 * np.abs(theirs).max()


def torch_age_net(torch, name, outputs):
    """The same network in PyTorch, written anew from the channel list."""
    nn, modules, channels = torch.nn, [], 3
    for token in CHANNELS[name].split():
        if token == "M":
            modules.append(nn.MaxPool2d(2))
        else:
            modules += [nn.Conv2d(channels, int(token), 3, padding=1, bias=False)]
            modules += [nn.BatchNorm2d(int(token)), nn.ReLU()]
            channels = int(token)
    return nn.Sequential(
        *modules, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, outputs)
    )


def named(theirs, net):
    """Pairs of our parameter name and their parameter; both networks list them in one order."""
    return zip(net.params, theirs.parameters(), strict=True)


def norms(theirs, net):
    """Pairs of our BatchNorm and theirs."""
    ours = [layer for layer in net.layers.values() if isinstance(layer, BatchNorm2d)]
    return zip(ours, (m for m in theirs if hasattr(m, "running_mean")), strict=True)


def to_ours(name, tensor):
    """A PyTorch parameter or gradient in our layout."""
    if tensor.ndim == 4:
        return tensor.permute(2, 3, 1, 0).numpy()
    return tensor.T.numpy() if name == "fc.W" else tensor.numpy()


def load_into(theirs, net, torch):
    """Copy our parameters into the PyTorch network."""
    with torch.no_grad():
        for name, tensor in named(theirs, net):
            ours = torch.tensor(net.params[name])
            if ours.ndim == 4:
                ours = ours.permute(3, 2, 0, 1)
            tensor.copy_(ours.T if name == "fc.W" else ours)
