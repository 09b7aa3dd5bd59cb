"""What an evaluation is told: `EvaluateSettings`, and the command line that they come from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinydldl import checkpoint, cli
from tinydldl.datasets import named, selection
from tinydldl.errors import UserError
from tinydldl.fast.choice import add_engine_arguments
from tinydldl.weights import PRETRAINED, find

FOLDER = Path("runs/evaluations")  # for the file of a checkpoint without a run
# Settings that decide which photos a run sees.
OF_PHOTOS = ("dataset", "data_dir", "table", "aligned", "split", "seed", "sigma", "limit")
# Another seed moves training photos into the other parts.
SPLIT_AT_RANDOM = ("csv", "imdb-wiki", *named.LAYOUTS)


@dataclass(frozen=True)
class EvaluateSettings:
    """Which networks are evaluated, on which photos, by what.

    `run`: those of OF_PHOTOS of the first network's run, as texts; {} where none is known.
    """

    checkpoints: list[Path]
    request: selection.Request
    batch: int
    cache_mb: int
    device: str
    engine: str
    workers: int | None
    out: Path | None
    run: dict[str, str]

    @property
    def of_photos(self) -> dict[str, Any]:
        """The settings that decide which photos are seen, by name."""
        of_set = vars(self.request) | vars(self.request.options)
        return {name: of_set[name] for name in OF_PHOTOS}

    def lines(self, part: str) -> list[str]:
        """Which settings are those of the run, and whether its network may have seen the photos."""
        mine, run = self.of_photos, self.run
        if mine["dataset"] != run.get("dataset"):
            return []
        same = [name for name in mine if name in run and str(mine[name]) == run[name]]
        texts = [f"{name.replace('_', '-')} {run[name]}" for name in same]
        lines = [f"          as in training: {', '.join(texts)}"]
        table, seen = mine["table"], self.request.trained_on
        others = table and table.resolve() != Path(run.get("table", "")).resolve()
        if part in (seen, selection.ALL) and not others:
            some = "these" if part == seen else "some of these"
            lines.append(f"warning: a network was trained on {some}; only others tell its worth")
        elif mine["dataset"] in SPLIT_AT_RANDOM and not {"split", "seed"} <= set(same):
            lines.append("warning: split in another way than in training, which may have used some")
        return lines


def parse(argv: list[str] | None) -> EvaluateSettings:
    """The settings on a command line.

    Where the data set is that of the first network's run, the run's settings are the defaults.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    paths = [find("tiny") if p == Path(PRETRAINED) else p for p in arguments.checkpoint]
    path, run = paths[0], settings_of_run(paths[0])
    if arguments.dataset in (None, run.get("dataset")):
        parser.set_defaults(**run)
        arguments = parser.parse_args(argv)
    if arguments.dataset is None:
        if not (path.exists() or path.with_name(f"{path.name}.npz").exists()):
            raise UserError(f"{path}: no such run or checkpoint; {checkpoint.EXPECTED}")
        parser.error("--dataset is missing, and there is no run's config.json that names it")
    request = selection.request_from(arguments)
    return cli.gather(EvaluateSettings, arguments, run=run, checkpoints=paths, request=request)


def settings_of_run(path: Path) -> dict[str, str]:
    """The settings of the run that a checkpoint is from, as texts, if its `config.json` is there.

    Of them `limit` only where it says how many faces are drawn: photos are evaluated on all.
    """
    folder = path if path.is_dir() else path.parent
    for config in (folder / "config.json", folder.parent / "config.json"):  # or one of an ensemble
        if config.exists():
            try:
                run = checkpoint.read_json(config)["arguments"]
                names = OF_PHOTOS if run["dataset"] == "synthetic" else OF_PHOTOS[:-1]
                trained_on = {"trained_on": (run.get("parts") or [selection.TRAINED_ON])[0]}
                return {n: str(run[n]) for n in names if run.get(n) is not None} | trained_on
            except (OSError, ValueError, TypeError, LookupError) as error:
                raise UserError(f"{config}: not the configuration of a run ({error!r})") from None
    return {}


def build_parser() -> cli.Parser:
    """The parser of `python -m tinydldl.evaluate`."""
    parser = cli.Parser("evaluate", "Evaluate a network on photos, or the average of several.")

    network = parser.add_argument_group("network")
    about = "run, file of a checkpoint, or pretrained: the weights that ship; several are averaged"
    several: dict[str, Any] = {"nargs": "+", "type": cli.path, "metavar": "PATH"}
    network.add_argument("--checkpoint", required=True, **several, help=about)
    add_engine_arguments(network)

    about = "Where the data set is that of the first network's run, the run's are the defaults."
    selection.add_part_arguments(parser.add_argument_group("data", about), "what to evaluate on")

    usual = "evaluation/DATASET-PART in the folder of the first run"
    parser.add_out(f"default: {usual}; for the file of a checkpoint {FOLDER}/NAME-DATASET-PART")
    return parser
