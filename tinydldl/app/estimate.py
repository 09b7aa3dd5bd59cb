"""From the bytes of a photo to what the page shows: values for JSON, pictures as data URIs."""

import base64
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from tinydldl.explain.saliency import MapError, Maps, under_squares
from tinydldl.faces import Face
from tinydldl.faces.detector import shrink
from tinydldl.images import full_size, open_photo
from tinydldl.predict import inputs
from tinydldl.predict.portraits import portraits
from tinydldl.trained import Trained

MOST_FACES = 40  # a crowd would take minutes
MEMORY = 12 * 4096 * 3072  # bytes: a photo of a phone fits, and one of 50 million pixels at 1/2
NO_FACE = "No face was found in this photo."


@dataclass(frozen=True)
class Choice:
    """The network of the page. `crop`: that of the photos it was trained on, see `faces.align`."""

    label: str
    network: Trained
    crop: str


def estimate(choice: Choice, data: bytes, whole: bool = False) -> dict[str, Any]:
    """The estimates for the photo with the bytes `data`, as a dict for JSON.

    `width`, `height`, pixels; `photo`, upright, at most 1024 pixels per side; `note`, a sentence or
    None; `labels`, years; `faces`, from left to right, see `face_record`. `whole`: the photo is a
    face that is cut out already. Raises PhotoError.

    Time and memory are bounded by `open_photo`, the detector's pixels, and the number of faces.
    """
    image = open_photo(BytesIO(data), memory=MEMORY)
    image, faces, note = (image, inputs.whole_photo(image), None) if whole else find_faces(image)
    return {
        **dict(zip(("width", "height"), full_size(image), strict=True)),
        "photo": data_uri(shrink(image), "JPEG", quality=88),
        "note": note,
        "labels": choice.network.method.grid.tolist(),
        "faces": [face_record(choice, image, face) for face in faces],
    }


def find_faces(image: Image.Image) -> tuple[Image.Image, inputs.Faces, str | None]:
    """The photo as it was turned, the faces in it from left to right, and a note, or None."""
    image, found, turned = inputs.find_faces(image, inputs.Search())
    clearest = sorted((face for face in found if face), key=lambda face: -face.score)[:MOST_FACES]
    notes = [f"The photo was turned by {turned} degrees."] if turned else []
    if len(found) > len(clearest):
        notes.append(f"{len(found)} faces were found; these are the {MOST_FACES} clearest.")
    faces = sorted(clearest, key=lambda face: face.box[0])
    return image, faces, (" ".join(notes) or None) if faces else NO_FACE


def face_record(choice: Choice, image: Image.Image, face: Face | None) -> dict[str, Any]:
    """`Portrait.record`, `view`, what the network sees, and `map`, by `under_squares`, if any."""
    (person,) = portraits(choice.network, image, [face], choice.crop)
    record = {"box": None, "map": None} | person.record() | {"view": data_uri(person.view, "PNG")}
    with suppress(MapError):  # a method without softmax
        (years,) = Maps(choice.network, np.asarray(person.view)[None]).of_expectation()
        record["map"] = under_squares(years, person.view.width).tolist()
    return record


def data_uri(image: Image.Image, kind: str, **settings: Any) -> str:
    file = BytesIO()
    image.save(file, kind, **settings)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
