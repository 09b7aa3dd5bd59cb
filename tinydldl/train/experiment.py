"""From settings to a training, and from the training to its files."""

import time
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np

from tinydldl import checkpoint, cli, methods, models, optim, plots, ranks, report, trained
from tinydldl.datasets.selection import PART_NAMES
from tinydldl.errors import UserError
from tinydldl.fast.choice import choose_engine
from tinydldl.files import check_room, write_table
from tinydldl.labels import balancing_weights, label_grid
from tinydldl.progress import Progress
from tinydldl.train.loop import Figures, Training, evaluate, train
from tinydldl.train.photos import TrainingPhotos
from tinydldl.train.runs import RUNS, RunFolder
from tinydldl.train.settings import TrainSettings


class Experiment:
    """A training as its settings want it: `run` begins it or goes on, and reports.

    `member`: which network of an ensemble; each has initial weights, order and augmentation of its
    own. `lines`: the network, the method and the engine, for people to read.
    """

    def __init__(
        self, settings: TrainSettings, photos: TrainingPhotos, xp: ModuleType = np, member: int = 0
    ) -> None:
        self.settings, self.photos, team = settings, photos, ranks.team
        least = len(photos.train) // -(-len(photos.train) // settings.batch)  # of all batches
        if least < team.size:
            few = f"batches of {least} photos are too small for {team.size} ranks"
            raise UserError(f"--batch {settings.batch}: {few}; take a larger one, or fewer ranks")
        s, seed = settings, settings.seed + member
        own = {"lam": s.lam, "kl_reduction": s.kl_reduction, "kl_epochs": s.kl_epochs}
        about: dict[str, dict] = {"dldl-v2": own, "or-cnn": {"ages": photos.train.photos.ages}}
        grid = label_grid(step=s.label_step)
        method = methods.make_method(s.method, grid, **about.get(s.method, {})).to(xp)
        rng = np.random.default_rng(seed)
        net = models.AgeNet(s.net, method.outputs, s.size, s.pool, rng=rng).to(xp)
        model, engine = choose_engine(net, xp, s.batch, s.engine, s.workers)
        together = f", on each of {team.size} ranks" + ", joined by NCCL" * (team.gpus is not None)
        self.lines = [
            f"network   {s.net}, {s.size} px, {s.pool}: {net.cost_text()}",
            f"method    {method_text(s, len(method.grid), method.outputs)}",
            f"engine    {engine}" + together * (team.size > 1),
        ]
        weights = None
        if s.balance:
            weights = balancing_weights(photos.train.photos.ages, grid)
            if np.ptp(weights) == 0:
                raise UserError("--balance: would change nothing, all ages are as frequent")
            self.lines.append(f"weights   {weights.min():.2f} to {weights.max():.2f}, by age")
        self.training = Training(
            model=model,
            method=method,
            optimizer=optim.OPTIMIZERS[s.optimizer](model.params, model.grads, s.lr),
            schedule=s.learning_rate,
            train_store=photos.train,
            valid_store=photos.valid,
            channels=photos.train.channel_statistics(),
            epochs=s.epochs,
            batch=s.batch,
            transforms=s.augment,
            seed=seed,
            val_every=s.val_every,
            weights=weights,
            xp=xp,
        )

    def check_disk(self, folder: RunFolder | None = None) -> None:
        """Raise UserError without room for two checkpoints; a run that goes on may have one."""
        arrays = self.training.arrays | self.training.optimizer.state
        size = sum(array.nbytes for array in arrays.values())
        there = folder is not None and (folder / "checkpoint.npz").exists()
        check_room(RUNS if folder is None else folder.path, (2 - there) * size, "checkpoints")

    def run(self, folder: RunFolder) -> np.ndarray:
        """Train from wherever `folder` is to the end, and report; returns the prediction."""
        done = self.restore(folder)
        print(f"results   {folder.path}" + (f", resumed after epoch {done}" if done else ""))
        begun, photos = time.perf_counter(), len(self.photos.train)
        total, initial = self.settings.epochs * photos, done * photos
        with Progress(total=total, initial=initial, unit="images") as progress:

            def on_epoch(epoch: int, figures: Figures, speed: Figures) -> bool:
                self.save(folder, epoch, figures, speed)
                Progress.write(epoch_line(epoch, figures, speed, PART_NAMES[self.photos.part]))
                return self.is_over(folder)

            if not self.is_over(folder):
                train(self.training, on_epoch, progress, done)
        minutes, last = (time.perf_counter() - begun) / 60, len(folder.metrics)
        prediction, _ = evaluate(self.training)
        if ranks.team.rank:
            return prediction
        print(f"trained   {last - done} epochs in {minutes:.1f} minutes")
        if last < self.settings.epochs:
            print(f"stopped   {last - folder.best_epoch} epochs after the best one")
        if folder.best_epoch != last:
            print(f"best      epoch {folder.best_epoch}: {folder / 'best.npz'}; below is the last")
        self.report(folder, prediction)
        return prediction

    def restore(self, folder: RunFolder) -> int:
        """Put the training where its last checkpoint was, or at its start; returns its epoch."""
        training, s, done = self.training, self.settings, 0
        if s.average:
            training.average = optim.Averaged(training.arrays, s.average)
        if ranks.team.rank == 0:  # the others need no files
            if (folder / "checkpoint.npz").exists():  # before the tables are written anew
                training.channels = trained.load(folder / "checkpoint").channels
            elif s.init:
                print(f"init      {initialize(training, s.init, s.net)}")
            done = folder.restore(self.state, s.epochs)
        about = done, training.channels
        done, training.channels = ranks.team.broadcast(about, self.state)
        return done

    def is_over(self, folder: RunFolder) -> bool:
        """Whether a validation says that `patience` epochs or more passed since the best one."""
        patience = self.settings.patience or np.inf
        validated = folder.metrics and "valid_mae" in folder.metrics[-1]
        over = bool(validated) and len(folder.metrics) >= folder.best_epoch + patience
        return ranks.team.broadcast(over)

    @property
    def state(self) -> dict[str, np.ndarray]:
        """All arrays that the next step depends on, by their names in a checkpoint.

        `model.` is what is evaluated: with averaging the average, and training goes on with `raw.`.
        """
        training = self.training
        groups = {"model": training.arrays, "optimizer": training.optimizer.state}
        if average := training.average:
            groups |= {"model": average.average, "raw": training.arrays}
            groups |= {"average": {"t": average.t}}
        return {f"{group}.{name}": a for group, part in groups.items() for name, a in part.items()}

    def save(self, folder: RunFolder, epoch: int, figures: Figures, speed: Figures) -> None:
        """Write a finished epoch: its figures, the checkpoint, and the curves so far."""
        if ranks.team.rank:
            return
        training, s = self.training, self.settings
        network = {"name": s.net, "side": s.size, "pool": s.pool}
        about = {"name": s.method, "lam": s.lam if s.method == "dldl-v2" else None}
        meta = trained.meta_of(network, training.method, about, training.channels)
        if training.average:
            meta["average"] = training.average.decay
        folder.save(epoch, figures, speed, self.state, meta)
        part = PART_NAMES[self.photos.part]
        curves = plots.curves(folder.metrics, s.title, self.photos.baselines, part)
        folder.put("curves.png", partial(plots.save, curves))

    def estimates(self, prediction: np.ndarray) -> report.Estimates:
        """A prediction for the photos that are evaluated on, as `Estimates`."""
        method = self.training.method.to(np)
        return report.Estimates.of(method, prediction, self.photos.valid.photos)

    def report(self, folder: RunFolder, prediction: np.ndarray) -> None:
        """Write the estimates and a picture; print what they are worth, and must beat."""
        estimates = self.estimates(prediction)
        rows = report.prediction_rows(estimates)
        folder.put("predictions.csv", partial(write_table, columns=report.PREDICTIONS, rows=rows))
        picture = report.picture(estimates, self.photos.valid, self.settings.title)
        folder.put("predictions.png", partial(plots.save, picture))
        figures, baselines = report.figures(estimates), self.photos.baselines
        cli.results.update(figures, results=folder.path, baselines=baselines)
        lines = report.short_lines(figures, PART_NAMES[self.photos.part])
        lines |= {f"{name}, MAE": f"{error:.3f} years" for name, error in baselines.items()}
        files = ("curves.png", "predictions.png", "predictions.csv")
        lines |= {name: str(folder / name) for name in files if (folder / name).exists()}
        for name, value in lines.items():
            print(f"{name:32} {value}")


def run_ensemble(first: Experiment, xp: ModuleType, folder: RunFolder) -> None:
    """Train the networks of an ensemble, each in a folder of its own, and report their average."""
    settings, photos = first.settings, first.photos
    predictions = []
    for member in range(settings.networks):
        print(f"\nnetwork {member + 1} of {settings.networks}")
        one = Experiment(settings, photos, xp, member)
        inner = folder if ranks.team.rank else folder.inner(f"member-{member + 1}")
        predictions.append(one.run(inner))
    print(f"\nall {settings.networks} networks together")
    if not ranks.team.rank:
        first.report(folder, np.mean(predictions, axis=0))


def open_init(path: Path, net: str) -> trained.Trained:
    """The network `net` of a checkpoint or run. Raises CheckpointError for another network."""
    if (source := trained.load(path)).net != net:
        expected = f"expected {net}, or --net {source.net}"
        raise checkpoint.CheckpointError(f"{path}: weights of the network {source.net}; {expected}")
    return source


def initialize(training: Training, path: Path, net: str) -> str:
    """Start a training from the weights of a checkpoint or run; returns a description of them.

    Photo size and pooling may be others, since neither has weights. The photos are normalized with
    the checkpoint's channels, as they were when its network was trained. The last layer stays new
    where its outputs mean something else. Raises CheckpointError as `open_init` does.
    """
    source = open_init(path, net)
    training.channels = source.channels
    ours, theirs = training.arrays, source.arrays
    text = f"{path}, all layers"
    if outputs_of(training) != outputs_of(source):
        here, there = ours["fc.b"].shape, theirs["fc.b"].shape
        why = f"whose shape is {there} there and {here} here"
        if here == there:
            why = "whose outputs mean something else there"
        text = f"{path}, without fc, {why}"
        ours = {name: array for name, array in ours.items() if not name.startswith("fc.")}
    checkpoint.copy_into(ours, theirs)
    return text


def outputs_of(network: trained.Trained) -> tuple:
    """What the outputs of its layer fc mean: how many, what follows, first and last label."""
    method, (*_, last) = network.method, network.model.layers
    return method.outputs, last, type(method.head), method.grid[0], method.grid[-1]


def method_text(settings: TrainSettings, labels: int, outputs: int) -> str:
    """The method and its settings, for the screen."""
    text = settings.method
    if settings.method == "dldl-v2":
        text += f": lambda {settings.lam:g}"
        text += f" after {settings.kl_epochs} epochs of KL alone" * (settings.kl_epochs > 0)
    if settings.networks > 1:
        text += f": {settings.networks} networks"
    return text + f", {labels} labels {settings.label_step:g} years apart" * (outputs > 1)


def epoch_line(epoch: int, figures: Figures, speed: Figures, part: str) -> str:
    """An epoch's figures and speed, for the screen; `part`: the one that is evaluated on."""
    names = {"loss": "train_loss", "training MAE": "train_mae", f"{part} MAE": "valid_mae"}
    text = ", ".join(f"{label} {figures[n]:.3f}" for label, n in names.items() if n in figures)
    words = "epoch {:3}: {}; {images_per_second:.0f} images/s, {waiting:.0%} of the time waiting"
    return words.format(epoch, text, **speed)
