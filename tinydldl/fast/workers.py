"""One batch on several processes, each with some of its images and all of the parameters.

    process 0, the caller's            process 1                   process 2, ...
    images 0..n                        images n..                  ...
        | forward                          | forward                   |
        +---- all_gather: moments of z ----+---------------------------+   once per BatchNorm
    logits of all images  <--------------- logits
    loss, dlogits  ----------------------> dlogits
        | backward                         | backward                  |
        +---- all_gather: sums of dr ------+---------------------------+   once per BatchNorm
    grads[0] + grads[1] + ...  <---------- grads[1]

Parameters, gradients and photos are in shared memory, all else goes through one pipe for each
process. Everything is added in the order of ranks, so the result does not depend on who is first.
Of all this the stages know only `all_gather`: any other way to exchange arrays can take its place.
"""

from collections.abc import Sequence
from multiprocessing.connection import Connection

import numpy as np

from tinydldl import ranks
from tinydldl.arrays import Array
from tinydldl.processes import receive_bytes


class ProcessGroup:
    """The processes that share a batch, as one of them sees it. All call `all_gather` together.

    `pipes`: in process 0 those to all others, in the others the one to process 0. `size`: how many
    take part; set for each batch, since a small one does not have images for all. Without pipes it
    is a group of one. Each rank of the team, see `ranks`, has such a group for its share.
    """

    def __init__(self, rank: int = 0, pipes: Sequence[Connection] = ()) -> None:
        self.rank, self.pipes, self.size = rank, pipes, len(pipes) + 1

    def all_gather(self, x: Array) -> Array:
        """What every process holds as x, stacked by rank: x, an array, to (processes, ...).

        With several ranks a process that takes no part has zeros: no count, no sum.
        """
        if self.rank:
            self.pipes[0].send_bytes(x.tobytes())
            return array_from(self.pipes[0], x)
        every = np.stack([x, *(array_from(pipe, x)[0] for pipe in self.others())])
        if ranks.team.size > 1:
            idle = len(self.pipes) + 1 - self.size
            every = ranks.team.all_gather(np.pad(every, [(0, idle), *[(0, 0)] * x.ndim]))
        for pipe in self.others():
            pipe.send_bytes(every.tobytes())
        return every

    def others(self) -> Sequence[Connection]:
        """In process 0, the pipes to those that take part."""
        return self.pipes[: self.size - 1]


def array_from(pipe: Connection, like: Array) -> Array:
    """What a process has sent: one or more arrays like `like`, stacked."""
    return np.frombuffer(receive_bytes(pipe), like.dtype).reshape(-1, *like.shape)
