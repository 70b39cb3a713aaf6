"""Whatever goes wrong while env writes: every file is as it was, or has everything, and both files of a GitHub step
have it, or none."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from formats import KEY, NOTE, TOKEN
from outcome import login
from surroundings import traced, with_mounts

from oracles import github, shell

# What other steps wrote. With the longest credential it is far smaller than any limit set below.
BEFORE = b"A=1\nB<<EOF\nb\nEOF\n"
SHELL_BEFORE = b"export A=1\n"
NO_ROOM = "too large|No space left|short write"
LIMIT = 200  # bytes: what other steps wrote fits, our variables do not


@dataclass(frozen=True)
class Case:
    """A way to write: options of env, and the files that it writes by the variables that name them (NAME: content
    before; None: there is none). "--output" stands for the option."""

    options: tuple[str, ...]
    before: dict[str, bytes | None]

    def prepare(self, folder: Path) -> tuple[list[str], dict[str, Path]]:
        """Makes the files as they are before: the command line, and the variables that name them."""
        places = {}
        for name, content in self.before.items():
            places[name] = folder / name
            places[name].unlink(missing_ok=True)
            if content is not None:
                places[name].write_bytes(content)
        output = places.pop("--output", None)
        return ["env", *self.options, *(["--output", str(output)] if output else [])], places

    def after(self, folder: Path) -> dict[str, bytes | None]:
        paths = {name: folder / name for name in self.before}
        return {name: path.read_bytes() if path.exists() else None for name, path in paths.items()}

    def traced_paths(self, folder: Path) -> list[str]:
        """Options of strace that leave calls for other files alone; none where the file has another name at first."""
        if "--output" in self.before:
            return []
        return [word for name in self.before for word in ("-P", str(folder / name))]

    def is_as_before(self, name: str, content: bytes | None) -> bool:
        """Nothing of what env writes is there. A file that is made when it is missing may be there, empty; the outputs
        of a step may say that there was no login."""
        before = self.before[name] or b""
        refusal = b"authenticated=false\n" if name == "GITHUB_OUTPUT" else b""
        return (content or b"") in (before, before + refusal)

    def is_complete(self, name: str, content: bytes | None) -> bool:
        """Everything that env writes to this file is there, and what was there before."""
        before, content = self.before[name] or b"", content or b""
        if "--format=json" in self.options:
            return content.startswith(b"{") and content.endswith(b"}\n")
        if "--format=circleci" in self.options:
            return content.startswith(before) and {TOKEN, NOTE} <= set(shell.read_bash_env(content))
        last = "expires-at" if name == "GITHUB_OUTPUT" else NOTE
        return content.startswith(before) and content.endswith(b"\n") and last in github.read(content)


CASES = {
    "github": Case(("--format=github",), {"GITHUB_ENV": BEFORE}),
    "github, last line without its end": Case(("--format=github",), {"GITHUB_ENV": BEFORE[:-1]}),
    "github step": Case(("--format=github", "--github-step"), {"GITHUB_ENV": BEFORE, "GITHUB_OUTPUT": b"C=3\n"}),
    "circleci": Case(("--format=circleci",), {"BASH_ENV": SHELL_BEFORE}),
    "circleci, no file": Case(("--format=circleci",), {"BASH_ENV": None}),
    "json": Case(("--format=json",), {"--output": BEFORE}),
    "json, no file": Case(("--format=json",), {"--output": None}),
}


# No room

@pytest.mark.parametrize("name", [name for name, case in CASES.items() if None not in case.before.values()])
def test_file_size_limit(name, server, api_key, tmp_path, binary):
    case = CASES[name]
    (name_, *options), places = case.prepare(tmp_path)
    result = login(server, {KEY: api_key} | places, name_, *options, secret_in={"stdout"},
                   wrapper=["prlimit", f"--fsize={LIMIT}"])
    assert result.code == 13 and re.search(NO_ROOM, result.err)
    assert all(case.is_as_before(file, content) for file, content in case.after(tmp_path).items())
    assert len(list(tmp_path.iterdir())) == len(case.before)


@pytest.mark.parametrize("name", ("github", "github step", "json", "circleci"))
def test_full_disk(name, server, api_key, tmp_path, binary):
    """On a file system of one page, or two, which what was written before fills almost."""
    case = CASES[name]
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    copy.mkdir()
    # Room is left in the file for outputs, none in that for variables: that one is written second.
    filler = b"# " + b"1" * 61 + b"\n"
    before = {file: filler * (8 if file == "GITHUB_OUTPUT" else 63) for file in case.before}
    case = Case(case.options, before)
    arguments, places = case.prepare(disk)
    script = (f'cp -a "{disk}/." "{copy}"; mount -t tmpfs -o size={4 * len(before)}k none "{disk}"; '
              f'cp -a "{copy}/." "{disk}"; "$@"; code=$?; rm -r "{copy}"; cp -a "{disk}/." "{copy}"; exit $code')
    result = login(server, {KEY: api_key} | places, *arguments, secret_in={"stdout"}, wrapper=with_mounts(script))
    assert result.code == 13 and re.search(NO_ROOM, result.err)
    assert {path.name for path in copy.iterdir()} == set(before)
    assert all(case.is_as_before(path.name, path.read_bytes()) for path in copy.iterdir())


# Killed, or a system call that fails

def run_traced(case, server, api_key, folder, *inject) -> int:
    """The exit code of env, after strace has done what `inject` says. Not by run(): a killed program may leave its
    temporary file, of mode 0600, behind."""
    (name, *options), places = case.prepare(folder)
    arguments = [name, "--server", server.url, "--ca-file", server.ca, *options]
    # What a build for coverage writes at its end must not be cut off, so not into the build tree.
    environment = {"PATH": "/usr/bin:/bin", KEY: api_key, "GCOV_PREFIX": folder / "gcov"} | places
    command = [*traced("-f", "-o", "/dev/null", *inject), os.environ["ZENML_LOGIN_BIN"], *arguments]
    return subprocess.run([*map(str, command)], env={name: str(value) for name, value in environment.items()},
                          capture_output=True, check=False, timeout=60).returncode


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("call", ("write", "rename", "close"))
def test_killed(name, call, server, api_key, tmp_path, binary):
    """Whenever it dies: each file is as it was, or has everything. The variables come last, so that a step that finds
    them finds the outputs as well."""
    case = CASES[name]
    for number in range(1, 200):
        code = run_traced(case, server, api_key, tmp_path, "-e", f"trace={call}",
                          "-e", f"inject={call}:signal=KILL:when={number}")
        after = case.after(tmp_path)
        changed = {file for file, content in after.items() if not case.is_as_before(file, content)}
        assert all(case.is_complete(file, after[file]) for file in changed)
        assert "GITHUB_ENV" not in changed or changed == set(case.before)
        if code == 0:
            break
        assert code in (-9, 137)
    else:
        pytest.fail("it never came to its end")
    assert changed == set(case.before)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("call, error", (
    ("openat", "EACCES"), ("openat", "EMFILE"), ("fstat,newfstatat", "EIO"), ("pread64", "EIO"), ("write", "ENOSPC"),
    ("write", "EDQUOT"), ("rename", "EXDEV"), ("getrandom", "EIO"),
))
def test_a_call_fails(name, call, error, server, api_key, tmp_path, binary):
    """Every call for one of the files in turn, or of all where the file has a temporary name: env fails and they are
    as they were, or it does not need the call."""
    case = CASES[name]
    ours = case.traced_paths(tmp_path)
    for number in range(1, 12 if ours else 60):
        code = run_traced(case, server, api_key, tmp_path, *ours, "-e", f"trace={call}",
                          "-e", f"inject={call}:error={error}:when={number}")
        after = case.after(tmp_path)
        assert code in (0, 13) or not ours
        expected = case.is_complete if code == 0 else case.is_as_before
        assert all(expected(file, content) for file, content in after.items())
        assert len(list(tmp_path.iterdir())) <= len(after) + 1, "a temporary file is left"


@pytest.mark.parametrize("name", CASES)
def test_close_fails(name, server, api_key, tmp_path, binary):
    """What is in a file that has been closed cannot be taken back, but it is never a part."""
    case = CASES[name]
    ours = case.traced_paths(tmp_path)
    for number in range(1, 12 if ours else 60):
        run_traced(case, server, api_key, tmp_path, *ours, "-e", "trace=close",
                   "-e", f"inject=close:error=EIO:when={number}")
        for file, content in case.after(tmp_path).items():
            assert case.is_as_before(file, content) or case.is_complete(file, content)
