"""PyTorch files made by hand, so that tests can craft what PyTorch would not write."""

import io
import pickle
import zipfile

import numpy as np
from from_pytorch import MAGIC, VERSION

ORDERED_DICT = b"ccollections\nOrderedDict\n)R"


def plain(value):
    """The instructions that push a plain value."""
    return pickle.dumps(value, 2)[2:-1]


def storage(key, count, kind="FloatStorage"):
    """The instructions that push a storage."""
    about = f"ctorch\n{kind}\n".encode() + plain(key) + plain("cpu") + plain(count)
    return b"(" + plain("storage") + about + b"tQ"


def tensor(key, count, shape, strides=None, offset=0, kind="FloatStorage"):
    """The instructions that push a tensor."""
    if strides is None:
        strides = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    rest = plain(offset) + plain(shape) + plain(strides) + b"\x89" + ORDERED_DICT
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(key, count, kind) + rest + b"tR"


def state_dict(items):
    """The instructions that push a state_dict of `{name: instructions}`."""
    pairs = b"".join(plain(name) + value for name, value in items.items())
    return ORDERED_DICT + b"(" + pairs + b"u"


def legacy_file(instructions, storages=None):
    """A file of before 1.6; `storages`: {key: array}."""
    storages = storages or {}
    head = b"".join(pickle.dumps(value, 2) for value in (MAGIC, VERSION, {"little_endian": True}))
    arrays = [storages[key] for key in sorted(storages)]
    parts = [len(array).to_bytes(8, "little") + array.tobytes() for array in arrays]
    keys = pickle.dumps(sorted(storages), 2)
    return head + b"\x80\x02" + instructions + b"." + keys + b"".join(parts)


def zip_file(instructions, storages=None, compression=zipfile.ZIP_STORED, **members):
    """A file of 1.6 or later; `members`: more of the archive, such as `byteorder`."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + instructions + b".")
        for key, array in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", array.tobytes())
        for name, content in members.items():
            archive.writestr(f"archive/{name}", content)
    return data.getvalue()
