"""The three networks of MTCNN, P-, R- and O-Net, as data, and their trained weights.

For a square patch of a photo each predicts whether there is a face, and how to move the sides of
the patch to fit it; O-Net also predicts the landmarks. P-Net has no fully connected layer, so on a
larger image it classifies every patch of 12 pixels, 2 apart, at once.

Source: Zhang, Zhang, Li and Qiao, IEEE Signal Processing Letters 2016.
"""

from dataclasses import dataclass
from functools import cache, partial
from math import prod
from pathlib import Path

import numpy as np

from tinydldl import checkpoint
from tinydldl import layers as nn
from tinydldl.arrays import Arrays, Images, Rng, Shape
from tinydldl.layers import Layers, Sequential

WEIGHTS = Path(__file__).with_name("mtcnn.npz")


@dataclass(frozen=True)
class Plan:
    """In `body` conv3-10 is a 3x3 convolution to 10 channels, fc-128 a fully connected layer, each
    followed by PReLU; pool2 is 2x2 max-pooling with stride 2, in ceil mode.
    """

    side: int  # pixels per side of a patch
    body: str
    heads: dict  # how many numbers each output has


TWO_HEADS, THREE_HEADS = {"box": 4, "face": 2}, {"box": 4, "landmarks": 10, "face": 2}
PLANS = {
    "pnet": Plan(12, "conv3-10 pool2 conv3-16 conv3-32", TWO_HEADS),
    "rnet": Plan(24, "conv3-28 pool3 conv3-48 pool3 conv2-64 fc-128", TWO_HEADS),
    "onet": Plan(48, "conv3-32 pool3 conv3-64 pool3 conv3-64 pool2 conv2-128 fc-256", THREE_HEADS),
}


class CascadeNet:
    """One of the three networks, for inference: a body and several heads, with random weights."""

    def __init__(self, name: str) -> None:
        plan, rng = PLANS[name], np.random.default_rng(0)
        self.side = plan.side
        self.body = Sequential(body_layers(plan, rng))
        *positions, features = self.body.output_shape((plan.side, plan.side, 3))
        head = partial(nn.Conv2d, kernel=1) if positions else nn.Linear  # a Linear at each position
        self.heads: Layers = {name: head(features, n, rng=rng) for name, n in plan.heads.items()}

    def forward(self, x: Images) -> Arrays:
        """The outputs {head: array} for patches x (N, side, side, 3).

        box (N, 4): how far to move left, top, right and bottom, in sides of the patch; landmarks
        (N, 5, 2): x and y in sides of the patch; face (N,): the probability of a face. P-Net has
        box (N, OH, OW, 4) and face (N, OH, OW), and takes x of any size from `side` up.
        """
        features = self.body.forward(x, save=False)
        y = {name: head.forward(features, save=False) for name, head in self.heads.items()}
        y["face"] = nn.Softmax().forward(y["face"], save=False)[..., 1]  # 0: no face
        if "landmarks" in y:  # five x, then five y
            y["landmarks"] = y["landmarks"].reshape(-1, 2, 5).transpose(0, 2, 1)
        return y

    @property
    def params(self) -> Arrays:
        """All arrays by `layer.name`: the body's, then the heads'."""
        return self.body.params | Sequential(self.heads).params


def body_layers(plan: Plan, rng: Rng) -> Layers:
    """The layers of a body, numbered by their place in the plan."""
    layers: Layers = {}
    shape: Shape = (plan.side, plan.side, 3)
    for number, word in enumerate(plan.body.split(), start=1):
        kind, _, outputs = word.partition("-")
        match kind.rstrip("23"):
            case "conv":
                layers[f"conv{number}"] = nn.Conv2d(shape[-1], int(outputs), int(kind[-1]), rng=rng)
            case "pool":
                layers[f"pool{number}"] = nn.CeilMaxPool2d(int(kind[-1]), stride=2)
            case "fc":
                layers["flatten"] = nn.Flatten()
                layers["fc"] = nn.Linear(prod(shape), int(outputs), rng=rng)
        if outputs:
            layers[f"prelu{number}"] = nn.PReLU(int(outputs))
        shape = Sequential(layers).output_shape((plan.side, plan.side, 3))
    return layers


@cache
def load(name: str) -> CascadeNet:
    """The trained network pnet, rnet or onet, read once. Raises CheckpointError for a damaged file.

    `tools/ship_detector.py` made the file, and `LICENSE` beside it says from whose weights.
    """
    net = CascadeNet(name)
    checkpoint.load(WEIGHTS, {f"{name}.{own}": param for own, param in net.params.items()})
    return net
