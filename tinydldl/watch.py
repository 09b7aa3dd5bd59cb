"""Ranks that end together, since MPI waits forever for one that fails, is killed or is cut off.

Rank 0 has a connection of its own to each other rank, and on both ends a thread says a word each
second: `.`, or `!` and the exit code with which it ends, `!0` once all is done. A rank whose
connection breaks without that was killed, or its machine has not answered for `PATIENCE`, as one
that is off or cut off. A process that is busy or stopped is no loss.
"""

import os
import secrets
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener, wait
from pathlib import Path
from typing import Any, NoReturn

import tinydldl
from tinydldl.errors import UserError

BEAT, PATIENCE = 1.0, 5.0  # seconds
GONE = EOFError, OSError


class Watch(threading.Thread):
    """The thread. `comm`: a communicator of mpi4py. Raises UserError if it cannot connect."""

    def __init__(self, comm: Any) -> None:
        super().__init__(daemon=True)
        self.rank, self.machines = comm.rank, comm.allgather(socket.gethostname())
        self.peers: dict[Any, int] = connect(comm)
        self.word, self.heard = b".", dict.fromkeys(self.peers, b"")
        self.ending = threading.Lock()  # who takes it ends this process, and never gives it back
        for peer in self.peers if hasattr(socket, "TCP_USER_TIMEOUT") else ():  # on Linux
            with socket.socket(fileno=os.dup(peer.fileno())) as same:
                same.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * PATIENCE))
        self.start()

    def run(self) -> None:
        said = 0.0
        peer: Any
        while self.peers:
            if time.monotonic() > said + BEAT:
                said = time.monotonic()
                self.say(self.word)
            for peer in wait([*self.peers], BEAT):
                try:
                    self.heard[peer] = peer.recv_bytes()
                except GONE:
                    self._lost(self.peers.pop(peer), self.heard[peer])

    def say(self, word: bytes) -> None:
        """Say a word to all peers, and from now on."""
        self.word = word
        for peer in [*self.peers]:
            with suppress(OSError):
                peer.send_bytes(word)

    def leave(self, code: int, line: str = "", lost: bool = False) -> NoReturn:
        """End this process with a line, and thereby all others; `lost`: since one cannot be."""
        self.ending.acquire()
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            os.write(2, f"{line}\n".encode() if line else b"")
        self.say(b"!%d" % code)
        if lost:
            time.sleep(BEAT)  # mpiexec ends all at once if it knows
            end_launcher()
        os._exit(code)

    def _lost(self, rank: int, word: bytes) -> None:
        """End this process since another one has ended, unless that had finished."""
        if word.startswith(b"!"):
            if code := int(word[1:]):
                self.leave(code)
        else:
            where = f"rank {rank} on {self.machines[rank]}"
            line = f"error: {where} was killed or cut off; {tinydldl.farewell}"
            self.leave(1, line * (self.rank < 2), lost=True)  # of all that lose rank 0, one says so


def connect(comm: Any) -> dict[Any, int]:
    """Connect rank 0 with each other rank: the rank at the other end of each connection."""
    key = comm.bcast(secrets.token_bytes())
    if comm.rank == 0:
        with Listener(("", 0), backlog=comm.size, authkey=key) as listener:
            comm.bcast((places(), listener.address[1]))
            peers = [listener.accept() for _ in range(1, comm.size)]
        return {peer: int(peer.recv_bytes()) for peer in peers}
    there, port = comm.bcast(None)
    for place in there:
        with suppress(AuthenticationError, *GONE):
            peer = Client((place, port), authkey=key)
            peer.send_bytes(b"%d" % comm.rank)
            return {peer: 0}
    raise UserError(f"cannot reach rank 0 by TCP at {' or '.join(there)}; is there a firewall?")


def end_launcher() -> None:
    """End the mpiexec that started this process (Linux): it would wait for a machine cut off."""
    pid = os.getpid()
    with suppress(OSError):
        while pid > 1:
            name, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")
            if name.partition("(")[2].startswith(("mpiexec", "mpirun")):
                os.kill(pid, signal.SIGTERM)
            pid = int(rest.split()[1])


def places() -> list[str]:
    """Where this machine can be reached: at its usual address, by its name, or by itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as some, suppress(OSError):
        some.connect(("192.0.2.1", 9))  # sends nothing, and chooses an address
        return [some.getsockname()[0], socket.gethostname(), "127.0.0.1"]
    return [socket.gethostname(), "127.0.0.1"]
