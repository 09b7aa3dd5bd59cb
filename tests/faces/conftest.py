"""What the tests of faces share: a portrait, and whether the trained weights are there."""

import pytest
from matplotlib import cbook

from tinydldl.faces import WeightsError, open_photo, weights


@pytest.fixture(scope="session")
def trained():
    """Skips the test where the trained weights are not installed."""
    try:
        weights.locate("mtcnn")
    except WeightsError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def portrait():
    """A photo of 512 x 600 pixels that comes with Matplotlib: Grace Hopper, U.S. Navy, public
    domain."""
    return open_photo(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
