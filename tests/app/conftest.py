"""What the tests of the page share: networks that nobody trained, photos, and a server."""

import pytest
from helpers.networks import save_network
from helpers.photos import PORTRAIT, encoded
from helpers.server import serving
from PIL import Image

from tinydldl import trained
from tinydldl.app.estimate import Choice


@pytest.fixture(scope="session")
def choice(tmp_path_factory):
    """A network that nobody trained, and a name to be escaped."""
    folder = tmp_path_factory.mktemp("networks")
    save_network(folder / "mine", side=40)
    return Choice("mine <network>", trained.load(folder / "mine"), "utkface")


@pytest.fixture
def server(choice):
    with serving(choice) as running:
        yield running


@pytest.fixture(scope="session")
def portrait():
    """Its bytes: 512 x 600 pixels."""
    return PORTRAIT.read_bytes()


@pytest.fixture(scope="session")
def gradient():
    """The bytes of a photo without a face."""
    return encoded(Image.linear_gradient("L").resize((300, 200)))
