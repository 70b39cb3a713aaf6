"""Where an API key may not turn up: log, environments, command lines, terminals, memory of the host, later modules.

What is searched for: the key, its inner secret, the access token of the login; whole, in part, and as base64, URL and
hexadecimal text. With every search goes one for something that must be there, so that a search that sees nothing fails.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator

import pytest

import canary
from hosts import KEY_PROMPT, PASSWORD_PROMPT, SERVICES, WHO, Hosts, Sshd, Terminal, decisions
from keys import make_key
from messages import Reply
from pam_host import MAP, build_dir
from tls_server import Server
from zenml_replies import ACCOUNT_ID, Zenml, make_token

API_TOKEN_LIFETIME = 3600  # seconds
STAYS = "sleep 600"  # a command that keeps the session, and with it the host, in being


@dataclass
class Machine:
    """Where alice may log in with `key`; the log is at its most talkative, and the session gets a token.

    access_tokens, api_tokens   what the server has made so far: for us, and for the session
    """

    hosts: Hosts
    server: Server
    key: str = field(repr=False)
    access_tokens: list[str] = field(repr=False)
    api_tokens: list[str] = field(repr=False)

    def secrets(self) -> set[str]:
        return {self.key, *self.access_tokens}


@pytest.fixture(scope="module")
def hosts(pam_host, tmp_path_factory) -> Hosts:
    return Hosts(pam_host, tmp_path_factory.mktemp("hosts"))


@pytest.fixture
def machine(hosts, start_server) -> Machine:
    key, access_tokens, api_tokens = make_key(), [], []

    def mint(_request) -> Reply:
        api_tokens.append(make_token(API_TOKEN_LIFETIME))
        return Reply(json=api_tokens[-1])

    server = start_server({"GET /api/v1/api_token": mint}, healthy=Zenml(api_keys={key}, on_token=access_tokens.append))
    hosts.host.configure(f"server = {server.url}", f"ca_file = {hosts.host.publish(server.ca)}", f"map_file = {MAP}",
                         "timeout = 60", "session_env = token", f"session_token_ttl = {API_TOKEN_LIFETIME}s",
                         "debug = yes")
    hosts.host.map(f"{ACCOUNT_ID} = alice")
    hosts.protect()
    hosts.host.log.raw()
    return Machine(hosts, server, key, access_tokens, api_tokens)


@pytest.fixture
def sshd(machine) -> Iterator[Sshd]:
    with machine.hosts.sshd() as running:
        yield running


class Processes:
    """Collects the environments and command lines of all processes that exist while it is open."""

    def __init__(self):
        self.environments: set[bytes] = set()
        self.command_lines: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._collect)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _collect(self) -> None:
        while not self._stop.is_set():
            for folder in Path("/proc").glob("[0-9]*"):
                for name, found in (("environ", self.environments), ("cmdline", self.command_lines)):
                    with contextlib.suppress(OSError):
                        found.add((folder / name).read_bytes())
            time.sleep(0.002)


def test_log_processes_and_terminals(machine, sshd):
    """The right key, another one, and three spoilt ones: everything that is written about them."""
    keys = [machine.key, make_key(), machine.key[:-6], machine.key + "\x7f", "password " + machine.key]
    asked = [(service, key) for service in SERVICES for key in keys]
    with Processes() as processes, ThreadPoolExecutor(12) as pool:
        attempts = list(pool.map(lambda one: machine.hosts.attempt(one[0], "alice", {KEY_PROMPT: one[1]}, sshd=sshd,
                                                                   command=f"{WHO}; sleep 0.1"), asked))
    assert [attempt.let_in for attempt in attempts] == [key == machine.key for _, key in asked]
    logged = b"\n".join(machine.hosts.host.log.raw())
    assert logged.count(b"result=allow") == len(SERVICES)
    secrets = machine.secrets() | set(keys)
    places = {"log": logged, "environments": b"\n".join(processes.environments),
              "command lines": b"\n".join(processes.command_lines),
              "terminals": "\n".join(attempt.output for attempt in attempts)}
    found = {place: [canary.kind(secret) for secret in canary.found_in(text, secrets)]
             for place, text in places.items()}
    assert found == dict.fromkeys(places, [])
    # The search sees what is there: the token of the session is in its environment, and nowhere else.
    assert len(machine.api_tokens) == len(SERVICES)
    tokens = {place: bool(canary.found_in(text, machine.api_tokens)) for place, text in places.items()}
    assert tokens == dict.fromkeys(places, False) | {"environments": True}
    assert b"zenml-pam-helper\0" in processes.command_lines


# Memory


def needles(secret: str) -> set[bytes]:
    """Pieces of 16 bytes without overlap: of an API key and its inner secret, of the signature of a token."""
    texts = {secret.partition("ZENKEY_")[2], canary.secret_part(secret)}
    return {text[at:at + 16].encode() for text in texts for at in range(0, len(text) - 15, 16)}


def memory(pid: int) -> bytes:
    """Everything in the memory of a process that a core dump would hold."""
    pieces = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as stream:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if not rights.startswith("r") or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            first, last = (int(number, 16) for number in span.split("-"))
            with contextlib.suppress(OSError):  # a page behind the end of a mapped file
                stream.seek(first)
                pieces.append(stream.read(last - first))
    return b"".join(pieces)


def family(pid: int) -> list[int]:
    """A process and everything that descends from it."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


@contextlib.contextmanager
def session(machine: Machine, service: str, sshd: Sshd) -> Iterator[list[int]]:
    """A session of alice through `service`; the pids of all processes that belong to it, those of root first."""
    hosts, command = machine.hosts, f"{WHO}; {STAYS}"
    words, user, root = {
        "sshd": (sshd.command("alice", command), None, sshd.pid),
        "login": (["/usr/bin/login", "alice"], None, None),
        "su": (["/usr/bin/su", "alice", "-c", command], "bob", None),
        "sudo": (["/usr/bin/sudo", "-u", "bob", "sh", "-c", command], "alice", None),
    }[service]
    with Terminal(words, user=user) as window:
        window.wait_for(KEY_PROMPT, PASSWORD_PROMPT)
        window.type(machine.key + "\n")
        if service == "login":
            window.wait_for("$ ")
            window.type(command + "\n")
        window.wait_for("in-as-alice\r\n", "in-as-bob\r\n")
        yield family(root or window.process.pid)


# An argument of a module stays in memory for as long as the transaction lasts.
MARK = "a-mark-of-the-stack-that-must-be-found"


def left_in_memory(machine: Machine, service: str, sshd: Sshd, *auth: str) -> set[tuple[int, bytes]]:
    """The pieces of secrets that are left in each process of a session that the stack `auth` has let begin."""
    machine.hosts.protect(f"auth optional pam_echo.so {MARK}", *auth)
    with session(machine, service, sshd) as pids:
        images = [memory(pid) for pid in pids]
    assert any(MARK.encode() in image for image in images)
    pieces = {piece for secret in machine.secrets() for piece in needles(secret)}
    return {(number, piece) for number, image in enumerate(images) for piece in pieces if piece in image}


@pytest.mark.parametrize("service", ["login", "su", "sudo"])
def test_memory_of_the_host(machine, sshd, service):
    found = left_in_memory(machine, service, sshd, "auth [success=done default=die] pam_zenml.so")
    assert decisions(machine.hosts.host.log)[-1]["result"] == "allow"
    left = len(found)  # a failure shows this number, and no secret
    assert left == 0


def test_memory_of_sshd(machine, sshd):
    """sshd itself frees what was typed without wiping it, so what is left is compared with what its own module for
    passwords leaves: after a login with the same text as password."""
    ours = left_in_memory(machine, "sshd", sshd, "auth [success=done default=die] pam_zenml.so")
    assert decisions(machine.hosts.host.log)[-1]["result"] == "allow"
    machine.hosts.set_password("alice", machine.key)
    theirs = left_in_memory(machine, "sshd", sshd, "auth required pam_unix.so")
    machine.hosts.set_password("alice")
    left = len(ours - theirs)
    assert left == 0


def test_memory_is_searched(machine, sshd):
    """A stack that does keep a key in memory: as an argument of a module."""
    machine.hosts.protect(f"auth optional pam_echo.so {machine.key}", "auth [success=done default=die] pam_zenml.so")
    with session(machine, "su", sshd) as pids:
        images = [memory(pid) for pid in pids]
    assert any(all(piece in image for piece in needles(machine.key) if piece in machine.key.encode())
               for image in images)


# Later modules


@pytest.mark.parametrize("option, seen", [("", "not set"), (" set_authtok", "the key")])
@pytest.mark.parametrize("service", ["su", "sudo"])
def test_password_for_later_modules(machine, service, option, seen):
    spy = build_dir() / "tests/pam/pam_zn_spy.so"
    machine.hosts.protect(f"auth requisite pam_zenml.so{option}", f"auth required {spy}")
    attempt = machine.hosts.attempt(service, "alice", {KEY_PROMPT: machine.key})
    assert attempt.let_in
    (told,) = re.findall(r"spy: PAM_AUTHTOK is (.*)", attempt.output)
    assert ("the key" if told == machine.key else told) == seen


@pytest.mark.parametrize("option", ["", " set_authtok"])
def test_refused_key_for_later_modules(machine, option):
    """Not even with set_authtok does a later module get what was refused."""
    spy = build_dir() / "tests/pam/pam_zn_spy.so"
    machine.hosts.protect(f"auth optional pam_zenml.so{option}", f"auth required {spy}")
    attempt = machine.hosts.su("bob", "alice", {KEY_PROMPT: make_key()})
    assert "spy: PAM_AUTHTOK is not set" in attempt.output
