"""Photos and tables on disk, laid out as the real sets are, small and drawn on the spot."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def put_photo(tmp_path):
    """put_photo("chalearn15/Train/a.jpg"): a photo below tmp_path, each one different."""
    made = []

    def put(name, size=16):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(len(made)).integers(0, 256, (size, size, 3), dtype=np.uint8)
        made.append(path)
        Image.fromarray(pixels).save(path)
        return path

    return put


@pytest.fixture
def put_table(tmp_path):
    """put_table("chalearn15/train15_gt.csv", "a.jpg,20,3"): a text file below tmp_path."""

    def put(name, text, encoding="utf-8"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return path

    return put


@pytest.fixture(scope="session")
def by_name():
    """by_name(parts): `{file name: (age, sigma)}` of all photos of a data set."""
    return lambda parts: {
        path.name: (age, sigma)
        for photos in parts.values()
        for path, age, sigma in zip(photos.paths, photos.ages, photos.sigmas, strict=True)
    }
