"""The distribution and the map in a browser, against what the library says."""

import re

import numpy as np
import pytest
from helpers.browser import people, reading

from tinydldl.explain.saliency import Maps, under_squares

pytestmark = pytest.mark.browser


def test_values_under_the_pointer(browser, choice, astronaut):
    browser.upload(astronaut)
    (person,) = people(choice, astronaut)
    most = int(person.p_hat.argmax())
    assert browser.text("reading").startswith(f"Most probable is {reading(person, most)}.")
    chart, bars = browser.find("chart"), browser.all("#chart .bar")
    assert len(bars) == 101
    for k in (0, 33, most, 100):
        left, _, width, _ = browser.frame(bars[k])
        chart_left, _, chart_width, _ = browser.frame(chart)
        from_middle = round(left + width / 2 - chart_left - chart_width / 2)
        browser.actions().move_to_element_with_offset(chart, from_middle, 0).perform()
        assert browser.text("reading") == reading(person, k)
    browser.actions().move_to_element(browser.find("title")).perform()
    assert browser.text("reading").startswith("Most probable is ")


def test_the_bars_are_the_distribution(browser, choice, astronaut):
    browser.upload(astronaut)
    (person,) = people(choice, astronaut)
    heights = [float(bar.get_attribute("height")) for bar in browser.all("#chart .bar")]
    np.testing.assert_allclose(heights / np.sum(heights), person.p_hat, atol=1e-5)
    x = [float(bar.get_attribute("x")) for bar in browser.all("#chart .bar")]
    step, wide = x[1] - x[0], float(browser.all("#chart .bar")[0].get_attribute("width"))
    (line,), (near,) = browser.all("#chart .mean"), browser.all("#chart .near")
    place = (float(line.get_attribute("x1")) - x[0] - wide / 2) / step
    assert place == pytest.approx(person.y_hat, abs=0.01)
    ends = np.clip([person.y_hat - person.spread, person.y_hat + person.spread], 0, 100)
    assert float(near.get_attribute("width")) == pytest.approx(np.ptp(ends) * step, abs=0.05)
    assert f"expectation {person.y_hat:.1f}" in browser.text("chart")


def test_the_map_over_the_face(browser, choice, astronaut):
    browser.upload(astronaut)
    assert not browser.find("map").is_displayed()
    browser.find("heat").click()
    assert browser.find("map").is_displayed()
    years = map_of(choice, astronaut)
    assert (years > 0).any()
    assert (years < 0).any()
    squares = browser.all("#map rect:not(.mark)")
    assert len(squares) == years.size == 256
    for k in (0, 15, 37, 240, years.argmax(), years.argmin()):
        red, _, blue = map(int, re.findall(r"\d+", squares[k].value_of_css_property("fill")))
        assert (red > blue) == (years[k] > 0)
        strength = float(squares[k].get_attribute("opacity"))
        assert strength == pytest.approx(0.8 * abs(years[k]) / np.abs(years).max(), abs=1e-3)
    browser.find("heat").click()
    assert not browser.find("map").is_displayed()


def test_values_of_the_map(browser, choice, astronaut):
    """What lies in a square of a quarter of the side, around the place that is pointed at."""
    browser.upload(astronaut)
    browser.find("heat").click()
    years = map_of(choice, astronaut)
    square = browser.all("#map rect:not(.mark)")[16 * 5 + 9]
    browser.actions().move_to_element(square).perform()
    assert browser.text("spot") == f"row 6, column 10: {signed(years[16 * 5 + 9])} years"
    left, top, width, height = browser.frame(browser.find("seen"))
    place = [left + 9 / 16 * width, top + 5 / 16 * height, width / 16, height / 16]
    np.testing.assert_allclose(browser.frame(square), place, atol=0.5)
    mark = browser.find("map").find_element("css selector", ".mark")
    quarter = [left + 7.5 / 16 * width, top + 3.5 / 16 * height, width / 4, height / 4]
    np.testing.assert_allclose(browser.frame(mark), quarter, atol=2)  # with its line


def map_of(choice, path):
    """The map of a photo's only face, row by row: (256,)."""
    (person,) = people(choice, path)
    maps = Maps(choice.network, np.asarray(person.view)[None])
    return under_squares(maps.of_expectation()[0], 64).ravel()


def signed(years):
    return f"{years:+.1f}".replace("-", "\N{MINUS SIGN}")
