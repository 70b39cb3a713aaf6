"""What may become of a login in a browser until somebody approves it, through a real sshd at real ZenML servers.

The server is one that no other test asks: its log says exactly what was asked of it, by us and by the page that the
person has open.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

import canary
import zenml_server
from hosts import PATIENCE, WHO, Hosts
from pam_host import MAP, wait_until
from test_device import Window, asked, configure, decision, helpers, id_of, new_person, outcome
from test_hosts import hosts, new_account, sshd, start  # hosts and sshd are fixtures
from test_secrets import MARK, STAYS, Processes, family, memory, needles
from tls_server import Reply, Server
from zenml_admin import Admin, AdminError, approve
from zenml_devices import APPROVE, AUTHORIZE, DELETE, INFO, LIMITED, POLL, USER, Front, answered, devices_of

SHOWN = [f"{INFO} 200", f"{AUTHORIZE} 200"]
APPROVED = f"{APPROVE} 200"
PENDING = REFUSED = f"{POLL} 400"
PROVED = [f"{POLL} 200", f"{USER} 200", f"{DELETE} 200"]
WITHDRAWALS = pytest.mark.parametrize("method, body", (("PUT", {"locked": True}), ("DELETE", None)),
                                      ids=("locked", "deleted"))

WINDOW_SECONDS, WINDOW_POLLS = 60, 4  # of the five that the limiter allows, one is left for somebody else
EXPIRES_SECONDS = 15  # of a server that waits that long for an approval


@pytest.fixture(scope="module")
def limited(tmp_path_factory) -> Iterator[zenml_server.ServerHandle]:
    """A server with a limiter of logins. It forgets what was before somebody logs in."""
    with start(tmp_path_factory.mktemp("limited"), LIMITED) as handle:
        yield handle


@pytest.fixture
def person(limited) -> Admin:
    """The person whom the map lists, logged in at the dashboard just now."""
    return new_person(limited)


@pytest.fixture
def machine(hosts, limited, person) -> Hosts:
    """The machine where they may log in as alice."""
    return prepare(hosts, limited.url, person)


def prepare(hosts: Hosts, url: str, person: Admin, *auth: str) -> Hosts:
    configure(hosts, url, "debug = yes")
    hosts.host.map(f"{id_of(person)} = alice")
    hosts.protect(*auth)
    hosts.host.log.raw()
    return hosts


@pytest.fixture
def seen(machine, limited) -> Callable[[], list[str]]:
    """What the server has been asked since the machine is ready."""
    before = len(answered(limited))
    return lambda: answered(limited)[before:]


def refused(window: Window) -> None:
    """Enter lets nobody in."""
    window.press_enter()
    assert not window.finish()


@pytest.mark.parametrize("trusted", (False, True))
def test_trusted_or_not(trusted, machine, sshd, person, seen):
    """We do not ask for it; who ticks it all the same leaves nothing of it, either."""
    with asked(sshd) as window:
        assert "trust" not in window.output
        approve(window.page, person.token, trusted)
        window.press_enter()
        assert window.finish()
    assert seen() == [*SHOWN, APPROVED, *PROVED]
    assert outcome(machine, window) == ("allow", "ok")
    assert devices_of(person) == set()


@pytest.mark.parametrize("token_of_stranger, reason", (
    (lambda server: new_person(server).token, "no-mapping"),
    (lambda server: new_account(server).access_token(), "forbidden")), ids=("person", "service account"))
def test_a_stranger_approves(token_of_stranger, reason, machine, sshd, limited):
    token = token_of_stranger(limited)
    before = len(answered(limited))
    with asked(sshd) as window:
        approve(window.page, token)
        refused(window)
    assert answered(limited)[before:] == [*SHOWN, APPROVED, *PROVED]
    assert outcome(machine, window) == ("deny", reason)


def test_cancelled(machine, sshd, seen):
    with asked(sshd) as window:
        window.interrupt()
        assert not window.finish()
    assert wait_until(lambda: not helpers())
    assert seen() == SHOWN


def test_three_wrong_codes(machine, sshd, person, seen):
    """The device is nobody's: it cannot be approved any more, nor found, nor deleted."""
    with asked(sshd) as window:
        for _ in range(3):
            with pytest.raises(AdminError, match="HTTP 400"):
                approve(window.page, person.token, user_code="0" * 32)
        with pytest.raises(AdminError, match="HTTP 400"):
            approve(window.page, person.token)
        refused(window)
    assert seen() == [*SHOWN, *[f"{APPROVE} 400"] * 4, REFUSED]
    result, reason, detail = decision(machine, window)
    assert (result, reason) == ("deny", "rejected") and "locked" in detail
    assert devices_of(person) == set()


@WITHDRAWALS
def test_withdrawn_while_nobody_asks(method, body, machine, sshd, person, seen):
    with asked(sshd) as window:
        device = approve(window.page, person.token)
        person.request(method, f"devices/{device}", body)
        refused(window)
    assert seen() == [*SHOWN, APPROVED, f"{method} /api/v1/devices/ID 200", REFUSED]
    result, reason, detail = decision(machine, window)
    assert (result, reason) == ("deny", "rejected") and ("locked" if body else "deleted") in detail
    assert devices_of(person) == ({device} if body else set())  # without a token, nobody else can delete it


class Meddler(Front):
    """A front behind which something happens between a token and the first look at it."""

    meddle = staticmethod(lambda: None)

    def __call__(self, request) -> Reply:
        reply = super().__call__(request)
        if str(request) == POLL and reply.status == 200:
            self.meddle()
        return reply


@WITHDRAWALS
def test_withdrawn_as_the_token_arrives(method, body, machine, sshd, person, limited, seen):
    front = Meddler(limited.url)
    with Server({"*": front}) as address:
        configure(machine, address.url, "debug = yes")
        with asked(sshd) as window:
            device = approve(window.page, person.token)
            front.meddle = lambda: person.request(method, f"devices/{device}", body)
            refused(window)
    assert len(front.secrets) == 2
    assert seen() == [*SHOWN, APPROVED, f"{POLL} 200", f"{method} /api/v1/devices/ID 200", f"{USER} 401",
                      f"{DELETE} 401"]
    assert decision(machine, window, quotes_device=True)[:2] == ("deny", "rejected")
    assert devices_of(person) == ({device} if body else set())


def test_too_late(hosts, sshd, tmp_path):
    """Whose approval comes too late, and whose login comes too late after it, is not let in."""
    settings = {"ZENML_SERVER_DEVICE_AUTH_TIMEOUT": str(EXPIRES_SECONDS)}
    with start(tmp_path, settings) as server:
        person = new_person(server)
        machine = prepare(hosts, server.url, person)
        before = len(answered(server))
        with asked(sshd) as early, asked(sshd) as late:
            device = approve(early.page, person.token)
            time.sleep(EXPIRES_SECONDS + 1)
            with pytest.raises(AdminError, match="HTTP 400.*expired"):
                approve(late.page, person.token)
            refused(early)
            assert outcome(machine, early) == ("deny", "not-approved")
            refused(late)
            assert outcome(machine, late) == ("deny", "not-approved")
        assert answered(server)[before:] == [*SHOWN, *SHOWN, APPROVED, f"{APPROVE} 400"]  # nobody asks in vain
        assert devices_of(person) == {device}
        assert person.request("GET", f"devices/{device}")["body"]["status"] == "verified"  # nobody has got its token


def test_the_limiter(machine, sshd, person, seen):
    """Whoever is in no hurry is let in all the same: the server is never asked so often that it says "too many"."""
    with asked(sshd) as window:
        start_s = time.monotonic()
        window.press_enter()
        assert wait_until(lambda: seen().count(PENDING) == WINDOW_POLLS, WINDOW_SECONDS)
        time.sleep(max(0.0, start_s + WINDOW_SECONDS - 10 - time.monotonic()))
        approve(window.page, person.token)
        assert window.finish()
    assert seen() == [*SHOWN, *[PENDING] * WINDOW_POLLS, APPROVED, *PROVED]
    assert outcome(machine, window) == ("allow", "ok")
    assert devices_of(person) == set()


def test_the_server_restarts_meanwhile(hosts, sshd, limited, tmp_path):
    """The one that comes back is asked; while there is none, nobody is refused for it."""
    front, admin = Front(limited.url), Admin.of(limited)
    with Server({"*": front}) as address:
        machine = prepare(hosts, address.url, admin)
        with asked(sshd) as window:
            front.target = None
            window.press_enter()
            assert front.broke.wait(PATIENCE)
            with zenml_server.start(tmp_path, predecessor=limited) as successor:
                session = Admin(successor.url, limited.admin_name, limited.admin_password)
                before = len(answered(successor))
                approve(window.page.replace(address.url, successor.url), session.token)
                front.target = successor.url
                assert window.finish()
                assert answered(successor)[before:] == [APPROVED, *PROVED]
                assert window.query("device_id") not in devices_of(session)
    assert outcome(machine, window) == ("allow", "ok")


def test_its_secrets_are_nowhere(hosts, sshd, limited, person):
    """Neither the token of the device nor its code, while the session lasts; the code of the page is on the terminal
    alone."""
    front, folders = Front(limited.url), [Path("/var/log"), Path("/run"), MAP.parent]
    files = canary.Files(folders, [Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), hosts.folder])
    with Server({"*": front}) as address, Processes() as processes:
        machine = prepare(hosts, address.url, person, f"auth optional pam_echo.so {MARK}",
                          "auth [success=done default=die] pam_zenml.so")
        with asked(sshd, command=f"{WHO}; {STAYS}") as window:
            approve(window.page, person.token)
            window.press_enter()
            window.wait_for_session()
            images = [memory(pid) for pid in family(sshd.pid)]
    assert any(MARK.encode() in image for image in images)
    assert len(front.secrets) == 2
    left = len([piece for secret in front.secrets for piece in needles(secret) for image in images if piece in image])
    assert left == 0
    user_code = window.query("user_code")
    places = {path: canary.read_start(path) for path in files.written()} | {
        "log": b"\n".join(machine.host.log.raw()), "environments": b"\n".join(processes.environments),
        "command lines": b"\n".join(processes.command_lines), "terminal": window.output}
    found = {place: canary.found_in(text, front.secrets | {user_code}) for place, text in places.items()}
    assert {place: secrets for place, secrets in found.items() if secrets} == {"terminal": {user_code}}
    assert b"result=allow" in places["log"] and b"zenml-pam-helper\0" in places["command lines"]
    assert sshd.log in places
