"""A checkpoint of a PyTorch file, without PyTorch and without running anything of the file.

    python tools/from_pytorch.py FILE.pt OUT.npz

Before version 1.6 `torch.save` wrote five pickles in a row, and after them the numbers:

    magic number, version of the format, about the machine, THE OBJECT, keys of the storages
    per key: how many numbers (int64), the numbers

Since then a file is a zip archive: `NAME/data.pkl` is the object, `NAME/data/KEY` are the numbers.
In the object a tensor is a call of a function with its storage, which is marked as kept outside.
Source: `torch/serialization.py` of PyTorch, 1.0 and 2.13.
"""

import io
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from unpickle import MOST_WORK, Allowed, Global, Shell, load

from tinydldl import cli
from tinydldl.arrays import Array, Arrays
from tinydldl.convert import __main__ as convert
from tinydldl.errors import UserError
from tinydldl.files import open_file

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
REALS = {"Float": "f4", "Double": "f8", "Half": "f2", "BFloat16": "u2"}  # the upper half of f4
OTHERS = {"Long": "i8", "Int": "i4", "Short": "i2", "Char": "i1", "Byte": "u1", "Bool": "?"}
DTYPES = {f"torch.{name}Storage": dtype for name, dtype in (REALS | OTHERS).items()}
MOST_AXES, LONGEST_NAME = 64, 1000  # of a tensor, as in NumPy; characters
WEIGHTS = ("state_dict", "model_state_dict", "model")  # their usual names in a larger dict

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
HEADS = {"Sigmoid": "sigmoid", "Softmax": "softmax", "LogSoftmax": "softmax"}
POOLS = {5: "hp", 4: "gap"}  # by the number of max-pooling layers


@dataclass
class Weights:
    """Arrays in PyTorch's layout, the modules of a whole network, else {}, and a description."""

    arrays: dict
    modules: dict
    text: str


def read(path: Path) -> Weights:
    """The weights in a file of `torch.save`: of a network or its state_dict.

    Also of a dict that holds one as `state_dict`, `model_state_dict` or `model`. Names lose the
    `module.` that DataParallel puts in front. Raises UserError, one line.
    """
    try:
        with open_file(path) as file:
            data = file.read(2**30)  # networks that are known here have a hundredth of that
        is_zip = data.startswith(b"PK")
        arrays, modules, text = weights_in((read_zip if is_zip else read_legacy)(data))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # a damaged archive can go wrong anywhere
        raise UserError(f"{path}: not a PyTorch file that can be read ({error!r})") from None
    return Weights(arrays, modules, f"{text}, PyTorch {'1.6 or later' if is_zip else 'before 1.6'}")


def read_legacy(data: bytes) -> Any:
    """The object in a file from before 1.6."""
    file, storages = io.BytesIO(data), Storages("<")
    try:
        magic = load(file, {})
    except UserError:
        magic = None
    if magic != MAGIC:
        raise UserError("not a PyTorch file")
    if (version := load(file, {})) != VERSION:
        raise UserError(f"version {version!r} of PyTorch's format, expected {VERSION}")
    load(file, {})  # about the machine; the numbers are little-endian on all
    found = load(file, ALLOWED, storages.persistent)
    for key in load(file, {}):
        storages[key].fill(int.from_bytes(file.read(8), "little"), file.read(storages[key].nbytes))
    return found


def read_zip(data: bytes) -> Any:
    """The object in a file from 1.6 or later."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
        if packed or sum(member.file_size for member in members) > len(data):
            raise UserError("a zip archive that is packed, as PyTorch's are not")
        names = [member.filename for member in members]
        roots = [name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise UserError("a zip archive, but not one of PyTorch's: no data.pkl")
        (root,) = roots
        big = f"{root}byteorder" in names and archive.read(f"{root}byteorder") == b"big"
        storages = Storages(">" if big else "<")
        pickle = io.BytesIO(archive.read(f"{root}data.pkl"))
        found = load(pickle, ALLOWED, storages.persistent)
        for key, storage in storages.items():
            storage.fill(storage.count, archive.read(f"{root}data/{key}"))
    return found


class Storage:
    """The numbers of one or several tensors: `values` (count,), None until they are read."""

    def __init__(self, kind: str, count: int, byte_order: str) -> None:
        self.is_bfloat16 = kind == "torch.BFloat16Storage"
        self.dtype = np.dtype(byte_order + DTYPES[kind])
        self.count, self.nbytes = count, count * self.dtype.itemsize
        self.values: Any = None

    def fill(self, count: int, data: bytes) -> None:
        if count != self.count or len(data) != self.nbytes:
            raise UserError("damaged: the numbers of a tensor are not all there")
        self.values = np.frombuffer(data, self.dtype)
        if self.is_bfloat16:
            self.values = (self.values.astype(np.uint32) << 16).view(np.float32)


class Storages(dict):
    """The storages that the object in a file names, {key: Storage}."""

    def __init__(self, byte_order: str) -> None:
        self.byte_order = byte_order

    def persistent(self, identity: Any) -> Storage | Global:
        """The stand-in for an object that is marked as kept outside: a storage, or a class."""
        match identity:
            case ("module", Global() as cls, *_):  # with its source text, which is not needed
                return cls
            case ("storage", Global(name=kind), *_) if kind not in DTYPES:
                raise UserError(f"{kind} is refused: no numbers of a kind that is known here")
            case ("storage", Global(name=kind), str(key), _, count, *view) if is_count(
                count
            ) and view in ([], [None]):
                return self.setdefault(key, Storage(kind, count, self.byte_order))
        raise UserError("an object that is kept outside, but not as PyTorch does, is refused")


@dataclass
class Tensor:
    """A tensor, whose storage may not be read yet; `strides` in numbers, not bytes."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple

    def array(self) -> Array:
        """The array, a view of the storage. Raises UserError if it does not fit in there."""
        values = self.storage.values
        if values is None or prod(self.shape) > values.size:
            raise UserError("damaged: a tensor is larger than its storage")
        size = values.itemsize
        offset, strides = self.offset * size, [stride * size for stride in self.strides]
        try:  # NumPy checks the bounds
            return np.ndarray(self.shape, values.dtype, values, offset, strides)
        except (ValueError, OverflowError):
            raise UserError("damaged: a tensor reaches outside its storage") from None


def is_count(number: Any) -> bool:
    return type(number) is int and 0 <= number < 2**128


def rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    """`torch._utils._rebuild_tensor_v2`; its other arguments are about gradients."""
    if not (isinstance(storage, Storage) and type(shape) is type(strides) is tuple):
        raise UserError("a tensor is not made of a storage, a shape and strides")
    numbers, many = (offset, *shape, *strides), len(shape) > MOST_AXES
    if len(shape) != len(strides) or many or not all(map(is_count, numbers)):
        raise UserError("a tensor has an odd offset, shape or strides")
    return Tensor(storage, offset, shape, strides)


class Unused:
    """Anything that is not needed, such as a NumPy number beside the weights."""

    def __init__(self, *_: Any) -> None:
        pass

    def build(self, state: Any) -> None:
        pass


class OrderedDict(dict):
    """`collections.OrderedDict`; Python 2 passed its items, and its state is not needed."""

    def __init__(self, pairs: Iterable[Any] = ()) -> None:
        if not all(isinstance(key, str) for key, _ in pairs):
            raise UserError("an OrderedDict has a key that is no text")
        super().__init__(pairs)

    build = Unused.build


ALLOWED: Allowed = {
    ("torch._utils", "_rebuild_tensor"): rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
    ("collections", "OrderedDict"): OrderedDict,
} | dict.fromkeys(
    [
        ("torch.nn.backends.thnn", "_get_thnn_function_backend"),
        ("__builtin__", "set"),  # names of buffers that are not saved
        ("builtins", "set"),
        ("__builtin__", "bytes"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("_codecs", "encode"),  # the bytes of a number, in the protocol that PyTorch writes
        *product(("numpy.core.multiarray", "numpy._core.multiarray"), ("scalar", "_reconstruct")),
    ],
    Unused,
)


def weights_in(found: Any) -> tuple[Arrays, dict[str, Shell], str]:
    """`arrays, modules, text` of an object from a file."""
    if isinstance(found, dict) and not tensors_of(found):
        found = next((found[name] for name in WEIGHTS if name in found), found)
    if is_module(found):
        modules = dict(walk(found, "", seen=set()))
        kinds = [m.state[kind] for m in modules.values() for kind in ("_parameters", "_buffers")]
        if sum(map(len, kinds)) > MOST_WORK:  # many modules may share a dict
            raise UserError("a network with more tensors than any has")
        tensors = {
            f"{name}.{own}" if name else own: tensor
            for name, module in modules.items()
            for kind in ("_parameters", "_buffers")
            for own, tensor in tensors_of(module.state[kind]).items()
        }
        text = f"a whole network ({found.name})"
    else:
        modules, tensors, text = {}, tensors_of(found), "a state_dict"
    if not tensors:
        raise UserError("holds neither a network nor a state_dict")
    if all(name.startswith("module.") for name in tensors):
        tensors, modules = without_prefix(tensors), without_prefix(modules)
    if not all(name.isprintable() for name in tensors):
        raise UserError("has tensors whose names are no text")
    return {name: tensor.array() for name, tensor in tensors.items()}, modules, text


def tensors_of(found: Any) -> dict[str, Tensor]:
    """{name: Tensor} of a dict; of anything else, {}."""
    items = found.items() if isinstance(found, dict) else ()
    return {k: v for k, v in items if isinstance(k, str) and isinstance(v, Tensor)}


def is_module(found: Any) -> bool:
    """Whether an object was a torch.nn.Module: it has what they all have."""
    state = found.state if isinstance(found, Shell) else None
    names = ("_parameters", "_buffers", "_modules")
    return isinstance(state, dict) and all(isinstance(state.get(name), dict) for name in names)


def walk(module: Shell, name: str, seen: set[int]) -> Iterator[tuple[str, Shell]]:
    """Yield `(name, module)` for a module and all those inside it, each once, in order."""
    seen.add(id(module))
    yield name, module
    for own, inner in module.state["_modules"].items():
        if len(name) > LONGEST_NAME:
            raise UserError("a module whose name has no end")
        if is_module(inner) and id(inner) not in seen:
            yield from walk(inner, f"{name}.{own}" if name else own, seen)


def without_prefix(names: dict[str, Any]) -> dict[str, Any]:
    """The same dict without the `module.` in front of its names."""
    return {name.removeprefix("module."): value for name, value in names.items()}


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


def main(argv: list[str] | None = None) -> int:
    """Convert a file; returns the exit code."""
    parser = convert.build_parser()
    parser.prog, parser.description = "from_pytorch.py", __doc__.splitlines()[0]
    arguments = parser.parse_args(argv)
    found = read(arguments.file)
    print(f"read      {arguments.file}: {found.text}, {len(found.arrays)} arrays")
    try:
        check_modules(found.modules)
        network = convert.converted(arguments, found.arrays, *ends_of(found.modules))
    except UserError as error:
        raise UserError(f"{arguments.file}: {error}") from None
    convert.finish(network, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
