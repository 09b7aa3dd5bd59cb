"""Make the weights of the face detector, `tinydldl/faces/mtcnn.npz`, the same bytes each time.

    pip install mtcnn==1.0.0
    python tools/ship_detector.py

They were trained by others: `tinydldl/faces/LICENSE` says by whom. The package `mtcnn` has them as
joblib writes arrays, in pickles, and to read a pickle is to run it. So only the three files that
are known here, byte by byte, are read.
"""

import io
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path

import joblib
import numpy as np

from tinydldl.faces.networks import PLANS, WEIGHTS, CascadeNet
from tinydldl.files import replacing

SHA256 = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}


def main():
    with replacing(WEIGHTS) as file:
        write(file)


def write(file):
    """Write the arrays of all three networks as `pnet.conv1.W` and so on."""
    networks = {name: in_our_layout(CascadeNet(name), package_arrays(name)) for name in PLANS}
    arrays = {f"{name}.{key}": a for name, own in networks.items() for key, a in own.items()}
    np.savez(file, **arrays)


def package_arrays(name):
    """The arrays of a network in the package's layout, in the order of our parameters."""
    path = Path(distribution("mtcnn").locate_file(f"mtcnn/assets/weights/{name}.lz4"))
    data = path.read_bytes()
    if sha256(data).hexdigest() != SHA256[name]:
        raise SystemExit(f"{path}: not the file of mtcnn 1.0.0; install that version again")
    return joblib.load(io.BytesIO(data))


def in_our_layout(net, arrays):
    """The package's arrays as the parameters of `net`, by name.

    There, slopes of PReLU are (1, 1, C), and feature maps are flattened column by column, since the
    networks were first trained on transposed images.
    """
    ours = {
        key: array.reshape(param.shape)
        for (key, param), array in zip(net.params.items(), arrays, strict=True)
    }
    for layer, _, shape, _ in net.body.trace((net.side, net.side, 3)):
        if layer == "flatten":
            H, W, C = shape
            weight = ours["fc.W"]
            ours["fc.W"] = weight.reshape(W, H, C, -1).swapaxes(0, 1).reshape(weight.shape)
    return ours


if __name__ == "__main__":
    main()
