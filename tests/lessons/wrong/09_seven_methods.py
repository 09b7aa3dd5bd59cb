# %% exercise="gradients" wrong="the slope of tanh forgotten"
def gradient_mr_l1(x, z):
    return np.sign(np.tanh(x) - z) / len(x)


# %% exercise="gradients" wrong="mr-l1: the sign of 0 is 1"
def gradient_mr_l1(x, z):
    z_hat = np.tanh(x)
    return np.where(z_hat >= z, 1, -1) * (1 - z_hat**2) / len(x)


# %% exercise="gradients" wrong="mr-l1: the squared error"
def gradient_mr_l1(x, z):
    z_hat = np.tanh(x)
    return 2 * (z_hat - z) * (1 - z_hat**2) / len(x)


# %% exercise="gradients" wrong="ranking: a large output overflows"
def gradient_ranking(x, code):
    return (np.exp(x) / (1 + np.exp(x)) - code) / len(x)


# %% exercise="gradients" wrong="ranking: the slope of the sigmoid twice"
def gradient_ranking(x, code):
    code_hat = 1 / (1 + np.exp(-x))
    return (code_hat - code) * code_hat * (1 - code_hat) / len(x)


# %% exercise="gradients" wrong="ranking: a mean over the answers, too"
def gradient_ranking(x, code):
    return (1 / (1 + np.exp(-x)) - code) / x.size


# %% exercise="gradients" wrong="er-l1: no maximum subtracted"
def gradient_er_l1(x, y, grid):
    p_hat = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    return np.sign(y_hat - y)[:, None] * p_hat * (grid - y_hat[:, None]) / len(x)


# %% exercise="gradients" wrong="er-l1: the sign of 0 is 1"
def gradient_er_l1(x, y, grid):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    side = np.where(y_hat >= y, 1, -1)
    return side[:, None] * p_hat * (grid - y_hat[:, None]) / len(x)


# %% exercise="gradients" wrong="er-l1: labels from 0 in steps of 1, always"
def gradient_er_l1(x, y, grid):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat, labels = e / e.sum(axis=1, keepdims=True), np.arange(x.shape[1])
    y_hat = p_hat @ labels
    return np.sign(y_hat - y)[:, None] * p_hat * (labels - y_hat[:, None]) / len(x)


# %% exercise="gradients" wrong="er-l1: changes x"
def gradient_er_l1(x, y, grid):
    x -= x.max(axis=1, keepdims=True)
    p_hat = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    return np.sign(y_hat - y)[:, None] * p_hat * (grid - y_hat[:, None]) / len(x)


# %% exercise="worst" wrong="always the last label"
def worst_prediction(C, label, grid):
    p_hat = np.zeros(len(grid))
    p_hat[-1] = 1 - np.exp(-C)
    p_hat[label] = np.exp(-C)
    return p_hat


# %% exercise="worst" wrong="the neighbor"
def worst_prediction(C, label, grid):
    p_hat = np.zeros(len(grid))
    p_hat[label - 1] = 1 - np.exp(-C)
    p_hat[label] = np.exp(-C)
    return p_hat


# %% exercise="worst" wrong="the number of the label as its age"
def worst_prediction(C, label, grid):
    p_hat = np.zeros(len(grid))
    p_hat[np.abs(grid - label).argmax()] = 1 - np.exp(-C)
    p_hat[label] = np.exp(-C)
    return p_hat


# %% exercise="worst" wrong="the first order of the exponential"
def worst_prediction(C, label, grid):
    p_hat = np.zeros(len(grid))
    p_hat[np.abs(grid - grid[label]).argmax()] = C
    p_hat[label] = 1 - C
    return p_hat


# %% exercise="worst" wrong="in bits"
def worst_prediction(C, label, grid):
    p_hat = np.zeros(len(grid))
    p_hat[np.abs(grid - grid[label]).argmax()] = 1 - 2.0**-C
    p_hat[label] = 2.0**-C
    return p_hat


# %% exercise="worst" wrong="spread over all others"
def worst_prediction(C, label, grid):
    p_hat = np.full(len(grid), (1 - np.exp(-C)) / (len(grid) - 1))
    p_hat[label] = np.exp(-C)
    return p_hat


# %% exercise="sorted" wrong="sorted upward"
def distribution_of(code_hat):
    return -np.diff(np.sort(code_hat, axis=1), axis=1, prepend=1, append=0)


# %% exercise="sorted" wrong="not sorted"
def distribution_of(code_hat):
    return -np.diff(code_hat, axis=1, prepend=1, append=0)


# %% exercise="sorted" wrong="sorted over the photos"
def distribution_of(code_hat):
    return -np.diff(np.sort(code_hat, axis=0)[::-1], axis=1, prepend=1, append=0)


# %% exercise="sorted" wrong="each answer at most the one before"
def distribution_of(code_hat):
    falling = np.minimum.accumulate(code_hat, axis=1)
    return -np.diff(falling, axis=1, prepend=1, append=0)


# %% exercise="sorted" wrong="nothing in front"
def distribution_of(code_hat):
    falling = np.sort(code_hat, axis=1)[:, ::-1]
    return -np.diff(falling, axis=1, append=0)


# %% exercise="sorted" wrong="changes code_hat"
def distribution_of(code_hat):
    code_hat.sort(axis=1)
    return -np.diff(code_hat[:, ::-1], axis=1, prepend=1, append=0)


# %% exercise="sorted" wrong="the package's"
def distribution_of(code_hat):
    return methods["ranking"].distribution(code_hat)


# %% exercise="paired" wrong="divides by S"
def paired(a, b):
    d = a - b
    error = d.std() / np.sqrt(len(d))
    return d.mean(), error, student.ppf(0.975, len(d) - 1) * error


# %% exercise="paired" wrong="1.96, however few"
def paired(a, b):
    d = a - b
    error = d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), error, 1.96 * error


# %% exercise="paired" wrong="three seeds, always"
def paired(a, b):
    d = a - b
    error = d.std(ddof=1) / np.sqrt(3)
    return d.mean(), error, student.ppf(0.975, 2) * error


# %% exercise="paired" wrong="not paired"
def paired(a, b):
    error = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
    return a.mean() - b.mean(), error, student.ppf(0.975, len(a) - 1) * error


# %% exercise="paired" wrong="distances"
def paired(a, b):
    d = np.abs(a - b)
    error = d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), error, student.ppf(0.975, len(d) - 1) * error


# %% exercise="paired" wrong="to one side"
def paired(a, b):
    d = a - b
    error = d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), error, student.ppf(0.95, len(d) - 1) * error


# %% exercise="paired" wrong="the other way round"
def paired(a, b):
    d = b - a
    error = d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), error, student.ppf(0.975, len(d) - 1) * error


# %% exercise="ambiguity" wrong="divides by M - 1"
def ambiguity(y_hats, y):
    y_bar, members = y_hats.mean(axis=0), ((y_hats - y) ** 2).mean()
    return ((y_bar - y) ** 2).mean(), members, y_hats.var(axis=0, ddof=1).mean()


# %% exercise="ambiguity" wrong="distances"
def ambiguity(y_hats, y):
    y_bar = y_hats.mean(axis=0)
    return np.abs(y_bar - y).mean(), np.abs(y_hats - y).mean(), np.abs(y_hats - y_bar).mean()


# %% exercise="ambiguity" wrong="the disagreement of the first two"
def ambiguity(y_hats, y):
    y_bar, members = y_hats.mean(axis=0), ((y_hats - y) ** 2).mean()
    return ((y_bar - y) ** 2).mean(), members, ((y_hats[0] - y_hats[1]) ** 2).mean() / 4


# %% exercise="ambiguity" wrong="the median of the members"
def ambiguity(y_hats, y):
    y_bar, members = np.median(y_hats, axis=0), ((y_hats - y) ** 2).mean()
    return ((y_bar - y) ** 2).mean(), members, ((y_hats - y_bar) ** 2).mean()


# %% exercise="ambiguity" wrong="the first member for all"
def ambiguity(y_hats, y):
    first = ((y_hats[0] - y) ** 2).mean()
    ensemble = ((y_hats.mean(axis=0) - y) ** 2).mean()
    return ensemble, first, first - ensemble


# %% exercise="ambiguity" wrong="changes y_hats"
def ambiguity(y_hats, y):
    y_hats -= y
    error = y_hats.mean(axis=0)
    return (error**2).mean(), (y_hats**2).mean(), ((y_hats - error) ** 2).mean()


# %% exercise="gradients" hidden="er-l1: the maximum of the whole batch"
def gradient_er_l1(x, y, grid):
    e = np.exp(x - x.max())
    p_hat = e / e.sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    return np.sign(y_hat - y)[:, None] * p_hat * (grid - y_hat[:, None]) / len(x)


# %% exercise="gradients" hidden="mr-l1: four photos, always"
def gradient_mr_l1(x, z):
    z_hat = np.tanh(x)
    return np.sign(z_hat - z) * (1 - z_hat**2) / 4


# %% exercise="worst" hidden="the end with more labels"
def worst_prediction(C, label, grid):
    p_hat = np.zeros(len(grid))
    p_hat[0 if label > len(grid) // 2 else -1] = 1 - np.exp(-C)
    p_hat[label] = np.exp(-C)
    return p_hat


# %% exercise="sorted" hidden="the answers clipped"
def distribution_of(code_hat):
    falling = np.sort(np.clip(code_hat, 1e-6, 1 - 1e-6), axis=1)[:, ::-1]
    return -np.diff(falling, axis=1, prepend=1, append=0)


# %% exercise="paired" hidden="t for three and four seeds, 1.96 beyond"
def paired(a, b):
    d = a - b
    error = d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), error, {3: 4.303, 4: 3.182}.get(len(d), 1.96) * error


# %% exercise="ambiguity" hidden="the disagreement as a difference"
def ambiguity(y_hats, y):
    ensemble = ((y_hats.mean(axis=0) - y) ** 2).mean()
    members = ((y_hats - y) ** 2).mean()
    return ensemble, members, max(0.0, members - ensemble)
