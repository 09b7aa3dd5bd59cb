"""A folder to be wrong in, and what every refusal of bad input has in common."""

import functools
import importlib
import json
import operator
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
from helpers.commands import exit_code
from helpers.networks import save_network
from helpers.photos import PORTRAIT, put_photos, put_table
from helpers.torch_files import state_dict, tensor, zip_file

sys.path.insert(0, str(Path(__file__).parents[2] / "lessons"))  # grading
COMMANDS = {  # each with where its work begins, which no refused command comes to
    "train": "tinydldl.train.experiment.train",
    "evaluate": "tinydldl.report.pictures",
    "predict": "tinydldl.predict.pictures.people",
    "explain": "tinydldl.explain.saliency.occlusion",
    "reproduce": "tinydldl.reproduce.trainings.train",
    "convert": "tinydldl.checkpoint.save",
    "bench": "tinydldl.bench.__main__.race",
    "app": "waitress.server.BaseWSGIServer.run",
    "datasets": "tinydldl.datasets.__main__.check",
    "grade": "grading.grade",
}
MAINS = {name: importlib.import_module(f"tinydldl.{name}.__main__").main for name in COMMANDS}
MAINS["from_pytorch"] = importlib.import_module("from_pytorch").main
FACES = "--dataset csv --table faces/table.csv --loaders 1 --workers 1 --device cpu"
PHOTO, PIPE = object(), object()  # stand for the content of a photo, and for a pipe


def furnish(folder):
    """What rows of bad input go wrong with: photos, a table, networks, a run, a PyTorch file."""
    for name in ("faces", "empty"):
        (folder / name).mkdir()
    put_photos(folder / "faces", 10, np.random.default_rng(0))
    put_table(folder / "faces/table.csv", range(0, 50, 5), [i % 3 for i in range(10)])
    (folder / "notes.txt").write_text("some text")
    shutil.copy(PORTRAIT, folder / "photo.jpg")
    model, _ = save_network(folder / "net")
    save_network(folder / "rank", "ranking")
    save_network(folder / "twelve", net="tiny12")
    (folder / "net.pt").write_bytes(pt_file(torch_arrays(model)))
    assert exit_code(MAINS["convert"], folder / "net", folder / "net.safetensors") == 0
    before = Path.cwd()
    os.chdir(folder)
    try:
        line = f"{FACES} --size 32 --batch 4 --epochs 2 --name done"
        assert exit_code(MAINS["train"], *shlex.split(line)) == 0
        # relative, as the folder is copied for each row; and with one epoch left to go
        here = {"arguments.data_dir": "data", "arguments.table": "faces/table.csv"}
        alter("runs/done/config.json", here | {"arguments.epochs": 3})
    finally:
        os.chdir(before)


def torch_arrays(model):
    """The arrays of a network under PyTorch's names, in its layout."""
    arrays = {}
    for name, layer in model.layers.items():
        if name.startswith("conv"):
            arrays[f"{name}.weight"] = layer.params["W"].transpose(3, 2, 0, 1)
        elif name.startswith("bn"):
            arrays[f"{name}.weight"] = layer.params["gamma"]
            arrays[f"{name}.bias"] = layer.params["beta"]
            arrays |= {f"{name}.{buffer}": array for buffer, array in layer.buffers.items()}
        elif name == "fc":
            arrays |= {"fc.weight": layer.params["W"].T, "fc.bias": layer.params["b"]}
    return arrays


def pt_file(arrays):
    """The bytes of a PyTorch file with a state_dict of float32 arrays."""
    arrays = {name: np.ascontiguousarray(array, "f4") for name, array in arrays.items()}
    items = {name: tensor(name, a.size, a.shape) for name, a in arrays.items()}
    return zip_file(state_dict(items), arrays)


def put(name, content):
    """Make a file anew, of text, bytes, PHOTO or PIPE; None: take it or the folder away."""
    path = Path(name)
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)  # it may be one file with that of the other rows
    if content is PIPE:
        os.mkfifo(path)
    elif content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = Path("faces/0.png").read_bytes() if content is PHOTO else content
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def snapshot():
    """All that is in this folder, but who has a run: `{path: what tells that it is the same}`."""
    return {
        path: (stat.st_mode, stat.st_ino, stat.st_size, stat.st_mtime_ns * path.is_file())
        for path in Path().rglob("*")
        if (stat := path.lstat()) and path.name != ".lock"
    }


def refuse(line, words, capfd):
    """Run a command line, and assert that it is refused as every command promises.

    One line on standard error, of `words` in its beginning (`...` between them stands for any
    text); exit code 2; no file is made, changed or taken away.
    """
    command, *arguments = shlex.split(line)
    before = snapshot()
    capfd.readouterr()
    code = exit_code(MAINS[command], *arguments)
    out, err = capfd.readouterr()
    lines = [line.split("\r")[-1].strip() for line in err.split("\n")]  # without bars that went
    (error,) = filter(None, lines)
    assert re.match(".*".join(map(re.escape, f"error: {words}".split("..."))), error), error
    assert len(error) < 400
    assert error.isprintable()
    assert "Traceback" not in out + err
    assert code == 2
    assert snapshot() == before


def alter(name, changes):
    """Change a file: its content as `put` does; or, of a dict, values of JSON or arrays of NumPy.

    A value is named by its keys, as in `network.side`; None takes it away.
    """
    if not isinstance(changes, dict):
        put(name, changes)
    elif name.endswith(".npz"):
        with np.load(name) as file:
            arrays = {k: v for k, v in (dict(file) | changes).items() if v is not None}
        put(name, None)
        np.savez(name, **arrays)
    else:
        values = json.loads(Path(name).read_text())
        for keys, value in changes.items():
            *outer, last = keys.split(".")
            inner = functools.reduce(operator.getitem, outer, values)
            inner[last] = value
            if value is None:
                del inner[last]
        put(name, json.dumps(values))
