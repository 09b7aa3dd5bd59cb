"""All commands as words: `tinydldl train ...` is `python -m tinydldl.train ...`."""

import importlib
import os
import platform
import sys
from argparse import ArgumentParser
from typing import Any

from tinydldl import __version__, backend, cli, machine
from tinydldl.errors import UserError

WORDS = {
    "train": "train a network to see ages",
    "evaluate": "say how good a trained network is, by every measure",
    "predict": "estimate the ages in photos",
    "explain": "show which parts of a face an estimate comes from",
    "app": "serve a page for photos and the camera",
    "datasets": "check the photos of a data set",
    "reproduce": "make the tables of the paper",
    "bench": "time the engines",
    "convert": "write ONNX or safetensors, and read these",
    "grade": "test the answers in students' notebooks",
}


def main(argv: cli.Argv = None) -> int | None:
    """Run the command that is named first; returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    arguments, _ = build_parser().parse_known_args(argv)
    if arguments.print_completion:
        print(completion(arguments.print_completion))
        return 0
    if arguments.version:
        print(versions())
        return 0
    if not arguments.word:
        build_parser().error("expected a command")
    behind = argv.index(arguments.word) + 1
    build_parser().parse_args(argv[:behind])  # nothing unknown is before the word
    return module_of(arguments.word).main(argv[behind:])


def module_of(word: str) -> Any:
    """The module of a command, which is imported only now."""
    return importlib.import_module(f"tinydldl.{word}.__main__")


def build_parser(whole: bool = False) -> cli.Parser:
    """The parser; `whole`: with the arguments of the commands, which takes a second."""
    parser = cli.Parser("", "Age estimation with DLDL-v2, from scratch. One of these commands:")
    about = "say versions, processor and device, as a report of an error needs them"
    parser.add_argument("--version", action="store_true", default=None, help=about)
    about = "print what lets a shell complete commands and options"
    parser.add_argument("--print-completion", choices=("bash", "zsh"), help=about)
    words = parser.add_subparsers(dest="word", metavar="COMMAND", parser_class=ArgumentParser)
    for word, about in WORDS.items():
        module: Any = module_of(word) if whole else None
        parents = [module.build_parser()] if hasattr(module, "build_parser") else []
        words.add_parser(word, help=about, add_help=False, parents=parents)
    return parser


def completion(shell: str) -> str:
    """The script for a shell. Raises UserError without the package that makes it."""
    try:
        import shtab
    except ImportError:
        raise UserError('--print-completion: pip install "tinydldl[completion]"') from None
    parser = build_parser(whole=True)
    parser.prog = "tinydldl"  # what is completed, whatever this was started as
    return shtab.complete(parser, shell)


def versions() -> str:
    """All that decides on figures and speed, a line each."""
    python = f"Python {platform.python_version()}, {platform.platform()}"
    device = f"{backend.choose_device()[1]}, {machine.available_cores()} of {os.cpu_count()} cores"
    return f"tinydldl {__version__}, {python}\n{machine.description()}\n{device}"


def run() -> None:
    """The console script."""
    sys.exit(cli.run_command(main))


if __name__ == "__main__":
    run()
