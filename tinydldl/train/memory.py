"""What a training takes of memory, said before it is taken."""

from math import prod

import numpy as np

from tinydldl import images, labels, machine, models, processes, ranks
from tinydldl.arrays import Module
from tinydldl.datasets.loader import AHEAD
from tinydldl.errors import UserError
from tinydldl.layers import Conv2d, MaxPool2d
from tinydldl.train.settings import TrainSettings

PROGRAM, HELPER = 90e6, 40e6  # bytes of a process with what it imports, and of one that helps it
LARGEST = 3  # how many maps as large as the largest a pass needs beside those that it keeps
COPIES = 4  # parameters, gradients, and two moments of Adam


def check(settings: TrainSettings, photos: int, xp: Module) -> None:
    """Print about how much memory a training takes. Raises UserError for more than there is."""
    batch = -(-min(settings.batch, photos) // ranks.team.size)
    loaders = processes.bounded(settings.loaders, photos)
    workers = processes.bounded(settings.workers or ranks.team.cores, settings.batch)
    held = 3 * images.held_side(settings.size) ** 2 * photos
    ahead = 2 * 3 * settings.size**2 * batch * (AHEAD + loaders)
    layers = settings.engine == "layers" or xp is not np
    helpers = loaders + (0 if layers else workers - 1)
    takes = {
        "photos": min(held, settings.cache_mb * 10**6) + ahead,
        "network": network(settings.net, settings.size, batch, layers) if xp is np else 0,
        "processes": PROGRAM + helpers * HELPER,
    }
    needed, there = sum(takes.values()), machine.memory() / ranks.team.neighbors
    parts = ", ".join(f"{name} {mb(size)}" for name, size in takes.items())
    if needed > there:
        less = "try a smaller --batch, --size or --cache-mb, or fewer --workers or --loaders"
        found = f"needs about {mb(needed)} MB of memory ({parts}), and there are {mb(there)}"
        raise UserError(f"{found}; {less}")
    print(f"memory    about {mb(needed)} of {mb(there)} MB: {parts}")


def network(name: str, side: int, batch: int, layers: bool, trains: bool = True) -> int:
    """About how many bytes a step of training takes, or inference, by the layers or the engine."""
    model = models.AgeNet(name, len(labels.label_grid()), side, rng=np.random.default_rng(0))
    maps = [(layer, prod(x), prod(y)) for _, layer, x, y in model.trace(model.input_shape)]
    # the layers keep what each of them returns, the engine that of convolutions and poolings, and
    # what convolutions read
    kept = sum(y for layer, _, y in maps if layers or isinstance(layer, Conv2d | MaxPool2d))
    kept += sum(x for layer, x, _ in maps if isinstance(layer, Conv2d) and not layers)
    largest = max(size for *_, size in maps)
    kept, copies = (kept, COPIES) if trains else (0, 1)
    return 4 * (batch * (kept + LARGEST * largest) + copies * models.count_params(model))


def mb(size: float) -> str:
    """Bytes as text, in millions."""
    return f"{size / 1e6:,.0f}"
