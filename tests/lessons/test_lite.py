"""The lessons in a browser: what stands in for missing modules, and what the site is told."""

import hashlib
import subprocess
import sys
from pathlib import Path

LESSONS = Path(__file__).parents[2] / "lessons"
sys.path.insert(0, str(LESSONS))
import lite  # noqa: E402

# Hides a module of Python's that Pyodide lacks, puts the stand-ins in its place, and imports.
IMPORTS = """
import importlib.util, os, sys
sys.path.insert(0, {folder!r})
for name in ("fcntl", "_multiprocessing"):
    sys.modules.pop(name, None)
    spec = importlib.util.spec_from_file_location(name, os.path.join({folder!r}, name + ".py"))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
from tinydldl.datasets import selection
from tinydldl.train import loop
from tinydldl.fast import FastNet
assert sys.modules["fcntl"].__file__.startswith({folder!r})
"""


def test_every_lesson_of_the_site_exists():
    for folder in (LESSONS, LESSONS / "exercises"):
        assert [path.name[:2] for path in lite.notebooks(folder)] == list(lite.IN_A_BROWSER)


def test_the_package_can_be_imported_with_what_stands_in(tmp_path):
    for name, text in lite.MISSING.items():
        (tmp_path / name).write_text(text)
    program = IMPORTS.format(folder=str(tmp_path))
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stderr


def test_a_wheel_is_listed_as_it_is(tmp_path):
    wheel = tmp_path / "tinydldl-1.2.3-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    listed = lite.entry("tinydldl", wheel, ["numpy"])
    assert listed["file_name"] == wheel.name
    assert listed["version"] == "1.2.3"
    assert listed["imports"] == ["tinydldl"]
    assert listed["sha256"] == hashlib.sha256(b"wheel").hexdigest()
