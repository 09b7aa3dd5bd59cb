"""ChaLearn LAP: folders and tables of name, age, sigma; 2016 trains on Train and Valid together."""

import re

import pytest

from tinydldl.datasets import Options, load

# {edition: ({folder and table: rows}, {part: (photo, age, sigma) of each})}
EDITIONS = {
    "chalearn15": (
        {"Train/train15": "2.jpg;31.5;4.25\n1.jpg;20;3", "Valid/valid15": "i,age,s\n3.jpg,44.1,5"},
        {"train": [("Train/1", 20, 3), ("Train/2", 31.5, 4.25)], "valid": [("Valid/3", 44.1, 5)]},
    ),
    "chalearn16": (
        {
            "Train/train": "image,mean,stdv\n1.jpg,10.5,1",
            "Valid/valid": "image,mean,stdv\n2.jpg,20.5,2",
            "Test/test": "image,mean,stdv\n3.jpg,30.5,3",
        },
        {"train": [("Train/1", 10.5, 1), ("Valid/2", 20.5, 2)], "test": [("Test/3", 30.5, 3)]},
    ),
}


@pytest.mark.parametrize("capital", [False, True])
@pytest.mark.parametrize("edition", EDITIONS)
def test_parts_in_the_order_of_their_names(edition, capital, put_photo, put_table, tmp_path):
    """Also where the name of a table has a capital letter."""
    tables, expected = EDITIONS[edition]
    for path, rows in tables.items():
        folder, name = path.split("/")
        put_table(f"{edition}/{name.capitalize() if capital else name}_gt.csv", rows)
        for photo in re.findall(r"\d.jpg", rows):
            put_photo(f"{edition}/{folder}/{photo}")
    found = {}
    for part, photos in load(edition, Options(tmp_path)).items():
        names = [f"{path.parent.name}/{path.stem}" for path in photos.paths]
        found[part] = list(zip(names, photos.ages, photos.sigmas, strict=True))
    assert list(found.items()) == list(expected.items())
