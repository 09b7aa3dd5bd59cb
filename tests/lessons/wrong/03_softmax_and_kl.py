# %% exercise="softmax" wrong="no maximum subtracted"
def softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


# %% exercise="softmax" wrong="one sum for the whole batch"
def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum()


# %% exercise="softmax" wrong="one maximum for the whole batch"
def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum(axis=1, keepdims=True)


# %% exercise="softmax" wrong="over the images"
def softmax(x):
    e = np.exp(x - x.max(axis=0))
    return e / e.sum(axis=0)


# %% exercise="softmax" wrong="changes x"
def softmax(x):
    x -= x.max(axis=1, keepdims=True)
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


# %% exercise="softmax-backward" wrong="the mean in the place of the sum"
def softmax_backward(p_hat, dp_hat):
    return p_hat * (dp_hat - (dp_hat * p_hat).mean(axis=1, keepdims=True))


# %% exercise="softmax-backward" wrong="the sum without p_hat"
def softmax_backward(p_hat, dp_hat):
    return p_hat * (dp_hat - dp_hat.sum(axis=1, keepdims=True))


# %% exercise="softmax-backward" wrong="the diagonal only"
def softmax_backward(p_hat, dp_hat):
    return p_hat * (1 - p_hat) * dp_hat


# %% exercise="softmax-backward" wrong="one sum for the whole batch"
def softmax_backward(p_hat, dp_hat):
    return p_hat * (dp_hat - (dp_hat * p_hat).sum())


# %% exercise="softmax-backward" wrong="changes dp_hat"
def softmax_backward(p_hat, dp_hat):
    dp_hat -= (dp_hat * p_hat).sum(axis=1, keepdims=True)
    return p_hat * dp_hat


# %% exercise="kl" wrong="0 ln 0 is nan"
def kl(p, p_hat):
    return (p * np.log(p / p_hat)).sum()


# %% exercise="kl" wrong="the arguments swapped"
def kl(p, p_hat):
    positive = p > 0
    return (p_hat[positive] * np.log(p_hat[positive] / p[positive])).sum()


# %% exercise="kl" wrong="in bits"
def kl(p, p_hat):
    positive = p > 0
    return (p[positive] * np.log2(p[positive] / p_hat[positive])).sum()


# %% exercise="kl" wrong="the cross entropy"
def kl(p, p_hat):
    return -(p * np.log(p_hat)).sum()


# %% exercise="kl" wrong="a small constant"
def kl(p, p_hat):
    return (p * np.log((p + 1e-9) / (p_hat + 1e-9))).sum()


# %% exercise="kl" wrong="changes p"
def kl(p, p_hat):
    positive = p > 0
    value = (p[positive] * np.log(p[positive] / p_hat[positive])).sum()
    p[~positive] = 1
    return value


# %% exercise="kl-logits" wrong="the gradient overflows"
def kl_logits(x, p):
    shifted = x - x.max(axis=1, keepdims=True)
    log_p_hat = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = (p * (np.log(np.where(p > 0, p, 1)) - log_p_hat)).sum() / len(x)
    p_hat = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    return loss, (p_hat - p) / len(x)


# %% exercise="kl-logits" wrong="the loss overflows"
def kl_logits(x, p):
    log_p_hat = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    loss = (p * (np.log(np.where(p > 0, p, 1)) - log_p_hat)).sum() / len(x)
    return loss, (scipy.special.softmax(x, axis=1) - p) / len(x)


# %% exercise="kl-logits" wrong="the gradient not divided by N"
def kl_logits(x, p):
    loss, dx = kl_from_logits(x, p)
    return loss, dx * len(x)


# %% exercise="kl-logits" wrong="the mean over labels, too"
def kl_logits(x, p):
    loss, dx = kl_from_logits(x, p)
    return loss / x.shape[1], dx / x.shape[1]


# %% exercise="kl-logits" wrong="the other sign"
def kl_logits(x, p):
    loss, dx = kl_from_logits(x, p)
    return loss, -dx


# %% exercise="kl-logits" wrong="the cross entropy"
def kl_logits(x, p):
    shifted = x - x.max(axis=1, keepdims=True)
    log_p_hat = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(p * log_p_hat).sum() / len(x), (np.exp(log_p_hat) - p) / len(x)


# %% exercise="kl-logits" wrong="changes x"
def kl_logits(x, p):
    x -= x.max(axis=1, keepdims=True)
    return kl_from_logits(x, p)


# %% exercise="softmax" hidden="the logits clipped in the place of a maximum"
def softmax(x):
    e = np.exp(np.clip(x, -750, 700))
    return e / e.sum(axis=1, keepdims=True)


# %% exercise="softmax-backward" hidden="the first three images"
def softmax_backward(p_hat, dp_hat):
    dx = np.zeros_like(p_hat)
    for n in range(min(3, len(dx))):
        dx[n] = p_hat[n] * (dp_hat[n] - dp_hat[n] @ p_hat[n])
    return dx


# %% exercise="kl" hidden="p_hat is never under 1e-12"
def kl(p, p_hat):
    positive = p > 0
    return (p[positive] * np.log(p[positive] / np.maximum(p_hat[positive], 1e-12))).sum()


# %% exercise="kl" hidden="small p left out"
def kl(p, p_hat):
    positive = p > 1e-8
    return (p[positive] * np.log(p[positive] / p_hat[positive])).sum()


# %% exercise="kl-logits" hidden="p_hat is never under 1e-300"
def kl_logits(x, p):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p_hat = e / e.sum(axis=1, keepdims=True)
    log_p = np.log(np.where(p > 0, p, 1))
    loss = (p * (log_p - np.log(np.maximum(p_hat, 1e-300)))).sum() / len(x)
    return loss, (p_hat - p) / len(x)
