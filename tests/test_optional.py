"""What is optional may be missing: then every module is imported, and every test collected."""

import subprocess
import sys
from pathlib import Path

OPTIONAL = (
    "torch",
    "cupy",
    "mpi4py",
    "ipywidgets",
    "selenium",
    "onnx",
    "pillow_heif",
    "safetensors",
    "shtab",
    "waitress",
)
HIDE = """
import sys
from importlib.machinery import PathFinder

hidden = set(sys.argv[1:])

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, *rest):
        return None if name in hidden else super().find_spec(name, *rest)

sys.meta_path[:] = [Without if finder is PathFinder else finder for finder in sys.meta_path]
"""
# One process for all: it imports NumPy and the like once.
IMPORT = """
import importlib, pkgutil
for missing in sys.argv[1:]:
    print("without", missing, flush=True)
    hidden = {missing}
    there = {name: sys.modules.pop(name) for name in sys.modules.keys() & hidden}
    for name in [*sys.modules]:
        if name.partition(".")[0] == "tinydldl":
            del sys.modules[name]
    import tinydldl
    for module in pkgutil.walk_packages(tinydldl.__path__, "tinydldl."):
        importlib.import_module(module.name)
    sys.modules.update(there)
"""
COLLECT = """
import pytest
sys.exit(pytest.main(["--collect-only", "-qq", "-m", "", "-p", "no:cacheprovider"]))
"""


def run(code, *hidden):
    """Run Python code in the folder of the checkout, in a process that has none of `hidden`."""
    command = [sys.executable, "-c", HIDE + code, *hidden]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout


def test_every_module_is_imported_without_each_of_them():
    assert run(IMPORT, *OPTIONAL).splitlines() == [f"without {name}" for name in OPTIONAL]


def test_every_test_is_collected_without_any_of_them():
    found = run(COLLECT, *OPTIONAL)
    for file in Path(__file__).parent.rglob("test_*.py"):
        assert file.name in found
