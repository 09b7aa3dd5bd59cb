"""From a photo to ages: each face cut out as the network expects it, and its estimate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from tinydldl import cli, weights
from tinydldl.faces import SHAPES, Face, align
from tinydldl.images import center_crop, held_side, resize_short_side
from tinydldl.labels import standard_deviation
from tinydldl.trained import Trained

CAUTION = (  # for the help of commands
    "An estimate is a network's guess from a photo, several years off as a rule. "
    "It is no measurement, and no ground to decide anything about a person."
)
BATCH = 64  # faces that a network sees at once


@dataclass(frozen=True)
class Portrait:
    """A face and its estimate."""

    face: Face | None  # where it is in the photo, None for the whole photo
    view: Image.Image  # what the network sees, RGB
    y_hat: float  # years
    p_hat: np.ndarray | None  # (K,), on the grid; None for a method without a distribution
    grid: np.ndarray  # (K,), years

    @property
    def spread(self) -> float | None:
        """The standard deviation of p_hat, years; None without one."""
        p_hat = self.p_hat
        return None if p_hat is None else float(standard_deviation(p_hat[None], self.grid)[0])

    def record(self) -> dict[str, Any]:
        """It for JSON, without pictures: years, pixels, and where it was found, if it was."""
        record = {"age": self.y_hat, "spread": self.spread}
        if face := self.face:
            record |= {"box": face.box.tolist(), "score": face.score}
            record |= {"landmarks": face.landmarks.tolist()}
        p_hat = None if self.p_hat is None else self.p_hat.astype(float).tolist()
        return record | {"distribution": p_hat}


def add_network_arguments(parser: cli.Group) -> None:
    """Add --weights and --crop to a parser or group."""
    add = parser.add_argument
    about = f"a run, the file of a checkpoint, or {weights.SHIPPED}"
    add("--weights", type=cli.text, default="tiny", metavar="NETWORK", help=about)
    about = "how faces are cropped in the photos that the network was trained on"
    add("--crop", choices=SHAPES, default="utkface", help=about)


def portraits(
    network: Trained, image: Image.Image, faces: Sequence[Face | None], shape: str = "utkface"
) -> list[Portrait]:
    """The portraits of faces in an RGB photo; `shape`: of the network's crop, see `faces.align`."""
    return estimates(network, faces, [view(image, face, network.side, shape) for face in faces])


def estimates(
    network: Trained, faces: Sequence[Face | None], views: Sequence[Image.Image]
) -> list[Portrait]:
    """The portraits of faces as the network sees them, `BATCH` at a time."""
    people = []
    for first in range(0, len(views), BATCH):
        some = slice(first, first + BATCH)
        prediction = network.predict_images(np.stack([np.asarray(seen) for seen in views[some]]))
        y_hat, p_hat = network.method.age(prediction), network.method.distribution(prediction)
        rows = [None] * len(y_hat) if p_hat is None else p_hat
        people += [
            Portrait(face, seen, float(age), p, network.method.grid)
            for face, seen, age, p in zip(faces[some], views[some], y_hat, rows, strict=True)
        ]
    return people


def view(image: Image.Image, face: Face | None, side: int, shape: str) -> Image.Image:
    """A face as a network of `side` pixels sees it in an evaluation."""
    held = held_side(side)
    crop = align(image, face.landmarks, held, shape) if face else resize_short_side(image, held)
    return center_crop(crop, side)
