"""A case: a network, a batch of photos, and training or inference."""

import re
from argparse import ArgumentTypeError
from dataclasses import dataclass
from typing import Self

import numpy as np

from tinydldl import labels, machine
from tinydldl.arrays import Ages, Images
from tinydldl.models import CHANNELS, SMALLEST_SIDE, AgeNet
from tinydldl.train import memory

LABELS = labels.label_grid()
FORM = (
    f"NETWORK-SIDE-BATCH-train or -inference, NETWORK {' or '.join(CHANNELS)}, SIDE from "
    f"{SMALLEST_SIDE} up, such as tiny-64-32-train"
)


@dataclass(frozen=True)
class Case:
    """`train`: forward, loss, backward and a step of Adam; else forward for inference."""

    net: str
    side: int
    batch: int
    train: bool

    def __str__(self) -> str:
        return f"{self.net}-{self.side}-{self.batch}-{'train' if self.train else 'inference'}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The type of an argument: the case with a name such as tiny-64-32-train."""
        networks, number = "|".join(CHANNELS), r"(\d{1,15})"
        match = re.fullmatch(f"({networks})-{number}-{number}-(train|inference)", text)
        case = match and cls(match[1], int(match[2]), int(match[3]), match[4] == "train")
        if not case or case.side < SMALLEST_SIDE or case.batch < 1:
            raise ArgumentTypeError(f"case {text!r}: expected {FORM}")
        takes = memory.network(case.net, case.side, case.batch, layers=True, trains=case.train)
        there = machine.memory()
        if takes > there:
            needs = f"needs about {takes / 1e9:.3g} GB, and there are {there / 1e9:.3g}"
            raise ArgumentTypeError(f"case {text!r}: {needs}")
        return case

    def model(self) -> AgeNet:
        """The network, always with the same initial weights."""
        return AgeNet(self.net, len(LABELS), self.side, rng=np.random.default_rng(0))

    def photos(self) -> tuple[Images, Ages, Ages]:
        """Random photos (N, H, W, 3), ages and sigmas (N,), always the same, float32."""
        rng = np.random.default_rng(1)
        x = rng.standard_normal((self.batch, self.side, self.side, 3), dtype=np.float32)
        y = rng.uniform(1, 99, self.batch).astype(np.float32)
        return x, y, np.full(self.batch, 2, np.float32)

    def flops(self) -> int:
        """Floating-point operations, counted as direct convolution; backward costs two forward."""
        model = self.model()
        forward = 2 * model.multiply_adds(model.input_shape) * self.batch
        return 3 * forward if self.train else forward


# Those in the README, and two that are quick.
ALL = [Case("tiny", side, batch, train=True) for side, batch in ((64, 32), (112, 32), (224, 16))]
ALL += [Case("thin", 224, 16, train) for train in (True, False)]
ALL += [Case("tiny", side, 32, train=False) for side in (224, 64)]
QUICK = [ALL[0], ALL[-1]]
