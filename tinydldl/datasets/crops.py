"""Aligned crops of the photos of a set, made by `python -m tinydldl.datasets NAME --align`."""

import os
from dataclasses import replace
from pathlib import Path

from tinydldl.datasets.base import DataError, Options, Parts, Photos

FOLDER = "aligned"  # in the folder of the photos
RAW = ("chalearn15", "chalearn16", "morph", "appa-real")  # sets that ship photos not yet aligned


def crop_of(path: Path, options: Options) -> Path:
    """The path of the aligned crop of a photo: in `aligned/` beside it.

    With `options.aligned` in that folder instead, which mirrors the folder of the set.
    """
    folder = path.parent
    if options.aligned is not None:
        root = options.table.parent if options.table else options.data_dir
        folder, root = (Path(os.path.abspath(p)) for p in (folder, root))
        inner = folder.relative_to(root if folder.is_relative_to(root) else folder.anchor)
        folder = options.aligned / inner
    return folder / FOLDER / path.name


def prefer(photos: Photos, options: Options) -> Photos:
    """The same `Photos`, each as its aligned crop where there is one.

    Raises DataError if the folder for the crops is missing.
    """
    if options.aligned is not None and not options.aligned.is_dir():
        raise DataError(f"no folder {options.aligned}; --align makes the crops in it")
    candidates = (crop_of(path, options) for path in photos.paths)
    paths = [c if c.is_file() else p for c, p in zip(candidates, photos.paths, strict=True)]
    return replace(photos, paths=paths)


def warning(name: str, parts: Parts) -> str | None:
    """A warning if a set that ships raw photos has no aligned crop, else None."""
    aligned = any(path.parent.name == FOLDER for p in parts.values() for path in p.paths)
    if name not in RAW or aligned:
        return None
    return (
        f"the photos of {name} are not aligned, and networks learn much better from faces that "
        f"are: python -m tinydldl.datasets {name} --align"
    )
