"""action/gitlab/login.yml in pipelines: gitlab-ci-local runs them, against the real ZenML server where it matters."""

from __future__ import annotations

import hashlib
import re
import subprocess

import pytest

from gitlab_project import TEMPLATE, Project
from oracles import gitlab
from yaml_file import documents
from zenml_admin import encode_key
from zenml_client import assert_no_secret_on_disk, client_command, client_environment, client_result

USAGE, MISSING, REJECTED, IDENTITY = 2, 3, 5, 7

WORK = """
work:
  extends: .zenml-login
  script:
    - echo "the script runs ${ZENML_STORE_API_TOKEN:+with a token}"
"""


@pytest.fixture
def project(tmp_path, binary, ci_tools) -> Project:
    return Project(tmp_path, binary, ci_tools)


@pytest.fixture
def template(ci_tools) -> list:
    """The two documents of the template: what it takes, and what it makes of it."""
    return documents(ci_tools, TEMPLATE.read_text())


def assert_no_token(pipeline) -> None:
    """No token is in the log: GitLab would show it, since only variables of the project are masked."""
    assert not re.search(r"eyJ[\w-]+\.[\w-]+\.", pipeline.output)


def ran(pipeline) -> bool:
    """Whether the script of the job `work` was reached."""
    return "\nthe script runs" in "\n" + pipeline.logs.get("work", "")


# With the real server and the real client


CLIENT_JOBS = """
work:
  extends: .zenml-login
  script:
    - ZENML_CONFIG_PATH="$HOME/work" $CLIENT run
wrapped:
  script:
    - ZENML_CONFIG_PATH="$HOME/wrapped" "$PROGRAM" exec --server "$SERVER_URL" --credential token -- $CLIENT
later:
  needs: [zenml-login]
  script:
    - echo "$ZENML_STORE_URL, $DISABLE_CREDENTIALS_DISK_CACHING, token ${ZENML_STORE_API_TOKEN:-none}"
"""


def test_login(zenml, account, project):
    """The job itself, an exec wrapper, and a job that gets the report."""
    variables = {"CLIENT": " ".join(client_command()), "PROGRAM": str(project.program), "SERVER_URL": zenml.url,
                 "ZENML_STORE_API_KEY": account.key}
    inputs = {"server-url": "$SERVER_URL", "expect-user": account.name}
    pipeline = project.run(CLIENT_JOBS, inputs, variables | client_environment(project.home), secrets=[account.key])
    assert pipeline.code == 0, pipeline.output
    assert pipeline.statuses == dict.fromkeys(["zenml-login", "work", "wrapped", "later"], 0)
    for job in ("work", "wrapped"):
        told = client_result(0, pipeline.logs[job]).told
        assert (told["user"], told["is_service_account"]) == (account.name, True)
        assert_no_secret_on_disk(project.home / job, account.key)
    assert client_result(0, pipeline.logs["work"]).told["status"] == "completed"
    # GitLab's own rule for the report, since that of gitlab-ci-local is another one.
    expected = {"ZENML_STORE_URL": zenml.url, "DISABLE_CREDENTIALS_DISK_CACHING": "true"}
    assert gitlab.read(pipeline.reports["zenml-login"]) == expected
    assert f"\n{zenml.url}, true, token none\n" in pipeline.logs["later"]
    assert_no_token(pipeline)


def test_wrong_key(zenml, account, project):
    """Both jobs fail with the program's exit code, and neither the script nor a later job runs."""
    variables = {"ZENML_STORE_URL": zenml.url, "ZENML_API_KEY": encode_key(account.key_id, "0" * 64)}
    work = WORK + "  needs: []\nlater:\n  needs: [zenml-login]\n  script: [echo reached]\n"
    pipeline = project.run(work, {"stage": "test"}, variables)
    assert pipeline.code != 0
    assert pipeline.statuses == {"zenml-login": REJECTED, "work": REJECTED}
    assert "zenml-login: the server rejected the credential (HTTP 401)" in pipeline.logs["work"]
    assert not ran(pipeline) and not pipeline.reports


def test_another_account_is_refused(zenml, account, project):
    variables = {"ZENML_STORE_URL": zenml.url, "ZENML_API_KEY": account.key}
    pipeline = project.run(WORK, {"expect-user": "somebody-else"}, variables)
    assert pipeline.statuses == {"zenml-login": IDENTITY} and not ran(pipeline)


# With the test server


@pytest.mark.parametrize("name", ["ZENML_STORE_API_KEY", "ZENML_API_KEY", "ZENML_STORE_API_KEY_FILE",
                                  "ZENML_API_KEY_FILE"])
def test_key_variables(plain_server, api_key, project, name):
    """Masked variables and those of type File; in token mode the script does not see them."""
    given = {name: api_key}
    variables, files = ({}, given) if name.endswith("_FILE") else (given, {})
    work = WORK + "    - echo names $(env | cut -d= -f1 | grep API_KEY)\n"
    pipeline = project.run(work, {"server-url": plain_server.url}, variables, files)
    assert pipeline.code == 0, pipeline.output
    assert "\nthe script runs with a token\n" in pipeline.logs["work"] and "\nnames\n" in pipeline.logs["work"]
    assert_no_token(pipeline)


def test_key_mode(plain_server, api_key, project):
    """The job has the key, which the runner masks, and the report of later jobs has not."""
    work = WORK.replace("echo", 'test "$ZENML_STORE_API_KEY" = "$ZENML_API_KEY" && echo')
    pipeline = project.run(work, {"credential": "key", "server-url": plain_server.url}, {"ZENML_API_KEY": api_key})
    assert pipeline.code == 0 and ran(pipeline), pipeline.output
    assert set(gitlab.read(pipeline.reports["zenml-login"])) == {"ZENML_STORE_URL", "DISABLE_CREDENTIALS_DISK_CACHING"}


@pytest.mark.parametrize("if_missing, code", [("fail", MISSING), ("skip", 0)])
def test_missing_key(plain_server, project, if_missing, code):
    pipeline = project.run(WORK + "  needs: []\n",
                           {"if-missing": if_missing, "server-url": plain_server.url, "stage": "test"}, {})
    assert pipeline.statuses == {"zenml-login": code, "work": code}
    assert ran(pipeline) == (code == 0) and "with a token" not in pipeline.logs["work"].split("\nthe script", 1)[-1]
    assert not plain_server.requests and not pipeline.reports


def test_debug_trace(plain_server, api_key, project):
    """GitLab's runner begins a job with `set -x` when CI_DEBUG_TRACE is true. Our lines print no secret even then, say
    that later lines may, and leave the trace on."""
    work = WORK + "  before_script:\n    - set -x\n    - !reference [.zenml-login, before_script]\n"
    pipeline = project.run(work, {"server-url": plain_server.url}, {"ZENML_API_KEY": api_key, "CI_DEBUG_TRACE": "true"})
    assert pipeline.code == 0, pipeline.output
    assert "zenml-login: warning: CI_DEBUG_TRACE" in pipeline.logs["work"]
    assert "+ echo 'the script runs with a token'" in pipeline.logs["work"]
    assert_no_token(pipeline)


# Inputs


BAD_INPUTS = {"credential": "both", "if-missing": "perhaps", "expires-in": "six hours", "timeout": "soon",
              "allow-disk-cache": "maybe", "sha256": "abc"}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input_is_named(project, name):
    pipeline = project.run(WORK, {name: BAD_INPUTS[name]}, {})
    assert pipeline.code != 0 and not pipeline.statuses
    assert f"`{name}` input" in pipeline.output


# What makes our program get its options, and which ones those are.
INPUTS = {
    "server-url": "--server", "expires-in": "--expires-in", "project": "--project", "expect-user": "--expect-user",
    "expect-server-id": "--expect-server-id", "ca-file": "--ca-file", "timeout": "--timeout",
    "credential": "--credential", "if-missing": "--if-missing",
}
NO_OPTION = {"allow-disk-cache", "binary", "sha256", "stage"}  # each has a test of its own
RECORDER = """#!/bin/sh
printf '%s\\n' "$@" >>"$HOME/recorded"
"""


@pytest.fixture
def recorded(project):
    """A function that runs a pipeline with these inputs and returns the words that the program got."""
    program = project.home / "recorder"
    program.write_text(RECORDER)
    program.chmod(0o755)
    project.program = program

    def run(inputs) -> list[str]:
        pipeline = project.run(WORK + "zenml-login:\n  rules: [{when: never}]\n", inputs, {})
        assert pipeline.code == 0, pipeline.output
        assert not list(project.folder.parent.rglob("pwned"))
        return (project.home / "recorded").read_text().splitlines()

    return run


def test_every_input_becomes_its_option(recorded):
    values = {"credential": "key", "if-missing": "skip", "expires-in": "90m", "timeout": 7}
    inputs = {name: values.get(name, f"the-{name}") for name in INPUTS}
    words = recorded(inputs | {"allow-disk-cache": True})
    assert words[0] == "env" and "--allow-disk-cache" in words
    assert {name: words[words.index(option) + 1] for name, option in INPUTS.items()} == {
        name: str(value) for name, value in inputs.items()}
    assert len(words) == 1 + 2 * len(INPUTS) + len(["--allow-disk-cache", "--format", "gitlab"])


def test_inputs_not_given_are_no_options(recorded):
    assert recorded({}) == ["env", "--format", "gitlab", "--credential", "token", "--timeout", "30",
                            "--if-missing", "fail"]


@pytest.mark.parametrize("values", [
    ["$(touch pwned)", "`touch pwned`", "x; touch pwned", 'x" && touch pwned && "', "*"],
    ["a  b", "-n", "\\", "#", "\u00e9"]], ids=["commands", "characters"])
def test_no_input_is_read_as_shell(recorded, values):
    inputs = dict(zip(("server-url", "project", "expect-user", "expect-server-id", "ca-file"), values))
    words = recorded(inputs)
    assert {name: words[words.index(INPUTS[name]) + 1] for name in inputs} == inputs


def test_every_input_is_described_and_tested(template):
    inputs = template[0]["spec"]["inputs"]
    assert set(inputs) == set(INPUTS) | NO_OPTION
    assert all(entry["description"].endswith(".") and "default" in entry for entry in inputs.values())
    assert set(BAD_INPUTS) == {name for name, entry in inputs.items() if {"options", "regex", "type"} & set(entry)}


# The program


@pytest.mark.parametrize("right", [True, False])
def test_sha256_of_the_program(plain_server, api_key, project, right):
    content = project.program.read_bytes()
    digest = hashlib.sha256(content if right else content + b"\0").hexdigest()
    pipeline = project.run(WORK, {"sha256": digest, "server-url": plain_server.url}, {"ZENML_API_KEY": api_key})
    assert pipeline.statuses["zenml-login"] == (0 if right else USAGE)
    assert ran(pipeline) == right
    if not right:
        assert "fix: fetch the program again" in pipeline.logs["zenml-login"] and not plain_server.requests


def test_program_on_path(plain_server, api_key, project):
    bin_folder = project.home / "bin"
    bin_folder.mkdir()
    (bin_folder / "zenml-login").symlink_to(project.program)
    variables = {"ZENML_API_KEY": api_key, "PATH": f"{bin_folder}:/usr/bin:/bin"}
    assert ran(project.run(WORK, {"binary": "zenml-login", "server-url": plain_server.url}, variables))


def test_no_such_program(project):
    pipeline = project.run(WORK, {"binary": "/nowhere/zenml-login"}, {})
    assert pipeline.statuses == {"zenml-login": USAGE}
    assert "zenml-login: there is no program /nowhere/zenml-login\n" in pipeline.logs["zenml-login"]


# The file


@pytest.mark.parametrize("shell", [["bash", "-eo", "pipefail"], ["dash", "-e"], ["busybox", "sh", "-e"]], ids=" ".join)
def test_every_shell_runs_it(plain_server, api_key, binary, template, shell):
    """Many images have no bash; the runner then takes sh."""
    job = template[1][".zenml-login"]
    inputs = {name: str(entry["default"]).lower() if entry["default"] is False else str(entry["default"])
              for name, entry in template[0]["spec"]["inputs"].items()}
    inputs |= {"binary": str(binary), "server-url": plain_server.url}
    variables = {name: re.sub(r"\$\[\[ inputs\.(.*?) ]]", lambda match: inputs[match[1]], value)
                 for name, value in job["variables"].items()}
    script = "\n".join([*job["before_script"], 'printf %s "$ZENML_STORE_API_TOKEN"'])
    done = subprocess.run([*shell, "-c", script], capture_output=True, text=True, timeout=20,
                          env={"PATH": "/usr/bin:/bin", "ZENML_API_KEY": api_key} | variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("eyJ")


def test_schema(lints, tmp_path):
    """By GitLab's own schema. It does not know the header with the inputs."""
    jobs = tmp_path / "jobs.yml"
    jobs.write_text(TEMPLATE.read_text().partition("\n---\n")[2])
    lints.schema("gitlab-ci", jobs)
