# %% exercise="epsilon" wrong="one halving too many"
def epsilon(dtype):
    one, gap = dtype(1), dtype(1)
    while one + gap > one:
        gap = gap / dtype(2)
    return gap


# %% exercise="epsilon" wrong="a constant"
def epsilon(dtype):
    return dtype(2.0**-52)


# %% exercise="epsilon" wrong="Python's floats, whatever the type"
def epsilon(dtype):
    gap = 1.0
    while 1.0 + gap / 2 > 1.0:
        gap = gap / 2
    return gap


# %% exercise="epsilon" wrong="looked up"
def epsilon(dtype):
    return np.finfo(dtype).eps


# %% exercise="central" wrong="forward difference"
def central_difference(f, x, h):
    return (f(x + h) - f(x)) / h


# %% exercise="central" wrong="divided by h"
def central_difference(f, x, h):
    return (f(x + h) - f(x - h)) / h


# %% exercise="central" wrong="h ignored"
def central_difference(f, x, h):
    return (f(x + 0.01) - f(x - 0.01)) / 0.02


# %% exercise="gradient" wrong="the step does not grow with x"
def numerical_gradient(f, x):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        x[index] = value + 1e-5
        above = f()
        x[index] = value - 1e-5
        below = f()
        x[index] = value
        gradient[index] = (above - below) / 2e-5
    return gradient


# %% exercise="gradient" wrong="one step for all, that of the largest entry"
def numerical_gradient(f, x):
    gradient, h = np.zeros_like(x), 1e-5 * max(1, np.abs(x).max())
    for index in np.ndindex(x.shape):
        value = x[index]
        x[index] = value + h
        above = f()
        x[index] = value - h
        below = f()
        x[index] = value
        gradient[index] = (above - below) / (2 * h)
    return gradient


# %% exercise="gradient" wrong="x is not put back"
def numerical_gradient(f, x):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        h = 1e-5 * max(1, abs(x[index]))
        x[index] += h
        above = f()
        x[index] -= 2 * h
        gradient[index] = (above - f()) / (2 * h)
    return gradient


# %% exercise="gradient" wrong="put back by adding, so not exactly"
def numerical_gradient(f, x):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        h = 1e-5 * max(1, abs(x[index]))
        x[index] += h
        above = f()
        x[index] -= 2 * h
        gradient[index] = (above - f()) / (2 * h)
        x[index] += h
    return gradient


# %% exercise="gradient" wrong="flattened"
def numerical_gradient(f, x):
    return gradcheck.numerical_gradient(f, x).ravel()


# %% exercise="gradient" wrong="forward differences"
def numerical_gradient(f, x):
    gradient, here = np.zeros_like(x), f()
    for index in np.ndindex(x.shape):
        value = x[index]
        h = 1e-5 * max(1, abs(value))
        x[index] = value + h
        gradient[index] = (f() - here) / h
        x[index] = value
    return gradient


# %% exercise="checker" wrong="sums of |dx| compared"
def check(layer, x, rng):
    dy = rng.standard_normal(layer.forward(x).shape)
    dx = layer.backward(dy)
    numeric = numerical_gradient(lambda: (layer.forward(x) * dy).sum(), x)
    return relative_error(np.abs(dx).sum(), np.abs(numeric).sum())


# %% exercise="checker" wrong="sums compared"
def check(layer, x, rng):
    dy = rng.standard_normal(layer.forward(x).shape)
    dx = layer.backward(dy)
    numeric = numerical_gradient(lambda: (layer.forward(x) * dy).sum(), x)
    return relative_error(dx.sum(), numeric.sum())


# %% exercise="checker" wrong="absolute values compared"
def check(layer, x, rng):
    dy = rng.standard_normal(layer.forward(x).shape)
    dx = layer.backward(dy)
    numeric = numerical_gradient(lambda: (layer.forward(x) * dy).sum(), x)
    return relative_error(np.abs(dx), np.abs(numeric))


# %% exercise="checker" wrong="an upstream gradient of ones"
def check(layer, x, rng):
    dy = np.ones(layer.forward(x).shape)
    dx = layer.backward(dy)
    return relative_error(dx, numerical_gradient(lambda: layer.forward(x).sum(), x))


# %% exercise="checker" wrong="not relative"
def check(layer, x, rng):
    dy = rng.standard_normal(layer.forward(x).shape)
    dx = layer.backward(dy)
    numeric = numerical_gradient(lambda: (layer.forward(x) * dy).sum(), x)
    return np.abs(dx - numeric).max()


# %% exercise="checker" wrong="a constant"
def check(layer, x, rng):
    return 1e-10


# %% exercise="away" wrong="margin ignored"
def away_from_zero(rng, shape, margin=0.1):
    x = rng.standard_normal(shape)
    return x + 0.1 * np.where(x < 0, -1, 1)


# %% exercise="away" wrong="one sign"
def away_from_zero(rng, shape, margin=0.1):
    return np.abs(rng.standard_normal(shape)) + margin


# %% exercise="away" wrong="clipped, so many are equal"
def away_from_zero(rng, shape, margin=0.1):
    x = rng.standard_normal(shape)
    return np.where(x < 0, -1, 1) * np.maximum(np.abs(x), margin)


# %% exercise="away" wrong="a generator of its own"
def away_from_zero(rng, shape, margin=0.1):
    x = np.random.default_rng(0).standard_normal(shape)
    return x + margin * np.where(x < 0, -1, 1)


# %% exercise="away" wrong="moved by the margin in one direction"
def away_from_zero(rng, shape, margin=0.1):
    return rng.standard_normal(shape) + margin


# %% exercise="epsilon" hidden="float64's for every type but float32"
def epsilon(dtype):
    return dtype(2.0**-23 if dtype is np.float32 else 2.0**-52)


# %% exercise="central" hidden="always uphill"
def central_difference(f, x, h):
    return abs(f(x + h) - f(x - h)) / (2 * h)


# %% exercise="gradient" hidden="in a copy, if x is a transposed view"
def numerical_gradient(f, x):
    flat, gradient = x.reshape(-1), np.zeros(x.size)
    for i in range(x.size):
        value = flat[i]
        h = 1e-5 * max(1, abs(value))
        flat[i] = value + h
        above = f()
        flat[i] = value - h
        below = f()
        flat[i] = value
        gradient[i] = (above - below) / (2 * h)
    return gradient.reshape(x.shape)


# %% exercise="gradient" hidden="the step grows with x, not with |x|"
def numerical_gradient(f, x):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        h = 1e-5 * max(1, value)
        x[index] = value + h
        above = f()
        x[index] = value - h
        below = f()
        x[index] = value
        gradient[index] = (above - below) / (2 * h)
    return gradient


# %% exercise="checker" hidden="an upstream gradient of the shape of x"
def check(layer, x, rng):
    dy = rng.standard_normal(x.shape)
    layer.forward(x)
    dx = layer.backward(dy)
    numeric = numerical_gradient(lambda: (layer.forward(x) * dy).sum(), x)
    return relative_error(dx, numeric)


# %% exercise="checker" hidden="the first row only"
def check(layer, x, rng):
    dy = rng.standard_normal(layer.forward(x).shape)
    dx = layer.backward(dy)
    numeric = numerical_gradient(lambda: (layer.forward(x) * dy).sum(), x)
    return relative_error(dx[0], numeric[0])


# %% exercise="away" hidden="all that are too near, moved up"
def away_from_zero(rng, shape, margin=0.1):
    x = rng.standard_normal(shape)
    return np.where(np.abs(x) < margin, x + 2 * margin, x)
