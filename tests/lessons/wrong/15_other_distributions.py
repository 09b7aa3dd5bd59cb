# %% exercise="votes" wrong="counts"
def share_of_votes(votes, labels, a=0.0):
    return (votes[:, :, None] == labels).sum(axis=1) + a


# %% exercise="votes" wrong="a added, but not to the sum"
def share_of_votes(votes, labels, a=0.0):
    return ((votes[:, :, None] == labels).sum(axis=1) + a) / votes.shape[1]


# %% exercise="votes" wrong="a ignored"
def share_of_votes(votes, labels, a=0.0):
    return (votes[:, :, None] == labels).mean(axis=1)


# %% exercise="votes" wrong="a Gaussian"
def share_of_votes(votes, labels, a=0.0):
    return gaussian_label_distribution(votes.mean(axis=1), votes.std(axis=1), labels)


# %% exercise="votes" wrong="the sum once, of all faces"
def share_of_votes(votes, labels, a=0.0):
    n = (votes[:, :, None] == labels).sum(axis=1) + a
    return n / n.sum()


# %% exercise="votes" hidden="labels from 1 in steps of 1, always"
def share_of_votes(votes, labels, a=0.0):
    n = np.array([np.bincount(row.astype(int), minlength=len(labels) + 1) for row in votes])
    return (n[:, 1 : len(labels) + 1] + a) / (votes.shape[1] + len(labels) * a)


# %% exercise="von-mises" wrong="a Gaussian on a line"
def von_mises(y, kappa, grid):
    exponents = -kappa[:, None] * (grid - y[:, None]) ** 2 / 2
    e = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# %% exercise="von-mises" wrong="not normalized on the grid"
def von_mises(y, kappa, grid):
    return np.exp(kappa[:, None] * (np.cos(grid - y[:, None]) - 1))


# %% exercise="von-mises" wrong="the square of the sine"
def von_mises(y, kappa, grid):
    e = np.exp(-kappa[:, None] * np.sin(grid - y[:, None]) ** 2 / 2)
    return e / e.sum(axis=1, keepdims=True)


# %% exercise="von-mises" wrong="kappa as a width"
def von_mises(y, kappa, grid):
    exponents = np.cos(grid - y[:, None]) / np.maximum(kappa[:, None], 1e-9)
    e = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# %% exercise="von-mises" wrong="one kappa for all"
def von_mises(y, kappa, grid):
    e = np.exp(kappa.mean() * (np.cos(grid - y[:, None]) - 1))
    return e / e.sum(axis=1, keepdims=True)


# %% exercise="von-mises" hidden="no maximum subtracted"
def von_mises(y, kappa, grid):
    e = np.exp(kappa[:, None] * np.cos(grid - y[:, None]))
    return e / e.sum(axis=1, keepdims=True)


# %% exercise="direction" wrong="the expectation of the numbers"
def mean_direction(x, grid):
    p_hat = softmax(x, axis=1)
    y_hat = p_hat @ grid
    return y_hat, p_hat * (grid - y_hat[:, None])


# %% exercise="direction" wrong="arctan of the quotient"
def mean_direction(x, grid):
    p_hat = softmax(x, axis=1)
    C, S = p_hat @ np.cos(grid), p_hat @ np.sin(grid)
    y_hat = np.arctan(S / C) % (2 * np.pi)
    return y_hat, p_hat * np.sin(grid - y_hat[:, None]) / np.hypot(C, S)[:, None]


# %% exercise="direction" wrong="R forgotten"
def mean_direction(x, grid):
    p_hat = softmax(x, axis=1)
    y_hat = np.angle(p_hat @ np.exp(1j * grid)) % (2 * np.pi)
    return y_hat, p_hat * np.sin(grid - y_hat[:, None])


# %% exercise="direction" wrong="the difference in the place of its sine"
def mean_direction(x, grid):
    p_hat = softmax(x, axis=1)
    points = p_hat @ np.exp(1j * grid)
    y_hat = np.angle(points) % (2 * np.pi)
    return y_hat, p_hat * (grid - y_hat[:, None]) / np.abs(points)[:, None]


# %% exercise="direction" wrong="from -pi to pi"
def mean_direction(x, grid):
    p_hat = softmax(x, axis=1)
    points = p_hat @ np.exp(1j * grid)
    y_hat = np.angle(points)
    return y_hat, p_hat * np.sin(grid - y_hat[:, None]) / np.abs(points)[:, None]


# %% exercise="direction" wrong="changes x"
def mean_direction(x, grid):
    x -= x.max(axis=1, keepdims=True)
    p_hat = softmax(x, axis=1)
    points = p_hat @ np.exp(1j * grid)
    y_hat = np.angle(points) % (2 * np.pi)
    return y_hat, p_hat * np.sin(grid - y_hat[:, None]) / np.abs(points)[:, None]


# %% exercise="direction" hidden="the labels spread evenly, always"
def mean_direction(x, grid):
    p_hat, grid = softmax(x, axis=1), 2 * np.pi * np.arange(x.shape[1]) / x.shape[1]
    points = p_hat @ np.exp(1j * grid)
    y_hat = np.angle(points) % (2 * np.pi)
    return y_hat, p_hat * np.sin(grid - y_hat[:, None]) / np.abs(points)[:, None]


# %% exercise="circular-l1" wrong="on the line"
def circular_l1(y_hat, y):
    return l1(y_hat, y)


# %% exercise="circular-l1" wrong="the sign of the long way"
def circular_l1(y_hat, y):
    way = (y_hat - y + np.pi) % (2 * np.pi) - np.pi
    return np.abs(way).mean(), np.sign(y_hat - y) / len(y)


# %% exercise="circular-l1" wrong="always one way around"
def circular_l1(y_hat, y):
    way = (y_hat - y) % (2 * np.pi)
    return way.mean(), np.ones(len(y)) / len(y)


# %% exercise="circular-l1" wrong="no 1/N in the gradient"
def circular_l1(y_hat, y):
    way = (y_hat - y + np.pi) % (2 * np.pi) - np.pi
    return np.abs(way).mean(), np.sign(way)


# %% exercise="circular-l1" wrong="one minus the cosine"
def circular_l1(y_hat, y):
    return (1 - np.cos(y_hat - y)).mean(), np.sin(y_hat - y) / len(y)


# %% exercise="circular-l1" hidden="one turn back or forth"
def circular_l1(y_hat, y):
    way = y_hat - y
    way = np.where(way > np.pi, way - 2 * np.pi, np.where(way < -np.pi, way + 2 * np.pi, way))
    return np.abs(way).mean(), np.sign(way) / len(y)


# %% exercise="plane" wrong="the square of the distance"
def plane_loss(x, v, points):
    p_hat = softmax(x, axis=1)
    d = p_hat @ points - v
    toward = 2 * d / len(x)
    dx = p_hat * (toward @ points.T - (toward * (p_hat @ points)).sum(axis=1, keepdims=True))
    return (d**2).sum(axis=1).mean(), dx


# %% exercise="plane" wrong="each coordinate by itself"
def plane_loss(x, v, points):
    p_hat = softmax(x, axis=1)
    v_hat = p_hat @ points
    toward = np.sign(v_hat - v) / len(x)
    dx = p_hat * (toward @ points.T - (toward * v_hat).sum(axis=1, keepdims=True))
    return np.abs(v_hat - v).sum(axis=1).mean(), dx


# %% exercise="plane" wrong="the expected point as a constant"
def plane_loss(x, v, points):
    p_hat = softmax(x, axis=1)
    d = p_hat @ points - v
    length = np.linalg.norm(d, axis=1, keepdims=True)
    return length.mean(), p_hat * (d / length / len(x) @ points.T)


# %% exercise="plane" wrong="the sum over images"
def plane_loss(x, v, points):
    p_hat = softmax(x, axis=1)
    v_hat = p_hat @ points
    d = v_hat - v
    length = np.linalg.norm(d, axis=1, keepdims=True)
    toward = d / length
    dx = p_hat * (toward @ points.T - (toward * v_hat).sum(axis=1, keepdims=True))
    return length.sum(), dx


# %% exercise="plane" wrong="the point of the most likely emotion"
def plane_loss(x, v, points):
    d = points[x.argmax(axis=1)] - v
    return np.linalg.norm(d, axis=1).mean(), np.zeros_like(x)


# %% exercise="plane" hidden="0/0 at the wanted point"
def plane_loss(x, v, points):
    p_hat = softmax(x, axis=1)
    v_hat = p_hat @ points
    d = v_hat - v
    length = np.linalg.norm(d, axis=1, keepdims=True)
    toward = d / length / len(x)
    dx = p_hat * (toward @ points.T - (toward * v_hat).sum(axis=1, keepdims=True))
    return length.mean(), dx


# %% exercise="propagate" wrong="oneself a neighbor"
def propagate(x, labels, K, width, alpha):
    A = np.exp(-((x[:, None, :] - x) ** 2).sum(axis=2) / (2 * width**2))
    P = A / A.sum(axis=1, keepdims=True)
    return np.linalg.solve(np.eye(len(x)) - alpha * P, (1 - alpha) * np.eye(K)[labels])


# %% exercise="propagate" wrong="one round"
def propagate(x, labels, K, width, alpha):
    A = np.exp(-((x[:, None, :] - x) ** 2).sum(axis=2) / (2 * width**2))
    np.fill_diagonal(A, 0)
    e = np.eye(K)[labels]
    return alpha * (A / A.sum(axis=1, keepdims=True)) @ e + (1 - alpha) * e


# %% exercise="propagate" wrong="alpha and its rest exchanged"
def propagate(x, labels, K, width, alpha):
    A = np.exp(-((x[:, None, :] - x) ** 2).sum(axis=2) / (2 * width**2))
    np.fill_diagonal(A, 0)
    P, rest = A / A.sum(axis=1, keepdims=True), 1 - alpha
    return np.linalg.solve(np.eye(len(x)) * 1.0000001 - rest * P, alpha * np.eye(K)[labels])


# %% exercise="propagate" wrong="columns normalized"
def propagate(x, labels, K, width, alpha):
    A = np.exp(-((x[:, None, :] - x) ** 2).sum(axis=2) / (2 * width**2))
    np.fill_diagonal(A, 0)
    P = A / A.sum(axis=0)
    return np.linalg.solve(np.eye(len(x)) - alpha * P, (1 - alpha) * np.eye(K)[labels])


# %% exercise="propagate" wrong="no factor 2"
def propagate(x, labels, K, width, alpha):
    A = np.exp(-((x[:, None, :] - x) ** 2).sum(axis=2) / width**2)
    np.fill_diagonal(A, 0)
    P = A / A.sum(axis=1, keepdims=True)
    return np.linalg.solve(np.eye(len(x)) - alpha * P, (1 - alpha) * np.eye(K)[labels])


# %% exercise="propagate" hidden="nobody alike: 0/0"
def propagate(x, labels, K, width, alpha):
    A = np.exp(-((x[:, None, :] - x) ** 2).sum(axis=2) / (2 * width**2))
    np.fill_diagonal(A, 0)
    P = A / A.sum(axis=1, keepdims=True)
    return np.linalg.solve(np.eye(len(x)) - alpha * P, (1 - alpha) * np.eye(K)[labels])


# %% exercise="resultant" wrong="R as a constant"
def resultant(x, grid):
    p_hat = softmax(x, axis=1)
    points = p_hat @ np.exp(1j * grid)
    return np.abs(points), p_hat * np.cos(grid - np.angle(points)[:, None])


# %% exercise="resultant" wrong="the gradient of the direction"
def resultant(x, grid):
    p_hat = softmax(x, axis=1)
    points = p_hat @ np.exp(1j * grid)
    R = np.abs(points)
    return R, p_hat * np.sin(grid - np.angle(points)[:, None]) / R[:, None]


# %% exercise="resultant" wrong="R squared"
def resultant(x, grid):
    p_hat = softmax(x, axis=1)
    C, S = p_hat @ np.cos(grid), p_hat @ np.sin(grid)
    dC, dS = p_hat * (np.cos(grid) - C[:, None]), p_hat * (np.sin(grid) - S[:, None])
    return C**2 + S**2, 2 * (C[:, None] * dC + S[:, None] * dS)


# %% exercise="resultant" wrong="changes x"
def resultant(x, grid):
    x -= x.max(axis=1, keepdims=True)
    p_hat = softmax(x, axis=1)
    points = p_hat @ np.exp(1j * grid)
    R = np.abs(points)
    return R, p_hat * (np.cos(grid - np.angle(points)[:, None]) - R[:, None])


# %% exercise="resultant" hidden="no maximum subtracted"
def resultant(x, grid):
    e = np.exp(x)
    p_hat = e / e.sum(axis=1, keepdims=True)
    points = p_hat @ np.exp(1j * grid)
    R = np.abs(points)
    return R, p_hat * (np.cos(grid - np.angle(points)[:, None]) - R[:, None])
