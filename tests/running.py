"""How tests run a command: as its module does, in this process."""

from tqdm import tqdm

from tinydldl.cli import run_command

NO_BAR = tqdm(disable=True)


def exit_code(main, *arguments):
    """The exit code of `main`, also where it is argparse that ends it."""
    try:
        return run_command(main, [str(argument) for argument in arguments])
    except SystemExit as stop:
        return stop.code
