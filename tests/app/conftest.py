"""What the tests of the page share: networks that nobody trained, photos, and a server."""

import io
import shutil

import pytest
from helpers.networks import save_network
from helpers.server import serving
from matplotlib import cbook
from PIL import Image

from tinydldl import trained
from tinydldl.app import Choice


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
    """The bytes of Grace Hopper's, 512 x 600 pixels: U.S. Navy, public domain; of Matplotlib."""
    with cbook.get_sample_data("grace_hopper.jpg") as file, io.BytesIO() as copy:
        shutil.copyfileobj(file, copy)
        return copy.getvalue()


@pytest.fixture(scope="session")
def gradient():
    """The bytes of a photo without a face."""
    return as_png(Image.linear_gradient("L").resize((300, 200)))


def as_png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
