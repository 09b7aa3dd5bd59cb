"""A photo in, an answer out, in a browser. Run by `make test ARGS="-m browser"`."""

import base64

import numpy as np
import pytest
from helpers.browser import Browser, people
from helpers.networks import save_network
from helpers.server import serving

from tinydldl import trained
from tinydldl.app.estimate import Choice
from tinydldl.app.server import MEGABYTES
from tinydldl.faces import detect
from tinydldl.images import open_photo

pytestmark = pytest.mark.browser


def test_one_face(browser, choice, astronaut):
    browser.upload(astronaut)
    (person,) = people(choice, astronaut)
    assert browser.text("title") == "Estimated apparent age"
    assert browser.text("age") == f"{person.y_hat:.1f}"
    assert browser.text("spread").startswith(f"give or take {person.spread:.1f} years")
    (box,) = browser.all(".box")
    assert box.text == f"{person.y_hat:.0f}"
    assert box.get_attribute("aria-label") == f"Face 1 of 1: {person.y_hat:.0f} years"
    assert not browser.find("offer").is_displayed()


def test_the_box_is_around_the_face(browser, astronaut):
    browser.upload(astronaut)
    photo, box = browser.frame(browser.find("photo")), browser.frame(browser.all(".box")[0])
    (face,) = detect(open_photo(astronaut))
    left, top, right, bottom = face.box * photo[2] / 512
    expected = [photo[0] + left, photo[1] + top, right - left, bottom - top]
    np.testing.assert_allclose(box, expected, atol=1)


def test_the_chosen_of_two_faces(browser, choice, photos):
    browser.upload(photos / "two.png")
    ages = [f"{person.y_hat:.1f}" for person in people(choice, photos / "two.png")]
    assert len(set(ages)) == 2
    for number, (box, age) in enumerate(zip(browser.all(".box"), ages, strict=True), start=1):
        box.click()
        assert browser.text("age") == age
        assert browser.text("title") == f"Face {number} of 2: estimated apparent age"
        pressed = [box.get_attribute("aria-pressed") for box in browser.all(".box")]
        assert pressed == ["true" if k == number else "false" for k in (1, 2)]


@pytest.fixture
def one_number(driver, tmp_path):
    """The page with a network whose method has neither a distribution nor a map."""
    save_network(tmp_path / "mr", "mr-l1")
    choice = Choice("mr", trained.load(tmp_path / "mr"), "utkface")
    with serving(choice) as server:
        yield Browser(driver, server.port), choice
        driver.get("about:blank")  # so that no connection is left open


def test_a_method_with_one_number(one_number, astronaut):
    browser, choice = one_number
    browser.upload(astronaut)
    (person,) = people(choice, astronaut)
    assert browser.text("age") == f"{person.y_hat:.1f}"
    assert browser.text("spread") == "This network's method gives one number, and no distribution."
    assert browser.text("mapless") == "This network's method has no map of its estimate."
    assert not browser.find("chart").is_displayed()
    assert not browser.find("heat").is_displayed()


def test_no_face_and_the_whole_photo_instead(browser, choice, photos):
    browser.upload(photos / "sky.png")
    assert browser.text("note") == "No face was found in this photo."
    assert not browser.find("face").is_displayed()
    browser.find("whole").click()
    browser.wait()
    (person,) = people(choice, photos / "sky.png", whole=True)
    assert browser.text("age") == f"{person.y_hat:.1f}"
    assert not browser.find("offer").is_displayed()
    assert browser.all(".box") == []


def test_a_text_is_no_photo(browser, astronaut, photos):
    browser.upload(photos / "words.jpg")
    sentence = "This file cannot be used: not a photo that can be read; expected JPEG, PNG, WebP, "
    assert browser.text("error").startswith(sentence)
    assert not browser.find("result").is_displayed()
    browser.upload(astronaut)  # and on it goes
    assert browser.text("error") == ""
    assert browser.find("result").is_displayed()
    (complaint,) = browser.complaints()  # the browser's own about the answer, nothing else
    assert "422" in complaint


TRANSFER = """
    const [kind, name, data] = arguments;
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name));
    const options = { bubbles: true, cancelable: true };
    document.body.dispatchEvent(kind === "paste"
      ? new ClipboardEvent(kind, { ...options, clipboardData: transfer })
      : new DragEvent(kind, { ...options, dataTransfer: transfer }));
"""


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_dropped_or_pasted(browser, choice, astronaut, kind):
    data = base64.b64encode(astronaut.read_bytes()).decode()
    browser.run(TRANSFER, kind, "photo.jpg", data)
    browser.wait()
    (person,) = people(choice, astronaut)
    assert browser.text("age") == f"{person.y_hat:.1f}"


def test_the_camera(browser):
    """Chromium has one that shows no face."""
    browser.find("camera").click()
    browser.until(lambda: browser.run("return document.querySelector('video').videoWidth"))
    browser.run("window.before = document.querySelector('video').srcObject")
    browser.find("camera").click()  # once more
    ended = "return before.getTracks().every((track) => track.readyState === 'ended')"
    browser.until(lambda: browser.run(ended))
    browser.until(lambda: browser.run("return document.querySelector('video').videoWidth"))
    browser.find("shoot").click()
    browser.until(lambda: browser.text("note") == "No face was found in this photo.")
    assert browser.run("return document.querySelector('video').srcObject") is None  # it is off


def test_a_dropped_photo_turns_the_camera_off(browser, choice, astronaut):
    browser.find("camera").click()
    browser.until(lambda: browser.run("return document.querySelector('video').srcObject"))
    browser.run(TRANSFER, "drop", "photo.jpg", base64.b64encode(astronaut.read_bytes()).decode())
    browser.wait()
    (person,) = people(choice, astronaut)
    assert browser.text("age") == f"{person.y_hat:.1f}"
    assert browser.run("return document.querySelector('video').srcObject") is None


def test_for_others_by_a_token(driver, choice, astronaut):
    with serving(choice, "a-token") as server:
        browser = Browser(driver, server.port, "?token=a-token")
        browser.upload(astronaut)
        (person,) = people(choice, astronaut)
        assert browser.text("age") == f"{person.y_hat:.1f}"
        assert "unencrypted" in browser.text("far")
        assert not browser.find("near").is_displayed()
        driver.get("about:blank")  # so that no connection is left open
        assert not browser.complaints()


def test_a_photo_that_is_too_large(browser, tmp_path):
    """The page says so by itself, and nothing is sent."""
    (tmp_path / "large.png").write_bytes(bytes(MEGABYTES * 10**6 + 1))
    browser.upload(tmp_path / "large.png")
    assert browser.text("error") == "A photo may have 20 MB at most."
