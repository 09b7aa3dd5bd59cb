"""Ages for other programs, in three lines: light to import, since all else comes with its use."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

    from tinydldl.arrays import Ages, Array, Boxes, Distributions, Grid, Pixels

    Photo = str | PathLike[str] | Image.Image | Pixels


@dataclass(frozen=True)
class Faces:
    """The N faces in a photo, from left to right; boxes and the like are None if it is one face."""

    ages: Ages  # (N,), years
    distributions: Distributions | None  # p_hat (N, K); None for a method without
    labels: Grid  # (K,), years
    boxes: Boxes | None  # (N, 4): left, top, right, bottom, pixels
    landmarks: Array | None  # (N, 5, 2): x and y of the eyes, the nose, the corners of the mouth
    scores: Array | None  # (N,): how probably each is a face
    turned: int  # degrees clockwise, of a photo that was not upright: all is in it as turned

    def __len__(self) -> int:
        return len(self.ages)


class AgeEstimator:
    """Finds the faces in photos, and estimates their ages.

        from tinydldl import AgeEstimator
        faces = AgeEstimator("tiny").predict("party.jpg")
        print(faces.ages, faces.boxes)

    `network`: weights that ship, by name, a run's folder, or the file of a checkpoint; `crop`: how
    faces were cropped in its training photos, `utkface` or `arcface`. Raises UserError for others.
    """

    def __init__(self, network: str | PathLike[str] = "tiny", crop: str = "utkface") -> None:
        from tinydldl import trained, weights
        from tinydldl.errors import UserError
        from tinydldl.faces import SHAPES

        if crop not in SHAPES:
            raise UserError(f"crop {crop!r}: expected one of {', '.join(SHAPES)}")
        self.trained = trained.load(weights.find(network))
        self.crop = crop

    def predict(self, photo: Photo, **search: Any) -> Faces:
        """The faces in a photo: a path, an image of Pillow, or RGB values (H, W, 3), uint8.

        `search`: fields of `predict.inputs.Search`, such as `no_detect=True` for a photo that is a
        face, cut out already. Raises PhotoError for what is no photo.
        """
        from tinydldl.images import as_photo
        from tinydldl.methods import Method
        from tinydldl.predict import inputs, portraits

        image, found, turned = inputs.find_faces(as_photo(photo), inputs.Search(**search))
        people = portraits.portraits(self.trained, image, found, self.crop)
        method = self.trained.method
        has_p_hat = type(method).distribution is not Method.distribution
        p_hat = np.array([person.p_hat for person in people if has_p_hat], float)

        def of_faces(name: str, *shape: int) -> Array | None:
            if None in found:
                return None
            return np.array([getattr(face, name) for face in found], float).reshape(-1, *shape)

        return Faces(
            ages=np.array([person.y_hat for person in people]),
            distributions=p_hat.reshape(-1, len(method.grid)) if has_p_hat else None,
            labels=method.grid,
            boxes=of_faces("box", 4),
            landmarks=of_faces("landmarks", 5, 2),
            scores=of_faces("score"),
            turned=turned,
        )
