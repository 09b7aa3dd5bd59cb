"""Photos for tests: of random pixels, with a table, a portrait, and the bytes of files."""

import io
from pathlib import Path

import numpy as np
from matplotlib import cbook
from PIL import Image

# Grace Hopper, 512 x 600 pixels: U.S. Navy, public domain; it comes with Matplotlib.
PORTRAIT = Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
# Marked by hand in it: eyes, nose and corners of the mouth; good to about 4 pixels.
LANDMARKS = np.array([[222, 190], [306, 186], [267, 235], [232, 282], [303, 278]], dtype=float)


def random_photo(rng, width, height=None):
    """Random pixels, a square of them unless a height is given."""
    return Image.fromarray(rng.integers(0, 256, (height or width, width, 3), dtype=np.uint8))


def put_photos(folder, count, rng, width=40, height=None):
    """Write 0.png, 1.png, ... of random pixels; returns their paths."""
    paths = [Path(folder, f"{i}.png") for i in range(count)]
    for path in paths:
        random_photo(rng, width, height).save(path)
    return paths


def put_table(path, ages, sigmas=None):
    """Write a table for 0.png, 1.png, ... beside it; returns its path."""
    rows = [("path", "age"), *((f"{i}.png", age) for i, age in enumerate(ages))]
    if sigmas is not None:
        rows = [(*row, end) for row, end in zip(rows, ["sigma", *sigmas], strict=True)]
    Path(path).write_text("\n".join(",".join(map(str, row)) for row in rows))
    return path


def group_of(person, *places, size=(900, 500)):
    """A photo with a person at several places, each the left edge and the height."""
    group = Image.new("RGB", size, (120, 140, 160))
    for left, height in places:
        group.paste(person.resize((height * 512 // 600, height)), (left, 10))
    return group


def encoded(image, format="PNG", **options):
    """The bytes of an image in a file."""
    with io.BytesIO() as file:
        image.save(file, format, **options)
        return file.getvalue()


def gray_jpeg(width, height, scans=False):
    """The bytes of a gray JPEG that is not progressive, in one scan, or in one for each color.

    Each block is flat and the same as the last: 00 1010, then 00 00 for both other colors.
    """
    start = encoded(Image.new("RGB", (8, 8)), "JPEG", subsampling=0)
    head = bytearray(start[: start.index(b"\xff\xda")])
    size = head.index(b"\xff\xc0") + 5
    head[size : size + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    colors = [(1, 0x00), (2, 0x11), (3, 0x11)]
    blocks = -(-width // 8) * -(-height // 8)
    for part in [[color] for color in colors] if scans else [colors]:
        code = "".join("001010" if color == 1 else "0000" for color, _ in part) * blocks
        code += "1" * (-len(code) % 8)
        names = bytes(byte for color in part for byte in color)
        head += bytes([0xFF, 0xDA, 0, 6 + len(names), len(part), *names, 0, 63, 0])
        head += int(code, 2).to_bytes(len(code) // 8, "big")
    return bytes(head) + b"\xff\xd9"
