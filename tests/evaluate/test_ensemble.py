"""Networks are averaged before they are decoded, and only if what they predict is of one kind."""

import numpy as np
import pytest
from helpers.networks import contents, save_network
from helpers.photos import put_photos

from tinydldl import checkpoint
from tinydldl.checkpoint import CheckpointError
from tinydldl.datasets import Photos
from tinydldl.datasets.loader import PhotoStore
from tinydldl.evaluate import ensemble
from tinydldl.labels import label_grid

COMPUTE = np, 2, "layers", None  # two photos at a time


@pytest.fixture
def photos(tmp_path, rng):
    """Five photos."""
    paths = put_photos(tmp_path, 5, rng, 60, 50)
    return Photos(paths, np.linspace(10, 50, 5), np.full(5, 2.0))


def by_hand(network, photos, side):
    """The mean of p_hat for each photo and its mirror image, one photo at a time."""
    store, (mean, std) = PhotoStore(photos, side, 0, 1), network.channels
    predictions = []
    for i in range(len(photos)):
        held = store[i]
        top, left = (held.shape[0] - side) // 2, (held.shape[1] - side) // 2
        image = held[top : top + side, left : left + side] / 255
        x = ((image - mean) / std).astype(np.float32)
        both = network.model.forward(np.stack([x, x[:, ::-1]]))
        e = np.exp(both - both.max(axis=1, keepdims=True))
        predictions.append((e / e.sum(axis=1, keepdims=True)).mean(axis=0))
    return np.array(predictions)


def test_the_average_is_that_by_hand_for_networks_of_two_sizes(tmp_path, photos):
    sizes = {tmp_path / "a": 32, tmp_path / "b": 40, tmp_path / "c": 32}
    for seed, (path, side) in enumerate(sizes.items()):
        channels = [[0.4 + 0.1 * seed] * 3, [0.2 + 0.1 * seed] * 3]
        save_network(path, seed=seed, side=side, channels=channels)
    networks = ensemble.load(sizes)
    stores = {side: PhotoStore(photos, side, 0, 1) for side in (32, 40)}
    each = [by_hand(networks[path], photos, side) for path, side in sizes.items()]
    spread = np.ptp(each, axis=0).max()
    assert spread > 0.001  # they do differ
    mean = ensemble.average(networks, stores, *COMPUTE)
    np.testing.assert_allclose(mean, sum(each) / 3, rtol=0, atol=1e-4 * spread)


def test_methods_with_one_kind_of_prediction_go_together(tmp_path):
    names = ["dldl-v2", "dex", "er-l1"]
    for name in names:
        save_network(tmp_path / name, name)
    networks = ensemble.load([tmp_path / name for name in names]).values()
    assert [network.meta["method"]["name"] for network in networks] == names


@pytest.mark.parametrize(
    ("method", "grid", "labels"),
    [
        ("ranking", label_grid(), "101 labels from 0 to 100"),
        ("mr-l1", label_grid(), "101 labels from 0 to 100"),
        ("dldl", label_grid(step=2), "51 labels from 0 to 100"),
        ("dldl", label_grid(10, 110), "101 labels from 10 to 110"),
    ],
)
def test_others_are_refused_in_one_line_that_names_both(method, grid, labels, tmp_path):
    save_network(tmp_path / "a")
    save_network(tmp_path / "b", method, grid)
    with pytest.raises(CheckpointError, match=f"^{tmp_path / 'a'} and {tmp_path / 'b'}: ") as error:
        ensemble.load([tmp_path / "a", tmp_path / "b"])
    both = f": dldl-v2 on 101 labels from 0 to 100, and {method} on {labels}"
    assert str(error.value).endswith(both)


def test_the_folder_of_an_ensemble_stands_for_its_networks(tmp_path):
    for member in (1, 2, 10):
        (tmp_path / f"member-{member}").mkdir()
        save_network(tmp_path / f"member-{member}" / "checkpoint", seed=member)
    networks = ensemble.load([tmp_path])
    assert [path.name for path in networks] == ["member-1", "member-2", "member-10"]


def test_a_network_named_twice_counts_once(tmp_path):
    save_network(tmp_path / "a")
    assert len(ensemble.load([tmp_path / "a", tmp_path / "a"])) == 1


def test_a_broken_network_is_named(tmp_path, photos):
    save_network(tmp_path / "a")
    arrays, meta = contents(tmp_path / "a")
    arrays["model.fc.W"][...] = np.finfo(np.float32).max  # their sum is not one that can be held
    checkpoint.save(tmp_path / "a", arrays, meta)
    stores = {32: PhotoStore(photos, 32, 0, 1)}
    with pytest.raises(CheckpointError, match="a: what the network predicts is not finite"):
        ensemble.average(ensemble.load([tmp_path / "a"]), stores, *COMPUTE)
