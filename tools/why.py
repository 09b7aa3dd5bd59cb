"""Why does DLDL-v2 fail from random weights? What happens inside, and what helps, one at a time.

    python tools/why.py --seeds 0 1 2 3 4

TinyAgeNet at 32 px on 2,400 drawn faces, 12 epochs. What comes out goes to lessons/results/why:
`epochs.csv`, the validation photos after each epoch; `steps.csv`, the gradients of the two losses,
apart, at some steps; `layers.csv`, how much of each layer is at work in the end; last the picture.
What is finished is not trained again.
"""

import argparse
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from tinydldl import checkpoint, plots
from tinydldl.arrays import Array, Images
from tinydldl.datasets.loader import PhotoStore, normalize
from tinydldl.files import read_table, write_table
from tinydldl.labels import label_grid, nearest
from tinydldl.methods import DLDL, ER
from tinydldl.models import AgeNet
from tinydldl.optim import gradient_norm
from tinydldl.plots import COLORS, DPI, styled
from tinydldl.progress import Progress
from tinydldl.report import same_answer
from tinydldl.train import settings as command_line
from tinydldl.train.experiment import Experiment
from tinydldl.train.loop import Training, evaluate, train
from tinydldl.train.photos import open_selection
from tinydldl.train.settings import TrainSettings

OUT = Path(__file__).parents[1] / "lessons" / "results" / "why"
BASE = "--limit 3000 --size 32 --batch 32 --epochs 12 --lr 0.002 --schedule cosine:1 --kl-epochs 0"
BASE += " --workers 1 --loaders 1 --device cpu"

# What is tried, one at a time, and the change to the settings of DLDL-v2 with lambda 1.
TRIED: dict[str, dict[str, Any]] = {
    "both losses, lambda 1": {},
    "KL alone": {"method": "dldl"},
    "L1 alone": {"method": "er-l1"},
    "four epochs of warm-up": {"schedule": "cosine:4"},
    "a quarter of the learning rate": {"lr": 0.0005},
    "gradient clipped to norm 1": {},
    "bias at the log of the age histogram": {},
    "KL alone for four epochs": {"kl_epochs": 4},
}
BOTH, ALONE, *_ = TRIED
LOSSES = {"KL": COLORS[0], "L1": COLORS[3]}
CLIP, BIAS = list(TRIED)[5:7]
PROBED = (0, 1, 2, 4, 8, 16, 32, 75, 150, 300, 450, 600, 750, 899)  # steps of 900
LAST_CONV = "conv5_3.W"

EPOCHS = ("tried", "seed", "epoch", "valid_mae", "same_answer", "no_feature")
STEPS = ("tried", "seed", "step", "kl_logits", "l1_logits", "kl_conv", "l1_conv")
LAYERS = ("tried", "seed", "layer", "without_feature", "with_feature")


class Watched:
    """The optimizer of a training: looks at the gradients before some steps, and clips them."""

    def __init__(self, training: Training, look: Callable[[int], None], most: float = np.inf):
        self.optimizer, self.grads = training.optimizer, training.model.grads
        self.look, self.most, self.steps, self.lr = look, most, 0, training.optimizer.lr

    def step(self) -> None:
        if self.steps in PROBED:
            self.look(self.steps)
        scale = min(1, self.most / float(gradient_norm(self.grads)))
        for grad in self.grads.values():
            grad *= scale
        self.optimizer.lr = self.lr
        self.optimizer.step()
        self.steps += 1


def study(tried: str, seed: int) -> None:
    """One training, watched."""
    settings = settings_of(tried, seed)
    photos = open_selection(settings)
    run = Experiment(settings, photos)
    training = run.training
    if tried == BIAS:
        grid = label_grid()
        ages = nearest(photos.train.photos.ages, grid)
        training.model.params["fc.b"][...] = np.log(np.bincount(ages, minlength=len(grid)) + 1)
    probe = Probe(training, photos.train)

    about, steps, epochs = {"tried": tried, "seed": seed}, [], []

    def look(step: int) -> None:
        steps.append(about | {"step": step} | probe.norms())

    def on_epoch(epoch: int, figures: dict[str, float], _: dict[str, float]) -> None:
        estimates = run.estimates(evaluate(training)[0])
        dead = probe.without_feature(photos.valid)
        line = {"valid_mae": figures["valid_mae"], "same_answer": same_answer(estimates)}
        epochs.append(about | {"epoch": epoch, "no_feature": dead.mean()} | line)

    training.optimizer = Watched(training, look, 1.0 if tried == CLIP else np.inf)
    with Progress(total=settings.epochs * len(photos.train), unit="images") as progress:
        train(training, on_epoch, progress, place=f"{tried}, seed {seed}, ")
    write("steps.csv", STEPS, steps)
    write("layers.csv", LAYERS, [about | line for line in probe.at_work(photos.valid)])
    write("epochs.csv", EPOCHS, epochs)  # last: a training with these lines is finished


class Probe:
    """A copy of the network on the layers, to look at without touching the training."""

    def __init__(self, training: Training, store: PhotoStore) -> None:
        self.training, photos = training, store.photos
        self.net = AgeNet("tiny", training.method.outputs, 32, rng=np.random.default_rng(0))
        grid, some = training.method.grid, np.arange(min(128, len(store)))
        y, sigma = photos.ages[some], photos.sigmas[some]
        self.x, self.y = self.photos(store, some), y.astype(np.float32)
        self.losses = {
            "kl": (DLDL(grid), DLDL(grid).target(y, sigma).astype(np.float32)),
            "l1": (ER(grid), self.y),
        }

    def photos(self, store: PhotoStore, some: Iterable[int]) -> Images:
        return normalize(np.stack([store[i] for i in some]), *self.training.channels)

    def copy(self) -> AgeNet:
        """The network as it is now."""
        now = self.training.model.params | self.training.model.buffers
        checkpoint.copy_into(self.net.params | self.net.buffers, now)
        return self.net

    def norms(self) -> dict[str, float]:
        """Of each loss: the mean norm of a photo's gradient in the logits, and that in the filters.

        A photo's gradient is that of its own loss; that in the filters is of the batch's mean.
        """
        net, found = self.copy().train(), {}
        for name, (method, target) in self.losses.items():
            _, dlogits = method.loss(net.forward(self.x), target, self.y)
            net.backward(dlogits)
            found[f"{name}_logits"] = float(np.linalg.norm(dlogits, axis=1).mean()) * len(self.y)
            found[f"{name}_conv"] = float(np.linalg.norm(net.grads[LAST_CONV]))
        return found

    def outputs(self, store: PhotoStore) -> dict[str, Array]:
        """What each ReLU and the last pool give for all photos of a part, (N, ...) by name."""
        net, x, found = self.copy().eval(), self.photos(store, range(len(store))), {}
        for name, layer in net.layers.items():
            x = layer.forward(x)
            if name.startswith(("relu", "pool5")):
                found[name] = x
        return found

    def without_feature(self, store: PhotoStore) -> Array:
        """Which photos have no feature but 0 behind the last pool (N,)."""
        return ~self.outputs(store)["pool5"].any(axis=1)

    def at_work(self, store: PhotoStore) -> list[dict]:
        """The share of each ReLU's outputs above 0, for photos without a feature and for others."""
        outputs, dead = self.outputs(store), self.without_feature(store)
        groups = {"without_feature": dead, "with_feature": ~dead}
        return [
            {"layer": name}
            | {g: (y[which] > 0).mean() for g, which in groups.items() if which.any()}
            for name, y in outputs.items()
        ]


def picture() -> Figure:
    """What comes out, in five panels: the errors, dead photos, where they die, the gradients."""
    epochs, steps, layers = (
        read_table(OUT / f"{name}.csv") for name in ("epochs", "steps", "layers")
    )
    figure = Figure(figsize=(14, 7.5), dpi=DPI, layout="constrained")
    seeds = len({line["seed"] for line in epochs})
    figure.suptitle(f"Why DLDL-v2 fails from random weights, and what helps: {seeds} seeds")
    panels = [styled(axes) for axes in figure.subplots(2, 3).flat]
    draw_errors(panels[0], epochs)
    draw_dead(panels[1], epochs)
    draw_layers(panels[2], layers)
    draw_gradients(panels[3], steps, "logits")
    draw_gradients(panels[4], steps, "conv")
    panels[3].set(title="Norm of the gradient in the logits")
    panels[4].set(title="Norm of the gradient in the last filters")
    panels[3].legend(frameon=False, fontsize=8)
    panels[5].axis("off")
    panels[5].legend(*panels[1].get_legend_handles_labels(), frameon=False, loc="center left")
    return figure


def draw_errors(axes: Axes, epochs: list[dict]) -> None:
    """Validation MAE after the last epoch: a dot per seed, and their mean."""
    last = max(int(line["epoch"]) for line in epochs)
    for place, tried in enumerate(TRIED):
        maes = values(epochs, "valid_mae", tried=tried, epoch=last)
        axes.plot(maes, [place] * len(maes), "o", color=COLORS[place], alpha=0.6)
        axes.plot(np.mean(maes), place, "|", color="black", markersize=16)
    axes.set_yticks(range(len(TRIED)), list(TRIED))
    axes.invert_yaxis()
    axes.set(title="Validation MAE in the end", xlabel="Years; a dot per seed, bar: mean")


def draw_dead(axes: Axes, epochs: list[dict]) -> None:
    """The share of validation photos without a feature after each epoch, mean over seeds."""
    numbers = sorted({int(line["epoch"]) for line in epochs})
    for color, tried in zip(COLORS, TRIED, strict=False):
        shares = [np.mean(values(epochs, "no_feature", tried=tried, epoch=n)) for n in numbers]
        axes.plot(numbers, shares, label=tried, color=color, marker=".")
    axes.set(title="Photos whose 128 features are all 0", xlabel="Epoch", ylabel="Share")
    axes.yaxis.set_major_formatter(PercentFormatter(1))


def draw_layers(axes: Axes, layers: list[dict]) -> None:
    """The share of each layer's outputs above 0, for photos without a feature and for others."""
    names = list(dict.fromkeys(line["layer"] for line in layers))
    dead = [line for line in layers if line.get("without_feature")]
    for group, color in (("without_feature", COLORS[3]), ("with_feature", COLORS[0])):
        shares = [np.mean(values(dead, group, layer=name) or np.nan) for name in names]
        axes.plot(names, shares, "o-", color=color, label=f"photos {group.replace('_', ' a ', 1)}")
    axes.tick_params(axis="x", rotation=90)
    axes.set(title="Outputs above 0, where photos died", ylabel="Share", ylim=(0, 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(frameon=False, fontsize=8)


def draw_gradients(axes: Axes, steps: list[dict], place: str) -> None:
    """The norms of both losses' gradients at some steps, mean over seeds."""
    numbers = sorted({int(line["step"]) for line in steps})
    for (loss, color), (tried, style) in product(LOSSES.items(), ((BOTH, "-"), (ALONE, ":"))):
        column = f"{loss.lower()}_{place}"
        norms = [np.mean(values(steps, column, tried=tried, step=n)) for n in numbers]
        label = f"of {loss}, in a training with {tried}"
        axes.plot(np.add(numbers, 1), norms, style, color=color, label=label)
    axes.set(xscale="log", yscale="log", xlabel="Step")


def values(lines: list[dict], column: str, **wanted: Any) -> list[float]:
    """A column of the lines with the wanted cells; empty cells are left out."""
    fit = (line for line in lines if all(line[n] == str(v) for n, v in wanted.items()))
    return [float(line[column]) for line in fit if line.get(column)]


def settings_of(tried: str, seed: int) -> TrainSettings:
    base = command_line.settings_of(command_line.build_parser().parse_args(BASE.split()))
    return replace(base, **TRIED[tried], seed=seed)


def write(name: str, columns: tuple[str, ...], lines: list[dict]) -> None:
    """Add lines to a table."""
    OUT.mkdir(parents=True, exist_ok=True)
    before = read_table(OUT / name) if (OUT / name).exists() else []
    rounded = [{k: f"{v:.5g}" if isinstance(v, float) else v for k, v in e.items()} for e in lines]
    write_table(OUT / name, columns, [*before, *rounded])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="*", default=[])
    seeds = parser.parse_args().seeds
    path = OUT / "epochs.csv"
    for seed in seeds:
        for tried in TRIED:
            rows = read_table(path) if path.exists() else []
            if (tried, str(seed)) not in {(row["tried"], row["seed"]) for row in rows}:
                study(tried, seed)
    plots.save(picture(), OUT / "why.png")


if __name__ == "__main__":
    main()
