"""What the tests of faces share: a portrait, and whether the trained weights are there."""

import pytest
from helpers.photos import PORTRAIT

from tinydldl.images import open_photo


@pytest.fixture(scope="session")
def portrait():
    return open_photo(PORTRAIT)
