"""How tests run a command, as its module does, in this process; and how they wait for an event."""

import time

from tqdm import tqdm

from tinydldl.cli import run_command

NO_BAR = tqdm(disable=True)


def exit_code(main, *arguments):
    """The exit code of `main`, also where it is argparse that ends it."""
    try:
        return run_command(main, [str(argument) for argument in arguments])
    except SystemExit as stop:
        return stop.code


def refused(capsys, main, *arguments):
    """The line that a command is refused with: exit code 2, and the last on standard error."""
    capsys.readouterr()
    assert exit_code(main, *arguments) == 2
    *progress, error = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert error.isprintable()
    assert not any("error" in line or "Traceback" in line for line in progress)
    return error.removeprefix("error: ")


def raising(error):
    """A function that raises this, whatever it is given."""

    def fail(*_, **__):
        raise error

    return fail


def wait_until(condition):
    """Wait for it, however long a busy machine takes; after five minutes it will never be true."""
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end, "it has not come true"
        time.sleep(0.02)
