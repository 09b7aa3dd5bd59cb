"""What holds for any input at all: distributions, losses, metrics, transforms, files.

Hypothesis looks for a counterexample, and shows the smallest one that it finds.
"""

import copy
import csv
import json
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special
from helpers.networks import save_network
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from tinydldl import losses, metrics, trained
from tinydldl.checkpoint import CheckpointError
from tinydldl.datasets.loader import normalize
from tinydldl.datasets.transforms import CHOICES, augment
from tinydldl.files import read_table, write_table
from tinydldl.images import held_side
from tinydldl.labels import cumulative_matrix, gaussian_label_distribution, label_grid, ranking_code
from tinydldl.layers import LogSigmoid, LogSoftmax, Sigmoid, Softmax
from tinydldl.methods import make_method

pytestmark = pytest.mark.filterwarnings("error")  # as of an overflow, which users would see
sizes = st.tuples(st.integers(1, 4), st.integers(2, 9))  # (N, K)
seeds = st.integers(0, 2**32)


def reals(most):
    return st.floats(-most, most, allow_subnormal=False)


def matrices(most=30.0, shapes=sizes):
    return arrays.arrays(float, shapes, elements=reals(most))


@st.composite
def grids(draw):
    """Labels that begin anywhere, a few or many years apart."""
    first, step = draw(st.integers(-40, 40)), draw(st.sampled_from([0.25, 0.5, 1, 2, 5]))
    return label_grid(first, first + draw(st.integers(1, 60)) * step, step)


@st.composite
def ages(draw, beyond=0.0):
    """`(grid, y, sigma)`: a few photos, their ages at most so many years `beyond` the grid."""
    grid, N = draw(grids()), draw(st.integers(1, 4))
    y = arrays.arrays(float, N, elements=st.floats(grid[0] - beyond, grid[-1] + beyond))
    sigma = arrays.arrays(float, N, elements=st.floats(0, 30))
    return grid, draw(y), draw(sigma)


@st.composite
def pairs(draw):
    """Two distributions (N, K) of one shape, both positive everywhere."""
    shape = draw(sizes)
    p, q = (scipy.special.softmax(draw(matrices(8, st.just(shape))), axis=1) for _ in range(2))
    return p, q


# ----------------------------------------------------------------------------- label distributions


@given(ages(beyond=20))
def test_a_label_distribution_is_one(given):
    """Also far outside the grid, and for a sigma of nearly 0: it sums to 1, and peaks nearest."""
    grid, y, sigma = given
    p = gaussian_label_distribution(y, sigma, grid)
    assert p.min() >= 0
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    distance = np.abs(grid - y[:, None])
    peak = np.take_along_axis(distance, p.argmax(axis=1)[:, None], axis=1)
    np.testing.assert_allclose(peak[:, 0], distance.min(axis=1), atol=1e-6)


@given(ages(beyond=20), st.integers(-50, 50))
def test_it_moves_and_turns_with_its_grid(given, years):
    grid, y, sigma = given
    y = np.round(y * 8) / 8  # so that sums with whole numbers are exact
    p = gaussian_label_distribution(y, sigma, grid)
    moved = gaussian_label_distribution(y + years, sigma, grid + years)
    np.testing.assert_allclose(moved, p, rtol=1e-12)
    turned = gaussian_label_distribution(-y, sigma, -grid[::-1])
    np.testing.assert_allclose(turned[:, ::-1], p, rtol=1e-12)


@given(ages())
def test_without_spread_it_is_the_nearest_label_and_with_all_spread_uniform(given):
    grid, y, _ = given
    exact = gaussian_label_distribution(y, np.zeros(len(y)), grid)
    for row, age in zip(exact, y, strict=True):
        nearest = np.abs(grid - age) == np.abs(grid - age).min()
        np.testing.assert_array_equal(row, nearest / nearest.sum())
    wide = gaussian_label_distribution(y, np.full(len(y), 1e9), grid)
    np.testing.assert_allclose(wide, 1 / len(grid), rtol=1e-9)


@given(grids(), st.data())
def test_the_expectation_is_a_sum_over_the_code(grid, data):
    """`E[l] = l_0 + dl sum_{k<K-1} (1 - T p)_k`, exactly, for any distribution on any grid."""
    p = scipy.special.softmax(data.draw(matrices(9, st.just((2, len(grid))))), axis=1)
    code = (1 - p @ cumulative_matrix(len(grid)).T)[:, :-1]
    expected = grid[0] + (grid[1] - grid[0]) * code.sum(axis=1)
    np.testing.assert_allclose(expected, p @ grid, rtol=1e-12, atol=1e-11)


@given(ages())
def test_a_ranking_code_falls_and_counts_to_the_nearest_label(given):
    grid, y, _ = given
    code = ranking_code(y, grid)
    assert code.shape == (len(y), len(grid) - 1)
    assert (np.diff(code, axis=1) <= 0).all()
    assert set(np.unique(code)) <= {0, 1}
    found = np.abs(grid[code.sum(axis=1).astype(int)] - y)
    np.testing.assert_allclose(found, np.abs(grid - y[:, None]).min(axis=1), atol=1e-9)
    counted = grid[code.sum(axis=1).astype(int)]
    np.testing.assert_array_equal(make_method("ranking", grid).age(code), counted)


# ------------------------------------------------------------------------------------------ softmax


@given(matrices(1e300), reals(1e3))
def test_softmax_is_a_distribution_that_no_shift_changes(x, shift):
    p = Softmax().forward(x)
    assert np.isfinite(p).all()
    assert p.min() >= 0
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert (np.take_along_axis(p, x.argmax(axis=1)[:, None], axis=1)[:, 0] == p.max(axis=1)).all()
    x = np.clip(x, -1e3, 1e3)
    np.testing.assert_allclose(Softmax().forward(x + shift), Softmax().forward(x), rtol=1e-9)


@given(matrices(700), st.randoms())
def test_softmax_follows_its_labels_and_agrees_with_its_logarithm(x, random):
    order = random.sample(range(x.shape[1]), x.shape[1])
    p = Softmax().forward(x)
    np.testing.assert_allclose(Softmax().forward(x[:, order]), p[:, order], rtol=1e-12)
    np.testing.assert_allclose(np.exp(LogSoftmax().forward(x)), p, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(np.exp(LogSigmoid().forward(x)), Sigmoid().forward(x), rtol=1e-9)


# ------------------------------------------------------------------------------------------- losses


@given(pairs(), reals(1e3))
def test_the_kl_divergence(given, shift):
    """Never negative, 0 between equals; its gradient; no shift of the logits matters."""
    p, p_hat = given
    L, dx = losses.kl_from_logits(np.log(p_hat), p)
    assert L >= -1e-12
    assert pytest.approx(scipy.special.rel_entr(p, p_hat).sum() / len(p), abs=1e-12) == L
    np.testing.assert_allclose(dx, (p_hat - p) / len(p), atol=1e-12)
    moved, moved_dx = losses.kl_from_logits(np.log(p_hat) + shift, p)
    assert moved == pytest.approx(L, abs=1e-9)
    np.testing.assert_allclose(moved_dx, dx, atol=1e-9)
    assert losses.kl_from_logits(np.log(p), p)[0] == pytest.approx(0, abs=1e-12)
    if np.abs(p - p_hat).max() > 1e-3:
        assert L > 0


@given(pairs())
def test_soft_cross_entropy_exceeds_it_by_the_entropy(given):
    p, p_hat = given
    entropy = scipy.special.entr(p).sum() / len(p)
    kl, soft = (f(np.log(p_hat), p) for f in (losses.kl_from_logits, losses.soft_cross_entropy))
    assert soft[0] == pytest.approx(kl[0] + entropy, abs=1e-11)
    np.testing.assert_allclose(soft[1], kl[1], atol=1e-15)


@given(pairs(), st.floats(0, 10), st.data())
def test_the_joint_loss_is_linear_in_lambda(given, lam, data):
    p, p_hat = given
    y, y_hat = (data.draw(arrays.arrays(float, len(p), elements=reals(100))) for _ in range(2))
    (L, L_ld, L_er), dx, dy_hat = losses.joint(np.log(p_hat), y_hat, p, y, lam)
    assert pytest.approx(L_ld + lam * L_er) == L
    assert L_er == pytest.approx(np.abs(y_hat - y).mean())
    (alone, *_), alone_dx, none = losses.joint(np.log(p_hat), y_hat, p, y, 0)
    assert alone == L_ld
    np.testing.assert_array_equal(dx, alone_dx)
    assert not none.any()
    np.testing.assert_allclose(dx, (p_hat - p) / len(p), atol=1e-12)
    np.testing.assert_allclose(dy_hat, lam * np.sign(y_hat - y) / len(y))


# ------------------------------------------------------------------------------------------ metrics


@given(pairs())
def test_measures_of_two_distributions_keep_their_bounds(given):
    p, q = given
    K = p.shape[1]
    for name, symmetric, low, high, best in (
        ("chebyshev", True, 0, 1, 0),
        ("clark", True, 0, K**0.5, 0),
        ("canberra", True, 0, K, 0),
        ("kl", False, 0, np.inf, 0),
        ("cosine", True, 0, 1, 1),
        ("intersection", True, 0, 1, 1),
    ):
        measure = getattr(metrics, name)
        assert low - 1e-12 <= measure(p, q) <= high + 1e-12, name
        assert measure(p, p) == pytest.approx(best, abs=1e-9), name
        if symmetric:
            assert measure(p, q) == pytest.approx(measure(q, p), rel=1e-12), name


@given(ages(beyond=20), st.data())
def test_crps_is_its_definition(given, data):
    """`E|X - y| - E|X - X'| / 2`: the double sum over all labels."""
    grid, y, _ = given
    p = scipy.special.softmax(data.draw(matrices(9, st.just((len(y), len(grid))))), axis=1)
    apart = np.abs(grid[:, None] - grid)
    each = [q @ np.abs(grid - age) - q @ apart @ q / 2 for q, age in zip(p, y, strict=True)]
    assert metrics.crps(p, y, grid) == pytest.approx(np.mean(each), rel=1e-9, abs=1e-9)


@given(ages(beyond=20), st.data())
def test_shares_of_photos_rise_from_0_to_1(given, data):
    grid, y, sigma = given
    y_hat = data.draw(arrays.arrays(float, len(y), elements=reals(200)))
    p_hat = scipy.special.softmax(data.draw(matrices(9, st.just((len(y), len(grid))))), axis=1)
    assert 0 <= metrics.epsilon_error(y_hat, y, sigma) <= 1
    for shares in (
        metrics.cumulative_score(y_hat, y, np.linspace(0, 500, 30)),
        metrics.coverage(p_hat, y, grid, np.linspace(0, 1, 30)),
    ):
        assert (np.diff(shares) >= 0).all()
        assert shares.min() >= 0
        assert shares[-1] == 1


# --------------------------------------------------------------------------------------- transforms


@st.composite
def photos(draw):
    height, width = draw(st.integers(32, 60)), draw(st.integers(32, 60))
    pixels = np.random.default_rng(draw(seeds)).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


@given(photos(), seeds, st.sets(st.sampled_from(sorted(CHOICES))))
def test_augmented_photos_are_photos_and_the_seed_says_which(photo, seed, names):
    before = photo.tobytes()
    one, other = (augment(photo, np.random.default_rng(seed), names, 28) for _ in range(2))
    assert (one.mode, one.size) == ("RGB", (28, 28))
    assert one.tobytes() == other.tobytes()
    assert photo.tobytes() == before


@given(photos(), seeds)
def test_a_mirror_image_of_a_mirror_image_is_the_photo(photo, seed):
    """The same draw decides both times."""
    mirrored = CHOICES["mirror"](photo, np.random.default_rng(seed))
    again = CHOICES["mirror"](mirrored, np.random.default_rng(seed))
    assert again.tobytes() == photo.tobytes()


@given(st.integers(1, 2000))
def test_photos_are_held_larger_by_an_eighth(side):
    assert side <= held_side(side) <= side * 8 / 7 + 1


# ------------------------------------------------------------------------------------------- tables

odd = st.sampled_from(["\r", "a\rb", "\r\n", "\u2028", '"', "\0", " "])
texts = odd | st.text(st.characters(exclude_categories=["Cs"]), min_size=1)  # no half surrogates


@given(rows=st.lists(st.fixed_dictionaries({"path": texts, "why": texts}), max_size=5))
def test_any_text_comes_back_from_a_table(rows, tmp_path_factory):
    """Quotes, commas, line ends of any kind, control characters: a cell is what it was."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    write_table(path, ("path", "why"), rows)
    assert read_table(path) == rows
    with open(path, newline="", encoding="utf-8") as file:
        assert len(list(csv.reader(file))) == len(rows) + 1


# -------------------------------------------------------------------------------------- checkpoints

FIELDS = """network network.name network.side network.pool network.log_sigmoid network.another
    method method.name method.lam grid grid.first grid.last grid.labels channels channels.mean
    channels.std average another"""
three = st.lists(st.sampled_from([0, 0.5, 1]), min_size=3, max_size=3)
sensible = three | st.sampled_from([0, 32, 40, 0.25, True, "gap", "dldl"])
simple = st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text()
values = sensible | st.recursive(
    simple,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "net"
    save_network(path)
    return path, json.loads(path.with_suffix(".json").read_text())


@settings(max_examples=200)
@given(st.sampled_from(FIELDS.split()), values)
def test_any_value_in_a_checkpoint_is_refused_or_does_no_harm(network, field, value):
    """In any field: one line that says so, or a network that predicts numbers.

    What is taken for a description has the types and ranges that it says.
    """
    path, meta = network
    meta, (section, _, name) = copy.deepcopy(meta), field.rpartition(".")
    (meta[section] if section else meta)[name] = value
    with suppress(LookupError, TypeError, ValueError, AttributeError):
        about = SimpleNamespace(**trained.checked(meta))
        assert [type(about.side), type(about.labels), type(about.log_sigmoid)] == [int, int, bool]
        assert 2 <= about.labels <= 10_001
        assert 0 <= about.first < about.last <= 1000
        assert len(about.mean) == len(about.std) == 3
        assert all(0 < deviation <= 1 for deviation in about.std)
        assert np.isfinite(np.array(about.mean + about.std, dtype=float)).all()
    path.with_suffix(".json").write_text(json.dumps(meta))
    try:
        found, refusal = trained.load(path), None
    except CheckpointError as error:
        found, refusal = None, str(error)
    if found:
        x = normalize(np.zeros((1, found.side, found.side, 3), np.uint8), *found.channels)
        assert np.isfinite(found.method.predict(found.model.forward(x))).all()
    else:
        assert refusal.startswith(f"{path}: ")
