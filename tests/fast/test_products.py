"""Matrix products in pieces against einsum: sizes that cannot be cut well, and limits that cut."""

import numpy as np
import pytest

from tinydldl.fast import products
from tinydldl.fast.products import cut, multiply, multiply_transposed, parts, piece

SIZES = [  # rows, inner, columns
    (1, 1, 1),
    (1, 7, 1),
    (6, 4, 8),
    (7, 5, 3),
    (67, 3, 71),  # primes above EDGE
    (128, 130, 96),
    (5, 131, 66),
]
LIMITS = [None, (1, 2), (40, 4), (1000, 3)]  # DIRECT, EDGE


@pytest.fixture(params=LIMITS, ids=str)
def limits(request, monkeypatch):
    """The limits as they are, and small ones, with which small matrices are cut, too."""
    if request.param:
        monkeypatch.setattr(products, "DIRECT", request.param[0])
        monkeypatch.setattr(products, "EDGE", request.param[1])


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(
    ("function", "axes", "formula"),
    [(multiply, (0, 1, 2), "prk,pks->prs"), (multiply_transposed, (0, 2, 1), "pkr,pks->prs")],
)
def test_products(function, axes, formula, sizes, rng):
    R, K, S = sizes
    X, Y = rng.standard_normal(np.take((3, R, K), axes)), rng.standard_normal((3, K, S))
    out = np.full((3, R, S), np.nan)
    function(X, Y, out=out)
    np.testing.assert_allclose(out, np.einsum(formula, X, Y), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("length", "most", "expected"),
    [(64, 64, 64), (128, 64, 64), (96, 64, 48), (67, 64, 1), (5, 64, 5), (1, 1, 1), (35, 6, 5)],
)
def test_piece(length, most, expected):
    assert piece(length, most) == expected


@pytest.mark.parametrize(("length", "size"), [(7, 7), (7, 3), (7, 1), (12, 4), (1, 1)])
def test_parts_cover_all_once_in_pieces(length, size):
    found = list(parts(length, size))
    positions = [i for part, _ in found for i in range(length)[part]]
    assert positions == list(range(length))
    assert all(len(range(length)[part]) % rows == 0 and rows <= size for part, rows in found)


def test_cut_is_a_view(rng):
    X = rng.standard_normal((2, 6, 8))
    tiles = cut(X, 3, 4)
    assert tiles.shape == (2, 2, 2, 3, 4)
    assert np.shares_memory(tiles, X)
    np.testing.assert_array_equal(tiles[1, 1, 0], X[1, 3:6, 0:4])
    np.testing.assert_array_equal(tiles[0, 0, 1], X[0, 0:3, 4:8])


@pytest.mark.parametrize("function", [multiply, multiply_transposed])
def test_pieces_are_as_small_as_they_should_be(function, monkeypatch, rng):
    """That is the point of the cutting: BLAS sees no product of more than DIRECT multiply-adds."""
    monkeypatch.setattr(products, "DIRECT", 20 * 32 * 64)
    seen, matmul = [], np.matmul

    def watched(X, Y, out):
        seen.append(X.shape[-2] * X.shape[-1] * Y.shape[-1])
        return matmul(X, Y, out=out)

    monkeypatch.setattr(np, "matmul", watched)
    X, Y = rng.random((2, 96, 20)), rng.random((2, 20, 128))
    out = np.empty((2, 96, 128))
    function(X if function is multiply else X.transpose(0, 2, 1).copy(), Y, out=out)
    assert seen
    assert max(seen) <= products.DIRECT
