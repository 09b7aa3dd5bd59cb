"""The photos of a training: those to train on, and those to evaluate on."""

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from types import ModuleType
from typing import Any

import numpy as np

from tinydldl import ranks
from tinydldl.datasets import Photos, crops
from tinydldl.datasets.loader import PhotoStore
from tinydldl.datasets.packed import Packed
from tinydldl.datasets.selection import choose, load, open_store, sample, within
from tinydldl.labels import label_grid
from tinydldl.metrics import mae
from tinydldl.train import baselines, memory
from tinydldl.train.settings import TrainSettings


@dataclass
class TrainingPhotos:
    """The photos to train on and those to evaluate on; `part` names the latter, valid or test."""

    train: PhotoStore
    valid: PhotoStore
    part: str

    def facts(self) -> dict[str, Any]:
        """How many, and a hash of names, ages and sigmas: the same wherever the photos lie."""
        photos = self.train.photos, self.valid.photos
        about = [[[q.name for q in p.paths], p.ages.tolist(), p.sigmas.tolist()] for p in photos]
        digest = sha256(json.dumps(about).encode()).hexdigest()
        return {"photos": [len(p) for p in photos], "names_and_labels": digest}

    @cached_property
    def baselines(self) -> dict[str, float]:
        """The MAE (years) of what a network must beat, by name."""
        y_train, y = self.train.photos.ages, self.valid.photos.ages
        pixels, new_pixels = (baselines.thumbnails(store) for store in (self.train, self.valid))
        return {
            "mean age": mae(baselines.mean_age(y_train, len(y)), y),
            "ridge regression on pixels": mae(baselines.ridge(pixels, y_train, new_pixels), y),
        }


def open_selection(settings: TrainSettings, xp: ModuleType = np) -> TrainingPhotos:
    """Read the photos, print how many; `xp`: where the network will be. Raises UserError."""
    (train_part, photos), (valid_part, valid_photos) = load_parts(settings).items()
    memory.check(settings, len(photos) + len(valid_photos), xp)
    cache = settings.cache_mb * 10**6
    name, loaders = settings.dataset, settings.loaders
    packed = Packed(settings.data_dir, name, settings.size)
    train = open_store(photos, train_part, packed, cache, loaders)
    valid = open_store(valid_photos, valid_part, packed, cache - train.cached_bytes, loaders)
    cached = (train.cached_bytes + valid.cached_bytes) / 1e6
    trained, evaluated = f"{len(train)} photos ({train_part})", f"{len(valid)} ({valid_part})"
    held = f"{cached:.0f} of at most {settings.cache_mb} MB in memory"
    held += f", read from {packed.path}" * bool(packed.photos)
    print(f"data      {name}: {trained} to train on, {evaluated} to evaluate on; {held}")
    selection = TrainingPhotos(train, valid, valid_part)
    ranks.team.check(selection.facts()["names_and_labels"].encode(), "the photos")
    return selection


def load_parts(settings: TrainSettings) -> dict[str, Photos]:
    """By part: photos to train on, and to evaluate on (valid, else test). Raises DataError."""
    dataset, seed = settings.dataset, settings.seed
    everything = load(dataset, settings.options, settings.size, settings.limit)
    crops.warn(dataset, everything)
    wanted = [[name] for name in settings.parts or ()] or [["train"], ["valid", "test"]]
    names = [choose(everything, some, dataset) for some in wanted]
    grid = label_grid(step=settings.label_step)
    chosen = within({name: everything[name] for name in names}, grid, dataset)
    share = min(1, (settings.limit or np.inf) / sum(map(len, chosen.values())))
    chosen = {name: sample(p, share * len(p), seed) for name, p in chosen.items()}
    if settings.train_limit:
        chosen[names[0]] = sample(chosen[names[0]], settings.train_limit, seed)
    return chosen
