"""What the tests of faces share: a portrait, and whether the trained weights are there."""

import pytest
from matplotlib import cbook

from tinydldl.images import open_photo


@pytest.fixture(scope="session")
def portrait():
    """A photo of 512 x 600 pixels that comes with Matplotlib: Grace Hopper, U.S. Navy, public
    domain."""
    return open_photo(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
