"""The weights that ship: one checkpoint per network, `NAME.npz` and `NAME.json`."""

from os import PathLike
from pathlib import Path

from tinydldl.errors import UserError

FOLDER = Path(__file__).parent
PRETRAINED = "pretrained"  # what a command calls them


def names() -> list[str]:
    """The names of their networks."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def find(net: str) -> Path:
    """The checkpoint of a network such as `tiny`, which may be in float16. Raises UserError."""
    if net not in names():
        there = ", ".join(names()) or "none"
        own = "give the run or checkpoint of a network of your own"
        raise UserError(f"no weights of {net} ship with tinydldl (there are: {there}); {own}")
    return FOLDER / f"{net}.npz"


def named(network: str | PathLike[str]) -> Path:
    """The checkpoint that ships under this name, else the path itself."""
    return find(str(network)) if str(network) in names() else Path(network)
