"""Every way in which `zenml-login env` writes variables, with all who read it."""

from __future__ import annotations

import functools
import json
import re
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping, Sequence

from oracles import azure, bitbucket, compose, docker, github, gitlab, kubernetes, properties, shell, systemd
from outcome import login
from run import Result
from tls_server import Server

KEY, TOKEN, CA = "ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN", "ZENML_STORE_VERIFY_SSL"
NOTE = "ZENML_LOGIN_WRITTEN"

# What a value may hold for certain: in no format may less be refused.
PORTABLE = string.ascii_letters + string.digits + "_./+=:@%,-"
ASCII = "".join(map(chr, range(0x20, 0x7f)))
TEXT = ASCII + "é\xa0\xad\u2028\ufeff日\U0001f511"

# What some reader takes for more than text.
PIECES = ("'", '"', "`", "$", "$HOME", "${x}", "$(touch pwned)", "`touch pwned`", "\\", "\\\\", "\\n", "\\u0041", "\\'",
          "%", "%25", "%0A", "%AZP25", "%5D", "#", " #", " ", "  ", "é", "\u2028", "\ufeff", "日本", "=", "<<", "<<EOF",
          ";", "&", "|", "*", "?", "~", "!", "]", "::add-mask::", "##[error]", "##vso[task.complete]", "$(Agent.OS)",
          "$(ZENML_STORE_URL)", "export ", "{", "}", "(", ")", ",", "\ufdd0", "\uffff")


def read_json(content: bytes) -> dict[str, str]:
    """A JSON object of strings, in one line."""
    assert content.endswith(b"}\n") and content.count(b"\n") == 1
    return json.loads(content)


@dataclass(frozen=True)
class Way:
    """A format, and where it is written.

    format    the name for --format
    place     "stdout", "--output", or the variable that names the file
    readers   all who read it; they have to agree
    holds     the characters that a value may have for certain
    noted     ZENML_LOGIN_WRITTEN is written as well
    artifact  others can read it, so a credential gets there only when asked for, and an API key never
    appends   what is in the file stays
    """

    format: str
    place: str
    readers: Sequence[Callable[[bytes], dict[str, str]]]
    holds: str = TEXT
    noted: bool = False
    artifact: bool = False
    appends: bool = False


def _shells(read, *names: str):
    return [functools.partial(read, shell=name) for name in names or ("dash", "bash")]


_EVAL, _SOURCE = _shells(shell.read), _shells(shell.read_file)
_UNQUOTED = [docker.read, gitlab.read, github.read, compose.read, systemd.read, properties.read, *_SOURCE]
_JAVA = [properties.read, functools.partial(properties.read, encoding="utf-8")]
_QUOTED = TEXT.replace("'", "")

WAYS = {
    "github": Way("github", "GITHUB_ENV", [github.read], noted=True, appends=True),
    "github file": Way("github", "--output", [github.read], noted=True, appends=True),
    "gitlab": Way("gitlab", "stdout", _EVAL, noted=True),
    "gitlab report": Way("gitlab", "--output", [gitlab.read], PORTABLE, artifact=True),
    "azure": Way("azure", "stdout", [azure.read]),
    "circleci": Way("circleci", "BASH_ENV", [shell.read_bash_env], noted=True, appends=True),
    "circleci file": Way("circleci", "--output", [shell.read_bash_env], noted=True, appends=True),
    "buildkite": Way("buildkite", "stdout", _EVAL, noted=True),
    "buildkite file": Way("buildkite", "--output", _SOURCE, noted=True),
    "bitbucket": Way("bitbucket", "stdout", _EVAL, noted=True),
    "bitbucket file": Way("bitbucket", "--output", [bitbucket.read], PORTABLE, artifact=True, appends=True),
    "jenkins": Way("jenkins", "stdout", _EVAL, noted=True),
    "jenkins file": Way("jenkins", "--output", _JAVA, ASCII),
    "shell": Way("shell", "stdout", _EVAL, noted=True),
    "shell file": Way("shell", "--output", _SOURCE, noted=True),
    "dotenv": Way("dotenv", "stdout", _UNQUOTED, PORTABLE),
    "dotenv file": Way("dotenv", "--output", _UNQUOTED, PORTABLE),
    "docker": Way("docker", "stdout", [docker.read]),
    "docker file": Way("docker", "--output", [docker.read]),
    # A backslash before the closing quote would make it a part of the value.
    "compose": Way("compose", "stdout", [compose.read], _QUOTED.replace("\\", "")),
    "compose file": Way("compose", "--output", [compose.read], _QUOTED.replace("\\", "")),
    "kubernetes": Way("kubernetes", "stdout", [kubernetes.read], _QUOTED),
    "kubernetes file": Way("kubernetes", "--output", [kubernetes.read], _QUOTED),
    "systemd": Way("systemd", "stdout", [systemd.read], _QUOTED),
    "systemd file": Way("systemd", "--output", [systemd.read], _QUOTED),
    "properties": Way("properties", "stdout", _JAVA, ASCII),
    "properties file": Way("properties", "--output", _JAVA, ASCII),
    "json": Way("json", "stdout", [read_json]),
    "json file": Way("json", "--output", [read_json]),
}
FORMATS = sorted({way.format for way in WAYS.values()})
# One that every format has: what it writes by itself.
BY_DEFAULT = [name for name, way in WAYS.items() if way.place != "--output"]


def write(name: str, server: Server, variables: Mapping[str, str | Path], folder: Path, *further: str,
          **options) -> tuple[Result, bytes]:
    """Runs env in one of WAYS, with an empty file `folder`/written where it appends: the result, and what it wrote.

    `options` are those of `run`. A credential is allowed in artifacts, too."""
    way, path = WAYS[name], folder / "written"
    path.unlink(missing_ok=True)
    arguments = ["env", "--format", way.format, *further]
    if way.appends:
        path.write_bytes(b"")
    if way.place == "--output":
        arguments += ["--output", str(path)]
    elif way.place != "stdout":
        variables = {**variables, way.place: path}
    if way.artifact:
        arguments.append("--allow-secret-artifact")
    # Standard output of a GitHub step has the masks.
    secret_in = {path} if way.place == "--output" and way.format != "github" else {path, "stdout"}
    result = login(server, variables, *arguments, **{"cwd": folder, "secret_in": secret_in} | options)
    if way.place == "stdout":
        return result, result.out.encode("utf-8", "surrogateescape")
    return result, path.read_bytes() if path.exists() else b""


def write_with_path(name: str, server: Server, authorities: Path, variables: Mapping[str, str], folder: Path,
                    relative: str) -> tuple[Result, bytes, str]:
    """As write, with the PEM file `authorities` at `folder`/ca/`relative` as CA file: that path is the one value that
    can be any text. The result, what was written, and the path."""
    path = folder / "ca" / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.hardlink_to(authorities)
    server.ca = path
    result, content = write(name, server, variables, folder)
    path.unlink()
    return result, content, str(path)


def read_by_all(name: str, content: bytes) -> dict[str, str]:
    """The variables that all readers agree on, without the note of what was written, whose form is checked.

    On GitHub, where a variable cannot be taken away, one that is empty counts as absent; no other format has any."""
    way = WAYS[name]
    first, *others = [read(content) for read in way.readers]
    assert all(variables == first for variables in others)
    if way.format == "github":
        first = {name: value for name, value in first.items() if value}
    assert all(first.values()), "no variable is empty"
    note = first.pop(NOTE, None)
    assert (note is not None) == way.noted
    assert note is None or noted_names(note) == set(first)
    return first


def noted_names(note: str) -> set[str]:
    """The names in a note, each of which has a fingerprint."""
    entries = [re.fullmatch("([A-Z_]+):[0-9a-f]{16}", entry) for entry in note.split(",")]
    assert all(entries), note
    return {entry[1] for entry in entries}
