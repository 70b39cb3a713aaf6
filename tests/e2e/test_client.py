"""The real ZenML client with what zenml-login wrote for it, and with nothing else."""

from __future__ import annotations

import json

import pytest

from oracles import github
from program import USAGE, assert_refused, zenml_login
from zenml_admin import Account, Admin
from zenml_client import assert_no_secret_on_disk, client_command, client_environment, client_result, run_client

ALWAYS = {"ZENML_STORE_URL", "DISABLE_CREDENTIALS_DISK_CACHING"}
VARIABLE = {"key": "ZENML_STORE_API_KEY", "token": "ZENML_STORE_API_TOKEN"}


def written_variables(server, account, *options) -> dict[str, str]:
    """What `env --format json` writes for the account's key."""
    result = zenml_login(server.url, "env", "--format", "json", *options, key=account.key,
                         secret_in={"stdout": "key token"})
    assert result.code == 0, result.err
    return json.loads(result.out)


def assert_pipeline_ran(result, account) -> None:
    """The client was the service account, and both steps of its pipeline ran."""
    assert result.code == 0, result.output
    assert (result.told["user"], result.told["is_service_account"]) == (account.name, True)
    assert (result.told["status"], result.told["run_by"]) == ("completed", account.name)
    assert result.told["steps"] == {"make_number": 20, "add_one": 21}


@pytest.mark.parametrize("credential", ["token", "key"])
def test_client_with_written_variables(server, account, tmp_path, credential):
    variables = written_variables(server, account, "--credential", credential)
    assert set(variables) == ALWAYS | {VARIABLE[credential]}
    assert (account.key in variables.values()) == (credential == "key")
    assert_pipeline_ran(run_client(tmp_path, variables, "run"), account)
    assert_no_secret_on_disk(tmp_path, variables[VARIABLE[credential]])


def test_client_after_a_github_step(server, account, tmp_path):
    """A later step of a job sees what the runner reads from GITHUB_ENV."""
    env_file = tmp_path / "env"
    env_file.write_text("BEFORE=1\n")
    result = zenml_login(server.url, "env", key=account.key, secret_in={env_file: "token", "stdout": "key token"},
                         env={"GITHUB_ACTIONS": "true", "GITHUB_ENV": str(env_file)})
    assert result.code == 0, result.err
    variables = github.read(env_file.read_bytes())
    assert {name for name, value in variables.items() if value} == ALWAYS | {VARIABLE["token"], "ZENML_LOGIN_WRITTEN",
                                                                             "BEFORE"}
    assert_pipeline_ran(run_client(tmp_path / "job", variables, "run"), account)
    assert_no_secret_on_disk(tmp_path / "job", variables[VARIABLE["token"]])


@pytest.mark.parametrize("options", [[], ["--credential", "token"]], ids=["key", "token"])
def test_client_under_exec(server, account, tmp_path, options):
    """run.run itself looks for the key in every file that the client writes below tmp_path."""
    result = zenml_login(server.url, "exec", *options, "--", *client_command("run"), key=account.key, timeout=240,
                         cwd=tmp_path, env=client_environment(tmp_path))
    assert_pipeline_ran(client_result(result.code, result.out + result.err), account)
    assert_no_secret_on_disk(tmp_path, account.key)


def test_api_token_is_handed_on(server, account, tmp_path):
    token = account.api_token(600)
    result = zenml_login(server.url, "env", "--format", "json", token=token, secret_in={"stdout": "token"})
    assert result.code == 0, result.err
    variables = json.loads(result.out)
    assert variables[VARIABLE["token"]] == token
    assert_pipeline_ran(run_client(tmp_path, variables, "run"), account)


def test_client_may_cache_when_allowed(server, account, tmp_path):
    variables = written_variables(server, account, "--allow-disk-cache")
    assert set(variables) == {"ZENML_STORE_URL", VARIABLE["token"]}
    assert run_client(tmp_path, variables).told["user"] == account.name
    assert (tmp_path / "config" / "credentials.yaml").exists()


def test_project_by_name(start_own, tmp_path):
    """With two projects on the server the client cannot guess; it needs the UUID, since names break it."""
    server = start_own()
    admin = Admin.of(server)
    account, project_id = Account(admin, "ci-bot"), admin.create_project("team-alpha")
    without = run_client(tmp_path / "without", written_variables(server, account), "project")
    assert without.code != 0 and "No project is currently set as active" in without.output
    for project in ("team-alpha", project_id):
        variables = written_variables(server, account, "--project", project)
        assert variables["ZENML_ACTIVE_PROJECT_ID"] == project_id
        result = run_client(tmp_path / project, variables, "run", "project")
        assert result.told["project"] == project_id, result.output
        assert_pipeline_ran(result, account)


def test_unknown_project(server, account):
    result = zenml_login(server.url, "env", "--format", "json", "--project", "nowhere", key=account.key)
    assert_refused(result, USAGE, "project")
