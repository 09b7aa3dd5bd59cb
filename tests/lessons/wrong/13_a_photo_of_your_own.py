# %% exercise="suppress" wrong="boxes apart have a negative side squared"
def iou(box, others):
    size = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = size.prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    return common / ((box[2:] - box[:2]).prod() + areas - common)


# %% exercise="suppress" wrong="over the sum of the areas"
def iou(box, others):
    size = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = np.maximum(size, 0).prod(axis=1)
    return common / ((box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1))


# %% exercise="suppress" wrong="over the smaller area"
def iou(box, others):
    size = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    return np.maximum(size, 0).prod(axis=1) / np.minimum((box[2:] - box[:2]).prod(), areas)


# %% exercise="suppress" wrong="dropped by boxes that are gone"
def suppress(candidates, scores, limit):
    order = np.argsort(-scores)
    return [
        int(i)
        for place, i in enumerate(order)
        if (iou(candidates[i], candidates[order[:place]]) <= limit).all()
    ]


# %% exercise="suppress" wrong="the worst first"
def suppress(candidates, scores, limit):
    kept, left = [], np.argsort(scores)
    while left.size:
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[iou(candidates[best], candidates[left]) <= limit]
    return kept


# %% exercise="suppress" wrong="just the limit is too much"
def suppress(candidates, scores, limit):
    kept, left = [], np.argsort(-scores)
    while left.size:
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[iou(candidates[best], candidates[left]) < limit]
    return kept


# %% exercise="suppress" wrong="limit ignored"
def suppress(candidates, scores, limit):
    return boxes.suppress(candidates, scores, 0.3).tolist()


# %% exercise="similarity" wrong="not centered"
def best_similarity(points, targets):
    p, t = points @ [1, 1j], targets @ [1, 1j]
    z = np.vdot(p, t) / np.vdot(p, p).real
    b = t.mean() - z * p.mean()
    return np.array([[z.real, -z.imag, b.real], [z.imag, z.real, b.imag]])


# %% exercise="similarity" wrong="turned the other way"
def best_similarity(points, targets):
    p, t = points @ [1, 1j], targets @ [1, 1j]
    centered = p - p.mean()
    z = np.vdot(t - t.mean(), centered) / np.vdot(centered, centered).real
    b = t.mean() - z * p.mean()
    return np.array([[z.real, -z.imag, b.real], [z.imag, z.real, b.imag]])


# %% exercise="similarity" wrong="no rotation"
def best_similarity(points, targets):
    p, t = points - points.mean(axis=0), targets - targets.mean(axis=0)
    s = np.sqrt((t**2).sum() / (p**2).sum())
    return np.column_stack([s * np.eye(2), targets.mean(axis=0) - s * points.mean(axis=0)])


# %% exercise="similarity" wrong="the affine map"
def best_similarity(points, targets):
    rows = np.column_stack([points, np.ones(len(points))])
    return np.linalg.lstsq(rows, targets)[0].T


# %% exercise="similarity" wrong="from targets to points"
def best_similarity(points, targets):
    return similarity(targets, points)


# %% exercise="similarity" wrong="changes the landmarks"
def best_similarity(points, targets):
    matrix = similarity(points, targets)
    points -= points.mean(axis=0)
    return matrix


# %% exercise="warp" wrong="the nearest pixel"
def warp_backward(pixels, matrix, side):
    A, b = matrix[:, :2], matrix[:, 2]
    centers = np.arange(side) + 0.5
    q = np.stack(np.meshgrid(centers, centers), axis=-1)
    column, row = np.floor((q - b) @ np.linalg.inv(A).T).astype(int).transpose(2, 0, 1)
    return pixels[row, column]


# %% exercise="warp" wrong="no half pixels"
def warp_backward(pixels, matrix, side):
    A, b = matrix[:, :2], matrix[:, 2]
    places = np.arange(side) * 1.0
    q = np.stack(np.meshgrid(places, places), axis=-1)
    p = (q - b) @ np.linalg.inv(A).T
    column, row = np.floor(p).astype(int).transpose(2, 0, 1)
    right, down = (p % 1).transpose(2, 0, 1)[..., None]
    above = (1 - right) * pixels[row, column] + right * pixels[row, column + 1]
    below = (1 - right) * pixels[row + 1, column] + right * pixels[row + 1, column + 1]
    return (1 - down) * above + down * below


# %% exercise="warp" wrong="rows and columns swapped"
def warp_backward(pixels, matrix, side):
    A, b = matrix[:, :2], matrix[:, 2]
    centers = np.arange(side) + 0.5
    q = np.stack(np.meshgrid(centers, centers, indexing="ij"), axis=-1)
    p = (q - b) @ np.linalg.inv(A).T - 0.5
    column, row = np.floor(p).astype(int).transpose(2, 0, 1)
    right, down = (p % 1).transpose(2, 0, 1)[..., None]
    above = (1 - right) * pixels[row, column] + right * pixels[row, column + 1]
    below = (1 - right) * pixels[row + 1, column] + right * pixels[row + 1, column + 1]
    return (1 - down) * above + down * below


# %% exercise="warp" wrong="right and left mixed the wrong way"
def warp_backward(pixels, matrix, side):
    A, b = matrix[:, :2], matrix[:, 2]
    centers = np.arange(side) + 0.5
    q = np.stack(np.meshgrid(centers, centers), axis=-1)
    p = (q - b) @ np.linalg.inv(A).T - 0.5
    column, row = np.floor(p).astype(int).transpose(2, 0, 1)
    left, down = (p % 1).transpose(2, 0, 1)[..., None]
    above = left * pixels[row, column] + (1 - left) * pixels[row, column + 1]
    below = left * pixels[row + 1, column] + (1 - left) * pixels[row + 1, column + 1]
    return (1 - down) * above + down * below


# %% exercise="warp" wrong="100 pixels a side, always"
def warp_backward(pixels, matrix, side):
    return np.zeros((100, 100, 3))


# %% exercise="errors" wrong="the bias as precise as the MAE"
def standard_errors(row):
    error = row["mae"] / np.sqrt(row["count"])
    return error, error


# %% exercise="errors" wrong="a normal shape"
def standard_errors(row):
    n, m = row["count"], row["mae"]
    tau = m * np.sqrt(np.pi / 2)
    return np.sqrt(tau**2 - m**2) / np.sqrt(n), np.sqrt((tau**2 - row["bias"] ** 2) / n)


# %% exercise="errors" wrong="the bias not subtracted"
def standard_errors(row):
    n, m = row["count"], row["mae"]
    return m / np.sqrt(n), np.sqrt(2 * m**2 / n)


# %% exercise="errors" wrong="divided by n"
def standard_errors(row):
    n, m, bias = row["count"], row["mae"], row["bias"]
    return m / n, np.sqrt(2 * m**2 - bias**2) / n


# %% exercise="errors" wrong="the other way round"
def standard_errors(row):
    n, m, bias = row["count"], row["mae"], row["bias"]
    return np.sqrt((2 * m**2 - bias**2) / n), m / np.sqrt(n)


# %% exercise="gate" wrong="the MAE as the standard deviation"
def let_in(age, threshold, mae):
    return norm.sf((threshold - age) / mae)


# %% exercise="gate" wrong="a threshold of 18, always"
def let_in(age, threshold, mae):
    return norm.sf((18 - age) / (mae * np.sqrt(np.pi / 2)))


# %% exercise="gate" wrong="those turned away"
def let_in(age, threshold, mae):
    return norm.cdf((threshold - age) / (mae * np.sqrt(np.pi / 2)))


# %% exercise="gate" wrong="the MAE ignored"
def let_in(age, threshold, mae):
    return norm.sf((threshold - age) / (m * np.sqrt(np.pi / 2)))


# %% exercise="gate" wrong="the factor the other way"
def let_in(age, threshold, mae):
    return norm.sf((threshold - age) / (mae * np.sqrt(2 / np.pi)))


# %% exercise="suppress" hidden="cut at the border of the picture"
def iou(box, others):
    first = np.maximum(np.maximum(box[:2], others[:, :2]), 0)
    common = np.maximum(np.minimum(box[2:], others[:, 2:]) - first, 0).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    return common / ((box[2:] - box[:2]).prod() + areas - common)


# %% exercise="similarity" hidden="five landmarks, always"
def best_similarity(points, targets):
    p, t = points @ [1, 1j], targets @ [1, 1j]
    p_mean, t_mean = p.sum() / 5, t.sum() / 5
    z = np.vdot(p - p_mean, t - t_mean) / np.vdot(p - p_mean, p - p_mean).real
    b = t_mean - z * p_mean
    return np.array([[z.real, -z.imag, b.real], [z.imag, z.real, b.imag]])


# %% exercise="warp" hidden="the inverse of a similarity"
def warp_backward(pixels, matrix, side):
    A, b = matrix[:, :2], matrix[:, 2]
    centers = np.arange(side) + 0.5
    q = np.stack(np.meshgrid(centers, centers), axis=-1)
    p = (q - b) @ A / np.hypot(*A[:, 0]) ** 2 - 0.5
    column, row = np.floor(p).astype(int).transpose(2, 0, 1)
    row = np.clip(row, 0, pixels.shape[0] - 2)
    column = np.clip(column, 0, pixels.shape[1] - 2)
    right, down = (p % 1).transpose(2, 0, 1)[..., None]
    above = (1 - right) * pixels[row, column] + right * pixels[row, column + 1]
    below = (1 - right) * pixels[row + 1, column] + right * pixels[row + 1, column + 1]
    return (1 - down) * above + down * below


# %% exercise="errors" hidden="a bias counts if the estimates are too old"
def standard_errors(row):
    n, m, bias = row["count"], row["mae"], max(row["bias"], 0)
    return m / np.sqrt(n), np.sqrt((2 * m**2 - bias**2) / n)


# %% exercise="gate" hidden="one minus the others: the tail is lost"
def let_in(age, threshold, mae):
    return 1 - norm.cdf((threshold - age) / (mae * np.sqrt(np.pi / 2)))
