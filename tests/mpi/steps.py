"""A few steps in float64, on the ranks that there are: rank 0 prints what came of them.

mpiexec -n 2 python tests/mpi/steps.py FOLDER '[{"epochs": 7}]'
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
from helpers import strict_device

from tinydldl import backend, cli, ranks
from tinydldl.backend import to_host
from tinydldl.datasets import Photos
from tinydldl.datasets.loader import PhotoStore, train_batches
from tinydldl.fast.choice import choose_engine
from tinydldl.labels import label_grid
from tinydldl.layers import im2col
from tinydldl.methods import DLDLv2
from tinydldl.models import AgeNet
from tinydldl.optim import Adam
from tinydldl.train.loop import Training, evaluate, training_step

BATCH = 8  # of 22 photos: batches of 8, 7 and 7


def main(argv):
    everyone, paths = ranks.world(), sorted(Path(argv[0]).glob("*.png"))
    photos = Photos(paths, np.linspace(5, 90, len(paths)), np.full(len(paths), 2.0))
    store = PhotoStore(photos, 32, 1e9, 1)
    print(json.dumps([steps(everyone, store, **about) for about in json.loads(argv[1])]))


class FakeNCCL:
    """`cupyx.distributed` for arrays of the stand-in; it counts what it exchanges."""

    def __init__(self, gpus):
        self.exchanges, self.gpus = 0, gpus

    def install(self):
        """Become what is imported, and what of `cupy.cuda` belongs to it."""
        cuda, stream = ModuleType("cupy.cuda"), SimpleNamespace(synchronize=lambda: None)
        cuda.Device = lambda: SimpleNamespace(id=self.gpus == "apart" and ranks.world().local)
        cuda.runtime = SimpleNamespace(deviceGetPCIBusId=lambda index: f"0000:{index:02}:00.0")
        cuda.get_current_stream = lambda: stream
        strict_device.cuda = cuda
        nccl = SimpleNamespace(available=self.gpus != "plain")  # no attribute of `cuda` in CuPy
        sys.modules |= {"cupy": strict_device, "cupy.cuda": cuda, "cupy.cuda.nccl": nccl}
        sys.modules["cupyx"] = SimpleNamespace(distributed=self)

    def init_process_group(self, n_devices, rank, *, use_mpi):
        assert use_mpi
        assert (n_devices, rank) == (ranks.world().size, ranks.world().rank)
        return self

    def all_to_all(self, in_array, out_array):
        assert len(in_array) == len(out_array) == ranks.world().size
        self._exchange(ranks.world().comm.Alltoall, in_array, out_array)

    def all_gather(self, in_array, out_array, count):
        assert count * ranks.world().size == out_array.size
        self._exchange(ranks.world().comm.Allgather, in_array, out_array)

    def _exchange(self, collective, in_array, out_array):
        assert isinstance(in_array, strict_device.ndarray)  # not on the host
        assert in_array.flags.c_contiguous
        assert out_array.flags.c_contiguous
        collective(in_array._host, out_array._host)
        self.exchanges += 1


def steps(everyone, store, epochs=2, engine="fast", workers=1, bug=None, gpus=None):
    """Losses, hashes of the parameters of all ranks, and estimates at the end.

    `gpus`: none, "plain" (without NCCL), "apart" (one for each rank), or "shared".
    """
    xp, nccl = np, FakeNCCL(gpus)
    if gpus:  # as in test_device.py
        nccl.install()
        backend.cupy = xp = strict_device
        im2col.pays = lambda *_: True
    everyone.join_gpus(xp)
    ranks.team = everyone = Apart(everyone) if bug == "sums" else everyone
    method, rng = DLDLv2(label_grid()), np.random.default_rng(0)
    model = AgeNet("tiny", method.outputs, 32, rng=rng).to(xp, np.float64)
    model, _ = choose_engine(model, xp, BATCH, engine, workers)
    if bug == "statistics":
        model.group.all_gather = lambda x: x[None]
    training = Training(
        model=model,
        method=method.to(xp),
        optimizer=Adam(model.params, model.grads, 1e-3),
        schedule=lambda epoch: 1e-3,
        train_store=store,
        valid_store=store,
        channels=store.channel_statistics(),
        epochs=epochs,
        batch=BATCH,
        transforms=["mirror", "crop"],
        xp=xp,
    )
    losses = []
    for epoch in range(1, epochs + 1):
        how = {"batch": BATCH, "transforms": training.transforms, "seed": 0}
        for images, indices in train_batches(store, epoch, **how):
            step, _ = training_step(training, images, indices, "a step")
            losses.append(step[0])
    digest = sha256(
        b"".join(to_host(param).tobytes() for param in model.params.values())
    ).hexdigest()
    found = {"losses": losses, "hashes": everyone.all_gather_object(digest)}
    found["exchanges"] = nccl.exchanges
    found["ages"] = evaluate(training)[1].tolist()
    if hasattr(model, "close"):
        model.close()
    return found


class Apart(ranks.Ranks):
    """Ranks that do not add up their gradients."""

    def __init__(self, others):
        self.__dict__ |= vars(others)

    def all_reduce(self, arrays):
        pass


if __name__ == "__main__":
    sys.exit(cli.run_command(main, sys.argv[1:]))
