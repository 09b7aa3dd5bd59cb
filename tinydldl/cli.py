"""What every command shares: one-line errors with exit code 2, and checked numbers."""

import argparse
import errno
import math
import os
import re
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import tinydldl
from tinydldl.errors import UserError

DATA_ERROR, INTERRUPTED, HUNG_UP = 2, 130, 141
BEGINNING, END = 240, 140  # characters of an error that is too long for a line
# There is too little of what a process asks the system for: open files, processes, memory.
SCARCE = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)


class Parser(argparse.ArgumentParser):
    """An argument parser whose help shows the defaults, and whose errors are one line."""

    def __init__(self, **kwargs):
        super().__init__(formatter_class=HelpFormatter, **kwargs)
        self._negative_number_matcher = re.compile(r"-[\d.]")  # lists too: --box -5,0,90,90

    def add_out(self, about, default=None):
        """Add the argument `--out`, a folder; returns the group that it is in."""
        group = self.add_argument_group("output")
        group.add_argument("--out", type=path, default=default, metavar="FOLDER", help=about)
        return group

    def error(self, message):
        self.exit(DATA_ERROR, error_line(f"{message} (see {self.prog} --help)") + "\n")


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of every argument that has one."""

    def _get_help_string(self, action):
        return action.help if action.default is None else super()._get_help_string(action)


def run_command(command, argv=None):
    """`command(argv)`, with a `UserError` printed as one line; returns the exit code.

    A terminal that cannot show a character shows its number. Output that nobody reads any more
    ends the command without a word, as `head` in a pipe wants it.
    """
    open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with interruptible():
            try:
                return command(argv)
            finally:
                print(end="", flush=True)  # here, where it can be seen whether anybody reads it
    except UserError as error:
        message = error
    except MemoryError:
        message = "out of memory; try less at a time, such as a smaller --batch or --size"
    except BrokenPipeError:
        forget_output()
        return HUNG_UP
    except OSError as error:
        what = error.filename or ("the system" if error.errno in SCARCE else "the output")
        if what == "the output":
            forget_output()
        message = f"{what}: {error.strerror or error}"
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    print(error_line(message), file=sys.stderr)
    return DATA_ERROR


def error_line(message):
    """An error as one line, whatever a name in it holds; a very long one without its middle."""
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in f"error: {message}")
    return line if len(line) <= BEGINNING + END else f"{line[:BEGINNING]} ... {line[-END:]}"


@contextmanager
def interruptible():
    """Within this block Ctrl-C raises KeyboardInterrupt, once; then it ends a command at once.

    A second one would break into what the first has begun to clean up.
    """

    def interrupt(signum, frame):
        signal.signal(signal.SIGINT, tinydldl.leave)
        raise KeyboardInterrupt

    is_command = signal.getsignal(signal.SIGINT) is tinydldl.leave
    if is_command:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if is_command:
            signal.signal(signal.SIGINT, tinydldl.leave)


def open_what_is_closed():
    """Let standard streams that are closed, as by `2>&-`, go nowhere.

    The first files that are opened would take their numbers, and get what is printed there.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  for good


def forget_output():
    """Let what is still to be printed go nowhere, so that Python does not try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def path(text):
    """The type of an argument that is a path."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path, got nothing")
    return Path(text)


def whole(least, most=math.inf):
    """The type of an argument that is a whole number, `least` or more, and at most `most`."""
    end = "up" if most == math.inf else f"to {most}"
    return _number(int, f"a whole number from {least} {end}", lambda value: least <= value <= most)


def _number(convert, expected, allowed):
    """The type of an argument that is a number, of those `allowed`; `expected`: which, in words."""

    def parse(text):
        try:
            value = convert(text)
        except ValueError:
            value = None
        if value is None or not allowed(value):
            raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
        return value

    return parse


positive = _number(float, "a number above 0", lambda value: 0 < value < math.inf)
not_negative = _number(float, "a number from 0 up", lambda value: 0 <= value < math.inf)
fraction = _number(float, "a number between 0 and 1", lambda value: 0 < value < 1)
