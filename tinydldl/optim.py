"""Optimizers, schedules of the learning rate, and the average of the weights (lesson 07)."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import cos, pi

import numpy as np

from tinydldl.arrays import Array, Arrays, Scalar
from tinydldl.backend import average_step, flush, fused, get_array_module, smallest


class Optimizer:
    """Updates `params` in place, by the gradients in `grads`: dicts of arrays with the same names.

    Make it after `model.to(...)`, which replaces the arrays. `lr`, the learning rate, may be set
    before each step. `state`: the arrays that the next step depends on, by name, for checkpoints.
    What would become subnormal, as the average of a gradient that stays 0, becomes 0: `smallest`.
    """

    def __init__(self, params: Arrays, grads: Arrays, lr: float) -> None:
        self.params, self.grads, self.lr = params, grads, lr
        self.state: Arrays = {}

    def zeros(self, prefix: str) -> None:
        """Add an array of zeros to the state for each parameter, named `prefix.parameter`."""
        for name, param in self.params.items():
            self.state[f"{prefix}.{name}"] = get_array_module(param).zeros_like(param)

    def step(self) -> None:
        """Update every parameter once."""
        raise NotImplementedError


class SGD(Optimizer):
    """Gradient descent with momentum: `v = momentum v + g`, `param -= lr v`."""

    def __init__(self, params: Arrays, grads: Arrays, lr: float, momentum: float = 0.9) -> None:
        super().__init__(params, grads, lr)
        self.momentum = momentum
        self.zeros("velocity")  # `v` is that of Adam in a checkpoint, and may not be negative

    def step(self) -> None:
        for name, param in self.params.items():
            v = self.state[f"velocity.{name}"]
            sgd_step(param, self.grads[name], v, self.lr, self.momentum, smallest(v.dtype))


@fused
def sgd_step(param: Array, g: Array, v: Array, lr: float, momentum: float, least: float) -> None:
    """Update `param` and `v` in place by the gradient `g`; below `least` v becomes zero."""
    v *= momentum
    v += g
    v *= get_array_module(v).abs(v) >= least
    param -= lr * v  # it never shrinks that far by itself


class Adam(Optimizer):
    """Steps scaled by running averages of the gradient and of its square.

        m = beta1 m + (1 - beta1) g             v = beta2 v + (1 - beta2) g^2
        param -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)      at step t = 1, 2, ...

    Source: Kingma and Ba, ICLR 2015.
    """

    beta1, beta2 = 0.9, 0.999

    def __init__(self, params: Arrays, grads: Arrays, lr: float = 1e-3, eps: float = 1e-8) -> None:
        super().__init__(params, grads, lr)
        self.eps = eps
        self.zeros("m")
        self.zeros("v")
        self.state["t"] = np.zeros((), dtype=np.int64)  # a count, so it stays on the host

    def step(self) -> None:
        self.state["t"] += 1
        t = int(self.state["t"])
        root = (1 - self.beta2**t) ** 0.5  # both corrections are taken out of the arrays
        lr, eps = self.lr * root / (1 - self.beta1**t), self.eps * root
        for name, param in self.params.items():
            m, v = self.state[f"m.{name}"], self.state[f"v.{name}"]
            rates = 1 - self.beta1, 1 - self.beta2, eps, smallest(v.dtype)
            adam_step(param, self.grads[name], m, v, lr, *rates)
            if t % 64 == 0:  # so long it takes from `smallest` to a thousandth of it
                flush(m)


@fused
def adam_step(
    param: Array,
    g: Array,
    m: Array,
    v: Array,
    lr: float,
    m_rate: float,
    v_rate: float,
    eps: float,
    least: float,
) -> None:
    """Update param, m and v by g; `lr` and `eps` are corrected for t, v below `least` is 0."""
    m += m_rate * (g - m)
    v += v_rate * (g * g - v)
    v *= v >= least
    param -= lr * m / (get_array_module(v).sqrt(v) + eps)


OPTIMIZERS = {"adam": Adam, "sgd": SGD}


def gradient_norm(grads: Arrays) -> Scalar:
    """The norm of the gradient of all parameters together, a 0-d array on their device."""
    squares = [(grad.ravel() @ grad.ravel()) for grad in grads.values()]
    xp = get_array_module(squares[0])
    return xp.sqrt(xp.stack(squares).sum())


def step_schedule(lr: float, epoch: float, every: int) -> float:
    """The learning rate in `epoch` (from 1 on): divided by 10 after each `every` epochs.

    >>> [step_schedule(0.5, epoch, every=2) for epoch in (1, 2, 3, 5)]
    [0.5, 0.5, 0.05, 0.005]
    """
    return lr * 10.0 ** -((epoch - 1) // every)


def cosine_schedule(lr: float, epoch: float, epochs: int, warm_up: int = 0) -> float:
    """The learning rate at `epoch` (1.5: the middle of the first): a line up, half a cosine down.

        t = epoch - 1                                                        epochs that are done
        lr t / warm_up                                                       while t < warm_up
        lr (1 + cos(pi (t - warm_up) / (epochs - warm_up))) / 2              from then on

    `warm_up`: epochs, fewer than `epochs`; they keep Adam's first steps small, whose averages are
    of few gradients. Source: Loshchilov and Hutter, ICLR 2017; warm-up: Goyal et al., 2017.

    >>> [round(cosine_schedule(0.5, epoch, 5, warm_up=1), 3) for epoch in (1, 1.5, 2, 4, 6)]
    [0.0, 0.25, 0.5, 0.25, 0.0]
    """
    t = epoch - 1
    if t < warm_up:
        return lr * t / warm_up
    return lr * (1 + cos(pi * (t - warm_up) / (epochs - warm_up))) / 2


class Averaged:
    """The exponential moving average of `arrays`, a dict, over the steps of an optimizer.

        average += (1 - decay) / (1 - decay^t) (array - average)         at step t = 1, 2, ...

    The noise of single steps cancels in it, so a network often estimates better with its averaged
    weights than with those of the last step. Corrected for t as in Adam, the average forgets the
    arrays as they were before the first step. Give it `params` and `buffers`: averaged parameters
    need averaged statistics. Make it, like an optimizer, after `model.to(...)`.
    Source: Polyak and Juditsky, SIAM J. Control Optim. 1992; Tarvainen and Valpola, NeurIPS 2017.
    """

    def __init__(self, arrays: Arrays, decay: float) -> None:
        self.arrays, self.decay = arrays, decay
        self.average = {name: array.copy() for name, array in arrays.items()}
        self.t = np.zeros((), dtype=np.int64)  # a count, so it stays on the host

    def update(self) -> None:
        """Add the arrays, as a step has left them, to the average."""
        self.t += 1
        rate = (1 - self.decay) / (1 - self.decay ** int(self.t))
        for name, array in self.arrays.items():
            average_step(self.average[name], array, rate, smallest(array.dtype))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """A context in which the arrays hold the average."""
        raw = {name: array.copy() for name, array in self.arrays.items()}
        try:
            self._fill(self.average)
            yield
        finally:
            self._fill(raw)

    def _fill(self, values: Arrays) -> None:
        for name, array in self.arrays.items():
            array[...] = values[name]  # in place: others, processes too, hold the same arrays
