"""Credentials in every state that a ZenML server knows, shown to it by `zenml-login whoami`."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest

from program import IDENTITY, USAGE, assert_refused, assert_rejected, claims, whoami, zenml_login
from zenml_admin import call, encode_key

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
WRONG_SECRET = "0" * 64


def test_key_logs_in(server, account):
    info = call(f"{server.url}/api/v1/info")
    told = whoami(server.url, "--expect-server-id", info["id"], key=account.key)
    assert told["ok"] is True
    assert told["server"] == {"url": server.url, "id": info["id"], "version": info["version"]}
    assert told["account"] == {"id": account.id, "name": account.name, "kind": "service_account"}
    assert (told["credential"]["kind"], told["credential"]["key_id"]) == ("api_key", account.key_id)


def test_identity_as_text(server, account):
    result = zenml_login(server.url, "whoami", key=account.key)
    assert (result.code, result.err) == (0, "")
    told = dict(re.fullmatch(r"([a-z ]+): +(\S.*)", line).groups() for line in result.out.splitlines())
    assert (told["server"], told["account"], told["account id"]) == (server.url, account.name, account.id)


@pytest.mark.parametrize("slashes", ["/", "//"])
def test_slash_at_the_end_of_the_url(server, account, slashes):
    assert whoami(server.url + slashes, key=account.key)["server"]["url"] == server.url


def test_wrong_secret(server, account):
    assert_rejected(server.url, key=encode_key(account.key_id, WRONG_SECRET))


def test_unknown_key(server):
    assert_rejected(server.url, key=encode_key(UNKNOWN_ID, WRONG_SECRET))


def test_deactivated_key(server, account):
    account.set_key_active(False)
    assert_rejected(server.url, key=account.key)
    account.set_key_active(True)
    whoami(server.url, key=account.key)


def test_deactivated_account(server, account):
    account.set_active(False)
    assert_rejected(server.url, key=account.key)
    account.set_active(True)
    whoami(server.url, key=account.key)


def test_deleted_key(server, account):
    account.delete_key()
    assert_rejected(server.url, key=account.key)


def test_deleted_account(server, account):
    account.delete()
    assert_rejected(server.url, key=account.key)


def test_rotation_with_retention(server, account):
    old, new = account.key, account.rotate_key(10)
    for key in (old, new):
        assert whoami(server.url, key=key)["account"]["id"] == account.id


def test_rotation_without_retention(server, account):
    old, new = account.key, account.rotate_key(0)
    assert_rejected(server.url, key=old)
    assert whoami(server.url, key=new)["account"]["id"] == account.id


def test_api_token(server, account):
    token = account.api_token(600)
    told = whoami(server.url, token=token)
    assert told["account"] == {"id": account.id, "name": account.name, "kind": "service_account"}
    assert (told["credential"]["kind"], told["credential"]["key_id"]) == ("api_token", None)
    expires = datetime.fromisoformat(told["credential"]["expires_at"].replace("Z", "+00:00"))
    assert expires == datetime.fromtimestamp(claims(token)["exp"], timezone.utc)


def test_expired_api_token(server, account):
    token = account.api_token(-3600)
    assert claims(token)["exp"] < datetime.now().timestamp()
    assert_rejected(server.url, token=token)


def test_api_token_after_its_key_is_deactivated(server, account):
    token = account.api_token(600)
    whoami(server.url, token=token)
    account.set_key_active(False)
    assert_rejected(server.url, token=token)


def test_api_token_after_its_account_is_deactivated(server, account):
    token = account.api_token(600)
    account.set_active(False)
    assert_rejected(server.url, token=token)


def test_expected_account(server, account):
    for expected in (account.name, account.id):
        whoami(server.url, "--expect-user", expected, key=account.key)
    assert_refused(zenml_login(server.url, "whoami", "--expect-user", "somebody", key=account.key), IDENTITY,
                   account.name)


def test_expected_server(server, account):
    result = zenml_login(server.url, "whoami", "--expect-server-id", UNKNOWN_ID, key=account.key)
    assert_refused(result, IDENTITY, call(f"{server.url}/api/v1/info")["id"])


def test_lifetime_that_the_server_does_not_allow(server, account, tmp_path):
    env_file = tmp_path / "env"
    env_file.touch()
    result = zenml_login(server.url, "env", "--format", "github", "--expires-in", "604801", key=account.key,
                         env={"GITHUB_ENV": str(env_file)})
    assert_refused(result, USAGE, r"--expires-in 604800\b")
    assert env_file.read_bytes() == b""


@pytest.mark.parametrize("asked, seconds", [("604800", 604800), ("90", 90), ("2h", 7200), (None, 6 * 3600)])
def test_lifetime_of_the_token(server, account, asked, seconds):
    options = ["--expires-in", asked] if asked else []
    result = zenml_login(server.url, "env", "--format", "json", *options, key=account.key,
                         secret_in={"stdout": "token"})
    assert result.code == 0, result.err
    told = claims(json.loads(result.out)["ZENML_STORE_API_TOKEN"])
    assert told["sub"] == account.id
    assert abs(told["exp"] - told["iat"] - seconds) <= 1


def test_logins_in_parallel(server, account):
    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            both = [pool.submit(whoami, server.url, key=account.key) for _ in range(2)]
            assert [told.result()["account"]["id"] for told in both] == [account.id, account.id]
