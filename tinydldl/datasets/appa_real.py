"""APPA-REAL: apparent ages, each from about 38 guesses (Agustsson et al., FG 2017).

The label is the mean of the guesses, sigma their standard deviation.
"""

from pathlib import Path

from tinydldl.datasets.base import Options, Parts, Photos, find_folder
from tinydldl.datasets.table import Table


def load(options: Options) -> Parts:
    """{"train", "valid", "test"}, from the folders in `appa-real` with these names."""
    root = find_folder(options.data_dir / "appa-real", "the unpacked archive")
    return {part: _read_part(root, part) for part in ("train", "valid", "test")}


def _read_part(root: Path, part: str) -> Photos:
    """A part, with the averages in `gt_avg_<part>.csv`."""
    folder = find_folder(root / part, "the photos")
    table = Table.read(root / f"gt_avg_{part}.csv")
    return table.photos(
        lambda name: prefer_crop(folder / name),
        name=table.need_column("photo", "file_name"),
        age=table.need_column("apparent age", "apparent_age_avg"),
        sigma=table.need_column("sigma", "apparent_age_std"),
    )


def prefer_crop(path: Path) -> Path:
    """The upright crop `000000.jpg_face.jpg` beside the photo `000000.jpg`, if there is one."""
    crop = path.with_name(path.name + "_face.jpg")
    return crop if crop.is_file() else path
