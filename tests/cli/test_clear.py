"""`zenml-login clear` undoes what `env` wrote: only that, and as far as the platform can."""

from __future__ import annotations

import shlex
import shutil

import pytest
from formats import CA, FORMATS, KEY, NOTE, TOKEN, WAYS, noted_names, write
from outcome import check_result
from surroundings import bound_by_file_modes

from oracles import shell
from run import run
from zenml_replies import PROJECT_NAME

URL, PROJECT, NO_DISK_CACHE = "ZENML_STORE_URL", "ZENML_ACTIVE_PROJECT_ID", "DISABLE_CREDENTIALS_DISK_CACHING"
# The ways that can be undone, as env writes them by itself.
CLEARABLE = [name for name, way in WAYS.items() if way.noted and way.place != "--output"]
SHELLS = [name for name in CLEARABLE if name != "github"]
FAIL_WHEN_EMPTY = {URL, CA}


@pytest.fixture
def job(server, api_key, tmp_path, binary):
    """A function that runs env in one of CLEARABLE: what later steps find in their environment."""
    def run_env(name, *options, variables=None):
        result, content = write(name, server, variables or {KEY: api_key}, tmp_path, *options)
        assert result.code == 0, result.err
        return {variable: value for variable, value in WAYS[name].readers[0](content).items() if value}
    return run_env


@pytest.fixture
def clear(tmp_path, binary):
    """A function that runs clear in a step with these variables: what it says, and what later steps find then."""
    def run_clear(name, variables, *options):
        way, path = WAYS[name], tmp_path / "cleared"
        path.write_bytes(b"")
        place = {} if way.place == "stdout" else {way.place: path}
        result = run(["clear", "--format", way.format, *options], variables | place, cwd=tmp_path)
        assert result.code == 0, result.err
        written = result.out if way.place == "stdout" else path.read_text()
        assert way.place == "stdout" or result.out == ""
        return result.err, after(way.format, written, variables)
    return run_clear


def after(format, written, variables) -> dict[str, str]:
    """The variables of a step after `written` has been read."""
    lines = written.splitlines()
    assert written == "".join(f"{line}\n" for line in lines)
    if format == "github":
        assert all(line.endswith("=") for line in lines)
        return variables | {line[:-1]: "" for line in lines}
    assert all(line.startswith("unset ") for line in lines)
    exported = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    return shell.read((exported + written).encode())


def notes(said) -> list[str]:
    """The notes on standard error."""
    prefix = "zenml-login: note: "
    return [line.removeprefix(prefix) for line in said.splitlines() if line.startswith(prefix)]


# What it takes away

@pytest.mark.parametrize("name", SHELLS)
@pytest.mark.parametrize("options", ([], ["--credential=key"], ["--project", PROJECT_NAME], ["--allow-disk-cache"]))
def test_shells_forget_everything(name, options, job, clear):
    said, left = clear(name, job(name, *options))
    assert left == {} and notes(said) == []


@pytest.mark.parametrize("options, credential", (
    ([], TOKEN), (["--credential=key"], KEY), (["--project", PROJECT_NAME], TOKEN)))
def test_github_finds_empty_values(options, credential, job, clear):
    """But for those that the ZenML client does not take when they are empty."""
    variables = job("github", *options)
    said, left = clear("github", variables)
    assert {name for name, value in left.items() if value} == FAIL_WHEN_EMPTY
    assert {name: left[name] for name in FAIL_WHEN_EMPTY} == {name: variables[name] for name in FAIL_WHEN_EMPTY}
    assert set(left) == set(variables) and left[credential] == left[NOTE] == ""
    assert sorted(note.split(" stays: ")[0] for note in notes(said)) == sorted(FAIL_WHEN_EMPTY)


@pytest.mark.parametrize("name", CLEARABLE)
def test_it_says_that_a_token_stays_valid(name, job, clear):
    assert "valid until it expires" in clear(name, job(name))[0]


@pytest.mark.parametrize("name", CLEARABLE)
def test_the_note_names_what_was_written(name, job):
    variables = job(name, "--project", PROJECT_NAME)
    assert noted_names(variables[NOTE]) == set(variables) - {NOTE} == {URL, TOKEN, CA, PROJECT, NO_DISK_CACHE}


def test_the_fingerprint_of_a_secret_is_not_a_piece_of_it(job):
    """Nor does another value have the same."""
    one, other = job("shell"), job("shell")
    for variables in (one, other):
        assert not any(entry.split(":")[1] in variables[TOKEN] for entry in variables[NOTE].split(","))
    assert one[TOKEN] != other[TOKEN] and one[NOTE] != other[NOTE]
    assert len(set(one[NOTE].split(",")) ^ set(other[NOTE].split(","))) == 2


# What it leaves alone

@pytest.mark.parametrize("name", CLEARABLE)
@pytest.mark.parametrize("changed", (URL, TOKEN, CA, PROJECT, NO_DISK_CACHE))
def test_what_somebody_else_has_set_since_stays(name, changed, job, clear):
    variables = job(name, "--project", PROJECT_NAME) | {changed: "somebody else's"}
    said, left = clear(name, variables)
    assert left[changed] == "somebody else's"
    assert any(note.startswith(f"{changed} stays: ") for note in notes(said))
    kept = FAIL_WHEN_EMPTY | {changed} if name == "github" else {changed}
    assert {variable for variable, value in left.items() if value} == kept


@pytest.mark.parametrize("name", CLEARABLE)
def test_what_env_has_not_written_stays(name, job, clear):
    """The key of the job, a project that it chose itself, and everything that has nothing to do with us."""
    others = {KEY: "ZENKEY_of_the_job", PROJECT: "its own", "HOME": "/root", "ZENML_ANALYTICS_OPT_IN": "false"}
    said, left = clear(name, job(name) | others)
    assert others.items() <= left.items()
    assert not any(note.startswith(tuple(others)) for note in notes(said))


@pytest.mark.parametrize("name", CLEARABLE)
def test_a_note_of_ours_that_somebody_forged_reaches_only_our_variables(name, server, job, clear, tmp_path):
    """The note comes from the environment. Right fingerprints of other variables, and text for a shell, do nothing."""
    shutil.copy(server.ca, tmp_path / "value")
    server.ca = tmp_path / "value"
    mark = dict(entry.split(":") for entry in job(name)[NOTE].split(","))[CA]
    for forged in (f"HOME:{mark}", f"PATH:{mark},HOME:{mark}", f"{CA};touch pwned:{mark}", "$(touch pwned):",
                   f":{mark}", ",", ":", "HOME", f"{URL}:", f"{URL}:{mark[:15]}", f"{URL}:{mark}0",
                   "\n", f"X={mark}\nHOME:{mark}"):
        others = {"HOME": str(server.ca), URL: "https://somebody.else.example", TOKEN: ""}
        _, left = clear(name, others | {NOTE: forged})
        assert (others | left)["HOME"] == left["HOME"] == str(server.ca) and left[URL] == others[URL]
        assert set(left) <= {*others, NOTE}
    assert not list(tmp_path.rglob("pwned"))


# When there is nothing to do

@pytest.mark.parametrize("name", CLEARABLE)
@pytest.mark.parametrize("variables", ({}, {NOTE: ""}, {TOKEN: "x", URL: "https://x.example"}))
def test_nothing_to_clear(name, variables, clear):
    said, left = clear(name, variables)
    assert left == variables and said.startswith("zenml-login: note: nothing to clear") and said.count("\n") == 1


@pytest.mark.parametrize("name", CLEARABLE)
def test_twice(name, job, clear):
    once = clear(name, job(name))[1]
    said, twice = clear(name, once)
    assert twice == once and "nothing to clear" in said


@pytest.mark.parametrize("name", CLEARABLE)
def test_after_two_logins(name, job, clear, api_key):
    """The second one replaced the first one's token, and its note."""
    first = job(name)
    second = first | job(name, variables=first | {KEY: api_key})
    assert second[TOKEN] != first[TOKEN]
    left = clear(name, second)[1]
    assert {variable for variable, value in left.items() if value} == (FAIL_WHEN_EMPTY if name == "github" else set())


@pytest.mark.parametrize("name", CLEARABLE)
def test_a_login_after_it(name, job, clear, api_key):
    left = clear(name, job(name))[1]
    assert TOKEN in job(name, variables=left | {KEY: api_key})


# Where it cannot be done

@pytest.mark.parametrize("format", sorted(set(FORMATS) - {WAYS[name].format for name in CLEARABLE}))
def test_formats_that_cannot_be_undone(format, binary):
    fix = "variables end with the job" if format == "azure" else "delete the file"
    result = run(["clear", "--format", format], {NOTE: f"{URL}:0123456789abcdef"})
    check_result(result, 14, f"cannot undo.*{format}", fix)


def test_without_a_platform(binary):
    check_result(run(["clear"], {NOTE: f"{URL}:0123456789abcdef"}), 14, "no CI platform", "--format",
                 out="(exit 14)\n")


@pytest.mark.parametrize("name", ("github", "circleci"))
@pytest.mark.parametrize("kind, message", (
    ("not set", "is not set"), ("folder", "directory|regular"), ("read-only", "denied"),
    ("symbolic link", "symbolic link")))
def test_a_file_that_cannot_be_written(name, kind, message, job, tmp_path, binary):
    variables = job(name)
    path, target = tmp_path / "place", tmp_path / "target"
    target.write_bytes(b"A=1\n")
    if kind == "folder":
        path.mkdir()
    elif kind == "symbolic link":
        path.symlink_to(target)
    else:
        path = target
        path.chmod(0o400)
    place = {} if kind == "not set" else {WAYS[name].place: path}
    result = run(["clear", "--format", WAYS[name].format], variables | place, wrapper=bound_by_file_modes())
    check_result(result, 13, message)
    assert target.read_bytes() == b"A=1\n"


@pytest.mark.parametrize("platform, place", (
    ({"GITHUB_ACTIONS": "true"}, "GITHUB_ENV"), ({"CIRCLECI": "true"}, "BASH_ENV"), ({"GITLAB_CI": "true"}, None),
    ({"JENKINS_URL": "https://x"}, None)))
def test_the_platform_is_found(platform, place, job, tmp_path, binary):
    name = {"GITHUB_ENV": "github", "BASH_ENV": "circleci"}.get(place, "shell")
    path = tmp_path / "place"
    path.write_bytes(b"")
    result = run(["clear"], job(name) | platform | ({place: path} if place else {}))
    written = path.read_text() if place else result.out
    assert result.code == 0 and f"{TOKEN}\n" in written.replace("=", "")


@pytest.mark.parametrize("option", ("--output=x", "--server=https://x", "--api-key-file=x", "--github-step"))
def test_options_of_other_commands_are_refused(option, binary):
    assert run(["clear", "--format=shell", option]).code == 2
