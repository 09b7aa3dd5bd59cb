"""ChaLearn LAP 2016: the larger second edition of the apparent ages (Escalera, CVPRW 2016).

The tables have the columns of the first edition, under the names image, mean, stdv.
"""

from tinydldl.datasets.base import join
from tinydldl.datasets.chalearn15 import read_part


def load(options):
    """{"train", "test"}: trained on `Train` and `Valid` together, as the paper does."""
    root = options.data_dir / "chalearn16"
    train = read_part(root / "Train", root / "train_gt.csv")
    valid = read_part(root / "Valid", root / "valid_gt.csv")
    test = read_part(root / "Test", root / "test_gt.csv")
    return {"train": join(train, valid), "test": test}
