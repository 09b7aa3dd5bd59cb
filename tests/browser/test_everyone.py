"""The page by keyboard, for a screen reader, on a phone, in the dark, and against intruders."""

import re

import numpy as np
import pytest
from helpers.browser import people, reading

pytestmark = pytest.mark.browser


def test_by_keyboard_alone(browser, choice, astronaut):
    tab, keys = browser.keys.TAB, browser.keys
    browser.press(tab)
    assert stop(browser) == "file"
    browser.focused().send_keys(str(astronaut))  # what the file dialog does
    browser.wait()
    (person,) = people(choice, astronaut)
    stops = []
    for _ in range(4):
        browser.press(tab)
        stops.append(stop(browser))
    assert stops == ["camera", "box", "chart", "heat"]
    browser.actions().key_down(keys.SHIFT).send_keys(tab).key_up(keys.SHIFT).perform()
    k = int(person.p_hat.argmax())
    for key, step in ((keys.ARROW_RIGHT, 1), (keys.PAGE_DOWN, -10), (keys.ARROW_LEFT, -1)):
        browser.press(key)
        k = min(100, max(0, k + step))
        assert browser.text("reading") == reading(person, k)
        assert browser.focused().get_attribute("aria-valuetext") == reading(person, k)
    browser.press(keys.END)
    assert browser.text("reading") == reading(person, 100)
    browser.press(tab, keys.SPACE)
    assert browser.find("map").is_displayed()


def stop(browser):
    """Where the focus is, which must be seen there."""
    element = browser.focused()
    name = element.get_attribute("id") or element.get_attribute("class")
    seen = element if name != "file" else browser.all(".button.strong")[0]
    assert name, "the focus is lost"
    assert seen.value_of_css_property("outline-style") != "none", f"no outline at {name}"
    return name


def test_every_control_has_a_name(browser, photos):
    """As a screen reader gets it from the browser."""
    browser.upload(photos / "two.png")
    browser.find("heat").click()
    roles = {"button", "slider", "checkbox", "image", "textbox"}
    nodes = browser.command("Accessibility.getFullAXTree")["nodes"]
    controls = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in roles
    ]
    assert {role for role, _ in controls} >= {"button", "slider", "checkbox", "image"}
    assert [role for role, name in controls if not name.strip()] == []
    assert len({name for _, name in controls}) == len(controls)  # and each its own


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_does_not_scroll_sideways(browser, photos, width):
    def fits():
        wide = "return [document.documentElement.scrollWidth, window.innerWidth]"
        return browser.run(wide) == [width, width]

    browser.open(width, 800)
    assert fits()
    browser.upload(photos / "two.png")
    browser.find("heat").click()
    assert fits()
    column = [browser.find(name) for name in ("photo", "title", "chart", "view", "legend")]
    tops = [top for _, top, _, _ in map(browser.frame, column)]
    assert tops == sorted(tops)
    browser.upload(photos / "sky.png")
    assert fits()
    browser.run("document.querySelector('h1').textContent = 'x'.repeat(200)")
    assert not fits()  # planted


def luminance(color):
    """Of an rgb(...) color, by WCAG 2."""
    c = np.array([float(part) for part in re.findall(r"[\d.]+", color)[:3]]) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_readable(browser, astronaut, scheme):
    browser.open(scheme=scheme)
    browser.upload(astronaut)
    browser.find("heat").click()
    paper = browser.all("body")[0].value_of_css_property("background-color")
    assert (luminance(paper) > 0.5) == (scheme == "light")
    texts = ("h1", "header p", "#network", "#spread", "#reading", ".scale", "footer p", "#error")
    for selector in texts:
        color = browser.all(selector)[0].value_of_css_property("color")
        assert contrast(color, paper) >= 4.5, selector
    for selector in ("#chart text", "#chart text.name"):
        assert contrast(browser.all(selector)[0].value_of_css_property("fill"), paper) >= 4.5
    for selector in (".strong", "#camera"):
        style = browser.all(selector)[0].value_of_css_property
        assert contrast(style("color"), style("background-color")) >= 4.5, selector


def test_what_gets_into_the_page_by_mistake_does_not_run(browser):
    browser.run("""
        const script = document.createElement("script");
        script.textContent = "document.title = 'planted'";
        document.body.append(script);
    """)
    assert browser.driver.title == "How old does this face look?"
    (complaint,) = browser.complaints()
    assert "Content Security Policy" in complaint
