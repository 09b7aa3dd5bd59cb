"""What are the weights that ship worth as a start? The same training from two starts tells.

The weights have seen the training part of UTKFace, and neither of the two parts that are used here.
"""

from pathlib import Path

from matplotlib.figure import Figure

from tinydldl import trained, weights
from tinydldl.plots import COLORS, new_figure, plot_column
from tinydldl.reproduce.table import Result, Row, Table
from tinydldl.reproduce.trainings import Trainings

# What both starts have in common, unlike the paper's tables.
BASE = {"dataset": "utkface", "parts": ["valid", "test"], "size": 128, "epochs": 12, "batch": 64}
BASE |= {"lr": 1e-3, "schedule": "cosine:1", "lam": 0.1, "val_every": 2}
ROWS = [
    Row(("random weights",), "random weights"),
    Row(("weights that ship",), "weights that ship", {"init": Path(weights.PRETRAINED)}),
]


def table(results: list[Result], shipped: dict[str, float]) -> Table:
    """The figures of each start; `shipped`: those of the weights as they ship."""
    names = "train_mae", "mae", "epsilon_error"
    lines = [[*r.row.label, *(r.text(name) for name in names)] for r in results]
    as_they_are = [f"{shipped[name]:.3f}" for name in ("mae", "epsilon_error")]
    lines.append(["weights that ship, as they are", "-", *as_they_are])
    header = ["start", "training MAE", "test MAE", "test epsilon-error"]
    return Table(f"{photos(results)} photos, from two starts", header, lines)


def picture(results: list[Result], shipped: dict[str, float]) -> Figure:
    """MAE on the test part by epoch, a line per training."""
    title = f"Trained on {photos(results)} photos of UTKFace"
    figure, axes = new_figure(title, "Epoch", "MAE on the test part (years)")
    for result, color in zip(results, (COLORS[1], COLORS[0]), strict=True):
        seeds = len(result.trained)
        label: str | None = f"from {result.row.name}, {seeds} seed{'s' * (seeds > 1)}"
        for epochs in result.epochs:
            plot_column(axes, epochs, "valid_mae", label, color)
            label = None  # once in the legend
    axes.axhline(shipped["mae"], color="#555555", linestyle=":", label="these weights as they are")
    axes.set_ylim(bottom=0)
    axes.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
    axes.legend(frameon=False)
    return figure


def photos(results: list[Result]) -> str:
    """How many photos were trained on."""
    return f"{int(results[0].trained[0]['train_photos']):,}"


def make(trainings: Trainings, seeds: range) -> None:
    """Train, and write the table."""
    shipped = trained.load(weights.find(trainings.base.net)).meta["test"]
    results = trainings.run(ROWS, seeds)
    table(results, shipped).write(trainings.path("fine-tuning"), picture(results, shipped))
