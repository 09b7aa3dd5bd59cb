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

OnEpoch = Callable[[int, Figures, Figures], None]


@dataclass
class Training:
    """All that a training consists of.

    `schedule`: the learning rate at an epoch, from 1 on; 1.5 is the middle of the first.
    `channels`: mean and standard deviation of R, G and B in 0..1; `average`: of params and buffers,
    if it is what is evaluated. `weights` (photos trained on,): the gradient of a batch is that of
    `1/N sum_n w_n L_n`, L_n the loss of a photo; the figures stay plain means. None for 1.
    """

    model: Sequential
    method: Method
    optimizer: Optimizer
    schedule: Callable[[float], float]
    train_store: PhotoStore
    valid_store: PhotoStore
    channels: tuple[list[float], list[float]]
    epochs: int
    batch: int
    transforms: list[str]
    seed: int = 0
    val_every: int = 1
    average: Averaged | None = None
    weights: Array | None = None
    xp: ModuleType = np


@np.errstate(all="ignore")  # what is not finite is looked for, and named
def train(
    training: Training, on_epoch: OnEpoch, progress: Progress, done: int = 0, place: str = ""
) -> None:
    """Train for the epochs after `done`; after each call `on_epoch(epoch, figures, speed)`.

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
        on_epoch(epoch, figures, speed)


def train_epoch(training: Training, epoch: int, progress: Progress) -> tuple[Figures, Figures]:
    """One pass over the training photos: its figures, and how fast it was, by name.

    The figures: `lr`, the learning rate of the last step, and those of `Means`.
    """
    training.model.train()
    training.method.begin(epoch)
    store, batch, transforms = training.train_store, training.batch, training.transforms
    batches = train_batches(store, epoch, batch=batch, transforms=transforms, seed=training.seed)
    means, clock = Means(), Clock()
    for step, (images, indices) in enumerate(clock.waiting(batches), start=1):
        middle = (means.photos + len(indices) / 2) / len(store)  # of this step, as part of an epoch
        training.optimizer.lr = training.schedule(epoch + middle)
        losses, norm = training_step(training, images, indices, f"epoch {epoch}, step {step}")
        means.add(losses, norm, len(indices))
        loss, *_, error = means.losses
        progress.set_postfix_str(f"loss {loss:.3f}, MAE {error:.2f}", refresh=False)
        progress.update(len(indices))
    return {"lr": training.optimizer.lr} | means.figures(), clock.speed(means.photos)


def training_step(
    training: Training, images: np.ndarray, indices: np.ndarray, where: str
) -> tuple[np.ndarray, float]:
    """One step of the optimizer: the losses of a batch and the norm of the gradient, on the host.

    `images` (N, H, W, 3), uint8, are the photos `indices` (N,) of the training part; `where` names
    the step in an error.
    """
    photos, xp = training.train_store.photos, training.xp
    y, sigma = photos.ages[indices], photos.sigmas[indices]
    x = normalize(to_device(images, xp), *training.channels)
    target = to_device(training.method.target(y, sigma).astype(np.float32), xp)

    outputs = training.model.forward(x)
    losses, doutputs = training.method.loss(outputs, target, to_device(y.astype(np.float32), xp))
    if training.weights is not None:  # a row of the gradient is that of one photo
        w = training.weights[indices, None].astype(np.float32)
        doutputs = to_device(w, xp) * doutputs
    training.model.backward(doutputs)
    figures = to_host(xp.stack([*losses, gradient_norm(training.model.grads)])).astype(float)
    check_loss(figures[0], training.model, x, where)
    training.optimizer.step()
    if training.average:
        training.average.update()
    return figures[:-1], figures[-1]


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
