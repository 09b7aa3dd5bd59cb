"""UTKFace: ages in file names, some of them odd, and a split by the hash of the name."""

import hashlib

import pytest

from tinydldl.datasets import Options, load
from tinydldl.datasets.named import part_of

# Ordinary names, and the odd ones of the public archive: no race, a space, no dot.
NAMES = [
    "1_0_0_20161219140623097.jpg.chip.jpg",
    "100_0_0_20170112213500903.jpg.chip.jpg",
    "24_0_1_20170116220224657 .jpg.chip.jpg",
    "26_1_3_20170104235534543.jpg.chip.jpg",
    "39_1_20170116174525125.jpg.chip.jpg",
    "55_0_0_20170116232725357jpg.chip.jpg",
    "61_1_20170109142408075.jpg.chip.jpg",
    "61_1_20170109150557335.jpg.chip.jpg",
    "9_1_4_20170103213057382.jpg.chip.jpg",
]
AGES = [1, 100, 24, 26, 39, 55, 61, 61, 9]


@pytest.mark.parametrize("folder", ["utkface/UTKFace", "UTKFace"])
def test_both_places(folder, put_photo, by_name, tmp_path):
    for name in NAMES:
        put_photo(f"{folder}/{name}")
    parts = load("utkface", Options(tmp_path, sigma=3.0))
    assert list(parts) == ["train", "valid", "test"]
    assert by_name(parts) == {n: (age, 3.0) for n, age in zip(NAMES, AGES, strict=True)}
    for photos in parts.values():
        assert photos.paths == sorted(photos.paths)
        assert {path.parent for path in photos.paths} <= {tmp_path / folder}


def test_parts_follow_the_hash_of_the_name(put_photo, tmp_path):
    for name in NAMES:
        put_photo(f"UTKFace/{name}")
    expected = {"train": [], "valid": [], "test": []}
    for name in sorted(NAMES):
        last_digit = str(int(hashlib.sha256(name.encode("utf-8")).hexdigest(), 16))[-1]
        expected[{"0": "test", "1": "valid"}.get(last_digit, "train")].append(name)
    parts = load("utkface", Options(tmp_path))
    assert {part: [p.name for p in photos.paths] for part, photos in parts.items()} == expected


@pytest.mark.parametrize(
    ("name", "part"),
    [  # b = 0, 1, 6 by `printf %s NAME | sha256sum`
        ("4_0_0_20170116000000004.jpg.chip.jpg", "test"),
        ("2_0_0_20170116000000002.jpg.chip.jpg", "valid"),
        ("0_0_0_20170116000000000.jpg.chip.jpg", "train"),
    ],
)
def test_parts_never_move(name, part):
    assert part_of(name) == part


def test_a_part_may_be_empty(put_photo, tmp_path):
    put_photo("UTKFace/4_0_0_20170116000000004.jpg.chip.jpg")
    parts = load("utkface", Options(tmp_path))
    assert {part: len(photos) for part, photos in parts.items()} == {"test": 1}
