"""What the lint rules share: a tree of files, rules with canaries, C source without comments, running tools."""

import dataclasses
import fnmatch
import functools
import pathlib
import re
import shutil
import subprocess
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
C_FILES = ("*.c", "*.h")
SHIPPED_C = ("src/*.c", "src/*.h", "pam_zenml/*.c", "pam_zenml/*.h")


class Tree:
    """Files below `root`, named by their relative POSIX paths."""

    def __init__(self, root, names):
        self.root = pathlib.Path(root)
        self.names = sorted(names)

    def matching(self, *patterns):
        """The names that match one of the shell patterns; `*` also matches slashes."""
        return [name for name in self.names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]

    def path(self, name):
        """The absolute path of a file."""
        return self.root / name

    @functools.lru_cache(maxsize=None)
    def text(self, name):
        """The text of a file; None when it is not UTF-8."""
        try:
            return self.path(name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return None


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule of the house.

    check(tree) returns the findings, one line of text each ("file:line: what is wrong").
    canaries are bad examples; check must find something in each: a dict of file name -> text makes a small tree, a
    function returns findings by itself.
    """

    name: str
    check: callable
    canaries: tuple

    def silent_canaries(self):
        """The numbers, from 1, of the canaries in which the rule finds nothing."""
        return [number for number, canary in enumerate(self.canaries, 1) if not self._sing(canary)]

    def _sing(self, canary):
        if callable(canary):
            return canary()
        with tempfile.TemporaryDirectory() as folder:
            for name, text in canary.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return self.check(Tree(folder, canary))


def repository():
    """The files that are in git or would be after `git add --all`."""
    listing = subprocess.run(
        ["git", "-C", REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True).stdout
    return Tree(REPOSITORY, {name for name in listing.split("\0") if name and (REPOSITORY / name).is_file()})


_C_NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def c_code(text):
    """C source with comments, strings and character constants blanked out; line numbers stay."""
    return _C_NOISE.sub(lambda noise: re.sub(r"[^\n]", " ", noise.group()), text)


def line_of(text, position):
    """The line number, from 1, of a position in a text."""
    return text.count("\n", 0, position) + 1


def run(*command, cwd=None, stdin=None):
    """Runs a tool. Returns (ended with 0, its output and errors as one text)."""
    if shutil.which(command[0]) is None:
        return False, f"{command[0]} is not installed"
    done = subprocess.run(
        command, cwd=cwd, input=stdin, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode == 0, done.stdout.strip()


@functools.lru_cache(maxsize=None)
def _library_flags():
    return tuple(run("pkg-config", "--cflags", "libcurl", "libcjson")[1].split())


def compile_flags(tree, name):
    """Compiler flags under which a file of the tree compiles by itself. Its part of src is searched for headers too."""
    folders = ("src", *re.findall("^src/[^/]+(?=/)", name))
    includes = [f"-I{tree.root / folder}" for folder in folders]
    return ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", *includes, *_library_flags()]
