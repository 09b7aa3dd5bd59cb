"""Photo after photo, or many at once: then each core has a process for some photos at a time.

A process looks for the faces of its photos, and its network sees all of these in one batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path

from PIL import Image

from tinydldl import processes, trained
from tinydldl.datasets.loader import in_order
from tinydldl.faces import Face
from tinydldl.fast import FastNet
from tinydldl.images import PhotoError, full_size
from tinydldl.machine import available_cores
from tinydldl.predict import inputs, portraits

AT_A_TIME = 16  # photos of a process
MANY = 4 * AT_A_TIME  # photos from which on it pays to start processes


@dataclass(frozen=True, kw_only=True)
class Asked(inputs.Search):
    """What is asked of each photo, by which network; `folder`: for its picture, if any."""

    network: Path
    crop: str
    folder: Path | None


@dataclass
class Found:
    """The faces of a photo of `size`, pixels, and its picture; or why it cannot be used."""

    photo: str
    size: tuple[int, int] = (0, 0)
    faces: inputs.Faces = ()
    turned: int = 0  # degrees clockwise: all else is of the photo so turned
    people: Sequence[portraits.Portrait] = ()
    picture: Path | None = None
    error: PhotoError | None = None


def found(network: trained.Trained, asked: Asked, photos: Sequence[str]) -> Iterator[Found]:
    """Yield what is found in each photo, in order. Raises UserError."""
    cores = available_cores()
    if cores == 1 or len(photos) < MANY or inputs.STANDARD_INPUT in photos:
        for photo in photos:
            yield from look(network, asked, [photo])
        return
    helpers, rest = processes.Helpers(cores, partial(look_there, asked)), iter(photos)
    at_a_time = 1 if asked.folder else AT_A_TIME  # to draw takes longer than all else
    try:
        for some in in_order(helpers, iter(lambda: list(islice(rest, at_a_time)), []), cores):
            yield from some
    finally:
        helpers.processes.close()


def look(network: trained.Trained, asked: Asked, photos: Sequence[str]) -> list[Found]:
    """What is found in some photos; of these only the faces are held, but for what is drawn."""
    results: list[Found] = []
    seen: list[tuple[Found, Image.Image | None]] = []
    everyone: list[Face | None] = []
    views: list[Image.Image] = []
    for photo in photos:
        try:
            image, faces, turned = inputs.look(photo, asked)
        except PhotoError as error:
            results.append(Found(photo, error=error))
            continue
        results.append(Found(photo, full_size(image), faces, turned))
        seen.append((results[-1], image if asked.folder else None))
        everyone += faces
        views += [portraits.view(image, face, network.side, asked.crop) for face in faces]
    people = iter(portraits.estimates(network, everyone, views))
    for result, drawn in seen:
        result.people = list(islice(people, len(result.faces)))
        if drawn and asked.folder and result.people:
            from tinydldl import plots  # matplotlib would be half of the time until the first photo
            from tinydldl.predict import pictures

            name = inputs.stem(result.photo)
            title = f"turned by {result.turned}°: {name}" if result.turned else name
            figure = pictures.people(drawn, list(result.people), title)
            result.picture = plots.save_new(figure, asked.folder, f"{name}-ages")
    return results


def look_there(asked: Asked, photos: Sequence[str]) -> list[Found]:
    """The same in a process of its own, with a network of its own."""
    return look(own_network(asked.network), asked, photos)


def open_network(path: Path) -> trained.Trained:
    """The network of a checkpoint, on the fast engine. Raises CheckpointError."""
    network = trained.load(path)
    network.model = FastNet(network.model)
    return network


own_network = cache(open_network)  # of a process
