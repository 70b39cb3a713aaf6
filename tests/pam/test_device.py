"""A login in a browser through a real sshd, at a real ZenML server: whoever approves the page is who logs in.

What the module and its helper do step by step, and what they leave on the server, is in scenarios/device.txt.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
import uuid
from pathlib import Path
from typing import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

import canary
import zenml_server
from hosts import CALLER_ENV, CTRL_C, KEY_PROMPT, WHO, Hosts, Sshd, Terminal, converse, decisions
from pam_host import wait_until
from test_hosts import IN_THE_SESSION, account, hosts, sshd, zenml  # the last four are fixtures
from qr_reader import decode
from zenml_admin import Admin, AdminError, approve, call
from zenml_devices import devices_of

DONE_PROMPT = "Press Enter once you have approved: "
BROWSER_PROMPT = "ZenML API key (empty: log in with a browser): "
SECONDS = 30  # the shortest time to approve that can be configured


@pytest.fixture(scope="module")
def alice(zenml) -> Admin:
    """The person whom the map lists, logged in at the dashboard."""
    return new_person(zenml)


def new_person(zenml: zenml_server.ServerHandle) -> Admin:
    return Admin.of(zenml).create_person(f"person-{uuid.uuid4().hex[:12]}")


def id_of(person: Admin) -> str:
    return person.request("GET", "current-user")["id"]


@pytest.fixture
def machine(hosts, zenml, alice) -> Hosts:
    """The machine where alice may log in by a browser."""
    configure(hosts, zenml.url)
    hosts.host.map(f"{id_of(alice)} = alice")
    hosts.protect()
    hosts.host.log.raw()
    return hosts


def configure(hosts: Hosts, url: str, *further: str) -> None:
    own = {line.partition(" =")[0] for line in further}
    base = {"credential": "device", "account_type": "user", "device_timeout": "120"}
    hosts.host.configure(f"server = {url}", "map_file = /etc/security/pam_zenml.map", "timeout = 60", *further,
                         *(f"{name} = {value}" for name, value in base.items() if name not in own))


class Window:
    """A terminal with ssh in it that shows a page.

    page: its URL, which is nobody else's business.
    """

    def __init__(self, terminal: Terminal):
        self._terminal = terminal
        self.page = ""

    def wait_for_page(self) -> None:
        """Reads on until the page is there."""
        assert self._terminal.wait_for(DONE_PROMPT), self._terminal.output
        (self.page,) = re.findall(r"^    (http\S+)$", self._terminal.output, re.MULTILINE)
        canary.remember(self.query("user_code"))

    def query(self, name: str) -> str:
        """device_id or user_code."""
        return parse_qs(urlsplit(self.page).query)[name][0]

    def press_enter(self) -> None:
        """The person says that it is done."""
        self._terminal.type("\n")

    def interrupt(self) -> None:
        """The person gives up."""
        self._terminal.insist(CTRL_C)

    def wait_for_session(self) -> None:
        """Alice is in, and her command (WHO; …) runs."""
        assert self._terminal.wait_for("in-as-alice\r\n"), self.output

    def finish(self) -> bool:
        """Whether alice was let in."""
        converse(self._terminal, {DONE_PROMPT: None})
        return re.search("^in-as-alice$", self.output, re.MULTILINE) is not None

    @property
    def output(self) -> str:
        """What has appeared."""
        return self._terminal.output


@contextlib.contextmanager
def asked(sshd: Sshd, user: str = "alice", command: str = WHO, locale: str = "C") -> Iterator[Window]:
    """ssh that shows its page."""
    with Terminal(sshd.command(user, command), env=CALLER_ENV | {"LC_ALL": locale}) as terminal:
        window = Window(terminal)
        window.wait_for_page()
        yield window


def outcome(machine: Hosts, window: Window) -> tuple[str, str]:
    """Result and reason of the one decision that was logged; nothing of the page was."""
    return decision(machine, window)[:2]


def decision(machine: Hosts, window: Window, *, quotes_device: bool = False) -> tuple[str, str, str]:
    """As outcome, and the detail. quotes_device: the server's own words there may name the device, once it is over."""
    raw = b"\n".join(machine.host.log.raw())
    assert b"/devices/" not in raw and (quotes_device or window.query("device_id").encode() not in raw)
    assert not canary.found_in(raw, canary.secrets_to_find([])) and not re.search(rb"\beyJ|[0-9a-f]{32}", raw)
    ((result, reason, detail),) = re.findall(r'\bresult=(\S+) reason=(\S+)(?:.* detail="(.*?)")?', raw.decode())
    return result, reason, detail


def test_whoever_approves_is_let_in_and_nothing_is_left_of_it(machine, sshd, alice, zenml):
    before = devices_of(alice)
    with asked(sshd) as window:
        assert window.page.startswith(f"{zenml.url}/devices/verify?")
        device = approve(window.page, alice.token)
        window.press_enter()
        assert window.finish()
    assert outcome(machine, window) == ("allow", "ok")
    assert devices_of(alice) == before
    with pytest.raises(AdminError, match="HTTP 404"):
        alice.request("GET", f"devices/{device}")


@pytest.mark.parametrize("drawn", ("blocks", "letters"))
def test_the_page_as_a_qr_code(drawn, machine, sshd, alice, zenml):
    """What a phone reads is the URL above it."""
    configure(machine, zenml.url, f"device_qr = {drawn}")
    with asked(sshd, locale="C.UTF-8" if drawn == "blocks" else "C") as window:
        assert decode(window.output) == window.page
        approve(window.page, alice.token)
        window.press_enter()
        assert window.finish()
    assert outcome(machine, window) == ("allow", "ok")


def test_enter_before_it_is_approved(machine, sshd, alice):
    """Who presses Enter too early waits for the next time that the server is asked."""
    with asked(sshd) as window:
        window.press_enter()
        time.sleep(2)
        approve(window.page, alice.token)
        assert window.finish()
    assert outcome(machine, window) == ("allow", "ok")


def test_somebody_else_approves(machine, sshd, zenml):
    mallory = new_person(zenml)
    with asked(sshd) as window:
        approve(window.page, mallory.token)
        window.press_enter()
        assert not window.finish()
    assert outcome(machine, window) == ("deny", "no-mapping")
    assert devices_of(mallory) == set()


def test_a_service_account_approves(machine, sshd, account):
    """Not even one that the map lists."""
    machine.host.map(f"{account.id} = alice")
    configure(machine, account.admin.url, "account_type = any")
    token = account.access_token()
    with asked(sshd) as window:
        device = approve(window.page, token)
        window.press_enter()
        assert not window.finish()
    assert outcome(machine, window) == ("deny", "forbidden")
    with pytest.raises(AdminError, match="HTTP 404"):
        call(f"{account.admin.url}/api/v1/devices/{device}", token=token)


def test_nobody_approves_in_time(machine, sshd, alice, zenml):
    """Neither who waits for the server nor who lets the server wait, and is approved by then, is let in."""
    machine.protect("auth [success=done ignore=ignore default=die] pam_zenml.so unavailable=ignore",
                    "auth required pam_permit.so")
    configure(machine, zenml.url, f"device_timeout = {SECONDS}")
    with asked(sshd) as early, asked(sshd) as late:
        end = time.monotonic() + SECONDS
        early.press_enter()
        approve(late.page, alice.token)
        time.sleep(max(0.0, end - time.monotonic()) + 1)
        late.press_enter()
        assert (early.finish(), late.finish()) == (False, False)
    logged = decisions(machine.host.log)
    assert [(line["result"], line["reason"]) for line in logged] == [("deny", "not-approved")] * 2


def helpers() -> list[Path]:
    """Those that run on this machine, whatever other tests do at the same time."""
    def is_ours(process: Path) -> bool:
        with contextlib.suppress(OSError):
            return ((process / "cmdline").read_bytes() == b"zenml-pam-helper\0"
                    and (process / "ns/mnt").readlink() == Path("/proc/self/ns/mnt").readlink())
        return False

    return [process for process in Path("/proc").glob("[0-9]*") if is_ours(process)]


def test_cancelled(machine, sshd, alice):
    """The client is gone, the helper with it, and what is approved after that is nobody's."""
    with asked(sshd) as window:
        assert helpers()
        window.interrupt()
        assert not window.finish()
    assert wait_until(lambda: not helpers())
    machine.host.log.raw()
    approve(window.page, alice.token)
    device = alice.request("GET", f"devices/{window.query('device_id')}")
    assert device["body"]["status"] == "verified"  # and not "active": nobody has asked for its token
    alice.request("DELETE", f"devices/{device['id']}")


def test_the_host_is_killed_while_the_server_is_asked(machine, sshd):
    """Nobody is left who could be let in, so nobody is asked about any more."""
    with asked(sshd) as window:
        window.press_enter()
        time.sleep(2)
        (helper,) = helpers()
        host = int(re.search(r"^PPid:\s+(\d+)$", (helper / "status").read_text(), re.MULTILINE)[1])
        os.kill(host, signal.SIGKILL)
        assert wait_until(lambda: not helpers())
        assert not window.finish()


def test_a_key_still_does(machine, sshd, alice, account):
    machine.host.map(f"{id_of(alice)} = alice", f"{account.id} = alice")
    configure(machine, account.admin.url, "credential = api_key, device", "account_type = any")
    attempt = sshd.log_in("alice", {BROWSER_PROMPT: account.key, DONE_PROMPT: ""})
    assert (attempt.let_in, attempt.prompts) == (True, (BROWSER_PROMPT,))
    with Terminal(sshd.command("alice", WHO)) as terminal:
        terminal.wait_for(BROWSER_PROMPT)
        window = Window(terminal)
        window.press_enter()
        window.wait_for_page()
        approve(window.page, alice.token)
        window.press_enter()
        assert window.finish()
    assert [line["account_id"] for line in decisions(machine.host.log)] == [account.id, id_of(alice)]


def test_token_of_the_session(machine, sshd, alice, zenml):
    """It is the person's, and ends with the device, which stays for that."""
    configure(machine, zenml.url, "session_env = token")
    with asked(sshd, command=f"{WHO}; env") as window:
        device = approve(window.page, alice.token)
        window.press_enter()
        assert window.finish()
    found = dict(re.findall(r"^(\w+)=(.*)$", window.output, re.MULTILINE))
    token = canary.remember(found[IN_THE_SESSION[1]])
    assert outcome(machine, window) == ("allow", "ok")
    assert set(IN_THE_SESSION) <= set(found) and device in devices_of(alice)
    assert call(f"{zenml.url}/api/v1/current-user", token=token)["id"] == id_of(alice)
    alice.request("DELETE", f"devices/{device}")
    with pytest.raises(AdminError, match="HTTP 401"):
        call(f"{zenml.url}/api/v1/current-user", token=token)


def test_no_token_for_whom_the_policy_refuses(machine, sshd, zenml):
    configure(machine, zenml.url, "session_env = token")
    mallory = new_person(zenml)
    with asked(sshd) as window:
        approve(window.page, mallory.token)
        window.press_enter()
        assert not window.finish()
    assert outcome(machine, window) == ("deny", "no-mapping")
    assert devices_of(mallory) == set()


def test_a_user_who_is_not_here_sees_the_same(machine, sshd, alice):
    """What somebody approves for a name without a user lets nobody in."""
    with asked(sshd, "nobody-here") as window:
        approve(window.page, alice.token)
        window.press_enter()
        assert not window.finish()
    assert KEY_PROMPT not in window.output
    assert outcome(machine, window)[0] == "deny"
