"""Aligned crops of the photos of a data set: faces found, turned and scaled to one place."""

from pathlib import Path

from tinydldl.datasets.base import DataError
from tinydldl.datasets.loader import in_order
from tinydldl.faces import align, detect
from tinydldl.files import replacing
from tinydldl.images import PhotoError, held_side, open_photo
from tinydldl.progress import Progress

SIDE = held_side(224)  # pixels of a crop: enough for the paper's networks, with room to crop


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
        image = open_photo(path)
    except PhotoError as error:
        return error.reason
    faces = detect(image, score=score)
    if not faces:
        return "no face found"
    face = max(faces, key=lambda face: face.area)
    try:
        crop.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"cannot make this folder ({error.strerror})"
        instead = "--aligned names another one for the crops"
        raise DataError(f"{crop.parent}: {why}; {instead}") from None
    with replacing(crop) as file:
        kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
        align(image, face.landmarks, SIDE, shape).save(file, format=kind, quality=95)
    return None
