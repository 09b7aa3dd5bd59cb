"""The page in a browser, for tests: what a person does and sees there, and what should be seen."""

import time

from tinydldl.faces import detect
from tinydldl.images import open_photo
from tinydldl.predict.portraits import portraits


class Browser:
    """What a person does at the page, and sees there."""

    def __init__(self, driver, port, query=""):
        from selenium.webdriver import ActionChains, Keys

        self.driver, self.keys = driver, Keys
        self.address = f"http://127.0.0.1:{port}/{query}"
        self.actions = lambda: ActionChains(driver, duration=0)
        self.open()

    def open(self, width=1280, height=900, scheme="light"):
        """The page anew, in a window of this size."""
        self.command("Emulation.setEmulatedMedia", features=[scheme_of(scheme)])
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        self.driver.get(self.address)

    def command(self, name, **arguments):
        return self.driver.execute_cdp_cmd(name, arguments)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, name):
        return self.driver.find_element("id", name)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def text(self, name):
        """What is to be seen of an element: '' if it is hidden."""
        return self.find(name).text

    def frame(self, element):
        """Where an element is: left, top, width and height, in pixels of the window."""
        frame = self.run("return arguments[0].getBoundingClientRect()", element)
        return [frame[side] for side in ("left", "top", "width", "height")]

    def upload(self, path):
        self.find("file").send_keys(str(path))
        self.wait()

    def wait(self):
        """Until the answer is there. (The page is busy from the moment that it has a photo.)"""
        self.until(lambda: not self.all("body.busy"))

    def until(self, holds, seconds=60):
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "the page did not do it in time"
            time.sleep(0.02)

    def press(self, *keys):
        self.actions().send_keys(*keys).perform()

    def focused(self):
        return self.driver.switch_to.active_element

    def complaints(self):
        """What the console of the browser says, and forgets."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


def scheme_of(value):
    return {"name": "prefers-color-scheme", "value": value}


def people(choice, path, whole=False):
    """What the library says of a photo."""
    image = open_photo(path)
    faces = [None] if whole else sorted(detect(image), key=lambda face: face.box[0])
    return portraits(choice.network, image, faces, choice.crop)


def reading(person, k):
    """What the chart says of the age k."""
    p = person.p_hat[k]
    return f"{k} years: " + ("less than 0.1%" if p < 0.0005 else f"{100 * p:.1f}%")
