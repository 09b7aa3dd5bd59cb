"""MORPH Album 2: police photos of adults, several for most people (Ricanek, Tesafaye, FG 2006).

The labels are true ages without a sigma. A file name gives the person and the age: 009055_1M54.JPG
is photo 1 of subject 009055, male, aged 54.
"""

from tinydldl.datasets import base
from tinydldl.datasets.base import Options, Parts, Photos, age_in, find, find_folder
from tinydldl.datasets.table import Table


def load(options: Options) -> Parts:
    """{"train", "test"}: 80 : 20 at random, by photo or (`options.split`) by subject.

    By photo, most people in the test part were seen in training, at other ages, and the error is
    smaller than with disjoint subjects. The paper, like most, splits by photo.
    """
    root = options.data_dir / "morph"
    album = find_folder(root / "Album2", "the photos")
    table = find(root / "MORPH_2008_nonCommercial.csv")
    if table is None:
        files, pattern = base.need_images(album), r"[MF](\d\d)\.\w+$"  # two digits after M or F
        ages = [age_in(path, pattern, "009055_1M54.JPG") for path in files]
        photos = Photos.of(
            (path, age, options.sigma) for path, age in zip(files, ages, strict=True)
        )
    else:
        rows = Table.read(table)  # its photos are named Album2/009055_1M54.JPG
        photos = rows.photos(
            lambda name: album / name.rpartition("/")[2],
            name=rows.need_column("photo", "photo"),
            age=rows.need_column("age", "age"),
            default_sigma=options.sigma,
        )
    subjects = [path.name.partition("_")[0] for path in photos.paths]
    groups = subjects if options.split == "subject" else None
    train, test = base.random_split(photos, 0.8, options.seed, groups)
    return {"train": train, "test": test}
