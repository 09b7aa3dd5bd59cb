"""Table 1: systems side by side, and the error of a human annotator."""

from tinydldl.metrics import typical_annotator_error
from tinydldl.reproduce.table import Comparison, Published, Result, Row, Table
from tinydldl.reproduce.trainings import Trainings

METHODS = ("or-cnn", "dex", "dldl", "ranking", "ldae", "dldl-v2")
NETWORKS = ("tiny", "thin")  # of DLDL-v2

# (system, whether it was trained on other photos too)
PUBLISHED: Published = {
    ("human", "no"): ((None, 0.34), (None, None), (6.30, None)),
    ("or-cnn", "no"): ((None, None), (None, None), (3.34, None)),
    ("dex", "no"): ((5.369, 0.456), (None, None), (3.25, None)),
    ("dex", "yes"): ((3.252, 0.282), (None, None), (2.68, None)),
    ("dldl", "no"): ((3.51, 0.31), (None, None), (2.42, None)),
    ("ranking", "no"): ((None, None), (None, None), (2.96, None)),
    ("ldae", "yes"): ((None, None), (None, 0.241), (2.35, None)),
    ("dldl-v2 tiny", "no"): ((3.427, 0.301), (3.765, 0.291), (2.291, None)),
    ("dldl-v2 thin", "no"): ((3.135, 0.272), (3.452, 0.267), (1.969, None)),
}
TITLE, LABEL = "Table 1: systems side by side", ["system", "other photos, too"]
# only figures on Morph are there for all of these systems
COMPARISON = Comparison(TITLE, LABEL, PUBLISHED, photos="Morph")


def rows(net: str) -> list[Row]:
    """The methods on the network `net`, each with the label of its first line in PUBLISHED."""
    labels = {system: (system, others) for system, others in reversed(PUBLISHED)}
    labels["dldl-v2"] = labels[f"dldl-v2 {net}"]
    return [Row(labels[name], name, {"method": name}) for name in METHODS]


def table(results: list[Result]) -> Table:
    """All of PUBLISHED, also what was not trained here."""
    trained = {result.row.label: result for result in results}
    every = [trained.get(label, Result(Row(label, ""), [])) for label in PUBLISHED]
    votes = [typical_annotator_error(10, fresh) for fresh in (False, True)]
    human = (
        "Human, computed: one annotator whose guess is drawn from the same Gaussian as the others' "
        f"is off by an epsilon-error of 1 - 1/sqrt(2) = {typical_annotator_error():.3f} in the "
        f"limit of many votes; with ten votes {votes[0]:.3f} if the guess is one of the ten, "
        f"{votes[1]:.3f} if it is a fresh one."
    )
    found = COMPARISON.table(every)
    found.notes.append(human)
    place, column = list(PUBLISHED).index(("human", "no")), found.header.index("eps here")
    found.rows[place][column] = f"{typical_annotator_error():.3f} (computed)"
    return found


def make(trainings: Trainings, seeds: range) -> None:
    """Train, and write the table."""
    results = trainings.run(rows(trainings.base.net), seeds)
    table(results).write(trainings.path("table1"), COMPARISON.picture(results))
