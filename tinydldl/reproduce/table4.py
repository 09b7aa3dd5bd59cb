"""Table 4: lambda, the step of the label grid, and two things that the published code does."""

from tinydldl.reproduce.table import Comparison, Published, Row
from tinydldl.reproduce.trainings import Trainings

LAMBDAS = (0.01, 0.1, 1, 10)
STEPS = (4, 2, 0.5, 0.25)  # years; the rows of lambda have 1

# (lambda, step, KL divided by), on ThinAgeNet; of Morph's column only one figure is legible
PUBLISHED: Published = {
    ("0.01", "1", "N"): ((3.223, 0.282), (3.493, 0.270), (None, None)),
    ("0.1", "1", "N"): ((3.188, 0.278), (3.455, 0.268), (None, None)),
    ("1", "1", "N"): ((3.135, 0.272), (3.452, 0.267), (1.969, None)),
    ("10", "1", "N"): ((3.144, 0.273), (3.487, 0.270), (None, None)),
    ("1", "4", "N"): ((3.182, 0.276), (3.473, 0.270), (None, None)),
    ("1", "2", "N"): ((3.184, 0.274), (3.484, 0.271), (None, None)),
    ("1", "0.5", "N"): ((3.184, 0.278), (3.484, 0.269), (None, None)),
    ("1", "0.25", "N"): ((3.167, 0.274), (3.459, 0.265), (None, None)),
}
TITLE = "Table 4: lambda and the step of the labels"
LABEL, MORE = ["lambda", "years a label", "KL divided by"], (("KL here", "kl", 3),)
COMPARISON = Comparison(TITLE, LABEL, PUBLISHED, MORE, reference="lambda 1")


def rows(epochs: int) -> list[Row]:
    """The published rows, then two of the published code; `epochs`: of a training."""
    first = epochs // 3
    return [
        *(Row((f"{lam:g}", "1", "N"), f"lambda {lam:g}", {"lam": lam}) for lam in LAMBDAS),
        *(Row(("1", f"{v:g}", "N"), f"{v:g} years a label", {"label_step": v}) for v in STEPS),
        Row(("1", "1", "N K"), "KL divided by N K", {"kl_reduction": "elements"}),
        Row((f"0 for {first} epochs, then 1", "1", "N"), "KL alone first", {"kl_epochs": first}),
    ]


def make(trainings: Trainings, seeds: range) -> None:
    """Train, and write the table."""
    results = trainings.run(rows(trainings.base.epochs), seeds)
    COMPARISON.table(results).write(trainings.path("table4"), COMPARISON.picture(results))
