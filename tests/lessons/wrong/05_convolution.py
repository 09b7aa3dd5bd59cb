# %% exercise="size" wrong="no + 1"
def output_size(H, KH, stride=1, padding=0):
    return (H + 2 * padding - KH) // stride


# %% exercise="size" wrong="padding counted once"
def output_size(H, KH, stride=1, padding=0):
    return (H + padding - KH) // stride + 1


# %% exercise="size" wrong="rounded up"
def output_size(H, KH, stride=1, padding=0):
    return -(-(H + 2 * padding - KH) // stride) + 1


# %% exercise="size" wrong="a float"
def output_size(H, KH, stride=1, padding=0):
    return np.floor((H + 2 * padding - KH) / stride) + 1


# %% exercise="size" wrong="stride ignored"
def output_size(H, KH, stride=1, padding=0):
    return H + 2 * padding - KH + 1


# %% exercise="shifted" wrong="stride ignored in the columns"
def conv2d(x_pad, W, stride=1):
    y = naive.conv2d(x_pad, W, (stride, 1))
    return y[:, :, : output_size(x_pad.shape[2], W.shape[1], stride)]


# %% exercise="shifted" wrong="falls into float64"
def conv2d(x_pad, W, stride=1):
    (N, H, width, _), (KH, KW, _, OC) = x_pad.shape, W.shape
    OH, OW = output_size(H, KH, stride), output_size(width, KW, stride)
    y = np.zeros((N, OH, OW, OC))
    for i, j in np.ndindex(KH, KW):
        rows = slice(i, i + stride * (OH - 1) + 1, stride)
        columns = slice(j, j + stride * (OW - 1) + 1, stride)
        y += x_pad[:, rows, columns] @ W[i, j]
    return y


# %% exercise="shifted" wrong="the kernel turned"
def conv2d(x_pad, W, stride=1):
    return conv2d_im2col(x_pad, W[::-1, ::-1], stride)


# %% exercise="shifted" wrong="the last tap only"
def conv2d(x_pad, W, stride=1):
    (N, H, width, _), (KH, KW, _, OC) = x_pad.shape, W.shape
    OH, OW = output_size(H, KH, stride), output_size(width, KW, stride)
    for i, j in np.ndindex(KH, KW):
        rows = slice(i, i + stride * (OH - 1) + 1, stride)
        columns = slice(j, j + stride * (OW - 1) + 1, stride)
        y = x_pad[:, rows, columns] @ W[i, j]
    return y


# %% exercise="shifted" wrong="a row too many"
def conv2d(x_pad, W, stride=1):
    return conv2d_im2col(np.pad(x_pad, ((0, 0), (0, stride), (0, 0), (0, 0))), W, stride)


# %% exercise="backward" wrong="height and width swapped"
def conv2d_backward(x_pad, W, dy):
    (_, OW, OH, OC), (KW, KH, C, _) = dy.shape, W.shape
    dx_pad, dW = np.zeros_like(x_pad), np.zeros_like(W)
    for i, j in np.ndindex(KW, KH):
        seen = slice(None), slice(i, i + OH), slice(j, j + OW)
        here = x_pad[seen][:, :OW, :OH]
        if here.shape[:3] == dy.shape[:3]:
            dW[i, j] = here.reshape(-1, C).T @ dy.reshape(-1, OC)
            dx_pad[seen][:, :OW, :OH] += dy @ W[i, j].T
    return dx_pad, dW, dy.sum(axis=(0, 1, 2))


# %% exercise="backward" wrong="a 3x3 kernel on 5x5 pixels, always"
def conv2d_backward(x_pad, W, dy):
    dx_pad, dW = np.zeros_like(x_pad), np.zeros_like(W)
    for i, j in np.ndindex(3, 3):
        if i < len(W) and x_pad[:, i : i + 3, j : j + 3].shape[:3] == dy.shape[:3]:
            dW[i, j] = np.tensordot(x_pad[:, i : i + 3, j : j + 3], dy, ([0, 1, 2], [0, 1, 2]))
            dx_pad[:, i : i + 3, j : j + 3] += dy @ W[i, j].T
    return dx_pad, dW, dy.sum(axis=(0, 1, 2))


# %% exercise="backward" wrong="= in the place of +="
def conv2d_backward(x_pad, W, dy):
    (_, OH, OW, OC), (KH, KW, C, _) = dy.shape, W.shape
    dx_pad, dW = np.zeros_like(x_pad), np.zeros_like(W)
    for i, j in np.ndindex(KH, KW):
        seen = slice(None), slice(i, i + OH), slice(j, j + OW)
        dW[i, j] = x_pad[seen].reshape(-1, C).T @ dy.reshape(-1, OC)
        dx_pad[seen] = dy @ W[i, j].T
    return dx_pad, dW, dy.sum(axis=(0, 1, 2))


# %% exercise="backward" wrong="the kernel's gradient a mean over images"
def conv2d_backward(x_pad, W, dy):
    dx_pad, dW = naive.conv2d_backward(x_pad, W, (1, 1), dy)
    return dx_pad, dW / len(dy), dy.sum(axis=(0, 1, 2))


# %% exercise="backward" wrong="the bias' gradient for each image"
def conv2d_backward(x_pad, W, dy):
    return *naive.conv2d_backward(x_pad, W, (1, 1), dy), dy.sum(axis=(1, 2))


# %% exercise="backward" wrong="changes dy"
def conv2d_backward(x_pad, W, dy):
    dx_pad, dW = naive.conv2d_backward(x_pad, W, (1, 1), dy)
    db = dy.sum(axis=(0, 1, 2))
    dy[...] = 0
    return dx_pad, dW, db


# %% exercise="flipped" wrong="not turned"
def input_gradient(W, dy):
    KH, KW = W.shape[:2]
    dy_pad = np.pad(dy, ((0, 0), (KH - 1, KH - 1), (KW - 1, KW - 1), (0, 0)))
    return naive.conv2d(dy_pad, W.transpose(0, 1, 3, 2), (1, 1))


# %% exercise="flipped" wrong="turned in one direction"
def input_gradient(W, dy):
    KH, KW = W.shape[:2]
    dy_pad = np.pad(dy, ((0, 0), (KH - 1, KH - 1), (KW - 1, KW - 1), (0, 0)))
    return naive.conv2d(dy_pad, W[::-1].transpose(0, 1, 3, 2), (1, 1))


# %% exercise="flipped" wrong="padded by one less"
def input_gradient(W, dy):
    KH, KW = W.shape[:2]
    dy_pad = np.pad(dy, ((0, 0), (KH - 2, KH - 2), (KW - 2, KW - 2), (0, 0)))
    return naive.conv2d(dy_pad, W[::-1, ::-1].transpose(0, 1, 3, 2), (1, 1))


# %% exercise="flipped" wrong="a square kernel, always"
def input_gradient(W, dy):
    P = len(W) - 1
    dy_pad = np.pad(dy, ((0, 0), (P, P), (P, P), (0, 0)))
    return naive.conv2d(dy_pad, W[::-1, ::-1].transpose(0, 1, 3, 2), (1, 1))


# %% exercise="flipped" wrong="the backward pass of the loops"
def input_gradient(W, dy):
    (N, OH, OW, _), (KH, KW, C, _) = dy.shape, W.shape
    return naive.conv2d_backward(np.zeros((N, OH + KH - 1, OW + KW - 1, C)), W, (1, 1), dy)[0]


# %% exercise="size" hidden="counted among the first 99 rows"
def output_size(H, KH, stride=1, padding=0):
    return len([top for top in range(0, 99, stride) if top + KH <= H + 2 * padding])


# %% exercise="shifted" hidden="four channels out, always"
def conv2d(x_pad, W, stride=1):
    (N, H, width, _), (KH, KW, _, _) = x_pad.shape, W.shape
    OH, OW = output_size(H, KH, stride), output_size(width, KW, stride)
    y = np.zeros((N, OH, OW, 4), dtype=x_pad.dtype)
    for i, j in np.ndindex(KH, KW):
        rows = slice(i, i + stride * (OH - 1) + 1, stride)
        columns = slice(j, j + stride * (OW - 1) + 1, stride)
        y += x_pad[:, rows, columns] @ W[i, j]
    return y


# %% exercise="backward" hidden="a square picture, always"
def conv2d_backward(x_pad, W, dy):
    (N, OH, OW, OC), (KH, KW, C, _) = dy.shape, W.shape
    side = max(x_pad.shape[1:3])
    dx_pad, dW = np.zeros((N, side, side, C)), np.zeros_like(W)
    for i, j in np.ndindex(KH, KW):
        seen = slice(None), slice(i, i + OH), slice(j, j + OW)
        dW[i, j] = x_pad[seen].reshape(-1, C).T @ dy.reshape(-1, OC)
        dx_pad[seen] += dy @ W[i, j].T
    return dx_pad, dW, dy.sum(axis=(0, 1, 2))


# %% exercise="flipped" hidden="5 x 5 pixels, always"
def input_gradient(W, dy):
    (KH, KW, C, _), (N, OH, OW, _) = W.shape, dy.shape
    dx_pad = np.zeros((N, 5, 5, C))
    for i, j in np.ndindex(KH, KW):
        dx_pad[:, i : i + OH, j : j + OW] += dy @ W[i, j].T
    return dx_pad


# %% exercise="flipped" hidden="C and OC exchanged unless they are equal"
def input_gradient(W, dy):
    KH, KW, C, OC = W.shape
    turned = W[::-1, ::-1]
    turned = turned if C == OC else turned.transpose(0, 1, 3, 2)
    dy_pad = np.pad(dy, ((0, 0), (KH - 1, KH - 1), (KW - 1, KW - 1), (0, 0)))
    return naive.conv2d(dy_pad, turned, (1, 1))
