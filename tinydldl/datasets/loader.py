"""From photos on disk to batches: read once, held in memory, augmented ahead of the trainer.

Threads read the photos: Pillow decodes without the interpreter lock. Processes augment them: many
small steps would hold the lock, and stop the network. The generator of an image is seeded with
(seed, epoch, index), so batches do not depend on the number of processes.
"""

import math
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tinydldl import backend, processes, ranks
from tinydldl.arrays import Array, Images, Pixels
from tinydldl.datasets.base import DataError, Photos
from tinydldl.datasets.transforms import augment
from tinydldl.images import PhotoError, center_crop, held_side, open_photo, resize_short_side
from tinydldl.progress import Progress

LEAST_STD = 1 / 255  # one level of a pixel
AHEAD = 4  # batches in preparation
Seen = Callable[[int], Any]  # is told the number of photos of each batch
Channels = tuple[list[float], list[float]]  # mean and std of R, G and B, in 0..1


class PhotoStore:
    """One part of a data set as RGB arrays (h, w, 3), uint8, scaled for a network.

    `side`: pixels per side of the network; `packed`: what has the pixels of photos, or of some, in
    place of their files, see `Packed.get`; `cache_bytes`: how much to hold in memory (the rest is
    read again each time); `loaders`: threads that read, and processes that augment, see `bounded`.
    Unreadable photos are in `bad` alone, as `(path, reason)`. Raises DataError for a changed photo.
    """

    def __init__(
        self,
        photos: Photos,
        side: int,
        cache_bytes: float,
        loaders: int,
        what: str = "reading",
        packed: Callable[[Path], Pixels | None] = lambda path: None,
    ) -> None:
        self.side, self.loaders = side, processes.bounded(loaders, len(photos))
        self._packed = packed
        self.cache, self.cached_bytes, self.bad = {}, 0, []
        self._checksums = {}  # of photos that are not held
        self._sums = np.zeros((3, 3), dtype=np.int64)  # per channel: pixels, values, squares
        readable = []
        results = in_order(self._try_read, photos.paths, self.loaders)
        progress = Progress(results, what, len(photos), unit="photos")
        for index, (path, pixels) in enumerate(zip(photos.paths, progress, strict=True)):
            if isinstance(pixels, PhotoError):
                self.bad.append((path, pixels.reason))
                continue
            readable.append(index)
            self._count(pixels)
            if self.cached_bytes + pixels.nbytes <= cache_bytes:
                self.cache[path] = pixels
                self.cached_bytes += pixels.nbytes
            else:
                self._checksums[path] = zlib.crc32(pixels.data)
        self.photos = photos.take(readable)

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> Pixels:
        path = self.photos.paths[index]
        if path in self.cache:
            return self.cache[path]
        pixels = self._try_read(path)
        if isinstance(pixels, PhotoError):
            raise DataError(f"{path} could be read before, and cannot now: {pixels.reason}")
        if zlib.crc32(pixels.data) != self._checksums[path]:
            raise DataError(f"{path}: another photo than before; do not change photos in use")
        return pixels

    @cached_property
    def augmenters(self) -> processes.Helpers:
        """The processes, started when first needed, and kept for all epochs."""
        return processes.Helpers(self.loaders, augment_batch, nice=19)  # the network comes first

    def channel_statistics(self) -> Channels:
        """Mean and standard deviation of R, G and B over all pixels, in 0..1, as two lists.

            mean = sum x / n        std = sqrt(n sum x^2 - (sum x)^2) / n

        The radicand is computed in whole numbers, so it is exact. std is at least 1/255, since
        networks get `(x - mean) / std` of photos in one plain color, too.
        """
        sums = self._sums.T.tolist()
        mean = [values / (255 * n) for n, values, _ in sums]
        std = [math.sqrt(n * squares - values**2) / (255 * n) for n, values, squares in sums]
        return mean, [max(value, LEAST_STD) for value in std]

    def _count(self, pixels: Pixels) -> None:
        flat = pixels.reshape(-1, 3).astype(np.int64)
        self._sums += [[len(flat)] * 3, flat.sum(axis=0), (flat**2).sum(axis=0)]

    def _try_read(self, path: Path) -> Pixels | PhotoError:
        pixels = self._packed(path)
        return read_photo(path, self.side) if pixels is None else pixels


def read_photo(path: Path, side: int) -> Pixels | PhotoError:
    """The pixels of a photo as they are held for a network of `side`, or a PhotoError."""
    try:
        return np.asarray(resize_short_side(open_photo(path), held_side(side)))
    except PhotoError as error:
        return error


def train_batches(
    store: PhotoStore, epoch: int, *, batch: int, transforms: list[str], seed: int
) -> Iterator[tuple[Images, Array]]:
    """Yield `(images, indices)` in random order, augmented: uint8 (B, side, side, 3), int (B,).

    Each photo comes once; B is at most `batch`, and differs by at most one between batches. Of
    several ranks each makes its share of the images.
    """
    augmenters = store.augmenters

    def make(indices: Array) -> tuple[Images, Array]:
        own = ranks.team.share(indices)
        photos, seeds = [store[i] for i in own], [(seed, epoch, int(i)) for i in own]
        return augmenters(photos, seeds, transforms, store.side), indices

    # the generator of the order is the next after those of the photos
    order = np.random.default_rng([seed, epoch, len(store)]).permutation(len(store))
    yield from in_order(make, split(order, batch), store.loaders)


def augment_batch(
    photos: Sequence[Pixels], seeds: Sequence[tuple[int, ...]], transforms: list[str], side: int
) -> Images:
    """Augment arrays (h, w, 3), each with the seed of its generator: (B, side, side, 3)."""
    images = [
        augment(Image.fromarray(photo), np.random.default_rng(seed), transforms, side)
        for photo, seed in zip(photos, seeds, strict=True)
    ]
    return np.stack([np.asarray(image) for image in images])


def eval_batches(store: PhotoStore, *, batch: int) -> Iterator[tuple[Images, Array]]:
    """Yield `(images, indices)` in order; images are centers. Each rank has a part of them."""
    own = ranks.team.share(np.arange(len(store)))
    if len(store) < ranks.team.size:
        raise DataError(f"{len(store)} photos are too few for {ranks.team.size} ranks")

    def make(indices: Array) -> tuple[Images, Array]:
        images = [center_crop(Image.fromarray(store[index]), store.side) for index in indices]
        return np.stack([np.asarray(image) for image in images]), indices

    yield from in_order(make, split(own, batch), store.loaders)


def split(order: Array, batch: int) -> list[Array]:
    """`order` in pieces of at most `batch`, as equal as possible."""
    return np.array_split(order, max(1, math.ceil(len(order) / batch)))


def in_order(function: Callable[[Any], Any], items: Iterable[Any], loaders: int) -> Iterator[Any]:
    """Yield `function(item)` for each of `items` in order; threads compute a few items ahead."""
    if sys.platform == "emscripten":  # a browser has none
        return (yield from map(function, items))
    pool = ThreadPoolExecutor(loaders)
    ahead: deque[Any] = deque()
    try:
        for item in items:
            ahead.append(pool.submit(function, item))
            if len(ahead) > AHEAD + loaders:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def normalize(images: Images, mean: Sequence[float], std: Sequence[float]) -> Images:
    """uint8 images (N, H, W, 3) as float32 network input: `(images / 255 - mean) / std`."""
    xp, (N, H, W, C) = backend.get_array_module(images), images.shape
    mean, std = (xp.tile(xp.asarray(values, dtype=np.float32), W) for values in (mean, std))
    x = images.reshape(N, H, W * C).astype(np.float32)  # on rows of 3 it takes ten times as long
    x /= 255
    x -= mean
    x /= std
    return x.reshape(images.shape)
