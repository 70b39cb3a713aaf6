"""sshd, login, su, su -, sudo and sudo -i with our module, and the real ZenML server behind it."""

from __future__ import annotations

import base64
import functools
import json
import os
import re
import secrets
import socket
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator, Mapping

import pytest

import canary
import zenml_admin
import zenml_server
from hosts import (KEY_PROMPT, PASSWORD, PASSWORD_PROMPT, SERVICES, WHO, Attempt, Hosts, Sshd, Terminal,
                   decisions, guide_blocks)
from zenml_admin import Account, Admin, encode_key

IN_THE_SESSION = ("ZENML_STORE_URL", "ZENML_STORE_API_TOKEN", "DISABLE_CREDENTIALS_DISK_CACHING")

# The service files of the distribution, as they are before the machine of the tests has its own.
DISTRIBUTION = {path.name: path.read_text() for path in Path("/etc/pam.d").iterdir() if path.name in SERVICES}


@pytest.fixture(scope="module")
def zenml(tmp_path_factory) -> Iterator[zenml_server.ServerHandle]:
    """The real server: the one that ZN_E2E_STATE describes, or else one of our own."""
    state = os.environ.get("ZN_E2E_STATE")
    if state and Path(state).exists():
        yield zenml_server.ServerHandle.load(state)
        return
    with start(tmp_path_factory.mktemp("server")) as handle:
        yield handle


def start(folder: Path, settings: Mapping[str, str] | None = None) -> zenml_server.ServerHandle:
    try:
        return zenml_server.start(folder, settings)
    except zenml_server.NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def hosts(pam_host, tmp_path_factory) -> Hosts:
    return Hosts(pam_host, tmp_path_factory.mktemp("hosts"))


@pytest.fixture(scope="module")
def sshd(hosts) -> Iterator[Sshd]:
    with hosts.sshd() as running:
        yield running


@pytest.fixture
def account(zenml) -> Account:
    return new_account(zenml)


def new_account(zenml: zenml_server.ServerHandle) -> Account:
    account = Account(Admin.of(zenml), f"host-{uuid.uuid4().hex[:12]}")
    canary.remember(account.key)
    return account


@pytest.fixture
def machine(hosts, zenml, account) -> Hosts:
    """The machine whose services let alice in with the key of `account`, and nobody else."""
    configure(hosts, zenml.url)
    hosts.host.map(f"{account.id} = alice")
    hosts.protect()
    hosts.host.log.read()
    return hosts


def configure(hosts: Hosts, url: str, *further: str) -> None:
    # Six programs at once on two processors: the default of 10 s is for one.
    hosts.host.configure(f"server = {url}", "map_file = /etc/security/pam_zenml.map", "timeout = 60", *further)


def everywhere(hosts: Hosts, sshd: Sshd, key: str, user: str = "alice", services=SERVICES,
               **terminal) -> dict[str, Attempt]:
    """One attempt of `user` with `key` through each service, all at the same time. Whoever is asked for a local
    password knows it."""
    def attempt(service: str) -> Attempt:
        answers = {KEY_PROMPT: key, PASSWORD_PROMPT: PASSWORD}
        return hosts.attempt(service, user, answers, sshd=sshd, **terminal)

    with ThreadPoolExecutor(len(services)) as pool:
        return dict(zip(services, pool.map(attempt, services)))


def let_in(attempts: Mapping[str, Attempt]) -> dict[str, bool]:
    return {service: attempt.let_in for service, attempt in attempts.items()}


def outcomes(hosts: Hosts) -> dict[str, tuple[str, str]]:
    """Result and reason that were logged for each service; one decision each."""
    logged = decisions(hosts.host.log)
    found = {line["service"]: (line["result"], line["reason"]) for line in logged}
    assert len(found) == len(logged), logged
    return found


def all_services(value) -> dict:
    return dict.fromkeys(SERVICES, value)


def refused_everywhere(hosts: Hosts, sshd: Sshd, key: str, result: str, reason: str) -> None:
    attempts = everywhere(hosts, sshd, key)
    assert let_in(attempts) == all_services(False)
    assert outcomes(hosts) == all_services((result, reason))
    asked = {service: [prompt for prompt in attempt.prompts if prompt in (KEY_PROMPT, PASSWORD_PROMPT)]
             for service, attempt in attempts.items()}
    assert asked == all_services([KEY_PROMPT])


def allowed_everywhere(hosts: Hosts, sshd: Sshd, key: str) -> None:
    assert let_in(everywhere(hosts, sshd, key)) == all_services(True)
    assert outcomes(hosts) == all_services(("allow", "ok"))


def test_the_machinery_lets_in_and_keeps_out(machine, sshd):
    """Without our module: what the other tests call "in" and "out" is that."""
    machine.protect("auth required pam_permit.so")
    assert let_in(everywhere(machine, sshd, "")) == all_services(True)
    machine.protect("auth required pam_deny.so")
    assert let_in(everywhere(machine, sshd, "")) == all_services(False)


def test_right_key(machine, sshd, account, zenml):
    attempts = everywhere(machine, sshd, account.key)
    assert let_in(attempts) == all_services(True)
    assert all(KEY_PROMPT in attempt.prompts for attempt in attempts.values())
    for line in decisions(machine.host.log):
        assert (line["result"], line["reason"], line["user"]) == ("allow", "ok", "alice")
        assert (line["account"], line["account_id"], line["server"]) == (account.name, account.id, zenml.url)
        assert (line["rhost"] == "127.0.0.1") == (line["service"] == "sshd")


def test_wrong_key(machine, sshd, account):
    refused_everywhere(machine, sshd, encode_key(account.key_id, secrets.token_hex(32)), "deny", "rejected")


def test_no_key_at_all(machine, sshd):
    assert let_in(everywhere(machine, sshd, "")) == all_services(False)
    assert {result for result, _ in outcomes(machine).values()} == {"deny"}


def test_local_password_instead_of_a_key(machine, sshd):
    refused_everywhere(machine, sshd, PASSWORD, "deny", "malformed")


def test_deactivated_key(machine, sshd, account):
    allowed_everywhere(machine, sshd, account.key)
    account.set_key_active(False)
    refused_everywhere(machine, sshd, account.key, "deny", "rejected")
    account.set_key_active(True)
    allowed_everywhere(machine, sshd, account.key)


def test_deactivated_account(machine, sshd, account):
    account.set_active(False)
    refused_everywhere(machine, sshd, account.key, "deny", "rejected")


def test_key_of_another_account(machine, sshd, zenml, account):
    """An account that may be bob is not alice; one that may be nobody is not alice either."""
    bobs, nobodys = new_account(zenml), new_account(zenml)
    machine.host.map(f"{account.id} = alice", f"{bobs.id} = bob")
    refused_everywhere(machine, sshd, bobs.key, "deny", "no-mapping")
    assert not sshd.log_in("alice", {KEY_PROMPT: nobodys.key}).let_in
    assert outcomes(machine) == {"sshd": ("deny", "no-mapping")}


def test_rotated_key(machine, sshd, account):
    old, new = account.key, account.rotate_key(10)
    allowed_everywhere(machine, sshd, old)  # still retained
    allowed_everywhere(machine, sshd, new)
    newest = account.rotate_key(0)
    refused_everywhere(machine, sshd, new, "deny", "rejected")
    allowed_everywhere(machine, sshd, newest)


def test_server_down(machine, sshd, account):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, so that nobody else gets it, and not listening
        configure(machine, f"http://127.0.0.1:{nobody.getsockname()[1]}")
        refused_everywhere(machine, sshd, account.key, "unavailable", "unreachable")


def test_server_without_authentication(machine, sshd, account, tmp_path):
    """It calls everybody "default" and admin; the configuration that is most easily taken in by that."""
    with start(tmp_path, {"ZENML_SERVER_AUTH_SCHEME": "NO_AUTH"}) as server:
        machine.host.add_user("default", 20100)
        machine.host.configure(f"server = {server.url}", "match = name", "account_type = any", "timeout = 60")
        attempts = everywhere(machine, sshd, account.key, "default")
    assert let_in(attempts) == all_services(False)
    assert outcomes(machine) == all_services(("error", "not-zenml"))


def test_root(machine, sshd, account):
    """uid 0 needs the option and the map; sshd would let root in (PermitRootLogin yes)."""
    services = ("sshd", "login", "su", "su-l")  # sudo asks for the caller's credential
    attempts = everywhere(machine, sshd, account.key, "root", services)
    assert let_in(attempts) == dict.fromkeys(services, False)
    assert outcomes(machine) == {}  # out of scope
    machine.host.configure(f"server = {account.admin.url}", "map_file = /etc/security/pam_zenml.map",
                           "allow_root = yes", "timeout = 60")
    attempts = everywhere(machine, sshd, account.key, "root", services)
    assert let_in(attempts) == dict.fromkeys(services, False)
    assert {result for result, _ in outcomes(machine).values()} == {"deny"}
    machine.host.map(f"{account.id} = alice, root")
    attempts = everywhere(machine, sshd, account.key, "root", services)
    assert let_in(attempts) == dict.fromkeys(services, True)
    assert outcomes(machine) == dict.fromkeys(services, ("allow", "ok"))


def test_root_keeps_its_password_on_the_console(machine, sshd):
    """The way in when all else fails, with the lines of docs/ssh-login.md."""
    machine.host.remove("/etc/security/pam_zenml.conf")
    machine.protect("auth [success=done ignore=ignore default=die] pam_zenml.so", "auth required pam_unix.so")
    assert machine.login("root", {PASSWORD_PROMPT: PASSWORD}).let_in
    assert not machine.login("alice", {KEY_PROMPT: "", PASSWORD_PROMPT: PASSWORD}).let_in


def test_unknown_user(machine, sshd, account):
    """The prompt is the same, the answer goes nowhere; su and sudo refuse before they ask PAM."""
    attempts = everywhere(machine, sshd, account.key, "nobody-here", ("sshd", "login"))
    assert let_in(attempts) == {"sshd": False, "login": False}
    assert all(attempt.prompts[0] == KEY_PROMPT for attempt in attempts.values())
    assert {result for result, _ in outcomes(machine).values()} == {"deny"}


def padded(key: str, length: int) -> str:
    """The same credential, spelt with blanks in its JSON: `length` characters in all."""
    text = base64.b64decode(key.removeprefix("ZENKEY_")).decode()
    text = json.dumps(json.loads(text))  # with a blank after each comma and colon: 171 characters
    while len(spelt := "ZENKEY_" + base64.b64encode(text.encode()).decode()) < length:
        text = text[:-1] + " }"
    return canary.remember(spelt)


def test_key_of_171_characters(machine, sshd, account):
    """As servers of the first releases spell it."""
    key = padded(account.key, 171)
    assert len(key) == 171
    allowed_everywhere(machine, sshd, key)


def test_key_of_500_characters(machine, sshd, account):
    """It arrives whole everywhere: cut anywhere, it would not decode, and be malformed."""
    key = padded(account.key, 500)
    assert 500 <= len(key) < 511  # where sudo ends
    allowed_everywhere(machine, sshd, key)
    wrong = padded(encode_key(account.key_id, secrets.token_hex(32)), 500)
    refused_everywhere(machine, sshd, wrong, "deny", "rejected")
    refused_everywhere(machine, sshd, key[:-4], "deny", "malformed")


# docs/ssh-login.md, followed to the letter


@pytest.fixture
def guided(hosts, zenml, account) -> Hosts:
    """The machine as somebody has left it who followed the guide: with its texts, in the distribution's files."""
    config, map_file = guide_blocks("ini")
    hosts.host.write("/etc/security/pam_zenml.conf", config.replace("https://zenml.example.com", zenml.url), 0o644)
    hosts.host.write("/etc/security/pam_zenml.map", re.sub(r"[0-9a-f-]{36}", account.id, map_file), 0o644)
    (rights,) = (block for block in guide_blocks("sh") if "pam_zenml.map" in block)
    subprocess.run(["sh", "-ec", rights], check=True)
    hosts.host.write("/etc/ssh/sshd_config.d/zenml.conf", "".join(guide_blocks("sshd_config")))
    for service in ("sshd", "login"):
        hosts.host.write(f"/etc/pam.d/{service}", DISTRIBUTION[service])
    above, *_ = guide_blocks()
    for ours, theirs in re.findall(r"^(.*pam_zenml\.so.*\n)(@include .*)$", above, re.MULTILINE):
        insert_above(Path("/etc/pam.d/sshd"), theirs, ours)
    hosts.host.log.read()
    return hosts


def insert_above(path: Path, line: str, new: str) -> None:
    text = path.read_text()
    assert text.count(f"{line}\n") == 1
    path.write_text(text.replace(f"{line}\n", f"{new}{line}\n"))


def decisive(text: str) -> list[str]:
    """The lines of a PAM file that decide who is let in."""
    return [" ".join(line.split()) for line in text.splitlines() if line.startswith(("auth", "account", "@include"))]


def test_the_guide_ends_logged_in(guided, sshd, account):
    shown = decisive(guide_blocks()[0])
    assert decisive(Path("/etc/pam.d/sshd").read_text())[:len(shown)] == shown
    attempt = sshd.log_in("alice", {KEY_PROMPT: account.key, PASSWORD_PROMPT: PASSWORD})
    assert (attempt.let_in, attempt.prompts) == (True, (KEY_PROMPT,))
    wrong = encode_key(account.key_id, secrets.token_hex(32))
    attempt = sshd.log_in("alice", {KEY_PROMPT: wrong, PASSWORD_PROMPT: PASSWORD})
    assert (attempt.let_in, attempt.prompts) == (False, (KEY_PROMPT,))


def test_the_guide_passes_its_own_check(guided, binary):
    """`zenml-login doctor pam`, as the guide has it."""
    (check,) = (block for block in guide_blocks("sh") if "doctor" in block)
    program = guided.host.write("/etc/zn-test/zenml-login", Path(binary).read_bytes(), 0o755)
    done = subprocess.run(["sh", "-c", check.replace("zenml-login", str(program), 1)], capture_output=True, text=True,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_guide_can_be_undone_on_the_console(guided, sshd, account):
    """The server is away, so alice is out; root is not, and one command lets her in as before."""
    guided.host.configure("server = http://127.0.0.1:9", "map_file = /etc/security/pam_zenml.map", "timeout = 1")
    answers = {KEY_PROMPT: account.key, PASSWORD_PROMPT: PASSWORD}
    assert not sshd.log_in("alice", answers).let_in
    guide = (Path(__file__).parents[2] / "docs/ssh-login.md").read_text(encoding="utf-8")
    (undo,) = re.findall(r"`(sed -i [^`]*)`", guide)
    assert guided.login("root", answers, command=f"{WHO}; {undo}").let_in
    assert sshd.log_in("alice", answers).let_in


# The session


def session_variables(attempt: Attempt) -> dict[str, str]:
    pairs = (line.partition("=") for line in attempt.output.splitlines())
    return {name: value for name, _, value in pairs if name in IN_THE_SESSION or name.startswith("ZENML")}


@pytest.mark.parametrize("session_env", ["none", "url", "token"])
def test_environment_of_the_session(machine, sshd, account, zenml, session_env):
    configure(machine, zenml.url, f"session_env = {session_env}")
    attempts = everywhere(machine, sshd, account.key, command=f"{WHO}; env")
    assert let_in(attempts) == all_services(True)
    names = {"none": set(), "url": {"ZENML_STORE_URL"}, "token": set(IN_THE_SESSION)}[session_env]
    for service, attempt in attempts.items():
        found = session_variables(attempt)
        assert (service, set(found)) == (service, names)
        assert found.get("ZENML_STORE_URL", zenml.url) == zenml.url
        assert not canary.found_in(attempt.output, {account.key})


@pytest.fixture
def with_token(machine, zenml) -> Hosts:
    """The machine whose sessions get a token."""
    configure(machine, zenml.url, "session_env = token")
    return machine


def test_whoami_in_the_session(with_token, sshd, account, binary):
    """No further prompt: the session has what `zenml-login`, and `zenml`, need."""
    program = with_token.host.write("/etc/zn-test/zenml-login", Path(binary).read_bytes(), 0o755)
    attempt = sshd.log_in("alice", {KEY_PROMPT: account.key}, command=f"{program} whoami --json")
    shown = json.loads(attempt.output.splitlines()[-1])
    assert (shown["ok"], shown["account"]["name"], shown["credential"]["kind"]) == (True, account.name, "api_token")
    assert attempt.prompts == (KEY_PROMPT,)


def test_token_of_a_deactivated_account(with_token, sshd, account, zenml):
    """The session stays, but the server takes its token no more."""
    attempt = sshd.log_in("alice", {KEY_PROMPT: account.key}, command=f"{WHO}; env")
    token = session_variables(attempt)["ZENML_STORE_API_TOKEN"]
    ask = functools.partial(zenml_admin.call, f"{zenml.url}/api/v1/current-user", token=token)
    assert ask()["name"] == account.name
    account.set_active(False)
    with pytest.raises(zenml_admin.AdminError) as refusal:
        ask()
    assert refusal.value.status == 401


def test_two_sessions_in_one_connection(with_token, sshd, account, tmp_path):
    """One login, two sessions: both have the environment, and one decision was made."""
    path = tmp_path / "master"
    master = sshd.command("alice", "-N", options=("-M", "-S", str(path)))
    master.remove("-N")
    with Terminal([*master, "echo started; cat"]) as window:
        window.wait_for(f"{KEY_PROMPT}")
        window.type(account.key + "\n")
        window.wait_for("started\r\n")
        seen = []
        for _ in range(2):
            attempt = sshd.log_in("alice", {KEY_PROMPT: ""}, options=("-S", str(path)),
                                  command=f"{WHO}; env")
            assert (attempt.let_in, attempt.prompts) == (True, ())
            seen.append(session_variables(attempt))
    assert set(seen[0]) == set(IN_THE_SESSION) and seen[0] == seen[1]
    assert len(decisions(with_token.host.log)) == 1


def test_two_attempts_in_one_connection(machine, sshd, account):
    """A refused key, then the right one: each attempt is decided by itself."""
    wrong = encode_key(account.key_id, secrets.token_hex(32))
    twice = ("-o", "NumberOfPasswordPrompts=2")
    attempt = sshd.log_in("alice", {KEY_PROMPT: [wrong, account.key]}, options=twice)
    assert (attempt.let_in, attempt.prompts) == (True, (KEY_PROMPT, KEY_PROMPT))
    assert [line["reason"] for line in decisions(machine.host.log)] == ["rejected", "ok"]


def test_fifty_logins_at_once(machine, sshd, zenml):
    """Right and wrong keys, for several users, at the same time: each gets the answer that is its own."""
    users = ("alice", "bob", "carol")
    accounts = {user: new_account(zenml) for user in users}
    machine.host.map(*(f"{account.id} = {user}" for user, account in accounts.items()))
    machine.host.configure(f"server = {zenml.url}", "map_file = /etc/security/pam_zenml.map", "timeout = 120")
    keys = [(user, owner, accounts[owner].key) for user in users for owner in users]
    cases = [keys[number % len(keys)] for number in range(50)]
    with ThreadPoolExecutor(len(cases)) as pool:
        attempts = list(pool.map(lambda case: sshd.log_in(case[0], {KEY_PROMPT: case[2]}), cases))
    wrong = [(user, owner, attempt.let_in) for (user, owner, _), attempt in zip(cases, attempts)
             if attempt.let_in != (user == owner)]
    assert not wrong
    logged = decisions(machine.host.log)
    assert sorted((line["user"], line["reason"]) for line in logged) == sorted(
        (user, "ok" if user == owner else "no-mapping") for user, owner, _ in cases)
