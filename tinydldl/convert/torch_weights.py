"""A network of ours with the weights of a PyTorch state_dict.

That says which arrays a network has, not what it computes with them. So a network is recognized by
its convolutions, in order.
"""

import re
from collections.abc import Sequence

import numpy as np

from tinydldl import checkpoint, labels, methods, trained
from tinydldl.arrays import Arrays
from tinydldl.errors import UserError
from tinydldl.models import CHANNELS, AgeNet

SIDE = 224
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # of ImageNet, as usual
METHOD = "dldl-v2"

FORMS = (  # their arrays, with the number of axes
    ("C", {"weight": 4}),
    ("C", {"weight": 4, "bias": 1}),
    ("B", {"weight": 1, "bias": 1, "running_mean": 1, "running_var": 1}),
    ("L", {"weight": 2, "bias": 1}),
)


def convert(arrays: Arrays, head: str = "softmax", pool: str = "hp") -> trained.Trained:
    """A `Trained` network that computes what the one with these arrays of a state_dict does.

    `head`: what makes its outputs a distribution, `"softmax"`, or `"sigmoid"` and a division by the
    sum; `pool`: as for `AgeNet`. Raises UserError for anything but a chain of 3x3 convolutions with
    BatchNorm that is in `CHANNELS`, followed by a Linear layer to 101 labels.
    """
    layers = list(by_layer(arrays).values())
    method = methods.make_method(METHOD, labels.label_grid())
    name = network_name(layers)
    if name is None or layers[-1]["bias"].size != method.outputs:
        raise UserError(unknown_layout(arrays, method.outputs))
    about = {"name": name, "side": SIDE, "pool": pool, "log_sigmoid": head == "sigmoid"}
    network = trained.from_meta(trained.meta_of(about, method, {"name": METHOD}, (MEAN, STD)))
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
