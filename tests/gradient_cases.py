"""Every layer with a small input, for the gradient checks. Run it for a table of their errors.

python tests/gradient_cases.py
"""

import numpy as np

from tinydldl import layers, losses
from tinydldl.gradcheck import check_layer, check_loss
from tinydldl.labels import gaussian_label_distribution, label_grid

IMAGES = (2, 5, 6, 3)
VECTORS = (4, 5)


def layer_cases(rng):
    """`{name: (layer, x)}` in float64, x away from kinks and ties."""
    cases = {
        "Conv2d": (layers.Conv2d(3, 2, padding=1, rng=rng), normal(rng, IMAGES)),
        "Conv2d, stride 2": (
            layers.Conv2d(3, 2, (3, 2), stride=(2, 1), padding=(0, 2), bias=False, rng=rng),
            normal(rng, IMAGES),
        ),
        "BatchNorm2d": (layers.BatchNorm2d(3), 2 + 3 * normal(rng, IMAGES)),
        "BatchNorm2d, inference": (layers.BatchNorm2d(3).eval(), normal(rng, IMAGES)),
        "MaxPool2d": (layers.MaxPool2d(2), distinct(rng, IMAGES)),
        "MaxPool2d, overlapping": (layers.MaxPool2d(3, stride=(1, 2)), distinct(rng, IMAGES)),
        "CeilMaxPool2d": (layers.CeilMaxPool2d(2), distinct(rng, IMAGES)),
        "CeilMaxPool2d, overlapping": (layers.CeilMaxPool2d(3, stride=2), distinct(rng, IMAGES)),
        "AvgPool2d": (layers.AvgPool2d(2), normal(rng, IMAGES)),
        "AvgPool2d, overlapping": (layers.AvgPool2d((2, 3), stride=1), normal(rng, IMAGES)),
        "GlobalAvgPool": (layers.GlobalAvgPool(), normal(rng, IMAGES)),
        "HybridPool": (layers.HybridPool(), distinct(rng, IMAGES)),
        "ReLU": (layers.ReLU(), distinct(rng, VECTORS)),
        "PReLU": (layers.PReLU(5), distinct(rng, VECTORS)),
        "PReLU, images": (layers.PReLU(3), distinct(rng, IMAGES)),
        "Sigmoid": (layers.Sigmoid(), normal(rng, VECTORS)),
        "LogSigmoid": (layers.LogSigmoid(), normal(rng, VECTORS)),
        "Tanh": (layers.Tanh(), normal(rng, VECTORS)),
        "Linear": (layers.Linear(5, 3, std=1, rng=rng), normal(rng, VECTORS)),
        "Dropout": (layers.Dropout(0.4, rng=SameDraws()), normal(rng, VECTORS)),
        "Dropout, inference": (layers.Dropout(0.4, rng=SameDraws()).eval(), normal(rng, VECTORS)),
        "Flatten": (layers.Flatten(), normal(rng, IMAGES)),
        "Softmax": (layers.Softmax(), normal(rng, VECTORS)),
        "LogSoftmax": (layers.LogSoftmax(), normal(rng, VECTORS)),
        "Expectation": (layers.Expectation(label_grid(0, 8, 2)), rng.dirichlet(np.ones(5), 4)),
        "Sequential": (smooth_network(rng), normal(rng, (2, 6, 6, 3))),
    }
    for layer, _ in cases.values():
        layer.to(dtype=np.float64)
        for array in layer.params.values():
            array += 0.1 * rng.standard_normal(array.shape)  # off the 0 and 1 that they start with
    return cases


class SameDraws:
    """A generator that draws the same each time: so dropout is one function, with one gradient."""

    def random(self, shape, dtype):
        return np.random.default_rng(0).random(shape, dtype)


def smooth_network(rng):
    """A whole network without a kink: every kind of layer that a real one has, tanh and average."""
    return layers.Sequential(
        {
            "conv1": layers.Conv2d(3, 4, padding=1, bias=False, rng=rng),
            "bn1": layers.BatchNorm2d(4),
            "tanh1": layers.Tanh(),
            "pool1": layers.AvgPool2d(2),
            "conv2": layers.Conv2d(4, 4, padding=1, bias=False, rng=rng),
            "bn2": layers.BatchNorm2d(4),
            "tanh2": layers.Tanh(),
            "gap": layers.GlobalAvgPool(),
            "fc": layers.Linear(4, 5, std=0.5, rng=rng),
            "softmax": layers.Softmax(),
            "expectation": layers.Expectation(label_grid(0, 100, 25)),
        }
    )


def loss_cases(rng):
    """`{name: (loss, x, *targets)}` in float64."""
    grid = label_grid(0, 4)
    p = gaussian_label_distribution([0.3, 2.0, 3.1, 4.0], [0.5, 0.0, 1.5, 0.1], grid)
    p_hat = rng.dirichlet(np.full(5, 5.0), 4)
    y, bce = np.array([0.3, 2.0, 3.1, 4.0]), losses.binary_cross_entropy
    return {
        "kl_from_logits": (losses.kl_from_logits, normal(rng, VECTORS), p),
        "kl_from_logits, elements": (losses.kl_from_logits, normal(rng, VECTORS), p, "elements"),
        "kl_from_probabilities": (losses.kl_from_probabilities, p_hat, p),
        "l1": (losses.l1, y + distinct(rng, y.shape), y),
        "l2": (losses.l2, y + normal(rng, y.shape), y),
        "cross_entropy": (losses.cross_entropy, normal(rng, VECTORS), np.array([0, 4, 2, 2])),
        "soft_cross_entropy": (losses.soft_cross_entropy, normal(rng, VECTORS), p),
        "binary_cross_entropy": (bce, 3 * normal(rng, VECTORS), rng.uniform(size=VECTORS)),
        "binary_cross_entropy, weighted": (
            *(bce, 3 * normal(rng, VECTORS), rng.uniform(size=VECTORS), rng.uniform(0.5, 2, 5)),
        ),
    }


def normal(rng, shape):
    """Standard normal numbers."""
    return rng.standard_normal(shape)


def distinct(rng, shape):
    """Numbers 0.1 apart, none nearer to 0 than 0.05, in random order: no kink or tie is near."""
    count = int(np.prod(shape))
    return (rng.permutation(count) - count // 2 + 0.5).reshape(shape) / 10


def main():
    """Print the worst error of each layer and loss as a Markdown table."""
    print("| layer or loss | gradients in | worst relative error |\n|---|---|---|")
    for name, (layer, x) in layer_cases(np.random.default_rng(2018)).items():
        errors = check_layer(layer, x, np.random.default_rng(1))
        print(f"| {name} | {', '.join(shorten(errors))} | {max(errors.values()):.1e} |")
    for name, (loss, x, *targets) in loss_cases(np.random.default_rng(2018)).items():
        print(f"| {name} | x | {check_loss(loss, x, *targets):.1e} |")


def shorten(names):
    """The names, or how many they are."""
    return names if len(names) < 5 else [f"x and {len(names) - 1} parameters"]


if __name__ == "__main__":
    main()
