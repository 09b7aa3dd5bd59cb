"""What students get: `python lessons/students.py FOLDER`, a copy of a clone without solutions.

Without its history, too, in which they would be. What remains runs: the package, its tests, the
copies in `lessons/exercises/` and the figures that they draw; links to lessons lead to these. For
the line for who is stuck, which reads the lesson with solutions, put that one into `lessons/`.
"""

import posixpath
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from tinydldl import cli
from tinydldl.errors import UserError

PROJECT = Path(__file__).parents[1]
SECRET = (
    *("lessons/[0-9]*.ipynb", "lessons/zh/[0-9]*.ipynb", "lessons/src/*"),
    *("lessons/teaching/answers/*", "lessons/teaching/exam.md", "lessons/teaching/quizzes.md"),
    *("lessons/TEACHING.md", "tests/lessons/*", "tests/grade/*"),
    *("tests/book/*", "tests/test_readme.py"),  # they want all pages
)
LINK = re.compile(  # or code, in which nothing is one
    r"```.*?```|`[^`\n]*`|!?\[([^\]]*)\]\(([^)\s#:]+)(?:#[^)\s]*)?\)", re.DOTALL
)


def copied():
    """The files of the clone that students may see, by their names in it."""
    command = ["git", "-C", str(PROJECT), "ls-files", "-z"]
    try:
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise UserError(f"{PROJECT}: git cannot list its files; expected a clone") from None
    names = [name for name in listed.split("\0") if name and (PROJECT / name).is_file()]
    return [name for name in names if not any(fnmatchcase(name, secret) for secret in SECRET)]


def linked(text, name, names):
    """A page with links to what is there: lessons become the copies; of others the words stay."""
    folders = {str(parent) for each in names for parent in PurePosixPath(each).parents}

    def link(match):
        words, target = match.groups()
        if not target:
            return match[0]  # code
        for there in (target, re.sub(r"([^/]+)$", r"exercises/\1", target)):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), there))
            if path in folders.union(names):
                return match[0].replace(f"]({target}", f"]({there}")
        return words

    return LINK.sub(link, text)


def main(argv=None):
    parser = cli.Parser("", __doc__.partition("\n")[0])
    parser.prog = "python lessons/students.py"
    parser.add_argument("folder", type=cli.path, metavar="FOLDER", help="a new one")
    folder = parser.parse_args(argv).folder
    if folder.exists():
        raise UserError(f"{folder}: exists, and is not overwritten; give another")
    names, prefix = copied(), f"--prefix={folder.resolve()}/"
    # as they were committed: an exercise may have been tried here
    git = ["git", "-C", str(PROJECT), "checkout-index", "-z", "--stdin", prefix]
    subprocess.run(git, check=True, text=True, input="\0".join(names))
    for page in folder.rglob("*.md"):
        text, name = page.read_text(encoding="utf-8"), page.relative_to(folder).as_posix()
        page.write_text(linked(text, name, names), encoding="utf-8")
    missing = "without solutions, hidden tests, answers, quizzes and exam"
    print(f"{folder}: {len(names)} files, {missing}")


if __name__ == "__main__":
    sys.exit(cli.run_command(main))
