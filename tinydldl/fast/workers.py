"""One batch on several processes, each with some of its images and all of the parameters.

    process 0, the caller's            process 1                   process 2, ...
    images 0..n                        images n..                  ...
        | forward                          | forward                   |
        +---- gather: moments of z --------+---------------------------+   once a BatchNorm
    logits of all images  <--------------- logits
    loss, dlogits  ----------------------> dlogits
        | backward                         | backward                  |
        +---- gather: sums of dr ----------+---------------------------+   once a BatchNorm
    grads[0] + grads[1] + ...  <---------- grads[1]

Parameters, gradients and photos are in shared memory, all else goes through one pipe for each
process. Everything is added in the order of ranks, so the result does not depend on who is first.
Of all this the stages know only `gather`: another way of passing arrays on can take its place.
"""

import numpy as np

from tinydldl.processes import send


class Group:
    """The processes that share a batch, as one of them sees it. All of them call `gather` together.

    `pipes`: in process 0 those to all others, in the others the one to process 0. `size`: how many
    take part; it is set for each batch, since a small one does not have images for all. Without
    pipes it is a group of one.
    """

    def __init__(self, rank=0, pipes=()):
        self.rank, self.pipes, self.size = rank, pipes, len(pipes) + 1

    def gather(self, x):
        """What every process holds as x, stacked by rank: x, an array, to (processes, ...)."""
        if self.rank:
            send(self.pipes[0], x)
            return self.pipes[0].recv()
        others = self.pipes[: self.size - 1]
        every = np.stack([x, *(pipe.recv() for pipe in others)])
        for pipe in others:
            send(pipe, every)
        return every
