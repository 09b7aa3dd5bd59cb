"""What `grading` runs in the process of one notebook: the lesson, and the answers.

The lesson goes on with its own answers, so that one that is wrong takes no other down.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.connection import Connection
from types import CodeType, FrameType
from typing import Any

import numpy as np

from tinydldl.processes import receive

Names = dict[str, Any]
ANSWER = "<answer>"  # the file name of the student's code
REFUSED = (
    *("socket.", "subprocess.", "sqlite3.", "os."),
    *("gc.get_", "sys.setprofile", "sys.settrace"),
)
HARMLESS = ("os.listdir", "os.scandir", "os.walk", "os.putenv", "os.unsetenv")  # imports want them
MAGIC = re.compile(r"^[%!].*", re.MULTILINE)  # a line for Jupyter, as %%time
guarded: list[str] = []  # the folder of the lessons, while an answer is tried


def work(pipe: Connection, _: int) -> None:
    """Run a lesson, and before each test of `todo` the student's answer with that test.

    Receives (folder, cells of the lesson, answers, todo, GB). Sends the name of an exercise, then
    what is wrong with its answer, empty if nothing is; and an empty name in the end.
    """
    folder, cells, answers, todo, gigabytes = receive(pipe)
    os.environ.update(TINYDLDL_FAST="1", TINYDLDL_BUILD="1", MPLBACKEND="agg")
    os.chdir(folder)
    for stream in (1, 2):  # what is printed goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(gigabytes * 1e9),) * 2)
    sys.addaudithook(refuse)
    main, student = Names(__name__="__main__"), Names()
    defined: list[str] = []  # by the answer to the last exercise
    banned: dict[CodeType, str] = {}
    for cell in cells:
        name = cell["name"].removeprefix("test-")
        if cell["test"] and name in todo:
            pipe.send_bytes(name.encode())
            student |= main  # beside these names are those that only the student has
            for one in defined:
                del student[one]
            with restored(main):
                answer, test = answers.get(name, []), cell["source"]
                wrong = attempt(answer, test, student, dict(main), defined, banned)
            pipe.send_bytes(wrong.encode(errors="replace"))
        before = dict(main)
        exec(compile(cell["source"], cell["id"], "exec"), main)
        if cell["name"] and not cell["test"]:
            defined = [n for n, value in main.items() if before.get(n, main) is not value]
            banned = codes(cell["stands_for"])
        sys.modules["matplotlib.pyplot"].close("all")
    pipe.send_bytes(b"")


def attempt(
    answer: list[tuple[str, bool]],
    test: str,
    student: Names,
    names: Names,
    defined: list[str],
    banned: dict[CodeType, str],
) -> str:
    """What is wrong with an answer: pieces of code, each with whether it must run.

    The test sees `names`, and of the student's only what is to be `defined`.
    """
    called = set()

    def watch(frame: FrameType, event: str, _: Any) -> None:
        caller = frame.f_back if event == "call" and frame.f_code in banned else None
        while caller and caller.f_code.co_filename != ANSWER:
            caller = caller.f_back
        if caller:
            called.add(banned[frame.f_code])

    sys.setprofile(watch)
    guarded.append(os.getcwd())
    try:
        for source, must in answer:
            source = MAGIC.sub("", source)
            try:
                exec(compile(source, ANSWER, "exec"), student)
            except (Exception, SystemExit):
                if must:
                    raise
        for name in defined:
            thing = names[name] = student.get(name)
            home = getattr(thing, "__module__", "")  # of a class; a function says its file
            home = getattr(getattr(thing, "__code__", None), "co_filename", home)
            if home not in ("__main__", ANSWER):
                raise AssertionError(f"the cell does not define {name}")
        exec(compile(test, "<test>", "exec", optimize=0), names)
    except NotImplementedError:
        wrong = "left empty, at least in part"
    except BaseException as error:
        wrong = f"{type(error).__name__}: {error}"[:1000]
    else:
        wrong = ""
    finally:
        guarded.clear()
        sys.setprofile(None)
    return f"calls {', '.join(called)}, which it stands for: write it" if called else wrong


def codes(names: list[str]) -> dict[CodeType, str]:
    """The code of functions and classes of the package, such as "layers.Softmax", and its name."""
    found = {}
    for name in names:
        module, _, attribute = f"tinydldl.{name}".rpartition(".")
        thing = getattr(import_module(module), attribute)
        for function in vars(thing).values() if isinstance(thing, type) else [thing]:
            if hasattr(function, "__code__"):
                found[function.__code__] = f"tinydldl.{name}"
    return found


@contextmanager
def restored(names: Names) -> Iterator[None]:
    """After this block arrays and random generators are as they were."""
    arrays = [a for a in names.values() if type(a) is np.ndarray and a.flags.writeable]
    rngs = [r.bit_generator for r in names.values() if isinstance(r, np.random.Generator)]
    before = [a.copy() for a in arrays], [r.state for r in rngs]
    yield
    for array, values in zip(arrays, before[0], strict=True):
        array[...] = values
    for rng, state in zip(rngs, before[1], strict=True):
        rng.state = state


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: while an answer is tried, no network, processes, or files to write.

    Nor is the folder of the lessons read, in which the solutions are.
    """
    if not guarded:
        return
    allowed = event in HARMLESS or not event.startswith(REFUSED)
    if event == "open":
        path, _, flags = arguments
        name = "" if isinstance(path, int) else os.path.realpath(os.fsdecode(path))
        allowed = not flags & (os.O_WRONLY | os.O_RDWR) and not name.startswith(guarded[0])
    if not allowed:
        raise PermissionError(f"an answer may not do this: {event}")
