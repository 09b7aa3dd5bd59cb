"""Slides for every lesson: `make slides`, or `python lessons/slides.py build/slides 01 04`.

They are made from the notebooks as they are, by one rule, so that nobody has to keep them:

* a section becomes a slide: its title, the first formula of its first cell and the last, those in
  a box, and the first sentences in which something is bold; without these the first of all;
* below it each of its figures, and each exercise and question, without solution;
* the summary is the last one.

The pages run in a browser without a network connection: reveal.js and MathJax lie beside them.
"""

import argparse
import json
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

LESSONS = Path(__file__).parent
FORMULA = re.compile(r"\$\$.*?\$\$", re.DOTALL)
ANSWER = re.compile(r"<!-- ### BEGIN SOLUTION -->.*?<!-- ### END SOLUTION -->", re.DOTALL)
LINK = re.compile(r"\[([^]\n]+)\]\([^)\s]*\.(?:ipynb|md|py)[^)\s]*\)")
SENTENCES = 3  # with something bold: more do not fit on a slide
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<link rel="stylesheet" href="reveal/reveal.css">
<link rel="stylesheet" href="reveal/theme/white.css">
<style>
.reveal {{ font-size: 28px; }}
.reveal :is(h1, h2, h3) {{ text-transform: none; }}
.reveal h1 {{ font-size: 1.9em; }}
.reveal h2 {{ font-size: 1.4em; }}
.reveal h3 {{ font-size: 1.1em; }}
.reveal section img {{ height: 560px; width: 100%; object-fit: contain; margin: 0; }}
.reveal pre {{ font-size: 0.6em; width: 100%; }}
.reveal mjx-container {{ max-width: 100%; overflow-x: auto; overflow-y: hidden; }}
.reveal .left {{ text-align: left; }}
.anchor-link {{ display: none; }}
</style>
<script>MathJax = {{ tex: {{ inlineMath: [["$", "$"]] }}, chtml: {{ scale: 0.85 }} }};</script>
<script src="mathjax/tex-chtml.js" async></script>
<div class="reveal"><div class="slides">
{slides}
</div></div>
<script src="reveal/reveal.js"></script>
<script>
// linear: the arrows go through all slides, not only through those at the top of a column
Reveal.initialize({{
  width: 1280, height: 720, hash: true, slideNumber: true, navigationMode: "linear"
}});
</script>
</html>
"""


def columns(notebook):
    """The slides of a notebook as Markdown: [[a section's slide, those below it, ...], ...]."""
    cells = notebook["cells"]
    opening = "".join(cells[0]["source"])
    able = re.search(r"\| \*\*You will be able to\*\* \| (.*?) \|\n", opening)[1]
    found = [[f"{opening.splitlines()[0]}\n\n*You will be able to* {able}."]]
    texts = [[]]  # of each section
    for cell in cells[1:]:
        source = LINK.sub(r"\1", ANSWER.sub("", "".join(cell["source"])))
        if cell["cell_type"] == "code":
            title = found[-1][0].lstrip("# ")
            found[-1] += [f"### {title}\n\n{picture}" for picture in figures(cell)]
            continue
        for part in re.split(r"^(?=##+ )", source, flags=re.MULTILINE):
            if part.startswith("## "):
                heading, _, part = part.partition("\n")
                found.append([heading])
                texts.append([])
            if re.match(r"### (Exercise|Question)", part):
                found[-1].append(part.strip())
            elif part:
                texts[-1].append(part)
    for column, parts in zip(found[1:], texts[1:], strict=True):
        summary = column[0] == "## Summary"
        column[0] += "\n\n" + ("\n".join(parts) if summary else essence(parts))
    return [column for column in found if not column[0].startswith("## Further reading")]


def figures(cell):
    """The pictures that a cell shows, as HTML."""
    data = (output.get("data", {}) for output in cell["outputs"])
    pictures = ("".join(item["image/png"]).strip() for item in data if "image/png" in item)
    alt = cell["metadata"].get("alt", "")
    return [f'<img alt="{alt}" src="data:image/png;base64,{each}">' for each in pictures]


def essence(parts):
    """Of a section's cells: where the first derivation begins and ends, and what is bold."""
    formulas = FORMULA.findall(parts[0]) if parts else []
    boxed = [f for part in parts for f in FORMULA.findall(part) if r"\boxed" in f]
    kept = dict.fromkeys([*formulas[:1], *formulas[-1:], *boxed])
    said = bold("\n\n".join(parts))[:SENTENCES]
    if not (kept or said):
        said = re.findall(r"^[A-Z].*?[.!?](?=\s|$)", "\n".join(parts), re.MULTILINE)[:1]
    return "\n\n".join([*kept, *(f"* {each}" for each in said)])


def bold(text):
    """The sentences in which something is bold; a bold heading with the sentence that follows."""
    prose = re.sub(r"^(```.*?```|\|.*?$|#+ .*?$)", "", text, flags=re.DOTALL | re.MULTILINE)
    paragraphs = re.split(r"\n\n|\n(?=\* )|\n(?=\d+\. )", FORMULA.sub("\n\n", prose))
    found = []
    for paragraph in paragraphs:
        words = re.sub(r"^(\*|\d+\.) ", "", " ".join(paragraph.split()))
        sentences = re.split(r"(?:(?<=[.!?])|(?<=[.!?]\*\*))\s+(?=[A-Z*$(])", words)
        for n, sentence in enumerate(sentences):
            heading = re.fullmatch(r"\*\*[^*]{1,40}[.!?]\*\*", sentence)
            follows = sentences[n + 1 : n + 2] if heading else []
            if "**" in sentence:
                found.append(re.sub(r":(\**)$", r".\1", " ".join([sentence, *follows])))
    return found


def page(notebook):
    """The notebook's slides as one page."""
    from nbconvert.filters import markdown2html

    def section(slide):
        side = ' class="left"' if re.match(r"##+ (Exercise|Question|Summary)", slide) else ""
        return f"<section{side}>{markdown2html(slide)}</section>"

    inside = ("\n".join(map(section, column)) for column in columns(notebook))
    title = "".join(notebook["cells"][0]["source"]).splitlines()[0].lstrip("# ")
    return PAGE.format(
        title=title, slides="\n".join(f"<section>{each}</section>" for each in inside)
    )


def main(folder, numbers):
    """Write the slides of the lessons with these numbers, or of all."""
    reveal = Path(find_spec("sphinx_revealjs").origin).parent / "_static" / "revealjs" / "dist"
    mathjax = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    shutil.copytree(reveal, folder / "reveal", dirs_exist_ok=True)
    shutil.copytree(mathjax / "output", folder / "mathjax" / "output", dirs_exist_ok=True)
    shutil.copy(mathjax / "tex-chtml.js", folder / "mathjax")
    lessons = sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))
    if unknown := {*numbers} - {path.stem[:2] for path in lessons}:
        sys.exit(f"error: no lesson {', '.join(sorted(unknown))}; expected numbers such as 04")
    for path in lessons:
        if not numbers or path.stem[:2] in numbers:
            notebook = json.loads(path.read_text(encoding="utf-8"))
            (folder / f"{path.stem}.html").write_text(page(notebook), encoding="utf-8")
            print(folder / f"{path.stem}.html", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Slides for lessons.")
    parser.add_argument("folder", type=Path, help="where they are written")
    parser.add_argument("numbers", nargs="*", help="of lessons, such as 01 04 (default: all)")
    main(**vars(parser.parse_args()))
