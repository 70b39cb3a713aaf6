"""`--github-step`: what a step tells the runner beside variables, which are outputs, a job summary and annotations.

How the runner reads them: oracles/github.py."""

from __future__ import annotations

import json
import re

import pytest
from formats import KEY, NOTE, TOKEN
from keys import make_key
from outcome import INFO, USER, error_lines, login
from outcome import TOKEN as TOKEN_REQUEST
from surroundings import in_shell, traced

from oracles import github
from run import run
from tls_server import Reply
from zenml_replies import ACCOUNT_ID, ACCOUNT_NAME, PROJECT_NAME, SERVER_ID, VERSION, current_user, info, make_token

FILES = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
BEFORE = b"BEFORE=1\n"
REFUSED = {"authenticated": "false"}
FORK, DEPENDABOT = {"GITHUB_EVENT_NAME": "pull_request"}, {"GITHUB_ACTOR": "dependabot[bot]"}


class Step:
    """What a step has done."""

    def __init__(self, result, folder):
        self.code, self.out, self.err = result.code, result.out, result.err
        self.content = {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}
        self.variables, self.outputs = (self._added(name) for name in FILES[:2])
        self.summary = self.content.get("GITHUB_STEP_SUMMARY", b"").decode().removeprefix(BEFORE.decode())
        self.annotations = [found for line in self.out.splitlines() if (found := github.annotation(line))]

    def _added(self, name):
        content = self.content.get(name, BEFORE)
        assert content.startswith(BEFORE)
        return github.read(content.removeprefix(BEFORE))


@pytest.fixture
def step(server, api_key, tmp_path, binary):
    """A function that runs a command with --github-step in a job on GitHub: the Step."""
    def run_step(*options, command="env", variables=None, at=server, **further):
        for name in FILES:
            if not (tmp_path / name).exists():
                (tmp_path / name).write_bytes(BEFORE)
        places = {"GITHUB_ACTIONS": "true"} | {name: tmp_path / name for name in FILES}
        given = {KEY: api_key} if variables is None else variables
        result = login(at, places | given, command, "--github-step", *options,
                       **{"secret_in": {"stdout", tmp_path / "GITHUB_ENV"}} | further)
        return Step(result, tmp_path)
    return run_step


# Outputs

@pytest.mark.parametrize("options, kind", (([], "api_token"), (["--credential=key"], "api_key")))
def test_outputs(options, kind, step, server):
    done = step(*options)
    assert done.code == 0, done.err
    expires = done.outputs.pop("expires-at")
    assert done.outputs == {
        "authenticated": "true", "user": ACCOUNT_NAME, "user-id": ACCOUNT_ID, "server-id": SERVER_ID,
        "server-version": VERSION, "server-url": server.url, "credential-kind": kind}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" if kind == "api_token" else "", expires)
    assert expires in done.err
    assert {KEY if kind == "api_key" else TOKEN, NOTE} <= set(done.variables)


def test_outputs_for_a_token_that_was_given(step, api_token):
    done = step(variables={TOKEN: api_token})
    assert done.outputs["credential-kind"] == "api_token" and done.outputs["expires-at"].endswith("Z")
    never = step(variables={TOKEN: make_token(None)})
    assert never.outputs["expires-at"] == ""


@pytest.mark.parametrize("options, kind", (([], "api_key"), (["--json"], "api_key")))
def test_whoami_writes_no_variables(options, kind, step, server):
    done = step(*options, command="whoami", secret_in={})
    assert done.code == 0 and done.variables == {} and done.content["GITHUB_ENV"] == BEFORE
    assert done.outputs["authenticated"] == "true" and done.outputs["credential-kind"] == kind
    assert done.outputs["user"] == ACCOUNT_NAME and done.outputs["server-url"] == server.url
    assert ACCOUNT_NAME in done.out and "### ZenML login" in done.summary
    assert TOKEN_REQUEST not in map(str, server.requests)
    if options:
        assert json.loads(done.out)["account"]["name"] == ACCOUNT_NAME


def test_outputs_are_not_masked(step):
    """The runner drops a job output that holds a masked text."""
    done = step("--project", PROJECT_NAME)
    log = github.Log().add(done.out)
    for value in filter(None, done.outputs.values()):
        assert log.add(value).shown[-1] == value


HOSTILE = ("x\nauthenticated=false", "x\r\nuser=root", "x<<EOF", "=", "EOF", "::set-output name=user::root", "\x1b[31m",
           "\u2028", "##[error]x", "%0Auser=root", "${{ secrets.X }}", "`touch pwned`", "<img src=x>", "| a |", "<!--",
           "![x](https://y)")
OUTPUTS = {"authenticated", "user", "user-id", "server-id", "server-version", "server-url", "credential-kind",
           "expires-at"}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", ("user", "server-version"))
def test_text_of_the_server_stays_text(place, text, step, start_server):
    """It makes no other output, no command in the log, and no Markdown in the summary; or the login is refused."""
    replies = {"user": (USER, current_user(name=text)), "server-version": (INFO, info(version=text))}
    request, reply = replies[place]
    at = start_server({request: Reply(json=reply)})
    for command in ("env", "whoami"):
        done = step(at=at, command=command)
        if done.code == 0:
            assert done.outputs[place] in (text, "") and done.outputs["authenticated"] == "true"
            assert set(done.outputs) == OUTPUTS
        else:
            assert done.code in (11, 12) and done.outputs == REFUSED
        assert {found[0] for line in done.out.splitlines() if (found := github.command(line))} <= {"add-mask", "error"}
        assert not re.search(r"(?<!\\)[<`!\[*]", done.summary)
        assert all(line.count("|") - line.count("\\|") in (0, 3) for line in done.summary.splitlines())


# The summary

def test_summary(step, server):
    done = step()
    rows = re.findall(r"^\| ([A-Z].*?) \| (.*) \|$", done.summary, re.MULTILINE)
    assert [name for name, _ in rows] == ["Server", "Account", "Credential", "Time taken"]
    values = dict(rows)
    assert server.url in values["Server"] and VERSION in values["Server"]
    assert ACCOUNT_NAME in values["Account"] and "service account" in values["Account"]
    assert done.outputs["expires-at"] in values["Credential"] and "token" in values["Credential"]
    assert re.fullmatch(r"\d+ ms", values["Time taken"])
    assert done.summary.startswith("### ") and done.summary.endswith("\n")


def test_summary_of_a_key_and_of_a_token_that_never_expires(step):
    assert "API key" in step("--credential=key").summary
    assert "never expires" in step(variables={TOKEN: make_token(None)}).summary


def test_summary_of_a_failure(step):
    done = step(variables={KEY: make_key()})
    cause, fix = error_lines(done.err)
    text = done.summary.replace("\\", "")
    assert done.code == 5 and cause in text and f"Fix: {fix}" in text and "rejected" in text


@pytest.mark.parametrize("how", ("not set", "missing", "folder", "symbolic link", "full"))
@pytest.mark.parametrize("variables, code", ((None, 0), ({KEY: ""}, 3)))
def test_a_summary_that_cannot_be_written_fails_nothing(how, variables, code, step, tmp_path):
    path, further = tmp_path / "GITHUB_STEP_SUMMARY", {}
    if how == "folder":
        path.mkdir()
    elif how == "symbolic link":
        path.symlink_to(tmp_path / "GITHUB_ENV")
    elif how == "full":
        (tmp_path / "GITHUB_STEP_SUMMARY").write_bytes(b"x" * 100_000)
        further["wrapper"] = ["prlimit", "--fsize=100000"]
    elif how == "missing":
        further["wrapper"] = in_shell('rm "$GITHUB_STEP_SUMMARY"; exec "$@"')
    else:
        further["wrapper"] = in_shell('unset GITHUB_STEP_SUMMARY; exec "$@"')
    done = step(variables=variables, **further)
    assert done.code == code and done.outputs["authenticated"] == ("true" if code == 0 else "false")
    assert (TOKEN in done.variables) == (code == 0)


# Annotations

def meanings() -> dict[int, str]:
    """The table of --help."""
    rows = re.findall(r"^ +(\d+)  +(\S.*)$", run(["--help"]).out, re.MULTILINE)
    return {int(code): meaning for code, meaning in rows}


def check_annotation(done, code):
    """One error annotation with cause and fix, and no other command but masks."""
    assert done.code == code, done.err
    cause, fix = error_lines(done.err)
    (kind, properties, text), = done.annotations
    assert kind == "error" and properties == {"title": f"ZenML login: {meanings()[code]}"}
    assert text == (f"{cause}. Fix: {fix}" if fix else cause)
    others = [line for line in done.out.splitlines() if not github.annotation(line)]
    assert all(github.command(line)[0] == "add-mask" for line in others)
    assert done.variables == {}


@pytest.mark.parametrize("code, variables, options, script", (
    (3, {KEY: ""}, [], {}), (4, {KEY: "not a key"}, [], {}), (5, {KEY: make_key()}, [], {}),
    (6, None, [], {USER: Reply(403, json={"detail": ["IllegalOperationError", "no"]})}),
    (7, None, ["--expect-user=somebody"], {}), (7, None, [f"--expect-server-id={ACCOUNT_ID}"], {}),
    (9, None, [f"--pin=sha256//{'A' * 43}="], {}), (10, None, [], {USER: Reply(429)}),
    (11, None, [], {USER: Reply(500, body="::error::x\n##[add-mask]a, b: c % d")}), (12, None, [], {USER: Reply(302)}),
))
@pytest.mark.parametrize("command", ("env", "whoami"))
def test_a_failure_is_annotated(command, code, variables, options, script, step, start_server):
    done = step(*options, command=command, variables=variables, at=start_server(script))
    check_annotation(done, code)
    assert done.outputs == REFUSED


@pytest.mark.parametrize("options", (["--expires-in=8d"], ["--project=unknown"], ["--nonsense"], ["--timeout=0"]))
def test_a_usage_error_is_annotated(options, step):
    check_annotation(step(*options), 2)


def test_an_unsafe_value_is_annotated(step, server, tmp_path):
    (tmp_path / "a\nb").write_bytes(server.ca.read_bytes())
    server.ca = tmp_path / "a\nb"
    check_annotation(step(), 14)


def test_success_annotates_nothing(step):
    assert step().annotations == []


def test_without_the_option_the_runner_is_told_nothing(server, api_key, tmp_path, binary):
    for name in FILES:
        (tmp_path / name).write_bytes(BEFORE)
    places = {"GITHUB_ACTIONS": "true"} | {name: tmp_path / name for name in FILES}
    for key in (api_key, make_key()):
        result = login(server, places | {KEY: key}, "env", secret_in={"stdout", tmp_path / "GITHUB_ENV"})
        assert (tmp_path / "GITHUB_OUTPUT").read_bytes() == (tmp_path / "GITHUB_STEP_SUMMARY").read_bytes() == BEFORE
        assert not any(github.annotation(line) for line in result.out.splitlines())


# Without a credential

@pytest.mark.parametrize("where, text", (
    (FORK, "forks"), (DEPENDABOT | FORK, "Dependabot"), ({}, "name of the secret"),
    ({"GITHUB_EVENT_NAME": "push"}, "name of the secret"),
))
@pytest.mark.parametrize("empty", ({KEY: ""}, {}))
def test_a_missing_secret_says_why(where, text, empty, step):
    done = step(variables=empty | where)
    assert done.code == 3 and text in error_lines(done.err)[1]
    assert text in done.annotations[0][2] and text in done.summary
    assert done.outputs == REFUSED and done.variables == {}


@pytest.mark.parametrize("command", ("env", "whoami"))
@pytest.mark.parametrize("where", (FORK, DEPENDABOT, {}))
def test_skip(command, where, step, server):
    done = step("--if-missing=skip", command=command, variables={KEY: ""} | where)
    assert done.code == 0 and server.connections == 0
    assert re.fullmatch("zenml-login: note: skipped: .*\n", done.err)
    (kind, properties, _), = done.annotations
    assert kind == "notice" and "skipped" in properties["title"]
    assert done.outputs == REFUSED and done.content["GITHUB_ENV"] == BEFORE


@pytest.mark.parametrize("variables, code", (({KEY: "not a key"}, 4), ({KEY: make_key()}, 5)))
def test_skip_is_for_a_missing_credential_only(variables, code, step):
    done = step("--if-missing=skip", variables=variables)
    assert done.code == code and done.annotations[0][0] == "error"


@pytest.mark.parametrize("format", ("shell", "json", "dotenv"))
def test_skip_without_a_step_writes_nothing(format, server, tmp_path, binary):
    path = tmp_path / "out"
    result = login(server, {}, "env", "--if-missing=skip", "--format", format, "--output", str(path))
    assert (result.code, result.out) == (0, "") and not path.exists()
    result = login(server, {}, "env", "--if-missing=skip", "--format", format)
    assert (result.code, result.out) == (0, "") and server.connections == 0


@pytest.mark.parametrize("value", ("", "Skip", "ignore", "true"))
def test_if_missing_takes_two_words(value, binary):
    result = run(["env", "--format=json", f"--if-missing={value}"])
    assert result.code == 2 and "fail" in result.err and "skip" in result.err


# Where there is no such runner

@pytest.mark.parametrize("platform", ({"GITLAB_CI": "true"}, {"TF_BUILD": "True"}, {}))
@pytest.mark.parametrize("command", ("env", "whoami"))
def test_other_platforms(platform, command, server, api_key, tmp_path, binary):
    (tmp_path / "out").write_bytes(b"")
    variables = platform | {KEY: api_key, "GITHUB_OUTPUT": tmp_path / "out"}
    result = login(server, variables, command, "--github-step")
    assert result.code == 2 and "--github-step needs" in result.err and server.connections == 0


@pytest.mark.parametrize("how", (
    "unset GITHUB_OUTPUT", "GITHUB_OUTPUT=", "GITHUB_OUTPUT=/nonexistent/x", 'ln -sf "$GITHUB_ENV" "$GITHUB_OUTPUT"',
    "GITHUB_OUTPUT=/dev/null"))
def test_outputs_that_cannot_be_written(how, step, server):
    done = step(wrapper=in_shell(f'{how}; exec "$@"'))
    assert done.code == 13 and done.content["GITHUB_ENV"] == BEFORE and server.connections == 0
    assert done.annotations[0][1]["title"] == "ZenML login: cannot write the output"


def test_masks_come_before_both_files(step, tmp_path):
    """Only the first bytes of each write: a secret has to stay out of the trace."""
    trace = tmp_path / "trace"
    step(wrapper=traced("-f", "-y", "-s", "12", "-e", "trace=write", "-o", trace))
    calls = re.findall(r'\d+ +write\((\d+)<([^>]*)>, "(.{0,12})', trace.read_text())
    places = ["stdout" if fd == "1" else path.rsplit("/", 1)[1] for fd, path, _ in calls
              if fd == "1" or path.startswith(str(tmp_path))]
    assert places == ["stdout", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"]
