"""What one answer does costs the others nothing, nor him who grades."""

import pickle
import re
import struct
import sys
import textwrap
from pathlib import Path

import nbformat
import pytest
from helpers.grades import TINY, cell, graded, lost

LESSONS = Path(__file__).parents[2] / "lessons"
sys.path.insert(0, str(LESSONS))
import build  # noqa: E402

HOSTILE = {
    "import os\nos._exit(0)": "its process ended",
    "import ctypes\nctypes.string_at(0)": "its process ended",
    "raise SystemExit(0)": "SystemExit: 0",
    "return np.ones(10**11)": "MemoryError: Unable to allocate",
    "rng.normal(size=7)": "AssertionError: twice 3 is 6",
    "print('    1 of 1  double')": "AssertionError: twice 3 is 6",
    "return 6": "AssertionError: twice -1.5 is -3",  # hidden
    "return open('points.csv', 'w')": "PermissionError: an answer may not do this: open",
    "exec(open('tiny.ipynb').read())": "PermissionError: an answer may not do this: open",
    "import os\nos.truncate('../points.csv', 0)": "PermissionError: an answer may not do this",
    "import os\nos.kill(os.getppid(), 9)": "PermissionError: an answer may not do this: os.kill",
    "import os\nos.chdir('..')": "PermissionError: an answer may not do this: os.chdir",
    "import socket\nsocket.create_connection(('::1', 9))": "PermissionError: an answer may not",
    "import subprocess\nsubprocess.run(['true'])": "PermissionError: an answer may not",
    "raise ValueError('a\\nb' + 'c' * 9999)": "ValueError: a b" + "c" * 200,
    "return undefined": "NameError: name 'undefined' is not defined",
}


def many(tiny, name, answers):
    """Makes of an exercise one for each of `answers`, in the lesson and in the copy: the names."""
    lesson, names = build.read(Path(__file__).parent / "tiny.py"), []
    for n, answer in enumerate(answers):
        names.append(f"{name}{n}")
        for notebook in (lesson, tiny):
            for old in (f"test-{name}", name):  # each goes below the last
                twin = nbformat.from_dict(cell(notebook, old))
                twin.id, twin.metadata.nbgrader.grade_id = f"{twin.id}-{n}", f"{old}{n}"
                if notebook is tiny and old == name:
                    twin.source = answer
                twin.source = re.sub(rf"\b{name}(?=\(| =)", f"{name}{n}", twin.source)
                notebook.cells.insert(
                    notebook.cells.index(cell(notebook, f"test-{name}")) + 1, twin
                )
    nbformat.write(lesson, "lessons/tiny.ipynb")
    return names


def test_one_answer_costs_the_others_nothing(tiny, capfd):
    """All in one notebook, each in an exercise of its own."""
    bodies = (textwrap.indent(body, "    ") for body in HOSTILE)
    names = many(tiny, "double", [f"def double(x):\n{body}\n" for body in bodies])
    found = graded(tiny, "--memory", 4)
    assert lost(found, TINY | dict.fromkeys(names, 1)) == names
    for name, message in zip(names, HOSTILE.values(), strict=True):
        assert message in found[name][1]
    assert found["why"] == (None, "to be read")
    out = capfd.readouterr().out
    count = len(HOSTILE)
    head = f"anna.ipynb: 7 of {7 + count} points, 1 of {4 + count} answers to be read"
    assert out.startswith(f"{head}\n    1 of 1  double\n")
    assert out.count("\n    1 of 1") == 1
    assert out.count("\n    0 of 1") == len(names)
    assert "\n    - of 3  why  to be read\n" in out


def test_an_endless_loop(tiny):
    cell(tiny, "softmax").source = "def softmax(x):\n    while True:\n        pass"
    found = graded(tiny, "--seconds", 5)
    assert lost(found, TINY) == ["softmax"]
    assert found["softmax"][1] == "takes longer than 5 seconds"


EVERY_PIPE = """
    import os
    for fd in range(3, 64):
        try:
            os.write(fd, {})
        except OSError:
            pass
"""


def test_half_a_message_is_waited_for_no_longer(tiny):
    """As an answer could send that finds the pipe."""
    endless = "    while True:\n        pass\n"
    cell(tiny, "softmax").source = f"def softmax(x):{EVERY_PIPE.format(repr(bytes(1)))}{endless}"
    found = graded(tiny, "--seconds", 5)
    assert lost(found, TINY) == ["softmax"]
    assert found["softmax"][1] == "takes longer than 5 seconds"


class Touch:
    def __reduce__(self):
        return open, ("touched", "w")


def test_nothing_of_an_answer_runs_in_the_process_that_grades(tiny):
    """A pickle would: it says what to call."""
    pickled = pickle.dumps(Touch())
    message = repr(struct.pack("!i", len(pickled)) + pickled)
    cell(tiny, "double").source = f"def double(x):{EVERY_PIPE.format(message)}"
    assert lost(graded(tiny), TINY)[0] == "double"
    assert not list(Path().rglob("touched"))


@pytest.mark.skipif(sys.platform != "linux", reason="names of files that are made on Linux alone")
def test_the_lesson_is_not_read_by_another_name(tiny):
    answer = "def double(x):\n    return open('/proc/self/cwd/tiny.ipynb').read()"
    cell(tiny, "double").source = answer
    assert graded(tiny)["double"] == ("0", "PermissionError: an answer may not do this: open")


PACKAGE = {
    "def softmax(x):\n    return Softmax().forward(x)": "calls tinydldl.layers.Softmax, which",
    "from tinydldl import layers as l\ndef softmax(x):\n    return l.Softmax()(x) if 0 else "
    "l.Softmax().forward(x)": "calls tinydldl.layers.Softmax, which",
    "softmax = Softmax().forward": "AssertionError: the cell does not define softmax",
    "def softmax(x):\n    try:\n        return Softmax().forward(x)\n    except AssertionError:\n"
    "        return x": "calls tinydldl.layers.Softmax, which",
    "from tinydldl import notebook\nnotebook.rescue('03', 'softmax', globals())": "AssertionError: "
    "the cell does not define softmax",
}


def test_an_answer_does_not_call_what_it_stands_for(tiny):
    names = many(tiny, "softmax", PACKAGE)
    found = graded(tiny)
    assert lost(found, TINY | dict.fromkeys(names, 2)) == names
    for name, message in zip(names, PACKAGE.values(), strict=True):
        assert found[name][1].startswith(message.replace("define softmax", f"define {name}"))
