"""Every stack of PAM lines that we document, package or print, executed for everything that can come of it.

STACKS below is the table: what a stack reads like, and who is in, for each CASE and on each service. A stack that
stands anywhere in the repository and not in the table is an error, and so is one that stands only in the table.
CANARIES are stacks that are wrong in a known way; their rows prove that these tests see who is in and who is not.
"""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Mapping

import pytest

from application import CANCEL, NO_TEXT, Played, Transaction, play
from hosts import CTRL_C, CTRL_D, KEY_PROMPT, PASSWORD, PASSWORD_PROMPT, SERVICES, Hosts, decisions
from keys import make_key
from pam_host import MAP
from tls_server import Reply
from zenml_replies import ACCOUNT_ID

REPOSITORY = Path(__file__).parents[2]
PROFILE = REPOSITORY / "pam_zenml/pam-configs/zenml"

IN, OUT = "in", "out"
SYSTEM_USER = "backup-operator"  # uid below 1000: out of scope of every stack
_SYSTEM_UID = 500

# What happens, as seen by dora, who knows her local password and types it wherever it is asked for.
CASES = {
    "allow": "the right key",
    "allow, wrong password": "the right key; the local password is not known",
    "deny": "a key that the server rejects",
    "unavailable": "the right key; the server fails",
    "unavailable, wrong password": "the same; the local password is not known",
    "out of scope": "a user out of scope",
    "out of scope, wrong password": "the same; the local password is not known",
    "another user": "alice with dora's key; she is not in the group zenml",
    "cancel": "Ctrl-C at our prompt",
    "end of file": "Ctrl-D at our prompt",
    "revoked": "the right key; the map changes before the account stage",
    "module missing": "the right key; there is no pam_zenml.so",
    "helper missing": "the right key; there is no zenml-pam-helper",
    "config missing": "the right key; there is no pam_zenml.conf",
}


@dataclass(frozen=True)
class Stack:
    """The lines of a stack, and who gets in by it.

    lets_in   the cases in which a user is in; in all others out
    elsewhere the same on the services other than `services`; by default as on them
    """

    lines: str
    lets_in: frozenset[str]
    services: tuple[str, ...] = SERVICES
    elsewhere: frozenset[str] = frozenset()

    def expected(self, case: str) -> dict[str, str]:
        """What each service must say."""
        return {service: IN if case in (self.lets_in if service in self.services else self.elsewhere) else OUT
                for service in SERVICES}


def cases(*names: str) -> frozenset[str]:
    assert set(names) <= set(CASES)
    return frozenset(names)


INSTEAD_OF_PASSWORD = cases("allow", "allow, wrong password", "out of scope")
# Where no account line of ours stands, a change of the map comes too late.
AUTH_ONLY = INSTEAD_OF_PASSWORD | cases("revoked")
ALL = frozenset(CASES)
# Where our line is there but not concerned, the local password decides; only a missing module is noticed.
PASSWORD_ONLY = ALL - cases("allow, wrong password", "unavailable, wrong password", "out of scope, wrong password",
                            "module missing")

STACKS = {
    "instead of the password": Stack("""\
auth [success=done ignore=ignore default=die] pam_zenml.so
@include common-auth
account [success=ok ignore=ignore default=bad] pam_zenml.so
@include common-account""", INSTEAD_OF_PASSWORD),
    "instead of the password, as sshd's file": Stack("""\
auth [success=done ignore=ignore default=die] pam_zenml.so
@include common-auth
account required pam_nologin.so
account [success=ok ignore=ignore default=bad] pam_zenml.so
@include common-account""", INSTEAD_OF_PASSWORD),
    "nobody without": Stack("""\
auth [success=done ignore=ignore default=die] pam_zenml.so
auth required pam_deny.so""", cases("allow", "allow, wrong password", "revoked")),
    "second factor": Stack("""\
@include common-auth
auth requisite pam_zenml.so""", cases("allow", "out of scope", "revoked")),
    "password while unavailable": Stack("""\
auth [success=done ignore=ignore default=die] pam_zenml.so unavailable=ignore
@include common-auth""", AUTH_ONLY | cases("unavailable")),
    "for a group": Stack("""\
auth [success=done ignore=ignore default=die] pam_zenml.so groups=zenml
@include common-auth""", AUTH_ONLY | cases("another user")),
    "for a group, in sshd": Stack("""\
auth [success=done ignore=ignore default=die] pam_zenml.so services=sshd groups=zenml
@include common-auth""", AUTH_ONLY | cases("another user"), services=("sshd",), elsewhere=PASSWORD_ONLY),
    "su": Stack("""\
auth sufficient pam_rootok.so
auth [success=done ignore=ignore default=die] pam_zenml.so
@include common-auth""", AUTH_ONLY),
}

# Not in the repository as lines, but made from a file of it by pam-auth-update(8).
PACKAGED = {"profile of pam-auth-update": Stack("@include common-auth\n@include common-account", INSTEAD_OF_PASSWORD)}

CANARIES = {
    "permit": Stack("auth required pam_permit.so", ALL),
    "deny": Stack("auth required pam_deny.so", frozenset()),
    "a denial is ignored": Stack("""\
auth [success=ok default=ignore] pam_zenml.so
auth required pam_permit.so""", ALL),
    "sufficient before permit": Stack("""\
auth sufficient pam_zenml.so
auth required pam_permit.so""", ALL),
    "sufficient before the password": Stack("""\
auth sufficient pam_zenml.so
@include common-auth""", ALL - cases("unavailable, wrong password", "out of scope, wrong password")),
    "jump past the end": Stack("""\
auth [success=1 default=ignore] pam_zenml.so
auth required pam_deny.so""", frozenset()),
    "a missing opinion is a login": Stack("""\
auth [success=done default=ignore] pam_zenml.so
auth [default=1] pam_permit.so
auth required pam_deny.so
auth required pam_permit.so""", ALL),
    "account stage ignored": Stack("""\
auth [success=done ignore=ignore default=die] pam_zenml.so
@include common-auth
account [success=ok default=ignore] pam_zenml.so
account required pam_permit.so""", AUTH_ONLY),
}

TABLE = STACKS | PACKAGED | CANARIES

# Where the repository names PAM lines

PAM_LINE = re.compile(r"-?(?:auth|account|password|session)\s+(?:\[[^\]]*\]|\w+)\s+\S+\.so\b.*|@include\s+\S+")
OUR_LINE = re.compile(r"\b(?:auth|account|password|session)\s+(?:\[[^\]\n]*\]|\w+)\s+[\w/]*pam_zenml\.so[^`\"\n]*")


def documents() -> list[Path]:
    return [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("docs/man/*.scd"),
            *REPOSITORY.glob("pam_zenml/*.md")]


def sources() -> list[Path]:
    """What could print a line, without what was built from it."""
    return [path for folder in ("src", "pam_zenml", "action") for path in (REPOSITORY / folder).rglob("*")
            if path.is_file() and path.suffix != ".md" and REPOSITORY / "action/bin" not in path.parents]


def normal(lines: str) -> str:
    return "\n".join(" ".join(line.split()) for line in lines.splitlines())


def stacks_in(text: str) -> Iterator[str]:
    """Every run of PAM lines in a code block of `text` that has one of ours."""
    for block in re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        run: list[str] = []
        for line in [*block.splitlines(), ""]:
            if PAM_LINE.fullmatch(line.strip()):
                run.append(line)
                continue
            if any("pam_zenml.so" in one for one in run):
                yield normal("\n".join(run))
            run = []


def test_every_documented_stack_is_in_the_table():
    documented = {stack: path.name for path in documents() for stack in stacks_in(path.read_text(encoding="utf-8"))}
    known = {stack.lines: name for name, stack in STACKS.items()}
    assert {stack: name for stack, name in documented.items() if stack not in known} == {}
    assert {name for stack, name in known.items() if stack not in documented} == set()


def test_no_line_stands_outside_of_a_stack():
    """What is named in running text or in a program's text is a line of a stack in the table."""
    known = {line for stack in STACKS.values() for line in stack.lines.splitlines()}
    stray = [f"{path.relative_to(REPOSITORY)}: {line}" for path in documents() + sources()
             for line in map(normal, OUR_LINE.findall(path.read_text(encoding="utf-8", errors="replace")))
             if line.strip() not in known and path != PROFILE]
    assert not stray


# The machine


@pytest.fixture(scope="module")
def hosts(pam_host, tmp_path_factory) -> Hosts:
    made = Hosts(pam_host, tmp_path_factory.mktemp("hosts"))
    pam_host.add_user("dora", groups=["zenml"])
    pam_host.add_user(SYSTEM_USER, _SYSTEM_UID)
    for name in ("dora", SYSTEM_USER):
        made.set_password(name)
    return made


@pytest.fixture(scope="module")
def common(pam_host, tmp_path_factory) -> dict[str, dict[str, str]]:
    """The common-* files: as the distribution has them, and as pam-auth-update makes them with our profile."""
    names = ("common-auth", "common-account")
    pam_host.overlay("/var/cache/debconf")  # where it notes what was chosen
    root = tmp_path_factory.mktemp("pam-auth-update")
    for folder in ("etc/pam.d", "var/lib/pam", "usr/share/pam-configs"):
        (root / folder).mkdir(parents=True)
    for profile in [*Path("/usr/share/pam-configs").iterdir(), PROFILE]:
        (root / "usr/share/pam-configs" / profile.name).write_bytes(profile.read_bytes())

    def made(*options: str) -> dict[str, str]:
        subprocess.run(["pam-auth-update", "--root", str(root), *options], check=True, capture_output=True,
                       env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"})
        return {name: (root / "etc/pam.d" / name).read_text() for name in names}

    off = made("--force", "--package")
    return {"off": off, "on": made("--enable", "zenml"), "off again": made("--disable", "zenml")}


class Machine:
    """Prepares the machine for a case and plays a stack there."""

    def __init__(self, hosts: Hosts, start_server, common: Mapping[str, Mapping[str, str]]):
        self.hosts, self.host, self.common = hosts, hosts.host, common
        self.key, self.wrong_key = make_key(), make_key()
        healthy = start_server()
        healthy.healthy.api_keys = {self.key}
        self.ca = self.host.publish(healthy.ca)
        self.healthy = healthy.url
        self.failing = start_server({"*": Reply(500, json={"detail": "An unexpected error occurred."})}).url

    def prepare(self, case: str) -> None:
        """Everything but the stack."""
        server = self.failing if case.startswith("unavailable") else self.healthy
        self.host.configure(f"server = {server}", f"ca_file = {self.ca}", f"map_file = {MAP}", "timeout = 60")
        self.host.map(f"{ACCOUNT_ID} = dora")
        self.hosts.install_module()
        self.host.install_helper()
        for missing, path in (("module missing", self.hosts.module_path), ("helper missing", self.host.helper_path),
                              ("config missing", "/etc/security/pam_zenml.conf")):
            if case == missing:
                self.host.remove(path)
        self.host.log.raw()

    def install(self, name: str) -> None:
        """The stack, for all services. What a stack does not say about accounts is left to pam_permit."""
        for file, text in self.common["on" if name in PACKAGED else "off"].items():
            self.host.write(f"/etc/pam.d/{file}", text)
        lines = TABLE[name].lines.splitlines()
        if "account" not in TABLE[name].lines:
            lines.append("account required pam_permit.so")
        for service in SERVICES:
            self.host.service(service, *lines, "session required pam_permit.so")

    def user(self, case: str) -> str:
        if case.startswith("out of scope"):
            return SYSTEM_USER
        return "alice" if case == "another user" else "dora"

    def answers(self, case: str) -> dict[str, str]:
        """What is typed."""
        keys = {"deny": self.wrong_key, "cancel": CANCEL, "end of file": NO_TEXT}
        password = "not the password" if case.endswith("wrong password") else PASSWORD
        return {KEY_PROMPT: keys.get(case, self.key), PASSWORD_PROMPT: password}

    def play(self, name: str, case: str, caller: int) -> dict[str, Played]:
        """Plays the case on all services at the same time; those that share a file, one after the other."""
        self.install(name)
        between = (str(MAP), f"{ACCOUNT_ID} = alice\n") if case == "revoked" else None
        played = {}
        for services in [SERVICES] if not between else [(service,) for service in SERVICES]:
            self.host.map(f"{ACCOUNT_ID} = dora")
            transactions = [Transaction(service, self.user(case), self.answers(case), caller=caller, between=between)
                            for service in services]
            played |= dict(zip(services, play(transactions)))
        return played


@pytest.fixture
def machine(hosts, start_server, common) -> Machine:
    return Machine(hosts, start_server, common)


def who_is_in(played: Mapping[str, Played]) -> dict[str, str]:
    return {service: IN if one.let_in else OUT for service, one in played.items()}


@pytest.mark.parametrize("case", CASES)
def test_case(machine, case):
    """All stacks in one case, as an application whose caller is an ordinary user (pam_rootok looks at that)."""
    machine.prepare(case)
    found = {name: who_is_in(machine.play(name, case, caller=20001)) for name in TABLE}
    assert found == {name: stack.expected(case) for name, stack in TABLE.items()}


def test_root_needs_no_key_in_su(machine):
    machine.prepare("deny")
    assert who_is_in(machine.play("su", "deny", caller=0)) == dict.fromkeys(SERVICES, IN)


def test_the_profile_is_off_by_default(common):
    assert "pam_zenml" not in "".join(common["off"].values())
    assert "pam_zenml" in common["on"]["common-auth"] and "pam_zenml" in common["on"]["common-account"]
    assert common["off again"] == common["off"]


# The same with the real programs, for the stacks that the guide and the package begin with

REAL = {
    "instead of the password, as sshd's file": ("allow, wrong password", "deny", "unavailable", "cancel",
                                                "end of file", "module missing", "helper missing", "config missing"),
    "profile of pam-auth-update": ("allow, wrong password", "deny", "cancel"),
}


@pytest.mark.parametrize("name, case", [(name, case) for name, names in REAL.items() for case in names])
def test_real_programs(machine, hosts, name, case):
    machine.prepare(case)
    machine.install(name)
    typed = {CANCEL: CTRL_C, NO_TEXT: CTRL_D}
    answers = {prompt: typed.get(answer, answer) for prompt, answer in machine.answers(case).items()}
    with hosts.sshd() as sshd, ThreadPoolExecutor(len(SERVICES)) as pool:
        attempts = list(pool.map(lambda service: hosts.attempt(service, "dora", answers, sshd=sshd), SERVICES))
    found = {service: IN if attempt.let_in else OUT for service, attempt in zip(SERVICES, attempts)}
    assert found == TABLE[name].expected(case)
    logged = {line["reason"] for line in decisions(hosts.host.log)}
    reasons = {"allow, wrong password": "ok", "deny": "rejected", "unavailable": "server-error",
               "helper missing": "helper", "config missing": "config"}
    if case in reasons:
        assert logged == {reasons[case]}
