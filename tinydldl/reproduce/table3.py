"""Table 3: what augmentation and pooling contribute, and seven methods on one network."""

import numpy as np

from tinydldl.reproduce.table import SETS, Comparison, Published, Result, Row, Table
from tinydldl.reproduce.trainings import Trainings

SEVEN = ("dldl-v2", "mr-l2", "mr-l1", "dex", "ranking", "er-l1", "dldl")

# (method, augmentation, pooling), on ThinAgeNet
PUBLISHED: Published = {
    ("dldl-v2", "no", "HP"): ((3.399, 0.303), (3.717, 0.290), (2.346, None)),
    ("dldl-v2", "yes", "GAP"): ((3.210, 0.282), (3.539, 0.274), (2.039, None)),
    ("dldl-v2", "yes", "HP"): ((3.135, 0.272), (3.452, 0.267), (1.969, None)),
    ("mr-l2", "yes", "HP"): ((3.665, 0.337), (3.696, 0.294), (2.282, None)),
    ("mr-l1", "yes", "HP"): ((3.655, 0.334), (3.722, 0.301), (2.347, None)),
    ("dex", "yes", "HP"): ((3.558, 0.306), (4.163, 0.332), (2.311, None)),
    ("ranking", "yes", "HP"): ((3.365, 0.298), (3.645, 0.290), (2.164, None)),
    ("er-l1", "yes", "HP"): ((3.287, 0.291), (3.641, 0.282), (2.214, None)),
    ("dldl", "yes", "HP"): ((3.228, 0.285), (3.509, 0.272), (2.132, None)),
}
TITLE, LABEL = "Table 3: what contributes, and seven methods", ["method", "augmentation", "pooling"]
STEADY = ("spread of MAE", "mae_spread", 3), ("spread of gradient", "grad_spread", 2)
COMPARISON = Comparison(TITLE, LABEL, PUBLISHED, (("MAE of the mode", "mode_mae", 3), *STEADY))


def rows() -> list[Row]:
    """The ablation of DLDL-v2, then the seven methods."""
    return [
        Row(("dldl-v2", "no", "HP"), "dldl-v2, no augmentation", {"augment": []}),
        Row(("dldl-v2", "yes", "GAP"), "dldl-v2, GAP", {"pool": "gap"}),
        *(Row((name, "yes", "HP"), name, {"method": name}) for name in SEVEN),
    ]


def table(results: list[Result]) -> Table:
    """Published figures, ours, and how steady the last epochs were."""
    deviations = (
        "Spread of MAE: standard deviation of the validation MAE over the last third of the "
        "epochs, years. Spread of gradient: standard deviation of the gradient's norm from step to "
        "step over its mean, in the same epochs."
    )
    found = COMPARISON.table(results)
    found.notes += [in_order(results), deviations]
    return found


def in_order(results: list[Result]) -> str:
    """The seven methods from best to worst, here and as published."""
    seven = [result for result in results if result.row.name in SEVEN]
    trained = [result for result in seven if len(result.values("mae"))]
    here = sorted(trained, key=lambda result: result.values("mae").mean())
    orders = {"Here, from best to worst": [result.row.label[0] for result in here]}
    for place, name in enumerate(SETS):
        labels = [result.row.label for result in seven]
        labels.sort(key=lambda label: PUBLISHED[label][place][0] or np.inf)
        orders[name] = [label[0] for label in labels]
    sentences = [f"{name}: {', '.join(order)}." for name, order in orders.items()]
    close = "A difference whose interval, mean ± half of 95 %, holds 0 is not decided."
    return " ".join([*sentences, close])


def make(trainings: Trainings, seeds: range) -> None:
    """Train, and write the table."""
    results = trainings.run(rows(), seeds)
    table(results).write(trainings.path("table3"), COMPARISON.picture(results))
