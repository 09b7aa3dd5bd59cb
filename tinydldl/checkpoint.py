"""Checkpoints: arrays in `NAME.npz`, everything else in `NAME.json`. Never pickle.

A checkpoint that is replaced once an epoch survives a kill at any moment, because each file is
written beside its target and renamed over it. The JSON holds what stays the same during a run
(network, label grid, arguments); all that changes, the epoch number too, is an array. So the rename
of the `.npz` is the one moment at which a checkpoint becomes the new one.
"""

import json
from pathlib import Path

import numpy as np

from tinydldl.backend import UserError, get_array_module, to_host
from tinydldl.files import replacing

EXPECTED = "expected the folder of a run, or a file NAME.npz with NAME.json beside it"


class CheckpointError(UserError):
    """A checkpoint cannot be read, or does not fit."""


def save(path, arrays, meta):
    """Write `arrays` (name to array) to `path`.npz and `meta` (JSON values) to `path`.json.

    Neither takes its place unless there is room for both; the JSON does first.
    """
    with replacing(f"{path}.npz") as file:
        np.savez(file, **{name: to_host(array) for name, array in arrays.items()})
        file.flush()
        with replacing(f"{path}.json") as description:
            description.write(json.dumps(meta, indent=2).encode())


def load(path):
    """The `(arrays, meta)` of `path`, with or without `.npz`, or of the folder of a run.

    Raises CheckpointError.
    """
    file = Path(path, "checkpoint") if Path(path).is_dir() else path
    stem = str(file).removesuffix(".npz").removesuffix(".json")
    try:
        meta = json.loads(Path(f"{stem}.json").read_text())
        with open(f"{stem}.npz", "rb") as file, np.load(file, allow_pickle=False) as arrays:
            arrays = dict(arrays)
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise CheckpointError(f"{path}: no checkpoint, {missing} is missing; {EXPECTED}") from None
    except Exception as error:  # NumPy and zipfile raise many kinds for a damaged file
        raise CheckpointError(f"{path}: not a checkpoint that can be read ({error})") from None
    if not isinstance(meta, dict):
        raise CheckpointError(f"{stem}.json: not the description of a checkpoint")
    return arrays, meta


def copy_into(targets, arrays, prefix):
    """Copy `arrays[prefix + name]` into each array of `targets`; raises CheckpointError if one is
    missing or has another shape."""
    for name, target in targets.items():
        source = arrays.get(prefix + name)
        if source is None or source.shape != target.shape:
            found = "nothing" if source is None else f"shape {source.shape}"
            raise CheckpointError(f"{prefix}{name}: expected shape {target.shape}, found {found}")
        target[...] = get_array_module(target).asarray(source)
