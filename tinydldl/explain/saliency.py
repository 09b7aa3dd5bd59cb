"""What a network looks at: where in a photo the evidence for an age is. Lesson 11.

The last layers of an `AgeNet` are a pooling and one Linear layer, so each logit is a sum over
positions, plus a bias. A class activation map shows the terms of that sum. Occlusion needs no
theory: it covers a part of the photo, and compares the estimates.

Both take a photo without its mirror image, and leave the network as it was.
Source: Zhou et al., CVPR 2016 (maps); Zeiler and Fergus, ECCV 2014 (occlusion).
"""

from copy import deepcopy
from math import ceil, floor
from typing import Any

import numpy as np

from tinydldl import fast, finite
from tinydldl.arrays import Ages, Array, Images, Map, Outputs, Pixels
from tinydldl.datasets.loader import PhotoStore, Seen, eval_batches, normalize
from tinydldl.errors import UserError
from tinydldl.images import FILL
from tinydldl.labels import nearest
from tinydldl.layers import GlobalAvgPool, HybridPool, Sequential
from tinydldl.methods import SoftmaxMethod
from tinydldl.trained import Trained

PLACES = 16  # positions of the occluding square along each axis
WINDOW = 1 / 4  # its side, as a share of the photo's


class MapError(UserError):
    """A network whose estimates cannot be taken apart."""


class Maps:
    """Maps (N, H, W) of the outputs of `network`, a `Trained`, for uint8 images (N, side, side, 3).

    H, W are those of the features before the last pooling. `logits`, `p_hat` (N, K) and `y_hat`
    (N,), years, are explained. Raises MapError for a method without softmax.
    """

    def __init__(self, network: Trained, images: Images) -> None:
        method = network.method
        if not isinstance(method, SoftmaxMethod):
            raise MapError(f"{network.method_name}: no softmax, so no map of an age; try dldl-v2")
        body, self.top = split(network.model)
        self.grid = method.grid
        self.features = fast.FastNet(body).forward(normalize(images, *network.channels))
        self.logits = self.top.forward(self.features, save=True)
        self.p_hat = finite.check_finite(method.predict(self.logits))
        self.y_hat = method.age(self.p_hat)

    def of_logits(self, dlogits: Outputs) -> Array:
        """The terms of `sum_k dlogits_k (logits_k - b_k)`, position by position.

            map_hw = sum_c features_hwc  d(sum_k dlogits_k logits_k) / d features_hwc

        dlogits (N, K). Average pooling gives each position the same share, maximum pooling gives
        it to the one position of four that won. Features that grow by a small share eps at one
        position move the sum by eps map_hw. (After a LogSigmoid, which is not linear, only this
        holds, and the maps do not add up to the whole.)
        """
        return (self.features * self.top.backward(dlogits)).sum(axis=-1)

    def of_logit(self, age: Any) -> Array:
        """The class activation map of the label nearest to `age`, years."""
        return self.of_logits(np.broadcast_to(self.one_hot(age), self.logits.shape))

    def of_log_probability(self, age: Any) -> Array:
        """The same for ln p_hat_k, nats: evidence for this age rather than for the others.

        A constant added to all logits changes nothing, so a class activation map alone means
        little. `d ln p_hat_k / d logits_j = [j = k] - p_hat_j` is free of that. `age`: one or (N,).
        """
        return self.of_logits(self.one_hot(age) - self.p_hat)

    def of_expectation(self) -> Array:
        """The same for y_hat, years: positive makes older, negative makes younger.

        The maps of all ages, weighted by `d y_hat / d logits_k = p_hat_k (l_k - y_hat)`.
        """
        return self.of_logits(self.p_hat * (self.grid - self.y_hat[:, None]))

    def one_hot(self, age: Any) -> Array:
        """1 at the label nearest to `age`, 0 elsewhere: (1, K), or (N, K) for ages (N,)."""
        return np.eye(len(self.grid), dtype=self.logits.dtype)[nearest(np.ravel(age), self.grid)]


def split(model: Sequential) -> tuple[Sequential, Sequential]:
    """Copies for inference of a network up to its features, and from the last pooling on."""
    layers = list(deepcopy(model.layers).items())
    cut = [isinstance(layer, HybridPool | GlobalAvgPool) for _, layer in layers].index(True)
    return Sequential(dict(layers[:cut])).eval(), Sequential(dict(layers[cut:])).eval()


def by_decade(network: Trained, store: PhotoStore, batch: int, seen: Seen) -> list[dict[str, Any]]:
    """The mean face and the mean map of the expectation per decade of true age, the youngest first.

    (A map of ln p_hat at the estimate would be almost 0: p_hat is near its maximum there.)

    A list of dicts: `decade`, its first year; `count` photos; the means `face` (side, side, 3) in
    0..255, `map` (H, W) and `y_hat`, years.
    """
    sums: dict[int, tuple] = {}
    for images, indices in eval_batches(store, batch=batch):
        maps = Maps(network, images)
        decades = (10 * np.floor(store.photos.ages[indices] / 10)).astype(int).tolist()
        faces = images.astype(float)
        for decade, *values in zip(decades, faces, maps.of_expectation(), maps.y_hat, strict=True):
            count, *before = sums.get(decade, (0, 0, 0, 0))
            sums[decade] = count + 1, *(a + b for a, b in zip(before, values, strict=True))
        seen(len(images))
    return [
        {"decade": decade, "count": count, "face": face / count}
        | {"map": one_map / count, "y_hat": float(y_hat) / count}
        for decade, (count, face, one_map, y_hat) in sorted(sums.items())
    ]


def occlusion(network: Trained, image: Pixels) -> Map:
    """The years that each part of an image adds: y_hat less y_hat with a gray square over it.

    `image`: uint8 (side, side, 3). Returns (16, 16), one per position of the square: `spans`.
    """
    model = fast.FastNet(Sequential(deepcopy(network.model.layers)).eval())

    def y_hat(images: Images) -> Ages:
        x = normalize(images, *network.channels)
        return network.method.age(network.method.predict(model.forward(x)))

    places, found = spans(len(image)), []
    for rows in places:
        covered = np.repeat(image[None], PLACES, axis=0)  # once for each position in a row
        for copy, columns in zip(covered, places, strict=True):
            copy[rows, columns] = FILL
        found.append(y_hat(covered))
    return y_hat(image[None]) - np.stack(found)


def spans(side: int) -> list[slice]:
    """16 slices of one side: the square around the center of each part, cut off at the ends."""
    centers = (np.arange(PLACES) + 0.5) * side / PLACES
    half = side * WINDOW / 2
    return [slice(max(0, floor(c - half)), min(side, ceil(c + half))) for c in centers]


def under_squares(one_map: Map, side: int) -> Map:
    """The sums of a map (H, H) under the squares of `occlusion`, for an image of `side`: (16, 16).

    A position of the map is a square of pixels, and counts by the share of it that is covered.
    Pixels that are left over, at the right and below, belong to no position.
    """
    H = len(one_map)
    pixels = 2 ** floor(np.log2(side / H))  # per side of a position
    covers = np.zeros((PLACES, side))
    for row, span in zip(covers, spans(side), strict=True):
        row[span] = 1 / pixels
    shares = covers[:, : H * pixels].reshape(PLACES, H, pixels).sum(axis=2)
    return shares @ one_map @ shares.T


def agreement(said: Map, found: Map) -> float | None:
    """The correlation of two maps under squares, -1..1; None if one is the same everywhere."""
    if np.ptp(said) == 0 or np.ptp(found) == 0:
        return None
    return float(np.corrcoef(said.ravel(), found.ravel())[0, 1])
