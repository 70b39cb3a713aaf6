#!/usr/bin/env python3
"""Removes each security control in turn and expects a test to notice.

Every stanza of stanzas.toml is one change to one file. In a copy of the sources: the named tests pass as things are;
then for each stanza the change is made, what depends on it is built, the test is run and must fail, the change is
undone. A stanza whose text is not found exactly once, a change that does not compile and a change that no test
notices are failures. Ends with 0 when every control is guarded.
"""

import argparse
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
STANZAS = pathlib.Path(__file__).with_name("stanzas.toml")
OUTPUT_LINES = 40  # shown of a tool that failed


class MutationError(RuntimeError):
    """The run cannot go on; the text says why."""


@dataclasses.dataclass(frozen=True)
class Control:
    """A stanza; see the head of stanzas.toml."""

    name: str
    file: str
    remove: str
    insert: str
    test: str
    cases: str = ""


class Scratch:
    """A copy of the sources with a build tree of its own in `folder`."""

    def __init__(self, folder, test_venv):
        self.source, self.build = folder / "source", folder / "build"
        self._copy_sources()
        good, output = _run("cmake", "-S", self.source, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                            f"-DZN_TEST_VENV={test_venv}")
        if good:
            good, output = self.compile()
        if not good:
            raise MutationError(f"the sources do not build:\n{output}")

    def _copy_sources(self):
        """Copies what git has or would add; a file that has not changed keeps its time and is not built again."""
        listing = subprocess.run(["git", "-C", REPOSITORY, "ls-files", "-z", "--cached", "--others",
                                  "--exclude-standard"], check=True, capture_output=True, text=True).stdout
        names = {name for name in listing.split("\0") if name and (REPOSITORY / name).is_file()}
        for path in [path for path in self.source.rglob("*") if path.is_file()]:
            if str(path.relative_to(self.source)) not in names:
                path.unlink()
        for name in names:
            original, copy = REPOSITORY / name, self.source / name
            if not copy.exists() or copy.read_bytes() != original.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(original, copy)

    def compile(self):
        """Builds what changed. Returns (good, output)."""
        return _run("cmake", "--build", self.build)

    def test(self, name, cases):
        """Runs one CTest test, of a pytest file only `cases` unless that is empty. True when it passes."""
        return _run("ctest", "--test-dir", self.build, "--tests-regex", f"^{name}$", "--no-tests=error",
                    PYTEST_ADDOPTS=f'-x -k "{cases}"' if cases else "-x")[0]

    def verdict(self, control):
        """Why the control is not guarded, or None when its test notices that it is gone."""
        path = self.source / control.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if text.count(control.remove) != 1:
            return f"stale: its text is {text.count(control.remove)} times in {control.file}"
        path.write_text(text.replace(control.remove, control.insert), encoding="utf-8")
        try:
            good, output = self.compile()
            if not good:
                return f"the change does not compile:\n{output}"
            survived = self.test(control.test, control.cases)
            return f"SURVIVED: {control.test} passes without it" if survived else None
        finally:
            path.write_text(text, encoding="utf-8")


def _run(*command, **environment):
    """Runs a tool. Returns (ended with 0, the end of its output)."""
    done = subprocess.run([str(word) for word in command], env={**os.environ, **environment}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode == 0, "\n".join(done.stdout.splitlines()[-OUTPUT_LINES:])


def verdicts(scratch, controls):
    """(control, why it is not guarded or None), one by one. A test has to pass first, or its failing says nothing."""
    selections = dict.fromkeys((control.test, control.cases) for control in controls)
    passed = {selection: scratch.test(*selection) for selection in selections}
    for control in controls:
        if passed[control.test, control.cases]:
            yield control, scratch.verdict(control)
        else:
            yield control, f"{control.test} fails although nothing was removed"


def load(path, only):
    """The controls of a stanza file; only those with `only` in their names."""
    stanzas = tomllib.loads(path.read_text(encoding="utf-8"))["control"]
    controls = [Control(**stanza) for stanza in stanzas if only in stanza["name"]]
    if not controls:
        raise MutationError(f"no control has {only!r} in its name")
    return controls


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scratch", type=pathlib.Path, default=REPOSITORY / "build" / "mutation",
                        help="folder for the copy of the sources and its build tree; kept for the next run")
    parser.add_argument("--test-venv", type=pathlib.Path, default=REPOSITORY / "build" / "test-venv",
                        help="virtual environment with pytest")
    parser.add_argument("--stanzas", type=pathlib.Path, default=STANZAS, help="stanza file")
    parser.add_argument("--only", default="", metavar="NAME", help="only the controls with NAME in their names")
    options = parser.parse_args()
    try:
        controls = load(options.stanzas, options.only)
        scratch = Scratch(options.scratch.resolve(), options.test_venv.resolve())
    except MutationError as error:
        sys.exit(f"mutation: {error}")
    unguarded = 0
    for control, verdict in verdicts(scratch, controls):
        unguarded += verdict is not None
        print(f"{control.name}: {verdict or 'guarded'}", flush=True)
    print(f"mutation: {len(controls) - unguarded} of {len(controls)} controls are guarded")
    return 1 if unguarded else 0


if __name__ == "__main__":
    sys.exit(main())
