"""The training loop, and what surrounds it: validation, and a guard against non-finite numbers."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from tinydldl.backend import to_device, to_host
from tinydldl.datasets.loader import PhotoStore, normalize, train_batches
from tinydldl.finite import NonFiniteError, check_parameters, first_non_finite
from tinydldl.layers import Sequential
from tinydldl.methods import Method
from tinydldl.metrics import epsilon_error, mae
from tinydldl.optim import Averaged, Optimizer, gradient_norm
from tinydldl.trained import Trained


@dataclass
class Training:
    """All that a training run consists of.

    `schedule`: the learning rate at an epoch, from 1 on; 1.5 is the middle of the first. `judged`:
    the part of the data set in `valid_store`, valid or test; `channels`: mean and std of R, G and B
    in 0..1; `title`: what the progress bar says before the epoch; `average`: of params and buffers,
    if that is what is judged.
    """

    model: Sequential
    method: Method
    optimizer: Optimizer
    schedule: Callable[[float], float]
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
    title: str = ""
    average: Averaged | None = None


@np.errstate(all="ignore")  # what is not finite is looked for, and named
def train(run, on_epoch, progress, done=0):
    """Train for the epochs after `done`; after each call `on_epoch(epoch, record, speed)`.

    `record` holds the epoch's figures by name: `lr`, that of its last step, those of `train_epoch`
    and, every `val_every` epochs and in the last one, those of `validate`; `speed`: how fast the
    epoch was, `seconds`, `images_per_second` and `waiting`, the share without a batch; `progress`:
    a `Progress` that counts images. Raises NonFiniteError at the first loss that is not finite.
    """
    for epoch in range(done + 1, run.epochs + 1):
        progress.set_description(f"{run.title}epoch {epoch}/{run.epochs}")
        run.method.begin(epoch)
        figures, speed = train_epoch(run, epoch, progress)
        record = {"lr": run.optimizer.lr} | figures
        check_parameters(run.model, epoch)
        if epoch % run.val_every == 0 or epoch == run.epochs:
            record |= validate(run)
        on_epoch(epoch, record, speed)


def train_epoch(run, epoch, progress):
    """One pass over the training photos: its figures, and how fast it was, by name.

    The figures are means over the photos, `train_loss`, `train_mae` (years) and for DLDL-v2
    `train_kl`, and the mean and standard deviation of the gradient's norm over the steps.
    """
    run.model.train()
    about = {"batch": run.batch, "transforms": run.transforms, "seed": run.seed}
    batches = train_batches(run.train_store, epoch, **about)
    sums, norms, seen, waited = 0, [], 0, 0.0
    begun = asked = time.perf_counter()
    for step, (images, indices) in enumerate(batches, start=1):
        waited += time.perf_counter() - asked
        middle = (seen + len(indices) / 2) / len(run.train_store)  # of the step, in this epoch
        run.optimizer.lr = run.schedule(epoch + middle)
        values, norm = train_step(run, images, indices, f"epoch {epoch}, step {step}")
        if run.average:
            run.average.update()
        norms.append(norm)
        sums, seen = sums + len(indices) * values, seen + len(indices)
        loss, *kl, error = map(float, sums / seen)
        progress.set_postfix_str(f"loss {loss:.3f}, MAE {error:.2f}", refresh=False)
        progress.update(len(indices))
        asked = time.perf_counter()
    seconds = time.perf_counter() - begun
    figures = {"train_loss": loss, "train_mae": error} | ({"train_kl": kl[0]} if kl else {})
    figures |= {"grad_norm": float(np.mean(norms)), "grad_norm_std": float(np.std(norms))}
    speed = {"images_per_second": seen / seconds, "waiting": waited / seconds}
    return figures, {"seconds": seconds} | speed


def train_step(run, images, indices, where):
    """One step of the optimizer: the batch's losses and the norm of the gradient, on the host."""
    photos = run.train_store.photos
    x = normalize(to_device(images, run.xp), *run.channels)
    y, sigma = photos.ages[indices], photos.sigmas[indices]
    target = to_device(run.method.target(y, sigma).astype(np.float32), run.xp)
    outputs = run.model.forward(x)
    values, doutputs = run.method.loss(outputs, target, to_device(y.astype(np.float32), run.xp))
    run.model.backward(doutputs)
    *values, norm = to_host(run.xp.stack([*values, gradient_norm(run.model.grads)])).astype(float)
    if not np.isfinite(values[0]):
        raise NonFiniteError(f"loss {values[0]} in {where}: {first_non_finite(run.model, x)}")
    run.optimizer.step()
    return np.array(values), norm


def validate(run):
    """MAE (years) and epsilon-error on the validation photos."""
    photos = run.valid_store.photos
    try:
        _, y_hat = judge(run)
    except NonFiniteError as error:
        raise NonFiniteError(f"{error} in validation; try a smaller --lr") from None
    return {
        "valid_mae": mae(y_hat, photos.ages),
        "valid_epsilon_error": epsilon_error(y_hat, photos.ages, photos.sigmas),
    }


def judge(run):
    """Prediction and y_hat for the validation photos, by the averaged weights if there are any."""
    with run.average.applied() if run.average else nullcontext():
        network = Trained(run.model, run.method, run.channels)
        return network.predict(run.valid_store, run.batch, run.xp)
