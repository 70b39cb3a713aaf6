"""The fail2ban filter, run by fail2ban itself on lines that the module's own code has formatted."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Iterable

import pytest

from pam_host import build_dir

FILTER = Path(__file__).parents[2] / "pam_zenml/fail2ban/pam_zenml.conf"
COMMON = Path("/etc/fail2ban/filter.d/common.conf")

SENDER = "203.0.113.9"
VICTIM = "192.0.2.1"
REFUSALS = ("rejected", "forbidden", "identity", "missing", "malformed", "no-mapping", "unknown-user", "root", "group",
            "not-admin", "not-approved")

# What somebody may type as a user name, name a host, or choose for an account, to be taken for somebody else.
HOSTILE = (
    f"alice rhost={VICTIM}",
    f"alice rhost={VICTIM} elapsed_ms=1 request=00000000",
    f'alice" rhost={VICTIM} elapsed_ms=1 request=00000000',
    f'" account=- account_id=- server=- rhost={VICTIM} elapsed_ms=1 request=00000000 detail="',
    f"\" account=- account_id=- server=- rhost={VICTIM} elapsed_ms=1 request=00000000\n",
    f'\\" rhost={VICTIM} user=\\"',
    f"\\x22 rhost={VICTIM} user=\\x22",
    f"alice\nNov 20 22:00:00 host sshd[1]: pam_zenml(sshd:auth): result=deny reason=rejected service=sshd user=alice "
    f"account=- account_id=- server=- rhost={VICTIM} elapsed_ms=1 request=00000000",
    f"pam_zenml(sshd:auth): result=deny reason=rejected service=sshd user=a account=- account_id=- server=- "
    f"rhost={VICTIM} elapsed_ms=1 request=00000000",
    f"\r{VICTIM}\t{VICTIM}\x1b[2J",
    VICTIM,
    f"({VICTIM})",
    f"<HOST> {VICTIM}",
    '"', "\\", "=", " ", "-", "\x7f", "\xe9", "%s%n", "a" * 300, "\n" * 3000,
)


@pytest.fixture(scope="module", autouse=True)
def fail2ban() -> str:
    program = shutil.which("fail2ban-regex")
    if program is None or not COMMON.exists():
        pytest.skip("fail2ban is not installed")
    return program


@pytest.fixture(scope="module")
def banned(fail2ban, tmp_path_factory):
    """A function that runs the filter on log messages and returns, for each, the address that it blames, or None."""
    folder = tmp_path_factory.mktemp("fail2ban")
    (folder / "filter.d").mkdir()
    for source in (COMMON, FILTER):
        shutil.copy(source, folder / "filter.d" / source.name)

    def blamed(messages: Iterable[str], header: str = "Nov 20 22:00:00 host sshd") -> list[str | None]:
        log = folder / "auth.log"
        # Process ids tell the lines apart; no message may hold a line end, or the numbers would not fit.
        lines = [f"{header}[{number}]: {message}\n" for number, message in enumerate(messages, 1000)]
        assert all(line.count("\n") == 1 for line in lines)
        log.write_text("".join(lines), encoding="ascii")
        done = subprocess.run([fail2ban, "--config", str(folder), "--out", "<ip> <matches>", str(log), "pam_zenml"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.stderr == ""
        found = {}
        for row in done.stdout.splitlines():
            address, _, line = row.partition(" ")
            found[line + "\n"] = address
        assert set(found) <= set(lines)
        return [found.get(line) for line in lines]
    return blamed


def audit_line(*arguments: str) -> str:
    """Runs audit_line.c."""
    return subprocess.run([str(build_dir() / "tests/pam/pam_audit_line"), *arguments], check=True, capture_output=True,
                          encoding="ascii").stdout


def message(reason: str, *, service: str = "sshd", user: str = "alice", rhost: str = SENDER, account: str = "",
            detail: str = "") -> str:
    """What the module says to the log, with the name that libpam puts before it."""
    line = audit_line(reason, service, user, rhost, account, detail)
    assert line.count("\n") == 1
    return f"pam_zenml(sshd:auth): {line.rstrip()}"


def test_refusals_are_blamed_on_their_sender_and_nothing_else_is(banned):
    """Every reason there is: an allow, an outage, an error of ours or a login out of scope is nobody's fault."""
    names = audit_line().split()
    assert set(REFUSALS) < set(names)
    blamed = dict(zip(names, banned(message(name) for name in names)))
    assert blamed == {name: SENDER if name in REFUSALS else None for name in names}


@pytest.mark.parametrize("rhost", ["203.0.113.9", "10.0.0.1", "2001:db8::9", "::1", "fe80::1"])
def test_each_kind_of_address(banned, rhost):
    assert banned([message("rejected", rhost=rhost)]) == [rhost]


def test_the_address_behind_an_ipv4_mapped_one(banned):
    assert banned([message("rejected", rhost=f"::ffff:{SENDER}")]) == [SENDER]


@pytest.mark.parametrize("rhost", ["", "victim.example.com", "localhost", "192.0.2.1.example.com", "-"])
def test_a_name_is_nobodys_address(banned, rhost):
    """Who owns the address owns the name that a resolver finds for it."""
    assert banned([message("rejected", rhost=rhost)]) == [None]


@pytest.mark.parametrize("field", ["user", "account", "detail", "service"])
def test_whatever_a_value_says_the_sender_is_blamed(banned, field):
    lines = [message("rejected", **{field: value}) for value in HOSTILE]
    assert banned(lines) == [SENDER] * len(HOSTILE)


def test_whatever_a_value_says_an_allow_is_no_refusal(banned):
    lines = [message("ok", user=value, account=value, detail=value) for value in HOSTILE]
    lines += [message("unreachable", user=value, detail=value) for value in HOSTILE]
    assert banned(lines) == [None] * len(lines)


def test_a_host_that_lies_about_its_name_bans_nobody_else(banned):
    """Only where the whole name is an address is it one."""
    blamed = banned(message("rejected", rhost=value) for value in HOSTILE)
    assert blamed == [VICTIM if value == VICTIM else None for value in HOSTILE]


def test_all_values_hostile_at_once(banned):
    lines = [message("rejected", user=value, account=value, detail=value, service=value) for value in HOSTILE]
    assert banned(lines) == [SENDER] * len(HOSTILE)


@pytest.mark.parametrize("header", ["Nov  2 22:00:00 host sshd", "2026-11-20T22:00:00.123456+00:00 host sshd-session",
                                    "Nov 20 22:00:00 host su", "2026-11-20T22:00:00+01:00 host.example.com login"])
def test_the_log_formats_of_rsyslog_and_journald(banned, header):
    assert banned([message("rejected")], header) == [SENDER]


def test_other_lines_of_the_same_log(banned):
    """What other programs log, even when an attacker has a say in it, and what the module says of a configuration."""
    ours = message("rejected")
    assert banned([
        f"Failed password for {ours} from 198.51.100.7 port 22 ssh2",
        f"Invalid user {ours} from 198.51.100.7 port 22",
        f"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={VICTIM} user=alice",
        f"pam_zenml(sshd:auth): config: /etc/security/pam_zenml.conf:3: unknown option: rhost={VICTIM}; see there",
        f"pam_zenml(sshd:account): {ours.partition(': ')[2]}",
        ours + " and more",
        ours.replace(" elapsed_ms=41", ""),
        ours.replace("result=deny", "result=allow"),
    ]) == [None] * 8


def test_what_libpam_really_logs(banned, pam_host, start_server):
    """From a wrong key to the ban, with the module, libpam and syslog(3) in between."""
    server = start_server()
    pam_host.configure(f"server = {server.url}", f"ca_file = {pam_host.publish(server.ca)}", "match = name")
    pam_host.service("sshd", pam_host.line("auth", "required"))
    pam_host.log.raw()
    pam_host.drive(["start /etc/pam.d sshd alice", f"item RHOST {SENDER}", "answer not-a-key", "call authenticate",
                    "end"])
    texts = [record for record in pam_host.log.read() if record.text.startswith("result=")]
    assert [record.text.split()[0] for record in texts] == ["result=deny"]
    assert banned(f"{record.source}: {record.text}" for record in texts) == [SENDER]
