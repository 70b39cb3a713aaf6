"""docs/rotation.md, sentence by sentence: `<!-- case: NAME -->` stands behind what test_NAME tries on a real server."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import time
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest

import pro_api
import zenml_server
from program import REJECTED, USAGE, assert_refused, assert_rejected, claims, whoami, zenml_login
from tls_server import Reply, Server
from zenml_admin import Account, Admin, call, log_in_with_key, mint_token
from zenml_client import client_environment

DOCUMENT = Path(__file__).parents[2] / "docs" / "rotation.md"
MALFORMED, ENDS_SOON = 4, 15
RETENTION_MINUTES = 30
HOURS, DAYS = 3600, 24 * 3600


@pytest.fixture
def key_file(tmp_path):
    """A function that puts these keys into a file, a line each; returns its path."""
    def write(*keys: str) -> Path:
        path = tmp_path / "api-key"
        path.write_text("".join(f"{key}\n" for key in keys))
        return path
    return write


def with_file(server, path: Path, *command: str, **options):
    """Runs a command with the key in a file."""
    return zenml_login(server.url, *command, env={"ZENML_STORE_API_KEY_FILE": str(path)}, **options)


def end_retention(server, account: Account) -> None:
    """Makes the rotation longer ago than its retention. The server counts retention in minutes."""
    with closing(sqlite3.connect(Path(server.directory) / zenml_server.DATABASE, timeout=30)) as database, database:
        changed = database.execute("UPDATE api_key SET last_rotated = datetime(last_rotated, ?) WHERE id = ?",
                                   (f"-{RETENTION_MINUTES + 1} minutes", account.key_id.replace("-", "")))
        assert changed.rowcount == 1


def token_of(server, key: str, seconds: int = HOURS) -> str:
    """A fresh API token, made with that key."""
    return mint_token(server.url, log_in_with_key(server.url, key), seconds)


def handed_on(result) -> dict[str, str]:
    """The variables of `env --format json`, which must have gone well."""
    assert result.code == 0, result.err
    return json.loads(result.out)


def sample(name: str) -> str:
    """The code block below `<!-- sample: NAME -->`."""
    return re.search(rf"<!-- sample: {name} -->\n```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[1]


def in_client(server, folder: Path, account: Account, script: str) -> None:
    """Runs a block of the document for the account and its key `ci` where the ZenML client is the administrator's."""
    script = script.replace("ci-bot", account.name).replace(" default ", " ci ")
    variables = {"ZENML_STORE_URL": server.url, "ZENML_STORE_API_TOKEN": Admin.of(server).token,
                 "DISABLE_CREDENTIALS_DISK_CACHING": "true"}
    environment = client_environment(folder / "client") | variables
    environment["PATH"] = f"{Path(zenml_server.venv_program('zenml')).parent}:{environment['PATH']}"
    done = subprocess.run(["sh", "-euc", script], env=environment, cwd=folder,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


def test_document():
    """Every marked sentence has its case, and every case its sentence."""
    marked = re.findall(r"<!-- case: (\w+) -->", DOCUMENT.read_text())
    cases = [name.removeprefix("test_") for name in globals() if name.startswith("test_")]
    assert sorted(marked) == sorted(set(cases) - {"document", "commands"})


def test_commands(server, account, key_file, tmp_path):
    """The blocks of the document, in its order, on a machine with one file."""
    path, old = key_file(account.key), account.key
    in_client(server, tmp_path, account, sample("rotate"))
    new = (tmp_path / "new-key").read_text().strip()
    subprocess.run(["sh", "-euc", sample("two-lines").replace("/etc/zenml", str(tmp_path))], cwd=tmp_path, check=True)
    assert path.read_text().split() == [new, old] and path.stat().st_mode & 0o077 == 0
    result = with_file(server, path, "whoami")
    assert (result.code, result.err) == (0, "")
    in_client(server, tmp_path, account, sample("reserve"))
    assert_rejected(server.url, key=new)
    reserve = (tmp_path / "new-key").read_text().strip()
    assert whoami(server.url, key=reserve)["account"]["id"] == account.id
    assert zenml_login(server.url, *sample("monitor").split()[1:], key=reserve).code == 0
    in_client(server, tmp_path, account, sample("deactivate"))
    assert_rejected(server.url, key=reserve)


# 1. Rotate

def test_both_keys_log_in_within_the_retention(server, account):
    for key in (account.key, account.rotate_key(RETENTION_MINUTES)):
        assert whoami(server.url, key=key)["account"]["id"] == account.id


def test_old_key_is_rejected_after_the_retention(server, account):
    old, new = account.key, account.rotate_key(RETENTION_MINUTES)
    end_retention(server, account)
    assert_rejected(server.url, key=old)
    whoami(server.url, key=new)


def test_old_key_is_rejected_at_once_without_retention(server, account):
    old, new = account.key, account.rotate_key(0)
    assert_rejected(server.url, key=old)
    whoami(server.url, key=new)


def test_tokens_made_before_the_rotation_end_with_the_old_key(server, account):
    token = account.api_token(HOURS)
    account.rotate_key(RETENTION_MINUTES)
    whoami(server.url, token=token)
    end_retention(server, account)
    assert_rejected(server.url, token=token)


def test_token_made_within_the_retention_outlives_it(server, account):
    old = account.key
    account.rotate_key(RETENTION_MINUTES)
    token = token_of(server, old)
    end_retention(server, account)
    assert_rejected(server.url, key=old)
    whoami(server.url, token=token)


def test_another_rotation_ends_the_first_key(server, account):
    first, second, third = account.key, account.rotate_key(RETENTION_MINUTES), account.rotate_key(RETENTION_MINUTES)
    assert_rejected(server.url, key=first)
    for key in (second, third):
        whoami(server.url, key=key)


# 2. Hand it out

def test_second_key_is_tried_only_after_a_rejected_first(server, account, key_file):
    """Seen by the requests of the program, which -v tells."""
    old, new = account.key, account.rotate_key(0)
    for keys, logins in (((new, old), [200]), ((old, new), [401, 200])):
        result = with_file(server, key_file(*keys), "whoami", "-v")
        assert result.code == 0
        assert [int(code) for code in re.findall(r"POST /api/v1/login -> (\d+)", result.err)] == logins


def test_the_log_says_that_the_second_key_was_tried(server, account, key_file):
    old, new = account.key, account.rotate_key(0)
    told = re.search(r"`(zenml-login: note: .*?)`", DOCUMENT.read_text())[1]
    assert with_file(server, key_file(old, new), "whoami").err == f"{told}\n"
    assert with_file(server, key_file(new, old), "whoami").err == ""


def test_never_more_than_two_attempts(server, account, key_file):
    keys = [account.key, account.rotate_key(0), account.rotate_key(0)]
    result = with_file(server, key_file(*keys[:2]), "whoami", "-v")
    assert result.code == REJECTED and result.err.count("POST /api/v1/login -> 401") == 2
    assert_refused(with_file(server, key_file(*keys), "whoami", "-v"), MALFORMED, "more than two lines")


def test_the_key_that_logged_in_is_handed_on(server, account, key_file):
    path = key_file(account.key, account.rotate_key(0))
    result = with_file(server, path, "exec", "--", "printenv", "ZENML_STORE_API_KEY", secret_in={"stdout": "key"})
    assert (result.code, result.out.strip()) == (0, account.key)
    result = with_file(server, path, "env", "--credential", "key", "--format", "json", secret_in={"stdout": "key"})
    assert handed_on(result)["ZENML_STORE_API_KEY"] == account.key


def test_second_line_locks_nobody_out(start_own, key_file):
    """Five logins a minute are allowed, and these are eight."""
    limited = start_own(RATE_LIMIT_ENABLED="true")
    account = Account(Admin.of(limited), "ci-bot")
    path = key_file(account.key, account.rotate_key(0))
    assert [with_file(limited, path, "whoami").code for _ in range(4)] == [0] * 4


def test_command_keeps_the_key_that_it_was_started_with(server, account, key_file, tmp_path):
    old = account.key
    path = key_file(old)
    (tmp_path / "new").write_text(account.rotate_key(RETENTION_MINUTES))
    script = f"mv {tmp_path / 'new'} {path} && printenv ZENML_STORE_API_KEY"
    result = with_file(server, path, "exec", "--", "sh", "-c", script, secret_in={"stdout": "key", path: "key"})
    assert (result.code, result.out.strip()) == (0, old)
    assert path.read_text() == account.key


# 3. Look, and tidy up

def test_rotation_keeps_the_id_of_the_key(server, account):
    for key in (account.key, account.rotate_key(RETENTION_MINUTES)):
        assert whoami(server.url, key=key)["credential"]["key_id"] == account.key_id


# A key in reserve

def test_machines_go_on_with_the_key_in_reserve(server, account, key_file):
    body = {"name": "reserve", "description": ""}
    reserve = account.admin.request("POST", f"service_accounts/{account.id}/api_keys", body)["body"]["key"]
    path = key_file(account.key, reserve)
    assert with_file(server, path, "whoami").err == ""
    account.set_key_active(False)
    result = with_file(server, path, "whoami")
    assert result.code == 0 and f"account id: {account.id}\n" in result.out


# How long a token lives

@pytest.mark.parametrize("options, seconds", (([], 6 * HOURS), (["--expires-in", "90m"], 5400)))
def test_token_lives_as_long_as_asked_for(options, seconds, server, account):
    told = handed_on(zenml_login(server.url, "env", "--format", "json", *options, key=account.key,
                                 secret_in={"stdout": "token"}))
    result = zenml_login(server.url, "exec", "--credential", "token", *options, "--", "printenv",
                         "ZENML_STORE_API_TOKEN", key=account.key, secret_in={"stdout": "token"})
    for token in (told["ZENML_STORE_API_TOKEN"], result.out.strip()):
        assert abs(claims(token)["exp"] - claims(token)["iat"] - seconds) <= 1


def test_seven_days_at_most(server, account):
    handed_on(zenml_login(server.url, "env", "--format", "json", "--expires-in", "7d", key=account.key,
                          secret_in={"stdout": "token"}))
    result = zenml_login(server.url, "env", "--format", "json", "--expires-in", "169h", key=account.key)
    assert_refused(result, USAGE, rf"--expires-in {7 * DAYS}\b")


def test_env_says_until_when(server, account):
    result = zenml_login(server.url, "env", "--format", "json", key=account.key, secret_in={"stdout": "token"})
    ends = datetime.fromtimestamp(claims(handed_on(result)["ZENML_STORE_API_TOKEN"])["exp"], timezone.utc)
    assert f"valid until {ends:%Y-%m-%dT%H:%M:%SZ}" in result.err


def test_login_with_a_deactivated_key(server, account):
    account.set_key_active(False)
    assert_rejected(server.url, key=account.key)


def test_token_of_a_deactivated_key(server, account):
    token = account.api_token(HOURS)
    whoami(server.url, token=token)
    account.set_key_active(False)
    assert_rejected(server.url, token=token)


def test_login_with_a_key_of_a_deactivated_account(server, account):
    account.set_active(False)
    assert_rejected(server.url, key=account.key)


def test_token_of_a_deactivated_account(server, account):
    token = account.api_token(HOURS)
    whoami(server.url, token=token)
    account.set_active(False)
    assert_rejected(server.url, token=token)


def test_key_and_token_of_a_deleted_key(server, account):
    token = account.api_token(HOURS)
    account.delete_key()
    assert_rejected(server.url, key=account.key)
    assert_rejected(server.url, token=token)


def test_key_and_token_of_a_deleted_account(server, account):
    token = account.api_token(HOURS)
    account.delete()
    assert_rejected(server.url, key=account.key)
    assert_rejected(server.url, token=token)


def test_token_made_before_a_rotation_with_its_old_key_gone(server, account):
    token = account.api_token(HOURS)
    whoami(server.url, token=token)
    account.rotate_key(0)
    assert_rejected(server.url, token=token)


def test_whoami_tells_the_release(server, account):
    assert whoami(server.url, key=account.key)["server"]["version"] == call(f"{server.url}/api/v1/info")["version"]


def test_deactivation_can_be_undone(server, account):
    token = account.api_token(HOURS)
    for switch in (account.set_key_active, account.set_active):
        switch(False)
        assert_rejected(server.url, token=token)
        switch(True)
        whoami(server.url, key=account.key)
        whoami(server.url, token=token)


def test_tokens_of_a_revoked_key_of_pro(start_own):
    pro = pro_api.ProApi()
    key = pro.make_key(pro_api.account("robot"), pro_api.account("robot"), Reply(401))
    with Server(healthy=pro) as api:
        settings = {name.removeprefix("ZENML_SERVER_"): value
                    for name, value in pro_api.workspace_settings(api.url).items()}
        workspace = start_own(**settings)
        login_token = log_in_with_key(workspace.url, key)
        token = handed_on(zenml_login(workspace.url, "env", "--format", "json", key=key,
                                      secret_in={"stdout": "token"}))["ZENML_STORE_API_TOKEN"]
        assert_rejected(workspace.url, key=key)
        for accepted in (login_token, token):
            assert whoami(workspace.url, token=accepted)["account"]["name"] == "robot"


# A monitor

def test_monitor_warns_of_a_token_that_ends_soon(server, account):
    for seconds, code in ((2 * HOURS, 0), (HOURS - 60, ENDS_SOON)):
        token = account.api_token(seconds)
        result = zenml_login(server.url, "whoami", "--json", "--min-ttl", "1h", token=token)
        ends = datetime.fromtimestamp(claims(token)["exp"], timezone.utc)
        assert (result.code, json.loads(result.out)["credential"]["expires_at"]) == (code, f"{ends:%Y-%m-%dT%H:%M:%SZ}")


def test_object_is_printed_all_the_same(server, account):
    token = account.api_token(60)
    result = zenml_login(server.url, "whoami", "--json", "--min-ttl", "1h", token=token)
    assert result.code == ENDS_SOON and json.loads(result.out) == whoami(server.url, token=token)


def test_token_that_has_ended_is_rejected(server, account):
    token = account.api_token(-60)
    assert claims(token)["exp"] < time.time()
    assert_refused(zenml_login(server.url, "whoami", "--min-ttl", "1h", token=token), REJECTED)


def test_no_end_of_a_key_is_told(server, account):
    for key in (account.key, account.rotate_key(RETENTION_MINUTES)):
        assert whoami(server.url, "--min-ttl", "366d", key=key)["credential"]["expires_at"] is None
