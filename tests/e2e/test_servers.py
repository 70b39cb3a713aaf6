"""Servers in other states than usual, each started for one test only."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from program import NOT_ZENML, RATE_LIMITED, REJECTED, UNREACHABLE, assert_refused, whoami, zenml_login
from zenml_admin import Account, Admin


def logins_seen(server) -> int:
    """How many login requests the server has answered."""
    return Path(server.log).read_text(errors="replace").count('"POST /api/v1/login HTTP/1.1"')


def test_server_that_hangs_and_is_stopped(start_own):
    server = start_own()
    account = Account(Admin.of(server), "ci-bot")
    credentials = {"key": account.key}, {"token": account.api_token(600)}
    for credential in credentials:
        whoami(server.url, **credential)
    os.kill(server.pid, signal.SIGSTOP)
    for credential in credentials:
        assert_refused(zenml_login(server.url, "whoami", "--timeout", "1", **credential), UNREACHABLE)
    os.kill(server.pid, signal.SIGCONT)
    server.stop()
    for credential in credentials:
        assert_refused(zenml_login(server.url, "whoami", **credential), UNREACHABLE)


def test_server_without_authentication(start_own):
    """There current-user names the admin to everybody; that must not pass for the account of the credential."""
    server = start_own(AUTH_SCHEME="NO_AUTH")
    account = Account(Admin.of(server), "ci-bot")
    for credential in ({"token": account.access_token()}, {"key": account.key}):
        for command in (["whoami"], ["env", "--format", "json"]):
            assert_refused(zenml_login(server.url, *command, **credential), NOT_ZENML, "authentication scheme")


def test_rate_limited_server(start_own):
    """Every refused call counts, so a program that tries again prolongs the block: one request for each run."""
    server = start_own(RATE_LIMIT_ENABLED="true")
    account = Account(Admin.of(server), "ci-bot")
    wrong, good = account.key, account.rotate_key(0)
    before = logins_seen(server)
    codes = [zenml_login(server.url, "whoami", key=wrong).code for _ in range(5)]
    assert codes == [REJECTED] * 5
    assert_refused(zenml_login(server.url, "whoami", key=good), RATE_LIMITED, "wait 60 seconds without any attempt")
    assert logins_seen(server) == before + 6
