"""Your own photos: any folder, and a table of paths, ages and, if you have them, sigmas."""

from tinydldl.datasets.base import DataError, random_split, read_table

PHOTO = ("path", "image", "photo", "file", "filename", "file_name", "name")
AGE = ("age", "age_avg", "apparent_age_avg", "mean")
SIGMA = ("sigma", "std", "stdv", "stdev", "age_std", "apparent_age_std")


def load(options):
    """{"train", "valid"}: a random 80 : 20 split of the photos in `options.table`.

    The header names the columns, one of `PHOTO`, `AGE` and, if there is one, `SIGMA`; paths are
    relative to the folder of the table. Without a sigma column every photo has `options.sigma`.
    """
    if options.table is None:
        raise DataError("no table, expected --table with the path of one (see data/README.md)")
    table = read_table(options.table)
    photos = table.photos(
        lambda name: table.path.parent / name,
        name=table.need_column("photo", *PHOTO),
        age=table.need_column("age", *AGE),
        sigma=table.column(*SIGMA),
        default_sigma=options.sigma,
    )
    train, valid = random_split(photos, 0.8, options.seed)
    return {"train": train, "valid": valid}
