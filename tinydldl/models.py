"""The networks of the paper as data: a list of channels."""

from tinydldl.layers import (
    BatchNorm2d,
    Conv2d,
    GlobalAvgPool,
    HybridPool,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
)

# A number: 3x3 convolution to that many channels, BatchNorm, ReLU. M: 2x2 max-pooling; the last M
# is part of hybrid pooling. The layers of the first group are conv1_1, bn1_1, relu1_1, conv1_2, ...
CHANNELS = {
    "tiny": "16 16 M 32 32 M 64 64 64 M 128 128 128 M 128 128 128 M",
    "thin": "32 32 M 64 64 M 128 128 128 M 256 256 256 M 256 256 256 M",
}
POOLS = {"hp": HybridPool, "gap": GlobalAvgPool}
SMALLEST_SIDE = 32


class AgeNet(Sequential):
    """TinyAgeNet (`"tiny"`) or ThinAgeNet (`"thin"`): photos (N, H, W, 3) to outputs (N, K).

    `outputs`: K; `side`: pixels a side, from 32 up; `pool`: `"hp"` (the last max-pooling, then the
    average) or `"gap"` (the average alone). Raises ValueError for another name or a smaller side.

    >>> import numpy as np
    >>> net = AgeNet("tiny", outputs=101, side=224, rng=np.random.default_rng(0))
    >>> sum(array.size for array in net.params.values())
    934869
    """

    def __init__(self, name, outputs, side=224, pool="hp", *, rng):
        if name not in CHANNELS:
            raise ValueError(f"network {name!r}: expected one of {', '.join(CHANNELS)}")
        if pool not in POOLS:
            raise ValueError(f"pool {pool!r}: expected one of {', '.join(POOLS)}")
        if side < SMALLEST_SIDE:
            raise ValueError(f"side {side}: the network needs at least {SMALLEST_SIDE} pixels")
        self.input_shape = (side, side, 3)
        layers, channels = {}, 3
        groups = CHANNELS[name].removesuffix(" M").split(" M ")
        for g, group in enumerate(groups, start=1):
            for i, out_channels in enumerate(map(int, group.split()), start=1):
                layers |= conv_bn_relu(f"{g}_{i}", channels, out_channels, rng)
                channels = out_channels
            layers[f"pool{g}"] = MaxPool2d(2) if g < len(groups) else POOLS[pool]()
        layers["fc"] = Linear(channels, outputs, rng=rng)
        super().__init__(layers)

    def summary(self):
        """Print layers, output shapes, parameters and multiply-adds for one photo."""
        print(f"{'layer':8} {'output shape':>16} {'parameters':>12} {'multiply-adds':>16}")
        for name, layer, x_shape, y_shape in self.trace(self.input_shape):
            shape = " x ".join(map(str, y_shape))
            macs = layer.multiply_adds(x_shape)
            print(f"{name:8} {shape:>16} {count_params(layer):12,} {macs:16,}")
        macs = self.multiply_adds(self.input_shape)
        print(f"{'total':8} {'':16} {count_params(self):12,} {macs:16,}")


def conv_bn_relu(number, channels, out_channels, rng):
    """The block that both networks repeat; the convolution has no bias, since BatchNorm has one."""
    return {
        f"conv{number}": Conv2d(channels, out_channels, 3, padding=1, bias=False, rng=rng),
        f"bn{number}": BatchNorm2d(out_channels),
        f"relu{number}": ReLU(),
    }


def count_params(layer):
    """How many numbers `layer` trains."""
    return sum(array.size for array in layer.params.values())
