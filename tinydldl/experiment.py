"""From the arguments of a command to a training, and from the training to its files."""

import time

import numpy as np
from tqdm import tqdm

from tinydldl import baselines, checkpoint, datasets, fast, plots
from tinydldl.backend import UserError
from tinydldl.datasets import DataError
from tinydldl.datasets.loader import PhotoStore
from tinydldl.datasets.transforms import held_side
from tinydldl.labels import label_grid
from tinydldl.methods import DLDLv2
from tinydldl.metrics import epsilon_error, mae
from tinydldl.models import AgeNet, count_params
from tinydldl.optim import Adam, step_schedule
from tinydldl.runs import RunError, write_table
from tinydldl.trainer import Training, predict, train

FEWEST = 2  # photos in a part
JUDGED = {"valid": "validation", "test": "test"}  # in words
SHOWN = 12  # faces in predictions.png
PREDICTIONS = ("photo", "age", "sigma", "estimate", "mode", "spread")


class EngineError(UserError):
    """An engine was asked for that cannot be had."""


def prepare(arguments, xp):
    """Read the photos, make network, method and optimizer, and say so: a `Training`."""
    grid = label_grid(step=arguments.label_step)
    parts = load_parts(arguments, grid)
    (_, train_photos), (judged, judged_photos) = parts.items()
    cache = arguments.cache_mb * 10**6
    train_store = open_store(train_photos, "train", arguments, cache)
    valid_store = open_store(judged_photos, judged, arguments, cache - train_store.cached_bytes)
    cached = (train_store.cached_bytes + valid_store.cached_bytes) / 1e6
    print(
        f"data      {arguments.dataset}: {len(train_store)} photos to train on, {len(valid_store)} "
        f"({judged}) to judge on; {cached:.0f} of at most {arguments.cache_mb} MB in memory"
    )
    method = DLDLv2(grid, arguments.lam, arguments.kl_reduction).to(xp)
    rng = np.random.default_rng(arguments.seed)
    model = AgeNet(arguments.net, method.outputs, arguments.size, arguments.pool, rng=rng).to(xp)
    macs = model.multiply_adds(model.input_shape) / 1e6
    print(
        f"network   {arguments.net}, {arguments.size} px, {arguments.pool}: "
        f"{count_params(model):,} parameters, {macs:.0f} million multiply-adds a photo"
    )
    print(
        f"method    {arguments.method}: lambda {arguments.lam:g}, {method.outputs} labels "
        f"{arguments.label_step:g} years apart"
    )
    model, engine = choose_engine(arguments, model, xp)
    print(f"engine    {engine}")
    every = schedule_period(arguments.schedule, arguments.epochs)
    return Training(
        model=model,
        method=method,
        optimizer=Adam(model.params, model.grads),
        schedule=lambda epoch: step_schedule(arguments.lr, epoch, every),
        train_store=train_store,
        valid_store=valid_store,
        judged=judged,
        channels=train_store.channel_statistics(),
        epochs=arguments.epochs,
        batch=arguments.batch,
        val_every=arguments.val_every,
        transforms=arguments.augment,
        seed=arguments.seed,
        xp=xp,
    )


def choose_engine(arguments, model, xp):
    """The network as `--engine` wants it computed, and a sentence about it.

    Raises EngineError for the CPU engine on a GPU.
    """
    if arguments.engine == "fast" and xp is not np:
        raise EngineError("--engine fast is for a CPU; use --engine layers, or --device cpu")
    if arguments.engine == "layers" or xp is not np:
        return model, "layers"
    if arguments.engine == "auto" and not fast.covers(model):
        return model, "layers, since the fast engine covers none of this network"
    net = fast.FastNet(model, arguments.workers or fast.available_cores())
    plural = "es" if net.workers > 1 else ""
    return net, f"fast, {net.workers} process{plural}" + (f": {net.why}" if net.why else "")


def engine_of(model):
    """Which engine computes a network, and on how many processes; the last digits depend on it."""
    if isinstance(model, fast.FastNet):
        return {"engine": "fast", "processes": model.workers}
    return {"engine": "layers", "processes": 1}


def load_parts(arguments, grid):
    """`{"train": Photos, judged: Photos}` within grid and limit; judged: valid, else test."""
    extra = {"side": held_side(arguments.size)}
    if arguments.limit and arguments.dataset == "synthetic":
        extra["count"] = arguments.limit
    everything = datasets.load(arguments.dataset, datasets.options_from(arguments, **extra))
    judged = "valid" if "valid" in everything else "test"
    parts = {part: within(everything[part], grid) for part in ("train", judged)}
    left_out = sum(len(everything[part]) - len(photos) for part, photos in parts.items())
    if left_out:
        print(f"warning: {left_out} photos left out, ages not in {grid[0]:g}..{grid[-1]:g}")
    for part, photos in parts.items():
        if len(photos) < FEWEST:
            raise DataError(
                f"{arguments.dataset}: {len(photos)} photos in {part} with an age in "
                f"{grid[0]:g}..{grid[-1]:g}, expected {FEWEST} or more"
            )
    share = min(1, (arguments.limit or np.inf) / sum(map(len, parts.values())))
    return {part: sample(photos, share, arguments.seed) for part, photos in parts.items()}


def within(photos, grid):
    """The photos whose age the grid holds."""
    return photos.take(np.flatnonzero((photos.ages >= grid[0]) & (photos.ages <= grid[-1])))


def sample(photos, share, seed):
    """A random `share` of the photos, but not fewer than `FEWEST`, in their order."""
    count = max(FEWEST, round(share * len(photos)))
    chosen = np.random.default_rng(seed).permutation(len(photos))[:count]
    return photos.take(np.sort(chosen))


def open_store(photos, part, arguments, cache_bytes):
    """Read the photos of a part; names those that cannot be read."""
    store = PhotoStore(photos, arguments.size, cache_bytes, arguments.loaders, f"reading {part}")
    if store.bad:
        path, reason = store.bad[0]
        print(f"warning: {len(store.bad)} photos of {part} left out, unreadable: {path} ({reason})")
    return store


def schedule_period(schedule, epochs):
    """Epochs between two divisions of the learning rate, of `constant` or `step:N`."""
    return epochs if schedule == "constant" else int(schedule.removeprefix("step:"))


def execute(run, folder, arguments):
    """Train to the end, from the last checkpoint in `folder` if there is one, and report."""
    arrays, done = folder.restore()
    if done > run.epochs:
        raise RunError(f"{folder.path}: its checkpoint is of epoch {done} of {run.epochs}")
    if done:
        checkpoint.copy_into(run.model.params | run.model.buffers, arrays, "model.")
        checkpoint.copy_into(run.optimizer.state, arrays, "optimizer.")
    print(f"results   {folder.path}" + (f", resumed after epoch {done}" if done else ""))
    errors = baseline_errors(run)
    meta, judged = checkpoint_meta(run, arguments), JUDGED[run.judged]

    def on_epoch(epoch, record, speed):
        arrays = {f"model.{k}": v for k, v in (run.model.params | run.model.buffers).items()}
        arrays |= {f"optimizer.{k}": v for k, v in run.optimizer.state.items()}
        folder.save(epoch, record, vars(speed), arrays, meta)
        curves = plots.curves(folder.metrics, title(arguments), errors, judged)
        save_figure(curves, folder / "curves.png")
        tqdm.write(epoch_line(epoch, record, judged) + "; " + speed_text(speed))

    begun = time.perf_counter()
    train(run, on_epoch, done)
    minutes = (time.perf_counter() - begun) / 60
    print(f"trained   {run.epochs - done} epochs in {minutes:.1f} minutes")
    report(run, folder, errors, title(arguments))


def baseline_errors(run):
    """The MAE (years) of what a network must beat, by name."""
    y_train, y = run.train_store.photos.ages, run.valid_store.photos.ages
    pixels, new_pixels = (baselines.thumbnails(s) for s in (run.train_store, run.valid_store))
    return {
        "mean age": mae(baselines.mean_age(y_train, len(y)), y),
        "ridge regression on pixels": mae(baselines.ridge(pixels, y_train, new_pixels), y),
    }


def checkpoint_meta(run, arguments):
    """What a reader of the checkpoint must know to use it."""
    mean, std = run.channels
    return {
        "network": {"name": arguments.net, "side": arguments.size, "pool": arguments.pool},
        "method": {"name": arguments.method, "lam": arguments.lam},
        "grid": {
            "first": run.method.grid[0],
            "last": run.method.grid[-1],
            "labels": run.method.outputs,
        },
        "channels": {"mean": mean, "std": std},
    }


def title(arguments):
    return f"{arguments.method}, {arguments.net} network, {arguments.size} px, {arguments.dataset}"


def epoch_line(epoch, record, judged):
    """An epoch's figures, for the screen; `judged`: the name of the part that is not trained on."""
    names = {"loss": "train_loss", "training MAE": "train_mae", f"{judged} MAE": "valid_mae"}
    figures = [f"{label} {record[name]:.3f}" for label, name in names.items() if name in record]
    return f"epoch {epoch:3}: " + ", ".join(figures)


def speed_text(speed):
    """An epoch's speed, for the screen."""
    return (
        f"{speed.images_per_second:.0f} images/s, {speed.in_memory:.0f} on a batch in memory, "
        f"{speed.waiting:.0%} of the time waiting"
    )


def save_figure(figure, path):
    """Write a figure as PNG, all of it or nothing."""
    with checkpoint.replacing(path) as file:
        figure.savefig(file, format="png")


def report(run, folder, errors, title):
    """Print how good the network is, and the baselines; write predictions, table and picture."""
    photos = run.valid_store.photos
    p_hat, y_hat = predict(run)
    write_table(folder / "predictions.csv", PREDICTIONS, prediction_rows(run, p_hat, y_hat))
    save_figure(picture(run, p_hat, y_hat, title), folder / "predictions.png")
    exact = int((photos.sigmas == 0).sum())
    lines = {
        f"{JUDGED[run.judged]} MAE": f"{mae(y_hat, photos.ages):.3f} years",
        "epsilon-error": f"{epsilon_error(y_hat, photos.ages, photos.sigmas):.3f}"
        + (f", {exact} photos with sigma 0" if exact else ""),
    }
    lines |= {f"{name}, MAE": f"{error:.3f} years" for name, error in errors.items()}
    lines |= {name: folder / name for name in ("curves.png", "predictions.png", "predictions.csv")}
    for name, value in lines.items():
        print(f"{name:32} {value}")


def prediction_rows(run, p_hat, y_hat):
    """A dict for each photo: label, estimate, and mode and standard deviation of p_hat, years."""
    photos, grid = run.valid_store.photos, run.method.grid
    spread = np.sqrt((p_hat * (grid - y_hat[:, None]) ** 2).sum(axis=1))
    columns = (
        [path.name for path in photos.paths],
        photos.ages,
        photos.sigmas,
        y_hat,
        grid[p_hat.argmax(axis=1)],
        spread,
    )
    return [dict(zip(PREDICTIONS, row, strict=True)) for row in zip(*columns, strict=True)]


def picture(run, p_hat, y_hat, title):
    """A figure of a few validation faces, evenly spread from the youngest to the oldest."""
    store = run.valid_store
    photos = store.photos
    by_age = np.argsort(photos.ages, kind="stable")
    shown = by_age[np.linspace(0, len(by_age) - 1, min(SHOWN, len(by_age))).round().astype(int)]
    p = run.method.target(photos.ages, photos.sigmas)
    return plots.predictions(
        [store[i] for i in shown],
        run.method.grid,
        p[shown],
        p_hat[shown],
        photos.ages[shown],
        photos.sigmas[shown],
        y_hat[shown],
        title,
    )
