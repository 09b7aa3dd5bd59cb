"""Imports go one way: a module imports only from its own room and from rooms below it."""

import ast
from pathlib import Path

import tinydldl

PACKAGE = Path(tinydldl.__file__).parent
ROOMS = [  # bottom first
    {"", "arrays", "errors", "naive"},
    {"backend", "machine", "progress", "weights"},
    {"processes", "files", "ranks"},
    {"cli", "images"},
    {"layers", "labels"},
    {"finite", "losses", "gradcheck", "optim", "metrics", "checkpoint"},
    {"models", "methods", "fast", "faces", "ldl"},
    {"datasets"},
    {"plots", "trained"},
    {"report", "notebook"},
    {"train", "convert"},
    {"evaluate", "predict", "bench", "grade"},
    {"explain", "reproduce", "estimator"},
    {"app", "datasets.__main__"},
    {"__main__"},
]
DOOR = "tinydldl.estimator"  # the package imports it where `tinydldl.AgeEstimator` is asked for
FLOOR = {name: floor for floor, names in enumerate(ROOMS) for name in names}


def room(module):
    """The room of a module such as `tinydldl.layers.conv`: `layers`."""
    name = module.removeprefix("tinydldl").removeprefix(".")
    return name if name in FLOOR else name.partition(".")[0]


def imported(path):
    """The modules of ours that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("tinydldl"))
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("tinydldl"):
            for alias in node.names:
                inner = PACKAGE.parent.joinpath(*node.module.split("."), alias.name)
                is_module = inner.is_dir() or inner.with_suffix(".py").exists()
                yield f"{node.module}.{alias.name}" if is_module else node.module


def module_of(path):
    """`tinydldl/layers/__init__.py` is `tinydldl.layers`."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def test_imports_go_down():
    upward = [
        f"{module_of(path)} imports {module}"
        for path in PACKAGE.rglob("*.py")
        for module in imported(path)
        if room(module) != room(module_of(path))
        and module != DOOR
        and FLOOR[room(module)] >= FLOOR[room(module_of(path))]
    ]
    assert not upward


def test_naive_imports_nothing_of_ours():
    assert not list(imported(PACKAGE / "naive.py"))
