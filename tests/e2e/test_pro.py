"""Keys of ZenML Pro at a real workspace, whose Pro is a stub: whatever Pro may answer about a key."""

from __future__ import annotations

import json

import pytest

import pro_api
import pro_workspace
from oracles import github
from pro_api import ANSWERS, CANNOT_ASK, REFUSED, VOUCH, ProApi
from pro_workspace import PRO_LOGIN, Workspace
from program import IDENTITY, REJECTED, assert_refused, whoami, zenml_login
from tls_server import Reply
from zenml_admin import call
from zenml_client import assert_no_secret_on_disk, run_client

OUTAGE = "an outage of ZenML Pro looks the same"


@pytest.fixture(scope="module")
def workspace(server, tmp_path_factory) -> Workspace:
    """A workspace that has been migrated to Pro: it begins with what the shared server holds."""
    with pro_workspace.migrated(server, tmp_path_factory.mktemp("pro")) as running:
        yield running


def written_variables(workspace: Workspace, credential: str, key: str) -> dict[str, str]:
    """What `env --format json` writes for the key."""
    result = zenml_login(workspace.url, "env", "--format", "json", "--credential", credential, key=key,
                         secret_in={"stdout": credential})
    assert result.code == 0, result.err
    return json.loads(result.out)


# A key that Pro vouches for

@pytest.mark.parametrize("account, kind", pro_api.VOUCHED.values(), ids=pro_api.VOUCHED)
def test_whose_the_key_is(workspace, account, kind):
    told = whoami(workspace.url, key=workspace.pro.make_key(account))
    name = (account.json if isinstance(account, Reply) else account)["username"]
    assert (told["account"]["name"], told["account"]["kind"]) == (name, kind)
    assert told["server"]["id"] == workspace.id
    assert (told["credential"]["kind"], told["credential"]["key_id"]) == ("api_key", None)


@pytest.mark.parametrize("command, further", [
    (["whoami"], []),
    (["env", "--format", "json", "--credential", "key"], []),
    (["env", "--format", "json", "--credential", "token"], ["GET /api/v1/api_token"]),
], ids=["whoami", "env key", "env token"])
def test_nothing_else_is_asked(workspace, command, further):
    """The workspace asks Pro once, and we do not ask it at all, whatever ZENML_PRO_API_URL says."""
    key = workspace.pro.make_key(pro_api.account("frugal"))
    before, asked_before = len(workspace.requests()), len(workspace.asked())
    result = zenml_login(workspace.url, *command, key=key, env={"ZENML_PRO_API_URL": workspace.pro_server.url},
                         secret_in={"stdout": "key token"})
    assert result.code == 0, result.err
    assert workspace.requests()[before:] == PRO_LOGIN + further
    assert workspace.asked()[asked_before:] == [VOUCH]


def test_expected_account_and_server(workspace):
    key = workspace.pro.make_key(pro_api.account("known"))
    told = whoami(workspace.url, "--expect-user", "known", "--expect-server-id", workspace.id, key=key)
    whoami(workspace.url, "--expect-user", told["account"]["id"], key=key)
    assert_refused(zenml_login(workspace.url, "whoami", "--expect-user", "other", key=key), IDENTITY, "known")


# A key that Pro does not vouch for, or cannot

@pytest.mark.parametrize("answer, words", ANSWERS.values(), ids=ANSWERS)
def test_no_vouching(workspace, answer, words, tmp_path):
    """The workspace says 401 to all of that: so do we, and that it may be an outage. Nothing is tried twice."""
    key, env_file = workspace.pro.make_key(answer), tmp_path / "env"
    env_file.touch()
    github_step = {"GITHUB_ACTIONS": "true", "GITHUB_ENV": str(env_file)}
    commands = [["whoami"], ["env", "--format", "json"], ["env"], ["exec", "--", "echo", "this ran"]]
    for command in commands[:1] if answer.delay else commands:
        before = len(workspace.requests())
        result = zenml_login(workspace.url, *command, key=key, env=github_step if command == ["env"] else None)
        assert_refused(result, REJECTED, words)
        assert OUTAGE in result.err.splitlines()[1]
        assert workspace.requests()[before:] == PRO_LOGIN[:2]
    assert env_file.read_bytes() == b""


def test_refusal_as_json(workspace):
    result = zenml_login(workspace.url, "whoami", "--json", key=workspace.pro.make_key(Reply(503)))
    told = json.loads(result.out)["error"]
    assert (result.code, told["status"], told["exit_code"], told["http_status"]) == (REJECTED, "rejected", 5, 401)
    assert CANNOT_ASK in told["detail"] and OUTAGE in told["next"]


def test_key_that_pro_does_not_know(workspace):
    assert_refused(zenml_login(workspace.url, "whoami", key=ProApi().make_key({})), REJECTED, REFUSED)


def test_an_outage_is_not_remembered(workspace):
    key = workspace.pro.make_key(pro_api.account("patient"), Reply(503), pro_api.account("patient"))
    codes = [zenml_login(workspace.url, "whoami", key=key).code for _ in range(3)]
    assert codes == [0, REJECTED, 0]


def test_a_login_outlives_an_outage(workspace):
    """Pro is asked when a key logs in, and not about the token that comes of it."""
    key = workspace.pro.make_key(pro_api.account("lasting"), Reply(503))
    token = written_variables(workspace, "token", key)["ZENML_STORE_API_TOKEN"]
    assert zenml_login(workspace.url, "whoami", key=key).code == REJECTED
    assert whoami(workspace.url, token=token)["account"]["name"] == "lasting"


# What is handed on

def assert_client_is(account: dict, result) -> None:
    """The ZenML client was this account of Pro, and its pipeline ran."""
    assert result.code == 0, result.output
    expected = {"user": account["username"], "is_service_account": account["is_service_account"],
                "run_by": account["username"], "status": "completed"}
    assert result.told.items() >= expected.items()


@pytest.mark.parametrize("account", [
    pro_api.account("robot-of-tokens"),
    pro_api.account("person-of-tokens", is_service_account=False, email="person@example.test"),
], ids=["service account", "person"])
def test_client_with_a_token(workspace, account, tmp_path):
    """The client needs to know nothing of Pro, and sends nothing there."""
    key = workspace.pro.make_key(account)
    variables = written_variables(workspace, "token", key)
    assert set(variables) == {"ZENML_STORE_URL", "ZENML_STORE_API_TOKEN", "DISABLE_CREDENTIALS_DISK_CACHING"}
    assert_client_is(account, run_client(tmp_path, variables, "run"))
    assert_no_secret_on_disk(tmp_path, variables["ZENML_STORE_API_TOKEN"])
    assert workspace.logins_at_pro(key) == 0


@pytest.mark.parametrize("given", [None, "https://pro.example.test/"], ids=["no URL", "another URL"])
def test_client_with_the_key(workspace, given, tmp_path):
    """The client finds the key under the very URL that /info tells, and under no other."""
    account = pro_api.account("robot-of-keys")
    key, env_file = workspace.pro.make_key(account), tmp_path / "env"
    env_file.write_text(f"ZENML_PRO_API_URL={given}\n" if given else "")
    step = {"GITHUB_ACTIONS": "true", "GITHUB_ENV": str(env_file)} | ({"ZENML_PRO_API_URL": given} if given else {})
    result = zenml_login(workspace.url, "env", "--credential", "key", key=key, env=step,
                         secret_in={env_file: "key", "stdout": "key"})
    assert result.code == 0, result.err
    variables = github.read(env_file.read_bytes())
    assert variables["ZENML_PRO_API_URL"] == call(f"{workspace.url}/api/v1/info")["pro_api_url"]
    assert_client_is(account, run_client(tmp_path / "job", variables, "run"))
    assert_no_secret_on_disk(tmp_path / "job", key)
    assert workspace.logins_at_pro(key) == 1


@pytest.mark.parametrize("credential", ["key", "token"])
def test_command_gets_the_url_of_pro(workspace, credential):
    key = workspace.pro.make_key(pro_api.account("robot-of-exec"))
    result = zenml_login(workspace.url, "exec", "--credential", credential, "--", "sh", "-c",
                         'echo "<$ZENML_PRO_API_URL>"', key=key)
    assert (result.code, result.out) == (0, f"<{workspace.pro_server.url if credential == 'key' else ''}>\n")


# A local key at a workspace, and a key of Pro at a server that is none

def test_local_key_of_a_migrated_workspace(workspace, tmp_path):
    """It logs in as before, without a word of Pro."""
    account, asked_before = workspace.migrated, len(workspace.asked())
    told = whoami(workspace.url, key=account.key)
    assert told["account"] == {"id": account.id, "name": account.name, "kind": "service_account"}
    assert (told["server"]["id"], told["credential"]["key_id"]) == (workspace.id, account.key_id)
    for credential in ("key", "token"):
        variables = written_variables(workspace, credential, account.key)
        assert "ZENML_PRO_API_URL" not in variables
        result = run_client(tmp_path / credential, variables)
        assert result.told == {"user": account.name, "is_service_account": True}, result.output
    assert workspace.asked()[asked_before:] == []


def test_account_that_pro_has_adopted(workspace):
    """A service account of Pro becomes the local one of the same name, and the local key stays good."""
    account = workspace.migrated
    for key in (workspace.pro.make_key(pro_api.account(account.name)), account.key):
        assert whoami(workspace.url, key=key)["account"]["id"] == account.id


def test_key_of_pro_at_an_ordinary_server(server):
    """tests/faults/test_pro.py shows that the server does not even see it."""
    result = zenml_login(server.url, "whoami", key=ProApi().make_key({}))
    assert_refused(result, REJECTED, "the server is no workspace")
    assert OUTAGE not in result.err
