# %% exercise="chain" wrong="forward runs each layer on the photo"
class Chain:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers[:1]:
            y = layer.forward(x)
        return y

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy


# %% exercise="chain" wrong="the first layer has no backward pass"
class Chain:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers[1:]):
            dy = layer.backward(dy)
        return dy


# %% exercise="chain" wrong="three layers, always"
class Chain:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers[:3]:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy


# %% exercise="chain" wrong="the row is turned for good"
class Chain:
    def __init__(self, layers):
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        self.layers.reverse()
        for layer in self.layers:
            dy = layer.backward(dy)
        return dy


# %% exercise="chain" wrong="the gradient is scaled"
class Chain:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        dy = dy / len(dy)
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy


# %% exercise="moment" wrong="kernel ignored"
def mean_square_after(start, channels, stds, kernel=3):
    values = []
    for C, std in zip(channels[:-1], stds, strict=True):
        start = start * 9 * C * std**2 / 2
        values.append(start)
    return values


# %% exercise="moment" wrong="start ignored"
def mean_square_after(start, channels, stds, kernel=3):
    values, value = [], 1.0
    for C, std in zip(channels[:-1], stds, strict=True):
        value = value * kernel**2 * C * std**2 / 2
        values.append(value)
    return values


# %% exercise="moment" wrong="the channels out"
def mean_square_after(start, channels, stds, kernel=3):
    values = []
    for OC, std in zip(channels[1:], stds, strict=True):
        start = start * kernel**2 * OC * std**2 / 2
        values.append(start)
    return values


# %% exercise="moment" wrong="no half for the ReLU"
def mean_square_after(start, channels, stds, kernel=3):
    values = []
    for C, std in zip(channels[:-1], stds, strict=True):
        start = start * kernel**2 * C * std**2
        values.append(start)
    return values


# %% exercise="moment" wrong="each layer alone"
def mean_square_after(start, channels, stds, kernel=3):
    pairs = zip(channels[:-1], stds, strict=True)
    return [start * kernel**2 * C * std**2 / 2 for C, std in pairs]


# %% exercise="counter" wrong="K ignored"
def count(channels, K=101, batchnorm=True, hidden=(), side=1):
    convolutions, norms, linear, C = 0, 0, 0, 3
    for OC in (int(item) for item in channels.split() if item != "M"):
        convolutions += 9 * C * OC + (0 if batchnorm else OC)
        norms += 2 * OC if batchnorm else 0
        C = OC
    D = side * side * C
    for outputs in (*hidden, 101):
        linear += D * outputs + outputs
        D = outputs
    return convolutions, norms, linear


# %% exercise="counter" wrong="a bias beside BatchNorm"
def count(channels, K=101, batchnorm=True, hidden=(), side=1):
    convolutions, norms, linear, C = 0, 0, 0, 3
    for OC in (int(item) for item in channels.split() if item != "M"):
        convolutions += 9 * C * OC + OC
        norms += 2 * OC if batchnorm else 0
        C = OC
    D = side * side * C
    for outputs in (*hidden, K):
        linear += D * outputs + outputs
        D = outputs
    return convolutions, norms, linear


# %% exercise="counter" wrong="gamma without beta"
def count(channels, K=101, batchnorm=True, hidden=(), side=1):
    convolutions, norms, linear, C = 0, 0, 0, 3
    for OC in (int(item) for item in channels.split() if item != "M"):
        convolutions += 9 * C * OC + (0 if batchnorm else OC)
        norms += OC if batchnorm else 0
        C = OC
    D = side * side * C
    for outputs in (*hidden, K):
        linear += D * outputs + outputs
        D = outputs
    return convolutions, norms, linear


# %% exercise="counter" wrong="three known totals"
def count(channels, K=101, batchnorm=True, hidden=(), side=1):
    total = 934_869 if channels == CHANNELS["tiny"] else 3_708_229
    return (134_674_341 if hidden else total), 0, 0


# %% exercise="counter" wrong="one position after the pooling, always"
def count(channels, K=101, batchnorm=True, hidden=(), side=1):
    convolutions, norms, linear, C = 0, 0, 0, 3
    for OC in (int(item) for item in channels.split() if item != "M"):
        convolutions += 9 * C * OC + (0 if batchnorm else OC)
        norms += 2 * OC if batchnorm else 0
        C = OC
    for outputs in (*hidden, K):
        linear += C * outputs + outputs
        C = outputs
    return convolutions, norms, linear


# %% exercise="chance" wrong="101 labels, always"
def loss_at_chance(p, y, grid):
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)
    return (np.log(101) - entropy).mean(), np.abs(grid.mean() - y).mean()


# %% exercise="chance" wrong="the middle is 50, always"
def loss_at_chance(p, y, grid):
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)
    return (np.log(len(grid)) - entropy).mean(), np.abs(50 - y).mean()


# %% exercise="chance" wrong="0 ln 0 is nan"
def loss_at_chance(p, y, grid):
    with np.errstate(all="ignore"):
        entropy = -(p * np.log(p)).sum(axis=1)
    return (np.log(len(grid)) - entropy).mean(), np.abs(grid.mean() - y).mean()


# %% exercise="chance" wrong="the cross entropy"
def loss_at_chance(p, y, grid):
    return np.log(len(grid)), np.abs(grid.mean() - y).mean()


# %% exercise="chance" wrong="the distance of the mean"
def loss_at_chance(p, y, grid):
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)
    return (np.log(len(grid)) - entropy).mean(), np.abs((grid.mean() - y).mean())


# %% exercise="adam" wrong="in place"
def adam_step(W, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m += (1 - beta1) * (g - m)
    v += (1 - beta2) * (g**2 - v)
    W -= lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return W, m, v


# %% exercise="adam" wrong="betas ignored"
def adam_step(W, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    return W - lr * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + eps), m, v


# %% exercise="adam" wrong="eps ignored"
def adam_step(W, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return W - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + 1e-8), m, v


# %% exercise="adam" wrong="no bias correction"
def adam_step(W, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return W - lr * m / (np.sqrt(v) + eps), m, v


# %% exercise="adam" wrong="t from 0"
def adam_step(W, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1 ** (t + 1)), v / (1 - beta2 ** (t + 1))
    return W - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


# %% exercise="adam" wrong="the sign of the gradient"
def adam_step(W, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    return W - lr * np.sign(g), m, v


# %% exercise="chain" hidden="backward through three layers, always"
class Chain:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers[:3]):
            dy = layer.backward(dy)
        return dy


# %% exercise="moment" hidden="5x5 or 3x3"
def mean_square_after(start, channels, stds, kernel=3):
    values = []
    for C, std in zip(channels[:-1], stds, strict=True):
        start = start * (25 if kernel == 5 else 9) * C * std**2 / 2
        values.append(start)
    return values


# %% exercise="counter" hidden="one position, unless a hidden layer follows"
def count(channels, K=101, batchnorm=True, hidden=(), side=1):
    convolutions, norms, linear, C = 0, 0, 0, 3
    for OC in (int(item) for item in channels.split() if item != "M"):
        convolutions += 9 * C * OC + (0 if batchnorm else OC)
        norms += 2 * OC if batchnorm else 0
        C = OC
    D = side * side * C if hidden else C
    for outputs in (*hidden, K):
        linear += D * outputs + outputs
        D = outputs
    return convolutions, norms, linear


# %% exercise="chance" hidden="sixteen photos, always"
def loss_at_chance(p, y, grid):
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum() / 16
    return np.log(len(grid)) - entropy, np.abs(grid.mean() - y).mean()


# %% exercise="adam" hidden="gradients clipped"
def adam_step(W, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    g = np.clip(g, -10, 10)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return W - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v
