"""Aligned crops beside the photos of a set, as `python -m tinydldl.datasets NAME --align` makes."""

from dataclasses import replace

FOLDER = "aligned"  # in the folder of the photos
RAW = ("chalearn15", "chalearn16", "morph", "appa-real")  # sets that ship photos not yet aligned


def crop_of(path):
    """Where the aligned crop of a photo belongs."""
    return path.parent / FOLDER / path.name


def prefer(photos):
    """The same `Photos`, each in its aligned crop where that exists."""
    paths = [crop if (crop := crop_of(path)).is_file() else path for path in photos.paths]
    return replace(photos, paths=paths)


def warning(name, parts):
    """A sentence for the screen if a set that ships raw photos has none aligned, else None."""
    aligned = any(path.parent.name == FOLDER for p in parts.values() for path in p.paths)
    if name not in RAW or aligned:
        return None
    return (
        f"the photos of {name} are not aligned, and networks learn much better from faces that "
        f"are: python -m tinydldl.datasets {name} --align"
    )
