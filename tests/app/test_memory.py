"""The server takes 300 MB at most beside what it holds when idle, whatever the photos."""

import io
import re
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.server import estimate, refused
from PIL import Image

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
            process.port = int(re.search(r":(\d+) ", line)[1])
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


def jpeg(width, height, scans=False):
    """A gray JPEG in one scan, or in one for each color. Width and height divide by 8.

    Each block is flat and the same as the last: 00 1010, then 00 00 for both other colors.
    """
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", subsampling=0)
    head = bytearray(file.getvalue()[: file.getvalue().index(b"\xff\xda")])
    size = head.index(b"\xff\xc0") + 5
    head[size : size + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    colors = [(1, 0x00), (2, 0x11), (3, 0x11)]
    parts = [[color] for color in colors] if scans else [colors]
    for part in parts:
        code = "".join("001010" if color == 1 else "0000" for color, _ in part)
        four = int(4 * code, 2).to_bytes(len(code) // 2, "big")  # blocks
        names = bytes(byte for color in part for byte in color)
        head += bytes([0xFF, 0xDA, 0, 6 + len(names), len(part), *names, 0, 63, 0])
        head += four * (width * height // 256)
    return bytes(head) + b"\xff\xd9"


def saved(width, height, format, **options):
    with Image.open(ASTRONAUT) as image, io.BytesIO() as file:
        image.convert("RGB").resize((width, height)).save(file, format, **options)
        return file.getvalue()


PHOTOS = {
    "PNG of 88 megapixels": (lambda: png(*LARGE), 422),
    "JPEG of 88 megapixels": (lambda: jpeg(*LARGE), 200),
    "JPEG of 88 megapixels, scan by scan": (lambda: jpeg(*LARGE, scans=True), 422),
    "WebP of 9 megapixels": (lambda: saved(3500, 2600, "WEBP", method=0), 200),
    "JPEG of a phone": (lambda: saved(4032, 3024, "JPEG", quality=95), 200),
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
    assert memory(app, "VmRSS") - app.idle < 100e6
