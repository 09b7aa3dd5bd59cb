"""Chromium, without a window, on the page. Where it is missing, the tests fail."""

import json
import shutil
from pathlib import Path

import pytest
from helpers.browser import Browser
from helpers.networks import save_network
from helpers.server import serving
from PIL import Image

from tinydldl import trained
from tinydldl.app.estimate import Choice

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
)


@pytest.fixture(scope="session")
def choice(tmp_path_factory):
    """A network with a distribution and a map."""
    folder = tmp_path_factory.mktemp("networks")
    save_network(folder / "mine", side=64)
    label = "mine: a network with a rather long name"
    return Choice(label, trained.load(folder / "mine"), "utkface")


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    from selenium import webdriver  # here, since only these tests need it

    options = webdriver.ChromeOptions()
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS.split(), f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = program("chromium", "chromium-browser", "google-chrome")
    service = webdriver.ChromeService(executable_path=program("chromedriver"))
    driver = webdriver.Chrome(options, service)
    yield driver
    driver.quit()


def program(*names):
    """The path of a program by one of its names."""
    found = [path for name in names if (path := shutil.which(name))]
    assert found, f"{names[0]} is missing; on Debian: apt install chromium chromium-driver"
    return found[0]


@pytest.fixture
def browser(driver, choice):
    """The page, just opened. At its end the console must be empty."""
    with serving(choice) as server:
        browser = Browser(driver, server.port)
        yield browser
        complaints = browser.complaints()
        driver.get("about:blank")  # so that no connection is left open
    assert not complaints, json.dumps(complaints, indent=1)


@pytest.fixture(scope="session")
def astronaut():
    """Eileen Collins, 512 x 512 pixels, NASA, public domain: one face."""
    return Path(__file__).parents[2] / "docs" / "astronaut.jpg"


@pytest.fixture(scope="session")
def photos(tmp_path_factory, astronaut):
    """A folder: sky.png without a face, two.png with two, words.jpg that is a text."""
    folder = tmp_path_factory.mktemp("photos")
    Image.linear_gradient("L").resize((600, 400)).save(folder / "sky.png")
    person = Image.open(astronaut)
    two = Image.new("RGB", (900, 520))
    two.paste(person, (0, 0))
    two.paste(person.resize((300, 300)), (560, 100))
    two.save(folder / "two.png")
    (folder / "words.jpg").write_text("hello")
    return folder
