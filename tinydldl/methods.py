"""Ways of estimating an age: each has a head, a target, a loss, and a decoding."""

import numpy as np

from tinydldl import losses
from tinydldl.labels import gaussian_label_distribution
from tinydldl.layers import Expectation, Softmax


class DLDLv2:
    """Learn the label distribution and its expectation together (Gao et al., IJCAI 2018).

        logits --softmax--> p_hat --expectation--> y_hat
           |                                         |
          KL(p, p_hat)         +    lam  *     |y_hat - y|

    `grid`: the labels (K,), years; `lam`: the weight of the second loss; `kl_reduction`: see
    `losses.kl_from_logits`.
    """

    def __init__(self, grid, lam=1.0, kl_reduction="batch"):
        self.grid, self.lam, self.kl_reduction = grid, lam, kl_reduction
        self.outputs = len(grid)
        self.softmax, self.expectation = Softmax(), Expectation(grid)

    def to(self, xp=np, dtype=None):
        """Move the head's arrays to the module `xp`; returns the method."""
        self.expectation.to(xp, dtype)
        return self

    def target(self, y, sigma):
        """What the logits should become: the label distribution (N, K), float64 on the host."""
        return gaussian_label_distribution(y, sigma, self.grid)

    def loss(self, logits, p, y):
        """`(L, L_ld, L_er), dlogits` for targets p (N, K) and ages y (N,)."""
        p_hat = self.softmax.forward(logits, keep=True)
        y_hat = self.expectation.forward(p_hat, keep=True)
        values, dlogits, dy_hat = losses.joint(logits, y_hat, p, y, self.lam, self.kl_reduction)
        dp_hat = self.expectation.backward(dy_hat)
        return values, dlogits + self.softmax.backward(dp_hat)

    def distribution(self, logits):
        """The predicted distribution p_hat (N, K)."""
        return self.softmax.forward(logits, keep=False)

    def age(self, p_hat):
        """The estimate y_hat (N,), years: the expectation of p_hat."""
        return self.expectation.forward(p_hat, keep=False)
