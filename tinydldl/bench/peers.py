"""Engines that others deploy: each a function that makes the step of a case, as in `engines`.

Each is imported where it is used, so that it may be missing.
"""

from typing import Any

import numpy as np

from tinydldl.bench.cases import LABELS, Case
from tinydldl.fast.stages import flatten
from tinydldl.labels import gaussian_label_distribution
from tinydldl.layers import BatchNorm2d, Conv2d, Linear, MaxPool2d, ReLU
from tinydldl.optim import Adam


def onnx_of(case: Case) -> tuple[bytes, Any]:
    """The network as an ONNX file, and photos as it takes them, (N, 3, H, W)."""
    from tinydldl.convert import onnx_graph

    x, _, _ = case.photos()
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return onnx_graph.of_layers(case.model(), x.shape, len(LABELS)), x


def onnxruntime(case: Case, workers: int) -> Any:
    """ONNX Runtime on `workers` threads; inference."""
    import onnxruntime

    file, x = onnx_of(case)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = workers
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": x})[0]


def openvino(case: Case, workers: int) -> Any:
    """OpenVINO on `workers` threads in float32, for the shortest time of a batch; inference."""
    import openvino

    file, x = onnx_of(case)
    core = openvino.Core()
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    settings |= {"INFERENCE_NUM_THREADS": workers}
    request = core.compile_model(core.read_model(file), "CPU", settings).create_infer_request()
    return lambda: request.infer({0: x})[0]


def jax(case: Case, workers: int) -> Any:
    """JAX, compiled as one function, on all cores that it finds."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    model, (x, y, sigma) = case.model(), case.photos()
    p = gaussian_label_distribution(y, sigma, LABELS).astype(np.float32)

    def logits(params: Any, x: Any) -> Any:
        for name, layer in flatten(model.layers):
            arrays = {key: params[f"{name}.{key}"] for key in layer.params}
            match layer:
                case Conv2d():
                    how = {"dimension_numbers": ("NHWC", "HWIO", "NHWC")}
                    x = lax.conv_general_dilated(x, arrays["W"], (1, 1), "SAME", **how)
                case BatchNorm2d():
                    batch = x.mean((0, 1, 2)), x.var((0, 1, 2))
                    mean, var = batch if case.train else layer.buffers.values()
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

    if not case.train:
        infer, params = jax.jit(logits), jax.device_put(model.params)
        return lambda: np.asarray(infer(params, x))

    def loss(params: Any, x: Any) -> Any:
        log_p_hat = jax.nn.log_softmax(logits(params, x))
        kl = (p * (jnp.log(jnp.maximum(p, 1e-30)) - log_p_hat)).sum(1).mean()
        return kl + jnp.abs(jnp.exp(log_p_hat) @ LABELS.astype(np.float32) - y).mean()

    def update(state: Any, t: Any, x: Any) -> Any:
        params, m, v = state
        value, grads = jax.value_and_grad(loss)(params, x)
        b1, b2, tree = Adam.beta1, Adam.beta2, jax.tree.map
        m = tree(lambda m, g: b1 * m + (1 - b1) * g, m, grads)
        v = tree(lambda v, g: b2 * v + (1 - b2) * g * g, v, grads)
        lr, correction = 1e-3 / (1 - b1**t), 1 - b2**t
        params = tree(lambda w, m, v: w - lr * m / (jnp.sqrt(v / correction) + 1e-8), params, m, v)
        return value, (params, m, v)

    compiled = jax.jit(update)
    zeros = jax.tree.map(jnp.zeros_like, model.params)
    state, t = (jax.device_put(model.params), zeros, zeros), 0

    def step() -> float:
        nonlocal state, t
        t += 1
        value, state = compiled(state, t, x)
        return float(value)

    return step
