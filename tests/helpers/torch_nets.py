"""Networks in PyTorch, written anew from channel lists, with no array left at 0 or 1."""


def age_net(torch, channels, pool="hp", bias=False, head=None, seed=0):
    """A network of a list of channels. `bias`: of its convolutions; `head`: its last layer."""
    nn, modules, C = torch.nn, [], 3
    torch.manual_seed(seed)
    for token in channels.split():
        if token == "M":
            modules.append(nn.MaxPool2d(2))
        else:
            modules += [nn.Conv2d(C, int(token), 3, padding=1, bias=bias)]
            modules += [nn.BatchNorm2d(int(token)), nn.ReLU()]
            C = int(token)
    if pool == "gap":
        modules.pop()
    modules += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(C, 101)]
    heads = {"softmax": lambda: nn.Softmax(dim=1), "sigmoid": nn.Sigmoid}
    net = nn.Sequential(*modules, *([heads[head]()] if head else []))
    scramble(torch, net)
    return net


def scramble(torch, net):
    """Give biases and all arrays of BatchNorm random numbers."""
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.8, 2)
                module.running_var.uniform_(0.1, 1)
                module.running_mean.normal_(0, 0.2)
                module.bias.normal_(0, 0.2)
            elif isinstance(module, torch.nn.Linear):
                module.weight.normal_(0, 0.5)
