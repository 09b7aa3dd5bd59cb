"""A network of ours with the weights of a PyTorch file.

A state_dict says which arrays a network has, not what it computes with them. So a network is
recognized by its convolutions, in order; the modules in a file are checked against ours.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinydldl import checkpoint, labels, methods, trained
from tinydldl.arrays import Arrays
from tinydldl.convert.torch_file import Weights
from tinydldl.convert.unpickle import Shell
from tinydldl.errors import UserError
from tinydldl.models import CHANNELS, AgeNet

SIDE = 224
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # of ImageNet, as usual
METHOD = "dldl-v2"

# The PyTorch layers that our networks can be made of, and their settings; settings that are missing
# here do not matter. For a number PyTorch may have a pair.
SETTINGS: dict[str, dict[str, Any]] = {
    "Conv2d": {"kernel_size": 3, "stride": 1, "padding": 1, "padding_mode": "zeros"}
    | {"dilation": 1, "groups": 1},
    "BatchNorm2d": {"eps": 1e-5},
    "MaxPool2d": {"kernel_size": 2, "stride": 2, "padding": 0, "dilation": 1, "ceil_mode": False},
    "AvgPool2d": {"kernel_size": 7, "padding": 0},  # all that is left of 224 pixels
    "AdaptiveAvgPool2d": {"output_size": 1},
    **{name: {} for name in ("ReLU", "Flatten", "Linear", "Sigmoid", "Softmax", "LogSoftmax")},
}
FORMS = (  # their arrays, with the number of axes
    ("C", {"weight": 4}),
    ("C", {"weight": 4, "bias": 1}),
    ("B", {"weight": 1, "bias": 1, "running_mean": 1, "running_var": 1}),
    ("L", {"weight": 2, "bias": 1}),
)
HEADS = {"Sigmoid": "sigmoid", "Softmax": "softmax", "LogSoftmax": "softmax"}
POOLS = {5: "hp", 4: "gap"}  # by the number of max-pooling layers


def convert(weights: Weights, head: str = "softmax", pool: str = "hp") -> trained.Trained:
    """A `Trained` network that computes what the one with these `Weights` does.

    `head`: what makes its outputs a distribution, `"softmax"`, or `"sigmoid"` and a division by the
    sum; `pool`: as for `AgeNet`. Raises UserError for anything but a chain of 3x3 convolutions with
    BatchNorm that is in `CHANNELS`, followed by a Linear layer to 101 labels.
    """
    check_modules(weights.modules)
    layers = list(by_layer(weights.arrays).values())
    method = methods.make_method(METHOD, labels.label_grid())
    name = network_name(layers)
    if name is None or layers[-1]["bias"].size != method.outputs:
        raise UserError(unknown_layout(weights.arrays, method.outputs))
    about = {"name": name, "side": SIDE, "pool": pool, "log_sigmoid": head == "sigmoid"}
    network = trained.described(trained.describe(about, method, {"name": METHOD}, (MEAN, STD)))
    try:
        checkpoint.copy_into(network.arrays, our_arrays(layers, network.model))
    except checkpoint.CheckpointError as error:
        raise UserError(f"the network is {name}, but for {error}") from None
    return network


def by_layer(arrays: Arrays) -> dict[str, Arrays]:
    """`{layer: {name: array}}` of arrays by names such as `features.0.weight`, in their order."""
    layers: dict[str, Arrays] = {}
    for name, array in arrays.items():
        layer, _, own = name.rpartition(".")
        layers.setdefault(layer, {})[own] = array
    return layers


def ends_of(modules: Mapping[str, Shell]) -> tuple[str | None, str | None]:
    """Head and last pooling of a network, None where its modules are not known."""
    kinds = [kind for _, kind, _ in leaves(modules)]
    head = next((HEADS[kind] for kind in kinds if kind in HEADS), None)
    return head, POOLS.get(kinds.count("MaxPool2d"))


def leaves(modules: Mapping[str, Shell]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield `(name, kind, state)` for each module with no others inside, such as Conv2d."""
    for name, module in modules.items():
        if not module.state["_modules"]:
            is_torch = module.name.startswith("torch.nn.")
            yield name, module.name.rpartition(".")[2] if is_torch else module.name, module.state


def check_modules(modules: Mapping[str, Shell]) -> None:
    """Raise UserError for a module that our networks do not have."""
    for name, kind, state in leaves(modules):
        if kind not in SETTINGS:
            raise UserError(f"{name} is a {kind}, which no network here has")
        for setting, ours in SETTINGS[kind].items():
            if state.get(setting, ours) not in (ours, (ours, ours)):
                raise UserError(f"{name} is a {kind} with another {setting} than {ours}")


def network_name(layers: Sequence[Arrays]) -> str | None:
    """The name in `CHANNELS`, or None."""
    if not re.fullmatch("(CB)+L", "".join(map(letter, layers))):
        return None
    channels = [str(len(layer["weight"])) for layer in layers[:-1:2]]
    networks = (name for name, text in CHANNELS.items() if re.findall(r"\d+", text) == channels)
    return next(networks, None)


def letter(layer: Arrays) -> str:
    """C, B or L for the arrays of Conv2d, BatchNorm2d or Linear, ? for others."""
    form = {name: array.ndim for name, array in layer.items() if name != "num_batches_tracked"}
    return next((letter for letter, known in FORMS if known == form), "?")


def our_arrays(layers: Sequence[Arrays], model: AgeNet) -> Arrays:
    """The arrays for `model`, by name, in our layout. Raises CheckpointError."""
    *chain, fc = layers
    numbers = [name.removeprefix("conv") for name in model.layers if name.startswith("conv")]
    arrays = {"fc.W": fc["weight"].T, "fc.b": fc["bias"]}
    for number, conv, bn in zip(numbers, chain[::2], chain[1::2], strict=True):
        mean, own = bn["running_mean"], model.buffers[f"bn{number}.running_mean"]
        bias = conv.get("bias", np.zeros_like(own))
        checkpoint.check_form(f"bn{number}.running_mean", own, mean)
        checkpoint.check_form(f"conv{number}.b", own, bias)
        arrays |= {
            f"conv{number}.W": conv["weight"].transpose(2, 3, 1, 0),
            f"bn{number}.gamma": bn["weight"],
            f"bn{number}.beta": bn["bias"],
            # a bias shifts the mean, and normalization removes it
            f"bn{number}.running_mean": mean - bias,
            f"bn{number}.running_var": bn["running_var"],
        }
    return arrays


def unknown_layout(arrays: Arrays, outputs: int) -> str:
    """A description of the arrays that were found, and of the known networks."""
    found = [f"{name} {array.shape}" for name, array in arrays.items()]
    if len(found) > 8:
        found[4:-3] = ["..."]
    return (
        f"{len(arrays)} arrays of no network that is known here: {', '.join(found)}; known are "
        f"{', '.join(CHANNELS)}, convolutions with BatchNorm, then Linear to {outputs} outputs"
    )
