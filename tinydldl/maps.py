"""What a network looks at: where in a photo the evidence for an age is. Lesson 11.

The last layers of an `AgeNet` are a pooling and one Linear layer, so each logit is a sum over
positions, plus a bias. A class activation map shows the terms of that sum. Occlusion needs no
theory: it covers a part of the photo and sees what the network says then.

Source: Zhou et al., CVPR 2016 (maps); Zeiler and Fergus, ECCV 2014 (occlusion).
"""

import numpy as np

from tinydldl.backend import UserError
from tinydldl.datasets.loader import normalize
from tinydldl.datasets.transforms import FILL
from tinydldl.layers import GlobalAvgPool, HybridPool, Sequential
from tinydldl.methods import SoftmaxMethod

WINDOW, STRIDE = 1 / 4, 1 / 16  # of the side of a photo: what is covered, and how far apart


class MapError(UserError):
    """A network whose estimates cannot be taken apart."""


class Maps:
    """Maps (N, H, W) of what `network` says of uint8 images (N, side, side, 3), as they are.

    H, W are those of the features before the last pooling. `logits`, `p_hat` (N, K) and `y_hat`
    (N,), years, are what is explained. Raises MapError for a method without softmax.
    """

    def __init__(self, network, images):
        method = network.method
        if not isinstance(method, SoftmaxMethod):
            name = network.meta["method"]["name"]
            raise MapError(f"{name}: no softmax, so there is no map for each age; try dldl-v2")
        body, self.top = split(network.model)
        self.grid = method.grid
        self.features = body.forward(normalize(images, *network.channels))
        self.logits = self.top.forward(self.features, keep=True)
        self.p_hat = method.predict(self.logits)
        self.y_hat = method.age(self.p_hat)

    def of_logits(self, dlogits):
        """The terms of `sum_k dlogits_k (logits_k - b_k)`, position by position.

            map_hw = sum_c features_hwc  d(sum_k dlogits_k logits_k) / d features_hwc

        Average pooling gives each position the same share; maximum pooling gives it to the one
        position of four that it took. dlogits (N, K).
        """
        return (self.features * self.top.backward(dlogits)).sum(axis=-1)

    def of_age(self, age):
        """The class activation map of the label nearest to `age`: the terms of its logit."""
        return self.of_logits(np.broadcast_to(self.one_hot(age), self.logits.shape))

    def of_log_probability(self, age):
        """The same for ln p_hat_k, nats: what speaks for this age rather than for the others.

        The logits mean the same if a number is added to them all, so a class activation map alone
        means little. `d ln p_hat_k / d logits_j = [j = k] - p_hat_j` is free of that.
        """
        return self.of_logits(self.one_hot(age) - self.p_hat)

    def of_expectation(self):
        """The same for y_hat, years: red is what makes older, blue what makes younger.

        `d y_hat / d logits_k = p_hat_k (l_k - y_hat)`, so it is the sum of the maps of all ages,
        weighted by that.
        """
        return self.of_logits(self.p_hat * (self.grid - self.y_hat[:, None]))

    def one_hot(self, age):
        """1 at the label nearest to `age`, 0 elsewhere (K,)."""
        return np.eye(len(self.grid), dtype=self.logits.dtype)[np.abs(self.grid - age).argmin()]


def split(model):
    """A network as two: what makes the features, and the last pooling with what comes after it."""
    names = list(model.layers)
    (pool,) = (
        name
        for name, layer in model.layers.items()
        if isinstance(layer, HybridPool | GlobalAvgPool)
    )
    cut = names.index(pool)
    body, top = ({name: model.layers[name] for name in part} for part in (names[:cut], names[cut:]))
    return Sequential(body).eval(), Sequential(top).eval()


def occlusion(network, image, window=WINDOW, stride=STRIDE):
    """How many years each part of an image adds: y_hat less y_hat with a gray square over it.

    `image`: uint8 (side, side, 3); `window`, `stride`: the square, and the way from one to the
    next, in sides. Returns (H, W), one number for each place of the square, centers from edge to
    edge; at the edges a part of it is outside.
    """
    side = len(image)
    half, step = round(side * window / 2), max(1, round(side * stride))
    centers = np.arange(step // 2, side, step)
    covered = np.repeat(image[None], len(centers) ** 2, axis=0)
    for copy, (h, w) in zip(covered, np.ndindex(len(centers), len(centers)), strict=True):
        top, left = max(0, centers[h] - half), max(0, centers[w] - half)
        copy[top : centers[h] + half, left : centers[w] + half] = FILL
    y_hat = ages(network, image[None])
    changed = np.concatenate([ages(network, copy[None]) for copy in covered])
    return (y_hat - changed).reshape(len(centers), len(centers))


def ages(network, images):
    """y_hat (N,) of uint8 images, without their mirror images."""
    x = normalize(images, *network.channels)
    return network.method.age(network.method.predict(network.model.forward(x)))
