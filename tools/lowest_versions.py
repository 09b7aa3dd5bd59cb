"""Print the lowest versions that pyproject.toml allows, as constraints for pip."""

import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]

wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
print(*(package.replace(">=", "==") for package in wanted if ">=" in package), sep="\n")
