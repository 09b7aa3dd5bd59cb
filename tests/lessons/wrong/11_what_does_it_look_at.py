# %% exercise="terms" wrong="a quarter to each"
def terms(features, w):
    H, W, C = features.shape
    largest = features.reshape(H // 2, 2, W // 2, 2, C).max(axis=(1, 3)) @ w
    return np.kron(largest, np.ones((2, 2))) / (H * W)


# %% exercise="terms" wrong="every feature, as with average pooling"
def terms(features, w):
    H, W, C = features.shape
    return 1 / (H * W) * (features @ w)


# %% exercise="terms" wrong="not averaged"
def terms(features, w):
    H, W, C = features.shape
    windows = features.reshape(H // 2, 2, W // 2, 2, C)
    won = windows == windows.max(axis=(1, 3), keepdims=True)
    return (windows * won).reshape(H, W, C) @ w


# %% exercise="terms" wrong="the winner of all channels together"
def terms(features, w):
    H, W, C = features.shape
    windows = features.reshape(H // 2, 2, W // 2, 2, C)
    won = windows == windows.max(axis=(1, 3, 4), keepdims=True)
    return 4 / (H * W) * ((windows * won).reshape(H, W, C) @ w)


# %% exercise="terms" wrong="8 x 8 positions, always"
def terms(features, w):
    H, W, C = features.shape
    windows = features.reshape(H // 2, 2, W // 2, 2, C)
    won = windows == windows.max(axis=(1, 3), keepdims=True)
    return 1 / 16 * ((windows * won).reshape(H, W, C) @ w)


# %% exercise="maps" wrong="the map of the logit"
def map_of_log_probability(M, p_hat, k):
    return M[k]


# %% exercise="maps" wrong="the plain mean subtracted"
def map_of_log_probability(M, p_hat, k):
    return M[k] - M.mean(axis=0)


# %% exercise="maps" wrong="k ignored"
def map_of_log_probability(M, p_hat, k):
    return M[30 if len(M) > 30 else 1] - np.tensordot(p_hat, M, 1)


# %% exercise="maps" wrong="y_hat as a constant"
def map_of_expectation(M, p_hat, grid):
    return np.tensordot(p_hat * np.asarray(grid), M, 1)


# %% exercise="maps" wrong="p_hat forgotten"
def map_of_expectation(M, p_hat, grid):
    return np.tensordot(np.asarray(grid) - p_hat @ grid, M, 1)


# %% exercise="maps" wrong="the labels 0 to 100, always"
def map_of_expectation(M, p_hat, grid):
    labels = np.arange(len(p_hat))
    return np.tensordot(p_hat * (labels - p_hat @ labels), M, 1)


# %% exercise="occlusion" wrong="painted over the image"
def occlude(image, spans):
    whole, found = estimate(image[None]), []
    for h, w in np.ndindex(len(spans), len(spans)):
        image[spans[h], spans[w]] = 128
        found.append(whole - estimate(image[None]))
    return np.reshape(found, (len(spans), len(spans)))


# %% exercise="occlusion" wrong="one square after the other stays"
def occlude(image, spans):
    copy, copies = image.copy(), []
    for h, w in np.ndindex(len(spans), len(spans)):
        copy[spans[h], spans[w]] = 128
        copies.append(copy.copy())
    return (estimate(image[None]) - estimate(np.array(copies))).reshape(len(spans), len(spans))


# %% exercise="occlusion" wrong="the other sign"
def occlude(image, spans):
    copies = np.repeat(image[None], len(spans) ** 2, axis=0)
    for copy, (h, w) in zip(copies, np.ndindex(len(spans), len(spans)), strict=True):
        copy[spans[h], spans[w]] = 128
    return (estimate(copies) - estimate(image[None])).reshape(len(spans), len(spans))


# %% exercise="occlusion" wrong="black squares"
def occlude(image, spans):
    copies = np.repeat(image[None], len(spans) ** 2, axis=0)
    for copy, (h, w) in zip(copies, np.ndindex(len(spans), len(spans)), strict=True):
        copy[spans[h], spans[w]] = 0
    return (estimate(image[None]) - estimate(copies)).reshape(len(spans), len(spans))


# %% exercise="occlusion" wrong="rows and columns swapped"
def occlude(image, spans):
    copies = np.repeat(image[None], len(spans) ** 2, axis=0)
    for copy, (h, w) in zip(copies, np.ndindex(len(spans), len(spans)), strict=True):
        copy[spans[w], spans[h]] = 128
    return (estimate(image[None]) - estimate(copies)).reshape(len(spans), len(spans))


# %% exercise="occlusion" wrong="16 places along a side, always"
def occlude(image, spans):
    return np.zeros((16, 16))


# %% exercise="field" wrong="the stride before the kernel"
def rows_seen(layers, position):
    first, r, j = 0, 1, 1
    for layer in layers:
        if isinstance(layer, Conv2d | MaxPool2d):
            j *= layer.windows.stride[0]
            if isinstance(layer, Conv2d):
                first -= layer.padding[0] * j
            r += (layer.windows.kernel[0] - 1) * j
    first += position * j
    return first, first + r - 1


# %% exercise="field" wrong="padding ignored"
def rows_seen(layers, position):
    r, j = 1, 1
    for layer in layers:
        if isinstance(layer, Conv2d | MaxPool2d):
            r += (layer.windows.kernel[0] - 1) * j
            j *= layer.windows.stride[0]
    return position * j, position * j + r - 1


# %% exercise="field" wrong="padding in pixels, not in neighbors"
def rows_seen(layers, position):
    first, r, j = 0, 1, 1
    for layer in layers:
        if isinstance(layer, Conv2d | MaxPool2d):
            if isinstance(layer, Conv2d):
                first -= layer.padding[0]
            r += (layer.windows.kernel[0] - 1) * j
            j *= layer.windows.stride[0]
    first += position * j
    return first, first + r - 1


# %% exercise="field" wrong="position ignored"
def rows_seen(layers, position):
    first, r, j = 0, 1, 1
    for layer in layers:
        if isinstance(layer, Conv2d | MaxPool2d):
            if isinstance(layer, Conv2d):
                first -= layer.padding[0] * j
            r += (layer.windows.kernel[0] - 1) * j
            j *= layer.windows.stride[0]
    return first, first + r - 1


# %% exercise="field" wrong="one row too many"
def rows_seen(layers, position):
    first, r, j = 0, 1, 1
    for layer in layers:
        if isinstance(layer, Conv2d | MaxPool2d):
            if isinstance(layer, Conv2d):
                first -= layer.padding[0] * j
            r += (layer.windows.kernel[0] - 1) * j
            j *= layer.windows.stride[0]
    first += position * j
    return first, first + r


# %% exercise="field" wrong="from the center of the position"
def rows_seen(layers, position):
    r, j = 1, 1
    for layer in layers:
        if isinstance(layer, Conv2d | MaxPool2d):
            r += (layer.windows.kernel[0] - 1) * j
            j *= layer.windows.stride[0]
    first = position * j + (j - r) // 2
    return first, first + r - 1


# %% exercise="field" wrong="3x3 convolutions and 2x2 poolings, always"
def rows_seen(layers, position):
    first, r, j = 0, 1, 1
    for layer in layers:
        if isinstance(layer, Conv2d):
            first, r = first - j, r + 2 * j
        if isinstance(layer, MaxPool2d):
            r, j = r + j, 2 * j
    first += position * j
    return first, first + r - 1


# %% exercise="field" wrong="cut at the border"
def rows_seen(layers, position):
    first, r, j = 0, 1, 1
    for layer in layers:
        if isinstance(layer, Conv2d | MaxPool2d):
            if isinstance(layer, Conv2d):
                first -= layer.padding[0] * j
            r += (layer.windows.kernel[0] - 1) * j
            j *= layer.windows.stride[0]
    first += position * j
    return max(first, 0), first + r - 1


# %% exercise="attack" wrong="in uint8, so it wraps around"
def attack(images, g, eps):
    return images + (eps * np.sign(g)).astype(np.uint8)


# %% exercise="attack" wrong="not clipped"
def attack(images, g, eps):
    return (images + eps * np.sign(g)).astype(int).astype(np.uint8)


# %% exercise="attack" wrong="the gradient in the place of its sign"
def attack(images, g, eps):
    return np.clip(images + eps * g / np.abs(g).max(), 0, 255).astype(np.uint8)


# %% exercise="attack" wrong="eps ignored"
def attack(images, g, eps):
    return np.clip(images + 2 * np.sign(eps) * np.sign(g), 0, 255).astype(np.uint8)


# %% exercise="attack" wrong="always older"
def attack(images, g, eps):
    return np.clip(images + abs(eps) * np.sign(g), 0, 255).astype(np.uint8)


# %% exercise="attack" wrong="the photos themselves"
def attack(images, g, eps):
    images[...] = np.clip(images + eps * np.sign(g), 0, 255)
    return images


# %% exercise="attack" wrong="floats"
def attack(images, g, eps):
    return np.clip(images + eps * np.sign(g), 0, 255)


# %% exercise="terms" hidden="whoever is close to the maximum wins, too"
def terms(features, w):
    H, W, C = features.shape
    windows = features.reshape(H // 2, 2, W // 2, 2, C)
    won = np.isclose(windows, windows.max(axis=(1, 3), keepdims=True))
    return 4 / (H * W) * ((windows * won).reshape(H, W, C) @ w)


# %% exercise="maps" hidden="height and width swapped"
def map_of_expectation(M, p_hat, grid):
    weights = p_hat * (grid - p_hat @ grid)
    return (weights @ M.reshape(len(M), -1)).reshape(M.shape[2], M.shape[1])


# %% exercise="maps" hidden="one answer is never sure"
def map_of_log_probability(M, p_hat, k):
    p_hat = np.clip(p_hat, 1e-12, 1 - 1e-5)
    return M[k] - np.tensordot(p_hat / p_hat.sum(), M, 1)


# %% exercise="occlusion" hidden="sixteen squares, always"
def occlude(image, spans):
    copies = np.repeat(image[None], len(spans) ** 2, axis=0)
    for copy, (h, w) in zip(copies[:16], np.ndindex(len(spans), len(spans)), strict=False):
        copy[spans[h], spans[w]] = 128
    return (estimate(image[None]) - estimate(copies)).reshape(len(spans), len(spans))


# %% exercise="field" hidden="padding by half the kernel"
def rows_seen(layers, position):
    first, r, j = 0, 1, 1
    for layer in layers:
        if isinstance(layer, Conv2d | MaxPool2d):
            if isinstance(layer, Conv2d) and layer.padding[0]:
                first -= layer.windows.kernel[0] // 2 * j
            r += (layer.windows.kernel[0] - 1) * j
            j *= layer.windows.stride[0]
    first += position * j
    return first, first + r - 1


# %% exercise="attack" hidden="a gradient of 0 counts as negative"
def attack(images, g, eps):
    return np.clip(images + np.where(g > 0, eps, -eps), 0, 255).astype(np.uint8)
