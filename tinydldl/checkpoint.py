"""Checkpoints: arrays in `NAME.npz`, everything else in `NAME.json`. Never pickle.

A checkpoint that is replaced once per epoch survives a kill at any moment, because each file is
written beside its target and renamed over it. The JSON holds what stays the same during a run
(network, label grid, arguments); all that changes, the epoch number too, is an array. So a
checkpoint becomes the new one at one moment: when its `.npz` is renamed.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from tinydldl.arrays import Array, DType
from tinydldl.backend import flush, get_array_module, to_host
from tinydldl.errors import UserError
from tinydldl.files import open_file, read_json, replacing, write_json
from tinydldl.weights import SHIPPED

EXPECTED = f"expected a run, a file NAME.npz with NAME.json beside it, or {SHIPPED}"
# A variance, Adam's mean of squares, a count of steps.
NOT_NEGATIVE = re.compile(r"\brunning_var$|^optimizer\.v\.|\.t$")


class CheckpointError(UserError):
    """A checkpoint cannot be read, or does not fit."""


def save(path: str | Path, arrays: Mapping[str, Array], meta: dict[str, Any]) -> None:
    """Write `arrays` (name to array) to `path`.npz and `meta` (JSON values) to `path`.json.

    Neither is renamed unless there is room for both; the JSON is the first.
    """
    with replacing(f"{path}.npz") as file:
        on_host: dict[str, Any] = {name: to_host(array) for name, array in arrays.items()}
        np.savez(file, **on_host)
        file.flush()
        write_json(f"{path}.json", meta)


def read_meta(path: str | Path) -> dict[str, Any]:
    """The JSON of a checkpoint, a dict; `path` is as for `load`. Raises CheckpointError."""
    with reading(path):
        meta = read_json(f"{stem_of(path)}.json")
        if not isinstance(meta, dict):
            raise CheckpointError("not the description of a checkpoint")
        return meta


def load(path: str | Path, targets: Mapping[str, Array]) -> None:
    """Copy the arrays of a checkpoint into those of `targets`, by name: see `copy_into`.

    `path`: with or without `.npz`, or the folder of a run. Groups without a target, such as
    `optimizer.`, are ignored. Raises CheckpointError.
    """
    groups = {name.partition(".")[0] for name in targets}
    with reading(path), open_file(f"{stem_of(path)}.npz") as file, zipfile.ZipFile(file) as archive:
        names = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        arrays = {n: Zipped(archive, m) for n, m in names.items() if n.partition(".")[0] in groups}
        if unknown := arrays.keys() - targets.keys():
            raise CheckpointError(f"{min(unknown)!r}: an array that the network does not have")
        copy_into(targets, arrays)


class Zipped:
    """An array in a `.npz` file: its header at once, its numbers with `astype`."""

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        self.open = partial(archive.open, member)
        with self.open() as file:
            if npy.read_magic(file) != (1, 0):  # later ones may have headers of any length
                raise ValueError("an array in another format than np.savez writes")
            self.shape, _, self.dtype = npy.read_array_header_1_0(file)

    def astype(self, dtype: DType) -> Array:
        with self.open() as file:
            return npy.read_array(file, allow_pickle=False).astype(dtype)


def copy_into(targets: Mapping[str, Array], arrays: Mapping[str, Array | Zipped]) -> None:
    """Copy `arrays[name]` into each array of `targets`, with subnormal numbers as 0.

    Names, shapes and dtypes are compared before anything is unpacked. Raises CheckpointError for a
    missing array, another shape or kind of numbers, and what is not finite, or wrongly negative.
    """
    for name, target in targets.items():
        check_form(name, target, arrays.get(name))
    for name, target in targets.items():
        with np.errstate(over="ignore"):
            values = arrays[name].astype(target.dtype)
        if not np.isfinite(values).all():
            raise CheckpointError(f"{name}: holds numbers that are not finite in {values.dtype}")
        if NOT_NEGATIVE.search(name) and (values < 0).any():
            raise CheckpointError(f"{name}: holds a negative number")
        target[...] = get_array_module(target).asarray(flush(values))


def check_form(name: str, target: Array, source: Array | Zipped | None) -> None:
    """Raise CheckpointError unless `source` has the shape and kind of numbers of `target`."""
    if source is None or source.shape != target.shape:
        found = "nothing" if source is None else f"shape {source.shape!r}"
        raise CheckpointError(f"{name}: expected shape {target.shape}, found {found}")
    kinds, numbers = ("f", "real") if target.dtype.kind == "f" else ("iu", "whole")
    if source.dtype.kind not in kinds:
        raise CheckpointError(f"{name}: expected {numbers} numbers, found {source.dtype.name}")


def stem_of(path: str | Path) -> str:
    """The path of the files of a checkpoint, without suffix."""
    file = Path(path, "checkpoint") if Path(path).is_dir() else path
    return re.sub(r"\.(npz|json)$", "", str(file))


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Within this block every error becomes a CheckpointError, one line that names `path`."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise CheckpointError(f"{path}: no checkpoint, {missing} is missing; {EXPECTED}") from None
    except Exception as error:  # NumPy and zipfile raise many kinds for a damaged file
        raise CheckpointError(f"{path}: not a checkpoint that can be read ({error!r})") from None
