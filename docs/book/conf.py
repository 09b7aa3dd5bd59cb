"""Sphinx's settings for the book: `make book`.

The sources lie where they belong, in the whole project, so that links between them work here as
they do in the project. What a page needs is copied into the book; nothing is loaded when it is
read.
"""

import json
import os
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent), str(ROOT / "lessons")]

import build  # noqa: E402
import names  # noqa: E402

project = "tinydldl"
author = "the authors of tinydldl"
project_copyright = author
root_doc = "docs/book/index"
include_patterns = [
    "docs/book/**.md",
    "lessons/[0-9]*.ipynb",
    "lessons/zh/[0-9]*.ipynb",
    "lessons/*.md",
    "lessons/teaching/*.md",
    "*.md",
    "data/README.md",
    "tests/README.md",
    "tinydldl/weights/README.md",
]
exclude_patterns = ["build", ".venv", "runs", "**/.*"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx-mathjax-offline"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
myst_links_external_new_tab = True
suppress_warnings = ["myst.header"]  # a notebook may begin a cell with a smaller heading
nb_execution_mode = "off"  # the figures are those of the notebooks as committed
nb_ipywidgets_js = {}  # they come from elsewhere; no widget is left in the notebooks
nb_code_prompt_show = "One solution"
nb_code_prompt_hide = "Hide the solution"
mathjax3_config = {"tex": {"inlineMath": [["\\(", "\\)"]], "displayMath": [["\\[", "\\]"]]}}
autodoc_default_options = {"members": True, "member-order": "bysource", "show-inheritance": True}
autodoc_typehints = "none"  # the docstrings say shapes and units
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "tinydldl"
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
html_static_path = ["static"]
html_css_files = ["book.css"]


def as_markdown(app: Sphinx, docname: str, content: list[str]) -> None:
    """What a page says, as it stands in the book."""
    text = content[0]
    if docname.startswith("docs/book/api/"):
        text = re.sub(r"^::: (\S+)$", API, text, flags=re.MULTILINE)
    elif app.env.doc2path(docname).suffix == ".ipynb":
        text = lesson(text, docname.split("/")[-1])
    text = re.sub(r"\[([^\]]+)\]\([^():]*/\)", r"\1", text)  # a folder has no page
    content[0] = re.sub(r"```mermaid\n(.*?)```", as_table, text, flags=re.DOTALL)


API = r"""## \1

```{eval-rst}
.. automodule:: \1
```"""


def lesson(text: str, name: str) -> str:
    """A notebook for readers: each solution folded away below its stub, no hidden tests, files."""
    notebook, cells = json.loads(text), []
    for cell in notebook["cells"]:
        marks, source = cell["metadata"].get("nbgrader", {}), "".join(cell["source"])
        cell["source"] = build.HIDDEN.sub("", source)
        if alt := cell["metadata"].get("alt"):
            cell["metadata"]["mystnb"] = {"image": {"alt": alt}}
        if marks.get("solution") and cell["cell_type"] == "code":
            stub = build.SOLUTION.sub(build.STUBS["code"], source)
            cells.append(cell | {"source": stub, "metadata": {}, "id": cell["id"] + "-stub"})
            cell["metadata"]["tags"] = ["hide-input"]
        elif marks.get("solution"):
            cell["source"] = re.sub(
                r"<!-- ### BEGIN SOLUTION -->(.*?)<!-- ### END SOLUTION -->",
                r"<details><summary>One answer</summary>\n\n\1\n\n</details>",
                source,
                flags=re.DOTALL,
            )
        cells.append(cell)
    files = f"[with solutions](path:{name}.ipynb), [for students](path:exercises/{name}.ipynb)"
    cells[0]["source"] += f"\n\nThe notebook: {files}."
    return json.dumps(notebook | {"cells": cells})


def as_table(diagram: re.Match) -> str:
    """The diagram of what depends on what as a table: a diagram would need another program."""
    needs: dict[str, list[str]] = {}
    for before, after in re.findall(r"(\d\d)(?:\[.*?\])? --> (\d\d)", diagram[1]):
        needs.setdefault(after, []).append(before)
    rows = [f"| {after} | {', '.join(needs[after])} |" for after in sorted(needs)]
    return "\n".join(["| lesson | builds on |", "|---|---|", *rows])


def as_rst(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list) -> None:
    """A docstring as reStructuredText: `code` as code, and indented formulas as they stand."""
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines))
    lines[:] = [line for p in paragraphs for line in [*paragraph(p).split("\n"), ""]]


def paragraph(text: str) -> str:
    """One paragraph of a docstring."""
    if text.startswith((">>>", "    ")) or "\n    " in text:
        return "::\n\n" + re.sub("^", "    ", text, flags=re.MULTILINE)
    parts = re.split(r"(`[^`]+`)", text)
    parts[::2] = [re.sub(r"[*|_\\]", r"\\\g<0>", part) for part in parts[::2]]
    parts[1::2] = [f"`{part}`" for part in parts[1::2]]
    return "".join(parts)


class Source(SphinxRole):
    """{source}`losses.l1`: a link to the line where that name of the package is defined."""

    def run(self) -> tuple[list, list]:
        module, name, line = names.find(self.text)
        page = f"_modules/{module.replace('.', '/')}.html#{name}"
        up = "../" * self.env.docname.count("/")
        code = nodes.literal("", self.text)
        where = f"{module.replace('.', '/')}.py, line {line}"
        return [nodes.reference("", "", code, refuri=up + page, reftitle=where)], []


class Section(SphinxRole):
    """{section}`04.2`: a link to the second section of lesson 04, by its title; {at}`04.2`: by its
    number, where there is little room.
    """

    def run(self) -> tuple[list, list]:
        number, _, section = self.text.partition(".")
        notebook, title = names.section(number, section)
        without_math = re.sub(r"\$.*?\$", "", title)  # as MyST names the places
        anchor = re.sub(r"[^\w\- ]", "", without_math.lower()).replace(" ", "-")
        plain = re.sub(r"\$(.*?)\$", lambda math: re.sub(r"\\hat (\w)", r"\1_hat", math[1]), title)
        link = addnodes.pending_xref(
            "",
            nodes.inline("", self.text if self.name == "at" else f"{number}, {plain}"),
            refdomain="doc",
            reftype="myst",
            reftarget=f"lessons/{notebook.stem}",
            reftargetid=anchor,
            refdoc=self.env.docname,
            refexplicit=True,
        )
        return [link], []


def to_code(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Links to a file of the package lead to its page, if the book has one."""
    up = "../" * docname.count("/")
    for link in list(doctree.findall(addnodes.download_reference)):
        path = os.path.normpath(Path(docname).parent / link["reftarget"])
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if path.endswith(".py") and module in getattr(app.env, "_viewcode_modules", {}):
            page = f"{up}_modules/{module.replace('.', '/')}.html"
            link.replace_self(nodes.reference("", "", *link.children, refuri=page))


def first_page(app: Sphinx, error: Exception | None) -> None:
    """The folder itself opens the book."""
    if error is None and app.builder.name == "html":
        start = (
            f'<meta http-equiv="refresh" content="0; url={root_doc}.html"><title>tinydldl</title>'
        )
        (Path(app.outdir) / "index.html").write_text(f"<!doctype html>{start}\n")


def setup(app: Sphinx) -> None:
    app.add_role("source", Source())
    app.add_role("section", Section())
    app.add_role("at", Section())
    app.connect("source-read", as_markdown)
    app.connect("autodoc-process-docstring", as_rst)
    app.connect("doctree-resolved", to_code)
    app.connect("build-finished", first_page)
