"""The model card says what the file beside the weights says."""

import json
import re

import pytest

from tinydldl import trained, weights
from tinydldl.metrics import balanced_mae
from tinydldl.models import count_params

CARD = (weights.FOLDER / "README.md").read_text(encoding="utf-8")
META = json.loads((weights.FOLDER / "tiny.json").read_text())
TEST = META["test"]


def test_the_figures_are_those_of_the_file():
    network = trained.load(weights.find("tiny"))
    size = (weights.FOLDER / "tiny.npz").stat().st_size
    coverage = TEST["coverage"]
    for text in (
        f"({count_params(network.model):,} parameters, photos of {network.side} x {network.side}",
        f"float32: {size / 1e6:.1f} MB.",
        f"On the {TEST['photos']:,} photos",
        f"| mean absolute error (MAE) | {TEST['mae']:.2f} years |",
        f"with ten photos or more | {TEST['balanced_mae']:.2f} years |",
        f"| epsilon-error, sigma 2 years | {TEST['epsilon_error']:.3f} |",
        f"| within 5 years | {TEST['cumulative_score']['5']:.0%} |",
        f"central 50 % of the distribution | {coverage['0.5']:.0%} |",
        f"central 80 % of the distribution | {coverage['0.8']:.0%} |",
        f"On the {TEST['crops']['photos']:,} test photos",
        f"MAE is {TEST['crops']['as it is']:.2f} years as the set has cut them out",
        f"{TEST['crops']['utkface']:.2f} if the face is found",
        f"{TEST['crops']['arcface']:.2f} with the tighter crop",
    ):
        assert text in CARD


@pytest.mark.parametrize("rows", ["decades", "groups"])
def test_the_tables_are_those_of_the_file(rows):
    for row in TEST[rows]:
        name = row.get("group") or f"{row['decade']}-{row['decade'] + 9}"
        assert f"| {name} | {row['count']} | {row['mae']:.2f} | {row['bias']:+.2f} |" in CARD


def test_the_readme_says_how_far_off_it_is():
    readme = (weights.FOLDER.parents[1] / "README.md").read_text(encoding="utf-8")
    assert f"{TEST['mae']:.2f} years off on average on {TEST['photos']:,} photos" in readme


def test_it_tells_every_training():
    for stage in META["training"]:
        assert stage["command"] in CARD
        assert f"{stage['minutes']:.0f} minutes" in CARD
    assert re.fullmatch(r"[0-9a-f]{40}", META["training"][-1]["commit"])


def test_the_balanced_mae_is_that_of_the_decades():
    assert TEST["balanced_mae"] == balanced_mae(TEST["decades"])


def test_the_rows_of_the_decades_are_all_the_photos():
    assert sum(row["count"] for row in TEST["decades"]) == TEST["photos"]
    mean = sum(row["count"] * row["mae"] for row in TEST["decades"]) / TEST["photos"]
    assert mean == pytest.approx(TEST["mae"], abs=1e-6)


def test_what_a_registry_reads():
    """The header, and nothing in it that is not so."""
    start, header, text = CARD.split("---\n", 2)
    fields = dict(line.split(": ") for line in header.splitlines())
    assert (start, text[:3]) == ("", "\n# ")
    assert (weights.FOLDER / fields["license_link"]).is_file()
    project = (weights.FOLDER.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'name = "{fields["library_name"]}"' in project
    assert f"LicenseRef-{fields['license_name']}" in project
    (data,) = {re.search(r"--dataset=(\w+)", stage["command"])[1] for stage in META["training"]}
    assert fields["datasets"] == f"[{data}]"
    assert TEST[fields["metrics"].strip("[]")]
