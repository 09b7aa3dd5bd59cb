"""From the figures of finished trainings to tables, and to what may be read from them."""

from dataclasses import dataclass

from tinydldl.bench import costs
from tinydldl.metrics import typical_annotator_error
from tinydldl.reproduce import published
from tinydldl.reproduce.plan import MISSING

CAUTION = (
    "The published figures are of other photos and of a network that had learned from millions of "
    "faces before. Figures from different data cannot be compared number by number, only in order."
)
OURS = ("MAE here", "eps here", "seeds")
THEIRS = tuple(f"{name}, published" for name in published.SETS)


@dataclass
class Table:
    """`header` and `rows` of texts; `notes`: sentences below; `title`: above."""

    title: str
    header: list
    rows: list
    notes: list

    def markdown(self):
        """The table as Markdown."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        table = "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
        return "\n\n".join([f"## {self.title}", table, *self.notes]) + "\n"

    def dicts(self):
        """The rows as dicts, for a CSV file."""
        return [dict(zip(self.header, row, strict=True)) for row in self.rows]


def ours(result):
    """The cells of OURS."""
    return [result.text("mae"), result.text("epsilon_error"), len(result.trained)]


def theirs(figures):
    """The cells of THEIRS: `3.135 / 0.272`, MAE and epsilon-error."""
    return [" / ".join(f"{value:g}" for value in pair if value) or MISSING for pair in figures]


def table1(found, net):
    """Systems side by side on the network `net`, and the error of a human annotator."""
    here = {published.system(result.label[0], net): ours(result) for result in found}
    here["human", "no"] = [MISSING, f"{typical_annotator_error():.3f} (computed)", MISSING]
    rows = [
        [*system, *theirs(figures), *here.get(system, [MISSING] * len(OURS))]
        for system, figures in published.TABLE1.items()
    ]
    votes = [typical_annotator_error(10, fresh) for fresh in (False, True)]
    human = (
        "Human, computed: one annotator whose guess is drawn from the same Gaussian as the others' "
        f"is off by an epsilon-error of 1 - 1/sqrt(2) = {typical_annotator_error():.3f} in the "
        f"limit of many votes; with ten votes {votes[0]:.3f} if the guess is one of the ten, "
        f"{votes[1]:.3f} if it is a fresh one."
    )
    header = ["system", "other photos, too", *THEIRS, *OURS]
    return Table("Table 1: systems side by side", header, rows, [CAUTION, human])


def table2(rows):
    """What the networks cost; `rows`: those of `benchmark.costs.measure`."""
    columns = {
        "network": ("network", "{}"),
        "parameters, million": ("parameters_m", "{:.1f}"),
        "published": ("published_parameters_m", "{:.1f}"),
        "multiply-adds a photo, billion": ("multiply_adds_g", "{:.2f}"),
        "on disk, MB": ("disk_mb", "{:.1f}"),
        "32 photos, layers, ms": ("layers_ms", "{:.0f}"),
        "fast, ms": ("fast_ms", "{:.0f}"),
        "published, M40, ms": ("published_ms", "{:.2f}"),
    }
    cells = [
        [MISSING if row[key] is None else form.format(row[key]) for key, form in columns.values()]
        for row in rows
    ]
    compared = (
        "{network}: {fewer_parameters:.0f} times fewer parameters than VGG16 (published "
        "{fewer_parameters_published:.0f}), {fewer_multiply_adds:.1f} times fewer multiply-adds, "
        "{faster_layers:.1f} times faster on the layers here (published {faster_published:.1f})."
    )
    notes = [compared.format(**ratio) for ratio in costs.ratios(rows)]
    return Table("Table 2: what the networks cost", list(columns), cells, [*notes, *costs.NOTES])


def table3(found):
    """The ablation, and seven methods on one network."""
    rows = [
        [
            *result.label,
            *theirs(published.TABLE3[result.label]),
            *ours(result),
            result.text("mode_mae"),
            result.text("mae_spread"),
            result.text("grad_spread", 2),
        ]
        for result in found
    ]
    header = ["method", "augmentation", "pooling", *THEIRS, *OURS]
    header += ["MAE of the mode", "spread of MAE", "spread of gradient"]
    spread = (
        "Spread of MAE: standard deviation of the validation MAE over the last third of the "
        "epochs, years. Spread of gradient: standard deviation of the gradient's norm from step to "
        "step over its mean, in the same epochs."
    )
    notes = [CAUTION, in_order(found[2:], published.TABLE3), spread]
    return Table("Table 3: what contributes, and seven methods", header, rows, notes)


def table4(found):
    """Lambda and the step of the label grid."""
    figures = (published.TABLE4.get(result.label, published.NOTHING) for result in found)
    rows = [
        [*r.label, *theirs(pairs), *ours(r), r.text("kl")]
        for r, pairs in zip(found, figures, strict=True)
    ]
    header = ["lambda", "years a label", "KL divided by", *THEIRS, *OURS, "KL here"]
    return Table("Table 4: lambda and the step of the labels", header, rows, [CAUTION])


def insufficiency(found):
    """Fewer photos to train on."""
    sizes = list(dict.fromkeys(result.label[1] for result in found))
    rows = [
        [method, *(r.text("mae") for size in sizes for r in found if r.label == (method, size))]
        for method in dict.fromkeys(result.label[0] for result in found)
    ]
    note = "MAE in years; each network was trained for about as many steps, "
    note += "on fewer photos more often."
    header = ["method", *(f"{size} photos" for size in sizes)]
    return Table("Insufficient data", header, rows, [note])


def in_order(found, figures):
    """In words: the methods from best to worst, as published and here."""
    here = sorted((r for r in found if len(r.values("mae"))), key=lambda r: r.values("mae").mean())
    names = [result.label[0] for result in here]
    lines = [f"Here, from best to worst: {', '.join(names)}."]
    for place, name in enumerate(published.SETS):
        ordered = sorted((r.label for r in found), key=lambda label: figures[label][place][0])
        lines.append(f"{name}: {', '.join(label[0] for label in ordered)}.")
    return " ".join(lines) + (
        " Two methods that lie closer than their spread over the seeds are not ordered by this."
    )
