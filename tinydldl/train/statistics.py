"""What is counted while an epoch is trained: its losses, and where its time goes."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np

Batch = TypeVar("Batch")
Figures = dict[str, float]  # by name


class Means:
    """The mean losses `(L, L_er)` or `(L, L_ld, L_er)` so far, and the norms of the gradient."""

    def __init__(self) -> None:
        self.photos, self._sums = 0, np.zeros(())
        self.norms: list[float] = []

    def add(self, losses: np.ndarray, norm: float, photos: int) -> None:
        """Add a step: the mean losses of its photos, and the norm of its gradient."""
        self.photos, self._sums = self.photos + photos, self._sums + photos * losses
        self.norms.append(norm)

    @property
    def losses(self) -> list[float]:
        return [float(loss) for loss in self._sums / self.photos]

    def figures(self) -> Figures:
        """The figures of an epoch by name, as in `metrics.csv`."""
        loss, *kl, error = self.losses
        figures = {"train_loss": loss, "train_mae": error, "grad_norm": float(np.mean(self.norms))}
        figures["grad_norm_std"] = float(np.std(self.norms))
        return figures | ({"train_kl": kl[0]} if kl else {})


class Clock:
    """How long an epoch takes, and how much of it is waiting for photos."""

    def __init__(self) -> None:
        self.begun, self.waited = time.perf_counter(), 0.0

    def waiting(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches themselves; the time until each of them comes is counted."""
        asked = time.perf_counter()
        for batch in batches:
            self.waited += time.perf_counter() - asked
            yield batch
            asked = time.perf_counter()

    def speed(self, photos: int) -> Figures:
        """`seconds`, `images_per_second`, and `waiting`, the share of the time without a batch."""
        seconds = time.perf_counter() - self.begun
        speed = {"images_per_second": photos / seconds, "waiting": self.waited / seconds}
        return {"seconds": seconds} | speed
