"""A network as an ONNX graph, for other programs. Needs the package `onnx`.

    photos (N, H, W, 3) uint8 -> normalized, beside their mirror images -> layers -> softmax
                              -> distribution (N, K), the mean of both -> age (N,), years

That is what `Trained.predict_images` and the expectation compute. Source: ONNX, opset 17.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinydldl import layers as nn
from tinydldl.arrays import Array, Shape
from tinydldl.errors import UserError
from tinydldl.fast.stages import flatten
from tinydldl.layers import Layer, Sequential
from tinydldl.methods import SoftmaxMethod
from tinydldl.trained import Trained

OPSET, IR_VERSION = 17, 8
Value = tuple[str, Any, Sequence[Any]]  # name, dtype and shape; an axis of any length has a name


class Graph:
    """Nodes in a row, each named by its output."""

    def __init__(self) -> None:
        import onnx

        self.onnx, self.helper = onnx, onnx.helper
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, *inputs: str | Array, name: str = "", **attributes: Any) -> str:
        """Add a node, whose inputs are outputs of others or constants; returns its name."""
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        name = name or f"{operator}_{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(operator, names, [name], **attributes))
        return name

    def constant(self, values: Array) -> str:
        """Add an array; returns its name."""
        name = f"constant_{len(self.constants)}"
        values = np.ascontiguousarray(values)
        self.constants.append(self.onnx.numpy_helper.from_array(values, name))
        return name

    def layer(self, layer: Layer, x: str) -> str:
        """Add a layer, on x (N, C, H, W) or (N, C). Raises UserError for one that is not known."""
        arrays, add = layer.params | layer.buffers, self.add
        match layer:
            case nn.Conv2d():
                bias = [arrays["b"]] if "b" in arrays else []
                pads, strides = [*layer.padding] * 2, layer.windows.stride
                W = arrays["W"].transpose(3, 2, 0, 1)
                return add("Conv", x, W, *bias, pads=pads, strides=strides)
            case nn.BatchNorm2d():
                names = ("gamma", "beta", "running_mean", "running_var")
                statistics = (arrays[name] for name in names)
                return add("BatchNormalization", x, *statistics, epsilon=layer.eps)
            case nn.ReLU():
                return add("Relu", x)
            case nn.MaxPool2d():
                windows = layer.windows
                return add("MaxPool", x, kernel_shape=windows.kernel, strides=windows.stride)
            case nn.GlobalAvgPool():
                return add("Flatten", add("GlobalAveragePool", x))
            case nn.Linear():
                return add("Gemm", x, arrays["W"], arrays["b"])
            case nn.LogSigmoid():
                return add("Neg", add("Softplus", add("Neg", x)))
        raise UserError(f"{type(layer).__name__}: a layer that is not written to ONNX")

    def layers(self, model: Sequential, x: str) -> str:
        for _, layer in flatten(model.layers):
            x = self.layer(layer, x)
        return x

    def bytes(self, inputs: list[Value], outputs: list[Value]) -> bytes:
        make, info = self.helper, self.helper.make_tensor_value_info
        number = make.np_dtype_to_tensor_dtype
        ends = [[info(n, number(np.dtype(d)), s) for n, d, s in some] for some in (inputs, outputs)]
        graph = make.make_graph(self.nodes, "tinydldl", *ends, self.constants)
        opset = make.make_opsetid("", OPSET)
        model = make.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
        self.onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()


def of_layers(model: Sequential, shape: Shape, outputs: int) -> bytes:
    """The layers alone, in inference: x (N, 3, H, W) of this shape to logits (N, `outputs`)."""
    graph = Graph()
    logits = graph.layers(model, "x")
    return graph.bytes([("x", np.float32, shape)], [(logits, np.float32, [shape[0], outputs])])


def of(trained: Trained) -> bytes:
    """All that a trained network does with photos. Raises UserError for a method without p_hat."""
    if not isinstance(trained.method, SoftmaxMethod):
        raise UserError(f"{trained.method_name}: ONNX is for methods with a softmax, as dldl-v2")
    graph, side, grid = Graph(), trained.side, trained.method.grid
    mean, std = (255 * np.array(values, np.float32) for values in trained.channels)
    x = graph.add("Cast", "photos", to=graph.onnx.TensorProto.FLOAT)
    x = graph.add("Div", graph.add("Sub", x, mean), std)
    whole = (np.array([n]) for n in (-1, np.iinfo(np.int64).min, 2, -1))  # start, end, axis, step
    x = graph.add("Concat", x, graph.add("Slice", x, *whole), axis=0)
    x = graph.layers(trained.model, graph.add("Transpose", x, perm=[0, 3, 1, 2]))
    p_hat = graph.add("Reshape", graph.add("Softmax", x), np.array([2, -1, len(grid)]))
    graph.add("ReduceMean", p_hat, axes=[0], keepdims=0, name="distribution")
    graph.add("MatMul", "distribution", grid.astype(np.float32), name="age")
    return graph.bytes(
        [("photos", np.uint8, ["N", side, side, 3])],
        [("distribution", np.float32, ["N", len(grid)]), ("age", np.float32, ["N"])],
    )
