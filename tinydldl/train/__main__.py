"""Train a network to see ages: `python -m tinydldl.train`, on synthetic faces or on real photos."""

import os
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import tinydldl
from tinydldl import backend, cli, files, finite
from tinydldl.errors import UserError
from tinydldl.fast.choice import engine_of
from tinydldl.ranks import Ranks, form_team
from tinydldl.train.experiment import Experiment, open_init, run_ensemble
from tinydldl.train.photos import TrainingPhotos, open_selection
from tinydldl.train.runs import BLAS_THREADS, RunFolder, provenance
from tinydldl.train.settings import as_words, build_parser, places_of, settings_of, settings_of_run


def main(argv: list[str] | None = None) -> int:
    """Train, or resume a run; returns the exit code."""
    ranks, parser = form_team(), build_parser()
    arguments = parser.parse_args(argv)
    folder, lock, places = None, ExitStack(), {}
    settings: Any = None
    try:
        if arguments.resume:
            places = places_of(parser, argv)
        if not arguments.resume:
            settings = settings_of(arguments)
        elif ranks.rank == 0:
            folder, config = RunFolder.open(arguments.resume)
            lock.enter_context(files.held(folder.path))
            settings = settings_of_run(parser, folder / "config.json", config, places)
        settings = ranks.broadcast(settings)
        xp, device = backend.choose_device(settings.device, ranks.local)
        ranks.join_gpus(xp)
        print(f"tinydldl.train on {device}")
        if folder is None and ranks.rank == 0:  # what cannot be is said before photos are read
            RunFolder.check(arguments.name)
            if settings.init:
                open_init(settings.init, settings.net)
        photos = open_selection(settings, xp)
        experiment = Experiment(settings, photos, xp)
        print(*experiment.lines, sep="\n")
        engine = engine_of(experiment.training.model) | {"ranks": ranks.size}
        if ranks.rank == 0:
            experiment.check_disk(folder)
        if folder is None and ranks.rank == 0:
            facts = {"arguments": settings.plain()} | photos.facts()
            facts |= {"device": device} | engine | provenance()
            own = f"-{settings.method}" * (settings.method != "dldl-v2")
            usual = f"{settings.dataset}-{settings.net}{own}"  # and a number behind it
            folder = RunFolder.create(arguments.name, usual, facts)
            lock.enter_context(files.held(folder.path))
            if bad := photos.train.bad + photos.valid.bad:
                files.write_reasons(folder.path, "unreadable.csv", bad)
        elif folder:
            check_unchanged(folder, config, photos, engine)
        path = ranks.broadcast(folder.path if folder else Path())
        folder = folder or RunFolder(path)  # which rank 0 alone uses
        tinydldl.farewell = how_to_go_on(folder, places, ranks)  # for Ctrl-C twice, and a lost rank
        if settings.networks > 1:
            run_ensemble(experiment, xp, folder)
        else:
            experiment.run(folder)
    except KeyboardInterrupt:
        if folder is None:
            raise  # before there is anything to resume
        print(how_to_go_on(folder, places, ranks))
        return cli.INTERRUPTED
    except finite.NonFiniteError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        lock.close()
    return 0


def how_to_go_on(folder: RunFolder, places: dict[str, Path], ranks: Ranks) -> str:
    """What is said of a run that is stopped; `places`: where its photos lie, if it was told."""
    words = ["--resume", str(folder.path), *as_words(places)]
    command = f"mpiexec -n {ranks.size} " * (ranks.size > 1) + cli.called("train")
    join = subprocess.list2cmdline if sys.platform == "win32" else shlex.join
    return f"stopped; continue with: {command} {join(words)}"


def check_unchanged(folder: RunFolder, config: dict, photos: TrainingPhotos, engine: dict) -> None:
    """Raise UserError if the photos of a run have changed; warn if the last digits may differ."""
    now = photos.facts()
    if config["photos"] != now["photos"]:
        begun = f"begun on {config['photos']} photos"
        raise UserError(f"{folder.path}: {begun}, now there are {now['photos']}")
    # runs of older versions know how many photos there were, not which
    if config.get("names_and_labels", now["names_and_labels"]) != now["names_and_labels"]:
        raise UserError(f"{folder.path}: begun on photos of other names, ages or sigmas than now")
    for name, value in (engine | {"blas_threads": os.environ.get(BLAS_THREADS)}).items():
        if config.get(name, 1) != value:  # older versions do not know of ranks
            begun = f"begun with {name} {config.get(name, 1)}, now it is {value}"
            print(f"warning: {begun}: the last digits will differ")


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
