"""The engines: each is a function that makes the step of a case, `step()`.

The step returns the training loss, or the logits of inference, in NumPy: the engines must agree on
them before they are timed. PyTorch is imported where it is used, so that it may be missing.
"""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from tinydldl.arrays import Module
from tinydldl.backend import to_device
from tinydldl.bench import peers
from tinydldl.bench.cases import LABELS, Case
from tinydldl.fast import FastNet
from tinydldl.labels import gaussian_label_distribution
from tinydldl.layers import Sequential
from tinydldl.methods import DLDLv2
from tinydldl.models import CHANNELS, AgeNet
from tinydldl.optim import Adam

Step = Callable[[], Any]


def ours(case: Case, workers: int, fast: bool) -> Step:
    """The layers of tinydldl, or its CPU engine."""
    return step_of(FastNet(case.model(), workers) if fast else case.model(), case)


def step_of(model: Sequential, case: Case, xp: Module = np) -> Step:
    """The step of a network of our own on the device of `xp`, where the logits stay."""
    photos, ages, sigma = case.photos()
    x, y = to_device(photos, xp), to_device(ages, xp)
    if not case.train:
        model.eval()
        return lambda: model.forward(x)
    method, optimizer = DLDLv2(LABELS).to(xp), Adam(model.params, model.grads)
    p = to_device(method.target(ages, sigma).astype(np.float32), xp)

    def step() -> float:
        (loss, _, _), dlogits = method.loss(model.forward(x), p, y)
        model.backward(dlogits)
        optimizer.step()
        return float(loss)

    return step


def pytorch(
    case: Case, workers: int, channels_last: bool, compiled: bool = False, device: str = "cpu"
) -> Step:
    """PyTorch on `workers` threads, with our weights; `channels_last` is faster on CPUs."""
    import torch

    torch.set_num_threads(workers)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x, y, sigma = case.photos()
    net = twin(case.model(), CHANNELS[case.net]).to(device, memory_format=layout)
    net = torch.compile(net) if compiled else net
    x_torch = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=layout).to(device)
    if not case.train:
        net.eval()
        return torch.inference_mode()(lambda: net(x_torch).cpu().numpy())

    optimizer = torch.optim.Adam(net.parameters())
    constants = gaussian_label_distribution(y, sigma, LABELS), y, LABELS
    p, ages, grid = (torch.from_numpy(array).float().to(device) for array in constants)

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


ENGINES: dict[str, Callable[[Case, int], Step]] = {
    "layers": partial(ours, fast=False),
    "fast": partial(ours, fast=True),
    "torch": partial(pytorch, channels_last=False),
    "torch-channels-last": partial(pytorch, channels_last=True),
    "torch-compile": partial(pytorch, channels_last=True, compiled=True),
    "onnxruntime": peers.onnxruntime,
    "openvino": peers.openvino,
    "jax": peers.jax,
}
INFERENCE_ONLY = ("onnxruntime", "openvino")


def installed() -> list[str]:
    """The names of the engines that are installed."""
    return [name for name in ENGINES if not missing(name)]


def can_run(engine: str, case: Case) -> bool:
    """Whether an engine computes a case: some are for inference alone."""
    return not (case.train and engine in INFERENCE_ONLY)


def missing(engine: str) -> list[str]:
    """The packages that an engine needs and that are not installed."""
    own = [] if engine in ("layers", "fast") else [engine.partition("-")[0]]
    needed = [*own, "onnx"] if engine in INFERENCE_ONLY else own
    return [name for name in needed if find_spec(name) is None]
