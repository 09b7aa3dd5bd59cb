"""What all commands share: one-line errors with exit code 2, and arguments that are checked."""

import argparse
import dataclasses
import errno
import json
import math
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar

import tinydldl
from tinydldl import ranks
from tinydldl.errors import UserError
from tinydldl.progress import Progress

DATA_ERROR, INTERRUPTED, HUNG_UP = 2, 130, 141
BEGINNING, END = 240, 140  # characters of an error that is too long for a line
QUIET = "show no progress bars"
JSON = "print the results as JSON, and all else on standard error"
results: dict[str, Any] = {}  # of the command that runs, for --json
at_end = ExitStack()  # of that command
Group = argparse._ActionsContainer  # a parser, or a group of its arguments
T = TypeVar("T")
Type = Callable[[str], Any]  # of an argument
Argv = list[str] | None
# The system is short of something: open files, processes, memory.
SCARCE = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)


def called(command: str) -> str:
    """How a command was started, and is to be started again: as a word, or as a module."""
    is_word = Path(sys.argv[0]).stem == "tinydldl"
    front, between = ("tinydldl", " ") if is_word else ("python -m tinydldl", ".")
    return between.join(filter(None, (front, command)))


class Quiet(argparse.Action):
    """Turns progress off."""

    def __call__(self, *_: Any) -> None:
        Progress.shown = False


class Json(argparse.Action):
    """Keeps standard output for `results`, which are printed in the end."""

    def __call__(self, *_: Any) -> None:
        if sys.stdout is not sys.stderr:  # which it is if the arguments are parsed once more
            at_end.callback(print_results, sys.stdout)
            at_end.enter_context(redirect_stdout(sys.stderr))


class Parser(argparse.ArgumentParser):
    """An argument parser whose help shows defaults, and whose errors are one line."""

    def __init__(self, command: str, about: str, epilog: str | None = None) -> None:
        super().__init__(called(command), None, about, epilog, formatter_class=HelpFormatter)
        self._negative_number_matcher = re.compile(r"-[\d.]")  # lists too: --box -5,0,90,90
        self.add_argument("--quiet", nargs=0, action=Quiet, dest=argparse.SUPPRESS, help=QUIET)
        if command:
            self.add_argument("--json", nargs=0, action=Json, dest=argparse.SUPPRESS, help=JSON)

    def add_out(self, about: str, default: Path | None = None) -> argparse._ArgumentGroup:
        """Add --out, a folder; returns its group."""
        group = self.add_argument_group("output")
        group.add_argument("--out", type=path, default=default, metavar="FOLDER", help=about)
        return group

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of every argument that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def run_command(command: Callable[[Argv], int | None], argv: Argv = None) -> int | None:
    """Run `command(argv)`, print a `UserError` as one line, and return the exit code."""
    open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # what the terminal cannot show
    code: Any = DATA_ERROR
    try:
        with interruptible():
            try:
                results.clear()
                with at_end:
                    ended = command(argv)
                return ranks.leave(ended)
            finally:
                print(end="", flush=True)  # inside the try: a closed pipe raises here
    except UserError as error:
        message = str(error)
    except MemoryError:
        message = "out of memory; try less at a time, such as a smaller --batch or --size"
    except BrokenPipeError:  # nobody reads the output any more, as after `head` in a pipe
        forget_output()
        return ranks.leave(HUNG_UP)
    except OSError as error:
        what = error.filename or ("the system" if error.errno in SCARCE else "the output")
        if what == "the output":
            forget_output()
        message = f"{what}: {error.strerror or error}"
    except KeyboardInterrupt:
        return ranks.leave(INTERRUPTED, "stopped")
    except BaseException as error:  # a bug; or the parser, which has shown its help
        if ranks.launched()[0] == 1:
            raise
        if isinstance(error, SystemExit):
            return ranks.leave(error.code)
        code, message = 1, f"{type(error).__name__}: {error}; without mpiexec it says where"
    return ranks.leave(code, error_line(message))


def print_results(output: IO[str]) -> None:
    """Print `results`, if there are any: arrays as lists, paths and the like as text."""
    if results:
        text = json.dumps(results, indent=2, default=lambda v: getattr(v, "tolist", v.__str__)())
        print(text, file=output, flush=True)


def error_line(message: object) -> str:
    """An error as one line, whatever the names in it hold; a very long one loses its middle."""
    _, rank = ranks.launched()
    text = f"error: rank {rank}: {message}" if rank else f"error: {message}"
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return line if len(line) <= BEGINNING + END else f"{line[:BEGINNING]} ... {line[-END:]}"


@contextmanager
def interruptible() -> Iterator[None]:
    """Within this block the first Ctrl-C raises KeyboardInterrupt, the second ends the command."""
    if signal.getsignal(signal.SIGINT) is not tinydldl.leave:
        yield
        return

    def interrupt(signum: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, tinydldl.leave)  # another would break into the cleanup
        raise KeyboardInterrupt

    def once_more(lost: Any) -> None:
        """Python drops what is raised while it takes an object down: then Ctrl-C comes again."""
        if lost.exc_type is not KeyboardInterrupt:
            return hook(lost)
        signal.signal(signal.SIGINT, interrupt)
        again = signal.raise_signal if sys.platform == "win32" else partial(os.kill, os.getpid())
        threading.Timer(0.01, again, (signal.SIGINT,)).start()

    hook, sys.unraisablehook = sys.unraisablehook, once_more
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, tinydldl.leave)
        sys.unraisablehook = hook


def open_what_is_closed() -> None:
    """Let closed standard streams, as after `2>&-`, go nowhere.

    Otherwise the first files to be opened would take their numbers, and receive the prints.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  for good


def forget_output() -> None:
    """Let pending output go nowhere, so that Python does not try again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def gather(cls: type[T], arguments: Any, **others: Any) -> T:
    """A dataclass `cls` of the attributes that are named like its fields, and the others."""
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: v for name, v in vars(arguments).items() if name in names}, **others)


def path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("expected a path, got nothing")
    return Path(text)


def whole(least: int, most: float = math.inf) -> Type:
    """The type of an argument: a whole number from `least` to `most`."""
    end = "up" if most == math.inf else f"to {most}"
    return kind(int, f"a whole number from {least} {end}", lambda value: least <= value <= most)


def kind(convert: Type, expected: str, allowed: Callable[[Any], Any]) -> Type:
    """The type of an argument: a value that is `allowed`; `expected`: its description."""

    def parse(text: str) -> Any:
        with suppress(ValueError):
            if allowed(value := convert(text)):
                return value
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")

    return parse


text = kind(str, "a path or a name", bool)
positive = kind(float, "a number above 0", lambda value: 0 < value < math.inf)
not_negative = kind(float, "a number from 0 up", lambda value: 0 <= value < math.inf)
fraction = kind(float, "a number between 0 and 1", lambda value: 0 < value < 1)
