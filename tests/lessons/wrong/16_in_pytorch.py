# %% exercise="unbroadcast" wrong="axes in front only"
def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    return g


# %% exercise="unbroadcast" wrong="the mean"
def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.mean(axis=0)
    for axis, length in enumerate(shape):
        if length == 1:
            g = g.mean(axis=axis, keepdims=True)
    return g


# %% exercise="unbroadcast" wrong="axes summed from the end"
def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=-1)
    return np.resize(g, shape)


# %% exercise="unbroadcast" wrong="reshaped"
def unbroadcast(g, shape):
    return np.resize(g, shape)


# %% exercise="unbroadcast" wrong="axes of length 1 lost"
def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    return g.sum(axis=tuple(axis for axis, length in enumerate(shape) if length == 1))


# %% exercise="unbroadcast" hidden="finds the axes by their lengths"
def unbroadcast(g, shape):
    for axis in range(g.ndim - 1, -1, -1):
        if len(shape) + axis < g.ndim or g.shape[axis] not in shape:
            g = g.sum(axis=axis, keepdims=True)
    return np.resize(g, shape)


# %% exercise="backward" wrong="the last use only"
def backward(loss):
    stack, loss.grad = [loss], np.ones_like(loss.value)
    while stack:
        var = stack.pop()
        for parent, share in var.parents:
            parent.grad = share(var.grad)
            stack.append(parent)


# %% exercise="backward" wrong="passed on before all users have added"
def backward(loss):
    seen, queue, loss.grad = {id(loss)}, [loss], np.ones_like(loss.value)
    while queue:
        var = queue.pop(0)
        for parent, share in var.parents:
            if id(parent) not in seen:
                seen.add(id(parent))
                parent.grad = np.zeros_like(parent.value)
                queue.append(parent)
            parent.grad = parent.grad + share(var.grad)


# %% exercise="backward" wrong="added to the gradients of the last call"
def backward(loss):
    order, seen = [], set()

    def visit(var):
        if id(var) not in seen:
            seen.add(id(var))
            for parent, _ in var.parents:
                visit(parent)
            order.append(var)

    visit(loss)
    loss.grad = np.ones_like(loss.value)
    for var in reversed(order):
        for parent, share in var.parents:
            parent.grad = share(var.grad) + (0 if parent.grad is None else parent.grad)


# %% exercise="backward" wrong="the order not reversed"
def backward(loss):
    order, seen = [], set()

    def visit(var):
        if id(var) not in seen:
            seen.add(id(var))
            for parent, _ in var.parents:
                visit(parent)
            order.append(var)

    visit(loss)
    for var in order:
        var.grad = np.zeros_like(var.value)
    loss.grad = np.ones_like(loss.value)
    for var in order:
        for parent, share in var.parents:
            parent.grad = parent.grad + share(var.grad)


# %% exercise="backward" hidden="as deep as Python's stack"
def backward(loss):
    order, seen = [], set()

    def visit(var):
        if id(var) not in seen:
            seen.add(id(var))
            for parent, _ in var.parents:
                visit(parent)
            order.append(var)

    visit(loss)
    for var in order:
        var.grad = np.zeros_like(var.value)
    loss.grad = np.ones_like(loss.value)
    for var in reversed(order):
        for parent, share in var.parents:
            parent.grad = parent.grad + share(var.grad)


# %% exercise="torch-loss" wrong="the mean over labels, too"
def torch_loss(x, p, y, grid, lam):
    log_p_hat = F.log_softmax(x, dim=1)
    kl = F.kl_div(log_p_hat, p, reduction="mean")
    return kl + lam * F.l1_loss(log_p_hat.exp() @ grid, y)


# %% exercise="torch-loss" wrong="probabilities where logarithms belong"
def torch_loss(x, p, y, grid, lam):
    p_hat = F.softmax(x, dim=1)
    return F.kl_div(p_hat, p, reduction="batchmean") + lam * F.l1_loss(p_hat @ grid, y)


# %% exercise="torch-loss" wrong="cross entropy, with its floor"
def torch_loss(x, p, y, grid, lam):
    return F.cross_entropy(x, p) + lam * F.l1_loss(F.softmax(x, dim=1) @ grid, y)


# %% exercise="torch-loss" wrong="the expectation off the tape"
def torch_loss(x, p, y, grid, lam):
    log_p_hat = F.log_softmax(x, dim=1)
    y_hat = log_p_hat.exp().detach() @ grid
    return F.kl_div(log_p_hat, p, reduction="batchmean") + lam * F.l1_loss(y_hat, y)


# %% exercise="torch-loss" wrong="the square of the error"
def torch_loss(x, p, y, grid, lam):
    log_p_hat = F.log_softmax(x, dim=1)
    kl = F.kl_div(log_p_hat, p, reduction="batchmean")
    return kl + lam * F.mse_loss(log_p_hat.exp() @ grid, y)


# %% exercise="torch-loss" wrong="softmax over the batch"
def torch_loss(x, p, y, grid, lam):
    log_p_hat = F.log_softmax(x, dim=0)
    kl = F.kl_div(log_p_hat, p, reduction="batchmean")
    return kl + lam * F.l1_loss(log_p_hat.exp() @ grid, y)


# %% exercise="torch-loss" hidden="the logarithm of a target of 0"
def torch_loss(x, p, y, grid, lam):
    log_p_hat = F.log_softmax(x, dim=1)
    kl = (p * (p.log() - log_p_hat)).sum(dim=1).mean()
    return kl + lam * F.l1_loss(log_p_hat.exp() @ grid, y)


# %% exercise="weights" wrong="our layout"
def state_dict_of(net):
    theirs = {"W": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}
    return {
        f"{layer}.{theirs.get(name, name)}": array.copy()
        for layer, module in net.layers.items()
        for name, array in (module.params | module.buffers).items()
    }


# %% exercise="weights" wrong="our names"
def state_dict_of(net):
    return {
        name: (array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T).copy()
        for name, array in (net.params | net.buffers).items()
    }


# %% exercise="weights" wrong="reshaped, not transposed"
def state_dict_of(net):
    theirs = {"W": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}
    state = {}
    for layer, module in net.layers.items():
        for name, array in (module.params | module.buffers).items():
            if array.ndim == 4:
                array = array.reshape(array.shape[3], array.shape[2], *array.shape[:2])
            state[f"{layer}.{theirs.get(name, name)}"] = (
                array.T.copy() if name == "W" and (array.ndim == 2) else array.copy()
            )
    return state


# %% exercise="weights" wrong="no running averages"
def state_dict_of(net):
    theirs = {"W": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}
    state = {}
    for layer, module in net.layers.items():
        for name, array in module.params.items():
            moved = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
            state[f"{layer}.{theirs[name]}"] = moved.copy()
    return state


# %% exercise="weights" wrong="gamma and beta exchanged"
def state_dict_of(net):
    theirs = {"W": "weight", "b": "bias", "gamma": "bias", "beta": "weight"}
    state = {}
    for layer, module in net.layers.items():
        for name, array in (module.params | module.buffers).items():
            moved = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
            state[f"{layer}.{theirs.get(name, name)}"] = moved.copy()
    return state


# %% exercise="weights" hidden="views, not copies"
def state_dict_of(net):
    theirs = {"W": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}
    state = {}
    for layer, module in net.layers.items():
        for name, array in (module.params | module.buffers).items():
            moved = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
            state[f"{layer}.{theirs.get(name, name)}"] = moved
    return state


# %% exercise="step" wrong="gradients never set to zero"
def torch_step(net, optimizer, photos, p, y, grid, lam):
    net.train()
    loss = torch_loss(net(photos), p, y, grid, lam)
    loss.backward()
    optimizer.step()
    return loss.item()


# %% exercise="step" wrong="gradients set to zero before the step"
def torch_step(net, optimizer, photos, p, y, grid, lam):
    net.train()
    loss = torch_loss(net(photos), p, y, grid, lam)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


# %% exercise="step" wrong="no step"
def torch_step(net, optimizer, photos, p, y, grid, lam):
    net.train()
    optimizer.zero_grad()
    loss = torch_loss(net(photos), p, y, grid, lam)
    loss.backward()
    return loss.item()


# %% exercise="step" wrong="in eval mode"
def torch_step(net, optimizer, photos, p, y, grid, lam):
    net.eval()
    optimizer.zero_grad()
    loss = torch_loss(net(photos), p, y, grid, lam)
    loss.backward()
    optimizer.step()
    return loss.item()


# %% exercise="step" wrong="the loss after the step"
def torch_step(net, optimizer, photos, p, y, grid, lam):
    net.train()
    optimizer.zero_grad()
    torch_loss(net(photos), p, y, grid, lam).backward()
    optimizer.step()
    return torch_loss(net(photos), p, y, grid, lam).item()


# %% exercise="step" wrong="the step before backward"
def torch_step(net, optimizer, photos, p, y, grid, lam):
    net.train()
    optimizer.zero_grad()
    loss = torch_loss(net(photos), p, y, grid, lam)
    optimizer.step()
    loss.backward()
    return loss.item()


# %% exercise="step" hidden="the mode left as it was"
def torch_step(net, optimizer, photos, p, y, grid, lam):
    optimizer.zero_grad()
    loss = torch_loss(net(photos), p, y, grid, lam)
    loss.backward()
    optimizer.step()
    return loss.item()


# %% exercise="step" hidden="the loss with its tape"
def torch_step(net, optimizer, photos, p, y, grid, lam):
    net.train()
    optimizer.zero_grad()
    loss = torch_loss(net(photos), p, y, grid, lam)
    loss.backward()
    optimizer.step()
    return loss


# %% exercise="one-step" wrong="PyTorch's steps"
def one_step_loss(x, p, y, grid, lam):
    return torch_loss(x, p, y, grid, lam)


# %% exercise="one-step" wrong="a number without a tape"
def one_step_loss(x, p, y, grid, lam):
    return torch_loss(x.detach(), p, y, grid, lam)


# %% exercise="one-step" wrong="KL alone"
def one_step_loss(x, p, y, grid, lam):
    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward((x.softmax(dim=1) - p) / len(x))
            return torch_loss(x, p, y, grid, lam)

        @staticmethod
        def backward(ctx, dloss):
            return dloss * ctx.saved_tensors[0]

    return Loss.apply(x)


# %% exercise="one-step" wrong="no 1/N"
def one_step_loss(x, p, y, grid, lam):
    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            p_hat = x.softmax(dim=1)
            y_hat = (p_hat @ grid)[:, None]
            ctx.save_for_backward(
                p_hat - p + lam * (y_hat - y[:, None]).sign() * p_hat * (grid - y_hat)
            )
            return torch_loss(x, p, y, grid, lam)

        @staticmethod
        def backward(ctx, dloss):
            return dloss * ctx.saved_tensors[0]

    return Loss.apply(x)


# %% exercise="one-step" wrong="the upstream gradient ignored"
def one_step_loss(x, p, y, grid, lam):
    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            p_hat = x.softmax(dim=1)
            y_hat = (p_hat @ grid)[:, None]
            dx = p_hat - p + lam * (y_hat - y[:, None]).sign() * p_hat * (grid - y_hat)
            ctx.save_for_backward(dx / len(x))
            return torch_loss(x, p, y, grid, lam)

        @staticmethod
        def backward(ctx, dloss):
            return ctx.saved_tensors[0]

    return Loss.apply(x)


# %% exercise="one-step" hidden="the logarithm of probabilities"
def one_step_loss(x, p, y, grid, lam):
    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            p_hat = x.softmax(dim=1)
            y_hat = (p_hat @ grid)[:, None]
            dx = p_hat - p + lam * (y_hat - y[:, None]).sign() * p_hat * (grid - y_hat)
            ctx.save_for_backward(dx / len(x))
            kl = (torch.xlogy(p, p) - torch.xlogy(p, p_hat)).sum() / len(x)
            return kl + lam * (p_hat @ grid - y).abs().mean()

        @staticmethod
        def backward(ctx, dloss):
            return dloss * ctx.saved_tensors[0]

    return Loss.apply(x)
