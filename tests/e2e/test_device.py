"""A person logs in by a browser at real servers; whatever may become of their login until somebody approves it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import canary
import zenml_server
from browser import BrowserLogin
from program import FORBIDDEN, IDENTITY, REJECTED, UNREACHABLE, assert_rejected, claims, whoami, zenml_login
from run import run
from tls_server import Reply, Server
from zenml_admin import Admin, AdminError, approve, call
from zenml_client import assert_no_secret_on_disk, run_client

UNTRUSTED_SECONDS, TRUSTED_SECONDS = 2 * 3600, 30 * 86400
DOCUMENTED = ["GET /api/v1/info", "POST /api/v1/device_authorization", "POST /api/v1/login", "GET /api/v1/current-user"]


@pytest.fixture
def home(tmp_path) -> Path:
    """The empty home of a person."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def limited(tmp_path_factory, admin):
    """A server with lifetimes for devices, and with the limiter of logins as it is by default."""
    settings = {"DEVICE_EXPIRATION_MINUTES": UNTRUSTED_SECONDS // 60, "RATE_LIMIT_ENABLED": "true",
                "TRUSTED_DEVICE_EXPIRATION_MINUTES": TRUSTED_SECONDS // 60}
    settings = {f"ZENML_SERVER_{name}": str(value) for name, value in settings.items()}
    with zenml_server.start(tmp_path_factory.mktemp("limited"), settings) as handle:
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
        approve(login.page, session.token, trusted)
        login.press_enter()
        return login.finish(), login.kept() if login.file.exists() else None


def assert_refused(result, code: int, message: str) -> None:
    """It ended with this code and message, which stands behind the page."""
    assert (result.code, result.out) == (code, ""), result.err
    assert re.search(f"^zenml-login: .*{message}", result.err, re.MULTILINE), result.err


def devices_of(session: Admin) -> list[str]:
    """The ids of the person's devices."""
    return [device["id"] for device in session.request("GET", "devices?size=100")["items"]]


def answered(server) -> list[str]:
    """Requests and status codes in the server's log, without its health checks: `POST /api/v1/login 400`."""
    log = Path(server.log).read_text(errors="replace")
    return [f"{request} {code}" for request, code in re.findall(r'"(\w+ [^ ?]+)\S* HTTP/1\.1" (\d+)', log)
            if "/health" not in request]


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
    assert "POST /api/v1/login 400" in answered(server)


# How long it lasts

@pytest.mark.parametrize("trusted, seconds", ((False, UNTRUSTED_SECONDS), (True, TRUSTED_SECONDS)))
def test_lifetime(trusted, seconds, limited_admin, home):
    """What the server grants is what is said."""
    result, kept = log_in(limited_admin, home, *(["--trusted"] if trusted else []), trusted=trusted)
    told = claims(kept["access_token"])
    assert abs(told["exp"] - told["iat"] - seconds) <= 2
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(told["exp"]))
    assert result.err.endswith(f"; valid until {until}\n")


def test_without_a_limit(person, home):
    """The default of the server."""
    result, kept = log_in(person, home)
    assert "exp" not in claims(kept["access_token"])
    assert result.err.endswith("; the token never expires: end it with zenml-login login --logout\n")


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
    seen = [line for line in answered(limited)[before:] if "/verify" not in line]
    polls = len(seen) - 3
    assert 2 <= polls <= 4
    assert [line.rpartition(" ")[0] for line in seen] == [*DOCUMENTED[:2], *[DOCUMENTED[2]] * polls, DOCUMENTED[3]]
    assert [line.rpartition(" ")[2] for line in seen] == ["200", "200", *["400"] * (polls - 1), "200", "200"]


class Front:
    """The address of a server whose process changes behind it; while there is none, connections break."""

    def __init__(self, target: str | None):
        self.target = target

    def __call__(self, request) -> Reply:
        if not self.target:
            raise ConnectionError
        headers = {name: value for name, value in request.headers.items() if name in ("authorization", "content-type")}
        forwarded = urllib.request.Request(self.target + request.target, request.body or None, headers,
                                           method=request.method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(forwarded, timeout=60) as reply:
                return Reply(reply.status, body=reply.read(), content_type=reply.headers["Content-Type"])
        except urllib.error.HTTPError as error:
            return Reply(error.code, body=error.read(), content_type=error.headers["Content-Type"])


def test_server_that_restarts_meanwhile(limited, home, tmp_path):
    front = Front(limited.url)
    with Server({"*": front}) as address, BrowserLogin(address.url, home) as login:
        front.target = None
        with zenml_server.start(tmp_path, predecessor=limited) as successor:
            front.target = successor.url
            approve(login.page, Admin(successor.url, limited.admin_name, limited.admin_password).token)
            login.press_enter()
            result = login.finish()
            assert result.code == 0, result.err
            whoami(successor.url, token=login.kept()["access_token"])
