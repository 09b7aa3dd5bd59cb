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
from tinydldl.processes import receive, send


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
            send(self.pipes[0], x)
            return receive(self.pipes[0])
        every = np.stack([x, *(receive(pipe) for pipe in self.others())])
        if ranks.team.size > 1:
            idle = len(self.pipes) + 1 - self.size
            every = ranks.team.all_gather(np.pad(every, [(0, idle), *[(0, 0)] * x.ndim]))
        for pipe in self.others():
            send(pipe, every)
        return every

    def others(self) -> Sequence[Connection]:
        """In process 0, the pipes to those that take part."""
        return self.pipes[: self.size - 1]
