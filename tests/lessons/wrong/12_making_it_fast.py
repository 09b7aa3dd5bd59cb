# %% exercise="cost" wrong="a multiply-add as one FLOP"
def shifted_cost(P, C, OC):
    return 9 * P * C * OC, 9 * 4 * P * (C + 4 * OC)


# %% exercise="cost" wrong="the sum touches two arrays"
def shifted_cost(P, C, OC):
    return 2 * 9 * P * C * OC, 9 * 4 * P * (C + 3 * OC)


# %% exercise="cost" wrong="a perfect cache"
def shifted_cost(P, C, OC):
    return 2 * 9 * P * C * OC, 4 * P * (C + OC)


# %% exercise="cost" wrong="numbers, not bytes"
def shifted_cost(P, C, OC):
    return 2 * 9 * P * C * OC, 9 * P * (C + 4 * OC)


# %% exercise="cost" wrong="as many channels out as in"
def shifted_cost(P, C, OC):
    return 2 * 9 * P * C * C, 9 * 4 * P * 5 * C


# %% exercise="f23" wrong="the halves in B"
def f23():
    A = np.array([[1, 0], [1, 1], [1, -1], [0, 1]])
    B = np.array([[1, 0, 0, 0], [0, 1 / 2, -1 / 2, -1], [-1, 1 / 2, 1 / 2, 0], [0, 0, 0, 1]])
    G = np.array([[1, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 1]])
    return A, B, G


# %% exercise="f23" wrong="the halves forgotten"
def f23():
    A = np.array([[1, 0], [1, 1], [1, -1], [0, 1]])
    B = np.array([[1, 0, 0, 0], [0, 1, -1, -1], [-1, 1, 1, 0], [0, 0, 0, 1]])
    G = np.array([[1, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 1]])
    return A, B, G


# %% exercise="f23" wrong="B transposed"
def f23():
    A = np.array([[1, 0], [1, 1], [1, -1], [0, 1]])
    B = np.array([[1, 0, 0, 0], [0, 1, -1, -1], [-1, 1, 1, 0], [0, 0, 0, 1]]).T
    G = np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]])
    return A, B, G


# %% exercise="f23" wrong="the points in another order"
def f23():
    A = np.array([[1, 0], [1, -1], [1, 1], [0, 1]])
    B = np.array([[1, 0, 0, 0], [0, -1, 1, -1], [-1, 1, 1, 0], [0, 0, 0, 1]])
    G = np.array([[1, 0, 0], [1 / 2, -1 / 2, 1 / 2], [1 / 2, 1 / 2, 1 / 2], [0, 0, 1]])
    return A, B, G


# %% exercise="f23" wrong="one sign"
def f23():
    A = np.array([[1, 0], [1, 1], [1, -1], [0, 1]])
    B = np.array([[1, 0, 0, 0], [0, 1, -1, 1], [-1, 1, 1, 0], [0, 0, 0, 1]])
    G = np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]])
    return A, B, G


# %% exercise="ratio" wrong="no transforms"
def ratio(m, C, OC):
    return (m + 2) ** 2 / (9 * m**2)


# %% exercise="ratio" wrong="the transforms of the outputs forgotten"
def ratio(m, C, OC):
    n = m + 2
    return (n**2 * C * OC + 2 * n**3 * C) / (9 * m**2 * C * OC)


# %% exercise="ratio" wrong="upside down"
def ratio(m, C, OC):
    n = m + 2
    transforms = 2 * n**3 * C + (m * n**2 + m**2 * n) * OC
    return (9 * m**2 * C * OC) / (n**2 * C * OC + transforms)


# %% exercise="ratio" wrong="transforms for every pair of channels"
def ratio(m, C, OC):
    n = m + 2
    return (n**2 + 2 * n**3 + m * n**2 + m**2 * n) / (9 * m**2)


# %% exercise="ratio" wrong="F(2x2), always"
def ratio(m, C, OC):
    return (16 * C * OC + 128 * C + 48 * OC) / (36 * C * OC)


# %% exercise="layer" wrong="the package's layer, in float64"
def winograd_conv2d(x_pad, W, A, B, G):
    C, OC = W.shape[2:]
    layer = Conv2d(C, OC, 3, bias=False, rng=rng).to(dtype=float)
    layer.params["W"][...] = W
    return layer.forward(x_pad.astype(float))


# %% exercise="layer" wrong="one tile of F(2x2), always"
def winograd_conv2d(x_pad, W, A, B, G):
    return np.zeros((*x_pad.shape[:1], 2, 2, W.shape[3]), dtype=x_pad.dtype)


# %% exercise="layer" wrong="the filters not transformed"
def winograd_conv2d(x_pad, W, A, B, G):
    (n, m), (C, OC) = A.shape, W.shape[2:]
    A, B, G = (X.astype(x_pad.dtype) for X in (A, B, G))
    tiles = np.lib.stride_tricks.sliding_window_view(x_pad, (n, n), axis=(1, 2))[:, ::m, ::m]
    U = np.pad(W.transpose(2, 3, 0, 1), ((0, 0), (0, 0), (0, n - 3), (0, n - 3)))
    M = np.einsum("ntsckl,cokl->ntsokl", B.T @ tiles @ B, U)
    Y = A.T @ M @ A
    N, TH, TW = tiles.shape[:3]
    return Y.transpose(0, 1, 4, 2, 5, 3).reshape(N, TH * m, TW * m, OC)


# %% exercise="layer" wrong="tiles put together in the wrong order"
def winograd_conv2d(x_pad, W, A, B, G):
    (n, m), (C, OC) = A.shape, W.shape[2:]
    A, B, G = (X.astype(x_pad.dtype) for X in (A, B, G))
    tiles = np.lib.stride_tricks.sliding_window_view(x_pad, (n, n), axis=(1, 2))[:, ::m, ::m]
    U = G @ W.transpose(2, 3, 0, 1) @ G.T
    Y = A.T @ np.einsum("ntsckl,cokl->ntsokl", B.T @ tiles @ B, U) @ A
    N, TH, TW = tiles.shape[:3]
    return Y.transpose(0, 1, 2, 4, 5, 3).reshape(N, TH * m, TW * m, OC)


# %% exercise="layer" wrong="changes x_pad"
def winograd_conv2d(x_pad, W, A, B, G):
    (n, m), (C, OC) = A.shape, W.shape[2:]
    A, B, G = (X.astype(x_pad.dtype) for X in (A, B, G))
    tiles = np.lib.stride_tricks.sliding_window_view(x_pad, (n, n), axis=(1, 2))[:, ::m, ::m]
    U = G @ W.transpose(2, 3, 0, 1) @ G.T
    Y = A.T @ np.einsum("ntsckl,cokl->ntsokl", B.T @ tiles @ B, U) @ A
    x_pad += 1
    N, TH, TW = tiles.shape[:3]
    return Y.transpose(0, 1, 4, 2, 5, 3).reshape(N, TH * m, TW * m, OC)


# %% exercise="merge" wrong="the plain mean of the means"
def merge_moments(counts, means, squares):
    m = means.mean(axis=0)
    return counts.sum(), m, squares.sum(axis=0) + counts @ (means - m) ** 2


# %% exercise="merge" wrong="the distances of the means forgotten"
def merge_moments(counts, means, squares):
    n = counts.sum()
    return n, counts @ means / n, squares.sum(axis=0)


# %% exercise="merge" wrong="by the squares of all numbers"
def merge_moments(counts, means, squares):
    n = counts.sum()
    m = counts @ means / n
    return n, m, (squares + counts[:, None] * means**2).sum(axis=0) - n * m**2


# %% exercise="merge" wrong="each distance counted once"
def merge_moments(counts, means, squares):
    n = counts.sum()
    m = counts @ means / n
    return n, m, squares.sum(axis=0) + ((means - m) ** 2).sum(axis=0)


# %% exercise="merge" wrong="changes the means"
def merge_moments(counts, means, squares):
    n = counts.sum()
    m = counts @ means / n
    means -= m
    return n, m, squares.sum(axis=0) + counts @ means**2


# %% exercise="cost" hidden="40 positions, always"
def shifted_cost(P, C, OC):
    return 2 * 9 * 40 * C * OC, 9 * 4 * 40 * (C + 4 * OC)


# %% exercise="f23" hidden="a two in A"
def f23():
    A = np.array([[2, 0], [1, 1], [1, -1], [0, 1]])
    B = np.array([[1, 0, 0, 0], [0, 1, -1, -1], [-1, 1, 1, 0], [0, 0, 0, 1]])
    G = np.array([[1 / 2, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]])
    return A, B, G


# %% exercise="ratio" hidden="four points or six"
def ratio(m, C, OC):
    n = 4 if m == 2 else 6
    transforms = 2 * n**3 * C + (m * n**2 + m**2 * n) * OC
    return (n**2 * C * OC + transforms) / (9 * m**2 * C * OC)


# %% exercise="layer" hidden="the package's layer"
def winograd_conv2d(x_pad, W, A, B, G):
    layer = Conv2d(*W.shape[2:], 3, bias=False, rng=np.random.default_rng()).to(dtype=x_pad.dtype)
    layer.params["W"][...] = W
    return layer.forward(x_pad)


# %% exercise="merge" hidden="one after the other: the first may not be empty"
def merge_moments(counts, means, squares):
    n, m, S = counts[0], means[0], squares[0]
    for count, mean, square in zip(counts[1:], means[1:], squares[1:], strict=True):
        S = S + square + n * count / (n + count) * (mean - m) ** 2
        m = m + count / (n + count) * (mean - m)
        n = n + count
    return n, m, S
