"""Photos in memory and batches ahead of time: the same whatever the number of threads."""

import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from tinydldl.datasets.base import DataError, Photos
from tinydldl.datasets.loader import (
    PhotoStore,
    eval_batches,
    in_order,
    normalize,
    split,
    train_batches,
)
from tinydldl.datasets.transforms import TRANSFORMS, augment


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Twenty-one random photos of several sizes, which stay as they are."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(2018)
    paths = [folder / f"{i:02}.png" for i in range(21)]
    for i, path in enumerate(paths):
        pixels = rng.integers(0, 256, (40 + i, 50 - i, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return Photos(paths, np.arange(21.0), np.full(21, 2.0))


@pytest.fixture(scope="module")
def store(photos):
    """All of them in memory; its two processes, which augment, take a second to start."""
    return open_store(photos)


@pytest.fixture
def own_photos(photos, tmp_path):
    """Copies, for a test that changes them."""
    paths = [shutil.copy(path, tmp_path / path.name) for path in photos.paths]
    return Photos(paths, photos.ages, photos.sigmas)


def open_store(photos, cache_bytes=10**9, loaders=2):
    return PhotoStore(photos, 32, cache_bytes, loaders)


def all_batches(store, epoch=3, seed=1):
    """The images and the indices of an epoch, with every transform."""
    batches = train_batches(store, epoch, batch=4, transforms=list(TRANSFORMS), seed=seed)
    images, indices = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(indices)


@pytest.mark.parametrize(("cache_bytes", "loaders"), [(10**9, 1), (10**9, 5), (0, 3), (20_000, 2)])
def test_batches_depend_neither_on_threads_nor_on_memory(cache_bytes, loaders, photos, store):
    images, indices = all_batches(store)
    other_images, other_indices = all_batches(open_store(photos, cache_bytes, loaders))
    np.testing.assert_array_equal(images, other_images)
    np.testing.assert_array_equal(indices, other_indices)


def test_every_photo_once_an_epoch_in_another_order_and_augmentation(store):
    images, indices = all_batches(store)
    assert images.dtype == np.uint8
    assert images.shape == (21, 32, 32, 3)
    assert sorted(indices) == list(range(21))
    for changed in ({"epoch": 4}, {"seed": 2}):
        other_images, other_indices = all_batches(store, **changed)
        assert indices.tolist() != other_indices.tolist()
        by_photo, other = images[np.argsort(indices)], other_images[np.argsort(other_indices)]
        assert (by_photo != other).any(axis=(1, 2, 3)).all()


def test_each_photo_has_a_generator_of_its_own(store):
    """Of seed, epoch and index; so none is augmented as its neighbor is."""
    for image, i in zip(*all_batches(store, epoch=3, seed=1), strict=True):
        own = np.random.default_rng([1, 3, i])
        expected = augment(Image.fromarray(store[i]), own, list(TRANSFORMS), 32)
        np.testing.assert_array_equal(image, np.asarray(expected))


def test_evaluation_takes_the_center_in_order(photos, store):
    batches = list(eval_batches(store, batch=8))
    assert np.concatenate([indices for _, indices in batches]).tolist() == list(range(21))
    with Image.open(photos.paths[0]) as image:  # 50 x 40 pixels: a short side of 37 is held
        held = np.asarray(image.resize((46, 37), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(batches[0][0][0], held[2:34, 7:39])


def test_the_cache_stays_within_its_limit(photos, store):
    assert store.cached_bytes == sum(store[i].nbytes for i in range(21))
    limited = open_store(photos, cache_bytes=store.cached_bytes // 2)
    assert 0 < limited.cached_bytes <= store.cached_bytes // 2
    assert len(limited.cache) < 21


def test_channel_statistics(store):
    pixels = np.concatenate([store[i].reshape(-1, 3) for i in range(21)]) / 255
    mean, std = store.channel_statistics()
    np.testing.assert_allclose(mean, pixels.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, pixels.std(axis=0), rtol=1e-12)


@pytest.mark.parametrize("side", [1, 7, 40])
def test_photos_of_one_plain_color_have_numbers_to_divide_by(side):
    """One of the 255 steps of a pixel. (Two of three values had a variance below or above 0.)"""
    for value in range(256):
        store = PhotoStore(Photos([], np.zeros(0), np.zeros(0)), 32, 0, 1)
        store._count(np.full((side, side, 3), [value, 0, 255], dtype=np.uint8))
        mean, std = store.channel_statistics()
        np.testing.assert_allclose(mean, [value / 255, 0, 1], rtol=1e-15)
        assert std == [1 / 255] * 3


def many(photos, bad, count=100):
    """So many photos, of which the paths in `bad` are the first."""
    paths = bad + [photos.paths[i % 21] for i in range(count - len(bad))]
    return Photos(paths, np.arange(count * 1.0), np.ones(count))


def test_a_bad_photo_is_left_out_and_named(photos, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    store = open_store(many(photos, [tmp_path / "bad.jpg"]))
    assert len(store) == 99
    assert store.photos.ages[0] == 1
    ((path, reason),) = store.bad
    assert path == tmp_path / "bad.jpg"
    assert reason.startswith("not a photo that can be read; expected JPEG, PNG")


def test_photos_are_opened_as_everywhere(photos, tmp_path, monkeypatch):
    """PostScript never reaches another program, a pipe does not stop the reading, and so on."""
    monkeypatch.setattr("subprocess.check_call", lambda *_, **__: pytest.fail("started"))
    monkeypatch.setattr("tinydldl.images.MOST_PIXELS", 9000)
    names = ("postscript.jpg", "strip.png", "large.png")
    eps, strip, large = (tmp_path / name for name in names)
    Image.new("RGB", (9, 6)).save(eps, "EPS")
    Image.new("RGB", (3000, 2)).save(strip)
    Image.new("RGB", (100, 100)).save(large)
    os.mkfifo(tmp_path / "pipe.jpg")
    store = open_store(many(photos, [eps, strip, large, tmp_path / "pipe.jpg"], 400))
    reasons = ["not a photo", "3000 x 2 pixels", "0.01 million pixels, exp", "a pipe or a device"]
    assert len(store.bad) == 4
    for (_, reason), words in zip(store.bad, reasons, strict=True):
        assert reason.startswith(words)


def test_a_photo_that_vanishes_is_named(own_photos):
    store = open_store(own_photos, cache_bytes=0)
    own_photos.paths[3].unlink()
    with pytest.raises(DataError, match=r"03\.png could be read before, and cannot now"):
        list(eval_batches(store, batch=4))


def test_a_photo_that_another_one_takes_the_place_of_is_named(own_photos):
    store = open_store(own_photos, cache_bytes=0)
    store[3]
    with Image.open(own_photos.paths[3]) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(own_photos.paths[3])
    with pytest.raises(DataError, match=r"03\.png: another photo than before"):
        store[3]


def test_batches_are_of_nearly_equal_size():
    assert [len(part) for part in split(np.arange(21), 4)] == [4, 4, 4, 3, 3, 3]
    assert [len(part) for part in split(np.arange(3), 4)] == [3]


def test_in_a_browser_there_are_no_threads(monkeypatch):
    monkeypatch.setattr(sys, "platform", "emscripten")
    monkeypatch.setattr(ThreadPoolExecutor, "submit", None)
    assert list(in_order(str, range(3), loaders=2)) == ["0", "1", "2"]


def test_work_is_done_a_few_items_ahead_and_no_more():
    begun, lock = [], threading.Lock()

    def work(item):
        with lock:
            begun.append(item)
        return item * item

    results = in_order(work, range(1000), loaders=2)
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    results.close()
    assert len(begun) < 20


def test_an_error_in_a_thread_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda item: 1 / item, [1, 0], loaders=2))


def test_normalize():
    images = np.array([0, 255], dtype=np.uint8).repeat(3).reshape(2, 1, 1, 3)
    x = normalize(images, [0.5, 0.25, 0.0], [0.5, 0.25, 1.0])
    assert x.dtype == np.float32
    np.testing.assert_allclose(x.reshape(2, 3), [[-1, -1, 0], [1, 3, 1]])
