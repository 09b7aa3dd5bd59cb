"""A training in which one rank ends in its fifth step: `failing.py HOW RANK`, then options."""

import errno
import os
import signal
import sys

from tinydldl import cli, ranks
from tinydldl.errors import UserError
from tinydldl.train import __main__ as train
from tinydldl.train import loop


def full_disk():
    raise OSError(errno.ENOSPC, "No space left on device", "/scratch/photo")


def wrong():
    raise UserError("a photo has changed")


def bug():
    raise ZeroDivisionError("by nothing")


WAYS = {
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "crashed": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "gone": lambda: os._exit(3),
    "exits": lambda: sys.exit(4),
    "full disk": full_disk,
    "wrong": wrong,
    "bug": bug,
    "drifts": None,
    "option": None,
    "never": lambda: None,
}


def main(argv):
    how, rank, *arguments = argv
    steps, step = [], loop.training_step
    if how == "option" and ranks.world().rank == int(rank):
        arguments.append("--bogus")

    def fail(training, *rest):
        steps.append(1)
        if len(steps) == 5 and ranks.world().rank == int(rank):
            if how == "drifts":
                training.model.params["fc.b"] += 1e-6
            else:
                WAYS[how]()
        return step(training, *rest)

    loop.training_step = fail
    return train.main(arguments)


if __name__ == "__main__":
    sys.exit(cli.run_command(main, sys.argv[1:]))
