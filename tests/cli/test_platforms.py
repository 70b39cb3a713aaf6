"""How the CI platform is found, and with it the format; the documents say the same as the program does."""

from __future__ import annotations

import itertools
import re
import stat
from pathlib import Path

import pytest
from formats import FORMATS, KEY, TOKEN
from outcome import check_result, login
from surroundings import bound_by_file_modes

from run import run

ROOT = Path(__file__).parents[2]


def documented() -> list[tuple[str, str, str | None, str]]:
    """The platforms of docs/ci.md in their order: name, variable, its value (None: any), format."""
    text = (ROOT / "docs" / "ci.md").read_text()
    table = re.search(r"\| Platform \| Found by \| Format \|\n\|[ :|-]+\|\n((?:\|.*\n)+)", text)[1]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    found_by = [re.fullmatch(r"`(\w+)(?:=(\w+)`|` \(any value\))", cell) for _, cell, _ in cells]
    return [(name, found[1], found[2], format) for (name, _, format), found in zip(cells, found_by)]


PLATFORMS = documented()


def variables_of(variable: str, value: str | None) -> dict[str, str]:
    return {variable: value or "https://example.com/7"}


@pytest.fixture
def env(server, api_token, tmp_path, binary):
    """A function that runs env with these variables: the result, and the files for variables as they are then."""
    def run_env(variables, *options):
        places = {name: tmp_path / name for name in ("GITHUB_ENV", "BASH_ENV")}
        for path in places.values():
            path.write_bytes(b"")
        result = login(server, {TOKEN: api_token} | places | variables, "env", *options,
                       secret_in={"stdout", *places.values()})
        return result, {name: path.read_bytes() for name, path in places.items()}
    return run_env


def same(one, other) -> bool:
    """True when two runs wrote the same to the same places."""
    return (one[0].code, one[0].out, one[1]) == (other[0].code, other[0].out, other[1])


# The documents

def test_the_source_has_the_same_table():
    source = (ROOT / "src" / "cli" / "output" / "platform.c").read_text()
    rows = re.findall(r'\{"([^"]+)", "(\w+)", (?:"(\w+)"|NULL), &zc_format_(\w+)\}', source)
    assert [(name, variable, value or None, format) for name, variable, value, format in rows] == PLATFORMS


def test_the_manual_has_the_same_table():
    manual = (ROOT / "docs" / "man" / "zenml-login.1.scd").read_text()
    rows = re.findall(r"\|  (.+)\n:  \*(\w+)\* is (?:_(\w+)_|set)\n:  (\w+)\n", manual)
    assert [(name, variable, value or None, format) for name, variable, value, format in rows] == PLATFORMS


def test_the_formats_are_documented(binary):
    """The program, the manual, docs/ci.md and these tests know the same formats."""
    listed = run(["env", "--format", "?", "--server", "https://x.invalid"]).err.split("--format takes ")[1]
    assert sorted(listed.splitlines()[0].split(", ")) == FORMATS
    manual = (ROOT / "docs" / "man" / "zenml-login.1.scd").read_text()
    section = manual.partition("# FORMATS")[2].partition("\n# ")[0]
    named = [re.findall(r"\*(\w+)\*", line) for line in section.splitlines() if re.match(r"\*\w+\*(, \*\w+\*)*$", line)]
    assert sorted(itertools.chain(*named)) == FORMATS
    guide = (ROOT / "docs" / "ci.md").read_text().partition("| Format | Writes |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| (\w+) \|", guide, re.MULTILINE)) == FORMATS


# What the program does

@pytest.mark.parametrize("name, variable, value, format", PLATFORMS)
def test_platform_found(name, variable, value, format, env):
    found = env(variables_of(variable, value))
    assert found[0].code == 0, found[0].err
    assert same(found, env({}, "--format", format))


@pytest.mark.parametrize("first, second", [
    (first, second) for first, second in itertools.combinations(PLATFORMS, 2) if first[3] != second[3]])
def test_the_first_platform_counts(first, second, env):
    assert same(env(variables_of(*second[1:3]) | variables_of(*first[1:3])), env({}, "--format", first[3]))


@pytest.mark.parametrize("variables", (
    {}, {"CI": "true"}, {"ACT": "true"}, *({variable: value} for _, variable, right, _ in PLATFORMS
                                           for value in (["", "false", "1", "TRUE", " true", right.swapcase()] if right
                                                         else [""])),
))
def test_no_platform_found(variables, server, api_token, tmp_path, binary):
    path = tmp_path / "env"
    path.write_bytes(b"")
    result = login(server, variables | {TOKEN: api_token, "GITHUB_ENV": path}, "env")
    check_result(result, 14, "no CI platform", "--format|exec", out="(exit 14)\n")
    assert server.connections == 0 and path.read_bytes() == b""


@pytest.mark.parametrize("name, variable, value, format", PLATFORMS)
def test_an_explicit_format_goes_before_the_platform(name, variable, value, format, env):
    other = "json" if format != "json" else "shell"
    assert same(env(variables_of(variable, value), "--format", other), env({}, "--format", other))


@pytest.mark.parametrize("platform, place", (
    ({"GITHUB_ACTIONS": "true"}, "GITHUB_ENV"), ({"CIRCLECI": "true"}, "BASH_ENV")))
@pytest.mark.parametrize("kind, message", (
    ("not set", " is not set"), ("empty", " is not set"), ("missing", "No such file"), ("read-only", "denied"),
    ("folder", "folder|directory|regular"),
))
def test_without_its_file(kind, message, platform, place, server, api_key, tmp_path, binary):
    path = tmp_path / "absent" / "env" if kind == "missing" else tmp_path / "env"
    if kind == "read-only":
        path.write_bytes(b"")
        path.chmod(stat.S_IRUSR)
    elif kind == "folder":
        path.mkdir()
    variables = platform | {KEY: api_key}
    if kind != "not set":
        variables[place] = "" if kind == "empty" else path
    check_result(login(server, variables, "env", wrapper=bound_by_file_modes()), 13, message)
    assert server.connections == 0


# Switches of the platforms that endanger a credential

GITHUB, GITLAB, AZURE = {"GITHUB_ACTIONS": "true"}, {"GITLAB_CI": "true"}, {"TF_BUILD": "True"}


@pytest.mark.parametrize("platform, switch, value", (
    (GITHUB, "RUNNER_DEBUG", "1"), (GITHUB, "ACTIONS_STEP_DEBUG", "true"),
    (GITHUB, "ACTIONS_ALLOW_UNSECURE_COMMANDS", "true"), (GITHUB | {"GITEA_ACTIONS": "true"}, "RUNNER_DEBUG", "1"),
    (GITLAB, "CI_DEBUG_TRACE", "true"), (AZURE, "SYSTEM_DEBUG", "true"), (AZURE, "SYSTEM_DEBUG", "True"),
))
def test_a_dangerous_switch_is_warned_of(platform, switch, value, env):
    with_switch, without = env(platform | {switch: value}), env(platform)
    assert with_switch[0].code == 0 and same(with_switch, without)
    warning, *others = with_switch[0].err.splitlines()
    # Azure calls its variable System.Debug.
    assert re.match(rf"zenml-login: warning: {switch.replace('_', '.')} is on: ", warning, re.IGNORECASE)
    assert others == without[0].err.splitlines() and "warning" not in without[0].err


@pytest.mark.parametrize("platform, switch, value", (
    (GITHUB, "RUNNER_DEBUG", "0"), (GITHUB, "RUNNER_DEBUG", ""), (GITHUB, "ACTIONS_STEP_DEBUG", "false"),
    (GITHUB, "ACTIONS_ALLOW_UNSECURE_COMMANDS", ""), (GITHUB, "CI_DEBUG_TRACE", "true"),
    (GITLAB, "SYSTEM_DEBUG", "true"), (GITLAB, "CI_DEBUG_TRACE", "false"), (AZURE, "SYSTEM_DEBUG", "False"),
    (AZURE, "RUNNER_DEBUG", "1"),
))
def test_a_switch_that_is_off_or_of_another_platform_is_not(platform, switch, value, env):
    assert "warning" not in env(platform | {switch: value})[0].err
