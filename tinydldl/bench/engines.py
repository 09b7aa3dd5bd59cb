"""The engines: each is a function that makes the step of a case, `step()`.

The step returns the training loss, or the logits of inference, in NumPy: the engines must agree on
them before they are timed. PyTorch and what others deploy, ONNX Runtime, OpenVINO and JAX, are
imported where they are used, so that they may be missing.
"""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from tinydldl import backend, labels, methods, models, optim
from tinydldl.arrays import Module
from tinydldl.bench.cases import LABELS, Case
from tinydldl.convert import onnx_graph
from tinydldl.convert.tensors import their_arrays
from tinydldl.fast import FastNet
from tinydldl.fast.stages import flatten
from tinydldl.layers import BatchNorm2d, Conv2d, Linear, MaxPool2d, ReLU, Sequential

Step = Callable[[], Any]


def ours(case: Case, workers: int, fast: bool) -> Step:
    """The layers of tinydldl, or its CPU engine."""
    return step_of(FastNet(case.model(), workers) if fast else case.model(), case)


def step_of(model: Sequential, case: Case, xp: Module = np) -> Step:
    """The step of a network of our own on the device of `xp`, where the logits stay."""
    photos, ages, sigma = case.photos()
    x, y = backend.to_device(photos, xp), backend.to_device(ages, xp)
    if not case.train:
        model.eval()
        return lambda: model.forward(x)
    method, optimizer = methods.DLDLv2(LABELS).to(xp), optim.Adam(model.params, model.grads)
    p = backend.to_device(method.target(ages, sigma).astype(np.float32), xp)

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
    net = twin(case.model(), models.CHANNELS[case.net]).to(device, memory_format=layout)
    net = torch.compile(net) if compiled else net
    x_torch = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=layout).to(device)
    if not case.train:
        net.eval()
        return torch.inference_mode()(lambda: net(x_torch).cpu().numpy())

    optimizer = torch.optim.Adam(net.parameters())
    constants = labels.gaussian_label_distribution(y, sigma, LABELS), y, LABELS
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


def twin(model: models.AgeNet, channels: str) -> Any:
    """An `AgeNet` with these channels as a PyTorch network with the same weights."""
    import torch
    from torch import nn

    parts, before = [], 3
    for part in channels.split():
        if part == "M":
            parts.append(nn.MaxPool2d(2))
            continue
        conv = nn.Conv2d(before, int(part), 3, padding=1, bias=False)
        before = int(part)
        parts += [conv, nn.BatchNorm2d(before), nn.ReLU(inplace=True)]
    linear = nn.Linear(before, model.params["fc.b"].size)
    net = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
    net.load_state_dict({name: torch.from_numpy(a) for name, a in their_arrays(model).items()})
    return net


def onnx_of(case: Case) -> tuple[bytes, Any]:
    """The network as an ONNX file, and photos as it takes them, (N, 3, H, W)."""
    x, _, _ = case.photos()
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return onnx_graph.of_layers(case.model(), x.shape, len(LABELS)), x


def onnxruntime(case: Case, workers: int) -> Step:
    """ONNX Runtime on `workers` threads; inference."""
    import onnxruntime

    file, x = onnx_of(case)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = workers
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": x})[0]


def openvino(case: Case, workers: int) -> Step:
    """OpenVINO on `workers` threads in float32, for the shortest time of a batch; inference."""
    import openvino

    file, x = onnx_of(case)
    core = openvino.Core()
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    settings |= {"INFERENCE_NUM_THREADS": workers}
    request = core.compile_model(core.read_model(file), "CPU", settings).create_infer_request()
    return lambda: request.infer({0: x})[0]


def jax(case: Case, workers: int) -> Step:
    """JAX, compiled as one function, on all cores that it finds; inference."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    model, (x, _, _) = case.model(), case.photos()

    def logits(params: Any, x: Any) -> Any:
        for name, layer in flatten(model.layers):
            arrays = {key: params[f"{name}.{key}"] for key in layer.params}
            match layer:
                case Conv2d():
                    how = {"dimension_numbers": ("NHWC", "HWIO", "NHWC")}
                    x = lax.conv_general_dilated(x, arrays["W"], (1, 1), "SAME", **how)
                case BatchNorm2d():
                    mean, var = layer.buffers.values()
                    scale = arrays["gamma"] * lax.rsqrt(var + layer.eps)
                    x = scale * (x - mean) + arrays["beta"]
                case ReLU():
                    x = jnp.maximum(x, 0)
                case MaxPool2d():
                    shape = (1, 2, 2, 1)
                    x = lax.reduce_window(x, -np.inf, lax.max, shape, shape, "VALID")
                case Linear():
                    x = x @ arrays["W"] + arrays["b"]
                case _:  # the global average
                    x = x.mean((1, 2))
        return x

    infer, params = jax.jit(logits), jax.device_put(model.params)
    return lambda: np.asarray(infer(params, x))


ENGINES: dict[str, Callable[[Case, int], Step]] = {
    "layers": partial(ours, fast=False),
    "fast": partial(ours, fast=True),
    "torch": partial(pytorch, channels_last=False),
    "torch-channels-last": partial(pytorch, channels_last=True),
    "torch-compile": partial(pytorch, channels_last=True, compiled=True),
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "jax": jax,
}
INFERENCE_ONLY = ("onnxruntime", "openvino", "jax")


def can_run(engine: str, case: Case) -> bool:
    """Whether an engine computes a case: some are for inference alone."""
    return not (case.train and engine in INFERENCE_ONLY)


def missing(engine: str) -> list[str]:
    """The packages that an engine needs and that are not installed."""
    own = [] if engine in ("layers", "fast") else [engine.partition("-")[0]]
    needed = [*own, "onnx"] if engine in ("onnxruntime", "openvino") else own
    return [name for name in needed if find_spec(name) is None]
