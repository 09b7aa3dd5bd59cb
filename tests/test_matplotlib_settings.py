"""A user's own settings of Matplotlib neither reach a command's figures nor end it."""

import os
import subprocess
import sys

UGLY = """
backend: nonsense
axes.facecolor: black
lines.linewidth: 20
font.size: 30
savefig.facecolor: green
savefig.dpi: 20
text.usetex: True
"""


def drawn(folder, **environment):
    """The picture that a command draws in `folder`, in a process of its own."""
    command = [sys.executable, "-m", "tinydldl.datasets", "synthetic", "--count", "5"]
    subprocess.run([*command, "--out", "out"], cwd=folder, env=os.environ | environment, check=True)
    return (folder / "out/synthetic-ages.png").read_bytes()


def test_settings_of_a_user_do_not_reach_a_figure(tmp_path):
    plain, ugly = tmp_path / "plain", tmp_path / "ugly"
    plain.mkdir()
    ugly.mkdir()
    (ugly / "matplotlibrc").write_text(UGLY)
    assert drawn(ugly, MPLBACKEND="module://of.a.notebook") == drawn(plain, MPLBACKEND="")


def test_a_backend_that_is_not_there(tmp_path):
    """As where a notebook, whose backend another environment has, starts a command."""
    drawn(tmp_path, MPLBACKEND="nonsense")
