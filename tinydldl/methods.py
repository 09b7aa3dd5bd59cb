"""Ways of estimating an age, side by side: each has a head, a target, a loss, and a decoding.

    network --> x --head--> prediction --age--> y_hat
                |
          criterion(x, target)

`x` (N, outputs) is what the network's last layer gives. `grid`: the labels l (K,), years. Tables 1
and 3 of the paper compare these methods; lesson 09 does so on one network.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from tinydldl import backend, losses
from tinydldl.arrays import Ages, Array, Distributions, DType, Grid, Module, Outputs, Scalar
from tinydldl.labels import gaussian_label_distribution, nearest, ranking_code
from tinydldl.layers import Expectation, Layer, Sigmoid, Softmax, Tanh
from tinydldl.losses import Loss

Losses = tuple[tuple[Scalar, ...], Outputs]  # the loss and its parts, and the gradient in x


class Method:
    """One way of estimating an age; the classes below fill in what differs.

    `head`: the layer from x to the prediction, which is what may be averaged, over a photo and its
    mirror image or over several networks; `outputs`: how many numbers x has per photo.
    """

    def __init__(self, grid: Grid, outputs: int, head: Layer) -> None:
        self.grid, self.outputs, self.head = grid, outputs, head

    def to(self, xp: Module = np, dtype: DType = None) -> Self:
        """Move the arrays of the method to the module `xp`; returns the method."""
        self.head.to(xp, dtype)
        return self

    def begin(self, epoch: int) -> None:
        """Prepare for an epoch, from 1 on: for most methods nothing changes."""

    def target(self, y: ArrayLike, sigma: ArrayLike) -> Array:
        """What the loss compares x with, for ages y and sigma (N,): float64, on the host."""
        raise NotImplementedError

    def criterion(self, x: Outputs, target: Array) -> Loss:
        """`L, dx`: how far x is from its target, and the gradient in x."""
        raise NotImplementedError

    def loss(self, x: Outputs, target: Array, y: Ages) -> Losses:
        """`(L, L_er), dx`: the loss that is minimized, here the criterion, and its gradient in x.

        L_er, the mean absolute error in years, is only shown.
        """
        L, dx = self.criterion(x, target)
        L_er, _ = losses.l1(self.age(self.predict(x)), y)
        return (L, L_er), dx

    def predict(self, x: Outputs) -> Array:
        """The prediction for x."""
        return self.head.forward(x, save=False)

    def age(self, prediction: Array) -> Ages:
        """The estimate y_hat (N,), years."""
        raise NotImplementedError

    def distribution(self, prediction: Array) -> Distributions | None:
        """The distribution (N, K) over the grid that a prediction holds; None if it holds none."""
        return None


class SoftmaxMethod(Method):
    """A method whose prediction is a distribution p_hat (N, K), decoded by its expectation."""

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid, len(grid), Softmax())
        self.expectation = Expectation(grid)

    def to(self, xp: Module = np, dtype: DType = None) -> Self:
        self.expectation.to(xp, dtype)
        return super().to(xp, dtype)

    def age(self, p_hat: Distributions) -> Ages:
        return self.expectation.forward(p_hat, save=False)

    def distribution(self, p_hat: Distributions) -> Distributions:
        return p_hat


class Regression(Method):
    """One number, through tanh: `z_hat = tanh(x)`, ages mapped to [-1, 1] (the paper's MR).

    z = (y - center) / half; L = mean |z_hat - z| or mean (z_hat - z)^2; y_hat = center + half z_hat
    """

    difference = staticmethod(losses.l1)

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid, 1, Tanh())
        self.center, self.half = float(grid[0] + grid[-1]) / 2, float(grid[-1] - grid[0]) / 2

    def target(self, y: ArrayLike, sigma: ArrayLike) -> Array:
        return (np.asarray(y, dtype=float)[:, None] - self.center) / self.half

    def criterion(self, x: Outputs, z: Array) -> Loss:
        z_hat = self.head.forward(x, save=True)
        L, dz_hat = self.difference(z_hat, z)
        return L, self.head.backward(dz_hat)

    def age(self, z_hat: Array) -> Ages:
        return self.center + self.half * z_hat[:, 0]


class RegressionL2(Regression):
    """The same with the squared loss."""

    difference = staticmethod(losses.l2)


class Ranking(Method):
    """K-1 questions, "older than the border between labels k and k + 1?" (Chen et al., CVPR 2017).

    Sigmoids, and binary cross entropy against the ranking code; y_hat is the label whose number is
    the count of answers above 1/2: the median of `distribution`.

    Answers for a photo and its mirror image, or of several networks, are averaged before they are
    counted: y_hat is the median of the averaged distribution. The published code averages two ages
    instead. If all answers up to 50 are 0.9, and for the mirror image those up to 40 are 0.9 but
    those from 40 to 50 are 0.4, then we estimate 50, and it estimates 45.
    """

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid, len(grid) - 1, Sigmoid())

    def target(self, y: ArrayLike, sigma: ArrayLike) -> Array:
        return ranking_code(y, self.grid)

    def criterion(self, x: Outputs, code: Array) -> Loss:
        return losses.binary_cross_entropy(x, code)

    def predict(self, x: Outputs) -> Array:
        """The answers in float64: near 1, float32 has no digits left for the doubt."""
        return super().predict(x.astype(np.float64))

    def age(self, code_hat: Array) -> Ages:
        step = float(self.grid[1] - self.grid[0])
        return float(self.grid[0]) + step * (code_hat > 0.5).sum(axis=1, dtype=code_hat.dtype)

    def distribution(self, code_hat: Array) -> Distributions:
        """The differences of the soft code: `p_k = c_{k-1} - c_k`, with c_{-1} = 1, c_{K-1} = 0.

        The answers need not fall with k, so they are sorted first: then no p_k is negative, and
        neither the expectation nor the count above 1/2 changes. Lesson 02; rearrangement:
        Chernozhukov, Fernandez-Val and Galichon, Econometrica 2010. On the host.
        """
        falling = -np.sort(-code_hat, axis=1)
        return -np.diff(falling, axis=1, prepend=1, append=0)


class ORCNN(Ranking):
    """Ranking with questions weighted by the photos that answer yes (Niu et al., CVPR 2016).

        w_k = sqrt(n_k) / mean_j sqrt(n_j),     n_k photos of `ages` with y >= l_k + dl/2

    `ages`: those trained on; only the loss needs them. A question that nobody answers with yes
    counts as if one did, so that its output learns to say no.
    """

    def __init__(self, grid: Grid, ages: ArrayLike = ()) -> None:
        super().__init__(grid)
        root = np.sqrt(ranking_code(ages, grid).sum(axis=0).clip(min=1))
        self.weights = root / root.mean()

    def to(self, xp: Module = np, dtype: DType = None) -> Self:
        self.weights = backend.to_device(self.weights, xp).astype(dtype or self.weights.dtype)
        return super().to(xp, dtype)

    def criterion(self, x: Outputs, code: Array) -> Loss:
        return losses.binary_cross_entropy(x, code, self.weights.astype(x.dtype, copy=False))


class DEX(SoftmaxMethod):
    """Classification, then expectation (Rothe et al., IJCV 2018).

    Softmax with cross entropy on the nearest label; the expectation is taken in decoding alone.
    """

    def target(self, y: ArrayLike, sigma: ArrayLike) -> Array:
        return nearest(y, self.grid).astype(float)

    def criterion(self, logits: Outputs, labels: Array) -> Loss:
        return losses.cross_entropy(logits, labels)


class ER(SoftmaxMethod):
    """Expectation regression: softmax and expectation, the L1 loss on the expectation alone."""

    def target(self, y: ArrayLike, sigma: ArrayLike) -> Array:
        return np.asarray(y, dtype=float)

    def criterion(self, logits: Outputs, y: Ages) -> Loss:
        p_hat = self.head.forward(logits, save=True)
        y_hat = self.expectation.forward(p_hat, save=True)
        L, dy_hat = losses.l1(y_hat, y)
        return L, self.head.backward(self.expectation.backward(dy_hat))


class DLDL(SoftmaxMethod):
    """Learn the label distribution alone: KL(p, p_hat) (Gao et al., IEEE TIP 2017)."""

    def target(self, y: ArrayLike, sigma: ArrayLike) -> Array:
        return gaussian_label_distribution(y, sigma, self.grid)

    def criterion(self, logits: Outputs, p: Distributions) -> Loss:
        return losses.kl_from_logits(logits, p)


class LDAE(DLDL):
    """Soft-label cross entropy, trained in several networks whose p_hat are averaged.

    For one network the gradient is that of DLDL: the losses differ by the entropy of p, a constant.
    Source: Antipov et al., Pattern Recognition 2017.
    """

    def criterion(self, logits: Outputs, p: Distributions) -> Loss:
        return losses.soft_cross_entropy(logits, p)


class DLDLv2(DLDL):
    """Learn the label distribution and its expectation together (Gao et al., IJCAI 2018).

        logits --softmax--> p_hat --expectation--> y_hat
           |                                         |
          KL(p, p_hat)         +    lam  *     |y_hat - y|

    `lam`: the weight of the second loss. `lam_now`, its value in this epoch, is 0 in the first
    `kl_epochs`. (The published code trains with KL alone first, too, but then begins a new run: see
    data/README.md.) `kl_reduction`: see `losses.kl_from_logits`.

    >>> method, y = DLDLv2(np.arange(101.0)), np.array([30.0])
    >>> target = method.target(y, sigma=[3.0])
    >>> (L, L_ld, L_er), dlogits = method.loss(np.zeros((1, 101)), target, y)  # p_hat is uniform
    >>> print(f"KL {L_ld:.3f} nats + {L_er:.3f} years = {L:.3f}")
    KL 2.098 nats + 20.000 years = 22.098
    """

    def __init__(
        self, grid: Grid, lam: float = 1.0, kl_reduction: str = "batch", kl_epochs: int = 0
    ) -> None:
        super().__init__(grid)
        self.lam, self.kl_reduction, self.kl_epochs = lam, kl_reduction, kl_epochs
        self.lam_now = lam

    def begin(self, epoch: int) -> None:
        self.lam_now = self.lam if epoch > self.kl_epochs else 0.0

    def loss(self, logits: Outputs, p: Distributions, y: Ages) -> Losses:
        """`(L, L_ld, L_er), dlogits` for targets p (N, K) and ages y (N,)."""
        p_hat = self.head.forward(logits, save=True)
        y_hat = self.expectation.forward(p_hat, save=True)
        values, dlogits, dy_hat = losses.joint(logits, y_hat, p, y, self.lam_now, self.kl_reduction)
        return values, dlogits + self.head.backward(self.expectation.backward(dy_hat))


METHODS = {
    "dldl-v2": DLDLv2,
    "dldl": DLDL,
    "ldae": LDAE,
    "er-l1": ER,
    "dex": DEX,
    "ranking": Ranking,
    "or-cnn": ORCNN,
    "mr-l1": Regression,
    "mr-l2": RegressionL2,
}


def make_method(name: str, grid: Grid, **settings: Any) -> Method:
    """The method `name`, with settings that its class takes. Raises ValueError and TypeError."""
    if name not in METHODS:
        raise ValueError(f"method {name!r}: expected one of {', '.join(METHODS)}")
    return METHODS[name](grid, **settings)
