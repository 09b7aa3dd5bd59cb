# %% exercise="distribution" wrong="no maximum subtracted"
def label_distribution(y, sigma, grid):
    with np.errstate(all="ignore"):
        p = np.exp(-((grid - y) ** 2) / (2 * sigma**2))
        return p / p.sum()


# %% exercise="distribution" wrong="the maximum subtracted after the exponential"
def label_distribution(y, sigma, grid):
    with np.errstate(all="ignore"):
        p = np.exp(-((grid - y) ** 2) / (2 * sigma**2))
        return (p - p.max()) / p.sum()


# %% exercise="distribution" wrong="the density, not normalized"
def label_distribution(y, sigma, grid):
    return norm.pdf(grid, y, sigma)


# %% exercise="distribution" wrong="no factor 2"
def label_distribution(y, sigma, grid):
    exponents = -((grid - y) ** 2) / sigma**2
    p = np.exp(exponents - exponents.max())
    return p / p.sum()


# %% exercise="distribution" wrong="sigma not squared"
def label_distribution(y, sigma, grid):
    exponents = -((grid - y) ** 2) / (2 * sigma)
    p = np.exp(exponents - exponents.max())
    return p / p.sum()


# %% exercise="distribution" wrong="always on the labels 0 to 100"
def label_distribution(y, sigma, grid):
    exponents = -((np.arange(101) - y) ** 2) / (2 * sigma**2)
    p = np.exp(exponents - exponents.max())
    return p / p.sum()


# %% exercise="bias" wrong="three constants"
def bias(ages, sigma, grid):
    return np.array([1.302, 0.0, -1.302])


# %% exercise="bias" wrong="sigma ignored"
def bias(ages, sigma, grid):
    return gaussian_label_distribution(ages, 2.0, grid) @ grid - ages


# %% exercise="bias" wrong="the other sign"
def bias(ages, sigma, grid):
    return ages - gaussian_label_distribution(ages, sigma, grid) @ grid


# %% exercise="bias" wrong="always on the labels 0 to 100"
def bias(ages, sigma, grid):
    labels = np.arange(101)
    return gaussian_label_distribution(ages, sigma, labels) @ labels - ages


# %% exercise="bias" wrong="the mean over the ages"
def bias(ages, sigma, grid):
    return np.mean(gaussian_label_distribution(ages, sigma, grid) @ grid - ages)


# %% exercise="entropy" wrong="0 ln 0 is nan"
def entropy(p):
    with np.errstate(all="ignore"):
        return -(p * np.log(p)).sum()


# %% exercise="entropy" wrong="a small constant in the logarithm"
def entropy(p):
    return -(p * np.log(p + 1e-9)).sum()


# %% exercise="entropy" wrong="in bits"
def entropy(p):
    positive = p[p > 0]
    return -(positive * np.log2(positive)).sum()


# %% exercise="entropy" wrong="the other sign"
def entropy(p):
    positive = p[p > 0]
    return (positive * np.log(positive)).sum()


# %% exercise="entropy" wrong="changes p"
def entropy(p):
    p[p == 0] = 1
    return -(p * np.log(p)).sum()


# %% exercise="entropy" wrong="a constant"
def entropy(p):
    return np.log(len(p)) * (p.max() < 1)


# %% exercise="distribution" hidden="ages beyond the grid are moved to its end"
def label_distribution(y, sigma, grid):
    exponents = -((grid - np.clip(y, grid[0], grid[-1])) ** 2) / (2 * sigma**2)
    p = np.exp(exponents - exponents.max())
    return p / p.sum()


# %% exercise="distribution" hidden="sigma is held away from 0"
def label_distribution(y, sigma, grid):
    exponents = -((grid - y) ** 2) / (2 * max(sigma, 0.05) ** 2)
    p = np.exp(exponents - exponents.max())
    return p / p.sum()


# %% exercise="distribution" hidden="nothing beyond ten sigma"
def label_distribution(y, sigma, grid):
    exponents = -((grid - y) ** 2) / (2 * sigma**2)
    p = np.exp(exponents - exponents.max()) * (np.abs(grid - y) < max(10 * sigma, 1))
    return p / p.sum()


# %% exercise="bias" hidden="the first sigma for all"
def bias(ages, sigma, grid):
    return gaussian_label_distribution(ages, np.ravel(sigma)[0], grid) @ grid - ages


# %% exercise="entropy" hidden="small probabilities left out"
def entropy(p):
    p = p[p > 1e-9]
    return -(p * np.log(p)).sum()
