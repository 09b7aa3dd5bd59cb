"""ChaLearn LAP 2015: apparent ages, each the mean of ten or more guesses (Escalera, ICCVW 2015).

The sigma of a photo is the standard deviation of its guesses.
"""

from pathlib import Path

from tinydldl.datasets.base import Options, Parts, Photos, find_folder
from tinydldl.datasets.table import Table


def load(options: Options) -> Parts:
    """{"train", "valid"}: the photos in `chalearn15/Train` and `chalearn15/Valid`.

    The test labels of the challenge are not public: results are those on `valid`.
    """
    root = options.data_dir / "chalearn15"
    return {
        "train": read_part(root / "Train", root / "train15_gt.csv"),
        "valid": read_part(root / "Valid", root / "valid15_gt.csv"),
    }


def read_part(folder: Path, table: Path) -> Photos:
    """The photos in `folder`; the columns of the table are name, age and sigma, in this order."""
    folder = find_folder(folder, "the photos")
    return Table.read(table).photos(lambda name: folder / name, name=0, age=1, sigma=2)
