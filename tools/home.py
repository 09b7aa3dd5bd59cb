"""Tell a package where its project lives, as it is built: only a published copy has an address.

    TINYDLDL_HOME=https://HOST/OWNER/tinydldl python -m build

The address and its pages go into the metadata, and the links of README, which are relative here,
begin with it there, at the tag of the version. Without the variable all stays as it is.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

PAGES = {"Source": "", "Issues": "/issues", "Changelog": "/blob/HEAD/CHANGELOG.md"}
LINK = re.compile(r"(!?)(\[[^]]*\])\((?!https?:|#)([^)]+)\)")


def absolute(text: str, home: str, tag: str) -> str:
    """Markdown with every link to a file of the repository as an address, of a picture its own."""
    return LINK.sub(
        lambda link: f"{link[1]}{link[2]}({home}/{'raw' if link[1] else 'blob'}/{tag}/{link[3]})",
        text,
    )


class Home(MetadataHookInterface):
    """Fills in `readme` and `urls` of pyproject.toml's table `project`."""

    def update(self, metadata: dict[str, Any]) -> None:
        home = os.environ.get("TINYDLDL_HOME", "").rstrip("/")
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        if home:
            text = absolute(text, home, f"v{metadata['version']}")
            metadata["urls"] = {name: home + page for name, page in PAGES.items()}
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
