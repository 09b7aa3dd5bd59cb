# %% exercise="expectation" wrong="no maximum subtracted"
def expectation_gradient(x, grid):
    p_hat = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    return p_hat * (grid - (p_hat @ grid)[:, None])


# %% exercise="expectation" wrong="y_hat as a constant"
def expectation_gradient(x, grid):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True) * grid


# %% exercise="expectation" wrong="p_hat forgotten"
def expectation_gradient(x, grid):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    return grid - (p_hat @ grid)[:, None]


# %% exercise="expectation" wrong="one estimate for all images"
def expectation_gradient(x, grid):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    return p_hat * (grid - (p_hat @ grid).mean())


# %% exercise="expectation" wrong="labels from 0 in steps of 1, always"
def expectation_gradient(x, grid):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat, labels = e / e.sum(axis=1, keepdims=True), np.arange(x.shape[1])
    return p_hat * (labels - (p_hat @ labels)[:, None])


# %% exercise="expectation" wrong="changes x"
def expectation_gradient(x, grid):
    x -= x.max(axis=1, keepdims=True)
    p_hat = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    return p_hat * (grid - (p_hat @ grid)[:, None])


# %% exercise="expectation" wrong="the package's layers"
def expectation_gradient(x, grid):
    softmax, expectation = Softmax(), Expectation(grid)
    expectation.forward(softmax.forward(x, save=True), save=True)
    return softmax.backward(expectation.backward(np.ones(len(x))))


# %% exercise="tilt" wrong="a large exponent overflows"
def tilt_to(p_hat, y, grid, steps=30):
    t = 0.0
    for _ in range(steps):
        tilted = p_hat * np.exp(t * (grid - y))
        tilted /= tilted.sum()
        y_hat = tilted @ grid
        t -= (y_hat - y) / (tilted @ (grid - y_hat) ** 2)
    return tilted


# %% exercise="tilt" wrong="one step"
def tilt_to(p_hat, y, grid, steps=30):
    y_hat = p_hat @ grid
    t = (y - y_hat) / (p_hat @ (grid - y_hat) ** 2)
    tilted = p_hat * np.exp(t * (grid - y))
    return tilted / tilted.sum()


# %% exercise="tilt" wrong="moved along the labels"
def tilt_to(p_hat, y, grid, steps=30):
    return np.interp(grid - (y - p_hat @ grid), grid, p_hat)


# %% exercise="tilt" wrong="a Gaussian, whatever p_hat is"
def tilt_to(p_hat, y, grid, steps=30):
    return gaussian_label_distribution([y], [4.0], grid)[0]


# %% exercise="tilt" wrong="mixed with the last label"
def tilt_to(p_hat, y, grid, steps=30):
    w = (y - p_hat @ grid) / (grid[-1] - p_hat @ grid)
    return (1 - w) * p_hat + w * (grid == grid[-1])


# %% exercise="tilt" wrong="the second moment in the place of the variance"
def tilt_to(p_hat, y, grid, steps=30):
    t = 0.0
    for _ in range(steps):
        x = np.log(p_hat + 1e-300) + t * grid
        tilted = np.exp(x - x.max())
        tilted /= tilted.sum()
        t -= (tilted @ grid - y) / (tilted @ grid**2)
    return tilted


# %% exercise="tilt" wrong="not normalized"
def tilt_to(p_hat, y, grid, steps=30):
    y_hat = p_hat @ grid
    return p_hat * np.exp((y - y_hat) / (p_hat @ (grid - y_hat) ** 2) * (grid - y))


# %% exercise="tilt" wrong="changes p_hat"
def tilt_to(p_hat, y, grid, steps=30):
    for _ in range(steps):
        y_hat = p_hat @ grid
        t = (y - y_hat) / (p_hat @ (grid - y_hat) ** 2)
        p_hat *= np.exp(t * (grid - y))
        p_hat /= p_hat.sum()
    return p_hat


# %% exercise="joint" wrong="the sign of 0 is 1"
def joint_loss(x, p, y, grid, lam):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    L_ld, dx = kl_from_logits(x, p)
    dy_hat = lam * np.where(y_hat >= y, 1, -1) / len(y)
    L = L_ld + lam * np.abs(y_hat - y).mean()
    return L, dx + dy_hat[:, None] * p_hat * (grid - y_hat[:, None])


# %% exercise="joint" wrong="lambda forgotten in the gradient"
def joint_loss(x, p, y, grid, lam):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    L_ld, dx = kl_from_logits(x, p)
    dy_hat = np.sign(y_hat - y) / len(y)
    L = L_ld + lam * np.abs(y_hat - y).mean()
    return L, dx + dy_hat[:, None] * p_hat * (grid - y_hat[:, None])


# %% exercise="joint" wrong="lambda ignored"
def joint_loss(x, p, y, grid, lam):
    (L, *_), dx = DLDLv2(grid, 1.0).loss(x, p, y)
    return L, dx


# %% exercise="joint" wrong="L1 summed over the images"
def joint_loss(x, p, y, grid, lam):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    L_ld, dx = kl_from_logits(x, p)
    dy_hat = lam * np.sign(y_hat - y)
    L = L_ld + lam * np.abs(y_hat - y).sum()
    return L, dx + dy_hat[:, None] * p_hat * (grid - y_hat[:, None])


# %% exercise="joint" wrong="the squared error's gradient"
def joint_loss(x, p, y, grid, lam):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    L_ld, dx = kl_from_logits(x, p)
    dy_hat = lam * 2 * (y_hat - y) / len(y)
    L = L_ld + lam * ((y_hat - y) ** 2).mean()
    return L, dx + dy_hat[:, None] * p_hat * (grid - y_hat[:, None])


# %% exercise="joint" wrong="y_hat as a constant"
def joint_loss(x, p, y, grid, lam):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    L_ld, dx = kl_from_logits(x, p)
    dy_hat = lam * np.sign(y_hat - y) / len(y)
    return L_ld + lam * np.abs(y_hat - y).mean(), dx + dy_hat[:, None] * p_hat * grid


# %% exercise="joint" wrong="no maximum subtracted"
def joint_loss(x, p, y, grid, lam):
    p_hat = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    L_ld, dx = kl_from_logits(x, p)
    dy_hat = lam * np.sign(y_hat - y) / len(y)
    L = L_ld + lam * np.abs(y_hat - y).mean()
    return L, dx + dy_hat[:, None] * p_hat * (grid - y_hat[:, None])


# %% exercise="joint" wrong="changes x"
def joint_loss(x, p, y, grid, lam):
    x -= x.max(axis=1, keepdims=True)
    p_hat = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    L_ld, dx = kl_from_logits(x, p)
    dy_hat = lam * np.sign(y_hat - y) / len(y)
    L = L_ld + lam * np.abs(y_hat - y).mean()
    return L, dx + dy_hat[:, None] * p_hat * (grid - y_hat[:, None])


# %% exercise="joint" wrong="the package's method"
def joint_loss(x, p, y, grid, lam):
    (L, *_), dx = DLDLv2(grid, lam).loss(x, p, y)
    return L, dx


# %% exercise="reduction" wrong="lam_code ignored"
def same_method(lam_code, grid):
    return DLDLv2(grid, lam=float(len(grid))), len(grid)


# %% exercise="reduction" wrong="101 labels, always"
def same_method(lam_code, grid):
    return DLDLv2(grid, lam=lam_code * 101), 101


# %% exercise="reduction" wrong="divided by K"
def same_method(lam_code, grid):
    return DLDLv2(grid, lam=lam_code / len(grid)), len(grid)


# %% exercise="reduction" wrong="the factor upside down"
def same_method(lam_code, grid):
    return DLDLv2(grid, lam=lam_code * len(grid)), 1 / len(grid)


# %% exercise="reduction" wrong="the code's own method"
def same_method(lam_code, grid):
    return DLDLv2(grid, lam=lam_code, kl_reduction="elements"), 1


# %% exercise="reduction" wrong="the last label in the place of K"
def same_method(lam_code, grid):
    return DLDLv2(grid, lam=lam_code * (grid[-1] + 1)), grid[-1] + 1


# %% exercise="expectation" hidden="the logits clipped in the place of a maximum"
def expectation_gradient(x, grid):
    e = np.exp(np.clip(x, -750, 700))
    p_hat = e / e.sum(axis=1, keepdims=True)
    return p_hat * (grid - (p_hat @ grid)[:, None])


# %% exercise="tilt" hidden="halving between t = -20 and 20"
def tilt_to(p_hat, y, grid, steps=30):
    low, high = -20.0, 20.0
    for _ in range(60):
        t = (low + high) / 2
        x = np.log(p_hat) + t * grid
        tilted = np.exp(x - x.max())
        tilted /= tilted.sum()
        low, high = (t, high) if tilted @ grid < y else (low, t)
    return tilted


# %% exercise="joint" hidden="four photos, always"
def joint_loss(x, p, y, grid, lam):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    y_hat = p_hat @ grid
    L_ld, dx = kl_from_logits(x, p)
    dy_hat = lam * np.sign(y_hat - y) / 4
    L = L_ld + lam * np.abs(y_hat - y).mean()
    return L, dx + dy_hat[:, None] * p_hat * (grid - y_hat[:, None])


# %% exercise="reduction" hidden="K from the step, for ages 0 to 100"
def same_method(lam_code, grid):
    K = round(100 / (grid[1] - grid[0])) + 1
    return DLDLv2(grid, lam=lam_code * K), K
