"""The three networks: shapes and parameters by hand, outputs against PyTorch's layers."""

import numpy as np
import pytest

from tinydldl.faces.networks import PLANS, CascadeNet
from tinydldl.models import count_params

# A convolution has K K C_in C_out weights, C_out biases and, for PReLU, C_out slopes.
PNET = (9 * 3 + 2) * 10 + (9 * 10 + 2) * 16 + (9 * 16 + 2) * 32 + 33 * (4 + 2)
RNET = (9 * 3 + 2) * 28 + (9 * 28 + 2) * 48 + (4 * 48 + 2) * 64 + (9 * 64 + 2) * 128 + 129 * 6
ONET = (
    *((9 * 3 + 2) * 32, (9 * 32 + 2) * 64, (9 * 64 + 2) * 64, (4 * 64 + 2) * 128),
    *((9 * 128 + 2) * 256, 257 * (4 + 10 + 2)),
)


def test_parameters():
    assert [count_params(CascadeNet(name)) for name in PLANS] == [PNET, RNET, sum(ONET)]
    assert (PNET, RNET, sum(ONET)) == (6632, 100178, 389040)


@pytest.mark.parametrize(
    ("name", "sides"),
    [("pnet", "12 10 5 3 1"), ("rnet", "24 22 11 9 4 3"), ("onet", "48 46 23 21 10 8 4 3")],
)
def test_sides_of_the_feature_maps(name, sides):
    net = CascadeNet(name)
    shapes = [x for kind, _, x, _ in net.body.trace((net.side, net.side, 3)) if "prelu" not in kind]
    shapes.append(net.body.output_shape((net.side, net.side, 3)))
    assert " ".join(str(shape[0]) for shape in shapes if len(shape) == 3) == sides


def test_p_net_classifies_every_patch_of_a_larger_image(rng):
    """Position (row, column) says what the patch at 2 row, 2 column alone would have it say."""
    net = CascadeNet("pnet")
    image = rng.uniform(-1, 1, (1, 25, 30, 3)).astype(np.float32)
    y = net.forward(image)
    assert y["face"].shape == (1, 8, 10)
    for row, column in [(0, 0), (3, 5), (6, 9)]:  # row 7 looks over the edge, by ceil mode
        patch = image[:, 2 * row : 2 * row + 12, 2 * column : 2 * column + 12]
        alone = net.forward(patch)
        np.testing.assert_allclose(y["face"][0, row, column], alone["face"][0, 0, 0], rtol=1e-5)
        np.testing.assert_allclose(y["box"][0, row, column], alone["box"][0, 0, 0], atol=1e-6)


@pytest.mark.parametrize("name", PLANS)
def test_agrees_with_pytorch(name, rng, torch):
    net = CascadeNet(name)
    for param in net.params.values():
        scale = np.sqrt(2 / np.prod(param.shape[:-1])) if param.ndim > 1 else 0.3
        param[...] = scale * rng.standard_normal(param.shape)
    x = rng.uniform(-1, 1, (3, net.side, net.side, 3)).astype(np.float32)
    y = net.forward(x)

    left = iter(net.params.values())
    with torch.no_grad():
        their_x = torch.tensor(x).permute(0, 3, 1, 2)
        features = body_in_pytorch(PLANS[name].body, their_x, left, torch)
        if name == "pnet":
            features = features[:, :, 0, 0]
        expected = {
            head: features @ torch.tensor(next(left)).reshape(features.shape[1], -1)
            + torch.tensor(next(left))
            for head in PLANS[name].heads
        }
    assert not list(left)
    box, face = expected["box"].numpy(), torch.softmax(expected["face"], 1)[:, 1].numpy()
    np.testing.assert_allclose(y["box"].reshape(3, 4), box, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(y["face"].reshape(3), face, rtol=1e-4)
    if name == "onet":
        landmarks = expected["landmarks"].numpy()
        np.testing.assert_allclose(y["landmarks"][..., 0], landmarks[:, :5], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(y["landmarks"][..., 1], landmarks[:, 5:], rtol=1e-4, atol=1e-5)


def body_in_pytorch(plan, x, arrays, torch):
    """The features of x (N, C, H, W)."""
    F = torch.nn.functional
    for word in plan.split():
        size = int(word.partition("-")[0][-1]) if not word.startswith("fc") else 0
        if word.startswith("pool"):
            x = F.max_pool2d(x, size, stride=2, ceil_mode=True)
            continue
        W, b, a = (torch.tensor(next(arrays)) for _ in range(3))
        if word.startswith("conv"):
            x = F.conv2d(x, W.permute(3, 2, 0, 1), b)
        else:
            x = x.permute(0, 2, 3, 1).flatten(1) @ W + b
        x = F.prelu(x, a)
    return x
