"""The photos of a training: those to train on, and those to evaluate on."""

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np

from tinydldl.datasets import crops, options_from
from tinydldl.datasets.loader import PhotoStore
from tinydldl.datasets.selection import choose, load, open_store, sample, within
from tinydldl.metrics import mae
from tinydldl.train import baselines, memory


@dataclass
class Selection:
    """The photos to train on and those to judge on; `judged` names the latter, valid or test."""

    train: PhotoStore
    valid: PhotoStore
    judged: str

    def digest(self):
        """A hash of names, ages and sigmas: the same for the same photos, wherever they lie."""
        photos = self.train.photos, self.valid.photos
        about = [[[q.name for q in p.paths], p.ages.tolist(), p.sigmas.tolist()] for p in photos]
        return sha256(json.dumps(about).encode()).hexdigest()

    @cached_property
    def baselines(self):
        """The MAE (years) of what a network must beat, by name."""
        y_train, y = self.train.photos.ages, self.valid.photos.ages
        pixels, new_pixels = (baselines.thumbnails(store) for store in (self.train, self.valid))
        return {
            "mean age": mae(baselines.mean_age(y_train, len(y)), y),
            "ridge regression on pixels": mae(baselines.ridge(pixels, y_train, new_pixels), y),
        }


def open_selection(arguments, grid, parts=None, xp=np):
    """Read the photos that `arguments` ask for, and say how many they are: a `Selection`.

    `parts`: the names of the part to train on and of that to judge on; see `load_parts`. `xp`:
    where the network will be. Raises UserError for more than the memory holds.
    """
    (trained, train_photos), (judged, judged_photos) = load_parts(arguments, grid, parts).items()
    memory.check(arguments, len(train_photos) + len(judged_photos), xp)
    cache = arguments.cache_mb * 10**6
    name, side, loaders = arguments.dataset, arguments.size, arguments.loaders
    train = open_store(train_photos, name, trained, side, cache, loaders)
    left = cache - train.cached_bytes
    valid = open_store(judged_photos, name, judged, side, left, loaders)
    cached = (train.cached_bytes + valid.cached_bytes) / 1e6
    print(
        f"data      {arguments.dataset}: {len(train)} photos ({trained}) to train on, {len(valid)} "
        f"({judged}) to judge on; {cached:.0f} of at most {arguments.cache_mb} MB in memory"
    )
    return Selection(train, valid, judged)


def load_parts(arguments, grid, parts=None):
    """`{trained: Photos, judged: Photos}` within grid and limits.

    `parts`: their names; by default train, and valid or else test. Raises DataError for a part that
    the set has not.
    """
    everything = load(arguments.dataset, options_from(arguments), arguments.size, arguments.limit)
    if warning := crops.warning(arguments.dataset, everything):
        print(f"warning: {warning}")
    wanted = [[name] for name in parts or ()] or [["train"], ["valid", "test"]]
    names = [choose(everything, some, arguments.dataset) for some in wanted]
    chosen = within({name: everything[name] for name in names}, grid, arguments.dataset)
    share = min(1, (arguments.limit or np.inf) / sum(map(len, chosen.values())))
    chosen = {name: sample(p, share * len(p), arguments.seed) for name, p in chosen.items()}
    if arguments.train_limit:
        chosen[names[0]] = sample(chosen[names[0]], arguments.train_limit, arguments.seed)
    return chosen
