"""Apparent ages: means of people's guesses, with their standard deviation as sigma.

ChaLearn LAP 2015 and 2016 (Escalera et al., ICCVW 2015 and CVPRW 2016): ten guesses or more each.
APPA-REAL (Agustsson et al., FG 2017): about 38.
"""

from pathlib import Path

from tinydldl.datasets.base import Options, Parts, Photos, find_folder, join
from tinydldl.datasets.table import Table


def chalearn15(options: Options) -> Parts:
    """{"train", "valid"}, from `chalearn15/Train` and `Valid`: the test labels are not public."""
    root = options.data_dir / "chalearn15"
    return {p: chalearn(root / p.title(), root / f"{p}15_gt.csv") for p in ("train", "valid")}


def chalearn16(options: Options) -> Parts:
    """{"train", "test"}: `Train` and `Valid` together, as the paper trains, and `Test`."""
    root, parts = options.data_dir / "chalearn16", ("train", "valid", "test")
    train, valid, test = (chalearn(root / p.title(), root / f"{p}_gt.csv") for p in parts)
    return {"train": join(train, valid), "test": test}


def chalearn(folder: Path, table: Path) -> Photos:
    """A part; the columns of its table are name, age and sigma, in this order."""
    folder = find_folder(folder, "the photos")
    return Table.read(table).photos(folder.joinpath, photo=0, age=1, sigma=2)


def appa_real(options: Options) -> Parts:
    """{"train", "valid", "test"}, from the folders in `appa-real` with these names."""
    root = find_folder(options.data_dir / "appa-real", "the unpacked archive")
    parts = ("train", "valid", "test")
    return {p: appa_real_part(root / p, root / f"gt_avg_{p}.csv") for p in parts}


def appa_real_part(folder: Path, averages: Path) -> Photos:
    """A part: of a photo `000000.jpg` the upright crop `000000.jpg_face.jpg`, if there is one."""
    folder, table = find_folder(folder, "the photos"), Table.read(averages)
    crops = {path.name.removesuffix("_face.jpg"): path for path in folder.glob("*_face.jpg")}
    columns = {"photo": "file_name", "age": "apparent_age_avg", "sigma": "apparent_age_std"}
    return table.photos(lambda name: crops.get(name, folder / name), **columns)
