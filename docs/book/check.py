"""Whether a built book is whole: `python docs/book/check.py build/book`.

Every link between its pages leads to a place that exists, and no page loads anything from
elsewhere: it can be read without a network connection. Prints what is wrong; exit code 1 if
anything is.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Page(HTMLParser):
    """Where a page links to, what it loads, and the places in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if given.get(LOADS.get(tag, "")) and given.get("rel") not in ("canonical", "search"):
            self.loads.append(given[LOADS[tag]])


def wrong(folder: Path) -> list[str]:
    """One line for each link that leads nowhere, and each thing that is loaded from elsewhere."""
    folder = folder.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    found = [] if pages else [f"{folder}: no pages"]
    for path, page in pages.items():
        here = path.relative_to(folder)
        for url in page.loads + page.links:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                if url in page.loads and parts.scheme != "data":
                    found.append(f"{here}: loads {url}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            other = pages.get(target)
            if not target.exists() or not target.is_relative_to(folder):
                found.append(f"{here}: {url}: no such file")
            elif parts.fragment and other and unquote(parts.fragment) not in other.places:
                found.append(f"{here}: {url}: no such place")
    for path in folder.rglob("*.css"):
        remote = re.findall(r"url\(['\"]?((?:https?:)?//[^)]*)\)", path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(folder)}: loads {url}" for url in remote]
    return found


if __name__ == "__main__":
    lines = wrong(Path(sys.argv[1]))
    print("\n".join([*lines, f"{len(lines)} links or loads are wrong"]))
    sys.exit(bool(lines))
