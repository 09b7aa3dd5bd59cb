"""ChaLearn LAP 2016: the second, larger edition of the apparent ages (Escalera, CVPRW 2016).

The tables have the columns of the first edition, named image, mean, stdv.
"""

from tinydldl.datasets.base import Options, Parts, join
from tinydldl.datasets.chalearn15 import read_part


def load(options: Options) -> Parts:
    """{"train", "test"}: `Train` and `Valid` together, as the paper trains, and `Test`."""
    root = options.data_dir / "chalearn16"
    train = read_part(root / "Train", root / "train_gt.csv")
    valid = read_part(root / "Valid", root / "valid_gt.csv")
    test = read_part(root / "Test", root / "test_gt.csv")
    return {"train": join(train, valid), "test": test}
