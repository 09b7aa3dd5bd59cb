"""Your own photos: any folder, and a table of paths, ages and optional columns."""

from collections import Counter
from pathlib import Path

import numpy as np

from tinydldl.arrays import Array
from tinydldl.datasets.base import DataError, Options, Parts, Photos, random_split, same_bytes
from tinydldl.datasets.table import Label, Table, by_part

PHOTO = ("path", "image", "photo", "file", "filename", "file_name", "name")
AGE = ("age", "age_avg", "apparent_age_avg", "mean")
SIGMA = ("sigma", "std", "stdv", "stdev", "age_std", "apparent_age_std")
PART, SUBJECT = ("part", "split"), ("subject", "person")


def load(options: Options) -> Parts:
    """The photos in `options.table`: its own parts, else {"train", "valid"}, 80 : 20 at random.

    The header names the columns: one of `PHOTO`, one of `AGE` and perhaps of `SIGMA`, `PART` and
    `SUBJECT`. Paths are relative to the folder of the table. Without a sigma column every photo has
    `options.sigma`. A random split keeps photos of one subject, or of the same bytes, together.
    """
    if options.table is None:
        raise DataError("no table, expected --table with the path of one (see data/README.md)")
    table = Table.read(options.table)
    part, subject = table.column(*PART), table.column(*SUBJECT)
    if options.split == "subject" and (subject is None or part is not None):
        raise DataError("--split subject: expected a table with a column subject and none for part")
    columns = {"photo": table.column(*PHOTO, needed="photo"), "part": part, "subject": subject}
    columns |= {"age": table.column(*AGE, needed="age"), "sigma": table.column(*SIGMA)}
    labels = table.labels(table.path.parent.joinpath, options.sigma, **columns)
    photos = Photos.of(label[:3] for label in labels)
    groups = together(labels)
    if part is None:
        train, valid = random_split(photos, 0.8, options.seed, groups)
        if len(train) > 1 and not valid:
            print("warning: all photos are of one subject, so all are in train and none in valid")
            return {"train": train}
        return {"train": train, "valid": valid}
    parts = [label.part for label in labels]
    held_by = Counter(group for group, _ in set(zip(groups, parts, strict=True)))
    if across := sum(count > 1 for count in held_by.values()):
        print(f"warning: {across} subjects, or photos with the same bytes, are in several parts")
    return by_part(photos, parts)


def together(labels: list[Label]) -> Array:
    """Numbers (N,): equal for photos of the same subject, or with the same bytes."""
    numbers: dict[str | Path, int] = {}
    keys = [label.path if label.subject is None else label.subject for label in labels]
    groups = np.array([numbers.setdefault(key, len(numbers)) for key in keys])
    copies = same_bytes([label.path for label in labels])
    for indices in copies:
        groups[np.isin(groups, groups[indices])] = groups[indices[0]]
    if count := sum(len(indices) - 1 for indices in copies):
        print(f"warning: {count} photos have the same bytes as another one of the table")
    return groups
