"""TinyAgeNet and ThinAgeNet in PyTorch, with our weights, loss and optimizer.

PyTorch is imported where it is used, so that this module can be imported without it.
"""

from collections.abc import Callable
from typing import Any

from tinydldl.bench.cases import LABELS, Case
from tinydldl.labels import gaussian_label_distribution
from tinydldl.models import CHANNELS, AgeNet


def pytorch(case: Case, workers: int, channels_last: bool) -> Callable[[], Any]:
    """`step()`, as in `engines`, with `workers` threads; `channels_last`: faster on CPUs."""
    import torch

    torch.set_num_threads(workers)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x, y, sigma = case.photos()
    net = twin(case.model(), CHANNELS[case.net]).to(memory_format=layout)
    x_torch = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    if not case.train:
        net.eval()
        return torch.inference_mode()(lambda: net(x_torch).numpy())

    optimizer = torch.optim.Adam(net.parameters())
    p = torch.from_numpy(gaussian_label_distribution(y, sigma, LABELS)).float()
    ages, grid = torch.from_numpy(y), torch.from_numpy(LABELS).float()

    def step() -> float:
        log_p_hat = torch.log_softmax(net(x_torch), dim=1)
        kl = torch.nn.functional.kl_div(log_p_hat, p, reduction="batchmean")
        loss = kl + (log_p_hat.exp() @ grid - ages).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def twin(model: AgeNet, channels: str) -> Any:
    """An `AgeNet` with these channels as a PyTorch network with the same weights."""
    import torch
    from torch import nn

    params, parts, before = model.params, [], 3
    names = iter(name for name in model.layers if name.startswith("conv"))
    for part in channels.split():
        if part == "M":
            parts.append(nn.MaxPool2d(2))
            continue
        conv = nn.Conv2d(before, int(part), 3, padding=1, bias=False)
        conv.weight.data = torch.from_numpy(params[f"{next(names)}.W"].transpose(3, 2, 0, 1).copy())
        before = int(part)
        parts += [conv, nn.BatchNorm2d(before), nn.ReLU(inplace=True)]
    linear = nn.Linear(before, params["fc.b"].size)
    linear.weight.data = torch.from_numpy(params["fc.W"].T.copy())
    linear.bias.data = torch.from_numpy(params["fc.b"].copy())
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
