"""Weights in a file of safetensors, as PyTorch names and lays them out, and back.

    load_state_dict(safetensors.torch.load_file("out.safetensors"))    in a `nn.Sequential`

of the layers in the order of ours; the last average is there `AdaptiveAvgPool2d(1)` and `Flatten`.
The metadata hold our description of the network, as JSON. Needs the package `safetensors`.
"""

import json
import re
from functools import partial
from pathlib import Path

from tinydldl import checkpoint, files, trained
from tinydldl.arrays import Arrays
from tinydldl.convert.torch_weights import by_layer, network_name, our_arrays
from tinydldl.errors import UserError
from tinydldl.fast.stages import flatten
from tinydldl.layers import BatchNorm2d, Conv2d, GlobalAvgPool, Linear, Sequential

META = "tinydldl"  # the key of our description


def read(path: Path) -> tuple[Arrays, dict | None]:
    """The arrays in a file, in order, and our description if it is there. Raises UserError."""
    from safetensors import SafetensorError, numpy, safe_open

    try:
        with files.open_file(path) as file:
            arrays = numpy.load(file.read(2**30))
        with safe_open(path, "numpy") as file:
            meta = json.loads((file.metadata() or {}).get(META, "null"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path}: not a file of safetensors that can be read ({error})") from None
    return {name: arrays[name] for name in sorted(arrays, key=partial(place, arrays))}, meta


def place(arrays: Arrays, name: str) -> tuple[bool, list[int]]:
    """Where a layer is, by the numbers in the name of its array; a linear one is the last."""
    weight = arrays.get(f"{name.rpartition('.')[0]}.weight")
    return weight is not None and weight.ndim == 2, [int(n) for n in re.findall(r"\d+", name)]


def network_of(arrays: Arrays, meta: dict) -> trained.Trained:
    """The network that our description is of. Raises UserError."""
    network, layers = trained.from_meta(meta), list(by_layer(arrays).values())
    if network_name(layers) != network.net:
        raise UserError(f"the arrays are not those of {network.net}, which it is said to be")
    checkpoint.copy_into(network.arrays, our_arrays(layers, network.model))
    return network


def content(network: trained.Trained) -> bytes:
    from safetensors import numpy

    meta = {"format": "pt", META: json.dumps(network.meta)}
    return numpy.save(their_arrays(network.model), meta)


def their_arrays(model: Sequential) -> Arrays:
    """The arrays of a network as those of a `nn.Sequential`: see `our_arrays` for the way back."""
    arrays: Arrays = {}
    number = 0
    for _, layer in flatten(model.layers):
        own = layer.params | layer.buffers
        match layer:
            case Conv2d():
                found = {"weight": own["W"].transpose(3, 2, 0, 1)}
            case BatchNorm2d():
                found = {"weight": own["gamma"], "bias": own["beta"]} | layer.buffers
            case Linear():
                found = {"weight": own["W"].T, "bias": own["b"]}
            case _:
                found = {}
        arrays |= {f"{number}.{name}": array.copy("C") for name, array in found.items()}
        number += 2 if isinstance(layer, GlobalAvgPool) else 1
    return arrays
