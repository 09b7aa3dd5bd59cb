"""Fuzzing: files and requests that nobody would write, to see whether our readers refuse them.

    pip install atheris
    python tools/fuzz.py checkpoint --seconds 600

A reader may raise a UserError and nothing else, in a bounded time and memory, and writes nothing.
Each kind of finding is printed once, with a command that shows it again, and the run goes on.

What atheris makes up, guided by the lines that run, is not the file but the recipe by which a good
one is spoiled: so it stays short, the members of an archive have their right checksums, and a
change can be one of a number in a JSON text.
"""

import argparse
import contextlib
import io
import re
import resource
import socket
import sys
import tempfile
import threading
import time
import traceback
import warnings
import zipfile
from pathlib import Path

import atheris
import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
ASTRONAUT = ROOT / "docs" / "astronaut.jpg"
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
with atheris.instrument_imports(include=["tinydldl"]):
    import from_pytorch
    from helpers.networks import save_network
    from helpers.torch_files import legacy_file, state_dict, tensor, zip_file

    from tinydldl import datasets, images, models, trained
    from tinydldl.app import server as page
    from tinydldl.app.estimate import MEMORY, Choice
    from tinydldl.app.server import ADDRESS, open_server
    from tinydldl.convert import torch_weights
    from tinydldl.errors import UserError

warnings.simplefilter("ignore")
SECONDS, BYTES = 5, 3 * 10**8  # that reading may take: all inputs here are small
models.CHANNELS["tiny"] = "2 M 3 M"  # so that many are read in a second
NUMBERS = [0, 1, 2, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]
WORDS = """-1 0.5 1e999 -1e999 1e-320 NaN 1e18 99999999999999999999 null true [] {} [[]] "x" 1j <f8
>f4 'O' S9 <M8 c8 (0,) (-1,) (9999999999,) , ; \0 \xe9 " : / .. %00 %ff ? & = HTTP/9.9 Host: HEAD
Content-Length: Transfer-Encoding:"""


def below(recipe, count):
    return recipe.ConsumeIntInRange(0, max(0, count - 1))


def pick(recipe, values):
    return values[below(recipe, len(values))]


def spoil(recipe, data):
    """`data` with up to three changes, more often near its begin, where headers are."""
    for _ in range(below(recipe, 4)):
        begin = below(recipe, min(len(data), pick(recipe, [16, 200, 10**9])) + 1)
        part, end, kind = b"", begin, below(recipe, 5)
        if kind == 0:  # a bit
            end, bit = begin + 1, 1 << below(recipe, 8)
            part = bytes(byte ^ bit for byte in data[begin:end])
        elif kind == 1:  # a part of it once more, or a thousand times
            other = below(recipe, len(data))
            part = data[other : other + 1 + below(recipe, 64)] * pick(recipe, [1, 2, 1000])
        elif kind == 2:  # another number, a length it may be
            end = begin + pick(recipe, [1, 2, 4, 8])
            number = pick(recipe, NUMBERS) % 256 ** (end - begin)
            part = number.to_bytes(end - begin, pick(recipe, ["little", "big"]))
        elif kind == 3:  # another word
            words = [word.span() for word in re.finditer(rb"[\w.+-]+|\W", data[:10_000])]
            begin, end = pick(recipe, words or [(0, 0)])
            part = pick(recipe, WORDS.split()).encode()
        else:  # a part is cut out
            end = below(recipe, len(data) + 1)
        data = data[:begin] + part + data[end:]
    return data


def spoil_file(recipe, data):
    """A file with changes; of an archive mostly those of one member, or of its name."""
    if not data.startswith(b"PK") or not below(recipe, 4):
        return spoil(recipe, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [[name, archive.read(name)] for name in archive.namelist()]
    chosen = pick(recipe, members)
    chosen[1] = spoil(recipe, chosen[1])
    chosen[0] = pick(recipe, [chosen[0]] * 8 + ["other", members[0][0], members[-1][0]])
    with zipfile.ZipFile(file := io.BytesIO(), "w", pick(recipe, [0, 0, 0, 8])) as archive:
        for member in members:  # stored, or packed
            archive.writestr(*member)
    return file.getvalue()


# Targets: each makes good inputs in a folder, and returns a function of a recipe (an atheris
# FuzzedDataProvider) that spoils one and returns the function that reads it.


def checkpoint(folder):
    save_network(folder / "net", "dldl-v2")
    meta, arrays = ((folder / f"net.{kind}").read_bytes() for kind in ("json", "npz"))

    def prepare(recipe):
        (folder / "net.json").write_bytes(spoil(recipe, meta))
        (folder / "net.npz").write_bytes(spoil_file(recipe, arrays))
        return lambda: trained.load(folder / "net")

    return prepare


def torch(folder):
    shapes = {"0.weight": (2, 3, 3, 3), "2.weight": (3, 2, 3, 3), "4.weight": (101, 3)}
    for name in ("weight", "bias", "running_mean", "running_var"):
        shapes |= {f"1.{name}": (2,), f"3.{name}": (3,)}
    shapes = dict(sorted(shapes.items())) | {"4.bias": (101,)}
    arrays = {str(key): np.ones(shape, "f4") for key, shape in enumerate(shapes.values())}
    tensors = [tensor(key, array.size, array.shape) for key, array in arrays.items()]
    items = state_dict(dict(zip(shapes, tensors, strict=True)))
    files = [zip_file(items, arrays), legacy_file(items, arrays)]

    def prepare(recipe):
        (folder / "net.pt").write_bytes(spoil_file(recipe, pick(recipe, files)))
        return lambda: torch_weights.convert(from_pytorch.read(folder / "net.pt").arrays)

    return prepare


def table(folder):
    for name in "abc":
        (folder / f"{name}.jpg").write_text(name)
    rows = 'a.jpg;30;2;train;x\r\n"b.jpg";4,5;3;val;y\r\n'
    texts = [f"\ufeffpath;age;sigma;part;subject\r\n{rows}", "file,age\na.jpg,3\nb.jpg,4.5\n"]

    def prepare(recipe):
        (folder / "table.csv").write_bytes(spoil(recipe, pick(recipe, texts).encode()))
        options = datasets.Options(data_dir=folder, table=folder / "table.csv")
        return lambda: datasets.load("csv", options)

    return prepare


def photo(folder):
    files = []
    for kind in images.FORMATS:
        with Image.open(ASTRONAUT) as image, io.BytesIO() as file:
            image.resize((40, 30)).save(file, kind)
            files.append(file.getvalue())

    def prepare(recipe):
        data = spoil(recipe, pick(recipe, files))
        return lambda: images.open_photo(io.BytesIO(data), memory=MEMORY)

    return prepare


def request(folder):
    page.estimate = lambda choice, data, whole: {"bytes": len(data)}
    server = open_server(Choice("mine", None, "utkface"), ADDRESS, 0)
    threading.Thread(target=server.run, daemon=True).start()
    host = f"Host: localhost:{server.effective_port}\r\n"
    photo = f"POST /estimate?whole=1 HTTP/1.1\r\n{host}Content-Length: 5\r\n"
    origin = f"Origin: http://localhost:{server.effective_port}\r\nSec-Fetch-Site: same-origin\r\n"
    texts = [f"{photo}{origin}\r\nhello", f"GET / HTTP/1.1\r\n{host}\r\n"]

    def prepare(recipe):
        text = spoil(recipe, pick(recipe, texts).encode())[:100_000]
        return lambda: read(text)

    def read(text):
        answer = b""
        with (
            contextlib.suppress(ConnectionError),  # it may hang up
            socket.create_connection((ADDRESS, int(server.effective_port)), SECONDS) as client,
        ):
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: client.recv(2**16), b""))
        assert not answer or re.match(rb"HTTP/1\.[01] ([24]\d\d|501) ", answer), answer[:100]

    return prepare


class Watch:
    """Reads what is prepared, and prints each kind of finding once."""

    def __init__(self, target, folder):
        self.name, self.prepare = target.__name__, target(folder)
        self.kinds, self.written, self.most = set(), [], most_bytes() + BYTES
        sys.addaudithook(self.hear)

    def hear(self, event, arguments):
        """Python tells of what it does: note each file that is written, moved, removed or made."""
        is_written = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
        if is_written or event in ("os.rename", "os.remove", "os.mkdir"):
            self.written.append(f"{event} {arguments}")

    def read(self, data):
        """Spoil by the recipe `data`, and read."""
        read, kind = self.prepare(atheris.FuzzedDataProvider(data)), None
        self.written, begin = [], time.monotonic()
        try:
            with contextlib.redirect_stdout(None), contextlib.suppress(UserError):
                read()
        except Exception:
            kind = traceback.format_exc().rpartition("  File ")[-1]
        if self.written:
            kind = self.written[0]
        if not kind and (time.monotonic() - begin > SECONDS or most_bytes() > self.most):
            kind = f"more than {SECONDS} seconds, or {BYTES} bytes"
        self.most = max(self.most, most_bytes() + BYTES)  # the peak of the process never falls
        if kind and (where := kind.partition("\n")[0]) not in self.kinds:
            self.kinds.add(where)
            print(f"python tools/fuzz.py {self.name} --recipe {data.hex()}\n{kind}", flush=True)


def most_bytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    targets = {target.__name__: target for target in (checkpoint, torch, table, photo, request)}
    parser.add_argument("target", choices=targets)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--recipe", type=bytes.fromhex, help="this one alone, in hexadecimal")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch(targets[arguments.target], Path(folder))
        watch.prepare(atheris.FuzzedDataProvider(b""))()  # which spoils nothing
        if arguments.recipe is not None:
            return watch.read(arguments.recipe)
        flags = f"-max_total_time={arguments.seconds} -seed={arguments.seed} -max_len=300"
        atheris.Setup(["fuzz", *flags.split(), "-len_control=0", "-rss_limit_mb=0"], watch.read)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
