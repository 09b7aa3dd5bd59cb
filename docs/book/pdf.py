"""A PDF of every page that is worth printing: `python docs/book/pdf.py build/book build/pdf`.

These are the lessons in English, the formula sheet and the table from paper to code. Chromium
prints the pages of a built book, once MathJax has set every formula of a page.
"""

import base64
import shutil
import sys
from pathlib import Path

from selenium import webdriver

PAGES = ("lessons/[0-9]*.html", "docs/book/formulas.html", "docs/book/paper.html")
READY = """
const done = arguments[0];
for (const fold of document.querySelectorAll("details")) fold.remove();
document.body.dataset.theme = "light";
MathJax.startup.promise.then(() => done(document.querySelectorAll(".math").length));
"""
SET = "return document.querySelectorAll('.math mjx-container').length"
FOOTER = '<div style="font-size: 8px; margin: auto"><span class="pageNumber"></span></div>'


def chromium() -> webdriver.Chrome:
    """A browser without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    browser = webdriver.Chrome(options, service)
    browser.set_script_timeout(120)
    return browser


def write(browser: webdriver.Chrome, page: Path, pdf: Path) -> None:
    """Print one page. Raises RuntimeError if a formula in it is not set."""
    browser.get(page.resolve().as_uri())
    formulas, ready = browser.execute_async_script(READY), browser.execute_script(SET)
    if ready < formulas:
        raise RuntimeError(f"{page}: {ready} of {formulas} formulas are set")
    margins = dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0.6)
    footer = {
        "displayHeaderFooter": True,
        "headerTemplate": "<div></div>",
        "footerTemplate": FOOTER,
    }
    paper = {"paperWidth": 8.27, "paperHeight": 11.69, "scale": 0.8, "printBackground": True}
    settings = margins | footer | paper | {"generateDocumentOutline": True}
    printed = browser.execute_cdp_cmd("Page.printToPDF", settings)
    pdf.write_bytes(base64.b64decode(printed["data"]))


def main(book: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    browser = chromium()
    try:
        for page in (page for pattern in PAGES for page in sorted(book.glob(pattern))):
            write(browser, page, folder / f"{page.stem}.pdf")
            print(folder / f"{page.stem}.pdf", flush=True)
    finally:
        browser.quit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
