"""What the server takes beside what it holds when idle: 300 MB for four photos at once, whatever
they are, and 700 MB for all the photos that may arrive at once.
"""

import re
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from helpers.commands import wait_until
from helpers.photos import encoded, gray_jpeg
from helpers.server import connect, estimate, refused
from PIL import Image

from tinydldl.app.server import CONNECTIONS

LARGE = (11_000, 8_000)  # 88 million pixels
ASTRONAUT = Path(__file__).parents[2] / "docs" / "astronaut.jpg"

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="/proc says how much memory a process has"
)


@pytest.fixture(scope="module")
def app():
    """The command in a process of its own, with the network that ships."""
    command = [sys.executable, "-m", "tinydldl.app", "--port", "0"]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as process:
        try:
            line = next(line for line in process.stdout if line.startswith("page"))
            process.port = int(re.search(r":(\d+)/", line)[1])
            process.idle = memory(process, "VmRSS")
            yield process
        finally:
            process.kill()


def memory(process, name):
    """VmRSS, what a process has, or VmHWM, the most that it had: bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024


def png(width, height):
    """A transparent PNG, a hundred rows at a time: Pillow would take a while, and 350 MB."""
    packer = zlib.compressobj(6)
    rows = [packer.compress(bytes(100 * (1 + 4 * width))) for _ in range(height // 100)]

    def chunk(name, data):
        check = zlib.crc32(name + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + name + data + check

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 6, 0, 0, 0])
    data = chunk(b"IDAT", b"".join(rows) + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


def resized(width, height, format, **options):
    with Image.open(ASTRONAUT) as image:
        return encoded(image.convert("RGB").resize((width, height)), format, **options)


PHOTOS = {
    "PNG of 88 megapixels": (lambda: png(*LARGE), 422),
    "JPEG of 88 megapixels": (lambda: gray_jpeg(*LARGE), 200),
    "JPEG of 201 megapixels": (lambda: gray_jpeg(16384, 12288), 200),
    "JPEG of 88 megapixels, scan by scan": (lambda: gray_jpeg(*LARGE, scans=True), 422),
    "WebP of 9 megapixels": (lambda: resized(3500, 2600, "WEBP", method=0), 200),
    "JPEG of a phone": (lambda: resized(4032, 3024, "JPEG", quality=95), 200),
}


@pytest.mark.parametrize("name", PHOTOS)
def test_four_photos_at_once(app, name):
    make, status = PHOTOS[name]
    photo, query = make(), "" if "phone" in name else "whole=1"
    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(lambda _: estimate(app, photo, query), range(4)))
    assert [code for code, _, _ in answers] == [status] * 4
    if status == 422:
        assert refused(answers[0], 422, "88 million pixels, expected 12.6 at most")
    assert memory(app, "VmHWM") - app.idle < 300e6


def test_what_was_refused_is_not_kept(app):
    for _ in range(20):
        assert estimate(app, bytes(20 * 10**6))[0] == 422
    wait_until(lambda: memory(app, "VmRSS") - app.idle < 60e6)


def test_all_that_may_arrive_at_once(app):
    """One byte is missing of each photo."""
    head = b"POST /estimate HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (20 * 10**6)
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            client = stack.enter_context(connect(app))
            client.sendall(head + bytes(20 * 10**6 - 1))
        wait_until(lambda: memory(app, "VmRSS") - app.idle > CONNECTIONS * 19e6)
        assert memory(app, "VmHWM") - app.idle < 700e6
    wait_until(lambda: memory(app, "VmRSS") - app.idle < 60e6)
