"""Train a network to see ages: `python -m tinydldl.train`, on synthetic faces or on real photos."""

import shlex
import sys
from contextlib import ExitStack
from pathlib import Path

import tinydldl
from tinydldl import cli
from tinydldl.backend import choose_device
from tinydldl.errors import UserError
from tinydldl.fast.choice import engine_of
from tinydldl.files import held, write_reasons
from tinydldl.finite import NonFiniteError
from tinydldl.labels import label_grid
from tinydldl.train import experiment, settings
from tinydldl.train.photos import open_selection
from tinydldl.train.runs import RunFolder, blas_threads, provenance


def main(argv=None):
    """Train, or resume a run; returns the exit code."""
    parser, folder, config = settings.build_parser(), None, None
    places, lock = {}, ExitStack()
    arguments = parser.parse_args(argv)
    try:
        if arguments.resume:
            places = settings.places_of(parser, argv)
            folder, config = RunFolder.open(arguments.resume)
            lock.enter_context(held(folder.path))
            arguments = settings.of_run(parser, folder, config["arguments"], places)
        settings.fill_in(arguments)
        settings.check(arguments, parser)
        xp, device = choose_device(arguments.device)
        print(f"tinydldl.train on {device}")
        if folder is None:  # what cannot be is said before photos are read
            RunFolder.check(arguments.name)
            if arguments.init:
                experiment.open_init(arguments)
        grid = label_grid(step=arguments.label_step)
        photos = open_selection(arguments, grid, arguments.parts, xp)
        counts = [len(photos.train), len(photos.valid)]
        run = experiment.prepare(arguments, photos, xp)
        experiment.check_disk(run, folder)
        if folder is None:
            if arguments.init:
                experiment.initialize(run, arguments)  # an error here leaves no folder behind
            facts = {"arguments": plain(arguments), "photos": counts}
            facts |= {"names_and_labels": photos.digest(), "device": device}
            facts |= engine_of(run.model)
            default_name = f"{arguments.dataset}-{arguments.net}"
            default_name += f"-{arguments.method}" * (arguments.method != "dldl-v2")
            folder = RunFolder.create(arguments.name, default_name, facts | provenance())
            lock.enter_context(held(folder.path))
            if bad := photos.train.bad + photos.valid.bad:
                write_reasons(folder.path, "unreadable.csv", bad)
        else:
            check_unchanged(folder, config, photos, engine_of(run.model))
        tinydldl.farewell = how_to_go_on(folder, places)  # for Ctrl-C twice
        if arguments.members:
            experiment.execute_ensemble(arguments, photos, xp, folder)
        else:
            experiment.execute(run, folder, arguments, photos.baselines)
    except KeyboardInterrupt:
        if folder is None:
            raise  # before there is anything to resume
        print(how_to_go_on(folder, places))
        return cli.INTERRUPTED
    except NonFiniteError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        lock.close()
    return 0


def how_to_go_on(folder, places):
    """What is said of a run that is stopped; `places`: where its photos lie, if it was told."""
    words = ["--resume", str(folder.path), *settings.as_command_line(places)]
    return f"stopped; continue with: python -m tinydldl.train {shlex.join(words)}"


def plain(arguments):
    """The arguments as JSON values; paths become absolute, so that a run resumes from anywhere."""
    return {
        name: str(value.resolve()) if isinstance(value, Path) else value
        for name, value in vars(arguments).items()
    }


def check_unchanged(folder, config, photos, engine):
    """Raise UserError if the photos of a run have changed; warn if the last digits may differ.

    `photos`: a `Selection`. Runs of older versions know how many photos there were, not which.
    """
    counts, digest = [len(photos.train), len(photos.valid)], photos.digest()
    if config["photos"] != counts:
        begun = f"begun on {config['photos']} photos"
        raise UserError(f"{folder.path}: {begun}, now there are {counts}")
    if config.get("names_and_labels", digest) != digest:
        raise UserError(f"{folder.path}: begun on photos of other names, ages or sigmas than now")
    now = engine | {"blas_threads": blas_threads()}
    for name, value in now.items():
        if config[name] != value:
            print(
                f"warning: begun with {name} {config[name]}, now it is {value}: "
                "the last digits will differ"
            )


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
