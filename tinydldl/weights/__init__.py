"""The weights that ship: one checkpoint per network, `NAME.npz` and `NAME.json`."""

from os import PathLike
from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The names of their networks."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


SHIPPED = f"weights that ship ({', '.join(names())})"  # what a user may name, for messages


def find(network: str | PathLike[str]) -> Path:
    """The checkpoint that ships under a name such as `tiny`, in float16; else the path itself."""
    return FOLDER / f"{network}.npz" if str(network) in names() else Path(network)
