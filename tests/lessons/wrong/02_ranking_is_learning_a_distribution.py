# %% exercise="code" wrong="the package's function"
def code_of(y, grid):
    return ranking_code(y, grid)


# %% exercise="code" wrong="above the border only"
def code_of(y, grid):
    return (y[:, None] > (grid[:-1] + grid[1:]) / 2).astype(float)


# %% exercise="code" wrong="compared with the label"
def code_of(y, grid):
    return (y[:, None] > grid[:-1]).astype(float)


# %% exercise="code" wrong="K answers"
def code_of(y, grid):
    return (y[:, None] >= grid + (grid[1] - grid[0]) / 2).astype(float)


# %% exercise="code" wrong="a step of 1"
def code_of(y, grid):
    return (y[:, None] >= grid[:-1] + 0.5).astype(float)


# %% exercise="code" wrong="decoded to the count"
def decode(code, grid):
    return code.sum(axis=1)


# %% exercise="code" wrong="decoded to the label before"
def decode(code, grid):
    return grid[code.sum(axis=1).astype(int) - 1]


# %% exercise="code" wrong="decoded with a constant step"
def decode(code, grid):
    return grid[0] + (grid[1] - grid[0]) * code.sum(axis=1)


# %% exercise="cdf" wrong="no root of 2"
def cdf(t, y, sigma):
    return (1 + erf((t - y) / sigma)) / 2


# %% exercise="cdf" wrong="sigma ignored"
def cdf(t, y, sigma):
    return (1 + erf((t - y) / (2 * np.sqrt(2)))) / 2


# %% exercise="cdf" wrong="the age ignored"
def cdf(t, y, sigma):
    return (1 + erf((t - 30) / (sigma * np.sqrt(2)))) / 2


# %% exercise="cdf" wrong="the other tail"
def cdf(t, y, sigma):
    return (1 - erf((t - y) / (sigma * np.sqrt(2)))) / 2


# %% exercise="cdf" wrong="the density"
def cdf(t, y, sigma):
    return norm.pdf(t, y, sigma)


# %% exercise="edge" wrong="no absolute value"
def cdf_gap(ages, sigma, grid, shift):
    Tp = np.cumsum(gaussian_label_distribution(ages, sigma, grid), axis=1)
    return (Tp - gaussian_cdf(ages, sigma, grid + shift)).max()


# %% exercise="edge" wrong="shift ignored"
def cdf_gap(ages, sigma, grid, shift):
    Tp = np.cumsum(gaussian_label_distribution(ages, sigma, grid), axis=1)
    return np.abs(Tp - gaussian_cdf(ages, sigma, grid + 0.5)).max()


# %% exercise="edge" wrong="sigma ignored"
def cdf_gap(ages, sigma, grid, shift):
    Tp = np.cumsum(gaussian_label_distribution(ages, 2.0, grid), axis=1)
    return np.abs(Tp - gaussian_cdf(ages, 2.0, grid + shift)).max()


# %% exercise="edge" wrong="the mean"
def cdf_gap(ages, sigma, grid, shift):
    Tp = np.cumsum(gaussian_label_distribution(ages, sigma, grid), axis=1)
    return np.abs(Tp - gaussian_cdf(ages, sigma, grid + shift)).mean()


# %% exercise="edge" wrong="always on the labels 0 to 100"
def cdf_gap(ages, sigma, grid, shift):
    labels = np.arange(101.0)
    Tp = np.cumsum(gaussian_label_distribution(ages, sigma, labels), axis=1)
    return np.abs(Tp - gaussian_cdf(ages, sigma, labels + shift)).max()


# %% exercise="edge" wrong="summed over the ages"
def cdf_gap(ages, sigma, grid, shift):
    Tp = np.cumsum(gaussian_label_distribution(ages, sigma, grid), axis=0)
    return np.abs(Tp - gaussian_cdf(ages, sigma, grid + shift)).max()


# %% exercise="decode" wrong="1/2 counts as over 1/2"
def mean_and_median(r, grid):
    return grid[0] + np.diff(grid) @ r, grid[(r >= 0.5).sum()]


# %% exercise="decode" wrong="a step of 1"
def mean_and_median(r, grid):
    return grid[0] + r.sum(), grid[(r > 0.5).sum()]


# %% exercise="decode" wrong="the first label forgotten"
def mean_and_median(r, grid):
    return np.diff(grid) @ r, grid[(r > 0.5).sum()]


# %% exercise="decode" wrong="the count, not its label"
def mean_and_median(r, grid):
    return grid[0] + np.diff(grid) @ r, (r > 0.5).sum()


# %% exercise="decode" wrong="one label too low"
def mean_and_median(r, grid):
    return grid[0] + np.diff(grid) @ r, grid[(r > 0.5).sum() - 1]


# %% exercise="back" wrong="the other sign"
def distribution_of(r):
    return np.diff(np.append(r, 0.0), prepend=1)


# %% exercise="back" wrong="nothing appended"
def distribution_of(r):
    return np.diff(1 - r, prepend=0)


# %% exercise="back" wrong="sorted first"
def distribution_of(r):
    return np.diff(np.append(1 - np.sort(r)[::-1], 1.0), prepend=0)


# %% exercise="back" wrong="clipped and normalized"
def distribution_of(r):
    p = np.maximum(np.diff(np.append(1 - r, 1.0), prepend=0), 0)
    return p / p.sum()


# %% exercise="back" wrong="changes r"
def distribution_of(r):
    r *= -1
    r += 1
    return np.diff(np.append(r, 1.0), prepend=0)


# %% exercise="code" hidden="the first step is that of the whole grid"
def code_of(y, grid):
    return (y[:, None] >= grid[:-1] + (grid[1] - grid[0]) / 2).astype(float)


def decode(code, grid):
    return grid[code.sum(axis=1).astype(int)]


# %% exercise="cdf" hidden="always one row"
def cdf(t, y, sigma):
    return (1 + erf((np.ravel(t) - y) / (sigma * np.sqrt(2)))) / 2


# %% exercise="edge" hidden="the last label left out"
def cdf_gap(ages, sigma, grid, shift):
    Tp = np.cumsum(gaussian_label_distribution(ages, sigma, grid), axis=1)
    return np.abs(Tp - gaussian_cdf(ages, sigma, grid + shift))[:, :-1].max()


# %% exercise="edge" hidden="the first sigma for all"
def cdf_gap(ages, sigma, grid, shift):
    sigma = np.ravel(sigma)[0]
    Tp = np.cumsum(gaussian_label_distribution(ages, sigma, grid), axis=1)
    return np.abs(Tp - gaussian_cdf(ages, sigma, grid + shift)).max()


# %% exercise="decode" hidden="up to the first no, whatever follows"
def mean_and_median(r, grid):
    return grid[0] + np.diff(grid) @ r, grid[np.append(r > 0.5, False).argmin()]


# %% exercise="back" hidden="the first mass is that of the largest answer"
def distribution_of(r):
    p = np.diff(np.append(1 - r, 1.0), prepend=0)
    p[0] = 1 - r.max()
    return p
