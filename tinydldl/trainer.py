"""The training loop, and what surrounds it: validation, and a guard against non-finite numbers."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from tqdm import tqdm

from tinydldl.backend import get_array_module, to_device, to_host
from tinydldl.datasets.loader import PhotoStore, eval_batches, normalize, train_batches
from tinydldl.layers import Sequential
from tinydldl.methods import DLDLv2
from tinydldl.metrics import epsilon_error, mae
from tinydldl.optim import Optimizer


class NonFiniteError(Exception):
    """The loss is not a number any more; the message says where that began."""


@dataclass
class Training:
    """All that a training run consists of.

    `judged`: the part of the data set in `valid_store`, valid or test; `channels`: mean and std of
    R, G and B in 0..1.
    """

    model: Sequential
    method: DLDLv2
    optimizer: Optimizer
    schedule: Callable[[int], float]
    train_store: PhotoStore
    valid_store: PhotoStore
    judged: str
    channels: tuple[list, list]
    epochs: int
    batch: int
    val_every: int
    transforms: list[str]
    seed: int
    xp: ModuleType


def train(run, on_epoch, done=0):
    """Train for the epochs after `done`; after each call `on_epoch(epoch, record, seconds)`.

    `record` holds the epoch's figures by name: `lr`, `train_loss`, `train_kl`, `train_mae` (years)
    and, every `val_every` epochs and in the last one, `valid_mae` and `valid_epsilon_error`;
    `seconds` is what the pass over the training photos took. Raises NonFiniteError at the first
    loss that is not finite.
    """
    photos = len(run.train_store)
    total, initial = run.epochs * photos, done * photos
    with tqdm(total=total, initial=initial, unit=" images", dynamic_ncols=True) as progress:
        for epoch in range(done + 1, run.epochs + 1):
            progress.set_description(f"epoch {epoch}/{run.epochs}")
            run.optimizer.lr = run.schedule(epoch)
            begun = time.perf_counter()
            record = {"lr": run.optimizer.lr} | train_epoch(run, epoch, progress)
            seconds = time.perf_counter() - begun
            check_parameters(run.model, epoch)
            if epoch % run.val_every == 0 or epoch == run.epochs:
                record |= validate(run)
            on_epoch(epoch, record, seconds)


def train_epoch(run, epoch, progress):
    """One pass over the training photos: the means of loss, KL and absolute error."""
    run.model.train()
    photos, sums, seen = run.train_store.photos, np.zeros(3), 0
    batches = train_batches(
        run.train_store, epoch, batch=run.batch, transforms=run.transforms, seed=run.seed
    )
    for step, (images, indices) in enumerate(batches, start=1):
        x = normalize(to_device(images, run.xp), *run.channels)
        y, sigma = photos.ages[indices], photos.sigmas[indices]
        p = to_device(run.method.target(y, sigma).astype(np.float32), run.xp)
        logits = run.model.forward(x)
        values, dlogits = run.method.loss(logits, p, to_device(y.astype(np.float32), run.xp))
        values = to_host(run.xp.stack(values)).astype(float)
        if not np.isfinite(values[0]):
            where = first_non_finite(run.model, x)
            raise NonFiniteError(f"loss {values[0]} in epoch {epoch}, step {step}: {where}")
        run.model.backward(dlogits)
        run.optimizer.step()
        sums, seen = sums + len(indices) * values, seen + len(indices)
        loss, kl, error = map(float, sums / seen)
        progress.set_postfix_str(f"loss {loss:.3f}, MAE {error:.2f}", refresh=False)
        progress.update(len(indices))
    return {"train_loss": loss, "train_kl": kl, "train_mae": error}


def validate(run):
    """MAE (years) and epsilon-error on the validation photos."""
    photos = run.valid_store.photos
    _, y_hat = predict(run)
    if not np.isfinite(y_hat).all():
        raise NonFiniteError("the estimates are not finite in validation; try a smaller --lr")
    return {
        "valid_mae": mae(y_hat, photos.ages),
        "valid_epsilon_error": epsilon_error(y_hat, photos.ages, photos.sigmas),
    }


def predict(run):
    """p_hat (N, K), the mean over each validation photo and its mirror image, and y_hat (N,)."""
    run.model.eval()
    p_hat, y_hat = [], []
    for images, _ in eval_batches(run.valid_store, batch=run.batch):
        x = normalize(to_device(images, run.xp), *run.channels)
        both = [run.method.distribution(run.model.forward(v)) for v in (x, x[:, :, ::-1])]
        mean = (both[0] + both[1]) / 2
        p_hat.append(to_host(mean))
        y_hat.append(to_host(run.method.age(mean)))
    return np.concatenate(p_hat), np.concatenate(y_hat)


def check_parameters(model, epoch):
    """Raise NonFiniteError if the last step of an epoch has broken a parameter."""
    for name, param in model.params.items():
        if not get_array_module(param).isfinite(param).all():
            raise NonFiniteError(
                f"non-finite value in the parameter {name} after epoch {epoch}; try a smaller --lr"
            )


def first_non_finite(model, x):
    """In words: the first layer, front to back, whose parameters or output are not finite."""
    xp = get_array_module(x)
    if not xp.isfinite(x).all():
        return "the images are not finite"
    for name, layer in model.layers.items():
        for kind, array in layer.params.items():
            if not xp.isfinite(array).all():
                return f"first non-finite value in the parameter {name}.{kind}; try a smaller --lr"
        x = layer.forward(x, keep=False)
        if not xp.isfinite(x).all():
            return f"first non-finite value in the output of {name}; try a smaller --lr"
    return "every layer is finite, so the loss itself is not"
