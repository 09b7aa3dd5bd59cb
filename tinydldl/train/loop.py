"""The training loop: an epoch, and a step of it (lesson 08)."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from tinydldl import backend, finite, metrics, optim, ranks, trained
from tinydldl.arrays import Ages, Array, Images, Module
from tinydldl.datasets.loader import PhotoStore, normalize, train_batches
from tinydldl.progress import Progress

Figures = dict[str, float]  # by name
OnEpoch = Callable[[int, Figures, Figures], bool | None]  # whether to stop


@dataclass(kw_only=True)
class Training(trained.Trained):
    """A network, and all else that its training consists of.

    `weights` (photos trained on,): the gradient of a batch is that of `1/N sum_n w_n L_n`, L_n the
    loss of a photo; the figures stay plain means. None for 1.
    """

    optimizer: optim.Optimizer
    schedule: Callable[[float], float]  # learning rate at an epoch; 1.5: the middle of the first
    train_store: PhotoStore
    valid_store: PhotoStore
    epochs: int
    batch: int
    transforms: list[str]
    seed: int = 0
    val_every: int = 1
    average: optim.Averaged | None = None  # of params and buffers, if it is what is evaluated
    weights: Array | None = None
    xp: Module = np


@np.errstate(all="ignore")  # what is not finite is looked for, and named
def train(
    training: Training, on_epoch: OnEpoch, progress: Progress, done: int = 0, place: str = ""
) -> None:
    """Train the epochs after `done`; `on_epoch(epoch, figures, speed)` may say which is the last.

    `figures`: those of `train_epoch` and, every `val_every` epochs and in the last one, those of
    `validate`; `speed`: likewise; `progress` counts images, `place` is what it says before the
    epoch. Raises NonFiniteError at the first loss that is not finite.
    """
    for epoch in range(done + 1, training.epochs + 1):
        progress.set_description(f"{place}epoch {epoch}/{training.epochs}")
        figures, speed = train_epoch(training, epoch, progress)
        finite.check_parameters(training.model, epoch)
        if ranks.team.size > 1:
            arrays = map(backend.to_host, training.model.params.values())
            parameters = b"".join(array.tobytes() for array in arrays)
            ranks.team.check(parameters, f"after epoch {epoch} the parameters")
        if epoch % training.val_every == 0 or epoch == training.epochs:
            figures |= validate(training)
        if on_epoch(epoch, figures, speed):
            break


def train_epoch(training: Training, epoch: int, progress: Progress) -> tuple[Figures, Figures]:
    """One pass over the training photos: its figures, as in `metrics.csv`, and its speed.

    The losses are means over the photos, `lr` is that of the last step. The speed: `seconds`,
    `images_per_second`, and `waiting`, the share of the time without a batch.
    """
    training.model.train()
    training.method.begin(epoch)
    store, batch, transforms = training.train_store, training.batch, training.transforms
    batches = train_batches(store, epoch, batch=batch, transforms=transforms, seed=training.seed)
    photos, sums, norms = 0, np.zeros(()), []
    begun = asked = time.perf_counter()
    waited = 0.0
    for step, (images, indices) in enumerate(batches, start=1):
        waited += time.perf_counter() - asked
        middle = (photos + len(indices) / 2) / len(store)  # of this step, as part of an epoch
        training.optimizer.lr = training.schedule(epoch + middle)
        where = f"epoch {epoch}, step {step}"
        losses, norm = training_step(training, images, indices, where)
        photos, sums = photos + len(indices), sums + len(indices) * losses
        norms.append(norm)
        loss, *kl, error = (sums / photos).tolist()
        progress.set_postfix_str(f"loss {loss:.3f}, MAE {error:.2f}", refresh=False)
        progress.update(len(indices))
        asked = time.perf_counter()
    seconds = time.perf_counter() - begun
    figures = {"lr": training.optimizer.lr, "train_loss": loss, "train_mae": error}
    figures |= {"grad_norm": float(np.mean(norms)), "grad_norm_std": float(np.std(norms))}
    figures |= {"train_kl": kl[0]} if kl else {}
    waiting = waited / seconds
    return figures, {"seconds": seconds, "images_per_second": photos / seconds, "waiting": waiting}


def training_step(
    training: Training, images: Images, indices: Array, where: str
) -> tuple[Array, float]:
    """One step of the optimizer: the losses of a batch and the norm of the gradient, on the host.

    `indices` (N,): photos of the training part; `images` (N, H, W, 3), uint8: they, or of several
    ranks this one's share; `where` names the step in an error.
    """
    own = ranks.team.share(indices)
    x, target, y, w = prepare(training, images, own)
    outputs = training.model.forward(x)
    losses, doutputs = training.method.loss(outputs, target, y)
    part = len(own) / len(indices)  # of the mean over the batch, which the ranks add up
    training.model.backward(part * w[:, None] * doutputs)  # a row is the gradient of one photo
    grads, means = training.model.grads, part * training.xp.stack(losses).astype(doutputs.dtype)
    ranks.team.all_reduce([*grads.values(), means])
    norm = optim.gradient_norm(grads)
    figures = backend.to_host(training.xp.stack([*means, norm])).astype(float)
    finite.check_loss(figures[0], training.model, x, where)
    training.optimizer.step()
    if training.average:
        training.average.update()
    return figures[:-1], figures[-1]


def prepare(training: Training, images: Images, indices: Array) -> tuple[Array, ...]:
    """What a step learns from, on the device: photos, targets, ages and weights of a batch."""
    photos, xp = training.train_store.photos, training.xp
    y, sigma = photos.ages[indices], photos.sigmas[indices]
    x = normalize(backend.to_device(images, xp), *training.channels)
    w = np.ones(len(y)) if training.weights is None else training.weights[indices]
    labels = training.method.target(y, sigma), y, w
    target, y, w = (backend.to_device(values.astype(np.float32), xp) for values in labels)
    return x, target, y, w


def validate(training: Training) -> Figures:
    """MAE (years) and epsilon-error on the validation photos."""
    photos = training.valid_store.photos
    try:
        _, y_hat = evaluate(training)
    except finite.NonFiniteError as error:
        raise finite.NonFiniteError(f"{error} in validation; try a smaller --lr") from None
    weighted = metrics.epsilon_error(y_hat, photos.ages, photos.sigmas)
    return {"valid_mae": metrics.mae(y_hat, photos.ages), "valid_epsilon_error": weighted}


def evaluate(training: Training) -> tuple[Array, Ages]:
    """Prediction and y_hat for the validation photos, by the averaged weights if there are any."""
    with training.average.applied() if training.average else nullcontext():
        return training.predict(training.valid_store, training.batch, training.xp)
