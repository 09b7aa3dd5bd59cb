"""IMDB-WIKI: half a million faces of celebrities, whose dates of birth are known.

The paper's networks, like most, learned from other photos first; these are the largest set of them
(Rothe, Timofte, Van Gool, IJCV 2018). A photo's year is that of its film or its file, so that many
ages are wrong by some years: a set to begin with, not one to measure with.
"""

from pathlib import Path

import numpy as np

from tinydldl.datasets import base
from tinydldl.datasets.base import GUIDE, DataError, Options, Parts, Photos

YEAR = 365.2425  # days, on average
OLDEST = 100  # years; above that the dates are wrong


def load(options: Options) -> Parts:
    """{"train", "test"}, 80 : 20 at random; `imdb_crop` and `wiki_crop`, or one, in `imdb-wiki`."""
    if options.split == "subject":
        raise DataError("its tables are not read for who is on a photo; take --split random")
    root = options.data_dir / "imdb-wiki"
    folders = {name: base.find(root / f"{name}_crop") for name in ("imdb", "wiki")}
    there = [crops(folder, name, options.sigma) for name, folder in folders.items() if folder]
    if not there:
        raise DataError(f"no folder imdb_crop or wiki_crop in {root}; put one there ({GUIDE})")
    if not (photos := base.join(*there)):
        raise DataError(f"no photo in {root} of one face of 0 to {OLDEST} years ({GUIDE})")
    train, test = base.random_split(photos, 0.8, options.seed)
    return {"train": train, "test": test}


def crops(folder: Path, name: str, sigma: float) -> Photos:
    """The photos in which one face was found, and no second one, of people of 0 to OLDEST years.

        age = floor(year of the photo + 1/2 - date of birth)

    The photo counts as taken in the middle of its year; Matlab counts days from the year 0.
    """
    from scipy.io import loadmat  # which other sets need not wait for

    path = folder / f"{name}.mat"
    try:
        table = loadmat(path, simplify_cells=True)[name]
        names, born, taken, score, second = (
            np.atleast_1d(table[column])
            for column in ("full_path", "dob", "photo_taken", "face_score", "second_face_score")
        )
        ages = np.floor(taken + 0.5 - born / YEAR)
        kept = np.isfinite(score) & np.isnan(second) & (ages >= 0) & (ages <= OLDEST)
    except Exception as error:  # a damaged file can go wrong anywhere
        raise DataError(f"{path}: not the table of {name}_crop ({error}; {GUIDE})") from None
    found = zip(names[kept], ages[kept], strict=True)
    return Photos.of((folder / photo, float(age), sigma) for photo, age in found)
