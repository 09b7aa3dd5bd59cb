"""What the registry shows: addresses in place of links that only a clone can follow."""

import re
from pathlib import Path

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager

from tinydldl import __version__

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    (ROOT / "PKG-INFO").exists(), reason="in a source distribution the metadata are fixed"
)
README = (ROOT / "README.md").read_text(encoding="utf-8")


def metadata(monkeypatch, home):
    """What hatchling writes into a package that is built with this address."""
    monkeypatch.setenv("TINYDLDL_HOME", home)
    return ProjectMetadata(str(ROOT), PluginManager()).core


def targets(text):
    return re.findall(r"(!?)\[[^]]*\]\(([^)]+)\)", text)


@pytest.mark.parametrize(
    "home", ["https://example.org/o/tinydldl", "https://example.org/o/tinydldl/"]
)
def test_with_an_address_every_link_leads_to_a_file_of_the_repository(monkeypatch, home):
    core = metadata(monkeypatch, home)
    links = targets(core.readme)
    assert len(links) == len(targets(README)) > 40
    inside = re.compile(rf"https://example\.org/o/tinydldl/(blob|raw)/v{__version__}/([^#]+)")
    own = [
        (image, inside.fullmatch(link.split("#")[0])) for image, link in links if "example" in link
    ]
    assert len(own) > 30
    assert all((ROOT / link[2]).exists() for _, link in own)
    assert {(image, link[1]) for image, link in own} == {("", "blob"), ("!", "raw")}
    assert all(link.startswith("https://") for _, link in links)
    assert core.urls["Source"] == "https://example.org/o/tinydldl"
    assert core.urls["Issues"] == "https://example.org/o/tinydldl/issues"


def test_without_one_nothing_is_invented(monkeypatch):
    core = metadata(monkeypatch, "")
    assert core.urls == {}
    assert core.readme == README
