"""ChaLearn LAP 2015 and 2016: apparent ages, each the mean of ten or more guesses.

The sigma of a photo is the standard deviation of its guesses.
Source: Escalera et al., ICCVW 2015 and CVPRW 2016.
"""

from pathlib import Path

from tinydldl.datasets.base import Options, Parts, Photos, find_folder, join
from tinydldl.datasets.table import Table


def load15(options: Options) -> Parts:
    """{"train", "valid"}, from `chalearn15/Train` and `Valid`: the test labels are not public."""
    root = options.data_dir / "chalearn15"
    return {part: _read_part(root, part, f"{part}15_gt.csv") for part in ("train", "valid")}


def load16(options: Options) -> Parts:
    """{"train", "test"}: `Train` and `Valid` together, as the paper trains, and `Test`."""
    root = options.data_dir / "chalearn16"
    train, valid, test = (_read_part(root, p, f"{p}_gt.csv") for p in ("train", "valid", "test"))
    return {"train": join(train, valid), "test": test}


def _read_part(root: Path, part: str, table: str) -> Photos:
    """A part; the columns of its table are name, age and sigma, in this order."""
    folder = find_folder(root / part.title(), "the photos")
    return Table.read(root / table).photos(lambda name: folder / name, name=0, age=1, sigma=2)
