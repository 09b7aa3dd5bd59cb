"""Processes, on one machine or on many, that work as one: the ranks of MPI.

    mpiexec -n 8 python -m tinydldl.train ...

starts a command eight times, and `world()` is how it learns of the others. Rank 0 speaks and writes
for all. mpi4py is imported here, when a command asks, and never by a module: a process that is
spawned would start MPI again. Without ranks all of this is `ALONE`, and does nothing.
"""

import importlib.util
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

import tinydldl
from tinydldl.arrays import Array, Arrays, Module
from tinydldl.backend import get_array_module, nccl_gpu, synchronize, to_device, to_host
from tinydldl.errors import UserError
from tinydldl.machine import available_cores

# What MPICH and Intel MPI, Open MPI, and Slurm call the number of ranks, and that of this one.
COUNTS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS")
NUMBERS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK")
PAUSE, PATIENCE = 0.02, 120  # seconds; MPI would wait forever for a machine that is cut off
PASSED_ON = 0.5  # seconds, in which the launcher has passed on what was said


class Ranks:
    """The processes that work as one, as one of them sees it: all call the same methods.

    `comm`, `node`: communicators of mpi4py, the latter of the `neighbors` on this machine, of which
    this is number `local`; `cores`: for this rank; `asked`: when an exchange began, while it lasts.
    Sums are added in the order of ranks, so they do not depend on who is first, nor on the MPI.
    `gpus`: what exchanges arrays instead of `comm`, from GPU to GPU, see `join_gpus`.
    """

    def __init__(self, comm: Any = None, node: Any = None) -> None:
        self.comm, self.asked = comm, math.inf
        self.rank: int = comm.rank if comm else 0
        self.size: int = comm.size if comm else 1
        self.local: int = node.rank if node else 0
        self.neighbors: int = node.size if node else 1
        own = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        # Open MPI gives each rank cores of its own; otherwise they have the same
        sharing = node.allgather(own).count(own) if node else 1
        self.cores = max(1, available_cores() // sharing)
        self.gpus: Gpus | None = None
        self._flat: list[Array] = []  # two buffers

    def join_gpus(self, xp: Module) -> None:
        """From now on arrays go from GPU to GPU, if each rank has its own, and NCCL."""
        if self.size > 1:
            apart = len({*self.all_gather_object(nccl_gpu(xp))} - {None}) == self.size
            with self._exchange():
                self.gpus, self._flat = Gpus(self.size, self.rank) if apart else None, []

    @contextmanager
    def _exchange(self, place: Module = np) -> Iterator[Any]:
        """The communicator for arrays of the module `place`; `give_up` looks after the exchange."""
        self.asked = time.monotonic()
        yield self.comm if place is np else self.gpus
        self.asked = math.inf

    def _place(self, xp: Module) -> Module:
        """The module of the arrays that are exchanged, for arrays of the module `xp`."""
        return xp if self.gpus else np

    def share(self, batch: Array) -> Array:
        """This rank's part of a batch."""
        return np.array_split(batch, self.size)[self.rank]

    def all_gather(self, x: Array) -> Array:
        """The rows of all ranks, of x (n, ...), whose shape is the same for all: (size n, ...)."""
        if self.size == 1:
            return x
        xp = get_array_module(x)
        place = self._place(xp)
        own = place.ascontiguousarray(to_device(x, place))
        every = place.empty((self.size * len(own), *own.shape[1:]), own.dtype)
        with self._exchange(place) as comm:
            comm.Allgather(own, every)
        return to_device(every, xp)

    def all_reduce(self, arrays: Sequence[Array]) -> None:
        """Replace each of the arrays, which have one dtype, by its sum over all ranks.

        Each rank adds up one piece of them and collects the others: as many bytes as the best
        reductions send, and always the same order.
        """
        if self.size == 1:
            return
        xp, dtype = get_array_module(arrays[0]), arrays[0].dtype
        place = self._place(xp)
        ends = np.cumsum([array.size for array in arrays]).tolist()
        shape = self.size, -(-ends[-1] // self.size)
        if not self._flat or (self._flat[0].shape, self._flat[0].dtype) != (shape, dtype):
            self._flat = [place.zeros(shape, dtype) for _ in range(2)]
        ours, theirs = self._flat
        flat = ours.reshape(-1)[: ends[-1]]
        flat[...] = to_device(xp.concatenate([array.reshape(-1) for array in arrays]), place)
        with self._exchange(place) as comm:
            comm.Alltoall(ours, theirs)
            for piece in theirs[1:]:
                theirs[0] += piece
            comm.Allgather(theirs[0], ours)
        sums = to_device(flat, xp)
        for array, end in zip(arrays, ends, strict=True):
            array[...] = sums[end - array.size : end].reshape(array.shape)

    def total(self, count: int, *vectors: Array) -> tuple[float | Array, ...]:
        """A number and vectors of one length, each the sum over all ranks."""
        xp = get_array_module(vectors[0])
        rows = xp.stack([xp.full_like(vectors[0], count), *vectors])
        counts, *sums = self.all_gather(rows[None]).sum(axis=0)
        return float(to_host(counts)[0]), *sums

    def all_gather_object(self, value: Any) -> list[Any]:
        """The values of all ranks: anything that can be pickled."""
        if self.size == 1:
            return [value]
        with self._exchange() as comm:
            return comm.allgather(value)

    def broadcast(self, value: Any, arrays: Arrays | None = None) -> Any:
        """The value of rank 0; all `arrays` become its, too."""
        if self.size == 1:
            return value
        with self._exchange() as comm:
            for array in (arrays or {}).values():
                array[...] = to_device(comm.bcast(to_host(array)), get_array_module(array))
            return comm.bcast(value)

    def check(self, value: bytes, what: str) -> None:
        """Raise UserError unless all ranks have the same bytes; `what` they are, in the plural."""
        for rank, other in enumerate(every := self.all_gather_object(sha256(value).digest())):
            if other != every[0]:
                raise UserError(f"{what} of rank {rank} are not those of rank 0")

    def barrier(self) -> None:
        """Wait for all ranks; MPI itself would keep a core busy meanwhile."""
        request = self.comm.Ibarrier() if self.size > 1 else None
        while request and not request.Test():
            time.sleep(PAUSE)


class Gpus:
    """What `Ranks` needs of a communicator, for arrays on GPUs: NCCL's, which MPI has set up."""

    def __init__(self, size: int, rank: int) -> None:
        from cupyx import distributed

        try:
            self._nccl = distributed.init_process_group(size, rank, use_mpi=True)
        except Exception as error:  # NCCL has many reasons, and CuPy does not know all
            how = "without the package nvidia-nccl-cu12 (or -cu13) arrays go through the host"
            raise UserError(f"NCCL: {error}; {how}") from None

    def Alltoall(self, ours: Array, theirs: Array) -> None:
        """Row r of `ours` becomes row `rank` of rank r's `theirs`."""
        self._nccl.all_to_all(ours, theirs)
        synchronize()  # a rank that waits in vain is to notice it here

    def Allgather(self, own: Array, every: Array) -> None:
        """`every` becomes the `own` of all ranks, one after the other."""
        self._nccl.all_gather(own, every, own.size)
        synchronize()


ALONE = team = Ranks()  # who share the batches of a training, and of an evaluation
_world = ALONE  # of this process


def world() -> Ranks:
    """All ranks of this command, which then speaks through rank 0 alone. Raises UserError."""
    global _world
    count, rank = launched()
    if count == 1 or _world.size > 1:
        return _world
    if rank:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  for good
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for rank 0
        time.sleep(0 if importlib.util.find_spec("mpi4py") else 1)  # rank 0 says that it is missing
    try:
        import mpi4py

        os.environ.setdefault("MPIR_CVAR_SUPPRESS_ABORT_MESSAGE", "1")  # of MPICH: we say more
        mpi4py.rc(thread_level="funneled", finalize=False)
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        how = 'pip install "tinydldl[mpi]", or on a cluster mpi4py, for the MPI there'
        raise UserError(f"started by MPI, and mpi4py cannot be imported ({error}); {how}") from None
    comm = MPI.COMM_WORLD
    if comm.size != count:
        theirs = MPI.Get_library_version().split(",")[0].split("\n")[0]
        other = f"{count} processes were started by another MPI than that of mpi4py"
        raise UserError(f"{other}; take the mpiexec of {' '.join(theirs.split())}")
    _world = Ranks(comm, comm.Split_type(MPI.COMM_TYPE_SHARED))
    threading.Thread(target=give_up, daemon=True).start()
    return _world


def form_team() -> Ranks:
    """From now on all ranks share the batches of this command. Raises UserError."""
    global team
    team = world()
    return team


def launched() -> tuple[int, int]:
    """How many ranks were started together, and which of them this process is."""
    found = ([os.environ.get(name, "") for name in names] for names in (COUNTS, NUMBERS))
    counts, numbers = ([int(text) for text in texts if text.isdecimal()] for texts in found)
    return (counts[0], numbers[0]) if counts and numbers else (1, 0)


def leave(code: Any, line: str = "") -> int | None:
    """End a command with an exit code and a line on standard error: if with an error, all ranks."""
    if code and _world.rank:
        time.sleep(1)  # what all have to say is rank 0's to say
    if line:
        print(line, file=sys.__stderr__ if _world.size > 1 else sys.stderr, flush=True)
    if _world.size > 1:
        sys.stdout.flush()
        if code:
            time.sleep(PASSED_ON)
            _world.comm.Abort(code)
        _world.barrier()
        sys.modules["mpi4py.MPI"].Finalize()
    return code


def give_up() -> None:
    """End this rank once an exchange takes too long, and the mpiexec that it has on this machine.

    That would wait, too, for a machine that is off or cut off. (Linux; elsewhere it is for you.)
    """
    while time.monotonic() < _world.asked + PATIENCE:
        time.sleep(1)
    why = f"error: rank {_world.rank}: no answer from the others for {PATIENCE} seconds"
    print(f"{why}; {tinydldl.farewell}", file=sys.__stderr__, flush=True)
    time.sleep(PASSED_ON)
    pid = os.getpid()
    with suppress(OSError):
        while pid > 1:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
            name, _, rest = stat.rpartition(") ")
            if name.partition("(")[2].startswith(("mpiexec", "mpirun", "prterun")):
                os.kill(pid, signal.SIGTERM)
            pid = int(rest.split()[1])
    os._exit(1)
