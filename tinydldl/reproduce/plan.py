"""The rows of each table, and how the trainings behind them differ from the base.

The base is DLDL-v2 with every augmentation, hybrid pooling, lambda 1 and a label a year. A row that
several tables share is trained once, since equal changes have equal names.
"""

from dataclasses import dataclass, field

import numpy as np

SIZES = (500, 2000, 6000)  # training photos, for the table of insufficient data
SEVEN = ("dldl-v2", "mr-l2", "mr-l1", "dex", "ranking", "er-l1", "dldl")
LAMBDAS = (0.01, 0.1, 1, 10)
STEPS = (4, 2, 1, 0.5, 0.25)
MISSING = "-"  # in a cell
STRETCHED = ("epochs", "schedule", "val_every")  # with fewer photos; they follow from `train_limit`


@dataclass(frozen=True)
class Row:
    """A row of a table: how it is called there, and the `changes` to the base's arguments.

    `label`: the cells that say what it is; `name`: the same in a picture, if not the first cell.
    """

    label: tuple
    changes: dict = field(default_factory=dict)
    name: str = ""


@dataclass
class Result:
    """A row of a plan and its finished trainings, one a seed: the figures by name, as texts."""

    row: Row
    trained: list

    @property
    def label(self):
        """The cells that say which row it is."""
        return self.row.label

    @property
    def name(self):
        """The row in one text."""
        return self.row.name or self.label[0]

    def values(self, name):
        """The figure of each seed, as far as it has one."""
        return np.array([float(row[name]) for row in self.trained if row.get(name)])

    def text(self, name, digits=3):
        """Mean, and standard deviation over the seeds if they are several: `5.123 ± 0.045`."""
        values = self.values(name)
        if not len(values):
            return next((row["note"] for row in self.trained if row.get("note")), MISSING)
        spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
        return f"{values.mean():.{digits}f}{spread}"


def name_of(changes, seed):
    """The name of a training, for its folder and its line in the CSV file.

    >>> name_of({"lam": 0.1}, seed=2)
    'dldl-v2_lam-0.1_seed-2'
    >>> name_of({"method": "dex", "augment": []}, seed=0)
    'dex_augment-none_seed-0'
    """
    words = [changes.get("method", "dldl-v2")]
    for name, value in (changes | {"seed": seed}).items():
        if name not in ("method", *STRETCHED):
            words.append(f"{name.replace('_', '-')}-{value if value != [] else 'none'}")
    return "_".join(words)


def table1():
    """Systems side by side."""
    methods = ("or-cnn", "dex", "dldl", "ranking", "ldae", "dldl-v2")
    return [Row((name,), only(method=name)) for name in methods]


def table3():
    """Augmentation, pooling, and seven methods."""
    ablation = [
        Row(("dldl-v2", "no", "HP"), {"augment": []}, "dldl-v2, no augmentation"),
        Row(("dldl-v2", "yes", "GAP"), {"pool": "gap"}, "dldl-v2, GAP"),
    ]
    return ablation + [Row((name, "yes", "HP"), only(method=name)) for name in SEVEN]


def table4(arguments):
    """Lambda, the step of the label grid, and two ways of the paper's published code.

    That code divides the KL divergence by N K, and trains with it alone at first.
    """
    rows = [Row((f"{v:g}", "1", "N"), only(lam=v), f"lambda {v:g}") for v in LAMBDAS]
    steps = [step for step in STEPS if step != 1]
    rows += [Row(("1", f"{v:g}", "N"), {"label_step": v}, f"{v:g} years a label") for v in steps]
    first = arguments.epochs // 3
    return [
        *rows,
        Row(("1", "1", "N K"), {"kl_reduction": "elements"}, "KL divided by N K"),
        Row((f"0 for {first} epochs, then 1", "1", "N"), {"kl_epochs": first}, "KL alone first"),
    ]


def insufficiency(arguments, photos):
    """Fewer photos to train on, in about as many steps; `photos`: how many are at hand."""
    sizes = [size for size in SIZES if size < photos] + [photos]
    return [
        Row((name, f"{size:,}"), only(method=name) | fewer(arguments, size, photos))
        for name in ("dldl-v2", "mr-l1", "dex")
        for size in sizes[: len(SIZES)]
    ]


def fewer(arguments, size, photos):
    """The changes that train on `size` of the photos, in whole times the epochs.

    So the steps are about as many; and the learning rate falls, and validation happens, after about
    as many as before.
    """
    if size == photos:
        return {}
    times = max(1, round(photos / size))
    every = int(arguments.schedule.removeprefix("step:"))
    stretched = times * arguments.epochs, f"step:{times * every}", times
    return {"train_limit": size} | dict(zip(STRETCHED, stretched, strict=True))


def only(**changes):
    """The changes that are none to the base are left out, so that its row is trained once."""
    base = {"method": "dldl-v2", "lam": 1}
    return {name: value for name, value in changes.items() if value != base[name]}
