"""Make weights that ship with tinydldl out of finished runs on UTKFace.

    python tools/ship_weights.py runs/small runs/large --data-dir data

The network of the last run goes to tinydldl/weights/, as NAME.npz (float16, buffers float32) and
NAME.json; the runs before it are those that its initial weights came from, one from the next. Every
figure in the JSON is then measured on the file that ships, on the test part, which no training has
seen; the tables of the model card are printed.
"""

import argparse
import csv
import json
import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tinydldl import checkpoint, datasets, report, trained, weights
from tinydldl.datasets.loader import PhotoStore
from tinydldl.faces import SHAPES, detect
from tinydldl.faces.boxes import area
from tinydldl.fast import FastNet, available_cores
from tinydldl.files import replacing
from tinydldl.images import open_photo
from tinydldl.predict.portraits import portraits
from tinydldl.report import Estimates
from tinydldl.train.settings import REAL, TrainSettings, as_words

KEPT = ("network", "method", "grid", "channels", "average")  # of a checkpoint's JSON
MEASURED = ("photos", "mae", "balanced_mae", "mode_mae", "epsilon_error", "kl", "crps")
MEASURED += ("cumulative_score", "coverage", "decades", "same_answer")
UNSAID = ("data_dir", "resume", "device", "engine", "workers", "loaders", "cache_mb")
# What the second and the third number of a file name mean, in the words of the set's authors.
GENDERS = ("male", "female")
RACES = ("White", "Black", "Asian", "Indian", "others")


def main():
    arguments = build_parser().parse_args()
    *_, last = arguments.runs
    network = trained.load(last)
    arrays, meta = network.model.params | network.model.buffers, network.meta
    path = weights.FOLDER / meta["network"]["name"]
    meta = {name: meta[name] for name in KEPT if name in meta}
    meta["training"] = [stage(run) for run in arguments.runs]
    checkpoint.save(path, shipped(arrays), meta)
    meta["test"] = measure(path, arguments.data_dir)
    with replacing(f"{path}.json") as file:
        file.write(json.dumps(meta, indent=2).encode())
    print(f"written {path}.npz, {Path(f'{path}.npz').stat().st_size / 1e6:.1f} MB, and {path}.json")
    print(*card(meta["test"]), sep="\n")


def stage(run):
    """How one run was trained: command, commit, seed and minutes."""
    config = json.loads((run / "config.json").read_text())
    usual = {field.name: field.default for field in fields(TrainSettings)} | REAL
    arguments = config["arguments"]
    if arguments["init"]:
        arguments["init"] = f"runs/{Path(arguments['init']).name}"
    given = {
        name: value
        for name, value in arguments.items()
        if name not in UNSAID and value != usual[name]
    }
    with open(run / "timing.csv", newline="") as file:
        seconds = sum(float(row["seconds"]) for row in csv.DictReader(file))
    return {
        "command": " ".join(["python -m tinydldl.train", *as_words(given)]),
        "commit": config["commit"],
        "seed": arguments["seed"],
        "minutes": round(seconds / 60, 1),
        "processes": config["processes"],
        "photos": config["photos"][0],
    }


def shipped(arrays):
    """The arrays of a network for its checkpoint: parameters in half precision."""
    running = ("running_mean", "running_var")
    return {
        f"model.{name}": array.astype(np.float32 if name.endswith(running) else np.float16)
        for name, array in arrays.items()
    }


def measure(path, data_dir):
    """The figures on the test part, of all photos within the grid and of the set's own groups."""
    network = trained.load(path)
    photos = datasets.load("utkface", datasets.Options(data_dir, sigma=2.0))["test"]
    grid = network.method.grid
    photos = photos.take(np.flatnonzero((photos.ages >= grid[0]) & (photos.ages <= grid[-1])))
    store = PhotoStore(photos, network.side, 2**31, available_cores())
    fast = replace(network, model=FastNet(network.model, available_cores()))
    prediction, _ = fast.predict(store, batch=64)
    estimates = Estimates.of(network.method, prediction, store.photos)
    figures = report.figures(estimates)
    figures = {name: figures[name] for name in MEASURED}
    figures["groups"] = groups(store.photos, estimates.y_hat)
    return figures | {"crops": crops(network, photos)}


def groups(photos, y_hat):
    """Photos, MAE and bias (years) by the gender and the race that file names give."""
    codes = [re.match(r"\d+_([01])_([0-4])_", path.name) for path in photos.paths]
    error, rows = y_hat - photos.ages, []
    for place, names in ((1, GENDERS), (2, RACES)):
        numbers = np.array([int(code[place]) if code else -1 for code in codes])
        for number, name in enumerate(names):
            own = error[numbers == number]
            measures = {"mae": float(np.abs(own).mean()), "bias": float(own.mean())}
            rows.append({"group": name, "count": len(own)} | measures)
    return rows


def crops(network, photos):
    """MAE (years) by how the face is cut out, of the photos in which `detect` finds one.

    As the set has it, and from there turned and scaled to each of SHAPES, as `predict` does it.
    """
    errors = {name: [] for name in ("as it is", *SHAPES)}
    for path, age in zip(tqdm(photos.paths, "crops"), photos.ages, strict=True):
        image = open_photo(path)
        face = max(detect(image, score=0.7), key=lambda face: area(face.box), default=None)
        if face is None:
            continue
        people = portraits(network, image, [None])
        people += [
            person for shape in SHAPES for person in portraits(network, image, [face], shape)
        ]
        for found, person in zip(errors.values(), people, strict=True):
            found.append(abs(person.y_hat - age))
    return {"photos": len(found)} | {name: float(np.mean(e)) for name, e in errors.items()}


def card(figures):
    """The tables of the model card, in Markdown."""
    rows = [(f"{row['decade']}-{row['decade'] + 9}", row) for row in figures["decades"]]
    yield from table("true age", rows)
    yield from table("group", [(row["group"], row) for row in figures["groups"]])


def table(heading, rows):
    yield f"\n| {heading} | photos | MAE | bias |\n|---|---:|---:|---:|"
    for name, row in rows:
        yield f"| {name} | {row['count']} | {row['mae']:.2f} | {row['bias']:+.2f} |"


def build_parser():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of runs")
    parser.add_argument("--data-dir", type=Path, default=datasets.default_data_dir())
    return parser


if __name__ == "__main__":
    main()
