"""A training whose ranks wait five seconds for each other, not two minutes.

Rank 1 waits longer. Here it sees the launcher of rank 0, and must not end it first.
"""

import sys

from tinydldl import cli, ranks
from tinydldl.train import __main__ as train

if __name__ == "__main__":
    ranks.PATIENCE = 5 + 15 * ranks.launched()[1]
    sys.exit(cli.run_command(train.main))
