"""Aligned crops of the photos of a set: faces found, turned and scaled to one place.

`python -m tinydldl.datasets NAME --align` makes them, once, and loaders prefer them.
"""

import os
from dataclasses import replace
from pathlib import Path

from tinydldl import cli, files, images
from tinydldl.datasets import named
from tinydldl.datasets.base import DataError, Options, Parts, Photos
from tinydldl.datasets.loader import in_order
from tinydldl.faces import align, detect
from tinydldl.faces.boxes import area
from tinydldl.progress import Progress

FOLDER = "aligned"  # in the folder of the photos
# Sets that ship photos not yet aligned.
RAW = ("chalearn15", "chalearn16", "appa-real", "imdb-wiki", *named.LAYOUTS)
SIDE = images.held_side(224)  # pixels of a crop: enough for the paper's networks, with room to crop


def crop_of(path: Path, options: Options) -> Path:
    """Where the crop of a photo is: in `aligned/` beside it, or in a mirror of the set."""
    folder = path.parent
    if options.aligned is not None:
        root = options.table.parent if options.table else options.data_dir
        folder, root = (Path(os.path.abspath(p)) for p in (folder, root))
        inner = folder.relative_to(root if folder.is_relative_to(root) else folder.anchor)
        folder = options.aligned / inner
    return folder / FOLDER / path.name


def prefer(photos: Photos, options: Options) -> Photos:
    """The same, each as its crop where there is one. Raises DataError if `aligned` is missing."""
    if options.aligned is not None and not options.aligned.is_dir():
        raise DataError(f"no folder {options.aligned}; --align makes the crops in it")
    candidates = (crop_of(path, options) for path in photos.paths)
    paths = [c if c.is_file() else p for c, p in zip(candidates, photos.paths, strict=True)]
    return replace(photos, paths=paths)


def warn(name: str, parts: Parts) -> None:
    """Print a warning if a set that ships raw photos has no aligned crop."""
    aligned = any(path.parent.name == FOLDER for p in parts.values() for path in p.paths)
    if name in RAW and not aligned:
        better = "networks learn much better from faces that are"
        how = f"{cli.called('datasets')} {name} --align"
        print(f"warning: the photos of {name} are not aligned, and {better}: {how}")


def align_photos(
    crops: dict[Path, Path], shape: str, score: float, loaders: int
) -> tuple[int, int, list[tuple[Path, str]]]:
    """Write an aligned crop of each photo that does not have one yet, of its largest face.

    `crops`: {path of a photo: path of its crop}; `shape`: see `faces.align`; `score`: see
    `faces.detect`; `loaders`: threads. Returns how many there were before, how many were made, and
    `[(path, why)]` of those without one. Raises DataError if a folder cannot be made.
    """
    missing = [path for path, crop in crops.items() if not crop.exists()]
    results = in_order(lambda path: align_photo(path, crops[path], shape, score), missing, loaders)
    progress = Progress(results, "aligning", len(missing), unit="photos")
    failed = [(path, why) for path, why in zip(missing, progress, strict=True) if why]
    return len(crops) - len(missing), len(missing) - len(failed), failed


def align_photo(path: Path, crop: Path, shape: str, score: float) -> str | None:
    """Write the crop of one photo; returns why it has none, or None."""
    try:
        image = images.open_photo(path)
    except images.PhotoError as error:
        return error.reason
    if not (faces := detect(image, score=score)):
        return "no face found"
    face = max(faces, key=lambda face: area(face.box))
    try:
        crop.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"cannot make this folder ({error.strerror}); --aligned names another one"
        raise DataError(f"{crop.parent}: {why}") from None
    with files.replacing(crop) as file:
        kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
        align(image, face.landmarks, SIDE, shape).save(file, format=kind, quality=95)
    return None
