"""Print the lowest versions that pyproject.toml allows, as constraints for pip."""

import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
EXTRAS = ("test", "faces")

wanted = PROJECT["dependencies"] + [
    package for extra in EXTRAS for package in PROJECT["optional-dependencies"][extra]
]
print(*(package.replace(">=", "==") for package in wanted if ">=" in package), sep="\n")
