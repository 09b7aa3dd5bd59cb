"""The check of a built book finds what is wrong with it."""

import importlib.util
from pathlib import Path

CHECK = Path(__file__).parents[2] / "docs" / "book" / "check.py"
spec = importlib.util.spec_from_file_location("check", CHECK)
check = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check)


def test_links_that_lead_nowhere_or_out_of_the_book(tmp_path):
    book = tmp_path / "book"
    book.mkdir()
    assert check.wrong(book) == [f"{book}: no pages"]
    (tmp_path / "README.md").write_text("of the project")
    links = ("a.html#here", "#here", "a.html#there", "b.html", "../README.md")
    page = "".join(f'<a href="{link}">x</a>' for link in links)
    (book / "a.html").write_text(f'<p id="here">{page}<img src="https://example.org/x.png">')
    assert sorted(check.wrong(book)) == [
        "a.html: ../README.md: no such file",
        "a.html: a.html#there: no such place",
        "a.html: b.html: no such file",
        "a.html: loads https://example.org/x.png",
    ]
