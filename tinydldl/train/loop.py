"""The training loop: an epoch, and a step of it (lesson 08)."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from tinydldl.arrays import Array
from tinydldl.backend import to_device, to_host
from tinydldl.datasets.loader import PhotoStore, normalize, train_batches
from tinydldl.finite import NonFiniteError, check_loss, check_parameters
from tinydldl.layers import Sequential
from tinydldl.methods import Method
from tinydldl.metrics import epsilon_error, mae
from tinydldl.optim import Averaged, Optimizer, gradient_norm
from tinydldl.progress import Progress
from tinydldl.train.statistics import Clock, Figures, Means
from tinydldl.trained import Trained

OnEpoch = Callable[[int, Figures, Figures], bool | None]  # whether to stop


@dataclass
class Training:
    """All that a training consists of.

    `weights` (photos trained on,): the gradient of a batch is that of `1/N sum_n w_n L_n`, L_n the
    loss of a photo; the figures stay plain means. None for 1.
    """

    model: Sequential
    method: Method
    optimizer: Optimizer
    schedule: Callable[[float], float]  # learning rate at an epoch; 1.5: the middle of the first
    train_store: PhotoStore
    valid_store: PhotoStore
    channels: tuple[list[float], list[float]]  # mean and std of R, G and B in 0..1
    epochs: int
    batch: int
    transforms: list[str]
    seed: int = 0
    val_every: int = 1
    average: Averaged | None = None  # of params and buffers, if it is what is evaluated
    weights: Array | None = None
    mix: float | None = None  # photos are `mixed` in pairs, with shares of Beta(mix, mix)
    xp: ModuleType = np


@np.errstate(all="ignore")  # what is not finite is looked for, and named
def train(
    training: Training, on_epoch: OnEpoch, progress: Progress, done: int = 0, place: str = ""
) -> None:
    """Train for the epochs after `done`; after each call `on_epoch(epoch, figures, speed)`, which
    may say that it was the last.

    `figures`: those of `train_epoch` and, every `val_every` epochs and in the last one, those of
    `validate`; `speed`: of a `Clock`; `progress` counts images, `place` is what it says before the
    epoch. Raises NonFiniteError at the first loss that is not finite.
    """
    for epoch in range(done + 1, training.epochs + 1):
        progress.set_description(f"{place}epoch {epoch}/{training.epochs}")
        figures, speed = train_epoch(training, epoch, progress)
        check_parameters(training.model, epoch)
        if epoch % training.val_every == 0 or epoch == training.epochs:
            figures |= validate(training)
        if on_epoch(epoch, figures, speed):
            break


def train_epoch(training: Training, epoch: int, progress: Progress) -> tuple[Figures, Figures]:
    """One pass over the training photos: its figures, with the last `lr`, and its speed."""
    training.model.train()
    training.method.begin(epoch)
    store, batch, transforms = training.train_store, training.batch, training.transforms
    batches = train_batches(store, epoch, batch=batch, transforms=transforms, seed=training.seed)
    means, clock = Means(), Clock()
    rng = np.random.default_rng([training.seed, epoch, len(store), 1])  # of nothing else
    for step, (images, indices) in enumerate(clock.waiting(batches), start=1):
        middle = (means.photos + len(indices) / 2) / len(store)  # of this step, as part of an epoch
        training.optimizer.lr = training.schedule(epoch + middle)
        share = rng.beta(training.mix, training.mix, len(indices)) if training.mix else None
        where = f"epoch {epoch}, step {step}"
        losses, norm = training_step(training, images, indices, where, share)
        means.add(losses, norm, len(indices))
        loss, *_, error = means.losses
        progress.set_postfix_str(f"loss {loss:.3f}, MAE {error:.2f}", refresh=False)
        progress.update(len(indices))
    return {"lr": training.optimizer.lr} | means.figures(), clock.speed(means.photos)


def training_step(
    training: Training,
    images: np.ndarray,
    indices: np.ndarray,
    where: str,
    share: np.ndarray | None = None,
) -> tuple[np.ndarray, float]:
    """One step of the optimizer: the losses of a batch and the norm of the gradient, on the host.

    `images` (N, H, W, 3), uint8, are the photos `indices` (N,) of the training part; `where` names
    the step in an error; `share` (N,): photos are `mixed` so.
    """
    x, target, y, w = prepare(training, images, indices, share)
    outputs = training.model.forward(x)
    losses, doutputs = training.method.loss(outputs, target, y)
    training.model.backward(w[:, None] * doutputs)  # a row of the gradient is that of one photo
    norm = gradient_norm(training.model.grads)
    figures = to_host(training.xp.stack([*losses, norm])).astype(float)
    check_loss(figures[0], training.model, x, where)
    training.optimizer.step()
    if training.average:
        training.average.update()
    return figures[:-1], figures[-1]


def prepare(
    training: Training, images: np.ndarray, indices: np.ndarray, share: np.ndarray | None
) -> tuple[Array, Array, Array, Array]:
    """What a step learns from, on the device: photos, targets, ages and weights of a batch."""
    photos, xp = training.train_store.photos, training.xp
    y, sigma = photos.ages[indices], photos.sigmas[indices]
    x = normalize(to_device(images, xp), *training.channels)
    w = np.ones(len(y)) if training.weights is None else training.weights[indices]
    labels = training.method.target(y, sigma), y, w
    target, y, w = (to_device(values.astype(np.float32), xp) for values in labels)
    if share is None:
        return x, target, y, w
    s = to_device(share.astype(np.float32), xp)
    return mixed(x, s), mixed(target, s), mixed(y, s), mixed(w, s)


def mixed(values: Array, share: Array) -> Array:
    """The values (N, ...) of a batch, mixed in pairs with shares (N,).

        v'_i = s_i v_i + (1 - s_i) v_j,      j = N - 1 - i

    The mixture of two label distributions is one, and its expectation is that of the mixed ages,
    since an expectation is linear: both losses of DLDL-v2 still ask for the same.
    Source: Zhang et al., mixup, ICLR 2018.

    >>> mixed(np.array([10.0, 20, 40]), np.array([1, 0.5, 0.9])).tolist()
    [10.0, 20.0, 37.0]
    """
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return share * values + (1 - share) * values[::-1]


def validate(training: Training) -> Figures:
    """MAE (years) and epsilon-error on the validation photos."""
    photos = training.valid_store.photos
    try:
        _, y_hat = evaluate(training)
    except NonFiniteError as error:
        raise NonFiniteError(f"{error} in validation; try a smaller --lr") from None
    weighted = epsilon_error(y_hat, photos.ages, photos.sigmas)
    return {"valid_mae": mae(y_hat, photos.ages), "valid_epsilon_error": weighted}


def evaluate(training: Training) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and y_hat for the validation photos, by the averaged weights if there are any."""
    with training.average.applied() if training.average else nullcontext():
        network = Trained(training.model, training.method, training.channels)
        return network.predict(training.valid_store, training.batch, training.xp)
