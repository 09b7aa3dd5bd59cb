"""How many points? `python -m tinydldl.grade` tests the answers in students' notebooks.

What it does lies beside the lessons, in `lessons/grading.py`.
"""

import sys
from importlib import import_module

from tinydldl import cli
from tinydldl.errors import UserError
from tinydldl.notebook import LESSONS


def main(argv: list[str] | None = None) -> None:
    """Grade notebooks. Raises UserError without the folder of the lessons."""
    if not LESSONS.is_dir():
        raise UserError(f"{LESSONS}: no lessons here; grade in a clone of the project")
    sys.path.insert(0, str(LESSONS))
    import_module("grading").main(argv)


if __name__ == "__main__":
    raise SystemExit(cli.run_command(main))
