"""How many points? `python -m tinydldl.grade` tests the answers in students' notebooks.

What it does lies beside the lessons, in `lessons/grading.py`.
"""

import sys
from importlib import import_module

from tinydldl import cli, notebook
from tinydldl.errors import UserError


def main(argv: list[str] | None = None) -> None:
    """Grade notebooks. Raises UserError without the folder of the lessons."""
    if not notebook.LESSONS.is_dir():
        raise UserError(f"{notebook.LESSONS}: no lessons here; grade in a clone of the project")
    sys.path.insert(0, str(notebook.LESSONS))
    import_module("grading").main(argv)


if __name__ == "__main__":
    raise SystemExit(cli.run_command(main))
