"""A person logs in by a browser at real servers; whatever may become of their login until somebody approves it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from pathlib import Path

import pytest

import canary
import zenml_server
from browser import SECONDS, BrowserLogin
from program import FORBIDDEN, IDENTITY, REJECTED, UNREACHABLE, assert_rejected, claims, whoami, zenml_login
from run import run
from tls_server import Server
from zenml_admin import Admin, AdminError, approve, call
from zenml_client import assert_no_secret_on_disk, run_client
from zenml_devices import (APPROVE, AUTHORIZE, DELETE, INFO, LIMITED, POLL, TRUSTED_SECONDS, UNTRUSTED_SECONDS, USER,
                           Front, answered, devices_of)

ATTEMPTS = 5  # that the limiter lets fail within a minute
SCRATCH = [Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")]


@pytest.fixture
def home(tmp_path) -> Path:
    """The empty home of a person."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def limited(tmp_path_factory, admin):
    """A server with lifetimes for devices and a limiter of logins, which only the tests of this file ask."""
    with zenml_server.start(tmp_path_factory.mktemp("limited"), LIMITED) as handle:
        yield handle


@pytest.fixture(scope="module")
def limited_admin(limited) -> Admin:
    """The administrator of that server."""
    return Admin.of(limited)


@pytest.fixture(scope="module")
def person(admin) -> Admin:
    """A person who is not the administrator, on the shared server."""
    return admin.create_person(f"ada-{time.time_ns()}")


def name_of(session: Admin) -> str:
    """Whose session it is."""
    return session.request("GET", "current-user")["name"]


def log_in(session: Admin, home: Path, *options: str, trusted: bool = False):
    """Logs in at the server of `session`, whose person approves; how it ended, and what was kept (None: nothing)."""
    with BrowserLogin(session.url, home, *options) as login:
        with login.asleep():
            approve(login.page, session.token, trusted)
        login.press_enter()
        return login.finish(), login.kept() if login.file.exists() else None


def assert_refused(result, code: int, message: str) -> None:
    """It ended with this code and message, which stands behind the page."""
    assert (result.code, result.out) == (code, ""), result.err
    assert re.search(f"^zenml-login: .*{message}", result.err, re.MULTILINE), result.err


# Who logs in

def test_whoever_approves_is_who_logs_in(admin, person, home):
    for session in (admin, person):
        result, kept = log_in(session, home)
        assert result.code == 0 and f" as {name_of(session)}" in result.err, result.err
        told = whoami(session.url, env={"HOME": str(home)})
        assert told["account"] == {"id": session.request("GET", "current-user")["id"], "name": name_of(session),
                                   "kind": "user"}
        assert told["credential"]["kind"] == "api_token" and kept["device_id"] in devices_of(session)


def test_somebody_else_approves(admin, person, home):
    """The person at the keyboard need not be the one at the browser: whoever cares names whom they expect."""
    before = devices_of(person)
    result, kept = log_in(person, home, "--expect-user", name_of(admin))
    assert_refused(result, IDENTITY, f"not the expected account.*{name_of(person)}")
    assert kept is None and devices_of(person) == before
    assert log_in(person, home, "--expect-user", name_of(person))[0].code == 0


def test_a_service_account_approves(account, home):
    with BrowserLogin(account.admin.url, home) as login:
        device = approve(login.page, account.access_token())
        login.press_enter()
        assert_refused(login.finish(), FORBIDDEN, account.name)
        assert not login.file.exists()
    with pytest.raises(AdminError, match="HTTP 404"):
        call(f"{account.admin.url}/api/v1/devices/{device}", token=account.access_token())


# What becomes of it before it is fetched

def test_three_wrong_codes(person, home):
    with BrowserLogin(person.url, home) as login:
        with login.asleep():
            for _ in range(3):
                with pytest.raises(AdminError, match="HTTP 400"):
                    approve(login.page, person.token, user_code="0" * 32)
        login.press_enter()
        assert_refused(login.finish(), REJECTED, "refused in the browser.*locked")
        assert not login.file.exists()


@pytest.mark.parametrize("method, body, message", (
    ("PUT", {"locked": True}, "refused in the browser.*locked"), ("DELETE", None, "deleted on the server"),
), ids=("locked", "deleted"))
def test_an_approval_that_is_withdrawn(method, body, message, person, home):
    with BrowserLogin(person.url, home) as login:
        with login.asleep():
            device = approve(login.page, person.token)
            person.request(method, f"devices/{device}", body)
        login.press_enter()
        assert_refused(login.finish(), REJECTED, message)
        assert not login.file.exists()


def test_nobody_approves_in_time(start_own, home):
    """The server would answer "pending" for ever."""
    server = start_own(DEVICE_AUTH_TIMEOUT="4", DEVICE_AUTH_POLLING_INTERVAL="1")
    with BrowserLogin(server.url, home) as login:
        assert_refused(login.finish(), UNREACHABLE, "nobody approved the login in time")
    assert f"{POLL} 400" in answered(server)


def test_approved_in_time_and_fetched_too_late(start_own, home):
    """A laptop that slept meanwhile."""
    server = start_own(DEVICE_AUTH_TIMEOUT="15")
    session = Admin.of(server)
    with BrowserLogin(server.url, home) as login:
        with login.asleep():
            device = approve(login.page, session.token)
            time.sleep(16)
        # The server says so, unless the program knows by itself that the time is over.
        assert_refused(login.finish(), UNREACHABLE, "approved too late|nobody approved the login in time")
        assert not login.file.exists()
    assert session.request("GET", f"devices/{device}")["body"]["status"] == "verified"  # nobody has got its token


# How long it lasts

@pytest.mark.parametrize("trusted, seconds", ((False, UNTRUSTED_SECONDS), (True, TRUSTED_SECONDS)))
def test_lifetime(trusted, seconds, limited_admin, home):
    """What the server grants is what is said."""
    result, kept = log_in(limited_admin, home, *(["--trusted"] if trusted else []), trusted=trusted)
    told = claims(kept["access_token"])
    assert abs(told["exp"] - told["iat"] - seconds) <= 2
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(told["exp"]))
    assert f"; valid until {until}\n" in result.err


def test_without_a_limit(person, home):
    """The default of the server."""
    result, kept = log_in(person, home)
    assert "exp" not in claims(kept["access_token"])
    assert "; the token never expires: end it with zenml-login login --logout\n" in result.err


def expired(token: str, jwt_secret: str) -> str:
    """The same token, but that it has ended a minute ago."""
    header = token.split(".")[0]
    payload = json.dumps(claims(token) | {"exp": int(time.time()) - 60}).encode()
    signed = f"{header}.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}"
    signature = hmac.digest(jwt_secret.encode(), signed.encode(), hashlib.sha256)
    return canary.remember(f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}")


def test_after_it_has_expired(limited, limited_admin, home):
    _, kept = log_in(limited_admin, home)
    file = next(home.rglob("http*"))
    file.write_text(json.dumps(kept | {"access_token": expired(kept["access_token"], limited.jwt_secret)}))
    assert_refused(zenml_login(limited.url, "whoami", env={"HOME": str(home)}), REJECTED, "Signature has expired")
    result = run(["login", "--logout", "--server", limited.url], {"HOME": home})
    assert result.code == 0 and "not valid any more" in result.err and not file.exists()


# Using it

def test_commands_and_client(person, home, tmp_path):
    _, kept = log_in(person, home)
    result = zenml_login(person.url, "env", "--format=json", env={"HOME": str(home)}, secret_in={"stdout": "token"})
    variables = json.loads(result.out)
    assert variables["ZENML_STORE_API_TOKEN"] == kept["access_token"]
    client = run_client(tmp_path / "client", variables)
    assert client.code == 0, client.output
    assert client.told == {"user": name_of(person), "is_service_account": False}
    assert_no_secret_on_disk(tmp_path / "client", kept["access_token"])


def test_logout_makes_the_token_useless(person, home):
    _, kept = log_in(person, home)
    whoami(person.url, token=kept["access_token"])
    result = run(["login", "--logout", "--server", person.url], {"HOME": home})
    assert (result.code, result.err) == (0, f"zenml-login: logged out of {person.url}\n")
    assert_rejected(person.url, token=kept["access_token"])
    assert kept["device_id"] not in devices_of(person)


def test_logging_in_again_ends_the_earlier_token(person, home):
    (_, first), (_, second) = log_in(person, home), log_in(person, home)
    assert_rejected(person.url, token=first["access_token"])
    whoami(person.url, token=second["access_token"])


# What is sent, and what is left

def test_requests_from_login_to_logout(limited, limited_admin, home):
    """All that the server saw meanwhile, the person's approval included."""
    before = len(answered(limited))
    log_in(limited_admin, home)
    environment = {"HOME": str(home)}
    assert zenml_login(limited.url, "env", "--format=json", env=environment, secret_in=["stdout"]).code == 0
    assert zenml_login(limited.url, "exec", "--", "true", env=environment).code == 0
    assert run(["login", "--logout", "--server", limited.url], environment).code == 0
    seen = [INFO, AUTHORIZE, APPROVE, POLL, USER, *[INFO, USER] * 2, DELETE]
    assert answered(limited)[before:] == [f"{request} 200" for request in seen]


def test_its_secrets_are_in_one_file_and_one_variable(limited, limited_admin, home):
    """Beside the token there is the device code, which nobody is to see at all."""
    front, files = Front(limited.url), canary.Files([home], SCRATCH)
    with (Server({"*": front}) as address, canary.CommandLines() as command_lines,
          BrowserLogin(address.url, home) as login):
        approve(login.page, limited_admin.token)
        login.press_enter()
        shown = login.finish()
        assert shown.code == 0, shown.err
        token = login.kept()["access_token"]
        command = zenml_login(address.url, "exec", "--", "/usr/bin/env", "-0", secret_in={"stdout": "token"},
                              env={"HOME": str(home), "MINE": "kept", "ZENML_SERVER_URL": address.url})
    assert token in front.secrets and len(front.secrets) == 2
    variables = dict(line.split("=", 1) for line in command.out.split("\0") if line)
    assert {name: value for name, value in variables.items() if "SAN_OPTIONS" not in name} == {
        "PATH": "/usr/bin:/bin", "HOME": str(home), "MINE": "kept", "ZENML_STORE_URL": address.url,
        "ZENML_STORE_API_TOKEN": token, "DISABLE_CREDENTIALS_DISK_CACHING": "true"}
    places = {path: canary.read_start(path) for path in files.written()} | {
        "the server's log": Path(limited.log).read_bytes(), "command lines": b"\n".join(command_lines.seen),
        "output": shown.out + shown.err + command.err}
    assert POLL.encode() in places["the server's log"] and b"\0login\0" in places["command lines"]
    assert {place: found for place, text in places.items() if (found := canary.found_in(text, front.secrets))} == {
        login.file: {token}}


# Servers that are slow to say yes

def test_requests_and_the_limiter(limited, limited_admin, home):
    """Whoever approves after 12 seconds has waited for a few polls, of which the limiter allows five a minute."""
    before = len(answered(limited))
    with BrowserLogin(limited.url, home) as login:
        time.sleep(12)
        approve(login.page, limited_admin.token)
        login.press_enter()
        result = login.finish()
    assert result.code == 0, result.err
    seen = [line for line in answered(limited)[before:] if APPROVE not in line]
    pending = len(seen) - 4
    assert 1 <= pending <= 3
    assert seen == [f"{INFO} 200", f"{AUTHORIZE} 200", *[f"{POLL} 400"] * pending, f"{POLL} 200", f"{USER} 200"]


def test_limiter_that_says_too_many(limited, home):
    """It counts what it refuses, too: whoever goes on asking is never let in."""
    session = Admin.of(limited)  # who is let in has no earlier attempts any more
    before = len(answered(limited))
    with BrowserLogin(limited.url, home) as login:
        with login.asleep():
            for _ in range(ATTEMPTS):
                with pytest.raises(AdminError, match="HTTP 401"):
                    Admin(limited.url, limited.admin_name, "wrong")
            approve(login.page, session.token)
        login.press_enter()
        result = login.finish()
    assert result.code == 0, result.err
    assert answered(limited)[before:] == [f"{INFO} 200", f"{AUTHORIZE} 200", *[f"{POLL} 401"] * ATTEMPTS,
                                          f"{APPROVE} 200", f"{POLL} 429", f"{POLL} 200", f"{USER} 200"]


def test_server_that_restarts_meanwhile(limited, home, tmp_path):
    front = Front(limited.url)
    with Server({"*": front}) as address, BrowserLogin(address.url, home) as login:
        front.target = None
        login.press_enter()
        assert front.broke.wait(SECONDS)
        with zenml_server.start(tmp_path, predecessor=limited) as successor:
            front.target = successor.url
            approve(login.page, Admin(successor.url, limited.admin_name, limited.admin_password).token)
            login.press_enter()
            result = login.finish()
            assert result.code == 0, result.err
            whoami(successor.url, token=login.kept()["access_token"])
