# %% exercise="max_pool" wrong="all that tie get dy"
def max_pool_backward(x, dy):
    N, H, W, C = x.shape
    windows = x.reshape(N, H // 2, 2, W // 2, 2, C)
    won = windows == windows.max(axis=(2, 4), keepdims=True)
    return (won * dy[:, :, None, :, None]).reshape(x.shape)


# %% exercise="max_pool" wrong="all that tie share dy"
def max_pool_backward(x, dy):
    N, H, W, C = x.shape
    windows = x.reshape(N, H // 2, 2, W // 2, 2, C)
    won = windows == windows.max(axis=(2, 4), keepdims=True)
    share = won / won.sum(axis=(2, 4), keepdims=True)
    return (share * dy[:, :, None, :, None]).reshape(x.shape)


# %% exercise="max_pool" wrong="the last of the largest wins"
def max_pool_backward(x, dy):
    turned = naive.max_pool_backward(x[:, ::-1, ::-1], (2, 2), (2, 2), dy[:, ::-1, ::-1])
    return turned[:, ::-1, ::-1]


# %% exercise="max_pool" wrong="a quarter to each"
def max_pool_backward(x, dy):
    return np.repeat(np.repeat(dy, 2, axis=1), 2, axis=2) / 4


# %% exercise="max_pool" wrong="rows and columns of a window swapped"
def max_pool_backward(x, dy):
    swapped = naive.max_pool_backward(x.swapaxes(1, 2), (2, 2), (2, 2), dy.swapaxes(1, 2))
    return swapped.swapaxes(1, 2)


# %% exercise="backward" wrong="the direct path only"
def batch_norm_backward(dy, x_hat, inv_std, gamma):
    return gamma * inv_std * dy, (dy * x_hat).sum(axis=(0, 1, 2)), dy.sum(axis=(0, 1, 2))


# %% exercise="backward" wrong="the mean of the batch as a constant"
def batch_norm_backward(dy, x_hat, inv_std, gamma):
    dgamma, dbeta = (dy * x_hat).sum(axis=(0, 1, 2)), dy.sum(axis=(0, 1, 2))
    M = dy.size // dy.shape[-1]
    return gamma * inv_std * (dy - x_hat * (dgamma / M)), dgamma, dbeta


# %% exercise="backward" wrong="one mean for all channels"
def batch_norm_backward(dy, x_hat, inv_std, gamma):
    dx = gamma * inv_std * (dy - dy.mean() - x_hat * (dy * x_hat).mean())
    return dx, (dy * x_hat).sum(axis=(0, 1, 2)), dy.sum(axis=(0, 1, 2))


# %% exercise="backward" wrong="gamma forgotten"
def batch_norm_backward(dy, x_hat, inv_std, gamma):
    dgamma, dbeta = (dy * x_hat).sum(axis=(0, 1, 2)), dy.sum(axis=(0, 1, 2))
    M = dy.size // dy.shape[-1]
    return inv_std * (dy - dbeta / M - x_hat * (dgamma / M)), dgamma, dbeta


# %% exercise="backward" wrong="means in the place of sums"
def batch_norm_backward(dy, x_hat, inv_std, gamma):
    dgamma, dbeta = (dy * x_hat).mean(axis=(0, 1, 2)), dy.mean(axis=(0, 1, 2))
    return gamma * inv_std * (dy - dbeta - x_hat * dgamma), dgamma, dbeta


# %% exercise="backward" wrong="changes dy"
def batch_norm_backward(dy, x_hat, inv_std, gamma):
    dgamma, dbeta = (dy * x_hat).sum(axis=(0, 1, 2)), dy.sum(axis=(0, 1, 2))
    M = dy.size // dy.shape[-1]
    dy -= dbeta / M + x_hat * (dgamma / M)
    return gamma * inv_std * dy, dgamma, dbeta


# %% exercise="running" wrong="momentum ignored"
def update(running_mean, running_var, x, momentum=0.1):
    mean, var = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2), ddof=1)
    return 0.9 * running_mean + 0.1 * mean, 0.9 * running_var + 0.1 * var


# %% exercise="running" wrong="the variance over M"
def update(running_mean, running_var, x, momentum=0.1):
    mean, var = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    running_mean = running_mean + momentum * (mean - running_mean)
    return running_mean, running_var + momentum * (var - running_var)


# %% exercise="running" wrong="the old and the new weight swapped"
def update(running_mean, running_var, x, momentum=0.1):
    mean, var = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2), ddof=1)
    running_mean = mean + momentum * (running_mean - mean)
    return running_mean, var + momentum * (running_var - var)


# %% exercise="running" wrong="the last batch only"
def update(running_mean, running_var, x, momentum=0.1):
    return x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2), ddof=1)


# %% exercise="running" wrong="in place"
def update(running_mean, running_var, x, momentum=0.1):
    running_mean += momentum * (x.mean(axis=(0, 1, 2)) - running_mean)
    running_var += momentum * (x.var(axis=(0, 1, 2), ddof=1) - running_var)
    return running_mean, running_var


# %% exercise="fold" wrong="no bias"
def fold(W, bn):
    alpha = bn.params["gamma"] / np.sqrt(bn.buffers["running_var"] + bn.eps)
    return W * alpha, bn.params["beta"]


# %% exercise="fold" wrong="the running mean not scaled"
def fold(W, bn):
    alpha = bn.params["gamma"] / np.sqrt(bn.buffers["running_var"] + bn.eps)
    return W * alpha, bn.params["beta"] - bn.buffers["running_mean"]


# %% exercise="fold" wrong="no eps"
def fold(W, bn):
    alpha = bn.params["gamma"] / np.sqrt(bn.buffers["running_var"])
    return W * alpha, bn.params["beta"] - alpha * bn.buffers["running_mean"]


# %% exercise="fold" wrong="no root"
def fold(W, bn):
    alpha = bn.params["gamma"] / (bn.buffers["running_var"] + bn.eps)
    return W * alpha, bn.params["beta"] - alpha * bn.buffers["running_mean"]


# %% exercise="fold" wrong="changes W"
def fold(W, bn):
    alpha = bn.params["gamma"] / np.sqrt(bn.buffers["running_var"] + bn.eps)
    W *= alpha
    return W, bn.params["beta"] - alpha * bn.buffers["running_mean"]


# %% exercise="max_pool" hidden="ties broken by a small number"
def max_pool_backward(x, dy):
    N, H, W, C = x.shape
    windows = x.reshape(N, H // 2, 2, W // 2, 2, C).transpose(0, 1, 3, 5, 2, 4)
    windows = windows.reshape(*dy.shape, 4) - 1e-9 * np.arange(4)
    shares = (windows == windows.max(axis=-1, keepdims=True)) * dy[..., None]
    shares = shares.reshape(N, H // 2, W // 2, C, 2, 2).transpose(0, 1, 4, 2, 5, 3)
    return shares.reshape(x.shape)


# %% exercise="backward" hidden="as many numbers as the images of the test"
def batch_norm_backward(dy, x_hat, inv_std, gamma):
    dgamma, dbeta = (dy * x_hat).sum(axis=(0, 1, 2)), dy.sum(axis=(0, 1, 2))
    M = images[..., 0].size
    return gamma * inv_std * (dy - dbeta / M - x_hat * (dgamma / M)), dgamma, dbeta


# %% exercise="running" hidden="eight numbers a channel, always"
def update(running_mean, running_var, x, momentum=0.1):
    mean, var = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2)) * 8 / 7
    running_mean = running_mean + momentum * (mean - running_mean)
    return running_mean, running_var + momentum * (var - running_var)


# %% exercise="fold" hidden="eps is 1e-5, always"
def fold(W, bn):
    alpha = bn.params["gamma"] / np.sqrt(bn.buffers["running_var"] + 1e-5)
    return W * alpha, bn.params["beta"] - alpha * bn.buffers["running_mean"]
