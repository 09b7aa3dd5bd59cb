"""The networks of the paper, and a variant, each given by a list of channels."""

from collections.abc import Callable

from tinydldl import layers as nn
from tinydldl.arrays import Rng
from tinydldl.layers import Layer, Layers, Sequential

# A number: a block with a 3x3 convolution to that many channels. M: 2x2 max-pooling. The layers of
# the first group are conv1_1, ..., relu1_1, conv1_2, ..., relu1_2, pool1.
CHANNELS = {  # the last M is part of hybrid pooling
    "tiny": "16 16 M 32 32 M 64 64 64 M 128 128 128 M 128 128 128 M",
    "thin": "32 32 M 64 64 M 128 128 128 M 256 256 256 M 256 256 256 M",
    "tiny12": "16 16 M 32 32 M 64 64 M 128 128 128 M 128 128 128 M",  # see `tools/from_pytorch.py`
}
POOLS = {"hp": nn.HybridPool, "gap": nn.GlobalAvgPool}
SMALLEST_SIDE, LARGEST_SIDE = 32, 4096  # pixels

VGG16_CHANNELS = "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M"
VGG16_HIDDEN = 4096  # outputs of its first and of its second Linear layer
VGG16_SIDE = 224


class Network(Sequential):
    """A `Sequential` for photos of one size: (N, side, side, 3) to outputs (N, K)."""

    def __init__(self, layers: Layers, side: int) -> None:
        super().__init__(layers)
        self.input_shape = (side, side, 3)

    def cost_text(self) -> str:
        """The cost of one photo, for people to read."""
        macs = self.multiply_adds(self.input_shape) / 1e6
        return f"{count_params(self):,} parameters, {macs:.0f} million multiply-adds per photo"

    def summary(self) -> None:
        """Print layers, output shapes, parameters and multiply-adds for one photo."""
        print(f"{'layer':8} {'output shape':>16} {'parameters':>12} {'multiply-adds':>16}")
        for name, layer, x_shape, y_shape in self.trace(self.input_shape):
            shape = " x ".join(map(str, y_shape))
            macs = layer.multiply_adds(x_shape)
            print(f"{name:8} {shape:>16} {count_params(layer):12,} {macs:16,}")
        macs = self.multiply_adds(self.input_shape)
        print(f"{'total':8} {'':16} {count_params(self):12,} {macs:16,}")


class AgeNet(Network):
    """TinyAgeNet (`"tiny"`) or ThinAgeNet (`"thin"`): photos (N, H, W, 3) to outputs (N, K).

    `"tiny12"` is TinyAgeNet without the last convolution of its third group. `outputs`: K; `side`:
    in pixels, from 32 up; `pool`: `"hp"` (the last max-pooling, then the average) or `"gap"` (the
    average alone); `log_sigmoid`: whether the logits are ln sigmoid of the last Linear layer, so
    that softmax is sigmoid over sum. Raises ValueError for another name or a smaller side.

    >>> import numpy as np
    >>> net = AgeNet("tiny", outputs=101, side=224, rng=np.random.default_rng(0))
    >>> sum(array.size for array in net.params.values())
    934869
    """

    def __init__(
        self,
        name: str,
        outputs: int,
        side: int = 224,
        pool: str = "hp",
        *,
        log_sigmoid: bool = False,
        rng: Rng,
    ) -> None:
        if name not in CHANNELS:
            raise ValueError(f"network {name!r}: expected one of {', '.join(CHANNELS)}")
        if pool not in POOLS:
            raise ValueError(f"pool {pool!r}: expected one of {', '.join(POOLS)}")
        if side < SMALLEST_SIDE:
            raise ValueError(f"side {side}: the network needs at least {SMALLEST_SIDE} pixels")
        layers = convolutions(CHANNELS[name], conv_bn_relu, POOLS[pool](), rng)
        (features,) = Sequential(layers).output_shape((side, side, 3))
        layers["fc"] = nn.Linear(features, outputs, rng=rng)
        if log_sigmoid:
            layers["log_sigmoid"] = nn.LogSigmoid()
        super().__init__(layers, side)


class VGG16(Network):
    """VGG16, the network of DEX and DLDL: photos (N, 224, 224, 3) to outputs (N, K).

    No BatchNorm, but Dropout, whose masks `rng` draws after the initial weights. `outputs`: K.
    Needs 1.1 GB: most of its parameters are in its first Linear layer.
    Source: Simonyan and Zisserman, ICLR 2015.
    """

    def __init__(self, outputs: int, *, rng: Rng) -> None:
        layers = convolutions(VGG16_CHANNELS, conv_relu, nn.MaxPool2d(2), rng)
        layers["flatten"] = nn.Flatten()
        (features,) = Sequential(layers).output_shape((VGG16_SIDE, VGG16_SIDE, 3))
        for number, inputs in (6, features), (7, VGG16_HIDDEN):
            layers[f"fc{number}"] = nn.Linear(inputs, VGG16_HIDDEN, rng=rng)
            layers |= {f"relu{number}": nn.ReLU(), f"drop{number}": nn.Dropout(0.5, rng=rng)}
        layers["fc8"] = nn.Linear(VGG16_HIDDEN, outputs, rng=rng)
        super().__init__(layers, VGG16_SIDE)


def convolutions(text: str, block: Callable[..., Layers], last_pool: Layer, rng: Rng) -> Layers:
    """The layers for a list of channels: groups of blocks, each group ending with a pooling."""
    layers: Layers = {}
    channels = 3
    groups = text.removesuffix(" M").split(" M ")
    for g, group in enumerate(groups, start=1):
        for i, out_channels in enumerate(map(int, group.split()), start=1):
            layers |= block(f"{g}_{i}", channels, out_channels, rng)
            channels = out_channels
        layers[f"pool{g}"] = nn.MaxPool2d(2) if g < len(groups) else last_pool
    return layers


def conv_bn_relu(number: str, channels: int, out_channels: int, rng: Rng) -> Layers:
    """A block of an `AgeNet`; the convolution has no bias, since BatchNorm has one."""
    return {
        f"conv{number}": nn.Conv2d(channels, out_channels, 3, padding=1, bias=False, rng=rng),
        f"bn{number}": nn.BatchNorm2d(out_channels),
        f"relu{number}": nn.ReLU(),
    }


def conv_relu(number: str, channels: int, out_channels: int, rng: Rng) -> Layers:
    """A block of `VGG16`."""
    return {
        f"conv{number}": nn.Conv2d(channels, out_channels, 3, padding=1, rng=rng),
        f"relu{number}": nn.ReLU(),
    }


def count_params(layer: Layer) -> int:
    """The number of trainable parameters of `layer`."""
    return sum(array.size for array in layer.params.values())
