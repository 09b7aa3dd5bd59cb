# %% exercise="epsilon" wrong="divides by a sigma of 0"
def epsilon_error(y_hat, y, sigma):
    term = np.exp(-((y_hat - y) ** 2) / (2 * sigma**2))
    return 1 - np.where(sigma == 0, y_hat == y, term).mean()


# %% exercise="epsilon" wrong="a sigma of 0 costs nothing"
def epsilon_error(y_hat, y, sigma):
    term = np.exp(-((y_hat - y) ** 2) / (2 * np.where(sigma == 0, 1, sigma) ** 2))
    return 1 - np.where(sigma == 0, 1, term).mean()


# %% exercise="epsilon" wrong="photos with a sigma of 0 left out"
def epsilon_error(y_hat, y, sigma):
    some = sigma > 0
    return 1 - np.exp(-((y_hat - y)[some] ** 2) / (2 * sigma[some] ** 2)).mean()


# %% exercise="epsilon" wrong="no factor 2"
def epsilon_error(y_hat, y, sigma):
    term = np.exp(-((y_hat - y) ** 2) / np.where(sigma == 0, 1, sigma) ** 2)
    return 1 - np.where(sigma == 0, y_hat == y, term).mean()


# %% exercise="epsilon" wrong="a small sigma in the place of 0, written into it"
def epsilon_error(y_hat, y, sigma):
    sigma[sigma == 0] = 1e-2
    return 1 - np.exp(-((y_hat - y) ** 2) / (2 * sigma**2)).mean()


# %% exercise="fresh" wrong="c ignored"
def expected_epsilon(c, n):
    return 1 - chi2(n - 1).expect(lambda C: np.sqrt(C / (C + n + 1)))


# %% exercise="fresh" wrong="n degrees of freedom"
def expected_epsilon(c, n):
    return 1 - chi2(n).expect(lambda C: np.sqrt(C / (C + c * n)))


# %% exercise="fresh" wrong="no root"
def expected_epsilon(c, n):
    return 1 - chi2(n - 1).expect(lambda C: C / (C + c * n))


# %% exercise="fresh" wrong="the mean put into the formula"
def expected_epsilon(c, n):
    return 1 - np.sqrt((n - 1) / (n - 1 + c * n))


# %% exercise="fresh" wrong="n forgotten"
def expected_epsilon(c, n):
    return 1 - chi2(n - 1).expect(lambda C: np.sqrt(C / (C + c)))


# %% exercise="crps" wrong="widths ignored"
def crps(p_hat, y, grid):
    F = np.cumsum(p_hat, axis=1)[:, :-1]
    off = (p_hat * np.abs(grid - y[:, None])).sum(axis=1)
    return (off - (F * (1 - F)).sum(axis=1)).mean()


# %% exercise="crps" wrong="no half"
def crps(p_hat, y, grid):
    F = np.cumsum(p_hat, axis=1)[:, :-1]
    off = (p_hat * np.abs(grid - y[:, None])).sum(axis=1)
    return (off - 2 * (F * (1 - F) * np.diff(grid)).sum(axis=1)).mean()


# %% exercise="crps" wrong="the distance only"
def crps(p_hat, y, grid):
    return (p_hat * np.abs(grid - y[:, None])).sum(axis=1).mean()


# %% exercise="crps" wrong="the MAE of the expectation"
def crps(p_hat, y, grid):
    return np.abs(p_hat @ grid - y).mean()


# %% exercise="crps" wrong="the sum over photos"
def crps(p_hat, y, grid):
    return metrics.crps(p_hat, y, grid) * len(y)


# %% exercise="crps" wrong="changes p_hat"
def crps(p_hat, y, grid):
    score = metrics.crps(p_hat, y, grid)
    np.cumsum(p_hat, axis=1, out=p_hat)
    return score


# %% exercise="coverage" wrong="grid[0] ignored"
def transform(p_hat, y, grid):
    step = grid[1] - grid[0]
    k = np.minimum(np.floor(y / step + 0.5).astype(int), len(grid) - 1)
    mass = p_hat[np.arange(len(y)), k]
    before = np.cumsum(p_hat, axis=1)[np.arange(len(y)), k] - mass
    return before + mass * (y - (grid[k] - step / 2)) / step


# %% exercise="coverage" wrong="a step of 1"
def transform(p_hat, y, grid):
    k = np.floor(y - grid[0] + 0.5).astype(int) // int(grid[1] - grid[0])
    mass = p_hat[np.arange(len(y)), k]
    before = np.cumsum(p_hat, axis=1)[np.arange(len(y)), k] - mass
    return before + mass * (y - (grid[k] - 0.5))


# %% exercise="coverage" wrong="the whole bin included"
def transform(p_hat, y, grid):
    step = grid[1] - grid[0]
    k = np.floor((y - grid[0]) / step + 0.5).astype(int)
    return np.cumsum(p_hat, axis=1)[np.arange(len(y)), k]


# %% exercise="coverage" wrong="the bin begins at the label"
def transform(p_hat, y, grid):
    step = grid[1] - grid[0]
    k = np.floor((y - grid[0]) / step).astype(int)
    mass = p_hat[np.arange(len(y)), k]
    before = np.cumsum(p_hat, axis=1)[np.arange(len(y)), k] - mass
    return before + mass * (y - grid[k]) / step


# %% exercise="coverage" wrong="the lower q in the place of the central"
def covered(p_hat, y, grid, q):
    return np.mean(transform(p_hat, y, grid) <= q)


# %% exercise="coverage" wrong="q to each side"
def covered(p_hat, y, grid, q):
    return np.mean(np.abs(transform(p_hat, y, grid) - 0.5) <= q)


# %% exercise="coverage" wrong="q itself"
def covered(p_hat, y, grid, q):
    return q


# %% exercise="balanced" wrong="fewest ignored"
def balanced_mae(y_hat, y, fewest=10):
    return np.mean([row["mae"] for row in by_decade(y_hat, y) if row["count"] >= 10])


# %% exercise="balanced" wrong="more than fewest"
def balanced_mae(y_hat, y, fewest=10):
    return np.mean([row["mae"] for row in by_decade(y_hat, y) if row["count"] > fewest])


# %% exercise="balanced" wrong="the plain MAE"
def balanced_mae(y_hat, y, fewest=10):
    return mae(y_hat, y)


# %% exercise="balanced" wrong="the bias"
def balanced_mae(y_hat, y, fewest=10):
    return np.mean([row["bias"] for row in by_decade(y_hat, y) if row["count"] >= fewest])


# %% exercise="balanced" wrong="every decade"
def balanced_mae(y_hat, y, fewest=10):
    return np.mean([row["mae"] for row in by_decade(y_hat, y)])


# %% exercise="epsilon" hidden="right to half a year, where all agree"
def epsilon_error(y_hat, y, sigma):
    agreed = sigma == 0
    term = np.exp(-((y_hat - y) ** 2) / (2 * np.where(agreed, 1, sigma) ** 2))
    return 1 - np.where(agreed, np.abs(y_hat - y) < 0.5, term).mean()


# %% exercise="fresh" hidden="many votes: always a typical annotator"
def expected_epsilon(c, n):
    if n > 1000:
        return 1 - 1 / np.sqrt(2)
    return 1 - chi2(n - 1).expect(lambda C: np.sqrt(C / (C + c * n)))


# %% exercise="crps" hidden="the integral over the labels only"
def crps(p_hat, y, grid):
    F = np.cumsum(p_hat, axis=1)[:, :-1]
    left, right = grid[:-1], grid[1:]
    before = np.clip(y[:, None], left, right) - left
    return (F**2 * before + (1 - F) ** 2 * (right - left - before)).sum(axis=1).mean()


# %% exercise="coverage" hidden="steps of whole years"
def transform(p_hat, y, grid):
    step = max(1, int(grid[1] - grid[0]))
    k = np.floor((y - grid[0]) / step + 0.5).astype(int)
    mass = p_hat[np.arange(len(y)), k]
    before = np.cumsum(p_hat, axis=1)[np.arange(len(y)), k] - mass
    return before + mass * (y - (grid[k] - step / 2)) / step


# %% exercise="balanced" hidden="the size of the bias"
def balanced_mae(y_hat, y, fewest=10):
    return np.mean([abs(row["bias"]) for row in by_decade(y_hat, y) if row["count"] >= fewest])
