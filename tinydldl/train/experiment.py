"""From the arguments of a command to a training, and from the training to its files."""

import time
from functools import partial

import numpy as np

from tinydldl import checkpoint, plots, report, trained
from tinydldl.checkpoint import CheckpointError
from tinydldl.datasets.selection import PART_NAMES
from tinydldl.fast.choice import choose_engine
from tinydldl.files import check_room, write_table
from tinydldl.labels import label_grid
from tinydldl.methods import make_method
from tinydldl.models import AgeNet
from tinydldl.optim import Adam, Averaged, cosine_schedule, step_schedule
from tinydldl.progress import Progress
from tinydldl.report import Estimates
from tinydldl.train.loop import Training, judge, train
from tinydldl.train.runs import RUNS


def prepare(arguments, selection, xp, member=0, say=print):
    """Make network, method and optimizer, and say so: a `Training`.

    `member`: which network of an ensemble; each has first weights, order and augmentation of its
    own. `say`: where the lines go.
    """
    seed = arguments.seed + member
    own = {"dldl-v2": ("lam", "kl_reduction", "kl_epochs")}.get(arguments.method, ())
    settings = {name: getattr(arguments, name) for name in own}
    if arguments.method == "or-cnn":
        settings["ages"] = selection.train.photos.ages
    method = make_method(arguments.method, label_grid(step=arguments.label_step), **settings).to(xp)
    rng = np.random.default_rng(seed)
    model = AgeNet(arguments.net, method.outputs, arguments.size, arguments.pool, rng=rng).to(xp)
    about = f"{arguments.net}, {arguments.size} px, {arguments.pool}"
    say(f"network   {about}: {model.cost_text()}")
    say(f"method    {method_text(arguments, method)}")
    model, engine = choose_engine(arguments, model, xp)
    say(f"engine    {engine}")
    return Training(
        model=model,
        method=method,
        optimizer=Adam(model.params, model.grads),
        schedule=schedule_of(arguments),
        train_store=selection.train,
        valid_store=selection.valid,
        judged=selection.judged,
        channels=selection.train.channel_statistics(),
        epochs=arguments.epochs,
        batch=arguments.batch,
        val_every=arguments.val_every,
        transforms=arguments.augment,
        seed=seed,
        xp=xp,
    )


def check_disk(run, folder=None):
    """Raise UserError without room for two checkpoints; a run that goes on may have one already."""
    size = sum(array.nbytes for array in (weights_of(run) | run.optimizer.state).values())
    there = folder is not None and (folder / "checkpoint.npz").exists()
    check_room(RUNS if folder is None else folder.path, (2 - there) * size, "checkpoints")


def method_text(arguments, method):
    """The method and its settings, for the screen."""
    lam = f": lambda {method.lam:g}" if arguments.method == "dldl-v2" else ""
    lam += f" after {arguments.kl_epochs} epochs of KL alone" if arguments.kl_epochs else ""
    members = f": {arguments.members} networks" if arguments.members else ""
    labels = f", {len(method.grid)} labels {arguments.label_step:g} years apart"
    return arguments.method + lam + members + (labels if method.outputs > 1 else "")


def schedule_of(arguments):
    """The learning rate as a function of the epoch, of `constant`, `step:N`, `cosine[:W]`."""
    name, _, count = arguments.schedule.partition(":")
    lr, epochs = arguments.lr, arguments.epochs
    if name == "cosine":
        return lambda epoch: cosine_schedule(lr, epoch, epochs, warm_up=int(count or 0))
    every = int(count or epochs)  # a constant one is divided after the end
    return lambda epoch: step_schedule(lr, epoch, every)


def execute(run, folder, arguments, baselines):
    """Train to the end, and report.

    A run begins at the last checkpoint in `folder`, or else at the weights of `--init`, or anew.
    `baselines`: {name: MAE in years}. Returns the prediction for the photos judged on.
    """
    if arguments.average:
        run.average = Averaged(weights_of(run), arguments.average)
    done = restore(run, folder)
    if arguments.init and not done:
        print(f"init      {initialize(run, arguments)}")
    print(f"results   {folder.path}" + (f", resumed after epoch {done}" if done else ""))
    begun, photos = time.perf_counter(), len(run.train_store)
    total, initial = run.epochs * photos, done * photos
    with Progress(total=total, initial=initial, unit="images") as progress:

        def on_epoch(epoch, record, speed):
            save(run, folder, arguments, baselines, epoch, record, speed)
            Progress.write(epoch_line(epoch, record, speed, PART_NAMES[run.judged]))

        train(run, on_epoch, progress, done)
    minutes = (time.perf_counter() - begun) / 60
    print(f"trained   {run.epochs - done} epochs in {minutes:.1f} minutes")
    prediction, _ = judge(run)
    write_report(run, folder, arguments, prediction, baselines)
    return prediction


def execute_ensemble(arguments, selection, xp, folder):
    """Train the networks of an ensemble, each in a folder of its own, and report their average."""
    predictions = []
    for member in range(arguments.members):
        print(f"\nnetwork {member + 1} of {arguments.members}")
        run = prepare(arguments, selection, xp, member, say=lambda line: None)
        inner = folder.inner(f"member-{member + 1}")
        predictions.append(execute(run, inner, arguments, selection.baselines))
    prediction = np.mean(predictions, axis=0)
    print(f"\nall {arguments.members} networks together")
    write_report(run, folder, arguments, prediction, selection.baselines)
    return prediction


def open_init(arguments):
    """The network of the checkpoint or run `--init`. Raises CheckpointError for another network."""
    path, source = arguments.init, trained.load(arguments.init)
    name = source.meta["network"]["name"]
    if name != arguments.net:
        expected = f"expected {arguments.net}, or --net {name}"
        raise CheckpointError(f"{path}: weights of the network {name}; {expected}")
    return source


def initialize(run, arguments):
    """Start from the weights of the checkpoint or run `--init`; returns what was taken, in words.

    Photo size and pooling may be others, since neither has weights. The photos are normalized with
    the checkpoint's channels, as they were when its network was trained. The last layer stays new
    where its outputs mean something else. Raises CheckpointError as `open_init` does.
    """
    path, source = arguments.init, open_init(arguments)
    run.channels = source.channels
    ours, theirs = weights_of(run), weights_of(source)
    text = f"{path}, all layers"
    if outputs_of(run) != outputs_of(source):
        here, there = ours["fc.b"].shape, theirs["fc.b"].shape
        why = f"whose shape is {there} there and {here} here"
        if here == there:
            why = "whose outputs mean something else there"
        text = f"{path}, without fc, {why}"
        ours = {name: array for name, array in ours.items() if not name.startswith("fc.")}
    checkpoint.copy_into(ours, theirs)
    return text


def weights_of(run):
    """All that the network of a run, or a trained one, computes with: parameters and buffers."""
    return run.model.params | run.model.buffers


def outputs_of(run):
    """What the outputs of its layer fc mean: how many, what follows, first and last label."""
    method, (*_, last) = run.method, run.model.layers
    return method.outputs, last, type(method.head), method.grid[0], method.grid[-1]


def restore(run, folder):
    """Put a run where its last checkpoint was; returns its epoch, or 0."""
    if (folder / "checkpoint.npz").exists():  # before the tables are written anew
        run.channels = trained.load(folder / "checkpoint").channels
    return folder.restore(state_of(run), run.epochs)


def state_of(run):
    """All arrays that the next step of a run depends on, by their names in a checkpoint.

    `model.` is what a network is judged by. With averaging that is the average; `raw.` is then what
    training goes on with.
    """
    groups = {"model": weights_of(run), "optimizer": run.optimizer.state}
    if run.average:
        groups |= {"model": run.average.average, "raw": weights_of(run)}
        groups |= {"average": {"t": run.average.t}}
    return {f"{group}.{name}": a for group, part in groups.items() for name, a in part.items()}


def save(run, folder, arguments, baselines, epoch, record, speed):
    """Write a finished epoch: its figures, the checkpoint, and the curves so far."""
    network = {"name": arguments.net, "side": arguments.size, "pool": arguments.pool}
    settings = {"name": arguments.method, "lam": arguments.lam}
    meta = trained.describe(network, run.method, settings, run.channels)
    if run.average:
        meta["average"] = run.average.decay
    folder.save(epoch, record, speed, state_of(run), meta)
    curves = plots.curves(folder.metrics, title(arguments), baselines, PART_NAMES[run.judged])
    folder.put("curves.png", partial(plots.save, curves))


def estimates_of(run, prediction):
    """A prediction for the photos that a run is judged on, as `Estimates`."""
    return Estimates.of(run.method.to(np), prediction, run.valid_store.photos)


def title(arguments):
    return f"{arguments.method}, {arguments.net} network, {arguments.size} px, {arguments.dataset}"


def epoch_line(epoch, record, speed, judged):
    """An epoch's figures and speed, for the screen; `judged`: the part that is not trained on."""
    names = {"loss": "train_loss", "training MAE": "train_mae", f"{judged} MAE": "valid_mae"}
    figures = [f"{label} {record[name]:.3f}" for label, name in names.items() if name in record]
    words = "epoch {:3}: {}; {images_per_second:.0f} images/s, {waiting:.0%} of the time waiting"
    return words.format(epoch, ", ".join(figures), **speed)


def write_report(run, folder, arguments, prediction, baselines):
    """Write the estimates as a table, and some of them as a picture.

    Print how good they are, what they must beat, and which files to look at.
    """
    estimates = estimates_of(run, prediction)
    rows = report.prediction_rows(estimates)
    folder.put("predictions.csv", partial(write_table, columns=report.PREDICTIONS, rows=rows))
    picture = report.picture(run.valid_store, estimates, title(arguments))
    folder.put("predictions.png", partial(plots.save, picture))
    lines = report.short_lines(report.figures(estimates), PART_NAMES[run.judged])
    lines |= {f"{name}, MAE": f"{error:.3f} years" for name, error in baselines.items()}
    files = ("curves.png", "predictions.png", "predictions.csv")
    lines |= {name: folder / name for name in files if (folder / name).exists()}
    for name, value in lines.items():
        print(f"{name:32} {value}")
